#include "map_lines.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "manifill/domain/sphere.hpp"
#include "manifill/plot/coastlines.hpp"
#include "manifill/plot/ticks.hpp"

namespace manifill::plot {
namespace {

/// Line widths a degree below which the coarse coast is drawn: fjords would run into blots.
constexpr double kFineScale = 4.0;

/// Of the map's width; the steps by which lines are followed. A gap that is shorter is not seen as one.
constexpr double kStep = 0.005;

/// Adds a line of places to the path, cut where it leaves one side of the map and comes back on the other.
void line_path(const Canvas& canvas, const MapView& view, const std::vector<Place>& line) {
  for (const auto& piece : view.projection.trace(line, kStep * view.projection.width())) {
    cairo_new_sub_path(canvas.cairo());
    for (const PlanePoint& p : piece) {
      const auto [x, y] = view.pixel(p);
      cairo_line_to(canvas.cairo(), x, y);
    }
  }
}

void clip_to_map(const Canvas& canvas, const MapView& view) {
  outline_path(canvas, view);
  cairo_set_fill_rule(canvas.cairo(), CAIRO_FILL_RULE_EVEN_ODD);
  cairo_clip(canvas.cairo());
}

/// A step for degrees that people count in.
double degree_step(double span, double lines) {
  for (const double step : {5.0, 10.0, 20.0, 30.0, 60.0})
    if (span / step <= lines) return step;
  return 90.0;
}

std::vector<double> degrees_between(double lowest, double highest, double lines) {
  if (highest - lowest < 5 * lines) return nice_ticks(lowest, highest, static_cast<int>(lines));
  const double step = degree_step(highest - lowest, lines);
  std::vector<double> degrees;
  for (double k = std::ceil(lowest / step - 1e-9); k * step <= highest + 1e-9; ++k)
    degrees.push_back(k * step);
  return degrees;
}

/// Whether meridians run together in a point on the map: at its middle, not at its edge.
bool meridians_meet(const Projection& projection, double pole) {
  const double near = pole > 0 ? pole - 1 : pole + 1;
  const auto middle = projection.forward({0, pole});
  for (const double longitude : {0.0, 90.0}) {
    const auto a = projection.forward({longitude, near}), b = projection.forward({longitude + 180, near});
    if (!middle || !a || !b) return false;
    const double across = std::hypot(a->x - b->x, a->y - b->y);
    if (std::hypot(0.5 * (a->x + b->x) - middle->x, 0.5 * (a->y + b->y) - middle->y) > 0.1 * across)
      return false;
  }
  return true;
}

std::vector<Place> parallel(const Projection& projection, double latitude) {
  const auto [west, east, south, north] = projection.extent();
  const bool curved = projection.kind() == ProjectionKind::polar || projection.kind() == ProjectionKind::proj;
  const int points = curved ? 181 : 5;  // no step may reach half-way round
  std::vector<Place> line;
  line.reserve(static_cast<std::size_t>(points));
  for (int k = 0; k < points; ++k)
    line.push_back({west + 1e-9 + (east - west - 2e-9) * k / (points - 1), latitude});
  return line;
}

std::vector<Place> meridian(const Projection& projection, double longitude) {
  const auto [west, east, south, north] = projection.extent();
  // Short of a pole in the middle of the map, where they would make a blot.
  const double top = meridians_meet(projection, 90) ? std::min(north, 85.0) : north;
  const double bottom = meridians_meet(projection, -90) ? std::max(south, -85.0) : south;
  std::vector<Place> line;
  line.reserve(91);
  for (int k = 0; k <= 90; ++k) line.push_back({longitude, bottom + (top - bottom) * k / 90});
  return line;
}

/// Where a line of places leaves the map towards a side: (-1, 0) the left, (0, -1) below.
std::vector<PlanePoint> exits(const Projection& projection, const std::vector<Place>& line,
                              const PlanePoint& side) {
  const PlanePoint corner = projection.lower_left();
  const double width = projection.width(), height = projection.height();
  const auto framed = [&](const PlanePoint& p) {
    return p.x >= corner.x && p.x <= corner.x + width && p.y >= corner.y && p.y <= corner.y + height;
  };
  std::vector<PlanePoint> found;
  for (const auto& piece : projection.trace(line, kStep * width)) {
    if (framed(piece.front())) found.push_back(piece.front());
    if (framed(piece.back())) found.push_back(piece.back());
    for (std::size_t k = 1; k < piece.size(); ++k) {
      PlanePoint in = piece[k - 1], out = piece[k];
      if (framed(in) == framed(out)) continue;
      if (framed(out)) std::swap(in, out);
      for (int i = 0; i < 20; ++i) {
        const PlanePoint middle{0.5 * (in.x + out.x), 0.5 * (in.y + out.y)};
        (framed(middle) ? in : out) = middle;
      }
      found.push_back(in);
    }
  }
  constexpr double beyond = 0.01;
  std::erase_if(found, [&](const PlanePoint& p) {
    return projection.inverse({p.x + beyond * width * side.x, p.y + beyond * width * side.y}).has_value();
  });
  return found;
}

struct Label {
  double x = 0.0, y = 0.0;  // pixels; y of the middle of the letters
  std::string words{};
  double share = 0.5;  // of the words' width left of x
  bool halo = false;   // on the map itself
};

/// Labels that keep off each other.
class Labels {
 public:
  Labels(const Canvas& canvas, double size) : canvas_(canvas), size_(size) {}

  void put(const Label& label) {
    if (!free(label, boxes_)) return;
    const Box box = place(label);
    boxes_.push_back(box);
    if (label.halo) {
      canvas_.colour({1, 1, 1}, 0.7);
      cairo_rectangle(canvas_.cairo(), box.x, box.y, box.width, box.height);
      cairo_fill(canvas_.cairo());
    }
    canvas_.colour(label.halo ? kInk : kFaintInk);
    canvas_.text(box.x + 0.25 * box.height, label.y + 0.36 * box.height, label.words, box.height);
  }
  /// All of a row, or where they do not fit every second, third, ... of them.
  void put_row(const std::vector<std::optional<Label>>& row) {
    for (const std::size_t every : {1, 2, 3, 4, 6}) {
      std::vector<Box> boxes = boxes_;
      bool fits = true;
      for (std::size_t k = 0; k < row.size(); k += every) {
        if (!row[k]) continue;
        fits = fits && free(*row[k], boxes);
        boxes.push_back(place(*row[k]));
      }
      if (!fits && every != 6) continue;
      for (std::size_t k = 0; k < row.size(); k += every)
        if (row[k]) put(*row[k]);
      return;
    }
  }

 private:
  [[nodiscard]] Box place(const Label& label) const {
    const double size = label.halo ? 0.85 * size_ : size_;
    const double width = canvas_.text_width(label.words, size);
    return {label.x - label.share * width - 0.25 * size, label.y - 0.5 * size, width + 0.5 * size, size};
  }
  [[nodiscard]] bool free(const Label& label, const std::vector<Box>& boxes) const {
    const Box box = place(label);
    return std::none_of(boxes.begin(), boxes.end(), [&](const Box& b) {
      return box.x < b.x + b.width && b.x < box.x + box.width && box.y < b.y + b.height &&
             b.y < box.y + box.height;
    });
  }

  const Canvas& canvas_;
  double size_;
  std::vector<Box> boxes_{};
};

/// Left of where a parallel leaves the map, or on it, where a circle round a pole is lowest.
std::optional<Label> latitude_at_edge(const MapView& view, double latitude, double size) {
  const Projection& projection = view.projection;
  const auto line = parallel(projection, latitude);
  auto found = exits(projection, line, {-1, 0});
  // Near the top of a globe the label would lie on the map.
  const double letter = size / view.box.width * projection.width();
  std::erase_if(found, [&](const PlanePoint& p) {
    return projection.inverse({p.x - 1.5 * letter, p.y - 0.6 * letter}).has_value();
  });
  const auto left =
      std::min_element(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
  if (left != found.end()) {
    const auto [x, y] = view.pixel(*left);
    return Label{x - 0.5 * size, y, latitude_label(latitude), 1, false};
  }
  std::optional<PlanePoint> lowest;
  for (const auto& piece : projection.trace(line, kStep * projection.width()))
    for (const PlanePoint& p : piece)
      if ((!lowest || p.y < lowest->y) && projection.inverse(p)) lowest = p;
  if (!lowest) return std::nullopt;
  const auto [x, y] = view.pixel(*lowest);
  return Label{x, y, latitude_label(latitude), 0.5, true};
}

/// Below where meridians leave the map; at a pole on its edge, where all of them do, on a parallel instead.
std::vector<std::optional<Label>> longitudes_at_edge(const Canvas& canvas, const MapView& view,
                                                     const Graticule& lines, double size) {
  const Projection& projection = view.projection;
  const Box& box = view.box;
  std::vector<std::optional<std::pair<double, double>>> ends;
  for (const double longitude : lines.longitudes) {
    const auto found = exits(projection, meridian(projection, longitude), {0, -1});
    const auto low =
        std::min_element(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.y < b.y; });
    ends.push_back(low == found.end() ? std::nullopt : std::optional(view.pixel(*low)));
  }
  const auto meet = [&](const std::pair<double, double>& end) {
    return std::count_if(ends.begin(), ends.end(), [&](const auto& e) {
             return e && std::hypot(e->first - end.first, e->second - end.second) < size;
           }) > 1;
  };
  const PlanePoint corner = projection.lower_left();
  const auto middle =
      projection.inverse({corner.x + 0.5 * projection.width(), corner.y + 0.5 * projection.height()});
  const auto along =
      std::min_element(lines.latitudes.begin(), lines.latitudes.end(), [&](double a, double b) {
        const double centre = middle ? middle->latitude : 0.0;
        return std::abs(a - centre) < std::abs(b - centre);
      });
  std::vector<std::optional<Label>> labels;
  for (std::size_t k = 0; k < ends.size(); ++k) {
    Label label{.words = longitude_label(lines.longitudes[k])};
    labels.emplace_back();
    if (ends[k] && !meet(*ends[k])) {
      const auto [x, y] = *ends[k];
      const bool at_bottom = y > box.y + box.height - 0.2 * size;
      const double aside = (x - box.x) / box.width - 0.5;
      label.share = at_bottom || std::abs(aside) < 0.1 ? 0.5 : aside < 0 ? 1 : 0;
      label.x = x;
      label.y = y + 0.99 * size;
      labels.back() = label;
      continue;
    }
    if (along == lines.latitudes.end()) continue;
    const auto at = projection.forward({lines.longitudes[k], *along});
    if (!at || !projection.inverse(*at)) continue;
    const auto [x, y] = view.pixel(*at);
    const double half = 0.5 * canvas.text_width(label.words, size);
    if (x - half < box.x || x + half > box.x + box.width) continue;
    label.x = x;
    label.y = y;
    label.halo = true;
    labels.back() = label;
  }
  return labels;
}

}  // namespace

Graticule graticule(const Projection& projection, double width_in_letters) {
  const auto [west, east, south, north] = projection.extent();
  const bool narrow = width_in_letters < 40;
  switch (projection.kind()) {
    case ProjectionKind::equal_earth:
      // The poles are lines already, and 180 degrees away is the outline.
      return narrow ? Graticule{{-60, -30, 0, 30, 60}, {-120, 0, 120}}
                    : Graticule{{-60, -30, 0, 30, 60}, {-120, -60, 0, 60, 120}};
    case ProjectionKind::polar: {
      Graticule lines{degrees_between(south, north, 4), {}};
      std::erase_if(lines.latitudes,
                    [s = south, n = north](double d) { return d <= s + 1e-9 || d >= n - 1e-9; });
      for (int k = -180; k < 180; k += 45) lines.longitudes.push_back(k);
      return lines;
    }
    case ProjectionKind::proj: {
      const double along = std::clamp(width_in_letters / 5.5, 3.0, 7.0);
      const bool wide = north - south > 100;
      Graticule lines{wide ? std::vector<double>{-60, -30, 0, 30, 60} : degrees_between(south, north, along),
                      {}};
      if (east - west < 180 && !wide)
        lines.longitudes = degrees_between(west, east, along);
      else
        for (int k = -180; k < 180; k += narrow ? 60 : 30) lines.longitudes.push_back(k);
      return lines;
    }
    case ProjectionKind::plate_carree:
      break;
  }
  const double along = std::clamp(width_in_letters / 5.5, 2.0, 7.0);
  const double up = std::clamp(width_in_letters / 4 * projection.height() / projection.width(), 2.0, 6.0);
  return {degrees_between(south, north, up), degrees_between(west, east, along)};
}

void outline_path(const Canvas& canvas, const MapView& view) {
  cairo_new_path(canvas.cairo());
  for (const auto& line : view.projection.outline()) {
    cairo_new_sub_path(canvas.cairo());
    for (const PlanePoint& p : line) {
      const auto [x, y] = view.pixel(p);
      cairo_line_to(canvas.cairo(), x, y);
    }
    cairo_close_path(canvas.cairo());
  }
}

void draw_coastlines(const Canvas& canvas, const MapView& view, double line_width) {
  const auto [west, east, south, north] = view.projection.extent();
  const double scale = view.box.width * domain::kDegree / view.projection.width() / line_width;
  const auto& lines = coastlines(scale < kFineScale ? CoastlineDetail::coarse : CoastlineDetail::fine);
  const double half = 0.5 * (east - west);
  cairo_save(canvas.cairo());
  clip_to_map(canvas, view);
  for (const auto& line : lines) {
    // Anywhere near the map: vector pictures should not carry the rest of the world.
    const bool near = std::any_of(line.begin(), line.end(), [&, s = south, n = north](const Place& p) {
      return p.latitude > s - 2 && p.latitude < n + 2 &&
             std::abs(view.projection.relative_longitude(p.longitude)) < half + 2;
    });
    if (near) line_path(canvas, view, line);
  }
  canvas.colour(kInk, 0.9);
  cairo_set_line_width(canvas.cairo(), line_width);
  cairo_stroke(canvas.cairo());
  cairo_restore(canvas.cairo());
}

void draw_graticule(const Canvas& canvas, const MapView& view, const Graticule& lines, double line_width) {
  cairo_save(canvas.cairo());
  clip_to_map(canvas, view);
  for (const double latitude : lines.latitudes) line_path(canvas, view, parallel(view.projection, latitude));
  for (const double longitude : lines.longitudes)
    line_path(canvas, view, meridian(view.projection, longitude));
  canvas.colour({0, 0, 0}, 0.22);
  cairo_set_line_width(canvas.cairo(), line_width);
  cairo_stroke(canvas.cairo());
  cairo_restore(canvas.cairo());
}

void label_edges(const Canvas& canvas, const MapView& view, const Graticule& lines, double size,
                 bool latitudes, bool longitudes) {
  Labels labels(canvas, size);
  if (latitudes)
    for (const double latitude : lines.latitudes)
      if (const auto label = latitude_at_edge(view, latitude, size)) labels.put(*label);
  if (longitudes) labels.put_row(longitudes_at_edge(canvas, view, lines, size));
}

void label_latitudes(const Canvas& canvas, const MapView& view, const Graticule& lines, double size) {
  const auto [west, east, south, north] = view.projection.extent();
  canvas.colour(kFaintInk);
  if (view.projection.kind() == ProjectionKind::polar) {
    // On the map itself, along one meridian, in a halo.
    for (const double latitude : lines.latitudes) {
      const auto [x, y] =
          view.pixel(*view.projection.forward({view.projection.central_longitude() + 22.5, latitude}));
      cairo_move_to(canvas.cairo(), x, y);
      const std::string label = latitude_label(latitude);
      canvas.colour({1, 1, 1}, 0.7);
      const double w = canvas.text_width(label, 0.85 * size);
      cairo_rectangle(canvas.cairo(), x - 0.5 * w - 2, y - 0.5 * size, w + 4, size);
      cairo_fill(canvas.cairo());
      canvas.colour(kInk);
      canvas.text(x, y + 0.32 * size, label, 0.85 * size, Align::centre);
    }
    return;
  }
  for (const double latitude : lines.latitudes) {
    const auto [x, y] = view.pixel(*view.projection.forward({west + 1e-9, latitude}));
    // The slanting outline of the globe comes nearer to the corners of its labels towards the poles.
    const double away =
        view.projection.kind() == ProjectionKind::equal_earth && std::abs(latitude) > 45 ? 0.9 : 0.5;
    canvas.text(x - away * size, y + 0.36 * size, latitude_label(latitude), size, Align::right);
  }
}

void label_longitudes(const Canvas& canvas, const MapView& view, const Graticule& lines, double size) {
  const auto [west, east, south, north] = view.projection.extent();
  canvas.colour(kFaintInk);
  if (view.projection.kind() == ProjectionKind::polar) {
    for (const double longitude : lines.longitudes) {
      const PlanePoint p = *view.projection.forward({longitude, south <= -90 ? north : south});
      const auto [x, y] = view.pixel(p);
      const double r = std::hypot(p.x, p.y);
      const double shift = p.x > 0.2 * r ? 0.0 : p.x < -0.2 * r ? 1.0 : 0.5;
      const std::string label = longitude_label(longitude);
      const double w = canvas.text_width(label, size);
      canvas.text(x + 0.5 * size * p.x / r - shift * w, y + (0.36 - 0.85 * p.y / r) * size, label, size);
    }
    return;
  }
  double taken = -1e9;
  for (const double longitude : lines.longitudes) {
    const double relative = view.projection.relative_longitude(longitude);
    // The eastern edge of a map all round is the western edge again.
    const double x =
        view.projection.kind() == ProjectionKind::plate_carree
            ? view.box.x + view.box.width * (longitude - west) / (east - west)
            : view.pixel(*view.projection.forward({view.projection.central_longitude() + relative, south}))
                  .first;
    const std::string label = longitude_label(longitude);
    const double half = 0.5 * canvas.text_width(label, size);
    if (x - half < taken) continue;
    canvas.text(x, view.box.y + view.box.height + 1.35 * size, label, size, Align::centre);
    taken = x + half + 0.5 * size;
  }
}

}  // namespace manifill::plot
