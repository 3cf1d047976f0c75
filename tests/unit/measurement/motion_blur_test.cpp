#include "manifill/measurement/motion_blur.hpp"

#include "tests/unit/measurement/operator_checks.hpp"

using namespace manifill;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("motion along rows is a mean of neighbours, of half weight at the ends of an even way") {
  const auto image = domain::Domain::plane(5, 11);
  const auto blur = measurement::motion_blur(image, {.length = 4.0});
  checks::adjoint_and_matrix(*blur);
  checks::keeps_constants(*blur);
  Eigen::VectorXd spot = Eigen::VectorXd::Zero(55);
  spot[2 * 11 + 5] = 1.0;
  const Eigen::VectorXd y = blur->apply(spot).col(0);
  // The integral of the bilinear image from -2 to 2: a pixel two away has half a hat on the way.
  for (int j = 0; j < 11; ++j) {
    const int off = std::abs(j - 5);
    CHECK(y[2 * 11 + j] == Approx(off < 2 ? 0.25 : off == 2 ? 0.125 : 0.0).margin(1e-3));  // mid-point rule
  }
  CHECK(y.sum() == Approx(1.0).epsilon(1e-13));
}

TEST_CASE("angles turn counter-clockwise as an image is seen, rows downwards") {
  const auto image = domain::Domain::plane(15, 15);
  Eigen::VectorXd spot = Eigen::VectorXd::Zero(225);
  spot[7 * 15 + 7] = 1.0;
  const Eigen::VectorXd y =
      measurement::motion_blur(image, {.length = 9.0, .angle = 45.0})->apply(spot).col(0);
  CHECK(y[5 * 15 + 9] > 0.05);  // two up, two to the right
  CHECK(y[9 * 15 + 5] > 0.05);
  CHECK(y[5 * 15 + 5] == 0.0);
  const Eigen::VectorXd up =
      measurement::motion_blur(image, {.length = 6.0, .angle = 90.0})->apply(spot).col(0);
  CHECK(up[4 * 15 + 7] > 0.05);
  CHECK(std::abs(up[7 * 15 + 8]) < 1e-12);
  // Linear images are their own means along any way, inside.
  Eigen::VectorXd ramp(225);
  for (int p = 0; p < 225; ++p) ramp[p] = 2.0 * (p / 15) - 3.0 * (p % 15);
  const Eigen::VectorXd z =
      measurement::motion_blur(image, {.length = 5.0, .angle = 30.0})->apply(ramp).col(0);
  CHECK(z[7 * 15 + 7] == Approx(ramp[7 * 15 + 7]).margin(1e-12));
}

TEST_CASE("a motion blur refuses grids and ways of no length") {
  CHECK_THAT(
      checks::refusal(ErrorKind::usage, [] { checks::made({"motion_blur"}, domain::Domain::plane(4, 4)); }),
      ContainsSubstring("motion_blur.length"));
  CHECK_THAT(
      checks::refusal(ErrorKind::usage,
                      [] { checks::made({"motion_blur"}, checks::globe(30.0), {"motion_blur.length=3"}); }),
      ContainsSubstring("for images") && ContainsSubstring("gaussian_blur"));
}
