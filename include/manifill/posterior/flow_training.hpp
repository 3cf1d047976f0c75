#pragma once
/// \file
/// \brief Training of amortised flows: simulated cases with cross-fitted backbones, objectives, early stop,
/// calibration.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "manifill/base/config.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "manifill/measurement/operator.hpp"
#include "manifill/posterior/flow_condition.hpp"
#include "manifill/posterior/flow_network.hpp"
#include "manifill/prior/backbone.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::posterior {

/// \brief How a flow is trained (section [flow]).
struct FlowTrainingOptions {
  std::string base = "gaussian_posterior";
  std::int64_t cases = 8000;         ///< simulated (field, masks) pairs
  std::int64_t fields_per_mask = 1;  ///< training cases that share a mask, or what else measured them
  std::int64_t validation_cases = 400;
  std::int64_t draws = 4;  ///< base draws kept with a case
  bool hold = false;       ///< layers taken over from the flow that training starts from stay as they are
  double minutes = 15.0;   ///< time of the optimisation
  std::int64_t steps = 1000000;  ///< most optimisation steps
  std::int64_t batch = 32;
  double learning_rate = 1e-3;
  double weight_decay = 1e-2;
  double average = 0.995;        ///< of the moving average of the weights
  double observed_weight = 0.1;  ///< of observed cells in the objectives; hidden ones have 1
  bool equal_cases = false;      ///< cases count by their CRPS over the base's mean spread
  /// Kinds of masks that the bank draws, besides gaps of other times and blocks with scattered cells
  std::vector<std::string> masks = measurement::mask_kinds();
  double hidden_lowest = 0.05;  ///< shares hidden by the mask bank
  double hidden_highest = 0.95;
  double gaps_share = 0.2;      ///< share of cases under real gaps of other times, where there are any
  double protocol_share = 0.3;  ///< share of cases under blocks and scattered cells together
  double static_share = 0.3;    ///< share of windows whose steps have one mask
  double measured_share = 0.5;  ///< share of cases under other measurements than masks, where there are any
  double noise_lowest = 0.02;   ///< observation noise, in the backbone's unit_scale
  double noise_highest = 0.2;
  bool symmetric = false;      ///< turn and mirror the square images of every step's cases at random
  double weight_crps = 1.0;    ///< closed-form CRPS of the affine layer
  double weight_energy = 1.0;  ///< fair energy scores of members, whole field and patches
  double weight_differences =
      0.0;  ///< CRPS of the differences of near values of members, beside those scores
  double weight_forward_kl = 0.0;
  double weight_reverse_kl = 0.0;
  std::string reverse_kl_gradient = "path";  ///< its estimator: "path" (Roeder et al. 2017) or "total"
  double anneal = 0.3;         ///< share of the run at which the second objectives have half their weight
  std::int64_t folds = 8;      ///< cross-fitted blocks of consecutive years
  std::int64_t patience = 12;  ///< validations without gain before the stop
  std::string precision = "single";  ///< of the convolutions in training, or "bfloat16"
  std::int64_t seed = 1;
  bool keep_windows = false;  ///< with the cases, for objectives that ask what was observed; no option

  static std::vector<OptionSpec> specs();
  static FlowTrainingOptions from(const Config& config);
};

/// \brief Simulated cases as tensors, float32. Normalised units.
struct FlowCases {
  torch::Tensor features{};  ///< [case][channel][row][column]
  torch::Tensor mean{};      ///< [case][point], of the base
  torch::Tensor sd{};        ///< [case][point], of the base
  torch::Tensor truth{};     ///< [case][point], 0 where unknown
  torch::Tensor
      weight{};  ///< [case][point], relative area, less where observed, 0 where the truth is unknown
  torch::Tensor hidden{};      ///< [case][point], relative area where hidden and known, else 0
  torch::Tensor departures{};  ///< [case][draw][point], of the base in units of sd
  /// [case]: the first of consecutive cases of one posterior covariance, whose departures are of one law
  std::vector<std::int64_t> alike{};
  torch::Tensor low{};  ///< [case][point], the backbone's bounds; undefined: none
  torch::Tensor high{};
  /// [case][point], float64, physical units: climatology and scale of the backbone that a case's fields are
  /// normalised by, its fold's; for the divergences, undefined without them
  torch::Tensor level{};
  torch::Tensor unit{};
  std::vector<Window> windows{};  ///< kept for the objectives that need them, or as the options say
  std::vector<std::shared_ptr<const WindowFactor>> factors{};  ///< as windows
  /// \brief New departures for some cases, of the law of theirs: of those of cases alike, each case's turned
  /// among themselves by a random orthogonal matrix, which leaves independent Gaussian draws what they are.
  /// Drawn by torch's generator. \param which [some], numbers of cases \return [some][draw][point]
  [[nodiscard]] torch::Tensor redrawn(const torch::Tensor& which) const;
  [[nodiscard]] std::int64_t size() const { return mean.defined() ? mean.size(0) : 0; }
  /// \brief Values held within the bounds, as samplers hold their members. \param x [case][point] or
  /// [case][member][point]
  [[nodiscard]] torch::Tensor within_bounds(const torch::Tensor& x) const;
};

/// \brief Cases turned by quarters and mirrored, all alike; coordinates in the condition stay where they are.
/// \param symmetry 0 to 7: 4 transposes, 2 reverses the rows, 1 the columns \param side rows and columns
/// \param fixed last channels of the condition that are not turned
FlowCases turned(const FlowCases& cases, std::int64_t symmetry, std::int64_t side, std::int64_t fixed);

/// \brief Hooks of a running training.
struct TrainingHooks {
  std::function<void(const std::string&)> report = [](const std::string&) {};
  std::function<bool()> stop = [] { return false; };
  std::shared_ptr<const FlowNetwork> start{};  ///< of the same network, trained before; null: the identity
  std::string log_csv{};                       ///< file of the training curve; empty: none
  std::string checkpoint{};                    ///< file that a stopped training goes on from; empty: none
  bool resume = false;                         ///< go on from the checkpoint
};

/// \brief Log-density of the prior for reverse KL: fields [batch][point], normalised by the final backbone,
/// of seasons [batch] to [batch], differentiable. `step` of the training keys what noise an estimate draws.
/// Empty: the backbone's Gaussian.
using PriorLogDensity = std::function<torch::Tensor(const torch::Tensor& x, const std::vector<double>& season,
                                                    std::int64_t step)>;

/// \brief Training times of one cross-fitting fold, and the backbone fitted without them.
struct Fold {
  std::vector<Eigen::Index> times{};
  std::function<prior::Backbone()> backbone{};  ///< made when the fold's turn comes
};

/// \brief Simulates `count` cases, times drawn uniformly from those of all folds. The same seed gives the
/// same cases whatever the number of threads. Groups of `fields_per_mask` cases are observed alike: the
/// factorisation of a posterior costs far more than its use. \param half half-width of the backbones' window
/// \param operators what else than a mask may have measured a case, with equal chances; nothing of such a
/// field counts as observed
FlowCases simulate_cases(const prior::TrainingFields& fields, const std::vector<Fold>& folds,
                         std::int64_t half, const measurement::MaskBank& bank,
                         const FlowTrainingOptions& options, std::int64_t count, std::uint64_t seed,
                         const TrainingHooks& hooks,
                         const std::vector<measurement::OperatorPointer>& operators = {});

/// \brief Result of a training: the network at its best validation score, spread calibrated.
struct TrainedFlow {
  std::shared_ptr<FlowNetwork> network{};
  double validation_crps = 0.0;       ///< normalised units
  double base_validation_crps = 0.0;  ///< of the untrained flow, which is its base
  double seconds = 0.0;
};

/// \brief Calibrates a trained network on held-out cases: `scale_share` is lowered from what it is, in tenths
/// of it, until the 90 % interval of the affine layer covers 0.89 of the hidden cells, or to where it covers
/// most; then `log_spread`, within 0.3 of nothing, makes the mean square of the members' standardised errors
/// one. Scales that were learned under a spread are judged with it. \param affine false: `scale_share` stays
void calibrate(FlowNetwork& network, const FlowCases& validation, bool affine);

/// \brief The network that a training begins with. \throws Error(usage) where no training can begin: another
/// network to start from, nothing to hold, symmetry of what has none
std::shared_ptr<FlowNetwork> flow_to_train(const FlowNetworkOptions& network,
                                           const FlowTrainingOptions& options,
                                           const prior::Backbone& backbone, const TrainingHooks& hooks,
                                           const std::shared_ptr<const prior::Prior>& learned = {});

/// \brief Trains a network on cases. \param backbone the final one, for the likelihood and the default prior
/// \param learned the prior with its score network, for prior_sweep
/// \throws Error(usage) when no objective reaches the network; Error(numerical) when the loss is not finite;
/// Error(stopped) when the hook says so, after a checkpoint; Error(input) when the checkpoint to resume from
/// is of another training
TrainedFlow train_flow(const FlowCases& training, const FlowCases& validation,
                       const FlowNetworkOptions& network, const FlowTrainingOptions& options,
                       const prior::Backbone& backbone, const PriorLogDensity& prior,
                       const TrainingHooks& hooks, const std::shared_ptr<const prior::Prior>& learned = {});

}  // namespace manifill::posterior
