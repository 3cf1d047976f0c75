#include "manifill/prior/score_network.hpp"

#include <cmath>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "tests/unit/prior/tensors.hpp"
#include "tests/unit/prior/toys.hpp"

using namespace manifill;
using namespace manifill::prior;
using Catch::Matchers::ContainsSubstring;

namespace {

double largest(const torch::Tensor& x) { return x.abs().max().item<double>(); }

/// Weights away from the zero start.
void disturb(ScoreNetwork& network, double size) {
  const torch::NoGradGuard frozen;
  auto generator = at::detail::createCPUGenerator(5);
  for (auto& p : network->parameters()) p.add_(torch::randn(p.sizes(), generator, p.options()) * size);
}

}  // namespace

TEST_CASE("The batched denoiser is the backbone's", "[prior][score_network]") {
  const Backbone backbone = toys::seasonal_backbone();
  const GaussianDenoiser gaussian(backbone);
  const auto n = static_cast<Eigen::Index>(backbone.domain().size());
  const std::vector<double> season{0.1, 0.6, 0.2, 0.9, 0.7};
  const std::vector<double> levels{-9.0, -2.0, 0.0, 3.0, 9.0};
  const Eigen::MatrixXd noisy = toys::normals(n, 5, 11);
  auto x = torch::from_blob(const_cast<double*>(noisy.data()), {5, n}, torch::kFloat64).clone();
  const auto lambda = torch::tensor(levels, torch::kFloat64);
  const auto out = gaussian.denoise(x, lambda, season);
  const auto single = gaussian.denoise(x.to(torch::kFloat32), lambda.to(torch::kFloat32), season);
  CHECK(single.scalar_type() == torch::kFloat32);
  for (Eigen::Index k = 0; k < 5; ++k) {
    const double level = levels[static_cast<std::size_t>(k)];
    const std::size_t bin = backbone.season_bin(season[static_cast<std::size_t>(k)]);
    const Eigen::MatrixXd expected = backbone.denoise(noisy.col(k), alpha_of(level), sigma_of(level), bin);
    double difference = 0.0;
    double in_single = 0.0;
    for (Eigen::Index i = 0; i < n; ++i) {
      difference = std::max(difference, std::abs(expected(i, 0) - out[k][i].item<double>()));
      in_single = std::max(in_single, std::abs(expected(i, 0) - single[k][i].item<double>()));
    }
    CHECK(difference < 1e-11);
    CHECK(in_single < 1e-5);
  }
  // One season for the whole batch, and the derivative, which for a linear map is the map itself.
  const auto leaf = x.clone().requires_grad_();
  const auto one = gaussian.denoise(leaf, lambda, {0.6});
  CHECK(largest(one[1] - out[1]) < 1e-12);
  const auto weights = gaussian.relative_weights(torch::kFloat64);
  (one * weights * x.flip({0})).sum().backward();
  // Self-adjoint in the inner product of areas.
  const auto adjoint = gaussian.denoise(x.flip({0}), lambda, {0.6}) * weights;
  CHECK(largest(leaf.grad() - adjoint) < 1e-10);
  CHECK_THROWS_AS(gaussian.denoise(x, lambda, {0.1, 0.2}), Error);
}

TEST_CASE("Whitening, colouring and the scale of errors follow the covariance", "[prior][score_network]") {
  const auto [backbone, covariance] = toys::oracle(6, 8);
  const GaussianDenoiser gaussian(backbone);
  const auto n = covariance.rows();
  const auto x = toys::tensor(toys::normals(n, 3, 2));
  const auto lambda = torch::tensor({-4.0, 1.0, 6.0}, torch::kFloat64);
  CHECK(largest(gaussian.colour(gaussian.whiten(x, lambda, {0.5}), lambda, {0.5}) - x) < 1e-9);
  CHECK(largest(gaussian.colour_clean(gaussian.whiten_clean(x, {0.5}), {0.5}) - x) < 1e-9);
  const Eigen::VectorXd expected = backbone.log_density(toys::normals(n, 3, 2), 0);
  const auto density = gaussian.log_density(x, {0.5});
  for (Eigen::Index k = 0; k < 3; ++k) CHECK(density[k].item<double>() == Approx(expected[k]).epsilon(1e-10));

  // s^2 = sum_i w_i / n (C - alpha^2 C (alpha^2 C + sigma^2 W^-1)^-1 C)_ii.
  const Eigen::VectorXd& area = backbone.relative_weights();
  for (Eigen::Index k = 0; k < 3; ++k) {
    const double level = lambda[k].item<double>();
    const double alpha = alpha_of(level);
    const double noise = sigma_of(level) * sigma_of(level);
    Eigen::MatrixXd noisy = alpha * alpha * covariance;
    noisy.diagonal() += noise * area.cwiseInverse();
    const Eigen::MatrixXd error = covariance - alpha * alpha * covariance * noisy.llt().solve(covariance);
    const double mean = area.dot(error.diagonal()) / static_cast<double>(n);
    CHECK(gaussian.error_scale(lambda, {0.5})[k].item<double>() == Approx(std::sqrt(mean)).epsilon(1e-6));
  }
}

TEST_CASE("The network starts at no correction", "[prior][score_network]") {
  const auto [backbone, covariance] = toys::oracle(6, 8);
  const GaussianDenoiser gaussian(backbone);
  ScoreNetwork network(backbone.domain(), ScoreNetworkOptions{.width = 8, .dilations = {1, 2}});
  const auto x = toys::tensor(toys::normals(covariance.rows(), 4, 3)).to(torch::kFloat32);
  const auto lambda = torch::tensor({-9.0F, 0.0F, 4.0F, 9.0F});
  const auto scale = gaussian.error_scale(lambda, {0.3});
  const auto mean = gaussian.denoise(x, lambda, {0.3});
  CHECK(largest(network->forward(x, mean, lambda, {0.3}, scale)) == 0.0);
  network->train();
  CHECK(largest(network->forward(x, mean, lambda, {0.3}, scale)) == 0.0);
  CHECK_THROWS_AS(ScoreNetwork(backbone.domain(), ScoreNetworkOptions{.dilations = {7}}), Error);
  CHECK_THROWS_AS(ScoreNetwork(backbone.domain(), ScoreNetworkOptions{.dilations = {1.5}}), Error);

  // Equal seeds, equal weights, whatever the global random state; dropout repeats from its seed.
  ScoreNetwork a(backbone.domain(), ScoreNetworkOptions{.width = 8, .dropout = 0.5}, 7);
  torch::manual_seed(99);
  ScoreNetwork b(backbone.domain(), ScoreNetworkOptions{.width = 8, .dropout = 0.5}, 7);
  disturb(a, 0.1);
  disturb(b, 0.1);
  a->seed_dropout(3);
  b->seed_dropout(3);
  const auto once = a->forward(x, mean, lambda, {0.3}, scale);
  CHECK(largest(once) > 1e-3);
  CHECK(torch::equal(once, b->forward(x, mean, lambda, {0.3}, scale)));
  CHECK_FALSE(torch::equal(once, a->forward(x, mean, lambda, {0.3}, scale)));
  a->eval();
  CHECK(torch::equal(a->forward(x, mean, lambda, {0.3}, scale), a->forward(x, mean, lambda, {0.3}, scale)));
}

TEST_CASE("Turning the globe turns the correction", "[prior][score_network]") {
  const auto [backbone, covariance] = toys::oracle(6, 8);
  const GaussianDenoiser gaussian(backbone);
  ScoreNetwork network(backbone.domain(), ScoreNetworkOptions{.width = 8, .dilations = {1, 2, 4}});
  disturb(network, 0.2);
  network->eval();
  const auto x = toys::tensor(toys::normals(covariance.rows(), 2, 3)).to(torch::kFloat32);
  const auto lambda = torch::tensor({-1.0F, 4.0F});
  const auto corrected = [&](const torch::Tensor& noisy) {
    return network->forward(noisy, gaussian.denoise(noisy, lambda, {0.3}), lambda, {0.3},
                            gaussian.error_scale(lambda, {0.3}));
  };
  const auto turn = [](const torch::Tensor& field) {
    return torch::roll(field.view({2, 6, 8}), 3, 2).reshape({2, 48});
  };
  const auto out = corrected(x);
  CHECK(largest(out) > 1e-2);
  CHECK(largest(corrected(turn(x)) - turn(out)) < 1e-4 * largest(out));

  // Unless it is told the longitude.
  network = ScoreNetwork(backbone.domain(),
                         ScoreNetworkOptions{.width = 8, .dilations = {1, 2, 4}, .place = "position"});
  disturb(network, 0.2);
  network->eval();
  CHECK(largest(corrected(turn(x)) - turn(corrected(x))) > 1e-2);
}

TEST_CASE("A score network survives a model file, a damaged one does not load", "[prior][score_network]") {
  const auto [backbone, covariance] = toys::oracle(6, 8);
  ScoreNetwork network(
      backbone.domain(),
      ScoreNetworkOptions{
          .width = 8, .dilations = {1, 3}, .dropout = 0.25, .embedding = 16, .place = "position"});
  disturb(network, 0.2);
  io::ModelFile file;
  CHECK(!load_score(file, backbone.domain()));
  save_score(network, file);
  const auto loaded = load_score(file, backbone.domain());
  REQUIRE(loaded);
  CHECK_FALSE(loaded->is_training());
  CHECK(loaded->options().dilations == std::vector<double>{1, 3});
  CHECK(loaded->options().dropout == 0.25);
  CHECK(loaded->options().place == "position");
  const auto before = network->named_parameters();
  for (const auto& p : loaded->named_parameters()) CHECK(torch::equal(p.value(), before[p.key()]));

  SECTION("a parameter of another shape") {
    file.put_floats("score/head.conv.bias", {2}, {0.0F, 0.0F});
    CHECK_THROWS_AS(load_score(file, backbone.domain()), Error);
  }
  SECTION("a weight that is not finite") {
    file.put_floats("score/head.conv.bias", {1}, {NAN});
    CHECK_THROWS_WITH(load_score(file, backbone.domain()), ContainsSubstring("not finite"));
  }
  SECTION("options that claim a huge network") {
    file.put_text("score/options", "score.width=1024\nscore.dilations=1,3\n");
    CHECK_THROWS_AS(load_score(file, backbone.domain()), Error);
  }
  SECTION("options that are no options") {
    file.put_text("score/options", "score.colour=blue\n");
    try {
      static_cast<void>(load_score(file, backbone.domain()));
      FAIL("accepted");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::input);
    }
  }
}
