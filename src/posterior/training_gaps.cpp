#include "manifill/posterior/training_gaps.hpp"

#include <cmath>
#include <limits>

#include "manifill/base/error.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/posterior/gaussian_window.hpp"
#include "manifill/posterior/windows.hpp"
#include "manifill/prior/sequence.hpp"

namespace manifill::posterior {
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
      check_stop();
      std::vector<Eigen::Index> gaps;
      for (Eigen::Index i = 0; i < fields.values.rows(); ++i)
        if (std::isnan(fields.values(i, t)) && backbone.active()[i] > 0.0) gaps.push_back(i);
      if (progress) progress();
      if (gaps.empty()) continue;
      const auto at = static_cast<std::size_t>(t);
      const Window window =
          window_around(fields.index, at, options.window, fields.season[at], [&](std::size_t entry) {
            return observe_cells(fields, entry, measurement::ObservedCells(fields.domain.size(), true),
                                 noise);
          });
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
