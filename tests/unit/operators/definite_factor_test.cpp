#include "manifill/operators/definite_factor.hpp"

#include <Eigen/Cholesky>
#include <cmath>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "random_numbers.hpp"

using namespace manifill;
using manifill::test::normals;

namespace {

/// Symmetric with eigenvalues from `least` to about four.
Eigen::MatrixXd definite(Eigen::Index n, double least, std::uint64_t seed) {
  const Eigen::MatrixXd x = normals(n, n, seed);
  Eigen::MatrixXd s = x * x.transpose() / static_cast<double>(n);
  s.diagonal().array() += least;
  return s;
}

}  // namespace

TEST_CASE("solutions are those of S to double accuracy in either precision", "[operators]") {
  for (const Eigen::Index n : {1, 5, 300, 700}) {
    const Eigen::MatrixXf single = definite(n, 0.01, static_cast<std::uint64_t>(n)).cast<float>();
    const Eigen::MatrixXd s = single.cast<double>();
    const Eigen::MatrixXd b = normals(n, 3, 9);
    const operators::DefiniteFactor in_double(s);
    const operators::DefiniteFactor mixed(single);
    // Residuals relative to b: eight digits are far beyond single precision and leave room for the condition
    // of 400.
    CHECK((s * in_double.solve(b) - b).norm() < 1e-8 * b.norm());
    CHECK((s * mixed.solve(b) - b).norm() < 1e-8 * b.norm());
    const Eigen::VectorXd expected = (b.transpose() * s.llt().solve(b)).diagonal();
    CHECK((in_double.quadratic(b) - expected).norm() < 1e-9 * expected.norm());
    CHECK((mixed.quadratic(b) - expected).norm() < 1e-3 * expected.norm());
  }
}

TEST_CASE("errors of a solution that is not refined cancel in the smooth field it stands for",
          "[operators]") {
  const Eigen::Index n = 600;
  Eigen::MatrixXd covariance(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j)
      covariance(i, j) = std::exp(-0.5 * std::pow(static_cast<double>(i - j) / 20.0, 2));
  Eigen::MatrixXf s = covariance.cast<float>();
  s.diagonal().array() += 1e-3F;  // condition 5e4
  const operators::DefiniteFactor factor(s);
  const Eigen::MatrixXd b = covariance * normals(n, 4, 3) + 0.03 * normals(n, 4, 7);
  const Eigen::MatrixXd exact = factor.solve(b, 1e-10);
  const Eigen::MatrixXd loose = factor.solve(b, 0.05);
  CHECK((loose - exact).norm() > 0.0);
  CHECK((loose - exact).norm() < 0.05 * exact.norm());
  CHECK((covariance * (loose - exact)).norm() < 1e-3 * (covariance * exact).norm());
  // Solutions do not depend on what was asked before.
  CHECK(factor.solve(b, 0.05) == loose);
}

TEST_CASE("a matrix that single precision cannot factorise is done in double", "[operators]") {
  const Eigen::Index n = 40;
  const Eigen::MatrixXf single = definite(n, 1e-6, 4).cast<float>();
  Eigen::MatrixXf nearly = Eigen::MatrixXf::Ones(n, n);
  nearly.diagonal().array() += 3e-7F;
  for (const Eigen::MatrixXf& m : {single, nearly}) {
    const operators::DefiniteFactor factor(m);
    const Eigen::MatrixXd b = m.cast<double>() * normals(n, 2, 5);
    CHECK((m.cast<double>() * factor.solve(b) - b).norm() < 1e-8 * b.norm());
  }
}

TEST_CASE("a matrix that is not positive definite is refused", "[operators]") {
  Eigen::MatrixXd s = Eigen::MatrixXd::Identity(4, 4);
  s(2, 2) = -1.0;
  REQUIRE_THROWS_AS(operators::DefiniteFactor(s), Error);
  REQUIRE_THROWS_AS(operators::DefiniteFactor(Eigen::MatrixXf(s.cast<float>())), Error);
}
