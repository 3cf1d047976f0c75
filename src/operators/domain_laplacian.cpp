#include "manifill/operators/domain_laplacian.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/domain/sphere.hpp"
#include "manifill/domain/sphere_delaunay.hpp"

namespace manifill::operators {
namespace {

using Point = std::array<double, 3>;

constexpr double kGrowth = 1.3;    // of the steps beyond an edge
constexpr double kNearPole = 0.5;  // degrees: no row beyond an edge comes nearer
constexpr double kAtPole = 1e-6;   // degrees
constexpr std::size_t kNeighbours = 24;

/// Coordinates of a grid's axis, with those beyond its ends.
struct Axis {
  std::vector<double> values;
  std::size_t first = 0;  // index of the axis's own first value
};

/// Distances from an edge of the lines beyond it: growing steps up to `reach`.
std::vector<double> growing_steps(double step, double reach) {
  std::vector<double> out;
  for (double at = step; at < reach * kGrowth && step > 0.0; step *= kGrowth, at += step) out.push_back(at);
  return out;
}

/// Goes on beyond both ends of an axis. \param low, high limits that the values keep within
Axis extended(const std::vector<double>& values, double reach, double low, double high) {
  Axis out;
  const std::size_t n = values.size();
  const double sign = values.back() > values.front() ? 1.0 : -1.0;
  const auto within = [&](double v) { return v > low && v < high; };
  for (const double d : growing_steps(std::abs(values[1] - values[0]), reach))
    if (within(values.front() - sign * d)) out.values.insert(out.values.begin(), values.front() - sign * d);
  out.first = out.values.size();
  out.values.insert(out.values.end(), values.begin(), values.end());
  for (const double d : growing_steps(std::abs(values[n - 1] - values[n - 2]), reach))
    if (within(values.back() + sign * d)) out.values.push_back(values.back() + sign * d);
  return out;
}

/// Points in rows and columns, some of them the domain's.
struct Lattice {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<Point> points{};  // [row][column]
  std::size_t first_row = 0;    // of the domain's
  std::size_t first_column = 0;
  bool periodic = false;
  std::optional<Point> before{};  // a pole that the first row surrounds
  std::optional<Point> behind{};  // that the last row surrounds
};

/// Vertices and triangles of a lattice; points in one place share a vertex.
class LatticeMesh {
 public:
  explicit LatticeMesh(const Lattice& lattice) : lattice_(lattice) {
    for (const Point& p : lattice.points) vertex_.push_back(vertex_at(p));
    const std::size_t wide = lattice.periodic ? lattice.columns : lattice.columns - 1;
    for (std::size_t r = 0; r + 1 < lattice.rows; ++r)
      for (std::size_t c = 0; c < wide; ++c) add_cell(r, c);
    if (lattice.before) add_fan(*lattice.before, 0);
    if (lattice.behind) add_fan(*lattice.behind, lattice.rows - 1);
  }

  [[nodiscard]] const domain::TriangleMesh& mesh() const { return mesh_; }
  [[nodiscard]] std::uint32_t vertex(std::size_t row, std::size_t column) const {
    return vertex_[row * lattice_.columns + column % lattice_.columns];
  }

 private:
  std::uint32_t vertex_at(const Point& p) {
    const auto [found, fresh] = places_.try_emplace(p, static_cast<std::uint32_t>(mesh_.vertices.size()));
    if (fresh) mesh_.vertices.push_back(p);
    return found->second;
  }

  void add(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    if (a != b && b != c && c != a) mesh_.triangles.push_back({a, b, c});
  }

  /// Two triangles between two rows, along the shorter diagonal.
  void add_cell(std::size_t r, std::size_t c) {
    const std::uint32_t a = vertex(r, c);
    const std::uint32_t b = vertex(r, c + 1);
    const std::uint32_t d = vertex(r + 1, c);
    const std::uint32_t e = vertex(r + 1, c + 1);
    if (domain::distance(mesh_.vertices[a], mesh_.vertices[e]) <=
        domain::distance(mesh_.vertices[b], mesh_.vertices[d])) {
      add(a, b, e);
      add(a, e, d);
    } else {
      add(a, b, d);
      add(b, e, d);
    }
  }

  void add_fan(const Point& pole, std::size_t row) {
    const std::uint32_t top = vertex_at(pole);
    for (std::size_t c = 0; c < lattice_.columns; ++c) add(top, vertex(row, c), vertex(row, c + 1));
  }

  const Lattice& lattice_;
  domain::TriangleMesh mesh_{};
  std::vector<std::uint32_t> vertex_{};  // [row][column]
  std::map<Point, std::uint32_t> places_{};
};

Point on_earth(double latitude, double longitude) {
  const Point p = std::abs(latitude) > 90.0 - kAtPole ? Point{0.0, 0.0, std::copysign(1.0, latitude)}
                                                      : domain::unit_vector(latitude, longitude);
  const double r = domain::kEarthRadiusKm;
  return {r * p[0], r * p[1], r * p[2]};
}

/// The pole that a row surrounds, if no other row would fit between.
std::optional<Point> surrounded(double latitude, double step) {
  const double left = 90.0 - std::abs(latitude);
  if (left < kAtPole || left > 1.05 * std::abs(step)) return std::nullopt;
  return on_earth(std::copysign(90.0, latitude), 0.0);
}

Lattice lat_lon_lattice(const domain::LatLonShape& shape, double margin) {
  const double height = std::abs(shape.latitude.back() - shape.latitude.front());
  const double width = std::abs(shape.longitude.back() - shape.longitude.front());
  const double reach = margin * (shape.periodic ? height : std::min(height, width));
  const double edge = 90.0 - kNearPole;
  const auto& own = shape.latitude;
  const double first_step = own[1] - own[0];
  const double last_step = own[own.size() - 1] - own[own.size() - 2];
  const auto before = shape.periodic ? surrounded(own.front(), first_step) : std::nullopt;
  const auto behind = shape.periodic ? surrounded(own.back(), last_step) : std::nullopt;
  const Axis latitude =
      extended(own, reach, before || own.front() < -edge || own.back() < -edge ? -90.0 : -edge, edge);
  Axis longitude{.values = shape.longitude};
  if (!shape.periodic) {
    const double west = std::min(shape.longitude.front(), shape.longitude.back());
    const double spare = 0.45 * (360.0 - width);  // on each side, so that the edges do not meet
    longitude = extended(shape.longitude, reach, west - spare, west + width + spare);
  }
  Lattice out{.rows = latitude.values.size(),
              .columns = longitude.values.size(),
              .first_row = latitude.first,
              .first_column = longitude.first,
              .periodic = shape.periodic,
              .before = before,
              .behind = behind};
  for (const double lat : latitude.values)
    for (const double lon : longitude.values) out.points.push_back(on_earth(lat, lon));
  return out;
}

Point beyond(const Point& edge, const Point& inner, double ratio) {
  Point p;
  for (std::size_t k = 0; k < 3; ++k) p[k] = edge[k] + ratio * (edge[k] - inner[k]);
  return p;
}

/// Rows before the first and behind the last, in the direction of the last step, on the sphere where there is
/// one.
void extend_rows(Lattice& lattice, double share, bool spherical) {
  const auto at = [&](std::size_t r, std::size_t c) { return lattice.points[r * lattice.columns + c]; };
  const auto steps = growing_steps(1.0, share * static_cast<double>(lattice.rows));
  std::vector<Point> out;
  const auto add_row = [&](std::size_t edge, std::size_t inner, double ratio) {
    for (std::size_t c = 0; c < lattice.columns; ++c) {
      Point p = beyond(at(edge, c), at(inner, c), ratio);
      if (spherical) {
        const double length = std::hypot(p[0], p[1], p[2]);
        for (double& x : p) x *= domain::kEarthRadiusKm / length;
      }
      out.push_back(p);
    }
  };
  for (auto s = steps.rbegin(); s != steps.rend(); ++s) add_row(0, 1, *s);
  out.insert(out.end(), lattice.points.begin(), lattice.points.end());
  for (const double s : steps) add_row(lattice.rows - 1, lattice.rows - 2, s);
  lattice.points = std::move(out);
  lattice.first_row += steps.size();
  lattice.rows += 2 * steps.size();
}

void transpose(Lattice& lattice) {
  std::vector<Point> out;
  out.reserve(lattice.points.size());
  for (std::size_t c = 0; c < lattice.columns; ++c)
    for (std::size_t r = 0; r < lattice.rows; ++r) out.push_back(lattice.points[r * lattice.columns + c]);
  lattice.points = std::move(out);
  std::swap(lattice.rows, lattice.columns);
  std::swap(lattice.first_row, lattice.first_column);
}

Lattice point_lattice(const domain::Domain& d, double margin) {
  Lattice out{.rows = d.size() / d.columns(), .columns = d.columns()};
  const double scale = d.spherical() ? domain::kEarthRadiusKm : 1.0;
  for (const Point& p : d.points()) out.points.push_back({scale * p[0], scale * p[1], scale * p[2]});
  out.periodic = d.kind() == domain::DomainKind::curvilinear && d.periodic();
  if (margin <= 0.0 || out.periodic) return out;  // what is all round may fold over a pole
  const double shorter = static_cast<double>(std::min(out.rows, out.columns));
  const double across = margin * shorter / static_cast<double>(out.rows);
  const double along = margin * shorter / static_cast<double>(out.columns);
  extend_rows(out, across, d.spherical());
  transpose(out);
  extend_rows(out, along, d.spherical());
  transpose(out);
  return out;
}

DomainLaplacian of_lattice(const Lattice& lattice, std::size_t rows, std::size_t columns) {
  const LatticeMesh triangles(lattice);
  DomainLaplacian out{.laplacian = cotangent_laplacian(triangles.mesh())};
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c)
      out.of_point.push_back(triangles.vertex(lattice.first_row + r, lattice.first_column + c));
  return out;
}

std::vector<std::uint32_t> every_point(std::size_t points) {
  std::vector<std::uint32_t> out(points);
  for (std::size_t i = 0; i < points; ++i) out[i] = static_cast<std::uint32_t>(i);
  return out;
}

/// Linear elements between the centres of cells, whose areas are the mass; between near points where a cell
/// is in no triangle.
DomainLaplacian of_cells(const domain::Domain& d) {
  DomainLaplacian out{.of_point = every_point(d.size())};
  std::vector<Point> points;
  for (const Point& p : d.points())
    points.push_back(
        {domain::kEarthRadiusKm * p[0], domain::kEarthRadiusKm * p[1], domain::kEarthRadiusKm * p[2]});
  std::vector<double> areas;
  for (const double w : d.weights()) areas.push_back(w * d.area());
  const domain::TriangleMesh mesh{.vertices = points, .triangles = domain::sphere_delaunay(d.points())};
  std::vector<bool> covered(d.size(), false);
  for (const auto& t : mesh.triangles)
    for (const auto corner : t) covered[corner] = true;
  if (std::find(covered.begin(), covered.end(), false) != covered.end()) {
    out.laplacian = point_laplacian(points, areas, {.neighbours = std::min(kNeighbours, d.size() - 1)});
    return out;
  }
  out.laplacian = cotangent_laplacian(mesh);
  out.laplacian.mass = Eigen::Map<const Eigen::VectorXd>(areas.data(), out.laplacian.mass.size());
  return out;
}

}  // namespace

DomainLaplacian domain_laplacian(const domain::Domain& d, double margin) {
  if (d.kind() == domain::DomainKind::surface)
    return {.laplacian = cotangent_laplacian(d.mesh()), .of_point = every_point(d.size())};
  if (d.kind() == domain::DomainKind::cells) return of_cells(d);
  const std::size_t rows = d.size() / d.columns();
  if (rows < 2 || d.columns() < 2)
    throw Error(ErrorKind::input, "a grid of one row or column has no Laplacian",
                {.remedy = "Give a grid of two rows and columns at least"});
  if (d.kind() == domain::DomainKind::lat_lon)
    return of_lattice(lat_lon_lattice(d.lat_lon(), margin), rows, d.columns());
  return of_lattice(point_lattice(d, margin), rows, d.columns());
}

}  // namespace manifill::operators
