#include "manifill/measurement/point_sampling.hpp"

#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"

using namespace manifill;
using measurement::SparseMatrix;

TEST_CASE("points of a lat-lon grid are sampled by bilinear interpolation, coincident ones alike") {
  const auto grid = domain::Domain::lat_lon({-60, -20, 20, 60}, {0, 60, 120, 180, 240, 300});
  const std::vector<double> latitude{20, 0, 0, 10};
  const std::vector<double> longitude{60, 30, 30, 360};
  const SparseMatrix a = measurement::point_sampling(grid, latitude, longitude);
  CHECK(Eigen::MatrixXd(a) == Eigen::MatrixXd(measurement::bilinear(grid, latitude, longitude)));
  CHECK(a.coeff(0, 13) == 1.0);
  CHECK(Eigen::VectorXd(a.row(1)) == Eigen::VectorXd(a.row(2)));
}

TEST_CASE("points of HEALPix pixels are sampled from the nearest three, or the one that is there") {
  const auto pixels = domain::Domain::healpix(4, domain::healpix::Ordering::nested);
  const auto latitude = pixels.latitudes();
  const auto longitude = pixels.longitudes();
  const SparseMatrix own = measurement::point_sampling(pixels, latitude, longitude);
  CHECK((Eigen::MatrixXd(own) - Eigen::MatrixXd::Identity(192, 192)).cwiseAbs().maxCoeff() == 0.0);
  const SparseMatrix off = measurement::point_sampling(pixels, {7.0, 7.0}, {11.0, 11.0});
  CHECK(off.nonZeros() == 6);
  CHECK((off * Eigen::VectorXd::Ones(192) - Eigen::VectorXd::Ones(2)).cwiseAbs().maxCoeff() < 1e-14);
}

TEST_CASE("what no field reaches is told or refused") {
  const auto region = domain::Domain::lat_lon({30, 40, 50}, {0, 10, 20});
  std::vector<bool> reachable;
  const SparseMatrix a = measurement::point_sampling(region, {40, -40}, {10, 10}, &reachable);
  CHECK(reachable == std::vector<bool>{true, false});
  CHECK(a.row(1).nonZeros() == 0);
  CHECK_THROWS_AS(measurement::point_sampling(region, {-40}, {10}), Error);
  CHECK_THROWS_AS(measurement::point_sampling(domain::Domain::plane(3, 3), {0}, {0}), Error);
}
