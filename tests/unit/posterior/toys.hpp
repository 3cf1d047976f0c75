#pragma once
// Observations of fields.

#include <Eigen/Core>
#include <cstdint>
#include <memory>

#include "manifill/base/random.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "manifill/measurement/measurement.hpp"
#include "manifill/posterior/gaussian_window.hpp"
#include "unit/domain/toys.hpp"

namespace toys {

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
