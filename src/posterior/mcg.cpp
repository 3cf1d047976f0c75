// `mcg`: manifold constrained gradient (Chung et al. 2022, arXiv 2206.00941, algorithm 1).

#include <string>
#include <utility>

#include "manifill/posterior/diffusion.hpp"

namespace manifill::posterior {
namespace {

/// Ancestral steps, each less zeta / |r| grad |r|^2 with r = y - A D in normalised units, as in the paper
/// where the observations are pixels, and then the projection of `score_sde`.
class Mcg : public DiffusionMethod {
 public:
  explicit Mcg(const Config& config)
      : levels_(level_options("mcg", config)), zeta_(config.real("mcg.zeta")) {}

  [[nodiscard]] torch::Tensor draw(const DiffusionProblem& problem, MemberNoise& noise) const override {
    const auto levels = noise_levels(problem.schedule, levels_.first, levels_.second);
    auto u = problem.start(levels[0], noise);
    for (std::size_t k = 0; k + 1 < levels.size(); ++k) {
      auto at = problem.denoiser.linearise(u, levels[k]);
      const auto next = ddim_step(u, at.mean(), levels[k], levels[k + 1], 1.0, noise.normal(u.size(1)));
      u = onto_observations(problem, next - 2.0 * zeta_ * residual_slope(problem, at), levels[k + 1], noise);
    }
    return u;
  }

 private:
  std::pair<std::int64_t, std::string> levels_;
  double zeta_;
};

std::vector<OptionSpec> mcg_specs() {
  auto out = level_specs("mcg", 1000);
  out.push_back({.key = "mcg.zeta",
                 .help = "step along the gradient of the squared residual, over the residual's norm",
                 .fallback = 0.1,
                 .lowest = 0.0});
  return out;
}

const DiffusionRegistration kMcgRegistration("mcg", "gradient of the residual and projection", mcg_specs(),
                                             [](const Config& config) {
                                               return std::make_unique<Mcg>(config);
                                             });

}  // namespace
}  // namespace manifill::posterior
