#pragma once
/// \file
/// \brief Are the ensembles as uncertain as they should be: intervals, ranks, flatness of the rank histogram,
/// error against spread.

#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <vector>

#include "manifill/base/random.hpp"

namespace manifill::verification {

/// \brief Central interval of an ensemble, quantiles at plotting positions k / (n + 1), linear between order
/// statistics. Covers exactly `share` of a perfect ensemble's truths where the positions are whole numbers (n
/// = 19: 80 and 90 %), and nearly so between them. \param sorted [member], ascending; \param share in (0, 1)
/// \throws Error(usage) when `share` needs positions beyond the outermost members
std::array<double, 2> central_interval(std::span<const double> sorted, double share);

/// \brief How many members lie below the truth, 0..n; ties are placed at random.
/// \param sorted [member], ascending
std::size_t rank_of_truth(std::span<const double> sorted, double truth, RandomStream& ties);

/// \brief Share, in [0, 1], of rank `rank`'s bin that lies inside the central interval of content `share`.
///
/// The truth of a perfect ensemble of n members has each of the n + 1 ranks with the same chance, so the mean
/// of this is exactly `share` for every size and every continuous law: interpolation between order statistics
/// in probability instead of in value (the randomised probability integral transform of Czado et al. 2009,
/// averaged over the draw).
double covered_share(std::size_t rank, std::size_t members, double share);

/// \brief Share of truths in the central intervals of many contents, from a rank histogram: the mean of
/// `covered_share`. \param rank_weight [rank], 0..members, with a positive sum \param shares [level], in (0,
/// 1) \return [level]; a perfect ensemble gives `shares`
std::vector<double> coverage_curve(std::span<const double> rank_weight, std::span<const double> shares);

/// \brief Departure of weighted rank counts from a flat histogram.
struct Flatness {
  double chi_square = 0.0;  ///< expectation `degrees` for a perfect ensemble with independent cells
  double degrees = 0.0;     ///< number of members
};

/// \brief Pearson's chi-square of a rank histogram. Weighted counts are brought to their effective number
/// (sum w)^2 / sum w^2. Cells of a field depend on each other: compare methods by it, not with tables.
/// \param weight [rank], sum of the weights of the cells with that rank; \param squared_weight sum of all w^2
Flatness rank_flatness(std::span<const double> weight, double squared_weight);

/// \brief Cells of about the same spread.
struct SpreadPoint {
  double share = 0.0;   ///< of all weight
  double spread = 0.0;  ///< root of the mean variance, times (n + 1) / n
  double rmse = 0.0;    ///< of the ensemble mean; equal to `spread` where the spread is honest
};

/// \brief Sorts cells by their ensemble's variance. Bins are an eighth of an octave of variance wide,
/// whatever the data, so that those of several fields add up.
class SpreadBins {
 public:
  /// \param variance of the ensemble, times (n + 1) / n; \param square error of its mean, squared
  void add(double variance, double square, double weight);
  void add(const SpreadBins& other);
  /// \brief About `count` groups of equal weight, from certain to uncertain; fewer where many cells have one
  /// spread. Empty without cells.
  [[nodiscard]] std::vector<SpreadPoint> points(std::size_t count) const;
  /// \brief Bin, weight, weighted sums of variance and square, bin by bin; and back.
  [[nodiscard]] std::vector<double> numbers() const;
  static SpreadBins from_numbers(std::span<const double> numbers);

 private:
  std::map<int, std::array<double, 3>> bins_{};  // by eighths of the variance's octave: sums of w, w v, w e^2
};

}  // namespace manifill::verification
