#include "manifill/posterior/prior_coupling.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/posterior/flow_condition.hpp"
#include "manifill/posterior/flow_network.hpp"
#include "manifill/posterior/model.hpp"
#include "random_numbers.hpp"

using namespace manifill;

namespace {

constexpr Eigen::Index kRows = 5;
constexpr Eigen::Index kColumns = 6;
constexpr Eigen::Index kPoints = kRows * kColumns;

prior::TrainingFields images() {
  prior::TrainingFields fields{.domain = domain::Domain::plane(kRows, kColumns)};
  RandomStream random({.seed = 3});
  fields.values.resize(kPoints, 40);
  for (Eigen::Index t = 0; t < 40; ++t) {
    // A bright column somewhere, noisy.
    const Eigen::Index bright = random.integer(0, kColumns - 1);
    for (Eigen::Index i = 0; i < kPoints; ++i)
      fields.values(i, t) = static_cast<float>((i % kColumns == bright ? 0.8 : 0.2) + 0.05 * random.normal());
    fields.index.push_back(t);
    fields.season.push_back(0.0);
    fields.year.push_back(static_cast<int>(t));
  }
  return fields;
}

prior::BackboneOptions without_seasons() {
  prior::BackboneOptions o;
  o.mean_harmonics = 0;
  o.scale_harmonics = 0;
  o.rank = 8;
  o.bounds = {0.0, 1.0};
  return o;
}

/// A prior whose network says something: fresh ones add nothing to the Gaussian's denoiser.
std::shared_ptr<const prior::Prior> prior_of(const prior::Backbone& backbone) {
  prior::ScoreNetwork network(backbone.domain(),
                              prior::ScoreNetworkOptions{.width = 4, .dilations = {1.0}, .embedding = 4}, 7);
  torch::manual_seed(5);
  const torch::NoGradGuard frozen;
  for (auto& p : network->parameters()) p.add_(0.05 * torch::randn_like(p));
  return std::make_shared<const prior::Prior>(backbone, network);
}

posterior::FlowNetworkOptions shape() {
  posterior::FlowNetworkOptions o;
  o.width = 6;
  o.dilations = {1};
  o.couplings = 0;
  o.prior_sweep = true;
  return o;
}

/// Networks and conditions of a spread that leaves the denoiser a share.
struct Flow {
  prior::Backbone backbone = prior::Backbone::fit(images(), without_seasons());
  prior::GridTopology topology = prior::GridTopology::of(backbone.domain());
  std::int64_t channels = posterior::condition_channels(backbone.domain(), 0);
  std::shared_ptr<posterior::FlowNetwork> network =
      posterior::make_flow_network(shape(), channels, topology, prior_of(backbone));
  torch::Tensor features{};

  Flow() {
    torch::manual_seed(6);
    const torch::NoGradGuard frozen;
    for (auto& p : network->parameters()) p.add_(0.1 * torch::randn_like(p));
    network->measure_prior();
    network->eval();
    features = 0.3 * torch::randn({1, channels, kRows, kColumns});
  }
};

}  // namespace

TEST_CASE("a coupling by the prior looks at the cells that it keeps alone", "[flow]") {
  const auto backbone = prior::Backbone::fit(images(), without_seasons());
  const auto topology = prior::GridTopology::of(backbone.domain());
  const auto prior = prior_of(backbone);
  const posterior::PriorCoupling even(0, 1.0, prior, topology);
  const posterior::PriorCoupling odd(1, 1.0, prior, topology);
  auto moved = torch::zeros({1, kPoints});  // by the even one
  for (Eigen::Index i = 0; i < kPoints; ++i) moved[0][i] = (i / kColumns + i % kColumns) % 2 == 0 ? 1.0 : 0.0;
  torch::manual_seed(1);
  const auto u = 0.5 * torch::randn({3, kPoints});
  const auto other = torch::where(moved > 0.0, torch::randn({3, kPoints}), u);
  CHECK(torch::equal(even.predict(u).mean, even.predict(other).mean));
  CHECK(torch::equal(even.predict(u).variance, even.predict(other).variance));
  CHECK((odd.predict(u).mean - odd.predict(other).mean).abs().max().item<double>() > 1e-3);
}

TEST_CASE("a moved cell is the draw of the product of two Gaussians that its own departure makes", "[flow]") {
  const auto backbone = prior::Backbone::fit(images(), without_seasons());
  const posterior::PriorCoupling coupling(0, 1.0, prior_of(backbone),
                                          prior::GridTopology::of(backbone.domain()));
  torch::manual_seed(2);
  const auto u = torch::randn({1, 2, kPoints});
  const auto mean = 0.3 * torch::randn({1, 1, kPoints});
  const auto variance = 0.05 + torch::rand({1, 1, kPoints});
  constexpr double kError = 0.4;
  const auto [out, logs] = coupling.forward(u, mean, variance, torch::full({1}, kError));
  const auto p = coupling.predict(u.view({2, kPoints}));
  for (std::int64_t k = 0; k < 2; ++k)
    for (std::int64_t i = 0; i < kPoints; ++i) {
      const double m = mean[0][0][i].item<double>();
      const double v = variance[0][0][i].item<double>();
      const double from = u[0][k][i].item<double>();
      const double s = kError * p.variance[k][i].item<double>();
      const bool moved = (i / kColumns + i % kColumns) % 2 == 0;
      const double g = moved ? 0.95 * v / (v + s) : 0.0;
      const double expected = m + g * (p.mean[k][i].item<double>() - m) + std::sqrt(1.0 - g) * (from - m);
      CHECK(out[0][k][i].item<double>() == Approx(expected).margin(1e-5));
      CHECK(logs[0][k][i].item<double>() == Approx(0.5 * std::log1p(-g)).margin(1e-5));
    }
}

TEST_CASE("what it looks at is the denoiser's, means of neighbours in the gaps, within the bounds",
          "[flow]") {
  const auto backbone = prior::Backbone::fit(images(), without_seasons());
  const auto prior = prior_of(backbone);
  constexpr double kLevel = 1.5;
  const posterior::PriorCoupling coupling(1, kLevel, prior, prior::GridTopology::of(backbone.domain()));
  const Eigen::VectorXd mean = backbone.mean(0.0);
  const Eigen::VectorXd scale = backbone.scale(0.0);
  RandomStream random({.seed = 8});
  auto u = torch::empty({1, kPoints});
  for (Eigen::Index i = 0; i < kPoints; ++i) u[0][i] = 2.0 * random.normal();
  const auto held = [&](Eigen::Index i, double x) {
    return std::min(std::max(x, (0.0 - mean[i]) / scale[i]), (1.0 - mean[i]) / scale[i]);
  };
  auto seen = torch::empty({1, kPoints});
  for (Eigen::Index i = 0; i < kRows; ++i)
    for (Eigen::Index j = 0; j < kColumns; ++j) {
      double sum = 0.0;
      int count = 0;
      const auto add = [&](Eigen::Index r, Eigen::Index c) {
        if (r < 0 || c < 0 || r >= kRows || c >= kColumns) return;
        sum += held(r * kColumns + c, u[0][r * kColumns + c].item<double>());
        ++count;
      };
      const bool moved = (i + j) % 2 == 1;
      if (!moved) {
        add(i, j);
      } else {
        add(i - 1, j);
        add(i + 1, j);
        add(i, j - 1);
        add(i, j + 1);
      }
      seen[0][i * kColumns + j] = sum / count;
    }
  const auto expected =
      prior->denoise(prior::alpha_of(kLevel) * seen, torch::full({1}, kLevel), {0.0}).detach();
  const auto found = coupling.predict(u);
  for (Eigen::Index i = 0; i < kPoints; ++i) {
    const double d = held(i, expected[0][i].item<double>());
    CHECK(found.mean[0][i].item<double>() == Approx(d).margin(1e-5));
    const double grey = d * scale[i] + mean[i];  // 0 to 1
    CHECK(found.variance[0][i].item<double>() == Approx(4.0 * grey * (1.0 - grey) + 0.02).margin(1e-4));
  }
}

TEST_CASE("the error of a coupling's prediction is that over the prior's own fields", "[flow]") {
  const auto fields = images();
  const auto backbone = prior::Backbone::fit(fields, without_seasons());
  const posterior::PriorCoupling coupling(0, 2.0, prior_of(backbone),
                                          prior::GridTopology::of(backbone.domain()));
  const Eigen::VectorXd mean = backbone.mean(0.0);
  const Eigen::VectorXd scale = backbone.scale(0.0);
  double square = 0.0;
  double variance = 0.0;
  for (Eigen::Index t = 0; t < fields.values.cols(); ++t) {
    auto x = torch::empty({1, kPoints});
    for (Eigen::Index i = 0; i < kPoints; ++i)
      x[0][i] = (static_cast<double>(fields.values(i, t)) - mean[i]) / scale[i];
    const auto p = coupling.predict(x);
    for (Eigen::Index i = 0; i < kPoints; ++i) {
      if ((i / kColumns + i % kColumns) % 2 != 0) continue;
      square += std::pow((p.mean[0][i] - x[0][i]).item<double>(), 2);
      variance += p.variance[0][i].item<double>();
    }
  }
  // The model keeps its fields rounded to a 5,000th of their range.
  CHECK(coupling.error() == Approx(square / variance).epsilon(1e-2));
}

TEST_CASE("a flow with a sweep of the prior has an inverse, and the determinant of its Jacobian", "[flow]") {
  const Flow f;
  const auto context = f.network->condition(f.features);
  const auto z = torch::randn({1, 1, kPoints}).requires_grad_(true);
  const auto [x, log_det] = f.network->forward(z, context);
  const auto [back, inverse] = f.network->inverse(x, context);
  CHECK((x - z).abs().max().item<double>() > 0.3);
  // In single precision, of values divided by spreads of about one.
  CHECK((back - z).abs().max().item<double>() < 1e-4);
  CHECK((log_det + inverse).abs().max().item<double>() < 1e-4);
  std::vector<torch::Tensor> rows;
  for (std::int64_t i = 0; i < kPoints; ++i)
    rows.push_back(torch::autograd::grad({x.flatten()[i]}, {z}, {}, true)[0].flatten());
  const auto jacobian = torch::stack(rows).to(torch::kFloat64);
  CHECK(log_det.item<double>() ==
        Approx(std::get<1>(torch::linalg_slogdet(jacobian)).item<double>()).margin(1e-3));
}

TEST_CASE("a model file keeps a flow with a sweep of the prior", "[flow]") {
  const Flow f;
  posterior::Model model{.backbone = f.backbone, .flow = f.network, .flow_options = shape()};
  model.score = prior_of(f.backbone)->network().ptr();
  const auto file = std::filesystem::temp_directory_path() / "manifill_prior_coupling_test.h5";
  model.save(file.string());
  const auto loaded = posterior::Model::load(file.string());
  model.score = nullptr;
  model.save(file.string());
  CHECK_THROWS_WITH(
      posterior::Model::load(file.string()),
      Catch::Matchers::Contains("score network it has not") && Catch::Matchers::Contains("manifill_prior"));
  std::filesystem::remove(file);
  CHECK(loaded.flow_options.prior_sweep);
  const auto z = torch::randn({1, 2, kPoints});
  const auto a = f.network->forward(z, f.network->condition(f.features));
  const auto b = loaded.flow->forward(z, loaded.flow->condition(f.features));
  // Fields are rounded in the file, and the backbone is fitted to them again.
  CHECK((a.first - b.first).abs().max().item<double>() < 5e-3);
  CHECK((a.second - b.second).abs().max().item<double>() < 1e-4);
}

TEST_CASE("couplings by the prior are refused where it has no network, or knows seasons", "[flow]") {
  const auto backbone = prior::Backbone::fit(images(), without_seasons());
  const auto topology = prior::GridTopology::of(backbone.domain());
  const auto with = [&](const std::shared_ptr<const prior::Prior>& prior) {
    return posterior::make_flow_network(shape(), 14, topology, prior);
  };
  CHECK_THROWS_WITH(with(nullptr), Catch::Matchers::Contains("score network"));
  CHECK_THROWS_WITH(with(std::make_shared<const prior::Prior>(backbone)),
                    Catch::Matchers::Contains("score network"));
  auto seasonal = without_seasons();
  seasonal.mean_harmonics = 1;
  auto months = images();
  for (std::size_t t = 0; t < months.season.size(); ++t)
    months.season[t] = (static_cast<double>(t % 12) + 0.5) / 12.0;
  CHECK_THROWS_WITH(with(prior_of(prior::Backbone::fit(months, seasonal))),
                    Catch::Matchers::Contains("seasons"));
}
