#include "catch.hpp"
#include "manifill/posterior/flow_training.hpp"

using namespace manifill;

namespace {

constexpr std::int64_t kCases = 200;
constexpr std::int64_t kFieldPoints = 100;

/// An affine flow whose log-scales are given, not learnt: +1 at every second point, -1 at the others.
class Zigzag : public posterior::FlowNetwork {
 public:
  Zigzag() { log_spread = register_buffer("log_spread", torch::zeros({1})); }
  Context condition(const torch::Tensor& features) override {
    const auto sign = 1.0 - 2.0 * torch::arange(kFieldPoints).remainder(2).to(torch::kFloat32);
    return {.shift = torch::zeros({features.size(0), kFieldPoints}),
            .log_scale = scale_share * sign.expand({features.size(0), kFieldPoints}),
            .features = {}};
  }
  std::pair<torch::Tensor, torch::Tensor> forward(const torch::Tensor& z, const Context& c) override {
    const auto s = (c.log_scale + log_spread).unsqueeze(1);
    return {z * torch::exp(s), s.sum(-1).expand({z.size(0), z.size(1)})};
  }
  std::pair<torch::Tensor, torch::Tensor> inverse(const torch::Tensor& x, const Context& c) override {
    const auto s = (c.log_scale + log_spread).unsqueeze(1);
    return {x * torch::exp(-s), -s.sum(-1).expand({x.size(0), x.size(1)})};
  }
};

/// Held-out cases whose truths have `spread` [point] about a base of unit spread.
posterior::FlowCases cases_with(const torch::Tensor& spread) {
  torch::manual_seed(6);
  posterior::FlowCases c;
  c.features = torch::zeros({kCases, 1, 10, 10});
  c.mean = torch::zeros({kCases, kFieldPoints});
  c.sd = torch::ones({kCases, kFieldPoints});
  c.truth = spread * torch::randn({kCases, kFieldPoints});
  c.weight = torch::ones({kCases, kFieldPoints});
  c.hidden = torch::ones({kCases, kFieldPoints});
  c.departures = torch::randn({kCases, 4, kFieldPoints});
  return c;
}

}  // namespace

TEST_CASE("scales that hold on held-out fields are kept whole, and the spread becomes theirs", "[flow]") {
  Zigzag network;
  const auto sign = 1.0 - 2.0 * torch::arange(kFieldPoints).remainder(2).to(torch::kFloat32);
  calibrate(network, cases_with(1.2 * torch::exp(sign)), true);
  CHECK(network.scale_share == 1.0);
  // 20,000 errors: their root mean square is known to half a percent, and the members' to as much.
  CHECK(std::exp(network.log_spread.item<double>()) == Approx(1.2).epsilon(0.02));
}

TEST_CASE("scales that held-out fields contradict are given up", "[flow]") {
  Zigzag network;
  calibrate(network, cases_with(1.1 * torch::ones({kFieldPoints})), true);
  // At unit truth the interval covers 0.89 for shares up to a tenth or two.
  CHECK(network.scale_share < 0.35);
  CHECK(std::exp(network.log_spread.item<double>()) == Approx(1.1).epsilon(0.05));
  Zigzag held;
  calibrate(held, cases_with(1.1 * torch::ones({kFieldPoints})), false);
  CHECK(held.scale_share == 1.0);
}

TEST_CASE("scales that were learned under a factor on the spread are judged with it", "[flow]") {
  // As where a training starts from a calibrated flow: without its factor the intervals would cover too
  // little, and the scales would be given up for it.
  Zigzag network;
  network.log_spread.fill_(0.3);
  const auto sign = 1.0 - 2.0 * torch::arange(kFieldPoints).remainder(2).to(torch::kFloat32);
  auto cases = cases_with(torch::exp(sign + 0.3));
  cases.low = torch::full_like(cases.mean, -1e3);  // far away, so that members are as they are
  cases.high = torch::full_like(cases.mean, 1e3);
  calibrate(network, cases, true);
  CHECK(network.scale_share == 1.0);
  // 20,000 errors: their root mean square is known to half a percent, and the members' to as much.
  CHECK(network.log_spread.item<double>() == Approx(0.3).margin(0.02));
}
