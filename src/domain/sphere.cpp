#include "manifill/domain/sphere.hpp"

#include <cmath>
#include <numbers>

namespace manifill::domain {

std::array<double, 3> unit_vector(double latitude, double longitude) {
  const double phi = latitude * kDegree;
  const double lambda = longitude * kDegree;
  return {std::cos(phi) * std::cos(lambda), std::cos(phi) * std::sin(lambda), std::sin(phi)};
}

double spherical_triangle_area(const std::array<double, 3>& a, const std::array<double, 3>& b,
                               const std::array<double, 3>& c) {
  const auto dot = [](const auto& p, const auto& q) { return p[0] * q[0] + p[1] * q[1] + p[2] * q[2]; };
  const double triple = a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) +
                        a[2] * (b[0] * c[1] - b[1] * c[0]);
  return 2.0 * std::atan2(std::abs(triple), 1.0 + dot(a, b) + dot(b, c) + dot(c, a));
}

}  // namespace manifill::domain
