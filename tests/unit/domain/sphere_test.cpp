#include "manifill/domain/sphere.hpp"

#include <numbers>

#include "catch.hpp"

using namespace manifill::domain;

TEST_CASE("an octant of the sphere has an eighth of its area", "[domain]") {
  const auto x = unit_vector(0.0, 0.0);
  const auto y = unit_vector(0.0, 90.0);
  const auto z = unit_vector(90.0, 17.0);
  CHECK(spherical_triangle_area(x, y, z) == Approx(0.5 * std::numbers::pi));
  CHECK(spherical_triangle_area(y, x, z) == Approx(0.5 * std::numbers::pi));  // either sense
  CHECK(spherical_triangle_area(x, x, z) == Approx(0.0).margin(1e-15));
}
