#include "manifill/io/projected_grid.hpp"

#include <netcdf.h>

#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/domain/domain.hpp"
#include "manifill/io/gridded.hpp"
#include "manifill/io/inspection.hpp"
#include "netcdf_fixture.hpp"

using namespace manifill;
using namespace manifill::io;
using Catch::Contains;
using test::error_of;
using test::File;
using test::Folder;

namespace {

constexpr double kSphere = 6371229.0;

/// A file of one variable "t" on lines of a plane, to be varied member by member.
struct Plane {
  std::vector<double> x{-24, -12, 0, 12, 24};  ///< in `units`
  std::vector<double> y{36, 24, 12, 0};
  std::string units = "km";
  std::string x_name = "projection_x_coordinate";  ///< standard names; empty: none
  std::string y_name = "projection_y_coordinate";
  std::vector<std::string> names{"x", "y"};  ///< of the coordinates
  bool columns_first = false;
  std::string mapping = "lambert";  ///< named by the variable; empty: by none
  std::function<void(File&, int)> describe = [](File& f, int crs) {
    f.text(crs, "grid_mapping_name", "lambert_conformal_conic");
    f.number(crs, "standard_parallel", NC_DOUBLE, {30, 60});
    f.number(crs, "longitude_of_central_meridian", NC_DOUBLE, {10});
    f.number(crs, "latitude_of_projection_origin", NC_DOUBLE, {45});
    f.number(crs, "earth_radius", NC_DOUBLE, {kSphere});
  };
  std::function<void(int, int)> of_variable = [](int, int) {};  ///< id of the file and of the variable
  std::vector<double> latitude{};                               ///< [y][x]; empty: none
  std::vector<double> longitude{};

  void write(const std::string& path) const {
    File f(path);
    const int time = f.dim("time", 2);
    const int ydim = f.dim(names[1], y.size());
    const int xdim = f.dim(names[0], x.size());
    const int t = f.var("time", NC_DOUBLE, {time});
    f.text(t, "units", "days since 2001-01-01");
    const int xs = f.var(names[0], NC_DOUBLE, {xdim});
    const int ys = f.var(names[1], NC_DOUBLE, {ydim});
    for (const int c : {xs, ys}) f.text(c, "units", units);
    if (!x_name.empty()) f.text(xs, "standard_name", x_name);
    if (!y_name.empty()) f.text(ys, "standard_name", y_name);
    const int crs = f.var("lambert", NC_INT, {});
    describe(f, crs);
    const auto own = columns_first ? std::vector<int>{xdim, time, ydim} : std::vector<int>{time, ydim, xdim};
    const int v = f.var("t", NC_SHORT, own);
    f.text(v, "units", "K");
    f.number(v, "scale_factor", NC_DOUBLE, {0.5});
    f.number(v, "_FillValue", NC_SHORT, {-1});
    if (!mapping.empty()) f.text(v, "grid_mapping", mapping);
    of_variable(f.id(), v);
    int lat = -1;
    int lon = -1;
    if (!latitude.empty()) {
      lat = f.var("lat", NC_DOUBLE, {ydim, xdim});
      lon = f.var("lon", NC_DOUBLE, {ydim, xdim});
      f.text(lat, "units", "degrees_north");
      f.text(lon, "units", "degrees_east");
    }
    f.end();
    f.put(t, {0, 1});
    f.put(xs, x);
    f.put(ys, y);
    if (!latitude.empty()) {
      f.put(lat, latitude);
      f.put(lon, longitude);
    }
    // The value says where it belongs: 100 time + 10 row + column, halved by the packing.
    std::vector<double> values(2 * x.size() * y.size());
    for (std::size_t k = 0; k < 2; ++k)
      for (std::size_t i = 0; i < y.size(); ++i)
        for (std::size_t j = 0; j < x.size(); ++j)
          values[columns_first ? (j * 2 + k) * y.size() + i : (k * y.size() + i) * x.size() + j] =
              static_cast<double>(100 * k + 10 * i + j);
    f.put(v, values);
  }
};

void check_same_places(const domain::Domain& d, const ProjectedGrid& grid) {
  const auto latitude = d.latitudes();
  const auto longitude = d.longitudes();
  for (std::size_t p = 0; p < d.size(); ++p) {
    const auto there = grid.projection.forward(longitude[p], latitude[p]);
    REQUIRE(there.has_value());
    const double tolerance = grid.projection.angular() ? 1e-9 : 1e-3;
    CHECK((*there)[0] == Approx(grid.x[p % grid.x.size()]).margin(tolerance));
    CHECK((*there)[1] == Approx(grid.y[p / grid.x.size()]).margin(tolerance));
  }
}

}  // namespace

TEST_CASE("lines of a plane are read as rows and columns on the earth", "[io]") {
  const Folder folder;
  Plane plane;
  SECTION("as they come") {}
  SECTION("columns first") { plane.columns_first = true; }
  SECTION("by axis and name where a mapping is there") {
    plane.x_name = plane.y_name = "";
    plane.names = {"xc", "yc"};
  }
  SECTION("without standard names, called x and y, in the longer form of the attribute") {
    plane.x_name = plane.y_name = "";
    plane.mapping = "lambert: x y";
  }
  plane.write(folder / "f.nc");
  const auto v = GriddedVariable::open(folder / "f.nc", "t");
  REQUIRE(v.projected() != nullptr);
  CHECK(v.projected()->x[1] == Approx(-12000));
  CHECK(v.domain().kind() == domain::DomainKind::curvilinear);
  CHECK(v.domain().columns() == 5);
  CHECK_FALSE(v.domain().periodic());
  CHECK(v.extras() == 1);
  check_same_places(v.domain(), *v.projected());
  const auto areas = v.projected()->projection.cell_areas(v.projected()->x, v.projected()->y);
  const double total = std::accumulate(areas.begin(), areas.end(), 0.0);
  for (std::size_t p = 0; p < areas.size(); ++p)
    CHECK(v.domain().weights()[p] == Approx(areas[p] / total).epsilon(1e-12));
  const auto values = v.read(0, 1, 1);
  for (std::size_t p = 0; p < 20; ++p)
    CHECK(values(0, p) == 0.5 * static_cast<double>(100 + 10 * (p / 5) + p % 5));
}

TEST_CASE("a projection may come as text, with units of its own", "[io]") {
  const Folder folder;
  Plane plane;
  plane.x_name = plane.y_name = "";
  const std::string text = "+proj=lcc +lat_1=30 +lat_2=60 +lat_0=45 +lon_0=10 +R=6371229";
  SECTION("in each of the attributes in use") {
    const std::string name =
        GENERATE(as<std::string>{}, "crs_wkt", "spatial_ref", "proj4", "proj4text", "proj4_params");
    plane.describe = [name, text](File& f, int crs) { f.text(crs, name, text); };
  }
  SECTION("of the variable") {
    plane.mapping = "";
    plane.describe = [](File&, int) {};
    plane.of_variable = [&](int f, int v) {
      test::ok(nc_put_att_text(f, v, "proj4", text.size(), text.c_str()));
    };
  }
  SECTION("coordinates without units take the definition's") {
    plane.units = "";
    plane.describe = [&](File& f, int crs) { f.text(crs, "proj4", text + " +units=km"); };
  }
  SECTION("attributes that leave the earth's shape to the text") {
    plane.describe = [&](File& f, int crs) {
      f.text(crs, "grid_mapping_name", "lambert_conformal_conic");
      f.number(crs, "standard_parallel", NC_DOUBLE, {30, 60});
      f.number(crs, "longitude_of_central_meridian", NC_DOUBLE, {10});
      f.number(crs, "latitude_of_projection_origin", NC_DOUBLE, {45});
      f.text(crs, "crs_wkt", text);
    };
  }
  plane.write(folder / "f.nc");
  Plane().write(folder / "cf.nc");
  const auto v = GriddedVariable::open(folder / "f.nc", "t");
  REQUIRE(v.projected() != nullptr);
  CHECK(v.domain().hash() == GriddedVariable::open(folder / "cf.nc", "t").domain().hash());
}

TEST_CASE("a rotated pole has degrees, a satellite's view angles", "[io]") {
  const Folder folder;
  Plane plane;
  SECTION("rotated pole all round the sphere") {
    plane.x.clear();
    for (int k = 0; k < 36; ++k) plane.x.push_back(10.0 * k + 5);
    plane.y = {-75, -45, -15, 15, 45, 75};
    plane.units = "degrees";
    plane.x_name = "grid_longitude";
    plane.y_name = "grid_latitude";
    plane.names = {"rlon", "rlat"};
    plane.describe = [](File& f, int crs) {
      f.text(crs, "grid_mapping_name", "rotated_latitude_longitude");
      f.number(crs, "grid_north_pole_latitude", NC_DOUBLE, {39.25});
      f.number(crs, "grid_north_pole_longitude", NC_DOUBLE, {-162});
    };
    plane.write(folder / "f.nc");
    const auto v = GriddedVariable::open(folder / "f.nc", "t");
    REQUIRE(v.projected() != nullptr);
    CHECK(v.domain().periodic());
    // Two of three bands of 30 degrees hold half of the sphere and the rest, as of any pole.
    double belt = 0.0;
    for (std::size_t p = 72; p < 144; ++p) belt += v.domain().weights()[p];
    CHECK(belt == Approx(0.5).epsilon(1e-12));
    const auto seen = inspect(folder / "f.nc", "t", {});
    CHECK(seen.grid->kind == "projected");
    CHECK_THAT(seen.to_text(),
               Contains("projected grid, rotated pole (WGS 84 assumed), 6 x 36, 10 x 30 degrees, global"));
  }
  SECTION("geostationary, in radians") {
    plane.x = {-0.04, -0.02, 0, 0.02, 0.04};
    plane.y = {0.06, 0.04, 0.02, 0};
    plane.units = "rad";
    plane.x_name = "projection_x_angular_coordinate";
    plane.y_name = "projection_y_angular_coordinate";
    plane.describe = [](File& f, int crs) {
      f.text(crs, "grid_mapping_name", "geostationary");
      f.number(crs, "perspective_point_height", NC_DOUBLE, {35786023});
      f.number(crs, "longitude_of_projection_origin", NC_DOUBLE, {-75});
      f.number(crs, "semi_major_axis", NC_DOUBLE, {6378137});
      f.number(crs, "semi_minor_axis", NC_DOUBLE, {6356752.31414});
      f.text(crs, "sweep_angle_axis", "x");
    };
    plane.write(folder / "f.nc");
    const auto v = GriddedVariable::open(folder / "f.nc", "t");
    REQUIRE(v.projected() != nullptr);
    check_same_places(v.domain(), *v.projected());
    CHECK(v.projected()->y[0] == Approx(0.06 * 35786023));
    // The worked example of the GOES-R product user's guide, volume 3, 5.1.2.8.1.
    const double height = 35786023;
    const auto place = v.projected()->projection.inverse(-0.024052 * height, 0.095340 * height);
    REQUIRE(place.has_value());
    CHECK((*place)[1] == Approx(33.846162).margin(1e-5));
    CHECK((*place)[0] == Approx(-84.690932).margin(1e-5));
  }
}

TEST_CASE("latitudes and longitudes beside a projection are compared with it", "[io]") {
  const Folder folder;
  Plane plane;
  plane.write(folder / "bare.nc");
  const auto bare = GriddedVariable::open(folder / "bare.nc", "t");
  plane.latitude = bare.domain().latitudes();
  plane.longitude = bare.domain().longitudes();
  SECTION("the same: theirs, with the projection's areas") {
    for (auto& x : plane.latitude) x += 0.005;
    plane.write(folder / "f.nc");
    const auto v = GriddedVariable::open(folder / "f.nc", "t");
    REQUIRE(v.projected() != nullptr);
    CHECK(v.grid_note().empty());
    CHECK(v.domain().latitudes()[7] == plane.latitude[7]);
    CHECK(v.domain().weights()[7] == Approx(bare.domain().weights()[7]).epsilon(1e-12));
  }
  SECTION("others: theirs alone, and a note") {
    plane.latitude[7] += 0.02;  // 2.2 km of a cell of 12 km
    plane.write(folder / "f.nc");
    const auto v = GriddedVariable::open(folder / "f.nc", "t");
    CHECK(v.projected() == nullptr);
    CHECK(v.domain().latitudes()[7] == plane.latitude[7]);
    CHECK_THAT(v.grid_note(), Contains("do not agree") && Contains("[row 1][column 2]"));
    CHECK_THAT(inspect(folder / "f.nc", "t", {}).to_text(), Contains("do not agree"));
  }
  SECTION("a projection that cannot be made does not stop them") {
    plane.describe = [](File& f, int crs) { f.text(crs, "grid_mapping_name", "lambert_conformal_conic"); };
    plane.write(folder / "f.nc");
    const auto v = GriddedVariable::open(folder / "f.nc", "t");
    CHECK(v.projected() == nullptr);
    CHECK_THAT(v.grid_note(), Contains("standard_parallel"));
  }
}

TEST_CASE("plain latitudes and longitudes stay what they are under a grid mapping", "[io]") {
  const Folder folder;
  test::Grid g;
  g.more = [](File& f, int v) {
    const int crs = f.var("crs", NC_INT, {});
    f.text(crs, "grid_mapping_name", "latitude_longitude");
    f.text(crs, "crs_wkt", "GEOGCRS[\"WGS 84\"]");
    f.text(v, "grid_mapping", "crs");
  };
  g.write(folder / "f.nc");
  const auto v = GriddedVariable::open(folder / "f.nc", "t");
  CHECK(v.projected() == nullptr);
  CHECK(v.domain().kind() == domain::DomainKind::lat_lon);
}

TEST_CASE("projected grids that cannot be placed are refused by name", "[io]") {
  const Folder folder;
  Plane plane;
  const auto said = [&] {
    plane.write(folder / "f.nc");
    const Error e = error_of([&] { static_cast<void>(GriddedVariable::open(folder / "f.nc", "t")); });
    CHECK(e.kind() == ErrorKind::input);
    CHECK(e.context().file == folder / "f.nc");
    CHECK_FALSE(e.context().remedy.empty());
    return std::string(e.what());
  };
  SECTION("no mapping") {
    plane.mapping = "";
    CHECK_THAT(said(), Contains("no grid mapping says how") && Contains("grid_mapping"));
  }
  SECTION("a mapping without its numbers") {
    plane.describe = [](File& f, int crs) { f.text(crs, "grid_mapping_name", "lambert_conformal_conic"); };
    CHECK_THAT(said(), Contains("standard_parallel") && Contains("'lambert'"));
  }
  SECTION("an unknown mapping") {
    plane.describe = [](File& f, int crs) { f.text(crs, "grid_mapping_name", "mercatur"); };
    CHECK_THAT(said(), Contains("mercatur") && Contains("mercator"));
  }
  SECTION("units that are no length") {
    plane.units = "K";
    CHECK_THAT(said(), Contains("no units of its plane") && Contains("'x'"));
  }
  SECTION("a coordinate that turns back") {
    plane.y = {0, 12, 24, 23};
    CHECK_THAT(said(), Contains("not monotonic") && Contains("'y'") && Contains("[y 3]"));
  }
  SECTION("cells off the earth") {
    plane.describe = [](File& f, int crs) { f.text(crs, "proj4", "+proj=ortho +lat_0=90 +R=6371229"); };
    plane.x = {0, 3000, 6000, 9000};
    CHECK_THAT(said(), Contains("does not lie on the earth") && Contains("[x 3]"));
  }
}
