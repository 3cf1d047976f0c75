// `daps`: decoupled annealing posterior sampling (Zhang et al. 2024, arXiv 2407.01521, algorithm 1).

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "manifill/posterior/diffusion.hpp"

namespace manifill::posterior {
namespace {

constexpr double kPower = 7.0;         // of the levels' spacing
constexpr double kFlowsLowest = 0.01;  // where the probability flow ends

/// Log-SNRs of `steps` noises sigma / alpha from `highest` to `lowest` with even seventh roots (Karras et al.
/// 2022, arXiv 2206.00364, eq. 5), and +infinity.
std::vector<double> annealed(double highest, double lowest, std::int64_t steps) {
  std::vector<double> out;
  for (std::int64_t k = 0; k < steps; ++k) {
    const double share = steps > 1 ? static_cast<double>(k) / static_cast<double>(steps - 1) : 0.0;
    const double first = std::pow(highest, 1.0 / kPower);
    const double root = first + share * (std::pow(lowest, 1.0 / kPower) - first);
    out.push_back(-2.0 * kPower * std::log(root));
  }
  out.push_back(kClean);
  return out;
}

/// At each level a draw of p(u_0 | u_t, y~), to which the next level's noise is added anew. Of a linear
/// measurement and a normal p(u_0 | u_t) it is drawn in closed form: what the paper's inner Langevin dynamics
/// tend to, without evaluations, by Matheron's rule d + C A~^T (A~ C A~^T + 1)^-1 (y~ + n - A~ d), d ~ p(u_0
/// | u_t) of covariance C.
///
/// gaussian: N(D, C_t) with the covariance of the model's Gaussian part; then every level's draw is exact for
/// a Gaussian prior. white: N(x, sigma^2), sigma^2 the variance of u_0 given u_t where u_0 is white of
/// variance 1, around the end x of the probability flow from u_t, as in the paper.
class Daps : public DiffusionMethod {
 public:
  explicit Daps(const Config& config)
      : steps_(config.integer("daps.steps")),
        highest_(config.real("daps.highest")),
        lowest_(config.real("daps.lowest")),
        gaussian_(config.text("daps.law") == "gaussian"),
        flow_steps_(config.integer("daps.flow_steps")) {}

  [[nodiscard]] torch::Tensor draw(const DiffusionProblem& problem, MemberNoise& noise) const override {
    const auto levels = annealed(highest_, std::min(lowest_, highest_), steps_);
    const auto& a = problem.measurement;
    std::optional<GaussianConditional> law;
    if (gaussian_) law.emplace(problem, "daps.law=gaussian", "daps.law=white");
    auto u = problem.start(levels[0], noise);
    for (std::size_t k = 0; k + 1 < levels.size(); ++k) {
      const auto white = noise.normal(u.size(1));
      const double variance = std::pow(prior::sigma_of(levels[k]), 2);
      auto x = law ? problem.denoiser.mean(u, levels[k]) + law->colour(levels[k], white)
                   : flow_end(problem, u, levels[k]) + std::sqrt(variance) * white;
      const auto departure = problem.residual(x) + noise.normal(a.observations());
      x = x + (law ? law->times(levels[k], a.adjoint(law->solve(levels[k], departure)))
                   : variance * a.regularised_inverse(variance, 1.0, departure));
      u = renewing_step(u, x, levels[k], levels[k + 1], 1.0, noise.normal(u.size(1)));
    }
    return u;
  }

 private:
  /// u_0 at the end of the probability flow from u_t.
  [[nodiscard]] torch::Tensor flow_end(const DiffusionProblem& problem, torch::Tensor u, double from) const {
    const double highest = std::exp(-0.5 * from);
    const auto levels = annealed(highest, std::min(kFlowsLowest, highest), flow_steps_);
    for (std::size_t k = 0; k + 1 < levels.size(); ++k)
      u = ddim_step(u, problem.denoiser.mean(u, levels[k]), levels[k], levels[k + 1], 0.0, {});
    return u;
  }

  std::int64_t steps_;
  double highest_;
  double lowest_;
  bool gaussian_;
  std::int64_t flow_steps_;
};

std::vector<OptionSpec> daps_specs() {
  return {{.key = "daps.steps",
           .help = "noise levels; an evaluation each, or daps.flow_steps with daps.law=white",
           .fallback = std::int64_t{200},
           .lowest = 1,
           .highest = 100000},
          {.key = "daps.highest",
           .help = "sigma / alpha of the first level",
           .fallback = 100.0,
           .lowest = 1e-3,
           .highest = 150.0},
          {.key = "daps.lowest",
           .help = "sigma / alpha of the last level",
           .fallback = 0.1,
           .lowest = 1e-3,
           .highest = 150.0},
          {.key = "daps.law",
           .help = "covariance of the clean field given the noisy one: that of the model's Gaussian part, "
                   "exact without a score network, or white",
           .fallback = std::string("gaussian"),
           .choices = {"gaussian", "white"}},
          {.key = "daps.flow_steps",
           .help = "steps of the probability flow at each level, with daps.law=white",
           .fallback = std::int64_t{5},
           .lowest = 1,
           .highest = 1000}};
}

const DiffusionRegistration kDapsRegistration("daps", "decoupled annealing, the inner draws in closed form",
                                              daps_specs(), [](const Config& config) {
                                                return std::make_unique<Daps>(config);
                                              });

}  // namespace
}  // namespace manifill::posterior
