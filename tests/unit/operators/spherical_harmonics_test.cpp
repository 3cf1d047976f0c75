#include "manifill/operators/spherical_harmonics.hpp"

#include <cmath>
#include <numbers>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/operators/harmonic_fields.hpp"
#include "random_numbers.hpp"
#include "src/operators/legendre_kernels.hpp"
#include "src/operators/ring_fft.hpp"

using namespace manifill;
using namespace manifill::operators;
using manifill::test::dot;
using manifill::test::random_numbers;

namespace {

double relative_error(const std::vector<double>& a, const std::vector<double>& b) {
  double difference = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) difference += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(difference / dot(b, b));
}

/// Longitude of every point, and its colatitude.
template <typename Visit>
void each_point(const RingGrid& g, const Visit& visit) {
  for (const auto& r : g.rings)
    for (std::size_t j = 0; j < r.count; ++j) {
      const double step = 2.0 * std::numbers::pi / static_cast<double>(r.count);
      visit(r.offset + j, r.colatitude,
            r.first_longitude + (r.westward ? -step : step) * static_cast<double>(j), r);
    }
}

/// Y_lm by the library's associated Legendre functions, which have no Condon-Shortley phase either.
double harmonic(int l, int m, double theta, double lambda) {
  const int order = std::abs(m);
  const double y = std::sph_legendre(static_cast<unsigned>(l), static_cast<unsigned>(order), theta) *
                   (order % 2 == 0 ? 1.0 : -1.0);  // std::sph_legendre has the phase
  if (m == 0) return y;
  return std::numbers::sqrt2 * y * (m > 0 ? std::cos(order * lambda) : std::sin(order * lambda));
}

RingGrid mirrored(RingGrid g) {  // as a file that goes west and begins elsewhere
  for (auto& r : g.rings) {
    r.westward = true;
    r.first_longitude = 0.3;
  }
  return g;
}

std::vector<std::pair<std::string, RingGrid>> grids(std::int64_t lmax) {
  const auto n = static_cast<std::size_t>(lmax);
  std::vector<std::size_t> counts;
  for (std::size_t i = 0; i < n + 1; ++i) counts.push_back(std::min(2 * n + 2, 20 + 4 * std::min(i, n - i)));
  return {{"gauss", RingGrid::gauss_legendre(n + 1, 2 * n + 1)},
          {"gauss west", mirrored(RingGrid::gauss_legendre(n + 2, 2 * n + 6))},
          {"clenshaw-curtis", RingGrid::clenshaw_curtis(2 * n + 1, 2 * n + 2)},
          {"fejer", RingGrid::fejer(2 * n + 1, 3 * n)},
          {"healpix", RingGrid::healpix(n)},
          {"reduced", RingGrid::reduced_gaussian(counts)},
          {"too few longitudes", RingGrid::gauss_legendre(n + 1, n)}};
}

}  // namespace

TEST_CASE("coefficients lie order by order, cosines before sines", "[operators]") {
  CHECK(coefficient_count(4) == 25);
  std::vector<bool> seen(25, false);
  const auto degrees = coefficient_degrees(4);
  for (std::int64_t l = 0; l <= 4; ++l)
    for (std::int64_t m = -l; m <= l; ++m) {
      const std::size_t i = coefficient_index(4, l, m);
      REQUIRE(i < 25);
      CHECK_FALSE(seen[i]);
      seen[i] = true;
      CHECK(degrees[i] == l);
    }
  CHECK(coefficient_index(4, 1, 1) == 5);
  CHECK(coefficient_index(4, 1, -1) == 9);
  const auto c = random_numbers(25, 1);
  CHECK(change_degree(change_degree(c, 4, 9), 9, 4) == c);
}

TEST_CASE("synthesis of one coefficient is its harmonic, on every grid", "[operators]") {
  for (const auto& [name, grid] : grids(8)) {
    CAPTURE(name);
    const SphericalHarmonics sht(grid, 8);
    for (int l = 0; l <= 8; ++l)
      for (int m = -l; m <= l; ++m) {
        std::vector<double> c(sht.coefficients(), 0.0);
        c[coefficient_index(8, l, m)] = 1.0;
        const auto f = sht.synthesis(c);
        double worst = 0.0;
        each_point(grid, [&, l = l, m = m](std::size_t p, double theta, double lambda, const Ring&) {
          worst = std::max(worst, std::abs(f[p] - harmonic(l, m, theta, lambda)));
        });
        REQUIRE(worst < 1e-13);  // rounding of some twenty steps on values of order one
      }
  }
}

TEST_CASE("weights of a grid sum to the sphere's area and integrate squares of harmonics", "[operators]") {
  for (const std::size_t n : {1U, 2U, 3U, 10U, 33U}) {
    for (const auto& g : {RingGrid::gauss_legendre(n, 2 * n), RingGrid::clenshaw_curtis(n + 1, 2 * n),
                          RingGrid::fejer(n, 2 * n), RingGrid::healpix(n)}) {
      double area = 0.0;
      for (const auto& r : g.rings) area += r.weight * static_cast<double>(r.count);
      CHECK(area == Approx(4.0 * std::numbers::pi).epsilon(1e-13));
    }
  }
  const auto g = operators::gauss_legendre(5);  // Abramowitz and Stegun, table 25.4
  CHECK(std::cos(g.colatitude[0]) == Approx(0.906179845938664).epsilon(1e-14));
  CHECK(g.weight[0] == Approx(0.236926885056189).epsilon(1e-13));
  CHECK(g.weight[2] == Approx(0.568888888888889).epsilon(1e-13));
}

TEST_CASE("analysis undoes synthesis of every coefficient to 1e-12", "[operators]") {
  for (const std::int64_t lmax : {0, 1, 2, 7, 40, 127, 255}) {
    const auto n = static_cast<std::size_t>(lmax);
    for (const auto& grid :
         {RingGrid::gauss_legendre(n + 1, 2 * n + 2), RingGrid::clenshaw_curtis(2 * n + 3, 2 * n + 1),
          RingGrid::fejer(2 * n + 1, 2 * n + 1)}) {
      REQUIRE(grid.exact_degree() >= lmax);
      const SphericalHarmonics sht(grid, lmax);
      const auto c = random_numbers(3 * sht.coefficients(), 7);  // three fields
      CHECK(relative_error(sht.analysis(sht.synthesis(c)), c) < 1e-12);
    }
  }
}

TEST_CASE("degree 1023 comes back to 1e-12, and degree 2047 neither under- nor overflows", "[operators]") {
  for (const std::int64_t lmax : {1023, 2047}) {
    const auto n = static_cast<std::size_t>(lmax);
    const SphericalHarmonics sht(RingGrid::gauss_legendre(n + 1, 2 * n + 2), lmax);
    const auto c = random_numbers(sht.coefficients(), 3);
    const auto f = sht.synthesis(c);
    const double power = dot(c, c) / (4.0 * std::numbers::pi);
    double mean_square = 0.0;
    each_point(sht.grid(), [&](std::size_t p, double, double, const Ring& r) {
      mean_square += r.weight * f[p] * f[p] / (4.0 * std::numbers::pi);
    });
    CHECK(mean_square == Approx(power).epsilon(1e-12));  // Parseval
    CHECK(relative_error(sht.analysis(f), c) < 1e-12);
  }
}

TEST_CASE("adjoints of synthesis and analysis, on every grid", "[operators]") {
  for (const std::int64_t lmax : {3, 16, 60})
    for (const auto& [name, grid] : grids(lmax)) {
      CAPTURE(lmax, name);
      const SphericalHarmonics sht(grid, lmax);
      const auto c = random_numbers(11 * sht.coefficients(),
                                    11);  // of every width some fields side by side, and some left
      const auto f = random_numbers(11 * sht.points(), 12);
      const double size = std::sqrt(dot(c, c) * dot(f, f));
      CHECK(std::abs(dot(sht.synthesis(c), f) - dot(c, sht.synthesis_adj(f))) < 1e-13 * size);
      for (const int iterations : {0, 2})
        CHECK(std::abs(dot(sht.analysis(f, iterations), c) - dot(f, sht.analysis_adj(c, iterations))) <
              1e-13 * size);
    }
}

TEST_CASE("HEALPix analysis converges with its iterations", "[operators]") {
  const SphericalHarmonics sht(RingGrid::healpix(16), 24);
  const auto c = random_numbers(sht.coefficients(), 5);
  const auto f = sht.synthesis(c);
  double before = 1.0;
  for (const int iterations : {0, 1, 2, 3}) {
    const double error = relative_error(sht.analysis(f, iterations), c);
    CHECK(error < 0.2 * before);  // each iteration gains a digit or so at 1.5 nside
    before = error;
  }
  CHECK(before < 1e-4);
}

TEST_CASE("fields side by side are those one by one", "[operators]") {
  for (const std::int64_t lmax : {1, 13, 40})
    for (const auto& [name, grid] : grids(lmax)) {
      CAPTURE(lmax, name);
      const SphericalHarmonics sht(grid, lmax);
      const auto n = static_cast<std::ptrdiff_t>(sht.coefficients());
      const auto points = static_cast<std::ptrdiff_t>(sht.points());
      const auto c = random_numbers(19 * sht.coefficients(), 21);
      const auto f = random_numbers(19 * sht.points(), 22);
      for (const std::ptrdiff_t count : {2, 6, 8, 9, 19}) {
        const auto synthesis = sht.synthesis(std::vector<double>(c.begin(), c.begin() + count * n));
        const auto analysis = sht.analysis(std::vector<double>(f.begin(), f.begin() + count * points));
        for (std::ptrdiff_t i = 0; i < count; ++i) {
          const auto cut = [i](const std::vector<double>& v, std::ptrdiff_t size) {
            return std::vector<double>(v.begin() + i * size, v.begin() + (i + 1) * size);
          };
          // Sums in another order.
          REQUIRE(relative_error(cut(synthesis, points), sht.synthesis(cut(c, n))) < 1e-13);
          REQUIRE(relative_error(cut(analysis, n), sht.analysis(cut(f, points))) < 1e-13);
        }
      }
    }
}

TEST_CASE("a field does not depend on the values of its neighbours in the batch", "[operators]") {
  const SphericalHarmonics sht(RingGrid::healpix(8), 12);
  const auto n = static_cast<std::ptrdiff_t>(sht.coefficients());
  auto c = random_numbers(11 * sht.coefficients(), 21);
  const auto all = sht.synthesis(c);
  for (const std::ptrdiff_t i : {3, 10}) {
    auto others = random_numbers(11 * sht.coefficients(), 22);
    std::copy_n(c.begin() + i * n, n, others.begin() + i * n);
    const auto again = sht.synthesis(others);
    const auto at = i * static_cast<std::ptrdiff_t>(sht.points());
    CHECK(std::equal(all.begin() + at, all.begin() + at + static_cast<std::ptrdiff_t>(sht.points()),
                     again.begin() + at));
  }
}

TEST_CASE("all instruction sets give the same to rounding", "[operators]") {
  const auto check = [](const legendre::Kernels& k) {
    CAPTURE(k.name);
    // One complete recurrence and contraction against the baseline's, on pairs that the widest vector needs.
    const std::size_t group = legendre::kGroup * k.width;
    std::vector<double> high(group), low(group, 0.0), square(group);
    for (std::size_t p = 0; p < group; ++p) {
      const double theta = 0.05 + 1.5 * static_cast<double>(p) / static_cast<double>(group);
      high[p] = std::nearbyint(std::log2(std::sin(theta)) * 0x1p30) * 0x1p-30;
      low[p] = std::log2(std::sin(theta)) - high[p];
      square[p] = std::cos(theta) * std::cos(theta);
    }
    std::vector<double> recurrence;
    for (int i = 0; i < 40; ++i) {
      recurrence.push_back(4.0);
      recurrence.push_back(-2.0 - 0.01 * i);
    }
    std::vector<double> now(group), before(group), scale(group), q(40 * group);
    const legendre::State state{now.data(), before.data(), scale.data()};
    k.start({30.0, 1.0, 1e-11}, high.data(), low.data(), state);
    for (std::size_t p = 0; p < group; ++p) {
      const double expected = std::exp2(30.0 * (high[p] + low[p]) + 1.0 + 1e-11);
      CHECK(now[p] * std::exp2(-legendre::kScale * scale[p]) == Approx(expected).epsilon(1e-14));
    }
    k.fill(recurrence.data(), square.data(), 40, state, false, q.data());
    for (std::size_t p = 0; p < group; ++p) {
      double a = std::exp2(30.0 * (high[p] + low[p]) + 1.0 + 1e-11);
      double b = 0.0;
      for (std::size_t i = 0; i < 40; ++i) {
        CHECK(q[i * group + p] == Approx(a).margin(1e-15).epsilon(1e-11));
        const double next = (recurrence[2 * i] * square[p] + recurrence[2 * i + 1]) * a - b;
        b = a;
        a = next;
      }
    }
    std::vector<double> phase(4 * group, 0.0), coefficients = random_numbers(160, 2),
                                               sums(160 * k.width, 0.0);
    k.synthesise(q.data(), coefficients.data(), 40, phase.data(), group);
    k.analyse(q.data(), phase.data(), group, 40, sums.data());
    double forward = dot(phase, phase);
    double backward = 0.0;
    for (std::size_t i = 0; i < 160; ++i)
      for (std::size_t lane = 0; lane < k.width; ++lane)
        backward += coefficients[i] * sums[i * k.width + lane];
    CHECK(backward == Approx(forward).epsilon(1e-12));

    // The loops that keep no values give what those that do give, for odd and even numbers of steps.
    for (const std::size_t steps : {5U, 12U}) {
      const auto begin = random_numbers(3 * group, 3);
      const auto run = [&](bool one) {
        std::vector<double> x(begin.begin(), begin.begin() + static_cast<std::ptrdiff_t>(group));
        std::vector<double> y(begin.begin() + static_cast<std::ptrdiff_t>(group),
                              begin.begin() + static_cast<std::ptrdiff_t>(2 * group));
        std::vector<double> zero(group, 0.0);
        const legendre::State at{x.data(), y.data(), zero.data()};
        std::vector<double> out(4 * group, 0.1);
        if (one) {
          k.synthesise_one(recurrence.data(), square.data(), coefficients.data(), steps, at, out.data(),
                           group);
        } else {
          k.fill(recurrence.data(), square.data(), steps, at, true, q.data());
          k.synthesise(q.data(), coefficients.data(), steps, out.data(), group);
        }
        std::copy_n(begin.begin(), group, x.begin());
        std::copy_n(begin.begin() + static_cast<std::ptrdiff_t>(group), group, y.begin());
        std::vector<double> total(4 * steps * k.width, 0.2);
        if (one) {
          k.analyse_one(recurrence.data(), square.data(), out.data(), group, steps, at, total.data());
        } else {
          k.fill(recurrence.data(), square.data(), steps, at, true, q.data());
          k.analyse(q.data(), out.data(), group, steps, total.data());
        }
        for (const auto& v : {out, x, y}) total.insert(total.end(), v.begin(), v.end());
        return total;
      };
      CHECK(relative_error(run(true), run(false)) < 1e-14);
    }
  };
  check(legendre::baseline_kernels());
  check(legendre::kernels());
}

TEST_CASE("Fourier transforms of rings of any length", "[operators]") {
  const auto& kernels = legendre::kernels();
  const std::size_t w = kernels.width;
  for (const std::size_t n : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 12U, 16U, 30U, 49U, 64U, 68U, 101U, 210U, 404U}) {
    CAPTURE(n);
    const RingFft fft(n);
    std::vector<double> a(fft.buffer(w)), b(fft.buffer(w));
    const auto z = random_numbers(2 * w * n, static_cast<unsigned>(n));
    std::copy(z.begin(), z.end(), a.begin());
    const double* result = fft.forward(kernels, a.data(), b.data());
    double worst = 0.0;
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t lane = 0; lane < w; ++lane) {
        double re = 0.0;
        double im = 0.0;
        for (std::size_t j = 0; j < n; ++j) {
          const double angle =
              -2.0 * std::numbers::pi * static_cast<double>(j * k % n) / static_cast<double>(n);
          const double x = z[2 * w * j + lane];
          const double y = z[2 * w * j + w + lane];
          re += x * std::cos(angle) - y * std::sin(angle);
          im += x * std::sin(angle) + y * std::cos(angle);
        }
        worst = std::max(
            {worst, std::abs(result[2 * w * k + lane] - re), std::abs(result[2 * w * k + w + lane] - im)});
      }
    CHECK(worst < 1e-13 * static_cast<double>(n + 10));  // of the sum that it is compared with
  }
}

TEST_CASE("lat-lon domains are recognised by their latitudes", "[operators]") {
  const auto ring = RingGrid::gauss_legendre(32, 64);
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (std::size_t i = 32; i-- > 0;)  // south first, as single precision has them
    latitude.push_back(static_cast<float>(90.0 - ring.rings[i].colatitude * 180.0 / std::numbers::pi));
  for (int j = 0; j < 64; ++j) longitude.push_back(-180.0 + 5.625 * j);
  const auto g = RingGrid::of(domain::Domain::lat_lon(latitude, longitude));
  CHECK(g.quadrature == Quadrature::gauss_legendre);
  CHECK(g.rings[0].offset == 31 * 64);
  CHECK(g.rings[0].colatitude == ring.rings[0].colatitude);
  CHECK(g.rings[0].first_longitude == Approx(-std::numbers::pi));

  const auto equiangular = [&](double first, double step, std::size_t n) {
    std::vector<double> c;
    for (std::size_t i = 0; i < n; ++i) c.push_back(first + step * static_cast<double>(i));
    return c;
  };
  using domain::Domain;
  CHECK(RingGrid::of(Domain::lat_lon(equiangular(90, -4, 46), equiangular(0, 5, 72))).quadrature ==
        Quadrature::clenshaw_curtis);
  CHECK(RingGrid::of(Domain::lat_lon(equiangular(-88, 4, 45), equiangular(2, 4, 90))).quadrature ==
        Quadrature::fejer);
  CHECK_THROWS_WITH(RingGrid::of(Domain::lat_lon(equiangular(-60, 4, 31), equiangular(2, 4, 90))),
                    Catch::Contains("neither Gaussian nor equally spaced"));
  CHECK_THROWS_WITH(RingGrid::of(Domain::lat_lon(equiangular(-88, 4, 45), equiangular(2, 4, 45))),
                    Catch::Contains("do not go once around"));
  CHECK_THROWS_AS(SphericalHarmonics(RingGrid::healpix(2), -1), Error);
  CHECK_THROWS_AS(SphericalHarmonics(RingGrid{}, 3), Error);
  CHECK_THROWS_AS(RingGrid::healpix(0), Error);
}
