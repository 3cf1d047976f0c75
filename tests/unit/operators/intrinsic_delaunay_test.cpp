#include "manifill/operators/intrinsic_delaunay.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "tests/unit/operators/surfaces.hpp"

using namespace manifill;
using namespace manifill::operators;
using Catch::Matchers::ContainsSubstring;

namespace {

double area(const IntrinsicMesh& mesh) {
  double sum = 0.0;
  for (const auto& l : mesh.lengths) sum += domain::triangle_area(l[0], l[1], l[2]);
  return sum;
}

/// Sums of the two cotangents at each glued side, the least of them. Needs sides that join different vertices
/// once.
double least_sum(const IntrinsicMesh& mesh) {
  const auto across = glue_sides(mesh);
  const auto c = cotangents(mesh);
  double least = 1e300;
  for (std::size_t t = 0; t < c.size(); ++t)
    for (std::size_t s = 0; s < 3; ++s)
      if (const Side o = across[t][s]; o.triangle != Side::kNone)
        least = std::min(least, c[t][s] + c[o.triangle][o.side]);
  return least;
}

std::string refusal(const IntrinsicMesh& mesh) {
  try {
    intrinsic_delaunay(mesh);
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::input);
    return e.what();
  }
  FAIL("nothing was thrown");
  return {};
}

}  // namespace

TEST_CASE("a quadrilateral takes its other diagonal", "[operators]") {
  // Kite with the long diagonal from (-2, 0) to (2, 0); the short one is 2 long.
  const domain::TriangleMesh kite{.vertices = {{-2, 0, 0}, {2, 0, 0}, {0, 1, 0}, {0, -1, 0}},
                                  .triangles = {{0, 1, 2}, {1, 0, 3}}};
  const IntrinsicMesh out = intrinsic_delaunay(intrinsic(kite));
  REQUIRE(out.triangles.size() == 2);
  for (std::size_t t = 0; t < 2; ++t)
    for (std::size_t s = 0; s < 3; ++s) {
      const auto a = out.triangles[t][s];
      const auto b = out.triangles[t][(s + 1) % 3];
      CHECK(out.lengths[t][s] == Approx(domain::distance(kite.vertices[a], kite.vertices[b])).epsilon(1e-14));
      CHECK_FALSE((std::min(a, b) == 0 && std::max(a, b) == 1));
    }
  // Nothing to do for the square, whatever its diagonal.
  const domain::TriangleMesh square{.vertices = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}},
                                    .triangles = {{0, 1, 2}, {0, 2, 3}}};
  CHECK(intrinsic_delaunay(intrinsic(square)).triangles == square.triangles);
}

TEST_CASE("flips keep the area and leave no sum of cotangents below zero", "[operators]") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const IntrinsicMesh before = intrinsic(surfaces::shaken(domain::icosphere(12), 0.15, seed));
    REQUIRE(least_sum(before) < -0.1);
    const IntrinsicMesh after = intrinsic_delaunay(before);
    CHECK(area(after) == Approx(area(before)).epsilon(1e-12));
    CHECK(after.triangles.size() == before.triangles.size());
    // These surfaces are even enough for edges that join two vertices once.
    CHECK(least_sum(after) >= -1.01e-10);
    CHECK(intrinsic_delaunay(after).triangles == after.triangles);
  }
}

TEST_CASE("triangles of mixed sense are one surface", "[operators]") {
  domain::TriangleMesh mesh = surfaces::shaken(domain::icosphere(6), 0.15, 5);
  const IntrinsicMesh expected = intrinsic_delaunay(intrinsic(mesh));
  for (std::size_t t = 0; t < mesh.triangles.size(); t += 3)
    std::swap(mesh.triangles[t][0], mesh.triangles[t][2]);
  const IntrinsicMesh mixed = intrinsic_delaunay(intrinsic(mesh));
  CHECK(area(mixed) == Approx(area(expected)).epsilon(1e-12));
  CHECK(least_sum(mixed) >= -1.01e-10);
}

TEST_CASE("a needle at an end is left with one edge, to its neighbour", "[operators]") {
  // A tall, thin tent over a triangle: the base's edges flip to the top and beyond until they join vertices
  // to themselves.
  const domain::TriangleMesh spike{
      .vertices = {{1, 0, 0}, {-0.5, 0.8, 0}, {-0.5, -0.8, 0}, {0, 0, 40}, {0, 0, -0.3}},
      .triangles = {{0, 1, 3}, {1, 2, 3}, {2, 0, 3}, {1, 0, 4}, {2, 1, 4}, {0, 2, 4}}};
  const IntrinsicMesh before = intrinsic(spike);
  const IntrinsicMesh after = intrinsic_delaunay(before);
  CHECK(area(after) == Approx(area(before)).epsilon(1e-12));
  for (const auto& c : cotangents(after))
    for (const double x : c) CHECK(std::isfinite(x));
}

TEST_CASE("lengths that are no surface are refused", "[operators]") {
  IntrinsicMesh mesh{.vertices = 4, .triangles = {{0, 1, 2}, {1, 0, 3}}, .lengths = {{1, 1, 1}, {1, 1, 1}}};
  CHECK_NOTHROW(intrinsic_delaunay(mesh));
  IntrinsicMesh bad = mesh;
  bad.lengths[1] = {1, 1, 2.5};
  CHECK_THAT(refusal(bad), ContainsSubstring("make no triangle") && ContainsSubstring("[triangle 1]"));
  bad.lengths[1] = {1, std::nan(""), 1};
  CHECK_THAT(refusal(bad), ContainsSubstring("make no triangle"));
  bad.lengths[1] = {1.1, 1, 1};
  CHECK_THAT(refusal(bad), ContainsSubstring("different lengths"));
  bad.lengths.pop_back();
  CHECK_THAT(refusal(bad), ContainsSubstring("2 triangles with the lengths of 1"));
  bad = mesh;
  bad.triangles[1][2] = 4;
  CHECK_THAT(refusal(bad), ContainsSubstring("vertex 4"));
  bad = mesh;
  bad.triangles.push_back({0, 1, 3});
  bad.lengths.push_back({1, 1, 1});
  CHECK_THAT(refusal(bad), ContainsSubstring("more than two"));
  // Moebius strip of five triangles.
  IntrinsicMesh strip{.vertices = 5};
  for (std::uint32_t k = 0; k < 5; ++k) {
    strip.triangles.push_back({k, (k + 1) % 5, (k + 2) % 5});
    strip.lengths.push_back({1, 1, 1});
  }
  CHECK_THAT(refusal(strip), ContainsSubstring("one side only"));
}
