#include "manifill/domain/triangle_mesh.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <optional>
#include <utility>

#include "manifill/base/error.hpp"

namespace manifill::domain {
namespace {

using Point = std::array<double, 3>;
using Edge = std::array<std::uint32_t, 2>;
using Triangle = std::array<std::uint32_t, 3>;

constexpr double kDegenerate = 1e-12;  // area over the squared longest edge; rounding of coordinates is 1e-16
constexpr std::size_t kMostDivisions = 10000;

std::string vertex_at(std::size_t i) { return "[vertex " + std::to_string(i) + "]"; }
std::string triangle_at(std::size_t i) { return "[triangle " + std::to_string(i) + "]"; }

Error refusal(const std::string& what, std::string index, std::string remedy) {
  return {ErrorKind::input, what, {.index = std::move(index), .remedy = std::move(remedy)}};
}

constexpr const char* kUseRepair = "Leave it out, as domain::repair does";

void check_not_empty(const TriangleMesh& mesh) {
  if (mesh.vertices.empty() || mesh.triangles.empty())
    throw refusal("the mesh has no area: " + std::to_string(mesh.vertices.size()) + " vertices and " +
                      std::to_string(mesh.triangles.size()) + " triangles",
                  {}, "Give a mesh of at least one triangle that is not degenerate");
}

void check_finite(const TriangleMesh& mesh) {
  for (std::size_t i = 0; i < mesh.vertices.size(); ++i)
    for (const double x : mesh.vertices[i])
      if (!std::isfinite(x))
        throw refusal("a coordinate of the mesh is not finite", vertex_at(i),
                      "Repair the coordinates where the mesh was made");
}

void check_indices(const TriangleMesh& mesh) {
  for (std::size_t t = 0; t < mesh.triangles.size(); ++t)
    for (const std::uint32_t v : mesh.triangles[t])
      if (v >= mesh.vertices.size())
        throw refusal("a triangle names vertex " + std::to_string(v) + " of a mesh of " +
                          std::to_string(mesh.vertices.size()),
                      triangle_at(t), "Check whether the file counts from one, and whether it is complete");
}

/// For each vertex the first one with the same coordinates: [vertex].
std::vector<std::uint32_t> first_equal(const std::vector<Point>& vertices) {
  std::vector<std::uint32_t> order(vertices.size());
  std::iota(order.begin(), order.end(), 0U);
  // Index as a tie-break, so that the first comes first; -0 and 0 compare equal.
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return vertices[a] != vertices[b] ? vertices[a] < vertices[b] : a < b;
  });
  std::vector<std::uint32_t> first(vertices.size());
  for (std::size_t k = 0; k < order.size(); ++k)
    first[order[k]] = k > 0 && vertices[order[k]] == vertices[order[k - 1]] ? first[order[k - 1]] : order[k];
  return first;
}

bool degenerate(const TriangleMesh& mesh, const Triangle& t) {
  if (t[0] == t[1] || t[1] == t[2] || t[2] == t[0]) return true;
  const double a = distance(mesh.vertices[t[0]], mesh.vertices[t[1]]);
  const double b = distance(mesh.vertices[t[1]], mesh.vertices[t[2]]);
  const double c = distance(mesh.vertices[t[2]], mesh.vertices[t[0]]);
  const double longest = std::max({a, b, c});
  return !(triangle_area(a, b, c) > kDegenerate * longest * longest);
}

Triangle sorted(Triangle t) {
  std::sort(t.begin(), t.end());
  return t;
}

Edge edge_of(const Triangle& t, std::size_t side) {
  const std::uint32_t a = t[side];
  const std::uint32_t b = t[(side + 1) % 3];
  return {std::min(a, b), std::max(a, b)};
}

/// Index of the first triangle that has the vertices of an earlier one, with that earlier one.
std::vector<std::pair<std::size_t, std::size_t>> duplicate_triangles(const std::vector<Triangle>& triangles) {
  std::map<Triangle, std::size_t> seen;
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (std::size_t t = 0; t < triangles.size(); ++t) {
    const auto [place, fresh] = seen.emplace(sorted(triangles[t]), t);
    if (!fresh) out.emplace_back(t, place->second);
  }
  return out;
}

struct EdgeUse {
  Edge edge{};
  std::size_t triangle = 0;
  bool operator<(const EdgeUse& other) const {
    return edge != other.edge ? edge < other.edge : triangle < other.triangle;
  }
};

/// Sides of all triangles, those of one edge together: [3 triangles].
std::vector<EdgeUse> edge_uses(const TriangleMesh& mesh) {
  std::vector<EdgeUse> uses;
  uses.reserve(3 * mesh.triangles.size());
  for (std::size_t t = 0; t < mesh.triangles.size(); ++t)
    for (std::size_t side = 0; side < 3; ++side) uses.push_back({edge_of(mesh.triangles[t], side), t});
  std::sort(uses.begin(), uses.end());
  return uses;
}

/// `number[t]` is what triangle t is called in the message.
void check_edges(const TriangleMesh& mesh, const std::vector<std::size_t>& number) {
  const auto uses = edge_uses(mesh);
  for (std::size_t k = 2; k < uses.size(); ++k)
    if (uses[k].edge == uses[k - 2].edge)
      throw refusal("more than two triangles meet at the edge of vertices " +
                        std::to_string(uses[k].edge[0]) + " and " + std::to_string(uses[k].edge[1]),
                    triangle_at(number[uses[k].triangle]),
                    "Take the surface apart along this edge, or leave out the triangle");
}

std::vector<bool> used_vertices(const TriangleMesh& mesh) {
  std::vector<bool> used(mesh.vertices.size(), false);
  for (const auto& t : mesh.triangles)
    for (const std::uint32_t v : t) used[v] = true;
  return used;
}

std::vector<std::size_t> counting(std::size_t n) {
  std::vector<std::size_t> out(n);
  std::iota(out.begin(), out.end(), std::size_t{0});
  return out;
}

/// Edges that `count` triangles share; any number of them when none is given.
std::vector<Edge> edges_of(const TriangleMesh& mesh, std::optional<std::size_t> count) {
  const auto uses = edge_uses(mesh);
  std::vector<Edge> out;
  for (std::size_t k = 0; k < uses.size();) {
    std::size_t end = k + 1;
    while (end < uses.size() && uses[end].edge == uses[k].edge) ++end;
    if (!count || end - k == *count) out.push_back(uses[k].edge);
    k = end;
  }
  return out;
}

std::uint32_t root_of(std::vector<std::uint32_t>& parent, std::uint32_t v) {
  while (parent[v] != v) {
    parent[v] = parent[parent[v]];
    v = parent[v];
  }
  return v;
}

Point on_sphere(const Point& p) {
  const double r = std::hypot(p[0], p[1], p[2]);
  return {p[0] / r, p[1] / r, p[2] / r};
}

TriangleMesh icosahedron() {
  constexpr double g = std::numbers::phi;
  TriangleMesh mesh;
  mesh.vertices = {{-1, g, 0},  {1, g, 0},  {-1, -g, 0}, {1, -g, 0}, {0, -1, g},  {0, 1, g},
                   {0, -1, -g}, {0, 1, -g}, {g, 0, -1},  {g, 0, 1},  {-g, 0, -1}, {-g, 0, 1}};
  mesh.triangles = {{0, 11, 5},  {0, 5, 1},  {0, 1, 7},  {0, 7, 10}, {0, 10, 11}, {1, 5, 9}, {5, 11, 4},
                    {11, 10, 2}, {10, 7, 6}, {7, 1, 8},  {3, 9, 4},  {3, 4, 2},   {3, 2, 6}, {3, 6, 8},
                    {3, 8, 9},   {4, 9, 5},  {2, 4, 11}, {6, 2, 10}, {8, 6, 7},   {9, 8, 1}};
  return mesh;
}

/// Cuts the edges of a closed mesh into equal parts; corners, points of edges and points of faces in turn.
class Subdivision {
 public:
  Subdivision(const TriangleMesh& coarse, std::size_t parts) : parts_(parts) {
    fine_.vertices = coarse.vertices;
  }

  TriangleMesh of(const TriangleMesh& coarse) {
    for (const auto& t : coarse.triangles) cut(t);
    return std::move(fine_);
  }

 private:
  /// Point j of `parts` on the way from vertex a to vertex b, made once for both triangles of the edge.
  std::uint32_t on_edge(std::uint32_t a, std::uint32_t b, std::size_t j) {
    if (j == 0) return a;
    if (j == parts_) return b;
    if (a > b) return on_edge(b, a, parts_ - j);
    const auto [place, fresh] = edge_start_.emplace(Edge{a, b}, size());
    if (fresh)
      for (std::size_t k = 1; k < parts_; ++k) add({a, b, b}, {parts_ - k, k, 0});
    return place->second + static_cast<std::uint32_t>(j) - 1;
  }

  void cut(const Triangle& t) {
    // Rows of points from corner 0 to the opposite side; row i has i + 1 points.
    std::vector<std::uint32_t> above{t[0]};
    for (std::size_t i = 1; i <= parts_; ++i) {
      std::vector<std::uint32_t> row(i + 1);
      row.front() = on_edge(t[0], t[1], i);
      row.back() = on_edge(t[0], t[2], i);
      for (std::size_t j = 1; j < i; ++j) {
        if (i == parts_) {
          row[j] = on_edge(t[1], t[2], j);
        } else {
          row[j] = size();
          add(t, {parts_ - i, i - j, j});
        }
      }
      for (std::size_t j = 0; j < i; ++j) {
        fine_.triangles.push_back({above[j], row[j], row[j + 1]});
        if (j > 0) fine_.triangles.push_back({above[j - 1], row[j], above[j]});
      }
      above = std::move(row);
    }
  }

  void add(const Triangle& corners, const std::array<std::size_t, 3>& share) {
    Point p{};
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t k = 0; k < 3; ++k)
        p[k] += static_cast<double>(share[c]) / static_cast<double>(parts_) * fine_.vertices[corners[c]][k];
    fine_.vertices.push_back(p);
  }

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(fine_.vertices.size()); }

  std::size_t parts_;
  TriangleMesh fine_{};
  std::map<Edge, std::uint32_t> edge_start_{};
};

}  // namespace

void check(const TriangleMesh& mesh) {
  check_not_empty(mesh);
  check_finite(mesh);
  check_indices(mesh);
  const auto first = first_equal(mesh.vertices);
  for (std::size_t i = 0; i < first.size(); ++i)
    if (first[i] != i)
      throw refusal("a vertex has the coordinates of vertex " + std::to_string(first[i]), vertex_at(i),
                    "Merge the two, as domain::repair does");
  for (std::size_t t = 0; t < mesh.triangles.size(); ++t)
    if (degenerate(mesh, mesh.triangles[t]))
      throw refusal("a triangle has no area", triangle_at(t), kUseRepair);
  const auto twice = duplicate_triangles(mesh.triangles);
  if (!twice.empty())
    throw refusal("a triangle has the vertices of triangle " + std::to_string(twice.front().second),
                  triangle_at(twice.front().first), kUseRepair);
  check_edges(mesh, counting(mesh.triangles.size()));
  const auto used = used_vertices(mesh);
  const auto isolated = std::find(used.begin(), used.end(), false);
  if (isolated != used.end())
    throw refusal("a vertex belongs to no triangle",
                  vertex_at(static_cast<std::size_t>(isolated - used.begin())), kUseRepair);
}

RepairedMesh repair(const TriangleMesh& mesh) {
  check_not_empty(mesh);
  check_finite(mesh);
  check_indices(mesh);
  RepairedMesh out;
  const auto first = first_equal(mesh.vertices);
  for (std::size_t i = 0; i < first.size(); ++i)
    if (first[i] != i) out.repairs.push_back({MeshRepairKind::duplicate_vertex, i});

  TriangleMesh merged{.vertices = mesh.vertices};
  std::vector<std::size_t> number;  // in the mesh given
  for (std::size_t t = 0; t < mesh.triangles.size(); ++t) {
    Triangle corners = mesh.triangles[t];
    for (auto& v : corners) v = first[v];
    if (degenerate(mesh, corners)) {
      out.repairs.push_back({MeshRepairKind::degenerate_triangle, t});
    } else {
      merged.triangles.push_back(corners);
      number.push_back(t);
    }
  }
  std::vector<bool> twice(merged.triangles.size(), false);
  for (const auto& [later, earlier] : duplicate_triangles(merged.triangles)) {
    twice[later] = true;
    out.repairs.push_back({MeshRepairKind::duplicate_triangle, number[later]});
  }
  std::size_t kept = 0;
  for (std::size_t t = 0; t < twice.size(); ++t)
    if (!twice[t]) {
      merged.triangles[kept] = merged.triangles[t];
      number[kept++] = number[t];
    }
  merged.triangles.resize(kept);
  check_edges(merged, number);

  const auto used = used_vertices(merged);
  out.vertex_map.assign(first.size(), RepairedMesh::kRemoved);
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (first[i] != i) {
      out.vertex_map[i] = out.vertex_map[first[i]];
    } else if (used[i]) {
      out.vertex_map[i] = static_cast<std::int64_t>(out.mesh.vertices.size());
      out.mesh.vertices.push_back(mesh.vertices[i]);
    } else {
      out.repairs.push_back({MeshRepairKind::isolated_vertex, i});
    }
  }
  for (auto t : merged.triangles) {
    for (auto& v : t) v = static_cast<std::uint32_t>(out.vertex_map[v]);
    out.mesh.triangles.push_back(t);
  }
  check_not_empty(out.mesh);
  return out;
}

std::vector<Edge> edges(const TriangleMesh& mesh) { return edges_of(mesh, std::nullopt); }

std::vector<Edge> boundary_edges(const TriangleMesh& mesh) { return edges_of(mesh, 1); }

std::vector<bool> boundary_vertices(const TriangleMesh& mesh) {
  std::vector<bool> out(mesh.vertices.size(), false);
  for (const auto& e : boundary_edges(mesh)) out[e[0]] = out[e[1]] = true;
  return out;
}

std::int64_t euler_characteristic(const TriangleMesh& mesh) {
  return static_cast<std::int64_t>(mesh.vertices.size()) - static_cast<std::int64_t>(edges(mesh).size()) +
         static_cast<std::int64_t>(mesh.triangles.size());
}

MeshComponents components(const TriangleMesh& mesh) {
  std::vector<std::uint32_t> parent(mesh.vertices.size());
  std::iota(parent.begin(), parent.end(), 0U);
  for (const auto& t : mesh.triangles)
    for (const std::size_t side : {0U, 1U}) {
      const std::uint32_t a = root_of(parent, t[side]);
      const std::uint32_t b = root_of(parent, t[side + 1]);
      parent[std::max(a, b)] = std::min(a, b);
    }
  MeshComponents out;
  out.of_vertex.resize(parent.size());
  for (std::uint32_t v = 0; v < parent.size(); ++v) {
    const std::uint32_t root = root_of(parent, v);  // the lowest index of its part
    out.of_vertex[v] = root == v ? static_cast<std::uint32_t>(out.count++) : out.of_vertex[root];
  }
  return out;
}

std::vector<double> triangle_areas(const TriangleMesh& mesh) {
  std::vector<double> out;
  out.reserve(mesh.triangles.size());
  for (const auto& t : mesh.triangles) {
    const Point& a = mesh.vertices[t[0]];
    const Point& b = mesh.vertices[t[1]];
    const Point& c = mesh.vertices[t[2]];
    out.push_back(triangle_area(distance(a, b), distance(b, c), distance(c, a)));
  }
  return out;
}

std::vector<double> vertex_areas(const TriangleMesh& mesh) {
  std::vector<double> out(mesh.vertices.size(), 0.0);
  const auto areas = triangle_areas(mesh);
  for (std::size_t t = 0; t < areas.size(); ++t)
    for (const std::uint32_t v : mesh.triangles[t]) out[v] += areas[t] / 3.0;
  return out;
}

double distance(const Point& a, const Point& b) { return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]); }

double triangle_area(double a, double b, double c) {
  if (a < b) std::swap(a, b);
  if (b < c) std::swap(b, c);
  if (a < b) std::swap(a, b);
  // The brackets keep the digits that cancel.
  const double square = (a + (b + c)) * (c - (a - b)) * (c + (a - b)) * (a + (b - c));
  return square > 0.0 ? 0.25 * std::sqrt(square) : 0.0;
}

TriangleMesh icosphere(std::size_t divisions) {
  if (divisions < 1 || divisions > kMostDivisions)
    throw Error(ErrorKind::usage, "an icosphere of " + std::to_string(divisions) + " divisions",
                {.remedy = "Give 1 to " + std::to_string(kMostDivisions)});
  const TriangleMesh coarse = icosahedron();
  TriangleMesh mesh = Subdivision(coarse, divisions).of(coarse);
  for (auto& p : mesh.vertices) p = on_sphere(p);
  return mesh;
}

}  // namespace manifill::domain
