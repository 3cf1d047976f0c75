#include "manifill/io/stations.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <tuple>

#include "manifill/base/error.hpp"
#include "netcdf.hpp"
#include "station_source.hpp"

namespace manifill::io {
namespace {

constexpr double kMostLongitude =
    720.0;  // degrees; whoever counts on beyond a turn or two means something else

/// Whether the first bytes are those of a classic or an HDF5 file.
bool looks_like_netcdf(const std::string& path) {
  std::array<char, 4> head{};
  std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  const std::string_view text(head.data(), head.size());
  return text.starts_with("CDF") || text == "\x89HDF";
}

/// Absolute numbers of the steps that times fall into: [time].
std::vector<std::int64_t> step_index(const TimeAxis& time, const std::string& step) {
  if (step == "day") return time.day_index();
  if (step == "month") return time.month_index();
  const auto days = time.day_index();
  std::vector<std::pair<std::int64_t, double>> moments;
  for (std::size_t t = 0; t < days.size(); ++t) moments.emplace_back(days[t], time.dates[t].day_fraction);
  auto sorted = moments;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<std::int64_t> out;
  out.reserve(moments.size());
  for (const auto& m : moments)
    out.push_back(std::lower_bound(sorted.begin(), sorted.end(), m) - sorted.begin());
  return out;
}

/// One value for each station and place.
void average(std::vector<StationValue>& values) {
  const auto key = [](const StationValue& v) { return std::tuple(v.latitude, v.longitude, v.station); };
  // Records as a tie-break, so that sums do not depend on the sort.
  std::sort(values.begin(), values.end(), [&](const StationValue& a, const StationValue& b) {
    return std::tuple_cat(key(a), std::tuple(a.record)) < std::tuple_cat(key(b), std::tuple(b.record));
  });
  std::size_t kept = 0;
  for (std::size_t k = 0; k < values.size();) {
    std::size_t end = k;
    double sum = 0.0;
    for (; end < values.size() && key(values[end]) == key(values[k]); ++end) sum += values[end].value;
    StationValue mean = values[k];
    if (end - k > 1) mean.value = sum / static_cast<double>(end - k);
    values[kept++] = mean;
    k = end;
  }
  values.resize(kept);
}

}  // namespace

void check_place(const std::string& path, double latitude, double longitude, const std::string& index) {
  const bool on_sphere = std::abs(latitude) <= 90.0 && std::abs(longitude) <= kMostLongitude;
  if (on_sphere) return;
  const bool north = !(std::abs(latitude) <= 90.0);
  throw Error(
      ErrorKind::input,
      (north ? "the latitude " + std::to_string(latitude) : "the longitude " + std::to_string(longitude)) +
          " is out of range",
      {.file = path,
       .variable = north ? "latitude" : "longitude",
       .index = index,
       .remedy = "Give degrees north from -90 to 90 and degrees east"});
}

std::string Stations::place(const StationValue& v) const {
  if (variable.dimensions.empty()) return "[line " + std::to_string(v.record) + "]";
  std::string text;
  std::size_t rest = v.record;
  for (std::size_t k = variable.dimensions.size(); k-- > 0;) {
    const auto& [name, length] = variable.dimensions[k];
    text = "[" + name + " " + std::to_string(rest % length) + "]" + text;
    rest /= length;
  }
  return text;
}

bool is_station_file(const std::string& path) {
  if (is_station_table(path)) return true;
  if (!looks_like_netcdf(path)) return false;
  try {
    const auto file = NetcdfHandle::open(path);
    const std::string type = lower(text_attribute(globals_of(file), "featureType"));
    return type == "point" || type == "timeseries" || type == "trajectory";
  } catch (const Error&) {
    return false;  // whoever reads it says what is wrong
  }
}

Stations read_stations(const std::string& path, const StationOptions& options) {
  Stations out =
      is_station_table(path) ? read_station_table(path, options) : read_station_netcdf(path, options);
  if (out.values.empty())
    throw Error(
        ErrorKind::input, "all values are missing: there is nothing to learn the fields from",
        {.file = path, .variable = out.variable.name, .remedy = "Check the variable and its missing values"});
  return out;
}

std::vector<StationStep> station_steps(const Stations& stations, const std::string& step) {
  std::map<std::int64_t, StationStep> steps;
  const TimeAxis& time = stations.time;
  const auto index = step_index(time, step);
  const auto moment = [](const DateTime& d) { return std::tuple(d.year, d.month, d.day, d.day_fraction); };
  for (std::size_t t = 0; t < index.size(); ++t) {
    const auto [place, fresh] = steps.try_emplace(index[t], StationStep{index[t], time.dates[t], {}});
    DateTime& date = place->second.date;
    if (!fresh && moment(time.dates[t]) < moment(date)) date = time.dates[t];
  }
  if (index.empty()) steps.try_emplace(0);
  for (const auto& v : stations.values) steps.at(index.empty() ? 0 : index[v.time]).values.push_back(v);
  std::vector<StationStep> out;
  out.reserve(steps.size());
  for (auto& [number, s] : steps) {
    average(s.values);
    out.push_back(std::move(s));
  }
  return out;
}

}  // namespace manifill::io
