#include "manifill/domain/healpix.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/domain/triangle_mesh.hpp"
#include "tests/unit/domain/healpy.hpp"
#include "unit/domain/refusal.hpp"

using namespace manifill;
using namespace manifill::domain;
using Catch::Matchers::ContainsSubstring;
using healpix::Ordering;
using manifill::test::refusal;

namespace {

using Point = std::array<double, 3>;

}  // namespace

TEST_CASE("ring and nested numbers are one to one and of the same place", "[domain]") {
  for (const std::int64_t nside : {1, 2, 4, 8, 16, 32}) {
    const std::int64_t count = healpix::pixel_count(nside);
    CHECK(count == 12 * nside * nside);
    std::vector<bool> seen(static_cast<std::size_t>(count), false);
    for (std::int64_t p = 0; p < count; ++p) {
      const std::int64_t nested = healpix::ring_to_nested(nside, p);
      REQUIRE(nested >= 0);
      REQUIRE(nested < count);
      REQUIRE_FALSE(seen[static_cast<std::size_t>(nested)]);
      seen[static_cast<std::size_t>(nested)] = true;
      REQUIRE(healpix::nested_to_ring(nside, nested) == p);
      REQUIRE(healpix::centre(nside, Ordering::ring, p) == healpix::centre(nside, Ordering::nested, nested));
    }
  }
}

TEST_CASE("numbers hold for the finest grid", "[domain]") {
  const std::int64_t nside = healpix::kMostNside;
  const std::int64_t count = healpix::pixel_count(nside);
  const std::int64_t cap = 2 * nside * (nside - 1);
  for (const std::int64_t edge : {std::int64_t{0}, std::int64_t{4}, cap / 3, cap, 5 * nside * nside,
                                  count - cap, count - cap / 3, count})
    for (std::int64_t p = std::max<std::int64_t>(0, edge - 3); p < std::min(count, edge + 3); ++p) {
      REQUIRE(healpix::nested_to_ring(nside, healpix::ring_to_nested(nside, p)) == p);
      const Point c = healpix::centre(nside, Ordering::ring, p);
      REQUIRE(std::hypot(c[0], c[1], c[2]) == Approx(1.0).epsilon(1e-15));
    }
  // The first ring's distance from the pole is sqrt(2 / 3) / nside to first order.
  const Point c = healpix::centre(nside, Ordering::ring, 0);
  CHECK(std::hypot(c[0], c[1]) * static_cast<double>(nside) == Approx(std::sqrt(2.0 / 3.0)).epsilon(1e-12));
}

TEST_CASE("pixel centres are those of the first grids by hand", "[domain]") {
  // nside 1: rings at z = 2/3, 0, -2/3; four centres each, at 45, 0 and 45 degrees.
  const double s = std::sqrt(0.5) * std::sqrt(5.0) / 3.0;
  const Point first = healpix::centre(1, Ordering::ring, 0);
  CHECK(distance(first, {s, s, 2.0 / 3.0}) < 1e-15);
  CHECK(distance(healpix::centre(1, Ordering::ring, 4), {1, 0, 0}) < 1e-15);
  CHECK(distance(healpix::centre(1, Ordering::ring, 5), {0, 1, 0}) < 1e-15);
  CHECK(distance(healpix::centre(1, Ordering::ring, 8), {s, s, -2.0 / 3.0}) < 1e-15);
  // nside 2, first of the second ring: z = 2/3, 22.5 degrees; of the third: z = 1/3, 0 degrees.
  const Point second = healpix::centre(2, Ordering::ring, 4);
  CHECK(second[2] == Approx(2.0 / 3.0).epsilon(1e-15));
  CHECK(std::atan2(second[1], second[0]) == Approx(std::acos(-1.0) / 8).epsilon(1e-15));
  const Point third = healpix::centre(2, Ordering::ring, 12);
  CHECK(third[2] == Approx(1.0 / 3.0).epsilon(1e-15));
  CHECK(third[1] == 0.0);
}

TEST_CASE("centres are unit vectors of average zero", "[domain]") {
  for (const std::int64_t nside : {1, 2, 3, 5, 8, 12, 32}) {
    Point sum{};
    const std::int64_t count = healpix::pixel_count(nside);
    for (std::int64_t p = 0; p < count; ++p) {
      const Point c = healpix::centre(nside, Ordering::ring, p);
      REQUIRE(std::hypot(c[0], c[1], c[2]) == Approx(1.0).epsilon(1e-15));
      for (std::size_t k = 0; k < 3; ++k) sum[k] += c[k];
    }
    // Rounding alone: each ring is symmetric, and rings are in pairs.
    for (const double x : sum) CHECK(std::abs(x) < 1e-14 * static_cast<double>(count));
  }
}

TEST_CASE("neighbours are mutual, near, and eight but at 24 pixels", "[domain]") {
  for (const Ordering ordering : {Ordering::ring, Ordering::nested})
    for (const std::int64_t nside : {1, 2, 3, 4, 6, 8, 16, 32}) {
      if (ordering == Ordering::nested && (nside == 3 || nside == 6)) continue;
      CAPTURE(nside);
      const std::int64_t count = healpix::pixel_count(nside);
      std::int64_t with_seven = 0;
      for (std::int64_t p = 0; p < count; ++p) {
        const auto around = healpix::neighbours(nside, ordering, p);
        std::set<std::int64_t> distinct(around.begin(), around.end());
        const bool lacks = distinct.erase(healpix::kNoPixel) != 0;
        REQUIRE_FALSE(distinct.contains(p));
        REQUIRE(distinct.size() == (nside == 1 ? 6U : lacks ? 7U : 8U));
        with_seven += lacks ? 1 : 0;
        const Point c = healpix::centre(nside, ordering, p);
        for (std::size_t k = 0; k < 8; ++k) {
          if (around[k] == healpix::kNoPixel) continue;
          const auto back = healpix::neighbours(nside, ordering, around[k]);
          REQUIRE(std::count(back.begin(), back.end(), p) == 1);
          // Pixels are elongated by up to 1.7 in the belt and the caps' corners; a side is near 1.02 / nside.
          REQUIRE(distance(c, healpix::centre(nside, ordering, around[k])) <
                  (k % 2 == 0 ? 1.5 : 2.6) / static_cast<double>(nside));
        }
      }
      CHECK(with_seven == (nside == 1 ? 12 : 24));
    }
}

TEST_CASE("the nearest pixels are neighbours", "[domain]") {
  const std::int64_t nside = 8;
  const std::int64_t count = healpix::pixel_count(nside);
  std::vector<Point> centres;
  for (std::int64_t p = 0; p < count; ++p) centres.push_back(healpix::centre(nside, Ordering::nested, p));
  for (std::int64_t p = 0; p < count; ++p) {
    std::vector<std::pair<double, std::int64_t>> by_distance;
    for (std::int64_t q = 0; q < count; ++q)
      if (q != p)
        by_distance.emplace_back(
            distance(centres[static_cast<std::size_t>(p)], centres[static_cast<std::size_t>(q)]), q);
    std::partial_sort(by_distance.begin(), by_distance.begin() + 3, by_distance.end());
    const auto around = healpix::neighbours(nside, Ordering::nested, p);
    for (int k = 0; k < 3; ++k)
      REQUIRE(std::count(around.begin(), around.end(), by_distance[static_cast<std::size_t>(k)].second) == 1);
  }
}

TEST_CASE("the ordering of ring neighbours turns from south-west by west", "[domain]") {
  const std::int64_t nside = 4;
  for (std::int64_t p = 40; p < 140; ++p) {
    const auto around = healpix::neighbours(nside, Ordering::ring, p);
    const double z = healpix::centre(nside, Ordering::ring, p)[2];
    const auto height = [&](std::size_t k) { return healpix::centre(nside, Ordering::ring, around[k])[2]; };
    if (around[3] != healpix::kNoPixel) CHECK(height(3) > z);
    if (around[7] != healpix::kNoPixel) CHECK(height(7) < z);
    CHECK(height(2) > z);
    CHECK(height(4) > z);
    CHECK(height(0) < z);
    CHECK(height(6) < z);
    if (around[5] != healpix::kNoPixel && (p + 1) % 16 != 8) CHECK(around[5] == p + 1);
  }
}

TEST_CASE("children cover their parent", "[domain]") {
  for (const std::int64_t nside : {1, 4, 16})
    for (std::int64_t p = 0; p < healpix::pixel_count(nside); ++p) {
      const Point c = healpix::centre(nside, Ordering::nested, p);
      double south = 1.0;
      double north = -1.0;
      for (const std::int64_t child : healpix::children(p)) {
        REQUIRE(healpix::parent(child) == p);
        const Point d = healpix::centre(2 * nside, Ordering::nested, child);
        REQUIRE(distance(c, d) < 0.9 / static_cast<double>(nside));  // about half a diagonal of the parent's
        south = std::min(south, d[2]);
        north = std::max(north, d[2]);
      }
      const auto children = healpix::children(p);
      REQUIRE(healpix::centre(2 * nside, Ordering::nested, children[0])[2] == south);
      REQUIRE(healpix::centre(2 * nside, Ordering::nested, children[3])[2] == north);
    }
}

TEST_CASE("sides and pixels out of range are refused", "[domain]") {
  for (const std::int64_t nside : {std::int64_t{0}, std::int64_t{-4}, 2 * healpix::kMostNside})
    CHECK_THAT(refusal([&] { healpix::pixel_count(nside); }),
               ContainsSubstring("nside " + std::to_string(nside)));
  CHECK_THAT(refusal([] { healpix::ring_to_nested(12, 0); }), ContainsSubstring("power of two"));
  CHECK_THAT(refusal([] { healpix::centre(3, Ordering::nested, 0); }), ContainsSubstring("power of two"));
  CHECK_NOTHROW(healpix::centre(3, Ordering::ring, 107));
  CHECK_THAT(refusal([] { healpix::centre(3, Ordering::ring, 108); }), ContainsSubstring("[pixel 108]"));
  CHECK_THAT(refusal([] { healpix::nested_to_ring(2, -1); }), ContainsSubstring("[pixel -1]"));
  CHECK_THAT(refusal([] { healpix::neighbours(2, Ordering::ring, 48); }), ContainsSubstring("[pixel 48]"));
}

TEST_CASE("numbers, centres and neighbours are healpy's", "[domain]") {
  const auto from_healpy = healpy::run(R"(
import numpy as np, healpy as hp
def say(a): print(' '.join(map(repr, np.asarray(a).ravel().tolist())))
for n in (1, 2, 4, 16, 64):
    p = np.arange(12 * n * n)
    say(hp.ring2nest(n, p))
    say(np.array(hp.pix2vec(n, p)).T)
    say(np.array(hp.get_all_neighbours(n, p)).T)
    say(np.array(hp.get_all_neighbours(n, p, nest=True)).T)
for n in (3, 7):
    p = np.arange(12 * n * n)
    say(np.array(hp.pix2vec(n, p)).T)
    say(np.array(hp.get_all_neighbours(n, p)).T)
n = 2 ** 29
p = np.arange(2000) * (12 * n * n // 1999 - 1)
say(p); say(hp.ring2nest(n, p)); say(np.array(hp.get_all_neighbours(n, p, nest=True)).T)
)");
  if (!from_healpy) {
    WARN("skipped: /usr/bin/python3 has no healpy");
    return;
  }
  auto lines = from_healpy->begin();
  const auto next = [&] {
    REQUIRE(lines != from_healpy->end());
    return *lines++;
  };
  const auto integers = [](const std::string& line) { return healpy::numbers<std::int64_t>(line); };
  const auto check_centres = [&](std::int64_t nside) {
    const auto expected = healpy::numbers<double>(next());
    REQUIRE(expected.size() == static_cast<std::size_t>(36 * nside * nside));
    for (std::int64_t p = 0; p < healpix::pixel_count(nside); ++p)
      for (std::size_t k = 0; k < 3; ++k)
        REQUIRE(healpix::centre(nside, Ordering::ring, p)[k] ==
                Approx(expected[3 * static_cast<std::size_t>(p) + k]).margin(1e-15));
  };
  const auto check_neighbours = [&](std::int64_t nside, Ordering ordering) {
    const auto expected = integers(next());
    REQUIRE(expected.size() == static_cast<std::size_t>(96 * nside * nside));
    for (std::int64_t p = 0; p < healpix::pixel_count(nside); ++p) {
      const auto got = healpix::neighbours(nside, ordering, p);
      if (!std::equal(got.begin(), got.end(), expected.begin() + 8 * p))
        FAIL("nside " << nside << " pixel " << p);
    }
  };
  for (const std::int64_t nside : {1, 2, 4, 16, 64}) {
    const auto nested = integers(next());
    for (std::size_t p = 0; p < nested.size(); ++p)
      REQUIRE(healpix::ring_to_nested(nside, static_cast<std::int64_t>(p)) == nested[p]);
    check_centres(nside);
    check_neighbours(nside, Ordering::ring);
    check_neighbours(nside, Ordering::nested);
  }
  for (const std::int64_t nside : {3, 7}) {
    check_centres(nside);
    check_neighbours(nside, Ordering::ring);
  }
  const auto pixels = integers(next());
  const auto nested = integers(next());
  const auto around = integers(next());
  for (std::size_t k = 0; k < pixels.size(); ++k) {
    REQUIRE(healpix::ring_to_nested(healpix::kMostNside, pixels[k]) == nested[k]);
    const auto got = healpix::neighbours(healpix::kMostNside, Ordering::nested, pixels[k]);
    REQUIRE(std::equal(got.begin(), got.end(), around.begin() + 8 * static_cast<std::ptrdiff_t>(k)));
  }
}
