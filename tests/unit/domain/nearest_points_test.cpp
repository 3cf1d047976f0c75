#include "manifill/domain/nearest_points.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "catch.hpp"
#include "manifill/base/random.hpp"

using namespace manifill;
using domain::NearestPoints;

namespace {

/// All points by (distance, index).
std::vector<std::size_t> by_distance(const std::vector<std::array<double, 3>>& points,
                                     const std::array<double, 3>& target) {
  std::vector<std::pair<double, std::size_t>> all;
  for (std::size_t i = 0; i < points.size(); ++i) {
    double square = 0.0;
    for (std::size_t a = 0; a < 3; ++a) square += std::pow(points[i][a] - target[a], 2);
    all.emplace_back(square, i);
  }
  std::sort(all.begin(), all.end());
  std::vector<std::size_t> out;
  for (const auto& [square, index] : all) out.push_back(index);
  return out;
}

}  // namespace

TEST_CASE("the tree finds what a search of all points finds, ties by index", "[domain]") {
  // Random points, points of a coarse lattice (many ties), and repeated points.
  RandomStream random({.seed = 1});
  for (const bool lattice : {false, true}) {
    std::vector<std::array<double, 3>> points(300);
    for (auto& p : points)
      for (auto& x : p) x = lattice ? static_cast<double>(random.integer(-2, 2)) : random.normal();
    const NearestPoints search(points);
    for (int k = 0; k < 200; ++k) {
      std::array<double, 3> target{};
      for (auto& x : target) x = lattice ? static_cast<double>(random.integer(-3, 3)) : random.normal();
      const auto expected = by_distance(points, target);
      for (const std::size_t count : {1U, 4U, 9U}) {
        const auto found = search.nearest(target, count);
        REQUIRE(found.size() == count);
        for (std::size_t j = 0; j < count; ++j) CHECK(found[j].index == expected[j]);
      }
      // Within the distance of the tenth: the ten, and on the lattice those as far.
      const double radius = search.nearest(target, 10).back().chord;
      const auto around = search.within(target, radius * (1.0 + 1e-14));
      REQUIRE(around.size() >= 10);
      for (std::size_t j = 0; j < around.size(); ++j) CHECK(around[j].index == expected[j]);
      CHECK(std::abs(around.back().chord - radius) <= 1e-12 * radius);
    }
    CHECK(search.nearest({0.0, 0.0, 0.0}, 1000).size() == 300);
    CHECK(search.nearest({0.0, 0.0, 0.0}, 0).empty());
  }
  CHECK(NearestPoints({}).nearest({1.0, 0.0, 0.0}, 3).empty());
  CHECK(NearestPoints({}).within({1.0, 0.0, 0.0}, 3.0).empty());
}
