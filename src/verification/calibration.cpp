#include "manifill/verification/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "manifill/base/error.hpp"

namespace manifill::verification {
namespace {

double quantile(std::span<const double> sorted, double probability) {
  constexpr double kRounding = 1e-9;
  const auto n = static_cast<double>(sorted.size());
  const double position = probability * (n + 1.0) - 1.0;
  if (sorted.empty() || position < -kRounding || position > n - 1.0 + kRounding)
    throw Error(
        ErrorKind::usage,
        "an ensemble of " + std::to_string(sorted.size()) + " members has no central interval of this share",
        {.remedy = "Use more members"});
  const auto low = static_cast<std::size_t>(std::clamp(std::floor(position), 0.0, n - 1.0));
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (position - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace

std::array<double, 2> central_interval(std::span<const double> sorted, double share) {
  return {quantile(sorted, 0.5 - 0.5 * share), quantile(sorted, 0.5 + 0.5 * share)};
}

std::size_t rank_of_truth(std::span<const double> sorted, double truth, RandomStream& ties) {
  const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), truth);
  const auto below = static_cast<std::size_t>(first - sorted.begin());
  if (first == last) return below;
  return below + static_cast<std::size_t>(ties.integer(0, last - first));
}

double covered_share(std::size_t rank, std::size_t members, double share) {
  const auto bins = static_cast<double>(members + 1);
  const double low = std::max(static_cast<double>(rank), bins * (0.5 - 0.5 * share));
  const double high = std::min(static_cast<double>(rank + 1), bins * (0.5 + 0.5 * share));
  return std::max(0.0, high - low);
}

Flatness rank_flatness(std::span<const double> weight, double squared_weight) {
  double total = 0.0;
  for (const double w : weight) total += w;
  const double expected = 1.0 / static_cast<double>(weight.size());
  double sum = 0.0;
  for (const double w : weight) sum += (w / total - expected) * (w / total - expected) / expected;
  return {sum * total * total / squared_weight, static_cast<double>(weight.size()) - 1.0};
}

}  // namespace manifill::verification
