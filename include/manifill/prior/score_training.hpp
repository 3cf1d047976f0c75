#pragma once
/// \file
/// \brief Training of score networks: denoising score matching relative to the Gaussian backbone.

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "manifill/base/config.hpp"
#include "manifill/prior/backbone.hpp"
#include "manifill/prior/score_network.hpp"

namespace manifill::prior {

/// \brief How a score network is trained (section [score]).
struct ScoreTrainingOptions {
  ScoreNetworkOptions network{};
  std::int64_t steps = 4000;  ///< most optimisation steps
  double minutes = 30.0;      ///< longest optimisation; the cosine learning rate ends with whichever is first
  std::int64_t batch = 32;    ///< fields a step
  double learning_rate = 2e-3;  ///< highest, of AdamW
  double weight_decay = 1e-2;
  double clip = 1.0;         ///< largest norm of the gradient
  std::int64_t warmup = 50;  ///< steps of rising learning rate
  double average = 0.99;     ///< decay of the moving average of the weights
  double level_power = 0.5;  ///< 1: likelihood weights; 0: errors relative to the Gaussian's at every level
  std::int64_t folds = 0;    ///< blocks of training times left out in turn from the backbone; 0: none
  std::int64_t validation_draws = 512;  ///< (field, level, noise) cases of the validation, the same at each
  std::int64_t validate_every = 100;    ///< steps; checkpoints are written then
  std::int64_t patience = 12;           ///< validations without gain before the stop
  std::string precision = "single";     ///< of the convolutions in training, or "bfloat16"
  std::int64_t seed = 1;

  /// \brief Declarations for configuration files and help, keys under "score.", the network's included.
  static std::vector<OptionSpec> specs();
  static ScoreTrainingOptions from(const Config& config);
};

inline constexpr std::size_t kLevelBands = 4;  ///< equal parts of the log-SNR interval, noisy to clean

/// \brief Hooks of a running training.
struct ScoreTrainingHooks {
  std::function<void(const std::string&)> report = [](const std::string&) {};  ///< a line for the user
  std::function<bool()> stop = [] { return false; };
};

/// \brief A trained network with its figures. Ratios are squared errors of the denoiser over those of the
/// backbone's on the same fields and noise: below 1 the network gains. NaN without validation fields.
struct TrainedScore {
  ScoreNetwork network{nullptr};  ///< averaged weights of the best validation, in evaluation mode
  double validation_ratio = 0.0;  ///< weighted over levels as in training
  std::array<double, kLevelBands> validation_bands{};
  std::int64_t steps = 0;  ///< done
  std::int64_t best_step = 0;
  double seconds = 0.0;
};

/// \brief Normalised training fields as the diffusion sees them.
struct ScoreFields {
  torch::Tensor values{};        ///< [field][point], float32, gaps filled
  torch::Tensor weights{};       ///< [field][point], relative area where known, 0 where missing
  std::vector<double> season{};  ///< [field]
};

/// \brief Normalises fields by a backbone. Missing values are filled by a draw of the backbone's posterior
/// given the field's own values, so that a noisy field looks the same everywhere; losses leave them out.
/// \param keep [time], which times to take; \param seed of the draws, keyed by the time's index
ScoreFields prepare_score_fields(const Backbone& backbone, const TrainingFields& fields,
                                 const std::vector<bool>& keep, std::uint64_t seed);

/// \brief Squared error of a network's denoiser over that of the backbone's, by band of log-SNR. Levels are
/// stratified, fields taken in turn, noises keyed by the seed. \return [band], NaN where a band has no case
std::array<double, kLevelBands> denoising_ratio(const GaussianDenoiser& gaussian, const ScoreNetwork& network,
                                                const ScoreFields& fields, std::int64_t draws,
                                                std::uint64_t seed);

/// \brief Trains a score network by denoising score matching (Vincent 2011; Song et al. 2021, arXiv
/// 2011.13456, eq. 7).
///
/// Loss of a case: sum_i weight_i (D_theta - x0)_i^2 / sum_i weight_i / s(lambda)^2, times
/// g(lambda)^level_power, where g is the backbone's mean squared error of the noise; level_power = 1 gives
/// |eps_theta - eps|^2, the likelihood's weights. Levels are stratified and antithetic, the weights averaged,
/// dropout and noise keyed by (seed, step). With `folds`, a training field is denoised by a backbone fitted
/// without its block of times, so that the network learns from errors of the size it will meet.
///
/// Writes into `directory` a log, score_log.csv (step, seconds, train_ratio, validation_ratio, a column a
/// band), and a checkpoint, score_checkpoint.h5, both atomically. \param backbone fitted *without* the
/// validation fields, the caller's responsibility \param fields all fields; \param validation [time], true
/// where held out; none: no early stop \param directory an existing one; empty: no files \param resume goes
/// on from the checkpoint; the result is that of an uninterrupted run \throws Error(usage) when sizes differ
/// or no field is left to train on; Error(input) when the checkpoint does not fit; Error(numerical) when the
/// loss is not finite; Error(stopped) when the hook says so, after a checkpoint; Error(io)
TrainedScore train_score(const Backbone& backbone, const TrainingFields& fields,
                         const std::vector<bool>& validation, const ScoreTrainingOptions& options,
                         const std::string& directory, bool resume, const ScoreTrainingHooks& hooks = {});

}  // namespace manifill::prior
