// `score_sde`: projection onto the observations at each step (Song et al. 2021, arXiv 2011.13456, appendix
// I.4; Song et al. 2022, arXiv 2111.08005).

#include <string>
#include <utility>

#include "manifill/posterior/diffusion.hpp"

namespace manifill::posterior {
namespace {

class ScoreSde : public DiffusionMethod {
 public:
  explicit ScoreSde(const Config& config) : levels_(level_options("score_sde", config)) {}

  [[nodiscard]] torch::Tensor draw(const DiffusionProblem& problem, MemberNoise& noise) const override {
    const auto levels = noise_levels(problem.schedule, levels_.first, levels_.second);
    auto u = problem.start(levels[0], noise);
    for (std::size_t k = 0; k + 1 < levels.size(); ++k) {
      const auto mean = problem.denoiser.mean(u, levels[k]);
      u = ddim_step(u, mean, levels[k], levels[k + 1], 1.0, noise.normal(u.size(1)));
      u = onto_observations(problem, u, levels[k + 1], noise);
    }
    return u;
  }

 private:
  std::pair<std::int64_t, std::string> levels_;
};

const DiffusionRegistration kScoreSdeRegistration("score_sde", "projection onto the noised observations",
                                                  level_specs("score_sde", 1000), [](const Config& config) {
                                                    return std::make_unique<ScoreSde>(config);
                                                  });

}  // namespace
}  // namespace manifill::posterior
