#include "manifill/operators/laplacian.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/domain/domain.hpp"
#include "tests/unit/domain/meshes.hpp"
#include "tests/unit/operators/surfaces.hpp"
#include "unit/domain/refusal.hpp"

using namespace manifill;
using namespace manifill::operators;
using Catch::Matchers::ContainsSubstring;
using manifill::test::refusal;

namespace {

void check_symmetric_with_zero_rows(const Laplacian& l) {
  const Eigen::MatrixXd s = l.stiffness;
  CHECK(s == s.transpose());
  // Sums of a handful of terms: the rounding of each.
  CHECK((s.rowwise().sum().cwiseAbs().array() <= 4e-15 * s.cwiseAbs().rowwise().sum().array()).all());
}

void check_positive_semidefinite(const Laplacian& l) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> e(Eigen::MatrixXd(l.stiffness),
                                                         Eigen::EigenvaluesOnly);
  CHECK(e.eigenvalues()[0] >= -1e-12 * e.eigenvalues().tail(1)[0]);
}

double largest_off_diagonal(const Laplacian& l) {
  Eigen::MatrixXd s = l.stiffness;
  s.diagonal().setConstant(-1.0);
  return s.maxCoeff();
}

/// Eigenvalues of M^-1 S, ascending.
Eigen::VectorXd eigenvalues(const Laplacian& l) {
  const Eigen::MatrixXd mass =
      l.lumped() ? Eigen::MatrixXd(l.mass.asDiagonal()) : Eigen::MatrixXd(l.consistent_mass);
  return Eigen::GeneralizedSelfAdjointEigenSolver<Eigen::MatrixXd>(Eigen::MatrixXd(l.stiffness), mass,
                                                                   Eigen::EigenvaluesOnly)
      .eigenvalues();
}

}  // namespace

TEST_CASE("stiffness is symmetric, its rows sum to zero, no eigenvalue is negative", "[operators]") {
  for (const auto& mesh : {surfaces::shaken(domain::icosphere(6), 0.4, 1), meshes::torus(18, 10, 2, 0.8),
                           meshes::disc(8), domain::icosphere(7)})
    for (const bool delaunay : {true, false}) {
      const Laplacian l = cotangent_laplacian(mesh, {.intrinsic_delaunay = delaunay});
      check_symmetric_with_zero_rows(l);
      check_positive_semidefinite(l);
      const auto areas = domain::vertex_areas(mesh);
      CHECK(l.mass.minCoeff() > 0.0);
      CHECK(l.mass.sum() == Approx(std::accumulate(areas.begin(), areas.end(), 0.0)).epsilon(1e-12));
      if (!delaunay)
        for (std::size_t v = 0; v < areas.size(); ++v)
          REQUIRE(l.mass[static_cast<Eigen::Index>(v)] == Approx(areas[v]).epsilon(1e-13));
    }
}

TEST_CASE("weights are not negative on intrinsic Delaunay edges", "[operators]") {
  const auto mesh = surfaces::shaken(domain::icosphere(8), 0.4, 2);
  REQUIRE(largest_off_diagonal(cotangent_laplacian(mesh, {.intrinsic_delaunay = false})) > 0.01);
  CHECK(largest_off_diagonal(cotangent_laplacian(mesh)) <= 0.0);
}

TEST_CASE("the energy of a linear function in the plane is exact", "[operators]") {
  const auto mesh = meshes::disc(6);
  const double area = cotangent_laplacian(mesh).mass.sum();
  Eigen::VectorXd f(static_cast<Eigen::Index>(mesh.vertices.size()));
  for (Eigen::Index i = 0; i < f.size(); ++i) {
    const auto& p = mesh.vertices[static_cast<std::size_t>(i)];
    f[i] = 3.0 * p[0] - 2.0 * p[1] + 5.0;
  }
  for (const bool delaunay : {true, false}) {
    const Laplacian l = cotangent_laplacian(mesh, {.intrinsic_delaunay = delaunay});
    CHECK(f.dot(l.stiffness * f) == Approx(13.0 * area).epsilon(1e-12));
    // Inside the disc a linear function is harmonic.
    const auto boundary = domain::boundary_vertices(mesh);
    const Eigen::VectorXd sf = l.stiffness * f;
    for (std::size_t i = 0; i < boundary.size(); ++i)
      if (!boundary[i]) REQUIRE(std::abs(sf[static_cast<Eigen::Index>(i)]) < 1e-12);
  }
}

TEST_CASE("consistent mass integrates products of linear functions exactly", "[operators]") {
  const auto mesh = meshes::disc(6);
  const Laplacian l = cotangent_laplacian(mesh, {.mass = MassKind::consistent});
  REQUIRE_FALSE(l.lumped());
  Eigen::MatrixXd x(l.size(), 2);
  for (Eigen::Index i = 0; i < l.size(); ++i)
    x.row(i) << mesh.vertices[static_cast<std::size_t>(i)][0], mesh.vertices[static_cast<std::size_t>(i)][1];
  // Of the regular polygon of n sides: area n sin(2 pi / n) / 2, integral of x^2 the area times (2 + cos(2 pi
  // / n)) / 12.
  const double turn = 2.0 * std::numbers::pi / 36.0;
  const double area = 18.0 * std::sin(turn);
  const Eigen::MatrixXd moments = x.transpose() * l.times_mass(x);
  CHECK(moments(0, 0) == Approx(area * (2.0 + std::cos(turn)) / 12.0).epsilon(1e-12));
  CHECK(moments(1, 1) == Approx(moments(0, 0)).epsilon(1e-12));
  CHECK(std::abs(moments(0, 1)) < 1e-13);
  CHECK((Eigen::VectorXd(l.consistent_mass * Eigen::VectorXd::Ones(l.size())) - l.mass).norm() < 1e-14);
}

TEST_CASE("on a flat torus of squares the operator is the five-point difference", "[operators]") {
  // The diagonals of the squares have two right angles opposite and no weight: eigenvalues in closed form.
  const std::size_t m = 14;
  const std::size_t n = 9;
  const double width = 2.0;
  const double height = 1.0;
  const auto exact = surfaces::five_point_eigenvalues(m, n, width, height);
  for (const bool delaunay : {true, false}) {
    const Laplacian l =
        cotangent_laplacian(surfaces::flat_torus(m, n, width, height, 0), {.intrinsic_delaunay = delaunay});
    const Eigen::VectorXd values = eigenvalues(l);
    REQUIRE(values.size() == static_cast<Eigen::Index>(exact.size()));
    for (std::size_t k = 0; k < exact.size(); ++k)
      REQUIRE(values[static_cast<Eigen::Index>(k)] == Approx(exact[k]).margin(1e-10 * exact.back()));
  }
  // Diagonals that reach three and four columns further: the same torus under triangles as thin as that. Only
  // the flips find the squares again.
  for (const std::size_t shear : {3U, 4U}) {
    const auto thin = surfaces::flat_torus(m, n, width, height, shear);
    const Eigen::VectorXd values = eigenvalues(cotangent_laplacian(thin));
    for (std::size_t k = 0; k < exact.size(); ++k)
      REQUIRE(values[static_cast<Eigen::Index>(k)] == Approx(exact[k]).margin(1e-8 * exact.back()));
    const Eigen::VectorXd without = eigenvalues(cotangent_laplacian(thin, {.intrinsic_delaunay = false}));
    CHECK(without[40] > 1.05 * exact[40]);
  }
}

TEST_CASE("with Dirichlet's condition the boundary has no nodes", "[operators]") {
  const auto mesh = meshes::disc(5);
  const Laplacian whole = cotangent_laplacian(mesh);
  for (const MassKind kind : {MassKind::lumped, MassKind::consistent}) {
    const Laplacian inner = cotangent_laplacian(mesh, {.mass = kind, .boundary = Boundary::dirichlet});
    REQUIRE(inner.size() == whole.size() - 30);
    CHECK(inner.nodes.back() == inner.size() - 1);  // the rim comes last in this mesh
    const Eigen::MatrixXd part = whole.stiffness;
    CHECK(Eigen::MatrixXd(inner.stiffness) == part.topLeftCorner(inner.size(), inner.size()));
    CHECK(inner.mass == whole.mass.head(inner.size()));
    CHECK(eigenvalues(inner)[0] > 4.0);  // 5.78 on the whole disc
  }
  const domain::TriangleMesh one{.vertices = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}}, .triangles = {{0, 1, 2}}};
  CHECK_THAT(refusal(ErrorKind::input, [&] { cotangent_laplacian(one, {.boundary = Boundary::dirichlet}); }),
             ContainsSubstring("boundary"));
}

TEST_CASE("a renumbered mesh has the renumbered operator", "[operators]") {
  const auto mesh = surfaces::shaken(domain::icosphere(5), 0.4, 3);
  const auto order = surfaces::random_order(mesh.vertices.size(), 4);
  const Laplacian a = cotangent_laplacian(mesh);
  const Laplacian b = cotangent_laplacian(meshes::renumbered(mesh, order));
  const Eigen::MatrixXd sa = a.stiffness;
  const Eigen::MatrixXd sb = b.stiffness;
  // Ties between diagonals may fall otherwise, which then have no weight.
  CHECK((sb(order, order) - sa).cwiseAbs().maxCoeff() < 1e-9);
  CHECK((b.mass(order) - a.mass).cwiseAbs().maxCoeff() < 1e-9);

  const auto cloud = surfaces::fibonacci_sphere(200);
  std::vector<std::array<double, 3>> points(200);
  const auto shuffle = surfaces::random_order(200, 5);
  for (std::size_t i = 0; i < 200; ++i) points[shuffle[i]] = cloud[i];
  const std::vector<double> areas(200, 1.0);
  const Eigen::MatrixXd wa = point_laplacian(cloud, areas).stiffness;
  const Eigen::MatrixXd wb = point_laplacian(points, areas).stiffness;
  CHECK((wb(shuffle, shuffle) - wa).cwiseAbs().maxCoeff() < 1e-12);
}

TEST_CASE("faulty meshes are refused before there is a number", "[operators]") {
  auto mesh = domain::icosphere(2);
  mesh.vertices[7][2] = std::nan("");
  CHECK_THAT(refusal(ErrorKind::input, [&] { cotangent_laplacian(mesh); }), ContainsSubstring("[vertex 7]"));
  IntrinsicMesh loose{.vertices = 4, .triangles = {{0, 1, 2}}, .lengths = {{1, 1, 1}}};
  CHECK_THAT(refusal(ErrorKind::input, [&] { cotangent_laplacian(loose); }), ContainsSubstring("[vertex 3]"));
}

TEST_CASE("points: symmetric, rows sum to zero, weights not negative", "[operators]") {
  const auto points = surfaces::fibonacci_sphere(300);
  std::vector<double> areas(300, 4.0 * std::numbers::pi / 300.0);
  for (const Bandwidth width : {Bandwidth::local, Bandwidth::common}) {
    const Laplacian l = point_laplacian(points, areas, {.bandwidth = width});
    check_symmetric_with_zero_rows(l);
    check_positive_semidefinite(l);
    CHECK(largest_off_diagonal(l) <= 0.0);
    CHECK(l.mass.sum() == Approx(4.0 * std::numbers::pi).epsilon(1e-12));
  }
  // A common factor of the areas is none of the operator's.
  const Eigen::VectorXd before = eigenvalues(point_laplacian(points, areas));
  for (double& a : areas) a *= 7.0;
  CHECK((eigenvalues(point_laplacian(points, areas)) - before).cwiseAbs().maxCoeff() <
        1e-9 * before.tail(1)[0]);
}

TEST_CASE("points on the sphere: eigenvalues tend to l (l + 1)", "[operators]") {
  // Widths shrink with the square root of the number of points and errors with the widths' square, until what
  // a fixed number of neighbours leaves is as large, beyond these sizes. Not a lattice: a fifth either way.
  std::vector<double> error;
  for (const std::size_t n : {300U, 600U, 1200U}) {
    const auto points = surfaces::fibonacci_sphere(n);
    const Eigen::VectorXd values =
        eigenvalues(point_laplacian(points, std::vector<double>(n, 1.0 / static_cast<double>(n))));
    CHECK(std::abs(values[0]) < 1e-10);
    double worst = 0.0;
    for (int l = 1; l <= 3; ++l)
      for (int k = l * l; k < (l + 1) * (l + 1); ++k)
        worst = std::max(worst, std::abs(values[k] / (l * (l + 1)) - 1.0));
    error.push_back(worst);
  }
  CHECK(error[0] < 0.1);
  CHECK(error[0] / error[1] == Approx(2.0).epsilon(0.2));
  CHECK(error[1] / error[2] == Approx(2.0).epsilon(0.2));
}

TEST_CASE("a lat-lon grid needs the common width", "[operators]") {
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (int i = 0; i < 30; ++i) latitude.push_back(-87.0 + 6.0 * i);
  for (int j = 0; j < 60; ++j) longitude.push_back(3.0 + 6.0 * j);
  const auto grid = domain::Domain::lat_lon(latitude, longitude);
  const auto low = [&](Bandwidth width) {
    return eigenvalues(point_laplacian(grid.points(), grid.weights(), {.bandwidth = width}));
  };
  const Eigen::VectorXd common = low(Bandwidth::common);
  for (int l = 1; l <= 3; ++l)
    for (int k = l * l; k < (l + 1) * (l + 1); ++k) CHECK(common[k] == Approx(l * (l + 1)).epsilon(0.08));
}

TEST_CASE("normalisations of the graph", "[operators]") {
  const auto points = surfaces::fibonacci_sphere(150);
  const std::vector<double> areas(150, 1.0);
  const auto of = [&](GraphNormalisation kind) {
    return point_laplacian(points, areas, {.neighbours = 12, .normalisation = kind});
  };
  const Laplacian walk = of(GraphNormalisation::random_walk);
  const Laplacian symmetric = of(GraphNormalisation::symmetric);
  const Eigen::VectorXd a = eigenvalues(walk);
  CHECK((a - eigenvalues(symmetric)).cwiseAbs().maxCoeff() < 1e-12);
  CHECK(a.minCoeff() > -1e-12);
  CHECK(a.maxCoeff() < 2.0);
  CHECK(Eigen::VectorXd(walk.stiffness.diagonal()) == walk.mass);
  CHECK(Eigen::VectorXd(symmetric.stiffness.diagonal()).isOnes(1e-14));
  const Eigen::MatrixXd s = symmetric.stiffness;
  CHECK((s - s.transpose()).cwiseAbs().maxCoeff() < 1e-15);
}

TEST_CASE("faulty points are refused by name and index", "[operators]") {
  auto points = surfaces::fibonacci_sphere(40);
  std::vector<double> areas(40, 1.0);
  const auto input = [&] { return refusal(ErrorKind::input, [&] { point_laplacian(points, areas); }); };
  points[5][1] = std::nan("");
  CHECK_THAT(input(), ContainsSubstring("[point 5]"));
  points = surfaces::fibonacci_sphere(40);
  areas[6] = 0.0;
  CHECK_THAT(input(), ContainsSubstring("[point 6]") && ContainsSubstring("area"));
  areas[6] = 1.0;
  points[30] = points[2];
  CHECK_THAT(input(), ContainsSubstring("points 2 and 30"));
  points = surfaces::fibonacci_sphere(40);
  const auto usage = [&](const PointOptions& o) {
    return refusal(ErrorKind::usage, [&] { point_laplacian(points, areas, o); });
  };
  CHECK_THAT(usage({.neighbours = 40}), ContainsSubstring("neighbours"));
  CHECK_THAT(usage({.neighbours = 2}), ContainsSubstring("neighbours"));
  CHECK_THAT(usage({.dimension = 4}), ContainsSubstring("dimension"));
  areas.pop_back();
  CHECK_THAT(usage({}), ContainsSubstring("39 areas"));
}

TEST_CASE("the bound of the largest eigenvalue holds and is not twice too large", "[operators]") {
  for (const auto& mesh : {surfaces::shaken(domain::icosphere(6), 0.4, 6), meshes::disc(7)}) {
    const Laplacian l = cotangent_laplacian(mesh);
    const double largest = eigenvalues(l).tail(1)[0];
    CHECK(largest_eigenvalue_bound(l) >= largest);
    CHECK(largest_eigenvalue_bound(l) <= 2.0 * largest);
  }
  CHECK_THAT(refusal(ErrorKind::usage,
                     [] {
                       largest_eigenvalue_bound(
                           cotangent_laplacian(domain::icosphere(2), {.mass = MassKind::consistent}));
                     }),
             ContainsSubstring("diagonal mass"));
}

TEST_CASE("the hash follows content", "[operators]") {
  const auto mesh = domain::icosphere(4);
  const auto h = cotangent_laplacian(mesh).hash();
  CHECK(h == cotangent_laplacian(mesh).hash());
  CHECK(h != cotangent_laplacian(domain::icosphere(5)).hash());
  CHECK(h != cotangent_laplacian(mesh, {.mass = MassKind::consistent}).hash());
  auto moved = mesh;
  moved.vertices[0][0] += 1e-9;
  CHECK(h != cotangent_laplacian(moved).hash());
  const auto disc = meshes::disc(4);
  CHECK(cotangent_laplacian(disc).hash() !=
        cotangent_laplacian(disc, {.boundary = Boundary::dirichlet}).hash());
}

TEST_CASE("connected parts", "[operators]") {
  const auto mesh = surfaces::copies(domain::icosphere(2), 3, 5.0);
  const auto part = connected_parts(cotangent_laplacian(mesh).stiffness);
  const std::size_t each = part.size() / 3;
  for (std::size_t i = 0; i < part.size(); ++i) REQUIRE(part[i] == i / each);
}
