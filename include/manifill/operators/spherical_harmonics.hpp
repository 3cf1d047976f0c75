#pragma once
/// \file
/// \brief Spherical harmonic transforms, scalar and vector, with their adjoints.
///
/// Real orthonormal harmonics without the Condon-Shortley phase: Y_l0 = P_l0(cos theta), and for m > 0
/// Y_lm = sqrt(2) P_lm cos(m lambda), Y_l,-m = sqrt(2) P_lm sin(m lambda); the integral of Y^2 over the unit
/// sphere is 1. Legendre functions are made as they are needed, by a recurrence over two degrees at once
/// (Ishioka 2018, J. Meteor. Soc. Japan 96:241) with a power of two kept aside, so that none under- or
/// overflows.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "manifill/operators/ring_grid.hpp"

namespace manifill::operators {

/// \brief Place of the coefficient of Y_lm among those up to degree `lmax`: by order, the cosines before the
/// sines of each: m = 0 from degree 0 on, then m = 1, m = -1, m = 2, ... \param m -l ... l
std::size_t coefficient_index(std::int64_t lmax, std::int64_t l, std::int64_t m);

/// \brief (lmax + 1)^2.
std::size_t coefficient_count(std::int64_t lmax);

/// \brief Degree of every coefficient: [coefficient].
std::vector<std::int64_t> coefficient_degrees(std::int64_t lmax);

/// \brief Coefficients of another highest degree: cut, or filled up with zeros.
std::vector<double> change_degree(std::span<const double> coefficients, std::int64_t from, std::int64_t to);

/// \brief A transform between one grid and the harmonics up to one degree. Immutable; safe to use from
/// several threads; copies share the tables.
///
/// Memory beyond the arguments: tables of (lmax + 1)^2 * 10 bytes, and the Fourier coefficients of up to
/// eight fields while a call lasts. Orders and rings are worked on by as many threads as
/// `available_threads()` says.
class SphericalHarmonics {
 public:
  /// \param lmax highest degree, 0 to 8191 \throws Error(usage) when it is out of that range or the grid is
  /// empty
  SphericalHarmonics(RingGrid grid, std::int64_t lmax);

  [[nodiscard]] const RingGrid& grid() const;
  [[nodiscard]] std::int64_t lmax() const;
  [[nodiscard]] std::size_t coefficients() const { return coefficient_count(lmax()); }
  [[nodiscard]] std::size_t points() const { return grid().points; }

  /// \brief f(x) = sum_lm c_lm Y_lm(x). \param c [field][coefficient] \return [field][point]
  /// \throws Error(internal) when the size is not a multiple of coefficients()
  [[nodiscard]] std::vector<double> synthesis(std::span<const double> c) const;
  /// \brief The transpose of synthesis: c_lm = sum_x f(x) Y_lm(x). \param f [field][point]
  [[nodiscard]] std::vector<double> synthesis_adj(std::span<const double> f) const;
  /// \brief Coefficients of a field: integrals of f Y_lm by the grid's quadrature, exact up to
  /// `RingGrid::exact_degree()`. On HEALPix and reduced grids the residual is analysed again `iterations`
  /// times (Jacobi), 3 are usual. \param f [field][point] \return [field][coefficient]
  [[nodiscard]] std::vector<double> analysis(std::span<const double> f, int iterations = 0) const;
  /// \brief The transpose of analysis. \param c [field][coefficient] \return [field][point]
  [[nodiscard]] std::vector<double> analysis_adj(std::span<const double> c, int iterations = 0) const;

  /// \brief As above into memory that the caller has. \param c [field][coefficient] \param f [field][point]
  void synthesis(std::span<const double> c, std::span<double> f) const;
  void synthesis_adj(std::span<const double> f, std::span<double> c) const;
  void analysis(std::span<const double> f, std::span<double> c) const;
  void analysis_adj(std::span<const double> c, std::span<double> f) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace manifill::operators
