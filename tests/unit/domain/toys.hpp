#pragma once
// Fields of known covariance on any domain.

#include <Eigen/Core>
#include <cmath>

#include "manifill/domain/domain.hpp"

namespace toys {

/// A Gaussian of chordal distance, positive definite on the sphere, with a nugget: [point][point].
inline Eigen::MatrixXd covariance_by_distance(const manifill::domain::Domain& d, double km, double nugget) {
  const auto n = static_cast<Eigen::Index>(d.size());
  Eigen::MatrixXd c(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j) {
      const double r = manifill::domain::chordal_km(d.points()[static_cast<std::size_t>(i)],
                                                    d.points()[static_cast<std::size_t>(j)]) /
                       km;
      c(i, j) = std::exp(-0.5 * r * r) + (i == j ? nugget : 0.0);
    }
  return c;
}

}  // namespace toys
