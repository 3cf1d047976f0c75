#include "manifill/operators/harmonic_fields.hpp"

#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "random_numbers.hpp"

using namespace manifill;
using namespace manifill::operators;
using manifill::test::dot;
using manifill::test::random_numbers;

namespace {

double worst(const std::vector<double>& a, const std::vector<double>& b) {
  double w = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) w = std::max(w, std::abs(a[i] - b[i]));
  return w;
}

/// Value of a field at one point: a ring of one point.
double value_at(const std::vector<double>& c, std::int64_t lmax, double theta, double lambda) {
  RingGrid g{.points = 1};
  g.rings.push_back({.colatitude = theta, .first_longitude = lambda, .count = 1, .weight = 1.0});
  return SphericalHarmonics(g, lmax).synthesis(c)[0];
}

VectorCoefficients random_vectors(std::int64_t lmax, unsigned seed) {
  VectorCoefficients v{random_numbers(coefficient_count(lmax), seed),
                       random_numbers(coefficient_count(lmax), seed + 1)};
  v.divergent[0] = v.rotational[0] = 0.0;
  return v;
}

}  // namespace

TEST_CASE("a rotated field has the values of the field at the points turned back", "[operators]") {
  constexpr std::int64_t lmax = 12;
  const auto c = random_numbers(coefficient_count(lmax), 4);
  std::mt19937 generator(9);
  std::uniform_real_distribution<double> angle(-4.0, 4.0);
  for (int trial = 0; trial < 6; ++trial) {
    // Turns about the axes alone, where half the recurrence vanishes, among them.
    const double alpha = trial == 1 ? 0.0 : angle(generator);
    const double beta = trial == 0 ? 0.0 : trial == 2 ? std::numbers::pi : angle(generator);
    const double gamma = trial == 1 ? 0.0 : angle(generator);
    CAPTURE(alpha, beta, gamma);
    const auto turned = rotate(c, lmax, alpha, beta, gamma);
    const auto r = rotation_matrix(alpha, beta, gamma);
    for (const auto& [theta, lambda] : {std::pair{0.4, 1.0}, std::pair{1.6, -2.0}, std::pair{2.9, 0.1}}) {
      const std::array<double, 3> x{std::sin(theta) * std::cos(lambda), std::sin(theta) * std::sin(lambda),
                                    std::cos(theta)};
      std::array<double, 3> back{};
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 3; ++j) back[i] += r[j][i] * x[j];
      CHECK(value_at(turned, lmax, theta, lambda) ==
            Approx(value_at(c, lmax, std::acos(back[2]), std::atan2(back[1], back[0]))).margin(1e-12));
    }
  }
}

TEST_CASE("rotations keep the spectrum, and turn back", "[operators]") {
  for (const std::int64_t lmax : {5, 100}) {
    const auto c = random_numbers(coefficient_count(lmax), 8);
    const auto turned = rotate(c, lmax, 0.3, 1.1, -2.0);
    const auto a = power_spectrum(c, lmax);
    const auto b = power_spectrum(turned, lmax);
    CHECK(worst(a, b) < 1e-12);
    CHECK(worst(rotate(turned, lmax, 2.0, -1.1, -0.3), c) < 1e-11);
  }
}

TEST_CASE("Laplacian, its inverse and spectra of one harmonic", "[operators]") {
  std::vector<double> c(coefficient_count(6), 0.0);
  c[coefficient_index(6, 4, -3)] = 2.0;
  CHECK(laplacian(c, 6)[coefficient_index(6, 4, -3)] == Approx(-40.0));
  CHECK(worst(inverse_laplacian(laplacian(c, 6), 6), c) < 1e-15);
  const auto spectrum = power_spectrum(c, 6);
  for (std::size_t l = 0; l < 7; ++l) CHECK(spectrum[l] == Approx(l == 4 ? 4.0 / 9.0 : 0.0));
  CHECK_THROWS_AS(laplacian(c, 5), Error);
}

TEST_CASE("a gradient is that of finite differences", "[operators]") {
  constexpr std::int64_t lmax = 9;
  auto c = random_numbers(coefficient_count(lmax), 14);
  const auto g = RingGrid::clenshaw_curtis(2 * lmax + 3, 24);
  const auto u = VectorHarmonics(g, lmax).synthesis(gradient(c, lmax));
  constexpr double h = 1e-5;
  for (const std::size_t ring : {std::size_t{0}, std::size_t{4}, std::size_t{13}, g.rings.size() - 1}) {
    const Ring& r = g.rings[ring];
    for (const std::size_t j : {std::size_t{0}, std::size_t{7}}) {
      const double lambda = 2.0 * std::numbers::pi * static_cast<double>(j) / 24.0;
      // Steps along unit vectors: at a pole east and north are those of the point's own longitude.
      const std::array<double, 3> x{std::sin(r.colatitude) * std::cos(lambda),
                                    std::sin(r.colatitude) * std::sin(lambda), std::cos(r.colatitude)};
      const std::array<double, 3> east{-std::sin(lambda), std::cos(lambda), 0.0};
      const std::array<double, 3> north{-std::cos(r.colatitude) * std::cos(lambda),
                                        -std::cos(r.colatitude) * std::sin(lambda), std::sin(r.colatitude)};
      const auto slope = [&](const std::array<double, 3>& e) {
        const auto at = [&](double s) {
          std::array<double, 3> y{};
          for (std::size_t i = 0; i < 3; ++i) y[i] = std::cos(s) * x[i] + std::sin(s) * e[i];
          return value_at(c, lmax, std::atan2(std::hypot(y[0], y[1]), y[2]), std::atan2(y[1], y[0]));
        };
        return (at(h) - at(-h)) / (2.0 * h);
      };
      // Differences of second order: third derivatives of up to lmax^3 times h^2 and the rounding over h.
      CHECK(u.east[r.offset + j] == Approx(slope(east)).margin(1e-6));
      CHECK(u.north[r.offset + j] == Approx(slope(north)).margin(1e-6));
    }
  }
}

TEST_CASE("divergence of a gradient is the Laplacian; its curl, and a rotation's divergence, vanish",
          "[operators]") {
  constexpr std::int64_t lmax = 20;
  auto c = random_numbers(coefficient_count(lmax), 2);
  CHECK(worst(divergence(gradient(c, lmax), lmax), laplacian(c, lmax)) < 1e-11);
  CHECK(dot(curl(gradient(c, lmax), lmax), c) == 0.0);
}

TEST_CASE("vector analysis undoes synthesis, on grids with and without poles", "[operators]") {
  for (const std::int64_t lmax : {1, 2, 15, 64}) {
    const auto n = static_cast<std::size_t>(lmax);
    const auto v = random_vectors(lmax, 31);
    for (const auto& g :
         {RingGrid::gauss_legendre(n + 1, 2 * n + 1), RingGrid::clenshaw_curtis(2 * n + 1, 2 * n + 2),
          RingGrid::fejer(2 * n + 1, 2 * n + 1)}) {
      const VectorHarmonics transform(g, lmax);
      const auto back = transform.analysis(transform.synthesis(v));
      CHECK(worst(back.divergent, v.divergent) < 1e-12);
      CHECK(worst(back.rotational, v.rotational) < 1e-12);
    }
    const VectorHarmonics transform(RingGrid::healpix(n + 1), lmax);
    const auto back = transform.analysis(transform.synthesis(v), 8);
    CHECK(worst(back.divergent, v.divergent) < 1e-5);  // what eight iterations leave
  }
}

TEST_CASE("vector adjoints", "[operators]") {
  constexpr std::int64_t lmax = 18;
  for (const auto& g :
       {RingGrid::gauss_legendre(19, 37), RingGrid::clenshaw_curtis(21, 40), RingGrid::healpix(6)}) {
    const VectorHarmonics transform(g, lmax);
    const auto v = random_vectors(lmax, 5);
    const TangentField u{random_numbers(g.points, 6), random_numbers(g.points, 7)};
    const auto forward = transform.synthesis(v);
    const auto backward = transform.synthesis_adj(u);
    const double size = std::sqrt((dot(v.divergent, v.divergent) + dot(v.rotational, v.rotational)) *
                                  (dot(u.east, u.east) + dot(u.north, u.north)));
    CHECK(std::abs(dot(forward.east, u.east) + dot(forward.north, u.north) -
                   dot(backward.divergent, v.divergent) - dot(backward.rotational, v.rotational)) <
          1e-13 * size);
    const auto weighted = transform.analysis_adj(v);
    const auto analysed = transform.analysis(u);
    CHECK(std::abs(dot(weighted.east, u.east) + dot(weighted.north, u.north) -
                   dot(analysed.divergent, v.divergent) - dot(analysed.rotational, v.rotational)) <
          1e-13 * size);
  }
}
