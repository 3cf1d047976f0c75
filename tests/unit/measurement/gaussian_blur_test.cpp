#include "manifill/measurement/gaussian_blur.hpp"

#include <numbers>

#include "manifill/operators/harmonic_fields.hpp"
#include "manifill/operators/ring_grid.hpp"
#include "tests/unit/measurement/operator_checks.hpp"

using namespace manifill;
using Catch::Matchers::ContainsSubstring;

namespace {

/// A field of few harmonics on a grid of rings, and its coefficients' place.
Eigen::VectorXd harmonic(const domain::Domain& d, std::int64_t lmax, std::int64_t l, std::int64_t m) {
  const operators::SphericalHarmonics sht(operators::RingGrid::of(d), lmax);
  std::vector<double> c(operators::coefficient_count(lmax), 0.0);
  c[operators::coefficient_index(lmax, l, m)] = 1.0;
  const auto f = sht.synthesis(c);
  return Eigen::Map<const Eigen::VectorXd>(f.data(), static_cast<Eigen::Index>(f.size()));
}

double gain(double l, double width) {
  return std::exp(-0.5 * l * (l + 1.0) * std::pow(width / domain::kEarthRadiusKm, 2));
}

domain::Domain ball() {
  auto mesh = domain::icosphere(10);
  for (auto& v : mesh.vertices)
    for (double& x : v) x *= 3.0;
  return domain::Domain::surface(mesh);
}

}  // namespace

TEST_CASE("blur of an image is the sampled Gaussian along rows and columns") {
  const auto image = domain::Domain::plane(9, 12);
  for (const std::string edges : {"reflect", "nearest", "wrap"}) {
    CAPTURE(edges);
    const auto blur = measurement::gaussian_blur(image, {.width = 1.3, .edges = edges});
    checks::adjoint_and_matrix(*blur);
    checks::keeps_constants(*blur);
    // By the definition, pixel by pixel: weights exp(-(i^2 + j^2) / 2 s^2) up to four widths, folded at the
    // edges.
    const Eigen::VectorXd x = checks::normals(108, 1, 3).col(0);
    const auto at = [&](int i, int n) {
      if (edges == "nearest") return std::clamp(i, 0, n - 1);
      if (edges == "wrap") return (i % n + n) % n;
      while (i < 0 || i >= n) i = i < 0 ? -1 - i : 2 * n - 1 - i;
      return i;
    };
    const Eigen::VectorXd y = blur->apply(x).col(0);
    double worst = 0.0;
    for (int r = 0; r < 9; ++r)
      for (int c = 0; c < 12; ++c) {
        double sum = 0.0;
        double total = 0.0;
        for (int i = -6; i <= 6; ++i)
          for (int j = -6; j <= 6; ++j) {
            const double w = std::exp(-0.5 * (i * i + j * j) / (1.3 * 1.3));
            sum += w * x[at(r + i, 9) * 12 + at(c + j, 12)];
            total += w;
          }
        worst = std::max(worst, std::abs(y[r * 12 + c] - sum / total));
      }
    CHECK(worst < 1e-14);
  }
}

TEST_CASE("blur on rings damps every degree as the heat kernel does") {
  const double width = 1500.0;
  for (const auto& d :
       {operators::named_grid("F16"), operators::named_grid("r64x33"), operators::named_grid("O16"),
        domain::Domain::healpix(16, domain::healpix::Ordering::nested)}) {
    INFO(d.describe());
    const auto blur = measurement::gaussian_blur(d, {.width = width, .by = "harmonics"});
    checks::keeps_constants(*blur);
    const bool exact = d.kind() == domain::DomainKind::lat_lon;
    for (const auto& [l, m] : {std::pair{1, 0}, std::pair{3, -2}, std::pair{7, 5}}) {
      const Eigen::VectorXd x = harmonic(d, 8, l, m);
      const double error = (blur->apply(x) - gain(l, width) * x).cwiseAbs().maxCoeff();
      // Quadrature is exact on rings of one length; elsewhere three iterations of the analysis leave this.
      CHECK(error < (exact ? 1e-12 : 1e-5));
    }
  }
  const auto blur = measurement::gaussian_blur(operators::named_grid("F8"), {.width = 2500.0});
  checks::adjoint_and_matrix(*blur);
  checks::adjoint_and_matrix(*measurement::gaussian_blur(
      domain::Domain::healpix(4, domain::healpix::Ordering::ring), {.width = 2500.0, .by = "harmonics"}));
}

TEST_CASE("blur by harmonics commutes with rotations of the sphere") {
  constexpr std::int64_t lmax = 10;
  const auto d = operators::named_grid("F16");
  const operators::SphericalHarmonics sht(operators::RingGrid::of(d), lmax);
  const Eigen::VectorXd random =
      checks::normals(static_cast<Eigen::Index>(operators::coefficient_count(lmax)), 1, 5).col(0);
  const std::vector<double> c(random.begin(), random.end());
  const auto rotated = operators::rotate(c, lmax, 0.3, 1.1, -0.7);
  const auto field = [&](const std::vector<double>& coefficients) {
    const auto f = sht.synthesis(coefficients);
    return Eigen::VectorXd(Eigen::Map<const Eigen::VectorXd>(f.data(), static_cast<Eigen::Index>(f.size())));
  };
  const auto blur = measurement::gaussian_blur(d, {.width = 1800.0});
  const Eigen::VectorXd y = blur->apply(field(c)).col(0);
  const auto blurred = sht.analysis(std::vector<double>(y.begin(), y.end()));
  const Eigen::VectorXd first = field(operators::rotate(blurred, lmax, 0.3, 1.1, -0.7));
  const Eigen::VectorXd second = blur->apply(field(rotated)).col(0);
  CHECK((first - second).cwiseAbs().maxCoeff() < 1e-11);
}

TEST_CASE("blur by the Laplacian damps coordinates as the heat kernel does, on any domain") {
  // A coordinate is a harmonic of degree one: exp(-s^2) of it is left. Linear elements are second order.
  double last = 0.0;
  for (const double step : {10.0, 5.0}) {
    const auto d = checks::globe(step, false);
    const auto blur = measurement::gaussian_blur(d, {.width = 2000.0, .by = "laplacian"});
    checks::keeps_constants(*blur);
    double worst = 0.0;
    for (const std::size_t axis : {0, 1, 2}) {
      const Eigen::VectorXd x = checks::coordinate(d, axis);
      worst = std::max(worst, (blur->apply(x) - gain(1.0, 2000.0) * x).cwiseAbs().maxCoeff());
    }
    CHECK(worst < (step == 10.0 ? 6e-3 : 2e-3));
    if (last > 0.0) CHECK(worst < 0.4 * last);
    last = worst;
  }
  const auto pixels = domain::Domain::healpix(8, domain::healpix::Ordering::ring);
  const auto blur = measurement::gaussian_blur(pixels, {.width = 2000.0, .by = "laplacian"});
  const Eigen::VectorXd z = checks::coordinate(pixels, 2);
  CHECK((blur->apply(z) - gain(1.0, 2000.0) * z).cwiseAbs().maxCoeff() < 0.01);

  // Of a ball of radius 3 in its own units: exp(-s^2) at s = 1 / 3.
  const auto surface = ball();
  const auto on_ball = measurement::gaussian_blur(surface, {.width = 1.0});
  const Eigen::VectorXd x = checks::coordinate(surface, 0);
  CHECK((on_ball->apply(x) - std::exp(-1.0 / 9.0) * x).cwiseAbs().maxCoeff() < 0.01);
}

TEST_CASE("blur by the Laplacian has an adjoint, keeps constants and the area mean") {
  const auto region = domain::Domain::lat_lon({30, 35, 40, 45, 50, 55}, {-20, -15, -10, -5, 0, 5, 10});
  const auto with_poles =
      domain::Domain::lat_lon({-90, -60, -30, 0, 30, 60, 90}, {0, 45, 90, 135, 180, 225, 270, 315});
  for (const auto& d : {region, with_poles, checks::globe(20.0), ball()}) {
    INFO(d.describe());
    const auto blur =
        measurement::gaussian_blur(d, {.width = d.spherical() ? 900.0 : 0.8, .by = "laplacian"});
    checks::adjoint_and_matrix(*blur);
    checks::keeps_constants(*blur);
    // No flux leaves: what a rough field of mean 0 gets as mean is what elements' masses and areas differ by.
    const Eigen::VectorXd x = checks::normals(blur->points(), 1, 8).col(0);
    const Eigen::VectorXd w = checks::areas(d);
    CHECK(std::abs(w.dot(blur->apply(x).col(0) - x)) < 0.1 * std::sqrt(w.dot(x.cwiseAbs2())));
  }
}

TEST_CASE("how a blur is computed follows from grid and width") {
  const auto d = operators::named_grid("F8");  // degrees up to 7
  const Eigen::VectorXd x = checks::normals(static_cast<Eigen::Index>(d.size()), 1, 4).col(0);
  const auto by = [&](double width, const std::string& how) {
    return Eigen::VectorXd(measurement::gaussian_blur(d, {.width = width, .by = how})->apply(x).col(0));
  };
  CHECK(by(3000.0, "auto") == by(3000.0, "harmonics"));  // exp(-28 s^2) = 0.002 at degree 7
  CHECK(by(1000.0, "auto") == by(1000.0, "laplacian"));
  // A narrow footprint must not lose what the grid's harmonics leave out; points crowd at the poles, areas do
  // not.
  const Eigen::VectorXd w = checks::areas(d);
  CHECK(w.dot((by(100.0, "auto") - x).cwiseAbs2()) < 0.01 * w.dot(x.cwiseAbs2()));
  CHECK(w.dot((by(100.0, "harmonics") - x).cwiseAbs2()) > 0.2 * w.dot(x.cwiseAbs2()));
}

TEST_CASE("a blur refuses what it cannot be") {
  const auto image = domain::Domain::plane(5, 5);
  CHECK_THAT(checks::refusal(ErrorKind::usage, [&] { checks::made({"gaussian_blur"}, image); }),
             ContainsSubstring("gaussian_blur.width") && ContainsSubstring("pixels"));
  CHECK_THAT(checks::refusal(ErrorKind::usage,
                             [&] { checks::made({"gaussian_blur"}, image, {"gaussian_blur.edges=mirror"}); }),
             ContainsSubstring("reflect"));
  const auto region = domain::Domain::lat_lon({30, 40, 50}, {0, 10, 20});
  CHECK_THAT(
      checks::refusal(ErrorKind::usage,
                      [&] { measurement::gaussian_blur(region, {.width = 500.0, .by = "harmonics"}); }),
      ContainsSubstring("laplacian"));
  const auto wide = measurement::gaussian_blur(domain::Domain::plane(600, 600), {.width = 30.0});
  CHECK_THAT(checks::refusal(ErrorKind::usage, [&] { static_cast<void>(wide->matrix()); }),
             ContainsSubstring("GiB") && ContainsSubstring("smaller width"));
}
