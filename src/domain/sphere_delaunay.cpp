#include "manifill/domain/sphere_delaunay.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "manifill/base/parallel.hpp"
#include "manifill/base/random.hpp"
#include "manifill/domain/nearest_points.hpp"

namespace manifill::domain {
namespace {

using Point = std::array<double, 3>;
using Triangle = std::array<std::uint32_t, 3>;

constexpr double kMove = 1e-6;      // of the spacing
constexpr std::size_t kThird = 4;   // the third nearest, the point itself among them
constexpr std::size_t kFirst = 64;  // near points looked at, at first
constexpr std::size_t kMost = 1024;

/// A point seen by inversion about another.
struct Seen {
  double x, y;
  std::uint32_t index;
};

Point minus(const Point& a, const Point& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
double dot(const Point& a, const Point& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
Point cross(const Point& a, const Point& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
Point unit(const Point& a) {
  const double length = std::sqrt(dot(a, a));
  return {a[0] / length, a[1] / length, a[2] / length};
}

/// Twice the area of a triangle in the plane, positive where it is counter-clockwise.
double turn(const Seen& a, const Seen& b, const Seen& c) {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

/// Convex hull, counter-clockwise (Andrew 1979).
std::vector<Seen> hull(std::vector<Seen> points) {
  std::sort(points.begin(), points.end(),
            [](const Seen& a, const Seen& b) { return a.x < b.x || (a.x == b.x && a.y < b.y); });
  std::vector<Seen> out;
  const auto chain = [&](const Seen& p, std::size_t first) {
    while (out.size() >= first + 2 && turn(out[out.size() - 2], out.back(), p) <= 0.0) out.pop_back();
    out.push_back(p);
  };
  for (const Seen& p : points) chain(p, 0);
  const std::size_t lower = out.size() - 1;
  for (auto p = points.rbegin() + 1; p != points.rend(); ++p) chain(*p, lower);
  out.pop_back();
  return out;
}

class Stars {
 public:
  Stars(std::span<const Point> points, double reach) : reach_(reach), tree_({points.begin(), points.end()}) {
    for (const Point& p : points) spacing_.push_back(tree_.nearest(p, kThird).back().chord);
    for (std::size_t i = 0; i < points.size(); ++i) {
      RandomStream random({.seed = 1, .time = static_cast<std::int64_t>(i)});
      Point p = points[i];
      for (double& x : p) x += kMove * spacing_[i] * (random.uniform() - 0.5);
      moved_.push_back(unit(p));
    }
  }

  /// Triangles at a point whose circle is not too wide.
  [[nodiscard]] std::vector<Triangle> at(std::uint32_t i) const {
    const std::size_t most = std::min(kMost, moved_.size());
    for (std::size_t count = std::min(kFirst, most);; count = std::min(2 * count, most)) {
      const auto near = tree_.nearest(moved_[i], count);
      double widest = 0.0;
      for (const auto& other : near) widest = std::max(widest, reach_ * spacing_[other.index]);
      // No circle that counts reaches beyond those looked at.
      if (widest <= near.back().chord || count == most) return among(i, near);
    }
  }

 private:
  std::vector<Triangle> among(std::uint32_t i, const std::vector<NearestPoints::Neighbour>& near) const {
    const Point& centre = moved_[i];
    const std::size_t least = static_cast<std::size_t>(
        std::min_element(centre.begin(), centre.end(),
                         [](double a, double b) { return std::abs(a) < std::abs(b); }) -
        centre.begin());
    Point axis{};
    axis[least] = 1.0;
    const Point east = unit(cross(axis, centre));
    const Point north = cross(centre, east);
    std::vector<Seen> seen;
    for (const auto& other : near) {
      if (other.index == i) continue;
      const Point d = minus(moved_[other.index], centre);
      const double square = dot(d, d);
      seen.push_back(
          {dot(d, east) / square, dot(d, north) / square, static_cast<std::uint32_t>(other.index)});
    }
    std::vector<Triangle> out;
    if (seen.size() < 2) return out;
    const auto around = hull(std::move(seen));
    for (std::size_t k = 0; k < around.size(); ++k) {
      const Seen& a = around[k];
      const Seen& b = around[(k + 1) % around.size()];
      const double area = a.x * b.y - a.y * b.x;
      if (area <= 0.0) continue;  // a circle of more than a hemisphere: outside of a region
      // One over the line's distance from the middle: the circle's diameter, where it is small against the
      // sphere, else more.
      const double width = std::hypot(b.x - a.x, b.y - a.y) / area;
      if (width > reach_ * std::max({spacing_[i], spacing_[a.index], spacing_[b.index]})) continue;
      Triangle t{i, a.index, b.index};
      std::sort(t.begin(), t.end());
      out.push_back(t);
    }
    return out;
  }

  double reach_;
  NearestPoints tree_;
  std::vector<double> spacing_{};
  std::vector<Point> moved_{};
};

}  // namespace

std::vector<Triangle> sphere_delaunay(std::span<const Point> points, double reach) {
  if (points.size() < kThird) return {};
  const Stars stars(points, reach);
  std::vector<std::vector<Triangle>> at(points.size());
  parallel_for(static_cast<std::int64_t>(points.size()), [&](std::int64_t i) {
    at[static_cast<std::size_t>(i)] = stars.at(static_cast<std::uint32_t>(i));
  });
  std::vector<Triangle> all;
  for (const auto& some : at) all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
  // Each of its corners must have found a triangle.
  std::vector<Triangle> out;
  for (std::size_t k = 0; k + 2 < all.size(); ++k)
    if (all[k] == all[k + 2]) out.push_back(all[k]);
  return out;
}

}  // namespace manifill::domain
