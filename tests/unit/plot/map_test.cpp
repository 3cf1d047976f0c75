#include "catch.hpp"

#include <cairo.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "manifill/base/error.hpp"
#include "manifill/plot/map.hpp"
#include "unit/io/netcdf_fixture.hpp"

using namespace manifill::plot;
using manifill::Error;
using manifill::ErrorKind;
using manifill::domain::Domain;
using manifill::test::Folder;
namespace fs = std::filesystem;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// A PNG read back.
class Picture {
 public:
  explicit Picture(const std::string& path) : surface_(cairo_image_surface_create_from_png(path.c_str())) {
    REQUIRE(cairo_surface_status(surface_) == CAIRO_STATUS_SUCCESS);
  }
  ~Picture() { cairo_surface_destroy(surface_); }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;
  [[nodiscard]] int width() const { return cairo_image_surface_get_width(surface_); }
  [[nodiscard]] int height() const { return cairo_image_surface_get_height(surface_); }
  [[nodiscard]] Rgb at(int x, int y) const {
    const unsigned char* p = cairo_image_surface_get_data(surface_) +
                             static_cast<std::ptrdiff_t>(y) * cairo_image_surface_get_stride(surface_) +
                             4 * x;
    return {p[2] / 255.0, p[1] / 255.0, p[0] / 255.0};
  }

 private:
  cairo_surface_t* surface_;
};

double distance(const Rgb& a, const Rgb& b) {
  return std::max({std::abs(a.red - b.red), std::abs(a.green - b.green), std::abs(a.blue - b.blue)});
}

/// How many of the pixels about a place have a colour.
int count_near(const Picture& picture, const MapLayout& layout, std::size_t panel, const Place& place,
               const Rgb& colour) {
  const auto [x, y] = layout.pixel(panel, place);
  int count = 0;
  for (int dy = -6; dy <= 6; ++dy)
    for (int dx = -6; dx <= 6; ++dx)
      if (distance(picture.at(static_cast<int>(x) + dx, static_cast<int>(y) + dy), colour) < 0.01) ++count;
  return count;
}

Domain coarse_globe() {
  std::vector<double> lat, lon;
  for (int i = 0; i < 9; ++i) lat.push_back(-80 + 20 * i);
  for (int j = 0; j < 18; ++j) lon.push_back(10 + 20 * j);
  return Domain::lat_lon(lat, lon);
}

/// Values -1..1 with a gap at row 6, column 2 (40 N, 50 E) and a mask at row 2, column 16 (40 S, 30 W).
MapFigure example() {
  MapFigure figure{.domain = coarse_globe(),
                   .title = "Test",
                   .scales = {{.label = "value (K)"}},
                   .width = 800,
                   .coastlines = false};
  std::vector<double> values(figure.domain.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(0.1 * static_cast<double>(i));
  std::vector<std::uint8_t> masked(values.size(), 0);
  values[6 * 18 + 2] = kNaN;
  masked[2 * 18 + 16] = 1;
  figure.panels = {{.title = "one", .values = values, .masked = masked}};
  return figure;
}

}  // namespace

TEST_CASE("a map has the size asked for, gaps and masks their colours where they are") {
  const Folder scratch;
  const std::string path = scratch / "map.png";
  const MapFigure figure = example();
  const MapLayout layout = map(path, figure);
  const Picture picture(path);
  CHECK(picture.width() == 800);
  CHECK(picture.height() == layout.height);
  REQUIRE(layout.maps.size() == 1);
  CHECK(layout.maps[0].x + layout.maps[0].width <= 800);
  // Off the graticule: 40 N 50 E and its neighbours.
  CHECK(count_near(picture, layout, 0, {50, 40}, kGapColour) > 40);
  const auto [gap_x, gap_y] = layout.pixel(0, {50, 40});
  int hatched = 0;
  for (int dx = -6; dx <= 6; ++dx)
    if (lightness(picture.at(static_cast<int>(gap_x) + dx, static_cast<int>(gap_y))) <
        lightness(kGapColour) - 4)
      ++hatched;
  CHECK(hatched >= 2);
  CHECK(count_near(picture, layout, 0, {70, 40}, kGapColour) == 0);
  CHECK(count_near(picture, layout, 0, {-30, -40}, kMaskColour) == 169);
  CHECK(count_near(picture, layout, 0, {-50, -40}, kMaskColour) == 0);
  // A cell with a value has the palette's colour for it: sin straddles zero, so diverging, ends -1 and 1.
  const double value = figure.panels[0].values[6 * 18 + 5];
  CHECK(count_near(picture, layout, 0, {110, 40}, Palette(PaletteKind::diverging).at(0.5 + 0.5 * value)) ==
        169);
  CHECK(distance(picture.at(2, 2), {1, 1, 1}) < 0.01);
}

TEST_CASE("rows and columns may run either way") {
  const Folder scratch;
  MapFigure figure = example();
  const auto& shape = figure.domain.lat_lon();
  std::vector<double> lat(shape.latitude.rbegin(), shape.latitude.rend());
  std::vector<double> lon(shape.longitude.rbegin(), shape.longitude.rend());
  std::reverse(figure.panels[0].values.begin(), figure.panels[0].values.end());
  std::reverse(figure.panels[0].masked.begin(), figure.panels[0].masked.end());
  figure.domain = Domain::lat_lon(lat, lon);
  map(scratch / "a.png", example());
  map(scratch / "b.png", figure);
  const Picture a(scratch / "a.png"), b(scratch / "b.png");
  REQUIRE(a.height() == b.height());
  int different = 0;
  for (int y = 0; y < a.height(); ++y)
    for (int x = 0; x < a.width(); ++x)
      if (distance(a.at(x, y), b.at(x, y)) > 0.01) ++different;
  // Samples that fall on an edge may go to either cell.
  CHECK(different < a.width() * a.height() / 200);
}

TEST_CASE("fields without values, constant and single cells are drawn") {
  const Folder scratch;
  MapFigure figure = example();
  figure.panels[0].masked.clear();
  SECTION("all missing") {
    figure.panels[0].values.assign(figure.domain.size(), kNaN);
    const MapLayout layout = map(scratch / "m.png", figure);
    const Picture picture(scratch / "m.png");
    CHECK(count_near(picture, layout, 0, {130, 40}, kGapColour) > 40);
  }
  SECTION("all masked") {
    figure.panels[0].values.assign(figure.domain.size(), kNaN);
    figure.panels[0].masked.assign(figure.domain.size(), 1);
    const MapLayout layout = map(scratch / "m.png", figure);
    CHECK(count_near(Picture(scratch / "m.png"), layout, 0, {130, 40}, kMaskColour) == 169);
  }
  SECTION("constant") {
    for (const double c : {0.0, -2.5, 1e300, 1e-300}) {
      figure.panels[0].values.assign(figure.domain.size(), c);
      CHECK_NOTHROW(map(scratch / "m.png", figure));
    }
  }
  SECTION("one cell") {
    figure.domain = Domain::lat_lon({45}, {10});
    figure.panels[0].values = {3.0};
    CHECK_NOTHROW(map(scratch / "m.png", figure));
  }
  SECTION("infinite values take the end colours") {
    figure.panels[0].values[40] = std::numeric_limits<double>::infinity();
    CHECK_NOTHROW(map(scratch / "m.png", figure));
  }
}

TEST_CASE("every projection, column count and format makes a picture") {
  const Folder scratch;
  MapFigure figure = example();
  figure.coastlines = true;
  figure.panels.resize(5, figure.panels[0]);
  figure.panels[4].scale = 1;
  figure.scales.push_back({.label = "spread (K)", .palette = PaletteKind::spread});
  for (const auto& projection :
       {Projection::equal_earth(180), Projection::polar(true, 30, 0), Projection::polar(false, -30, -90),
        Projection::plate_carree(-20, 60, 30, 75), Projection::plate_carree(0, 360, -90, 90)}) {
    figure.projection = projection;
    for (const int columns : {0, 1, 5}) {
      figure.columns = columns;
      const MapLayout layout = map(scratch / "p.png", figure);
      CHECK(layout.maps.size() == 5);
      for (const auto& m : layout.maps)
        CHECK((m.x >= 0 && m.x + m.width <= 800 && m.y + m.height <= layout.height));
    }
  }
  for (const char* name : {"p.pdf", "p.svg", "P.PNG"}) {
    map(scratch / name, figure);
    CHECK(fs::file_size(scratch / name) > 1000);
  }
  std::ifstream pdf(scratch / "p.pdf", std::ios::binary);
  CHECK(std::string(std::istreambuf_iterator<char>(pdf), {}).starts_with("%PDF"));
}

TEST_CASE("a surface is a shaded view, every corner with what it has") {
  const Folder scratch;
  // A square of two triangles that faces the viewer, upper left missing, lower right masked.
  MapFigure figure{.domain = Domain::surface({.vertices = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}},
                                              .triangles = {{0, 1, 2}, {0, 2, 3}}}),
                   .scales = {{.lowest = 0, .highest = 1}},
                   .panels = {{.values = {0, 0.5, 1, kNaN}, .masked = {0, 1, 0, 0}}},
                   .width = 400};
  const MapLayout layout = map(scratch / "s.png", figure);
  const Picture picture(scratch / "s.png");
  CHECK_FALSE(layout.projection);
  CHECK_THROWS_AS(layout.pixel(0, {0, 0}), Error);
  const auto box = layout.maps.at(0);
  // Plain light from the upper left on all of it: 0.45 + 0.55 / |(-0.4, -0.6, 1)|.
  const double light = 0.45 + 0.55 / std::sqrt(1.52);
  const auto at = [&](double right, double up) {
    Rgb c = picture.at(box.x + static_cast<int>(right * box.width),
                       box.y + static_cast<int>((1 - up) * box.height));
    return Rgb{c.red / light, c.green / light, c.blue / light};
  };
  const Palette palette(PaletteKind::sequential);
  CHECK(distance(at(0.1, 0.1), palette.at(0)) < 0.02);
  CHECK(distance(at(0.9, 0.9), palette.at(1)) < 0.02);
  CHECK(distance(at(0.9, 0.1), kMaskColour) < 0.02);
  const Rgb gap = at(0.1, 0.9);  // the gap or its hatching
  CHECK(gap.red == Approx(gap.blue).margin(0.02));
  CHECK(gap.red > kHatchColour.red - 0.02);
  CHECK(distance(picture.at(box.x, box.y), {1, 1, 1}) < 0.01);

  figure.up = {0, 0, -2};
  CHECK_THROWS_AS(map(scratch / "s.png", figure), Error);
}

TEST_CASE("what cannot be drawn is refused, and the old picture stays") {
  const Folder scratch;
  const auto kind_of = [](const std::string& path, const MapFigure& figure) {
    try {
      map(path, figure);
    } catch (const Error& e) {
      return e.kind();
    }
    return ErrorKind::internal;
  };
  MapFigure figure = example();
  CHECK(kind_of(scratch / "m.gif", figure) == ErrorKind::usage);
  CHECK(kind_of(scratch / "none/m.png", figure) == ErrorKind::io);
  map(scratch / "m.png", figure);
  const auto size = fs::file_size(scratch / "m.png");
  figure.panels[0].values.pop_back();
  CHECK(kind_of(scratch / "m.png", figure) == ErrorKind::usage);
  figure = example();
  figure.panels[0].scale = 1;
  CHECK(kind_of(scratch / "m.png", figure) == ErrorKind::usage);
  figure.panels.clear();
  CHECK(kind_of(scratch / "m.png", figure) == ErrorKind::usage);
  CHECK(fs::file_size(scratch / "m.png") == size);
  CHECK(std::distance(fs::directory_iterator(scratch.path()), {}) == 1);
}

TEST_CASE("colour ranges suit their data") {
  RangeFinder none;
  CHECK(none.empty());
  none.add({kNaN, kNaN});
  CHECK(none.empty());
  CHECK(none.range({}).lowest < none.range({}).highest);

  RangeFinder anomalies;
  anomalies.add({-3, 0, 1, 2, kNaN});
  const ScaleRange a = anomalies.range({});
  CHECK(a.palette == PaletteKind::diverging);
  CHECK(a.lowest == -a.highest);
  CHECK(a.highest >= 3);
  CHECK_FALSE((a.below || a.above));

  RangeFinder spread;
  spread.add({0, 0.4, 1.1});
  const ScaleRange s = spread.range({.palette = PaletteKind::spread});
  CHECK(s.lowest == 0);
  CHECK(s.highest >= 1.1);

  RangeFinder tails;  // one value in a thousand lies far off
  std::vector<double> values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 10 + 0.001 * static_cast<double>(i);
  values[0] = 500;
  tails.add(values);
  const ScaleRange t = tails.range({});
  CHECK(t.palette == PaletteKind::sequential);
  CHECK(t.highest < 12);
  CHECK(t.above);
  CHECK_FALSE(t.below);

  const ScaleRange fixed = tails.range({.lowest = 0, .highest = 600});
  CHECK(fixed.lowest == 0);
  CHECK(fixed.highest == 600);
  CHECK_FALSE(fixed.above);
  // A scale fixed for a series shows the same range and the same pointed ends in each frame.
  const ColourScale series = tails.fixed({});
  RangeFinder frame;
  frame.add({10.5});
  CHECK(frame.range(series).highest == t.highest);
  CHECK(frame.range(series).above);
}

TEST_CASE("a flat image is drawn with square pixels, its first row on top, and nothing over it") {
  const Folder scratch;
  const std::string path = scratch / "image.png";
  constexpr std::size_t rows = 10, columns = 25;
  std::vector<double> values(rows * columns);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j)
      values[i * columns + j] = (static_cast<double>(j) + 10.0 * static_cast<double>(i)) / 130.0;
  values[2 * columns + 3] = kNaN;
  const MapFigure figure{
      .domain = Domain::plane(rows, columns),
      .scales = {{.label = "grey", .palette = PaletteKind::sequential, .lowest = 0.0, .highest = 1.0}},
      .panels = {{.values = values}},
      .width = 800};
  const MapLayout layout = map(path, figure);
  const Picture picture(path);
  const auto& place = layout.maps.at(0);
  // To the pixel that the height is rounded by.
  CHECK(std::abs(place.width * static_cast<double>(rows) / columns - place.height) <= 1.0);
  const Palette palette(PaletteKind::sequential);
  // Every pixel of the image has one colour over all of its square but for a rim of a picture's pixel and the
  // frame.
  int wrong = 0;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      if (i == 2 && j == 3) continue;
      const Rgb expected = palette.at(values[i * columns + j]);
      const auto side = static_cast<double>(place.width) / columns,
                 tall = static_cast<double>(place.height) / rows;
      for (const double u : {0.15, 0.5, 0.85})
        for (const double v : {0.15, 0.5, 0.85})
          if (distance(picture.at(place.x + static_cast<int>(side * (static_cast<double>(j) + u)),
                                  place.y + static_cast<int>(tall * (static_cast<double>(i) + v))),
                       expected) > 0.01)
            ++wrong;
    }
  CHECK(wrong == 0);
  CHECK(distance(picture.at(place.x + static_cast<int>(3.2 * place.width / columns),
                            place.y + static_cast<int>(2.5 * place.height / rows)),
                 palette.at(0.0)) > 0.2);
  CHECK_THROWS_AS(layout.pixel(0, {0, 0}), Error);
}
