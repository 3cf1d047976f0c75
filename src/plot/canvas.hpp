#pragma once
/// \file
/// \brief A cairo surface that becomes a file: PNG, PDF or SVG by the name's ending. Not for users of the
/// library.

#include <cairo.h>

#include <memory>
#include <string>
#include <vector>

#include "manifill/plot/palette.hpp"

namespace manifill::plot {

enum class Align { left, centre, right };

/// \brief A rectangle of the picture, pixels, y down.
struct Box {
  double x = 0.0;
  double y = 0.0;
  double width = 0.0;
  double height = 0.0;
};

class Canvas {
 public:
  /// \brief White picture of the given size, pixels; a page of 0.3 pt a pixel in vector formats.
  /// \throws Error(usage) when the name ends in none of .png, .pdf, .svg; Error(io) when cairo has no memory
  /// for it
  Canvas(std::string path, int width, int height);

  [[nodiscard]] cairo_t* cairo() const { return context_.get(); }

  void colour(const Rgb& c, double alpha = 1.0) const;
  void line(double x0, double y0, double x1, double y1, double width) const;
  void fill(const Box& box, const Rgb& c) const;
  void frame(const Box& box, const Rgb& c, double width) const;

  /// \brief Puts the pixels of an image, which is given up, with its upper left corner at a place.
  void paint_pixels(cairo_surface_t* image, double x, double y) const;

  /// \brief Text on a baseline, in the current colour.
  void text(double x, double y, const std::string& words, double size, Align align = Align::left,
            bool bold = false) const;
  /// \brief Text that runs upwards, centred on y; x is its baseline.
  void upright_text(double x, double y, const std::string& words, double size) const;
  [[nodiscard]] double text_width(const std::string& words, double size, bool bold = false) const;
  /// \brief Font size, at most `size`, at which the words fit; not below half of it.
  [[nodiscard]] double fitting_size(const std::string& words, double size, double width,
                                    bool bold = false) const;
  /// \brief The words, or their beginning with an ellipsis where they do not fit.
  [[nodiscard]] std::string shortened(const std::string& words, double size, double width,
                                      bool bold = false) const;

  /// \brief Writes the file under a temporary name, syncs and renames.
  /// \throws Error(io) when drawing or writing failed; the final name then has the old file or nothing
  void finish();

 private:
  void font(double size, bool bold) const;
  /// The words as the font at hand can show them.
  [[nodiscard]] std::string drawable(const std::string& words) const;
  struct DestroySurface {
    void operator()(cairo_surface_t* s) const { cairo_surface_destroy(s); }
  };
  struct DestroyContext {
    void operator()(cairo_t* c) const { cairo_destroy(c); }
  };
  std::string path_;
  bool png_ = true;
  bool fontless_ = false;  // only cairo's built-in strokes, which know ASCII
  // Filled by cairo while vector surfaces are drawn, so it must neither move nor go before them.
  std::unique_ptr<std::vector<unsigned char>> bytes_;
  std::unique_ptr<cairo_surface_t, DestroySurface> surface_;
  std::unique_ptr<cairo_t, DestroyContext> context_;
};

/// \brief Text and line colours of all figures.
inline constexpr Rgb kInk{0.13, 0.13, 0.13};
inline constexpr Rgb kFaintInk{0.38, 0.38, 0.38};
inline constexpr Rgb kGridColour{0.88, 0.88, 0.88};

}  // namespace manifill::plot
