#pragma once
/// \file
/// \brief Confidence intervals of means over fields that depend on each other in time.

#include <cstddef>
#include <cstdint>
#include <span>

namespace manifill::verification {

/// \brief A mean and its confidence interval, in the units of the values.
struct MeanInterval {
  double mean = 0.0;
  double low = 0.0;
  double high = 0.0;
};

/// \brief How to resample.
struct BootstrapOptions {
  std::size_t block = 0;  ///< fields in a block, longer than they remember; 0: the cube root of their number
  std::size_t resamples = 4000;  ///< draws; 4000 fix the ends to about a thirtieth of the interval's width
  double share = 0.95;           ///< content of the interval, in (0, 1)
  std::uint64_t seed = 1;
};

/// \brief Percentile interval of a weighted mean by the circular block bootstrap (Politis and Romano 1992).
/// \param values [field], in the order of time: a score, or one method's score less another's
/// \param weight [field], >= 0; empty: all the same
/// \throws Error(usage) on options out of range, Error(internal) on a size mismatch or without values or
/// weight
MeanInterval block_bootstrap(std::span<const double> values, std::span<const double> weight = {},
                             const BootstrapOptions& options = {});

/// \brief The same of the mean of first - second, fields paired: negative with its whole interval where the
/// first method scores lower. \param first, second [field] \throws Error(internal) when they differ in length
MeanInterval block_bootstrap_difference(std::span<const double> first, std::span<const double> second,
                                        std::span<const double> weight = {},
                                        const BootstrapOptions& options = {});

}  // namespace manifill::verification
