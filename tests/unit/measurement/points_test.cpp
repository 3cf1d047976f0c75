#include "manifill/measurement/points.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "manifill/measurement/point_sampling.hpp"
#include "tests/unit/measurement/operator_checks.hpp"

using namespace manifill;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("given places are interpolated to, and are cells") {
  const auto d = checks::globe(10.0);
  const auto a = checks::made({"points"}, d, {"points.latitude=12.5,-40", "points.longitude=33,-150"});
  checks::adjoint_and_matrix(*a);
  checks::keeps_constants(*a);
  CHECK(Eigen::MatrixXd(a->matrix()) ==
        Eigen::MatrixXd(measurement::point_sampling(d, {12.5, -40}, {33, -150})));
  REQUIRE(a->to());
  CHECK(a->to()->size() == 2);
  CHECK(a->to()->latitudes() == std::vector<double>{12.5, -40});
  // Two instruments at one place lie on no domain.
  const auto twice = measurement::points(d, {{10, 10}, {20, 20}});
  CHECK_FALSE(twice->to());
  CHECK(twice->values() == 2);
  CHECK(measurement::points(d, {{10}, {20}})->to()->size() == 1);
}

TEST_CASE("places beyond a region are not measured") {
  const auto region = domain::Domain::lat_lon({30, 40, 50}, {0, 10, 20});
  const auto a = measurement::points(region, {{40, -40}, {10, 10}});
  CHECK(a->measured(0) == std::vector<bool>{true, false});
  CHECK_THAT(checks::refusal(ErrorKind::usage,
                             [&] {
                               measurement::points(region, {{-40}, {10}});
                             }),
             ContainsSubstring("none of the points"));
}

TEST_CASE("random places are spread evenly over the sphere") {
  const auto d = checks::globe(5.0);
  const auto a = measurement::random_points(d, 3000, 7);
  CHECK(a->values() == 3000);
  const auto latitude = a->to()->latitudes();
  // Half of the sphere lies within 30 degrees of the equator; 3000 coins have a standard deviation of 0.009.
  const auto low =
      std::count_if(latitude.begin(), latitude.end(), [](double p) { return std::abs(p) < 30.0; });
  CHECK(static_cast<double>(low) / 3000.0 == Approx(0.5).margin(0.03));
  CHECK(Eigen::MatrixXd(measurement::random_points(d, 30, 7)->matrix()) ==
        Eigen::MatrixXd(measurement::random_points(d, 30, 7)->matrix()));
  const auto region = domain::Domain::lat_lon({50, 40, 30}, {-10, 0, 10});
  const auto within = measurement::random_points(region, 25, 1);
  for (const double p : within->to()->latitudes()) CHECK((p > 24.0 && p < 56.0));
}

TEST_CASE("points of an image are pixels, the others not measured") {
  const auto image = domain::Domain::plane(8, 9);
  const auto a = checks::made({"points"}, image, {"points.count=20", "points.seed=3"});
  const auto seen = a->measured(0);
  CHECK(std::count(seen.begin(), seen.end(), true) == 20);
  CHECK(a->measured(1) == seen);
  CHECK_THAT(
      checks::refusal(ErrorKind::usage, [&] { checks::made({"points"}, image, {"points.count=100"}); }),
      ContainsSubstring("at most 72"));
}

TEST_CASE("places of a station file, of another grid, and of the measurement's own file") {
  const auto d = checks::globe(10.0);
  const auto path = (std::filesystem::temp_directory_path() / "points_test.csv").string();
  std::ofstream(path) << "station,lat,lon,t\nA,10,20,1\nB,-5,100,2\nA,10,20,3\n";
  const auto stations = checks::made({"points"}, d, {"points.like=" + path});
  CHECK(stations->values() == 2);
  std::filesystem::remove(path);
  const auto pixels = domain::Domain::healpix(2, domain::healpix::Ordering::ring);
  const auto own = checks::made({"points"}, d, {}, {.domain = pixels});
  CHECK(own->to()->hash() == pixels.hash());
  CHECK(Eigen::MatrixXd(own->matrix()) == Eigen::MatrixXd(measurement::interpolation(d, pixels)));
}

TEST_CASE("points refuse what names no places") {
  const auto d = checks::globe(30.0);
  const auto refused = [&](const std::vector<std::string>& settings) {
    return checks::refusal(ErrorKind::usage, [&] { checks::made({"points"}, d, settings); });
  };
  CHECK_THAT(refused({}), ContainsSubstring("points.count") && ContainsSubstring("points.like"));
  CHECK_THAT(refused({"points.latitude=1,2", "points.longitude=3"}), ContainsSubstring("2 numbers"));
  CHECK_THAT(refused({"points.latitude=1", "points.longitude=3", "points.count=4"}),
             ContainsSubstring("more than one way"));
  CHECK_THAT(refused({"points.latitude=95", "points.longitude=3"}), ContainsSubstring("-90 to 90"));
  CHECK_THAT(checks::refusal(
                 ErrorKind::usage,
                 [] {
                   measurement::points(domain::Domain::plane(4, 4), measurement::MeasuredPlaces{{0}, {0}});
                 }),
             ContainsSubstring("points.count"));
}
