#pragma once
/// \file
/// \brief Points and triangles of the unit sphere.

#include <array>
#include <numbers>

namespace manifill::domain {

/// \brief Radians in a degree.
inline constexpr double kDegree = std::numbers::pi / 180.0;
/// \brief Degrees in a radian.
inline constexpr double kRadian = 180.0 / std::numbers::pi;

/// \brief Unit vector of a place. \param latitude, longitude degrees
std::array<double, 3> unit_vector(double latitude, double longitude);

/// \brief Area of the triangle between three unit vectors, steradian (Eriksson 1990, "On the measure of solid
/// angles").
double spherical_triangle_area(const std::array<double, 3>& a, const std::array<double, 3>& b,
                               const std::array<double, 3>& c);

}  // namespace manifill::domain
