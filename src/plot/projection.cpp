#include "manifill/plot/projection.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "manifill/domain/sphere.hpp"
#include "plane_frame.hpp"

namespace manifill::plot {
namespace {

// Equal Earth's polynomial in the parametric latitude t, sin t = sqrt(3)/2 sin(latitude).
constexpr double kA1 = 1.340264, kA2 = -0.081106, kA3 = 0.000893, kA4 = 0.003796;
const double kM = std::sqrt(3.0) / 2.0;

double earth_y(double t) {
  const double t2 = t * t, t6 = t2 * t2 * t2;
  return t * (kA1 + kA2 * t2 + t6 * (kA3 + kA4 * t2));
}

double earth_dy(double t) {
  const double t2 = t * t, t6 = t2 * t2 * t2;
  return kA1 + 3 * kA2 * t2 + t6 * (7 * kA3 + 9 * kA4 * t2);
}

double parametric(double latitude) { return std::asin(kM * std::sin(latitude * domain::kDegree)); }

/// Radius of a parallel in the azimuthal equal-area map, colatitude in degrees.
double azimuthal_radius(double colatitude) { return 2 * std::sin(0.5 * colatitude * domain::kDegree); }

std::vector<double> edges_between(const std::vector<double>& centres) {
  const std::size_t n = centres.size();
  std::vector<double> edges(n + 1);
  const double first = n > 1 ? centres[1] - centres[0] : 1.0;
  const double last = n > 1 ? centres[n - 1] - centres[n - 2] : 1.0;
  edges[0] = centres[0] - 0.5 * first;
  for (std::size_t i = 1; i < n; ++i) edges[i] = 0.5 * (centres[i - 1] + centres[i]);
  edges[n] = centres[n - 1] + 0.5 * last;
  return edges;
}

}  // namespace

CellEdges cell_edges(const domain::LatLonShape& shape) {
  CellEdges edges{edges_between(shape.latitude), edges_between(shape.longitude)};
  for (double& e : edges.latitude) e = std::clamp(e, -90.0, 90.0);
  const bool rising = shape.nlat() < 2 || shape.latitude[1] > shape.latitude[0];
  double& northern = rising ? edges.latitude.back() : edges.latitude.front();
  double& southern = rising ? edges.latitude.front() : edges.latitude.back();
  // A Gaussian grid's outermost row falls short of the pole; its cell does not.
  if (shape.north_pole) northern = 90.0;
  if (shape.south_pole) southern = -90.0;
  return edges;
}

Projection Projection::equal_earth(double central_longitude) {
  Projection p;
  p.kind_ = ProjectionKind::equal_earth;
  p.central_ = central_longitude;
  p.extent_ = {central_longitude - 180, central_longitude + 180, -90, 90};
  p.east_ = std::numbers::pi / (kM * earth_dy(0));
  p.west_ = -p.east_;
  p.north_ = earth_y(parametric(90));
  p.south_ = -p.north_;
  p.close_outline();
  return p;
}

Projection Projection::polar(bool north, double edge_latitude, double central_longitude) {
  Projection p;
  p.kind_ = ProjectionKind::polar;
  p.central_ = central_longitude;
  p.pole_ = north ? 1.0 : -1.0;
  p.rim_ = azimuthal_radius(90 - p.pole_ * edge_latitude);
  p.east_ = p.north_ = p.rim_;
  p.west_ = p.south_ = -p.rim_;
  p.extent_ = {central_longitude - 180, central_longitude + 180, north ? edge_latitude : -90,
               north ? 90 : edge_latitude};
  p.close_outline();
  return p;
}

Projection Projection::plate_carree(double west, double east, double south, double north) {
  Projection p;
  p.kind_ = ProjectionKind::plate_carree;
  p.central_ = 0.5 * (west + east);
  // A region that reaches a pole has no useful mid latitude beyond this.
  p.cosine_ = std::max(0.2, std::cos(0.5 * (south + north) * domain::kDegree));
  p.extent_ = {west, east, south, north};
  // Not by forward(): rounding may carry an edge 180 degrees away over to the other side.
  p.east_ = 0.5 * (east - west) * domain::kDegree * p.cosine_;
  p.west_ = -p.east_;
  p.south_ = south * domain::kDegree;
  p.north_ = north * domain::kDegree;
  p.close_outline();
  return p;
}

Region region_of(const domain::Domain& domain) {
  if (domain.kind() == domain::DomainKind::lat_lon) {
    const domain::LatLonShape& shape = domain.lat_lon();
    const CellEdges edges = cell_edges(shape);
    const auto [south, north] = std::minmax(edges.latitude.front(), edges.latitude.back());
    const auto [west, east] = std::minmax(edges.longitude.front(), edges.longitude.back());
    const bool round = shape.periodic || east - west > 350;
    return {west, round ? west + 360 : east, south, north, round};
  }
  auto longitude = domain.longitudes();
  const auto latitude = domain.latitudes();
  const auto [south, north] = std::minmax_element(latitude.begin(), latitude.end());
  // The region begins east of the widest gap between longitudes.
  for (auto& x : longitude) x -= 360 * std::floor(x / 360);
  std::sort(longitude.begin(), longitude.end());
  double west = longitude.front(), gap = longitude.front() + 360 - longitude.back();
  for (std::size_t i = 1; i < longitude.size(); ++i)
    if (longitude[i] - longitude[i - 1] > gap) {
      gap = longitude[i] - longitude[i - 1];
      west = longitude[i];
    }
  const double margin = 90 / std::sqrt(static_cast<double>(domain.size()));
  double low = std::max(-90.0, *south - margin), high = std::min(90.0, *north + margin);
  if (gap < 60) {
    // The cells about a pole reach it, however far their centres keep off.
    if (*south < -90 + 2 * margin) low = -90;
    if (*north > 90 - 2 * margin) high = 90;
    return {west, west + 360, low, high, true};
  }
  return {west - margin, west + 360 - gap + margin, low, high, false};
}

Projection Projection::suited_to(const domain::Domain& domain) {
  const Region r = region_of(domain);
  // Greenwich in the middle whatever the file's first column: readers find their continents.
  if (r.global()) return equal_earth(0);
  if (domain.kind() == domain::DomainKind::lat_lon && r.round) {
    if (r.south >= 20 && r.north > 80) return polar(true, r.south, 0);
    if (r.north <= -20 && r.south < -80) return polar(false, r.north, 0);
  }
  return plate_carree(r.west, r.east, r.south, r.north);
}

Projection Projection::proj(domain::MapProjection map, const domain::Domain& domain) {
  Projection p;
  p.kind_ = ProjectionKind::proj;
  PlaneFrame frame = frame_of(map, domain);
  p.west_ = frame.west;
  p.east_ = frame.east;
  p.south_ = frame.south;
  p.north_ = frame.north;
  p.extent_ = frame.extent;
  p.central_ = 0.5 * (frame.extent[0] + frame.extent[1]);
  p.outline_ = std::move(frame.outline);
  p.radius_ = map.radius();
  p.map_ = std::move(map);
  return p;
}

double Projection::relative_longitude(double longitude) const {
  double d = longitude - central_;
  if (d < -180 || d > 180) d -= 360 * std::floor((d + 180) / 360);
  return d;
}

std::optional<PlanePoint> Projection::forward(const Place& place) const {
  const double relative = relative_longitude(place.longitude) * domain::kDegree;
  switch (kind_) {
    case ProjectionKind::equal_earth: {
      const double t = parametric(place.latitude);
      return PlanePoint{relative * std::cos(t) / (kM * earth_dy(t)), earth_y(t)};
    }
    case ProjectionKind::polar: {
      const double radius = azimuthal_radius(90 - pole_ * place.latitude);
      return PlanePoint{radius * std::sin(relative), -pole_ * radius * std::cos(relative)};
    }
    case ProjectionKind::proj:
      return plane_of(*map_, radius_, place);
    case ProjectionKind::plate_carree:
      break;
  }
  return PlanePoint{relative * cosine_, place.latitude * domain::kDegree};
}

std::optional<Place> Projection::inverse(const PlanePoint& point) const {
  constexpr double slack = 1e-12;
  switch (kind_) {
    case ProjectionKind::equal_earth: {
      if (std::abs(point.y) > north_ + slack) return std::nullopt;
      double t = point.y / kA1;
      for (int i = 0; i < 8; ++i) {  // Newton; the derivative stays above 0.9 on the globe
        const double step = (earth_y(t) - point.y) / earth_dy(t);
        t -= step;
        if (std::abs(step) < 1e-12) break;
      }
      const double relative = point.x * kM * earth_dy(t) / (std::cos(t) * domain::kDegree);
      if (std::abs(relative) > 180 + 1e-9) return std::nullopt;
      return Place{central_ + relative, std::asin(std::clamp(std::sin(t) / kM, -1.0, 1.0)) / domain::kDegree};
    }
    case ProjectionKind::polar: {
      const double radius = std::hypot(point.x, point.y);
      if (radius > rim_ + slack) return std::nullopt;
      const double colatitude = 2 * std::asin(std::min(1.0, 0.5 * radius)) / domain::kDegree;
      return Place{central_ + std::atan2(point.x, -pole_ * point.y) / domain::kDegree,
                   pole_ * (90 - colatitude)};
    }
    case ProjectionKind::proj:
    case ProjectionKind::plate_carree:
      break;
  }
  if (point.x < west_ - slack || point.x > east_ + slack || point.y < south_ - slack ||
      point.y > north_ + slack)
    return std::nullopt;
  if (map_) return place_of(*map_, radius_, point);
  return Place{central_ + point.x / (cosine_ * domain::kDegree), point.y / domain::kDegree};
}

PlaneLines Projection::trace(const std::vector<Place>& line, double step) const {
  LineTracer tracer([this](const Place& place) { return forward(place); }, step,
                    {west_, east_, south_, north_});
  for (const Place& place : line) tracer.to(place);
  return tracer.lines();
}

void Projection::close_outline() {
  std::vector<PlanePoint> line;
  switch (kind_) {
    case ProjectionKind::equal_earth:
      for (const int side : {1, -1})
        for (int lat = -90; lat <= 90; ++lat)
          line.push_back(*forward({central_ + 180 * side, static_cast<double>(side * lat)}));
      break;
    case ProjectionKind::polar:
      for (int k = 0; k < 360; ++k)
        line.push_back({rim_ * std::cos(k * domain::kDegree), rim_ * std::sin(k * domain::kDegree)});
      break;
    case ProjectionKind::proj:
    case ProjectionKind::plate_carree:
      line = {{west_, south_}, {east_, south_}, {east_, north_}, {west_, north_}};
      break;
  }
  line.push_back(line.front());
  outline_ = {line};
}

}  // namespace manifill::plot
