#include "manifill/prior/prior.hpp"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>

#include <unistd.h>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "tests/unit/prior/tensors.hpp"
#include "tests/unit/prior/toys.hpp"
#include "unit/prior/tensors.hpp"

using namespace manifill;
using namespace manifill::prior;

namespace {

using toys::largest;

ScoreNetwork disturbed(const domain::Domain& domain, double size) {
  ScoreNetwork network(domain, ScoreNetworkOptions{.width = 8, .dilations = {1, 2}});
  const torch::NoGradGuard frozen;
  auto generator = at::detail::createCPUGenerator(5);
  for (auto& p : network->parameters()) p.add_(torch::randn(p.sizes(), generator, p.options()) * size);
  return network;
}

}  // namespace

TEST_CASE("A prior without a network is its backbone", "[prior][prior_class]") {
  const auto [backbone, covariance] = toys::oracle(6, 8);
  const Prior prior(backbone);
  CHECK_FALSE(prior.network());
  const Eigen::MatrixXd fields = toys::normals(48, 3, 4);
  const auto x = toys::tensor(fields);
  const Eigen::VectorXd density = backbone.log_density(fields, 0);
  const Eigen::MatrixXd clean = backbone.denoise(fields, alpha_of(1.0), sigma_of(1.0), 0);
  const auto lambda = torch::ones({3}, torch::kFloat64);
  const auto denoised = prior.denoise(x, lambda, {0.5});
  CHECK(largest(denoised - toys::tensor(clean)) < 1e-10);
  CHECK(largest(alpha_of(lambda).unsqueeze(1) * denoised +
                sigma_of(lambda).unsqueeze(1) * prior.noise(x, lambda, {0.5}) - x) < 1e-12);
  for (Eigen::Index k = 0; k < 3; ++k) {
    CHECK(prior.log_density(x, {0.5})[k].item<double>() == Approx(density[k]));
    CHECK(prior.exact_log_density(x, {0.5})[k].item<double>() == Approx(density[k]));
  }

  // Draws: covariance, point variances, and the variance of every mode.
  constexpr std::int64_t kDraws = 4000;
  const auto draws = prior.sample(kDraws, 0.5, {.seed = 9}).to(torch::kFloat64);
  const auto sample = torch::matmul(draws.t(), draws) / static_cast<double>(kDraws);
  const auto expected = toys::tensor(covariance);
  CHECK((sample - expected).norm().item<double>() < 0.1 * expected.norm().item<double>());
  const double five_errors = 5.0 * std::sqrt(2.0 / static_cast<double>(kDraws));
  CHECK(largest(torch::diagonal(sample) / torch::diagonal(expected) - 1.0) < five_errors);
  const CovarianceFactor& f = backbone.factor(0);
  const auto amplitude =
      torch::matmul(draws * prior.gaussian().relative_weights(torch::kFloat64), toys::tensor(f.modes).t());
  const auto spectrum = amplitude.square().mean(0) / (toys::tensor(f.variance).squeeze(0) + f.residual);
  CHECK(largest(spectrum - 1.0) < five_errors);
}

TEST_CASE("Draws are keyed by seed, step and member", "[prior][prior_class]") {
  const auto [backbone, covariance] = toys::oracle(6, 8);
  const Prior prior(backbone, disturbed(backbone.domain(), 0.1));
  const auto all = prior.sample(6, 0.5, {.seed = 9, .time = 3, .steps = 4});
  CHECK(all.scalar_type() == torch::kFloat32);
  CHECK(largest(prior.sample(6, 0.5, {.seed = 9, .time = 3, .steps = 4, .batch = 2}) - all) < 1e-4);
  CHECK(largest(prior.sample(2, 0.5, {.seed = 9, .time = 3, .first_member = 4, .steps = 4}) -
                all.narrow(0, 4, 2)) < 1e-4);
  CHECK(largest(prior.sample(6, 0.5, {.seed = 9, .time = 4, .steps = 4}) - all) > 0.1);
  CHECK(largest(prior.sample(6, 0.5, {.seed = 8, .time = 3, .steps = 4}) - all) > 0.1);
}

TEST_CASE("The network acts within the schedule's interval only", "[prior][prior_class]") {
  const auto [backbone, covariance] = toys::oracle(6, 8);
  const Prior prior(backbone, disturbed(backbone.domain(), 0.2));
  const auto x = toys::tensor(toys::normals(48, 4, 4)).to(torch::kFloat32);
  const auto lambda = torch::tensor({-11.0F, static_cast<float>(prior.schedule().lowest()),
                                     static_cast<float>(prior.schedule().highest()), 12.0F});
  const auto change =
      (prior.denoise(x, lambda, {0.5}) - prior.gaussian().denoise(x, lambda, {0.5})).abs().amax(1);
  CHECK(change[0].item<double>() == 0.0);
  CHECK(change[1].item<double>() > 0.0);
  CHECK(change[2].item<double>() > 0.0);
  CHECK(change[3].item<double>() == 0.0);
}

TEST_CASE("A prior survives a model file", "[prior][prior_class]") {
  const Backbone backbone = toys::seasonal_backbone();
  const Prior prior(backbone, disturbed(backbone.domain(), 0.1));
  const std::string path =
      (std::filesystem::temp_directory_path() / ("manifill-prior-" + std::to_string(::getpid()) + ".h5"))
          .string();
  io::ModelFile file;
  prior.save(file);
  file.save(path);
  const Prior loaded = Prior::load(io::ModelFile::load(path));
  std::remove(path.c_str());
  REQUIRE(loaded.network());
  const auto x = toys::tensor(toys::normals(48, 2, 4)).to(torch::kFloat32);
  const auto lambda = torch::tensor({0.0F, 4.0F});
  // Fields are packed to 16 bits in the file.
  CHECK(largest(loaded.denoise(x, lambda, {0.2, 0.8}) - prior.denoise(x, lambda, {0.2, 0.8})) < 5e-3);

  io::ModelFile plain;
  Prior(backbone).save(plain);
  CHECK_FALSE(Prior::load(plain).network());
}

TEST_CASE("a climatology has no more harmonics than the seasons on record tell apart", "[prior]") {
  const auto domain = toys::globe(4, 8);
  const auto fields_of = [&](Eigen::Index times, const std::function<double(Eigen::Index)>& season) {
    prior::TrainingFields f{.domain = domain, .step = prior::StepKind::none};
    f.values = (toys::normals(32, times, 4).array() + 300.0).matrix().cast<float>();
    for (Eigen::Index t = 0; t < times; ++t) {
      f.index.push_back(t);
      f.season.push_back(season(t));
      f.year.push_back(static_cast<int>(t));
    }
    return f;
  };
  // Middles of years, leap years among them.
  const auto yearly =
      prior::Backbone::fit(fields_of(60, [](Eigen::Index t) { return t % 4 == 0 ? 0.4986 : 0.5; }), {});
  CHECK(yearly.options().mean_harmonics == 0);
  CHECK(yearly.unit_scale() == Approx(1.0).margin(0.1));             // 60 fields of 32 points
  CHECK((yearly.mean(0.5).array() - 300.0).abs().maxCoeff() < 0.6);  // 1 / sqrt(60), five of those at most
  const auto monthly = prior::Backbone::fit(
      fields_of(60, [](Eigen::Index t) { return (static_cast<double>(t % 12) + 0.5) / 12.0; }),
      {.mean_harmonics = 6});
  CHECK(monthly.options().mean_harmonics == 5);
  // Five coefficients from two fields say nothing.
  CHECK_THROWS_AS(
      prior::Backbone::fit(fields_of(5, [](Eigen::Index t) { return 0.2 * static_cast<double>(t); }), {}),
      Error);
}
