#include "manifill/operators/ring_grid.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numbers>
#include <numeric>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/io/healpix_fits.hpp"
#include "manifill/operators/harmonic_fields.hpp"
#include "manifill/operators/spherical_harmonics.hpp"
#include "random_numbers.hpp"
#include "tests/unit/domain/healpy.hpp"

using namespace manifill;
using namespace manifill::operators;
using manifill::test::random_numbers;

namespace {

/// The third harmonic by its own formula, sqrt(105 / 16 pi) z (x^2 - y^2), at every point of a domain.
std::vector<double> y32(const domain::Domain& d) {
  std::vector<double> out;
  for (const auto& p : d.points())
    out.push_back(std::sqrt(105.0 / (16.0 * std::numbers::pi)) * p[2] * (p[0] * p[0] - p[1] * p[1]));
  return out;
}

double squares(const std::vector<double>& x) {
  return std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
}

domain::Domain shuffled(const domain::Domain& d, std::vector<std::size_t>& from) {
  from.resize(d.size());
  std::iota(from.begin(), from.end(), 0);
  RandomStream random({.seed = 4});
  for (std::size_t i = d.size() - 1; i > 0; --i)
    std::swap(from[i], from[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(i)))]);
  domain::CellGrid cells;
  for (const std::size_t i : from) {
    cells.latitude.push_back(d.latitudes()[i]);
    cells.longitude.push_back(d.longitudes()[i]);
  }
  return domain::Domain::cells(std::move(cells));
}

}  // namespace

TEST_CASE("rings are found in lists of points in any order", "[operators]") {
  const std::vector<std::string> names{"hp4", "hp4_nested", "O8", "F8", "r24x12"};
  for (const auto& name : names) {
    INFO(name);
    const auto d = named_grid(name);
    const auto grid = RingGrid::of(d);
    CHECK(grid.points == d.size());
    const auto weights = grid.weights();
    CHECK(std::accumulate(weights.begin(), weights.end(), 0.0) ==
          Approx(4.0 * std::numbers::pi).epsilon(1e-12));
    // A single harmonic has its place in the coefficients whatever the order of points; HEALPix to its
    // iteration's error, which falls tenfold and more a step.
    const bool healpix = name.rfind("hp", 0) == 0;
    const SphericalHarmonics transform(grid, 5);
    auto c = transform.analysis(y32(d), healpix ? 12 : 0);
    const double tolerance = healpix ? 1e-9 : 1e-12;
    CHECK(squares(c) == Approx(1.0).epsilon(tolerance));
    CHECK(power_spectrum(c, 5)[3] == Approx(1.0 / 7.0).epsilon(tolerance));
    const auto back = transform.synthesis(c);
    double worst = 0.0;
    for (std::size_t i = 0; i < back.size(); ++i) worst = std::max(worst, std::abs(back[i] - y32(d)[i]));
    CHECK(worst < tolerance);
  }
}

TEST_CASE("shuffled cells give the fields of the grid, shuffled", "[operators]") {
  for (const std::string name : {"O8", "hp4"}) {
    INFO(name);
    const auto d = named_grid(name);
    std::vector<std::size_t> from;
    const auto other = shuffled(d, from);
    const SphericalHarmonics one(RingGrid::of(d), 7);
    const SphericalHarmonics two(RingGrid::of(other), 7);
    const auto c = random_numbers(64, 5);
    const auto f = one.synthesis(c);
    const auto g = two.synthesis(c);
    double worst = 0.0;
    for (std::size_t i = 0; i < g.size(); ++i) worst = std::max(worst, std::abs(g[i] - f[from[i]]));
    CHECK(worst < 1e-13 * std::sqrt(squares(c)) * 8.0);
    const auto a = one.analysis(f);
    const auto b = two.analysis(g);
    for (std::size_t k = 0; k < a.size(); ++k) CHECK(b[k] == Approx(a[k]).margin(1e-12));
  }
}

TEST_CASE("points without rings, and regions, are refused", "[operators]") {
  domain::CellGrid spiral;
  for (int k = 0; k < 100; ++k) {
    spiral.latitude.push_back(std::asin(1.0 - (2.0 * k + 1.0) / 100.0) * 180.0 / std::numbers::pi);
    spiral.longitude.push_back(std::fmod(137.5 * k, 360.0));
  }
  CHECK_THROWS_AS(RingGrid::of(domain::Domain::cells(spiral)), Error);
  CHECK_THROWS_AS(RingGrid::of(domain::Domain::plane(4, 4)), Error);
  CHECK_THROWS_AS(named_grid("Q12"), Error);
  CHECK_THROWS_AS(named_grid("F0"), Error);
}

TEST_CASE("the spectrum of a WMAP map is the reference's", "[operators]") {
  // Band W of seven years, nside 32, monopole removed, three iterations: the Fortran HEALPix's own spectrum
  // to the eight decimals (mK^2) that healpy is held to (its test_anafast and test_anafast_nomask).
  const std::string folder = "/usr/share/healpy/test/data/";
  const std::string stem = "wmap_band_iqumap_r9_7yr_W_v4_udgraded32";
  if (!std::filesystem::exists(folder + stem + ".fits")) {
    WARN("skipped: healpy-data is not installed");
    return;
  }
  const auto lines = healpy::run(
      "import healpy as hp, warnings\nwarnings.filterwarnings('ignore')\n"
      "d = '" +
      folder +
      "'\n"
      "for n in ('', '_nomask'):\n"
      "    print(*map(repr, map(float, hp.read_cl(d + 'cl_" +
      stem + "_II_lmax64_rmmono_3iter' + n + '.fits'))))\n");
  if (!lines) {
    WARN("skipped: python3-healpy is not installed");
    return;
  }
  const auto file = io::read_healpix(folder + stem + ".fits");
  const auto mask = io::read_healpix(folder + "wmap_temperature_analysis_mask_r9_7yr_v4_udgraded32.fits");
  REQUIRE(file.nside == 32);
  const auto d = domain::Domain::healpix(file.nside, file.ordering);
  const auto mask_domain = domain::Domain::healpix(mask.nside, mask.ordering);
  REQUIRE(d.hash() == mask_domain.hash());
  const SphericalHarmonics transform(RingGrid::of(d), 64);
  for (const bool masked : {true, false}) {
    INFO((masked ? "masked" : "whole"));
    auto x = file.maps.front().values;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (masked && mask.maps.front().values[i] == 0.0) x[i] = std::nan("");
    double sum = 0.0;
    double count = 0.0;
    for (const double v : x)
      if (!std::isnan(v)) sum += v, count += 1.0;
    for (double& v : x) v = std::isnan(v) ? 0.0 : v - sum / count;
    const auto spectrum = power_spectrum(transform.analysis(x, 3), 64);
    const auto reference = healpy::numbers<double>((*lines)[masked ? 0 : 1]);
    REQUIRE(reference.size() == spectrum.size());
    for (std::size_t l = 0; l < spectrum.size(); ++l) {
      INFO("degree " << l);
      CHECK(std::abs(spectrum[l] - reference[l]) < 1.5e-8);
    }
  }
}
