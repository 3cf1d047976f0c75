#include "manifill/operators/ring_grid.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <utility>

#include "manifill/base/error.hpp"

namespace manifill::operators {
namespace {

constexpr long double kPi = std::numbers::pi_v<long double>;

/// Rings of nlon points each from the first longitude on; weights of the rings sum to 2.
RingGrid regular(const std::vector<double>& colatitude, const std::vector<double>& weight, std::size_t nlon,
                 Quadrature quadrature) {
  RingGrid g{.quadrature = quadrature};
  for (std::size_t i = 0; i < colatitude.size(); ++i) {
    g.rings.push_back({.colatitude = colatitude[i],
                       .count = nlon,
                       .weight = weight[i] * 2.0 * std::numbers::pi / static_cast<double>(nlon),
                       .offset = g.points});
    g.points += nlon;
  }
  return g;
}

void check(bool holds, const char* what) {
  if (!holds) throw Error(ErrorKind::usage, what, {.remedy = "Give at least one ring and one point a ring"});
}

/// Weights of a rule exact for cos(k theta), k < n, by their moments: integral of cos(2 j theta) sin(theta)
/// is 2 / (1 - 4 j^2) (Waldvogel 2006, BIT 46:195).
std::vector<double> clenshaw_curtis_weights(std::size_t n) {
  const std::size_t last = n - 1;
  std::vector<double> w(n);
  for (std::size_t i = 0; i < n; ++i) {
    const long double theta = kPi * static_cast<long double>(i) / static_cast<long double>(last);
    long double sum = 1.0L;
    for (std::size_t j = 1; 2 * j <= last; ++j) {
      const auto k = static_cast<long double>(j);
      const long double half = 2 * j == last ? 0.5L : 1.0L;
      sum -= half * 2.0L / (4.0L * k * k - 1.0L) * std::cos(2.0L * k * theta);
    }
    const long double end = i == 0 || i == last ? 0.5L : 1.0L;
    w[i] = static_cast<double>(end * 2.0L * sum / static_cast<long double>(last));
  }
  return w;
}

std::vector<double> fejer_weights(std::size_t n) {
  std::vector<double> w(n);
  for (std::size_t i = 0; i < n; ++i) {
    const long double theta = kPi * (static_cast<long double>(i) + 0.5L) / static_cast<long double>(n);
    long double sum = 1.0L;
    for (std::size_t j = 1; 2 * j <= n - 1; ++j) {
      const auto k = static_cast<long double>(j);
      sum -= 2.0L / (4.0L * k * k - 1.0L) * std::cos(2.0L * k * theta);
    }
    w[i] = static_cast<double>(2.0L * sum / static_cast<long double>(n));
  }
  return w;
}

std::vector<double> equiangular(std::size_t n, bool poles) {
  std::vector<double> theta(n);
  for (std::size_t i = 0; i < n; ++i)
    theta[i] =
        static_cast<double>(poles ? kPi * static_cast<long double>(i) / static_cast<long double>(n - 1)
                                  : kPi * (static_cast<long double>(i) + 0.5L) / static_cast<long double>(n));
  return theta;
}

bool close(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::abs(a[i] - b[i]) > tolerance) return false;
  return true;
}

}  // namespace

GaussLegendre gauss_legendre(std::size_t n) {
  GaussLegendre g{std::vector<double>(n), std::vector<double>(n)};
  const auto count = static_cast<long double>(n);
  for (std::size_t i = 0; i < (n + 1) / 2; ++i) {
    // Tricomi's guess is good to 1 / n^4; Newton's steps in extended precision do the rest.
    long double theta = kPi * (4.0L * static_cast<long double>(i) + 3.0L) / (4.0L * count + 2.0L);
    long double derivative = 0.0L;  // of P_n by theta
    for (int step = 0; step < 6; ++step) {
      const long double x = std::cos(theta);
      long double before = 1.0L;
      long double p = x;
      for (std::size_t k = 2; k <= n; ++k) {
        const auto j = static_cast<long double>(k);
        const long double next = ((2.0L * j - 1.0L) * x * p - (j - 1.0L) * before) / j;
        before = p;
        p = next;
      }
      if (n == 1) before = 1.0L;
      derivative = count * (x * p - before) / std::sin(theta);
      const long double change = p / derivative;
      theta -= change;
      if (std::abs(change) < 1e-18L) break;
    }
    const long double weight = 2.0L / (derivative * derivative);
    g.colatitude[i] = static_cast<double>(theta);
    g.colatitude[n - 1 - i] = static_cast<double>(kPi - theta);
    g.weight[i] = g.weight[n - 1 - i] = static_cast<double>(weight);
  }
  if (n % 2 == 1) g.colatitude[n / 2] = std::numbers::pi / 2.0;
  return g;
}

RingGrid RingGrid::gauss_legendre(std::size_t nlat, std::size_t nlon) {
  check(nlat > 0 && nlon > 0, "a Gaussian grid without points");
  const auto g = operators::gauss_legendre(nlat);
  return regular(g.colatitude, g.weight, nlon, Quadrature::gauss_legendre);
}

RingGrid RingGrid::clenshaw_curtis(std::size_t nlat, std::size_t nlon) {
  check(nlat > 1 && nlon > 0, "an equiangular grid with both poles has two rings at least");
  return regular(equiangular(nlat, true), clenshaw_curtis_weights(nlat), nlon, Quadrature::clenshaw_curtis);
}

RingGrid RingGrid::fejer(std::size_t nlat, std::size_t nlon) {
  check(nlat > 0 && nlon > 0, "an equiangular grid without points");
  return regular(equiangular(nlat, false), fejer_weights(nlat), nlon, Quadrature::fejer);
}

RingGrid RingGrid::healpix(std::size_t nside) {
  check(nside > 0, "HEALPix without pixels: nside is 0");
  RingGrid g{.quadrature = Quadrature::healpix};
  const auto n = static_cast<double>(nside);
  const double weight = 4.0 * std::numbers::pi / (12.0 * n * n);
  for (std::size_t i = 1; i < 4 * nside; ++i) {
    const std::size_t mirrored = 2 * i <= 4 * nside ? i : 4 * nside - i;
    const auto k = static_cast<double>(mirrored);
    Ring r{.weight = weight, .offset = g.points};
    if (mirrored < nside) {
      r.colatitude = 2.0 * std::asin(k / (std::sqrt(6.0) * n));  // cos = 1 - k^2 / (3 n^2)
      r.count = 4 * mirrored;
      r.first_longitude = std::numbers::pi / static_cast<double>(r.count);
    } else {
      r.colatitude = std::acos((4.0 * n - 2.0 * k) / (3.0 * n));
      r.count = 4 * nside;
      r.first_longitude = (mirrored - nside) % 2 == 0 ? std::numbers::pi / static_cast<double>(r.count) : 0.0;
    }
    if (mirrored != i) r.colatitude = std::numbers::pi - r.colatitude;
    g.points += r.count;
    g.rings.push_back(r);
  }
  return g;
}

RingGrid RingGrid::reduced_gaussian(const std::vector<std::size_t>& counts) {
  check(!counts.empty() && std::find(counts.begin(), counts.end(), 0U) == counts.end(),
        "a reduced Gaussian grid with an empty ring");
  const auto g = operators::gauss_legendre(counts.size());
  RingGrid grid{.quadrature = Quadrature::reduced_gaussian};
  for (std::size_t i = 0; i < counts.size(); ++i) {
    grid.rings.push_back({.colatitude = g.colatitude[i],
                          .count = counts[i],
                          .weight = g.weight[i] * 2.0 * std::numbers::pi / static_cast<double>(counts[i]),
                          .offset = grid.points});
    grid.points += counts[i];
  }
  return grid;
}

std::int64_t RingGrid::exact_degree() const {
  const auto nlat = static_cast<std::int64_t>(rings.size());
  std::int64_t longest = 0;
  for (const auto& r : rings) longest = std::max(longest, static_cast<std::int64_t>(r.count));
  const std::int64_t by_longitude = (longest - 1) / 2;
  switch (quadrature) {
    case Quadrature::gauss_legendre:
    case Quadrature::reduced_gaussian:
      return std::min(nlat - 1, by_longitude);
    case Quadrature::healpix:
      return 3 * (nlat + 1) / 8;
    case Quadrature::clenshaw_curtis:
    case Quadrature::fejer:
      return std::min((nlat - 1) / 2, by_longitude);
  }
  return 0;
}

RingGrid RingGrid::of(const domain::Domain& domain) {
  const auto& s = domain.lat_lon();
  const std::size_t nlat = s.nlat();
  const std::size_t nlon = s.nlon();
  const auto refuse = [&](const std::string& what) {
    return Error(
        ErrorKind::input, "no spherical harmonic transform on " + domain.describe() + ": " + what,
        {.remedy = "Interpolate to a global Gaussian or equiangular grid first, cdo remapbil,n48 say"});
  };
  if (!s.periodic) throw refuse("the longitudes do not go once around");
  const double step = (s.longitude.back() - s.longitude.front()) / static_cast<double>(nlon - 1);
  for (std::size_t j = 0; j < nlon; ++j)
    if (std::abs(s.longitude[j] - s.longitude[0] - step * static_cast<double>(j)) > 0.01 * std::abs(step))
      throw refuse("the longitudes are not equally spaced");

  constexpr double degree = std::numbers::pi / 180.0;
  const bool north_first = s.latitude.front() > s.latitude.back();
  std::vector<double> theta(nlat);
  for (std::size_t i = 0; i < nlat; ++i)
    theta[i] = (90.0 - s.latitude[north_first ? i : nlat - 1 - i]) * degree;
  const double tolerance = 0.01 * std::numbers::pi / static_cast<double>(nlat);
  using Maker = RingGrid (*)(std::size_t, std::size_t);
  const std::pair<Maker, std::size_t> kinds[] = {{clenshaw_curtis, 2}, {fejer, 1}, {gauss_legendre, 1}};
  for (const auto& [make, least] : kinds) {
    if (nlat < least) continue;
    RingGrid g = make(nlat, nlon);
    std::vector<double> of_kind(nlat);
    for (std::size_t i = 0; i < nlat; ++i) of_kind[i] = g.rings[i].colatitude;
    // Coordinates in files are rounded: the rule's own nodes are meant.
    if (!close(theta, of_kind, tolerance)) continue;
    for (std::size_t i = 0; i < nlat; ++i) {
      g.rings[i].offset = (north_first ? i : nlat - 1 - i) * nlon;
      g.rings[i].first_longitude = s.longitude.front() * degree;
      g.rings[i].westward = step < 0.0;
    }
    return g;
  }
  throw refuse("the latitudes are neither Gaussian nor equally spaced from pole to pole");
}

}  // namespace manifill::operators
