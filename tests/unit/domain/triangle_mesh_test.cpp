#include "manifill/domain/triangle_mesh.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "tests/unit/domain/meshes.hpp"
#include "unit/domain/refusal.hpp"

using namespace manifill;
using namespace manifill::domain;
using Catch::Matchers::ContainsSubstring;
using manifill::test::refusal;

namespace {

TriangleMesh tetrahedron() {
  return {.vertices = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
          .triangles = {{0, 2, 1}, {0, 1, 3}, {0, 3, 2}, {1, 2, 3}}};
}

double sum_of(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

}  // namespace

TEST_CASE("sound meshes pass and repair returns them as they are", "[domain]") {
  for (const TriangleMesh& mesh :
       {tetrahedron(), icosphere(3), meshes::torus(12, 8, 2.0, 0.7), meshes::disc(4)}) {
    CHECK_NOTHROW(check(mesh));
    const RepairedMesh same = repair(mesh);
    CHECK(same.repairs.empty());
    CHECK(same.mesh.vertices == mesh.vertices);
    CHECK(same.mesh.triangles == mesh.triangles);
    for (std::size_t i = 0; i < mesh.vertices.size(); ++i)
      REQUIRE(same.vertex_map[i] == static_cast<std::int64_t>(i));
  }
}

TEST_CASE("each fault of a mesh is refused by name and index", "[domain]") {
  const auto broken = [](const auto& change) {
    TriangleMesh mesh = tetrahedron();
    change(mesh);
    return refusal([&] { check(mesh); });
  };
  CHECK_THAT(refusal([] { check(TriangleMesh{}); }), ContainsSubstring("no area"));
  CHECK_THAT(broken([](auto& m) { m.triangles.clear(); }), ContainsSubstring("no area"));
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()})
    CHECK_THAT(broken([&](auto& m) { m.vertices[2][1] = bad; }),
               ContainsSubstring("not finite") && ContainsSubstring("[vertex 2]"));
  CHECK_THAT(broken([](auto& m) { m.triangles[3][1] = 4; }),
             ContainsSubstring("names vertex 4") && ContainsSubstring("[triangle 3]"));
  CHECK_THAT(broken([](auto& m) {
               m.vertices.push_back({0, 1, -0.0});
             }),
             ContainsSubstring("coordinates of vertex 2") && ContainsSubstring("[vertex 4]"));
  CHECK_THAT(broken([](auto& m) {
               m.triangles.push_back({2, 3, 2});
             }),
             ContainsSubstring("no area") && ContainsSubstring("[triangle 4]"));
  CHECK_THAT(broken([](auto& m) {
               m.vertices.push_back({0.25, 0, 0});
               m.triangles.push_back({0, 4, 1});
             }),
             ContainsSubstring("no area") && ContainsSubstring("[triangle 4]"));
  CHECK_THAT(broken([](auto& m) {
               m.triangles.push_back({3, 2, 1});
             }),
             ContainsSubstring("vertices of triangle 3") && ContainsSubstring("[triangle 4]"));
  CHECK_THAT(broken([](auto& m) {
               m.vertices.push_back({1, 1, 1});
               m.triangles.push_back({0, 1, 4});
             }),
             ContainsSubstring("vertices 0 and 1") && ContainsSubstring("[triangle 4]"));
  CHECK_THAT(broken([](auto& m) {
               m.vertices.push_back({9, 9, 9});
             }),
             ContainsSubstring("no triangle") && ContainsSubstring("[vertex 4]"));
}

TEST_CASE("what can be repaired is, and told by the numbers of the mesh given", "[domain]") {
  TriangleMesh mesh = tetrahedron();
  mesh.vertices.insert(mesh.vertices.begin(), {7, 7, 7});  // isolated
  for (auto& t : mesh.triangles)
    for (auto& v : t) ++v;
  mesh.vertices.push_back(mesh.vertices[2]);                 // 5, the same as 2
  mesh.triangles[3] = {5, 3, 4};                             // was {2, 3, 4}
  mesh.triangles.insert(mesh.triangles.begin(), {1, 2, 5});  // 2 twice, after merging
  mesh.triangles.push_back({3, 4, 2});                       // duplicate of 4, after merging
  mesh.vertices.push_back({0.5, 0, 0});                      // 6, in line with 1 and 2, and isolated without
  mesh.triangles.push_back({1, 6, 2});

  const RepairedMesh out = repair(mesh);
  CHECK_NOTHROW(check(out.mesh));
  CHECK(out.mesh.vertices == tetrahedron().vertices);
  CHECK(out.mesh.triangles == tetrahedron().triangles);
  CHECK(out.vertex_map == std::vector<std::int64_t>{-1, 0, 1, 2, 3, 1, -1});
  CHECK(out.repairs == std::vector<MeshRepair>{{MeshRepairKind::duplicate_vertex, 5},
                                               {MeshRepairKind::degenerate_triangle, 0},
                                               {MeshRepairKind::degenerate_triangle, 6},
                                               {MeshRepairKind::duplicate_triangle, 5},
                                               {MeshRepairKind::isolated_vertex, 0},
                                               {MeshRepairKind::isolated_vertex, 6}});
}

TEST_CASE("what would be a guess is refused by repair too", "[domain]") {
  TriangleMesh mesh = tetrahedron();
  mesh.vertices[0][0] = std::nan("");
  CHECK_THAT(refusal([&] { repair(mesh); }), ContainsSubstring("[vertex 0]"));
  mesh = tetrahedron();
  mesh.triangles[0][0] = 77;
  CHECK_THAT(refusal([&] { repair(mesh); }), ContainsSubstring("[triangle 0]"));
  mesh = tetrahedron();
  mesh.vertices.push_back({1, 1, 1});
  mesh.triangles.insert(mesh.triangles.begin(), {0, 0, 1});
  mesh.triangles.push_back({0, 1, 4});
  CHECK_THAT(refusal([&] { repair(mesh); }), ContainsSubstring("[triangle 5]"));
  // Nothing but triangles without area.
  mesh = {.vertices = {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}}, .triangles = {{0, 1, 2}, {1, 1, 2}}};
  CHECK_THAT(refusal([&] { repair(mesh); }), ContainsSubstring("no area"));
}

TEST_CASE("topology of sphere, torus, disc and two of them", "[domain]") {
  const TriangleMesh sphere = icosphere(4);
  CHECK(euler_characteristic(sphere) == 2);
  CHECK(boundary_edges(sphere).empty());
  CHECK(components(sphere).count == 1);
  CHECK(euler_characteristic(meshes::torus(10, 7, 2, 1)) == 0);

  TriangleMesh both = meshes::disc(5);
  CHECK(euler_characteristic(both) == 1);
  CHECK(boundary_edges(both).size() == 30);
  const auto on_rim = boundary_vertices(both);
  for (std::size_t i = 0; i < on_rim.size(); ++i) REQUIRE(on_rim[i] == (i >= both.vertices.size() - 30));
  const auto offset = static_cast<std::uint32_t>(both.vertices.size());
  for (auto p : sphere.vertices) both.vertices.push_back({p[0] + 5, p[1], p[2]});
  for (auto t : sphere.triangles) both.triangles.push_back({t[0] + offset, t[1] + offset, t[2] + offset});
  const MeshComponents parts = components(both);
  REQUIRE(parts.count == 2);
  for (std::size_t i = 0; i < both.vertices.size(); ++i)
    REQUIRE(parts.of_vertex[i] == (i < offset ? 0U : 1U));
  CHECK(edges(both).size() == edges(meshes::disc(5)).size() + edges(sphere).size());
}

TEST_CASE("areas tend to those of the surface with the square of the edges", "[domain]") {
  const auto error = [](const TriangleMesh& mesh, double area) {
    const auto areas = vertex_areas(mesh);
    CHECK(sum_of(areas) == Approx(sum_of(triangle_areas(mesh))).epsilon(1e-13));
    CHECK(*std::min_element(areas.begin(), areas.end()) > 0.0);
    return 1.0 - sum_of(areas) / area;
  };
  constexpr double pi = std::numbers::pi;
  // Halved edges: a quarter of the error, to a few per cent at these sizes.
  CHECK(error(icosphere(8), 4 * pi) / error(icosphere(16), 4 * pi) == Approx(4).epsilon(0.03));
  CHECK(error(meshes::disc(8), pi) / error(meshes::disc(16), pi) == Approx(4).epsilon(0.03));
  const double torus = 4 * pi * pi * 2.0 * 0.7;
  CHECK(error(meshes::torus(40, 20, 2, 0.7), torus) / error(meshes::torus(80, 40, 2, 0.7), torus) ==
        Approx(4).epsilon(0.03));
}

TEST_CASE("areas of needles keep their digits", "[domain]") {
  CHECK(triangle_area(3, 4, 5) == Approx(6).epsilon(1e-15));
  CHECK(triangle_area(5, 3, 4) == Approx(6).epsilon(1e-15));
  const double h = 1e-6;
  const double leg = std::sqrt(1.0 + h * h);
  // The leg carries an error of 1e-16 of itself, so its excess over 1, 5e-13, one of 2e-4.
  CHECK(triangle_area(2, leg, leg) == Approx(h).epsilon(4e-4));
  CHECK(triangle_area(1e-9, 1, 1) == Approx(0.5e-9).epsilon(1e-12));
  CHECK(triangle_area(1, 1, 3) == 0.0);
}

TEST_CASE("an icosphere is on the sphere, even and seen from outside", "[domain]") {
  for (const std::size_t n : {1U, 2U, 3U, 7U, 20U}) {
    const TriangleMesh mesh = icosphere(n);
    CHECK(mesh.vertices.size() == 10 * n * n + 2);
    CHECK(mesh.triangles.size() == 20 * n * n);
    CHECK_NOTHROW(check(mesh));
    for (const auto& p : mesh.vertices) REQUIRE(std::hypot(p[0], p[1], p[2]) == Approx(1).epsilon(1e-14));
    for (const auto& t : mesh.triangles) {
      const auto& a = mesh.vertices[t[0]];
      const auto& b = mesh.vertices[t[1]];
      const auto& c = mesh.vertices[t[2]];
      const double volume = a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) +
                            a[2] * (b[0] * c[1] - b[1] * c[0]);
      REQUIRE(volume > 0.0);
    }
    const auto areas = triangle_areas(mesh);
    const auto [least, most] = std::minmax_element(areas.begin(), areas.end());
    CHECK(*most < 2.5 * *least);  // the plane's even parts, seen from the centre
  }
  CHECK_THROWS_AS(icosphere(0), Error);
}
