#include "manifill/measurement/coarsen.hpp"

#include "tests/unit/measurement/operator_checks.hpp"

using namespace manifill;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("coarse cells are area means of theirs") {
  const auto d = checks::globe(15.0);  // 12 x 24
  const auto a = measurement::coarsen(d, 2, 3);
  checks::adjoint_and_matrix(*a);
  checks::keeps_constants(*a);
  REQUIRE(a->to());
  CHECK(a->to()->describe() ==
        domain::Domain::lat_lon({75, 45, 15, -15, -45, -75}, {15, 60, 105, 150, 195, 240, 285, 330})
            .describe());
  CHECK(a->to()->lat_lon().latitude == std::vector<double>{75, 45, 15, -15, -45, -75});
  CHECK(a->to()->lat_lon().longitude == std::vector<double>{15, 60, 105, 150, 195, 240, 285, 330});
  CHECK(a->to()->lat_lon().periodic);
  const Eigen::VectorXd x = checks::normals(a->points(), 1, 3).col(0);
  const Eigen::VectorXd y = a->apply(x).col(0);
  // By the definition: rows at 82.5 and 67.5 degrees north have areas as the differences of sines.
  const double outer = 1.0 - std::sin(75.0 * M_PI / 180.0);
  const double inner = std::sin(75.0 * M_PI / 180.0) - std::sin(60.0 * M_PI / 180.0);
  for (int block = 0; block < 8; ++block) {
    double sum = 0.0;
    for (int c = 3 * block; c < 3 * block + 3; ++c) sum += outer * x[c] + inner * x[24 + c];
    CHECK(y[block] == Approx(sum / (3.0 * (outer + inner))).margin(1e-14));
  }
  // No area is lost: the mean over the globe stays. Coarse cells' edges are the fine ones'.
  CHECK(checks::areas(*a->to()).dot(y) == Approx(checks::areas(d).dot(x)).margin(1e-13));
}

TEST_CASE("coarsening twice is coarsening by the product") {
  const auto image = domain::Domain::plane(12, 18);
  const auto twice = measurement::compose(measurement::coarsen(image, 2, 3),
                                          measurement::coarsen(domain::Domain::plane(6, 6), 3, 2));
  const auto once = measurement::coarsen(image, 6, 6);
  CHECK((Eigen::MatrixXd(twice->matrix()) - Eigen::MatrixXd(once->matrix())).cwiseAbs().maxCoeff() < 1e-15);
  CHECK(twice->to()->hash() == once->to()->hash());
}

TEST_CASE("the last blocks of a grid that ends are smaller") {
  const auto image = measurement::coarsen(domain::Domain::plane(5, 7), 2, 3);
  CHECK(image->to()->hash() == domain::Domain::plane(3, 3).hash());
  checks::keeps_constants(*image);
  CHECK(image->matrix().coeff(8, 34) == 1.0);  // one row and one column are left for the corner
  const auto d = domain::Domain::lat_lon({-20, -10, 0, 10, 20}, {0, 90, 180, 270});
  const auto a = measurement::coarsen(d, 2, 2);
  CHECK(a->to()->lat_lon().latitude == std::vector<double>{-15, 5, 20});
}

TEST_CASE("HEALPix pixels have parents, in either ordering") {
  for (const auto ordering : {domain::healpix::Ordering::nested, domain::healpix::Ordering::ring}) {
    const auto d = domain::Domain::healpix(8, ordering);
    const auto a = measurement::coarsen(d, 4, 4);
    checks::keeps_constants(*a);
    CHECK(a->to()->hash() == domain::Domain::healpix(2, ordering).hash());
    // The mean place of the sixteen children is near the parent's centre: within a fifth of its size.
    for (const std::size_t axis : {0, 1, 2})
      CHECK(
          (a->apply(checks::coordinate(d, axis)) - checks::coordinate(*a->to(), axis)).cwiseAbs().maxCoeff() <
          0.1);
    CHECK(Eigen::VectorXd(a->matrix() * Eigen::VectorXd::Ones(768)).isOnes(1e-12));
    CHECK(a->matrix().nonZeros() == 768);
  }
  checks::adjoint_and_matrix(
      *measurement::coarsen(domain::Domain::healpix(4, domain::healpix::Ordering::ring), 2, 2));
}

TEST_CASE("coarsen refuses factors that do not fit, and names those that do") {
  const auto refused = [](const domain::Domain& d, const std::string& factor) {
    return checks::refusal(ErrorKind::usage,
                           [&] { checks::made({"coarsen"}, d, {"coarsen.factor=" + factor}); });
  };
  CHECK_THAT(refused(checks::globe(15.0), "5"),
             ContainsSubstring("24 longitudes") && ContainsSubstring("2, 3, 4, 6, 8, 12"));
  CHECK_THAT(refused(checks::globe(15.0), "2.5"),
             ContainsSubstring("coarsen.factor") && ContainsSubstring("whole number"));
  CHECK_THAT(refused(domain::Domain::plane(4, 4), "8"), ContainsSubstring("at most 4 x 4"));
  CHECK_THAT(refused(domain::Domain::plane(4, 4), "1"), ContainsSubstring("at least 2"));
  CHECK_THAT(refused(domain::Domain::plane(4, 4), "1,2,3"), ContainsSubstring("holds 3 numbers"));
  CHECK_THAT(refused(domain::Domain::healpix(8, domain::healpix::Ordering::ring), "3"),
             ContainsSubstring("power of two"));
  CHECK_THAT(refused(domain::Domain::healpix(8, domain::healpix::Ordering::ring), "2,4"),
             ContainsSubstring("one number"));
  CHECK_THAT(refused(domain::Domain::surface(domain::icosphere(2)), "2"),
             ContainsSubstring("no blocks of cells"));
}
