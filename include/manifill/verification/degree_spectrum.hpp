#pragma once
/// \file
/// \brief Are the members as rough as the truth on every scale of the sphere: power by degree.

#include <cstdint>
#include <optional>

#include <Eigen/Core>

#include "manifill/domain/domain.hpp"
#include "manifill/operators/spherical_harmonics.hpp"

namespace manifill::verification {

/// \brief Angular power of fields on a global grid of rings (operators::RingGrid), degrees 0 to the highest
/// that the grid resolves exactly.
class DegreeSpectrum {
 public:
  /// \brief Nothing where the domain is no global grid of rings.
  static std::optional<DegreeSpectrum> of(const domain::Domain& domain);

  [[nodiscard]] Eigen::Index degrees() const { return static_cast<Eigen::Index>(transform_.lmax()) + 1; }
  /// \brief Mean over fields of C_l = sum_m c_lm^2 / (2 l + 1): [degree], squared units of the field.
  /// \param fields [point][field], without gaps \throws Error(internal) on a size mismatch
  [[nodiscard]] Eigen::VectorXd power(const Eigen::MatrixXd& fields) const;

 private:
  DegreeSpectrum(operators::SphericalHarmonics transform, int iterations)
      : transform_(std::move(transform)), iterations_(iterations) {}
  operators::SphericalHarmonics transform_;
  int iterations_;
};

}  // namespace manifill::verification
