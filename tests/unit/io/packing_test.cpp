#include "src/io/packing.hpp"

#include "catch.hpp"

using namespace manifill::io;

TEST_CASE("a value becomes the nearest number that the type holds, is valid and not a sentinel", "[io]") {
  Packing p{
      .type = NC_SHORT, .packed = true, .scale = 0.5, .offset = 10.0, .lowest = -32768.0, .highest = 32767.0};
  p.low = -100.0;
  p.high = 100.0;
  p.missing = {4.0};
  CHECK(p.number_of(11.0) == 2.0);
  CHECK(p.number_of(12.0) == 5.0);
  CHECK(p.number_of(1e6) == 100.0);
  CHECK(p.number_of(-1e6) == -100.0);
}

TEST_CASE("a valid range that holds no number leaves the type's own", "[io]") {
  Packing p{.type = NC_SHORT, .lowest = -32768.0, .highest = 32767.0};
  for (const auto& [low, high] : {std::pair{10.0, -10.0}, std::pair{40000.0, 50000.0}}) {
    p.low = low;
    p.high = high;
    CHECK(p.number_of(3.2) == 3.0);
    CHECK(p.number_of(1e9) == 32767.0);
    CHECK(p.number_of(-1e9) == -32768.0);
  }
}
