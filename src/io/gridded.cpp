#include "manifill/io/gridded.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <set>

#include "coordinates.hpp"
#include "gridded_impl.hpp"
#include "image_layout.hpp"
#include "manifill/base/error.hpp"
#include "manifill/domain/sphere.hpp"

namespace manifill::io {
namespace {

constexpr double kTurn = 1e-4;           // degrees; single-precision longitudes near 360 carry 3e-5
constexpr std::size_t kNamesShown = 20;  // in messages

/// Variables that other ones name as their cell bounds (CF 7.1).
std::set<std::string> bounds_of(const std::vector<VariableId>& all) {
  std::set<std::string> names;
  for (const auto& v : all)
    for (const char* attribute : {"bounds", "climatology"}) {
      const std::string name = text_attribute(v, attribute);
      if (!name.empty()) names.insert(v.name.substr(0, v.name.size() - short_name(v.name).size()) + name);
    }
  return names;
}

/// "sst" for "sst_spread" of an imputed file that holds "sst"; empty otherwise.
std::string imputed_owner(const VariableId& v) {
  for (const std::string tail : {"_spread", "_status", "_member", "_packed"}) {
    const std::string name = short_name(v.name);
    if (name.size() <= tail.size() || !name.ends_with(tail)) continue;
    const std::string owner = name.substr(0, name.size() - tail.size());
    const auto found = v.nc.getParentGroup().getVar(owner);
    if (found.isNull()) continue;
    const auto listed = words(text_attribute({found, owner}, "ancillary_variables"));
    if (std::find(listed.begin(), listed.end(), name) != listed.end()) return owner;
  }
  return {};
}

std::string empty_dimension(const std::vector<Dimension>& dimensions) {
  for (const auto& d : dimensions)
    if (d.length == 0) return "its dimension '" + d.name + "' has length 0: there is nothing to fill";
  return {};
}

VariableSummary summarise(const VariableId& v, const Layout& l, const std::set<std::string>& bounds) {
  VariableSummary s{.name = v.name,
                    .type = type_name(type_of(v)),
                    .units = text_attribute(v, "units"),
                    .standard_name = text_attribute(v, "standard_name"),
                    .long_name = text_attribute(v, "long_name")};
  for (const auto& d : l.dimensions) s.dimensions.emplace_back(d.name, d.length);
  s.reason = l.reason;
  if (s.reason.empty()) s.reason = empty_dimension(l.dimensions);
  if (s.reason.empty() && bounds.count(v.name) > 0) s.reason = "it holds cell bounds";
  if (s.reason.empty() && s.standard_name == "cell_area") s.reason = "it holds cell areas";
  const std::string owner = s.reason.empty() ? imputed_owner(v) : "";
  if (!owner.empty()) s.reason = "it belongs to '" + owner + "' of an imputed file";
  s.fillable = s.reason.empty();
  return s;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t k = 0; k < names.size() && k < kNamesShown; ++k)
    text += (text.empty() ? "'" : ", '") + names[k] + "'";
  if (names.size() > kNamesShown) text += " and " + std::to_string(names.size() - kNamesShown) + " more";
  return text;
}

VariableId pick_only(const CoordinateTable& table, const std::vector<VariableId>& ids) {
  const auto bounds = bounds_of(ids);
  std::vector<std::string> names;
  std::vector<std::string> reasons;
  std::vector<VariableId> found;
  for (const auto& v : ids) {
    const auto s = summarise(v, layout_of(table, v), bounds);
    if (s.fillable) {
      names.push_back(s.name);
      found.push_back(v);
    } else if (s.dimensions.size() >= 2) {
      reasons.push_back("'" + s.name + "': " + s.reason);
    }
  }
  const std::string& path = table.file().path();
  if (found.size() == 1) return found[0];
  if (found.empty())
    throw Error(
        ErrorKind::input,
        "no variable can be filled: none is numeric on a grid that is known" +
            (reasons.empty() ? std::string() : " (" + reasons[0] + ")"),
        {.file = path, .remedy = std::string("Look at the file with 'manifill inspect'; ") + kImageHint});
  throw Error(ErrorKind::input, "several variables can be filled: " + joined(names),
              {.file = path, .remedy = "Choose one with --variable"});
}

VariableId pick(const CoordinateTable& table, const std::string& wanted) {
  const auto ids = all_variables(table.file());
  if (wanted.empty()) return pick_only(table, ids);
  const std::string name = wanted[0] == '/' ? wanted.substr(1) : wanted;
  std::vector<std::string> names;
  for (const auto& v : ids) {
    if (v.name == name) return v;
    names.push_back(v.name);
  }
  const auto near = nearest_name(name, names.data(), names.data() + names.size());
  throw Error(
      ErrorKind::input, "no such variable",
      {.file = table.file().path(),
       .variable = name,
       .remedy = (near ? "Did you mean '" + *near + "'? " : std::string()) +
                 (names.empty() ? "The file holds no variables" : "The file holds " + joined(names))});
}

void check_layout(const NetcdfHandle& file, const VariableId& v, const Layout& l) {
  const auto refuse = [&](const std::string& what, const std::string& remedy) {
    return Error(ErrorKind::input, what, {.file = file.path(), .variable = v.name, .remedy = remedy});
  };
  if (!l.reason.empty()) {
    const bool grid = l.reason.find("grid mapping") != std::string::npos;
    std::string remedy =
        grid ? "Add a grid mapping variable and name it in the attribute grid_mapping, or interpolate "
               "to latitudes and longitudes first, e.g. with cdo remapbil"
             : "'manifill inspect' lists what can be filled";
    if (l.reason.starts_with("it has no ")) remedy += std::string("; ") + kImageHint;
    throw refuse("cannot be filled: " + l.reason, remedy);
  }
  const std::string empty = empty_dimension(l.dimensions);
  if (!empty.empty()) throw refuse("cannot be filled: " + empty, "Write at least one record first");
  if (l.cells() || l.plane || l.image) return;
  for (const auto& [position, variable] :
       {std::pair{l.latitude, &l.latitude_variable}, std::pair{l.longitude, &l.longitude_variable}})
    if (!*variable)
      throw refuse("the dimension '" + l.dimensions[static_cast<std::size_t>(position)].name +
                       "' has no coordinate variable",
                   std::string("Add a coordinate variable of that name, in degrees; ") + kImageHint);
}

/// Steps over the date line or Greenwich taken out, as Domain::lat_lon does.
std::vector<double> unwrapped(std::vector<double> lon) {
  double turn = 0.0;
  const bool falls = lon.size() > 1 && lon[1] < lon[0] && lon[0] - lon[1] < 180.0;
  for (std::size_t i = 1; i < lon.size(); ++i) {
    const double step = lon[i] + turn - lon[i - 1];
    if (!falls && step <= 0.0 && step < -180.0) turn += 360.0;
    if (falls && step > 180.0) turn -= 360.0;
    lon[i] += turn;
  }
  return lon;
}

/// Columns at the end that repeat the first ones a turn later; 0 where they are no exact repetition.
std::size_t cyclic_columns_of(const std::vector<double>& longitude) {
  const auto lon = unwrapped(longitude);
  const std::size_t n = lon.size();
  std::size_t cyclic = 0;
  while (n - cyclic > 3 && std::abs(lon[n - 1 - cyclic] - lon[0]) > 360.0 - kTurn) ++cyclic;
  for (std::size_t k = 0; k < cyclic; ++k)
    if (std::abs(std::abs(lon[n - cyclic + k] - lon[k]) - 360.0) > 10.0 * kTurn) return 0;
  return cyclic;
}

/// Whether the last column of a curvilinear grid is followed by the first: they are about as far apart as
/// others.
bool goes_round(const std::vector<double>& latitude, const std::vector<double>& longitude,
                std::size_t columns) {
  const std::size_t rows = latitude.size() / columns;
  if (columns < 4 || rows == 0) return false;
  const std::size_t first = rows / 2 * columns;
  const auto apart = [&](std::size_t i, std::size_t j) {
    const double east =
        std::remainder(longitude[i] - longitude[j], 360.0) * std::cos(latitude[i] * domain::kDegree);
    return std::hypot(east, latitude[i] - latitude[j]);
  };
  return apart(first, first + columns - 1) < 1.5 * apart(first, first + 1);
}

/// Areas of cells: what `cell_measures` names, or the areas of the polygons that the bounds of the
/// coordinates are.
std::vector<double> cell_areas(const NetcdfHandle& file, const VariableId& v, const Layout& l,
                               const std::vector<double>& latitude, const std::vector<double>& longitude) {
  const std::size_t n = latitude.size();
  const auto measures = words(text_attribute(v, "cell_measures"));
  for (std::size_t k = 0; k + 1 < measures.size(); k += 2) {
    if (measures[k] != "area:") continue;
    const auto found = find_variable(file, measures[k + 1]);
    if (!found) continue;
    auto area = read_all(file, *found);
    if (area.size() == n) return area;
  }
  if (l.gathered) return {};  // bounds are the grid's
  const auto bounds_in_degrees = [&](const VariableId& c) -> std::vector<double> {
    const std::string name = text_attribute(c, "bounds");
    const auto found = name.empty() ? std::nullopt : find_variable(file, name);
    if (!found) return {};
    auto values = read_all(file, *found);
    // Bounds have the units of their coordinate (CF 7.1), and may not repeat them.
    const std::string units = lower(text_attribute(c, "units"));
    if (units.rfind("radian", 0) == 0)
      for (auto& x : values) x *= domain::kRadian;
    return values;
  };
  const auto lat = bounds_in_degrees(*l.latitude_variable);
  const auto lon = bounds_in_degrees(*l.longitude_variable);
  if (lat.size() != lon.size() || lat.empty() || lat.size() % n != 0 || lat.size() / n < 3) return {};
  const std::size_t corners = lat.size() / n;
  std::vector<double> area(n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    // Triangles between the centre and each side.
    const auto c = domain::unit_vector(latitude[i], longitude[i]);
    for (std::size_t k = 0; k < corners; ++k) {
      const std::size_t next = i * corners + (k + 1) % corners;
      area[i] +=
          domain::spherical_triangle_area(c, domain::unit_vector(lat[i * corners + k], lon[i * corners + k]),
                                          domain::unit_vector(lat[next], lon[next]));
    }
    if (!(area[i] > 0.0)) return {};
  }
  return area;
}

domain::Domain cells_of(const NetcdfHandle& file, const VariableId& v, const Layout& l,
                        std::vector<double> latitude, std::vector<double> longitude) {
  auto area = cell_areas(file, v, l, latitude, longitude);
  return domain::Domain::cells(
      {.latitude = std::move(latitude), .longitude = std::move(longitude), .area = std::move(area)});
}

/// Grids of as many cells may be turned against each other. ICON's files say which grid is theirs.
void check_same_grid(const NetcdfHandle& file, const NetcdfHandle& grid) {
  const std::string own = text_attribute(globals_of(file), "uuidOfHGrid");
  const std::string other = text_attribute(globals_of(grid), "uuidOfHGrid");
  if (own.empty() || other.empty() || own == other) return;
  throw Error(ErrorKind::input,
              "the grid file is of another grid: uuidOfHGrid is " + other + ", the data's " + own,
              {.file = grid.path(), .remedy = "Give the grid file that belongs to " + file.path()});
}

/// The file of `--grid`; null where there is none.
std::unique_ptr<NetcdfHandle> open_grid(const std::string& path) {
  return path.empty() ? nullptr : std::make_unique<NetcdfHandle>(open_fields(path).file);
}

/// What was done to a mesh must not move the values of another file on it.
std::unique_ptr<NetcdfHandle> open_grid(const std::string& path, bool repair,
                                        std::vector<std::string>& notes) {
  if (path.empty() || !repair || native_form(path) != NativeForm::mesh) return open_grid(path);
  auto opened = open_fields(path, true);
  if (opened.renumbered)
    throw Error(
        ErrorKind::input, "to repair the mesh would renumber the vertices that values lie on",
        {.file = path, .remedy = "Write mesh and values into one PLY file, which is repaired as a whole"});
  notes.insert(notes.end(), opened.notes.begin(), opened.notes.end());
  return std::make_unique<NetcdfHandle>(std::move(opened.file));
}

void check_repairable(const std::string& path, const std::string& grid) {
  if (native_form(path) == NativeForm::mesh || (!grid.empty() && native_form(grid) == NativeForm::mesh))
    return;
  throw Error(ErrorKind::usage, "there is no mesh file to repair",
              {.file = path, .remedy = "Leave --repair out; it is for PLY, OFF, OBJ and STL"});
}

/// Rows and columns on the sphere; `periodic` as they lie.
domain::Domain rows_and_columns_of(std::vector<double> latitude, std::vector<double> longitude,
                                   std::size_t columns, std::vector<double> area) {
  const bool around = goes_round(latitude, longitude, columns);
  return domain::Domain::curvilinear(std::move(latitude), std::move(longitude), columns, around,
                                     std::move(area));
}

/// The plane of a variable beside its latitudes and longitudes, where it says the same as they do. Otherwise
/// they count alone, as in files without a projection, and `note` says why.
std::optional<std::pair<ProjectedGrid, PlaneCells>> agreeing_plane(const NetcdfHandle& file, const Layout& l,
                                                                   const std::vector<double>& latitude,
                                                                   const std::vector<double>& longitude,
                                                                   std::string& note) {
  try {
    auto grid = read_plane(file, *l.plane);
    auto cells = cells_of_plane(file, *l.plane, grid);
    note = disagreement(cells, latitude, longitude, grid.x.size());
    if (note.empty()) return std::pair{std::move(grid), std::move(cells)};
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::input) throw;
    note = "the projection is left out, the latitudes and longitudes are taken: " + bare_message(e);
  }
  return std::nullopt;
}

/// The domain of an error is the file's: names its coordinate variable, and the variable it was opened for.
domain::Domain make_domain(const NetcdfHandle& file, const VariableId& v, const Layout& l,
                           std::vector<double> latitude, std::vector<double> longitude,
                           std::vector<double> area) {
  try {
    if (l.mesh) return mesh_domain(file, v, *l.mesh);
    if (l.image)
      return domain::Domain::plane(l.dimensions[static_cast<std::size_t>(l.latitude)].length,
                                   l.dimensions[static_cast<std::size_t>(l.longitude)].length);
    if (l.healpix)
      return domain::Domain::healpix(l.healpix->nside, l.healpix->nested ? domain::healpix::Ordering::nested
                                                                         : domain::healpix::Ordering::ring);
    if (l.cells()) return cells_of(file, v, l, std::move(latitude), std::move(longitude));
    if (l.curvilinear || l.plane) {
      const std::size_t across = l.dimensions[static_cast<std::size_t>(l.longitude)].length;
      return rows_and_columns_of(std::move(latitude), std::move(longitude), across, std::move(area));
    }
    return domain::Domain::lat_lon(std::move(latitude), std::move(longitude));
  } catch (const Error& e) {
    if (l.mesh || l.healpix || l.image) {
      if (!e.context().file.empty()) throw;
      throw Error(e.kind(), bare_message(e) + " (the grid of '" + v.name + "')",
                  {.file = file.path(),
                   .variable = l.mesh ? l.mesh->topology.name : v.name,
                   .index = e.context().index,
                   .remedy = e.context().remedy +
                             (native_form(file.path()) == NativeForm::mesh ? ", or try --repair" : "")});
    }
    if (!l.latitude_variable)
      throw Error(e.kind(), bare_message(e) + " (the grid of '" + v.name + "')",
                  {.file = file.path(),
                   .variable = l.plane->y.name,
                   .index = e.context().index,
                   .remedy = e.context().remedy});
    const bool of_latitude = e.context().variable == "latitude";
    throw Error(e.kind(), bare_message(e) + " (a coordinate of '" + v.name + "')",
                {.file = file.path(),
                 .variable = of_latitude ? l.latitude_variable->name : l.longitude_variable->name,
                 .index = e.context().index,
                 .remedy = e.context().remedy});
  }
}

}  // namespace

std::string GriddedVariable::Impl::cell_index(std::size_t step, std::size_t row, std::size_t column) const {
  const std::string at = "[time " + std::to_string(step) + "]";
  const auto of = [](const std::string& name, std::size_t k) {
    return "[" + name + " " + std::to_string(k) + "]";
  };
  if (domain.kind() == domain::DomainKind::lat_lon) return at + of("lat", row) + of("lon", column);
  const std::string rows = of(dimensions[latitude].name, row);
  return longitude < 0 ? at + rows
                       : at + rows + of(dimensions[static_cast<std::size_t>(longitude)].name, column);
}

std::vector<VariableSummary> list_variables(const std::string& path, const std::string& grid) {
  const auto file = open_fields(path).file;
  const auto grid_file = open_grid(grid);
  const CoordinateTable table(file, grid_file.get());
  const auto ids = all_variables(file);
  const auto bounds = bounds_of(ids);
  std::vector<VariableSummary> out;
  out.reserve(ids.size());
  for (const auto& v : ids) out.push_back(summarise(v, layout_of(table, v), bounds));
  return out;
}

GriddedVariable::GriddedVariable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GriddedVariable::GriddedVariable(GriddedVariable&&) noexcept = default;
GriddedVariable& GriddedVariable::operator=(GriddedVariable&&) noexcept = default;
GriddedVariable::~GriddedVariable() = default;

GriddedVariable GriddedVariable::open(const std::string& path, const std::string& variable,
                                      const std::string& grid, bool repair) {
  if (repair) check_repairable(path, grid);
  auto opened = open_fields(path, repair);
  auto& file = opened.file;
  const auto grid_file = open_grid(grid, repair, opened.notes);
  const CoordinateTable table(file, grid_file.get());
  const VariableId v = pick(table, variable);
  const Layout l = layout_of(table, v);
  const VariableSummary summary = summarise(v, l, bounds_of(all_variables(file)));
  check_layout(file, v, l);
  std::vector<double> latitude;
  std::vector<double> longitude;
  const NetcdfHandle& places = l.of_grid_file ? *grid_file : file;
  if (l.of_grid_file) check_same_grid(file, places);
  const bool own_places = l.latitude_variable && l.longitude_variable;
  if (l.gathered) {
    latitude = gathered_degrees(places, *l.gathered, *l.latitude_variable, v.name);
    longitude = gathered_degrees(places, *l.gathered, *l.longitude_variable, v.name);
  } else if (!l.mesh && !l.healpix && own_places) {
    latitude = coordinate_degrees(places, *l.latitude_variable, v.name);
    longitude = coordinate_degrees(places, *l.longitude_variable, v.name);
  }
  std::optional<ProjectedGrid> plane;
  std::vector<double> area;
  std::string note;
  if (l.plane && own_places) {
    if (auto agreed = agreeing_plane(file, l, latitude, longitude, note)) {
      plane = std::move(agreed->first);
      area = std::move(agreed->second.area);
    }
  } else if (l.plane) {
    plane = read_plane(file, *l.plane);
    auto cells = cells_of_plane(file, *l.plane, *plane);
    latitude = std::move(cells.latitude);
    longitude = std::move(cells.longitude);
    area = std::move(cells.area);
  }
  const bool rows_and_columns = !l.cells() && !l.curvilinear && !l.plane && !l.image;
  const std::size_t cyclic = rows_and_columns ? cyclic_columns_of(longitude) : 0;
  const std::size_t columns = longitude.size() - cyclic;
  // A seam is narrow. Whoever repeats most of a turn may mean something else by the second one.
  if (2 * cyclic > columns)
    throw Error(ErrorKind::input,
                "the longitudes go round more than once: " + std::to_string(cyclic) + " of " +
                    std::to_string(longitude.size()) + " columns repeat the first ones a turn later" +
                    " (a coordinate of '" + v.name + "')",
                {.file = path,
                 .variable = l.longitude_variable->name,
                 .index = "[longitude " + std::to_string(columns) + "]",
                 .remedy = "Cut the file to one turn, e.g. with ncks -d"});
  longitude.resize(columns);
  auto domain = make_domain(places, v, l, std::move(latitude), std::move(longitude), std::move(area));
  TimeAxis time = read_time(file, l);
  const Packing packing = packing_of(file, v);
  auto impl = std::make_unique<Impl>(std::move(file), v, summary, std::move(domain));
  impl->form = opened.form;
  impl->notes = std::move(opened.notes);
  impl->time = std::move(time);
  impl->cyclic = cyclic;
  impl->projected = std::move(plane);
  impl->grid_note = std::move(note);
  impl->packing = packing;
  impl->dimensions = l.dimensions;
  impl->latitude = static_cast<std::size_t>(l.latitude);
  impl->longitude = l.longitude;
  impl->time_dimension = l.time;
  for (std::size_t k = 0; k < l.dimensions.size(); ++k)
    if (static_cast<int>(k) != l.latitude && static_cast<int>(k) != l.longitude &&
        static_cast<int>(k) != l.time)
      impl->extra.push_back(k);
  impl->choose_block();
  return GriddedVariable(std::move(impl));
}

const std::string& GriddedVariable::path() const { return impl_->file.path(); }
const VariableSummary& GriddedVariable::summary() const { return impl_->summary; }
const domain::Domain& GriddedVariable::domain() const { return impl_->domain; }
const ProjectedGrid* GriddedVariable::projected() const {
  return impl_->projected ? &*impl_->projected : nullptr;
}
const std::string& GriddedVariable::grid_note() const { return impl_->grid_note; }
const std::vector<std::string>& GriddedVariable::notes() const { return impl_->notes; }
const TimeAxis& GriddedVariable::time() const { return impl_->time; }
std::size_t GriddedVariable::times() const { return impl_->times(); }
std::size_t GriddedVariable::extras() const { return impl_->extras(); }
std::string GriddedVariable::time_dimension() const {
  return impl_->time_dimension < 0 ? std::string()
                                   : impl_->dimensions[static_cast<std::size_t>(impl_->time_dimension)].name;
}

std::string GriddedVariable::cell_index(std::size_t time, std::size_t cell) const {
  return impl_->cell_index(time, cell / impl_->domain.columns(), cell % impl_->domain.columns());
}
std::size_t GriddedVariable::cyclic_columns() const { return impl_->cyclic; }
std::vector<std::size_t> GriddedVariable::extra_index(std::size_t extra) const {
  return impl_->extra_index(extra);
}
std::vector<std::string> GriddedVariable::extra_names() const {
  std::vector<std::string> names;
  for (const auto k : impl_->extra) names.push_back(impl_->dimensions[k].name);
  return names;
}

std::size_t GriddedVariable::Impl::extras() const {
  std::size_t n = 1;
  for (const auto k : extra) n *= dimensions[k].length;
  return n;
}

std::vector<std::size_t> GriddedVariable::Impl::extra_index(std::size_t extra_number) const {
  std::vector<std::size_t> index(extra.size());
  for (std::size_t k = index.size(); k-- > 0;) {
    const std::size_t length = dimensions[extra[k]].length;
    index[k] = extra_number % length;
    extra_number /= length;
  }
  return index;
}

FieldSlab GriddedVariable::Impl::slab(std::size_t extra_number, std::size_t first_time,
                                      std::size_t count) const {
  FieldSlab s;
  s.start.assign(dimensions.size(), 0);
  s.count.assign(dimensions.size(), 1);
  const auto index = extra_index(extra_number);
  for (std::size_t k = 0; k < extra.size(); ++k) s.start[extra[k]] = index[k];
  s.rows = s.count[latitude] = dimensions[latitude].length;
  s.columns = 1;
  if (longitude >= 0)
    s.columns = s.count[static_cast<std::size_t>(longitude)] =
        dimensions[static_cast<std::size_t>(longitude)].length;
  if (time_dimension >= 0) {
    s.start[static_cast<std::size_t>(time_dimension)] = first_time;
    s.times = s.count[static_cast<std::size_t>(time_dimension)] = count;
  }
  std::size_t stride = 1;
  for (std::size_t k = dimensions.size(); k-- > 0; stride *= s.count[k]) {
    if (k == latitude) s.row_stride = stride;
    if (static_cast<int>(k) == longitude) s.column_stride = stride;
    if (static_cast<int>(k) == time_dimension) s.time_stride = stride;
  }
  return s;
}

/// Single fields are slow where time varies fastest, or where chunks hold many times or many fields of a
/// time: each field then touches every page, or decompresses every chunk, of the whole variable.
void GriddedVariable::Impl::choose_block() {
  const auto across = longitude < 0 ? std::vector<std::size_t>{latitude}
                                    : std::vector<std::size_t>{latitude, static_cast<std::size_t>(longitude)};
  const auto chunks = chunks_of(id);
  std::size_t together = 1;  // times in a chunk
  if (time_dimension >= 0) {
    const auto t = static_cast<std::size_t>(time_dimension);
    std::size_t field = sizeof(double);
    for (const auto k : across) field *= dimensions[k].length;
    const std::size_t most = std::clamp<std::size_t>(kBlockBytes / field, 1, times());
    if (!chunks.empty()) together = chunks[t];
    if (std::any_of(across.begin(), across.end(), [&](std::size_t k) { return t > k; }))
      block = together > 1 && together < most ? most / together * together : most;
    else
      block = std::min(together, most);
  }
  // Chunks that a block does not take up whole are kept uncompressed between blocks.
  if (chunks.empty()) return;
  std::size_t beside = 1;
  for (const std::size_t k : extra) beside *= chunks[k];
  if (together <= block && beside == 1) return;
  std::size_t bytes = together * beside * size_of(packing.type);
  for (const std::size_t k : across) bytes *= (dimensions[k].length + chunks[k] - 1) / chunks[k] * chunks[k];
  set_chunk_cache(id, std::min<std::size_t>(bytes, 4 * kBlockBytes), 10007);
}

void GriddedVariable::Impl::load(std::size_t extra_number, std::size_t first_time, std::size_t count) const {
  const FieldSlab s = slab(extra_number, first_time, count);
  const std::size_t nlon = domain.columns();
  std::vector<double> raw(s.size());
  held.times = 0;
  check([&] { id.nc.getVar(s.start, s.count, raw.data()); }, file.path(),
        "reading from time " + std::to_string(first_time) + " on failed", id.name);
  held.values.resize(s.times * domain.size());
  auto out = held.values.begin();
  for (std::size_t t = 0; t < s.times; ++t)
    for (std::size_t i = 0; i < s.rows; ++i)
      for (std::size_t j = 0; j < nlon; ++j) {
        const double number = packing.number(raw[s.at(t, i, j)]);
        *out++ =
            packing.is_missing(number) ? std::numeric_limits<double>::quiet_NaN() : packing.value(number);
      }
  held.extra = extra_number;
  held.first = first_time;
  held.times = s.times;
}

xt::xtensor<double, 2> GriddedVariable::read(std::size_t extra, std::size_t first_time,
                                             std::size_t count) const {
  const Impl& m = *impl_;
  if (extra >= m.extras() || first_time + count > m.times())
    throw Error(
        ErrorKind::internal, "a field beyond the variable's dimensions was asked for",
        {.file = path(), .variable = m.id.name, .index = "[time " + std::to_string(first_time) + "]"});
  const std::size_t cells = m.domain.size();
  const std::size_t nlon = m.domain.columns();
  const std::size_t most = std::max<std::size_t>(1, kBlockBytes / (cells * sizeof(double)));
  xt::xtensor<double, 2> out = xt::xtensor<double, 2>::from_shape({count, cells});
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t t = first_time + k;
    if (m.held.times == 0 || m.held.extra != extra || t < m.held.first || t >= m.held.first + m.held.times) {
      // Blocks begin at multiples of their length, where the chunks do; long requests are read in one go.
      const std::size_t first = m.block > 1 ? t / m.block * m.block : t;
      const std::size_t end = std::max(first + m.block, std::min(first_time + count, t + most));
      m.load(extra, first, std::min(end, m.times()) - first);
    }
    const double* field = m.held.values.data() + (t - m.held.first) * cells;
    for (std::size_t c = 0; c < cells; ++c) {
      if (std::isinf(field[c]))
        throw Error(ErrorKind::input,
                    std::string("the value is infinite (") + (field[c] < 0 ? "-inf" : "inf") + ")",
                    {.file = path(),
                     .variable = m.id.name,
                     .index = m.cell_index(t, c / nlon, c % nlon),
                     .remedy = "Mark it as missing first, e.g. with cdo setctomiss,inf"});
      out(k, c) = field[c];
    }
  }
  return out;
}

}  // namespace manifill::io
