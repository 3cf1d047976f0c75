#include "manifill/plot/named_projection.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/domain/sphere.hpp"

using namespace manifill;
using namespace manifill::plot;
using Catch::Contains;
using domain::Domain;

namespace {

Domain globe() {
  std::vector<double> lat, lon;
  for (int i = 0; i < 45; ++i) lat.push_back(-88 + 4 * i);
  for (int j = 0; j < 90; ++j) lon.push_back(-178 + 4 * j);
  return Domain::lat_lon(lat, lon);
}

Domain north_atlantic() {
  std::vector<double> lat, lon;
  for (int i = 0; i < 17; ++i) lat.push_back(30 + 2.5 * i);
  for (int j = 0; j < 33; ++j) lon.push_back(-70 + 2.5 * j);
  return Domain::lat_lon(lat, lon);
}

std::vector<Place> random_places(int count) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> east(-180, 180), up(-1, 1);
  std::vector<Place> places;
  places.reserve(static_cast<std::size_t>(count));
  for (int k = 0; k < count; ++k) places.push_back({east(random), std::asin(up(random)) / domain::kDegree});
  return places;
}

/// Length of the chord, as degrees where it is short.
double apart(const Place& a, const Place& b) {
  const auto u = domain::unit_vector(a.latitude, a.longitude),
             v = domain::unit_vector(b.latitude, b.longitude);
  return std::hypot(u[0] - v[0], u[1] - v[1], u[2] - v[2]) / domain::kDegree;
}

double area(const PlaneLines& lines) {
  double sum = 0;
  for (const auto& line : lines)
    for (std::size_t k = 1; k < line.size(); ++k)
      sum += 0.5 * (line[k - 1].x * line[k].y - line[k].x * line[k - 1].y);
  return sum;
}

std::string said(const std::string& text, const Domain& domain) {
  try {
    static_cast<void>(named_projection(text, domain));
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::usage);
    return e.what();
  }
  return {};
}

}  // namespace

TEST_CASE("the inverse of the forward projection is the place") {
  const Domain grid = globe();
  struct Case {
    const char* text;
    // Azimuthal maps lose digits where they are flat, at the limb and about the antipode: so far from the
    // centre, degrees, the places go. Rounding of 1e-16 stays below 1e-14 radians there.
    Place centre{};
    double reach = 180;
  };
  for (const auto& [text, centre, reach] :
       {Case{"mollweide"}, Case{"+proj=moll +lon_0=180"}, Case{"hammer", {0, 0}, 170}, Case{"sinusoidal"},
        Case{"goode"}, Case{"+proj=eqearth +R=1"}, Case{"robin +lon_0=-100"}, Case{"equal_earth"},
        Case{"+proj=laea +lat_0=30 +lon_0=20 +R=1", {20, 30}, 170},
        Case{"ortho +lat_0=40 +lon_0=-60 +R=1", {-60, 40}, 80}, Case{"orthographic", {0, 0}, 80},
        Case{"polar_south", {0, -90}, 90}}) {
    CAPTURE(text);
    const Projection p = named_projection(text, grid);
    int shown = 0;
    double worst = 0;
    for (const Place& place : random_places(2000)) {
      if (apart(place, centre) > 2 * std::sin(0.5 * reach * domain::kDegree) / domain::kDegree) continue;
      const auto point = p.forward(place);
      if (!point) continue;
      const auto back = p.inverse(*point);
      if (!back) continue;  // within rounding of the edge
      ++shown;
      worst = std::max(worst, apart(*back, place));
    }
    CHECK(shown > (reach <= 90 ? 750 : 1950));
    CHECK(worst < 1e-9);
  }
}

TEST_CASE("PROJ and the closed forms agree") {
  const Domain grid = globe();
  const auto compare = [](const Projection& a, const Projection& b) {
    int compared = 0;
    for (const Place& place : random_places(1000)) {
      const auto p = a.forward(place), q = b.forward(place);
      if (!p || !q) continue;
      ++compared;
      CHECK(std::hypot(p->x - q->x, p->y - q->y) < 1e-9);
    }
    CHECK(compared > 990);
  };
  compare(Projection::equal_earth(30), named_projection("+proj=eqearth +lon_0=30 +R=6371000", grid));
  compare(Projection::polar(true, 0, -45), named_projection("+proj=laea +lat_0=90 +lon_0=-45 +R=2", grid));
  compare(Projection::polar(false, 0, 10), named_projection("+proj=laea +lat_0=-90 +lon_0=10 +R=1", grid));

  // Mollweide: Snyder 1987, equations 31-1 to 31-3, its angle by halving.
  const Projection mollweide = named_projection("mollweide +lon_0=20", grid);
  for (const Place& place : random_places(1000)) {
    double low = -std::numbers::pi / 2, high = -low;
    for (int k = 0; k < 60; ++k) {
      const double t = 0.5 * (low + high);
      (2 * t + std::sin(2 * t) < std::numbers::pi * std::sin(place.latitude * domain::kDegree) ? low : high) =
          t;
    }
    const double east = std::remainder(place.longitude - 20, 360.0) * domain::kDegree;
    const auto p = mollweide.forward(place);
    REQUIRE(p);
    CHECK(std::abs(p->x - 2 * std::numbers::sqrt2 / std::numbers::pi * east * std::cos(low)) < 1e-9);
    CHECK(std::abs(p->y - std::numbers::sqrt2 * std::sin(low)) < 1e-9);
  }
}

TEST_CASE("short names with a closed form take it, alone or with a centre") {
  const Domain grid = globe();
  CHECK(named_projection("automatic", grid).kind() == ProjectionKind::equal_earth);
  const Projection earth = named_projection("equal_earth +lon_0=150", grid);
  CHECK(earth.kind() == ProjectionKind::equal_earth);
  CHECK(earth.central_longitude() == 150);
  CHECK(named_projection("polar_north", grid).extent()[2] == 0);
  CHECK(named_projection("polar_south lon_0=-45", grid).extent()[3] == 0);
  CHECK(named_projection("polar_north", north_atlantic()).extent()[2] == Approx(28.75));
  CHECK(named_projection("plate_carree", grid).width() == Approx(2 * std::numbers::pi));
  CHECK(named_projection("equal_earth +R=1", grid).kind() == ProjectionKind::proj);
  CHECK(named_projection("EPSG:3995", north_atlantic()).kind() == ProjectionKind::proj);
}

TEST_CASE("outlines go round what a projection shows") {
  const Domain grid = globe();
  // Equal-area maps of the whole sphere have its area, whatever their shape. Chords between the crossings of
  // 640 cells lose 2e-4 of a curved outline, tips of clefts more.
  for (const auto& [text, count, tolerance] :
       {std::tuple{"mollweide", 1, 5e-4}, std::tuple{"sinusoidal +R=1", 1, 5e-4},
        std::tuple{"hammer", 1, 5e-4}, std::tuple{"goode", 1, 3e-3},
        std::tuple{"+proj=laea +lat_0=20 +R=1", 1, 5e-4}}) {
    CAPTURE(text);
    const Projection p = named_projection(text, grid);
    CHECK(p.outline().size() == static_cast<std::size_t>(count));
    CHECK(std::abs(area(p.outline()) / (4 * std::numbers::pi) - 1) < tolerance);
    CHECK(p.extent()[2] < -89);
    CHECK(p.extent()[3] > 89);
  }
  const Projection mollweide = named_projection("mollweide", grid);
  CHECK(mollweide.width() == Approx(4 * std::numbers::sqrt2).epsilon(1e-3));
  CHECK(mollweide.height() == Approx(2 * std::numbers::sqrt2).epsilon(1e-3));
  const Projection pixels =
      named_projection("mollweide", Domain::healpix(4, domain::healpix::Ordering::ring));
  CHECK(pixels.width() == Approx(4 * std::numbers::sqrt2).epsilon(1e-3));
  CHECK(pixels.height() == Approx(2 * std::numbers::sqrt2).epsilon(1e-3));
  CHECK_FALSE(mollweide.inverse({mollweide.lower_left().x + 0.1, mollweide.lower_left().y + 0.1}));

  const Projection half = named_projection("ortho +lat_0=40 +lon_0=-60 +R=1", grid);
  CHECK(area(half.outline()) == Approx(std::numbers::pi).epsilon(5e-4));
  CHECK(half.forward({-60, 40}));
  CHECK_FALSE(half.forward({120, -40}));
  CHECK_FALSE(half.forward({120, 30}));
  CHECK_FALSE(half.inverse({0.8, 0.8}));
}

TEST_CASE("frames follow the data, and leave out what is stretched without bounds") {
  const Projection mercator = named_projection("mercator", globe());
  CHECK(mercator.extent()[3] > 70);
  CHECK(mercator.extent()[3] < 85);
  CHECK(mercator.extent()[2] == Approx(-mercator.extent()[3]).margin(0.1));
  const Projection polar = named_projection("stereographic_north", globe());
  CHECK(polar.extent()[3] == Approx(90).margin(0.5));
  CHECK(polar.extent()[2] > -70);

  const Projection region =
      named_projection("+proj=lcc +lat_1=30 +lat_2=60 +lon_0=-30 +R=1", north_atlantic());
  // From edge to edge: the southern corners are the outermost places.
  const auto west = region.forward({-71.25, 28.75}), east = region.forward({11.25, 28.75});
  REQUIRE(west);
  REQUIRE(east);
  CHECK(region.lower_left().x == Approx(west->x));
  CHECK(region.width() == Approx(east->x - west->x));
  CHECK(area(region.outline()) == Approx(region.width() * region.height()).epsilon(1e-6));

  // Centres of cells reach half a cell farther.
  domain::CellGrid cells;
  for (int i = 0; i < 10; ++i)
    for (int j = 0; j < 10; ++j) {
      cells.latitude.push_back(50 + i);
      cells.longitude.push_back(10 + j);
    }
  const Projection list = named_projection("+proj=laea +lat_0=54.5 +lon_0=14.5 +R=1", Domain::cells(cells));
  CHECK(list.height() > 9 * domain::kDegree);
  CHECK(list.height() < 11 * domain::kDegree);
}

TEST_CASE("lines are cut at seams and out of sight, nowhere else") {
  const Projection p = named_projection("mollweide +lon_0=180", globe());
  const double step = 0.005 * p.width();
  std::vector<Place> line;
  for (int k = 0; k <= 90; ++k) line.push_back({-45.0 + k, 30});  // over Greenwich, which is the seam
  const auto pieces = p.trace(line, step);
  REQUIRE(pieces.size() == 2);
  for (const auto& piece : pieces)
    for (std::size_t k = 1; k < piece.size(); ++k)
      CHECK(std::hypot(piece[k].x - piece[k - 1].x, piece[k].y - piece[k - 1].y) <= step);
  // Both reach the edge, opposite each other.
  CHECK(pieces[0].back().x == Approx(-pieces[1].front().x).epsilon(1e-4));
  CHECK_FALSE(p.inverse({pieces[0].back().x + 1e-3, pieces[0].back().y}));

  const Projection half = named_projection("ortho +R=1", globe());
  std::vector<Place> equator;
  for (int k = 0; k <= 180; ++k) equator.push_back({-180.0 + 2 * k, 0});
  const auto seen = half.trace(equator, 0.01);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].front().x == Approx(-1).epsilon(1e-4));
  CHECK(seen[0].back().x == Approx(1).epsilon(1e-4));
  // One that turns round under the closed forms' seam.
  CHECK(Projection::equal_earth(0).trace({{170, 10}, {-170, 10}}, 0.01).size() == 2);
}

TEST_CASE("texts that name no projection are refused in PROJ's words") {
  const Domain grid = globe();
  CHECK_THAT(said("mollwide", grid), Contains("'mollwide'") && Contains("PROJ says: Unknown projection") &&
                                         Contains("Did you mean 'mollweide'?"));
  CHECK_THAT(said("+proj=lcc", grid), Contains("'+proj=lcc'") && Contains("lat_1") && Contains("EPSG:3995") &&
                                          !Contains("Did you mean"));
  CHECK_THAT(said("EPSG:4326", grid), Contains("longitude and latitude as they are"));
  CHECK_THAT(said("", grid), Contains("PROJ says"));
  CHECK_THAT(said("ortho +lat_0=95", grid), Contains("lat_0"));
  CHECK_THAT(said("orthographic +lat_0=-60 +lon_0=150", north_atlantic()),
             Contains("shows nothing of the grid") && Contains("+lon_0"));
}
