#pragma once
/// \file
/// \brief Are the members as rough as the truth: power by zonal wavenumber, gradients between neighbours.

#include <vector>

#include <Eigen/Core>

#include "manifill/domain/domain.hpp"

namespace manifill::verification {

/// \brief Power of the rows of a lat-lon grid by zonal wavenumber.
///
/// Periodic rows: discrete Fourier transform, wavenumbers 0..nlon/2 a turn, both signs together. Regional
/// rows: cosine transform DCT-II, 0..nlon-1 half waves across the row, which needs no taper or detrending
/// (Denis et al. 2002, MWR 130). The powers of a row sum to its mean square. One matrix product a field;
/// [column][column] doubles are kept.
class RowSpectrum {
 public:
  explicit RowSpectrum(const domain::Domain& domain);

  [[nodiscard]] Eigen::Index wavenumbers() const { return wavenumbers_; }
  /// \brief Mean over fields and, by area, over the chosen rows: [wavenumber], squared units of the field.
  /// \param fields [point][field]; rows not chosen are not looked at
  /// \param rows [row], true where wanted
  /// \return zeros when no row is chosen
  /// \throws Error(internal) on a size mismatch
  [[nodiscard]] Eigen::VectorXd power(const Eigen::MatrixXd& fields, const std::vector<bool>& rows) const;

 private:
  Eigen::MatrixXd basis_;        // [coefficient][column], orthogonal
  std::vector<int> wavenumber_;  // [coefficient]
  Eigen::VectorXd area_;         // [row], sum 1
  Eigen::Index wavenumbers_ = 0;
};

/// \brief Mean of |x_i - x_j| / distance over neighbours i, j of positive weight, and over the fields: units
/// of the field per 1000 km. Pairs are weighted by w_i + w_j; coincident points (a pole's) are left out.
/// \param fields [point][field]; \param weight [point], >= 0; points of weight 0 are not looked at
/// \return NaN when no pair is left
/// \throws Error(internal) on a size mismatch
double mean_absolute_gradient(const domain::Domain& domain, const Eigen::MatrixXd& fields,
                              const Eigen::VectorXd& weight);

}  // namespace manifill::verification
