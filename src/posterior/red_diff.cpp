// `red_diff`: regularisation by denoising diffusion (Mardani, Song, Kautz and Vahdat 2023, arXiv 2305.04391,
// algorithm 1).

#include <cmath>
#include <string>
#include <utility>

#include "manifill/posterior/diffusion.hpp"

namespace manifill::posterior {
namespace {

// Of Adam (Kingma and Ba 2015, arXiv 1412.6980) as the paper sets it.
constexpr double kFirst = 0.9;
constexpr double kSecond = 0.99;
constexpr double kSmall = 1e-8;

/// Adam on 1/2 |y - A mu|^2 + w <eps^ - eps, mu>, w = lambda sigma / alpha, eps^ = (u_t - alpha D) / sigma
/// held fixed, u_t = alpha mu + sigma eps with new eps at each level, from A~+ y~ on. The residual's norm is
/// in normalised units, as in the paper where observations are pixels: their noise is not used. mu seeks a
/// mode; members differ by eps only.
class RedDiff : public DiffusionMethod {
 public:
  explicit RedDiff(const Config& config)
      : levels_(level_options("red_diff", config)),
        lambda_(config.real("red_diff.lambda")),
        rate_(config.real("red_diff.rate")) {}

  [[nodiscard]] torch::Tensor draw(const DiffusionProblem& problem, MemberNoise& noise) const override {
    const auto levels = noise_levels(problem.schedule, levels_.first, levels_.second);
    const auto& a = problem.measurement;
    const double unit = a.gain() > 0.0 ? 1.0 / (a.gain() * a.gain()) : 0.0;
    auto mu = a.pseudo_inverse(problem.y).expand({noise.members(), a.points()});
    auto first = torch::zeros_like(mu);
    auto second = torch::zeros_like(mu);
    for (std::size_t k = 0; k + 1 < levels.size(); ++k) {
      const double alpha = prior::alpha_of(levels[k]);
      const double sigma = prior::sigma_of(levels[k]);
      const auto eps = noise.normal(mu.size(1));
      const auto u = alpha * mu + sigma * eps;
      const auto estimate = (u - alpha * problem.denoiser.mean(u, levels[k])) / sigma;
      const auto slope = lambda_ * sigma / alpha * (estimate - eps) - unit * a.adjoint(problem.residual(mu));
      first = kFirst * first + (1.0 - kFirst) * slope;
      second = kSecond * second + (1.0 - kSecond) * slope.square();
      const auto step = static_cast<double>(k + 1);
      const auto scale = torch::sqrt(second / (1.0 - std::pow(kSecond, step))) + kSmall;
      mu = mu - rate_ / (1.0 - std::pow(kFirst, step)) * first / scale;
    }
    return mu;
  }

 private:
  std::pair<std::int64_t, std::string> levels_;
  double lambda_;
  double rate_;
};

std::vector<OptionSpec> red_diff_specs() {
  auto out = level_specs("red_diff", 1000);
  out.push_back({.key = "red_diff.lambda",
                 .help = "weight of the prior against the observations",
                 .fallback = 0.25,
                 .lowest = 0.0});
  out.push_back({.key = "red_diff.rate", .help = "learning rate of Adam", .fallback = 0.1, .lowest = 0.0});
  return out;
}

const DiffusionRegistration kRedDiffRegistration("red_diff",
                                                 "a mode, by Adam on the denoiser's regularisation",
                                                 red_diff_specs(), [](const Config& config) {
                                                   return std::make_unique<RedDiff>(config);
                                                 });

}  // namespace
}  // namespace manifill::posterior
