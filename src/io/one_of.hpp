#pragma once
// Names that mean the same.

#include <algorithm>
#include <initializer_list>
#include <string>

namespace manifill::io {

inline bool one_of(const std::string& s, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* n) { return s == n; });
}

}  // namespace manifill::io
