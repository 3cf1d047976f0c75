#pragma once
// What a refused input says.

#include <string>

#include "catch.hpp"
#include "manifill/base/error.hpp"

namespace manifill::test {

/// Text of the error that a call throws; it must name a remedy, but where the mistake is our own.
template <typename Call>
std::string refusal(ErrorKind kind, const Call& call) {
  try {
    call();
  } catch (const Error& e) {
    CHECK(e.kind() == kind);
    if (kind != ErrorKind::internal) CHECK_FALSE(e.context().remedy.empty());
    return e.what();
  }
  FAIL("nothing was thrown");
  return {};
}

/// Of a refused input.
template <typename Call>
std::string refusal(const Call& call) {
  return refusal(ErrorKind::input, call);
}

}  // namespace manifill::test
