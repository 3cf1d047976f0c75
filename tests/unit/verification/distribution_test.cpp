#include "manifill/verification/distribution.hpp"

#include <cmath>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "random_numbers.hpp"

using namespace manifill;
using namespace manifill::verification;
using manifill::test::normals;

TEST_CASE("discrepancy and median distance as SciPy computes them", "[verification]") {
  Eigen::MatrixXd x(6, 5);
  Eigen::MatrixXd y(6, 5);
  for (Eigen::Index i = 0; i < 6; ++i)
    for (Eigen::Index f = 0; f < 5; ++f) {
      const auto p = static_cast<double>(i);
      const auto q = static_cast<double>(f);
      x(i, f) = std::sin(1.0 + 1.3 * p + 0.7 * q);
      y(i, f) = std::cos(0.4 + 0.9 * p - 1.1 * q);
    }
  Eigen::VectorXd w(6);
  w << 1.0, 2.0, 0.0, 1.5, 0.5, 3.0;
  // scipy.spatial.distance: pdist, and cdist of the fields times the root of the weights.
  CHECK(median_distance(y, w) == Approx(1.1153474289849596).epsilon(1e-12));
  CHECK(squared_mmd(x, y, w, 0.8) == Approx(0.042151729122733704).margin(1e-14));
  // Points of weight 0 are not looked at, a level common to all changes nothing.
  x.row(2).setConstant(std::nan(""));
  y.row(2).setConstant(std::nan(""));
  x.array() += 1e6;
  y.array() += 1e6;
  CHECK(squared_mmd(x, y, w, 0.8) == Approx(0.042151729122733704).margin(1e-8));
  CHECK(std::isnan(squared_mmd(x.leftCols(1), y.leftCols(1), w, 0.8)));
  CHECK(std::isnan(median_distance(y.leftCols(1), w)));
  CHECK_THROWS_AS(squared_mmd(x, y.leftCols(4), w, 0.8), Error);
  CHECK_THROWS_AS(squared_mmd(x, y, w, 0.0), Error);
  CHECK_THROWS_AS(squared_mmd(x, y, Eigen::VectorXd::Zero(6), 0.8), Error);
  CHECK_THROWS_AS(median_distance(y, w.head(5)), Error);
}

TEST_CASE("the discrepancy of a law with itself is zero in the mean, though pairs are alike",
          "[verification]") {
  RandomStream random({.seed = 8});
  const Eigen::VectorXd w = Eigen::VectorXd::Ones(4);
  const double width = std::sqrt(2.0);
  double same = 0.0;
  double shifted = 0.0;
  constexpr int kDraws = 400;
  for (int draw = 0; draw < kDraws; ++draw) {
    const Eigen::MatrixXd common = normals(random, 4, 12);
    const Eigen::MatrixXd x = common + 0.5 * normals(random, 4, 12);
    const Eigen::MatrixXd y = common + 0.5 * normals(random, 4, 12);
    same += squared_mmd(x, y, w, width) / kDraws;
    shifted += squared_mmd((x.array() + 1.0).matrix(), y, w, width) / kDraws;
  }
  // Standard error of the mean of 400 such values about 0.0015; a term of the pairs would add -0.08.
  CHECK(same == Approx(0.0).margin(0.006));
  // Closed form for N(0, v I) against N(1, v I) in four dimensions, kernel exp(-d^2 / (2 h)) of the plain
  // norm: differences of two draws have variance 2 v.
  const double h = 4.0 * width * width;
  const double v = 1.25;
  const double peak = std::pow(h / (h + 2.0 * v), 2.0);
  CHECK(shifted == Approx(2.0 * peak * (1.0 - std::exp(-4.0 / (2.0 * (h + 2.0 * v))))).margin(0.01));
}
