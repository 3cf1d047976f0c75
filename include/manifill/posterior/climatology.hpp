#pragma once
/// \file
/// \brief `climatology`: what is not observed is as usual.

#include <vector>

#include <Eigen/Core>

namespace manifill::posterior {

/// \brief An anomaly of zero where nothing is observed.
/// \param observed [point]; \param values [point], anomalies, read where observed
/// \throws Error(internal) on a size mismatch
Eigen::VectorXd fill_climatology(const std::vector<bool>& observed, const Eigen::VectorXd& values);

}  // namespace manifill::posterior
