#include "manifill/domain/domain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/domain/nearest_points.hpp"
#include "manifill/domain/sphere.hpp"

namespace manifill::domain {
namespace {

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

/// \throws Error(input) naming the first centre that is none
void check_centres(const std::vector<double>& latitude, const std::vector<double>& longitude,
                   const char* what) {
  if (latitude.empty() || latitude.size() != longitude.size())
    throw Error(ErrorKind::input,
                "there are " + std::to_string(latitude.size()) + " latitudes and " +
                    std::to_string(longitude.size()) + " longitudes of " + what + "s",
                {.variable = "latitude", .remedy = "Give each its latitude and longitude"});
  for (std::size_t i = 0; i < latitude.size(); ++i) {
    const bool north = std::isfinite(latitude[i]) && std::abs(latitude[i]) <= 90.0 + kTolerance;
    if (north && std::isfinite(longitude[i]) && std::abs(longitude[i]) <= 720.0) continue;
    throw Error(ErrorKind::input,
                "the " + std::string(north ? "longitude " : "latitude ") +
                    std::to_string(north ? longitude[i] : latitude[i]) + " is not finite or out of range",
                {.variable = north ? "longitude" : "latitude",
                 .index = at(what, i),
                 .remedy = "Check units and fill values of the coordinate"});
  }
}

std::vector<std::array<double, 3>> unit_vectors(const std::vector<double>& latitude,
                                                const std::vector<double>& longitude) {
  std::vector<std::array<double, 3>> points;
  points.reserve(latitude.size());
  for (std::size_t i = 0; i < latitude.size(); ++i) points.push_back(unit_vector(latitude[i], longitude[i]));
  return points;
}

void check_apart(const NearestPoints& search, const std::vector<std::array<double, 3>>& points,
                 const char* what) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto near = search.nearest(points[i], 2);
    if (near.size() < 2 || near[1].chord > 1e-6 * kDegree) continue;
    const std::size_t other = near[0].index == i ? near[1].index : near[0].index;
    throw Error(ErrorKind::input, "the centre lies where that of " + at(what, other) + " does",
                {.variable = "latitude", .index = at(what, i), .remedy = "Remove the duplicate"});
  }
}

/// Pairs of points one of which is among the six nearest of the other.
std::vector<std::array<std::uint32_t, 2>> nearest_pairs(const NearestPoints& search,
                                                        const std::vector<std::array<double, 3>>& points) {
  std::vector<std::array<std::uint32_t, 2>> pairs;
  for (std::size_t i = 0; i < points.size(); ++i)
    for (const auto& near : search.nearest(points[i], 7))
      if (near.index != i)
        pairs.push_back({static_cast<std::uint32_t>(std::min(i, near.index)),
                         static_cast<std::uint32_t>(std::max(i, near.index))});
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  return pairs;
}

/// Areas of points without cells: as much as the mean squared distance to the six nearest says.
std::vector<double> areas_by_distance(const NearestPoints& search,
                                      const std::vector<std::array<double, 3>>& points) {
  std::vector<double> area;
  area.reserve(points.size());
  for (const auto& p : points) {
    double sum = 0.0;
    const auto near = search.nearest(p, 7);
    for (const auto& n : near) sum += n.chord * n.chord;
    area.push_back(near.size() > 1 ? sum / static_cast<double>(near.size() - 1) : 1.0);
  }
  return area;
}

void check_areas(const std::vector<double>& area, const char* what) {
  for (std::size_t i = 0; i < area.size(); ++i)
    if (!(area[i] > 0.0) || !std::isfinite(area[i]))
      throw Error(
          ErrorKind::input, std::string("the area of a ") + what + " is not positive",
          {.variable = "area", .index = at(what, i), .remedy = "Repair the areas, or leave them out"});
}

std::vector<double> shares(std::vector<double> area) {
  const double total = std::accumulate(area.begin(), area.end(), 0.0);
  for (auto& a : area) a /= total;
  return area;
}

/// Lists of neighbours from pairs, ascending.
void link(const std::vector<std::array<std::uint32_t, 2>>& pairs, std::size_t points,
          std::vector<std::size_t>& start, std::vector<std::uint32_t>& index) {
  std::vector<std::vector<std::uint32_t>> lists(points);
  for (const auto& [a, b] : pairs) {
    if (a == b) continue;
    lists[a].push_back(b);
    lists[b].push_back(a);
  }
  start.push_back(0);
  for (auto& list : lists) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    index.insert(index.end(), list.begin(), list.end());
    start.push_back(index.size());
  }
}

std::vector<std::int64_t> degree_keys(const std::vector<double>& latitude,
                                      const std::vector<double>& longitude) {
  constexpr std::int64_t turn = 3600000;  // ten-thousandths of a degree
  std::vector<std::int64_t> key;
  key.reserve(latitude.size() + longitude.size() + 1);
  for (const double v : latitude) key.push_back(std::llround(v * 1e4));
  for (const double v : longitude) key.push_back(((std::llround(v * 1e4) % turn) + turn) % turn);
  return key;
}

std::uint64_t hash_of(DomainKind kind, std::vector<std::int64_t> key) {
  key.push_back(static_cast<std::int64_t>(kind));
  return hash_bytes(key.data(), key.size() * sizeof(key[0]));
}

}  // namespace

struct Domain::Impl {
  DomainKind kind = DomainKind::lat_lon;
  LatLonShape shape;
  CellGrid cells;
  TriangleMesh mesh;
  std::vector<double> latitude;  // [point] where it is not that of `shape` or `cells`
  std::vector<double> longitude;
  std::size_t columns = 1;
  bool periodic = false;
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
  impl->columns = nlon;
  return Domain(std::move(impl));
}

Domain Domain::cells(CellGrid grid) {
  const std::size_t n = grid.latitude.size();
  check_centres(grid.latitude, grid.longitude, "cell");
  auto impl = std::make_shared<Impl>();
  impl->kind = DomainKind::cells;
  impl->points = unit_vectors(grid.latitude, grid.longitude);
  const NearestPoints search(impl->points);
  check_apart(search, impl->points, "cell");
  if (grid.neighbours.empty()) grid.neighbours = nearest_pairs(search, impl->points);
  if (grid.area.empty()) grid.area = areas_by_distance(search, impl->points);
  if (grid.area.size() != n) throw Error(ErrorKind::internal, "areas do not match the cells of a domain");
  check_areas(grid.area, "cell");
  for (const auto& pair : grid.neighbours)
    if (pair[0] >= n || pair[1] >= n)
      throw Error(ErrorKind::input, "a neighbour is not among the " + std::to_string(n) + " cells",
                  {.index = at("cell", std::max(pair[0], pair[1])), .remedy = "Repair the connectivity"});
  impl->weights = shares(grid.area);
  link(grid.neighbours, n, impl->neighbour_start, impl->neighbour_index);
  impl->hash = hash_of(DomainKind::cells, degree_keys(grid.latitude, grid.longitude));
  impl->cells = std::move(grid);
  return Domain(std::move(impl));
}

Domain Domain::healpix(std::int64_t nside, healpix::Ordering ordering) {
  healpix::check_nside(nside, ordering);
  CellGrid g{.name = "HEALPix nside " + std::to_string(nside) +
                     (ordering == healpix::Ordering::ring ? " in rings" : " nested")};
  const std::int64_t n = healpix::pixel_count(nside);
  g.area.assign(static_cast<std::size_t>(n), 1.0);
  for (std::int64_t p = 0; p < n; ++p) {
    const auto c = healpix::centre(nside, ordering, p);
    g.latitude.push_back(std::atan2(c[2], std::hypot(c[0], c[1])) / kDegree);
    g.longitude.push_back(std::atan2(c[1], c[0]) / kDegree);
    for (const auto q : healpix::neighbours(nside, ordering, p))
      if (q > p) g.neighbours.push_back({static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(q)});
  }
  return cells(std::move(g));
}

Domain Domain::curvilinear(std::vector<double> latitude, std::vector<double> longitude, std::size_t columns,
                           bool periodic) {
  return curvilinear(std::move(latitude), std::move(longitude), columns, periodic, {});
}

Domain Domain::curvilinear(std::vector<double> latitude, std::vector<double> longitude, std::size_t columns,
                           bool periodic, std::vector<double> area) {
  const std::size_t n = latitude.size();
  if (columns == 0 || n % columns != 0 || (!area.empty() && area.size() != n))
    throw Error(ErrorKind::internal, "coordinates do not match the rows of a curvilinear grid");
  check_centres(latitude, longitude, "point");
  auto impl = std::make_shared<Impl>();
  impl->kind = DomainKind::curvilinear;
  impl->points = unit_vectors(latitude, longitude);
  const std::size_t rows = n / columns;
  // Steps to the points before and after along both directions span the cell; at an edge the one step is
  // doubled.
  const auto step = [&](std::size_t p, std::size_t before, std::size_t after) {
    const auto& a = impl->points[before];
    const auto& b = impl->points[after];
    const double factor = before == p || after == p ? 1.0 : 0.5;
    return std::array<double, 3>{factor * (b[0] - a[0]), factor * (b[1] - a[1]), factor * (b[2] - a[2])};
  };
  const bool known = !area.empty();
  area.resize(n);
  std::vector<std::array<std::uint32_t, 2>> pairs;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      const std::size_t p = i * columns + j;
      const std::size_t left = j > 0 ? p - 1 : periodic ? p + columns - 1 : p;
      const std::size_t right = j + 1 < columns ? p + 1 : periodic ? p + 1 - columns : p;
      if (!known) {
        const auto u = step(p, left, right);
        const auto v = step(p, i > 0 ? p - columns : p, i + 1 < rows ? p + columns : p);
        area[p] = std::hypot(u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]);
      }
      if (right != p) pairs.push_back({static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(right)});
      if (i + 1 < rows)
        pairs.push_back({static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(p + columns)});
    }
  if (known) {
    check_areas(area, "point");
  } else {
    // Where the grid folds a cell may have no extent; it must not count for nothing.
    const double mean = std::accumulate(area.begin(), area.end(), 0.0) / static_cast<double>(n);
    for (auto& a : area) a = std::max(a, 1e-6 * mean);
    if (!(mean > 0.0)) area.assign(n, 1.0);  // a single row or column
  }
  impl->weights = shares(area);
  link(pairs, n, impl->neighbour_start, impl->neighbour_index);
  auto key = degree_keys(latitude, longitude);
  key.push_back(static_cast<std::int64_t>(columns));
  impl->hash = hash_of(DomainKind::curvilinear, key);
  impl->latitude = std::move(latitude);
  impl->longitude = std::move(longitude);
  impl->columns = columns;
  impl->periodic = periodic;
  return Domain(std::move(impl));
}

Domain Domain::surface(TriangleMesh mesh) {
  check(mesh);
  auto impl = std::make_shared<Impl>();
  impl->kind = DomainKind::surface;
  impl->points = mesh.vertices;
  impl->weights = shares(vertex_areas(mesh));
  link(edges(mesh), mesh.vertices.size(), impl->neighbour_start, impl->neighbour_index);
  double extent = 0.0;
  for (const auto& v : mesh.vertices)
    for (const double x : v) extent = std::max(extent, std::abs(x));
  std::vector<std::int64_t> key;
  for (const auto& v : mesh.vertices)
    for (const double x : v) key.push_back(std::llround(1e9 * x / extent));
  for (const auto& t : mesh.triangles) key.insert(key.end(), t.begin(), t.end());
  impl->hash = hash_of(DomainKind::surface, key);
  impl->mesh = std::move(mesh);
  return Domain(std::move(impl));
}

Domain Domain::plane(std::size_t rows, std::size_t columns) {
  const std::size_t n = rows * columns;
  if (rows == 0 || columns == 0) throw Error(ErrorKind::input, "an image without pixels");
  if (columns > std::numeric_limits<std::uint32_t>::max() / rows)
    throw Error(ErrorKind::input, "an image of more pixels than 32 bits count",
                {.remedy = "Cut it into parts"});
  auto impl = std::make_shared<Impl>();
  impl->kind = DomainKind::plane;
  std::vector<std::array<std::uint32_t, 2>> pairs;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      const auto p = static_cast<std::uint32_t>(impl->points.size());
      impl->points.push_back({static_cast<double>(j), static_cast<double>(i), 0.0});
      if (j + 1 < columns) pairs.push_back({p, p + 1});
      if (i + 1 < rows) pairs.push_back({p, p + static_cast<std::uint32_t>(columns)});
    }
  impl->weights.assign(n, 1.0 / static_cast<double>(n));
  link(pairs, n, impl->neighbour_start, impl->neighbour_index);
  impl->hash =
      hash_of(DomainKind::plane, {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)});
  impl->columns = columns;
  return Domain(std::move(impl));
}

DomainKind Domain::kind() const { return impl_->kind; }
bool Domain::spherical() const {
  return impl_->kind != DomainKind::surface && impl_->kind != DomainKind::plane;
}
std::size_t Domain::columns() const { return impl_->columns; }
bool Domain::periodic() const {
  return impl_->kind == DomainKind::lat_lon ? impl_->shape.periodic : impl_->periodic;
}

double Domain::chord(std::size_t a, std::size_t b) const {
  return (spherical() ? kEarthRadiusKm : 1.0) * distance(impl_->points[a], impl_->points[b]);
}

double Domain::separation(std::size_t a, std::size_t b) const {
  const double straight = chord(a, b);
  return spherical() ? 2.0 * kEarthRadiusKm * std::asin(std::min(1.0, 0.5 * straight / kEarthRadiusKm))
                     : straight;
}

double Domain::area() const {
  if (spherical()) return 4.0 * std::numbers::pi * kEarthRadiusKm * kEarthRadiusKm;
  if (kind() == DomainKind::plane) return static_cast<double>(size());
  const auto areas = triangle_areas(impl_->mesh);
  return std::accumulate(areas.begin(), areas.end(), 0.0);
}

const CellGrid& Domain::cell_grid() const {
  if (kind() != DomainKind::cells) throw Error(ErrorKind::internal, describe() + " is no list of cells");
  return impl_->cells;
}

const TriangleMesh& Domain::mesh() const {
  if (kind() != DomainKind::surface) throw Error(ErrorKind::internal, describe() + " is no triangle mesh");
  return impl_->mesh;
}

std::vector<double> Domain::latitudes() const {
  if (!spherical()) throw Error(ErrorKind::internal, describe() + " has no latitudes");
  if (kind() == DomainKind::cells) return impl_->cells.latitude;
  if (kind() == DomainKind::curvilinear) return impl_->latitude;
  std::vector<double> out;
  for (const double phi : impl_->shape.latitude) out.insert(out.end(), impl_->shape.nlon(), phi);
  return out;
}

std::vector<double> Domain::longitudes() const {
  if (!spherical()) throw Error(ErrorKind::internal, describe() + " has no longitudes");
  if (kind() == DomainKind::cells) return impl_->cells.longitude;
  if (kind() == DomainKind::curvilinear) return impl_->longitude;
  std::vector<double> out;
  for (std::size_t i = 0; i < impl_->shape.nlat(); ++i)
    out.insert(out.end(), impl_->shape.longitude.begin(), impl_->shape.longitude.end());
  return out;
}

std::size_t Domain::size() const { return impl_->weights.size(); }
std::span<const double> Domain::weights() const { return impl_->weights; }
std::span<const std::array<double, 3>> Domain::points() const { return impl_->points; }
std::span<const std::uint32_t> Domain::neighbours(std::size_t p) const {
  const auto& s = impl_->neighbour_start;
  return {impl_->neighbour_index.data() + s[p], s[p + 1] - s[p]};
}
const LatLonShape& Domain::lat_lon() const {
  if (kind() != DomainKind::lat_lon)
    throw Error(ErrorKind::input, "a lat-lon grid is needed, and this is " + describe(),
                {.remedy = "Interpolate to latitudes and longitudes first, e.g. with cdo remapbil"});
  return impl_->shape;
}
std::uint64_t Domain::hash() const { return impl_->hash; }

std::string Domain::describe() const {
  const std::string count = std::to_string(size());
  if (kind() == DomainKind::cells) return impl_->cells.name + ", " + count + " on the sphere";
  if (kind() == DomainKind::surface)
    return "triangle mesh of " + count + " vertices and " + std::to_string(impl_->mesh.triangles.size()) +
           " triangles";
  const std::string shape = std::to_string(size() / columns()) + " x " + std::to_string(columns());
  if (kind() == DomainKind::curvilinear) return "curvilinear " + shape;
  if (kind() == DomainKind::plane) return "flat image " + shape;
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
