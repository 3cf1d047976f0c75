#pragma once
/// \file
/// \brief Colours of maps and curves: palettes of equal perceptual steps.

#include <cstddef>
#include <vector>

namespace manifill::plot {

/// \brief sRGB colour, each component in [0, 1].
struct Rgb {
  double red = 0.0;
  double green = 0.0;
  double blue = 0.0;
  friend bool operator==(const Rgb&, const Rgb&) = default;
};

enum class PaletteKind {
  automatic,   ///< diverging where the data straddle zero, otherwise sequential
  sequential,  ///< viridis (van der Walt and Smith, CC0): dark to light
  diverging,   ///< RdBu reversed (ColorBrewer, Apache-2.0): blue, near-white at the middle, red
  spread,      ///< BuPu (ColorBrewer, Apache-2.0): light where certain, dark where not
};

/// \brief 256 colours, equally spaced along the palette's path in CIELAB; a diverging one on each side of its
/// middle.
class Palette {
 public:
  /// \brief `automatic` counts as sequential.
  explicit Palette(PaletteKind kind);
  /// \brief Colour at a place in [0, 1]; beyond it the end colour.
  [[nodiscard]] const Rgb& at(double place) const;
  [[nodiscard]] const std::vector<Rgb>& colours() const { return colours_; }

 private:
  std::vector<Rgb> colours_;
};

/// \brief CIE 1976 lightness of a colour, 0 (black) to 100 (white), D65.
double lightness(const Rgb& colour);

/// \brief Colour of the i-th curve: eight that stay apart for colour-blind readers (Okabe and Ito 2008), then
/// again.
const Rgb& curve_colour(std::size_t index);

/// \brief Cells without a value: plain light grey, under hatching.
inline constexpr Rgb kGapColour{0.905, 0.905, 0.905};
/// \brief Lines of the hatching of gaps.
inline constexpr Rgb kHatchColour{0.72, 0.72, 0.72};
/// \brief Cells of a static mask.
inline constexpr Rgb kMaskColour{0.62, 0.62, 0.62};

}  // namespace manifill::plot
