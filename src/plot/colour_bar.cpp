#include "colour_bar.hpp"

#include <algorithm>
#include <cmath>

#include "manifill/plot/ticks.hpp"

namespace manifill::plot {
namespace {

/// The bar's outline: a rectangle whose ends are pointed where data lie beyond.
void bar_path(cairo_t* cr, const Box& bar, bool below, bool above) {
  const double point = 0.8 * bar.height, middle = bar.y + 0.5 * bar.height;
  cairo_new_path(cr);
  cairo_move_to(cr, bar.x, bar.y);
  cairo_line_to(cr, bar.x + bar.width, bar.y);
  if (above) cairo_line_to(cr, bar.x + bar.width + point, middle);
  cairo_line_to(cr, bar.x + bar.width, bar.y + bar.height);
  cairo_line_to(cr, bar.x, bar.y + bar.height);
  if (below) cairo_line_to(cr, bar.x - point, middle);
  cairo_close_path(cr);
}

void fill_bar(const Canvas& canvas, const Box& bar, const Palette& palette, bool below, bool above) {
  cairo_t* cr = canvas.cairo();
  cairo_save(cr);
  bar_path(cr, bar, below, above);
  cairo_clip(cr);
  // Neighbouring strips overlap by a pixel: no seam shows through, in vector formats neither.
  const auto n = static_cast<double>(palette.colours().size());
  canvas.fill({bar.x - bar.height, bar.y, bar.height + 1, bar.height}, palette.colours().front());
  for (std::size_t k = 0; k < palette.colours().size(); ++k) {
    const double x = bar.x + bar.width * static_cast<double>(k) / n;
    canvas.fill({x, bar.y, bar.x + bar.width - x + 1, bar.height}, palette.colours()[k]);
  }
  canvas.fill({bar.x + bar.width, bar.y, bar.height, bar.height}, palette.colours().back());
  cairo_restore(cr);
}

}  // namespace

void draw_colour_bar(const Canvas& canvas, const Box& box, const std::string& label, const ScaleRange& range,
                     double size) {
  const double label_size = 1.06 * size;
  canvas.colour(kInk);
  const double fitting = std::max(0.8 * label_size, canvas.fitting_size(label, label_size, box.width));
  canvas.text(box.x, box.y + label_size, canvas.shortened(label, fitting, box.width), fitting);
  const Box bar{box.x, box.y + 1.55 * size, box.width, 1.0 * size};
  fill_bar(canvas, bar, Palette(range.palette), range.below, range.above);
  canvas.colour(kInk);
  cairo_set_line_width(canvas.cairo(), 0.055 * size);
  bar_path(canvas.cairo(), bar, range.below, range.above);
  cairo_stroke(canvas.cairo());

  const auto target = static_cast<int>(std::clamp(box.width / (4.2 * size), 2.0, 8.0));
  const std::vector<double> ticks = nice_ticks(range.lowest, range.highest, target);
  const std::vector<std::string> labels = tick_labels(ticks);
  double taken = -1e9;
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    const double x = bar.x + bar.width * (ticks[i] - range.lowest) / (range.highest - range.lowest);
    const double bottom = bar.y + bar.height;
    canvas.colour(kInk);
    canvas.line(x, bottom, x, bottom + 0.28 * size, 0.055 * size);
    const double half = 0.5 * canvas.text_width(labels[i], size);
    if (x - half < taken) continue;
    canvas.text(x, bottom + 1.35 * size, labels[i], size, Align::centre);
    taken = x + half + 0.4 * size;
  }
}

double draw_key(const Canvas& canvas, double x, double baseline, bool gaps, bool masks, double size,
                bool measure_only) {
  cairo_t* cr = canvas.cairo();
  double at = x;
  const auto entry = [&](const char* words, const Rgb& colour, bool hatched) {
    const Box swatch{at, baseline - 0.85 * size, 1.9 * size, size};
    at += 2.35 * size;
    const double width = canvas.text_width(words, size);
    if (!measure_only) {
      canvas.fill(swatch, colour);
      cairo_save(cr);
      cairo_rectangle(cr, swatch.x, swatch.y, swatch.width, swatch.height);
      cairo_clip(cr);
      canvas.colour(kHatchColour);
      for (double d = 0; hatched && d < swatch.width + swatch.height; d += 0.42 * size)
        canvas.line(swatch.x + d, swatch.y, swatch.x + d - swatch.height, swatch.y + swatch.height,
                    0.06 * size);
      cairo_restore(cr);
      canvas.frame(swatch, kInk, 0.045 * size);
      canvas.colour(kInk);
      canvas.text(at, baseline, words, size);
    }
    at += width + 1.6 * size;
  };
  if (gaps) entry("missing", kGapColour, true);
  if (masks) entry("masked", kMaskColour, false);
  return at - x - (at > x ? 1.6 * size : 0.0);
}

}  // namespace manifill::plot
