// `sda`: score-based data assimilation (Rozet and Louppe 2023, arXiv 2306.10574, algorithms 3 and 4).

#include <cmath>
#include <string>
#include <utility>

#include "manifill/posterior/diffusion.hpp"

namespace manifill::posterior {
namespace {

/// The score of p(u_t | y~) with the likelihood N(y~; A~ D, 1 + gamma (sigma / alpha)^2 A~ A~^T), along which
/// a deterministic step (the predictor) and then, at the level reached, `corrections` Langevin steps are
/// made, whose length is tau over the mean square of the noise that the score stands for.
class Sda : public DiffusionMethod {
 public:
  explicit Sda(const Config& config)
      : levels_(level_options("sda", config)),
        gamma_(config.real("sda.gamma")),
        corrections_(config.integer("sda.corrections")),
        tau_(config.real("sda.tau")) {}

  [[nodiscard]] torch::Tensor draw(const DiffusionProblem& problem, MemberNoise& noise) const override {
    const auto levels = noise_levels(problem.schedule, levels_.first, levels_.second);
    auto u = problem.start(levels[0], noise);
    for (std::size_t k = 0; k + 1 < levels.size(); ++k) {
      const double next = levels[k + 1];
      u = ddim_step(u, mean(problem, u, levels[k]), levels[k], next, 0.0, {});
      if (std::isinf(next)) return u;
      const double alpha = prior::alpha_of(next);
      const double sigma = prior::sigma_of(next);
      for (std::int64_t c = 0; c < corrections_; ++c) {
        const auto eps = (u - alpha * mean(problem, u, next)) / sigma;
        const auto delta = tau_ / eps.square().mean(1, true);
        u = u - sigma * (delta * eps - torch::sqrt(2.0 * delta) * noise.normal(u.size(1)));
      }
    }
    return u;
  }

 private:
  /// E[u_0 | u_t, y~] that the score stands for, by Tweedie's formula.
  [[nodiscard]] torch::Tensor mean(const DiffusionProblem& problem, const torch::Tensor& u,
                                   double level) const {
    const auto& a = problem.measurement;
    auto at = problem.denoiser.linearise(u, level);
    const auto guide = a.regularised_inverse(gamma_ * std::exp(-level), 1.0, problem.residual(at.mean()));
    const double sigma = prior::sigma_of(level);
    return at.mean() + sigma * sigma / prior::alpha_of(level) * at.pullback(guide);
  }

  std::pair<std::int64_t, std::string> levels_;
  double gamma_;
  std::int64_t corrections_;
  double tau_;
};

std::vector<OptionSpec> sda_specs() {
  auto out = level_specs("sda", 256);
  out.push_back({.key = "sda.gamma",
                 .help = "variance of the denoised field over that of the noise in u / alpha",
                 .fallback = 0.01,
                 .lowest = 0.0});
  out.push_back({.key = "sda.corrections",
                 .help = "Langevin steps at each level, an evaluation each",
                 .fallback = std::int64_t{1},
                 .lowest = 0,
                 .highest = 1000});
  out.push_back({.key = "sda.tau", .help = "length of these steps", .fallback = 0.5, .lowest = 0.0});
  return out;
}

const DiffusionRegistration kSdaRegistration("sda", "score-based data assimilation, predictor and corrector",
                                             sda_specs(), [](const Config& config) {
                                               return std::make_unique<Sda>(config);
                                             });

}  // namespace
}  // namespace manifill::posterior
