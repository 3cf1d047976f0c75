#include "manifill/posterior/fill_sampler.hpp"

#include <cmath>
#include <utility>

#include "manifill/base/error.hpp"

namespace manifill::posterior {

ObservedAnomalies observed_anomalies(const prior::Backbone& backbone, const StepObservation& step,
                                     const std::string& method) {
  const auto n = static_cast<Eigen::Index>(backbone.domain().size());
  ObservedAnomalies out{.observed = std::vector<bool>(backbone.domain().size(), false),
                        .values = Eigen::VectorXd::Zero(n)};
  if (!step.measurement || step.y.size() == 0) return out;
  if (!step.measurement->selection())
    throw Error(
        ErrorKind::input,
        "the method " + method + " fills from values at the model's own points, and these lie elsewhere",
        {.remedy = "Bring the input onto the model's grid, or use the method gaussian, flow or eof"});
  const Eigen::VectorXd mean = backbone.mean(step.season);
  const Eigen::VectorXd variance = backbone.variance(backbone.season_bin(step.season)).array() *
                                   backbone.scale(step.season).array().square();
  const auto& a = step.measurement->matrix();
  for (Eigen::Index k = 0; k < a.rows(); ++k)
    for (measurement::SparseMatrix::InnerIterator it(a, k); it; ++it) {
      const Eigen::Index i = it.col();
      const double noise = std::pow(step.measurement->noise_sigma()[k] / it.value(), 2);
      out.observed[static_cast<std::size_t>(i)] = true;
      out.values[i] = step.y[k] / it.value() - mean[i];
      out.noise_variance += noise;
      out.chi_square += out.values[i] * out.values[i] / (variance[i] + noise);
      out.freedom += 1.0;
    }
  out.noise_variance /= out.freedom;
  out.chi_square /= out.freedom;
  return out;
}

void refuse_refine(const SampleRequest& request, const std::string& method) {
  if (request.refine > 0)
    throw Error(ErrorKind::usage, "'refine' means nothing to the method " + method,
                {.remedy = "Leave it out, or choose the method flow"});
}

FillSampler::FillSampler(const Model& model, std::string method, Fill fill)
    : backbone_(model.backbone), method_(std::move(method)), fill_(std::move(fill)) {}

Ensemble FillSampler::sample(const Window& window, const SampleRequest& request) {
  refuse_refine(request, method_);
  const StepObservation& step = window.at_centre();
  const ObservedAnomalies seen = observed_anomalies(backbone_, step, method_);
  const Eigen::VectorXd anomalies = seen.freedom > 0.0 ? fill_(seen.observed, seen.values) : seen.values;
  Ensemble e;
  e.members = backbone_.within_bounds(backbone_.mean(step.season) + anomalies)
                  .replicate(1, static_cast<Eigen::Index>(request.members));
  e.chi_square = seen.chi_square;
  e.freedom = seen.freedom;
  return e;
}

}  // namespace manifill::posterior
