#include "manifill/prior/taper.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <cmath>
#include <numbers>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/domain/healpix.hpp"
#include "manifill/domain/triangle_mesh.hpp"
#include "manifill/prior/sequence.hpp"
#include "unit/prior/toys.hpp"

using namespace manifill;

namespace {

Eigen::MatrixXd matrix_of(const prior::Taper& taper, std::size_t points) {
  const auto n = static_cast<Eigen::Index>(points);
  Eigen::MatrixXd out(n, n);
  for (std::size_t j = 0; j < points; ++j)
    out.col(static_cast<Eigen::Index>(j)) = taper.column(j, 0).cast<double>();
  return out;
}

/// A strip of radius one and width 0.4, bent to all of a circle but a gap of 0.2.
domain::TriangleMesh horseshoe(std::uint32_t along, std::uint32_t across) {
  domain::TriangleMesh mesh;
  for (std::uint32_t i = 0; i < along; ++i)
    for (std::uint32_t j = 0; j < across; ++j) {
      const double angle = 0.1 + (2.0 * std::numbers::pi - 0.2) * i / (along - 1.0);
      mesh.vertices.push_back({std::cos(angle), std::sin(angle), 0.4 * j / (across - 1.0)});
      if (i + 1 == along || j + 1 == across) continue;
      const std::uint32_t k = i * across + j;
      mesh.triangles.push_back({k, k + across, k + 1});
      mesh.triangles.push_back({k + 1, k + across, k + across + 1});
    }
  return mesh;
}

}  // namespace

TEST_CASE("tapers are correlations: one on the diagonal, symmetric, positive semi-definite", "[prior]") {
  const auto globe = toys::globe(10, 20);
  for (const auto& name : prior::taper_names()) {
    CAPTURE(name);
    prior::BackboneOptions options;
    options.taper = name;
    options.taper_km = 9000.0;
    const auto taper = prior::make_taper(options, globe);
    const Eigen::MatrixXd t = matrix_of(*taper, globe.size());
    CHECK((t.diagonal().array() - 1.0).abs().maxCoeff() < 1e-5);  // single precision
    CHECK((t - t.transpose()).cwiseAbs().maxCoeff() < 1e-6);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> e(t, Eigen::EigenvaluesOnly);
    CHECK(e.eigenvalues()[0] > -1e-4);
    // A part of a column is that part of it.
    CHECK((taper->column(3, 50).cast<double>() - t.col(3).tail(150)).cwiseAbs().maxCoeff() < 1e-6);
    const auto root = taper->root();
    CHECK((root.root.rowwise().norm().array() - 1.0F).abs().maxCoeff() < 1e-5F);
    const Eigen::MatrixXd back = (root.root * root.root.transpose()).cast<double>();
    CHECK((back - t).cwiseAbs().maxCoeff() < 0.02);  // what the modes left out hold
  }
}

TEST_CASE("a heat taper on the sphere is the heat kernel's series in Legendre polynomials", "[prior]") {
  const auto domain = domain::Domain::healpix(16, domain::healpix::Ordering::ring);
  prior::BackboneOptions options;
  options.taper = "heat";
  options.taper_km = 12000.0;
  const auto taper = prior::make_taper(options, domain);
  const double time =
      0.0375 * options.taper_km * options.taper_km / (domain::kEarthRadiusKm * domain::kEarthRadiusKm);
  const Eigen::VectorXf column = taper->column(700, 0);
  double unit = 0.0;
  for (unsigned l = 0; l < 40; ++l) unit += (2.0 * l + 1.0) * std::exp(-time * l * (l + 1.0));
  double worst = 0.0;
  for (std::size_t i = 0; i < domain.size(); ++i) {
    const auto& a = domain.points()[i];
    const auto& b = domain.points()[700];
    const double x = std::clamp(a[0] * b[0] + a[1] * b[1] + a[2] * b[2], -1.0, 1.0);
    double sum = 0.0;
    for (unsigned l = 0; l < 40; ++l)
      sum += (2.0 * l + 1.0) * std::exp(-time * l * (l + 1.0)) * std::legendre(l, x);
    worst = std::max(worst, std::abs(column[static_cast<Eigen::Index>(i)] - sum / unit));
  }
  // Eigenvalues of a neighbour graph of 3,072 points are off by some per cent.
  CHECK(worst < 0.03);
}

TEST_CASE("a heat taper keeps apart what is near in space and far along the surface", "[prior]") {
  // A strip bent to a horseshoe: its ends face each other over a gap.
  const auto domain = domain::Domain::surface(horseshoe(60, 5));
  prior::BackboneOptions options;
  options.taper_km = 1.5;
  options.taper = "chordal";
  const std::size_t last = domain.size() - 3;
  REQUIRE(domain.chord(2, last) < 0.4);
  CHECK(prior::make_taper(options, domain)->column(2, 0)[static_cast<Eigen::Index>(last)] > 0.8F);
  options.taper = "heat";
  CHECK(std::abs(prior::make_taper(options, domain)->column(2, 0)[static_cast<Eigen::Index>(last)]) < 0.01F);
}

TEST_CASE("a sequence under a heat taper has the variances and covariances of its backbone", "[prior]") {
  const auto domain = toys::globe(6, 10);
  const Eigen::MatrixXd c = toys::covariance_by_distance(domain, 4000.0, 0.01);
  const Eigen::MatrixXd x = c.llt().matrixL() * toys::normals(c.rows(), 40, 3);
  prior::TrainingFields f{.domain = domain, .step = prior::StepKind::none, .values = x.cast<float>()};
  for (Eigen::Index t = 0; t < x.cols(); ++t) {
    f.index.push_back(t);
    f.season.push_back(0.0);
  }
  const auto backbone = prior::Backbone::fit(std::move(f), {.mean_harmonics = 0,
                                                            .scale_harmonics = 0,
                                                            .taper = "heat",
                                                            .taper_km = 9000.0,
                                                            .residual_floor = 1e-6});
  constexpr std::uint32_t kMembers = 4000;
  prior::PriorSequence sequence(backbone, 5, 0, kMembers);
  const Eigen::MatrixXd draws = sequence.fields(7, 0.0);
  const Eigen::MatrixXd sampled = draws * draws.transpose() / static_cast<double>(kMembers);
  const auto wanted = backbone.window_covariance(0);
  double worst = 0.0;
  for (Eigen::Index i = 0; i < sampled.rows(); ++i)
    for (Eigen::Index j = 0; j < sampled.rows(); ++j)
      worst = std::max(
          worst, std::abs(sampled(i, j) - (*wanted)(i, j)) / std::sqrt((*wanted)(i, i) * (*wanted)(j, j)));
  // Sampling error of a correlation of 4,000 draws is at most sqrt(2 / 4000) = 0.022; the largest of 3,600.
  CHECK(worst < 0.1);
}

TEST_CASE("tapers that cannot be are refused", "[prior]") {
  const auto globe = toys::globe(5, 10);
  prior::BackboneOptions options;
  options.taper = "heat";
  CHECK_THROWS_AS(prior::make_taper(options, globe), Error);
  options.taper_km = 5000.0;
  options.second_taper_share = 0.2;
  CHECK_THROWS_AS(prior::make_taper(options, globe), Error);
  options.taper = "none";
  CHECK_THROWS_WITH(prior::make_taper(options, globe), Catch::Contains("none"));
}
