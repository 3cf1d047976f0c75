#include "manifill/prior/schedule.hpp"

#include <cmath>

namespace manifill::prior {

double NoiseSchedule::log_snr(double time) const {
  const double decay = beta_lowest * time + 0.5 * (beta_highest - beta_lowest) * time * time;
  return -decay - std::log(-std::expm1(-decay));
}

double NoiseSchedule::time(double log_snr) const {
  const double decay =
      log_snr > 0.0 ? std::log1p(std::exp(-log_snr)) : -log_snr + std::log1p(std::exp(log_snr));
  const double slope = beta_highest - beta_lowest;
  // The root of slope t^2 / 2 + beta_lowest t - decay in the form without cancellation.
  return 2.0 * decay / (beta_lowest + std::sqrt(beta_lowest * beta_lowest + 2.0 * slope * decay));
}

double alpha_of(double log_snr) { return std::sqrt(1.0 / (1.0 + std::exp(-log_snr))); }

double sigma_of(double log_snr) { return std::sqrt(1.0 / (1.0 + std::exp(log_snr))); }

torch::Tensor alpha_of(const torch::Tensor& log_snr) { return torch::sqrt(torch::sigmoid(log_snr)); }

torch::Tensor sigma_of(const torch::Tensor& log_snr) { return torch::sqrt(torch::sigmoid(-log_snr)); }

std::vector<double> stratified_log_snr(const NoiseSchedule& schedule, std::size_t count,
                                       RandomStream& random) {
  std::vector<double> levels(count);
  const double low = schedule.lowest();
  const double high = schedule.highest();
  const double width = (high - low) / static_cast<double>(count);
  for (std::size_t k = 0; k < (count + 1) / 2; ++k) {
    const double inward = width * (static_cast<double>(k) + random.uniform());
    levels[count - 1 - k] = high - inward;
    levels[k] = low + inward;
  }
  return levels;
}

}  // namespace manifill::prior
