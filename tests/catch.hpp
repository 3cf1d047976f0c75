#pragma once
/// \file
/// \brief Catch2, whichever of version 2 (Debian 12) and 3 is there. Tests include this and nothing of Catch2
/// itself.

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;  // at global scope in version 2
#else
#include <catch2/catch.hpp>
namespace Catch::Matchers {
// Version 3 names of what version 2 calls otherwise.
inline auto ContainsSubstring(const std::string& text) { return Contains(text); }
}  // namespace Catch::Matchers
#endif
