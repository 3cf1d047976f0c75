#pragma once
// What a refused input says.

#include <string>

#include "catch.hpp"
#include "manifill/base/error.hpp"

namespace manifill::test {

/// Text of the input error that a call throws; it must name a remedy.
template <typename Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::input);
    CHECK_FALSE(e.context().remedy.empty());
    return e.what();
  }
  FAIL("nothing was thrown");
  return {};
}

}  // namespace manifill::test
