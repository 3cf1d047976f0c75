#include "manifill/operators/laplacian.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/parallel.hpp"
#include "manifill/base/random.hpp"
#include "manifill/domain/nearest_points.hpp"

namespace manifill::operators {
namespace {

using Sparse = Eigen::SparseMatrix<double>;
using Entry = Eigen::Triplet<double>;
using Point = std::array<double, 3>;

constexpr double kNegligible = 1e-10;  // of a weight: what intrinsic Delaunay flips tolerate below zero
constexpr double kKernelReach = 4.0;   // R^2 / (4 t): the kernel is cut where it has fallen to exp(-4)
constexpr std::size_t kLeastNeighbours = 3;
constexpr std::int64_t kPointsAtOnce = 256;  // points a piece of parallel work

int index_of(std::size_t i) { return static_cast<int>(i); }

/// D - W of weights given for pairs in both orders. Each row sums to zero as exactly as numbers do.
Sparse graph_stiffness(const Sparse& weights) {
  Sparse stiffness = -weights;
  // The diagonal is there, with zeros, by construction.
  for (int j = 0; j < weights.outerSize(); ++j) {
    double sum = 0.0;
    for (Sparse::InnerIterator it(weights, j); it; ++it)
      if (it.row() != j) sum += it.value();
    stiffness.coeffRef(j, j) = sum;
  }
  return stiffness;
}

std::vector<std::uint32_t> all_nodes(std::size_t n) {
  std::vector<std::uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

/// Rows and columns of the nodes that stay.
Sparse restricted(const Sparse& matrix, const std::vector<std::uint32_t>& nodes) {
  std::vector<int> place(static_cast<std::size_t>(matrix.rows()), -1);
  for (std::size_t k = 0; k < nodes.size(); ++k) place[nodes[k]] = index_of(k);
  std::vector<Entry> entries;
  entries.reserve(static_cast<std::size_t>(matrix.nonZeros()));
  for (int j = 0; j < matrix.outerSize(); ++j)
    for (Sparse::InnerIterator it(matrix, j); it; ++it) {
      const int row = place[static_cast<std::size_t>(it.row())];
      const int column = place[static_cast<std::size_t>(j)];
      if (row >= 0 && column >= 0) entries.emplace_back(row, column, it.value());
    }
  Sparse out(index_of(nodes.size()), index_of(nodes.size()));
  out.setFromTriplets(entries.begin(), entries.end());
  return out;
}

std::vector<std::uint32_t> inner_vertices(const IntrinsicMesh& mesh) {
  std::vector<bool> boundary(mesh.vertices, false);
  const auto across = glue_sides(mesh);
  for (std::size_t t = 0; t < across.size(); ++t)
    for (std::size_t s = 0; s < 3; ++s)
      if (across[t][s].triangle == Side::kNone)
        boundary[mesh.triangles[t][s]] = boundary[mesh.triangles[t][(s + 1) % 3]] = true;
  std::vector<std::uint32_t> inner;
  for (std::uint32_t v = 0; v < mesh.vertices; ++v)
    if (!boundary[v]) inner.push_back(v);
  if (inner.empty())
    throw Error(ErrorKind::input, "every vertex is on the boundary, where the value is zero",
                {.remedy = "Use Boundary::neumann, or a finer mesh"});
  return inner;
}

Sparse cotangent_stiffness(const IntrinsicMesh& mesh, bool clean) {
  const auto cotangent = cotangents(mesh);
  std::vector<Entry> entries;
  entries.reserve(6 * cotangent.size() + mesh.vertices);
  for (std::size_t v = 0; v < mesh.vertices; ++v) entries.emplace_back(index_of(v), index_of(v), 0.0);
  for (std::size_t t = 0; t < cotangent.size(); ++t)
    for (std::size_t s = 0; s < 3; ++s) {
      const auto i = static_cast<int>(mesh.triangles[t][s]);
      const auto j = static_cast<int>(mesh.triangles[t][(s + 1) % 3]);
      if (i == j) continue;  // an edge from a vertex to itself sees no difference
      entries.emplace_back(i, j, 0.5 * cotangent[t][s]);
      entries.emplace_back(j, i, 0.5 * cotangent[t][s]);
    }
  const auto n = index_of(mesh.vertices);
  Sparse weights(n, n);
  weights.setFromTriplets(entries.begin(), entries.end());
  if (clean)
    for (double& w : weights.coeffs())
      if (w < 0.0 && w >= -kNegligible) w = 0.0;
  return graph_stiffness(weights);
}

Sparse linear_mass(const IntrinsicMesh& mesh, const std::vector<double>& areas) {
  std::vector<Entry> entries;
  entries.reserve(9 * areas.size());
  for (std::size_t t = 0; t < areas.size(); ++t)
    for (std::size_t a = 0; a < 3; ++a)
      for (std::size_t b = 0; b < 3; ++b)
        entries.emplace_back(static_cast<int>(mesh.triangles[t][a]), static_cast<int>(mesh.triangles[t][b]),
                             areas[t] / (a == b ? 6.0 : 12.0));
  Sparse mass(index_of(mesh.vertices), index_of(mesh.vertices));
  mass.setFromTriplets(entries.begin(), entries.end());
  return mass;
}

std::string point_at(std::size_t i) { return "[point " + std::to_string(i) + "]"; }

void check_points(std::span<const Point> points, std::span<const double> areas, const PointOptions& options) {
  const auto refuse = [](const std::string& what, const std::string& remedy) {
    return Error(ErrorKind::usage, what, {.remedy = remedy});
  };
  if (areas.size() != points.size())
    throw refuse(std::to_string(points.size()) + " points with " + std::to_string(areas.size()) + " areas",
                 "Give one area a point");
  if (options.neighbours < kLeastNeighbours || options.neighbours >= points.size())
    throw refuse(
        std::to_string(options.neighbours) + " neighbours among " + std::to_string(points.size()) + " points",
        "Give at least 3 neighbours, and fewer than there are points");
  if (options.dimension < 1 || options.dimension > 3)
    throw refuse("points on a manifold of dimension " + std::to_string(options.dimension), "Give 1, 2 or 3");
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (const double x : points[i])
      if (!std::isfinite(x))
        throw Error(ErrorKind::input, "a coordinate of a point is not finite",
                    {.index = point_at(i), .remedy = "Leave the point out, or correct it"});
    if (!(areas[i] > 0.0) || !std::isfinite(areas[i]))
      throw Error(ErrorKind::input, "the area of a point is not a positive number",
                  {.index = point_at(i), .remedy = "Leave the point out, or give it its share of the area"});
  }
}

/// What the kernel of a point reaches, itself included, and where it is cut.
struct Reach {
  std::vector<domain::NearestPoints::Neighbour> points{};
  double radius = 0.0;
};

std::vector<Reach> kernel_reach(std::span<const Point> points, const PointOptions& options) {
  const domain::NearestPoints search({points.begin(), points.end()});
  std::vector<Reach> reach(points.size());
  const auto n = static_cast<std::int64_t>(points.size());
  const auto over_points = [&](const auto& body) {
    parallel_for((n + kPointsAtOnce - 1) / kPointsAtOnce, [&](std::int64_t block) {
      for (std::int64_t i = block * kPointsAtOnce; i < std::min(n, (block + 1) * kPointsAtOnce); ++i)
        body(static_cast<std::size_t>(i));
    });
  };
  over_points([&](std::size_t i) {
    reach[i].points = search.nearest(points[i], options.neighbours + 1);
    reach[i].radius = reach[i].points.back().chord;
    for (const auto& other : reach[i].points)
      if (other.chord == 0.0 && other.index != i)
        throw Error(ErrorKind::input,
                    "two points are in one place, points " + std::to_string(std::min(i, other.index)) +
                        " and " + std::to_string(std::max(i, other.index)),
                    {.index = point_at(i), .remedy = "Merge the two and add their areas"});
  });
  if (options.bandwidth == Bandwidth::common) {
    double radius = 0.0;
    for (const auto& r : reach) radius = std::max(radius, r.radius);
    over_points([&](std::size_t i) { reach[i] = {search.within(points[i], radius), radius}; });
  }
  return reach;
}

/// W, symmetric, with a diagonal of zeros.
Sparse heat_weights(std::span<const Point> points, std::span<const double> areas,
                    const PointOptions& options) {
  const auto reach = kernel_reach(points, options);
  std::vector<Entry> entries;
  entries.reserve(points.size() * (2 * options.neighbours + 1));
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double per_square = kKernelReach / (reach[i].radius * reach[i].radius);
    double moment = 0.0;
    const auto kernel = [&](double r) { return std::exp(-per_square * r * r); };
    for (const auto& j : reach[i].points)
      if (j.index != i) moment += areas[j.index] * kernel(j.chord) * j.chord * j.chord;
    const double scale = 2.0 * options.dimension / moment;
    entries.emplace_back(index_of(i), index_of(i), 0.0);
    for (const auto& j : reach[i].points) {
      if (j.index == i) continue;
      const double w = 0.5 * areas[i] * areas[j.index] * scale * kernel(j.chord);
      entries.emplace_back(index_of(i), index_of(j.index), w);
      entries.emplace_back(index_of(j.index), index_of(i), w);
    }
  }
  Sparse weights(index_of(points.size()), index_of(points.size()));
  weights.setFromTriplets(entries.begin(), entries.end());
  return weights;
}

}  // namespace

Eigen::MatrixXd Laplacian::times_mass(const Eigen::MatrixXd& x) const {
  if (lumped()) return mass.asDiagonal() * x;
  return consistent_mass * x;
}

std::uint64_t Laplacian::hash() const {
  const std::int64_t n = size();
  std::uint64_t h = hash_bytes(&n, sizeof n);
  h = hash_bytes(nodes.data(), nodes.size() * sizeof nodes[0], h);
  h = hash_bytes(mass.data(), static_cast<std::size_t>(n) * sizeof(double), h);
  for (const Sparse* matrix : {&stiffness, &consistent_mass}) {
    const auto entries = static_cast<std::size_t>(matrix->nonZeros());
    h = hash_bytes(&entries, sizeof entries, h);
    if (entries == 0) continue;
    h = hash_bytes(matrix->outerIndexPtr(), static_cast<std::size_t>(matrix->outerSize() + 1) * sizeof(int),
                   h);
    h = hash_bytes(matrix->innerIndexPtr(), entries * sizeof(int), h);
    h = hash_bytes(matrix->valuePtr(), entries * sizeof(double), h);
  }
  return h;
}

Laplacian cotangent_laplacian(const domain::TriangleMesh& mesh, const CotangentOptions& options) {
  return cotangent_laplacian(intrinsic(mesh), options);
}

Laplacian cotangent_laplacian(const IntrinsicMesh& mesh, const CotangentOptions& options) {
  const bool restrict = options.boundary == Boundary::dirichlet;
  const IntrinsicMesh flipped = options.intrinsic_delaunay ? intrinsic_delaunay(mesh) : mesh;
  std::vector<double> areas;
  areas.reserve(flipped.lengths.size());
  for (const auto& l : flipped.lengths) areas.push_back(domain::triangle_area(l[0], l[1], l[2]));

  Laplacian out;
  out.nodes = restrict ? inner_vertices(mesh) : all_nodes(mesh.vertices);
  out.stiffness = cotangent_stiffness(flipped, options.intrinsic_delaunay);
  Eigen::VectorXd mass = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(mesh.vertices));
  for (std::size_t t = 0; t < areas.size(); ++t)
    for (const std::uint32_t v : flipped.triangles[t]) mass[v] += areas[t] / 3.0;
  for (Eigen::Index v = 0; v < mass.size(); ++v)
    if (!(mass[v] > 0.0))
      throw Error(ErrorKind::input, "a vertex belongs to no triangle",
                  {.index = "[vertex " + std::to_string(v) + "]", .remedy = "Leave it out"});
  if (options.mass == MassKind::consistent) out.consistent_mass = linear_mass(flipped, areas);
  if (restrict) {
    out.stiffness = restricted(out.stiffness, out.nodes);
    if (!out.lumped()) out.consistent_mass = restricted(out.consistent_mass, out.nodes);
  }
  out.mass = mass(out.nodes);
  return out;
}

Laplacian point_laplacian(std::span<const Point> points, std::span<const double> areas,
                          const PointOptions& options) {
  check_points(points, areas, options);
  Laplacian out;
  out.nodes = all_nodes(points.size());
  out.stiffness = graph_stiffness(heat_weights(points, areas, options));
  const Eigen::VectorXd degree = out.stiffness.diagonal();
  switch (options.normalisation) {
    case GraphNormalisation::area:
      out.mass = Eigen::Map<const Eigen::VectorXd>(areas.data(), static_cast<Eigen::Index>(areas.size()));
      break;
    case GraphNormalisation::random_walk:
      out.mass = degree;
      break;
    case GraphNormalisation::symmetric: {
      const Eigen::VectorXd root = degree.cwiseSqrt().cwiseInverse();
      out.stiffness = root.asDiagonal() * out.stiffness * root.asDiagonal();
      out.mass = Eigen::VectorXd::Ones(degree.size());
      break;
    }
  }
  return out;
}

double largest_eigenvalue_bound(const Laplacian& laplacian) {
  if (!laplacian.lumped())
    throw Error(ErrorKind::usage, "the bound of the largest eigenvalue needs a diagonal mass",
                {.remedy = "Use MassKind::lumped"});
  // Of M^-1/2 S M^-1/2 scaled by M^1/2 from the right, which has the same eigenvalues.
  double bound = 0.0;
  for (int j = 0; j < laplacian.stiffness.outerSize(); ++j) {
    double sum = 0.0;
    for (Sparse::InnerIterator it(laplacian.stiffness, j); it; ++it) sum += std::abs(it.value());
    bound = std::max(bound, sum / laplacian.mass[j]);
  }
  return bound;
}

std::vector<std::uint32_t> connected_parts(const Sparse& stiffness) {
  constexpr std::uint32_t kNone = 0xFFFFFFFF;
  std::vector<std::uint32_t> part(static_cast<std::size_t>(stiffness.outerSize()), kNone);
  std::vector<int> stack;
  std::uint32_t count = 0;
  for (int seed = 0; seed < stiffness.outerSize(); ++seed) {
    if (part[static_cast<std::size_t>(seed)] != kNone) continue;
    part[static_cast<std::size_t>(seed)] = count;
    stack.push_back(seed);
    while (!stack.empty()) {
      const int j = stack.back();
      stack.pop_back();
      for (Sparse::InnerIterator it(stiffness, j); it; ++it) {
        const auto i = static_cast<std::size_t>(it.row());
        if (it.value() == 0.0 || part[i] != kNone) continue;
        part[i] = count;
        stack.push_back(static_cast<int>(it.row()));
      }
    }
    ++count;
  }
  return part;
}

}  // namespace manifill::operators
