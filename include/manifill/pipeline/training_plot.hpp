#pragma once
/// \file
/// \brief Pictures of training logs.

#include <string>

namespace manifill::pipeline {

/// \brief Loss and held-out ratios of a score network against steps, from its score_log.csv. \throws
/// Error(io)
void plot_score_training(const std::string& csv, const std::string& picture);

/// \brief Losses and held-out CRPS of a flow against steps, from its CSV log. \throws Error(io)
void plot_flow_training(const std::string& csv, const std::string& picture);

/// \brief Misfit, divergence from the prior and held-out CRPS of a generator of DAVI against steps, from its
/// CSV log. \throws Error(io)
void plot_davi_training(const std::string& csv, const std::string& picture);

}  // namespace manifill::pipeline
