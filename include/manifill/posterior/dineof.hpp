#pragma once
/// \file
/// \brief `dineof`: gaps of a whole record filled by its own empirical orthogonal functions, found by
/// iteration.
///
/// The algorithm of Beckers and Rixen 2003 (J. Atmos. Oceanic Technol. 20, 1839) as their program DINEOF 4
/// runs it: gaps start at the mean, a truncated singular value decomposition of the whole matrix gives them
/// new values, again and again until these rest, with one mode, then two, and so on; the number of modes is
/// the one under which withheld values are predicted best (Alvera-Azcarate et al. 2005, Ocean Modelling 9,
/// 325), and the covariance between times may be filtered (Alvera-Azcarate et al. 2009, Ocean Sci. 5, 475).
/// Errors are those of Beckers, Barth and Alvera-Azcarate 2006 (Ocean Sci. 2, 183).

#include <cstddef>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include "manifill/base/config.hpp"
#include "manifill/domain/domain.hpp"

namespace manifill::posterior {

inline constexpr std::size_t kLeastDineofTimes = 3;  ///< with values, of a record

/// \brief What the iteration needs to be told; options of `manifill impute` (section [dineof]).
struct DineofOptions {
  std::int64_t modes = 0;         ///< that are kept; 0: as many as predict withheld values best
  std::int64_t most_modes = 30;   ///< that are tried where the number is chosen
  double tolerance = 1e-3;        ///< change of the gaps from one iteration to the next, rms, in standard
                                  ///< deviations of the data, under which they rest
  std::int64_t iterations = 300;  ///< at most, for each number of modes
  double filter = 0.01;           ///< alpha of the filter along time, squared units of the times; 0: none
  std::int64_t filter_passes = 3;
  bool restore_withheld = true;  ///< withheld values are data again in the last reconstruction, as the paper
                                 ///< has it; false: they stay gaps, which is what DINEOF 4 does

  /// \brief Declarations for configuration files and help, keys under "dineof.".
  static std::vector<OptionSpec> specs();
  static DineofOptions from(const Config& config);
};

/// \brief One value of a matrix [point][time].
struct MatrixEntry {
  Eigen::Index point = 0;
  Eigen::Index time = 0;
};

/// \brief How many values DINEOF withholds: min(0.01 M N + 40, 0.03 M N) of a matrix of N times and M points
/// that are ever observed. \param values [point][time], NaN where missing
std::size_t withheld_count(const Eigen::MatrixXd& values);

/// \brief So many observed values at random, each as likely: what DINEOF withholds by itself. Not more than
/// half of them. \param values [point][time], NaN where missing
std::vector<MatrixEntry> withhold_points(const Eigen::MatrixXd& values, std::size_t count,
                                         std::uint64_t seed);

/// \brief So many observed values under gaps of other times: what of a gap, laid on another time, is
/// connected to an observed point drawn at random, in pieces of a hundredth of the number (of 32 values, or
/// of an eighth, where that is more). Where gaps come as clouds, the errors of values withheld singly say too
/// little of those in gaps (Beckers et al. 2006, section 2). Filled up with single ones where there are no
/// gaps to lay on. \param values as withhold_points, rows in the order of the domain's points
std::vector<MatrixEntry> withhold_clouds(const domain::Domain& domain, const Eigen::MatrixXd& values,
                                         std::size_t count, std::uint64_t seed);

/// \brief A reconstruction: mean + modes diag(singular) amplitudes^T, and how good it is.
struct Dineof {
  double mean = 0.0;  ///< of all data by area, taken off before
  Eigen::MatrixXd
      modes{};  ///< [point][mode], orthonormal in areas over their mean; 0 where no part was taken
  Eigen::VectorXd singular{};          ///< [mode], units of the data
  Eigen::MatrixXd amplitudes{};        ///< [time][mode], orthonormal
  Eigen::VectorXd explained{};         ///< [mode], share of the variance of the filled matrix
  std::vector<double> errors{};        ///< [number of modes - 1], rms of withheld values
  std::vector<int> iterations{};       ///< [number of modes - 1]
  std::vector<double> last_changes{};  ///< [iteration] of the last reconstruction, relative as `tolerance`
  Eigen::VectorXd predicted{};         ///< [withheld], what the fit without them gives
  double residual = 0.0;  ///< standard deviation of the data about the reconstruction, units of the data
  double inflation =
      1.0;  ///< of the residual's variance, so that expected errors are those of withheld values
  Eigen::VectorXd weights{};  ///< [point], areas over their mean; 0 where no part was taken

  [[nodiscard]] Eigen::Index kept() const { return singular.size(); }
  /// \brief Of one time, [point]; the mean where never observed.
  [[nodiscard]] Eigen::VectorXd field(Eigen::Index time) const;
  /// \brief Square root R of the covariance R R^T of what a time's amplitudes are wrong by, [mode][mode]:
  /// with loadings L = modes diag(singular) / sqrt(times), as a Gaussian prior of this covariance has it
  /// given the observed points with white noise of variance inflation residual^2.
  [[nodiscard]] Eigen::MatrixXd error_root(const std::vector<bool>& observed) const;
  /// \brief L: errors of a field are L R z for standard normal z, [point][mode].
  [[nodiscard]] Eigen::MatrixXd loadings() const;
};

/// \brief Fills a record. \param values [point][time], any unit, NaN where missing \param times [time],
/// increasing, any unit; looked at where there is a filter \param weights [point], areas; those of weight 0
/// take no part; empty: all alike, as DINEOF has it \param withheld observed values that the number of modes
/// is chosen by, and that are not looked at before the last reconstruction \throws Error(usage) when a filter
/// is not stable, alpha above half the squared least step, or no value is withheld; Error(input) for fewer
/// than three times with data, values that do not vary, times that do not increase; Error(stopped) where a
/// stop is asked for; Error(internal) on a size mismatch
Dineof dineof(const Eigen::MatrixXd& values, const std::vector<double>& times, const Eigen::VectorXd& weights,
              const std::vector<MatrixEntry>& withheld, const DineofOptions& options = {});

}  // namespace manifill::posterior
