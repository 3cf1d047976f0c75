#include "manifill/posterior/gaussian.hpp"

namespace manifill::posterior {
namespace {

const SamplerRegistration kGaussianRegistration("gaussian",
                                                "optimal interpolation with the Gaussian backbone, exact", {},
                                                [](const Model& model, const Config&) {
                                                  return std::make_unique<GaussianSampler>(model);
                                                });

}  // namespace

GaussianSampler::GaussianSampler(const Model& model) : finisher_(model) {}

WindowSolution GaussianSampler::draw(const Window& window, const WindowFactor& factor,
                                     const SampleRequest& request) {
  const std::uint64_t which = (static_cast<std::uint64_t>(request.first_member) << 32) | request.members;
  // One ensemble at a time: the innovations of another would only take memory.
  if (const std::pair wanted{request.seed, which}; wanted != ensemble_) {
    sequences_.clear();
    ensemble_ = wanted;
  }
  const auto sequence = sequences_
                            .try_emplace(factor.backbone().class_number(), factor.backbone(), request.seed,
                                         request.first_member, request.members)
                            .first;
  return factor.draw(window, sequence->second, request.seed, request.first_member, request.members);
}

Ensemble GaussianSampler::sample(const Window& window, const SampleRequest& request) {
  const auto f = factor(window);
  const WindowSolution solution = draw(window, *f, request);
  const PriorDeparture& departure = finisher_.departure();
  SampleRequest finish = request;
  if (departure.zero()) finish.refine = 0;  // the draws are exact
  Ensemble e = finisher_.finish(window, *f, solution, solution.draws, finish);
  if (request.density) {
    e.log_density = f->log_density(solution, solution.draws);
    // Under the backbone as prior the Gaussian posterior is exact: every member weighs the same.
    if (f->backbone().class_number() == 0)
      e.log_weight = departure(solution.draws, window.at_centre().season, request.seed,
                               window.at_centre().time, request.first_member);
    else
      e.log_weight = finisher_.log_target(window, solution.draws, request) - e.log_density;
    e.effective_size = effective_sample_size(e.log_weight);
    e.evaluations += departure.evaluations();
  }
  return e;
}

}  // namespace manifill::posterior
