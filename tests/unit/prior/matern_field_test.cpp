#include "manifill/prior/matern_field.hpp"

#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <cmath>
#include <numeric>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"

using namespace manifill;
using prior::MaternField;

namespace {

std::shared_ptr<const operators::DomainLaplacian> nodes_of(const domain::Domain& d, double margin = 0.5) {
  return std::make_shared<const operators::DomainLaplacian>(operators::domain_laplacian(d, margin));
}

}  // namespace

TEST_CASE("precision, determinant, draws and variances belong to one covariance", "[prior]") {
  const MaternField field(nodes_of(domain::Domain::plane(5, 6), 0.0), {.range = 3.0, .variance = 2.5});
  const Eigen::MatrixXd q = field.precision();
  const Eigen::MatrixXd covariance = q.inverse();
  const auto n = q.rows();
  // Inverses of a matrix of a condition of some hundreds.
  CHECK((q - q.transpose()).norm() < 1e-12 * q.norm());
  const Eigen::MatrixXd lower = q.llt().matrixL();
  CHECK(field.log_determinant() == Approx(2.0 * lower.diagonal().array().log().sum()).epsilon(1e-10));
  const Eigen::MatrixXd root = field.colour(Eigen::MatrixXd::Identity(n, n));
  CHECK((root * root.transpose() - covariance).norm() < 1e-10 * covariance.norm());
  std::vector<std::size_t> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  CHECK((field.variance(all) - covariance.diagonal()).norm() < 1e-10 * covariance.norm());
}

TEST_CASE("far from edges the covariance is Matern's of smoothness 1", "[prior]") {
  // c(r) = kappa r K_1(kappa r), kappa = sqrt(8) / range; twelve points to a range leave 2 %.
  const std::size_t side = 61;
  const double range = 12.0;
  const MaternField field(nodes_of(domain::Domain::plane(side, side)), {.range = range, .variance = 1.0});
  const std::size_t middle = (side / 2) * side + side / 2;
  const std::vector<std::size_t> one{middle};
  CHECK(field.variance(one)[0] == Approx(1.0).epsilon(0.03));
  Eigen::VectorXd unit = Eigen::VectorXd::Zero(field.precision().rows());
  unit[field.nodes().of_point[middle]] = 1.0;
  const operators::SparseFactor factor(field.precision());
  const Eigen::VectorXd covariance = factor.solve(unit);
  for (const int r : {3, 6, 12, 20}) {
    const double x = std::sqrt(8.0) / range * r;
    const double expected = x * std::cyl_bessel_k(1.0, x);
    INFO("distance " << r);
    CHECK(covariance[field.nodes().of_point[middle + static_cast<std::size_t>(r)]] ==
          Approx(expected).margin(0.02));
    CHECK(covariance[field.nodes().of_point[middle + side * static_cast<std::size_t>(r)]] ==
          Approx(expected).margin(0.02));
  }
}

TEST_CASE("room beyond the edges keeps the variance there near that of the middle", "[prior]") {
  const auto d = domain::Domain::plane(40, 40);
  const std::vector<std::size_t> places{0, 20, 20 * 40 + 20};  // corner, edge, middle
  const prior::MaternParameters parameters{.range = 10.0, .variance = 1.0};
  const Eigen::VectorXd bare = MaternField(nodes_of(d, 0.0), parameters).variance(places);
  const Eigen::VectorXd wide = MaternField(nodes_of(d, 0.5), parameters).variance(places);
  CHECK(bare[0] > 3.0);
  CHECK(bare[1] > 1.7);
  CHECK(wide[0] == Approx(wide[2]).epsilon(0.1));
  CHECK(wide[1] == Approx(wide[2]).epsilon(0.05));
}

TEST_CASE("on the globe the variance is the same at the poles as on the equator", "[prior]") {
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (int i = 0; i < 45; ++i) latitude.push_back(-88.0 + 4.0 * i);
  for (int i = 0; i < 90; ++i) longitude.push_back(4.0 * i);
  const double range = 6000.0;
  const MaternField field(nodes_of(domain::Domain::lat_lon(latitude, longitude)), {.range = range});
  const std::vector<std::size_t> places{0, 22 * 90, 44 * 90 + 17};
  const Eigen::VectorXd variance = field.variance(places);
  // Of the sphere's own harmonics: kappa^2 sum_l (2 l + 1) / (kappa^2 + l (l + 1))^2, lengths in radii; 13
  // points to a range leave 3 % as in the plane.
  const double kappa2 = 8.0 * std::pow(domain::kEarthRadiusKm / range, 2);
  double expected = 0.0;
  for (int l = 0; l < 5000; ++l) expected += kappa2 * (2 * l + 1) / std::pow(kappa2 + l * (l + 1.0), 2);
  CHECK(variance[1] == Approx(expected).epsilon(0.03));
  CHECK(variance[0] == Approx(variance[1]).epsilon(0.03));
  CHECK(variance[2] == Approx(variance[1]).epsilon(0.03));
}

TEST_CASE("parameters that make no field are refused", "[prior]") {
  const auto nodes = nodes_of(domain::Domain::plane(4, 4));
  CHECK_THROWS_AS(MaternField(nodes, {.range = 0.0}), Error);
  CHECK_THROWS_AS(MaternField(nodes, {.range = 1.0, .variance = -1.0}), Error);
  CHECK_THROWS_AS(MaternField(nodes, {.range = 1.0, .variance = 1.0, .nugget = std::nan("")}), Error);
}
