// `ddrm`: denoising diffusion restoration models (Kawar, Elad, Ermon and Song 2022, arXiv 2201.11793).

#include <cmath>
#include <string>
#include <utility>

#include "manifill/posterior/diffusion.hpp"

namespace manifill::posterior {
namespace {

/// Eqs. 7 and 8 for u / alpha, whose noise at a level is t = sigma / alpha: a component of singular value s,
/// observed as y with noise 1 / s, becomes
///   D + sqrt(1 - eta^2) t s (y - D) + eta t z           where the level is below the observation's noise,
///   (1 - eta_b) D + eta_b y + sqrt(t^2 - eta_b^2 / s^2) z  above it;
/// others make a step that renews the share eta^2 of their noise.
class Ddrm : public DiffusionMethod {
 public:
  explicit Ddrm(const Config& config)
      : levels_(level_options("ddrm", config)),
        eta_(config.real("ddrm.eta")),
        eta_b_(config.real("ddrm.eta_b")) {}

  [[nodiscard]] torch::Tensor draw(const DiffusionProblem& problem, MemberNoise& noise) const override {
    const auto levels = noise_levels(problem.schedule, levels_.first, levels_.second);
    const auto& a = problem.measurement;
    const auto s = a.singular_values().to(torch::kFloat32);
    const auto observed = a.to_left(problem.y) / s;  // [1][rank]
    auto u = problem.start(levels[0], noise);
    for (std::size_t k = 0; k + 1 < levels.size(); ++k) {
      const auto mean = problem.denoiser.mean(u, levels[k]);
      const auto white = noise.normal(u.size(1));
      u = renewing_step(u, mean, levels[k], levels[k + 1], eta_ * eta_, white);
      const double alpha = prior::alpha_of(levels[k + 1]);
      const double level = prior::sigma_of(levels[k + 1]) / alpha;
      if (level == 0.0) return u;
      const auto own = a.to_right(mean);
      const auto z = a.to_right(white);
      const auto below = own + std::sqrt(1.0 - eta_ * eta_) * level * s * (observed - own) + eta_ * level * z;
      const auto above = (1.0 - eta_b_) * own + eta_b_ * observed +
                         torch::sqrt((level * level - (eta_b_ / s).square()).clamp_min(0.0)) * z;
      u = u + a.from_right(alpha * torch::where(level * s < 1.0, below, above) - a.to_right(u));
    }
    return u;
  }

 private:
  std::pair<std::int64_t, std::string> levels_;
  double eta_;
  double eta_b_;
};

std::vector<OptionSpec> ddrm_specs() {
  auto out = level_specs("ddrm", 20);
  out.push_back({.key = "ddrm.eta",
                 .help = "amplitude of the noise that a step renews, over the level's",
                 .fallback = 0.85,
                 .lowest = 0.0,
                 .highest = 1.0});
  out.push_back({.key = "ddrm.eta_b",
                 .help = "share of the observation where its noise is below the level's",
                 .fallback = 1.0,
                 .lowest = 0.0,
                 .highest = 1.0});
  return out;
}

const DiffusionRegistration kDdrmRegistration("ddrm", "steps of their own for each singular value",
                                              ddrm_specs(), [](const Config& config) {
                                                return std::make_unique<Ddrm>(config);
                                              });

}  // namespace
}  // namespace manifill::posterior
