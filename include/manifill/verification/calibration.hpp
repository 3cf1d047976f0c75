#pragma once
/// \file
/// \brief Are the ensembles as uncertain as they should be: intervals, ranks, flatness of the rank histogram.

#include <array>
#include <cstddef>
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

/// \brief Departure of weighted rank counts from a flat histogram.
struct Flatness {
  double chi_square = 0.0;  ///< expectation `degrees` for a perfect ensemble with independent cells
  double degrees = 0.0;     ///< number of members
};

/// \brief Pearson's chi-square of a rank histogram. Weighted counts are brought to their effective number
/// (sum w)^2 / sum w^2. Cells of a field depend on each other: compare methods by it, not with tables.
/// \param weight [rank], sum of the weights of the cells with that rank; \param squared_weight sum of all w^2
Flatness rank_flatness(std::span<const double> weight, double squared_weight);

}  // namespace manifill::verification
