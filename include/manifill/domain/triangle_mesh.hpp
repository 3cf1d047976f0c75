#pragma once
/// \file
/// \brief Triangle meshes of surfaces: what makes one sound, its repair, its topology and areas.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace manifill::domain {

/// \brief A surface of triangles in space.
struct TriangleMesh {
  std::vector<std::array<double, 3>> vertices{};  ///< [vertex][3], any one unit
  std::vector<std::array<std::uint32_t, 3>>
      triangles{};  ///< [triangle][3], indices of vertices, either sense
};

/// \brief Throws the first of these that is wrong with a mesh: no vertex or triangle; a coordinate that is
/// not finite; a triangle that names a vertex beyond the last; two vertices of the same coordinates; a
/// triangle that is degenerate (a vertex twice, or an area not above 1e-12 of its squared longest edge); two
/// triangles of the same vertices; an edge of more than two triangles; a vertex without a triangle. \throws
/// Error(input) with the index as "[vertex 3]" or "[triangle 5]" and the remedy
void check(const TriangleMesh& mesh);

/// \brief What `repair` can do.
enum class MeshRepairKind { duplicate_vertex, degenerate_triangle, duplicate_triangle, isolated_vertex };

/// \brief One thing that `repair` did.
struct MeshRepair {
  MeshRepairKind kind{};
  std::size_t index = 0;  ///< of the vertex or triangle taken out, as numbered in the mesh given
  bool operator==(const MeshRepair&) const = default;
};

/// \brief A sound mesh and how it came about.
struct RepairedMesh {
  static constexpr std::int64_t kRemoved = -1;
  TriangleMesh mesh{};
  std::vector<MeshRepair> repairs{};
  std::vector<std::int64_t> vertex_map{};  ///< [vertex given]: index in `mesh`, or kRemoved
};

/// \brief Makes a mesh sound: merges duplicate vertices into the first of them; leaves out degenerate
/// triangles, duplicates of a triangle and isolated vertices. Order is kept; a sound mesh is returned as it
/// is.
///
/// A triangle left out because its corners are in line opens the surface along its edges.
/// \throws Error(input) as `check` where a repair would be a guess: not finite, index out of range, an edge
/// of more than two triangles, nothing left
RepairedMesh repair(const TriangleMesh& mesh);

/// \brief Edges as pairs of vertices, lower index first, sorted: [edge][2].
std::vector<std::array<std::uint32_t, 2>> edges(const TriangleMesh& mesh);
/// \brief Edges of one triangle only, as `edges` gives them: [edge][2].
std::vector<std::array<std::uint32_t, 2>> boundary_edges(const TriangleMesh& mesh);
/// \brief Whether a vertex is on a boundary edge: [vertex].
std::vector<bool> boundary_vertices(const TriangleMesh& mesh);
/// \brief Vertices minus edges plus triangles: 2 for a sphere, 1 for a disc, 0 for a torus.
std::int64_t euler_characteristic(const TriangleMesh& mesh);

/// \brief Connected parts.
struct MeshComponents {
  std::size_t count = 0;
  std::vector<std::uint32_t> of_vertex{};  ///< [vertex], 0 to count - 1, numbered by their first vertices
};
MeshComponents components(const TriangleMesh& mesh);

/// \brief Area of each triangle, squared units of the vertices: [triangle].
std::vector<double> triangle_areas(const TriangleMesh& mesh);
/// \brief A third of the areas of the triangles at a vertex: [vertex], sum the area of the mesh.
std::vector<double> vertex_areas(const TriangleMesh& mesh);

/// \brief Distance of two points.
double distance(const std::array<double, 3>& a, const std::array<double, 3>& b);
/// \brief Area from the lengths of three edges, to full precision for needles too (Kahan 2014,
/// "Miscalculating area and angles of a needle-like triangle"). Zero where the lengths violate the triangle
/// inequality.
double triangle_area(double a, double b, double c);

/// \brief Unit sphere: the icosahedron with each edge cut into `divisions` equal parts, vertices put onto the
/// sphere. 10 divisions^2 + 2 vertices, 20 divisions^2 triangles, seen from outside counter-clockwise.
/// \throws Error(usage) for divisions below 1 or above 10000
TriangleMesh icosphere(std::size_t divisions);

}  // namespace manifill::domain
