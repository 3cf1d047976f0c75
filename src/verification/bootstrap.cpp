#include "manifill/verification/bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"

namespace manifill::verification {
namespace {

void check(std::span<const double> values, std::span<const double> weight, const BootstrapOptions& options) {
  if (values.empty() || (!weight.empty() && weight.size() != values.size()))
    throw Error(ErrorKind::internal, "a bootstrap needs values, and as many weights");
  if (options.resamples < 2 || !(options.share > 0.0 && options.share < 1.0))
    throw Error(ErrorKind::usage, "a bootstrap needs two resamples or more and a share between 0 and 1",
                {.remedy = "Use 4000 resamples and a share of 0.95"});
}

double quantile(const std::vector<double>& sorted, double probability) {
  const double position = probability * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(position);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (position - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace

MeanInterval block_bootstrap(std::span<const double> values, std::span<const double> weight,
                             const BootstrapOptions& options) {
  check(values, weight, options);
  const std::size_t n = values.size();
  const auto root = static_cast<std::size_t>(std::ceil(std::cbrt(static_cast<double>(n)) - 1e-9));
  const std::size_t block = std::min(n, options.block > 0 ? options.block : root);
  const auto w = [&](std::size_t i) { return weight.empty() ? 1.0 : weight[i]; };
  double sum = 0.0;
  double total = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    sum += w(i) * values[i];
    total += w(i);
  }
  if (!(total > 0.0)) throw Error(ErrorKind::internal, "the weights of a bootstrap have no positive sum");

  RandomStream random({.seed = options.seed, .purpose = RandomPurpose::bootstrap});
  std::vector<double> means;
  means.reserve(options.resamples);
  while (means.size() < options.resamples) {
    double resampled = 0.0;
    double resampled_weight = 0.0;
    for (std::size_t filled = 0; filled < n;) {
      auto i = static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(n) - 1));
      for (std::size_t k = 0; k < block && filled < n; ++k, ++filled, i = i + 1 < n ? i + 1 : 0) {
        resampled += w(i) * values[i];
        resampled_weight += w(i);
      }
    }
    // A resample of weightless fields only says nothing; it stands for the mean.
    means.push_back(resampled_weight > 0.0 ? resampled / resampled_weight : sum / total);
  }
  std::sort(means.begin(), means.end());
  return {sum / total, quantile(means, 0.5 - 0.5 * options.share),
          quantile(means, 0.5 + 0.5 * options.share)};
}

MeanInterval block_bootstrap_difference(std::span<const double> first, std::span<const double> second,
                                        std::span<const double> weight, const BootstrapOptions& options) {
  if (first.size() != second.size())
    throw Error(ErrorKind::internal, "two methods to be compared were scored on different numbers of fields");
  std::vector<double> difference(first.begin(), first.end());
  for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= second[i];
  return block_bootstrap(difference, weight, options);
}

}  // namespace manifill::verification
