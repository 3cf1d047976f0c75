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

std::vector<double> coverage_curve(std::span<const double> rank_weight, std::span<const double> shares) {
  double total = 0.0;
  for (const double w : rank_weight) total += w;
  std::vector<double> out;
  for (const double share : shares) {
    double sum = 0.0;
    for (std::size_t r = 0; r < rank_weight.size(); ++r)
      sum += rank_weight[r] * covered_share(r, rank_weight.size() - 1, share);
    out.push_back(sum / total);
  }
  return out;
}

Flatness rank_flatness(std::span<const double> weight, double squared_weight) {
  double total = 0.0;
  for (const double w : weight) total += w;
  const double expected = 1.0 / static_cast<double>(weight.size());
  double sum = 0.0;
  for (const double w : weight) sum += (w / total - expected) * (w / total - expected) / expected;
  return {sum * total * total / squared_weight, static_cast<double>(weight.size()) - 1.0};
}

void SpreadBins::add(double variance, double square, double weight) {
  constexpr int kNone = -100000;  // no spread at all
  const int bin = variance > 0.0 ? static_cast<int>(std::floor(8.0 * std::log2(variance))) : kNone;
  auto& sums = bins_[bin];
  sums[0] += weight;
  sums[1] += weight * variance;
  sums[2] += weight * square;
}

void SpreadBins::add(const SpreadBins& other) {
  for (const auto& [bin, sums] : other.bins_)
    for (std::size_t k = 0; k < sums.size(); ++k) bins_[bin][k] += sums[k];
}

std::vector<SpreadPoint> SpreadBins::points(std::size_t count) const {
  double total = 0.0;
  for (const auto& [bin, sums] : bins_) total += sums[0];
  std::vector<SpreadPoint> out;
  std::array<double, 3> group{};
  double before = 0.0;  // weight of the groups that are closed
  for (const auto& [bin, sums] : bins_) {
    for (std::size_t k = 0; k < group.size(); ++k) group[k] += sums[k];
    const double due = total * static_cast<double>(out.size() + 1) / static_cast<double>(count);
    if (before + group[0] < due && bin != bins_.rbegin()->first) continue;
    if (group[0] > 0.0)
      out.push_back({group[0] / total, std::sqrt(group[1] / group[0]), std::sqrt(group[2] / group[0])});
    before += group[0];
    group = {};
  }
  return out;
}

std::vector<double> SpreadBins::numbers() const {
  std::vector<double> out;
  for (const auto& [bin, sums] : bins_) {
    out.push_back(bin);
    out.insert(out.end(), sums.begin(), sums.end());
  }
  return out;
}

SpreadBins SpreadBins::from_numbers(std::span<const double> numbers) {
  SpreadBins out;
  for (std::size_t k = 0; k + 3 < numbers.size(); k += 4)
    out.bins_[static_cast<int>(numbers[k])] = {numbers[k + 1], numbers[k + 2], numbers[k + 3]};
  return out;
}

}  // namespace manifill::verification
