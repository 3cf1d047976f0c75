#include "catch.hpp"

#include <cmath>

#include "manifill/plot/projection.hpp"

using namespace manifill::plot;
using manifill::domain::Domain;

namespace {

std::vector<double> axis(double first, double step, int n) {
  std::vector<double> values;
  for (int i = 0; i < n; ++i) values.push_back(first + step * i);
  return values;
}

void check_point(const std::optional<PlanePoint>& p, double x, double y) {
  REQUIRE(p);
  CHECK(p->x == Approx(x).margin(1e-10));
  CHECK(p->y == Approx(y).margin(1e-10));
}

void check_round_trip(const Projection& projection, const Place& place) {
  CAPTURE(place.longitude, place.latitude);
  const auto back = projection.inverse(projection.forward(place).value());
  REQUIRE(back);
  CHECK(back->latitude == Approx(place.latitude).margin(1e-7));
  CHECK(std::remainder(back->longitude - place.longitude, 360.0) == Approx(0).margin(1e-7));
}

}  // namespace

// Values of PROJ 9.1.1: +proj=eqearth +R=1, +proj=laea +R=1 +lat_0=90 and -90.
TEST_CASE("Equal Earth agrees with PROJ") {
  const Projection p = Projection::equal_earth(0);
  check_point(p.forward({0, 0}), 0, 0);
  check_point(p.forward({30, 45}), 0.386618166368, 0.860231085522);
  check_point(p.forward({-120, -60}), -1.359373391714, -1.088300835505);
  check_point(p.forward({180, 0}), 2.706629983696, 0);
  check_point(p.forward({10, 90}), 0.089088258238, 1.317362759157);
  check_point(p.forward({-75, -89}), -0.668453853914, -1.317064443708);
}

TEST_CASE("the polar projection agrees with PROJ") {
  const Projection north = Projection::polar(true, -70, 0), south = Projection::polar(false, 70, 0);
  check_point(north.forward({30, 45}), 0.382683432365, -0.662827148071);
  check_point(north.forward({-120, -60}), -1.673032607476, 0.965925826289);
  check_point(south.forward({30, 45}), 0.923879532511, 1.600206290383);
  check_point(south.forward({-75, -89}), -0.016858372024, 0.004517187169);
}

TEST_CASE("projections invert themselves and know their outline") {
  for (const double centre : {0.0, 180.0, -77.0}) {
    const Projection p = Projection::equal_earth(centre);
    for (double lat = -85; lat <= 85; lat += 17)
      for (double lon = -179; lon < 180; lon += 44.75) check_round_trip(p, {lon, lat});
    CHECK_FALSE(p.inverse({p.lower_left().x + 1e-6, p.lower_left().y + 1e-6}));
    CHECK_FALSE(p.inverse({0, 2}));
  }
  for (const bool north : {true, false}) {
    const Projection p = Projection::polar(north, north ? 40 : -40, 10);
    for (double lat = 41; lat <= 89; lat += 8)
      for (double lon = -179; lon < 180; lon += 44.75) check_round_trip(p, {lon, north ? lat : -lat});
    CHECK_FALSE(p.inverse({p.lower_left().x, p.lower_left().y}));
  }
  const Projection region = Projection::plate_carree(120, 290, -30, 30);
  check_round_trip(region, {121, -29});
  check_round_trip(region, {-80, 12});  // 280 degrees east
  CHECK_FALSE(region.inverse({0, 1}));
}

TEST_CASE("plate carree keeps the mid latitude true") {
  const Projection p = Projection::plate_carree(-10, 10, 50, 70);
  CHECK(p.width() / p.height() == Approx(0.5).epsilon(1e-9));
  // All round: both edges are there, and apart.
  CHECK(Projection::plate_carree(-180.0, 180.0, -30, 30).width() == Approx(2 * 3.14159265358979));
}

TEST_CASE("the projection suits the grid") {
  const auto kind = [](std::vector<double> lat, std::vector<double> lon) {
    return Projection::suited_to(Domain::lat_lon(std::move(lat), std::move(lon))).kind();
  };
  CHECK(kind(axis(-88, 4, 45), axis(-178, 4, 90)) == ProjectionKind::equal_earth);
  CHECK(kind(axis(88, -4, 45), axis(2, 4, 90)) == ProjectionKind::equal_earth);
  CHECK(kind(axis(46, 4, 11), axis(2, 4, 90)) == ProjectionKind::polar);
  CHECK(kind(axis(-88, 4, 11), axis(2, 4, 90)) == ProjectionKind::polar);
  CHECK(kind(axis(-28, 4, 15), axis(2, 4, 90)) == ProjectionKind::plate_carree);
  CHECK(kind(axis(30, 2.5, 17), axis(-70, 2.5, 33)) == ProjectionKind::plate_carree);
  CHECK(kind({45}, {10}) == ProjectionKind::plate_carree);
}

TEST_CASE("cells reach the pole and no farther") {
  const auto edges = cell_edges(Domain::lat_lon({-90, -45, 0, 45, 90}, axis(0, 90, 4)).lat_lon());
  CHECK(edges.latitude.front() == -90);
  CHECK(edges.latitude[1] == -67.5);
  CHECK(edges.latitude.back() == 90);
  CHECK(edges.longitude.front() == -45);
  CHECK(edges.longitude.back() == 315);
}
