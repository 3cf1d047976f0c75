#include "manifill/prior/point_hierarchy.hpp"

#include <cmath>
#include <set>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "unit/prior/gradients.hpp"
#include "unit/prior/tensors.hpp"
#include "unit/prior/toys.hpp"

using namespace manifill;
using namespace manifill::prior;
namespace healpix = domain::healpix;

namespace {

using toys::largest;

torch::Tensor areas(std::span<const double> area) {
  return torch::tensor(std::vector<double>(area.begin(), area.end()), torch::kFloat64).view({1, 1, -1, 1});
}

/// A mesh with vertex i at place (37 i + 11) mod n, and where each went.
std::pair<domain::TriangleMesh, std::vector<std::uint32_t>> renumbered(const domain::TriangleMesh& mesh) {
  const std::size_t n = mesh.vertices.size();
  std::vector<std::uint32_t> to(n);
  for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<std::uint32_t>((i * 37 + 11) % n);
  domain::TriangleMesh other{.vertices = std::vector<std::array<double, 3>>(n), .triangles = mesh.triangles};
  for (std::size_t i = 0; i < n; ++i) other.vertices[to[i]] = mesh.vertices[i];
  for (auto& t : other.triangles)
    for (auto& v : t) v = to[v];
  return {other, to};
}

}  // namespace

TEST_CASE("levels of HEALPix are the parents", "[prior][point_hierarchy]") {
  const auto ordering = GENERATE(healpix::Ordering::nested, healpix::Ordering::ring);
  const auto fine = domain::Domain::healpix(8, ordering);
  const auto levels = point_levels(fine, 3);
  REQUIRE(levels.size() == 4);
  std::int64_t nside = 8;
  for (std::size_t k = 1; k < levels.size(); ++k) {
    nside /= 2;
    const auto coarse = domain::Domain::healpix(nside, ordering);
    REQUIRE(levels[k].graph->size() == coarse.size());
    for (std::size_t p = 0; p < coarse.size(); ++p) {
      CHECK(domain::distance(levels[k].graph->points[p], coarse.points()[p]) == 0.0);
      CHECK(levels[k].area[p] == Approx(coarse.weights()[p]).epsilon(1e-13));
    }
    for (std::size_t p = 0; p < fine.size(); ++p) {
      auto pixel = static_cast<std::int64_t>(p);
      if (ordering == healpix::Ordering::ring) pixel = healpix::ring_to_nested(8, pixel);
      pixel >>= 2 * k;
      if (ordering == healpix::Ordering::ring) pixel = healpix::nested_to_ring(nside, pixel);
      CHECK(levels[k].cluster[p] == static_cast<std::uint32_t>(pixel));
    }
  }
  CHECK_THROWS_AS(point_levels(fine, 4), Error);
}

TEST_CASE("pooling keeps constants and means, on any domain", "[prior][point_hierarchy]") {
  const auto kind = GENERATE(0, 1, 2, 3, 4);
  const auto d = kind == 0   ? domain::Domain::healpix(8, healpix::Ordering::nested)
                 : kind == 1 ? domain::Domain::healpix(6, healpix::Ordering::ring)  // no power of two
                 : kind == 2 ? domain::Domain::surface(domain::icosphere(8))
                 : kind == 3 ? toys::globe(12, 24)
                             : domain::Domain::plane(16, 20);
  const auto n = static_cast<std::int64_t>(d.size());
  const auto levels = point_levels(d, 2);
  const auto x = gradients::random({2, 3, n, 1}, 5);
  const auto mean = (x * areas(d.weights())).sum({2, 3});
  for (std::size_t k = 0; k < levels.size(); ++k) {
    const auto& level = levels[k];
    INFO(d.describe() << ", level " << k << " of " << level.graph->size());
    const auto clusters = static_cast<double>(level.graph->size());
    // Pairs cannot all be made: clusters hold somewhat fewer than 4^k.
    CHECK(static_cast<double>(n) / clusters <= std::pow(4.0, k) * 1.0001);
    CHECK(static_cast<double>(n) / clusters >= std::pow(3.0, k));
    const auto pooled = level.pool(x);
    // To rounding of sums of weights.
    CHECK(largest((pooled * areas(level.area)).sum({2, 3}) - mean) < 1e-14);
    CHECK(largest(level.pool(torch::full({1, 1, n, 1}, 2.5, torch::kFloat64)) - 2.5) < 1e-14);
    const auto constant = torch::full({1, 1, pooled.size(2), 1}, 2.5, torch::kFloat64);
    CHECK(largest(level.unpool(constant) - 2.5) == 0.0);
    CHECK(largest(level.pool(level.unpool(pooled)) - pooled) < 1e-13);
    CHECK(gradients::adjoint_error(level.pool, x, gradients::random(pooled.sizes(), 6)) < 1e-13);
    // Clusters are neighbours exactly where points of theirs are.
    std::vector<std::set<std::uint32_t>> near(level.graph->size());
    for (std::size_t i = 0; i < d.size(); ++i)
      for (const auto j : d.neighbours(i))
        if (level.cluster[i] != level.cluster[j]) near[level.cluster[i]].insert(level.cluster[j]);
    if (kind == 0) continue;  // those of pixels are the coarser grid's
    for (std::size_t c = 0; c < near.size(); ++c) {
      const auto first = level.graph->neighbours.begin();
      const std::set<std::uint32_t> found(first + static_cast<std::ptrdiff_t>(level.graph->start[c]),
                                          first + static_cast<std::ptrdiff_t>(level.graph->start[c + 1]));
      CHECK(found == near[c]);
    }
  }
}

TEST_CASE("numbering of points does not change the clusters", "[prior][point_hierarchy]") {
  // The icosphere has many edges of one length: ties.
  const auto mesh = domain::icosphere(6);
  const auto [other, to] = renumbered(mesh);
  const auto a = point_levels(domain::Domain::surface(mesh), 2);
  const auto b = point_levels(domain::Domain::surface(other), 2);
  for (std::size_t k = 0; k < a.size(); ++k) {
    REQUIRE(a[k].graph->size() == b[k].graph->size());
    std::set<std::pair<std::uint32_t, std::uint32_t>> pairs;
    for (std::size_t i = 0; i < mesh.vertices.size(); ++i)
      pairs.insert({a[k].cluster[i], b[k].cluster[to[i]]});
    CHECK(pairs.size() == a[k].graph->size());  // one to one
  }
}

TEST_CASE("too many levels are refused", "[prior][point_hierarchy]") {
  CHECK(point_levels(domain::Domain::plane(8, 8), 1).size() == 2);
  CHECK_THROWS_AS(point_levels(domain::Domain::plane(8, 8), 3), Error);
}
