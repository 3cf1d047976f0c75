#pragma once
/// \file
/// \brief Colour bars and the key of gap and mask. Not for users of the library.

#include <string>

#include "canvas.hpp"
#include "manifill/plot/map.hpp"

namespace manifill::plot {

/// \brief Height of a colour bar with its label and numbers, in sizes of its letters.
inline constexpr double kColourBarHeight = 4.1;

/// \brief Draws label, horizontal bar and numbers in a box of height kColourBarHeight * size. Ends beyond
/// which data lie are pointed.
void draw_colour_bar(const Canvas& canvas, const Box& box, const std::string& label, const ScaleRange& range,
                     double size);

/// \brief Draws swatches "missing" and "masked" from (x, baseline) to the right; returns the width taken.
double draw_key(const Canvas& canvas, double x, double baseline, bool gaps, bool masks, double size,
                bool measure_only);

}  // namespace manifill::plot
