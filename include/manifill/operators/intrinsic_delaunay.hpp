#pragma once
/// \file
/// \brief Surfaces given by the lengths of their edges, and their intrinsic Delaunay triangulation.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "manifill/domain/triangle_mesh.hpp"

namespace manifill::operators {

/// \brief Triangles glued along edges of equal length; no coordinates. A flat torus is one, which fits into
/// no plane and no space.
struct IntrinsicMesh {
  std::size_t vertices = 0;
  std::vector<std::array<std::uint32_t, 3>> triangles{};  ///< [triangle][corner]
  /// [triangle][side], any one unit; side s goes from corner s to corner s + 1, the last to corner 0
  std::vector<std::array<double, 3>> lengths{};
};

/// \brief The lengths of a mesh in space. \throws Error(input) as domain::check
IntrinsicMesh intrinsic(const domain::TriangleMesh& mesh);

/// \brief What lies across a side: a side of a triangle, or nothing at the boundary.
struct Side {
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  std::uint32_t triangle = kNone;
  std::uint32_t side = 0;
  bool operator==(const Side&) const = default;
};

/// \brief Gluing of sides that join the same two vertices: [triangle][side].
/// \throws Error(input) where more than two sides do, or where two of different length (1e-9) do
std::vector<std::array<Side, 3>> glue_sides(const IntrinsicMesh& mesh);

/// \brief The same surface with edges flipped until cot a + cot b of the two angles opposite to an edge is
/// nowhere below -1e-10: all inner edges then have a cotangent weight that is not negative (Bobenko and
/// Springborn 2007, "A discrete Laplace-Beltrami operator for simplicial surfaces"). Vertices stay; edges go
/// straight across the surface, may join a vertex to itself, or two vertices twice. \throws Error(input) as
/// glue_sides, for lengths that make no triangle, and for a surface with one side only (a Moebius strip);
/// Error(numerical) when flips do not come to an end
IntrinsicMesh intrinsic_delaunay(IntrinsicMesh mesh);

/// \brief Cotangents of the angles opposite to each side: [triangle][side]. \throws Error(input) for lengths
/// that make no triangle
std::vector<std::array<double, 3>> cotangents(const IntrinsicMesh& mesh);

}  // namespace manifill::operators
