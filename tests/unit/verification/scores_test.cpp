#include "manifill/verification/scores.hpp"

#include <algorithm>
#include <cmath>

#include "catch.hpp"
#include "manifill/base/random.hpp"

using namespace manifill;

TEST_CASE("fair CRPS equals its definition by pairs", "[verification]") {
  RandomStream random({.seed = 1});
  for (int trial = 0; trial < 20; ++trial) {
    Eigen::VectorXd x(7);
    random.fill_normal(std::span<double>(x.data(), 7));
    const double truth = random.normal();
    double expected = (x.array() - truth).abs().mean();
    for (int i = 0; i < 7; ++i)
      for (int j = 0; j < 7; ++j) expected -= std::abs(x[i] - x[j]) / (2.0 * 7 * 6);
    std::sort(x.data(), x.data() + 7);
    CHECK(verification::fair_crps(x, truth) == Approx(expected).margin(1e-12));
  }
}

TEST_CASE("fair CRPS of few members estimates the CRPS of the law without bias", "[verification]") {
  RandomStream random({.seed = 2});
  double fair = 0.0;
  double exact = 0.0;
  constexpr int kTrials = 40000;
  for (int k = 0; k < kTrials; ++k) {
    Eigen::VectorXd x(3);
    random.fill_normal(std::span<double>(x.data(), 3));
    std::sort(x.data(), x.data() + 3);
    const double truth = random.normal();
    fair += verification::fair_crps(x, truth) / kTrials;
    exact += verification::gaussian_crps(0.0, 1.0, truth) / kTrials;
  }
  CHECK(fair == Approx(exact).margin(0.02));  // four standard errors of the difference
}

TEST_CASE("a perfect ensemble of any size covers the nominal share", "[verification]") {
  RandomStream random({.seed = 3});
  for (const int members : {19, 32}) {
    verification::ScoreCard card;
    for (int field = 0; field < 40; ++field) {
      Eigen::MatrixXd x(200, members);
      random.fill_normal(std::span<double>(x.data(), static_cast<std::size_t>(x.size())));
      Eigen::VectorXd truth(200);
      random.fill_normal(std::span<double>(truth.data(), 200));
      card.add(x, truth, Eigen::VectorXd::Ones(200));
    }
    const auto s = card.result();
    // 8000 draws: standard error of a share at most 0.006.
    CHECK(s.coverage50 == Approx(0.5).margin(0.025));
    CHECK(s.coverage80 == Approx(0.8).margin(0.02));
    CHECK(s.coverage90 == Approx(0.9).margin(0.015));
    CHECK(s.spread_skill == Approx(1.0).margin(0.03));
  }
}

TEST_CASE("weights choose the scored cells", "[verification]") {
  Eigen::VectorXd truth(3);
  truth << 1.0, 2.0, 100.0;
  Eigen::VectorXd fill(3);
  fill << 2.0, 4.0, 0.0;
  Eigen::VectorXd weight(3);
  weight << 1.0, 3.0, 0.0;
  verification::ScoreCard card;
  card.add(fill, truth, weight);
  CHECK(card.result().mae == Approx((1.0 + 3.0 * 2.0) / 4.0));
  CHECK(card.result().rmse == Approx(std::sqrt((1.0 + 3.0 * 4.0) / 4.0)));
}
