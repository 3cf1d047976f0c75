#include "manifill/io/reconstructed_file.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/io/png_image.hpp"
#include "netcdf_fixture.hpp"

using namespace manifill;
using namespace manifill::io;
using manifill::test::error_of;
using manifill::test::File;
using manifill::test::Folder;

namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

/// v(lev, time, lat, lon) with bounds of time, which is a 64-bit integer.
void write_source(const std::string& path) {
  File f(path);
  const int lev = f.dim("lev", 2);
  const int time = f.dim("time", 3);
  const int lat = f.dim("lat", 2);
  const int lon = f.dim("lon", 4);
  const int two = f.dim("bnds", 2);
  const int levels = f.var("lev", NC_DOUBLE, {lev});
  f.text(levels, "units", "hPa");
  const int times = f.var("time", NC_INT64, {time});
  f.text(times, "units", "days since 2001-01-01");
  f.text(times, "bounds", "time_bnds");
  const int bounds = f.var("time_bnds", NC_DOUBLE, {time, two});
  const int latitudes = f.var("lat", NC_DOUBLE, {lat});
  f.text(latitudes, "units", "degrees_north");
  const int longitudes = f.var("lon", NC_DOUBLE, {lon});
  f.text(longitudes, "units", "degrees_east");
  const int v = f.var("v", NC_FLOAT, {lev, time, lat, lon});
  f.text(v, "units", "K");
  f.end();
  f.put(levels, {850, 500});
  f.put(times, {14, 45, 73});
  f.put(bounds, {0, 31, 31, 59, 59, 90});
  f.put(latitudes, {-45, 45});
  f.put(longitudes, {0, 90, 180, 270});
  std::vector<double> values(48);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 270.0 + static_cast<double>(i);
  f.put(v, values);
}

float value_at(std::size_t extra, std::size_t time, std::size_t point) {
  return static_cast<float>(1000 * extra + 100 * time + point);
}

}  // namespace

TEST_CASE("reconstructed fields keep the other axes of their source and lie on a grid of their own") {
  const Folder folder;
  write_source(folder / "in.nc");
  const auto source = GriddedVariable::open(folder / "in.nc", "v");
  const auto fine = domain::Domain::lat_lon({-60, 0, 60}, {0, 60, 120, 180, 240, 300});
  ReconstructedFileWriter writer(
      folder / "out.nc", source, fine,
      {.about = {.variable = "v", .units = "K", .history = "made"}, .members = 2, .spread_comment = "of 2"});
  for (std::size_t e = 0; e < 2; ++e)
    for (const std::size_t t : {2U, 0U, 1U}) {
      std::vector<float> mean;
      std::vector<float> members;
      for (std::size_t p = 0; p < 18; ++p) mean.push_back(p == 7 ? kNone : value_at(e, t, p));
      for (const float off : {-1.0F, 1.0F})
        for (const float m : mean) members.push_back(m + off);
      writer.write(e, t, mean, std::vector<float>(18, 1.5F), std::vector<std::int8_t>(18, 1), members);
    }
  CHECK(folder.entries() == 2);  // the input, and a temporary name until the commit
  writer.commit();
  const auto v = GriddedVariable::open(folder / "out.nc", "v");
  CHECK(v.domain().hash() == fine.hash());
  CHECK(v.times() == 3);
  CHECK(v.extras() == 2);
  CHECK(v.time().units == "days since 2001-01-01");
  CHECK(v.time().values == std::vector<double>{14, 45, 73});
  CHECK(v.read(1, 2, 1)(0, 17) == value_at(1, 2, 17));
  CHECK(std::isnan(v.read(1, 2, 1)(0, 7)));
  const auto f = File::open(folder / "out.nc");
  CHECK(f.get("time_bnds") == std::vector<double>{0, 31, 31, 59, 59, 90});
  CHECK(f.get("lev") == std::vector<double>{850, 500});
  CHECK(f.shape("v_member") == std::vector<std::size_t>{2, 2, 3, 3, 6});
  CHECK(f.get("v_member")[0] == -1.0);
  CHECK(f.text_of("v", "ancillary_variables") == "v_spread v_status v_member");
  CHECK(f.text_of("v_spread", "comment") == "of 2");
  CHECK(f.text_of("", "history") == "made");
}

TEST_CASE("a source in another form than NetCDF has no other axes") {
  const Folder folder;
  write_image(folder / "in.png", 2, 3, {{0, 0.2, 0.4, 0.6, 0.8, 1}}, 8, "");
  const auto source = GriddedVariable::open(folder / "in.png", "");
  ReconstructedFileWriter writer(folder / "out.nc", source, domain::Domain::plane(4, 6),
                                 {.about = {.variable = "grey", .units = "1"}});
  writer.write(0, 0, std::vector<float>(24, 0.25F), std::vector<float>(24, 0.1F),
               std::vector<std::int8_t>(24, 1), {});
  writer.commit();
  const auto v = GriddedVariable::open(folder / "out.nc", "grey");
  CHECK(v.domain().hash() == domain::Domain::plane(4, 6).hash());
  CHECK(v.read(0, 0, 1)(0, 23) == 0.25);
}

TEST_CASE("reconstructed fields that are not whole do not appear") {
  const Folder folder;
  write_source(folder / "in.nc");
  const auto source = GriddedVariable::open(folder / "in.nc", "v");
  const auto fine = domain::Domain::lat_lon({-60, 0, 60}, {0, 60, 120, 180, 240, 300});
  {
    ReconstructedFileWriter writer(folder / "out.nc", source, fine, {.about = {.variable = "v"}});
    const std::vector<float> all(18, 1.0F);
    const std::vector<std::int8_t> status(18, 1);
    CHECK(error_of([&] { writer.write(0, 3, all, all, status, {}); }).kind() == ErrorKind::internal);
    CHECK(error_of([&] { writer.write(0, 0, all, all, status, all); }).kind() == ErrorKind::internal);
    writer.write(0, 0, all, all, status, {});
    CHECK(error_of([&] { writer.commit(); }).kind() == ErrorKind::internal);
  }
  CHECK(folder.entries() == 1);
}
