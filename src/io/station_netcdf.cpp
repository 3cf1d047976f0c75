#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "coordinates.hpp"
#include "manifill/base/error.hpp"
#include "packing.hpp"
#include "station_source.hpp"

namespace manifill::io {
namespace {

/// Which station an observation of a ragged array is of.
struct Ragged {
  int stations = -1;                   // id of their dimension
  std::size_t position = 0;            // of the dimension of observations among the variable's
  std::vector<std::size_t> station{};  // [observation]
};

/// One dimension of a coordinate.
struct PathStep {
  std::size_t length = 0;
  std::size_t position = 0;  // of the variable's dimension that it follows from
  bool by_station = false;   // through the ragged array
};

class Reader {
 public:
  explicit Reader(const NetcdfHandle& file) : file_(file), table_(file), all_(all_variables(file)) {}

  Stations read(const StationOptions& options) {
    const std::string type = text_attribute(globals_of(file_), "featureType");
    const VariableId v = pick(options.variable);
    choose(v);
    if (!latitude_ || !longitude_)
      throw refuse(
          v.name,
          std::string("no ") + (latitude_ ? "longitude" : "latitude") +
              " lies over its dimensions or its stations",
          "Name the coordinates in its attribute 'coordinates', and give them units degrees_north and "
          "degrees_east (CF conventions, chapter 9)");
    Stations out{.path = file_.path(), .variable = summary(v)};
    const auto values = read_all(file_, v);
    const Packing packing = packing_of(file_, v);
    const auto latitude = numbers(*latitude_);
    const auto longitude = numbers(*longitude_);
    std::vector<double> times;
    if (time_) {
      times = numbers(*time_);
      out.time = decode(times);
    }
    const bool series = lower(type) == "timeseries";
    const auto to_latitude = path_of(*latitude_);
    const auto to_longitude = path_of(*longitude_);
    const auto to_time = time_ ? path_of(*time_) : std::vector<PathStep>{};
    for (std::size_t k = 0; k < values.size(); ++k) {
      const double n = packing.number(values[k]);
      if (packing.is_missing(n)) {
        ++out.missing;
        continue;
      }
      StationValue x{.value = packing.value(n), .record = k};
      const auto index = index_of(k);
      const std::size_t place = at(to_latitude, index);
      x.latitude = latitude[place];
      x.longitude = longitude[at(to_longitude, index)];
      if (time_) x.time = at(to_time, index);
      if (series) x.station = place;
      check(v, out, x, !time_ || !std::isnan(times[x.time]));
      out.values.push_back(x);
    }
    return out;
  }

 private:
  [[nodiscard]] Error refuse(const std::string& variable, const std::string& what, const std::string& remedy,
                             const std::string& index = {}) const {
    return {ErrorKind::input,
            what,
            {.file = file_.path(), .variable = variable, .index = index, .remedy = remedy}};
  }

  void check(const VariableId& v, const Stations& out, const StationValue& x, bool dated) const {
    if (!std::isfinite(x.value))
      throw refuse(v.name, "the value is infinite", "Mark it as missing first", out.place(x));
    if (std::isnan(x.latitude) || std::isnan(x.longitude) || !dated)
      throw refuse(v.name, "a value has no latitude, longitude or time",
                   "Mark it as missing, or complete them", out.place(x));
    check_place(file_.path(), x.latitude, x.longitude, out.place(x));
  }

  /// A variable that stations may have measured: over one or two dimensions, and no part of the file's order.
  [[nodiscard]] bool may_be_values(const VariableId& v) {
    const auto dimensions = dimensions_of(file_, v);
    if (!is_numeric(type_of(v)) || dimensions.empty() || dimensions.size() > 2) return false;
    for (const char* mark :
         {"cf_role", "sample_dimension", "instance_dimension", "flag_values", "flag_masks"})
      if (has_attribute(v, mark)) return false;
    for (const auto& other : all_)
      for (const char* attribute : {"bounds", "climatology", "ancillary_variables"})
        for (const auto& name : words(text_attribute(other, attribute)))
          if (name == short_name(v.name)) return false;
    for (const Coordinate* c : table_.in_scope(v.nc.getParentGroup()))
      if (c->id == v && (c->by_attributes != Axis::other || c->by_name != Axis::other)) return false;
    if (dimensions.size() == 1 && dimensions[0].name == short_name(v.name)) return false;
    // Heights of stations and the like lie over stations alone where the values lie over more.
    for (const auto& other : all_)
      for (const auto& name : words(text_attribute(other, "coordinates")))
        if (name == short_name(v.name)) return false;
    choose(v);
    return latitude_ && longitude_;
  }

  VariableId pick(const std::string& wanted) {
    std::vector<std::string> names;
    if (!wanted.empty()) {
      for (const auto& v : all_) {
        if (v.name == wanted) return check_shape(v);
        names.push_back(v.name);
      }
      const auto near = nearest_name(wanted, names.data(), names.data() + names.size());
      throw refuse(wanted, "no such variable",
                   near ? "Did you mean '" + *near + "'?" : "See 'ncdump -h' for the file's variables");
    }
    std::optional<VariableId> found;
    std::string list;
    std::size_t count = 0;
    for (const auto& v : all_) {
      if (!may_be_values(v)) continue;
      found = v;
      list += (list.empty() ? "'" : ", '") + v.name + "'";
      ++count;
    }
    if (count == 1) return *found;
    throw refuse(
        "", count == 0 ? "no variable holds values of stations" : "several variables may be meant: " + list,
        count == 0 ? "Give latitudes, longitudes and times by the CF conventions, chapter 9"
                   : "Choose one with --variable");
  }

  [[nodiscard]] VariableId check_shape(const VariableId& v) const {
    const auto dimensions = dimensions_of(file_, v);
    if (!is_numeric(type_of(v)))
      throw refuse(v.name, "holds no numbers", "Choose another variable with --variable");
    if (dimensions.empty() || dimensions.size() > 2)
      throw refuse(v.name,
                   "has " + std::to_string(dimensions.size()) +
                       " dimensions; values of stations lie over observations, or over stations and times",
                   "Choose one level first");
    return v;
  }

  [[nodiscard]] VariableSummary summary(const VariableId& v) const {
    VariableSummary s{.name = v.name,
                      .type = type_name(type_of(v)),
                      .units = text_attribute(v, "units"),
                      .standard_name = text_attribute(v, "standard_name"),
                      .long_name = text_attribute(v, "long_name")};
    for (const auto& d : dimensions_) s.dimensions.emplace_back(d.name, d.length);
    return s;
  }

  /// Finds dimensions, ragged array and coordinates of a variable.
  void choose(const VariableId& v) {
    dimensions_ = dimensions_of(file_, v);
    find_ragged();
    const auto scope = table_.in_scope(v.nc.getParentGroup());
    const auto named = words(text_attribute(v, "coordinates"));
    const auto find = [&](Axis axis) -> std::optional<Coordinate> {
      for (const bool by_attributes : {true, false})
        for (const bool by_list : {true, false})
          for (const Coordinate* c : scope) {
            const bool listed = std::find(named.begin(), named.end(), short_name(c->id.name)) != named.end();
            if ((by_attributes ? c->by_attributes : c->by_name) == axis && (listed || !by_list) &&
                reaches(*c) && !(c->id == v))
              return *c;
          }
      return std::nullopt;
    };
    latitude_ = find(Axis::latitude);
    longitude_ = find(Axis::longitude);
    time_ = find(Axis::time);
  }

  void find_ragged() {
    ragged_ = {};
    for (std::size_t k = 0; k < dimensions_.size(); ++k)
      for (const auto& r : all_) {
        const auto own = dimensions_of(file_, r);
        if (own.size() != 1 || !is_numeric(type_of(r))) continue;
        const std::string stations = text_attribute(r, "instance_dimension");
        if (text_attribute(r, "sample_dimension") == dimensions_[k].name)
          read_contiguous(r, own[0].id, k);
        else if (!stations.empty() && own[0].id == dimensions_[k].id)
          read_indexed(r, dimension_in_scope(r.nc.getParentGroup(), stations), k);
      }
  }

  /// Counts of observations, one station after the other.
  void read_contiguous(const VariableId& r, int stations, std::size_t position) {
    ragged_ = {.stations = stations, .position = position};
    const auto counts = read_all(file_, r);
    for (std::size_t s = 0; s < counts.size(); ++s) {
      const double left = static_cast<double>(dimensions_[position].length - ragged_.station.size());
      if (!(counts[s] >= 0.0 && counts[s] <= left && counts[s] == std::floor(counts[s])))
        throw refuse(r.name,
                     "the counts of observations do not fit the " +
                         std::to_string(dimensions_[position].length) + " there are",
                     "Write the counts of a contiguous ragged array there (CF conventions, H.2.4)",
                     "[" + r.name + " " + std::to_string(s) + "]");
      ragged_.station.insert(ragged_.station.end(), static_cast<std::size_t>(counts[s]), s);
    }
    if (ragged_.station.size() != dimensions_[position].length)
      throw refuse(r.name,
                   "counts " + std::to_string(ragged_.station.size()) + " observations of " +
                       std::to_string(dimensions_[position].length),
                   "Write the counts of a contiguous ragged array there (CF conventions, H.2.4)");
  }

  void read_indexed(const VariableId& r, const netCDF::NcDim& stations, std::size_t position) {
    if (stations.isNull())
      throw refuse(r.name, "its instance_dimension is no dimension of the file", "Correct the attribute");
    ragged_ = {.stations = stations.getId(), .position = position};
    const auto index = read_all(file_, r);
    for (std::size_t k = 0; k < index.size(); ++k) {
      if (!(index[k] >= 0.0 && index[k] < static_cast<double>(stations.getSize()) &&
            index[k] == std::floor(index[k])))
        throw refuse(r.name, "is no index of the " + std::to_string(stations.getSize()) + " stations",
                     "Count stations from 0 (CF conventions, H.2.5)",
                     "[" + dimensions_[position].name + " " + std::to_string(k) + "]");
      ragged_.station.push_back(static_cast<std::size_t>(index[k]));
    }
  }

  [[nodiscard]] std::optional<std::size_t> position_of(int dimension) const {
    for (std::size_t k = 0; k < dimensions_.size(); ++k)
      if (dimensions_[k].id == dimension) return k;
    return std::nullopt;
  }

  /// Whether an element of the variable has one value of a coordinate.
  [[nodiscard]] bool reaches(const Coordinate& c) const {
    return std::all_of(c.dimensions.begin(), c.dimensions.end(),
                       [&](int d) { return position_of(d) || (d == ragged_.stations && d >= 0); });
  }

  [[nodiscard]] std::vector<std::size_t> index_of(std::size_t element) const {
    std::vector<std::size_t> index(dimensions_.size());
    for (std::size_t k = index.size(); k-- > 0;) {
      index[k] = element % dimensions_[k].length;
      element /= dimensions_[k].length;
    }
    return index;
  }

  /// How a coordinate's dimensions follow from those of the variable.
  [[nodiscard]] std::vector<PathStep> path_of(const Coordinate& c) const {
    std::vector<PathStep> out;
    for (const auto& d : dimensions_of(file_, c.id)) {
      const auto position = position_of(d.id);
      out.push_back({d.length, position.value_or(ragged_.position), !position});
    }
    return out;
  }

  /// Row-major index of a coordinate's value for an element of the variable.
  [[nodiscard]] std::size_t at(const std::vector<PathStep>& path,
                               const std::vector<std::size_t>& index) const {
    std::size_t n = 0;
    for (const auto& step : path) {
      const std::size_t own = index[step.position];
      n = n * step.length + (step.by_station ? ragged_.station[own] : own);
    }
    return n;
  }

  /// All values of a coordinate, NaN where missing; degrees as degrees, east and north.
  [[nodiscard]] std::vector<double> numbers(const Coordinate& c) const {
    auto values = read_all(file_, c.id);
    const Packing p = packing_of(file_, c.id);
    const std::string units = lower(text_attribute(c.id, "units"));
    const double sign = units.starts_with("degree") && units.find("_w") != std::string::npos ? -1.0 : 1.0;
    for (double& x : values) {
      const double n = p.number(x);
      x = p.is_sentinel(n) ? std::nan("") : sign * p.value(n);
    }
    return values;
  }

  /// Times that are padding stand for the first that is none.
  [[nodiscard]] TimeAxis decode(std::vector<double> values) const {
    const auto first = std::find_if(values.begin(), values.end(), [](double x) { return !std::isnan(x); });
    if (first == values.end()) throw refuse(time_->id.name, "all times are missing", "Complete them");
    std::replace_if(
        values.begin(), values.end(), [](double x) { return std::isnan(x); }, double{*first});
    try {
      return decode_time(time_->id.name, values, text_attribute(time_->id, "units"),
                         text_attribute(time_->id, "calendar"));
    } catch (const Error& e) {
      throw refuse(time_->id.name, bare_message(e), e.context().remedy, e.context().index);
    }
  }

  const NetcdfHandle& file_;
  CoordinateTable table_;
  std::vector<VariableId> all_;
  std::vector<Dimension> dimensions_{};
  Ragged ragged_{};
  std::optional<Coordinate> latitude_{};
  std::optional<Coordinate> longitude_{};
  std::optional<Coordinate> time_{};
};

}  // namespace

Stations read_station_netcdf(const std::string& path, const StationOptions& options) {
  const auto file = NetcdfHandle::open(path);
  return Reader(file).read(options);
}

}  // namespace manifill::io
