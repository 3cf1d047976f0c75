#include "manifill/posterior/vecchia_layer.hpp"

#include <algorithm>
#include <cmath>

#include "catch.hpp"
#include "manifill/posterior/flow_training.hpp"

using namespace manifill;
using posterior::VecchiaLayer;

namespace {

const std::vector<prior::GridTopology>& grids() {
  static const std::vector<prior::GridTopology> all{
      {.rows = 5, .columns = 7},
      {.rows = 8, .columns = 8},
      {.rows = 6, .columns = 10, .periodic = true, .pole_first = true, .pole_last = true},
      {.rows = 1, .columns = 9}};
  return all;
}

torch::Tensor random(torch::IntArrayRef shape) { return torch::randn(shape, torch::kFloat64); }

/// What the layer is told for these log-scales: it bounds them.
torch::Tensor told(const torch::Tensor& log_scale) {
  return VecchiaLayer::kLogScaleLimit * torch::atanh(log_scale / VecchiaLayer::kLogScaleLimit);
}

}  // namespace

TEST_CASE("a layer of neighbours that is told nothing is the identity", "[flow]") {
  torch::manual_seed(1);
  for (const auto& grid : grids()) {
    const std::int64_t n = grid.rows * grid.columns;
    const auto z = random({2, 3, n});
    const auto [x, log_det] =
        VecchiaLayer(grid).forward(z, torch::zeros({2, VecchiaLayer::kChannels, n}, torch::kFloat64));
    CHECK((x - z).abs().max().item<double>() < 1e-12);
    CHECK(log_det.abs().max().item<double>() == 0.0);
  }
}

TEST_CASE("a layer of neighbours is undone by its inverse, and its determinant is its Jacobian's", "[flow]") {
  torch::manual_seed(2);
  for (const auto& grid : grids()) {
    const VecchiaLayer layer(grid);
    const std::int64_t n = grid.rows * grid.columns;
    const auto condition = 0.5 * random({2, VecchiaLayer::kChannels, n});
    const auto z = random({2, 3, n});
    const auto [x, forward] = layer.forward(z, condition);
    const auto [back, inverse] = layer.inverse(x, condition);
    CHECK((x - z).abs().max().item<double>() > 0.1);
    CHECK((back - z).abs().max().item<double>() < 1e-10 * (1.0 + x.abs().max().item<double>()));
    CHECK((forward + inverse).abs().max().item<double>() < 1e-12);

    // It is linear: its columns are what unit vectors become.
    const auto units = torch::eye(n, torch::kFloat64).unsqueeze(0);
    const auto jacobian = layer.forward(units, condition.narrow(0, 1, 1)).first[0];
    CHECK(forward[1].item<double>() ==
          Approx(std::get<1>(torch::linalg_slogdet(jacobian)).item<double>()).margin(1e-9));
  }
}

TEST_CASE("a layer of neighbours has the gradients of its condition and of its draws", "[flow]") {
  torch::manual_seed(3);
  const VecchiaLayer layer(grids()[0]);
  const auto options = torch::TensorOptions().dtype(torch::kFloat64).requires_grad(true);
  const auto condition = torch::randn({1, VecchiaLayer::kChannels, 35}, options);
  const auto z = torch::randn({1, 2, 35}, options);
  const auto direction = random({1, 2, 35});
  const auto value = [&](const torch::Tensor& c, const torch::Tensor& at) {
    const auto [x, log_det] = layer.forward(at, c);
    return (x * direction).sum() + log_det.sum();
  };
  const auto gradients = torch::autograd::grad({value(condition, z)}, {condition, z});
  const auto along_c = torch::randn_like(condition).detach();
  const auto along_z = torch::randn_like(z).detach();
  const torch::NoGradGuard frozen;
  constexpr double kStep = 1e-5;  // central differences: errors of its square
  const auto difference = (value(condition + kStep * along_c, z + kStep * along_z) -
                           value(condition - kStep * along_c, z - kStep * along_z)) /
                          (2.0 * kStep);
  const auto expected = (gradients[0] * along_c).sum() + (gradients[1] * along_z).sum();
  CHECK(difference.item<double>() == Approx(expected.item<double>()).epsilon(1e-7));
}

TEST_CASE("by the scales of Levy's construction a layer of neighbours makes Brownian motion", "[flow]") {
  constexpr std::int64_t kPoints = 9;
  const VecchiaLayer layer({.rows = 1, .columns = kPoints});
  const auto units = torch::eye(kPoints, torch::kFloat64).unsqueeze(0);
  auto condition = torch::zeros({1, VecchiaLayer::kChannels, kPoints}, torch::kFloat64);
  // The first point is itself; the last, beside the first, has the variance of the time between them; others,
  // beside the mean of two points `half` off, have half / 2, and are independent of all coarser ones.
  auto details = units[0].clone();
  auto log_scale = torch::zeros({kPoints}, torch::kFloat64);
  details[kPoints - 1][0] = -1.0;
  log_scale[kPoints - 1] = 0.5 * std::log(static_cast<double>(kPoints - 1));
  for (std::int64_t i = 1; i < kPoints - 1; ++i) {
    const std::int64_t half = i % 4 == 0 ? 4 : i % 2 == 0 ? 2 : 1;
    details[i][i - half] = details[i][i + half] = -0.5;
    log_scale[i] = 0.5 * std::log(0.5 * static_cast<double>(half));
  }
  condition.select(1, VecchiaLayer::kParents).copy_(told(log_scale));
  const auto base = torch::linalg_inv(details);  // of draws whose details are white
  // [point][unit]: forward maps rows.
  const auto map = layer.forward(units, condition).first[0].t();
  const auto covariance = map.matmul(base).matmul(base.t()).matmul(map.t());
  for (std::int64_t i = 0; i < kPoints; ++i)
    for (std::int64_t j = 0; j < kPoints; ++j)
      CHECK(covariance[i][j].item<double>() ==
            Approx(static_cast<double>(std::min(i, j) + 1)).epsilon(1e-10));
}

TEST_CASE("a layer of neighbours goes round a globe, not over its poles", "[flow]") {
  constexpr std::int64_t kColumns = 16;
  const VecchiaLayer layer({.rows = 6, .columns = kColumns, .periodic = true});
  const std::int64_t n = 6 * kColumns;
  auto condition = torch::zeros({1, VecchiaLayer::kChannels, n}, torch::kFloat64);
  // Without details of its own, the last point of the first row is the mean of three: its neighbours in the
  // row, of which one is the first, and the one below.
  condition[0][VecchiaLayer::kParents][kColumns - 1] = -100.0;
  const auto map = layer.forward(torch::eye(n, torch::kFloat64).unsqueeze(0), condition).first[0];
  const double left = 1.0 - std::exp(-VecchiaLayer::kLogScaleLimit);
  for (const std::int64_t parent : {std::int64_t{0}, kColumns - 2, 2 * kColumns - 1})
    CHECK(map[parent][kColumns - 1].item<double>() == Approx(left / 3.0));
}

TEST_CASE("a layer of neighbours needs rows and columns", "[flow]") {
  const auto pixels = prior::GridTopology::of(domain::Domain::healpix(2, domain::healpix::Ordering::ring));
  CHECK_THROWS_WITH(VecchiaLayer(pixels), Catch::Matchers::Contains("flow.vecchia"));
}

TEST_CASE("a layer of neighbours learns how white draws go together, and what it starts from is held",
          "[flow]") {
  constexpr std::int64_t kSide = 8;
  constexpr std::int64_t kPoints = kSide * kSide;
  constexpr std::int64_t kCases = 256;
  constexpr std::int64_t kChannels = 12;
  torch::manual_seed(9);
  // Fields of one value each, from white draws of unit spread.
  posterior::FlowCases cases;
  cases.features = torch::ones({kCases, kChannels, kSide, kSide});
  cases.mean = torch::zeros({kCases, kPoints});
  cases.sd = cases.weight = cases.hidden = torch::ones({kCases, kPoints});
  cases.truth = torch::randn({kCases, 1}).expand({kCases, kPoints}).contiguous();
  cases.departures = torch::randn({kCases, 4, kPoints});
  const auto plane = domain::Domain::plane(kSide, kSide);
  const auto backbone =
      prior::Backbone::from_covariance(plane, Eigen::MatrixXd::Identity(kPoints, kPoints), 0.0, {});
  posterior::FlowNetworkOptions network;
  network.width = 8;
  network.dilations = {1};
  network.dropout = 0.0;
  network.couplings = 0;
  const auto start = posterior::make_flow_network(network, kChannels, prior::GridTopology::of(plane));
  network.vecchia = true;
  posterior::FlowTrainingOptions o;
  o.base = "standard";
  o.hold = true;
  o.steps = 400;  // which end it, not the load of the machine
  o.minutes = 1000;
  o.learning_rate = 1e-2;
  o.weight_differences = 1.0;
  o.anneal = 0.0;
  posterior::TrainingHooks hooks;
  hooks.report = [](const std::string&) {};
  hooks.stop = [] { return false; };
  CHECK_THROWS_WITH(posterior::train_flow(cases, cases, network, o, backbone, {}, hooks),
                    Catch::Matchers::Contains("train.start"));
  hooks.start = start;
  // Held-out cases are those of training: what was learnt is kept.
  const auto flow = posterior::train_flow(cases, cases, network, o, backbone, {}, hooks).network;
  const auto trained = flow->named_parameters();
  for (const auto& p : start->named_parameters()) CHECK(torch::equal(p.value(), trained[p.key()]));
  for (const auto& p : trained) CHECK(p.value().requires_grad());

  const torch::NoGradGuard frozen;
  flow->log_spread.zero_();
  const auto x =
      flow->forward(torch::randn({1, 2000, kPoints}), flow->condition(cases.features.narrow(0, 0, 1)))
          .first[0];
  const auto near = torch::tensor({27, 28}, torch::kLong);  // side by side in the middle
  const auto pair = torch::corrcoef(x.index_select(1, near).t());
  CHECK(pair[0][1].item<double>() > 0.8);  // 0 before
  // A mean of independent neighbours has less spread than each; their scales must make up for it.
  CHECK(x.std(0).mean().item<double>() == Approx(1.0).margin(0.15));
}
