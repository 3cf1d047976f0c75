// DAVI's generator against the posterior of a Gaussian field in closed form.

#include "manifill/posterior/davi.hpp"

#include <cmath>
#include <filesystem>
#include <string>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/posterior/davi_training.hpp"
#include "unit/posterior/davi_toys.hpp"

using namespace manifill;
using Catch::Matchers::Contains;

namespace {

/// Networks of a few hundred weights.
posterior::DaviTrainingOptions small() {
  posterior::DaviTrainingOptions o;
  o.cases.cases = 64;
  o.cases.validation_cases = 8;
  o.cases.draws = 4;
  o.network = {.width = 8, .dilations = {1}, .dropout = 0.0, .embedding = 8};
  o.minutes = 1000.0;  // steps decide, not the load of the machine
  o.batch = 8;
  return o;
}

}  // namespace

TEST_CASE("a generator of DAVI starts as the prior's denoiser given each point's posterior", "[posterior]") {
  const auto [backbone, c] = toys::oracle(6, 12);
  prior::ScoreNetwork score(backbone.domain(),
                            prior::ScoreNetworkOptions{.width = 8, .dilations = {1}, .embedding = 8}, 5);
  {
    const torch::NoGradGuard frozen;
    for (auto& p : score->parameters()) p.add_(0.1);  // a head that says something
  }
  const prior::Prior prior(backbone, score);
  const std::int64_t channels = posterior::condition_channels(backbone.domain(), 0);
  const auto network = posterior::davi_network(prior, {}, channels, 3);
  const posterior::DaviGenerator generator(prior.gaussian(), network, 0.5);
  const torch::NoGradGuard frozen;
  const posterior::DaviCondition told{.mean = torch::randn({4, 72}),
                                      .sd = 0.2 + 0.7 * torch::rand({4, 72}),
                                      .prior_variance = torch::ones({4, 72}),
                                      .features = torch::randn({4, channels, 6, 12}),
                                      .season = {0.3}};
  const auto white = torch::randn({4, 72});
  const auto out = generator(told, white);
  const auto noisy =
      (told.mean + 0.5 * white * torch::rsqrt(prior.gaussian().relative_weights())) / std::sqrt(1.25);
  const auto level = torch::full({4}, -2.0 * std::log(0.5));
  const auto denoised = prior.denoise(noisy, level, {0.3});
  const auto s = prior.gaussian().error_scale(level, {0.3}).unsqueeze(1);
  const auto given = (denoised / s.square() + told.mean / told.sd.square()) /
                     (1.0 / s.square() + 1.0 / told.sd.square() - 1.0);
  // Single precision, of what a head of other weights makes of it.
  CHECK((out - given).abs().max().item<double>() < 1e-5 * given.abs().max().item<double>());
  CHECK((denoised - prior.gaussian().denoise(noisy, level, {0.3})).abs().max().item<double>() > 0.01);
}

TEST_CASE("members of davi depend on seed, step and number, and on what the generator is told",
          "[posterior]") {
  toys::Half half;
  const auto& registry = posterior::SamplerRegistry::instance();
  CHECK_THROWS_WITH(static_cast<void>(registry.make("davi", half.model)),
                    Contains("no generator") && Contains("manifill train davi"));
  const std::int64_t channels = posterior::condition_channels(half.model.backbone.domain(), 0);
  auto network = posterior::davi_network(prior::Prior(half.model.backbone), small().network, channels, 3);
  {
    const torch::NoGradGuard frozen;
    auto parameters = network->named_parameters();
    for (auto& p : parameters)
      if (p.key().rfind("head", 0) == 0) p.value().fill_(0.3);
  }
  half.model.davi = network.ptr();
  half.model.davi_noise = 0.4;
  const auto draw = [&](const posterior::Model& model, const posterior::SampleRequest& request) {
    return registry.make("davi", model)->sample(half.window, request);
  };
  const auto all = draw(half.model, {.seed = 4, .members = 20});
  CHECK(all.evaluations == 1.0);
  CHECK(all.gradients == 0.0);
  CHECK(all.freedom == static_cast<double>(half.window.steps[0].y.size()));
  // Sums of single precision in another order; members of other numbers or seeds are far away.
  constexpr double kRounding = 1e-4;
  const auto some = draw(half.model, {.seed = 4, .first_member = 14, .members = 5}).members;
  CHECK((some - all.members.middleCols(14, 5)).cwiseAbs().maxCoeff() < kRounding);
  CHECK((all.members.col(0) - all.members.col(1)).cwiseAbs().maxCoeff() > 0.1);
  CHECK((draw(half.model, {.seed = 5, .members = 20}).members - all.members).cwiseAbs().maxCoeff() > 0.1);
  CHECK_THROWS_WITH(static_cast<void>(draw(half.model, {.members = 2, .density = true})),
                    Contains("'davi' knows no density"));

  {
    const torch::NoGradGuard frozen;
    auto parameters = network->named_parameters();
    for (auto& p : parameters)
      if (p.key().rfind("condition", 0) == 0) p.value().fill_(0.3);
  }
  CHECK((draw(half.model, {.seed = 4, .members = 20}).members - all.members).cwiseAbs().maxCoeff() > 0.1);
}

TEST_CASE("a model file keeps the generator of DAVI", "[posterior]") {
  posterior::Model model{.backbone = toys::seasonal_backbone()};
  const std::int64_t channels = posterior::condition_channels(model.backbone.domain(), 0);
  const auto network = posterior::davi_network(prior::Prior(model.backbone), small().network, channels, 3);
  model.davi = network.ptr();
  model.davi_noise = 0.4;
  const std::string path = (std::filesystem::temp_directory_path() / "manifill_davi_test.h5").string();
  model.save(path);
  const auto loaded = posterior::Model::load(path);
  std::filesystem::remove(path);
  CHECK(loaded.davi_noise == 0.4);
  REQUIRE(loaded.davi);
  CHECK(!loaded.score);
  CHECK(loaded.davi->conditions() == channels);
  const auto before = network->named_parameters();
  for (const auto& p : loaded.davi->named_parameters()) CHECK(torch::equal(p.value(), before[p.key()]));
  CHECK_THROWS_WITH(static_cast<void>(network.ptr()->forward(torch::zeros({1, 48}), torch::zeros({1, 48}),
                                                             torch::zeros({1}), {0.0}, torch::ones({1}))),
                    Contains("was told 0"));
}

TEST_CASE("a generator of DAVI comes to the spread of the posterior of Gaussian fields", "[posterior]") {
  posterior::DaviTrainingOptions o = small();
  o.steps = 300;
  const auto cases = toys::davi_cases(o);
  const prior::Prior prior(cases.backbone);
  const auto start = posterior::davi_network(prior, o.network, cases.training.features.size(1), 1);
  const auto before = toys::davi_tally(start, o.noise, 4, 100);
  const auto trained = posterior::train_davi(cases.training, cases.validation, prior, o, {});
  const auto after = toys::davi_tally(trained.generator, o.noise, 4, 100);
  INFO(before.hidden.mean_error << " " << before.hidden.spread << ", " << before.all.mean_error << " "
                                << before.all.spread << " to " << after.hidden.mean_error << " "
                                << after.hidden.spread << ", " << after.all.mean_error << " "
                                << after.all.spread);
  // The untrained one is a denoiser, near the posterior's mean with too little spread. Three hundred steps
  // make up for half of what is missing where points are hidden, and leave the mean.
  CHECK(before.hidden.spread == Approx(0.400).margin(0.03));
  CHECK(before.hidden.mean_error == Approx(0.13).margin(0.05));
  CHECK(after.hidden.spread == Approx(0.736).margin(0.1));
  CHECK(after.hidden.mean_error < 0.2);
  CHECK(after.all.spread > before.all.spread + 0.15);
  CHECK(after.all.mean_error < 0.2);
  CHECK(trained.validation_crps < 0.95 * trained.start_crps);
  CHECK(trained.gaussian_crps < trained.validation_crps);
}
