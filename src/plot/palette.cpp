#include "manifill/plot/palette.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace manifill::plot {
namespace {

constexpr std::size_t kColours = 256;

// Anchors 0xRRGGBB from the low end to the high one.
constexpr std::array<std::uint32_t, 10> kViridis{0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e,
                                                 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b, 0xfde725};
constexpr std::array<std::uint32_t, 11> kRedBlue{0x053061, 0x2166ac, 0x4393c3, 0x92c5de, 0xd1e5f0, 0xf7f7f7,
                                                 0xfddbc7, 0xf4a582, 0xd6604d, 0xb2182b, 0x67001f};
constexpr std::array<std::uint32_t, 9> kBluePurple{0xf7fcfd, 0xe0ecf4, 0xbfd3e6, 0x9ebcda, 0x8c96c6,
                                                   0x8c6bb1, 0x88419d, 0x810f7c, 0x4d004b};

using Lab = std::array<double, 3>;

Rgb unpack(std::uint32_t hex) {
  return {((hex >> 16) & 255U) / 255.0, ((hex >> 8) & 255U) / 255.0, (hex & 255U) / 255.0};
}

double to_linear(double c) { return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4); }
double from_linear(double c) {
  c = std::clamp(c, 0.0, 1.0);
  return c <= 0.0031308 ? 12.92 * c : 1.055 * std::pow(c, 1 / 2.4) - 0.055;
}

constexpr double kEdge = 6.0 / 29.0;  // CIE 15:2004, where the cube root goes over into a line
double lab_curve(double t) {
  return t > kEdge * kEdge * kEdge ? std::cbrt(t) : t / (3 * kEdge * kEdge) + 4.0 / 29;
}
double lab_curve_inverse(double t) { return t > kEdge ? t * t * t : 3 * kEdge * kEdge * (t - 4.0 / 29); }

constexpr std::array<double, 3> kWhite{0.95047, 1.0, 1.08883};  // D65

Lab to_lab(const Rgb& c) {
  const double r = to_linear(c.red), g = to_linear(c.green), b = to_linear(c.blue);
  const double x = lab_curve((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / kWhite[0]);
  const double y = lab_curve((0.2126729 * r + 0.7151522 * g + 0.0721750 * b) / kWhite[1]);
  const double z = lab_curve((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / kWhite[2]);
  return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

Rgb from_lab(const Lab& c) {
  const double fy = (c[0] + 16) / 116;
  const double x = kWhite[0] * lab_curve_inverse(fy + c[1] / 500);
  const double y = kWhite[1] * lab_curve_inverse(fy);
  const double z = kWhite[2] * lab_curve_inverse(fy - c[2] / 200);
  return {from_linear(3.2404542 * x - 1.5371385 * y - 0.4985314 * z),
          from_linear(-0.9692660 * x + 1.8760108 * y + 0.0415560 * z),
          from_linear(0.0556434 * x - 0.2040259 * y + 1.0572252 * z)};
}

double distance(const Lab& a, const Lab& b) { return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]); }

/// Appends `count` colours at equal steps of the path through the anchors, both ends included.
void append_equal_steps(const std::vector<Lab>& anchors, std::size_t count, std::vector<Rgb>& colours) {
  std::vector<double> length{0.0};
  for (std::size_t i = 1; i < anchors.size(); ++i)
    length.push_back(length.back() + distance(anchors[i - 1], anchors[i]));
  std::size_t leg = 1;
  for (std::size_t k = 0; k < count; ++k) {
    const double along = length.back() * static_cast<double>(k) / static_cast<double>(count - 1);
    while (leg + 1 < anchors.size() && length[leg] < along) ++leg;
    const double t = (along - length[leg - 1]) / (length[leg] - length[leg - 1]);
    Lab mix{};
    for (std::size_t c = 0; c < 3; ++c)
      mix[c] = anchors[leg - 1][c] + t * (anchors[leg][c] - anchors[leg - 1][c]);
    colours.push_back(from_lab(mix));
  }
}

template <std::size_t N>
std::vector<Lab> to_labs(const std::array<std::uint32_t, N>& hex) {
  std::vector<Lab> labs;
  for (const std::uint32_t h : hex) labs.push_back(to_lab(unpack(h)));
  return labs;
}

}  // namespace

Palette::Palette(PaletteKind kind) {
  switch (kind) {
    case PaletteKind::automatic:
    case PaletteKind::sequential:
      append_equal_steps(to_labs(kViridis), kColours, colours_);
      break;
    case PaletteKind::spread:
      append_equal_steps(to_labs(kBluePurple), kColours, colours_);
      break;
    case PaletteKind::diverging: {
      const std::vector<Lab> all = to_labs(kRedBlue);
      const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
      append_equal_steps({all.begin(), middle + 1}, kColours / 2, colours_);
      append_equal_steps({middle, all.end()}, kColours / 2, colours_);
      break;
    }
  }
}

const Rgb& Palette::at(double place) const {
  // NaN has no place; the low end is as good as any and never out of bounds.
  if (!(place > 0)) return colours_.front();
  const auto i = static_cast<std::size_t>(std::min(place, 1.0) * static_cast<double>(kColours));
  return colours_[std::min(i, kColours - 1)];
}

double lightness(const Rgb& colour) { return to_lab(colour)[0]; }

const Rgb& curve_colour(std::size_t index) {
  static const std::array<Rgb, 8> colours{unpack(0x0072b2), unpack(0xd55e00), unpack(0x009e73),
                                          unpack(0xcc79a7), unpack(0xe69f00), unpack(0x56b4e9),
                                          unpack(0x000000), unpack(0x8c8c2e)};
  return colours[index % colours.size()];
}

}  // namespace manifill::plot
