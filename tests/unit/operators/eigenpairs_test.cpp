#include "manifill/operators/eigenpairs.hpp"

#include <cmath>

#include "catch.hpp"

using namespace manifill;

TEST_CASE("eigenvalues of the second difference are known", "[operators]") {
  constexpr int n = 40;
  Eigen::MatrixXd a = 2.0 * Eigen::MatrixXd::Identity(n, n);
  for (int i = 0; i + 1 < n; ++i) a(i, i + 1) = a(i + 1, i) = -1.0;
  const auto e = operators::symmetric_eigenpairs(a);
  for (int k = 0; k < n; ++k)
    CHECK(e.values[k] == Approx(2.0 - 2.0 * std::cos(M_PI * (n - k) / (n + 1.0))).margin(1e-12));
  CHECK((a * e.vectors - e.vectors * e.values.asDiagonal()).cwiseAbs().maxCoeff() < 1e-12);
}

TEST_CASE("the leading pairs alone are those of all", "[operators]") {
  const Eigen::MatrixXd b = Eigen::MatrixXd::Random(30, 30);
  const Eigen::MatrixXd a = b + b.transpose();
  const auto all = operators::symmetric_eigenpairs(a);
  for (const Eigen::Index count : {1, 7, 30}) {
    const auto some = operators::symmetric_eigenpairs(a.triangularView<Eigen::Lower>(), count);
    REQUIRE(some.values.size() == count);
    CHECK((some.values - all.values.head(count)).cwiseAbs().maxCoeff() < 1e-12);
    CHECK((a * some.vectors - some.vectors * some.values.asDiagonal()).cwiseAbs().maxCoeff() < 1e-12);
  }
}

TEST_CASE("subspace iteration finds the leading pairs of a decaying spectrum", "[operators]") {
  constexpr int n = 300;
  Eigen::MatrixXf c(n, n);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) c(i, j) = std::exp(-0.5F * std::pow(static_cast<float>(i - j) / 15.0F, 2.0F));
  const auto exact = operators::symmetric_eigenpairs(c.cast<double>());
  const auto some =
      operators::leading_eigenpairs([&](const Eigen::MatrixXf& x) { return Eigen::MatrixXf(c * x); }, n, 20);
  CHECK((some.values - exact.values.head(20)).cwiseAbs().maxCoeff() < 1e-3 * exact.values[0]);
}

TEST_CASE("the symmetric root squares to the matrix", "[operators]") {
  Eigen::MatrixXd b = Eigen::MatrixXd::Random(12, 12);
  const Eigen::MatrixXd a = b * b.transpose();
  const auto root = operators::symmetric_square_root(a);
  CHECK((root * root - a).cwiseAbs().maxCoeff() < 1e-10);
  CHECK((root - root.transpose()).cwiseAbs().maxCoeff() < 1e-12);
}
