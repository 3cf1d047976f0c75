#pragma once
/// \file
/// \brief `distance`: mean of the nearest observed points, weighted by their distances.

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include "manifill/domain/domain.hpp"

namespace manifill::posterior {

/// \brief Mean of the nearest observed points with weights 1 / great-circle distance (off the sphere straight
/// distance), as `cdo setmisstodis` does (Shepard 1968 with power 1). \param observed [point]; \param values
/// [point], any units, read where observed \param neighbours how many; 4 is what cdo takes \throws
/// Error(input) when nothing is observed, Error(usage) on no neighbours, Error(internal) on a size mismatch
Eigen::VectorXd fill_distance_weighted(const domain::Domain& domain, const std::vector<bool>& observed,
                                       const Eigen::VectorXd& values, std::size_t neighbours = 4);

}  // namespace manifill::posterior
