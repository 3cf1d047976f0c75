#pragma once
/// \file
/// \brief Operator `motion_blur`: an image taken by a camera that moved.

#include <string>

#include "manifill/measurement/operator.hpp"

namespace manifill::measurement {

/// \brief What a motion blur needs to be told; every member is an option under "motion_blur.".
struct MotionBlurOptions {
  double length = 0.0;  ///< of the way, pixels; > 0
  double angle = 0.0;   ///< degrees counter-clockwise from the direction of the rows, as the image is seen
  std::string edges = "reflect";  ///< reflect, nearest, wrap
};

/// \brief Every pixel becomes the mean of the image, bilinear between pixels, along a straight way of which
/// it is the middle (mid-point rule, 16 points a pixel). \throws Error(usage) off images, and for a length
/// that is not positive
OperatorPointer motion_blur(const domain::Domain& domain, const MotionBlurOptions& options);

}  // namespace manifill::measurement
