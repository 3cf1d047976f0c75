#pragma once
/// \file
/// \brief Maps of fields on the sphere, shaded views of fields on surfaces, flat images: panels of one figure
/// under shared colour scales, as PNG, PDF or SVG.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "manifill/domain/domain.hpp"
#include "manifill/plot/palette.hpp"
#include "manifill/plot/projection.hpp"

namespace manifill::plot {

/// \brief Colours of a quantity; panels of the same quantity share one, and its colour bar.
struct ColourScale {
  std::string label{};  ///< "surface temperature anomaly (K)"
  PaletteKind palette = PaletteKind::automatic;
  std::optional<double> lowest{};  ///< the data's own when empty
  std::optional<double> highest{};
  bool open_below =
      false;  ///< point the bar's end though no value of this figure lies beyond: other frames' do
  bool open_above = false;
};

/// \brief One map.
struct MapPanel {
  std::string title{};
  std::vector<double> values{};        ///< [point], the domain's order, NaN where missing
  std::vector<std::uint8_t> masked{};  ///< [point], 1 where a static mask lies; empty: nowhere
  std::size_t scale = 0;               ///< index into MapFigure::scales
};

/// \brief A figure of maps on one domain.
struct MapFigure {
  domain::Domain domain;
  std::string title{};     ///< upper left, bold
  std::string subtitle{};  ///< upper right: a date
  std::vector<ColourScale> scales{};
  std::vector<MapPanel> panels{};
  int width = 1600;                        ///< pixels; the height follows
  int columns = 0;                         ///< 0: what suits the maps' shape
  std::optional<Projection> projection{};  ///< the one suited to the domain when empty
  bool coastlines = true;
  std::array<double, 3> towards{0.0, 0.0, 1.0};  ///< of a surface: the direction to the viewer
  std::array<double, 3> up{0.0, 1.0, 0.0};       ///< of a surface: up in the picture, not along `towards`
};

/// \brief Where things came to lie in the picture, pixels, y down; what tests and image maps need.
struct MapLayout {
  struct Rectangle {
    int x = 0, y = 0, width = 0, height = 0;
  };
  int width = 0;
  int height = 0;
  std::vector<Rectangle> maps{};           ///< [panel]
  std::optional<Projection> projection{};  ///< empty for a surface and a flat image
  /// \brief Pixel of a place on the sphere in a panel; NaN where the projection does not show it.
  /// \throws Error(internal) for a surface and a flat image
  [[nodiscard]] std::pair<double, double> pixel(std::size_t panel, const Place& place) const;
};

/// \brief Range of values that a colour scale should span.
///
/// The central 99 % of the data, or all of it where the tails are short, rounded outwards to nice numbers;
/// symmetric about zero for diverging palettes, from zero for spreads.
struct ScaleRange {
  double lowest = 0.0;
  double highest = 1.0;
  PaletteKind palette = PaletteKind::sequential;  ///< `automatic` resolved
  bool below = false;                             ///< data lie below the range
  bool above = false;
};

/// \brief Summary of data seen so far, for a scale over many fields: low and high ends are the extreme ones
/// of the fields' own 0.5 and 99.5 percentiles.
class RangeFinder {
 public:
  /// \param values any shape; NaN is skipped
  void add(const std::vector<double>& values);
  [[nodiscard]] bool empty() const { return !(lowest_ <= highest_); }
  /// \brief Range for a scale; its own ends are kept.
  [[nodiscard]] ScaleRange range(const ColourScale& scale) const;
  /// \brief The scale with palette and ends set from the data seen, to hold for several figures.
  [[nodiscard]] ColourScale fixed(const ColourScale& scale) const;

 private:
  double lowest_ = 1.0, highest_ = -1.0;  // empty while lowest > highest
  double low_ = 0.0, high_ = 0.0;
};

/// \brief Checks a picture's name before work is spent on it. \throws Error(usage) unless it ends in .png,
/// .pdf or .svg
void check_picture_name(const std::string& path);

/// \brief Draws the figure. Gaps are hatched light grey, masks plain grey; a field without values says so.
/// \param path .png, .pdf or .svg; replaced as a whole once the new picture is complete
/// \throws Error(usage) on another ending, no panels, sizes that do not match the domain, a scale that is
/// not there or directions that span no view; Error(io) when the picture cannot be written
MapLayout map(const std::string& path, const MapFigure& figure);

}  // namespace manifill::plot
