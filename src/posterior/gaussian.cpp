#include "manifill/posterior/gaussian.hpp"

#include "manifill/posterior/refine.hpp"

namespace manifill::posterior {
namespace {

const SamplerRegistration kRegistration("gaussian", "optimal interpolation with the Gaussian backbone, exact",
                                        {}, [](const Model& model, const Config&) {
                                          return std::make_unique<GaussianSampler>(model);
                                        });

}  // namespace

GaussianSampler::GaussianSampler(const Model& model)
    : backbone_(model.backbone),
      cache_(model.backbone),
      departure_(std::make_unique<PriorDeparture>(model)) {}

GaussianSampler::~GaussianSampler() = default;

WindowSolution GaussianSampler::draw(const Window& window, const WindowFactor& factor,
                                     const SampleRequest& request) {
  const std::uint64_t which = (static_cast<std::uint64_t>(request.first_member) << 32) | request.members;
  auto sequence = sequences_.find({request.seed, which});
  if (sequence == sequences_.end()) {
    sequences_.clear();  // one ensemble at a time: the innovations of another would only take memory
    sequence = sequences_
                   .try_emplace({request.seed, which}, backbone_, request.seed, request.first_member,
                                request.members)
                   .first;
  }
  return factor.draw(window, sequence->second, request.seed, request.first_member, request.members);
}

Ensemble GaussianSampler::sample(const Window& window, const SampleRequest& request) {
  const auto f = factor(window);
  const StepObservation& centre = window.at_centre();
  const WindowSolution solution = draw(window, *f, request);
  Eigen::MatrixXd x = solution.draws;
  Ensemble e;
  std::tie(e.chi_square, e.freedom) = WindowFactor::chi_square(solution);
  if (e.freedom > 0.0) e.chi_square /= e.freedom;
  if (request.density) {
    e.log_density = f->log_density(solution, x);
    // Under the backbone as prior the Gaussian posterior is exact: every member weighs the same.
    e.log_weight = (*departure_)(x, centre.season, request.seed);
    e.effective_size = effective_sample_size(e.log_weight);
  }
  if (request.refine > 0 && !departure_->zero())
    x = refine(*departure_, *f, centre, f->centre_mean(solution), x, request);
  e.members = backbone_.physical(x, centre.season);
  return e;
}

}  // namespace manifill::posterior
