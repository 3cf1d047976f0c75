#pragma once
/// \file
/// \brief What the classical fills of one field have in common as samplers.

#include <functional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "manifill/posterior/sampler.hpp"

namespace manifill::posterior {

/// \brief What a step's observations say of the anomalies at the model's own points.
struct ObservedAnomalies {
  std::vector<bool> observed{};  ///< [point]
  Eigen::VectorXd values{};  ///< [point], from the model's climatology, physical units; 0 where not observed
  double noise_variance = 0.0;  ///< of the observations, mean; squared physical units
  double chi_square = 0.0;      ///< mean of squared anomalies over the backbone's variance and the noise's
  double freedom = 0.0;         ///< observations
};

/// \brief Anomalies of a step that observes points themselves. \param method for the message
/// \throws Error(input) where an observation is of several points: another grid, stations
ObservedAnomalies observed_anomalies(const prior::Backbone& backbone, const StepObservation& step,
                                     const std::string& method);

/// \brief Refuses `refine`, which starts from members of a posterior. \throws Error(usage)
void refuse_refine(const SampleRequest& request, const std::string& method);

/// \brief A sampler that knows one fill of a step's anomalies and no uncertainty: all its members are that
/// fill added to the climatology, observed values kept. Of a window the centre alone is looked at. Without
/// any observation it is the climatology.
class FillSampler : public PosteriorSampler {
 public:
  /// \param observed [point], at least one \param values [point], anomalies \return [point]
  using Fill =
      std::function<Eigen::VectorXd(const std::vector<bool>& observed, const Eigen::VectorXd& values)>;
  FillSampler(const Model& model, std::string method, Fill fill);
  [[nodiscard]] Ensemble sample(const Window& window, const SampleRequest& request) override;

 private:
  prior::Backbone backbone_;
  std::string method_;
  Fill fill_;
};

}  // namespace manifill::posterior
