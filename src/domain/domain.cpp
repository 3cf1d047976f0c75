#include "manifill/domain/domain.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"

namespace manifill::domain {
namespace {

constexpr double kDegree = std::numbers::pi / 180.0;
constexpr double kTolerance = 1e-4;  // degrees; single-precision coordinates near 360 carry 3e-5

std::string at(const char* axis, std::size_t i) {
  return std::string("[") + axis + " " + std::to_string(i) + "]";
}

void check_monotonic(const std::vector<double>& c, const char* axis) {
  if (c.empty()) throw Error(ErrorKind::input, std::string("the ") + axis + " coordinate has no values");
  const double sign = c.size() > 1 && c[1] < c[0] ? -1.0 : 1.0;
  for (std::size_t i = 0; i < c.size(); ++i) {
    if (!std::isfinite(c[i]))
      throw Error(ErrorKind::input, std::string("the ") + axis + " coordinate is not finite",
                  {.variable = axis, .index = at(axis, i), .remedy = "Repair the coordinate variable"});
    if (i == 0) continue;
    if (c[i] == c[i - 1])
      throw Error(ErrorKind::input,
                  std::string("the ") + axis + " coordinate repeats the value " + std::to_string(c[i]),
                  {.variable = axis, .index = at(axis, i), .remedy = "Remove the duplicate row or column"});
    if (sign * (c[i] - c[i - 1]) <= 0)
      throw Error(
          ErrorKind::input, std::string("the ") + axis + " coordinate is not monotonic",
          {.variable = axis, .index = at(axis, i), .remedy = "Sort the grid along this dimension first"});
  }
}

/// Edges between cell centres, half a step beyond the ends, clamped to [lowest, highest].
std::vector<double> edges(const std::vector<double>& c, double fallback) {
  const std::size_t n = c.size();
  std::vector<double> e(n + 1);
  for (std::size_t i = 1; i < n; ++i) e[i] = 0.5 * (c[i - 1] + c[i]);
  const double first = n > 1 ? c[1] - c[0] : fallback;
  const double last = n > 1 ? c[n - 1] - c[n - 2] : fallback;
  e[0] = c[0] - 0.5 * first;
  e[n] = c[n - 1] + 0.5 * last;
  return e;
}

}  // namespace

struct Domain::Impl {
  LatLonShape shape;
  std::vector<double> weights;
  std::vector<std::array<double, 3>> points;
  std::vector<std::uint32_t> neighbour_index;
  std::vector<std::size_t> neighbour_start;
  std::uint64_t hash = 0;
};

Domain::Domain(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Domain Domain::lat_lon(std::vector<double> latitude, std::vector<double> longitude) {
  check_monotonic(latitude, "latitude");
  for (std::size_t i = 0; i < latitude.size(); ++i)
    if (std::abs(latitude[i]) > 90.0 + kTolerance)
      throw Error(ErrorKind::input, "latitude " + std::to_string(latitude[i]) + " is outside -90..90",
                  {.variable = "latitude",
                   .index = at("latitude", i),
                   .remedy = "Check units and axis of the coordinate"});
  // A longitude axis may step over the date line or Greenwich once: unwrap before the monotonicity check.
  const bool falls =
      longitude.size() > 1 && longitude[1] < longitude[0] && longitude[0] - longitude[1] < 180.0;
  for (std::size_t i = 1; i < longitude.size(); ++i) {
    if (!falls && longitude[i] < longitude[i - 1] && longitude[i - 1] - longitude[i] > 180.0)
      for (std::size_t k = i; k < longitude.size(); ++k) longitude[k] += 360.0;
    if (falls && longitude[i] > longitude[i - 1] && longitude[i] - longitude[i - 1] > 180.0)
      for (std::size_t k = i; k < longitude.size(); ++k) longitude[k] -= 360.0;
  }
  check_monotonic(longitude, "longitude");

  auto impl = std::make_shared<Impl>();
  LatLonShape& s = impl->shape;
  s.latitude = std::move(latitude);
  s.longitude = std::move(longitude);
  const std::size_t nlat = s.nlat();
  const std::size_t nlon = s.nlon();
  const double step_lon =
      nlon > 1 ? std::abs(s.longitude[nlon - 1] - s.longitude[0]) / static_cast<double>(nlon - 1) : 1.0;
  const double span = std::abs(s.longitude[nlon - 1] - s.longitude[0]);
  if (span > 360.0 - kTolerance)
    throw Error(ErrorKind::input,
                "the longitudes span " + std::to_string(span) + " degrees, a whole turn or more",
                {.variable = "longitude",
                 .index = at("longitude", nlon - 1),
                 .remedy = "Drop the cyclic duplicate columns"});
  s.periodic = nlon > 2 && std::abs(span + step_lon - 360.0) < 0.01 * step_lon + kTolerance;
  auto lat_edge = edges(s.latitude, 1.0);
  const double step_lat = nlat > 1 ? std::abs(s.latitude[1] - s.latitude[0]) : 1.0;
  for (auto& e : lat_edge) e = std::clamp(e, -90.0, 90.0);
  const double north = std::max(s.latitude.front(), s.latitude.back());
  const double south = std::min(s.latitude.front(), s.latitude.back());
  // A ring is polar when the pole lies within 1.05 steps: Gaussian grids end a little short of half a step.
  s.north_pole = s.periodic && nlon % 2 == 0 && 90.0 - north < 1.05 * step_lat;
  s.south_pole = s.periodic && nlon % 2 == 0 && south + 90.0 < 1.05 * step_lat;
  if (s.north_pole) (s.latitude.front() > s.latitude.back() ? lat_edge.front() : lat_edge.back()) = 90.0;
  if (s.south_pole) (s.latitude.front() > s.latitude.back() ? lat_edge.back() : lat_edge.front()) = -90.0;

  const auto lon_edge = edges(s.longitude, step_lon);
  impl->weights.resize(nlat * nlon);
  impl->points.resize(nlat * nlon);
  double total = 0.0;
  for (std::size_t i = 0; i < nlat; ++i) {
    const double band = std::abs(std::sin(lat_edge[i + 1] * kDegree) - std::sin(lat_edge[i] * kDegree));
    const double phi = s.latitude[i] * kDegree;
    for (std::size_t j = 0; j < nlon; ++j) {
      const double lambda = s.longitude[j] * kDegree;
      const double w = band * std::abs(lon_edge[j + 1] - lon_edge[j]);
      impl->weights[i * nlon + j] = w;
      total += w;
      impl->points[i * nlon + j] = {std::cos(phi) * std::cos(lambda), std::cos(phi) * std::sin(lambda),
                                    std::sin(phi)};
    }
  }
  for (auto& w : impl->weights) w /= total;

  auto& start = impl->neighbour_start;
  auto& index = impl->neighbour_index;
  start.push_back(0);
  const bool first_polar = s.latitude.front() > s.latitude.back() ? s.north_pole : s.south_pole;
  const bool last_polar = s.latitude.front() > s.latitude.back() ? s.south_pole : s.north_pole;
  for (std::size_t i = 0; i < nlat; ++i)
    for (std::size_t j = 0; j < nlon; ++j) {
      const auto add = [&](std::size_t r, std::size_t c) {
        index.push_back(static_cast<std::uint32_t>(r * nlon + c));
      };
      const std::size_t opposite = (j + nlon / 2) % nlon;
      if (i > 0)
        add(i - 1, j);
      else if (first_polar)
        add(i, opposite);
      if (i + 1 < nlat)
        add(i + 1, j);
      else if (last_polar)
        add(i, opposite);
      if (j > 0)
        add(i, j - 1);
      else if (s.periodic)
        add(i, nlon - 1);
      if (j + 1 < nlon)
        add(i, j + 1);
      else if (s.periodic)
        add(i, 0);
      start.push_back(index.size());
    }

  constexpr std::int64_t kTurn = 3600000;  // ten-thousandths of a degree
  std::vector<std::int64_t> key{static_cast<std::int64_t>(nlat), static_cast<std::int64_t>(nlon)};
  for (const double v : s.latitude) key.push_back(std::llround(v * 1e4));
  for (const double v : s.longitude) key.push_back(((std::llround(v * 1e4) % kTurn) + kTurn) % kTurn);
  impl->hash = hash_bytes(key.data(), key.size() * sizeof(key[0]));
  return Domain(std::move(impl));
}

DomainKind Domain::kind() const { return DomainKind::lat_lon; }
std::size_t Domain::size() const { return impl_->weights.size(); }
std::span<const double> Domain::weights() const { return impl_->weights; }
std::span<const std::array<double, 3>> Domain::points() const { return impl_->points; }
std::span<const std::uint32_t> Domain::neighbours(std::size_t p) const {
  const auto& s = impl_->neighbour_start;
  return {impl_->neighbour_index.data() + s[p], s[p + 1] - s[p]};
}
const LatLonShape& Domain::lat_lon() const { return impl_->shape; }
std::uint64_t Domain::hash() const { return impl_->hash; }

std::string Domain::describe() const {
  const auto& s = impl_->shape;
  const auto step = [](const std::vector<double>& c) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g",
                  c.size() > 1 ? std::abs(c.back() - c.front()) / static_cast<double>(c.size() - 1) : 0.0);
    return std::string(text);
  };
  return "lat-lon " + std::to_string(s.nlat()) + " x " + std::to_string(s.nlon()) + ", " + step(s.latitude) +
         " x " + step(s.longitude) + " degrees, " +
         (s.periodic ? (s.north_pole && s.south_pole ? "global" : "zonally periodic") : "regional");
}

double chordal_km(const std::array<double, 3>& a, const std::array<double, 3>& b) {
  const double x = a[0] - b[0];
  const double y = a[1] - b[1];
  const double z = a[2] - b[2];
  return kEarthRadiusKm * std::sqrt(x * x + y * y + z * z);
}

double great_circle_km(const std::array<double, 3>& a, const std::array<double, 3>& b) {
  return 2.0 * kEarthRadiusKm * std::asin(std::min(1.0, 0.5 * chordal_km(a, b) / kEarthRadiusKm));
}

}  // namespace manifill::domain
