// `dps`: diffusion posterior sampling (Chung et al. 2023, arXiv 2209.14687, algorithm 1).

#include <string>
#include <utility>

#include "manifill/posterior/diffusion.hpp"

namespace manifill::posterior {
namespace {

/// Ancestral steps, each less zeta times the gradient of the residual's norm in normalised units, as in the
/// paper where the observations are pixels. It knows nothing of the observations' noise, and members spread
/// by zeta rather than by the posterior.
class Dps : public DiffusionMethod {
 public:
  explicit Dps(const Config& config)
      : levels_(level_options("dps", config)), zeta_(config.real("dps.zeta")) {}

  [[nodiscard]] torch::Tensor draw(const DiffusionProblem& problem, MemberNoise& noise) const override {
    const auto levels = noise_levels(problem.schedule, levels_.first, levels_.second);
    auto u = problem.start(levels[0], noise);
    for (std::size_t k = 0; k + 1 < levels.size(); ++k) {
      auto at = problem.denoiser.linearise(u, levels[k]);
      const auto next = ddim_step(u, at.mean(), levels[k], levels[k + 1], 1.0, noise.normal(u.size(1)));
      u = next - zeta_ * residual_slope(problem, at);
    }
    return u;
  }

 private:
  std::pair<std::int64_t, std::string> levels_;
  double zeta_;
};

std::vector<OptionSpec> dps_specs() {
  auto out = level_specs("dps", 1000);
  out.push_back({.key = "dps.zeta",
                 .help = "step of the guidance along the gradient of the residual's norm",
                 .fallback = 0.3,
                 .lowest = 0.0});
  return out;
}

const DiffusionRegistration kDpsRegistration("dps", "diffusion posterior sampling by the residual's gradient",
                                             dps_specs(), [](const Config& config) {
                                               return std::make_unique<Dps>(config);
                                             });

}  // namespace
}  // namespace manifill::posterior
