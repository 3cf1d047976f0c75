#include "manifill/posterior/training_gaps.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "manifill/base/error.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "manifill/measurement/measurement.hpp"
#include "manifill/posterior/gaussian_window.hpp"
#include "manifill/prior/sequence.hpp"

namespace manifill::posterior {
namespace {

/// The known values of one training time as an observation.
StepObservation observe(const prior::TrainingFields& fields, Eigen::Index t, double noise) {
  const auto at = static_cast<std::size_t>(t);
  measurement::ObservedCells known(static_cast<std::size_t>(fields.values.rows()));
  std::vector<double> y;
  for (std::size_t i = 0; i < known.size(); ++i) {
    const float v = fields.values(static_cast<Eigen::Index>(i), t);
    known[i] = !std::isnan(v);
    if (known[i]) y.push_back(v);
  }
  return {.time = fields.index[at],
          .season = fields.season[at],
          .measurement = std::make_shared<measurement::Measurement>(
              measurement::mask(known, Eigen::VectorXd::Constant(fields.values.rows(), noise))),
          .y = Eigen::Map<const Eigen::VectorXd>(y.data(), static_cast<Eigen::Index>(y.size()))};
}

/// The steps around a training time; those that the fields do not hold are unobserved.
Window window_of(const prior::TrainingFields& fields, Eigen::Index t, std::int64_t half, double noise) {
  const std::int64_t centre = fields.index[static_cast<std::size_t>(t)];
  Window w;
  for (std::int64_t step = centre - half; step <= centre + half; ++step) {
    const auto found = std::lower_bound(fields.index.begin(), fields.index.end(), step);
    if (found != fields.index.end() && *found == step)
      w.steps.push_back(observe(fields, found - fields.index.begin(), noise));
    else
      w.steps.push_back({.time = step, .season = fields.season[static_cast<std::size_t>(t)]});
  }
  return w;
}

}  // namespace

prior::TrainingFields infill_training_gaps(prior::TrainingFields fields,
                                           const prior::BackboneOptions& options, std::int64_t rounds,
                                           std::uint64_t seed, const std::function<void()>& progress) {
  for (std::int64_t round = 0; round < rounds; ++round) {
    const auto backbone = prior::Backbone::fit(fields, options);
    const double noise = options.noise_sigma * backbone.unit_scale();
    const std::uint64_t own_seed = seed + static_cast<std::uint64_t>(round);
    prior::PriorSequence sequence(backbone, own_seed, 0, 1);
    fields.infilled = Eigen::MatrixXf::Constant(fields.values.rows(), fields.values.cols(),
                                                std::numeric_limits<float>::quiet_NaN());
    for (Eigen::Index t = 0; t < fields.values.cols(); ++t) {
      if (stop_requested())
        throw Error(ErrorKind::stopped, "stopped by " + stop_reason() + "; nothing was written");
      std::vector<Eigen::Index> gaps;
      for (Eigen::Index i = 0; i < fields.values.rows(); ++i)
        if (std::isnan(fields.values(i, t)) && backbone.active()[i] > 0.0) gaps.push_back(i);
      if (progress) progress();
      if (gaps.empty()) continue;
      const Window window = window_of(fields, t, options.window, noise);
      const double season = window.at_centre().season;
      const Eigen::VectorXd x =
          WindowFactor(backbone, window).draw(window, sequence, own_seed, 0, 1).draws.col(0);
      const Eigen::VectorXd level = backbone.mean(season);
      const Eigen::VectorXd scale = backbone.scale(season);
      for (const Eigen::Index i : gaps)
        fields.infilled(i, t) = static_cast<float>(level[i] + scale[i] * x[i]);
    }
  }
  return fields;
}

}  // namespace manifill::posterior
