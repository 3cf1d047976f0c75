// `pigdm`: pseudo-inverse guided diffusion (Song, Vahdat, Mardani and Kautz 2023, ICLR, algorithm 1).

#include <optional>
#include <string>
#include <utility>

#include "manifill/posterior/diffusion.hpp"

namespace manifill::posterior {
namespace {

/// g = J^T A~^T (r_t^2 A~ A~^T + 1)^-1 (y~ - A~ D), r_t^2 = sigma_t^2: the variance of u_0 given u_t where
/// u_0 is white of variance 1.
///
/// published: alpha_t r_t^2 g is added to what a step of D gives. consistent: by Tweedie's formula the
/// denoiser given y~ is D + sigma_t^2 / alpha_t g, and the step is of that, so that the path is that of the
/// score of p(u_t | y~) as g approximates it. gaussian: the same with the covariance of the prior's Gaussian
/// part in place of r_t^2, exact for a Gaussian prior as steps become many.
class Pigdm : public DiffusionMethod {
 public:
  explicit Pigdm(const Config& config)
      : levels_(level_options("pigdm", config)),
        eta_(config.real("pigdm.eta")),
        published_(config.text("pigdm.guidance") == "published"),
        gaussian_(config.text("pigdm.guidance") == "gaussian") {}

  [[nodiscard]] torch::Tensor draw(const DiffusionProblem& problem, MemberNoise& noise) const override {
    const auto levels = noise_levels(problem.schedule, levels_.first, levels_.second);
    const auto& a = problem.measurement;
    std::optional<GaussianConditional> system;
    if (gaussian_) system.emplace(problem, "pigdm.guidance=gaussian", "pigdm.guidance=consistent");
    auto u = problem.start(levels[0], noise);
    for (std::size_t k = 0; k + 1 < levels.size(); ++k) {
      const double alpha = prior::alpha_of(levels[k]);
      const double sigma = prior::sigma_of(levels[k]);
      auto at = problem.denoiser.linearise(u, levels[k]);
      const auto residual = problem.residual(at.mean());
      const auto score = at.pullback(system ? a.adjoint(system->solve(levels[k], residual))
                                            : a.regularised_inverse(sigma * sigma, 1.0, residual));
      const auto white = noise.normal(u.size(1));
      const auto step = [&](const torch::Tensor& mean) {
        return ddim_step(u, mean, levels[k], levels[k + 1], eta_, white);
      };
      u = published_ ? step(at.mean()) + alpha * sigma * sigma * score
                     : step(at.mean() + sigma * sigma / alpha * score);
    }
    return u;
  }

 private:
  std::pair<std::int64_t, std::string> levels_;
  double eta_;
  bool published_;
  bool gaussian_;
};

std::vector<OptionSpec> pigdm_specs() {
  auto out = level_specs("pigdm", 100);
  out.push_back({.key = "pigdm.eta",
                 .help = "fresh noise in a step: 0 none, 1 ancestral",
                 .fallback = 1.0,
                 .lowest = 0.0,
                 .highest = 1.0});
  out.push_back({.key = "pigdm.guidance",
                 .help = "the paper's rule; the path of the score that it stands for; or that score with the "
                         "covariance of the model's Gaussian part, exact without a score network",
                 .fallback = std::string("published"),
                 .choices = {"published", "consistent", "gaussian"}});
  return out;
}

const DiffusionRegistration kPigdmRegistration("pigdm", "pseudo-inverse guided diffusion", pigdm_specs(),
                                               [](const Config& config) {
                                                 return std::make_unique<Pigdm>(config);
                                               });

}  // namespace
}  // namespace manifill::posterior
