#pragma once
/// \file
/// \brief Operator `swath`: what a satellite in a low orbit sees of the sphere.

#include "manifill/measurement/operator.hpp"

namespace manifill::measurement {

/// \brief A circular orbit and a scanner; every member is an option under "swath.". The defaults are those of
/// a sun-synchronous weather satellite.
struct SwathOptions {
  double orbits = 14.0;           ///< revolutions within one step of the file
  double period_minutes = 101.0;  ///< of a revolution
  double inclination = 98.7;      ///< degrees
  double width_km = 1450.0;       ///< of the swath, along the ground
  double node = 0.0;   ///< degrees east, where the first orbit of step 0 crosses the equator northwards
  double drift = 0.0;  ///< degrees by which that place moves east from step to step
};

/// \brief Measures the points within half a width of the track. With u the angle along the orbit since the
/// node, i the inclination: latitude asin(sin i sin u), longitude node + atan2(cos i sin u, cos u) less the
/// earth's turn of 360 degrees in 1436.07 minutes. \throws Error(usage) off the sphere
OperatorPointer swath(const domain::Domain& domain, const SwathOptions& options);

}  // namespace manifill::measurement
