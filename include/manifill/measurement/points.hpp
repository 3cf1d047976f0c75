#pragma once
/// \file
/// \brief Operator `points`: values at single places, as of stations or buoys, or of another grid.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "manifill/measurement/operator.hpp"

namespace manifill::measurement {

/// \brief Places on the sphere where values were measured; places may coincide.
struct MeasuredPlaces {
  std::vector<double> latitude{};  ///< [place], degrees
  std::vector<double> longitude{};
};

/// \brief Interpolation to places of the sphere (`point_sampling`). The values lie on a list of cells in the
/// order of the places, or on no domain where places coincide. Places that the domain does not reach are not
/// measured. \throws Error(usage) off the sphere, where no place is given, or none is reached
OperatorPointer points(const domain::Domain& domain, const MeasuredPlaces& places);

/// \brief Interpolation to the points of another domain (`interpolation`), on which the values lie. \throws
/// Error(usage) where the two share no space, or none of the points is reached
OperatorPointer points(const domain::Domain& domain, const domain::Domain& to);

/// \brief Places drawn at random, equally likely everywhere: on the sphere as above; of an image or a surface
/// some of its own points, by area, all others not measured. \param count at least 1 \throws Error(usage) for
/// more than there are, and where a domain covers too little of the sphere to find places on
OperatorPointer random_points(const domain::Domain& domain, std::size_t count, std::uint64_t seed);

}  // namespace manifill::measurement
