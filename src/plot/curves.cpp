#include "manifill/plot/curves.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "canvas.hpp"
#include "manifill/base/error.hpp"
#include "manifill/plot/ticks.hpp"

namespace manifill::plot {
namespace {

void check(const std::string& path, const CurveFigure& figure) {
  const auto refuse = [&](const std::string& what) { throw Error(ErrorKind::usage, what, {.file = path}); };
  if (figure.panels.empty()) refuse("a figure of curves needs a panel");
  if (figure.width < 200 || figure.width > 20000)
    refuse("the width of a picture must be 200 to 20000 pixels, not " + std::to_string(figure.width));
  if (!(figure.aspect >= 0.2 && figure.aspect <= 10)) refuse("the aspect of a panel must be 0.2 to 10");
  for (const CurvePanel& panel : figure.panels) {
    for (const Curve& c : panel.curves) {
      const std::size_t n = c.x.size();
      if (c.y.size() != n || (!c.lower.empty() && c.lower.size() != n) || c.lower.size() != c.upper.size())
        refuse("curve \"" + c.label + "\" has arrays of unequal length");
    }
    for (const Bars& b : panel.bars)
      if (b.edges.size() != b.heights.size() + 1)
        refuse("bars \"" + b.label + "\" need one edge more than heights");
  }
}

/// An axis between two pixels.
class Ruler {
 public:
  Ruler(const Axis& axis, double lowest, double highest, double from, double to)
      : log_(axis.scale == AxisScale::log),
        low_(value(lowest)),
        high_(value(highest)),
        from_(from),
        to_(to) {}
  [[nodiscard]] bool holds(double v) const { return std::isfinite(v) && (!log_ || v > 0); }
  [[nodiscard]] double pixel(double v) const {
    return from_ + (to_ - from_) * (value(v) - low_) / (high_ - low_);
  }
  [[nodiscard]] bool log() const { return log_; }
  /// Where bars stand, and where a value that the axis cannot show goes.
  [[nodiscard]] double foot() const { return from_; }

 private:
  [[nodiscard]] double value(double v) const { return log_ ? std::log10(v) : v; }
  bool log_;
  double low_, high_, from_, to_;
};

/// Extent of the data on one axis.
class Extent {
 public:
  explicit Extent(const Axis& axis) : axis_(axis) {
    if (axis.names.empty()) return;  // named places have half a place of room on either side
    add(-0.5);
    add(static_cast<double>(axis.names.size()) - 0.5);
  }
  void add(double v) {
    if (!std::isfinite(v) || (axis_.scale == AxisScale::log && !(v > 0))) return;
    low_ = empty_ ? v : std::min(low_, v);
    high_ = empty_ ? v : std::max(high_, v);
    empty_ = false;
  }
  void add(const std::vector<double>& values) {
    for (const double v : values) add(v);
  }
  [[nodiscard]] bool empty() const { return empty_; }
  /// Range of the axis: the data's, with air where `padded`, else tight; fixed ends as they are.
  [[nodiscard]] Range range(bool padded) const {
    const bool log = axis_.scale == AxisScale::log;
    Range r{empty_ ? (log ? 1.0 : 0.0) : low_, empty_ ? (log ? 10.0 : 1.0) : high_};
    if (log) {
      const double air = padded ? std::pow(r.highest / r.lowest, 0.05) : 1.0;
      r = {r.lowest / air, r.highest * air};
      if (!(r.highest > r.lowest * 1.0001)) r = {r.lowest / 2, r.highest * 2};
    } else if (padded || !(r.highest > r.lowest)) {
      // An axis that comes near zero starts there.
      const bool from_zero = r.highest > 0 && r.lowest >= 0 && r.lowest < 0.35 * r.highest;
      if (from_zero) r.lowest = 0;
      r = nice_range(r.lowest, r.highest + 0.03 * (r.highest - r.lowest));
    }
    r.lowest = axis_.lowest.value_or(r.lowest);
    r.highest = axis_.highest.value_or(r.highest);
    const bool usable = r.highest > r.lowest && std::isfinite(r.highest - r.lowest) && (!log || r.lowest > 0);
    return usable ? r : log ? Range{1.0, 10.0} : Range{0.0, 1.0};
  }

 private:
  const Axis& axis_;
  bool empty_ = true;
  double low_ = 0, high_ = 0;
};

struct Tick {
  double value;
  std::string label;
  std::vector<std::string> lines{};  // of the label of a named place
};

std::vector<Tick> ticks_of(const Axis& axis, const Range& range, double length, double letters_each) {
  const int target = static_cast<int>(std::clamp(length / letters_each, 2.0, 8.0));
  std::vector<Tick> result;
  for (std::size_t i = 0; i < axis.names.size(); ++i)
    result.push_back({.value = static_cast<double>(i), .label = axis.names[i]});
  if (!result.empty()) return result;
  const bool log = axis.scale == AxisScale::log;
  const std::vector<double> values =
      log ? log_ticks(range.lowest, range.highest, target) : nice_ticks(range.lowest, range.highest, target);
  const std::vector<std::string> labels = log ? log_labels(values) : tick_labels(values);
  for (std::size_t i = 0; i < values.size(); ++i) result.push_back({.value = values[i], .label = labels[i]});
  return result;
}

class PanelDrawing {
 public:
  /// \param box everything that belongs to the panel
  PanelDrawing(const Canvas& canvas, const CurvePanel& panel, const Box& box, double letters, char letter)
      : canvas_(canvas), panel_(panel), size_(letters), letter_(letter), box_(box) {
    measure();
  }

  void draw() {
    draw_axes();
    cairo_save(canvas_.cairo());
    // A little beyond the frame, so that lines along it keep their width.
    cairo_rectangle(canvas_.cairo(), plot_.x - 2, plot_.y - 2, plot_.width + 4, plot_.height + 4);
    cairo_clip(canvas_.cairo());
    draw_bars();
    for (const ReferenceLine& r : panel_.references) draw_reference(r);
    for (std::size_t i = 0; i < panel_.curves.size(); ++i) draw_band(panel_.curves[i], colour_of(i));
    for (std::size_t i = 0; i < panel_.curves.size(); ++i) draw_curve(panel_.curves[i], colour_of(i));
    cairo_restore(canvas_.cairo());
    if (empty_) draw_note("no data");
    draw_names();
    draw_legend();
    draw_titles();
  }

 private:
  [[nodiscard]] double unit() const { return size_ / 22; }
  [[nodiscard]] Rgb colour_of(std::size_t i) const {
    return panel_.curves[i].colour.value_or(curve_colour(i + panel_.bars.size()));
  }
  [[nodiscard]] Rgb bar_colour(std::size_t i) const {
    // Large areas want a quieter colour than lines do.
    const Rgb c = curve_colour(i);
    return panel_.bars[i].colour.value_or(
        Rgb{0.45 + 0.55 * c.red, 0.45 + 0.55 * c.green, 0.45 + 0.55 * c.blue});
  }

  void measure() {
    Extent x(panel_.x), y(panel_.y);
    for (const Curve& c : panel_.curves) {
      for (std::size_t i = 0; i < c.x.size(); ++i) {
        if (std::isnan(c.y[i])) continue;
        x.add(c.x[i]);
        y.add(c.y[i]);
      }
      y.add(c.lower);
      y.add(c.upper);
    }
    for (const Bars& b : panel_.bars) {
      x.add(b.edges);
      y.add(b.heights);
      y.add(0.0);
    }
    empty_ = x.empty() || y.empty();
    for (const ReferenceLine& r : panel_.references) (r.vertical ? x : y).add(r.value);
    range_x_ = x.range(false);
    const bool marked =
        std::any_of(panel_.curves.begin(), panel_.curves.end(), [](const Curve& c) { return c.markers; });
    if (marked && panel_.x.scale == AxisScale::linear) {
      // Room for the first and last marker.
      const double air = 0.025 * (range_x_.highest - range_x_.lowest);
      if (!panel_.x.lowest) range_x_.lowest -= air;
      if (!panel_.x.highest) range_x_.highest += air;
    }
    range_y_ = y.range(true);

    const double top = panel_.title.empty() && letter_ == 0 ? 0.6 * size_ : 2.1 * size_;
    const double bottom = panel_.x.label.empty() ? 1.9 * size_ : 3.5 * size_;
    plot_ = {box_.x, box_.y + top, box_.width, box_.height - top - bottom};
    ticks_y_ = ticks_of(panel_.y, range_y_, plot_.height, 3.0 * size_);
    double widest = 0;
    for (const Tick& t : ticks_y_) widest = std::max(widest, canvas_.text_width(t.label, size_));
    const double left = widest + (panel_.y.label.empty() ? 0.8 : 2.5) * size_;
    const double right = 0.9 * size_;
    plot_.x += left;
    plot_.width -= left + right;
    ticks_x_ = ticks_of(panel_.x, range_x_, plot_.width, 4.6 * size_);
    if (panel_.x.names.empty()) return;
    std::size_t most = 1;
    for (Tick& t : ticks_x_) {
      t.lines = wrapped(t.label, plot_.width / static_cast<double>(panel_.x.names.size()) - 0.5 * size_);
      most = std::max(most, t.lines.size());
    }
    lower_ = static_cast<double>(most - 1) * 1.2 * size_;
    plot_.height -= lower_;
    ticks_y_ = ticks_of(panel_.y, range_y_, plot_.height, 3.0 * size_);
  }

  /// The words of a named place in lines of a width, the last with an ellipsis where they are too many.
  [[nodiscard]] std::vector<std::string> wrapped(const std::string& words, double width) const {
    constexpr std::size_t kMostLines = 3;
    std::vector<std::string> lines{""};
    for (std::size_t start = 0; start < words.size();) {
      const std::size_t end = std::min(words.find(' ', start), words.size());
      const std::string word = words.substr(start, end - start);
      const std::string longer = lines.back().empty() ? word : lines.back() + " " + word;
      if (lines.back().empty() || lines.size() == kMostLines || canvas_.text_width(longer, size_) <= width)
        lines.back() = longer;
      else
        lines.push_back(word);
      start = end + 1;
    }
    for (auto& line : lines) line = canvas_.shortened(line, size_, width);
    return lines;
  }

  [[nodiscard]] Ruler across() const {
    return {panel_.x, range_x_.lowest, range_x_.highest, plot_.x, plot_.x + plot_.width};
  }
  [[nodiscard]] Ruler up() const {
    return {panel_.y, range_y_.lowest, range_y_.highest, plot_.y + plot_.height, plot_.y};
  }

  void draw_axes() const {
    const double bottom = plot_.y + plot_.height, right = plot_.x + plot_.width, mark = 0.32 * size_;
    const Ruler x = across(), y = up();
    canvas_.colour(kGridColour);
    for (const Tick& t : ticks_y_)
      canvas_.line(plot_.x, y.pixel(t.value), right, y.pixel(t.value), 1.1 * unit());
    for (const Tick& t : ticks_x_)
      canvas_.line(x.pixel(t.value), plot_.y, x.pixel(t.value), bottom, 1.1 * unit());
    canvas_.colour(kInk);
    cairo_set_line_cap(canvas_.cairo(), CAIRO_LINE_CAP_SQUARE);
    canvas_.line(plot_.x, plot_.y, plot_.x, bottom, 1.6 * unit());
    canvas_.line(plot_.x, bottom, right, bottom, 1.6 * unit());
    cairo_set_line_cap(canvas_.cairo(), CAIRO_LINE_CAP_BUTT);
    for (const Tick& t : ticks_y_) {
      const double at = y.pixel(t.value);
      canvas_.line(plot_.x - mark, at, plot_.x, at, 1.4 * unit());
      canvas_.text(plot_.x - 0.6 * size_, at + 0.36 * size_, t.label, size_, Align::right);
    }
    double taken = -1e9;
    for (const Tick& t : ticks_x_) {
      const double at = x.pixel(t.value), half = 0.5 * canvas_.text_width(t.label, size_);
      canvas_.line(at, bottom, at, bottom + mark, 1.4 * unit());
      for (std::size_t k = 0; k < t.lines.size(); ++k)
        canvas_.text(at, bottom + (1.5 + 1.2 * static_cast<double>(k)) * size_, t.lines[k], size_,
                     Align::centre);
      if (!t.lines.empty() || at - half < taken) continue;
      canvas_.text(at, bottom + 1.5 * size_, t.label, size_, Align::centre);
      taken = at + half + 0.4 * size_;
    }
    if (x.log()) draw_minor_ticks(x, range_x_, true);
    if (y.log()) draw_minor_ticks(y, range_y_, false);
  }

  /// 2, 3, ... 9 of each decade, where decades are wide enough to tell them apart.
  void draw_minor_ticks(const Ruler& ruler, const Range& range, bool horizontal) const {
    const double decade = std::abs(ruler.pixel(10) - ruler.pixel(1));
    if (decade < 3 * size_) return;
    const double bottom = plot_.y + plot_.height, mark = 0.17 * size_;
    for (double p = std::floor(std::log10(range.lowest)); p <= std::log10(range.highest); ++p)
      for (int k = 2; k < 10; ++k) {
        const double v = k * std::pow(10.0, p);
        if (v < range.lowest || v > range.highest) continue;
        const double at = ruler.pixel(v);
        if (horizontal)
          canvas_.line(at, bottom, at, bottom + mark, 1.0 * unit());
        else
          canvas_.line(plot_.x - mark, at, plot_.x, at, 1.0 * unit());
      }
  }

  void draw_bars() const {
    const Ruler x = across(), y = up();
    for (std::size_t i = 0; i < panel_.bars.size(); ++i) {
      const Bars& bars = panel_.bars[i];
      // Zero, or the floor of a logarithmic axis.
      const double foot = y.log() ? y.foot() : y.pixel(std::clamp(0.0, range_y_.lowest, range_y_.highest));
      for (std::size_t k = 0; k < bars.heights.size(); ++k) {
        if (!y.holds(bars.heights[k]) || !x.holds(bars.edges[k]) || !x.holds(bars.edges[k + 1])) continue;
        const double a = x.pixel(bars.edges[k]), b = x.pixel(bars.edges[k + 1]),
                     top = y.pixel(bars.heights[k]);
        const double air = std::min(1.5 * unit(), 0.08 * (b - a));
        canvas_.fill({a + air, std::min(top, foot), b - a - 2 * air, std::abs(foot - top)}, bar_colour(i));
      }
    }
  }

  void draw_reference(const ReferenceLine& line) const {
    const Ruler ruler = line.vertical ? across() : up();
    if (!ruler.holds(line.value)) return;
    const double at = ruler.pixel(line.value);
    set_reference_dash();
    if (line.vertical)
      canvas_.line(at, plot_.y, at, plot_.y + plot_.height, 1.8 * unit());
    else
      canvas_.line(plot_.x, at, plot_.x + plot_.width, at, 1.8 * unit());
    cairo_set_dash(canvas_.cairo(), nullptr, 0, 0);
  }

  void set_reference_dash() const {
    const double dash[2] = {7 * unit(), 5 * unit()};
    canvas_.colour(kInk);
    cairo_set_dash(canvas_.cairo(), dash, 2, 0);
  }

  void draw_band(const Curve& curve, const Rgb& colour) const {
    if (curve.lower.empty()) return;
    const Ruler x = across(), y = up();
    cairo_t* cr = canvas_.cairo();
    const auto whole = [&](std::size_t i) {
      return x.holds(curve.x[i]) && y.holds(curve.upper[i]) && std::isfinite(curve.lower[i]);
    };
    const auto low = [&](std::size_t i) {
      return y.holds(curve.lower[i]) ? y.pixel(curve.lower[i]) : y.foot();
    };
    if (!curve.line) {
      canvas_.colour(colour);
      for (std::size_t i = 0; i < curve.x.size(); ++i)
        if (x.holds(curve.x[i]) && whole(i))
          canvas_.line(x.pixel(curve.x[i]), low(i), x.pixel(curve.x[i]), y.pixel(curve.upper[i]),
                       0.8 * kLineWidth * unit());
      return;
    }
    canvas_.colour(colour, 0.18);
    for (std::size_t i = 0; i < curve.x.size();) {
      std::size_t end = i;
      while (end < curve.x.size() && whole(end)) ++end;
      if (end > i + 1) {
        cairo_new_path(cr);
        for (std::size_t k = i; k < end; ++k) cairo_line_to(cr, x.pixel(curve.x[k]), y.pixel(curve.upper[k]));
        for (std::size_t k = end; k-- > i;) cairo_line_to(cr, x.pixel(curve.x[k]), low(k));
        cairo_close_path(cr);
        cairo_fill(cr);
      }
      i = end + 1;
    }
  }

  void set_dash(const Curve& curve) const {
    const double dash[2] = {11 * unit(), 6 * unit()};
    cairo_set_dash(canvas_.cairo(), dash, curve.dashed ? 2 : 0, 0);
  }

  void draw_curve(const Curve& curve, const Rgb& colour) const {
    const Ruler x = across(), y = up();
    cairo_t* cr = canvas_.cairo();
    canvas_.colour(colour);
    cairo_set_line_width(cr, kLineWidth * unit());
    set_dash(curve);
    cairo_new_path(cr);
    bool drawing = false;
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      const bool there = x.holds(curve.x[i]) && y.holds(curve.y[i]);
      if (there && drawing && curve.line) cairo_line_to(cr, x.pixel(curve.x[i]), y.pixel(curve.y[i]));
      if (there && !drawing) cairo_move_to(cr, x.pixel(curve.x[i]), y.pixel(curve.y[i]));
      drawing = there;
    }
    cairo_stroke(cr);
    cairo_set_dash(cr, nullptr, 0, 0);
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      const bool there = x.holds(curve.x[i]) && y.holds(curve.y[i]);
      // A point between two gaps would be nothing without a marker.
      const bool alone =
          (i == 0 || !y.holds(curve.y[i - 1])) && (i + 1 == curve.x.size() || !y.holds(curve.y[i + 1]));
      if (there && (curve.markers || !curve.line || alone))
        marker(x.pixel(curve.x[i]), y.pixel(curve.y[i]), colour);
    }
  }

  void marker(double x, double y, const Rgb& colour) const {
    cairo_new_path(canvas_.cairo());
    cairo_arc(canvas_.cairo(), x, y, 6.2 * unit(), 0, 6.2831853);
    canvas_.colour(colour);
    cairo_fill_preserve(canvas_.cairo());
    canvas_.colour({1, 1, 1});
    cairo_set_line_width(canvas_.cairo(), 1.5 * unit());
    cairo_stroke(canvas_.cairo());
  }

  /// Pixels of the data that a legend should not cover.
  [[nodiscard]] std::vector<std::array<double, 2>> obstacles() const {
    const Ruler x = across(), y = up();
    std::vector<std::array<double, 2>> points;
    for (const Curve& c : panel_.curves) {
      const std::size_t stride = std::max<std::size_t>(1, c.x.size() / 2000);
      for (std::size_t i = 0; i < c.x.size(); i += stride) {
        if (!x.holds(c.x[i]) || !y.holds(c.y[i])) continue;
        const std::array<double, 2> here{x.pixel(c.x[i]), y.pixel(c.y[i])};
        if (!c.line) {
          points.push_back(here);
          for (const auto* end : {&c.lower, &c.upper})
            if (!end->empty() && y.holds((*end)[i])) points.push_back({here[0], y.pixel((*end)[i])});
          continue;
        }
        // Long straight pieces count along their length.
        const std::size_t last = i >= stride ? i - stride : i;
        if (x.holds(c.x[last]) && y.holds(c.y[last]))
          for (int k = 1; k < 8; ++k) {
            const double t = k / 8.0;
            points.push_back(
                {here[0] + t * (x.pixel(c.x[last]) - here[0]), here[1] + t * (y.pixel(c.y[last]) - here[1])});
          }
        points.push_back(here);
      }
    }
    for (const Bars& b : panel_.bars)
      for (std::size_t k = 0; k < b.heights.size(); ++k)
        if (y.holds(b.heights[k]) && x.holds(b.edges[k]) && x.holds(b.edges[k + 1])) {
          const double middle = 0.5 * (x.pixel(b.edges[k]) + x.pixel(b.edges[k + 1])),
                       top = y.pixel(b.heights[k]);
          for (int j = 0; j <= 8; ++j) points.push_back({middle, top + (y.foot() - top) * j / 8});
        }
    return points;
  }

  [[nodiscard]] Box legend_box(double width, double height) const {
    const std::vector<std::array<double, 2>> points = obstacles();
    const double air = 0.35 * size_;
    const double right = plot_.x + plot_.width - width - air, left = plot_.x + air;
    const double top = plot_.y + air * 0.5, bottom = plot_.y + plot_.height - height - air;
    Box best;
    std::size_t fewest = points.size() + 1;
    for (const Box& box :
         {Box{right, top, width, height}, Box{left, top, width, height}, Box{right, bottom, width, height},
          Box{left, bottom, width, height}, Box{right, 0.5 * (top + bottom), width, height},
          Box{0.5 * (left + right), top, width, height}}) {
      const auto covered =
          static_cast<std::size_t>(std::count_if(points.begin(), points.end(), [&](const auto& p) {
            return p[0] > box.x - air && p[0] < box.x + box.width + air && p[1] > box.y - air &&
                   p[1] < box.y + box.height + air;
          }));
      if (covered < fewest) fewest = covered, best = box;
    }
    return best;
  }

  /// Labels beside the last points of curves: at the nearest place that covers neither points nor other
  /// labels.
  void draw_names() const {
    const Ruler x = across(), y = up();
    const auto overlap = [](const Box& a, const Box& b) {
      return std::max(0.0, std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x)) *
             std::max(0.0, std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y));
    };
    const double reach = 7 * unit();
    std::vector<Box> taken;
    for (const auto& p : obstacles()) taken.push_back({p[0] - reach, p[1] - reach, 2 * reach, 2 * reach});
    for (std::size_t k = 0; k < panel_.curves.size(); ++k) {
      const Curve& c = panel_.curves[k];
      if (!c.named || c.label.empty()) continue;
      std::size_t last = c.x.size();
      while (last > 0 && !(x.holds(c.x[last - 1]) && y.holds(c.y[last - 1]))) --last;
      if (last == 0) continue;
      const double at_x = x.pixel(c.x[last - 1]), at_y = y.pixel(c.y[last - 1]);
      const double height = 1.1 * size_, gap = 0.5 * size_;
      const std::string label = canvas_.shortened(c.label, size_, 0.6 * plot_.width);
      const double width = canvas_.text_width(label, size_);
      Box best;
      double least = 1e300;
      for (int ring = 0; ring < 8 && least > 0.0; ++ring) {
        const double away = ring * height;
        for (const auto& [dx, dy] :
             {std::pair{gap + reach, -0.5 * height - away}, std::pair{gap + reach, -0.5 * height + away},
              std::pair{-width - gap - reach, -0.5 * height - away},
              std::pair{-width - gap - reach, -0.5 * height + away},
              std::pair{-0.5 * width, -height - gap - reach - away},
              std::pair{-0.5 * width, gap + reach + away}}) {
          const Box box{at_x + dx, at_y + dy, width, height};
          double cost = width * height - overlap(box, plot_);  // what lies beyond the frame
          for (const Box& other : taken) cost += overlap(box, other);
          if (cost < least - 1e-9) least = cost, best = box;
        }
      }
      const double middle = best.y + 0.5 * height;
      if (std::abs(middle - at_y) > 1.2 * height) {
        canvas_.colour(colour_of(k), 0.5);
        canvas_.line(at_x, at_y, std::clamp(at_x, best.x, best.x + width), middle, 1.2 * unit());
      }
      canvas_.colour(colour_of(k));
      canvas_.text(best.x, best.y + 0.82 * height, label, size_);
      taken.push_back(best);
    }
  }

  void draw_legend() const {
    double widest = 0;
    int entries = 0;
    const auto measure_entry = [&](const std::string& label) {
      if (label.empty()) return;
      widest = std::max(widest, canvas_.text_width(label, size_));
      ++entries;
    };
    for (const Bars& b : panel_.bars) measure_entry(b.label);
    for (const Curve& c : panel_.curves)
      if (!c.named) measure_entry(c.label);
    for (const ReferenceLine& r : panel_.references) measure_entry(r.label);
    if (entries == 0) return;
    const double row = 1.4 * size_, sample = 2.2 * size_;
    const Box box = legend_box(widest + sample + 1.5 * size_, row * entries + 0.5 * size_);
    canvas_.colour({1, 1, 1}, 0.85);
    cairo_rectangle(canvas_.cairo(), box.x, box.y, box.width, box.height);
    cairo_fill(canvas_.cairo());
    const double x = box.x + 0.5 * size_;
    double y = box.y + 0.25 * size_ + 0.5 * row;
    const auto write = [&](const std::string& label) {
      canvas_.colour(kInk);
      canvas_.text(x + sample + 0.5 * size_, y + 0.36 * size_, label, size_);
      y += row;
    };
    for (std::size_t i = 0; i < panel_.bars.size(); ++i) {
      if (panel_.bars[i].label.empty()) continue;
      canvas_.fill({x, y - 0.4 * size_, sample, 0.8 * size_}, bar_colour(i));
      write(panel_.bars[i].label);
    }
    for (std::size_t i = 0; i < panel_.curves.size(); ++i) {
      const Curve& c = panel_.curves[i];
      if (c.label.empty() || c.named) continue;
      if (!c.lower.empty() && c.line) {
        canvas_.colour(colour_of(i), 0.18);
        cairo_rectangle(canvas_.cairo(), x, y - 0.4 * size_, sample, 0.8 * size_);
        cairo_fill(canvas_.cairo());
      }
      canvas_.colour(colour_of(i));
      set_dash(c);
      if (c.line) canvas_.line(x, y, x + sample, y, kLineWidth * unit());
      cairo_set_dash(canvas_.cairo(), nullptr, 0, 0);
      if (c.markers || !c.line) marker(x + 0.5 * sample, y, colour_of(i));
      write(c.label);
    }
    for (const ReferenceLine& r : panel_.references) {
      if (r.label.empty()) continue;
      set_reference_dash();
      canvas_.line(x, y, x + sample, y, 1.8 * unit());
      cairo_set_dash(canvas_.cairo(), nullptr, 0, 0);
      write(r.label);
    }
  }

  void draw_note(const std::string& words) const {
    canvas_.colour(kFaintInk);
    canvas_.text(plot_.x + 0.5 * plot_.width, plot_.y + 0.5 * plot_.height, words, 1.2 * size_,
                 Align::centre);
  }

  void draw_titles() const {
    canvas_.colour(kInk);
    if (!panel_.x.label.empty())
      canvas_.text(plot_.x + 0.5 * plot_.width, plot_.y + plot_.height + lower_ + 3.0 * size_, panel_.x.label,
                   1.06 * size_, Align::centre);
    if (!panel_.y.label.empty())
      canvas_.upright_text(box_.x + 1.0 * size_, plot_.y + 0.5 * plot_.height,
                           canvas_.shortened(panel_.y.label, 1.06 * size_, plot_.height + 2 * size_),
                           1.06 * size_);
    const double title = 1.16 * size_, baseline = box_.y + 1.1 * title;
    double x = plot_.x;
    if (letter_ != 0) {
      canvas_.text(x, baseline, std::string(1, letter_), title, Align::left, true);
      x += canvas_.text_width(std::string(1, letter_), title, true) + 0.6 * title;
    }
    canvas_.text(x, baseline, canvas_.shortened(panel_.title, title, box_.x + box_.width - x), title);
  }

  static constexpr double kLineWidth = 3.0;
  const Canvas& canvas_;
  const CurvePanel& panel_;
  double size_;
  char letter_;
  Box box_;
  Box plot_{};
  bool empty_ = false;
  double lower_ = 0;  // of the words below, by lines of named places beyond the first
  Range range_x_{}, range_y_{};
  std::vector<Tick> ticks_x_{}, ticks_y_{};
};

}  // namespace

void curves(const std::string& path, const CurveFigure& figure) {
  check(path, figure);
  const auto n = static_cast<int>(figure.panels.size());
  const int columns = figure.columns > 0 ? std::min(figure.columns, n) : n == 4 ? 2 : std::min(n, 3);
  const int rows = (n + columns - 1) / columns;
  const double unit = figure.width / 1600.0, margin = 30 * unit, gap = 34 * unit;
  const double letters = (columns == 1 ? 25 : columns == 2 ? 22 : 19) * unit;
  const double heading = figure.title.empty() ? 0.0 : 54 * unit;
  const double width = (figure.width - 2 * margin - (columns - 1) * gap) / columns;
  // One panel alone would be a picture as high as the screen.
  const double height = width / (columns == 1 ? std::max(figure.aspect, 1.6) : figure.aspect) + 2 * letters;
  const double whole = 2 * margin + heading + rows * height + (rows - 1) * gap;
  Canvas canvas(path, figure.width, static_cast<int>(std::lround(whole)));
  if (!figure.title.empty()) {
    const double size = canvas.fitting_size(figure.title, 31 * unit, figure.width - 2 * margin, true);
    canvas.colour(kInk);
    canvas.text(margin, margin + 31 * unit,
                canvas.shortened(figure.title, size, figure.width - 2 * margin, true), size, Align::left,
                true);
  }
  for (int i = 0; i < n; ++i) {
    const Box box{margin + (i % columns) * (width + gap), margin + heading + (i / columns) * (height + gap),
                  width, height};
    const char letter = n > 1 && n <= 26 ? static_cast<char>('a' + i) : '\0';
    PanelDrawing(canvas, figure.panels[static_cast<std::size_t>(i)], box, letters, letter).draw();
  }
  canvas.finish();
}

}  // namespace manifill::plot
