#include "plane_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "manifill/domain/domain.hpp"
#include "manifill/domain/sphere.hpp"
#include "manifill/io/gridded.hpp"
#include "one_of.hpp"
#include "packing.hpp"

namespace manifill::io {
namespace {

constexpr double kAgree = 0.01;  // degrees: what single precision and rounded attributes leave
constexpr double kShare = 0.1;   // of a cell
constexpr std::array kDefinitions{"crs_wkt",      "spatial_ref",  "proj4",       "proj4text",
                                  "proj4_params", "proj4_string", "proj_string", "esri_pe_string"};

/// Longitudes and latitudes are coordinates that need no projection.
bool geographic(const std::string& definition) {
  const auto has = [&](const char* part) { return definition.find(part) != std::string::npos; };
  if (has("proj=")) return has("proj=longlat") || has("proj=latlong") || has("proj=lonlat");
  return definition.rfind("GEOG", 0) == 0 || definition.rfind("GEODCRS", 0) == 0 ||
         definition.rfind("GEODETICCRS", 0) == 0;
}

std::string definition_among(const VariableId& holder) {
  for (const char* name : kDefinitions)
    if (auto text = text_attribute(holder, name); !text.empty()) return text;
  return {};
}

/// Of the group of a variable, or of any group by its full name.
std::optional<VariableId> neighbour(const NetcdfHandle& file, const VariableId& v, const std::string& name) {
  const std::string group = v.name.substr(0, v.name.size() - short_name(v.name).size());
  const auto near = find_variable(file, group + name);
  return near ? near : find_variable(file, name);
}

/// Names of `grid_mapping`: "crs", or in CF's longer form "crs: x y other: lat lon".
std::vector<std::string> mapping_names(const VariableId& v) {
  const auto all = words(text_attribute(v, "grid_mapping"));
  std::vector<std::string> names;
  for (const auto& word : all)
    if (word.back() == ':') names.push_back(word.substr(0, word.size() - 1));
  return names.empty() ? all : names;
}

domain::GridMapping attributes_of(const NetcdfHandle& file, const VariableId& holder) {
  domain::GridMapping mapping{.name = text_attribute(holder, "grid_mapping_name")};
  for (const auto& name : attribute_names(file, holder)) {
    if (auto numbers = number_attribute(holder, name); !numbers.empty())
      mapping.numbers[name] = std::move(numbers);
    else
      mapping.texts[name] = text_attribute(holder, name);
  }
  return mapping;
}

/// The attributes of CF count before a text (CF 5.6), but where they leave the earth's shape to it.
domain::MapProjection projection_of(const NetcdfHandle& file, const PlaneMapping& mapping) {
  try {
    if (text_attribute(mapping.holder, "grid_mapping_name").empty())
      return domain::MapProjection::from_text(mapping.definition);
    try {
      auto by_attributes = domain::MapProjection::from_grid_mapping(attributes_of(file, mapping.holder));
      if (!by_attributes.earth_assumed() || mapping.definition.empty()) return by_attributes;
    } catch (const Error&) {
      if (mapping.definition.empty()) throw;
    }
    return domain::MapProjection::from_text(mapping.definition);
  } catch (const Error& e) {
    throw Error(e.kind(), bare_message(e),
                {.file = file.path(), .variable = mapping.holder.name, .remedy = e.context().remedy});
  }
}

/// What the numbers of a coordinate are to be multiplied by.
double scale_of(const NetcdfHandle& file, const VariableId& c, const domain::MapProjection& projection) {
  const std::string units = text_attribute(c, "units");
  const auto convert = [&](const char* to) {
    const auto [scale, offset] = unit_conversion(units, to);
    return scale;
  };
  try {
    if (projection.angular()) return units.empty() ? 1.0 : convert("degree");
    // A satellite's x and y are angles; times its height they are metres of the plane.
    if (const auto height = projection.height(); height && !units.empty()) {
      try {
        return *height * convert("radian");
      } catch (const Error&) {
        return convert("m");
      }
    }
    return units.empty() ? projection.unit() : convert("m");
  } catch (const Error& e) {
    throw Error(
        ErrorKind::input, "a coordinate of a projected grid has no units of its plane: " + bare_message(e),
        {.file = file.path(),
         .variable = c.name,
         .remedy = projection.angular() ? "Give it units of degrees" : "Give it units such as m or km"});
  }
}

std::vector<double> read_axis(const NetcdfHandle& file, const VariableId& c,
                              const domain::MapProjection& projection) {
  const double scale = scale_of(file, c, projection);
  auto values = read_all(file, c);
  const Packing p = packing_of(file, c);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double n = p.number(values[i]);
    if (p.is_sentinel(n))
      throw Error(ErrorKind::input, "a coordinate of a projected grid is missing",
                  {.file = file.path(),
                   .variable = c.name,
                   .index = "[" + c.name + " " + std::to_string(i) + "]",
                   .remedy = "Repair the coordinate variable"});
    values[i] = scale * p.value(n);
  }
  return values;
}

}  // namespace

PlaneAxis plane_axis(const VariableId& c, bool told) {
  const std::string standard = lower(text_attribute(c, "standard_name"));
  if (one_of(standard, {"projection_x_coordinate", "projection_x_angular_coordinate", "grid_longitude"}))
    return PlaneAxis::x;
  if (one_of(standard, {"projection_y_coordinate", "projection_y_angular_coordinate", "grid_latitude"}))
    return PlaneAxis::y;
  if (told || !standard.empty()) return PlaneAxis::none;
  std::string units = lower(text_attribute(c, "units"));
  std::replace(units.begin(), units.end(), ' ', '_');
  if (units.find("_north") != std::string::npos || units.find("_east") != std::string::npos ||
      units.find("_since_") != std::string::npos)
    return PlaneAxis::none;
  const std::string axis = lower(text_attribute(c, "axis"));
  if (axis == "x") return PlaneAxis::x;
  if (axis == "y") return PlaneAxis::y;
  const std::string name = lower(short_name(c.name));
  if (axis.empty() && one_of(name, {"x", "xc", "rlon", "easting", "eastings"})) return PlaneAxis::x;
  if (axis.empty() && one_of(name, {"y", "yc", "rlat", "northing", "northings"})) return PlaneAxis::y;
  return PlaneAxis::none;
}

std::optional<PlaneMapping> plane_mapping(const NetcdfHandle& file, const VariableId& v) {
  bool plain = false;
  for (const auto& name : mapping_names(v)) {
    const auto holder = neighbour(file, v, name);
    if (!holder) continue;
    const std::string mapping = text_attribute(*holder, "grid_mapping_name");
    plain = plain || one_of(mapping, {"latitude_longitude", "healpix"});
    if (one_of(mapping, {"latitude_longitude", "healpix"})) continue;
    std::string definition = definition_among(*holder);
    if (mapping.empty() && (definition.empty() || geographic(definition))) continue;
    return PlaneMapping{*holder, std::move(definition)};
  }
  if (plain) return std::nullopt;
  for (const VariableId& holder : {v, globals_of(file)}) {
    std::string definition = definition_among(holder);
    if (!definition.empty() && !geographic(definition)) return PlaneMapping{holder, std::move(definition)};
  }
  return std::nullopt;
}

ProjectedGrid read_plane(const NetcdfHandle& file, const PlaneLayout& layout) {
  ProjectedGrid grid{.projection = projection_of(file, *layout.mapping)};
  grid.x = read_axis(file, layout.x, grid.projection);
  grid.y = read_axis(file, layout.y, grid.projection);
  return grid;
}

PlaneCells cells_of_plane(const NetcdfHandle& file, const PlaneLayout& layout, const ProjectedGrid& grid) {
  PlaneCells cells;
  try {
    cells.area = grid.projection.cell_areas(grid.x, grid.y);
  } catch (const Error& e) {
    throw Error(e.kind(), bare_message(e),
                {.file = file.path(),
                 .variable = e.context().variable == "y" ? layout.y.name : layout.x.name,
                 .index = e.context().index,
                 .remedy = e.context().remedy});
  }
  cells.latitude.reserve(cells.area.size());
  cells.longitude.reserve(cells.area.size());
  for (std::size_t i = 0; i < grid.y.size(); ++i)
    for (std::size_t j = 0; j < grid.x.size(); ++j) {
      const auto place = grid.projection.inverse(grid.x[j], grid.y[i]);
      if (!place)
        throw Error(ErrorKind::input, "the centre of a cell does not lie on the earth",
                    {.file = file.path(),
                     .variable = layout.y.name,
                     .index = fmt::format("[{} {}][{} {}]", layout.y.name, i, layout.x.name, j),
                     .remedy = "Cut the grid to rows and columns that lie on the earth, e.g. with ncks -d"});
      cells.longitude.push_back((*place)[0]);
      cells.latitude.push_back((*place)[1]);
    }
  return cells;
}

std::string disagreement(const PlaneCells& cells, const std::vector<double>& latitude,
                         const std::vector<double>& longitude, std::size_t columns) {
  double worst = 0.0;
  std::size_t where = 0;
  for (std::size_t i = 0; i < latitude.size(); ++i) {
    const double apart = domain::great_circle_km(domain::unit_vector(latitude[i], longitude[i]),
                                                 domain::unit_vector(cells.latitude[i], cells.longitude[i]));
    const double allowed = std::max(kAgree * domain::kDegree * domain::kEarthRadiusKm,
                                    kShare * std::sqrt(cells.area[i]) / 1000.0);
    if (!(apart / allowed <= worst)) {
      worst = apart / allowed;
      where = i;
    }
  }
  if (worst <= 1.0) return {};
  return fmt::format(
      "the latitudes and longitudes do not agree with the projection, by {:.3g} km at [row {}][column {}]; "
      "they "
      "are taken as they are, the projection is left out",
      domain::great_circle_km(domain::unit_vector(latitude[where], longitude[where]),
                              domain::unit_vector(cells.latitude[where], cells.longitude[where])),
      where / columns, where % columns);
}

}  // namespace manifill::io
