#include "image_layout.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "one_of.hpp"

namespace manifill::io {
namespace {

/// Height alone is as often altitude, a sample one of many, and x and y are any plane's: these need a
/// partner.
bool named_as_image(const std::string& row, const std::string& column) {
  if (one_of(row, {"row", "rows", "line"}))
    return one_of(column, {"column", "columns", "col", "width", "sample", "x"});
  if (row == "y") return one_of(column, {"column", "columns", "col", "width"});
  return row == "height" && column == "width";
}

bool in_pixels(const VariableId& c) { return one_of(lower(text_attribute(c, "units")), {"pixel", "pixels"}); }

/// Numbers of pixels, or without units what may be such.
bool may_count(const VariableId& c) { return in_pixels(c) || one_of(text_attribute(c, "units"), {"", "1"}); }

bool degrees(const Coordinate& c) {
  const auto is = [](Axis a) { return a == Axis::latitude || a == Axis::longitude; };
  // Names x and y without units are taken for degrees only where nothing else is known.
  return is(c.by_attributes) || (is(c.by_name) && !one_of(lower(short_name(c.id.name)), {"x", "y"}));
}

}  // namespace

bool is_image(const NetcdfHandle& file, const std::vector<const Coordinate*>& scope, const VariableId& v,
              const std::vector<Dimension>& dimensions) {
  const std::size_t n = dimensions.size();
  if (n < 2 || dimensions[n - 2].id == dimensions[n - 1].id) return false;
  if (!text_attribute(v, "grid_mapping").empty() || plane_mapping(file, v)) return false;
  const std::array lines{dimensions[n - 2], dimensions[n - 1]};
  const auto named = words(text_attribute(v, "coordinates"));
  std::array<bool, 2> pixels{false, false};
  for (const Coordinate* c : scope) {
    if (c->id == v) continue;
    const std::string name = short_name(c->id.name);
    const bool listed = std::find(named.begin(), named.end(), name) != named.end();
    const bool inside = std::all_of(c->dimensions.begin(), c->dimensions.end(), [&](int id) {
      return std::any_of(dimensions.begin(), dimensions.end(),
                         [&](const Dimension& d) { return d.id == id; });
    });
    if (!inside || (c->dimensions.empty() && !listed)) continue;
    if (degrees(*c)) return false;
    for (std::size_t k = 0; k < 2; ++k) {
      if (std::find(c->dimensions.begin(), c->dimensions.end(), lines[k].id) == c->dimensions.end()) continue;
      if (c->plane != PlaneAxis::none) return false;
      const bool alone = c->dimensions.size() == 1;
      const bool own = alone && name == lines[k].name;
      pixels[k] = pixels[k] || (own && in_pixels(c->id));
      const bool of_plane = alone && plane_axis(c->id, false) != PlaneAxis::none;
      if ((own || listed || of_plane) && !may_count(c->id)) return false;
    }
  }
  return (pixels[0] && pixels[1]) || named_as_image(lower(lines[0].name), lower(lines[1].name));
}

}  // namespace manifill::io
