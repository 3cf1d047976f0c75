#pragma once
/// \file
/// \brief What spherical harmonic coefficients are good for: derivatives, filters, spectra, rotations, and
/// fields of vectors. Lengths are in radii of the sphere.
///
/// Coefficients are those of spherical_harmonics.hpp, one field: [coefficient].

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "manifill/operators/spherical_harmonics.hpp"

namespace manifill::operators {

/// \brief Coefficients times a function of their degree. \throws Error(internal) when sizes do not match
std::vector<double> filter_degrees(std::span<const double> c, std::int64_t lmax,
                                   const std::function<double(std::int64_t degree)>& gain);
/// \brief Laplace-Beltrami operator: -l (l + 1).
std::vector<double> laplacian(std::span<const double> c, std::int64_t lmax);
/// \brief Its inverse on fields of mean 0; degree 0 becomes 0.
std::vector<double> inverse_laplacian(std::span<const double> c, std::int64_t lmax);

/// \brief C_l = sum_m c_lm^2 / (2 l + 1): [degree].
std::vector<double> power_spectrum(std::span<const double> c, std::int64_t lmax);
/// \brief sum_m a_lm b_lm / (2 l + 1): [degree].
std::vector<double> cross_spectrum(std::span<const double> a, std::span<const double> b, std::int64_t lmax);

/// \brief Rotation of a field, f'(x) = f(R^-1 x), R = Rz(alpha) Ry(beta) Rz(gamma), radians. Wigner's d by
/// its recurrence in the degree (Varshalovich et al. 1988, section 4.8), O(lmax^3) operations, no tables.
std::vector<double> rotate(std::span<const double> c, std::int64_t lmax, double alpha, double beta,
                           double gamma);
/// \brief The matrix R of `rotate`: [row][column].
std::array<std::array<double, 3>, 3> rotation_matrix(double alpha, double beta, double gamma);

/// \brief Tangent vectors by their parts along and across gradients. With Y the scalar harmonics, the fields
/// grad Y_lm / sqrt(l (l + 1)) and r x grad Y_lm / sqrt(l (l + 1)), l > 0, are orthonormal (spin 1; Kostelec
/// et al. 2000, J. Comput. Phys. 162:514).
struct VectorCoefficients {
  std::vector<double> divergent{};   ///< [coefficient], 0 at degree 0
  std::vector<double> rotational{};  ///< [coefficient], 0 at degree 0
};

/// \brief Eastward and northward components, [point] each.
struct TangentField {
  std::vector<double> east{};
  std::vector<double> north{};
};

/// \brief Transform of tangent vector fields between a grid and the harmonics up to degree lmax. At a pole
/// the components are those of the limit along the point's own longitude. Immutable; safe to use from several
/// threads.
class VectorHarmonics {
 public:
  /// \throws Error(usage) as SphericalHarmonics
  VectorHarmonics(const RingGrid& grid, std::int64_t lmax);
  [[nodiscard]] const RingGrid& grid() const { return scalar_.grid(); }
  [[nodiscard]] std::int64_t lmax() const { return lmax_; }

  [[nodiscard]] TangentField synthesis(const VectorCoefficients& c) const;
  /// \brief The transpose of synthesis.
  [[nodiscard]] VectorCoefficients synthesis_adj(const TangentField& u) const;
  /// \brief Integrals of products with the vector harmonics by the grid's quadrature; exact up to
  /// `RingGrid::exact_degree()`. On HEALPix and reduced grids with `iterations` as
  /// SphericalHarmonics::analysis.
  [[nodiscard]] VectorCoefficients analysis(const TangentField& u, int iterations = 0) const;
  /// \brief The transpose of analysis without iterations.
  [[nodiscard]] TangentField analysis_adj(const VectorCoefficients& c) const;

 private:
  [[nodiscard]] TangentField weighted(TangentField u) const;
  std::int64_t lmax_;
  SphericalHarmonics scalar_;  // of lmax + 1: the components times the sine of the colatitude are such fields
};

/// \brief Vector coefficients of the gradient of a scalar field.
VectorCoefficients gradient(std::span<const double> c, std::int64_t lmax);
/// \brief Scalar coefficients of the divergence of a vector field.
std::vector<double> divergence(const VectorCoefficients& v, std::int64_t lmax);
/// \brief Scalar coefficients of the radial component of the curl (vorticity) of a vector field.
std::vector<double> curl(const VectorCoefficients& v, std::int64_t lmax);

}  // namespace manifill::operators
