#pragma once
// Surfaces and points whose Laplacians are known.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <vector>

#include "manifill/base/random.hpp"
#include "manifill/domain/triangle_mesh.hpp"
#include "manifill/operators/intrinsic_delaunay.hpp"
#include "tests/unit/domain/meshes.hpp"

namespace surfaces {

/// A mesh on the unit sphere with its vertices moved along it at random, by about `size` of an edge: many
/// edges are not Delaunay, angles are thin.
inline manifill::domain::TriangleMesh shaken(manifill::domain::TriangleMesh mesh, double size,
                                             std::uint64_t seed) {
  manifill::RandomStream random({.seed = seed});
  const double edge = std::sqrt(10.0 / static_cast<double>(mesh.vertices.size()));
  for (auto& p : mesh.vertices) {
    for (double& x : p) x += size * edge * random.normal();
    const double r = std::hypot(p[0], p[1], p[2]);
    for (double& x : p) x /= r;
  }
  return mesh;
}

/// Flat torus of m x n rectangles, vertex i n + j at (i dx, j dy). Triangles join (i, j) with (i + 1, j +
/// shear) and (i + 1, j + shear + 1): with a shear they are thin ones of the same vertices.
inline manifill::operators::IntrinsicMesh flat_torus(std::size_t m, std::size_t n, double width,
                                                     double height, std::size_t shear) {
  const double dx = width / static_cast<double>(m);
  const double dy = height / static_cast<double>(n);
  manifill::operators::IntrinsicMesh mesh{.vertices = m * n};
  const auto at = [&](std::size_t i, std::size_t j) {
    return static_cast<std::uint32_t>((i % m) * n + j % n);
  };
  const double slope = static_cast<double>(shear) * dy;
  const double side = std::hypot(dx, slope);
  const double diagonal = std::hypot(dx, slope + dy);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      mesh.triangles.push_back({at(i, j), at(i + 1, j + shear), at(i + 1, j + shear + 1)});
      mesh.lengths.push_back({side, dy, diagonal});
      mesh.triangles.push_back({at(i, j), at(i + 1, j + shear + 1), at(i, j + 1)});
      mesh.lengths.push_back({diagonal, side, dy});
    }
  return mesh;
}

/// Eigenvalues of the five-point difference on that torus, ascending.
inline std::vector<double> five_point_eigenvalues(std::size_t m, std::size_t n, double width, double height) {
  const auto one = [](std::size_t k, std::size_t points, double length) {
    const double h = length / static_cast<double>(points);
    const double s = std::sin(std::numbers::pi * static_cast<double>(k) / static_cast<double>(points));
    return 4.0 * s * s / (h * h);
  };
  std::vector<double> out;
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) out.push_back(one(i, m, width) + one(j, n, height));
  std::sort(out.begin(), out.end());
  return out;
}

/// Points nearly evenly spread over the unit sphere.
inline std::vector<std::array<double, 3>> fibonacci_sphere(std::size_t n) {
  std::vector<std::array<double, 3>> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double z = 1.0 - (2.0 * static_cast<double>(i) + 1.0) / static_cast<double>(n);
    const double angle = 2.0 * std::numbers::pi * static_cast<double>(i) / std::numbers::phi;
    const double r = std::sqrt(1.0 - z * z);
    out[i] = {r * std::cos(angle), r * std::sin(angle), z};
  }
  return out;
}

inline std::vector<std::uint32_t> random_order(std::size_t n, std::uint64_t seed) {
  manifill::RandomStream random({.seed = seed});
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  for (std::size_t i = n; i > 1; --i)
    std::swap(order[i - 1],
              order[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(i) - 1))]);
  return order;
}

/// The same surface several times, side by side.
inline manifill::domain::TriangleMesh copies(const manifill::domain::TriangleMesh& mesh, std::size_t count,
                                             double apart) {
  manifill::domain::TriangleMesh out;
  for (std::size_t k = 0; k < count; ++k) {
    const auto first = static_cast<std::uint32_t>(out.vertices.size());
    for (const auto& p : mesh.vertices)
      out.vertices.push_back({p[0] + apart * static_cast<double>(k), p[1], p[2]});
    for (const auto& t : mesh.triangles) out.triangles.push_back({t[0] + first, t[1] + first, t[2] + first});
  }
  return out;
}

}  // namespace surfaces
