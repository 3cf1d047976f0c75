#include "catch.hpp"

#include <algorithm>
#include <cmath>

#include "manifill/base/error.hpp"
#include "manifill/plot/coastlines.hpp"

using namespace manifill::plot;

TEST_CASE("the built-in coastlines decode to places on the globe") {
  for (const auto detail : {CoastlineDetail::coarse, CoastlineDetail::fine}) {
    const auto& lines = coastlines(detail);
    std::size_t points = 0;
    for (const auto& line : lines) {
      REQUIRE(line.size() >= 2);
      points += line.size();
      for (std::size_t i = 0; i < line.size(); ++i) {
        REQUIRE(std::abs(line[i].latitude) <= 90);
        REQUIRE(std::abs(line[i].longitude) <= 540);
        if (i > 0) REQUIRE(std::abs(line[i].longitude - line[i - 1].longitude) < 60);
      }
    }
    CHECK(points > (detail == CoastlineDetail::coarse ? 4000 : 40000));
  }
}

TEST_CASE("the coast is where it is") {
  // Cape of Good Hope and Cape Horn, to a tenth of a degree or so.
  for (const Place cape : {Place{18.47, -34.36}, Place{-67.27, -55.98}}) {
    double nearest = 1e9;
    for (const auto& line : coastlines(CoastlineDetail::fine))
      for (const Place& p : line)
        nearest = std::min(nearest, std::hypot(std::remainder(p.longitude - cape.longitude, 360.0),
                                               p.latitude - cape.latitude));
    CHECK(nearest < 0.3);
  }
}

TEST_CASE("coastline text: differences, signs, damage") {
  // 0, 1, -1, 2 hundredths: zigzag 0 2 1 4, each + 63; 16 takes two groups.
  const auto line = decode_coastline("?A@C");
  REQUIRE(line.size() == 2);
  CHECK(line[0].longitude == 0);
  CHECK(line[0].latitude == Approx(0.01));
  CHECK(line[1].longitude == Approx(-0.01));
  CHECK(line[1].latitude == Approx(0.03));
  const auto far = decode_coastline("_@?");
  REQUIRE(far.size() == 1);
  CHECK(far[0].longitude == Approx(0.16));
  for (const char* damaged : {"?", "_", "?_", "!?", "~~~~~~~~~~~~~~"})
    CHECK_THROWS_AS(decode_coastline(damaged), manifill::Error);
}
