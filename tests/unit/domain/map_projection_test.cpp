#include "manifill/domain/map_projection.hpp"

#include <cmath>
#include <numbers>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "manifill/domain/sphere.hpp"
#include "refusal.hpp"

using namespace manifill;
using Catch::Contains;
using domain::GridMapping;
using domain::MapProjection;
using test::refusal;

namespace {

constexpr double kRadius = 6371229.0;

/// Degrees, minutes and seconds of EPSG's examples.
double dms(double degrees, double minutes, double seconds) { return degrees + minutes / 60 + seconds / 3600; }

void check_forward(const MapProjection& p, double longitude, double latitude, double x, double y,
                   double tolerance) {
  CAPTURE(p.definition());
  const auto there = p.forward(longitude, latitude);
  REQUIRE(there.has_value());
  CHECK(std::abs((*there)[0] - x) < tolerance);
  CHECK(std::abs((*there)[1] - y) < tolerance);
  const auto back = p.inverse(x, y);
  REQUIRE(back.has_value());
  CHECK(std::abs(std::remainder((*back)[0] - longitude, 360.0)) < 1e-5);
  CHECK(std::abs((*back)[1] - latitude) < 1e-5);
}

double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

std::vector<double> centres(double low, double high, std::size_t n) {
  std::vector<double> c;
  for (std::size_t k = 0; k < n; ++k)
    c.push_back(low + (high - low) * (static_cast<double>(k) + 0.5) / static_cast<double>(n));
  return c;
}

/// One mapping of each name of CF's appendix F, on the same sphere.
std::vector<GridMapping> every_mapping() {
  std::vector<GridMapping> all{
      {"albers_conical_equal_area",
       {{"standard_parallel", {20, 50}},
        {"longitude_of_central_meridian", {10}},
        {"latitude_of_projection_origin", {40}}}},
      {"azimuthal_equidistant",
       {{"longitude_of_projection_origin", {10}}, {"latitude_of_projection_origin", {40}}}},
      {"geostationary",
       {{"longitude_of_projection_origin", {10}},
        {"latitude_of_projection_origin", {0}},
        {"perspective_point_height", {35785831}}},
       {{"sweep_angle_axis", "y"}}},
      {"lambert_azimuthal_equal_area",
       {{"longitude_of_projection_origin", {10}}, {"latitude_of_projection_origin", {40}}}},
      {"lambert_conformal_conic",
       {{"standard_parallel", {25, 60}},
        {"longitude_of_central_meridian", {10}},
        {"latitude_of_projection_origin", {40}}}},
      {"lambert_cylindrical_equal_area",
       {{"standard_parallel", {30}}, {"longitude_of_central_meridian", {10}}}},
      {"mercator", {{"longitude_of_projection_origin", {10}}, {"standard_parallel", {20}}}},
      {"oblique_mercator",
       {{"azimuth_of_central_line", {30}},
        {"longitude_of_projection_origin", {10}},
        {"latitude_of_projection_origin", {40}},
        {"scale_factor_at_projection_origin", {0.9996}}}},
      {"orthographic", {{"longitude_of_projection_origin", {10}}, {"latitude_of_projection_origin", {40}}}},
      {"polar_stereographic",
       {{"straight_vertical_longitude_from_pole", {10}},
        {"latitude_of_projection_origin", {90}},
        {"standard_parallel", {70}}}},
      {"rotated_latitude_longitude",
       {{"grid_north_pole_latitude", {39.25}}, {"grid_north_pole_longitude", {-162}}}},
      {"sinusoidal", {{"longitude_of_projection_origin", {10}}}},
      {"stereographic",
       {{"longitude_of_projection_origin", {10}},
        {"latitude_of_projection_origin", {40}},
        {"scale_factor_at_projection_origin", {1}}}},
      {"transverse_mercator",
       {{"longitude_of_central_meridian", {10}},
        {"latitude_of_projection_origin", {40}},
        {"scale_factor_at_central_meridian", {0.9996}}}},
      {"vertical_perspective",
       {{"longitude_of_projection_origin", {10}},
        {"latitude_of_projection_origin", {40}},
        {"perspective_point_height", {3e6}}}},
  };
  for (auto& m : all) {
    m.numbers["earth_radius"] = {kRadius};
    m.numbers["false_easting"] = {m.name == "rotated_latitude_longitude" ? 0.0 : 1e5};
  }
  return all;
}

}  // namespace

TEST_CASE("projections have the coordinates of IOGP Guidance Note 7-2", "[domain]") {
  // Published to the centimetre.
  SECTION("Lambert conformal conic, two parallels: NAD27 / Texas South Central") {
    GridMapping m{"lambert_conformal_conic",
                  {{"standard_parallel", {dms(28, 23, 0), dms(30, 17, 0)}},
                   {"longitude_of_central_meridian", {-99}},
                   {"latitude_of_projection_origin", {dms(27, 50, 0)}},
                   {"false_easting", {2000000 * 1200.0 / 3937.0}},
                   {"semi_major_axis", {6378206.4}},
                   {"inverse_flattening", {294.97870}}}};
    const double foot = 1200.0 / 3937.0;
    check_forward(MapProjection::from_grid_mapping(m), -96, 28.5, 2963503.91 * foot, 254759.80 * foot, 0.01);
  }
  SECTION("transverse Mercator: the British grid") {
    const GridMapping m{"transverse_mercator",
                        {{"longitude_of_central_meridian", {-2}},
                         {"latitude_of_projection_origin", {49}},
                         {"scale_factor_at_central_meridian", {0.9996012717}},
                         {"false_easting", {400000}},
                         {"false_northing", {-100000}},
                         {"semi_major_axis", {6377563.396}},
                         {"inverse_flattening", {299.32496}}}};
    check_forward(MapProjection::from_grid_mapping(m), 0.5, 50.5, 577274.99, 69740.50, 0.02);
  }
  SECTION("Mercator, true to scale at 42 north: the Caspian Sea") {
    const GridMapping m{"mercator",
                        {{"longitude_of_projection_origin", {51}},
                         {"standard_parallel", {42}},
                         {"semi_major_axis", {6378245.0}},
                         {"inverse_flattening", {298.3}}}};
    check_forward(MapProjection::from_grid_mapping(m), 53, 53, 165704.29, 5171848.07, 0.01);
  }
  SECTION("polar stereographic with a standard parallel: Australian Antarctic") {
    const GridMapping m{"polar_stereographic",
                        {{"straight_vertical_longitude_from_pole", {70}},
                         {"latitude_of_projection_origin", {-90}},
                         {"standard_parallel", {-71}},
                         {"false_easting", {6000000}},
                         {"false_northing", {6000000}},
                         {"semi_major_axis", {6378137}},
                         {"inverse_flattening", {298.2572236}}}};
    check_forward(MapProjection::from_grid_mapping(m), 120, -75, 7255380.79, 7053389.56, 0.01);
  }
  SECTION("Lambert azimuthal equal area: Europe") {
    const GridMapping m{"lambert_azimuthal_equal_area",
                        {{"longitude_of_projection_origin", {10}},
                         {"latitude_of_projection_origin", {52}},
                         {"false_easting", {4321000}},
                         {"false_northing", {3210000}},
                         {"semi_major_axis", {6378137}},
                         {"inverse_flattening", {298.2572221}}}};
    check_forward(MapProjection::from_grid_mapping(m), 5, 50, 3962799.45, 2999718.85, 0.01);
  }
  SECTION("oblique Mercator, variant B: Borneo") {
    const GridMapping m{"oblique_mercator",
                        {{"azimuth_of_central_line", {dms(53, 18, 56.9537)}},
                         {"longitude_of_projection_origin", {115}},
                         {"latitude_of_projection_origin", {4}},
                         {"scale_factor_at_projection_origin", {0.99984}},
                         {"false_easting", {590476.87}},
                         {"false_northing", {442857.65}},
                         {"semi_major_axis", {6377298.556}},
                         {"inverse_flattening", {300.8017}}}};
    // The example turns the axes by 53 07 48.3685, CF by the azimuth itself, 0.19 degrees more; about the
    // centre of the projection, from which the point is 240 km away. So the distance to it is compared.
    const auto p = MapProjection::from_grid_mapping(m);
    const auto there = p.forward(dms(115, 48, 19.8196), dms(5, 23, 14.1129));
    REQUIRE(there.has_value());
    CHECK(std::hypot((*there)[0] - 590476.87, (*there)[1] - 442857.65) ==
          Approx(std::hypot(679245.73 - 590476.87, 596562.78 - 442857.65)).margin(0.02));
  }
}

TEST_CASE("a rotated pole's latitudes and longitudes follow from spherical trigonometry", "[domain]") {
  const double pole_latitude = 39.25;
  const double pole_longitude = -162.0;
  const auto p = MapProjection::from_grid_mapping({"rotated_latitude_longitude",
                                                   {{"grid_north_pole_latitude", {pole_latitude}},
                                                    {"grid_north_pole_longitude", {pole_longitude}},
                                                    {"earth_radius", {kRadius}}}});
  CHECK(p.angular());
  CHECK(p.name() == "rotated pole");
  std::mt19937 random(3);
  std::uniform_real_distribution<double> unit(-1.0, 1.0);
  for (int k = 0; k < 200; ++k) {
    const double lon = 180 * unit(random);
    const double lat = std::asin(unit(random)) / domain::kDegree;
    const auto there = p.forward(lon, lat);
    REQUIRE(there.has_value());
    const auto a = domain::unit_vector(lat, lon);
    const auto pole = domain::unit_vector(pole_latitude, pole_longitude);
    // The height over the grid's equator is the cosine of the distance to its pole.
    CHECK(std::sin((*there)[1] * domain::kDegree) ==
          Approx(a[0] * pole[0] + a[1] * pole[1] + a[2] * pole[2]).margin(1e-12));
    const auto back = p.inverse((*there)[0] + 360.0, (*there)[1]);
    REQUIRE(back.has_value());
    CHECK(std::abs((*back)[1] - lat) < 1e-9);
  }
  // The grid's origin lies a quarter of a turn from its pole, south of it.
  const auto origin = p.inverse(0, 0);
  REQUIRE(origin.has_value());
  CHECK((*origin)[0] == Approx(18.0));
  CHECK((*origin)[1] == Approx(90 - 39.25));
}

TEST_CASE("every grid mapping of the CF conventions is read, there and back", "[domain]") {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> east(-15.0, 35.0);
  std::uniform_real_distribution<double> north(20.0, 60.0);
  for (const auto& m : every_mapping()) {
    CAPTURE(m.name);
    const auto p = MapProjection::from_grid_mapping(m);
    CHECK_FALSE(p.earth_assumed());
    const MapProjection copy = p;
    for (int k = 0; k < 20; ++k) {
      const double lon = east(random);
      const double lat = north(random);
      const auto there = p.forward(lon, lat);
      REQUIRE(there.has_value());
      CHECK(copy.forward(lon, lat) == there);
      const auto back = p.inverse((*there)[0], (*there)[1]);
      REQUIRE(back.has_value());
      // Inverses of PROJ iterate to 1e-10 radian or better.
      CHECK((*back)[0] == Approx(lon).margin(1e-7));
      CHECK((*back)[1] == Approx(lat).margin(1e-7));
    }
  }
}

TEST_CASE("cells of a projection have the areas of their quadrilaterals on the sphere", "[domain]") {
  for (const auto& m : every_mapping()) {
    CAPTURE(m.name);
    const auto p = MapProjection::from_grid_mapping(m);
    const auto middle = p.forward(12, 42);
    REQUIRE(middle.has_value());
    const double step = p.angular() ? 0.25 : 25000.0;
    std::vector<double> x;
    std::vector<double> y;
    for (int k = -3; k <= 3; ++k) {
      x.push_back((*middle)[0] + step * k);
      y.push_back((*middle)[1] - step * k);
    }
    const auto area = p.cell_areas(x, y);
    REQUIRE(area.size() == 49);
    for (std::size_t i = 0; i < 7; ++i)
      for (std::size_t j = 0; j < 7; ++j) {
        const auto corner = [&](double a, double b) {
          const auto place = p.inverse(x[j] + a * step, y[i] + b * step);
          REQUIRE(place.has_value());
          return domain::unit_vector((*place)[1], (*place)[0]);
        };
        const auto a = corner(-0.5, -0.5);
        const auto b = corner(0.5, -0.5);
        const auto c = corner(0.5, 0.5);
        const auto d = corner(-0.5, 0.5);
        const double quadrilateral =
            kRadius * kRadius *
            (domain::spherical_triangle_area(a, b, c) + domain::spherical_triangle_area(a, c, d));
        // Lines of the plane are no great circles, and the scale varies in a cell: second order in 25 km /
        // 6371 km.
        CHECK(area[i * 7 + j] == Approx(quadrilateral).epsilon(1e-4));
      }
  }
}

TEST_CASE("areas sum up to what the sphere has", "[domain]") {
  SECTION("a rotated grid of the whole sphere, exactly") {
    const auto p = MapProjection::from_text("+proj=ob_tran +o_proj=longlat +o_lat_p=30 +lon_0=10 +R=1000");
    const auto area = p.cell_areas(centres(-180, 180, 36), centres(90, -90, 18));
    CHECK(sum(area) == Approx(4 * std::numbers::pi * 1e6).epsilon(1e-12));
  }
  SECTION("a Mercator map of a band") {
    const auto p = MapProjection::from_text("+proj=merc +lat_ts=20 +R=6371229");
    const auto edge = p.forward(0, 60);
    const auto side = p.forward(179.999999, 0);
    REQUIRE((edge && side));
    const auto area = p.cell_areas(centres(-(*side)[0], (*side)[0], 40), centres(0, (*edge)[1], 400));
    // Centres stand for their cells: second order in 1/400.
    CHECK(sum(area) ==
          Approx(2 * std::numbers::pi * kRadius * kRadius * std::sin(60 * domain::kDegree)).epsilon(1e-5));
  }
  SECTION("an equal-area map on the ellipsoid") {
    const auto p = MapProjection::from_text("EPSG:3035");
    const auto area = p.cell_areas(centres(3.9e6, 4.3e6, 4), centres(2.9e6, 3.3e6, 4));
    for (const double a : area) CHECK(a == Approx(1e10).epsilon(1e-6));  // scales are differences of 1e-5 rad
  }
  SECTION("the ellipsoid itself, by a cylindrical equal-area map of all of it") {
    const auto p = MapProjection::from_text("+proj=cea +ellps=GRS80");
    const double half = std::numbers::pi * 6378137.0;
    const auto pole = p.forward(0, 90);
    REQUIRE(pole.has_value());
    const auto area = p.cell_areas(centres(-half, half, 10), centres(-(*pole)[1], (*pole)[1], 9));
    CHECK(sum(area) == Approx(510065621.7e6).epsilon(1e-6));  // Moritz 2000, table of GRS 80
  }
}

TEST_CASE("definitions in words of their own mean the same projection", "[domain]") {
  const auto code = MapProjection::from_text("EPSG:3413");
  const auto text =
      MapProjection::from_text("+proj=stere +lat_0=90 +lat_ts=70 +lon_0=-45 +datum=WGS84 +units=km +no_defs");
  CHECK(code.name() == "Polar Stereographic");
  CHECK(code.unit() == 1.0);
  CHECK(text.unit() == 1000.0);
  const auto wkt = MapProjection::from_text(
      R"(PROJCS["NSIDC",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Polar_Stereographic"],PARAMETER["latitude_of_origin",70],PARAMETER["central_meridian",-45],PARAMETER["false_easting",0],PARAMETER["false_northing",0],UNIT["metre",1]])");
  for (const double lat : {60.0, 75.0, 90.0}) {
    const auto a = code.forward(20, lat);
    REQUIRE(a.has_value());
    for (const auto* other : {&text, &wkt}) {
      const auto b = other->forward(20, lat);
      REQUIRE(b.has_value());
      CHECK((*b)[0] == Approx((*a)[0]).margin(1e-3));
      CHECK((*b)[1] == Approx((*a)[1]).margin(1e-3));
    }
  }
  CHECK(MapProjection::from_text("+proj=robin").earth_assumed());
  CHECK(MapProjection::from_text("proj=robin R=6371000").radius() == Approx(6371000));
  // A datum's shift to WGS 84 is not applied: its latitudes are its own.
  const auto shifted =
      MapProjection::from_text("+proj=merc +a=6377563.396 +rf=299.3249646 +towgs84=446,-125,542");
  const auto plain = MapProjection::from_text("+proj=merc +ellps=airy");
  CHECK((*shifted.forward(0, 50))[1] == Approx((*plain.forward(0, 50))[1]).margin(0.01));
}

TEST_CASE("nothing lies beyond a map's edge", "[domain]") {
  const auto globe = MapProjection::from_text("+proj=ortho +lat_0=40 +R=6371000");
  CHECK_FALSE(globe.forward(180, -40).has_value());
  CHECK_FALSE(globe.inverse(5e6, 5e6).has_value());
  const auto sinusoidal = MapProjection::from_text("+proj=sinu +R=6371007.181");
  CHECK(sinusoidal.inverse(9e6, 6671703).has_value());
  CHECK_FALSE(sinusoidal.inverse(1.2e7, 6671703).has_value());  // PROJ itself goes on, round the earth
  const auto cylinder = MapProjection::from_text("+proj=merc +lon_0=10 +R=6371000");
  const auto turned = cylinder.inverse(2 * std::numbers::pi * 6371000 + 1000, 0);
  REQUIRE(turned.has_value());
  CHECK((*turned)[0] == Approx(10 + 1000 / 6371000.0 / domain::kDegree));
  const std::string message = refusal([&] {
    static_cast<void>(sinusoidal.cell_areas({0, 6e6, 1.2e7}, {0, 6671703}));
  });
  CHECK_THAT(message, Contains("[y 1][x 2]") && Contains("does not lie on the earth"));
}

TEST_CASE("what makes no projection is refused with its reason", "[domain]") {
  const auto said = [](const std::string& definition) {
    return refusal([&] { static_cast<void>(MapProjection::from_text(definition)); });
  };
  CHECK_THAT(said("+proj=nonsense"), Contains("nonsense"));
  CHECK_THAT(said("+proj=lcc +lat_1=30 +lat_2=-30"),
             Contains("no map projection") && Contains("PROJ says: lcc") && Contains("lat_1"));
  CHECK_THAT(said("rubbish"), Contains("rubbish"));
  CHECK_THAT(said(""), Contains("no map projection"));
  CHECK_THAT(said("EPSG:4326"), Contains("longitude and latitude as they are"));
  CHECK_THAT(said("+proj=pipeline +step +proj=merc"), Contains("no single projection"));
  CHECK_THAT(said("+proj=hgridshift +grids=/etc/passwd"), Contains("'grids' is not read"));
  CHECK_THAT(said("+proj=cart"), Contains("no projection with an inverse"));
  CHECK_THAT(said("+proj=lcc +lat_1=30 +datum=nowhere"), Contains("datum"));
  GridMapping m{"lambert_conformal_conic", {{"standard_parallel", {30}}}};
  CHECK_THAT(refusal([&] { static_cast<void>(MapProjection::from_grid_mapping(m)); }),
             Contains("latitude_of_projection_origin"));
  m.name = "lambert_conformal";
  CHECK_THAT(refusal([&] { static_cast<void>(MapProjection::from_grid_mapping(m)); }),
             Contains("unknown") && Contains("lambert_conformal_conic"));
  const auto p = MapProjection::from_text("+proj=merc");
  CHECK_THAT(refusal([&] { static_cast<void>(p.cell_areas({0, 1, 1}, {0, 1})); }), Contains("[x 2]"));
  CHECK_THAT(refusal([&] {
               static_cast<void>(p.cell_areas({0}, {0, 1}));
             }),
             Contains("two rows and two columns"));
}

TEST_CASE("copies of a projection serve threads of their own", "[domain]") {
  const auto p = MapProjection::from_text("+proj=lcc +lat_1=30 +lat_2=60 +lat_0=45 +lon_0=10 +R=6371229");
  const auto expected = *p.forward(17, 52);
  std::vector<std::array<double, 2>> found(4);
  std::vector<std::thread> threads;
  for (auto& out : found)
    threads.emplace_back([&out, copy = p] {
      for (int k = 0; k < 1000; ++k) out = *copy.forward(17, 52);
    });
  for (auto& t : threads) t.join();
  for (const auto& out : found) CHECK(out == expected);
}
