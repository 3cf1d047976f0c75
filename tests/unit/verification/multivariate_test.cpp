#include "manifill/verification/multivariate.hpp"

#include <cmath>
#include <set>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/verification/crps.hpp"
#include "random_numbers.hpp"

using namespace manifill;
using namespace manifill::verification;
using manifill::test::normals;

namespace {

domain::Domain region() {
  return domain::Domain::lat_lon({50.0, 45.0, 40.0, 35.0}, {0.0, 5.0, 10.0, 15.0, 20.0});
}

}  // namespace

TEST_CASE("the energy score equals its definition by pairs", "[verification]") {
  RandomStream random({.seed = 1});
  constexpr Eigen::Index n = 12;
  constexpr Eigen::Index m = 6;
  const Eigen::MatrixXd x = normals(random, n, m);
  const Eigen::VectorXd y = normals(random, n, 1);
  Eigen::VectorXd w = normals(random, n, 1).cwiseAbs();
  w[3] = 0.0;
  const auto norm = [&](const Eigen::VectorXd& d) {
    double sum = 0.0;
    for (Eigen::Index i = 0; i < n; ++i) sum += w[i] * d[i] * d[i];
    return std::sqrt(sum / w.sum());
  };
  double to_truth = 0.0;
  double between = 0.0;
  for (Eigen::Index k = 0; k < m; ++k) {
    to_truth += norm(x.col(k) - y) / m;
    for (Eigen::Index l = 0; l < m; ++l) between += norm(x.col(k) - x.col(l)) / (m * (m - 1));
  }
  const auto score = fair_energy_score(x, y, w);
  CHECK(score.diversity == Approx(between));
  CHECK(score.score == Approx(to_truth - 0.5 * between));

  // What is not scored is not looked at.
  Eigen::MatrixXd unknown = x;
  unknown.row(3).setConstant(std::nan(""));
  Eigen::VectorXd gap = y;
  gap[3] = std::nan("");
  CHECK(fair_energy_score(unknown, gap, w).score == score.score);
}

TEST_CASE("the energy score of one member is its distance, of one point the CRPS", "[verification]") {
  RandomStream random({.seed = 2});
  const Eigen::MatrixXd x = normals(random, 9, 1);
  const Eigen::VectorXd y = normals(random, 9, 1);
  const auto one = fair_energy_score(x, y, Eigen::VectorXd::Ones(9));
  CHECK(one.score == Approx(std::sqrt((x.col(0) - y).squaredNorm() / 9.0)));
  CHECK(std::isnan(one.diversity));

  Eigen::MatrixXd z = normals(random, 1, 8);
  std::sort(z.data(), z.data() + 8);
  const auto point = fair_energy_score(z, Eigen::VectorXd::Constant(1, 0.3), Eigen::VectorXd::Ones(1));
  CHECK(point.score == Approx(fair_crps({z.data(), 8}, 0.3)));
  CHECK_THROWS_AS(fair_energy_score(x, y, Eigen::VectorXd::Zero(9)), Error);
  CHECK_THROWS_AS(fair_energy_score(x, y, Eigen::VectorXd::Ones(8)), Error);
}

TEST_CASE("the fair energy and variogram scores do not depend on the number of members on average",
          "[verification]") {
  // Forecast and truth of different laws; 4000 trials a size, tolerance four standard errors of the
  // difference of the two means, which are estimated from the trials.
  const Pairs pairs{{0, 1}, {1, 2}, {0, 4}};
  const Eigen::VectorXd w = Eigen::VectorXd::LinSpaced(5, 1.0, 2.0);
  std::array<std::array<double, 2>, 2> mean{};
  std::array<std::array<double, 2>, 2> error{};
  constexpr int kTrials = 4000;
  for (std::size_t size = 0; size < 2; ++size) {
    RandomStream random({.seed = 3, .member = static_cast<std::uint32_t>(size)});
    std::array<double, 2> sum{};
    std::array<double, 2> square{};
    for (int k = 0; k < kTrials; ++k) {
      const Eigen::MatrixXd x = normals(random, 5, size == 0 ? 3 : 24);
      const Eigen::VectorXd y = 1.5 * normals(random, 5, 1);
      const std::array<double, 2> score{fair_energy_score(x, y, w).score,
                                        fair_variogram_score(x, y, w, pairs)};
      for (std::size_t s = 0; s < 2; ++s) {
        sum[s] += score[s];
        square[s] += score[s] * score[s];
      }
    }
    for (std::size_t s = 0; s < 2; ++s) {
      mean[s][size] = sum[s] / kTrials;
      error[s][size] = (square[s] / kTrials - mean[s][size] * mean[s][size]) / kTrials;
    }
  }
  for (std::size_t s = 0; s < 2; ++s) {
    const double standard = std::sqrt(error[s][0] + error[s][1]);
    CHECK(std::abs(mean[s][0] - mean[s][1]) < 4.0 * standard);
    CHECK(standard < 0.02 * std::abs(mean[s][1]) + 0.005);
  }
}

TEST_CASE("the variogram score equals its definition", "[verification]") {
  RandomStream random({.seed = 4});
  const Eigen::MatrixXd x = normals(random, 4, 5);
  const Eigen::VectorXd y = normals(random, 4, 1);
  Eigen::VectorXd w(4);
  w << 1.0, 2.0, 0.0, 4.0;
  const Pairs pairs{{0, 1}, {1, 2}, {1, 3}};  // the second is left out
  double expected = 0.0;
  for (const auto& [i, j] : {std::array{0, 1}, std::array{1, 3}}) {
    double mean = 0.0;
    for (int k = 0; k < 5; ++k) mean += std::sqrt(std::abs(x(i, k) - x(j, k))) / 5.0;
    double variance = 0.0;
    for (int k = 0; k < 5; ++k) variance += std::pow(std::sqrt(std::abs(x(i, k) - x(j, k))) - mean, 2) / 4.0;
    expected += (w[i] + w[j]) * (std::pow(std::sqrt(std::abs(y[i] - y[j])) - mean, 2) - variance / 5.0);
  }
  CHECK(fair_variogram_score(x, y, w, pairs) == Approx(expected / (3.0 + 6.0)));
  CHECK(std::isnan(fair_variogram_score(x, y, w, {{0, 2}})));
  const double plain = std::pow(std::sqrt(std::abs(y[0] - y[1])) - std::sqrt(std::abs(x(0, 0) - x(1, 0))), 2);
  CHECK(fair_variogram_score(x.leftCols(1), y, w, {{0, 1}}) == Approx(plain));
}

TEST_CASE("the variogram score sees what marginals do not: members without correlation", "[verification]") {
  RandomStream random({.seed = 5});
  const Pairs pairs{{0, 1}};
  double joint = 0.0;
  double independent = 0.0;
  for (int k = 0; k < 3000; ++k) {
    const double common = random.normal();
    const Eigen::VectorXd y = Eigen::Vector2d(common, common + 0.1 * random.normal());
    Eigen::MatrixXd x(2, 10);
    for (Eigen::Index c = 0; c < 10; ++c) {
      x(0, c) = random.normal();
      x(1, c) = x(0, c) + 0.1 * random.normal();
    }
    joint += fair_variogram_score(x, y, Eigen::Vector2d::Ones(), pairs) / 3000.0;
    independent += fair_variogram_score(normals(random, 2, 10), y, Eigen::Vector2d::Ones(), pairs) / 3000.0;
  }
  CHECK(joint < 0.3 * independent);
}

TEST_CASE("pairs: each edge once, far pairs far and repeatable", "[verification]") {
  const auto d = region();
  const auto near = neighbour_pairs(d);
  CHECK(near.size() == 4 * 4 + 3 * 5);
  std::set<std::array<std::size_t, 2>> once(near.begin(), near.end());
  CHECK(once.size() == near.size());

  Eigen::VectorXd w = Eigen::VectorXd::Ones(20);
  w[7] = 0.0;
  RandomStream random({.seed = 6});
  RandomStream again({.seed = 6});
  const auto far = random_pairs(d, w, 100, 1000.0, random);
  CHECK(far.size() == 100);
  CHECK(
      (far == random_pairs(d, w, 100, 1000.0, again)));  // in brackets: Catch cannot print pairs beside glog
  for (const auto& [i, j] : far) {
    CHECK(i != 7);
    CHECK(j != 7);
    CHECK(domain::great_circle_km(d.points()[i], d.points()[j]) >= 1000.0);
  }
  CHECK(random_pairs(d, w, 100, 1e5, random).empty());
  CHECK(random_pairs(d, Eigen::VectorXd::Zero(20), 100, 0.0, random).empty());
}
