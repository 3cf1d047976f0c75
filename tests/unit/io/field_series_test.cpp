#include "manifill/io/field_series.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/io/gridded.hpp"
#include "manifill/io/imputed_file.hpp"
#include "netcdf_fixture.hpp"

using namespace manifill;
using namespace manifill::io;
using manifill::test::error_of;
using manifill::test::File;
using manifill::test::Folder;

namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

FieldSeries two_months() {
  return {.about = {.variable = "tas", .units = "K", .standard_name = "air_temperature"},
          .dates = {{.year = 1999, .month = 12, .day = 15}, {.year = 2000, .month = 1, .day = 15}},
          .members = 2};
}

}  // namespace

TEST_CASE("a series of fields reads back as a gridded variable with its companions") {
  const Folder folder;
  const auto grid = domain::Domain::lat_lon({-30, 30}, {0, 120, 240});
  const std::vector<std::int8_t> status{1, 1, 3, 1, 1, 1};
  {
    FieldSeriesWriter writer(folder / "out.nc", grid, two_months());
    // In any order of time.
    for (const std::size_t t : {1U, 0U}) {
      std::vector<float> mean, spread, members;
      for (std::size_t i = 0; i < 6; ++i) {
        mean.push_back(i == 2 ? kNone : 280.0F + static_cast<float>(10 * t + i));
        spread.push_back(i == 2 ? kNone : 0.5F);
      }
      for (const float off : {-1.0F, 1.0F})
        for (const float m : mean) members.push_back(m + off);
      writer.write(t, mean, spread, status, members);
    }
    CHECK(folder.entries() == 1);  // a temporary name until the commit
    writer.commit();
  }
  const auto v = GriddedVariable::open(folder / "out.nc", "tas");
  CHECK(v.domain().hash() == grid.hash());
  REQUIRE(v.times() == 2);
  CHECK(v.time().dates[1].year == 2000);
  CHECK(v.time().dates[1].month == 1);
  CHECK(v.time().dates[1].day == 15);
  CHECK(v.read(0, 1, 1)(0, 5) == 295.0);
  CHECK(std::isnan(v.read(0, 1, 1)(0, 2)));
  const auto member = GriddedVariable::open(folder / "out.nc", "tas_member");
  CHECK(member.extras() == 2);
  CHECK(member.read(1, 0, 1)(0, 0) == 281.0);
  const auto f = File::open(folder / "out.nc");
  CHECK(f.text_of("tas", "ancillary_variables") == "tas_spread tas_status tas_member");
  CHECK(f.text_of("tas_spread", "standard_name") == "air_temperature standard_error");
  CHECK(f.text_of("tas_status", "flag_meanings") == "observed infilled not_filled masked");
  CHECK(f.get("tas_status")[2] == 3);
  CHECK(f.text_of("time", "units") == "days since 1999-01-01");
}

TEST_CASE("cells without a time have their coordinates beside them") {
  const Folder folder;
  const auto cells = domain::Domain::healpix(1, domain::healpix::Ordering::ring);
  FieldSeriesWriter writer(folder / "out.nc", cells, {.about = {.variable = "t", .units = "1"}});
  writer.write(0, std::vector<float>(12, 2.0F), std::vector<float>(12, 1.0F), std::vector<std::int8_t>(12, 1),
               {});
  writer.commit();
  const auto v = GriddedVariable::open(folder / "out.nc", "t");
  CHECK(v.domain().size() == 12);
  CHECK(v.read(0, 0, 1)(0, 11) == 2.0);
  CHECK(File::open(folder / "out.nc").text_of("t_status", "coordinates") == "lat lon");
}

TEST_CASE("what is not whole does not appear") {
  const Folder folder;
  const auto grid = domain::Domain::lat_lon({-30, 30}, {0, 120, 240});
  {
    FieldSeriesWriter writer(folder / "out.nc", grid, two_months());
    const std::vector<float> six(6, 1.0F);
    const std::vector<std::int8_t> status(6, 1);
    CHECK(error_of([&] { writer.write(0, six, six, status, six); }).kind() == ErrorKind::internal);
    CHECK(error_of([&] { writer.write(2, six, six, status, std::vector<float>(12, 1.0F)); }).kind() ==
          ErrorKind::internal);
    writer.write(0, six, six, status, std::vector<float>(12, 1.0F));
    CHECK(error_of([&] { writer.commit(); }).kind() == ErrorKind::internal);
  }
  CHECK(folder.entries() == 0);
}
