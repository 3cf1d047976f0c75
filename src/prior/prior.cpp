#include "manifill/prior/prior.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/signals.hpp"

namespace manifill::prior {
namespace {

constexpr double kRounding = 1e-4;  // of a log-SNR in single precision

}  // namespace

Prior::Prior(const Backbone& backbone, ScoreNetwork network)
    : gaussian_(backbone), network_(std::move(network)) {
  if (!network_) return;
  network_->eval();
}

Correction Prior::correction() const {
  if (!network_) return {};
  // Handles are shared: the function outlives this object safely.
  return [gaussian = gaussian_, network = network_](const torch::Tensor& x_t, const torch::Tensor& mean,
                                                    const torch::Tensor& lambda,
                                                    const std::vector<double>& season) {
    return network.ptr()->forward(x_t, mean, lambda, season, gaussian.error_scale(lambda, season));
  };
}

torch::Tensor Prior::denoise(const torch::Tensor& x_t, const torch::Tensor& lambda,
                             const std::vector<double>& season) const {
  const auto mean = gaussian_.denoise(x_t, lambda, season);
  if (!network_) return mean;
  const auto inside = torch::logical_and(lambda.ge(schedule_.lowest() - kRounding),
                                         lambda.le(schedule_.highest() + kRounding));
  return mean + correction()(x_t, mean, lambda, season) * inside.to(x_t.scalar_type()).unsqueeze(1);
}

torch::Tensor Prior::noise(const torch::Tensor& x_t, const torch::Tensor& lambda,
                           const std::vector<double>& season) const {
  const auto alpha = alpha_of(lambda).to(x_t.scalar_type()).unsqueeze(1);
  const auto sigma = sigma_of(lambda).to(x_t.scalar_type()).unsqueeze(1);
  return (x_t - alpha * denoise(x_t, lambda, season)) / sigma;
}

torch::Tensor Prior::log_density(const torch::Tensor& x0, const std::vector<double>& season,
                                 const SurrogateOptions& options) const {
  return surrogate_log_density(gaussian_, correction(), schedule_, x0, season, options);
}

torch::Tensor Prior::exact_log_density(const torch::Tensor& x0, const std::vector<double>& season,
                                       const ExactDensityOptions& options) const {
  return prior::exact_log_density(gaussian_, correction(), schedule_, x0, season, options);
}

torch::Tensor Prior::sample(std::int64_t count, double season, const PriorSampleOptions& options) const {
  auto out = torch::empty({count, gaussian_.points()}, torch::kFloat32);
  for (std::int64_t first = 0; first < count; first += options.batch) {
    check_stop();
    const std::int64_t fields = std::min(options.batch, count - first);
    auto white = torch::empty({fields, gaussian_.points()}, torch::kFloat32);
    for (std::int64_t k = 0; k < fields; ++k)
      white[k] =
          white_noise(gaussian_, {.seed = options.seed,
                                  .purpose = RandomPurpose::diffusion,
                                  .time = options.time,
                                  .member = options.first_member + static_cast<std::uint32_t>(first + k)});
    out.narrow(0, first, fields) =
        flow_from_noise(gaussian_, correction(), schedule_, white, {season}, options.steps);
  }
  if (!torch::isfinite(out).all().item<bool>())
    throw Error(ErrorKind::numerical, "the prior gave values that are not finite",
                {.index = "[step " + std::to_string(options.time) + "]",
                 .remedy = "Train the score network again with a lower score.learning_rate"});
  return out;
}

void Prior::save(io::ModelFile& file) const {
  backbone().save(file);
  if (network_) save_score(network_, file);
}

Prior Prior::load(const io::ModelFile& file) {
  const Backbone backbone = Backbone::load(file);
  auto network = load_score(file, backbone.domain());
  if (network) network->weigh(backbone);
  return Prior(backbone, network);
}

}  // namespace manifill::prior
