#pragma once
/// \file
/// \brief `flow`: Amortized Posterior Sampling (arXiv 2407.17907), one network evaluation for one posterior
/// sample.

#include "manifill/posterior/gaussian.hpp"

namespace manifill::posterior {

/// \brief Pushes draws of the base through the model's flow. With the Gaussian-posterior base the draws are
/// Matheron's, coherent in time, and the flow acts on top.
class AmortizedFlowSampler : public PosteriorSampler {
 public:
  /// \throws Error(usage) when the model holds no flow
  explicit AmortizedFlowSampler(const Model& model);
  [[nodiscard]] Ensemble sample(const Window& window, const SampleRequest& request) override;

 private:
  const Model& model_;
  GaussianSampler base_;
};

}  // namespace manifill::posterior
