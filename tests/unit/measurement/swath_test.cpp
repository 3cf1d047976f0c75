#include "manifill/measurement/swath.hpp"

#include <algorithm>

#include "tests/unit/measurement/operator_checks.hpp"

using namespace manifill;
using Catch::Matchers::ContainsSubstring;

namespace {

bool seen_at(const domain::Domain& d, const std::vector<bool>& seen, double latitude, double longitude) {
  std::size_t nearest = 0;
  double least = 1e9;
  const auto lat = d.latitudes();
  const auto lon = d.longitudes();
  for (std::size_t p = 0; p < d.size(); ++p) {
    const double off = std::hypot(lat[p] - latitude, std::remainder(lon[p] - longitude, 360.0));
    if (off < least) {
      least = off;
      nearest = p;
    }
  }
  return seen[nearest];
}

}  // namespace

TEST_CASE("a polar orbit of a sphere that hardly turns sees two meridians") {
  const auto d = checks::globe(3.0);
  const auto a = measurement::swath(
      d, {.orbits = 1.0, .period_minutes = 1.0, .inclination = 90.0, .width_km = 1000.0, .node = 45.0});
  checks::adjoint_and_matrix(*a, 1e-16);
  const auto seen = a->measured(0);
  for (const double latitude : {-80.0, -30.0, 0.0, 50.0, 85.0})
    for (const double longitude : {45.0, 225.0}) CHECK(seen_at(d, seen, latitude, longitude));
  CHECK_FALSE(seen_at(d, seen, 0.0, 135.0));
  CHECK(seen_at(d, seen, 0.0, 45.0 + 3.0));  // 500 km are 4.5 degrees at the equator
  CHECK_FALSE(seen_at(d, seen, 0.0, 45.0 + 7.5));
  // The share that is seen: a band of 1000 km around a great circle, sin(500 km / radius) of the sphere.
  double share = 0.0;
  for (std::size_t p = 0; p < d.size(); ++p) share += seen[p] ? d.weights()[p] : 0.0;
  CHECK(share == Approx(std::sin(500.0 / domain::kEarthRadiusKm)).margin(0.01));
}

TEST_CASE("orbits move west as the earth turns; the inclination ends the track") {
  const auto d = checks::globe(3.0);
  const auto seen =
      measurement::swath(d, {.orbits = 2.0, .period_minutes = 101.0, .inclination = 60.0, .width_km = 600.0})
          ->measured(0);
  CHECK(seen_at(d, seen, 0.0, 0.0));
  CHECK(seen_at(d, seen, 0.0, -25.3));  // 360 * 101 / 1436.07 degrees later
  CHECK_FALSE(seen_at(d, seen, 0.0, 25.3));
  CHECK_FALSE(seen_at(d, seen, 66.0, 0.0));
  const auto lat = d.latitudes();
  for (std::size_t p = 0; p < d.size(); ++p)
    if (seen[p]) CHECK(std::abs(lat[p]) < 60.0 + 2.8);  // half a width beyond
}

TEST_CASE("swaths drift from step to step as told") {
  const auto d = domain::Domain::healpix(16, domain::healpix::Ordering::nested);
  const auto a = measurement::swath(d, {.orbits = 3.0, .node = 10.0, .drift = 30.0});
  CHECK(a->measured(0) != a->measured(1));
  CHECK(a->measured(2) == measurement::swath(d, {.orbits = 3.0, .node = 70.0})->measured(0));
  const auto still = measurement::swath(d, {.orbits = 3.0});
  CHECK(still->measured(0) == still->measured(9));
  CHECK(still->steady());
  CHECK_FALSE(a->steady());
}

TEST_CASE("no satellite flies over an image") {
  CHECK_THAT(checks::refusal(ErrorKind::usage, [] { checks::made({"swath"}, domain::Domain::plane(4, 4)); }),
             ContainsSubstring("mask.kinds"));
}
