#include "manifill/io/gridded.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "gridded_impl.hpp"
#include "manifill/base/error.hpp"

namespace manifill::io {
namespace {

enum class Axis { other, latitude, longitude, time };

std::string lower(std::string s) {
  std::transform(s.begin(), s.end(), s.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return s;
}

bool one_of(const std::string& s, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* n) { return s == n; });
}

/// What a dimension is: CF attributes of its coordinate first, then names.
Axis classify(const Dimension& d, const std::optional<VariableId>& c) {
  if (c) {
    const std::string standard = lower(text_attribute(*c, "standard_name"));
    const std::string units = lower(text_attribute(*c, "units"));
    const std::string axis = lower(text_attribute(*c, "axis"));
    if (standard == "latitude" || one_of(units, {"degrees_north", "degree_north", "degrees_n", "degree_n", "degreen", "degreesn"}))
      return Axis::latitude;
    if (standard == "longitude" || one_of(units, {"degrees_east", "degree_east", "degrees_e", "degree_e", "degreee", "degreese"}))
      return Axis::longitude;
    if (standard == "time" || axis == "t" || units.find(" since ") != std::string::npos) return Axis::time;
  }
  const std::string name = lower(d.name);
  if (one_of(name, {"lat", "latitude", "lats", "nav_lat", "rlat"})) return Axis::latitude;
  if (one_of(name, {"lon", "longitude", "lons", "long", "nav_lon", "rlon"})) return Axis::longitude;
  if (one_of(name, {"time", "t"})) return Axis::time;
  return Axis::other;
}

struct Layout {
  std::vector<Dimension> dimensions;
  std::vector<Axis> axes;
  int latitude = -1;
  int longitude = -1;
  int time = -1;
  std::string reason;  // why the variable is not a field on a lat-lon grid
};

Layout layout_of(const NetcdfHandle& file, const VariableId& v) {
  Layout l{.dimensions = dimensions_of(file, v), .axes = {}, .reason = {}};
  const nc_type type = type_of(v);
  for (std::size_t k = 0; k < l.dimensions.size(); ++k) {
    const Axis a = classify(l.dimensions[k], coordinate_of(file, v, l.dimensions[k]));
    l.axes.push_back(a);
    int* slot = a == Axis::latitude ? &l.latitude : a == Axis::longitude ? &l.longitude : a == Axis::time ? &l.time : nullptr;
    if (slot != nullptr && *slot < 0) *slot = static_cast<int>(k);
  }
  if (type == NC_CHAR || type == NC_STRING) l.reason = "it holds text";
  else if (!is_numeric(type)) l.reason = "it has a user-defined type";
  else if (l.latitude < 0 || l.longitude < 0) {
    const std::string coordinates = text_attribute(v, "coordinates");
    l.reason = coordinates.find("lat") != std::string::npos && l.dimensions.size() >= 2
                   ? "its latitudes and longitudes are two-dimensional, which is not supported yet"
                   : "it has no latitude and longitude dimensions";
  }
  return l;
}

VariableSummary summarise(const NetcdfHandle& file, const VariableId& v, const Layout& l) {
  VariableSummary s;
  s.name = v.name;
  s.type = type_name(type_of(v));
  s.units = text_attribute(v, "units");
  s.standard_name = text_attribute(v, "standard_name");
  s.long_name = text_attribute(v, "long_name");
  for (const auto& d : l.dimensions) s.dimensions.emplace_back(d.name, d.length);
  s.reason = l.reason;
  const std::string& name = s.name;
  const auto ends = [&](const std::string& tail) {
    return name.size() > tail.size() && name.compare(name.size() - tail.size(), tail.size(), tail) == 0;
  };
  if (s.reason.empty() && (ends("_status") || ends("_spread") || ends("_member"))) {
    // Written by an earlier run beside its variable; open them by name.
    const std::string base = name.substr(0, name.rfind('_'));
    int id = -1;
    if (nc_inq_varid(v.group, base.substr(base.rfind('/') + 1).c_str(), &id) == NC_NOERR) s.reason = "it belongs to '" + base + "' of an imputed file";
  }
  if (s.reason.empty() && name.find("_bnds") != std::string::npos) s.reason = "it holds cell bounds";
  for (const auto& d : l.dimensions)
    if (s.reason.empty() && d.length == 0) s.reason = "its dimension '" + d.name + "' has length 0";
  s.fillable = s.reason.empty();
  static_cast<void>(file);
  return s;
}

/// Packing and missing-value rules of a variable (NUG appendix A, CF 2.5.1, 8.1).
Packing packing_of(const VariableId& v) {
  Packing p;
  const nc_type type = type_of(v);
  const auto scale = number_attribute(v, "scale_factor");
  const auto offset = number_attribute(v, "add_offset");
  if (!scale.empty()) p.scale = scale[0];
  if (!offset.empty()) p.offset = offset[0];
  p.packed = !scale.empty() || !offset.empty();
  const bool integer = type != NC_FLOAT && type != NC_DOUBLE;
  const bool flagged = lower(text_attribute(v, "_Unsigned")) == "true";
  if (flagged && (type == NC_BYTE || type == NC_SHORT || type == NC_INT)) p.wrap = std::pow(2.0, 8.0 * static_cast<double>(size_of(type)));
  const auto stored = [&](double x) { return p.wrap > 0.0 && x < 0.0 ? x + p.wrap : x; };
  for (const char* name : {"_FillValue", "missing_value"})
    for (const double x : number_attribute(v, name)) {
      p.missing.push_back(stored(x));
      if (type == NC_FLOAT) p.missing.push_back(static_cast<float>(x));
    }
  if (number_attribute(v, "_FillValue").empty()) {
    switch (type) {  // bytes have no default fill: every value of a byte may be data
      case NC_SHORT: p.missing.push_back(NC_FILL_SHORT); break;
      case NC_INT: p.missing.push_back(NC_FILL_INT); break;
      case NC_FLOAT: p.missing.push_back(NC_FILL_FLOAT); break;
      case NC_DOUBLE: p.missing.push_back(NC_FILL_DOUBLE); break;
      case NC_USHORT: p.missing.push_back(NC_FILL_USHORT); break;
      case NC_UINT: p.missing.push_back(NC_FILL_UINT); break;
      default: break;
    }
  }
  // Limits are in stored values when they have the stored type, else in unpacked ones.
  const auto limit = [&](const char* name, std::size_t which, double fallback) {
    nc_type of = NC_NAT;
    const auto values = number_attribute(v, name, &of);
    if (values.size() <= which) return fallback;
    const bool unpacked = p.packed && integer && (of == NC_FLOAT || of == NC_DOUBLE);
    return unpacked ? (values[which] - p.offset) / p.scale : stored(values[which]);
  };
  p.low = limit("valid_range", 0, limit("valid_min", 0, -std::numeric_limits<double>::infinity()));
  p.high = limit("valid_range", 1, limit("valid_max", 0, std::numeric_limits<double>::infinity()));
  if (p.low > p.high) std::swap(p.low, p.high);
  const auto fill = number_attribute(v, "_FillValue");
  const auto missing = number_attribute(v, "missing_value");
  if (!fill.empty()) p.fill = fill[0];
  else if (!missing.empty()) p.fill = missing[0];
  else if (!p.missing.empty()) p.fill = p.missing[0];
  else p.fill = integer ? 0.0 : std::numeric_limits<double>::quiet_NaN();
  return p;
}

std::vector<double> coordinate_values(const NetcdfHandle& file, const VariableId& v, const Dimension& d) {
  const auto c = coordinate_of(file, v, d);
  if (!c)
    throw Error(ErrorKind::input, "the dimension '" + d.name + "' has no coordinate variable",
                {.file = file.path(), .variable = v.name, .remedy = "Add a coordinate variable of that name"});
  auto values = read_all(file, *c);
  const Packing p = packing_of(*c);
  if (p.packed)
    for (auto& x : values) x = p.offset + p.scale * x;
  return values;
}

std::vector<std::string> names_of(const std::vector<VariableSummary>& list, bool fillable_only) {
  std::vector<std::string> names;
  for (const auto& s : list)
    if (s.fillable || !fillable_only) names.push_back(s.name);
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& n : names) text += (text.empty() ? "'" : ", '") + n + "'";
  return text;
}

VariableId pick(const NetcdfHandle& file, const std::string& wanted) {
  const auto ids = all_variables(file);
  const auto summaries = [&] {
    std::vector<VariableSummary> out;
    for (const auto& v : ids) out.push_back(summarise(file, v, layout_of(file, v)));
    return out;
  }();
  if (wanted.empty()) {
    const auto fillable = names_of(summaries, true);
    if (fillable.empty())
      throw Error(ErrorKind::input, "no variable can be filled: none is numeric on latitude and longitude",
                  {.file = file.path(), .remedy = "Look at it with 'manifill inspect'"});
    if (fillable.size() > 1)
      throw Error(ErrorKind::input, "several variables can be filled: " + joined(fillable),
                  {.file = file.path(), .remedy = "Choose one with --variable"});
    for (std::size_t k = 0; k < ids.size(); ++k)
      if (summaries[k].fillable) return ids[k];
  }
  const std::string name = wanted[0] == '/' ? wanted.substr(1) : wanted;
  for (const auto& v : ids)
    if (v.name == name) return v;
  const auto every = names_of(summaries, false);
  const auto near = nearest_name(name, every.data(), every.data() + every.size());
  throw Error(ErrorKind::input, "no such variable",
              {.file = file.path(), .variable = name,
               .remedy = (near ? "Did you mean '" + *near + "'? " : std::string()) + "The file holds " + joined(every)});
}

template <typename F>
auto with_place(const NetcdfHandle& file, const std::string& variable, F&& f) {
  try {
    return f();
  } catch (const Error& e) {
    throw Error(e.kind(), e.what(), {.file = file.path(), .variable = variable});
  }
}

}  // namespace

bool Packing::is_missing(double x) const {
  if (std::isnan(x)) return true;
  for (const double m : missing)
    if (x == m) return true;
  return x < low || x > high;
}

std::vector<VariableSummary> list_variables(const std::string& path) {
  const auto file = NetcdfHandle::open(path);
  std::vector<VariableSummary> out;
  for (const auto& v : all_variables(file)) out.push_back(summarise(file, v, layout_of(file, v)));
  return out;
}

GriddedVariable::GriddedVariable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GriddedVariable::GriddedVariable(GriddedVariable&&) noexcept = default;
GriddedVariable& GriddedVariable::operator=(GriddedVariable&&) noexcept = default;
GriddedVariable::~GriddedVariable() = default;

GriddedVariable GriddedVariable::open(const std::string& path, const std::string& variable) {
  auto file = NetcdfHandle::open(path);
  const VariableId v = pick(file, variable);
  const Layout l = layout_of(file, v);
  const VariableSummary summary = summarise(file, v, l);
  if (!l.reason.empty())
    throw Error(ErrorKind::input, "cannot be filled: " + l.reason,
                {.file = path, .variable = v.name, .remedy = "'manifill inspect' lists what can be filled"});
  for (const auto& d : l.dimensions)
    if (d.length == 0)
      throw Error(ErrorKind::input, "the dimension '" + d.name + "' has length 0: there is nothing to fill",
                  {.file = path, .variable = v.name, .remedy = "Write at least one record"});
  const auto at = [&](int k) -> const Dimension& { return l.dimensions[static_cast<std::size_t>(k)]; };
  auto latitude = coordinate_values(file, v, at(l.latitude));
  auto longitude = coordinate_values(file, v, at(l.longitude));
  std::size_t cyclic = 0;
  while (longitude.size() > 3 && std::abs(longitude.back() - longitude.front()) > 360.0 - 1e-4) {
    longitude.pop_back();
    ++cyclic;
  }
  auto domain = with_place(file, v.name, [&] { return domain::Domain::lat_lon(latitude, longitude); });
  TimeAxis time;
  if (l.time >= 0) {
    const auto c = coordinate_of(file, v, at(l.time));
    const std::string units = c ? text_attribute(*c, "units") : "";
    if (c && units.find("since") != std::string::npos) {
      time = with_place(file, v.name, [&] {
        return decode_time(at(l.time).name, coordinate_values(file, v, at(l.time)), units, text_attribute(*c, "calendar"));
      });
    } else if (c && !units.empty() && units != "1" && !units.starts_with("month")) {
      throw Error(ErrorKind::input, "the time units '" + units + "' are not \"<interval> since <date>\"",
                  {.file = path, .variable = c->name, .remedy = "Give units such as \"days since 1900-01-01\""});
    } else {
      // A climatology or a bare counter: steps are taken as months of one year when there are twelve of them.
      time.name = at(l.time).name;
      for (std::size_t t = 0; t < at(l.time).length; ++t) {
        time.values.push_back(static_cast<double>(t));
        const int month = static_cast<int>(t % 12);
        time.dates.push_back({.year = static_cast<int>(t / 12), .month = month + 1, .day = 15, .year_fraction = (month + 0.5) / 12.0});
      }
    }
  }
  auto impl = std::make_unique<Impl>(std::move(file), v, summary, domain);
  impl->time = std::move(time);
  impl->cyclic = cyclic;
  impl->packing = packing_of(v);
  impl->dimensions = l.dimensions;
  impl->latitude = static_cast<std::size_t>(l.latitude);
  impl->longitude = static_cast<std::size_t>(l.longitude);
  impl->time_dimension = l.time;
  for (std::size_t k = 0; k < l.dimensions.size(); ++k)
    if (static_cast<int>(k) != l.latitude && static_cast<int>(k) != l.longitude && static_cast<int>(k) != l.time)
      impl->extra.push_back(k);
  return GriddedVariable(std::move(impl));
}

const std::string& GriddedVariable::path() const { return impl_->file.path(); }
const VariableSummary& GriddedVariable::summary() const { return impl_->summary; }
const domain::Domain& GriddedVariable::domain() const { return impl_->domain; }
const TimeAxis& GriddedVariable::time() const { return impl_->time; }
std::size_t GriddedVariable::times() const {
  return impl_->time_dimension < 0 ? 1 : impl_->dimensions[static_cast<std::size_t>(impl_->time_dimension)].length;
}
std::size_t GriddedVariable::extras() const {
  std::size_t n = 1;
  for (const auto k : impl_->extra) n *= impl_->dimensions[k].length;
  return n;
}
std::size_t GriddedVariable::cyclic_columns() const { return impl_->cyclic; }

std::vector<std::size_t> GriddedVariable::extra_index(std::size_t extra) const {
  std::vector<std::size_t> index(impl_->extra.size());
  for (std::size_t k = index.size(); k-- > 0;) {
    const std::size_t length = impl_->dimensions[impl_->extra[k]].length;
    index[k] = extra % length;
    extra /= length;
  }
  return index;
}

FieldSlab GriddedVariable::Impl::slab(const std::vector<std::size_t>& extra_index, std::size_t at_time) const {
  FieldSlab s;
  s.start.assign(dimensions.size(), 0);
  s.count.assign(dimensions.size(), 1);
  for (std::size_t k = 0; k < extra.size(); ++k) s.start[extra[k]] = extra_index[k];
  if (time_dimension >= 0) s.start[static_cast<std::size_t>(time_dimension)] = at_time;
  s.rows = s.count[latitude] = dimensions[latitude].length;
  s.columns = s.count[longitude] = dimensions[longitude].length;
  s.row_stride = latitude < longitude ? s.columns : 1;
  s.column_stride = latitude < longitude ? 1 : s.rows;
  return s;
}

xt::xtensor<double, 2> GriddedVariable::read(std::size_t extra, std::size_t first_time, std::size_t count) const {
  const Impl& m = *impl_;
  const auto index = extra_index(extra);
  const std::size_t nlon = m.domain.lat_lon().nlon();
  xt::xtensor<double, 2> out = xt::xtensor<double, 2>::from_shape({count, m.domain.size()});
  for (std::size_t t = 0; t < count; ++t) {
    const FieldSlab s = m.slab(index, first_time + t);
    std::vector<double> raw(s.rows * s.columns);
    check(nc_get_vara_double(m.id.group, m.id.variable, s.start.data(), s.count.data(), raw.data()), path(),
          "reading time " + std::to_string(first_time + t) + " failed; the file may be truncated", m.id.name);
    for (std::size_t i = 0; i < s.rows; ++i)
      for (std::size_t j = 0; j < nlon; ++j) {
        double x = raw[i * s.row_stride + j * s.column_stride];
        if (m.packing.wrap > 0.0 && x < 0.0) x += m.packing.wrap;
        if (std::isinf(x))
          throw Error(ErrorKind::input, "the value is infinite",
                      {.file = path(), .variable = m.id.name,
                       .index = "[time " + std::to_string(first_time + t) + "][lat " + std::to_string(i) + "][lon " + std::to_string(j) + "]",
                       .remedy = "Mark it as missing (_FillValue) first"});
        out(t, i * nlon + j) = m.packing.is_missing(x) ? std::numeric_limits<double>::quiet_NaN()
                                                       : m.packing.offset + m.packing.scale * x;
      }
  }
  return out;
}

}  // namespace manifill::io
