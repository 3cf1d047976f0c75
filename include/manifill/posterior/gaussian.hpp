#pragma once
/// \file
/// \brief `gaussian`: optimal interpolation with the backbone, exact for every linear measurement.

#include "manifill/posterior/refine.hpp"
#include "manifill/posterior/sampler.hpp"

namespace manifill::posterior {

/// \brief Draws by Matheron's rule from coherent prior sequences; steps that share their masks share a
/// factorisation.
class GaussianSampler : public PosteriorSampler {
 public:
  explicit GaussianSampler(const Model& model);
  [[nodiscard]] Ensemble sample(const Window& window, const SampleRequest& request) override;

  /// \brief The factorisation of a window, as EnsembleFinisher::factor.
  [[nodiscard]] std::shared_ptr<const WindowFactor> factor(const Window& window) {
    return finisher_.factor(window);
  }
  /// \brief The window's solution with its draws.
  [[nodiscard]] WindowSolution draw(const Window& window, const WindowFactor& factor,
                                    const SampleRequest& request);
  [[nodiscard]] EnsembleFinisher& finisher() { return finisher_; }

 private:
  EnsembleFinisher finisher_;
  std::pair<std::uint64_t, std::uint64_t> ensemble_{};       // seed and members of the sequences
  std::map<std::size_t, prior::PriorSequence> sequences_{};  // by class of fields
};

}  // namespace manifill::posterior
