#include "manifill/operators/ring_grid.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/domain/healpix.hpp"
#include "manifill/domain/sphere.hpp"

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
  const auto n = static_cast<std::int64_t>(nside);
  const double weight = 4.0 * std::numbers::pi / static_cast<double>(domain::healpix::pixel_count(n));
  for (std::size_t i = 1; i < 4 * nside; ++i) {
    Ring ring{.count = 4 * std::min({i, nside, 4 * nside - i}), .weight = weight};
    if (i <= 2 * nside) {
      const auto centre =
          domain::healpix::centre(n, domain::healpix::Ordering::ring, static_cast<std::int64_t>(g.points));
      ring.colatitude = std::atan2(std::hypot(centre[0], centre[1]), centre[2]);
      ring.first_longitude = std::atan2(centre[1], centre[0]);
    } else {  // mirrored to the last bit: the transform does both rings at once
      ring = g.rings[4 * nside - i - 1];
      ring.colatitude = std::numbers::pi - ring.colatitude;
    }
    ring.offset = g.points;
    g.points += ring.count;
    g.rings.push_back(ring);
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

std::vector<double> RingGrid::weights() const {
  std::vector<double> w(points);
  for (const auto& ring : rings)
    for (std::size_t j = 0; j < ring.count; ++j) w[place(ring, j)] = ring.weight;
  return w;
}

namespace {

constexpr double kSameRing = 1e-3;  // degrees; single-precision latitudes carry 4e-6

Error refusal(const domain::Domain& domain, const std::string& what) {
  return {ErrorKind::input,
          "no spherical harmonic transform on " + domain.describe() + ": " + what,
          {.remedy = "Interpolate to a global Gaussian or equiangular grid first, cdo remapbil,n48 say"}};
}

/// The rule whose rings are at these colatitudes, north first, to 0.01 of a step: with the rule's own nodes
/// and weights, and `counts` points on each.
std::optional<RingGrid> ruled(const std::vector<double>& theta, const std::vector<std::size_t>& counts) {
  const std::size_t nlat = theta.size();
  const std::size_t nlon = counts[0];
  const bool regular = std::all_of(counts.begin(), counts.end(), [&](std::size_t n) { return n == nlon; });
  const double tolerance = 0.01 * std::numbers::pi / static_cast<double>(nlat);
  const auto fits = [&](const RingGrid& g) {
    for (std::size_t i = 0; i < nlat; ++i)
      if (g.rings[i].count != counts[i] || std::abs(g.rings[i].colatitude - theta[i]) > tolerance)
        return false;
    return true;
  };
  if ((nlat + 1) % 4 == 0) {
    RingGrid g = RingGrid::healpix((nlat + 1) / 4);
    if (fits(g)) return g;
  }
  if (regular) {
    using Maker = RingGrid (*)(std::size_t, std::size_t);
    const std::pair<Maker, std::size_t> kinds[] = {
        {RingGrid::clenshaw_curtis, 2}, {RingGrid::fejer, 1}, {RingGrid::gauss_legendre, 1}};
    for (const auto& [make, least] : kinds) {
      if (nlat < least) continue;
      RingGrid g = make(nlat, nlon);
      if (fits(g)) return g;
    }
    return std::nullopt;
  }
  RingGrid g = RingGrid::reduced_gaussian(counts);
  if (fits(g)) return g;
  return std::nullopt;
}

RingGrid of_rows(const domain::Domain& domain) {
  const auto& s = domain.lat_lon();
  const std::size_t nlat = s.nlat();
  const std::size_t nlon = s.nlon();
  if (!s.periodic) throw refusal(domain, "the longitudes do not go once around");
  const double step = (s.longitude.back() - s.longitude.front()) / static_cast<double>(nlon - 1);
  for (std::size_t j = 0; j < nlon; ++j)
    if (std::abs(s.longitude[j] - s.longitude[0] - step * static_cast<double>(j)) > 0.01 * std::abs(step))
      throw refusal(domain, "the longitudes are not equally spaced");
  const bool north_first = s.latitude.front() > s.latitude.back();
  std::vector<double> theta(nlat);
  for (std::size_t i = 0; i < nlat; ++i)
    theta[i] = (90.0 - s.latitude[north_first ? i : nlat - 1 - i]) * domain::kDegree;
  auto g = ruled(theta, std::vector<std::size_t>(nlat, nlon));
  if (!g) throw refusal(domain, "the latitudes are neither Gaussian nor equally spaced from pole to pole");
  for (std::size_t i = 0; i < nlat; ++i) {
    g->rings[i].offset = (north_first ? i : nlat - 1 - i) * nlon;
    g->rings[i].first_longitude = s.longitude.front() * domain::kDegree;
    g->rings[i].westward = step < 0.0;
  }
  return *g;
}

/// Sorts a ring's points eastwards from longitude 0. \return the longitude of the first, degrees; nothing
/// where they are not equally spaced
std::optional<double> sort_ring(std::vector<std::uint32_t>::iterator first,
                                std::vector<std::uint32_t>::iterator last,
                                const std::vector<double>& longitude) {
  const auto count = static_cast<double>(last - first);
  const double step = 360.0 / count;
  const auto east = [&](std::uint32_t p) {
    const double turned = longitude[p] - 360.0 * std::floor(longitude[p] / 360.0);
    return turned > 360.0 - 0.01 * step ? turned - 360.0 : turned;  // longitude 0, rounded
  };
  std::sort(first, last, [&](std::uint32_t a, std::uint32_t b) { return east(a) < east(b); });
  double mean = 0.0;
  for (auto p = first; p != last; ++p) mean += (east(*p) - step * static_cast<double>(p - first)) / count;
  for (auto p = first; p != last; ++p)
    if (std::abs(east(*p) - step * static_cast<double>(p - first) - mean) > 0.01 * step) return std::nullopt;
  return mean;
}

RingGrid of_points(const domain::Domain& domain) {
  const std::vector<double> latitude = domain.latitudes();
  const std::vector<double> longitude = domain.longitudes();
  std::vector<std::uint32_t> order(domain.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return latitude[a] > latitude[b]; });
  std::vector<double> theta;
  std::vector<std::size_t> counts;
  std::vector<double> first_longitude;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && latitude[order[end - 1]] - latitude[order[end]] < kSameRing) ++end;
    const auto at = order.begin() + static_cast<std::ptrdiff_t>(begin);
    double sum = 0.0;
    for (std::size_t k = begin; k < end; ++k) sum += latitude[order[k]];
    theta.push_back((90.0 - sum / static_cast<double>(end - begin)) * domain::kDegree);
    counts.push_back(end - begin);
    const auto first = sort_ring(at, order.begin() + static_cast<std::ptrdiff_t>(end), longitude);
    if (!first)
      throw refusal(domain, "the points near latitude " +
                                std::to_string(90.0 - theta.back() / domain::kDegree) +
                                " are not equally spaced around the globe");
    first_longitude.push_back(*first);
    begin = end;
  }
  auto g = ruled(theta, counts);
  if (!g) throw refusal(domain, "its points are not on rings at Gaussian, HEALPix's or even latitudes");
  for (std::size_t i = 0; i < theta.size(); ++i) {
    if (g->quadrature != Quadrature::healpix)
      g->rings[i].first_longitude = first_longitude[i] * domain::kDegree;
    else if (std::abs(std::remainder(first_longitude[i] * domain::kDegree - g->rings[i].first_longitude,
                                     2.0 * std::numbers::pi)) >
             0.01 * 2.0 * std::numbers::pi / static_cast<double>(counts[i]))
      throw refusal(domain, "its rings are HEALPix's, turned against them");
  }
  if (!std::is_sorted(order.begin(), order.end())) g->order = std::move(order);
  return *g;
}

/// "48" of "F48"; nothing where it is no number from 1 to `most`.
std::optional<std::size_t> number_in(const std::string& text, std::size_t most) {
  std::size_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n < 1 || n > most) return std::nullopt;
  return n;
}

std::vector<double> latitudes_of(const RingGrid& g) {
  std::vector<double> latitude;
  for (const auto& ring : g.rings) latitude.push_back(90.0 - ring.colatitude / domain::kDegree);
  return latitude;
}

std::vector<double> evenly(std::size_t n) {
  std::vector<double> longitude(n);
  for (std::size_t j = 0; j < n; ++j) longitude[j] = 360.0 * static_cast<double>(j) / static_cast<double>(n);
  return longitude;
}

domain::Domain octahedral(std::size_t n) {
  std::vector<std::size_t> counts;
  for (std::size_t i = 0; i < 2 * n; ++i) counts.push_back(20 + 4 * std::min(i, 2 * n - 1 - i));
  const RingGrid g = RingGrid::reduced_gaussian(counts);
  domain::CellGrid cells{.area = g.weights(), .name = "octahedral Gaussian O" + std::to_string(n)};
  const auto latitude = latitudes_of(g);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    cells.latitude.insert(cells.latitude.end(), counts[i], latitude[i]);
    const auto longitude = evenly(counts[i]);
    cells.longitude.insert(cells.longitude.end(), longitude.begin(), longitude.end());
  }
  return domain::Domain::cells(std::move(cells));
}

}  // namespace

domain::Domain named_grid(const std::string& name) {
  constexpr std::size_t kMost = 4096;
  const std::string rest = name.empty() ? name : name.substr(1);
  if (name.starts_with("F"))
    if (const auto n = number_in(rest, kMost))
      return domain::Domain::lat_lon(latitudes_of(RingGrid::gauss_legendre(2 * *n, 1)), evenly(4 * *n));
  if (name.starts_with("O"))
    if (const auto n = number_in(rest, kMost)) return octahedral(*n);
  if (const auto by = rest.find('x'); name.starts_with("r") && by != std::string::npos) {
    const auto nlon = number_in(rest.substr(0, by), 4 * kMost);
    const auto nlat = number_in(rest.substr(by + 1), 2 * kMost);
    if (nlon && nlat && *nlon >= 3 && *nlat >= 2) {
      auto latitude = latitudes_of(RingGrid::fejer(*nlat, 1));
      std::reverse(latitude.begin(), latitude.end());  // as CDO's grid of this name
      return domain::Domain::lat_lon(std::move(latitude), evenly(*nlon));
    }
  }
  if (name.starts_with("hp")) {
    const bool nested = name.ends_with("_nested");
    const auto n = number_in(name.substr(2, name.size() - 2 - (nested ? 7 : 0)), kMost);
    using domain::healpix::Ordering;
    if (n && (!nested || std::has_single_bit(*n)))
      return domain::Domain::healpix(static_cast<std::int64_t>(*n),
                                     nested ? Ordering::nested : Ordering::ring);
  }
  throw Error(ErrorKind::usage, "there is no grid '" + name + "'",
              {.remedy = "Name one as F48 (Gaussian, 96 x 192), O48 (octahedral), r72x36 (even latitudes), "
                         "hp32 or hp32_nested (HEALPix)"});
}

RingGrid RingGrid::of(const domain::Domain& domain) {
  if (domain.kind() == domain::DomainKind::lat_lon) return of_rows(domain);
  if (!domain.spherical())
    throw Error(ErrorKind::input, "no spherical harmonic transform on " + domain.describe(),
                {.remedy = "Use the Laplacian's eigenfunctions on surfaces: manifill laplacian"});
  return of_points(domain);
}

}  // namespace manifill::operators
