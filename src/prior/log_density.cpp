#include "manifill/prior/log_density.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <span>
#include <utility>

#include "manifill/base/error.hpp"

namespace manifill::prior {
namespace {

/// The probability flow in whitened coordinates.
class WhitenedFlow {
 public:
  WhitenedFlow(const GaussianDenoiser& gaussian, const Correction& correction,
               const std::vector<double>& season)
      : gaussian_(gaussian), correction_(correction), season_(season) {}

  /// dw/dlambda: [batch][point].
  [[nodiscard]] torch::Tensor velocity(const torch::Tensor& white, double lambda) const {
    const auto level = torch::full({white.size(0)}, lambda, white.options());
    const auto x = gaussian_.colour(white, level, season_);
    const auto c = correction_(x, gaussian_.denoise(x, level, season_), level, season_);
    return gaussian_.whiten(0.5 * alpha_of(lambda) * c, level, season_);
  }

  /// dw/dlambda and its divergence [batch]. \param probes [probe][batch][point], +-1; undefined: the exact
  /// trace
  [[nodiscard]] std::pair<torch::Tensor, torch::Tensor> velocity_and_divergence(
      const torch::Tensor& white, double lambda, const torch::Tensor& probes) const {
    const auto level = torch::full({white.size(0)}, lambda, white.options());
    const auto x = gaussian_.colour(white, level, season_).detach().requires_grad_();
    const auto c = correction_(x, gaussian_.denoise(x, level, season_), level, season_);
    // The trace is that of dc/dx in any coordinates.
    const double half_alpha = 0.5 * alpha_of(lambda);
    const auto divergence =
        half_alpha * (probes.defined() ? estimated_trace(c, x, probes) : exact_trace(c, x));
    return {gaussian_.whiten(half_alpha * c.detach(), level, season_), divergence};
  }

 private:
  [[nodiscard]] torch::Tensor estimated_trace(const torch::Tensor& c, const torch::Tensor& x,
                                              const torch::Tensor& probes) const {
    // The probes are of coordinates in which areas are equal.
    const auto root = torch::sqrt(gaussian_.relative_weights(x.scalar_type()));
    auto trace = torch::zeros({x.size(0)}, x.options());
    for (std::int64_t k = 0; k < probes.size(0); ++k) {
      const auto pulled = torch::autograd::grad({c}, {x}, {probes[k] * root}, true)[0];
      trace += (pulled * probes[k] / root).sum(1);
    }
    return trace / static_cast<double>(probes.size(0));
  }

  [[nodiscard]] static torch::Tensor exact_trace(const torch::Tensor& c, const torch::Tensor& x) {
    auto trace = torch::zeros({x.size(0)}, x.options());
    for (std::int64_t i = 0; i < x.size(1); ++i)
      trace += torch::autograd::grad({c.select(1, i).sum()}, {x}, {}, true)[0].select(1, i);
    return trace;
  }

  const GaussianDenoiser& gaussian_;
  const Correction& correction_;
  const std::vector<double>& season_;
};

constexpr std::int64_t kPairsApart = 1024;  // keys of a field's pairs of noise

torch::Tensor rademacher(std::int64_t probes, const torch::Tensor& like, std::uint64_t seed) {
  auto signs = torch::empty({probes, like.size(0), like.size(1)}, torch::kFloat64);
  auto* sign = signs.data_ptr<double>();
  for (std::int64_t k = 0; k < probes; ++k)
    for (std::int64_t b = 0; b < like.size(0); ++b) {
      RandomStream random({.seed = seed,
                           .purpose = RandomPurpose::diffusion,
                           .time = k,
                           .member = static_cast<std::uint32_t>(b)});
      for (std::int64_t i = 0; i < like.size(1); ++i) *sign++ = (random.next_u32() >> 31) != 0U ? 1.0 : -1.0;
    }
  return signs;
}

}  // namespace

torch::Tensor white_noise(const GaussianDenoiser& gaussian, const RandomKey& key) {
  auto noise = torch::empty({gaussian.points()}, torch::kFloat64);
  RandomStream(key).fill_normal(
      std::span<double>(noise.data_ptr<double>(), static_cast<std::size_t>(gaussian.points())));
  return noise * torch::rsqrt(gaussian.relative_weights(torch::kFloat64));
}

torch::Tensor surrogate_log_density(const GaussianDenoiser& gaussian, const Correction& correction,
                                    const NoiseSchedule& schedule, const torch::Tensor& x0,
                                    const std::vector<double>& season, const SurrogateOptions& options) {
  if (options.draws < 2 || options.draws % 2 != 0)
    throw Error(ErrorKind::usage, fmt::format("the surrogate log-density cannot use {} draws", options.draws),
                {.remedy = "Give an even number of draws"});
  const auto exact = gaussian.log_density(x0, season);
  if (!correction) return exact;
  const std::int64_t batch = x0.size(0);
  const std::int64_t pairs = options.draws / 2;
  auto noise = torch::empty({pairs, batch, x0.size(1)}, torch::kFloat64);
  auto levels = torch::empty({pairs, batch}, torch::kFloat64);
  for (std::int64_t b = 0; b < batch; ++b) {
    const auto row = options.first_row + static_cast<std::uint32_t>(b);
    const std::int64_t first = options.time * kPairsApart;
    RandomStream random(
        {.seed = options.seed, .purpose = RandomPurpose::diffusion, .time = first - 1, .member = row});
    levels.select(1, b) =
        torch::tensor(stratified_log_snr(schedule, static_cast<std::size_t>(pairs), random), torch::kFloat64);
    for (std::int64_t k = 0; k < pairs; ++k)
      noise[k][b] = white_noise(
          gaussian,
          {.seed = options.seed, .purpose = RandomPurpose::diffusion, .time = first + k, .member = row});
  }
  std::vector<double> seasons;
  for (std::int64_t k = 0; k < 2 * pairs; ++k) seasons.insert(seasons.end(), season.begin(), season.end());
  if (season.size() == 1) seasons.resize(1);

  // [sign, pair, batch] in one batch. With d = (alpha / sigma) c the difference of the squared errors is
  // |d|^2 - 2 (alpha / sigma) <d, x0 - D_G>, which has no large terms that cancel.
  const auto lambda = levels.flatten().repeat({2});
  const auto eps = torch::cat({noise, -noise}, 0).flatten(0, 1).to(x0.scalar_type());
  const auto clean = x0.repeat({2 * pairs, 1});
  const auto alpha = alpha_of(lambda).to(x0.scalar_type()).unsqueeze(1);
  const auto sigma = sigma_of(lambda).to(x0.scalar_type()).unsqueeze(1);
  const auto x_t = alpha * clean + sigma * eps;
  const auto mean = gaussian.denoise(x_t, lambda, seasons);
  const auto c = correction(x_t, mean, lambda, seasons);
  const auto weights = gaussian.relative_weights(torch::kFloat64);
  const auto difference =
      (weights * (c * (c - 2.0 * (clean - mean))).to(torch::kFloat64)).sum(1) * torch::exp(lambda);
  return exact - 0.5 * schedule.span() * difference.view({2 * pairs, batch}).mean(0);
}

torch::Tensor exact_log_density(const GaussianDenoiser& gaussian, const Correction& correction,
                                const NoiseSchedule& schedule, const torch::Tensor& x0,
                                const std::vector<double>& season, const ExactDensityOptions& options) {
  const auto start = x0.detach().to(torch::kFloat64);
  if (!correction) return gaussian.log_density(start, season);
  const torch::AutoGradMode graph(true);
  const WhitenedFlow flow(gaussian, correction, season);
  const auto probes = options.exact_trace ? torch::Tensor() : rademacher(options.probes, start, options.seed);
  // Above the interval the flow is the Gaussian's and the whitened state does not move.
  auto w = gaussian.whiten_clean(start, season);
  auto gained = torch::zeros({start.size(0)}, torch::kFloat64);
  const double h = -schedule.span() / static_cast<double>(options.steps);
  for (std::int64_t k = 0; k < options.steps; ++k) {
    const double lambda = schedule.highest() + h * static_cast<double>(k);
    const auto [v1, d1] = flow.velocity_and_divergence(w, lambda, probes);
    const auto [v2, d2] = flow.velocity_and_divergence(w + 0.5 * h * v1, lambda + 0.5 * h, probes);
    const auto [v3, d3] = flow.velocity_and_divergence(w + 0.5 * h * v2, lambda + 0.5 * h, probes);
    const auto [v4, d4] = flow.velocity_and_divergence(w + h * v3, lambda + h, probes);
    w = w + h / 6.0 * (v1 + 2.0 * v2 + 2.0 * v3 + v4);
    gained = gained + h / 6.0 * (d1 + 2.0 * d2 + 2.0 * d3 + d4);
  }
  const auto weights = gaussian.relative_weights(torch::kFloat64);
  const double constant = 0.5 * weights.log().sum().item<double>() -
                          0.5 * static_cast<double>(gaussian.points()) * std::log(2.0 * std::numbers::pi);
  return (-0.5 * (weights * w.square()).sum(1) + gaussian.log_volume(start.size(0), season) + constant +
          gained)
      .detach();
}

torch::Tensor flow_from_noise(const GaussianDenoiser& gaussian, const Correction& correction,
                              const NoiseSchedule& schedule, const torch::Tensor& white,
                              const std::vector<double>& season, std::int64_t steps) {
  const torch::NoGradGuard frozen;
  if (!correction) return gaussian.colour_clean(white, season);
  const WhitenedFlow flow(gaussian, correction, season);
  auto w = white;
  const double h = schedule.span() / static_cast<double>(steps);
  for (std::int64_t k = 0; k < steps; ++k) {
    const double lambda = schedule.lowest() + h * static_cast<double>(k);
    const auto first = flow.velocity(w, lambda);
    const auto second = flow.velocity(w + h * first, lambda + h);
    w = w + 0.5 * h * (first + second);
  }
  return gaussian.colour_clean(w, season);
}

}  // namespace manifill::prior
