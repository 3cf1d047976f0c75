#pragma once
/// \file
/// \brief Operator `gaussian_blur`: what a footprint with a Gaussian profile sees.

#include <string>

#include "manifill/measurement/operator.hpp"

namespace manifill::measurement {

/// \brief What a Gaussian blur needs to be told; every member is an option under "gaussian_blur.".
struct GaussianBlurOptions {
  double width = 0.0;             ///< standard deviation: km on the sphere, pixels, units of a mesh; > 0
  std::string edges = "reflect";  ///< of an image: reflect, nearest, wrap
  std::string by = "auto";        ///< off images: harmonics, laplacian
};

/// \brief Blur by a Gaussian. Constants come through as they are.
///
/// - Images: the Gaussian sampled at pixels up to four widths away, its weights' sum 1, along rows and then
///   columns.
/// - Elsewhere the heat kernel: harmonics of degree l times exp(-l (l + 1) s^2 / 2), s = width / radius, by
///   spherical harmonics where the domain is a grid of rings and what lies above its highest degree would be
///   damped to less than 0.01; else exp(width^2 / 2 Delta) by the domain's Laplacian (linear elements,
///   operators/domain_laplacian.hpp) and Chebyshev polynomials, without flux through the edge of a region.
/// \throws Error(usage) for a width that is not positive, and for harmonics on a grid that has none
OperatorPointer gaussian_blur(const domain::Domain& domain, const GaussianBlurOptions& options);

}  // namespace manifill::measurement
