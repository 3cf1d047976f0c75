#include "manifill/io/stations.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "netcdf_fixture.hpp"

using namespace manifill;
using namespace manifill::io;
using Catch::Matchers::ContainsSubstring;
using manifill::test::error_of;
using manifill::test::File;
using manifill::test::Folder;
using manifill::test::write_bytes;

namespace {

Stations table(const std::string& text, const StationOptions& options = {}) {
  const Folder folder;
  write_bytes(folder / "s.csv", text);
  return read_stations(folder / "s.csv", options);
}

std::string refusal(const std::string& text, const StationOptions& options = {}) {
  const Error e = error_of([&] { table(text, options); });
  CHECK(e.kind() == ErrorKind::input);
  CHECK_FALSE(e.context().remedy.empty());
  return e.what();
}

/// What was seen, whatever the form of the file: year, month, latitude, longitude, value.
using Seen = std::tuple<int, int, double, double, double>;

std::vector<Seen> seen(const Stations& s) {
  std::vector<Seen> out;
  for (const auto& v : s.values) {
    const DateTime d = s.time.dates.empty() ? DateTime{} : s.time.dates[v.time];
    out.emplace_back(d.year, d.month, v.latitude, v.longitude, v.value);
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// Three stations and four months, a value missing: what every form below holds.
const std::vector<double> kLatitude{10, -20, 45.5};
const std::vector<double> kLongitude{0, 359, -120};
const std::vector<double> kTimes{15, 46, 74, 105};  // days since 2001-01-01
constexpr double kMissing = -99;
double value_of(std::size_t station, std::size_t time) {
  return station == 1 && time == 2 ? kMissing
                                   : 10.0 * static_cast<double>(station) + static_cast<double>(time) + 0.25;
}

std::vector<Seen> expected() {
  std::vector<Seen> out;
  for (std::size_t s = 0; s < 3; ++s)
    for (std::size_t t = 0; t < 4; ++t)
      if (value_of(s, t) != kMissing)
        out.emplace_back(2001, static_cast<int>(t) + 1, kLatitude[s], kLongitude[s], value_of(s, t));
  std::sort(out.begin(), out.end());
  return out;
}

struct Form {
  File file;
  int value = -1;
  int latitude = -1;
  int longitude = -1;
  int time = -1;
};

/// Variables of a discrete sampling geometry over the dimensions given.
Form begin(const std::string& path, const std::string& type,
           const std::vector<std::pair<std::string, std::size_t>>& dims, const std::vector<int>& of_value,
           const std::vector<int>& of_place, const std::vector<int>& of_time) {
  Form f{File(path)};
  for (const auto& [name, length] : dims) f.file.dim(name, length);
  f.file.text(NC_GLOBAL, "featureType", type);
  f.value = f.file.var("tas", NC_DOUBLE, of_value);
  f.file.number(f.value, "_FillValue", NC_DOUBLE, {kMissing});
  f.file.text(f.value, "units", "K");
  f.file.text(f.value, "standard_name", "air_temperature");
  f.file.text(f.value, "coordinates", "time lat lon alt");
  f.latitude = f.file.var("lat", NC_DOUBLE, of_place);
  f.file.text(f.latitude, "units", "degrees_north");
  f.longitude = f.file.var("lon", NC_DOUBLE, of_place);
  f.file.text(f.longitude, "units", "degrees_east");
  f.time = f.file.var("time", NC_DOUBLE, of_time);
  f.file.text(f.time, "units", "days since 2001-01-01");
  return f;
}

}  // namespace

TEST_CASE("a table of text holds what its columns say, in any order and separator") {
  const auto s = table(
      "\xEF\xBB\xBF# made by hand\n"
      "Station;Latitude;\"lon\";time;tas;wind\r\n"
      "\n"
      "\"A; the first\";10.5;-20;1990-07;281.25;3\r\n"
      "B;-10;200;1990-07-21T06:00Z;NA;4\r\n"
      "B;-10;200;19900822;+2.8e2;\r\n",
      {.variable = "tas", .units = "K"});
  REQUIRE(s.values.size() == 2);
  CHECK(s.missing == 1);
  CHECK(s.variable.name == "tas");
  CHECK(s.variable.units == "K");
  CHECK(seen(s) == std::vector<Seen>{{1990, 7, 10.5, -20, 281.25}, {1990, 8, -10, 200, 280}});
  CHECK(s.values[0].station != s.values[1].station);
  CHECK(s.place(s.values[1]) == "[line 6]");
  // The time of the missing value is a time of the file all the same.
  CHECK(s.time.dates.size() == 3);
  CHECK(s.time.dates[1].day_fraction == Approx(0.25));
}

TEST_CASE("the only column that is left is the value, and numbers count by the units given") {
  const auto s =
      table("time,lat,lon,t\n0.5,1,2,3\n31,1,2,nan\n31,4,5,6\n", {.time_units = "days since 2000-01-01"});
  CHECK(s.variable.name == "t");
  CHECK(seen(s) == std::vector<Seen>{{2000, 1, 1, 2, 3}, {2000, 2, 4, 5, 6}});
  CHECK(table("lat\tlon\tt\n1\t2\t3\n").time.dates.empty());
}

TEST_CASE("tables that say something else are refused by line and column") {
  CHECK_THAT(refusal("lat,t\n1,2\n"),
             ContainsSubstring("no column of longitudes") && ContainsSubstring("'lat', 't'"));
  CHECK_THAT(refusal("lat,lon,latitude,t\n1,2,3,4\n"), ContainsSubstring("two columns are one thing"));
  CHECK_THAT(refusal("lat,lon,a,b\n1,2,3,4\n"),
             ContainsSubstring("several columns") && ContainsSubstring("--variable"));
  CHECK_THAT(refusal("lat,lon\n1,2\n"), ContainsSubstring("no column of values"));
  CHECK_THAT(refusal("lat,lon,temp\n1,2,3\n", {.variable = "tmp"}),
             ContainsSubstring("Did you mean 'temp'?"));
  CHECK_THAT(refusal("lat,lon,t\n1,2,3\n1,2,3,4\n"),
             ContainsSubstring("[line 3]") && ContainsSubstring("4 fields"));
  CHECK_THAT(refusal("lat,lon,t\n1,2,3\n1,2,warm\n"),
             ContainsSubstring("[line 3]") && ContainsSubstring("t") && ContainsSubstring("'warm'"));
  CHECK_THAT(refusal("lat,lon,t\n1,2,inf\n"), ContainsSubstring("not a finite number"));
  CHECK_THAT(refusal("lat,lon,t\n91,2,3\n"), ContainsSubstring("[line 2]") && ContainsSubstring("latitude"));
  CHECK_THAT(refusal("lat,lon,t\n,2,3\n"), ContainsSubstring("lat"));
  CHECK_THAT(refusal("lat,lon,time,t\n1,2,1990-13,3\n"), ContainsSubstring("[line 2]") &&
                                                             ContainsSubstring("ISO 8601") &&
                                                             ContainsSubstring("--time-units"));
  CHECK_THAT(refusal("lat,lon,time,t\n1,2,1990,3\n"), ContainsSubstring("ISO 8601"));
  CHECK_THAT(refusal("lat,lon,time,t\n1,2,3,3\n1,2,9e99,3\n", {.time_units = "days since 1900-01-01"}),
             ContainsSubstring("[line 3]"));
  CHECK_THAT(refusal("lat,lon,time,t\n1,2,3,3\n", {.time_units = "fathoms since 1900-01-01"}),
             ContainsSubstring("fathoms"));
  CHECK_THAT(refusal("lat,lon,t\n1,2,\"3\n"), ContainsSubstring("not closed"));
  CHECK_THAT(refusal("lat,lon,t\n1,2,NA\n"), ContainsSubstring("all values are missing"));
  CHECK_THAT(refusal("# nothing\n"), ContainsSubstring("holds no line"));
}

TEST_CASE("every form of stations in NetCDF holds the same") {
  const Folder folder;
  const std::string path = folder / "s.nc";
  const auto form = GENERATE(range(0, 7));
  CAPTURE(form);
  std::vector<double> values;
  if (form < 2) {  // orthogonal, stations first or times first
    const bool first = form == 0;
    auto f = begin(path, "timeSeries", {{"station", 3}, {"time", 4}},
                   first ? std::vector{0, 1} : std::vector{1, 0}, {0}, {1});
    const int height = f.file.var("alt", NC_DOUBLE, {0});
    f.file.end();
    for (std::size_t k = 0; k < 12; ++k)
      values.push_back(first ? value_of(k / 4, k % 4) : value_of(k % 3, k / 3));
    f.file.put(f.value, values);
    f.file.put(f.latitude, kLatitude);
    f.file.put(f.longitude, kLongitude);
    f.file.put(f.time, kTimes);
    f.file.put(height, {1, 2, 3});
  } else if (form == 2) {  // incomplete: each station has times of its own, padded
    auto f = begin(path, "timeSeries", {{"station", 3}, {"obs", 5}}, {0, 1}, {0}, {0, 1});
    f.file.number(f.time, "_FillValue", NC_DOUBLE, {kMissing});
    f.file.end();
    std::vector<double> times;
    for (std::size_t s = 0; s < 3; ++s)
      for (std::size_t t = 0; t < 5; ++t) {
        values.push_back(t < 4 ? value_of(s, t) : kMissing);
        times.push_back(t < 4 ? kTimes[t] : kMissing);
      }
    f.file.put(f.value, values);
    f.file.put(f.time, times);
    f.file.put(f.latitude, kLatitude);
    f.file.put(f.longitude, kLongitude);
  } else if (form < 5) {  // ragged: contiguous, then indexed with observations by time
    const bool contiguous = form == 3;
    auto f = begin(path, "TIMESERIES", {{"station", 3}, {"obs", 11}}, {1}, {0}, {1});
    const int rows = f.file.var("rows", NC_INT, {contiguous ? 0 : 1});
    f.file.text(rows, contiguous ? "sample_dimension" : "instance_dimension", contiguous ? "obs" : "station");
    f.file.end();
    std::vector<double> times;
    std::vector<double> station;
    for (std::size_t k = 0; k < 12; ++k) {
      const std::size_t s = contiguous ? k / 4 : k % 3;
      const std::size_t t = contiguous ? k % 4 : k / 3;
      if (value_of(s, t) == kMissing) continue;
      values.push_back(value_of(s, t));
      times.push_back(kTimes[t]);
      station.push_back(static_cast<double>(s));
    }
    f.file.put(f.value, values);
    f.file.put(f.time, times);
    f.file.put(rows, contiguous ? std::vector<double>{4, 3, 4} : station);
    f.file.put(f.latitude, kLatitude);
    f.file.put(f.longitude, kLongitude);
  } else {  // points, in double and in packed integers
    auto f = begin(path, "point", {{"obs", 12}}, {0}, {0}, {0});
    const int packed = f.file.var("packed", NC_SHORT, {0});
    f.file.number(packed, "scale_factor", NC_DOUBLE, {0.25});
    f.file.number(packed, "_FillValue", NC_SHORT, {kMissing});
    f.file.end();
    std::vector<double> numbers, times, latitude, longitude;
    for (std::size_t k = 0; k < 12; ++k) {
      values.push_back(value_of(k / 4, k % 4));
      numbers.push_back(values.back() == kMissing ? kMissing : 4.0 * values.back());
      times.push_back(kTimes[k % 4]);
      latitude.push_back(kLatitude[k / 4]);
      longitude.push_back(kLongitude[k / 4]);
    }
    f.file.put(f.value, values);
    f.file.put(packed, numbers);
    f.file.put(f.time, times);
    f.file.put(f.latitude, latitude);
    f.file.put(f.longitude, longitude);
  }
  CHECK(is_station_file(path));
  const auto s = read_stations(path, {.variable = form == 5 ? "tas" : form == 6 ? "packed" : ""});
  CHECK(seen(s) == expected());
  if (form != 6) CHECK(s.variable.standard_name == "air_temperature");
  if (form == 0) CHECK(s.place(s.values[6]) == "[station 1][time 3]");
  if (form == 5)
    CHECK_THAT(error_of([&] { read_stations(path, {}); }).what(), ContainsSubstring("'tas', 'packed'"));
  if (form == 0)
    CHECK_THAT(error_of([&] { read_stations(path, {.variable = "tos"}); }).what(),
               ContainsSubstring("Did you mean 'tas'?"));
}

TEST_CASE("files that hold no stations are none, and broken ones are refused") {
  const Folder folder;
  test::Grid{}.write(folder / "grid.nc");
  write_bytes(folder / "text.nc", "lat,lon,t\n");
  CHECK_FALSE(is_station_file(folder / "grid.nc"));
  CHECK_FALSE(is_station_file(folder / "text.nc"));
  CHECK_FALSE(is_station_file(folder / "absent.nc"));
  CHECK(is_station_file(folder / "absent.CSV"));
  {
    auto f = begin(folder / "counts.nc", "timeSeries", {{"station", 2}, {"obs", 3}}, {1}, {0}, {1});
    const int rows = f.file.var("rows", NC_INT, {0});
    f.file.text(rows, "sample_dimension", "obs");
    f.file.end();
    f.file.put(rows, {2, 7});
  }
  CHECK_THAT(error_of([&] { read_stations(folder / "counts.nc", {}); }).what(),
             ContainsSubstring("rows") && ContainsSubstring("do not fit the 3"));
  {
    auto f = begin(folder / "index.nc", "timeSeries", {{"station", 2}, {"obs", 3}}, {1}, {0}, {1});
    const int rows = f.file.var("rows", NC_INT, {1});
    f.file.text(rows, "instance_dimension", "station");
    f.file.end();
    f.file.put(rows, {0, 2, 1});
  }
  CHECK_THAT(error_of([&] { read_stations(folder / "index.nc", {}); }).what(),
             ContainsSubstring("no index of the 2 stations") && ContainsSubstring("[obs 1]"));
  {
    auto f = begin(folder / "nowhere.nc", "point", {{"obs", 2}}, {0}, {0}, {0});
    f.file.number(f.latitude, "_FillValue", NC_DOUBLE, {kMissing});
    f.file.end();
    f.file.put(f.value, {1, 2});
    f.file.put(f.latitude, {3, kMissing});
    f.file.put(f.longitude, {3, 4});
    f.file.put(f.time, {3, 4});
  }
  CHECK_THAT(error_of([&] { read_stations(folder / "nowhere.nc", {}); }).what(),
             ContainsSubstring("no latitude") && ContainsSubstring("[obs 1]"));
}

TEST_CASE("values fall into the steps of a model, several of one station as their mean") {
  const auto s = table(
      "id,lat,lon,time,t\n"
      "A,1,2,1990-07-01,3\nA,1,2,1990-07-21,5\nB,1,2,1990-07-21,8\nA,1,2,1990-09-01,7\nA,6,2,1990-07-03,9\n"
      "A,1,2,1990-06-30,NA\n");
  const auto months = station_steps(s, "month");
  REQUIRE(months.size() == 3);  // June, of which only a missing value is known, July and September
  CHECK(months[0].values.empty());
  CHECK(months[1].index == 1990 * 12 + 6);
  REQUIRE(months[1].values.size() == 3);
  CHECK(months[1].values[0].value == 4.0);
  CHECK(months[1].values[1].value == 8.0);
  CHECK(months[1].values[2].value == 9.0);
  CHECK(months[1].date.day == 1);
  const auto days = station_steps(s, "day");
  REQUIRE(days.size() == 5);
  CHECK(days[1].index - days[0].index == 1);
  CHECK(days[3].values.size() == 2);
  const auto moments = station_steps(s, "none");
  REQUIRE(moments.size() == 5);
  CHECK(moments[4].index == 4);
  const auto undated = station_steps(table("lat,lon,t\n1,2,3\n1,2,5\n"), "none");
  REQUIRE(undated.size() == 1);
  CHECK(undated[0].values[0].value == 4.0);
}

TEST_CASE("steps do not depend on the order of records") {
  RandomStream random({.seed = 5});
  std::vector<std::string> lines;
  for (int k = 0; k < 60; ++k)
    lines.push_back(std::to_string(random.integer(-2, 2)) + "," + std::to_string(random.integer(0, 2)) +
                    ",200" + std::to_string(random.integer(1, 3)) + "-0" +
                    std::to_string(random.integer(1, 9)) + "," + std::to_string(random.integer(0, 64)) +
                    "\n");
  const auto all = [&] {
    std::string text = "lat,lon,time,t\n";
    for (const auto& l : lines) text += l;
    return station_steps(table(text), "month");
  };
  const auto before = all();
  for (std::size_t k = lines.size(); k > 1; --k)
    std::swap(lines[k - 1],
              lines[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(k) - 1))]);
  const auto after = all();
  REQUIRE(before.size() == after.size());
  for (std::size_t t = 0; t < before.size(); ++t) {
    CHECK(before[t].index == after[t].index);
    REQUIRE(before[t].values.size() == after[t].values.size());
    for (std::size_t k = 0; k < before[t].values.size(); ++k) {
      CHECK(before[t].values[k].latitude == after[t].values[k].latitude);
      // Sums of small whole numbers are exact in any order.
      CHECK(before[t].values[k].value == after[t].values[k].value);
    }
  }
}
