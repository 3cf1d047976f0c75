#pragma once
/// \file
/// \brief Noise levels of the diffusion: the variance-preserving schedule, counted in log-SNR.

#include <cstddef>
#include <vector>

#include "manifill/base/random.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {

/// \brief Variance-preserving diffusion x_t = alpha x0 + sigma eps, alpha^2 + sigma^2 = 1, with
/// -2 log alpha(t) = beta_lowest t + (beta_highest - beta_lowest) t^2 / 2 (Song et al. 2021, arXiv
/// 2011.13456, eq. 33).
///
/// Levels are named by their log-SNR lambda = log(alpha^2 / sigma^2) (Kingma et al. 2021, arXiv 2107.00630),
/// which decreases from `highest()` at t = first_time to `lowest()` at t = 1. eps_i ~ N(0, 1 /
/// relative_weight_i): white in the inner product of areas.
struct NoiseSchedule {
  double beta_lowest = 0.1;
  double beta_highest = 20.0;
  double first_time = 1e-3;

  [[nodiscard]] double log_snr(double time) const;  ///< lambda at t in (0, 1]
  [[nodiscard]] double time(double log_snr) const;  ///< t at lambda; inverse of log_snr
  [[nodiscard]] double lowest() const { return log_snr(1.0); }
  [[nodiscard]] double highest() const { return log_snr(first_time); }
  [[nodiscard]] double span() const { return highest() - lowest(); }  ///< Z, 19.17
};

double alpha_of(double log_snr);                       ///< signal's factor, sqrt(1 / (1 + e^-lambda))
double sigma_of(double log_snr);                       ///< noise's factor, sqrt(1 / (1 + e^lambda))
torch::Tensor alpha_of(const torch::Tensor& log_snr);  ///< any shape
torch::Tensor sigma_of(const torch::Tensor& log_snr);  ///< any shape

/// \brief Levels for a Monte-Carlo mean uniform in log-SNR: one in each of `count` equal strata, in
/// increasing order, and in antithetic pairs (draw k and draw count - 1 - k are mirror images), so that the
/// mean of a function that is linear in lambda is exact when `count` is even.
std::vector<double> stratified_log_snr(const NoiseSchedule& schedule, std::size_t count,
                                       RandomStream& random);

}  // namespace manifill::prior
