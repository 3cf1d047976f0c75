#include "manifill/posterior/davi.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/posterior/diffusion.hpp"
#include "manifill/posterior/flow_condition.hpp"

namespace manifill::posterior {
namespace {

constexpr std::int64_t kBatch = 16;  // members at once

const SamplerRegistration kDaviRegistration(
    "davi",
    "generator of 'train davi', started from the prior's denoiser; one "
    "evaluation a sample",
    {}, [](const Model& model, const Config&) { return std::make_unique<DaviSampler>(model); });

const Model& with_generator(const Model& model) {
  if (!model.davi)
    throw Error(ErrorKind::usage, "the model '" + model.info.name + "' holds no generator of DAVI",
                {.remedy = "Use --method gaussian, or train one with 'manifill train davi'"});
  return model;
}

}  // namespace

torch::Tensor davi_prior_variance(const prior::Backbone& backbone, const std::vector<double>& season) {
  auto out = torch::empty(
      {static_cast<std::int64_t>(season.size()), static_cast<std::int64_t>(backbone.domain().size())});
  for (std::size_t k = 0; k < season.size(); ++k) {
    const Eigen::VectorXf variance = backbone.variance(backbone.season_bin(season[k])).cast<float>();
    std::copy(variance.begin(), variance.end(),
              out.data_ptr<float>() + static_cast<Eigen::Index>(k) * variance.size());
  }
  return out;
}

torch::Tensor davi_denoise(const prior::GaussianDenoiser& gaussian, const prior::ScoreNetwork& network,
                           const torch::Tensor& x_t, const torch::Tensor& log_snr,
                           const DaviCondition& condition) {
  constexpr double kLeast = 1e-8;  // variance, of points that a static mask leaves without
  const auto linear = gaussian.denoise(x_t, log_snr, condition.season);
  const auto scale = gaussian.error_scale(log_snr, condition.season);
  const auto denoised =
      linear + network.ptr()->forward(x_t, linear, log_snr, condition.season, scale, condition.features);
  const auto c = condition.prior_variance.clamp_min(kLeast);
  const auto area = gaussian.relative_weights();
  const auto typical = (area * c).mean(1, true);
  const auto precision = typical / (c * scale.square().unsqueeze(1));  // 1 / s^2
  // A posterior that a fold's backbone made can be wider than this one's prior.
  const auto information = (1.0 / condition.sd.square().clamp_min(kLeast) - 1.0 / c).clamp_min(0.0);
  return (precision * denoised + (information + 1.0 / c) * condition.mean) / (precision + information);
}

DaviGenerator::DaviGenerator(prior::GaussianDenoiser gaussian, prior::ScoreNetwork network, double noise)
    : gaussian_(std::move(gaussian)),
      network_(std::move(network)),
      log_snr_(-2.0 * std::log(noise)),
      deviation_(torch::rsqrt(gaussian_.relative_weights())) {}

torch::Tensor DaviGenerator::operator()(const DaviCondition& condition, const torch::Tensor& white) const {
  const auto noisy =
      prior::alpha_of(log_snr_) * condition.mean + prior::sigma_of(log_snr_) * deviation_ * white;
  return davi_denoise(gaussian_, network_, noisy, torch::full({noisy.size(0)}, log_snr_, torch::kFloat32),
                      condition);
}

DaviSampler::DaviSampler(const Model& model)
    : finisher_(with_generator(model)),
      generator_(prior::GaussianDenoiser(model.backbone), prior::ScoreNetwork(model.davi), model.davi_noise) {
}

Ensemble DaviSampler::sample(const Window& window, const SampleRequest& request) {
  const torch::NoGradGuard frozen;
  if (request.density)
    throw Error(ErrorKind::usage, "the method 'davi' knows no density of its members",
                {.remedy = "Leave out --diagnostics, or use --method flow or gaussian"});
  const prior::Backbone& backbone = finisher_.backbone();
  const auto factor = finisher_.factor(window);
  const WindowSolution solution = factor->solve(window);
  FlowCondition c = posterior_condition(window, *factor, solution, FlowBase::gaussian_posterior);
  const auto points = static_cast<std::int64_t>(backbone.domain().size());
  const auto columns = static_cast<std::int64_t>(backbone.domain().columns());
  const StepObservation& centre = window.at_centre();
  const auto mean = torch::from_blob(c.mean.data(), {1, points});
  const auto sd = torch::from_blob(c.sd.data(), {1, points});
  const auto variance = davi_prior_variance(backbone, {centre.season});
  const auto features = torch::from_blob(
      c.features.data(), {1, static_cast<std::int64_t>(c.features.cols()), points / columns, columns});
  Eigen::MatrixXd x(points, request.members);
  for (std::int64_t first = 0; first < static_cast<std::int64_t>(request.members); first += kBatch) {
    check_stop();
    const auto count = std::min(kBatch, static_cast<std::int64_t>(request.members) - first);
    MemberNoise noise(request.seed, centre.time, request.first_member + static_cast<std::uint32_t>(first),
                      count);
    const DaviCondition told{.mean = mean.expand({count, -1}),
                             .sd = sd.expand({count, -1}),
                             .prior_variance = variance.expand({count, -1}),
                             .features = features.expand({count, -1, -1, -1}),
                             .season = {centre.season}};
    const auto drawn = generator_(told, noise.normal(points)).contiguous();
    x.middleCols(first, count) =
        Eigen::Map<const Eigen::MatrixXf>(drawn.data_ptr<float>(), points, count).cast<double>();
  }
  if (!x.allFinite())
    throw Error(ErrorKind::numerical, "the generator of DAVI gave values that are not finite",
                {.index = "[step " + std::to_string(centre.time) + "]",
                 .remedy = "Use --method gaussian for this input"});
  Ensemble e = finisher_.finish(window, *factor, solution, x, request);
  e.evaluations += 1.0;
  return e;
}

}  // namespace manifill::posterior
