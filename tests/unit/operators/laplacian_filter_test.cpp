#include "manifill/operators/laplacian_filter.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "random_numbers.hpp"
#include "tests/unit/operators/surfaces.hpp"
#include "unit/domain/refusal.hpp"

using namespace manifill;
using namespace manifill::operators;
using Catch::Matchers::ContainsSubstring;
using manifill::test::normals;
using manifill::test::refusal;

namespace {

/// g(M^-1 S) x by all eigenpairs.
Eigen::MatrixXd exactly(const Laplacian& l, const Response& g, const Eigen::MatrixXd& x) {
  const Eigen::GeneralizedSelfAdjointEigenSolver<Eigen::MatrixXd> e(Eigen::MatrixXd(l.stiffness),
                                                                    Eigen::MatrixXd(l.mass.asDiagonal()));
  const Eigen::VectorXd gain = e.eigenvalues().cwiseMax(0.0).unaryExpr(g);
  return e.eigenvectors() * gain.asDiagonal() * (e.eigenvectors().transpose() * l.times_mass(x));
}

Laplacian sphere() { return cotangent_laplacian(surfaces::shaken(domain::icosphere(6), 0.15, 1)); }

/// z of every vertex: an eigenfunction on the sphere, of eigenvalue 2.
Eigen::VectorXd height(const domain::TriangleMesh& mesh) {
  Eigen::VectorXd z(static_cast<Eigen::Index>(mesh.vertices.size()));
  for (Eigen::Index i = 0; i < z.size(); ++i) z[i] = mesh.vertices[static_cast<std::size_t>(i)][2];
  return z;
}

}  // namespace

TEST_CASE("Chebyshev filters are functions of the operator", "[operators]") {
  const Eigen::MatrixXd x = normals(362, 3, 1);
  for (const Laplacian& l :
       {sphere(), point_laplacian(surfaces::fibonacci_sphere(362), std::vector<double>(362, 1.0))})
    for (const Response& g : {heat_response(0.02), heat_response(1.0), low_pass_response(60.0),
                              mexican_hat_response(0.05), mexican_hat_response(0.5)}) {
      const auto filter = ChebyshevFilter::within(l, g, 1e-9);
      // Errors of the response, at most 1e-9, times fields of size one, in the norm of the mass.
      const Eigen::MatrixXd expected = exactly(l, g, x);
      CHECK((filter.apply(x) - expected).cwiseAbs().maxCoeff() < 1e-7);
      for (const double share : {0.0, 0.01, 0.3, 1.0}) {
        const double lambda = share * largest_eigenvalue_bound(l);
        CHECK(std::abs(filter.at(lambda) - g(lambda)) < 2e-9);
      }
    }
}

TEST_CASE("a polynomial is met by a filter of its degree", "[operators]") {
  const Laplacian l = sphere();
  const Eigen::MatrixXd x = normals(l.size(), 2, 2);
  const double bound = largest_eigenvalue_bound(l);
  const auto cubic = [&](double v) { return 2.0 + v / bound - 3.0 * std::pow(v / bound, 3); };
  const ChebyshevFilter filter(l, cubic, 3);
  CHECK(filter.degree() == 3);
  const Eigen::MatrixXd a = l.mass.cwiseInverse().asDiagonal() * Eigen::MatrixXd(l.stiffness) / bound;
  const Eigen::MatrixXd expected = 2.0 * x + a * x - 3.0 * (a * (a * (a * x)));
  CHECK((filter.apply(x) - expected).cwiseAbs().maxCoeff() < 1e-12);
  const ChebyshevFilter constant(
      l, [](double) { return 4.0; }, 0);
  CHECK((constant.apply(x) - 4.0 * x).cwiseAbs().maxCoeff() < 1e-13);
  CHECK(ChebyshevFilter(l, heat_response(1.0), 1).apply(x).allFinite());
}

TEST_CASE("filters are self-adjoint in the mass, and give their transpose", "[operators]") {
  const Laplacian l = sphere();
  const ChebyshevFilter filter(l, low_pass_response(30.0), 40);
  const Eigen::VectorXd x = normals(l.size(), 1, 3);
  const Eigen::VectorXd y = normals(l.size(), 1, 4);
  const Eigen::VectorXd fx = filter.apply(x);
  const double inner = fx.dot(l.mass.cwiseProduct(y));
  CHECK(x.dot(l.mass.cwiseProduct(Eigen::VectorXd(filter.apply(y)))) == Approx(inner).margin(1e-12));
  CHECK(x.dot(Eigen::VectorXd(filter.transposed(y))) == Approx(fx.dot(y)).margin(1e-10));
}

TEST_CASE("wavelets sum to zero and the low-pass keeps constants", "[operators]") {
  const Laplacian l = sphere();
  const Eigen::MatrixXd x = normals(l.size(), 1, 5);
  const Eigen::MatrixXd wave = ChebyshevFilter::within(l, mexican_hat_response(0.1), 1e-10).apply(x);
  CHECK(std::abs(l.mass.dot(wave.col(0))) < 1e-8);
  CHECK(mexican_hat_response(0.1)(10.0) == Approx(1.0));
  CHECK(low_pass_response(7.0)(7.0) == Approx(0.5));
  const Eigen::MatrixXd ones = Eigen::MatrixXd::Ones(l.size(), 1);
  CHECK(
      (ChebyshevFilter::within(l, low_pass_response(30.0), 1e-10).apply(ones) - ones).cwiseAbs().maxCoeff() <
      1e-9);
}

TEST_CASE("heat on the sphere: the first harmonics decay as exp(-2 t), the total stays", "[operators]") {
  const auto mesh = domain::icosphere(16);
  const Laplacian l = cotangent_laplacian(mesh);
  const Eigen::VectorXd z = height(mesh);
  for (const double t : {0.0, 0.1, 1.0}) {
    const Eigen::VectorXd after = diffuse(l, z, t);
    // First harmonics are eigenvectors of this mesh to 1e-3, as edges are 1 / 14.
    CHECK((after - std::exp(-2.0 * t) * z).cwiseAbs().maxCoeff() < 2e-3);
  }
  const Eigen::MatrixXd x = normals(l.size(), 2, 6);
  const Eigen::MatrixXd after = diffuse(l, x, 0.05);
  for (Eigen::Index c = 0; c < 2; ++c)
    CHECK(l.mass.dot(after.col(c)) == Approx(l.mass.dot(x.col(c))).margin(1e-7));
  // Maximum principle: weights are not negative.
  CHECK(after.maxCoeff() < x.maxCoeff());
  CHECK(after.minCoeff() > x.minCoeff());
  // Twice the half time is the time.
  CHECK((diffuse(l, diffuse(l, x, 0.025), 0.025) - after).cwiseAbs().maxCoeff() < 1e-7);
}

TEST_CASE("filters refuse what they cannot do", "[operators]") {
  const Laplacian l = sphere();
  const auto consistent = cotangent_laplacian(domain::icosphere(3), {.mass = MassKind::consistent});
  CHECK_THAT(refusal(ErrorKind::usage, [&] { ChebyshevFilter(consistent, heat_response(1.0), 4); }),
             ContainsSubstring("diagonal mass"));
  CHECK_THAT(refusal(ErrorKind::usage, [&] { ChebyshevFilter(l, heat_response(1.0), -1); }),
             ContainsSubstring("degree -1"));
  CHECK_THAT(refusal(ErrorKind::numerical,
                     [&] {
                       ChebyshevFilter(
                           l, [](double) { return std::nan(""); }, 5);
                     }),
             ContainsSubstring("not finite"));
  CHECK_THAT(refusal(ErrorKind::numerical,
                     [&] {
                       ChebyshevFilter::within(
                           l, [](double v) { return v < 3.0 ? 1.0 : 0.0; }, 1e-6);
                     }),
             ContainsSubstring("too steep"));
  CHECK_THAT(refusal(ErrorKind::usage, [&] { diffuse(l, normals(l.size(), 1, 1), -1.0); }),
             ContainsSubstring("negative"));
  CHECK_THAT(refusal(ErrorKind::internal, [&] { diffuse(l, normals(5, 1, 1), 1.0); }),
             ContainsSubstring("5 values"));
}

TEST_CASE("harmonic fill continues harmonic functions", "[operators]") {
  // In the plane linear functions are harmonic on any mesh.
  const auto mesh = meshes::disc(8);
  const Laplacian l = cotangent_laplacian(mesh);
  Eigen::MatrixXd truth(l.size(), 2);
  for (Eigen::Index i = 0; i < l.size(); ++i) {
    const auto& p = mesh.vertices[static_cast<std::size_t>(i)];
    truth.row(i) << 1.0 + 2.0 * p[0] - p[1], p[0] * p[0] - p[1] * p[1];
  }
  const auto boundary = domain::boundary_vertices(mesh);
  Eigen::MatrixXd given = truth;
  for (Eigen::Index i = 0; i < l.size(); ++i)
    if (!boundary[static_cast<std::size_t>(i)]) given.row(i).setConstant(std::nan(""));
  const Eigen::MatrixXd filled = harmonic_fill(l, boundary, given);
  CHECK((filled.col(0) - truth.col(0)).cwiseAbs().maxCoeff() < 1e-12);
  // Of x^2 - y^2 to the square of the edges, 1 / 64.
  CHECK((filled.col(1) - truth.col(1)).cwiseAbs().maxCoeff() < 0.02);
  for (Eigen::Index i = 0; i < l.size(); ++i)
    if (boundary[static_cast<std::size_t>(i)]) REQUIRE(filled.row(i) == truth.row(i));
}

TEST_CASE("between two caps the sphere's harmonic function is the Mercator height", "[operators]") {
  const auto mesh = domain::icosphere(24);
  const Laplacian l = cotangent_laplacian(mesh);
  const Eigen::VectorXd truth =
      height(mesh).unaryExpr([](double z) { return std::atanh(std::clamp(z, -0.95, 0.95)); });
  std::vector<bool> known(static_cast<std::size_t>(l.size()));
  for (std::size_t i = 0; i < known.size(); ++i) known[i] = std::abs(mesh.vertices[i][2]) > 0.8;
  const Eigen::VectorXd filled = harmonic_fill(l, known, truth);
  // Edges of 1 / 20: their square, by the fourth derivative of about 10.
  CHECK((filled - truth).cwiseAbs().maxCoeff() < 5e-3);
}

TEST_CASE("harmonic fill has no new extremes and follows renumbering", "[operators]") {
  const auto mesh = surfaces::shaken(domain::icosphere(8), 0.15, 9);
  const Laplacian l = cotangent_laplacian(mesh);
  const Eigen::VectorXd x = normals(l.size(), 1, 8);
  std::vector<bool> known(static_cast<std::size_t>(l.size()), false);
  for (std::size_t i = 0; i < known.size(); i += 7) known[i] = true;
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (std::size_t i = 0; i < known.size(); i += 7) {
    low = std::min(low, x[static_cast<Eigen::Index>(i)]);
    high = std::max(high, x[static_cast<Eigen::Index>(i)]);
  }
  const Eigen::VectorXd filled = harmonic_fill(l, known, x);
  CHECK(filled.minCoeff() >= low - 1e-12);
  CHECK(filled.maxCoeff() <= high + 1e-12);

  const auto order = surfaces::random_order(known.size(), 3);
  std::vector<bool> other_known(known.size());
  Eigen::VectorXd other(x.size());
  for (std::size_t i = 0; i < known.size(); ++i) {
    other_known[order[i]] = known[i];
    other[order[i]] = x[static_cast<Eigen::Index>(i)];
  }
  const Laplacian renumbered = cotangent_laplacian(meshes::renumbered(mesh, order));
  const Eigen::VectorXd again = harmonic_fill(renumbered, other_known, other);
  CHECK((again(order) - filled).cwiseAbs().maxCoeff() < 1e-8);
}

TEST_CASE("harmonic fill refuses parts without a known value", "[operators]") {
  const auto mesh = surfaces::copies(domain::icosphere(2), 2, 5.0);
  const Laplacian l = cotangent_laplacian(mesh);
  Eigen::MatrixXd x = Eigen::MatrixXd::Ones(l.size(), 1);
  std::vector<bool> known(static_cast<std::size_t>(l.size()), false);
  known[3] = true;
  CHECK_THAT(refusal(ErrorKind::input, [&] { harmonic_fill(l, known, x); }), ContainsSubstring("[node 42]"));
  known[50] = true;
  CHECK((harmonic_fill(l, known, x) - x).cwiseAbs().maxCoeff() < 1e-12);
  x(50, 0) = std::nan("");
  CHECK_THAT(refusal(ErrorKind::input, [&] { harmonic_fill(l, known, x); }), ContainsSubstring("[node 50]"));
  known.pop_back();
  CHECK_THAT(refusal(ErrorKind::internal, [&] { harmonic_fill(l, known, x); }),
             ContainsSubstring("mask of 83"));
}
