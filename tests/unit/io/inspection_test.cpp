#include "manifill/io/inspection.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/io/imputed_file.hpp"
#include "netcdf_fixture.hpp"

using namespace manifill;
using namespace manifill::io;
using namespace manifill::test;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

namespace {

domain::Domain global_grid(double step) {
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (double x = -90 + step / 2; x < 90; x += step) latitude.push_back(x);
  for (double x = 0; x < 360; x += step) longitude.push_back(x);
  return domain::Domain::lat_lon(latitude, longitude);
}

ModelCard card(const std::string& name, domain::Domain domain) {
  return {.path = name + ".h5", .name = name, .variable = "t", .units = "K", .domain = std::move(domain)};
}

/// What impute would throw.
std::string refusal_of(const std::string& path, const std::string& variable) {
  return error_of([&] { check_fillable(GriddedVariable::open(path, variable)); }).what();
}

const double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("what is missing is counted, by time and by mask") {
  const Folder folder;
  Grid g{.times = {0, 31, 59, 90}};
  g.value = [](auto, auto t, auto i, auto j) {
    if (i == 0 && j == 0) return kGap;  // land
    if (t >= 2 && i == 3) return kGap;  // a gap of two times
    return static_cast<double>(t * 24 + i * 6 + j) - 5.0;
  };
  g.write(folder / "f.nc");
  const auto s = scan_missing(GriddedVariable::open(folder / "f.nc", "t"));
  CHECK(s.missing == 4 + 12);
  CHECK(s.observed == 96 - 16);
  CHECK(s.static_missing == 4);
  CHECK_FALSE(s.static_mask);
  CHECK(s.masks == 2);
  CHECK(s.lowest == -4);
  CHECK(s.highest == 72 + 17 - 5);
  CHECK(s.missing_share[0] == Approx(1.0 / 24));
  CHECK(s.missing_share[3] == Approx(7.0 / 24));
  CHECK(s.share() == Approx(16.0 / 96));
}

TEST_CASE("a static mask is told from gaps, level by level") {
  const Folder folder;
  Grid g{.order = {"time", "lev", "lat", "lon"}};
  g.value = [](auto e, auto, auto i, auto) { return i <= e ? kGap : 1.0 + static_cast<double>(i); };
  g.write(folder / "f.nc");
  const auto s = scan_missing(GriddedVariable::open(folder / "f.nc", "t"));
  CHECK(s.static_mask);
  CHECK(s.static_missing == s.missing);
  CHECK(s.masks == 2);
  const auto i = inspect(folder / "f.nc", "t", {});
  CHECK_FALSE(i.refusal);
  CHECK(i.extra == std::vector<std::pair<std::string, std::size_t>>{{"lev", 2}});
  CHECK_THAT(i.to_text(), ContainsSubstring("static mask"));
}

TEST_CASE("the report names grid, times, gaps and memory") {
  const Folder folder;
  Grid g{.latitude = {67.5, 22.5, -22.5, -67.5}, .longitude = {0, 60, 120, 180, 240, 300, 360}};
  g.more = [](File& f, int v) {
    f.text(v, "long_name", "sea surface temperature");
    f.text(v, "standard_name", "sea_surface_temperature");
  };
  g.write(folder / "f.nc");
  const auto i = inspect(folder / "f.nc", "", {}, 16);
  CHECK_FALSE(i.refusal);
  CHECK(i.variable == "t");
  CHECK(i.format == "NetCDF-4");
  REQUIRE(i.grid);
  CHECK(i.grid->kind == "regular");
  CHECK(i.grid->cyclic_columns == 1);
  CHECK(i.grid->global);
  REQUIRE(i.time);
  CHECK(i.time->first == "2001-01-15");
  CHECK(i.time->step == "monthly");
  CHECK(i.memory == estimate_memory({.cells = 24, .members = 16, .observed = 23}));
  const std::string text = i.to_text();
  for (const char* part :
       {"f.nc: NetCDF-4", "float (time 3, lat 4, lon 7) K  can be filled", "cannot: it is a coordinate",
        "t: sea surface temperature, K", "regular, 4 x 6 (lat x lon), 45 x 60 degrees, global", "north first",
        "1 cyclic duplicate column at the end left out",
        "3, 2001-01-15 to 2001-03-15, monthly, calendar standard",
        "12.5 %, 9 of 72 values; 2 different masks", "\u2582\u2588\u2582", "tallest bar 29.2 %",
        "4.2 % never observed", "8.3 % real gaps", "0 to 235", "for 16 members"})
    CHECK_THAT(text, ContainsSubstring(part));
  CHECK_THAT(text, !ContainsSubstring("refuse"));
}

TEST_CASE("the report as JSON holds the same facts") {
  const Folder folder;
  Grid g;
  g.more = [](File& f, int v) { f.text(v, "long_name", "temp\xe9rature"); };  // Latin-1, not UTF-8
  g.write(folder / "f.nc");
  const auto j = json::parse(inspect(folder / "f.nc", "t", {card("m", global_grid(4))}).to_json());
  CHECK(j["variable"] == "t");
  CHECK(j["format"] == "NetCDF-4");
  CHECK(j["bytes"].get<int>() > 1000);
  CHECK(j["variables"].size() == 4);
  CHECK(j["variables"][3]["dimensions"][0] == json{{"name", "time"}, {"length", 3}});
  CHECK(j["variables"][0]["fillable"] == false);
  CHECK(j["grid"]["latitudes"] == 4);
  CHECK(j["time"]["first"] == "2001-01-15");
  CHECK(j["missing"]["missing"] == 9);
  CHECK(j["missing"]["missing_share"].size() == 3);
  CHECK(j["models"][0]["fits"] == true);
  CHECK(j["memory"].get<double>() > 1e8);
  CHECK(j["refusal"].is_null());
}

TEST_CASE("Gaussian grids are recognised") {
  const Folder folder;
  Grid g;
  // Eight Gaussian latitudes.
  g.latitude = {73.7992, 52.8129, 31.7041, 10.5699, -10.5699, -31.7041, -52.8129, -73.7992};
  g.write(folder / "f.nc");
  CHECK(inspect(folder / "f.nc", "t", {}).grid->kind == "Gaussian");
  g.latitude = {80, 50, 30, 10, -10, -30, -50, -80};
  g.write(folder / "g.nc");
  CHECK(inspect(folder / "g.nc", "t", {}).grid->kind == "irregular");
}

TEST_CASE("steps of time are named") {
  const Folder folder;
  struct Row {
    std::vector<double> times;
    const char* units;
    const char* step;
  };
  std::vector<double> broken;
  for (int k = 0; k < 40; ++k) broken.push_back(k < 20 ? k : k + 100);
  const auto row = GENERATE_COPY(values<Row>({{{0, 1, 2, 3}, "days since 2000-02-27", "daily"},
                                              {{0, 5, 10, 15}, "days since 2000-01-01", "every 5 days"},
                                              {{0, 1, 2}, "months since 2000-01-01", "monthly"},
                                              {{0, 3, 6}, "months since 2000-01-01", "every 3 months"},
                                              {{0, 1, 2}, "years since 2000-07-01", "yearly"},
                                              {{0, 6, 12, 18, 24}, "hours since 2000-01-01", "every 6 hours"},
                                              {{0, 1, 17, 18.5}, "days since 2000-01-01", "irregular"},
                                              {{0}, "days since 2000-01-01", ""},
                                              {broken, "days since 2000-01-01", "daily with 1 break"}}));
  CAPTURE(row.step);
  Grid{.times = row.times, .time_units = row.units}.write(folder / "f.nc");
  CHECK(inspect(folder / "f.nc", "t", {}).time->step == row.step);
}

TEST_CASE("times out of order are noted") {
  const Folder folder;
  Grid{.times = {0, 59, 31}}.write(folder / "f.nc");
  CHECK_THAT(inspect(folder / "f.nc", "t", {}).to_text(),
             ContainsSubstring("times run backwards or repeat at [time 2]"));
}

TEST_CASE("models are ranked by fit and distance, and say why they do not fit") {
  const Folder folder;
  Grid g{.latitude = {52, 50, 48}, .longitude = {0, 2, 4}};
  g.more = [](File& f, int v) { f.text(v, "standard_name", "air_temperature"); };
  g.write(folder / "f.nc");
  auto pressure = card("pressure", global_grid(2));
  pressure.units = "hPa";
  auto other = card("other", global_grid(2));
  other.standard_name = "sea_surface_temperature";
  auto celsius = card("celsius", global_grid(10));
  celsius.units = "degC";
  celsius.standard_name = "air_temperature";
  celsius.plausible_low = -40;
  celsius.plausible_high = 40;
  auto kelvin = card("kelvin", global_grid(2));
  kelvin.standard_name = "air_temperature";
  kelvin.plausible_low = 0;
  kelvin.plausible_high = 300;
  const auto region = card("region", domain::Domain::lat_lon({-10, 0, 10}, {100, 110, 120}));
  const auto half = card("half", domain::Domain::lat_lon({51, 53, 55}, {-10, 0, 10}));
  const auto i = inspect(folder / "f.nc", "t", {pressure, other, celsius, region, kelvin, half});
  REQUIRE(i.models.size() == 6);
  CHECK(i.models[0].name == "kelvin");
  CHECK(i.models[0].fits);
  CHECK(i.models[0].reason.empty());
  CHECK(i.models[0].covered == 1.0);
  CHECK(i.models[0].distance == Approx(1.0));  // latitudes 49, 51, 53; the nearest is a degree away
  CHECK(i.models[1].name == "half");
  CHECK(i.models[1].covered == Approx(2.0 / 3));
  std::map<std::string, ModelFit> fits;
  for (const auto& m : i.models) fits[m.name] = m;
  CHECK_FALSE(fits["celsius"].fits);
  CHECK_THAT(fits["celsius"].reason,
             ContainsSubstring("the value 0 K is implausible: the model knows -40 to 40 degC"));
  CHECK_FALSE(fits["pressure"].fits);
  CHECK_THAT(fits["pressure"].reason, ContainsSubstring("'K' and 'hPa' measure different things"));
  CHECK_FALSE(fits["other"].fits);
  CHECK_THAT(
      fits["other"].reason,
      ContainsSubstring("its standard_name is 'air_temperature', the model fills 'sea_surface_temperature'"));
  CHECK_FALSE(fits["region"].fits);
  CHECK(fits["region"].covered == 0.0);
  CHECK(fits["region"].distance > 80);
  CHECK(fits["region"].distance_km == Approx(fits["region"].distance * 111.195).epsilon(1e-4));
  CHECK_FALSE(i.refusal);  // one of them fits
  CHECK_THAT(i.to_text(), ContainsSubstring("kelvin (kelvin.h5): fits, covers 100.0 % of the grid") &&
                              ContainsSubstring("pressure (pressure.h5): does not fit"));
  CHECK(i.memory == estimate_memory({.cells = 9,
                                     .model_points = global_grid(2).size(),
                                     .members = 32,
                                     .observed = 8,
                                     .own_grid = false}));
  const auto none = inspect(folder / "f.nc", "t", {pressure});
  CHECK_THAT(none.to_text(), ContainsSubstring("none of the models fits") &&
                                 ContainsSubstring("impute would refuse it: " + none.models[0].refusal));
  CHECK_THAT(none.models[0].refusal, ContainsSubstring("f.nc: variable 't'") && ContainsSubstring("in hPa"));
  const auto far = inspect(folder / "f.nc", "t", {pressure, region});
  CHECK_THAT(far.refusal.value_or(""), ContainsSubstring("none of the models fits; pressure: "));
  CHECK_THAT(far.to_text(), ContainsSubstring("region (region.h5): does not fit, covers 0.0 % of the grid") &&
                                ContainsSubstring(" km; no cell of its grid"));
  const auto listed = json::parse(far.to_json())["models"][1];
  CHECK(listed["distance_km"].get<double>() > 9000);
  CHECK(listed["refusal"].get<std::string>().find("Use a model of this region") != std::string::npos);
}

TEST_CASE("times that a model cannot take are refused as by impute") {
  const Folder folder;
  const auto reason = [&](const Grid& g, const std::string& step, bool seasonal) {
    g.write(folder / "f.nc");
    auto m = card("m", global_grid(4));
    m.step = step;
    m.seasonal = seasonal;
    const auto fit = fit_model(GriddedVariable::open(folder / "f.nc", "t"), nullptr, m);
    CHECK(fit.fits == fit.reason.empty());
    return fit.refusal;
  };
  const Grid timeless{.order = {"lat", "lon"}};
  CHECK_THAT(reason(timeless, "month", true),
             ContainsSubstring("f.nc: variable 't': it has no time coordinate, and the model's climatology "
                               "follows the season. Add a time coordinate"));
  CHECK(reason(timeless, "month", false).empty());
  const Grid daily{.times = {0, 1, 2}};
  CHECK_THAT(
      reason(daily, "month", true),
      ContainsSubstring("two times fall into one month of the model or run backwards. See time index 1"));
  CHECK(reason(daily, "day", true).empty());
  const Grid backwards{.times = {0, 59, 31}};
  CHECK_THAT(reason(backwards, "month", true), ContainsSubstring("See time index 2"));
  CHECK_THAT(reason(backwards, "day", true), ContainsSubstring("two times fall into one day"));
  CHECK(reason(backwards, "none", true).empty());
  CHECK_THAT(reason({.times = {0, 31, 31}}, "month", false), ContainsSubstring("See time index 2"));
}

TEST_CASE("implausible values are named with their place, where the model takes them as observations") {
  const Folder folder;
  Grid g{.latitude = {52, 50, 48}, .longitude = {0, 2, 4}};
  g.value = [](auto, auto t, auto i, auto j) { return t == 1 && i == 0 && j == 2 ? 999.0 : 280.0 + i; };
  g.write(folder / "f.nc");
  const auto v = GriddedVariable::open(folder / "f.nc", "t");
  const auto scan = scan_missing(v);
  auto m = card("m", domain::Domain::lat_lon({48, 50, 52}, {0, 2, 4}));
  m.plausible_low = 200;
  m.plausible_high = 400;
  const auto fit = fit_model(v, &scan, m);
  CHECK_FALSE(fit.fits);
  CHECK_THAT(fit.refusal, ContainsSubstring("at [time 1][lat 0][lon 2]: the value 999 K is implausible: the "
                                            "model knows 200 to 400 K. Check units and missing values"));
  m.active = {1, 1, 1, 1, 1, 1, 1, 1, 0};  // the point there has no values
  CHECK(fit_model(v, &scan, m).fits);
  m.active.clear();
  m.domain = domain::Domain::lat_lon({44, 46, 48}, {0, 2, 4});
  const auto beside = fit_model(v, &scan, m);
  CHECK(beside.fits);
  CHECK(beside.covered == Approx(1.0 / 3));
}

TEST_CASE("the memory of an imputation grows with the observations of a window") {
  const auto bytes = [](std::size_t cells, std::size_t observed, bool own) {
    return estimate_memory(
        {.cells = cells, .model_points = 1000, .window_steps = 3, .observed = observed, .own_grid = own});
  };
  const double m = 3.0 * 40000.0;
  CHECK(bytes(40000, 40000, false) > 8.0 * m * m);
  CHECK(bytes(40000, 0, false) == bytes(40000, 40000, false));
  CHECK(bytes(40000, 40000, false) < 20.0 * m * m);
  CHECK(bytes(1000, 1000, true) - bytes(1000, 500, true) ==
        Approx(4.0 * (3000.0 * 3000.0 - 1500.0 * 1500.0)));
  CHECK(bytes(1000, 1000, true) < bytes(1000, 1000, false));
  CHECK(bytes(1000, 5000, true) == bytes(1000, 1000, true));  // no more than the points of the window
}

TEST_CASE("a stop ends the reading of a file") {
  const Folder folder;
  Grid{}.write(folder / "f.nc");
  const auto v = GriddedVariable::open(folder / "f.nc", "t");
  request_stop();
  const auto stopped = error_of([&] { scan_missing(v); });
  clear_stop();
  CHECK(stopped.kind() == ErrorKind::stopped);
  CHECK_THAT(stopped.what(), ContainsSubstring("stopped by request; nothing was written"));
}

TEST_CASE("a model that cannot be read has a line of its own, and a file an error in JSON") {
  Inspection i{.path = "f.nc", .format = "NetCDF-4"};
  i.models.push_back({.path = "m.h5", .readable = false, .reason = "m.h5: not a model file"});
  CHECK_THAT(i.to_text(), ContainsSubstring("cannot be read: m.h5: not a model file"));
  CHECK(json::parse(i.to_json())["models"][0]["readable"] == false);
  const auto j = json::parse(error_json("f\xe9.nc", "no such file"));
  CHECK(j.size() == 2);
  CHECK(j["error"] == "no such file");
}

TEST_CASE("a grid across Greenwich or the date line is compared on the circle") {
  const Folder folder;
  Grid{.latitude = {1, -1}, .longitude = {-4, -2, 0, 2}}.write(folder / "f.nc");
  const auto v = GriddedVariable::open(folder / "f.nc", "t");
  const auto fit =
      fit_model(v, nullptr, card("m", domain::Domain::lat_lon({-1, 1}, {354, 356, 358, 360, 362, 364})));
  CHECK(fit.fits);
  CHECK(fit.covered == 1.0);
  CHECK(fit.distance == Approx(0.0).margin(1e-6));
}

TEST_CASE("what stops impute is in the refusal, word for word") {
  const Folder folder;
  const std::string path = folder / "f.nc";
  const auto check = [&](const Grid& g, const std::string& says) {
    g.write(path);
    const auto i = inspect(path, "t", {});
    REQUIRE(i.refusal);
    CHECK(*i.refusal == refusal_of(path, "t"));
    CHECK_THAT(*i.refusal, ContainsSubstring(path + ": variable 't'") && ContainsSubstring(says));
    CHECK_THAT(i.to_text(), ContainsSubstring("impute would refuse it: " + *i.refusal));
    CHECK(json::parse(i.to_json())["refusal"] == *i.refusal);
    return i;
  };
  Grid missing;
  missing.value = [](auto, auto, auto, auto) { return kGap; };
  check(missing, "all values are missing");
  Grid constant;
  constant.value = [](auto, auto, auto i, auto) { return i == 0 ? kGap : 3.5; };
  check(constant, "all values are 3.5: a constant field");
  Grid infinite{.type = NC_DOUBLE};
  infinite.value = [](auto, auto t, auto i, auto j) {
    return t == 2 && i == 1 && j == 0 ? kInfinity : 1.0 + static_cast<double>(j);
  };
  const auto i = check(infinite, "at [time 2][lat 1][lon 0]: the value is infinite (inf)");
  CHECK(i.grid);
  CHECK_FALSE(i.missing);
  Grid units;
  units.more = [](File& f, int v) { f.text(v, "units", "blobs"); };
  const auto u = check(units, "the unit 'blobs' is unknown");
  CHECK(u.missing);  // worth knowing all the same
}

TEST_CASE("what stops a file from being opened is in the refusal, and the variables are listed") {
  const Folder folder;
  const std::string path = folder / "f.nc";
  Grid bad{.latitude = {1, 3, 2}};
  bad.write(path);
  const auto i = inspect(path, "t", {});
  CHECK(i.variables.size() == 4);
  REQUIRE(i.refusal);
  CHECK(*i.refusal == error_of([&] { GriddedVariable::open(path, "t"); }).what());
  CHECK_FALSE(i.grid);
  const auto absent = inspect(path, "tt", {});
  REQUIRE(absent.refusal);
  CHECK_THAT(*absent.refusal, ContainsSubstring("no such variable"));
  CHECK_THROWS_AS(inspect(folder / "none.nc", "t", {}), Error);
}

TEST_CASE("nothing missing is a note, not a refusal") {
  const Folder folder;
  Grid g;
  g.value = [](auto, auto t, auto i, auto j) { return static_cast<double>(t + i + j); };
  g.write(folder / "f.nc");
  const auto i = inspect(folder / "f.nc", "t", {});
  CHECK_FALSE(i.refusal);
  CHECK_THAT(i.to_text(), ContainsSubstring("nothing is missing"));
  CHECK(i.missing->masks == 1);
  CHECK_FALSE(i.missing->static_mask);
}

TEST_CASE("a file imputed before is refused, and its other variables are not offered") {
  const Folder folder;
  Grid{.order = {"lat", "lon"}}.write(folder / "f.nc");
  {
    const auto v = GriddedVariable::open(folder / "f.nc", "t");
    ImputedFileWriter w(v, {.path = folder / "out.nc"}, false);
    const auto field = v.read(0, 0, 1);
    std::vector<CellStatus> status(24);
    for (std::size_t c = 0; c < 24; ++c)
      status[c] = std::isnan(field(0, c)) ? CellStatus::infilled : CellStatus::observed;
    w.write(0, 0, std::vector<double>(24, 1), std::vector<double>(24, 1), status, {});
    w.commit();
  }
  const auto i = inspect(folder / "out.nc", "", {});
  CHECK(i.variable == "t");
  REQUIRE(i.refusal);
  CHECK(*i.refusal == refusal_of(folder / "out.nc", "t"));
  CHECK_THAT(*i.refusal, ContainsSubstring("it was imputed before"));
  CHECK_THAT(i.to_text(), ContainsSubstring("it belongs to 't' of an imputed file"));
}
