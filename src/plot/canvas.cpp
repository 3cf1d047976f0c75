#include "canvas.hpp"

#include <cairo-pdf.h>
#include <cairo-svg.h>

#include <algorithm>
#include <cctype>
#include <exception>
#include <filesystem>
#include <string_view>
#include <utility>

#include "letters.hpp"
#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "manifill/plot/map.hpp"

namespace manifill::plot {
namespace {

constexpr double kPointsPerPixel = 0.3;  // 1600 pixels make the 17 cm of a journal's page
constexpr const char* kFamily = "DejaVu Sans";

cairo_status_t append(void* closure, const unsigned char* data, unsigned int length) {
  try {
    auto* bytes = static_cast<std::vector<unsigned char>*>(closure);
    bytes->insert(bytes->end(), data, data + length);
    return CAIRO_STATUS_SUCCESS;
  } catch (const std::exception&) {
    return CAIRO_STATUS_WRITE_ERROR;  // no exception may pass through C
  }
}

std::string ending_of(const std::string& path) {
  std::string ending = std::filesystem::path(path).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending;
}

}  // namespace

void check_picture_name(const std::string& path) {
  const std::string ending = ending_of(path);
  if (ending != ".png" && ending != ".pdf" && ending != ".svg")
    throw Error(ErrorKind::usage, "a picture's name must end in .png, .pdf or .svg",
                {.file = path, .remedy = "Name the picture MAP.png, say"});
}

Canvas::Canvas(std::string path, int width, int height)
    : path_(std::move(path)), bytes_(std::make_unique<std::vector<unsigned char>>()) {
  check_picture_name(path_);
  const std::string ending = ending_of(path_);
  const double page_width = width * kPointsPerPixel, page_height = height * kPointsPerPixel;
  if (ending == ".png") {
    surface_.reset(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height));
  } else if (ending == ".pdf") {
    surface_.reset(cairo_pdf_surface_create_for_stream(append, bytes_.get(), page_width, page_height));
  } else {
    surface_.reset(cairo_svg_surface_create_for_stream(append, bytes_.get(), page_width, page_height));
  }
  png_ = ending == ".png";
  context_.reset(cairo_create(surface_.get()));
  if (cairo_status(context_.get()) != CAIRO_STATUS_SUCCESS)
    throw Error(ErrorKind::io,
                "cannot make a picture of " + std::to_string(width) + " x " + std::to_string(height) +
                    " pixels: " + cairo_status_to_string(cairo_status(context_.get())),
                {.file = path_, .remedy = "Ask for a narrower picture"});
  if (!png_) cairo_scale(context_.get(), kPointsPerPixel, kPointsPerPixel);
  cairo_font_options_t* options = cairo_font_options_create();
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  // Letters where they belong, not where a screen's pixel grid would like them.
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  cairo_set_font_options(context_.get(), options);
  cairo_font_options_destroy(options);
  cairo_set_line_join(context_.get(), CAIRO_LINE_JOIN_ROUND);
  // Without any font installed cairo draws letters of its own, a user font to it.
  font(10, false);
  fontless_ = cairo_scaled_font_get_type(cairo_get_scaled_font(cairo())) == CAIRO_FONT_TYPE_USER;
  fill({0, 0, static_cast<double>(width), static_cast<double>(height)}, {1, 1, 1});
}

void Canvas::colour(const Rgb& c, double alpha) const {
  cairo_set_source_rgba(cairo(), c.red, c.green, c.blue, alpha);
}

void Canvas::line(double x0, double y0, double x1, double y1, double width) const {
  cairo_set_line_width(cairo(), width);
  cairo_move_to(cairo(), x0, y0);
  cairo_line_to(cairo(), x1, y1);
  cairo_stroke(cairo());
}

void Canvas::fill(const Box& box, const Rgb& c) const {
  colour(c);
  cairo_rectangle(cairo(), box.x, box.y, box.width, box.height);
  cairo_fill(cairo());
}

void Canvas::frame(const Box& box, const Rgb& c, double width) const {
  colour(c);
  cairo_set_line_width(cairo(), width);
  cairo_rectangle(cairo(), box.x, box.y, box.width, box.height);
  cairo_stroke(cairo());
}

void Canvas::font(double size, bool bold) const {
  cairo_select_font_face(cairo(), kFamily, CAIRO_FONT_SLANT_NORMAL,
                         bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo(), size);
}

void Canvas::paint_pixels(cairo_surface_t* image, double x, double y) const {
  cairo_surface_mark_dirty(image);
  cairo_set_source_surface(cairo(), image, x, y);
  cairo_pattern_set_filter(cairo_get_source(cairo()), CAIRO_FILTER_NEAREST);
  cairo_paint(cairo());
  cairo_surface_destroy(image);
}

void Canvas::text(double x, double y, const std::string& words, double size, Align align, bool bold) const {
  const double width = align == Align::left ? 0.0 : text_width(words, size, bold);
  font(size, bold);
  cairo_move_to(cairo(), align == Align::centre ? x - 0.5 * width : x - width, y);
  cairo_show_text(cairo(), drawable(words).c_str());
  cairo_new_path(cairo());
}

void Canvas::upright_text(double x, double y, const std::string& words, double size) const {
  cairo_save(cairo());
  cairo_translate(cairo(), x, y);
  cairo_rotate(cairo(), -1.5707963267948966);
  text(0, 0, words, size, Align::centre);
  cairo_restore(cairo());
}

double Canvas::text_width(const std::string& words, double size, bool bold) const {
  font(size, bold);
  cairo_text_extents_t extents{};
  cairo_text_extents(cairo(), drawable(words).c_str(), &extents);
  return extents.x_advance;
}

double Canvas::fitting_size(const std::string& words, double size, double width, bool bold) const {
  const double needed = text_width(words, size, bold);
  return needed <= width ? size : std::max(0.5 * size, size * width / needed);
}

std::string Canvas::drawable(const std::string& words) const {
  const std::string valid = valid_utf8(words);
  return fontless_ ? to_ascii(valid) : valid;
}

std::string Canvas::shortened(const std::string& whole, double size, double width, bool bold) const {
  std::string part = valid_utf8(whole);
  if (text_width(part, size, bold) <= width) return part;
  while (!part.empty()) {
    // A whole UTF-8 character goes at a time: its continuation bytes, then its first.
    while (!part.empty() && (static_cast<unsigned char>(part.back()) & 0xC0U) == 0x80U) part.pop_back();
    if (!part.empty()) part.pop_back();
    if (text_width(part + "\u2026", size, bold) <= width) break;
  }
  return part + "\u2026";
}

void Canvas::finish() {
  const auto check = [this](cairo_status_t status) {
    if (status != CAIRO_STATUS_SUCCESS)
      throw Error(ErrorKind::io, std::string("cannot draw the picture: ") + cairo_status_to_string(status),
                  {.file = path_});
  };
  check(cairo_status(context_.get()));
  if (png_) {
    cairo_surface_flush(surface_.get());
    check(cairo_surface_write_to_png_stream(surface_.get(), append, bytes_.get()));
  } else {
    cairo_show_page(context_.get());
    cairo_surface_finish(surface_.get());
    check(cairo_surface_status(surface_.get()));
  }
  write_atomically(path_, std::string_view(static_cast<const char*>(static_cast<const void*>(bytes_->data())),
                                           bytes_->size()));
}

}  // namespace manifill::plot
