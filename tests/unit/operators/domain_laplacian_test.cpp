#include "manifill/operators/domain_laplacian.hpp"

#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/domain/sphere.hpp"

using namespace manifill;
using operators::domain_laplacian;
using operators::DomainLaplacian;

namespace {

std::vector<double> evenly(double first, double step, std::size_t count) {
  std::vector<double> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(first + step * static_cast<double>(i));
  return out;
}

constexpr double kSphere = 4.0 * std::numbers::pi * domain::kEarthRadiusKm * domain::kEarthRadiusKm;

/// Dirichlet energy over squared norm, in 1 / radius^2, of a function of the unit vector; points of a domain
/// are all its nodes but perhaps the two poles.
double quotient(const domain::Domain& d, const DomainLaplacian& l,
                double (*f)(const std::array<double, 3>&)) {
  Eigen::VectorXd x(l.laplacian.size());
  x.setConstant(std::nan(""));
  for (std::size_t i = 0; i < d.size(); ++i) x[l.of_point[i]] = f(d.points()[i]);
  double pole = d.kind() == domain::DomainKind::lat_lon && d.lat_lon().latitude.front() < 0.0 ? -1.0 : 1.0;
  for (double& v : x) {
    if (!std::isnan(v)) continue;
    v = f({0.0, 0.0, pole});
    pole = -pole;
  }
  const double r2 = domain::kEarthRadiusKm * domain::kEarthRadiusKm;
  return r2 * x.dot(l.laplacian.stiffness * x) / x.dot(l.laplacian.times_mass(x).col(0));
}

double degree_one(const std::array<double, 3>& p) { return p[2] + 0.5 * p[0]; }
double degree_two(const std::array<double, 3>& p) { return p[0] * p[1] + p[2] * p[0]; }
double degree_three(const std::array<double, 3>& p) { return p[2] * (5.0 * p[2] * p[2] - 3.0); }

/// The real part of (x + i y)^16, 16 waves round the equator.
double degree_sixteen(const std::array<double, 3>& p) {
  return std::pow(std::complex<double>(p[0], p[1]), 16).real();
}

void check_sphere(const domain::Domain& d, Eigen::Index nodes, double tolerance) {
  const auto l = domain_laplacian(d);
  CHECK(l.laplacian.size() == nodes);
  CHECK(l.of_point.size() == d.size());
  CHECK(l.laplacian.mass.sum() == Approx(kSphere).epsilon(tolerance));
  CHECK((l.laplacian.stiffness * Eigen::VectorXd::Ones(nodes)).cwiseAbs().maxCoeff() < 1e-9);
  CHECK(quotient(d, l, degree_one) == Approx(2.0).epsilon(tolerance));
  CHECK(quotient(d, l, degree_two) == Approx(6.0).epsilon(tolerance));
  CHECK(quotient(d, l, degree_three) == Approx(12.0).epsilon(tolerance));
}

}  // namespace

TEST_CASE("global grids close at the poles", "[operators]") {
  // Chords and flat triangles are short by (step / 2)^2 / 6 and the like: 5 degrees leave less than a
  // percent.
  check_sphere(domain::Domain::lat_lon(evenly(-87.5, 5.0, 36), evenly(0.0, 5.0, 72)), 36 * 72 + 2, 0.01);
  check_sphere(domain::Domain::lat_lon(evenly(87.5, -5.0, 36), evenly(0.0, 5.0, 72)), 36 * 72 + 2, 0.01);
  check_sphere(domain::Domain::lat_lon(evenly(-90.0, 5.0, 37), evenly(-180.0, 5.0, 72)), 35 * 72 + 2, 0.01);
}

TEST_CASE("lists of cells are joined by triangles", "[operators]") {
  // Of second order: a degree l in steps h is short by (l h)^2 / 12 or so, pixels of 3.7 degrees.
  const auto pixels = domain::Domain::healpix(16, domain::healpix::Ordering::ring);
  check_sphere(pixels, 3072, 0.01);
  // Six pixels to a wave: 272 less (16 h)^2 / 12 or so, 9 % at most. A graph of heat-kernel weights stops.
  const double wave = quotient(pixels, domain_laplacian(pixels), degree_sixteen);
  CHECK(wave > 0.91 * 272.0);
  CHECK(wave < 272.0);
  const DomainLaplacian graph{.laplacian = operators::point_laplacian(pixels.points(), pixels.weights()),
                              .of_point = domain_laplacian(pixels).of_point};
  constexpr double kUnit = domain::kEarthRadiusKm * domain::kEarthRadiusKm;  // chords are of the unit sphere
  CHECK(quotient(pixels, graph, degree_sixteen) / kUnit < 0.8 * 272.0);
  const auto mesh = domain::icosphere(12);
  domain::CellGrid grid;
  for (const auto& t : mesh.triangles) {
    std::array<double, 3> p{};
    for (const auto corner : t)
      for (std::size_t c = 0; c < 3; ++c) p[c] += mesh.vertices[corner][c];
    grid.latitude.push_back(std::atan2(p[2], std::hypot(p[0], p[1])) * 180.0 / std::numbers::pi);
    grid.longitude.push_back(std::atan2(p[1], p[0]) * 180.0 / std::numbers::pi);
    const auto &a = mesh.vertices[t[0]], &b = mesh.vertices[t[1]], &c = mesh.vertices[t[2]];
    grid.area.push_back(domain::spherical_triangle_area(a, b, c));
  }
  check_sphere(domain::Domain::cells(grid), 2880, 0.02);
}

TEST_CASE("cells that lie in no triangle are joined to near ones", "[operators]") {
  domain::CellGrid row;
  for (int j = 0; j < 40; ++j) {
    row.latitude.push_back(0.01 * (j % 2));
    row.longitude.push_back(j);
  }
  const auto l = domain_laplacian(domain::Domain::cells(row));
  CHECK(l.laplacian.size() == 40);
  CHECK(operators::connected_parts(l.laplacian.stiffness).back() == 0);
}

TEST_CASE("a surface has its own Laplacian", "[operators]") {
  const auto mesh = domain::icosphere(4);
  const auto l = domain_laplacian(domain::Domain::surface(mesh));
  const auto own = operators::cotangent_laplacian(mesh);
  CHECK((l.laplacian.stiffness - own.stiffness).norm() == 0.0);
  CHECK(l.of_point.back() == 161);
}

TEST_CASE("a region goes on beyond its edges and is the same within", "[operators]") {
  const auto domains = {domain::Domain::lat_lon(evenly(30.0, 1.0, 12), evenly(350.0, 1.5, 15)),
                        domain::Domain::plane(12, 15)};
  for (const auto& d : domains) {
    const auto bare = domain_laplacian(d, 0.0);
    const auto wide = domain_laplacian(d, 0.5);
    CHECK(bare.laplacian.size() == 12 * 15);
    CHECK(wide.laplacian.size() > 2 * bare.laplacian.size());
    CHECK(wide.laplacian.mass.sum() > 3.0 * bare.laplacian.mass.sum());
    double worst = 0.0;
    for (std::size_t r = 1; r + 1 < 12; ++r)
      for (std::size_t c = 1; c + 1 < 15; ++c) {
        const std::size_t i = r * 15 + c;
        worst = std::max(
            worst,
            std::abs(bare.laplacian.mass[bare.of_point[i]] / wide.laplacian.mass[wide.of_point[i]] - 1.0));
        for (std::size_t j = 0; j < d.size(); ++j)
          worst =
              std::max(worst, std::abs(bare.laplacian.stiffness.coeff(bare.of_point[i], bare.of_point[j]) -
                                       wide.laplacian.stiffness.coeff(wide.of_point[i], wide.of_point[j])));
      }
    CHECK(worst < 1e-9);
  }
}

TEST_CASE("a band that goes all round is extended towards the poles alone", "[operators]") {
  const auto d = domain::Domain::lat_lon(evenly(-30.0, 3.0, 21), evenly(0.0, 3.0, 120));
  const auto l = domain_laplacian(d, 0.5);
  CHECK(l.laplacian.size() % 120 == 0);
  CHECK(l.laplacian.size() > 21 * 120);
  CHECK(l.laplacian.mass.sum() < kSphere);
}

TEST_CASE("a curvilinear grid is a sheet of its points", "[operators]") {
  // The lat-lon region above, written as a curvilinear one.
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (int r = 0; r < 12; ++r)
    for (int c = 0; c < 15; ++c) {
      latitude.push_back(30.0 + r);
      longitude.push_back(350.0 + 1.5 * c);
    }
  const auto curved = domain_laplacian(domain::Domain::curvilinear(latitude, longitude, 15, false), 0.0);
  const auto straight =
      domain_laplacian(domain::Domain::lat_lon(evenly(30.0, 1.0, 12), evenly(350.0, 1.5, 15)), 0.0);
  CHECK((curved.laplacian.stiffness - straight.laplacian.stiffness).norm() < 1e-9);
  CHECK(domain_laplacian(domain::Domain::curvilinear(latitude, longitude, 15, false)).laplacian.size() > 300);
}

TEST_CASE("a single row has no Laplacian", "[operators]") {
  CHECK_THROWS_WITH(domain_laplacian(domain::Domain::plane(1, 9)), Catch::Contains("one row or column"));
}
