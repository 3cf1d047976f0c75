#include "manifill/plot/mesh_view.hpp"

#include <cairo.h>
#include <unistd.h>

#include <array>

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"

using namespace manifill;

namespace {

/// Mean colour of a small square of a picture, 0 to 1: red, green, blue.
std::array<double, 3> colour_at(const std::string& path, double x, double y) {
  cairo_surface_t* image = cairo_image_surface_create_from_png(path.c_str());
  REQUIRE(cairo_surface_status(image) == CAIRO_STATUS_SUCCESS);
  const int width = cairo_image_surface_get_width(image);
  const int height = cairo_image_surface_get_height(image);
  const unsigned char* p = cairo_image_surface_get_data(image) +
                           static_cast<int>(y * height) * cairo_image_surface_get_stride(image) +
                           static_cast<int>(x * width) * 4;
  const std::array<double, 3> out{p[2] / 255.0, p[1] / 255.0, p[0] / 255.0};
  cairo_surface_destroy(image);
  return out;
}

}  // namespace

TEST_CASE("a view shows the side towards the viewer, in the palette's colours, gaps in grey", "[plot]") {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("manifill-view-" + std::to_string(::getpid()) + ".png"))
          .string();
  const auto d = domain::Domain::surface(domain::icosphere(12));
  plot::MeshView front{.title = "front"};
  for (const auto& p : d.points())
    front.values.push_back(p[2] < 0.0 ? 0.0 : p[0] > 0.3 ? std::numeric_limits<double>::quiet_NaN() : 1.0);
  plot::MeshFigure figure{.domain = d, .views = {front}};
  plot::mesh_figure(path, figure);
  const plot::Palette palette(plot::PaletteKind::sequential);
  const auto middle = colour_at(path, 0.45, 0.55);
  const auto& bright = palette.colours().back();
  // Light scales the colour: its hue stays.
  CHECK(middle[0] / middle[2] == Approx(bright.red / bright.blue).epsilon(0.05));
  CHECK(middle[0] > 0.6 * bright.red);
  const auto gap = colour_at(path, 0.8, 0.55);
  CHECK(gap[0] == Approx(gap[2]).margin(0.02));
  CHECK(colour_at(path, 0.01, 0.99) == std::array<double, 3>{1.0, 1.0, 1.0});  // beside the ball
  figure.towards = {0.0, 0.0, -1.0};
  plot::mesh_figure(path, figure);
  const auto behind = colour_at(path, 0.45, 0.55);
  const auto& dark = palette.colours().front();
  CHECK(behind[0] / behind[2] == Approx(dark.red / dark.blue).epsilon(0.1));
  std::filesystem::remove(path);

  figure.up = figure.towards;
  CHECK_THROWS_WITH(plot::mesh_figure(path, figure), Catch::Contains("span no picture"));
  figure.views[0].values.pop_back();
  CHECK_THROWS_AS(plot::mesh_figure(path, figure), Error);
}
