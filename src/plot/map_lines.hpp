#pragma once
/// \file
/// \brief Lines on a projected map: coasts, graticule, outline. Not for users of the library.

#include <vector>

#include "canvas.hpp"
#include "manifill/plot/projection.hpp"

namespace manifill::plot {

/// \brief A projected map laid into a box of the picture.
struct MapView {
  const Projection& projection;
  Box box;
  [[nodiscard]] std::pair<double, double> pixel(const PlanePoint& p) const {
    const PlanePoint corner = projection.lower_left();
    return {box.x + box.width * (p.x - corner.x) / projection.width(),
            box.y + box.height * (1 - (p.y - corner.y) / projection.height())};
  }
};

/// \brief Parallels and meridians of a map, degrees, and how their labels stand.
struct Graticule {
  std::vector<double> latitudes{};
  std::vector<double> longitudes{};
};
/// \param width of the map, in letters of its labels: how many find room
Graticule graticule(const Projection& projection, double width_in_letters);

/// \brief Adds the map's outline to the current path.
void outline_path(const Canvas& canvas, const MapView& view);

void draw_coastlines(const Canvas& canvas, const MapView& view, double line_width);
void draw_graticule(const Canvas& canvas, const MapView& view, const Graticule& lines, double line_width);

/// \brief Degrees of a projection of PROJ: where lines leave the map at its left and below it; of others on
/// the map.
void label_edges(const Canvas& canvas, const MapView& view, const Graticule& lines, double size,
                 bool latitudes, bool longitudes);
/// \brief Degrees at the left of the map and below it, of projections in closed form.
void label_latitudes(const Canvas& canvas, const MapView& view, const Graticule& lines, double size);
void label_longitudes(const Canvas& canvas, const MapView& view, const Graticule& lines, double size);

}  // namespace manifill::plot
