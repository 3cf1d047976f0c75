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

TEST_CASE("the score of differences is the fair CRPS of each pair of near values", "[flow]") {
  torch::manual_seed(6);
  constexpr std::int64_t kRows = 3;
  constexpr std::int64_t kColumns = 6;
  constexpr std::int64_t kMembers = 3;
  const auto members = torch::randn({1, kMembers, kRows * kColumns}, torch::kFloat64);
  const auto truth = torch::randn({1, kRows * kColumns}, torch::kFloat64);
  const auto weight = torch::rand({1, kRows * kColumns}, torch::kFloat64);
  const auto at = [&](const torch::Tensor& x, std::int64_t i, std::int64_t j) {
    return x[i * kColumns + j].item<double>();
  };
  double total = 0.0;
  int terms = 0;
  for (const bool along_rows : {false, true})
    for (const std::int64_t apart : {1, 2, 4}) {
      double sum = 0.0;
      double weights = 0.0;
      const std::int64_t down = along_rows ? 0 : apart;
      const std::int64_t across = along_rows ? apart : 0;
      for (std::int64_t i = 0; i + down < kRows; ++i)
        for (std::int64_t j = 0; j + across < kColumns; ++j) {
          const auto step = [&](const torch::Tensor& x) { return at(x, i + down, j + across) - at(x, i, j); };
          double score = 0.0;
          for (std::int64_t m = 0; m < kMembers; ++m) {
            score += std::abs(step(members[0][m]) - step(truth[0])) / kMembers;
            for (std::int64_t k = 0; k < kMembers; ++k)
              score -=
                  std::abs(step(members[0][m]) - step(members[0][k])) / (2.0 * kMembers * (kMembers - 1));
          }
          const double w = std::min(at(weight[0], i, j), at(weight[0], i + down, j + across));
          sum += w * score;
          weights += w;
        }
      if (weights == 0.0) continue;  // four rows of three
      total += sum / weights;
      ++terms;
    }
  REQUIRE(terms == 5);
  CHECK(posterior::difference_crps(members, truth, weight, kRows, kColumns).item<double>() ==
        Approx(total / terms).epsilon(1e-6));  // sums in single precision
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

TEST_CASE("redrawn departures are independent draws of the law of their group", "[flow]") {
  torch::manual_seed(8);
  constexpr std::int64_t kDraws = 2;
  posterior::FlowCases c;
  c.mean = torch::zeros({5, 6});
  c.departures = torch::zeros({5, kDraws, 6});
  c.alike = {0, 0, 0, 3, 4};
  // Groups live at places of their own: points 0 to 2, 3, and 4 and 5.
  c.departures.narrow(0, 0, 3).narrow(2, 0, 3).copy_(torch::randn({3, kDraws, 3}));
  c.departures[3].narrow(1, 3, 1).copy_(torch::randn({kDraws, 1}));
  c.departures[4].narrow(1, 4, 2).copy_(torch::randn({kDraws, 2}));
  const auto second_moment = [](const torch::Tensor& draws) {  // [draw][point]
    return draws.t().matmul(draws) / static_cast<double>(draws.size(0));
  };
  constexpr int kTimes = 4000;
  const auto which = torch::tensor({1, 3, 4}, torch::kLong);
  std::vector<torch::Tensor> drawn;
  for (int k = 0; k < kTimes; ++k) drawn.push_back(c.redrawn(which));
  const auto all = torch::stack(drawn);  // [time][case][draw][point]
  const std::vector<std::pair<std::int64_t, std::int64_t>> groups{{0, 3}, {3, 1}, {4, 1}};
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto [first, size] = groups[static_cast<std::size_t>(i)];
    const auto pool = c.departures.narrow(0, first, size).flatten(0, 1);
    const auto own = all.select(1, i);
    const double scale = second_moment(pool).abs().max().item<double>();
    // Means of 4,000, whose terms are of the size of the pool's: five of their errors.
    const double margin = 5.0 * 2.0 * scale / std::sqrt(static_cast<double>(kTimes));
    for (std::int64_t m = 0; m < kDraws; ++m) {
      CHECK((second_moment(own.select(1, m)) - second_moment(pool)).abs().max().item<double>() < margin);
      CHECK(own.select(1, m).mean(0).abs().max().item<double>() < margin);
    }
    const auto across = own.select(1, 0).t().matmul(own.select(1, 1)) / static_cast<double>(kTimes);
    CHECK(across.abs().max().item<double>() < margin);
  }
  // A case alone keeps the sum of its squares.
  const auto before = c.departures[4].pow(2).sum(0);
  CHECK((all.select(1, 2).pow(2).sum(1) - before).abs().max().item<double>() < 1e-4);
}
