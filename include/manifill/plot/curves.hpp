#pragma once
/// \file
/// \brief Line plots and bars: training curves, scores, spectra, rank histograms; as PNG, PDF or SVG.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "manifill/plot/palette.hpp"

namespace manifill::plot {

enum class AxisScale { linear, log };

struct Axis {
  std::string label{};  ///< "CRPS (K)"
  AxisScale scale = AxisScale::linear;
  std::optional<double> lowest{};  ///< the data's own, a little rounded, when empty
  std::optional<double> highest{};
  std::vector<std::string> names{};  ///< what stands at 0, 1, 2, ... in place of numbers; empty: numbers
};

/// \brief A line, with a band about it where `lower` and `upper` are given.
struct Curve {
  std::string label{};          ///< in the legend; empty: none
  std::vector<double> x{};      ///< [point]
  std::vector<double> y{};      ///< [point]; NaN, and zero or less on a log axis, breaks the line
  std::vector<double> lower{};  ///< [point] or empty
  std::vector<double> upper{};  ///< [point] or empty
  bool dashed = false;
  bool markers = false;
  bool line = true;             ///< false: markers alone, with bars from `lower` to `upper`
  bool named = false;           ///< `label` stands beside the last point, not in the legend
  std::optional<Rgb> colour{};  ///< the next of `curve_colour` when empty
};

/// \brief Bars from zero; the i-th spans [edges[i], edges[i + 1]].
struct Bars {
  std::string label{};
  std::vector<double> edges{};    ///< [bar + 1], increasing
  std::vector<double> heights{};  ///< [bar]
  std::optional<Rgb> colour{};
};

/// \brief A thin line across the panel: the flat rank histogram, the perfect score.
struct ReferenceLine {
  std::string label{};  ///< in the legend; empty: none
  double value = 0.0;
  bool vertical = false;
};

struct CurvePanel {
  std::string title{};
  Axis x{};
  Axis y{};
  std::vector<Curve> curves{};
  std::vector<Bars> bars{};
  std::vector<ReferenceLine> references{};
};

struct CurveFigure {
  std::string title{};
  std::vector<CurvePanel> panels{};
  int width = 1600;      ///< pixels; the height follows
  int columns = 0;       ///< 0: up to three beside each other
  double aspect = 1.45;  ///< width / height of a panel
};

/// \brief Draws the figure. A panel without a drawable point says "no data".
/// \param path .png, .pdf or .svg; replaced as a whole once the new picture is complete
/// \throws Error(usage) on another ending, no panels, or arrays of unequal length; Error(io) when it cannot
/// be written
void curves(const std::string& path, const CurveFigure& figure);

}  // namespace manifill::plot
