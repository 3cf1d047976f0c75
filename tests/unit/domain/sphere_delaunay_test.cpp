#include "manifill/domain/sphere_delaunay.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "catch.hpp"
#include "manifill/base/random.hpp"
#include "manifill/domain/domain.hpp"
#include "manifill/domain/sphere.hpp"

using namespace manifill;
using Point = std::array<double, 3>;
using Triangle = std::array<std::uint32_t, 3>;

namespace {

Point random_point(RandomStream& random) {
  Point p{random.normal(), random.normal(), random.normal()};
  const double r = std::hypot(p[0], p[1], p[2]);
  return {p[0] / r, p[1] / r, p[2] / r};
}

/// Largest height of another point above a triangle's plane, away from the middle of the sphere: positive
/// where its circle holds one.
double highest(const std::vector<Point>& points, const Triangle& t) {
  const Point &a = points[t[0]], &b = points[t[1]], &c = points[t[2]];
  Point u{b[0] - a[0], b[1] - a[1], b[2] - a[2]};
  Point v{c[0] - a[0], c[1] - a[1], c[2] - a[2]};
  Point n{u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
  const double size = std::hypot(n[0], n[1], n[2]);
  const double sign = n[0] * a[0] + n[1] * a[1] + n[2] * a[2] > 0.0 ? 1.0 : -1.0;
  double out = -2.0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (std::find(t.begin(), t.end(), i) != t.end()) continue;
    const Point& p = points[i];
    out = std::max(out, sign * (n[0] * (p[0] - a[0]) + n[1] * (p[1] - a[1]) + n[2] * (p[2] - a[2])) / size);
  }
  return out;
}

double area_of(const std::vector<Point>& points, const std::vector<Triangle>& triangles) {
  double sum = 0.0;
  for (const auto& t : triangles)
    sum += domain::spherical_triangle_area(points[t[0]], points[t[1]], points[t[2]]);
  return sum;
}

}  // namespace

TEST_CASE("circles of Delaunay triangles are empty and the triangles cover the sphere", "[domain]") {
  RandomStream random({.seed = 3});
  std::vector<Point> points;
  for (int i = 0; i < 400; ++i) points.push_back(random_point(random));
  const auto triangles = domain::sphere_delaunay(points, 40.0);
  CHECK(triangles.size() == 2 * points.size() - 4);  // Euler's formula
  CHECK(area_of(points, triangles) == Approx(4.0 * M_PI).epsilon(1e-9));
  for (const auto& t : triangles) CHECK(highest(points, t) < 1e-7);  // points are moved by 1e-6 of 0.1
}

TEST_CASE("pixels in squares and hexagons are filled with triangles once", "[domain]") {
  for (const auto ordering : {domain::healpix::Ordering::nested, domain::healpix::Ordering::ring}) {
    const auto d = domain::Domain::healpix(8, ordering);
    const std::vector<Point> points(d.points().begin(), d.points().end());
    const auto triangles = domain::sphere_delaunay(points);
    CHECK(triangles.size() == 2 * points.size() - 4);
    CHECK(area_of(points, triangles) == Approx(4.0 * M_PI).epsilon(1e-9));
  }
  const auto mesh = domain::icosphere(8);  // its triangles' centres lie in hexagons
  std::vector<Point> centres;
  for (const auto& t : mesh.triangles) {
    Point p{};
    for (const auto corner : t)
      for (std::size_t c = 0; c < 3; ++c) p[c] += mesh.vertices[corner][c];
    const double r = std::hypot(p[0], p[1], p[2]);
    centres.push_back({p[0] / r, p[1] / r, p[2] / r});
  }
  const auto triangles = domain::sphere_delaunay(centres);
  CHECK(triangles.size() == 2 * centres.size() - 4);
  CHECK(area_of(centres, triangles) == Approx(4.0 * M_PI).epsilon(1e-9));
}

TEST_CASE("a region ends where its points do, and a hole stays open", "[domain]") {
  std::vector<Point> points;
  for (int i = 0; i < 20; ++i)
    for (int j = 0; j < 20; ++j)
      if (i < 6 || i > 13 || j < 6 || j > 13) points.push_back(domain::unit_vector(i - 10.0, j));
  const auto triangles = domain::sphere_delaunay(points);
  const double degree = M_PI / 180.0;
  // 361 squares of a degree less 81 of the hole; those half way round a corner may come or go.
  CHECK(area_of(points, triangles) == Approx(280.0 * degree * degree).epsilon(0.03));
  for (const auto& t : triangles) CHECK(highest(points, t) < 1e-7);
  CHECK(domain::sphere_delaunay(std::vector<Point>{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}).empty());
}
