#include "manifill/verification/texture.hpp"

#include <cmath>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"

using namespace manifill;
using namespace manifill::verification;

namespace {

domain::Domain grid(std::size_t rows, std::size_t columns, double width) {
  std::vector<double> latitude(rows);
  std::vector<double> longitude(columns);
  const double height = width > 359.0 ? 180.0 : width;
  for (std::size_t i = 0; i < rows; ++i)
    latitude[i] = 0.5 * height * (1.0 - (2.0 * static_cast<double>(i) + 1.0) / static_cast<double>(rows));
  for (std::size_t j = 0; j < columns; ++j)
    longitude[j] = width * static_cast<double>(j) / static_cast<double>(columns);
  return domain::Domain::lat_lon(latitude, longitude);
}

}  // namespace

TEST_CASE("powers of a row sum to its mean square, periodic or not, even or odd", "[verification]") {
  RandomStream random({.seed = 1});
  for (const std::size_t columns : {12U, 9U})
    for (const double width : {360.0, 60.0}) {
      const auto d = grid(5, columns, width);
      Eigen::MatrixXd x(static_cast<Eigen::Index>(d.size()), 3);
      random.fill_normal(std::span<double>(x.data(), static_cast<std::size_t>(x.size())));
      const RowSpectrum spectrum(d);
      CHECK(spectrum.wavenumbers() == static_cast<Eigen::Index>(width > 359.0 ? columns / 2 + 1 : columns));
      const Eigen::VectorXd w = Eigen::Map<const Eigen::VectorXd>(d.weights().data(), x.rows());
      const double square = (x.cwiseAbs2().transpose() * w).mean();
      CHECK(spectrum.power(x, std::vector<bool>(5, true)).sum() == Approx(square));
    }
}

TEST_CASE("a wave has its power at its wavenumber", "[verification]") {
  const auto d = grid(4, 16, 360.0);
  Eigen::VectorXd x(64);
  for (Eigen::Index i = 0; i < 4; ++i)
    for (Eigen::Index j = 0; j < 16; ++j)
      x[16 * i + j] = 1.0 + 2.0 * std::cos(2.0 * M_PI * 3.0 * static_cast<double>(j) / 16.0 + 0.7) +
                      (j % 2 == 0 ? 0.5 : -0.5);
  const RowSpectrum spectrum(d);
  Eigen::VectorXd expected = Eigen::VectorXd::Zero(9);
  expected[0] = 1.0;
  expected[3] = 2.0;  // half the squared amplitude
  expected[8] = 0.25;
  CHECK((spectrum.power(x, std::vector<bool>(4, true)) - expected).cwiseAbs().maxCoeff() < 1e-12);

  // Rows that are not wanted are not looked at.
  x.head(16).setConstant(std::nan(""));
  CHECK((spectrum.power(x, {false, true, true, true}) - expected).cwiseAbs().maxCoeff() < 1e-12);
  CHECK(spectrum.power(x, std::vector<bool>(4, false)).isZero());
  CHECK_THROWS_AS(spectrum.power(x, std::vector<bool>(3, true)), Error);
}

TEST_CASE("rows count by area", "[verification]") {
  const auto d = domain::Domain::lat_lon({60.0, 0.0, -60.0}, {0.0, 90.0, 180.0, 270.0});
  Eigen::VectorXd x = Eigen::VectorXd::Zero(12);
  x.segment(4, 4).setConstant(2.0);
  double equator = 0.0;
  for (std::size_t j = 4; j < 8; ++j) equator += d.weights()[j];
  CHECK(RowSpectrum(d).power(x, std::vector<bool>(3, true))[0] == Approx(4.0 * equator));
}

TEST_CASE("a trend across a regional row leaks little to short waves", "[verification]") {
  const auto d = grid(2, 32, 40.0);
  Eigen::VectorXd x(64);
  for (Eigen::Index i = 0; i < 64; ++i) x[i] = static_cast<double>(i % 32);
  const auto power = RowSpectrum(d).power(x, {true, true});
  CHECK(power.tail(16).sum() < 1e-3 * power.tail(31).sum());
}

TEST_CASE("the gradient of a linear function of latitude is known", "[verification]") {
  // Points of one meridian and rows apart by 5 degrees: 0.1 a degree along, nothing across.
  const auto d = grid(8, 8, 40.0);
  Eigen::MatrixXd x(64, 2);
  for (Eigen::Index i = 0; i < 64; ++i)
    x.row(i).setConstant(0.1 * d.lat_lon().latitude[static_cast<std::size_t>(i / 8)]);
  const Eigen::VectorXd one = Eigen::VectorXd::Ones(64);
  const double along = 0.1 / (M_PI / 180.0 * domain::kEarthRadiusKm) * 1000.0;
  CHECK(mean_absolute_gradient(d, x, one) == Approx(0.5 * along));  // as many edges along as across
  CHECK(mean_absolute_gradient(d, -2.0 * x, one) == Approx(along));

  Eigen::VectorXd column = Eigen::VectorXd::Zero(64);
  for (Eigen::Index i = 0; i < 64; i += 8) column[i] = 1.0;
  Eigen::MatrixXd gaps = x;
  gaps.col(0).setConstant(std::nan(""));
  for (Eigen::Index i = 0; i < 64; i += 8) gaps(i, 0) = x(i, 0);
  CHECK(mean_absolute_gradient(d, gaps, column) == Approx(along));
  CHECK(std::isnan(mean_absolute_gradient(d, x, Eigen::VectorXd::Zero(64))));
}

TEST_CASE("points that coincide at a pole have no gradient", "[verification]") {
  const auto d = domain::Domain::lat_lon({90.0, 0.0, -90.0}, {0.0, 90.0, 180.0, 270.0});
  Eigen::VectorXd x(12);
  for (Eigen::Index i = 0; i < 12; ++i) x[i] = static_cast<double>(i);
  CHECK(std::isfinite(mean_absolute_gradient(d, x, Eigen::VectorXd::Ones(12))));
}
