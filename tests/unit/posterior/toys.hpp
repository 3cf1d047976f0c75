#pragma once
// Gaussian fields of known covariance, and observations of them.

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <memory>

#include "manifill/base/random.hpp"
#include "manifill/domain/domain.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "manifill/measurement/measurement.hpp"
#include "manifill/posterior/gaussian_window.hpp"

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

/// A field's values where seen, with noise.
inline manifill::posterior::StepObservation observe(const Eigen::VectorXd& field,
                                                    const manifill::measurement::ObservedCells& seen,
                                                    double sigma, std::int64_t time,
                                                    manifill::RandomStream& random) {
  manifill::posterior::StepObservation step{.time = time};
  step.measurement = std::make_shared<manifill::measurement::Measurement>(
      manifill::measurement::mask(seen, Eigen::VectorXd::Constant(field.size(), sigma)));
  step.y = step.measurement->apply(field);
  for (auto& v : step.y) v += sigma * random.normal();
  return step;
}

}  // namespace toys
