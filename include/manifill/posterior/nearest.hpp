#pragma once
/// \file
/// \brief `nearest`: the value of the nearest observed point.

#include <vector>

#include <Eigen/Core>

#include "manifill/domain/domain.hpp"

namespace manifill::posterior {

/// \brief Nearest observed point by great circle (off the sphere by straight distance), as `cdo setmisstonn`
/// does; of points as near, the first. Fill anomalies, not absolute values, where there is a climatology.
/// \param observed [point]; \param values [point], any units, read where observed
/// \throws Error(input) when nothing is observed, Error(internal) on a size mismatch
Eigen::VectorXd fill_nearest(const domain::Domain& domain, const std::vector<bool>& observed,
                             const Eigen::VectorXd& values);

}  // namespace manifill::posterior
