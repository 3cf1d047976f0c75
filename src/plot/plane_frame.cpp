#include "plane_frame.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/domain/sphere.hpp"

namespace manifill::plot {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Of a map without bounds, what is stretched beyond this many times the area of its quieter quarter is cut.
constexpr double kMostStretched = 16.0;
constexpr double kReturn = 1e-4;    // radians within which a place must come back: less than a pixel
constexpr int kHalvings = 14;       // of a step between places, until a gap in the plane is taken for one
constexpr int kOutlineCells = 640;  // along the longer side; a chord of a circle departs by a 400000th of it

double distance(const PlanePoint& a, const PlanePoint& b) { return std::hypot(a.x - b.x, a.y - b.y); }

/// Places that stand for a domain, in lines where it has such.
std::vector<std::vector<Place>> lines_of(const domain::Domain& domain) {
  std::vector<std::vector<Place>> lines;
  const Region region = region_of(domain);
  if (domain.kind() == domain::DomainKind::lat_lon || region.global()) {
    // At least 48 steps, none wider than 2 degrees.
    const auto steps = [](double span) { return std::max(48, static_cast<int>(std::ceil(span / 2.0))); };
    const int rows = steps(region.north - region.south);
    const int columns = steps(region.east - region.west);
    const auto place = [&](int i, int j) {
      return Place{region.west + (region.east - region.west) * j / columns,
                   region.south + (region.north - region.south) * i / rows};
    };
    for (int i = 0; i <= rows; ++i) {
      lines.emplace_back();
      for (int j = 0; j <= columns; ++j) lines.back().push_back(place(i, j));
    }
    for (int j = 0; j <= columns; ++j) {
      lines.emplace_back();
      for (int i = 0; i <= rows; ++i) lines.back().push_back(place(i, j));
    }
    return lines;
  }
  constexpr std::size_t most = 20000;
  const auto latitude = domain.latitudes();
  const auto longitude = domain.longitudes();
  const std::size_t stride = std::max<std::size_t>(1, domain.size() / most);
  for (std::size_t k = 0; k < domain.size(); k += stride) lines.push_back({{longitude[k], latitude[k]}});
  return lines;
}

/// Half of what the points of a list are apart, radians: how far cells reach beyond their centres.
double half_spacing(const domain::Domain& domain) {
  constexpr std::size_t looks = 500;
  std::vector<double> apart;
  for (std::size_t k = 0; k < domain.size(); k += std::max<std::size_t>(1, domain.size() / looks))
    for (const auto n : domain.neighbours(k)) apart.push_back(domain.chord(k, n) / domain::kEarthRadiusKm);
  if (apart.empty()) return 0.0;
  const auto middle = apart.begin() + static_cast<std::ptrdiff_t>(apart.size() / 2);
  std::nth_element(apart.begin(), middle, apart.end());
  return 0.5 * *middle;
}

/// The smallest box round what is seen and not stretched too much; empty: nothing.
void find_box(const domain::MapProjection& map, const domain::Domain& domain, PlaneFrame& frame) {
  const double radius = map.radius();
  const auto lines = lines_of(domain);
  std::vector<std::vector<double>> scales;
  std::vector<double> known;
  for (const auto& line : lines) {
    scales.emplace_back();
    for (const Place& p : line) {
      scales.back().push_back(map.areal_scale(p.longitude, p.latitude));
      if (std::isfinite(scales.back().back())) known.push_back(scales.back().back());
    }
  }
  double most = kInfinity;
  if (!known.empty()) {
    const auto quarter = known.begin() + static_cast<std::ptrdiff_t>(known.size() / 4);
    std::nth_element(known.begin(), quarter, known.end());
    most = kMostStretched * *quarter;
  }
  frame = {kInfinity, -kInfinity, kInfinity, -kInfinity, {}, {}};
  const LineTracer::Forward forward = [&](const Place& p) { return plane_of(map, radius, p); };
  for (std::size_t l = 0; l < lines.size(); ++l) {
    LineTracer tracer(forward, 0.05, {-kInfinity, kInfinity, -kInfinity, kInfinity});
    std::vector<LineTracer> parts{tracer};
    for (std::size_t k = 0; k < lines[l].size(); ++k) {
      if (scales[l][k] > most)
        parts.push_back(tracer);
      else
        parts.back().to(lines[l][k]);
    }
    for (const auto& part : parts)
      for (const auto& piece : part.lines())
        for (const PlanePoint& p : piece) {
          frame.west = std::min(frame.west, p.x);
          frame.east = std::max(frame.east, p.x);
          frame.south = std::min(frame.south, p.y);
          frame.north = std::max(frame.north, p.y);
        }
  }
}

/// The line round what can be inverted, by marching squares: every crossing of a side of the grid is found by
/// halving, and in each square crossings are joined. The grid has a rim outside the frame, where nothing is.
class OutlineFinder {
 public:
  OutlineFinder(const domain::MapProjection& map, PlaneFrame& frame)
      : map_(map), radius_(map.radius()), frame_(frame) {
    const double width = frame.east - frame.west, height = frame.north - frame.south;
    const double cell = std::max(width, height) / kOutlineCells;
    columns_ = std::max(16, static_cast<int>(std::ceil(width / cell)));
    rows_ = std::max(16, static_cast<int>(std::ceil(height / cell)));
    inside_.assign(static_cast<std::size_t>(columns_ + 3) * static_cast<std::size_t>(rows_ + 3), 0);
    for (int j = 0; j <= rows_; ++j)
      for (int i = 0; i <= columns_; ++i)
        if (const auto place = place_of(map_, radius_, node(i, j))) {
          inside_[index(i, j)] = 1;
          places_.push_back(*place);
        }
  }

  [[nodiscard]] const std::vector<Place>& places() const { return places_; }

  PlaneLines outline() {
    for (int j = -1; j <= rows_; ++j)
      for (int i = -1; i <= columns_; ++i) square(i, j);
    PlaneLines lines;
    while (!next_.empty()) {
      const Side first = next_.begin()->first;
      std::vector<PlanePoint> line;
      for (Side at = first;;) {
        const auto found = next_.find(at);
        if (found == next_.end()) break;
        line.push_back(crossing(at));
        const Side to = found->second;
        next_.erase(found);
        at = to;
      }
      line.push_back(line.front());
      lines.push_back(std::move(line));
    }
    return lines;
  }

 private:
  /// A side of the grid: from node (i, j) to the right (0) or up (1).
  struct Side {
    int i = 0, j = 0, up = 0;
    friend bool operator<(const Side& a, const Side& b) {
      return std::tie(a.j, a.i, a.up) < std::tie(b.j, b.i, b.up);
    }
  };
  [[nodiscard]] PlanePoint node(int i, int j) const {
    return {frame_.west + (frame_.east - frame_.west) * i / columns_,
            frame_.south + (frame_.north - frame_.south) * j / rows_};
  }
  [[nodiscard]] std::size_t index(int i, int j) const {
    return static_cast<std::size_t>(j + 1) * static_cast<std::size_t>(columns_ + 3) +
           static_cast<std::size_t>(i + 1);
  }
  [[nodiscard]] bool on_rim(int i, int j) const { return i < 0 || j < 0 || i > columns_ || j > rows_; }

  /// Joins the crossings of a square so that what is inside lies to the left.
  void square(int i, int j) {
    const std::array<bool, 4> corner{inside_[index(i, j)] != 0, inside_[index(i + 1, j)] != 0,
                                     inside_[index(i + 1, j + 1)] != 0, inside_[index(i, j + 1)] != 0};
    const std::array<Side, 4> side{Side{i, j, 0}, Side{i + 1, j, 1}, Side{i, j + 1, 0}, Side{i, j, 1}};
    // Each run of corners inside is cut off by one line, so that opposite corners stay apart.
    for (std::size_t k = 0; k < 4; ++k) {
      if (!corner[k] || corner[(k + 1) % 4]) continue;
      std::size_t first = k;
      while (corner[(first + 3) % 4]) first = (first + 3) % 4;
      next_[side[k]] = side[(first + 3) % 4];
    }
  }

  [[nodiscard]] PlanePoint crossing(const Side& s) const {
    int i = s.i, j = s.j, i2 = s.i + 1 - s.up, j2 = s.j + s.up;
    if (inside_[index(i, j)] == 0) std::swap(i, i2), std::swap(j, j2);
    PlanePoint in = node(i, j);
    if (on_rim(i2, j2)) return in;
    PlanePoint out = node(i2, j2);
    for (int k = 0; k < 20; ++k) {
      const PlanePoint middle{0.5 * (in.x + out.x), 0.5 * (in.y + out.y)};
      (place_of(map_, radius_, middle) ? in : out) = middle;
    }
    return in;
  }

  const domain::MapProjection& map_;
  double radius_;
  const PlaneFrame& frame_;
  int columns_ = 0, rows_ = 0;
  std::vector<std::uint8_t> inside_{};
  std::vector<Place> places_{};
  std::map<Side, Side> next_{};
};

/// Degrees of what a map shows.
std::array<double, 4> extent_of(const std::vector<Place>& places) {
  std::vector<double> longitude;
  double south = 90, north = -90;
  for (const Place& p : places) {
    longitude.push_back(p.longitude - 360 * std::floor(p.longitude / 360));
    south = std::min(south, p.latitude);
    north = std::max(north, p.latitude);
  }
  std::sort(longitude.begin(), longitude.end());
  double west = longitude.front(), gap = longitude.front() + 360 - longitude.back();
  for (std::size_t k = 1; k < longitude.size(); ++k)
    if (longitude[k] - longitude[k - 1] > gap) {
      gap = longitude[k] - longitude[k - 1];
      west = longitude[k];
    }
  if (gap < 20) return {-180, 180, south, north};
  return {west, west + 360 - gap, south, north};
}

}  // namespace

std::optional<PlanePoint> plane_of(const domain::MapProjection& map, double radius, const Place& place) {
  const auto p = map.forward(place.longitude, place.latitude);
  if (!p) return std::nullopt;
  // Beyond what they are good for some projections give numbers all the same, a transverse Mercator does.
  const auto back = map.inverse((*p)[0], (*p)[1]);
  if (!back) return std::nullopt;
  const auto there = domain::unit_vector(place.latitude, place.longitude);
  const auto here = domain::unit_vector((*back)[1], (*back)[0]);
  if (std::hypot(there[0] - here[0], there[1] - here[1], there[2] - here[2]) > kReturn) return std::nullopt;
  return PlanePoint{(*p)[0] / radius, (*p)[1] / radius};
}

std::optional<Place> place_of(const domain::MapProjection& map, double radius, const PlanePoint& point) {
  const auto p = map.inverse(radius * point.x, radius * point.y);
  if (!p) return std::nullopt;
  return Place{(*p)[0], (*p)[1]};
}

LineTracer::LineTracer(Forward forward, double step, std::array<double, 4> frame)
    : forward_(std::move(forward)), step_(step), frame_(frame) {}

void LineTracer::to(const Place& place) {
  Stop next{place, forward_(place)};
  if (last_) {
    // The short way round.
    next.place.longitude =
        last_->place.longitude + std::remainder(place.longitude - last_->place.longitude, 360.0);
    between(*last_, next, kHalvings);
  } else if (next.point) {
    lines_.push_back({*next.point});
  }
  last_ = next;
}

void LineTracer::between(const Stop& a, const Stop& b, int depth) {
  if (!a.point && !b.point) return;
  if (a.point && b.point && (distance(*a.point, *b.point) <= step_ || outside(*a.point, *b.point))) {
    lines_.back().push_back(*b.point);
    return;
  }
  if (depth == 0) {
    if (b.point) lines_.push_back({*b.point});
    return;
  }
  const Place place{0.5 * (a.place.longitude + b.place.longitude),
                    0.5 * (a.place.latitude + b.place.latitude)};
  const Stop middle{place, forward_(place)};
  between(a, middle, depth - 1);
  between(middle, b, depth - 1);
}

bool LineTracer::outside(const PlanePoint& a, const PlanePoint& b) const {
  const auto [west, east, south, north] = frame_;
  return std::max(a.x, b.x) < west || std::min(a.x, b.x) > east || std::max(a.y, b.y) < south ||
         std::min(a.y, b.y) > north;
}

PlaneFrame frame_of(const domain::MapProjection& map, const domain::Domain& domain) {
  PlaneFrame frame;
  find_box(map, domain, frame);
  const auto refused = [&] {
    return Error(ErrorKind::usage, "the projection '" + map.definition() + "' shows nothing of the grid",
                 {.remedy = "Move its centre (+lon_0, +lat_0) to where the data are"});
  };
  if (!(frame.west <= frame.east)) throw refused();
  const bool listed = domain.kind() != domain::DomainKind::lat_lon && !region_of(domain).global();
  // A single point needs some room too.
  const double least = 1e-4;
  const double around = listed ? std::max(least, half_spacing(domain)) : 0.0;
  frame.west -= around;
  frame.east += around;
  frame.south -= around;
  frame.north += around;
  OutlineFinder finder(map, frame);
  if (finder.places().empty()) throw refused();
  frame.extent = extent_of(finder.places());
  // Poles at tips of the map lie between the samples.
  const double slack = 1e-3 * (frame.north - frame.south);
  for (const double side : {-1.0, 1.0})
    for (int longitude = -180; longitude < 180; longitude += 15) {
      const auto p = plane_of(map, map.radius(), {static_cast<double>(longitude), side * (90 - 1e-3)});
      if (p && p->x > frame.west - slack && p->x < frame.east + slack && p->y > frame.south - slack &&
          p->y < frame.north + slack)
        frame.extent[side < 0 ? 2 : 3] = 90 * side;
    }
  frame.outline = finder.outline();
  return frame;
}

}  // namespace manifill::plot
