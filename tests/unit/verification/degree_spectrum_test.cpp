#include "manifill/verification/degree_spectrum.hpp"

#include <cmath>
#include <numbers>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/operators/ring_grid.hpp"

using namespace manifill;
using namespace manifill::verification;

TEST_CASE("a harmonic has its power at its degree, on every grid of rings", "[verification]") {
  for (const char* name : {"F16", "O16", "r32x17", "hp8", "hp8_nested"}) {
    INFO(name);
    const auto domain = operators::named_grid(name);
    constexpr double kTolerance = 2e-5;  // HEALPix of nside 8 after three iterations; exact elsewhere
    const auto spectrum = DegreeSpectrum::of(domain);
    REQUIRE(spectrum);
    const auto n = static_cast<Eigen::Index>(domain.size());
    // Y_20 and Y_1,-1 of the unit sphere, orthonormal; Y_33's cosine.
    Eigen::MatrixXd fields(n, 2);
    for (Eigen::Index i = 0; i < n; ++i) {
      const auto& r = domain.points()[static_cast<std::size_t>(i)];
      fields(i, 0) = 3.0 * std::sqrt(5.0 / (16.0 * std::numbers::pi)) * (3.0 * r[2] * r[2] - 1.0) +
                     2.0 * std::sqrt(3.0 / (4.0 * std::numbers::pi)) * r[1];
      fields(i, 1) =
          std::sqrt(35.0 / (32.0 * std::numbers::pi)) * (r[0] * r[0] * r[0] - 3.0 * r[0] * r[1] * r[1]);
    }
    const Eigen::VectorXd one = spectrum->power(fields.leftCols(1));
    CHECK(one[2] == Approx(9.0 / 5.0).epsilon(kTolerance));
    CHECK(one[1] == Approx(4.0 / 3.0).epsilon(kTolerance));
    CHECK(one.sum() == Approx(9.0 / 5.0 + 4.0 / 3.0).epsilon(kTolerance));
    const Eigen::VectorXd both = spectrum->power(fields);
    CHECK(both[3] == Approx(0.5 / 7.0).epsilon(kTolerance));
    CHECK(both[2] == Approx(0.5 * 9.0 / 5.0).epsilon(kTolerance));
    CHECK(both.size() == spectrum->degrees());
    CHECK_THROWS_AS(spectrum->power(fields.topRows(3)), Error);
  }
}

TEST_CASE("what is no global grid of rings has no degrees", "[verification]") {
  CHECK_FALSE(DegreeSpectrum::of(domain::Domain::lat_lon({10.0, 20.0, 30.0}, {0.0, 10.0, 20.0})));
  CHECK_FALSE(DegreeSpectrum::of(domain::Domain::plane(4, 4)));
}
