#include "manifill/plot/map.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "canvas.hpp"
#include "colour_bar.hpp"
#include "manifill/base/error.hpp"
#include "map_lines.hpp"
#include "mesh_raster.hpp"
#include "raster.hpp"

namespace manifill::plot {
namespace {

constexpr double kFigureAspect = 1.35;  // width to height that reads well on a page and a screen
constexpr int kLeastWidth = 200, kGreatestWidth = 20000;

void check(const std::string& path, const MapFigure& figure) {
  const auto refuse = [&](const std::string& what) { throw Error(ErrorKind::usage, what, {.file = path}); };
  if (figure.panels.empty()) refuse("a figure of maps needs a panel");
  if (figure.width < kLeastWidth || figure.width > kGreatestWidth)
    refuse("the width of a picture must be 200 to 20000 pixels, not " + std::to_string(figure.width));
  for (const MapPanel& panel : figure.panels) {
    if (panel.values.size() != figure.domain.size() ||
        (!panel.masked.empty() && panel.masked.size() != figure.domain.size()))
      refuse("panel \"" + panel.title + "\" has " + std::to_string(panel.values.size()) +
             " values, its domain " + std::to_string(figure.domain.size()));
    if (panel.scale >= figure.scales.size())
      refuse("panel \"" + panel.title + "\" names a colour scale that is not there");
  }
}

/// Sizes of everything, pixels; letters grow with the picture so that it looks the same at any width.
struct Measures {
  explicit Measures(int width, int columns) {
    unit = width / 1600.0;
    // Many small panels take smaller letters, one alone larger ones.
    const double letters = columns <= 1 ? 23 : columns == 2 ? 22 : columns == 3 ? 20 : 17;
    tick = letters * unit;
    panel_title = 1.18 * tick;
    title = 1.4 * 22 * unit;
    margin = 30 * unit;
    gap = 26 * unit;
  }
  double unit, tick, panel_title, title, margin, gap;
};

/// The grid of maps and the place of the colour bars.
struct Arrangement {
  int columns = 1;
  int rows = 1;
  double map_width = 0, map_height = 0;
  double left = 0, top = 0;         // of the first map
  double pitch_x = 0, pitch_y = 0;  // from map to map
  bool bars_in_slot = false;        // in the free places of the last row, not below
  double height = 0;                // of the picture
};

class MapDrawing {
 public:
  MapDrawing(const std::string& path, const MapFigure& figure)
      : figure_(figure),
        projection_(projection_of(figure)),
        camera_(camera_of(figure)),
        arrangement_(choose()),
        measures_(figure.width, arrangement_.columns),
        canvas_(path, figure.width, static_cast<int>(std::lround(arrangement_.height))) {
    find_ranges();
  }

  MapLayout draw() {
    draw_heading();
    MapLayout places = layout();
    const int width = places.maps[0].width, height = places.maps[0].height;
    if (camera_) {
      const MeshRaster raster(*camera_, width, height);
      for (std::size_t i = 0; i < figure_.panels.size(); ++i) draw_view(i, places.maps[i], raster);
    } else if (projection_) {
      const CellRaster raster(figure_.domain, *projection_, width, height);
      for (std::size_t i = 0; i < figure_.panels.size(); ++i) draw_map(i, places.maps[i], raster);
    } else {
      const CellRaster raster(figure_.domain, width, height);
      for (std::size_t i = 0; i < figure_.panels.size(); ++i) draw_image(i, places.maps[i], raster);
    }
    draw_legend();
    canvas_.finish();
    return places;
  }

 private:
  [[nodiscard]] int panels() const { return static_cast<int>(figure_.panels.size()); }
  [[nodiscard]] bool polar() const { return projection_ && projection_->kind() == ProjectionKind::polar; }
  [[nodiscard]] double aspect() const {
    if (camera_) return camera_->aspect();
    if (projection_) return projection_->height() / projection_->width();
    const auto columns = static_cast<double>(figure_.domain.columns());
    return static_cast<double>(figure_.domain.size()) / (columns * columns);
  }

  static std::optional<Projection> projection_of(const MapFigure& figure) {
    if (!figure.domain.spherical()) return std::nullopt;
    return figure.projection ? figure.projection : Projection::suited_to(figure.domain);
  }
  static std::optional<MeshCamera> camera_of(const MapFigure& figure) {
    if (figure.domain.kind() != domain::DomainKind::surface) return std::nullopt;
    return MeshCamera(figure.domain.mesh(), figure.towards, figure.up);
  }

  [[nodiscard]] Arrangement arrange(int columns) const {
    const Measures m(figure_.width, columns);
    Arrangement a;
    a.columns = columns;
    a.rows = (panels() + columns - 1) / columns;
    const bool titled = std::any_of(figure_.panels.begin(), figure_.panels.end(),
                                    [](const MapPanel& p) { return !p.title.empty(); });
    const double title_strip = titled || panels() > 1 ? 1.75 * m.panel_title : 0.4 * m.panel_title;
    const double longitude_strip = !projection_ ? 0.5 * m.tick : 1.9 * m.tick;
    const double latitude_strip = !projection_ ? 0.8 * m.tick : 3.0 * m.tick;
    // Round the polar map its own labels stand on every side, so each panel keeps room for them.
    const double between = polar() ? 7.4 * m.tick : m.gap;
    const double right = polar() ? 0.5 * m.margin + 3.3 * m.tick : m.margin + 0.8 * m.tick;
    a.left = polar() ? right : m.margin + latitude_strip;
    a.map_width = std::floor((figure_.width - a.left - right - between * (columns - 1)) / columns);
    a.map_height = std::floor(a.map_width * aspect());
    // A tall narrow region must not make a picture of endless height.
    const double tallest = 1.25 * figure_.width / std::min(a.rows, 2);
    if (a.map_height > tallest) {
      a.map_width = std::floor(a.map_width * tallest / a.map_height);
      a.map_height = std::floor(tallest);
    }
    a.pitch_x = columns > 1 ? a.map_width + between : 0;
    const double used = a.left + a.pitch_x * (columns - 1) + a.map_width + right;
    a.left = std::floor(a.left + std::max(0.0, 0.5 * (figure_.width - used)));
    const bool headed = !figure_.title.empty() || !figure_.subtitle.empty();
    a.top =
        std::floor(m.margin + (headed ? 1.75 * m.title : 0.0) + title_strip + (polar() ? 1.2 * m.tick : 0.0));
    a.pitch_y = std::floor(a.map_height + title_strip + (polar() ? 3.2 * m.tick : longitude_strip));
    const double legend = legend_height(m);
    a.bars_in_slot = a.rows * columns > panels() && legend < a.map_height + title_strip;
    const double bottom =
        a.top + a.pitch_y * (a.rows - 1) + a.map_height + (polar() ? 1.6 * m.tick : longitude_strip);
    a.height = std::floor(bottom + (a.bars_in_slot ? 0.0 : 0.5 * m.gap + below_height(m)) + m.margin);
    return a;
  }

  [[nodiscard]] Arrangement choose() const {
    if (figure_.columns > 0) return arrange(std::min(figure_.columns, panels()));
    Arrangement best;
    double least = 1e300;
    for (int columns = 1; columns <= std::min(panels(), 6); ++columns) {
      const Arrangement a = arrange(columns);
      const int free = a.rows * columns - panels();
      // Free places are waste unless the colour bars fill them, which then looks meant.
      // Too tall is worse than too wide: it leaves the screen.
      const double wide = std::log(figure_.width / a.height / kFigureAspect);
      const double cost = (wide > 0 ? wide : -1.6 * wide) + (free > 1 ? 0.5 * (free - 1) : 0.0) +
                          (free == 1 && a.bars_in_slot ? -0.1 : 0.0);
      if (cost < least) least = cost, best = a;
    }
    return best;
  }

  [[nodiscard]] std::vector<std::size_t> used_scales() const {
    std::vector<std::size_t> used;
    for (const MapPanel& p : figure_.panels)
      if (std::find(used.begin(), used.end(), p.scale) == used.end()) used.push_back(p.scale);
    std::sort(used.begin(), used.end());
    return used;
  }

  [[nodiscard]] static bool is_masked(const MapPanel& p, std::size_t i) {
    return !p.masked.empty() && p.masked[i] != 0;
  }
  [[nodiscard]] bool has_masks() const {
    return std::any_of(figure_.panels.begin(), figure_.panels.end(), [](const MapPanel& p) {
      return std::any_of(p.masked.begin(), p.masked.end(), [](std::uint8_t m) { return m != 0; });
    });
  }
  [[nodiscard]] bool has_gaps() const {
    return std::any_of(figure_.panels.begin(), figure_.panels.end(), [](const MapPanel& p) {
      for (std::size_t i = 0; i < p.values.size(); ++i)
        if (!std::isfinite(p.values[i]) && !is_masked(p, i)) return true;
      return false;
    });
  }

  /// Bars one above the other, then the key.
  [[nodiscard]] double legend_height(const Measures& m) const {
    return static_cast<double>(used_scales().size()) * (kColourBarHeight + 1.0) * m.tick + 1.6 * m.tick;
  }
  /// Bars beside each other, then the key.
  [[nodiscard]] double below_height(const Measures& m) const {
    return kColourBarHeight * m.tick + (has_gaps() || has_masks() ? 2.0 * m.tick : 0.0);
  }

  void find_ranges() {
    for (std::size_t s = 0; s < figure_.scales.size(); ++s) {
      RangeFinder finder;
      for (const MapPanel& panel : figure_.panels) {
        if (panel.scale != s) continue;
        std::vector<double> values = panel.values;
        for (std::size_t i = 0; i < values.size(); ++i)
          if (is_masked(panel, i)) values[i] = std::nan("");
        finder.add(values);
      }
      ranges_.push_back(finder.range(figure_.scales[s]));
      palettes_.emplace_back(ranges_.back().palette);
    }
  }

  [[nodiscard]] MapLayout layout() const {
    MapLayout places{figure_.width, static_cast<int>(std::lround(arrangement_.height)), {}, projection_};
    for (int i = 0; i < panels(); ++i) {
      const int column = i % arrangement_.columns, row = i / arrangement_.columns;
      places.maps.push_back({static_cast<int>(std::lround(arrangement_.left + column * arrangement_.pitch_x)),
                             static_cast<int>(std::lround(arrangement_.top + row * arrangement_.pitch_y)),
                             static_cast<int>(arrangement_.map_width),
                             static_cast<int>(arrangement_.map_height)});
    }
    return places;
  }

  void draw_heading() const {
    if (figure_.title.empty() && figure_.subtitle.empty()) return;
    const double left = arrangement_.left;
    const double right =
        arrangement_.left + arrangement_.pitch_x * (arrangement_.columns - 1) + arrangement_.map_width;
    const double baseline = measures_.margin + measures_.title;
    const double size = measures_.title;
    canvas_.colour(kFaintInk);
    canvas_.text(right, baseline, figure_.subtitle, 0.85 * size, Align::right);
    const double room = right - left - canvas_.text_width(figure_.subtitle, 0.85 * size) - size;
    const double fitting = canvas_.fitting_size(figure_.title, size, room, true);
    canvas_.colour(kInk);
    canvas_.text(left, baseline, canvas_.shortened(figure_.title, fitting, room, true), fitting, Align::left,
                 true);
  }

  void draw_map(std::size_t i, const MapLayout::Rectangle& place, const CellRaster& raster) const {
    const MapPanel& panel = figure_.panels[i];
    const MapView view{*projection_, box_of(place)};
    const double u = measures_.unit;
    raster.paint(canvas_, panel, palettes_[panel.scale], ranges_[panel.scale], place.x, place.y, hatch());
    const Graticule lines = graticule(*projection_, place.width / measures_.tick);
    draw_graticule(canvas_, view, lines, 0.9 * u);
    if (figure_.coastlines) draw_coastlines(canvas_, view, 1.25 * u);
    outline_path(canvas_, view);
    canvas_.colour(kInk);
    cairo_set_line_width(canvas_.cairo(), 1.6 * u);
    cairo_stroke(canvas_.cairo());

    const int columns = arrangement_.columns;
    const bool leftmost = static_cast<int>(i) % columns == 0;
    const bool lowest = static_cast<int>(i) + columns >= panels();
    const double letters = 0.9 * measures_.tick;
    if (projection_->kind() == ProjectionKind::proj) {
      label_edges(canvas_, view, lines, letters, leftmost, lowest);
    } else {
      if (leftmost || polar()) label_latitudes(canvas_, view, lines, letters);
      if (lowest || polar()) label_longitudes(canvas_, view, lines, letters);
    }
    draw_words(i, view.box);
  }

  void draw_image(std::size_t i, const MapLayout::Rectangle& place, const CellRaster& raster) const {
    const MapPanel& panel = figure_.panels[i];
    raster.paint(canvas_, panel, palettes_[panel.scale], ranges_[panel.scale], place.x, place.y, hatch());
    canvas_.colour(kInk);
    cairo_rectangle(canvas_.cairo(), place.x, place.y, place.width, place.height);
    cairo_set_line_width(canvas_.cairo(), 1.6 * measures_.unit);
    cairo_stroke(canvas_.cairo());
    draw_words(i, box_of(place));
  }

  void draw_view(std::size_t i, const MapLayout::Rectangle& place, const MeshRaster& raster) const {
    const MapPanel& panel = figure_.panels[i];
    const ScaleRange& range = ranges_[panel.scale];
    raster.paint(canvas_,
                 {panel.values, panel.masked, palettes_[panel.scale], range.lowest, range.highest, hatch()},
                 place.x, place.y);
    draw_words(i, box_of(place));
  }

  [[nodiscard]] double hatch() const { return 0.42 * measures_.tick; }
  static Box box_of(const MapLayout::Rectangle& place) {
    return {static_cast<double>(place.x), static_cast<double>(place.y), static_cast<double>(place.width),
            static_cast<double>(place.height)};
  }

  void draw_words(std::size_t i, const Box& box) const {
    draw_panel_title(i, box);
    const auto& values = figure_.panels[i].values;
    if (std::none_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); }))
      draw_note(box, "no data");
  }

  void draw_panel_title(std::size_t i, const Box& box) const {
    const double size = measures_.panel_title;
    const double baseline = box.y - (polar() ? 1.9 : 0.55) * size;
    double x = box.x;
    canvas_.colour(kInk);
    if (panels() > 1 && panels() <= 26) {
      const std::string letter(1, static_cast<char>('a' + static_cast<int>(i)));
      canvas_.text(x, baseline, letter, size, Align::left, true);
      x += canvas_.text_width(letter, size, true) + 0.6 * size;
    }
    const double room = box.x + box.width - x;
    canvas_.text(x, baseline, canvas_.shortened(figure_.panels[i].title, size, room), size);
  }

  void draw_note(const Box& box, const std::string& words) const {
    const double size = 1.2 * measures_.tick, x = box.x + 0.5 * box.width, y = box.y + 0.5 * box.height;
    const double width = canvas_.text_width(words, size) + 1.4 * size;
    canvas_.fill({x - 0.5 * width, y - 0.95 * size, width, 1.9 * size}, {1, 1, 1});
    canvas_.colour(kInk);
    canvas_.text(x, y + 0.36 * size, words, size, Align::centre);
  }

  void draw_legend() const {
    if (arrangement_.bars_in_slot)
      draw_legend_in_slot();
    else
      draw_legend_below();
  }

  void draw_legend_in_slot() const {
    const int free = arrangement_.rows * arrangement_.columns - panels();
    const int column = arrangement_.columns - free;
    const double inset = 0.09 * arrangement_.map_width, size = measures_.tick;
    const double x = arrangement_.left + column * arrangement_.pitch_x + inset;
    const double width = (free - 1) * arrangement_.pitch_x + arrangement_.map_width - 2 * inset;
    const std::vector<std::size_t> scales = used_scales();
    double y = arrangement_.top + (arrangement_.rows - 1) * arrangement_.pitch_y +
               0.5 * std::max(0.0, arrangement_.map_height - legend_height(measures_) + 0.6 * size);
    for (const std::size_t s : scales) {
      draw_colour_bar(canvas_, {x, y, width, kColourBarHeight * size}, figure_.scales[s].label, ranges_[s],
                      size);
      y += (kColourBarHeight + 1.0) * size;
    }
    draw_key(canvas_, x, y + 0.6 * size, has_gaps(), has_masks(), size, false);
  }

  void draw_legend_below() const {
    const std::vector<std::size_t> scales = used_scales();
    const auto n = static_cast<double>(scales.size());
    const double size = measures_.tick;
    const double left = arrangement_.left;
    const double whole = arrangement_.pitch_x * (arrangement_.columns - 1) + arrangement_.map_width;
    // One bar under the middle two thirds; several share the whole width.
    const double between = 4 * size;
    const double width = scales.size() == 1 ? std::min(whole, std::max(0.62 * whole, 24 * size))
                                            : (whole - (n - 1) * between - 2 * size) / n;
    const double start = left + 0.5 * (whole - n * width - (n - 1) * between);
    const double y = arrangement_.height - measures_.margin - below_height(measures_);
    double x = start;
    for (const std::size_t s : scales) {
      draw_colour_bar(canvas_, {x, y, width, kColourBarHeight * size}, figure_.scales[s].label, ranges_[s],
                      size);
      x += width + between;
    }
    const bool gaps = has_gaps(), masks = has_masks();
    draw_key(canvas_, start, y + (kColourBarHeight + 1.55) * size, gaps, masks, size, false);
  }

  const MapFigure& figure_;
  std::optional<Projection> projection_;  // of a surface or an image none
  std::optional<MeshCamera> camera_;      // of a surface
  Arrangement arrangement_;
  Measures measures_;
  Canvas canvas_;
  std::vector<ScaleRange> ranges_{};
  std::vector<Palette> palettes_{};
};

}  // namespace

std::pair<double, double> MapLayout::pixel(std::size_t panel, const Place& place) const {
  const Rectangle& r = maps.at(panel);
  if (!projection)
    throw Error(ErrorKind::internal, "a surface in space and a flat image have no places on the sphere");
  const MapView view{*projection,
                     {static_cast<double>(r.x), static_cast<double>(r.y), static_cast<double>(r.width),
                      static_cast<double>(r.height)}};
  const auto point = projection->forward(place);
  if (!point) return {std::nan(""), std::nan("")};
  return view.pixel(*point);
}

MapLayout map(const std::string& path, const MapFigure& figure) {
  check(path, figure);
  return MapDrawing(path, figure).draw();
}

}  // namespace manifill::plot
