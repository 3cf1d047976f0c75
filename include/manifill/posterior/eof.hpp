#pragma once
/// \file
/// \brief `eof`: regression on the leading empirical orthogonal functions of the training fields.

#include <cstddef>

#include <Eigen/Core>

#include "manifill/posterior/sampler.hpp"

namespace manifill::posterior {

/// \brief The exact posterior of a truncated Gaussian prior: normalised anomalies are E a + r with the
/// leading EOFs E of the backbone's covariance of one step, a ~ N(0, their variances) and r white in areas,
/// with the mean variance that the others have (probabilistic principal components: Tipping and Bishop 1999,
/// eq. 8). No localisation beyond the backbone's own, no neighbouring steps; of a window the centre alone is
/// looked at. Works with every linear measurement: O(points modes members + observations modes^2), and a
/// sparse factor where observations share points. Members are draws by Matheron's rule, independent in time.
class EofSampler : public PosteriorSampler {
 public:
  /// \param modes kept, at most those of the backbone (backbone.rank); 0: all of them
  EofSampler(const Model& model, std::size_t modes);
  [[nodiscard]] Ensemble sample(const Window& window, const SampleRequest& request) override;

  /// \brief The prior of a season bin as it is truncated.
  [[nodiscard]] const prior::CovarianceFactor& factor(std::size_t bin);

 private:
  prior::Backbone backbone_;
  Eigen::Index modes_;
  std::size_t bin_ = 0;
  prior::CovarianceFactor factor_{};  // of that bin; empty until it is asked for
};

}  // namespace manifill::posterior
