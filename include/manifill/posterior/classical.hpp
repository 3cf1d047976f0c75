#pragma once
/// \file
/// \brief Classical fills of one field from its observed points: climatology, nearest neighbour, distance
/// weighted.
///
/// They give one value a point and no uncertainty. Fill anomalies, not absolute values, where there is a
/// climatology. All of them keep what is observed and ignore what `values` holds elsewhere.

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include "manifill/domain/domain.hpp"

namespace manifill::posterior {

/// \brief Climatology: an anomaly of zero where nothing is observed.
/// \param observed [point]; \param values [point], anomalies, read where observed
/// \throws Error(internal) on a size mismatch
Eigen::VectorXd fill_climatology(const std::vector<bool>& observed, const Eigen::VectorXd& values);

/// \brief Nearest observed point by great circle, as `cdo setmisstonn` does.
/// \param observed [point]; \param values [point], any units, read where observed
/// \throws Error(input) when nothing is observed, Error(internal) on a size mismatch
Eigen::VectorXd fill_nearest(const domain::Domain& domain, const std::vector<bool>& observed,
                             const Eigen::VectorXd& values);

/// \brief Mean of the nearest observed points with weights 1 / great-circle distance, as `cdo setmisstodis`
/// does (Shepard 1968 with power 1). \param neighbours how many; 4 is what cdo takes \throws Error(input)
/// when nothing is observed, Error(usage) on no neighbours, Error(internal) on a size mismatch
Eigen::VectorXd fill_distance_weighted(const domain::Domain& domain, const std::vector<bool>& observed,
                                       const Eigen::VectorXd& values, std::size_t neighbours = 4);

}  // namespace manifill::posterior
