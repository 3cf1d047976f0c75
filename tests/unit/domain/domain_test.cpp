#include "manifill/domain/domain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/domain/sphere.hpp"

using manifill::Error;
using manifill::ErrorKind;
using namespace manifill::domain;

namespace {

/// first, first + step, ...
std::vector<double> axis(double first, double step, std::size_t count) {
  std::vector<double> c(count);
  for (std::size_t i = 0; i < count; ++i) c[i] = first + step * static_cast<double>(i);
  return c;
}

Domain global(std::size_t nlat = 36, std::size_t nlon = 72) {
  const double dlat = 180.0 / static_cast<double>(nlat);
  const double dlon = 360.0 / static_cast<double>(nlon);
  return Domain::lat_lon(axis(-90 + dlat / 2, dlat, nlat), axis(dlon / 2, dlon, nlon));
}

double total_weight(const Domain& d) { return std::accumulate(d.weights().begin(), d.weights().end(), 0.0); }

bool has_neighbour(const Domain& d, std::size_t of, std::size_t other) {
  const auto n = d.neighbours(of);
  return std::find(n.begin(), n.end(), other) != n.end();
}

void check_symmetric(const Domain& d) {
  for (std::size_t p = 0; p < d.size(); ++p)
    for (const auto q : d.neighbours(p)) {
      REQUIRE(q < d.size());
      REQUIRE(q != p);
      REQUIRE(has_neighbour(d, q, p));
    }
}

std::string refusal(const std::vector<double>& latitude, const std::vector<double>& longitude) {
  try {
    Domain::lat_lon(latitude, longitude);
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::input);
    return e.what();
  }
  FAIL("nothing was thrown");
  return {};
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("weights are the shares of the sphere between the cell's edges", "[domain]") {
  const Domain d = global(45, 90);
  CHECK(total_weight(d) == Approx(1).epsilon(1e-13));
  for (std::size_t i = 0; i < 45; ++i) {
    const double south = (-90.0 + 4.0 * static_cast<double>(i)) * manifill::domain::kDegree;
    const double share = (std::sin(south + 4 * manifill::domain::kDegree) - std::sin(south)) / 2.0 / 90.0;
    REQUIRE(d.weights()[i * 90] == Approx(share).epsilon(1e-12));
    REQUIRE(d.weights()[i * 90 + 89] == Approx(share).epsilon(1e-12));
  }
}

TEST_CASE("rows on the poles are half as high as the others", "[domain]") {
  const Domain d = Domain::lat_lon(axis(90, -2.5, 73), axis(0, 2.5, 144));
  CHECK(total_weight(d) == Approx(1).epsilon(1e-13));
  const double cap = (1.0 - std::cos(1.25 * manifill::domain::kDegree)) / 2.0 / 144.0;
  CHECK(d.weights().front() == Approx(cap).epsilon(1e-12));
  CHECK(d.weights().back() == Approx(cap).epsilon(1e-12));
  CHECK(d.lat_lon().north_pole);
  CHECK(d.lat_lon().south_pole);
  check_symmetric(d);
}

TEST_CASE("a Gaussian grid reaches the poles, with nearly Gaussian weights", "[domain]") {
  constexpr int n = 64;
  std::vector<double> latitude;
  std::vector<double> quadrature;
  for (int i = 0; i < n; ++i) {
    double x = std::cos(std::numbers::pi * (i + 0.75) / (n + 0.5));
    double slope = 0;
    for (int step = 0; step < 20; ++step) {  // Newton on the Legendre polynomial
      double before = 1;
      double value = x;
      for (int k = 2; k <= n; ++k)
        before = std::exchange(value, ((2 * k - 1) * x * value - (k - 1) * before) / k);
      slope = n * (x * value - before) / (x * x - 1);
      x -= value / slope;
    }
    latitude.push_back(std::asin(x) / manifill::domain::kDegree);
    quadrature.push_back(1.0 / ((1 - x * x) * slope * slope) / (2 * n));
  }
  const Domain d = Domain::lat_lon(latitude, axis(0, 360.0 / (2 * n), 2 * n));
  CHECK(d.lat_lon().north_pole);
  CHECK(d.lat_lon().south_pole);
  CHECK(total_weight(d) == Approx(1).epsilon(1e-13));
  double mean = 0;  // of sin^2(latitude), 1/3 over the sphere
  for (std::size_t p = 0; p < d.size(); ++p) mean += d.weights()[p] * d.points()[p][2] * d.points()[p][2];
  CHECK(mean == Approx(1.0 / 3.0).epsilon(1e-3));
  for (std::size_t i = 0; i < n; ++i)
    REQUIRE(d.weights()[i * 2 * n] == Approx(quadrature[i]).epsilon(i == 0 || i == n - 1 ? 0.2 : 0.02));
}

TEST_CASE("a regional grid's weights are shares of its own area", "[domain]") {
  const Domain d = Domain::lat_lon({10, 20, 30}, {100, 110});
  CHECK(total_weight(d) == Approx(1).epsilon(1e-13));
  const double area = std::sin(35 * manifill::domain::kDegree) - std::sin(5 * manifill::domain::kDegree);
  CHECK(
      d.weights()[0] ==
      Approx((std::sin(15 * manifill::domain::kDegree) - std::sin(5 * manifill::domain::kDegree)) / area / 2)
          .epsilon(1e-12));
  CHECK_FALSE(d.lat_lon().periodic);
  CHECK_FALSE(d.lat_lon().north_pole);
  CHECK(d.neighbours(0).size() == 2);
  check_symmetric(d);
}

TEST_CASE("points are unit vectors in their places", "[domain]") {
  const Domain d = Domain::lat_lon({0, 90}, {0, 90, 180, 270});
  for (const auto& p : d.points()) REQUIRE(std::hypot(p[0], p[1], p[2]) == Approx(1).epsilon(1e-14));
  CHECK(d.points()[0][0] == Approx(1));
  CHECK(d.points()[1][1] == Approx(1));
  CHECK(d.points()[2][0] == Approx(-1));
  CHECK(d.points()[5][2] == Approx(1));
}

TEST_CASE("neighbours wrap around and reach across the poles", "[domain]") {
  const Domain d = global(4, 8);
  CHECK(has_neighbour(d, 8, 15));   // first and last column
  CHECK(has_neighbour(d, 0, 4));    // across the south pole, half a turn on
  CHECK(has_neighbour(d, 24, 28));  // across the north pole
  for (std::size_t p = 0; p < d.size(); ++p) REQUIRE(d.neighbours(p).size() == 4);
  check_symmetric(d);
  CHECK(std::set<std::uint32_t>(d.neighbours(9).begin(), d.neighbours(9).end()) ==
        std::set<std::uint32_t>{1, 8, 10, 17});
}

TEST_CASE("north first and south first are the same places", "[domain]") {
  const Domain up = Domain::lat_lon(axis(-88, 4, 45), axis(2, 4, 90));
  const Domain down = Domain::lat_lon(axis(88, -4, 45), axis(2, 4, 90));
  for (std::size_t i = 0; i < 45; ++i) {
    REQUIRE(up.weights()[i * 90] == Approx(down.weights()[(44 - i) * 90]).epsilon(1e-13));
    REQUIRE(up.points()[i * 90 + 7][2] == Approx(down.points()[(44 - i) * 90 + 7][2]).epsilon(1e-13));
  }
  CHECK(down.lat_lon().north_pole);
  CHECK(has_neighbour(down, 0, 45));
  CHECK(up.hash() != down.hash());
}

TEST_CASE("longitudes may cross Greenwich or the date line once", "[domain]") {
  const Domain crossing = Domain::lat_lon({0, 10}, {340, 350, 0, 10});
  CHECK(crossing.lat_lon().longitude == std::vector<double>{340, 350, 360, 370});
  CHECK_FALSE(crossing.lat_lon().periodic);
  const Domain date_line = Domain::lat_lon({0, 10}, {170, 180, -170, -160});
  CHECK(date_line.lat_lon().longitude == std::vector<double>{170, 180, 190, 200});
  std::vector<double> turned = axis(180, 10, 18);
  const auto rest = axis(0, 10, 18);
  turned.insert(turned.end(), rest.begin(), rest.end());
  CHECK(Domain::lat_lon({0, 10}, turned).lat_lon().periodic);
}

TEST_CASE("descending longitudes are a grid too", "[domain]") {
  const Domain d = Domain::lat_lon(axis(-85, 10, 18), axis(355, -10, 36));
  CHECK(d.lat_lon().periodic);
  CHECK(total_weight(d) == Approx(1).epsilon(1e-13));
  check_symmetric(d);
  const Domain crossing = Domain::lat_lon({0, 10}, {20, 10, 0, 350});
  CHECK(crossing.lat_lon().longitude == std::vector<double>{20, 10, 0, -10});
}

TEST_CASE("periodic means that the last step closes the circle", "[domain]") {
  CHECK(global().lat_lon().periodic);
  CHECK_FALSE(Domain::lat_lon({0, 10}, axis(0, 10, 35)).lat_lon().periodic);
  // Single precision near 360 degrees.
  std::vector<double> rounded = axis(0.25, 0.5, 720);
  for (auto& v : rounded) v = static_cast<double>(static_cast<float>(v) + 2e-5F);
  CHECK(Domain::lat_lon({0, 10}, rounded).lat_lon().periodic);
}

TEST_CASE("an odd number of columns has no row across the pole", "[domain]") {
  const Domain d = Domain::lat_lon(axis(-80, 20, 9), axis(0, 40, 9));
  CHECK(d.lat_lon().periodic);
  CHECK_FALSE(d.lat_lon().north_pole);
  check_symmetric(d);
}

TEST_CASE("one row or one column is enough", "[domain]") {
  CHECK(Domain::lat_lon({5}, {5}).size() == 1);
  CHECK(Domain::lat_lon({5}, {5}).neighbours(0).empty());
  CHECK(total_weight(Domain::lat_lon({5}, {5})) == Approx(1));
  CHECK(Domain::lat_lon({5, 6}, {5}).neighbours(0).size() == 1);
}

TEST_CASE("bad coordinates are refused by axis and index", "[domain]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(has(refusal({}, {0, 1}), "latitude"));
  CHECK(has(refusal({0, 1}, {}), "longitude"));
  CHECK(has(refusal({0, nan}, {0, 1}), "[latitude 1]"));
  CHECK(has(refusal({0, 1}, {0, 1, std::numeric_limits<double>::infinity()}), "not finite"));
  CHECK(has(refusal({0, 95}, {0, 1}), "outside -90..90"));
  CHECK(has(refusal({0, 10, 5}, {0, 1}), "[latitude 2]"));
  CHECK(has(refusal({0, 10, 10}, {0, 1}), "repeats"));
  CHECK(has(refusal({0, 1}, {0, 10, 5}), "not monotonic"));
  CHECK(has(refusal({0, 1}, {0, 10, 10}), "repeats"));
  CHECK(has(refusal({0, 1}, axis(0, 10, 37)), "whole turn"));
}

TEST_CASE("the hash follows the coordinates, not their precision", "[domain]") {
  const Domain d = global(18, 36);
  CHECK(d.hash() == global(18, 36).hash());
  CHECK(d.hash() != global(36, 18).hash());
  CHECK(d.hash() != Domain::lat_lon(axis(-85, 10, 18), axis(6, 10, 36)).hash());
  std::vector<double> single = axis(5, 10, 36);
  for (auto& v : single) v += 3e-6;
  CHECK(d.hash() == Domain::lat_lon(axis(-85, 10, 18), single).hash());
  CHECK(Domain::lat_lon({0, 10}, axis(180, 10, 4)).hash() ==
        Domain::lat_lon({0, 10}, axis(-180, 10, 4)).hash());
  CHECK(Domain::lat_lon({0, 10}, axis(5, 10, 36)).hash() ==
        Domain::lat_lon({0, 10}, axis(365, 10, 36)).hash());
}

TEST_CASE("a description for people", "[domain]") {
  CHECK(global(45, 90).describe() == "lat-lon 45 x 90, 4 x 4 degrees, global");
  CHECK(has(Domain::lat_lon({0, 10}, {0, 10}).describe(), "regional"));
  CHECK(has(Domain::lat_lon({0, 10}, axis(0, 10, 36)).describe(), "zonally periodic"));
}

TEST_CASE("distances on and through the sphere", "[domain]") {
  const std::array<double, 3> x{1, 0, 0};
  const std::array<double, 3> y{0, 1, 0};
  CHECK(great_circle_km(x, y) == Approx(kEarthRadiusKm * std::numbers::pi / 2).epsilon(1e-12));
  CHECK(chordal_km(x, y) == Approx(kEarthRadiusKm * std::numbers::sqrt2).epsilon(1e-12));
  CHECK(great_circle_km(x, x) == 0.0);
  CHECK(great_circle_km(x, {-1, 0, 0}) == Approx(kEarthRadiusKm * std::numbers::pi).epsilon(1e-12));
  // Small distances keep their digits, which an arc cosine would lose.
  const double angle = 1e-9;
  CHECK(great_circle_km(x, {std::cos(angle), std::sin(angle), 0}) ==
        Approx(kEarthRadiusKm * angle).epsilon(1e-6));
}
