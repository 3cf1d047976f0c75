#include "manifill/prior/point_hierarchy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"

namespace manifill::prior {
namespace {

namespace healpix = domain::healpix;

constexpr std::size_t kFewest = 12;  // points of a level: HEALPix of nside 1

using Point = std::array<double, 3>;

/// Clusters on their way to a level.
struct Clusters {
  std::vector<Point> points{};
  std::vector<double> area{};
  std::vector<std::array<std::uint32_t, 2>> edges{};  // each once, the lower number first
  std::vector<std::uint32_t> cluster{};               // [point of the domain]
};

struct Pixels {
  std::int64_t nside = 0;
  healpix::Ordering ordering = healpix::Ordering::ring;
};

/// The HEALPix grid that a domain's points are, if they are one whose pixels have parents.
std::optional<Pixels> pixels_of(const domain::Domain& domain) {
  if (domain.kind() != domain::DomainKind::cells) return {};
  const auto n = static_cast<std::int64_t>(domain.size());
  std::int64_t nside = 1;
  while (12 * nside * nside < n) nside *= 2;
  if (12 * nside * nside != n) return {};
  constexpr double tolerance = 1e-6;  // radians
  for (const auto ordering : {healpix::Ordering::ring, healpix::Ordering::nested}) {
    const auto is_pixel = [&](std::int64_t p) {
      return domain::distance(domain.points()[static_cast<std::size_t>(p)],
                              healpix::centre(nside, ordering, p)) < tolerance;
    };
    std::int64_t p = 0;
    while (p < n && is_pixel(p)) ++p;
    if (p == n) return Pixels{nside, ordering};
  }
  return {};
}

std::uint32_t parent_of(const Pixels& fine, std::int64_t pixel) {
  if (fine.ordering == healpix::Ordering::nested) return static_cast<std::uint32_t>(healpix::parent(pixel));
  const auto parent = healpix::parent(healpix::ring_to_nested(fine.nside, pixel));
  return static_cast<std::uint32_t>(healpix::nested_to_ring(fine.nside / 2, parent));
}

/// Partner of each in a greedy matching, itself where none is left.
std::vector<std::uint32_t> match(const Clusters& c) {
  // What differs by rounding only, as sums in another order do, is equal; ties are told apart by the middle
  // of the edge.
  using Key = std::tuple<std::int64_t, std::array<std::int64_t, 3>, std::size_t>;
  double extent = 1e-300;
  for (const Point& p : c.points)
    for (const double x : p) extent = std::max(extent, std::abs(x));
  std::vector<Key> order;
  order.reserve(c.edges.size());
  for (std::size_t e = 0; e < c.edges.size(); ++e) {
    const auto [i, j] = c.edges[e];
    const double length = domain::distance(c.points[i], c.points[j]);
    const double measure = std::max(length * length * (c.area[i] + c.area[j]), 1e-300);
    std::array<std::int64_t, 3> middle{};
    for (std::size_t k = 0; k < 3; ++k)
      middle[k] = std::llround(1e9 * (c.points[i][k] + c.points[j][k]) / extent);
    order.emplace_back(std::llround(1e6 * std::log(measure)), middle, e);
  }
  std::sort(order.begin(), order.end());
  std::vector<std::uint32_t> partner(c.points.size());
  std::iota(partner.begin(), partner.end(), 0U);
  for (const auto& key : order) {
    const auto [i, j] = c.edges[std::get<2>(key)];
    if (partner[i] != i || partner[j] != j) continue;
    partner[i] = j;
    partner[j] = i;
  }
  return partner;
}

/// Joins partners; the new are numbered by their lower members.
Clusters join(const Clusters& c, const std::vector<std::uint32_t>& partner, bool spherical) {
  Clusters out;
  std::vector<std::uint32_t> number(partner.size());
  for (std::uint32_t i = 0; i < partner.size(); ++i) {
    const std::uint32_t j = partner[i];
    if (j < i) {
      number[i] = number[j];
      continue;
    }
    number[i] = static_cast<std::uint32_t>(out.points.size());
    const double area = j == i ? c.area[i] : c.area[i] + c.area[j];
    Point at = c.points[i];
    if (j != i) {
      for (std::size_t k = 0; k < 3; ++k)
        at[k] = (c.area[i] * c.points[i][k] + c.area[j] * c.points[j][k]) / area;
      const double norm = std::sqrt(at[0] * at[0] + at[1] * at[1] + at[2] * at[2]);
      if (spherical && norm > 0.0)
        for (auto& x : at) x /= norm;
    }
    out.points.push_back(at);
    out.area.push_back(area);
  }
  for (const auto& [i, j] : c.edges)
    if (number[i] != number[j])
      out.edges.push_back({std::min(number[i], number[j]), std::max(number[i], number[j])});
  std::sort(out.edges.begin(), out.edges.end());
  out.edges.erase(std::unique(out.edges.begin(), out.edges.end()), out.edges.end());
  for (const auto k : c.cluster) out.cluster.push_back(number[k]);
  return out;
}

std::shared_ptr<const PointGraph> graph_of(const Clusters& c, std::uint64_t domain_hash) {
  std::vector<std::size_t> start(c.points.size() + 1, 0);
  for (const auto& [i, j] : c.edges) {
    ++start[i + 1];
    ++start[j + 1];
  }
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<std::uint32_t> near(start.back());
  std::vector<std::size_t> next(start.begin(), start.end() - 1);
  for (const auto& [i, j] : c.edges) {
    near[next[i]++] = j;
    near[next[j]++] = i;
  }
  const auto hash = hash_bytes(c.cluster.data(), c.cluster.size() * sizeof(c.cluster[0]), domain_hash);
  return std::make_shared<PointGraph>(c.points, std::move(start), std::move(near), hash);
}

PointLevel level_of(std::shared_ptr<const PointGraph> graph, std::vector<std::uint32_t> cluster,
                    const domain::Domain& domain) {
  const auto weights = domain.weights();
  std::vector<double> area(graph->size(), 0.0);
  for (std::size_t i = 0; i < cluster.size(); ++i) area[cluster[i]] += weights[i];
  using Entry = Eigen::Triplet<double>;
  std::vector<Entry> shares;
  std::vector<Entry> ones;
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    const auto point = static_cast<int>(i);
    const auto of = static_cast<int>(cluster[i]);
    shares.emplace_back(of, point, weights[i] / area[cluster[i]]);
    ones.emplace_back(point, of, 1.0);
  }
  const auto points = static_cast<Eigen::Index>(cluster.size());
  const auto clusters = static_cast<Eigen::Index>(area.size());
  Eigen::SparseMatrix<double> pool(clusters, points);
  Eigen::SparseMatrix<double> unpool(points, clusters);
  pool.setFromTriplets(shares.begin(), shares.end());
  unpool.setFromTriplets(ones.begin(), ones.end());
  return {std::move(graph), std::move(area), std::move(cluster), sparse_map(pool), sparse_map(unpool)};
}

}  // namespace

std::vector<PointLevel> point_levels(const domain::Domain& domain, std::int64_t coarser) {
  Clusters c{.points = {domain.points().begin(), domain.points().end()},
             .area = {domain.weights().begin(), domain.weights().end()}};
  for (std::uint32_t i = 0; i < domain.size(); ++i) {
    c.cluster.push_back(i);
    for (const auto j : domain.neighbours(i))
      if (i < j) c.edges.push_back({i, j});
  }
  std::vector<PointLevel> levels{level_of(std::make_shared<PointGraph>(domain), c.cluster, domain)};
  const auto pixels = coarser > 0 ? pixels_of(domain) : std::nullopt;
  for (std::int64_t k = 1; k <= coarser; ++k) {
    if (pixels && pixels->nside >> k > 0) {
      const Pixels fine{pixels->nside >> (k - 1), pixels->ordering};
      auto cluster = levels.back().cluster;
      for (auto& p : cluster) p = parent_of(fine, p);
      const auto coarse = domain::Domain::healpix(fine.nside / 2, fine.ordering);
      levels.push_back(level_of(std::make_shared<PointGraph>(coarse), std::move(cluster), domain));
      continue;
    }
    if (!pixels)
      for (int half = 0; half < 2; ++half) c = join(c, match(c), domain.spherical());
    if (pixels || c.points.size() < kFewest)
      throw Error(ErrorKind::usage, fmt::format("{} levels of points do not fit {}", k, domain.describe()),
                  {.remedy = fmt::format("Set score.levels to whole numbers from 0 to {}", k - 1)});
    levels.push_back(level_of(graph_of(c, domain.hash()), c.cluster, domain));
  }
  return levels;
}

}  // namespace manifill::prior
