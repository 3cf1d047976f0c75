#pragma once
/// \file
/// \brief `importance`: members of another sampler, weighted by the exact density and resampled.

#include <cstdint>
#include <memory>
#include <string>

#include "manifill/posterior/refine.hpp"
#include "manifill/posterior/sampler.hpp"

namespace manifill::posterior {

/// \brief Sampling importance resampling (Rubin 1988): each member is one of `draws` candidates of a sampler
/// that gives densities, chosen with probability in proportion to p(y | x) p(x) / q(x | y). Candidates are
/// the member's own, so that members stay independent and do not depend on their number; the bias is of order
/// 1 / draws.
///
/// The ensemble's effective size is that of all candidates over `draws`, at most the number of members.
/// log_density and log_weight are those with which the members were proposed.
class ImportanceSampler : public PosteriorSampler {
 public:
  /// \param model must outlive it \param name of the proposal, for errors \param draws at least 1
  ImportanceSampler(const Model& model, std::string name, std::unique_ptr<PosteriorSampler> proposal,
                    std::uint32_t draws);
  /// \throws Error(usage) when the proposal knows no density; Error(numerical) when no weight is finite
  [[nodiscard]] Ensemble sample(const Window& window, const SampleRequest& request) override;

 private:
  std::string name_;
  std::unique_ptr<PosteriorSampler> proposal_;
  std::uint32_t draws_;
  EnsembleFinisher finisher_;
};

}  // namespace manifill::posterior
