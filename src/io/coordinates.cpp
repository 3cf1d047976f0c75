#include "coordinates.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <utility>

#include "image_layout.hpp"
#include "manifill/domain/sphere.hpp"
#include "one_of.hpp"
#include "packing.hpp"

namespace manifill::io {
namespace {

bool plain_degrees(const std::string& units) {
  return units.empty() || units.rfind("deg", 0) == 0 || units == "\u00b0" || units == "1";
}

/// What a coordinate says it is by its CF attributes.
Axis axis_by_attributes(const VariableId& c) {
  const std::string standard = lower(text_attribute(c, "standard_name"));
  std::string units = lower(text_attribute(c, "units"));
  if (units.rfind("deg", 0) == 0) std::replace(units.begin(), units.end(), ' ', '_');  // "degrees north"
  const std::string axis = lower(text_attribute(c, "axis"));
  if (standard == "latitude") return Axis::latitude;
  if (standard == "longitude") return Axis::longitude;
  if (standard == "time") return Axis::time;
  if (standard.rfind("grid_l", 0) == 0 || standard.rfind("projection_", 0) == 0) return Axis::other;
  if (one_of(units, {"degrees_north", "degree_north", "degrees_n", "degree_n", "degreen", "degreesn"}))
    return Axis::latitude;
  if (one_of(units, {"degrees_east", "degree_east", "degrees_e", "degree_e", "degreee", "degreese"}))
    return Axis::longitude;
  if (one_of(units, {"degrees_west", "degree_west", "degrees_w", "degree_w"})) return Axis::longitude;
  // A forecast's lead time has units of time alone, its reference time a standard name.
  if (standard.empty() &&
      (units.find(" since ") != std::string::npos || units.find(" as %y") != std::string::npos))
    return Axis::time;
  if (axis == "t") return Axis::time;
  if (axis == "y" && plain_degrees(units)) return Axis::latitude;
  if (axis == "x" && plain_degrees(units)) return Axis::longitude;
  return Axis::other;
}

/// What a name says, e.g. lat, nav_lat, lat_0, y.
Axis axis_by_name(const std::string& name, const std::string& units) {
  const std::string low = lower(name);
  if (one_of(low, {"time", "t", "times", "date", "month", "months"})) return Axis::time;
  if (!plain_degrees(units)) return Axis::other;
  if (low == "y") return Axis::latitude;
  if (low == "x") return Axis::longitude;
  std::string token;
  for (const char c : low + "_") {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      token += c;
      continue;
    }
    if (one_of(token, {"lat", "lats", "latitude", "latitudes"})) return Axis::latitude;
    if (one_of(token, {"lon", "lons", "long", "longitude", "longitudes"})) return Axis::longitude;
    token.clear();
  }
  return Axis::other;
}

std::vector<int> dimension_ids(const NetcdfHandle& file, const VariableId& v) {
  std::vector<int> ids;
  for (const auto& d : dimensions_of(file, v)) ids.push_back(d.id);
  return ids;
}

bool among(const std::vector<Dimension>& dimensions, int id) {
  return std::any_of(dimensions.begin(), dimensions.end(), [&](const Dimension& d) { return d.id == id; });
}

/// Candidates for a dimension's coordinate: of its name, then named in `coordinates`, then any other over it
/// alone.
std::vector<const Coordinate*> candidates(const std::vector<const Coordinate*>& scope, const VariableId& v,
                                          const Dimension& d) {
  const auto named = words(text_attribute(v, "coordinates"));
  const auto rank = [&](const Coordinate* c) {
    const std::string name = short_name(c->id.name);
    if (name == d.name) return 0;
    return std::find(named.begin(), named.end(), name) != named.end() ? 1 : 2;
  };
  std::vector<const Coordinate*> out;
  for (const Coordinate* c : scope)
    if (c->dimensions.size() == 1 && c->dimensions[0] == d.id) out.push_back(c);
  std::stable_sort(out.begin(), out.end(),
                   [&](const Coordinate* a, const Coordinate* b) { return rank(a) < rank(b); });
  return out;
}

struct Found {
  Axis axis = Axis::other;
  std::optional<VariableId> variable{};
  std::optional<VariableId>
      other{};  // of a list of points: the longitude to its latitude, or the other way round
};

Found classify(const std::vector<const Coordinate*>& scope, const VariableId& v, const Dimension& d) {
  Found found;
  const auto all = candidates(scope, v, d);
  for (const bool by_attributes : {true, false}) {
    for (const Coordinate* c : all) {
      const Axis axis = by_attributes ? c->by_attributes : c->by_name;
      if (axis == Axis::other) continue;
      if (found.axis == Axis::other) found = {axis, c->id, {}};
      const auto [first, second] = std::minmax(found.axis, axis);
      // Lists of x and y are as often metres.
      const bool plain = one_of(lower(short_name(c->id.name)), {"x", "y"});
      if (first == Axis::latitude && second == Axis::longitude && !found.other && (by_attributes || !plain))
        found.other = c->id;
    }
    if (found.axis != Axis::other) return found;  // names count where attributes say nothing
  }
  if (found.axis == Axis::other && all.empty()) found.axis = axis_by_name(d.name, "");
  return found;
}

/// The coordinate of an axis over two of a variable's dimensions, one that `coordinates` names before others.
const Coordinate* two_dimensional(const std::vector<const Coordinate*>& scope, const VariableId& v,
                                  const std::vector<Dimension>& own, Axis axis) {
  const auto named = words(text_attribute(v, "coordinates"));
  const Coordinate* found = nullptr;
  for (const Coordinate* c : scope) {
    if (c->dimensions.size() != 2 || (c->by_attributes != axis && c->by_name != axis) || c->id == v ||
        !among(own, c->dimensions[0]) || !among(own, c->dimensions[1]))
      continue;
    if (std::find(named.begin(), named.end(), short_name(c->id.name)) != named.end()) return c;
    if (found == nullptr) found = c;
  }
  return found;
}

int position_of(const std::vector<Dimension>& dimensions, int id) {
  const auto at =
      std::find_if(dimensions.begin(), dimensions.end(), [&](const Dimension& d) { return d.id == id; });
  return at == dimensions.end() ? -1 : static_cast<int>(at - dimensions.begin());
}

/// Latitudes and longitudes over the same two dimensions, rows first: then these say where the points are,
/// whatever the one-dimensional coordinates of a projection say.
void find_curvilinear(const std::vector<const Coordinate*>& scope, const VariableId& v, Layout& l) {
  const Coordinate* latitude = two_dimensional(scope, v, l.dimensions, Axis::latitude);
  const Coordinate* longitude = two_dimensional(scope, v, l.dimensions, Axis::longitude);
  if (latitude == nullptr || longitude == nullptr || latitude->dimensions != longitude->dimensions) return;
  l.latitude = position_of(l.dimensions, latitude->dimensions[0]);
  l.longitude = position_of(l.dimensions, latitude->dimensions[1]);
  l.latitude_variable = latitude->id;
  l.longitude_variable = longitude->id;
  l.curvilinear = true;
}

/// The list variable of a dimension: of its name, with the attribute `compress`.
const Coordinate* list_of(const std::vector<const Coordinate*>& scope, const Dimension& d) {
  for (const Coordinate* c : scope)
    if (c->dimensions == std::vector{d.id} && short_name(c->id.name) == d.name &&
        has_attribute(c->id, "compress"))
      return c;
  return nullptr;
}

/// Cells whose dimension stands for those of latitude and longitude (CF 8.2).
void find_gathered(const std::vector<const Coordinate*>& scope, const VariableId& v, Layout& l) {
  for (std::size_t k = 0; k < l.dimensions.size(); ++k) {
    const Coordinate* list = list_of(scope, l.dimensions[k]);
    if (list == nullptr) continue;
    const auto names = words(text_attribute(list->id, "compress"));
    if (names.size() != 2) continue;
    std::array<Dimension, 2> grid;
    for (std::size_t i = 0; i < 2; ++i) {
      const auto found = dimension_in_scope(v.nc.getParentGroup(), names[i]);
      if (found.isNull()) return;
      grid[i] = as_dimension(found);
    }
    const auto coordinate = [&](Axis axis) -> const Coordinate* {
      for (const bool by_attributes : {true, false})
        for (const Coordinate* c : scope) {
          const bool inside = std::all_of(c->dimensions.begin(), c->dimensions.end(),
                                          [&](int id) { return id == grid[0].id || id == grid[1].id; });
          if (!c->dimensions.empty() && inside && (by_attributes ? c->by_attributes : c->by_name) == axis)
            return c;
        }
      return nullptr;
    };
    const Coordinate* latitude = coordinate(Axis::latitude);
    const Coordinate* longitude = coordinate(Axis::longitude);
    if (latitude == nullptr || longitude == nullptr) continue;
    l.gathered = Layout::Gathered{list->id, grid};
    l.latitude = static_cast<int>(k);
    l.longitude = -1;
    l.latitude_variable = latitude->id;
    l.longitude_variable = longitude->id;
    return;
  }
}

/// The coordinate of an axis of a plane over one of a variable's dimensions, one of the dimension's name
/// before others. \param told by standard_name only
const Coordinate* plane_coordinate(const std::vector<const Coordinate*>& scope,
                                   const std::vector<Dimension>& own, PlaneAxis axis, bool told) {
  const Coordinate* found = nullptr;
  for (const auto& d : own)
    for (const Coordinate* c : scope) {
      if (c->dimensions.size() != 1 || c->dimensions[0] != d.id) continue;
      if ((told ? c->plane : plane_axis(c->id, false)) != axis) continue;
      if (short_name(c->id.name) == d.name) return c;
      if (found == nullptr) found = c;
    }
  return found;
}

/// Lines of a map's plane, where two dimensions have such coordinates: by their standard names, or by axis
/// and name where a mapping is there that says of which plane.
std::optional<PlaneLayout> find_plane(const NetcdfHandle& file, const std::vector<const Coordinate*>& scope,
                                      const VariableId& v, const Layout& l) {
  auto mapping = plane_mapping(file, v);
  const Coordinate* x = plane_coordinate(scope, l.dimensions, PlaneAxis::x, !mapping);
  const Coordinate* y = plane_coordinate(scope, l.dimensions, PlaneAxis::y, !mapping);
  if (x == nullptr || y == nullptr || x->dimensions == y->dimensions || x->id == v || y->id == v)
    return std::nullopt;
  return PlaneLayout{.x = x->id,
                     .y = y->id,
                     .column = position_of(l.dimensions, x->dimensions[0]),
                     .row = position_of(l.dimensions, y->dimensions[0]),
                     .mapping = std::move(mapping)};
}

/// Latitudes and longitudes of the points count before a projection; both say where they are.
void place_on_plane(const std::vector<const Coordinate*>& scope, const VariableId& v, Layout& l) {
  l.latitude = l.longitude = -1;
  l.latitude_variable.reset();
  l.longitude_variable.reset();
  find_curvilinear(scope, v, l);
  if (!l.plane->mapping || (l.curvilinear && (l.latitude != l.plane->row || l.longitude != l.plane->column)))
    l.plane.reset();
  if (l.curvilinear || !l.plane) return;
  l.latitude = l.plane->row;
  l.longitude = l.plane->column;
}

bool unmapped_plane(const std::vector<const Coordinate*>& scope, const std::vector<Dimension>& own) {
  return plane_coordinate(scope, own, PlaneAxis::x, true) != nullptr &&
         plane_coordinate(scope, own, PlaneAxis::y, true) != nullptr;
}

std::string reason_for(const std::vector<const Coordinate*>& scope, const VariableId& v, const Layout& l) {
  const nc_type type = type_of(v);
  if (type == NC_CHAR || type == NC_STRING) return "it holds text";
  if (!is_numeric(type)) return "it has a user-defined type";
  const bool coordinate = std::any_of(scope.begin(), scope.end(), [&](const Coordinate* c) {
    return c->id == v && (c->by_attributes == Axis::latitude || c->by_attributes == Axis::longitude ||
                          c->plane != PlaneAxis::none);
  });
  if (coordinate || (l.latitude_variable && *l.latitude_variable == v) ||
      (l.longitude_variable && *l.longitude_variable == v))
    return "it is a coordinate";
  if (has_attribute(v, "compress")) return "it lists the places of gathered cells";
  if (l.cells() || (l.latitude >= 0 && l.longitude >= 0)) return {};
  for (const auto& d : l.dimensions)
    if (const Coordinate* list = list_of(scope, d))
      return "its dimension '" + d.name + "' gathers '" + text_attribute(list->id, "compress") +
             "', which are not latitude and longitude";
  if (two_dimensional(scope, v, l.dimensions, Axis::latitude) != nullptr)
    return "its latitudes are two-dimensional, and no longitudes are with them";
  if (unmapped_plane(scope, l.dimensions))
    return "its grid is projected or rotated, and no grid mapping says how";
  if (l.latitude >= 0) return "it has no longitude dimension";
  if (l.longitude >= 0) return "it has no latitude dimension";
  return "it has no latitude and longitude dimensions";
}

/// The HEALPix grid that a variable's `grid_mapping` describes, where one of its dimensions holds all of its
/// pixels: attributes healpix_nside, or refinement_level, and healpix_order ("nest", "nested" or "ring"),
/// else nested.
void find_healpix(const NetcdfHandle& file, const VariableId& v, Layout& l) {
  const auto mapping = find_variable(file, text_attribute(v, "grid_mapping"));
  if (!mapping || text_attribute(*mapping, "grid_mapping_name") != "healpix") return;
  const auto nside = number_attribute(*mapping, "healpix_nside");
  const auto level = number_attribute(*mapping, "refinement_level");
  double n = 0.0;
  if (!nside.empty())
    n = nside[0];
  else if (!level.empty() && level[0] >= 0.0 && level[0] < 30.0)
    n = std::exp2(level[0]);
  if (!(n >= 1.0) || n > 8192.0 || n != std::floor(n)) return;
  std::string order = lower(text_attribute(*mapping, "healpix_order"));
  if (order.empty()) order = lower(text_attribute(*mapping, "indexing_scheme"));
  const auto whole = static_cast<std::int64_t>(n);
  for (std::size_t k = 0; k < l.dimensions.size(); ++k)
    if (l.dimensions[k].length == static_cast<std::size_t>(domain::healpix::pixel_count(whole))) {
      l.healpix = Layout::Healpix{whole, order != "ring"};
      l.latitude = static_cast<int>(k);
      l.longitude = -1;
      return;
    }
}

/// A time that all of a variable's values share: `double time;`.
std::optional<VariableId> scalar_time(const std::vector<const Coordinate*>& scope, const VariableId& v) {
  const auto named = words(text_attribute(v, "coordinates"));
  for (const Coordinate* c : scope) {
    const std::string name = short_name(c->id.name);
    const bool meant = name == "time" || std::find(named.begin(), named.end(), name) != named.end();
    if (meant && c->dimensions.empty() && c->by_attributes == Axis::time &&
        lower(text_attribute(c->id, "units")).find(" since ") != std::string::npos)
      return c->id;
  }
  return std::nullopt;
}

/// Steps without dates: twelve of them, or as many years of twelve, are taken for months.
TimeAxis bare_months(const VariableId* coordinate, const Dimension& d, const std::string& units,
                     const NetcdfHandle& file) {
  if (d.length % 12 != 0 && units.rfind("month", 0) != 0)
    throw Error(
        ErrorKind::input,
        units.empty() ? "the time dimension '" + d.name + "' has no units, so its dates are unknown"
                      : "the time units '" + units + "' are not \"<interval> since <date>\"",
        {.file = file.path(),
         .variable = coordinate != nullptr ? coordinate->name : d.name,
         .remedy = "Give it units such as \"days since 1900-01-01\", e.g. with ncatted or cdo settaxis"});
  TimeAxis time{.name = d.name, .units = units};
  time.note = "the time axis has no dates: its steps are taken for successive months, the first a January";
  for (std::size_t t = 0; t < d.length; ++t) {
    const int month = static_cast<int>(t % 12);
    time.values.push_back(static_cast<double>(t));
    time.dates.push_back({.year = static_cast<int>(t / 12),
                          .month = month + 1,
                          .day = 15,
                          .year_fraction = (month + 0.5) / 12.0});
  }
  return time;
}

}  // namespace

std::optional<CoordinateTable::GridPlace> CoordinateTable::on_grid(
    const std::vector<Dimension>& dimensions) const {
  if (!grid_) return std::nullopt;
  std::optional<GridPlace> found;
  for (const auto& latitude : grid_->all_) {
    if (latitude.dimensions.size() != 1 || latitude.by_attributes != Axis::latitude) continue;
    for (const auto& longitude : grid_->all_) {
      if (longitude.dimensions != latitude.dimensions || longitude.by_attributes != Axis::longitude) continue;
      const Dimension cells = dimensions_of(grid_->file(), latitude.id)[0];
      for (std::size_t k = 0; k < dimensions.size(); ++k) {
        if (dimensions[k].length != cells.length) continue;
        const bool same_name = dimensions[k].name == cells.name;
        if (!found || same_name) found = GridPlace{k, latitude.id, longitude.id};
        if (same_name) return found;
      }
    }
  }
  return found;
}

std::optional<CoordinateTable::GridMesh> CoordinateTable::mesh_of_grid(
    const std::vector<Dimension>& dimensions) const {
  if (!grid_) return std::nullopt;
  for (const auto& v : all_variables(grid_->file())) {
    if (text_attribute(v, "cf_role") != "mesh_topology") continue;
    const auto names = words(text_attribute(v, "node_coordinates"));
    const auto c = names.empty() ? std::nullopt : find_variable(grid_->file(), names[0]);
    if (!c || dimensions_of(grid_->file(), *c).size() != 1) continue;
    const Dimension vertices = dimensions_of(grid_->file(), *c)[0];
    GridMesh found{.topology = v, .vertices = vertices.length};
    for (std::size_t k = 0; k < dimensions.size(); ++k)
      if (dimensions[k].length == vertices.length &&
          (found.dimension < 0 || dimensions[k].name == vertices.name))
        found.dimension = static_cast<int>(k);
    return found;
  }
  return std::nullopt;
}

CoordinateTable::CoordinateTable(const NetcdfHandle& file, const NetcdfHandle* grid)
    : file_(file), grid_(grid == nullptr ? nullptr : std::make_unique<const CoordinateTable>(*grid)) {
  for (auto& v : all_variables(file)) {
    if (!is_numeric(type_of(v))) continue;
    Coordinate c{.id = v, .dimensions = dimension_ids(file, v)};
    if (c.dimensions.size() > 2) continue;
    if (!has_attribute(v, "compress")) {  // a list of places, whatever its name
      c.by_attributes = axis_by_attributes(v);
      c.by_name = axis_by_name(short_name(v.name), lower(text_attribute(v, "units")));
    }
    c.plane = plane_axis(v, true);
    all_.push_back(std::move(c));
  }
}

std::vector<const Coordinate*> CoordinateTable::in_scope(netCDF::NcGroup group) const {
  std::vector<const Coordinate*> out;
  for (; !group.isNull(); group = group.getParentGroup())
    for (const auto& c : all_)
      if (c.id.nc.getParentGroup() == group) out.push_back(&c);
  return out;
}

Layout layout_of(const CoordinateTable& table, const VariableId& v) {
  Layout l{.dimensions = dimensions_of(table.file(), v)};
  const auto scope = table.in_scope(v.nc.getParentGroup());
  for (std::size_t k = 0; k < l.dimensions.size(); ++k) {
    const Found found = classify(scope, v, l.dimensions[k]);
    if (found.other && l.latitude < 0 && l.longitude < 0) {
      l.latitude = static_cast<int>(k);
      l.latitude_variable = found.axis == Axis::latitude ? found.variable : found.other;
      l.longitude_variable = found.axis == Axis::latitude ? found.other : found.variable;
      continue;
    }
    const auto place = [&](int& position, std::optional<VariableId>& variable) {
      if (position >= 0) return;
      position = static_cast<int>(k);
      variable = found.variable;
    };
    if (found.axis == Axis::latitude) place(l.latitude, l.latitude_variable);
    if (found.axis == Axis::longitude) place(l.longitude, l.longitude_variable);
    if (found.axis == Axis::time) place(l.time, l.time_variable);
  }
  if (l.time < 0) l.time_variable = scalar_time(scope, v);
  find_healpix(table.file(), v, l);
  if (const auto mesh = mesh_place_of(table.file(), v, l.dimensions)) {
    l.mesh = mesh;
    l.latitude = mesh->dimension;
    l.longitude = -1;
  }
  if (!l.cells() && (l.latitude < 0 || l.longitude < 0)) find_gathered(scope, v, l);
  if (!l.mesh && !l.healpix && !l.cells()) l.plane = find_plane(table.file(), scope, v, l);
  if (l.plane) place_on_plane(scope, v, l);
  // Dimensions named x and y say nothing against latitudes and longitudes over both.
  if (!l.cells() && !l.plane && (!l.latitude_variable || !l.longitude_variable))
    find_curvilinear(scope, v, l);
  if (l.latitude < 0 && l.longitude < 0) {
    if (const auto place = table.on_grid(l.dimensions)) {
      l.latitude = static_cast<int>(place->dimension);
      l.latitude_variable = place->latitude;
      l.longitude_variable = place->longitude;
      l.of_grid_file = true;
    }
  }
  const auto mesh = l.latitude < 0 && l.longitude < 0 ? table.mesh_of_grid(l.dimensions) : std::nullopt;
  if (mesh && mesh->dimension >= 0) {
    l.mesh = MeshPlace{.topology = mesh->topology, .dimension = mesh->dimension};
    l.latitude = mesh->dimension;
    l.of_grid_file = true;
  }
  const bool placed = l.cells() || l.plane || (l.latitude_variable && l.longitude_variable);
  const auto last = static_cast<int>(l.dimensions.size()) - 1;
  if (!placed && !mesh && l.time < last - 1 && is_image(table.file(), scope, v, l.dimensions)) {
    l.image = true;
    l.latitude = last - 1;
    l.longitude = last;
    l.latitude_variable.reset();
    l.longitude_variable.reset();
  }
  l.reason = reason_for(scope, v, l);
  if (mesh && mesh->dimension < 0 && is_numeric(type_of(v)))
    l.reason = "no dimension of it has the " + std::to_string(mesh->vertices) + " vertices of the mesh";
  return l;
}

std::vector<double> coordinate_degrees(const NetcdfHandle& file, const VariableId& c,
                                       const std::string& owner) {
  auto values = read_all(file, c);
  const Packing p = packing_of(file, c);
  const std::string units = lower(text_attribute(c, "units"));
  const double factor = units.rfind("radian", 0) == 0           ? domain::kRadian
                        : units.find("_w") != std::string::npos ? -1.0
                                                                : 1.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double n = p.number(values[i]);
    // Rounding a fill value into degrees would yield a baffling range error.
    if (p.is_sentinel(n))
      throw Error(ErrorKind::input, "the coordinate of '" + owner + "' is missing",
                  {.file = file.path(),
                   .variable = c.name,
                   .index = "[" + c.name + " " + std::to_string(i) + "]",
                   .remedy = "Repair the coordinate variable"});
    values[i] = factor * p.value(n);
  }
  return values;
}

std::vector<double> gathered_degrees(const NetcdfHandle& file, const Layout::Gathered& gathered,
                                     const VariableId& c, const std::string& owner) {
  const auto values = coordinate_degrees(file, c, owner);
  const auto own = dimension_ids(file, c);
  const std::size_t rows = gathered.grid[0].length;
  const std::size_t columns = gathered.grid[1].length;
  std::vector<double> out;
  for (const double place : read_all(file, gathered.list)) {
    if (!(place >= 0.0) || place != std::floor(place) ||
        place >= static_cast<double>(rows) * static_cast<double>(columns))
      throw Error(ErrorKind::input,
                  "the place is not among the " + std::to_string(rows * columns) + " of the gathered grid",
                  {.file = file.path(),
                   .variable = gathered.list.name,
                   .index = "[" + short_name(gathered.list.name) + " " + std::to_string(out.size()) + "]",
                   .remedy = "Places count from 0, the last dimension of 'compress' fastest"});
    const auto p = static_cast<std::size_t>(place);
    const std::size_t row = p / columns;
    const std::size_t column = p % columns;
    if (own.size() == 1)
      out.push_back(values[own[0] == gathered.grid[0].id ? row : column]);
    else
      out.push_back(values[own[0] == gathered.grid[0].id ? p : column * rows + row]);
  }
  return out;
}

TimeAxis read_time(const NetcdfHandle& file, const Layout& l) {
  if (l.time < 0 && !l.time_variable) return {};
  const std::string units = l.time_variable ? text_attribute(*l.time_variable, "units") : "";
  const bool months_alone = units.empty() || lower(units) == "1" || words(lower(units)).size() == 1;
  if (l.time >= 0 && (!l.time_variable || months_alone))
    return bare_months(l.time_variable ? &*l.time_variable : nullptr,
                       l.dimensions[static_cast<std::size_t>(l.time)],
                       lower(units) == "1" ? "" : lower(units), file);
  const VariableId& c = *l.time_variable;
  auto values = read_all(file, c);
  const Packing p = packing_of(file, c);
  for (auto& x : values) {
    const double n = p.number(x);
    x = p.is_sentinel(n) ? std::nan("") : p.value(n);
  }
  try {
    return decode_time(c.name, values, units, text_attribute(c, "calendar"));
  } catch (const Error& e) {
    throw Error(
        e.kind(), bare_message(e),
        {.file = file.path(), .variable = c.name, .index = e.context().index, .remedy = e.context().remedy});
  }
}

}  // namespace manifill::io
