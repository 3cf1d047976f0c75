#pragma once
/// \file
/// \brief Fields at any points: the rows of a measurement by scattered stations.

#include <array>
#include <span>
#include <vector>

#include "manifill/domain/domain.hpp"
#include "manifill/measurement/measurement.hpp"

namespace manifill::measurement {

/// \brief The mean of the three nearest points of a domain by inverse squared distance, or the one point that
/// there is at the target. Targets farther from all points than these are from each other are not reachable.
/// \param targets in the coordinates of `from.points()` \param reachable if not null: set to false instead of
/// throwing (the row is empty) \throws Error(input) naming the target
SparseMatrix nearest_three(const domain::Domain& from, std::span<const std::array<double, 3>> targets,
                           std::vector<bool>* reachable = nullptr);

/// \brief Interpolation of a spherical domain to points of the sphere: `bilinear` from a lat-lon grid, else
/// `nearest_three`. \param latitude, longitude [target], degrees; points may coincide \throws Error(input) as
/// these, and where the domain is not spherical
SparseMatrix point_sampling(const domain::Domain& from, const std::vector<double>& latitude,
                            const std::vector<double>& longitude, std::vector<bool>* reachable = nullptr);

}  // namespace manifill::measurement
