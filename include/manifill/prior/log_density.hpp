#pragma once
/// \file
/// \brief Log-density and probability flow of the prior, with the Gaussian part in closed form.
///
/// The prior is the diffusion whose denoiser is D_G + c on log-SNRs from `schedule.lowest()` to
/// `schedule.highest()` and D_G outside. Densities are with respect to the normalised values at the points,
/// as Backbone::log_density.

#include <cstdint>
#include <functional>
#include <vector>

#include "manifill/prior/schedule.hpp"
#include "manifill/prior/score_network.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {

/// \brief c = D_theta(x_t) - D_G(x_t): [batch][point]. \param x_t, gaussian [batch][point]; \param lambda
/// [batch]. An empty one stands for zero.
using Correction =
    std::function<torch::Tensor(const torch::Tensor& x_t, const torch::Tensor& gaussian,
                                const torch::Tensor& lambda, const std::vector<double>& season)>;

struct SurrogateOptions {
  std::int64_t draws = 16;  ///< (level, noise) pairs a field, half of them antithetic; even
  std::uint64_t seed = 1;
  std::int64_t time = 0;        ///< of the fields, or another number that keys their noise
  std::uint32_t first_row = 0;  ///< number of the first field, where a batch is part of more
};

/// \brief Evidence lower bound of the log-density with the Gaussian's as exact control variate:
///   b(x0) = log N(x0; 0, C) - (Z / 2) E [ |eps_theta - eps|^2 - |eps_G - eps|^2 ],  |v|^2 = sum_i
///   relative_weight_i v_i^2,
/// over lambda uniform on the schedule's interval (Song et al. 2021, arXiv 2101.09258, theorem 1; Kingma et
/// al. 2021, arXiv 2107.00630, eq. 15; the constant and both ends cancel against the Gaussian, for which the
/// bound is tight).
///
/// It bounds the density of the reverse *stochastic* process from below, with equality where D_theta is the
/// denoiser of some distribution. Unbiased in its draws and exact without a correction. Noise levels are
/// stratified and antithetic, noises come in pairs +-eps, both the same for equal (seed, time, first row +
/// row of the batch). \param x0 [batch][point], normalised \return [batch], float64, differentiable in x0
/// through the network \throws Error(usage) when draws is odd or not positive
torch::Tensor surrogate_log_density(const GaussianDenoiser& gaussian, const Correction& correction,
                                    const NoiseSchedule& schedule, const torch::Tensor& x0,
                                    const std::vector<double>& season, const SurrogateOptions& options = {});

struct ExactDensityOptions {
  std::int64_t steps = 40;   ///< of fourth-order Runge-Kutta
  std::int64_t probes = 4;   ///< Rademacher vectors of the trace estimate (Hutchinson 1989)
  bool exact_trace = false;  ///< sum over all points instead: `points` backward passes a stage
  std::uint64_t seed = 1;
};

/// \brief Log-density of the probability-flow ODE (Song et al. 2021, arXiv 2011.13456, eq. 39).
///
/// The state is whitened, w = (alpha^2 C + sigma^2)^(-1/2) x_t, in which the Gaussian's own flow stands
/// still: the ODE and its trace hold the correction only, dw/dlambda = alpha/2 (alpha^2 C + sigma^2)^(-1/2)
/// c. Without a correction the result is log N(x0; 0, C) exactly. \param x0 [batch][point], normalised
/// \return [batch], float64, no gradient
torch::Tensor exact_log_density(const GaussianDenoiser& gaussian, const Correction& correction,
                                const NoiseSchedule& schedule, const torch::Tensor& x0,
                                const std::vector<double>& season, const ExactDensityOptions& options = {});

/// \brief White noise to draws of the prior by the same ODE (Heun), exact without a correction.
/// \param white [batch][point], N(0, 1 / relative_weight) \return [batch][point], normalised, no gradient
torch::Tensor flow_from_noise(const GaussianDenoiser& gaussian, const Correction& correction,
                              const NoiseSchedule& schedule, const torch::Tensor& white,
                              const std::vector<double>& season, std::int64_t steps);

/// \brief White noise of variance 1 / relative_weight for one row, from its own random stream: [point],
/// float64.
torch::Tensor white_noise(const GaussianDenoiser& gaussian, const RandomKey& key);

}  // namespace manifill::prior
