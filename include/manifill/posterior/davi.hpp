#pragma once
/// \file
/// \brief DAVI: draws from the posterior by one evaluation of a generator that starts as the prior's denoiser
/// (Lee, Park, Kong and Kim 2024, arXiv 2407.16125). davi_training.hpp trains it.

#include <cstdint>
#include <memory>
#include <vector>

#include "manifill/posterior/refine.hpp"
#include "manifill/posterior/sampler.hpp"
#include "manifill/prior/score_network.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::posterior {

/// \brief What networks of DAVI are told of measurements, one a field. Normalised units.
struct DaviCondition {
  torch::Tensor mean{};            ///< [field][point], of the backbone's posterior
  torch::Tensor sd{};              ///< [field][point], of it
  torch::Tensor prior_variance{};  ///< [field][point], of the backbone
  torch::Tensor features{};        ///< [field][channel][row][column], of `posterior_condition`
  std::vector<double> season{};    ///< one a field or one for all
};

/// \brief Variances of the backbone's points at seasons: [season][point], float32.
torch::Tensor davi_prior_variance(const prior::Backbone& backbone, const std::vector<double>& season);

/// \brief A denoiser given y: that of backbone and network, D, with errors of variance s^2, and what the
/// backbone's posterior N(m, v) says of each point beyond its prior N(0, c), (D / s^2 + m / v) / (1 / s^2 + 1
/// / v - 1 / c): [field][point]. Without information it is D, without signal m. s^2 is
/// GaussianDenoiser::error_scale, shared out in proportion to c.
/// \param x_t [field][point] \param log_snr [field] \param network told a condition of these features
torch::Tensor davi_denoise(const prior::GaussianDenoiser& gaussian, const prior::ScoreNetwork& network,
                           const torch::Tensor& x_t, const torch::Tensor& log_snr,
                           const DaviCondition& condition);

/// \brief x = davi_denoise(alpha m + sigma z) with z white in the inner product of areas. Cheap to copy.
class DaviGenerator {
 public:
  /// \param network of `condition_channels` conditions \param noise sigma / alpha, above zero
  DaviGenerator(prior::GaussianDenoiser gaussian, prior::ScoreNetwork network, double noise);
  /// \brief Fields of latents, differentiable in the network's weights: [field][point], normalised.
  /// \param white standard normals: [field][point]
  [[nodiscard]] torch::Tensor operator()(const DaviCondition& condition, const torch::Tensor& white) const;

 private:
  prior::GaussianDenoiser gaussian_;
  prior::ScoreNetwork network_;
  double log_snr_;
  torch::Tensor deviation_;  // [point], of the white noise
};

/// \brief Draws members with a model's generator, one evaluation each. No density is known of them.
class DaviSampler : public PosteriorSampler {
 public:
  /// \param model must outlive it \throws Error(usage) when it holds no generator
  explicit DaviSampler(const Model& model);
  /// \throws Error(usage) when a density is asked for; Error(numerical) when a member is not finite
  [[nodiscard]] Ensemble sample(const Window& window, const SampleRequest& request) override;

 private:
  EnsembleFinisher finisher_;
  DaviGenerator generator_;
};

}  // namespace manifill::posterior
