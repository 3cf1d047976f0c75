#include "manifill/verification/crps.hpp"

#include <cmath>
#include <numbers>

#include "manifill/base/error.hpp"

namespace manifill::verification {

double fair_crps(std::span<const double> sorted, double truth) {
  if (sorted.empty()) throw Error(ErrorKind::internal, "the CRPS of an ensemble without members");
  const auto n = static_cast<double>(sorted.size());
  double to_truth = 0.0;
  double between =
      0.0;  // sum over pairs of |x_j - x_i|; measured from the truth, so that a large mean costs no digits
  double factor = 1.0 - n;
  for (const double x : sorted) {
    to_truth += std::abs(x - truth);
    between += factor * (x - truth);
    factor += 2.0;
  }
  return to_truth / n - (sorted.size() > 1 ? between / (n * (n - 1.0)) : 0.0);
}

double gaussian_crps(double mean, double sd, double truth) {
  if (sd <= 0.0) return std::abs(truth - mean);
  const double z = (truth - mean) / sd;
  const double density = std::exp(-0.5 * z * z) / std::sqrt(2.0 * std::numbers::pi);
  return sd * (z * std::erf(z / std::numbers::sqrt2) + 2.0 * density - 1.0 / std::sqrt(std::numbers::pi));
}

}  // namespace manifill::verification
