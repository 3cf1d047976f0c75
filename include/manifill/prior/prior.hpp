#pragma once
/// \file
/// \brief The prior of normalised fields: a diffusion on the Gaussian backbone.

#include <cstdint>
#include <vector>

#include "manifill/io/model_file.hpp"
#include "manifill/prior/backbone.hpp"
#include "manifill/prior/log_density.hpp"
#include "manifill/prior/schedule.hpp"
#include "manifill/prior/score_network.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {

/// \brief What to draw from a prior.
struct PriorSampleOptions {
  std::uint64_t seed = 1;
  std::int64_t time = 0;  ///< absolute step, a part of the key of the random numbers
  std::uint32_t first_member = 0;
  std::int64_t steps = 30;  ///< of the flow; two network evaluations each
  std::int64_t batch = 64;  ///< fields at once; draws do not depend on it beyond rounding
};

/// \brief Backbone and, when trained, score network. Value type; copies share the weights.
///
/// Fields are normalised (X = mean(season) + scale(season) x), [batch][point]; seasons are fractions of the
/// year, one a field or one for all.
class Prior {
 public:
  /// \param network empty: the Gaussian of the backbone
  explicit Prior(const Backbone& backbone, ScoreNetwork network = nullptr);

  [[nodiscard]] const Backbone& backbone() const { return gaussian_.backbone(); }
  [[nodiscard]] const GaussianDenoiser& gaussian() const { return gaussian_; }
  [[nodiscard]] const ScoreNetwork& network() const { return network_; }  ///< empty for a pure backbone
  [[nodiscard]] const NoiseSchedule& schedule() const { return schedule_; }

  /// \brief E[x0 | x_t], differentiable. \param x_t [batch][point]; \param lambda [batch], log-SNR; outside
  /// the schedule's interval the backbone's alone
  [[nodiscard]] torch::Tensor denoise(const torch::Tensor& x_t, const torch::Tensor& lambda,
                                      const std::vector<double>& season) const;
  /// \brief Estimate of the noise in x_t, (x_t - alpha D) / sigma: [batch][point].
  [[nodiscard]] torch::Tensor noise(const torch::Tensor& x_t, const torch::Tensor& lambda,
                                    const std::vector<double>& season) const;
  /// \brief Surrogate log-density b(x0), differentiable (surrogate_log_density): [batch], float64.
  [[nodiscard]] torch::Tensor log_density(const torch::Tensor& x0, const std::vector<double>& season,
                                          const SurrogateOptions& options = {}) const;
  /// \brief Log-density of the probability flow (exact_log_density): [batch], float64. Slow.
  [[nodiscard]] torch::Tensor exact_log_density(const torch::Tensor& x0, const std::vector<double>& season,
                                                const ExactDensityOptions& options = {}) const;
  /// \brief Independent draws: [count][point], float32. Draw k is keyed by (seed, time, first_member + k).
  /// \throws Error(numerical) when one is not finite
  [[nodiscard]] torch::Tensor sample(std::int64_t count, double season,
                                     const PriorSampleOptions& options = {}) const;

  /// \brief Writes backbone and network ("score/...") to a model file. \throws Error as Backbone::save
  void save(io::ModelFile& file) const;
  /// \throws Error(input) as Backbone::load and load_score
  static Prior load(const io::ModelFile& file);

 private:
  [[nodiscard]] Correction correction() const;

  GaussianDenoiser gaussian_;
  ScoreNetwork network_;
  NoiseSchedule schedule_{};
};

}  // namespace manifill::prior
