// `ddnm` and `ddnm_plus`: denoising diffusion null-space model (Wang, Yu and Zhang 2023, arXiv 2212.00490).

#include <string>
#include <utility>

#include "manifill/posterior/diffusion.hpp"

namespace manifill::posterior {
namespace {

/// D + A~+ (y~ - A~ D) in place of D, then a step that renews the share eta^2 of the noise, as the released
/// code does. Exact observations are supposed: the result has the observed values.
class Ddnm : public DiffusionMethod {
 public:
  Ddnm(const std::string& name, const Config& config)
      : levels_(level_options(name, config)), eta_(config.real(name + ".eta")) {}

  [[nodiscard]] torch::Tensor draw(const DiffusionProblem& problem, MemberNoise& noise) const override {
    const auto levels = noise_levels(problem.schedule, levels_.first, levels_.second);
    auto u = problem.start(levels[0], noise);
    for (std::size_t k = 0; k + 1 < levels.size(); ++k) {
      const auto mean = problem.denoiser.mean(u, levels[k]);
      const auto step =
          renewing_step(u, mean, levels[k], levels[k + 1], eta_ * eta_, noise.normal(u.size(1)));
      u = corrected(problem, mean, step, levels[k + 1]);
    }
    return u;
  }

 private:
  /// \param step from `mean`, to `level`
  [[nodiscard]] virtual torch::Tensor corrected(const DiffusionProblem& problem, const torch::Tensor& mean,
                                                const torch::Tensor& step, double level) const {
    return step + prior::alpha_of(level) * problem.measurement.pseudo_inverse(problem.residual(mean));
  }

  std::pair<std::int64_t, std::string> levels_;
  double eta_;
};

/// The noisy rule (eqs. 17 to 19), for each singular value s: the share l = min(1, sigma_s s / alpha_s) of
/// the correction, and noise of variance sigma_s^2 - (alpha_s l / s)^2 beside that of the observation, so
/// that both together are the level's.
class DdnmPlus : public Ddnm {
 public:
  using Ddnm::Ddnm;

 private:
  [[nodiscard]] torch::Tensor corrected(const DiffusionProblem& problem, const torch::Tensor& mean,
                                        const torch::Tensor& step, double level) const override {
    const double alpha = prior::alpha_of(level);
    const double sigma = prior::sigma_of(level);
    if (sigma == 0.0) return step;  // l = 0
    const auto& a = problem.measurement;
    const auto s = a.singular_values().to(mean.scalar_type());
    const auto ratio = (alpha / (sigma * s)).clamp_max(1.0);  // of the observation's noise to the level's
    const auto share = (sigma / alpha * s).clamp_max(1.0);
    const auto correction = share * a.to_left(problem.residual(mean)) / s;
    const auto kept = torch::sqrt(1.0 - ratio.square());
    return step + a.from_right(alpha * correction + (kept - 1.0) * a.to_right(step - alpha * mean));
  }
};

std::vector<OptionSpec> ddnm_specs(const std::string& name) {
  auto out = level_specs(name, 100);
  out.push_back({.key = name + ".eta",
                 .help = "amplitude of the noise that a step renews, over the level's",
                 .fallback = 0.85,
                 .lowest = 0.0,
                 .highest = 1.0});
  return out;
}

const DiffusionRegistration kPlain("ddnm", "the observed components of the denoised field replaced",
                                   ddnm_specs("ddnm"), [](const Config& config) {
                                     return std::make_unique<Ddnm>("ddnm", config);
                                   });

const DiffusionRegistration kPlus("ddnm_plus", "the same by what the noise of the observations leaves",
                                  ddnm_specs("ddnm_plus"), [](const Config& config) {
                                    return std::make_unique<DdnmPlus>("ddnm_plus", config);
                                  });

}  // namespace
}  // namespace manifill::posterior
