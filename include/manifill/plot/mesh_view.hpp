#pragma once
/// \file
/// \brief Signals on triangle meshes: shaded views with hidden surfaces, as PNG, PDF or SVG.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "manifill/domain/domain.hpp"
#include "manifill/plot/palette.hpp"

namespace manifill::plot {

/// \brief A signal on the vertices of a mesh; all views of a figure share its colours.
struct MeshView {
  std::string title{};
  std::vector<double> values{};  ///< [vertex], NaN where there is none: shown in grey
};

/// \brief A table of views of one mesh, row by row.
struct MeshFigure {
  domain::Domain domain;
  std::vector<MeshView> views{};
  std::size_t columns = 1;
  std::array<double, 3> towards{0.0, 0.0, 1.0};  ///< direction to the viewer
  std::array<double, 3> up{0.0, 1.0, 0.0};       ///< what is up in the picture, not along `towards`
  double lowest = 0.0;                           ///< value of the palette's first colour
  double highest = 1.0;                          ///< of its last
  PaletteKind palette = PaletteKind::sequential;
  int view_width = 200;  ///< pixels
};

/// \brief Draws the figure: orthographic, the nearest surface at each place, values interpolated within
/// triangles, light from the viewer's upper left. \throws Error(internal) when a view does not match the
/// mesh; Error(usage) for another ending than .png, .pdf or .svg, directions that span no picture; Error(io)
void mesh_figure(const std::string& path, const MeshFigure& figure);

}  // namespace manifill::plot
