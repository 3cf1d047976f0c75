#pragma once
// Observations of fields.

#include <Eigen/Core>
#include <cstdint>

#include "manifill/base/random.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "manifill/measurement/measurement.hpp"
#include "manifill/posterior/gaussian_window.hpp"
#include "unit/domain/toys.hpp"

namespace toys {

/// A field's values where seen, with noise.
manifill::posterior::StepObservation observe(const Eigen::VectorXd& field,
                                             const manifill::measurement::ObservedCells& seen, double sigma,
                                             std::int64_t time, manifill::RandomStream& random);

}  // namespace toys
