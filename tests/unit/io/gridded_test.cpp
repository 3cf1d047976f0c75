#include "manifill/io/gridded.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "netcdf_fixture.hpp"

using namespace manifill;
using namespace manifill::io;
using namespace manifill::test;
using Catch::Matchers::ContainsSubstring;

namespace {

/// What the fixture put at a place, NaN in gaps.
double expected(const Grid& g, std::size_t e, std::size_t t, std::size_t i, std::size_t j) {
  const double x = g.value(e, t, i, j);
  return x == kGap ? std::nan("") : x;
}

bool same_number(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void check_all(const Grid& g, const GriddedVariable& v) {
  const std::size_t nlon = v.domain().lat_lon().nlon();
  REQUIRE(v.domain().size() == g.latitude.size() * nlon);
  for (std::size_t e = 0; e < v.extras(); ++e) {
    const auto all = v.read(e, 0, v.times());
    for (std::size_t t = 0; t < v.times(); ++t)
      for (std::size_t c = 0; c < v.domain().size(); ++c)
        if (!same_number(all(t, c), expected(g, e, t, c / nlon, c % nlon)))
          FAIL("extra " << e << " time " << t << " cell " << c << ": " << all(t, c));
  }
}

GriddedVariable open_grid(const Grid& g, const Folder& folder, const std::string& name = "f.nc") {
  g.write(folder / name);
  return GriddedVariable::open(folder / name, "t");
}

/// One row of stored values on a 1 x n grid with attributes set by `more`; the values read.
std::vector<double> read_row(nc_type type, const std::vector<double>& stored,
                             const std::function<void(File&, int)>& more) {
  const Folder folder;
  File f(folder / "f.nc");
  const int lat = f.dim("lat", 1);
  const int lon = f.dim("lon", stored.size());
  const int latitude = f.var("lat", NC_FLOAT, {lat});
  const int longitude = f.var("lon", NC_FLOAT, {lon});
  const int v = f.var("t", type, {lat, lon});
  more(f, v);
  f.end();
  f.put(latitude, {10});
  std::vector<double> lons;
  for (std::size_t k = 0; k < stored.size(); ++k) lons.push_back(static_cast<double>(k));
  f.put(longitude, lons);
  f.put(v, stored);
  f.close();
  const auto all = GriddedVariable::open(folder / "f.nc", "t").read(0, 0, 1);
  return {all.begin(), all.end()};
}

void check_row(const std::vector<double>& got, const std::vector<double>& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t k = 0; k < got.size(); ++k) {
    CAPTURE(k, got[k], want[k]);
    CHECK((same_number(got[k], want[k]) || got[k] == Approx(want[k])));
  }
}

const double nan_value = std::numeric_limits<double>::quiet_NaN();
const double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("dimensions are read in every order") {
  const Folder folder;
  Grid g;
  std::vector<std::string> order{"ens", "lat", "lev", "lon", "time"};
  do {
    g.order = order;
    const auto v = open_grid(g, folder);
    REQUIRE(v.extras() == 4);
    REQUIRE(v.times() == 3);
    CHECK(v.summary().dimensions[0].first == order[0]);
    check_all(g, v);
    std::filesystem::remove(folder / "f.nc");
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("extra indices are numbered row-major in file order") {
  const Folder folder;
  const auto v = open_grid({.order = {"ens", "time", "lev", "lat", "lon"}}, folder);
  CHECK(v.extra_names() == std::vector<std::string>{"ens", "lev"});
  CHECK(v.extra_index(0) == std::vector<std::size_t>{0, 0});
  CHECK(v.extra_index(1) == std::vector<std::size_t>{0, 1});
  CHECK(v.extra_index(2) == std::vector<std::size_t>{1, 0});
}

TEST_CASE("every NetCDF format is read") {
  const int flags = GENERATE(0, NC_64BIT_OFFSET, NC_64BIT_DATA, NC_NETCDF4, NC_NETCDF4 | NC_CLASSIC_MODEL);
  const bool unlimited = GENERATE(false, true);
  const Folder folder;
  const Grid g{.flags = flags, .unlimited = unlimited};
  check_all(g, open_grid(g, folder));
}

TEST_CASE("every numeric type is read") {
  const nc_type type = GENERATE(as<nc_type>(), NC_BYTE, NC_UBYTE, NC_SHORT, NC_USHORT, NC_INT, NC_UINT,
                                NC_INT64, NC_UINT64, NC_FLOAT, NC_DOUBLE);
  CAPTURE(type);
  const Folder folder;
  const Grid g{.type = type, .fill = 99, .value = [](auto, auto t, auto i, auto j) {
                 return i == 0 && j == 5 ? kGap : static_cast<double>(t * 24 + i * 6 + j);
               }};
  check_all(g, open_grid(g, folder));
}

TEST_CASE("chunks of many times, and times that vary fastest, are read in blocks") {
  const Folder folder;
  Grid g;
  for (int t = 3; t < 50; ++t) g.times.push_back(31.0 * t);
  g.chunks = GENERATE(std::vector<std::size_t>{}, std::vector<std::size_t>{7, 3, 4},
                      std::vector<std::size_t>{50, 1, 1});
  const bool last = GENERATE(false, true);
  if (last) {
    g.order = {"lon", "lat", "time"};
    std::reverse(g.chunks.begin(), g.chunks.end());
  }
  const auto v = open_grid(g, folder);
  check_all(g, v);
  // Single fields in any order, and runs across blocks.
  for (const std::size_t t : {40U, 3U, 4U, 0U, 49U})
    CHECK(same_number(v.read(0, t, 1)(0, 9), expected(g, 0, t, 1, 3)));
  const auto run = v.read(0, 5, 20);
  for (std::size_t t = 0; t < 20; ++t) REQUIRE(same_number(run(t, 9), expected(g, 0, 5 + t, 1, 3)));
}

TEST_CASE("rows and columns stay in the file's order") {
  const Folder folder;
  Grid g{.latitude = {-80, -20, 30, 70}, .longitude = {-180, -120, -60, 0, 60, 120}};
  const auto south_first = open_grid(g, folder);
  CHECK(south_first.domain().lat_lon().latitude == g.latitude);
  CHECK(south_first.domain().lat_lon().longitude == g.longitude);
  CHECK(south_first.domain().lat_lon().periodic);
  check_all(g, south_first);
  g = {.longitude = {20, 19, 18, 17}};
  const auto westward = open_grid(g, folder, "g.nc");
  CHECK(westward.domain().lat_lon().longitude == g.longitude);
  CHECK_FALSE(westward.domain().lat_lon().periodic);
  check_all(g, westward);
  g = {.longitude = {340, 350, 0, 10}};
  check_all(g, open_grid(g, folder, "h.nc"));
}

TEST_CASE("cyclic duplicate columns are left out of the domain") {
  const Folder folder;
  struct Row {
    std::vector<double> longitude;
    std::size_t cyclic;
  };
  const auto row = GENERATE(values<Row>({{{0, 90, 180, 270, 360}, 1},
                                         {{0, 90, 180, 270, 0}, 1},
                                         {{-180, -90, 0, 90, 180}, 1},
                                         {{0, 90, 180, 270, 360, 450}, 2},
                                         {{-45, 45, 135, 225, 315, 45}, 2},
                                         {{360, 270, 180, 90, 0}, 1},
                                         {{0, 90, 180, 270}, 0}}));
  const Grid g{.longitude = row.longitude};
  const auto v = open_grid(g, folder);
  CHECK(v.cyclic_columns() == row.cyclic);
  CHECK(v.domain().lat_lon().nlon() == row.longitude.size() - row.cyclic);
  CHECK(v.domain().lat_lon().periodic);
  check_all(g, v);
}

TEST_CASE("longitudes that go round more than once are refused") {
  const Folder folder;
  const auto longitude = GENERATE(values<std::vector<double>>({{0, 90, 180, 270, 360, 450, 540, 630},
                                                               {0, 90, 180, 270, 0, 90, 180, 270},
                                                               {0, 90, 180, 270, 360, 450, 540, 630, 720},
                                                               {270, 180, 90, 0, -90, -180, -270, -360}}));
  const Error e = error_of([&] { open_grid({.longitude = longitude}, folder); });
  CHECK(e.kind() == ErrorKind::input);
  CHECK_THAT(e.what(),
             ContainsSubstring("f.nc: variable 'lon' at [longitude 4]: the longitudes go round more "
                               "than once") &&
                 ContainsSubstring("a coordinate of 't'"));
}

TEST_CASE("axes are recognised by CF attributes, then by names") {
  struct Row {
    const char* lat;  // name of dimension and coordinate
    const char* lon;
    std::vector<std::pair<const char*, const char*>> lat_attributes;
    std::vector<std::pair<const char*, const char*>> lon_attributes;
  };
  const auto row = GENERATE(values<Row>({
      {"a", "b", {{"standard_name", "latitude"}}, {{"standard_name", "longitude"}}},
      {"a", "b", {{"units", "degrees_north"}}, {{"units", "degrees_east"}}},
      {"a", "b", {{"units", "degreeN"}}, {{"units", "degree_E"}}},
      {"a", "b", {{"units", "degrees North"}}, {{"units", "Degrees East"}}},
      {"a", "b", {{"axis", "Y"}}, {{"axis", "X"}}},
      {"a", "b", {{"axis", "Y"}, {"units", "degrees"}}, {{"axis", "X"}, {"units", "degrees"}}},
      {"lat", "lon", {}, {}},
      {"Latitude", "LONGITUDE", {{"units", "degrees"}}, {}},
      {"nav_lat", "nav_lon", {}, {}},
      {"lat_0", "lon_0", {}, {}},
      {"y", "x", {}, {}},
      {"lon", "lat", {{"units", "degrees_north"}}, {{"units", "degrees_east"}}},  // attributes win
  }));
  const Folder folder;
  File f(folder / "f.nc");
  const int lat = f.dim(row.lat, 3);
  const int lon = f.dim(row.lon, 2);
  const int latitude = f.var(row.lat, NC_DOUBLE, {lat});
  const int longitude = f.var(row.lon, NC_DOUBLE, {lon});
  for (const auto& [name, value] : row.lat_attributes) f.text(latitude, name, value);
  for (const auto& [name, value] : row.lon_attributes) f.text(longitude, name, value);
  const int v = f.var("t", NC_INT, {lon, lat});
  f.end();
  f.put(latitude, {10, 20, 30});
  f.put(longitude, {100, 110});
  f.put(v, {1, 2, 3, 4, 5, 6});
  f.close();
  CAPTURE(row.lat, row.lat_attributes);
  const auto opened = GriddedVariable::open(folder / "f.nc", "");
  CHECK(opened.domain().lat_lon().latitude == std::vector<double>{10, 20, 30});
  CHECK(opened.domain().lat_lon().longitude == std::vector<double>{100, 110});
  const auto all = opened.read(0, 0, 1);
  CHECK(std::vector<double>(all.begin(), all.end()) == std::vector<double>{1, 4, 2, 5, 3, 6});
}

TEST_CASE("coordinates may be auxiliary, packed, in radians or degrees west") {
  const Folder folder;
  File f(folder / "f.nc");
  const int j = f.dim("j", 3);
  const int i = f.dim("i", 3);
  const int index = f.var("j", NC_INT, {j});
  f.text(index, "long_name", "row number");
  const int latitude = f.var("glat", NC_SHORT, {j});
  f.text(latitude, "units", "degrees_north");
  f.number(latitude, "scale_factor", NC_DOUBLE, {0.01});
  const int longitude = f.var("glon", NC_DOUBLE, {i});
  f.text(longitude, "units", "degrees_west");
  const int v = f.var("t", NC_FLOAT, {j, i});
  f.text(v, "coordinates", "glat glon");
  f.end();
  f.put(index, {1, 2, 3});
  f.put(latitude, {100, 200, 300});
  f.put(longitude, {10, 20, 30});
  f.put(v, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  f.close();
  const auto opened = GriddedVariable::open(folder / "f.nc", "t");
  CHECK(opened.domain().lat_lon().latitude[2] == Approx(3.0));
  CHECK(opened.domain().lat_lon().longitude == std::vector<double>{-10, -20, -30});
}

TEST_CASE("missing values: fill, missing_value of any form, defaults, NaN") {
  check_row(read_row(NC_FLOAT, {1, -9.99e8, nan_value, 4},
                     [](File& f, int v) { f.number(v, "_FillValue", NC_FLOAT, {-9.99e8}); }),
            {1, nan_value, nan_value, 4});
  // 1e20 in double is not 1e20 in single precision.
  check_row(read_row(NC_FLOAT, {1, 1e20, 3},
                     [](File& f, int v) { f.number(v, "missing_value", NC_DOUBLE, {1e20}); }),
            {1, nan_value, 3});
  check_row(read_row(NC_DOUBLE, {1, 1e20, 3},
                     [](File& f, int v) { f.number(v, "missing_value", NC_FLOAT, {1e20}); }),
            {1, nan_value, 3});
  check_row(read_row(NC_INT, {1, -99, -88, 4},
                     [](File& f, int v) {
                       f.number(v, "missing_value", NC_INT, {-99, -88});
                     }),
            {1, nan_value, nan_value, 4});
  check_row(read_row(NC_SHORT, {1, -99, -88, 4},
                     [](File& f, int v) {
                       f.number(v, "_FillValue", NC_SHORT, {-99});
                       f.number(v, "missing_value", NC_SHORT, {-88});
                     }),
            {1, nan_value, nan_value, 4});
  const auto plain = [](File&, int) {};
  check_row(read_row(NC_FLOAT, {1, static_cast<double>(NC_FILL_FLOAT)}, plain), {1, nan_value});
  check_row(read_row(NC_DOUBLE, {1, NC_FILL_DOUBLE}, plain), {1, nan_value});
  check_row(read_row(NC_SHORT, {1, NC_FILL_SHORT}, plain), {1, nan_value});
  check_row(read_row(NC_INT64, {1, static_cast<double>(NC_FILL_INT64)}, plain), {1, nan_value});
  check_row(read_row(NC_BYTE, {1, NC_FILL_BYTE}, plain), {1, NC_FILL_BYTE});  // bytes have no default fill
  // Infinity as a fill value is missing, not infinite.
  check_row(read_row(NC_DOUBLE, {1, infinity},
                     [](File& f, int v) { f.number(v, "_FillValue", NC_DOUBLE, {infinity}); }),
            {1, nan_value});
}

TEST_CASE("valid ranges are packed or unpacked by their type") {
  const auto packing = [](File& f, int v) {
    f.number(v, "scale_factor", NC_DOUBLE, {0.5});
    f.number(v, "add_offset", NC_DOUBLE, {10});
  };
  check_row(read_row(NC_SHORT, {-3, 0, 5, 6},
                     [&](File& f, int v) {
                       packing(f, v);
                       f.number(v, "valid_range", NC_SHORT, {0, 5});
                     }),
            {nan_value, 10, 12.5, nan_value});
  check_row(read_row(NC_SHORT, {-3, 0, 5, 6},
                     [&](File& f, int v) {
                       packing(f, v);
                       f.number(v, "valid_range", NC_DOUBLE, {10, 12.5});
                     }),
            {nan_value, 10, 12.5, nan_value});
  check_row(
      read_row(NC_FLOAT, {-1, 0, 1, 2}, [](File& f, int v) { f.number(v, "valid_min", NC_FLOAT, {0}); }),
      {nan_value, 0, 1, 2});
  check_row(
      read_row(NC_FLOAT, {0.1, 0.2}, [](File& f, int v) { f.number(v, "valid_max", NC_DOUBLE, {0.1}); }),
      {0.1F, nan_value});
  check_row(read_row(NC_BYTE, {-2, 0, 3},
                     [](File& f, int v) {
                       f.text(v, "_Unsigned", "true");
                       f.number(v, "valid_range", NC_BYTE, {0, -2});  // 0 to 254
                     }),
            {254, 0, 3});
}

TEST_CASE("packed numbers are unpacked") {
  check_row(read_row(NC_SHORT, {0, 100, -32768},
                     [](File& f, int v) {
                       f.number(v, "scale_factor", NC_FLOAT, {0.25});
                       f.number(v, "add_offset", NC_DOUBLE, {273.15});
                       f.number(v, "_FillValue", NC_SHORT, {-32768});
                     }),
            {273.15, 298.15, nan_value});
  check_row(read_row(NC_BYTE, {-1, -2, 1},
                     [](File& f, int v) {
                       f.text(v, "_Unsigned", "true");
                       f.number(v, "_FillValue", NC_BYTE, {-1});
                       f.number(v, "scale_factor", NC_DOUBLE, {0.1});
                     }),
            {nan_value, 25.4, 0.1});
  check_row(read_row(NC_UBYTE, {255, 1}, [](File& f, int v) { f.text(v, "_Unsigned", "false"); }), {-1, 1});
  // A sentinel in unpacked units is against the rules, but what it means is plain.
  check_row(read_row(NC_SHORT, {0, -19998},
                     [](File& f, int v) {
                       f.number(v, "scale_factor", NC_DOUBLE, {0.5});
                       f.number(v, "missing_value", NC_DOUBLE, {-9999.25});
                       f.number(v, "add_offset", NC_DOUBLE, {-0.25});
                     }),
            {-0.25, nan_value});
  const Error e = error_of([] {
    read_row(NC_SHORT, {0, 1}, [](File& f, int v) { f.number(v, "scale_factor", NC_DOUBLE, {0.0}); });
  });
  CHECK_THAT(e.what(), ContainsSubstring("variable 't'") && ContainsSubstring("scale_factor"));
}

TEST_CASE("groups: the variable by its path, coordinates from the enclosing group") {
  const Folder folder;
  File f(folder / "f.nc");
  const int lat = f.dim("lat", 2);
  const int lon = f.dim("lon", 2);
  const int latitude = f.var("lat", NC_FLOAT, {lat});
  const int longitude = f.var("lon", NC_FLOAT, {lon});
  int group = -1;
  ok(nc_def_grp(f.id(), "ocean", &group));
  int inner = -1;
  ok(nc_def_grp(group, "surface", &inner));
  const int v = f.var("sst", NC_FLOAT, {lat, lon}, inner);
  f.end();
  f.put(latitude, {0, 1});
  f.put(longitude, {0, 1});
  f.put(v, {1, 2, 3, 4}, inner);
  f.close();
  const auto listed = list_variables(folder / "f.nc");
  REQUIRE(listed.size() == 3);
  CHECK(listed[2].name == "ocean/surface/sst");
  CHECK(listed[2].fillable);
  for (const std::string name : {"ocean/surface/sst", "/ocean/surface/sst", ""})
    CHECK(GriddedVariable::open(folder / "f.nc", name).read(0, 0, 1)(0, 3) == 4.0);
  const Error e = error_of([&] { GriddedVariable::open(folder / "f.nc", "ocean/surface/st"); });
  CHECK_THAT(e.what(), ContainsSubstring("Did you mean 'ocean/surface/sst'?"));
}

TEST_CASE("times: none, a scalar, or months without dates") {
  const Folder folder;
  Grid g{.order = {"lat", "lon"}};
  const auto none = open_grid(g, folder, "none.nc");
  CHECK(none.times() == 1);
  CHECK(none.time().values.empty());
  CHECK(none.time().dates.empty());
  g.more = [](File& f, int v) {
    const int time = f.var("when", NC_DOUBLE, {});
    f.text(time, "units", "days since 2000-01-01");
    f.text(v, "coordinates", "when");
    ok(nc_enddef(f.id()));
    f.put(time, {45});
    ok(nc_redef(f.id()));
  };
  const auto scalar = open_grid(g, folder, "scalar.nc");
  CHECK(scalar.times() == 1);
  REQUIRE(scalar.time().dates.size() == 1);
  CHECK(scalar.time().dates[0].month == 2);
  g = {.times = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, .time_units = "1"};
  const auto months = open_grid(g, folder, "months.nc");
  CHECK(months.time().dates[11].month == 12);
  CHECK_FALSE(months.time().note.empty());
  g.times = {0, 1, 2};
  const Error e = error_of([&] { open_grid(g, folder, "bare.nc"); });
  CHECK(e.kind() == ErrorKind::input);
  CHECK_THAT(e.what(), ContainsSubstring("bare.nc: variable 'time'") && ContainsSubstring("has no units") &&
                           ContainsSubstring("days since"));
}

TEST_CASE("time errors name the file and the coordinate") {
  const Folder folder;
  const Error unit = error_of([&] { open_grid({.time_units = "days"}, folder, "a.nc"); });
  CHECK_THAT(unit.what(), ContainsSubstring("a.nc: variable 'time': the time units 'days' are not"));
  const Error calendar = error_of([&] { open_grid({.calendar = "standart"}, folder, "b.nc"); });
  CHECK_THAT(
      calendar.what(),
      ContainsSubstring("b.nc: variable 'time': unknown calendar 'standart'. Did you mean 'standard'?"));
  const Error nan = error_of([&] { open_grid({.times = {0, nan_value, 2}}, folder, "c.nc"); });
  CHECK_THAT(nan.what(),
             ContainsSubstring("c.nc: variable 'time' at [time 1]: the time coordinate is not finite"));
}

TEST_CASE("bad coordinates are refused with file, coordinate and index") {
  const Folder folder;
  const auto message = [&](const Grid& g) {
    const Error e = error_of([&] { open_grid(g, folder); });
    CHECK(e.kind() == ErrorKind::input);
    return std::string(e.what());
  };
  CHECK_THAT(message({.latitude = {60, 20, 30, -60}}),
             ContainsSubstring("f.nc: variable 'lat' at [latitude 2]") &&
                 ContainsSubstring("not monotonic") && ContainsSubstring("a coordinate of 't'"));
  CHECK_THAT(message({.latitude = {60, 20, 20, -60}}),
             ContainsSubstring("'lat' at [latitude 2]") && ContainsSubstring("repeats"));
  CHECK_THAT(message({.latitude = {160, 20, 10, -60}}),
             ContainsSubstring("'lat' at [latitude 0]") && ContainsSubstring("outside -90..90"));
  CHECK_THAT(message({.longitude = {0, 60, 50, 180, 240, 300}}), ContainsSubstring("'lon' at [longitude 2]"));
  CHECK_THAT(message({.longitude = {0, nan_value, 50, 180, 240, 300}}), ContainsSubstring("'lon'"));
  CHECK_THAT(message({.longitude = {0, 100, 200, 300, 400}}),
             ContainsSubstring("'lon'") && ContainsSubstring("whole turn"));
}

TEST_CASE("infinite values are refused with their place") {
  const Folder folder;
  Grid g{.type = NC_DOUBLE};
  g.value = [](auto, auto t, auto i, auto j) { return t == 1 && i == 2 && j == 3 ? -infinity : 1.0; };
  const auto v = open_grid(g, folder);
  CHECK(v.read(0, 0, 1)(0, 0) == 1.0);
  const Error e = error_of([&] { static_cast<void>(v.read(0, 0, 3)); });
  CHECK(e.kind() == ErrorKind::input);
  CHECK_THAT(e.what(),
             ContainsSubstring("f.nc: variable 't' at [time 1][lat 2][lon 3]: the value is infinite (-inf)"));
  // With the time fastest, a block is read ahead: only the time asked for counts.
  g.order = {"lat", "lon", "time"};
  const auto fast = open_grid(g, folder, "g.nc");
  CHECK(fast.read(0, 0, 1)(0, 0) == 1.0);
  CHECK(fast.read(0, 2, 1)(0, 0) == 1.0);
  CHECK_THROWS_AS(fast.read(0, 1, 1), Error);
}

TEST_CASE("variables that cannot be filled say why") {
  const Folder folder;
  Grid g;
  g.more = [](File& f, int v) {
    int lat = -1;
    int lon = -1;
    ok(nc_inq_dimid(f.id(), "lat", &lat));
    ok(nc_inq_dimid(f.id(), "lon", &lon));
    f.var("name", NC_CHAR, {lat, lon});
    f.var("label", NC_STRING, {lat});
    f.var("profile", NC_FLOAT, {lat});
    const int y = f.dim("row", 3);
    const int x = f.dim("column", 3);
    const int two = f.var("nav_lat", NC_FLOAT, {y, x});
    f.text(two, "units", "degrees_north");
    f.var("ice", NC_FLOAT, {y, x});
    const int cells = f.dim("cell", 5);
    for (const auto& [name, units] : {std::pair{"clat", "degrees_north"}, std::pair{"clon", "degrees_east"}})
      f.text(f.var(name, NC_FLOAT, {cells}), "units", units);
    f.text(f.var("flux", NC_FLOAT, {cells}), "coordinates", "clon clat");
    const int rlat = f.dim("rlat", 2);
    const int rlon = f.dim("rlon", 2);
    f.text(f.var("rlat", NC_FLOAT, {rlat}), "standard_name", "grid_latitude");
    f.text(f.var("rlon", NC_FLOAT, {rlon}), "standard_name", "grid_longitude");
    f.var("rotated", NC_FLOAT, {rlat, rlon});
    const int none = f.dim("empty", NC_UNLIMITED);
    f.var("records", NC_FLOAT, {none, lat, lon});
    const int bounds = f.var("cells", NC_FLOAT, {lat, lon});
    static_cast<void>(bounds);
    f.text(v, "bounds", "cells");
  };
  g.write(folder / "f.nc");
  std::map<std::string, std::string> reasons;
  for (const auto& s : list_variables(folder / "f.nc")) {
    CHECK(s.fillable == s.reason.empty());
    reasons[s.name] = s.reason;
  }
  CHECK(reasons["t"].empty());
  CHECK(reasons["name"] == "it holds text");
  CHECK(reasons["label"] == "it holds text");
  CHECK(reasons["profile"] == "it has no longitude dimension");
  CHECK_THAT(reasons["ice"],
             ContainsSubstring("latitudes are two-dimensional, and no longitudes are with them"));
  CHECK(reasons["flux"].empty());
  CHECK(reasons["clat"] == "it is a coordinate");
  CHECK_THAT(reasons["rotated"], ContainsSubstring("no grid mapping says how"));
  CHECK_THAT(reasons["records"], ContainsSubstring("dimension 'empty' has length 0"));
  CHECK(reasons["cells"] == "it holds cell bounds");
  // Opening says the same, with file, variable and remedy.
  const auto message = [&](const std::string& name) {
    const Error e = error_of([&] { GriddedVariable::open(folder / "f.nc", name); });
    CHECK(e.kind() == ErrorKind::input);
    CHECK_THAT(e.what(),
               ContainsSubstring("f.nc: variable '" + name + "': cannot be filled: " + reasons[name]));
    return std::string(e.what());
  };
  message("name");
  message("profile");
  message("ice");
  CHECK_THAT(message("rotated"), ContainsSubstring("cdo remapbil"));
  CHECK_THAT(message("records"), ContainsSubstring("at least one record"));
  CHECK_THAT(error_of([&] { GriddedVariable::open(folder / "f.nc", ""); }).what(),
             ContainsSubstring("'t', 'flux'"));
}

TEST_CASE("a variable must be chosen when several can be filled, and exist") {
  const Folder folder;
  Grid g;
  g.more = [](File& f, int) {
    int lat = -1;
    int lon = -1;
    ok(nc_inq_dimid(f.id(), "lat", &lat));
    ok(nc_inq_dimid(f.id(), "lon", &lon));
    f.var("salinity", NC_FLOAT, {lat, lon});
  };
  g.write(folder / "f.nc");
  const Error several = error_of([&] { GriddedVariable::open(folder / "f.nc", ""); });
  CHECK_THAT(
      several.what(),
      ContainsSubstring("several variables can be filled: 't', 'salinity'. Choose one with --variable"));
  const Error absent = error_of([&] { GriddedVariable::open(folder / "f.nc", "salinty"); });
  CHECK_THAT(absent.what(),
             ContainsSubstring("f.nc: variable 'salinty': no such variable. Did you mean 'salinity'?") &&
                 ContainsSubstring("The file holds 'lat'"));
  File f(folder / "none.nc");
  f.dim("x", 2);
  f.close();
  const Error none = error_of([&] { GriddedVariable::open(folder / "none.nc", ""); });
  CHECK_THAT(none.what(), ContainsSubstring("no variable can be filled"));
  CHECK(list_variables(folder / "none.nc").empty());
}

TEST_CASE("what is no whole NetCDF file is refused for what it is") {
  const Folder folder;
  const auto message = [&](const std::string& path) {
    const Error e = error_of([&] { list_variables(path); });
    CHECK(e.kind() == ErrorKind::input);
    CHECK(e.context().file == path);
    CHECK_FALSE(e.context().remedy.empty());
    return std::string(e.what());
  };
  CHECK_THAT(message(folder / "absent.nc"), ContainsSubstring("no such file"));
  CHECK_THAT(message(folder.path()), ContainsSubstring("is a directory"));
  write_bytes(folder / "zero.nc", "");
  CHECK_THAT(message(folder / "zero.nc"), ContainsSubstring("0 bytes"));
  write_bytes(folder / "text.nc", "year,month,value\n1990,1,3.5\n");
  CHECK_THAT(message(folder / "text.nc"), ContainsSubstring("not a NetCDF file"));
  CHECK_THAT(message((folder / "text.nc") + "/inside"), ContainsSubstring("no such file"));
  ok(::mkfifo((folder / "pipe").c_str(), 0600));
  CHECK_THAT(message(folder / "pipe"), ContainsSubstring("not a regular file"));
}

TEST_CASE("truncated files of every format are refused, at whatever byte they end") {
  const int flags = GENERATE(0, NC_64BIT_OFFSET, NC_64BIT_DATA, NC_NETCDF4);
  const bool unlimited = GENERATE(false, true);
  const Folder folder;
  Grid{.flags = flags, .unlimited = unlimited}.write(folder / "whole.nc");
  const std::string bytes = bytes_of(folder / "whole.nc");
  for (std::size_t cut = 1; cut < bytes.size(); cut += 1 + bytes.size() / 40) {
    write_bytes(folder / "cut.nc", bytes.substr(0, bytes.size() - cut));
    CAPTURE(flags, cut, bytes.size());
    const Error e =
        error_of([&] { static_cast<void>(GriddedVariable::open(folder / "cut.nc", "t").read(0, 0, 3)); });
    CHECK((e.kind() == ErrorKind::input || e.kind() == ErrorKind::io));
  }
  write_bytes(folder / "cut.nc", bytes.substr(0, bytes.size() - 1));
  CHECK_THAT(error_of([&] { list_variables(folder / "cut.nc"); }).what(), ContainsSubstring("truncated"));
}

TEST_CASE("damaged classic files never crash the reader") {
  // HDF5 1.10 itself crashes on some damaged heaps, as ncdump does: not within reach here.
  const int flags = GENERATE(0, NC_64BIT_OFFSET, NC_64BIT_DATA);
  const Folder folder;
  Grid{.flags = flags}.write(folder / "whole.nc");
  const std::string bytes = bytes_of(folder / "whole.nc");
  unsigned state = 12345;
  const auto draw = [&] { return (state = state * 1664525U + 1013904223U) >> 8U; };
  for (int round = 0; round < 300; ++round) {
    std::string damaged = bytes;
    for (int k = 0; k < 1 + round % 6; ++k) {
      const std::size_t at = draw() % damaged.size();
      damaged[at] = static_cast<char>(draw());
    }
    write_bytes(folder / "damaged.nc", damaged);
    try {
      const auto v = GriddedVariable::open(folder / "damaged.nc", "t");
      if (v.domain().size() * v.times() < 10000) static_cast<void>(v.read(0, 0, v.times()));
    } catch (const Error& e) {
      CHECK((e.kind() == ErrorKind::input || e.kind() == ErrorKind::io));
    }
  }
}

TEST_CASE("units convert by udunits, with the spellings of climate files") {
  struct Row {
    const char* from;
    const char* to;
    double scale;
    double offset;
  };
  const auto row = GENERATE(values<Row>({{"K", "degC", 1, -273.15},
                                         {"degC", "K", 1, 273.15},
                                         {"Celsius", "K", 1, 273.15},
                                         {"degrees_Celsius", "K", 1, 273.15},
                                         {"deg C", "K", 1, 273.15},
                                         {"C", "K", 1, 273.15},
                                         {"degree Celsius", "K", 1, 273.15},
                                         {"degF", "K", 5.0 / 9, 255.372222222},
                                         {"Pa", "hPa", 0.01, 0},
                                         {"hPa", "Pa", 100, 0},
                                         {"mb", "Pa", 100, 0},
                                         {"millibars", "Pa", 100, 0},
                                         {"kg m-2 s-1", "mm/day", 0, 0},
                                         {"%", "1", 0.01, 0},
                                         {"", "1", 1, 0},
                                         {"unitless", "1", 1, 0},
                                         {"psu", "1e-3", 1, 0},
                                         {"nonsense", "nonsense", 1, 0}}));
  CAPTURE(row.from, row.to);
  if (row.scale == 0) {
    CHECK_THROWS_AS(unit_conversion(row.from, row.to), Error);
    return;
  }
  const auto [scale, offset] = unit_conversion(row.from, row.to);
  CHECK(scale == Approx(row.scale).epsilon(1e-12));
  CHECK(offset == Approx(row.offset).margin(1e-9));
}

TEST_CASE("units that do not convert are named, both of them") {
  const Error other = error_of([] { unit_conversion("K", "Pa"); });
  CHECK(other.kind() == ErrorKind::input);
  CHECK_THAT(other.what(),
             ContainsSubstring("'K'") && ContainsSubstring("'Pa'") && ContainsSubstring("different things"));
  const Error unknown = error_of([] { unit_conversion("furlongs_per_moon", "K"); });
  CHECK_THAT(unknown.what(), ContainsSubstring("'furlongs_per_moon' is unknown"));
  CHECK_THROWS_AS(unit_conversion("m", "lg(re 1 mm)"), Error);
  CHECK_NOTHROW(check_units("kg m-2 s-1"));
  CHECK_NOTHROW(check_units(""));
  CHECK_THROWS_AS(check_units("blob"), Error);
}

TEST_CASE("lists of cells are read with the areas of their bounds") {
  const Folder folder;
  const std::string path = folder / "cells.nc";
  {
    File f(path);
    const int time = f.dim("time", 2);
    const int days = f.var("time", NC_DOUBLE, {time});
    f.text(days, "units", "days since 2000-01-01");
    const int cell = f.dim("ncells", 8);
    const int corner = f.dim("vertices", 3);
    const int lat = f.var("clat", NC_DOUBLE, {cell});
    const int lon = f.var("clon", NC_DOUBLE, {cell});
    const int lat_bounds = f.var("clat_vertices", NC_DOUBLE, {cell, corner});
    const int lon_bounds = f.var("clon_vertices", NC_DOUBLE, {cell, corner});
    const int v = f.var("ta", NC_FLOAT, {time, cell});
    f.text(lat, "standard_name", "latitude");
    f.text(lat, "units", "radian");
    f.text(lat, "bounds", "clat_vertices");
    f.text(lon, "standard_name", "longitude");
    f.text(lon, "units", "radian");
    f.text(lon, "bounds", "clon_vertices");
    f.text(v, "coordinates", "clat clon");
    f.end();
    // The octants of the sphere.
    std::vector<double> phi, lambda, phis, lambdas;
    constexpr double right = 1.5707963267948966;
    for (int hemisphere : {1, -1})
      for (int k = 0; k < 4; ++k) {
        phi.push_back(hemisphere * std::asin(1.0 / std::sqrt(3.0)));
        lambda.push_back((k + 0.5) * right);
        for (const double x : {0.0, 0.0, hemisphere * right}) phis.push_back(x);
        for (const double x : {k * right, (k + 1) * right, (k + 0.5) * right}) lambdas.push_back(x);
      }
    f.put(days, {0.0, 1.0});
    f.put(lat, phi);
    f.put(lon, lambda);
    f.put(lat_bounds, phis);
    f.put(lon_bounds, lambdas);
    std::vector<double> values(16);
    for (std::size_t i = 0; i < 16; ++i) values[i] = static_cast<double>(i);
    f.put(v, values);
  }
  const auto v = GriddedVariable::open(path, "ta");
  CHECK(v.domain().kind() == domain::DomainKind::cells);
  REQUIRE(v.domain().size() == 8);
  for (const double w : v.domain().weights()) CHECK(w == Approx(0.125).epsilon(1e-12));
  CHECK(v.times() == 2);
  const auto fields = v.read(0, 0, 2);
  for (std::size_t t = 0; t < 2; ++t)
    for (std::size_t c = 0; c < 8; ++c) CHECK(fields(t, c) == static_cast<double>(8 * t + c));
  CHECK(v.cell_index(1, 5) == "[time 1][ncells 5]");
}

TEST_CASE("curvilinear grids are read in rows and columns, whatever the variable's order") {
  const Folder folder;
  const std::string path = folder / "ocean.nc";
  {
    File f(path);
    const int x = f.dim("x", 4);
    const int y = f.dim("y", 3);
    const int lat = f.var("nav_lat", NC_DOUBLE, {y, x});
    const int lon = f.var("nav_lon", NC_DOUBLE, {y, x});
    const int v = f.var("sst", NC_FLOAT, {x, y});
    f.text(lat, "units", "degrees_north");
    f.text(lon, "units", "degrees_east");
    f.text(v, "coordinates", "nav_lon nav_lat");
    f.end();
    std::vector<double> phi, lambda;
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 4; ++j) {
        phi.push_back(40.0 + i + 0.2 * j);
        lambda.push_back(5.0 + j - 0.3 * i);
      }
    f.put(lat, phi);
    f.put(lon, lambda);
    std::vector<double> values;  // [x][y]
    for (int j = 0; j < 4; ++j)
      for (int i = 0; i < 3; ++i) values.push_back(10.0 * i + j);
    f.put(v, values);
  }
  const auto v = GriddedVariable::open(path, "sst");
  CHECK(v.domain().kind() == domain::DomainKind::curvilinear);
  CHECK(v.domain().columns() == 4);
  CHECK_FALSE(v.domain().periodic());
  const auto field = v.read(0, 0, 1);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 4; ++j) CHECK(field(0, i * 4 + j) == Approx(10.0 * double(i) + double(j)));
  CHECK(v.cell_index(0, 6) == "[time 0][y 1][x 2]");
}

namespace {

/// Two triangles and a square around it on the sphere, or a tetrahedron in space, by UGRID.
void write_mesh(const std::string& path, bool in_space, double corner = 2.0) {
  File f(path);
  const int node = f.dim("node", in_space ? 4 : 5);
  const int face = f.dim("face", in_space ? 4 : 2);
  const int most = f.dim("most", in_space ? 3 : 4);
  const int mesh = f.var("mesh", NC_INT, {});
  f.text(mesh, "cf_role", "mesh_topology");
  f.text(mesh, "node_coordinates", in_space ? "px py pz" : "node_lon node_lat");
  f.text(mesh, "face_node_connectivity", "face_nodes");
  const int nodes = f.var("face_nodes", NC_DOUBLE, {face, most});
  f.number(nodes, "start_index", NC_INT, {1});
  f.number(nodes, "_FillValue", NC_DOUBLE, {-1});
  std::vector<int> coordinates;
  for (const char* name : in_space ? std::vector<const char*>{"px", "py", "pz"}
                                   : std::vector<const char*>{"node_lon", "node_lat"})
    coordinates.push_back(f.var(name, NC_DOUBLE, {node}));
  if (!in_space) {
    f.text(coordinates[0], "units", "degrees_east");
    f.text(coordinates[1], "units", "degrees_north");
  }
  const int on_nodes = f.var("a", NC_FLOAT, {node});
  const int on_faces = f.var("b", NC_FLOAT, {face});
  for (const int v : {on_nodes, on_faces}) f.text(v, "mesh", "mesh");
  f.text(on_nodes, "location", "node");
  f.text(on_faces, "location", "face");
  f.end();
  if (in_space) {
    f.put(nodes, std::vector<double>{1, 3, corner, 1, 2, 4, 1, 4, 3, 2, 3, 4});
    f.put(coordinates[0], std::vector<double>{0, 1, 0, 0});
    f.put(coordinates[1], std::vector<double>{0, 0, 1, 0});
    f.put(coordinates[2], std::vector<double>{0, 0, 0, 1});
  } else {
    f.put(nodes, std::vector<double>{1, 2, 3, 4, 2, 5, 3, -1});
    f.put(coordinates[0], std::vector<double>{0, 10, 10, 0, 20});
    f.put(coordinates[1], std::vector<double>{0, 0, 10, 10, 5});
  }
  f.put(on_nodes, std::vector<double>(in_space ? 4 : 5, 1.0));
  f.put(on_faces, std::vector<double>(in_space ? 4 : 2, 2.0));
}

}  // namespace

TEST_CASE("UGRID meshes: faces and nodes on the sphere, nodes of surfaces in space") {
  const Folder folder;
  write_mesh(folder / "sphere.nc", false);
  const auto faces = GriddedVariable::open(folder / "sphere.nc", "b");
  CHECK(faces.domain().describe() == "UGRID faces, 2 on the sphere");
  CHECK(faces.domain().neighbours(0).size() == 1);
  CHECK(faces.domain().weights()[0] == Approx(2.0 * faces.domain().weights()[1]).epsilon(0.02));
  CHECK(faces.domain().latitudes()[0] == Approx(5.0).margin(0.1));
  const auto nodes = GriddedVariable::open(folder / "sphere.nc", "a");
  CHECK(nodes.domain().size() == 5);
  CHECK(nodes.domain().neighbours(4).size() == 2);

  write_mesh(folder / "space.nc", true);
  const auto surface = GriddedVariable::open(folder / "space.nc", "a");
  CHECK(surface.domain().kind() == domain::DomainKind::surface);
  CHECK(surface.domain().mesh().triangles.size() == 4);
  CHECK_THAT(error_of([&] { GriddedVariable::open(folder / "space.nc", "b"); }).what(),
             ContainsSubstring("put them onto its nodes"));
  write_mesh(folder / "broken.nc", true, 9.0);
  CHECK_THAT(error_of([&] { GriddedVariable::open(folder / "broken.nc", "a"); }).what(),
             ContainsSubstring("a corner is no node") && ContainsSubstring("[face 0]"));
}

TEST_CASE("HEALPix fields are known by their grid mapping") {
  const Folder folder;
  const auto write = [&](const std::string& name, const std::string& order, double nside) {
    File f(folder / name);
    const int cell = f.dim("cell", 48);
    const int crs = f.var("crs", NC_INT, {});
    f.text(crs, "grid_mapping_name", "healpix");
    f.number(crs, "healpix_nside", NC_INT, {nside});
    if (!order.empty()) f.text(crs, "healpix_order", order);
    const int v = f.var("t2m", NC_FLOAT, {cell});
    f.text(v, "grid_mapping", "crs");
    f.end();
    std::vector<double> values(48);
    for (std::size_t i = 0; i < 48; ++i) values[i] = static_cast<double>(i);
    f.put(v, values);
  };
  write("ring.nc", "ring", 2);
  write("nest.nc", "nest", 2);
  write("other.nc", "nest", 4);
  const auto ring = GriddedVariable::open(folder / "ring.nc", "");
  const auto nested = GriddedVariable::open(folder / "nest.nc", "t2m");
  CHECK(ring.domain().describe() == "HEALPix nside 2 in rings, 48 on the sphere");
  CHECK(nested.domain().describe() == "HEALPix nside 2 nested, 48 on the sphere");
  CHECK(ring.domain().latitudes()[0] > 60.0);
  CHECK(ring.read(0, 0, 1)(0, 47) == 47.0);
  CHECK_THROWS_AS(GriddedVariable::open(folder / "other.nc", ""), Error);
}

TEST_CASE("cells without coordinates take those of a grid file, if it is theirs") {
  const Folder folder;
  const auto write_data = [&](const std::string& uuid) {
    File f(folder / "data.nc");
    const int cell = f.dim("ncells", 4);
    const int level = f.dim("lev", 2);
    const int v = f.var("ta", NC_FLOAT, {level, cell});
    if (!uuid.empty()) f.text(NC_GLOBAL, "uuidOfHGrid", uuid);
    f.end();
    f.put(v, {1, 2, 3, 4, 5, 6, 7, 8});
  };
  {
    File f(folder / "grid.nc");
    const int cell = f.dim("cell", 4);
    const int lat = f.var("clat", NC_DOUBLE, {cell});
    const int lon = f.var("clon", NC_DOUBLE, {cell});
    f.text(lat, "units", "radian");
    f.text(lat, "standard_name", "latitude");
    f.text(lon, "units", "radian");
    f.text(lon, "standard_name", "longitude");
    f.text(NC_GLOBAL, "uuidOfHGrid", "a1");
    f.end();
    f.put(lat, {0.5, 0.5, -0.5, -0.5});
    f.put(lon, {0.0, 1.5, 3.0, 4.5});
  }
  write_data("");
  CHECK_THROWS_AS(GriddedVariable::open(folder / "data.nc", "ta"), Error);
  {
    const auto v = GriddedVariable::open(folder / "data.nc", "", folder / "grid.nc");
    CHECK(v.domain().size() == 4);
    CHECK(v.domain().latitudes()[2] == Approx(-0.5 * 180.0 / 3.14159265358979));
    CHECK(v.extras() == 2);
    CHECK(v.read(1, 0, 1)(0, 3) == 8.0);
  }
  write_data("a1");
  CHECK_NOTHROW(GriddedVariable::open(folder / "data.nc", "", folder / "grid.nc"));
  write_data("b2");
  CHECK_THAT(error_of([&] { GriddedVariable::open(folder / "data.nc", "", folder / "grid.nc"); }).what(),
             ContainsSubstring("grid.nc") && ContainsSubstring("uuidOfHGrid is a1"));
}

namespace {

/// One variable over (time, two more dimensions), with coordinates of these: name, dimension (0 or 1), units.
struct ImageFile {
  std::string row = "row";
  std::string column = "column";
  struct Line {
    std::string name{};
    std::size_t of = 0;
    std::string units{};
    std::string standard_name{};
  };
  std::vector<Line> lines{};
  std::vector<std::pair<std::string, std::string>> attributes{};

  void write(const std::string& path) const {
    File f(path);
    const int t = f.dim("time", 2);
    const std::array<int, 2> d{f.dim(row, 3), f.dim(column, 4)};
    const int time = f.var("time", NC_DOUBLE, {t});
    f.text(time, "units", "days since 2000-01-01");
    for (const auto& l : lines) {
      const int v = f.var(l.name, NC_DOUBLE, {d[l.of]});
      if (!l.units.empty()) f.text(v, "units", l.units);
      if (!l.standard_name.empty()) f.text(v, "standard_name", l.standard_name);
    }
    const int v = f.var("grey", NC_FLOAT, {t, d[0], d[1]});
    for (const auto& [name, value] : attributes) f.text(v, name, value);
    f.end();
    f.put(time, {0, 1});
    std::vector<double> values(24);
    std::iota(values.begin(), values.end(), 0.0);
    values[13] = NC_FILL_FLOAT;
    f.put(v, values);
    for (const auto& l : lines)
      f.put(f.find(l.name), l.of == 0 ? std::vector<double>{0, 1, 2} : std::vector<double>{0, 1, 2, 3});
  }
};

}  // namespace

TEST_CASE("flat images are known by what the file says of their rows and columns") {
  const Folder folder;
  const std::string path = folder / "image.nc";
  const std::vector<std::pair<std::string, std::string>> names{
      {"row", "column"}, {"Row", "Col"},      {"rows", "x"},    {"line", "sample"},
      {"line", "width"}, {"height", "width"}, {"y", "columns"}, {"y", "width"}};
  for (const auto& [row, column] : names) {
    INFO(row << " " << column);
    ImageFile{.row = row, .column = column}.write(path);
    const auto v = GriddedVariable::open(path, "");
    CHECK(v.domain().hash() == domain::Domain::plane(3, 4).hash());
    CHECK(v.domain().describe() == "flat image 3 x 4");
    CHECK(v.times() == 2);
    CHECK(v.extras() == 1);
    const auto fields = v.read(0, 0, 2);
    CHECK(fields(0, 7) == 7.0);
    CHECK(std::isnan(fields(1, 1)));
    CHECK(v.cell_index(1, 6) == "[time 1][" + row + " 1][" + column + " 2]");
  }
  // By units of pixel alone, whatever the names.
  ImageFile{.row = "y", .column = "x", .lines = {{"y", 0, "pixel"}, {"x", 1, "pixels"}}}.write(path);
  CHECK(GriddedVariable::open(path, "grey").domain().kind() == domain::DomainKind::plane);
  // Numbers without units count rows and columns.
  ImageFile{.lines = {{"row", 0, ""}, {"column", 1, "1"}}}.write(path);
  CHECK(GriddedVariable::open(path, "grey").domain().kind() == domain::DomainKind::plane);
}

TEST_CASE("what only looks like an image is refused, and the remedy says what an image is known by") {
  const Folder folder;
  const std::string path = folder / "image.nc";
  const std::vector<std::pair<std::string, ImageFile>> others{
      {"bare x and y", {.row = "y", .column = "x"}},
      {"metres", {.row = "y", .column = "x", .lines = {{"y", 0, "m"}, {"x", 1, "m"}}}},
      {"one in pixels", {.row = "y", .column = "x", .lines = {{"y", 0, "m"}, {"x", 1, "pixel"}}}},
      {"metres of rows", {.lines = {{"row", 0, "m"}}}},
      {"metres beside rows", {.lines = {{"y", 0, "km"}}}},
      {"listed metres", {.lines = {{"depth", 0, "m"}}, .attributes = {{"coordinates", "depth"}}}},
      {"latitudes of rows", {.lines = {{"lat", 0, "degrees_north"}}}},
      {"altitude", {.row = "height", .column = "x"}},
      {"columns of air", {.row = "height", .column = "column"}},
      {"samples", {.row = "y", .column = "sample"}},
  };
  for (const auto& [what, file] : others) {
    INFO(what);
    file.write(path);
    const Error e = error_of([&] { GriddedVariable::open(path, "grey"); });
    CHECK(e.kind() == ErrorKind::input);
    CHECK_THAT(e.what(), ContainsSubstring("row and column, height and width or line and sample") &&
                             ContainsSubstring("units of pixel"));
  }
  // Projected grids keep their own remedy.
  ImageFile{.lines = {{"y", 0, "m", "projection_y_coordinate"}, {"x", 1, "m", "projection_x_coordinate"}}}
      .write(path);
  CHECK_THAT(error_of([&] { GriddedVariable::open(path, "grey"); }).what(),
             ContainsSubstring("no grid mapping says how") && ContainsSubstring("cdo remapbil") &&
                 !ContainsSubstring("pixel"));
  ImageFile{.attributes = {{"grid_mapping", "crs"}}}.write(path);
  CHECK_THROWS_AS(GriddedVariable::open(path, "grey"), Error);
}
