#include "manifill/operators/harmonic_fields.hpp"

#include <cmath>
#include <complex>
#include <numbers>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/parallel.hpp"

namespace manifill::operators {
namespace {

void check_size(std::span<const double> c, std::int64_t lmax) {
  if (c.size() != coefficient_count(lmax))
    throw Error(ErrorKind::internal, "coefficients do not match their degree");
}

double wave_number(std::int64_t l) { return std::sqrt(static_cast<double>(l) * static_cast<double>(l + 1)); }

double recurrence(std::int64_t l, std::int64_t m) {
  if (l <= std::abs(m)) return 0.0;
  const auto a = static_cast<double>(l);
  const auto b = static_cast<double>(m);
  return std::sqrt((a - b) * (a + b) / (4.0 * a * a - 1.0));
}

/// sin(colatitude) times the southward derivative: sin d/dtheta P_l = l e_{l+1} P_{l+1} - (l + 1) e_l
/// P_{l-1}; from degree lmax to lmax + 1, or its transpose.
template <bool transpose>
void add_meridional(std::span<const double> from, std::span<double> to, std::int64_t lmax, double sign) {
  for (std::int64_t m = -lmax; m <= lmax; ++m)
    for (std::int64_t l = std::max<std::int64_t>(1, std::abs(m)); l <= lmax; ++l) {
      const double factor = sign / wave_number(l);
      const double up = factor * static_cast<double>(l) * recurrence(l + 1, m);
      const double down = -factor * static_cast<double>(l + 1) * recurrence(l, m);
      const std::size_t here = coefficient_index(lmax, l, m);
      const std::size_t above = coefficient_index(lmax + 1, l + 1, m);
      const bool lower = l > std::abs(m);
      const std::size_t below = lower ? coefficient_index(lmax + 1, l - 1, m) : 0;
      if constexpr (transpose) {
        to[here] += up * from[above];
        if (lower) to[here] += down * from[below];
      } else {
        to[above] += up * from[here];
        if (lower) to[below] += down * from[here];
      }
    }
}

/// The derivative by longitude: cosines of m to -m sines, sines to m cosines.
template <bool transpose>
void add_zonal(std::span<const double> from, std::span<double> to, std::int64_t lmax, double sign) {
  for (std::int64_t m = -lmax; m <= lmax; ++m) {
    if (m == 0) continue;
    for (std::int64_t l = std::abs(m); l <= lmax; ++l) {
      const double factor = -sign * static_cast<double>(m) / wave_number(l);
      const std::size_t here = coefficient_index(lmax, l, m);
      const std::size_t other = coefficient_index(lmax + 1, l, -m);
      if constexpr (transpose)
        to[here] += factor * from[other];
      else
        to[other] += factor * from[here];
    }
  }
}

/// lim of P_l1 / sin(colatitude) at the north pole, times sqrt(2) of the real harmonics.
double polar(std::int64_t l) {
  const auto x = static_cast<double>(l);
  return std::numbers::sqrt2 * 0.5 * std::sqrt((2.0 * x + 1.0) * x * (x + 1.0) / (4.0 * std::numbers::pi));
}

bool is_pole(const Ring& ring) { return std::sin(ring.colatitude) < 1e-12; }

double longitude_of(const Ring& ring, std::size_t j) {
  const double step = 2.0 * std::numbers::pi / static_cast<double>(ring.count);
  return ring.first_longitude + (ring.westward ? -step : step) * static_cast<double>(j);
}

/// Each term of the vector at a point of a pole: the place and factor of a coefficient in the east and north
/// component.
template <typename Visit>
void at_pole(const Ring& ring, std::size_t j, std::int64_t lmax, const Visit& visit) {
  const bool north = ring.colatitude < 1.0;
  const double c = std::cos(longitude_of(ring, j));
  const double s = std::sin(longitude_of(ring, j));
  for (std::int64_t l = 1; l <= lmax; ++l) {
    // At the south pole P_l1 / sin has the sign (-1)^(l+1), and the derivative by colatitude the opposite
    // one.
    const double over_sine = polar(l) / wave_number(l) * (north || l % 2 == 1 ? 1.0 : -1.0);
    const double derivative = north ? over_sine : -over_sine;
    const std::size_t cosine = coefficient_index(lmax, l, 1);
    const std::size_t sine = coefficient_index(lmax, l, -1);
    // A divergent part: east = (1 / sin) d/dlambda, north = -d/dtheta; a rotational one: east = d/dtheta and
    // north = (1 / sin) d/dlambda.
    visit(cosine, -s * over_sine, -c * derivative, c * derivative, -s * over_sine);
    visit(sine, c * over_sine, -s * derivative, s * derivative, c * over_sine);
  }
}

}  // namespace

std::vector<double> filter_degrees(std::span<const double> c, std::int64_t lmax,
                                   const std::function<double(std::int64_t)>& gain) {
  check_size(c, lmax);
  std::vector<double> gains;
  for (std::int64_t l = 0; l <= lmax; ++l) gains.push_back(gain(l));
  const auto degrees = coefficient_degrees(lmax);
  std::vector<double> out(c.size());
  for (std::size_t i = 0; i < c.size(); ++i) out[i] = c[i] * gains[static_cast<std::size_t>(degrees[i])];
  return out;
}

std::vector<double> laplacian(std::span<const double> c, std::int64_t lmax) {
  return filter_degrees(c, lmax, [](std::int64_t l) { return -static_cast<double>(l * (l + 1)); });
}

std::vector<double> inverse_laplacian(std::span<const double> c, std::int64_t lmax) {
  return filter_degrees(
      c, lmax, [](std::int64_t l) { return l == 0 ? 0.0 : -1.0 / static_cast<double>(l * (l + 1)); });
}

std::vector<double> cross_spectrum(std::span<const double> a, std::span<const double> b, std::int64_t lmax) {
  check_size(a, lmax);
  check_size(b, lmax);
  std::vector<double> spectrum(static_cast<std::size_t>(lmax + 1), 0.0);
  const auto degrees = coefficient_degrees(lmax);
  for (std::size_t i = 0; i < a.size(); ++i) spectrum[static_cast<std::size_t>(degrees[i])] += a[i] * b[i];
  for (std::size_t l = 0; l < spectrum.size(); ++l) spectrum[l] /= 2.0 * static_cast<double>(l) + 1.0;
  return spectrum;
}

std::vector<double> power_spectrum(std::span<const double> c, std::int64_t lmax) {
  return cross_spectrum(c, c, lmax);
}

std::array<std::array<double, 3>, 3> rotation_matrix(double alpha, double beta, double gamma) {
  const double ca = std::cos(alpha);
  const double sa = std::sin(alpha);
  const double cb = std::cos(beta);
  const double sb = std::sin(beta);
  const double cg = std::cos(gamma);
  const double sg = std::sin(gamma);
  return {{{ca * cb * cg - sa * sg, -ca * cb * sg - sa * cg, ca * sb},
           {sa * cb * cg + ca * sg, -sa * cb * sg + ca * cg, sa * sb},
           {-sb * cg, sb * sg, cb}}};
}

// In complex harmonics with the Condon-Shortley phase, a_m = (-1)^m (c_m - i c_-m) / sqrt(2) and a_-m its
// conjugate times (-1)^m; a'_m = sum over m' of exp(-i m alpha) d_mm'(beta) exp(-i m' gamma) a_m'.
std::vector<double> rotate(std::span<const double> c, std::int64_t lmax, double alpha, double beta,
                           double gamma) {
  check_size(c, lmax);
  using Complex = std::complex<double>;
  const auto count = static_cast<std::size_t>(lmax + 1);
  const auto parity = [](std::int64_t m) { return m % 2 == 0 ? 1.0 : -1.0; };
  const auto complex_of = [&](std::int64_t l, std::int64_t m) -> Complex {
    if (m == 0) return c[coefficient_index(lmax, l, 0)];
    const std::int64_t k = std::abs(m);
    const Complex z(c[coefficient_index(lmax, l, k)], -c[coefficient_index(lmax, l, -k)]);
    return (m > 0 ? parity(k) * z : std::conj(z)) * (std::numbers::sqrt2 / 2.0);
  };
  std::vector<double> out(c.size(), 0.0);
  const long double x = std::cos(static_cast<long double>(beta));
  const long double log_cos = std::log(std::abs(std::cos(0.5L * static_cast<long double>(beta))));
  const long double log_sin = std::log(std::abs(std::sin(0.5L * static_cast<long double>(beta))));
  const bool half_cos_negative = std::cos(0.5 * beta) < 0.0;
  const bool half_sin_negative = std::sin(0.5 * beta) < 0.0;

  // d_{j k} for k = -j ... j at its first degree, j = max(|m|, |m'|).
  const auto first = [&](std::int64_t j, std::int64_t k) -> long double {
    const auto plus = static_cast<long double>(j + k);
    const auto minus = static_cast<long double>(j - k);
    if ((j + k > 0 && std::isinf(log_cos)) || (j - k > 0 && std::isinf(log_sin))) return 0.0L;
    const long double exponent = 0.5L * (std::lgamma(2.0L * static_cast<long double>(j) + 1.0L) -
                                         std::lgamma(plus + 1.0L) - std::lgamma(minus + 1.0L)) +
                                 (j + k > 0 ? plus * log_cos : 0.0L) + (j - k > 0 ? minus * log_sin : 0.0L);
    const bool odd_cos = (j + k) % 2 != 0 && half_cos_negative;
    const bool odd_sin = (j - k) % 2 != 0 && !half_sin_negative;
    return (odd_cos != odd_sin ? -1.0L : 1.0L) * std::exp(exponent);
  };
  parallel_for(lmax + 1, [&](std::int64_t m) {
    std::vector<Complex> sum(count);
    for (std::int64_t k = -lmax; k <= lmax; ++k) {
      const std::int64_t j = std::max(m, std::abs(k));
      // d_mk = (-1)^(m-k) d_km = d_-k,-m: brought to a first index equal to j.
      long double now = m >= std::abs(k) ? first(m, k)
                        : k > 0          ? static_cast<long double>(parity(m - k)) * first(k, m)
                                         : first(-k, -m);
      long double before = 0.0L;
      const Complex turn = std::polar(1.0, -static_cast<double>(k) * gamma);
      for (std::int64_t l = j; l <= lmax; ++l) {
        sum[static_cast<std::size_t>(l)] += static_cast<double>(now) * turn * complex_of(l, k);
        const auto a = static_cast<long double>(l);
        const auto mm = static_cast<long double>(m);
        const auto kk = static_cast<long double>(k);
        const long double next_norm =
            std::sqrt(((a + 1.0L) * (a + 1.0L) - mm * mm) * ((a + 1.0L) * (a + 1.0L) - kk * kk));
        const long double shift = l == 0 ? 0.0L : mm * kk / (a * (a + 1.0L));
        const long double back =
            l == 0 ? 0.0L : std::sqrt((a * a - mm * mm) * (a * a - kk * kk)) * (a + 1.0L) / a;
        const long double next =
            ((a + 1.0L) * (2.0L * a + 1.0L) * (x - shift) * now - back * before) / next_norm;
        before = now;
        now = next;
      }
    }
    const Complex turn = std::polar(1.0, -static_cast<double>(m) * alpha) * parity(m);
    for (std::int64_t l = m; l <= lmax; ++l) {
      const Complex a = turn * sum[static_cast<std::size_t>(l)];
      if (m == 0) {
        out[coefficient_index(lmax, l, 0)] = a.real();
      } else {
        out[coefficient_index(lmax, l, m)] = std::numbers::sqrt2 * a.real();
        out[coefficient_index(lmax, l, -m)] = -std::numbers::sqrt2 * a.imag();
      }
    }
  });
  return out;
}

VectorHarmonics::VectorHarmonics(const RingGrid& grid, std::int64_t lmax)
    : lmax_(lmax), scalar_(grid, lmax + 1) {}

// sin u_north = -sin d/dtheta (divergent) + d/dlambda (rotational), sin u_east = d/dlambda (divergent)
// + sin d/dtheta (rotational).
TangentField VectorHarmonics::synthesis(const VectorCoefficients& c) const {
  check_size(c.divergent, lmax_);
  check_size(c.rotational, lmax_);
  const std::size_t count = scalar_.coefficients();
  std::vector<double> both(2 * count, 0.0);
  const std::span<double> east(both.data(), count);
  const std::span<double> north(both.data() + count, count);
  add_zonal<false>(c.divergent, east, lmax_, 1.0);
  add_meridional<false>(c.rotational, east, lmax_, 1.0);
  add_meridional<false>(c.divergent, north, lmax_, -1.0);
  add_zonal<false>(c.rotational, north, lmax_, 1.0);
  const std::vector<double> fields = scalar_.synthesis(both);
  const auto middle = fields.begin() + static_cast<std::ptrdiff_t>(scalar_.points());
  TangentField u{{fields.begin(), middle}, {middle, fields.end()}};
  for (const auto& ring : grid().rings) {
    const double factor = 1.0 / std::sin(ring.colatitude);
    for (std::size_t j = 0; j < ring.count; ++j) {
      const std::size_t p = grid().place(ring, j);
      if (!is_pole(ring)) {
        u.east[p] *= factor;
        u.north[p] *= factor;
        continue;
      }
      u.east[p] = u.north[p] = 0.0;
      at_pole(ring, j, lmax_, [&](std::size_t i, double de, double dn, double re, double rn) {
        u.east[p] += de * c.divergent[i] + re * c.rotational[i];
        u.north[p] += dn * c.divergent[i] + rn * c.rotational[i];
      });
    }
  }
  return u;
}

VectorCoefficients VectorHarmonics::synthesis_adj(const TangentField& u) const {
  if (u.east.size() != scalar_.points() || u.north.size() != scalar_.points())
    throw Error(ErrorKind::internal, "a vector field does not match its grid");
  VectorCoefficients c{std::vector<double>(coefficient_count(lmax_), 0.0),
                       std::vector<double>(coefficient_count(lmax_), 0.0)};
  std::vector<double> both(u.east);
  both.insert(both.end(), u.north.begin(), u.north.end());
  for (const auto& ring : grid().rings) {
    const double factor = is_pole(ring) ? 0.0 : 1.0 / std::sin(ring.colatitude);
    for (std::size_t j = 0; j < ring.count; ++j) {
      const std::size_t p = grid().place(ring, j);
      both[p] *= factor;
      both[scalar_.points() + p] *= factor;
      if (!is_pole(ring)) continue;
      at_pole(ring, j, lmax_, [&](std::size_t i, double de, double dn, double re, double rn) {
        c.divergent[i] += de * u.east[p] + dn * u.north[p];
        c.rotational[i] += re * u.east[p] + rn * u.north[p];
      });
    }
  }
  const std::vector<double> sums = scalar_.synthesis_adj(both);
  const std::span<const double> east(sums.data(), scalar_.coefficients());
  const std::span<const double> north(sums.data() + scalar_.coefficients(), scalar_.coefficients());
  add_zonal<true>(east, c.divergent, lmax_, 1.0);
  add_meridional<true>(east, c.rotational, lmax_, 1.0);
  add_meridional<true>(north, c.divergent, lmax_, -1.0);
  add_zonal<true>(north, c.rotational, lmax_, 1.0);
  return c;
}

TangentField VectorHarmonics::weighted(TangentField u) const {
  for (const auto& ring : grid().rings)
    for (std::size_t j = 0; j < ring.count; ++j) {
      u.east[grid().place(ring, j)] *= ring.weight;
      u.north[grid().place(ring, j)] *= ring.weight;
    }
  return u;
}

VectorCoefficients VectorHarmonics::analysis(const TangentField& u, int iterations) const {
  VectorCoefficients c = synthesis_adj(weighted(u));
  for (int k = 0; k < iterations; ++k) {
    TangentField rest = synthesis(c);
    for (std::size_t p = 0; p < rest.east.size(); ++p) {
      rest.east[p] = u.east[p] - rest.east[p];
      rest.north[p] = u.north[p] - rest.north[p];
    }
    const VectorCoefficients change = synthesis_adj(weighted(std::move(rest)));
    for (std::size_t i = 0; i < c.divergent.size(); ++i) {
      c.divergent[i] += change.divergent[i];
      c.rotational[i] += change.rotational[i];
    }
  }
  return c;
}

TangentField VectorHarmonics::analysis_adj(const VectorCoefficients& c) const {
  return weighted(synthesis(c));
}

VectorCoefficients gradient(std::span<const double> c, std::int64_t lmax) {
  return {filter_degrees(c, lmax, wave_number), std::vector<double>(c.size(), 0.0)};
}

std::vector<double> divergence(const VectorCoefficients& v, std::int64_t lmax) {
  return filter_degrees(v.divergent, lmax, [](std::int64_t l) { return -wave_number(l); });
}

std::vector<double> curl(const VectorCoefficients& v, std::int64_t lmax) {
  return filter_degrees(v.rotational, lmax, [](std::int64_t l) { return -wave_number(l); });
}

}  // namespace manifill::operators
