#include "manifill/verification/crps.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"

using namespace manifill;
using namespace manifill::verification;

namespace {

std::vector<double> sorted_normals(RandomStream& random, std::size_t count, double mean = 0.0,
                                   double sd = 1.0) {
  std::vector<double> x(count);
  for (auto& v : x) v = mean + sd * random.normal();
  std::sort(x.begin(), x.end());
  return x;
}

}  // namespace

TEST_CASE("fair CRPS equals its definition by pairs", "[verification]") {
  RandomStream random({.seed = 1});
  for (const std::size_t m : {2U, 7U, 32U})
    for (const double level : {0.0, 1e6}) {
      const auto x = sorted_normals(random, m, level);
      const double truth = level + random.normal();
      double expected = 0.0;
      for (const double a : x) expected += std::abs(a - truth) / static_cast<double>(m);
      for (const double a : x)
        for (const double b : x) expected -= std::abs(a - b) / static_cast<double>(2 * m * (m - 1));
      CHECK(fair_crps(x, truth) == Approx(expected).margin(1e-9));
    }
}

TEST_CASE("the CRPS of one member is its absolute error", "[verification]") {
  const std::vector<double> x{3.0};
  CHECK(fair_crps(x, 1.0) == 2.0);
  CHECK(gaussian_crps(3.0, 0.0, 1.0) == 2.0);
  CHECK_THROWS_AS(fair_crps({}, 1.0), Error);
}

TEST_CASE("fair CRPS does not depend on the number of members on average", "[verification]") {
  // A biased, over-dispersed forecast N(0.5, 1.5^2) of N(0, 1): its mean CRPS against the closed form of the
  // same law. Tolerance: four standard errors of the mean difference, which is estimated with it.
  constexpr int kTrials = 20000;
  for (const std::size_t m : {2U, 3U, 10U, 32U}) {
    RandomStream random({.seed = 2, .member = static_cast<std::uint32_t>(m)});
    double sum = 0.0;
    double square = 0.0;
    for (int k = 0; k < kTrials; ++k) {
      const auto x = sorted_normals(random, m, 0.5, 1.5);
      const double truth = random.normal();
      const double d = fair_crps(x, truth) - gaussian_crps(0.5, 1.5, truth);
      sum += d;
      square += d * d;
    }
    const double mean = sum / kTrials;
    const double error = std::sqrt((square / kTrials - mean * mean) / kTrials);
    INFO(m << " members");
    CHECK(std::abs(mean) < 4.0 * error);
    CHECK(error < 0.01);
  }
}

TEST_CASE("Gaussian CRPS is the integral of the squared difference of distributions", "[verification]") {
  for (const auto& [mean, sd, truth] :
       {std::array{0.0, 1.0, 0.0}, std::array{2.0, 0.5, 1.1}, std::array{-1.0, 3.0, 4.0}}) {
    double integral = 0.0;
    constexpr double kStep = 1e-3;
    for (double x = -40.0 + 0.5 * kStep; x < 40.0; x += kStep) {
      const double below = 0.5 * std::erfc((mean - x) / (sd * std::sqrt(2.0)));
      const double step = x > truth ? 1.0 : 0.0;
      integral += (below - step) * (below - step) * kStep;
    }
    CHECK(gaussian_crps(mean, sd, truth) == Approx(integral).margin(1e-3));
  }
  CHECK(gaussian_crps(0.0, 1.0, 0.0) == Approx((std::sqrt(2.0) - 1.0) / std::sqrt(M_PI)));
}
