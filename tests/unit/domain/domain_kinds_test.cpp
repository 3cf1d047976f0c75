#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/domain/domain.hpp"

using namespace manifill;
using namespace manifill::domain;

namespace {

double total(const Domain& d) { return std::accumulate(d.weights().begin(), d.weights().end(), 0.0); }

/// Whether neighbours are mutual, ascending, and no point is its own.
void check_neighbours(const Domain& d) {
  for (std::size_t i = 0; i < d.size(); ++i) {
    const auto list = d.neighbours(i);
    CHECK(std::is_sorted(list.begin(), list.end()));
    for (const auto j : list) {
      REQUIRE(j < d.size());
      REQUIRE(j != i);
      const auto back = d.neighbours(j);
      REQUIRE(std::find(back.begin(), back.end(), i) != back.end());
    }
  }
}

/// Vertices of an icosphere as cells.
CellGrid ball(std::size_t divisions) {
  CellGrid g;
  for (const auto& v : icosphere(divisions).vertices) {
    g.latitude.push_back(std::asin(v[2]) * 180.0 / std::numbers::pi);
    g.longitude.push_back(std::atan2(v[1], v[0]) * 180.0 / std::numbers::pi);
  }
  return g;
}

}  // namespace

TEST_CASE("cells on the sphere: areas and neighbours by distance where none are given", "[domain]") {
  const auto d = Domain::cells(ball(4));
  REQUIRE(d.size() == 162);
  CHECK(d.kind() == DomainKind::cells);
  CHECK(d.spherical());
  CHECK(d.columns() == 1);
  CHECK(total(d) == Approx(1.0));
  // Of an almost even grid no cell is more than a third off the mean.
  for (const double w : d.weights()) CHECK(w * 162.0 == Approx(1.0).epsilon(0.34));
  check_neighbours(d);
  CHECK(d.latitudes() == ball(4).latitude);
  CHECK_THROWS_WITH(d.lat_lon(), Catch::Contains("162 on the sphere"));
  CHECK(d.chord(0, 0) == 0.0);
  CHECK(d.separation(0, 1) > d.chord(0, 1));
  CHECK(d.separation(0, 1) == Approx(great_circle_km(d.points()[0], d.points()[1])));

  auto given = ball(4);
  given.area.assign(162, 2.0);
  given.area[5] = 6.0;
  given.neighbours = {{0, 1}, {1, 0}, {4, 2}};
  const auto e = Domain::cells(given);
  CHECK(e.weights()[5] == Approx(3.0 * e.weights()[0]));
  CHECK(e.neighbours(1).size() == 1);
  CHECK(e.neighbours(3).empty());
  CHECK(e.hash() == d.hash());  // of the places alone
}

TEST_CASE("what makes no cells is refused by name", "[domain]") {
  auto g = ball(2);
  g.latitude[3] = std::nan("");
  CHECK_THROWS_WITH(Domain::cells(g), Catch::Contains("[cell 3]"));
  g = ball(2);
  g.latitude[7] = 1234.0;
  CHECK_THROWS_WITH(Domain::cells(g), Catch::Contains("out of range"));
  g = ball(2);
  g.latitude[9] = g.latitude[8];
  g.longitude[9] = g.longitude[8] + 360.0;
  CHECK_THROWS_WITH(Domain::cells(g), Catch::Contains("Remove the duplicate"));
  g = ball(2);
  g.area.assign(g.latitude.size(), 1.0);
  g.area[1] = 0.0;
  CHECK_THROWS_WITH(Domain::cells(g), Catch::Contains("[cell 1]"));
  g = ball(2);
  g.neighbours = {{0, 4000}};
  CHECK_THROWS_WITH(Domain::cells(g), Catch::Contains("connectivity"));
  g = ball(2);
  g.longitude.pop_back();
  CHECK_THROWS_AS(Domain::cells(g), Error);
}

TEST_CASE("a curvilinear grid that is a lat-lon grid has its areas and neighbours", "[domain]") {
  std::vector<double> latitude, longitude, rows, columns;
  for (int i = 0; i < 21; ++i) rows.push_back(-50.0 + 5.0 * i);
  for (int j = 0; j < 36; ++j) columns.push_back(10.0 * j);
  for (const double phi : rows)
    for (const double lambda : columns) {
      latitude.push_back(phi);
      longitude.push_back(lambda);
    }
  const auto d = Domain::curvilinear(latitude, longitude, 36, true);
  const auto same = Domain::lat_lon(rows, columns);
  CHECK(d.columns() == 36);
  CHECK(d.periodic());
  CHECK(total(d) == Approx(1.0));
  // Chords for arcs: second order in ten degrees.
  for (std::size_t p = 36; p < 20 * 36; ++p) CHECK(d.weights()[p] == Approx(same.weights()[p]).epsilon(0.02));
  check_neighbours(d);
  for (const std::size_t p : {0U, 35U, 400U, 755U}) {
    auto expected = std::vector<std::uint32_t>(same.neighbours(p).begin(), same.neighbours(p).end());
    std::sort(expected.begin(), expected.end());
    CHECK(std::vector<std::uint32_t>(d.neighbours(p).begin(), d.neighbours(p).end()) == expected);
  }
}

TEST_CASE("surfaces and images", "[domain]") {
  const auto mesh = icosphere(3);
  const auto d = Domain::surface(mesh);
  CHECK_FALSE(d.spherical());
  CHECK(total(d) == Approx(1.0));
  CHECK(d.neighbours(0).size() == 5);  // of an icosahedron's corner
  check_neighbours(d);
  CHECK(d.area() == Approx(4.0 * std::numbers::pi).epsilon(0.05));  // of the flat triangles
  CHECK_THROWS_AS(d.latitudes(), Error);
  auto moved = mesh;
  moved.vertices[5][0] += 0.01;
  CHECK(Domain::surface(moved).hash() != d.hash());
  auto bad = mesh;
  bad.triangles[2] = {1, 1, 2};
  CHECK_THROWS_WITH(Domain::surface(bad), Catch::Contains("[triangle 2]"));

  const auto image = Domain::plane(3, 4);
  CHECK(image.size() == 12);
  CHECK(image.columns() == 4);
  CHECK(image.chord(0, 5) == Approx(std::sqrt(2.0)));
  CHECK(image.neighbours(5).size() == 4);
  check_neighbours(image);
  CHECK(image.hash() != Domain::plane(4, 3).hash());
  CHECK_THROWS_AS(Domain::plane(0, 4), Error);
}

TEST_CASE("HEALPix pixels are cells of equal area", "[domain]") {
  for (const auto ordering : {healpix::Ordering::ring, healpix::Ordering::nested}) {
    const auto d = Domain::healpix(4, ordering);
    REQUIRE(d.size() == 192);
    for (const double w : d.weights()) CHECK(w == Approx(1.0 / 192.0));
    check_neighbours(d);
    std::size_t seven = 0;
    for (std::size_t p = 0; p < d.size(); ++p) {
      CHECK(d.neighbours(p).size() >= 7);
      seven += d.neighbours(p).size() == 7 ? 1 : 0;
    }
    CHECK(seven == 24);  // where only three faces meet
  }
  CHECK(Domain::healpix(4, healpix::Ordering::ring).hash() !=
        Domain::healpix(4, healpix::Ordering::nested).hash());
  CHECK_THROWS_AS(Domain::healpix(3, healpix::Ordering::nested), Error);
}
