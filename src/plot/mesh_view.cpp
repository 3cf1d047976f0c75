#include "manifill/plot/mesh_view.hpp"

#include <algorithm>
#include <cmath>

#include "canvas.hpp"
#include "manifill/base/error.hpp"
#include "mesh_raster.hpp"

namespace manifill::plot {

void mesh_figure(const std::string& path, const MeshFigure& figure) {
  for (const auto& view : figure.views)
    if (view.values.size() != figure.domain.size())
      throw Error(ErrorKind::internal, "a view does not match its mesh");
  if (figure.views.empty() || figure.columns == 0 || figure.view_width < 1)
    throw Error(ErrorKind::internal, "a figure of a mesh without views");
  const MeshCamera camera(figure.domain.mesh(), figure.towards, figure.up);
  const int width = figure.view_width, height = static_cast<int>(std::ceil(width * camera.aspect()));
  const MeshRaster raster(camera, width, height);
  const int title = std::max(12, width / 9);
  const int step = height + title + 4;
  const auto rows = static_cast<int>((figure.views.size() + figure.columns - 1) / figure.columns);
  Canvas canvas(path, static_cast<int>(figure.columns) * width, rows * step);
  const Palette palette(figure.palette);
  for (std::size_t k = 0; k < figure.views.size(); ++k) {
    const int x = static_cast<int>(k % figure.columns) * width;
    const int y = static_cast<int>(k / figure.columns) * step;
    const MeshView& view = figure.views[k];
    canvas.colour(kInk);
    const double size = canvas.fitting_size(view.title, 0.75 * title, 0.96 * width);
    canvas.text(x + 0.5 * width, y + 0.85 * title, view.title, size, Align::centre);
    raster.paint(canvas, {view.values, {}, palette, figure.lowest, figure.highest}, x, y + title);
  }
  canvas.finish();
}

}  // namespace manifill::plot
