#include "map_lines.hpp"

#include <algorithm>
#include <cmath>

#include "manifill/plot/coastlines.hpp"
#include "manifill/plot/ticks.hpp"

namespace manifill::plot {
namespace {

/// Line widths a degree below which the coarse coast is drawn: fjords would run into blots.
constexpr double kFineScale = 4.0;

/// Adds a line of places to the path, cut where it leaves one side of the map and comes back on the other.
void line_path(const Canvas& canvas, const MapView& view, const std::vector<Place>& line) {
  cairo_t* cr = canvas.cairo();
  const Projection& projection = view.projection;
  // Just inside the seam, where forward() knows its side.
  constexpr double seam = 180 - 1e-9;
  const auto to = [&](double relative, double latitude, bool move) {
    const auto [x, y] = view.pixel(projection.forward({projection.central_longitude() + relative, latitude}));
    if (move)
      cairo_move_to(cr, x, y);
    else
      cairo_line_to(cr, x, y);
  };
  double before = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const double relative = projection.relative_longitude(line[i].longitude);
    if (i > 0 && std::abs(relative - before) > 180) {
      const double side = before > 0 ? 1 : -1;
      const double whole = relative + side * 360 - before;
      const double share = whole != 0 ? (side * 180 - before) / whole : 0.0;
      const double latitude = line[i - 1].latitude + share * (line[i].latitude - line[i - 1].latitude);
      to(side * seam, latitude, false);
      to(-side * seam, latitude, true);
    }
    to(relative, line[i].latitude, i == 0);
    before = relative;
  }
}

void clip_to_map(const Canvas& canvas, const MapView& view) {
  outline_path(canvas, view);
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
      std::erase_if(lines.latitudes, [&](double d) { return d <= south + 1e-9 || d >= north - 1e-9; });
      for (int k = -180; k < 180; k += 45) lines.longitudes.push_back(k);
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
  for (const PlanePoint& p : view.projection.outline()) {
    const auto [x, y] = view.pixel(p);
    cairo_line_to(canvas.cairo(), x, y);
  }
  cairo_close_path(canvas.cairo());
}

void draw_coastlines(const Canvas& canvas, const MapView& view, double line_width) {
  const auto [west, east, south, north] = view.projection.extent();
  const double scale = view.box.width / (east - west) / line_width;
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
  const auto [west, east, south, north] = view.projection.extent();
  const bool polar = view.projection.kind() == ProjectionKind::polar;
  cairo_save(canvas.cairo());
  clip_to_map(canvas, view);
  for (const double latitude : lines.latitudes) {
    std::vector<Place> line;
    const int points = polar ? 181 : 5;  // no step may reach half-way round: it would be taken for the seam
    for (int k = 0; k < points; ++k)
      line.push_back({west + 1e-9 + (east - west - 2e-9) * k / (points - 1), latitude});
    line_path(canvas, view, line);
  }
  for (const double longitude : lines.longitudes) {
    std::vector<Place> line;
    // Meridians stop short of a pole in the middle of the map, where they would make a blot.
    const double top = polar && north >= 90 ? std::min(north, 85.0) : north;
    const double bottom = polar && south <= -90 ? std::max(south, -85.0) : south;
    for (int k = 0; k <= 60; ++k) line.push_back({longitude, bottom + (top - bottom) * k / 60});
    line_path(canvas, view, line);
  }
  canvas.colour({0, 0, 0}, 0.22);
  cairo_set_line_width(canvas.cairo(), line_width);
  cairo_stroke(canvas.cairo());
  cairo_restore(canvas.cairo());
}

void label_latitudes(const Canvas& canvas, const MapView& view, const Graticule& lines, double size) {
  const auto [west, east, south, north] = view.projection.extent();
  canvas.colour(kFaintInk);
  if (view.projection.kind() == ProjectionKind::polar) {
    // On the map itself, along one meridian, in a halo.
    for (const double latitude : lines.latitudes) {
      const auto [x, y] =
          view.pixel(view.projection.forward({view.projection.central_longitude() + 22.5, latitude}));
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
    const auto [x, y] = view.pixel(view.projection.forward({west + 1e-9, latitude}));
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
      const PlanePoint p = view.projection.forward({longitude, south <= -90 ? north : south});
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
            : view.pixel(view.projection.forward({view.projection.central_longitude() + relative, south}))
                  .first;
    const std::string label = longitude_label(longitude);
    const double half = 0.5 * canvas.text_width(label, size);
    if (x - half < taken) continue;
    canvas.text(x, view.box.y + view.box.height + 1.35 * size, label, size, Align::centre);
    taken = x + half + 0.5 * size;
  }
}

}  // namespace manifill::plot
