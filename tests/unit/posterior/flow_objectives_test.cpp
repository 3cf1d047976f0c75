#include "manifill/posterior/flow_objectives.hpp"

#include <cmath>
#include <limits>

#include "catch.hpp"
#include "manifill/posterior/flow_training.hpp"

using namespace manifill;

namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

torch::Tensor one(double x) { return torch::full({1, 1}, x, torch::kFloat64); }

double censored(double mean, double sd, double low, double high, double truth) {
  return posterior::censored_gaussian_crps(one(mean), one(sd), one(low), one(high), one(truth), one(1.0))
      .item<double>();
}

/// The integral of (F(x) - 1[x >= truth])^2 between the bounds by the midpoint rule.
double by_quadrature(double mean, double sd, double low, double high, double truth) {
  constexpr int kSteps = 200000;
  const double width = (high - low) / kSteps;
  double sum = 0.0;
  for (int k = 0; k < kSteps; ++k) {
    const double x = low + (k + 0.5) * width;
    const double cdf = 0.5 * std::erfc((mean - x) / (sd * std::sqrt(2.0)));
    const double miss = cdf - (x >= truth ? 1.0 : 0.0);
    sum += miss * miss * width;
  }
  return sum;
}

}  // namespace

TEST_CASE("the CRPS of a censored Gaussian is its integral", "[flow]") {
  for (const double mean : {-0.7, 0.1, 0.5, 1.4})
    for (const double sd : {0.03, 0.4})
      for (const double truth : {0.0, 0.3, 1.0}) {
        CAPTURE(mean, sd, truth);
        // The midpoint rule misses by a step's width at the truth.
        CHECK(censored(mean, sd, 0.0, 1.0, truth) ==
              Approx(by_quadrature(mean, sd, 0.0, 1.0, truth)).margin(1e-5));
      }
}

TEST_CASE("without bounds the censored CRPS is the Gaussian's, in single precision and far off too",
          "[flow]") {
  for (const double truth : {-40.0, 0.2, 3.0}) {
    const auto whole = posterior::gaussian_crps(one(0.3), one(0.8), one(truth), one(1.0)).item<double>();
    CHECK(censored(0.3, 0.8, -kInfinite, kInfinite, truth) == Approx(whole).epsilon(1e-12));
    const auto single = posterior::censored_gaussian_crps(
        one(0.3).to(torch::kFloat32), one(0.8).to(torch::kFloat32), one(-kInfinite).to(torch::kFloat32),
        one(kInfinite).to(torch::kFloat32), one(truth).to(torch::kFloat32), one(1.0).to(torch::kFloat32));
    CHECK(single.item<double>() == Approx(whole).epsilon(1e-5));
  }
}

TEST_CASE("the censored CRPS has finite gradients, down to certainty at a bound", "[flow]") {
  auto mean = torch::tensor({{-3.0, -900.0, 0.5, 1e4}}, torch::kFloat32).requires_grad_(true);
  auto log_sd = torch::full({1, 4}, -1.0, torch::kFloat32).requires_grad_(true);
  const auto zero = torch::zeros({1, 4});
  const auto loss =
      posterior::censored_gaussian_crps(mean, torch::exp(log_sd), zero, zero + 1.0, zero, zero + 1.0);
  loss.backward();
  CHECK(mean.grad().isfinite().all().item<bool>());
  CHECK(log_sd.grad().isfinite().all().item<bool>());
  // With all of the mass at the truth, which is the bound, nothing is left to gain.
  CHECK(std::abs(mean.grad()[0][1].item<double>()) < 1e-6);
  CHECK(mean.grad()[0][2].item<double>() > 0.05);
}

TEST_CASE("cases hold means and members within their bounds", "[flow]") {
  posterior::FlowCases c;
  const auto x = torch::tensor({{{-2.0, 0.5, 7.0}, {0.2, -0.1, 0.9}}});
  CHECK(torch::equal(c.within_bounds(x), x));
  c.low = torch::tensor({{0.0, 0.0, 0.0}});
  c.high = torch::tensor({{1.0, 0.4, 2.0}});
  CHECK(torch::equal(c.within_bounds(x), torch::tensor({{{0.0, 0.4, 2.0}, {0.2, 0.0, 0.9}}})));
  CHECK(torch::equal(c.within_bounds(x.select(1, 0)), torch::tensor({{0.0, 0.4, 2.0}})));
}

TEST_CASE("turned cases stay aligned with their condition, and their places stay", "[flow]") {
  torch::manual_seed(3);
  posterior::FlowCases c;
  c.features = torch::randn({2, 3, 4, 4});
  c.mean = c.features.select(1, 0).reshape({2, 16}).clone();
  c.truth = torch::randn({2, 16});
  c.sd = c.weight = c.hidden = c.truth;
  c.departures = c.truth.unsqueeze(1).repeat({1, 3, 1});
  std::vector<torch::Tensor> seen;
  for (std::int64_t symmetry = 0; symmetry < 8; ++symmetry) {
    const auto t = posterior::turned(c, symmetry, 4, 1);
    CHECK(torch::equal(t.features.select(1, 0).reshape({2, 16}), t.mean));
    CHECK(torch::equal(t.features.select(1, 2), c.features.select(1, 2)));
    CHECK(torch::equal(t.departures.select(1, 2), t.truth));
    CHECK_FALSE(t.low.defined());
    CHECK(torch::equal(std::get<0>(t.truth.sort(1)), std::get<0>(c.truth.sort(1))));
    for (const auto& other : seen) CHECK_FALSE(torch::equal(other, t.truth));
    seen.push_back(t.truth);
  }
}
