#include "manifill/measurement/truncate.hpp"

#include <Eigen/SVD>

#include "manifill/operators/ring_grid.hpp"
#include "manifill/operators/spherical_harmonics.hpp"
#include "tests/unit/measurement/operator_checks.hpp"

using namespace manifill;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("truncation keeps what lies below the degree and removes what lies above") {
  const auto d = operators::named_grid("F12");
  constexpr std::int64_t lmax = 20;
  const operators::SphericalHarmonics sht(operators::RingGrid::of(d), lmax);
  const Eigen::VectorXd random =
      checks::normals(static_cast<Eigen::Index>(operators::coefficient_count(lmax)), 1, 9).col(0);
  const std::vector<double> c(random.begin(), random.end());
  const auto low = operators::change_degree(operators::change_degree(c, lmax, 6), 6, lmax);
  const auto field = [&](const std::vector<double>& coefficients) {
    const auto f = sht.synthesis(coefficients);
    return Eigen::VectorXd(Eigen::Map<const Eigen::VectorXd>(f.data(), static_cast<Eigen::Index>(f.size())));
  };
  const auto a = measurement::truncate(d, 6);
  CHECK((a->apply(field(c)) - field(low)).cwiseAbs().maxCoeff() < 1e-11);
  CHECK((a->apply(a->apply(field(c))) - a->apply(field(c))).cwiseAbs().maxCoeff() < 1e-11);  // a projection
}

TEST_CASE("truncation is its own adjoint in the inner product of areas, and its rank that of the harmonics") {
  const auto d = operators::named_grid("F6");
  const auto a = measurement::truncate(d, 3);
  checks::adjoint_and_matrix(*a);
  checks::keeps_constants(*a);
  const auto quadrature = operators::RingGrid::of(d).weights();
  const Eigen::Map<const Eigen::VectorXd> w(quadrature.data(), static_cast<Eigen::Index>(quadrature.size()));
  const Eigen::MatrixXd wa = w.asDiagonal() * Eigen::MatrixXd(a->matrix());
  // The areas of cells, which the mean is taken by, are Gauss' weights to their second order only.
  CHECK((wa - wa.transpose()).cwiseAbs().maxCoeff() < 5e-3 * wa.cwiseAbs().maxCoeff());
  const Eigen::VectorXd values = Eigen::MatrixXd(a->matrix()).jacobiSvd().singularValues();
  CHECK(values[15] > 0.9);
  CHECK(values[16] < 1e-12);
  checks::adjoint_and_matrix(
      *measurement::truncate(domain::Domain::healpix(4, domain::healpix::Ordering::nested), 5));
}

TEST_CASE("truncation refuses degrees beyond the grid, and grids without rings") {
  CHECK_THAT(
      checks::refusal(ErrorKind::usage, [] { checks::made({"truncate"}, operators::named_grid("F6")); }),
      ContainsSubstring("truncate.degree"));
  CHECK_THAT(checks::refusal(
                 ErrorKind::usage,
                 [] { checks::made({"truncate"}, operators::named_grid("F6"), {"truncate.degree=12"}); }),
             ContainsSubstring("at most 11"));
  CHECK_THAT(
      checks::refusal(ErrorKind::input,
                      [] { checks::made({"truncate"}, domain::Domain::plane(4, 4), {"truncate.degree=2"}); }),
      ContainsSubstring("no spherical harmonic transform"));
}
