#pragma once
/// \file
/// \brief Cells of a grid as pixels of a projected map, pixels of an image as those of a picture. Not for
/// users of the library.

#include <cstdint>
#include <vector>

#include "canvas.hpp"
#include "manifill/domain/domain.hpp"
#include "manifill/plot/map.hpp"

namespace manifill::plot {

/// \brief Which cell lies under each sample of a map; made once, it serves every panel of a figure.
///
/// The map is inverted at kSamples x kSamples places of every pixel: cells meet without seams, and their
/// borders and the map's outline are smooth.
class CellRaster {
 public:
  static constexpr int kSamples = 3;
  static constexpr std::int32_t kOffMap = -1;   ///< beyond the outline
  static constexpr std::int32_t kOffGrid = -2;  ///< on the map, but no cell is there

  /// \param width, height size of the map, pixels
  CellRaster(const domain::Domain& domain, const Projection& projection, int width, int height);
  /// \brief The same of a flat image, which fills the rectangle, its first row on top.
  CellRaster(const domain::Domain& image, int width, int height);

  /// \brief Paints a panel with its upper left corner at (x, y).
  /// \param hatch distance of the lines over gaps, pixels
  void paint(const Canvas& canvas, const MapPanel& panel, const Palette& palette, const ScaleRange& range,
             int x, int y, double hatch) const;

 private:
  int width_;
  int height_;
  std::vector<std::int32_t> cell_;  // [height * kSamples][width * kSamples]
};

}  // namespace manifill::plot
