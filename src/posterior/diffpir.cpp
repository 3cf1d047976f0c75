// `diffpir`: denoising diffusion for plug-and-play restoration (Zhu et al. 2023, arXiv 2305.08995, algorithm
// 1).

#include <cmath>
#include <string>
#include <utility>

#include "manifill/posterior/diffusion.hpp"

namespace manifill::posterior {
namespace {

/// The proximal step argmin_u |y~ - A~ u|^2 + rho |u - D|^2, rho = lambda alpha^2 / sigma^2, then a step of
/// that which renews the share zeta of the noise.
class DiffPir : public DiffusionMethod {
 public:
  explicit DiffPir(const Config& config)
      : levels_(level_options("diffpir", config)),
        lambda_(config.real("diffpir.lambda")),
        zeta_(config.real("diffpir.zeta")) {}

  [[nodiscard]] torch::Tensor draw(const DiffusionProblem& problem, MemberNoise& noise) const override {
    const auto levels = noise_levels(problem.schedule, levels_.first, levels_.second);
    const auto& a = problem.measurement;
    auto u = problem.start(levels[0], noise);
    for (std::size_t k = 0; k + 1 < levels.size(); ++k) {
      const double rho = lambda_ * std::exp(levels[k]);
      auto mean = problem.denoiser.mean(u, levels[k]);
      mean = mean + a.regularised_inverse(1.0, rho, problem.residual(mean));
      u = renewing_step(u, mean, levels[k], levels[k + 1], zeta_, noise.normal(u.size(1)));
    }
    return u;
  }

 private:
  std::pair<std::int64_t, std::string> levels_;
  double lambda_;
  double zeta_;
};

std::vector<OptionSpec> diffpir_specs() {
  auto out = level_specs("diffpir", 100);
  out.push_back({.key = "diffpir.lambda",
                 .help = "weight of the denoised field against the observations",
                 .fallback = 1.0,
                 .lowest = 1e-9});
  out.push_back({.key = "diffpir.zeta",
                 .help = "share of the noise that a step renews",
                 .fallback = 1.0,
                 .lowest = 0.0,
                 .highest = 1.0});
  return out;
}

const DiffusionRegistration kDiffpirRegistration("diffpir",
                                                 "a proximal step to the observations at each level",
                                                 diffpir_specs(), [](const Config& config) {
                                                   return std::make_unique<DiffPir>(config);
                                                 });

}  // namespace
}  // namespace manifill::posterior
