#pragma once
/// \file
/// \brief Training of DAVI's generator from measurements alone (Lee, Park, Kong and Kim 2024, arXiv
/// 2407.16125).

#include <cstdint>
#include <vector>

#include "manifill/base/config.hpp"
#include "manifill/posterior/flow_training.hpp"
#include "manifill/prior/prior.hpp"
#include "manifill/prior/score_network.hpp"

namespace manifill::posterior {

/// \brief How a generator is trained (section [davi]).
struct DaviTrainingOptions {
  FlowTrainingOptions cases{.draws = 8};  ///< how they are simulated; its objectives have no part
  prior::ScoreNetworkOptions network{};   ///< where the prior has none to start from (section [score])
  double noise = 1.0;                     ///< of the generator's input, over the signal
  double level_lowest = 2.0;              ///< log-SNRs at which generator and prior are compared
  double level_highest = 9.0;
  std::int64_t auxiliary_steps = 5;  ///< of the auxiliary network before each of the generator
  double minutes = 15.0;             ///< time of the optimisation
  std::int64_t steps = 1000000;      ///< most steps of the generator
  std::int64_t batch = 16;
  double learning_rate = 5e-4;
  double weight_decay = 0.0;
  double average = 0.99;       ///< of the moving average of the weights
  std::int64_t patience = 12;  ///< validations without gain before the stop
  std::int64_t seed = 1;

  static std::vector<OptionSpec> specs();
  static DaviTrainingOptions from(const Config& config);
};

/// \brief Result of a training. Scores are fair CRPS of members over the hidden cells of held-out cases,
/// normalised units.
struct TrainedDavi {
  prior::ScoreNetwork generator{nullptr};  ///< averaged weights of the best validation
  double validation_crps = 0.0;
  double start_crps = 0.0;     ///< of the untrained generator, the prior's denoiser
  double gaussian_crps = 0.0;  ///< of the backbone's posterior
  double standardised = 0.0;   ///< mean squared error over mean variance; above 1: spread too small
  double seconds = 0.0;
};

/// \brief A network with the weights of the prior's, or as untrained where it has none, told a condition.
/// In evaluation mode. \param options where the prior has no network
prior::ScoreNetwork davi_network(const prior::Prior& prior, const prior::ScoreNetworkOptions& options,
                                 std::int64_t conditions, std::uint64_t seed);

/// \brief Trains a generator. Of training cases only what was observed enters.
///
/// Minimises E_y [E_q |y - A x|^2 / (2 sigma^2) + mean over levels of KL(q_t(. | y) || p_t)] where q is the
/// law of the generator's fields given y, q_t and p_t those of q and of the prior at a level t. The second
/// term's gradient in x is e^log-SNR (D_q - D_p) at x_t (Luo et al. 2023, arXiv 2305.18455, with w(t) =
/// 1), D_q being learned by an auxiliary network by denoising the generator's own fields.
/// \param training with windows; both with the Gaussian posterior as their base
/// \throws Error(numerical) when a loss is not finite; Error(stopped) when the hook says so, after a
/// checkpoint; Error(input) when the checkpoint to resume from is of another training
TrainedDavi train_davi(const FlowCases& training, const FlowCases& validation, const prior::Prior& prior,
                       const DaviTrainingOptions& options, const TrainingHooks& hooks);

}  // namespace manifill::posterior
