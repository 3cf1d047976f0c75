#include "catch.hpp"

#include <cmath>
#include <limits>

#include "manifill/plot/palette.hpp"

using namespace manifill::plot;

namespace {

/// Whether lightness rises (or falls) from one colour to the other all the way.
bool monotone(const std::vector<Rgb>& colours, std::size_t first, std::size_t last, double sign) {
  for (std::size_t i = first + 1; i <= last; ++i)
    if (sign * (lightness(colours[i]) - lightness(colours[i - 1])) <= 0) return false;
  return true;
}

}  // namespace

TEST_CASE("lightness has its ends at black and white") {
  CHECK(lightness({0, 0, 0}) == Approx(0).margin(1e-9));
  CHECK(lightness({1, 1, 1}) == Approx(100).epsilon(1e-4));
}

TEST_CASE("palettes are monotone in lightness") {
  const auto sequential = Palette(PaletteKind::sequential).colours();
  REQUIRE(sequential.size() == 256);
  CHECK(monotone(sequential, 0, 255, 1));
  CHECK(monotone(Palette(PaletteKind::spread).colours(), 0, 255, -1));
  const auto diverging = Palette(PaletteKind::diverging).colours();
  CHECK(monotone(diverging, 0, 127, 1));
  CHECK(monotone(diverging, 128, 255, -1));
  CHECK(lightness(diverging[127]) > 95);
  CHECK(std::abs(lightness(diverging.front()) - lightness(diverging.back())) < 5);
}

TEST_CASE("every place has a colour") {
  const Palette p(PaletteKind::diverging);
  CHECK(p.at(-1) == p.colours().front());
  CHECK(p.at(2) == p.colours().back());
  CHECK(p.at(std::numeric_limits<double>::infinity()) == p.colours().back());
  CHECK(p.at(std::nan("")) == p.colours().front());
  CHECK(p.at(0.5 - 1e-9) == p.colours()[127]);
  CHECK(p.at(0.5) == p.colours()[128]);
  CHECK(curve_colour(0) == curve_colour(8));
  CHECK_FALSE(curve_colour(0) == curve_colour(1));
}
