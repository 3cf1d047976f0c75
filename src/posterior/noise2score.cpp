// `noise2score`: Tweedie's formula at the observations' own noise (Kim and Ye 2021, arXiv 2106.07009).

#include <cmath>
#include <string>

#include "manifill/base/error.hpp"
#include "manifill/posterior/diffusion.hpp"

namespace manifill::posterior {
namespace {

/// The posterior mean D(alpha y) at the level where sigma / alpha is the noise of the observations, for all
/// members alike. Denoising only: every point is observed by itself. Where the noise of u varies from point
/// to point the level is that of its mean variance, and the mean is not exact.
class Noise2Score : public DiffusionMethod {
 public:
  [[nodiscard]] torch::Tensor draw(const DiffusionProblem& problem, MemberNoise& noise) const override {
    const auto& a = problem.measurement;
    if (!a.disjoint() || a.observations() != a.points() || a.singular_values().size(0) != a.points())
      throw Error(ErrorKind::usage,
                  "noise2score takes noise off fields that are observed point by point without gaps, but " +
                      std::to_string(a.points()) + " points have " + std::to_string(a.observations()) +
                      (a.disjoint() ? " observations" : " observations that overlap"),
                  {.remedy = "Use a method that fills, as --method pigdm or gaussian"});
    const double variance = a.singular_values().square().reciprocal().mean().item<double>();
    const double level = -std::log(variance);
    const auto observed = a.pseudo_inverse(problem.y);
    return problem.denoiser.mean(prior::alpha_of(level) * observed, level)
        .expand({noise.members(), a.points()});
  }
};

const DiffusionRegistration kNoise2scoreRegistration("noise2score",
                                                     "Tweedie's formula; for fields without gaps", {},
                                                     [](const Config&) {
                                                       return std::make_unique<Noise2Score>();
                                                     });

}  // namespace
}  // namespace manifill::posterior
