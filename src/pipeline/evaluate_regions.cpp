#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <sstream>

#include "evaluate_parts.hpp"
#include "manifill/base/error.hpp"
#include "manifill/plot/projection.hpp"

namespace manifill::pipeline {
namespace {

Region where(std::string name, std::size_t points, const std::function<bool(std::size_t)>& inside) {
  Region r{.name = std::move(name), .inside = std::vector<bool>(points)};
  for (std::size_t i = 0; i < points; ++i) r.inside[i] = inside(i);
  return r;
}

/// Degrees east of a western edge, 0 to 360.
double eastward(double longitude, double west) {
  const double turn = (longitude - west) / 360.0;
  return 360.0 * (turn - std::floor(turn));
}

[[noreturn]] void refuse(const std::string& text, const std::string& what) {
  throw Error(
      ErrorKind::usage, fmt::format("the region '{}' {}", text, what),
      {.remedy = "Write \"name: south north west east\" in degrees, or, of images, \"name: first row, "
                 "last row, first column, last column\" counted from 0"});
}

Region stated(const domain::Domain& d, const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos || colon == 0) refuse(text, "has no name before a colon");
  std::string numbers = text.substr(colon + 1);
  std::replace(numbers.begin(), numbers.end(), ',', ' ');
  std::istringstream in(numbers);
  std::array<double, 4> b{};
  for (double& x : b)
    if (!(in >> x)) refuse(text, "does not hold four numbers");
  if (std::string rest; in >> rest) refuse(text, "holds more than four numbers");
  const std::string name = text.substr(0, colon);
  Region out;
  if (d.spherical()) {
    if (!(b[0] < b[1])) refuse(text, "ends south of where it begins");
    const auto latitude = d.latitudes();
    const auto longitude = d.longitudes();
    const double wide = b[3] - b[2] >= 360.0 ? 360.0 : eastward(b[3], b[2]);
    out = where(name, d.size(), [&](std::size_t i) {
      return latitude[i] >= b[0] && latitude[i] <= b[1] && eastward(longitude[i], b[2]) <= wide;
    });
  } else if (d.kind() == domain::DomainKind::plane) {
    const auto columns = static_cast<double>(d.columns());
    out = where(name, d.size(), [&](std::size_t i) {
      const double row = std::floor(static_cast<double>(i) / columns);
      const double column = static_cast<double>(i) - row * columns;
      return row >= b[0] && row <= b[1] && column >= b[2] && column <= b[3];
    });
  } else {
    refuse(text, "cannot be told on a surface in space");
  }
  if (std::find(out.inside.begin(), out.inside.end(), true) == out.inside.end())
    refuse(text, "holds no point of the grid");
  return out;
}

std::vector<Region> globe(const domain::Domain& d) {
  const auto latitude = d.latitudes();
  constexpr double kTropics = 30.0;
  return {where("north of 30°N", d.size(), [&](std::size_t i) { return latitude[i] > kTropics; }),
          where("30°S to 30°N", d.size(), [&](std::size_t i) { return std::abs(latitude[i]) <= kTropics; }),
          where("south of 30°S", d.size(), [&](std::size_t i) { return latitude[i] < -kTropics; })};
}

/// By two coordinates, each cut in the middle: the names of low and high.
std::vector<Region> quarters(std::size_t points, const std::function<bool(std::size_t)>& upper,
                             const std::function<bool(std::size_t)>& right,
                             const std::array<const char*, 4>& names) {
  std::vector<Region> out;
  for (std::size_t k = 0; k < names.size(); ++k)
    out.push_back(where(names[k], points,
                        [&](std::size_t i) { return upper(i) == (k < 2) && right(i) == (k % 2 == 1); }));
  return out;
}

std::vector<Region> thirds(const domain::Domain& d) {
  const auto points = d.points();
  std::vector<double> height;
  for (const auto& p : points) height.push_back(p[1]);
  const auto [low, high] = std::minmax_element(height.begin(), height.end());
  const double first = *low;
  const double step = (*high - *low) / 3.0;
  const auto third = [&](std::size_t i) { return std::clamp((height[i] - first) / step, 0.0, 2.999); };
  return {where("upper third", d.size(), [&](std::size_t i) { return third(i) >= 2.0; }),
          where("middle third", d.size(), [&](std::size_t i) { return third(i) >= 1.0 && third(i) < 2.0; }),
          where("lower third", d.size(), [&](std::size_t i) { return third(i) < 1.0; })};
}

}  // namespace

std::vector<Region> regions_of(const domain::Domain& d, const std::vector<std::string>& texts) {
  std::vector<Region> out;
  for (const auto& text : texts) out.push_back(stated(d, text));
  if (!out.empty()) return out;
  if (d.kind() == domain::DomainKind::surface) {
    out = thirds(d);
  } else if (d.kind() == domain::DomainKind::plane) {
    const std::size_t columns = d.columns();
    const std::size_t rows = d.size() / columns;
    out = quarters(
        d.size(), [&](std::size_t i) { return 2 * (i / columns) < rows; },
        [&](std::size_t i) { return 2 * (i % columns) >= columns; },
        {"upper left", "upper right", "lower left", "lower right"});
  } else if (const auto whole = plot::region_of(d); whole.global()) {
    out = globe(d);
  } else {
    const auto latitude = d.latitudes();
    const auto longitude = d.longitudes();
    const double middle = 0.5 * (whole.south + whole.north);
    const double half = 0.5 * (whole.east - whole.west);
    out = quarters(
        d.size(), [&](std::size_t i) { return latitude[i] >= middle; },
        [&](std::size_t i) { return eastward(longitude[i], whole.west) >= half; },
        {"north-west", "north-east", "south-west", "south-east"});
  }
  std::erase_if(out, [](const Region& r) {
    return std::find(r.inside.begin(), r.inside.end(), true) == r.inside.end();
  });
  return out;
}

}  // namespace manifill::pipeline
