#pragma once
/// \file
/// \brief Gaps of training fields filled by draws, so that the covariance is not biased towards none.

#include <cstdint>
#include <functional>

#include "manifill/prior/backbone.hpp"

namespace manifill::posterior {

/// \brief Sets `infilled` of the fields: draws of the posterior, given each time's own values, of a backbone
/// fitted to what is known (stochastic EM: Celeux and Diebolt 1985, Comput. Stat. Q. 2, 73-82).
///
/// A covariance of the available cases is kept positive definite by counting every point's values for
/// itself, which makes covariances with a point that is often missing too small. Draws have neither that bias
/// nor the loss of variance of means.
/// \param rounds fits and draws in turn, one at least; each later fit uses the draws before it
/// \param progress called after every field of every round
/// \throws Error as `Backbone::fit`; Error(stopped) on a signal
prior::TrainingFields infill_training_gaps(prior::TrainingFields fields,
                                           const prior::BackboneOptions& options, std::int64_t rounds,
                                           std::uint64_t seed, const std::function<void()>& progress = {});

}  // namespace manifill::posterior
