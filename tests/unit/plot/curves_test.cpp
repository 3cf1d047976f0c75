#include "catch.hpp"

#include <cairo.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "manifill/base/error.hpp"
#include "manifill/plot/curves.hpp"
#include "unit/io/netcdf_fixture.hpp"

using namespace manifill::plot;
using manifill::test::Folder;
namespace fs = std::filesystem;

namespace {

/// Whether a PNG has a pixel of a colour, and its width.
std::pair<int, bool> look_for(const std::string& path, const Rgb& colour) {
  cairo_surface_t* s = cairo_image_surface_create_from_png(path.c_str());
  REQUIRE(cairo_surface_status(s) == CAIRO_STATUS_SUCCESS);
  const int width = cairo_image_surface_get_width(s), height = cairo_image_surface_get_height(s);
  bool found = false;
  for (int y = 0; y < height && !found; ++y)
    for (int x = 0; x < width && !found; ++x) {
      const unsigned char* p = cairo_image_surface_get_data(s) +
                               static_cast<std::ptrdiff_t>(y) * cairo_image_surface_get_stride(s) + 4 * x;
      found = std::abs(p[2] / 255.0 - colour.red) < 0.01 && std::abs(p[1] / 255.0 - colour.green) < 0.01 &&
              std::abs(p[0] / 255.0 - colour.blue) < 0.01;
    }
  cairo_surface_destroy(s);
  return {width, found};
}

Curve line() {
  Curve c{.label = "loss"};
  for (int i = 1; i <= 50; ++i) {
    c.x.push_back(i);
    c.y.push_back(1.0 / i);
    c.lower.push_back(0.9 / i);
    c.upper.push_back(1.1 / i);
  }
  return c;
}

}  // namespace

TEST_CASE("curves, bands, bars and references are drawn in their colours") {
  const Folder scratch;
  CurvePanel panel{.title = "Loss", .x = {.label = "step"}, .y = {.label = "loss"}, .curves = {line()}};
  panel.references = {{.label = "floor", .value = 0.5}, {.value = 10, .vertical = true}};
  curves(scratch / "c.png", {.title = "Training", .panels = {panel}, .width = 640});
  CHECK(look_for(scratch / "c.png", curve_colour(0)) == std::pair{640, true});
  panel.x.scale = panel.y.scale = AxisScale::log;
  panel.curves.push_back(line());
  panel.curves[1].colour = Rgb{1, 0, 0};
  panel.curves[1].markers = panel.curves[1].dashed = true;
  curves(scratch / "c.png", {.panels = {panel, panel, panel}, .width = 900});
  CHECK(look_for(scratch / "c.png", {1, 0, 0}) == std::pair{900, true});
  CurvePanel ranks{.bars = {{.edges = {0, 1, 2, 3}, .heights = {1, 0.8, 1.2}, .colour = Rgb{0, 1, 0}}}};
  curves(scratch / "c.svg", {.panels = {ranks}});
  curves(scratch / "c.png", {.panels = {ranks}});
  CHECK(look_for(scratch / "c.png", {0, 1, 0}) == std::pair{1600, true});
}

TEST_CASE("a named curve's label stands beside its last point, in its colour, and in no legend") {
  const Folder scratch;
  const Rgb red{1, 0, 0};
  /// Pixels that are more red than anything else, in the half of the picture that begins at `from`.
  const auto reds = [&](const std::string& label, bool right) {
    // The point is in the middle of the left half; two corners without a label fix the axes.
    const Curve corners{.x = {0, 10}, .y = {0, 10}, .line = false, .colour = Rgb{0, 0, 0}};
    const Curve point{.label = label, .x = {2.5}, .y = {5}, .line = false, .named = true, .colour = red};
    const CurvePanel panel{.x = {.lowest = 0.0, .highest = 10.0},
                           .y = {.lowest = 0.0, .highest = 10.0},
                           .curves = {corners, point}};
    curves(scratch / "n.png", {.panels = {panel}, .width = 800});
    cairo_surface_t* s = cairo_image_surface_create_from_png((scratch / "n.png").c_str());
    REQUIRE(cairo_surface_status(s) == CAIRO_STATUS_SUCCESS);
    const int width = cairo_image_surface_get_width(s), height = cairo_image_surface_get_height(s);
    int found = 0;
    for (int y = 0; y < height; ++y)
      for (int x = right ? width / 2 : 0; x < (right ? width : width / 2); ++x) {
        const unsigned char* p = cairo_image_surface_get_data(s) +
                                 static_cast<std::ptrdiff_t>(y) * cairo_image_surface_get_stride(s) + 4 * x;
        found += p[2] > p[1] + 60 ? 1 : 0;
      }
    cairo_surface_destroy(s);
    return found;
  };
  CHECK(reds("dps", false) > reds("", false) + 30);  // the letters
  CHECK(reds("dps", true) == 0);                     // a legend would have a marker, and stand to the right
}

TEST_CASE("long names of places are all there, in lines below one another") {
  const Folder scratch;
  /// Dark pixels of the right half.
  const auto dark = [&](const std::string& second) {
    const CurvePanel panel{
        .x = {.names =
                  {"the name of a place that is too long to stand beside another in one line below the frame",
                   second}},
        .y = {.lowest = 0.0, .highest = 2.0},
        .curves = {{.x = {0}, .y = {1}, .line = false}}};
    curves(scratch / "w.png", {.panels = {panel}, .width = 900});
    cairo_surface_t* s = cairo_image_surface_create_from_png((scratch / "w.png").c_str());
    REQUIRE(cairo_surface_status(s) == CAIRO_STATUS_SUCCESS);
    int found = 0;
    for (int y = 0; y < cairo_image_surface_get_height(s); ++y)
      for (int x = cairo_image_surface_get_width(s) / 2; x < cairo_image_surface_get_width(s); ++x)
        found += cairo_image_surface_get_data(
                     s)[static_cast<std::ptrdiff_t>(y) * cairo_image_surface_get_stride(s) + 4 * x] < 100
                     ? 1
                     : 0;
    cairo_surface_destroy(s);
    return found;
  };
  // In one line each of them is wider than the frame.
  CHECK(dark("the name of another place that is too long to stand beside the first in one line") >
        dark("") + 100);
}

TEST_CASE("named places have markers with bars, and no line between them") {
  const Folder scratch;
  const Rgb red{1, 0, 0};
  const Rgb grey{0.5, 0.5, 0.5};
  // Two points at one height: a line between them would be the only ink in the middle of the panel.
  const auto middle = [&](bool line) {
    CurvePanel panel{.x = {.names = {"spring", "summer", "autumn"}}, .y = {.lowest = 0.0, .highest = 2.0}};
    panel.curves.push_back(
        {.x = {0, 2}, .y = {1, 1}, .lower = {0.8, 0.8}, .upper = {1.2, 1.2}, .line = line, .colour = red});
    panel.curves.push_back({.x = {1}, .y = {0.2}, .line = line, .colour = grey});
    const std::string path = scratch / "n.png";
    curves(path, {.panels = {panel}, .width = 1600});
    CHECK(look_for(path, red).second);
    CHECK(look_for(path, grey).second);
    cairo_surface_t* s = cairo_image_surface_create_from_png(path.c_str());
    int pixels = 0;
    // The column of "summer", which is in the middle of the three, with half a place of room beside the
    // others.
    for (int x = 780; x < 880; ++x)
      for (int y = 0; y < cairo_image_surface_get_height(s); ++y) {
        const unsigned char* p = cairo_image_surface_get_data(s) +
                                 static_cast<std::ptrdiff_t>(y) * cairo_image_surface_get_stride(s) + 4 * x;
        pixels += p[2] > 250 && p[1] < 5 && p[0] < 5 ? 1 : 0;
      }
    cairo_surface_destroy(s);
    return pixels;
  };
  CHECK(middle(true) > 20);
  CHECK(middle(false) == 0);
}

TEST_CASE("odd data make a picture all the same") {
  const Folder scratch;
  const double nan = std::nan(""), inf = INFINITY;
  const auto draw = [&](std::vector<double> x, std::vector<double> y, AxisScale scale) {
    CurvePanel panel{.x = {.scale = scale},
                     .y = {.scale = scale},
                     .curves = {{.label = "a", .x = std::move(x), .y = std::move(y)}}};
    CHECK_NOTHROW(curves(scratch / "c.png", {.panels = {panel}, .width = 300}));
  };
  for (const auto scale : {AxisScale::linear, AxisScale::log}) {
    draw({}, {}, scale);
    draw({1}, {1}, scale);
    draw({0, 0}, {0, 0}, scale);
    draw({1, 2, 3}, {nan, nan, nan}, scale);
    draw({1, 2, 3}, {-1, 0, -2}, scale);
    draw({1, nan, 3, inf}, {1, 2, inf, 3}, scale);
    draw({1, 2}, {1e-300, 1e300}, scale);
    draw({5, 5, 5}, {1, 2, 3}, scale);
  }
  CHECK_NOTHROW(curves(scratch / "c.png", {.panels = {CurvePanel{}}, .width = 300}));
  CurvePanel reversed{.x = {.lowest = 3, .highest = 1}, .curves = {line()}};
  CHECK_NOTHROW(curves(scratch / "c.png", {.panels = {reversed}, .width = 300}));
}

TEST_CASE("arrays of unequal length and wrong names are refused") {
  const Folder scratch;
  CurvePanel panel{.curves = {line()}};
  panel.curves[0].y.pop_back();
  CHECK_THROWS_AS(curves(scratch / "c.png", {.panels = {panel}}), manifill::Error);
  panel.curves[0] = line();
  panel.curves[0].upper.clear();
  CHECK_THROWS_AS(curves(scratch / "c.png", {.panels = {panel}}), manifill::Error);
  CHECK_THROWS_AS(curves(scratch / "c.png", {}), manifill::Error);
  CHECK_THROWS_AS(curves(scratch / "c.jpg", {.panels = {CurvePanel{}}}), manifill::Error);
  CHECK_FALSE(fs::exists(scratch / "c.png"));
}
