#pragma once
// Surfaces of known geometry, and meshes in files.

#include <cmath>
#include <cstdint>
#include <fstream>
#include <numbers>
#include <string>
#include <vector>

#include "manifill/domain/triangle_mesh.hpp"

namespace meshes {

using manifill::domain::TriangleMesh;

/// Triangles of an m x n grid of squares that closes both ways, each square cut from its corner (i, j) to
/// (i + 1, j + 1): vertex i n + j.
inline std::vector<std::array<std::uint32_t, 3>> torus_triangles(std::size_t m, std::size_t n) {
  std::vector<std::array<std::uint32_t, 3>> out;
  const auto at = [&](std::size_t i, std::size_t j) {
    return static_cast<std::uint32_t>((i % m) * n + j % n);
  };
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      out.push_back({at(i, j), at(i + 1, j), at(i + 1, j + 1)});
      out.push_back({at(i, j), at(i + 1, j + 1), at(i, j + 1)});
    }
  return out;
}

/// Torus of revolution in space.
inline TriangleMesh torus(std::size_t m, std::size_t n, double major, double minor) {
  TriangleMesh mesh{.triangles = torus_triangles(m, n)};
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const double u = 2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(m);
      const double v = 2.0 * std::numbers::pi * static_cast<double>(j) / static_cast<double>(n);
      const double r = major + minor * std::cos(v);
      mesh.vertices.push_back({r * std::cos(u), r * std::sin(u), minor * std::sin(v)});
    }
  return mesh;
}

/// Unit disc in the plane z = 0: a centre and `rings` rings, the k-th of 6 k vertices.
inline TriangleMesh disc(std::size_t rings) {
  TriangleMesh mesh{.vertices = {{0.0, 0.0, 0.0}}};
  const auto first = [](std::size_t k) {
    return static_cast<std::uint32_t>(k == 0 ? 0 : 1 + 3 * k * (k - 1));
  };
  for (std::size_t k = 1; k <= rings; ++k) {
    for (std::size_t j = 0; j < 6 * k; ++j) {
      const double angle = std::numbers::pi * static_cast<double>(j) / static_cast<double>(3 * k);
      const double r = static_cast<double>(k) / static_cast<double>(rings);
      mesh.vertices.push_back({r * std::cos(angle), r * std::sin(angle), 0.0});
    }
    const auto outer = [&](std::size_t j) { return first(k) + static_cast<std::uint32_t>(j % (6 * k)); };
    const auto inner = [&](std::size_t j) {
      return k == 1 ? 0U : first(k - 1) + static_cast<std::uint32_t>(j % (6 * (k - 1)));
    };
    for (std::size_t sector = 0; sector < 6; ++sector)
      for (std::size_t j = 0; j < k; ++j) {
        const std::size_t out = sector * k + j;
        const std::size_t in = sector * (k - 1) + j;
        mesh.triangles.push_back({inner(in), outer(out), outer(out + 1)});
        if (j + 1 < k) mesh.triangles.push_back({inner(in), outer(out + 1), inner(in + 1)});
      }
  }
  return mesh;
}

/// The same surface with vertex i called order[i].
inline TriangleMesh renumbered(const TriangleMesh& mesh, const std::vector<std::uint32_t>& order) {
  TriangleMesh out = mesh;
  for (std::size_t i = 0; i < order.size(); ++i) out.vertices[order[i]] = mesh.vertices[i];
  for (auto& t : out.triangles)
    for (auto& v : t) v = order[v];
  return out;
}

/// Triangles of an OFF file; an empty mesh when it cannot be read.
inline TriangleMesh read_off(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  std::size_t vertices = 0;
  std::size_t triangles = 0;
  std::size_t edges = 0;
  TriangleMesh mesh;
  if (!(file >> word >> vertices >> triangles >> edges) || word != "OFF") return mesh;
  mesh.vertices.resize(vertices);
  mesh.triangles.resize(triangles);
  for (auto& p : mesh.vertices) file >> p[0] >> p[1] >> p[2];
  for (auto& t : mesh.triangles) file >> edges >> t[0] >> t[1] >> t[2];
  return file ? mesh : TriangleMesh{};
}

}  // namespace meshes
