#include "catch.hpp"

#include "manifill/base/error.hpp"
#include "manifill/plot/file_map.hpp"
#include "manifill/plot/time_selection.hpp"

using namespace manifill::plot;
using manifill::Error;
using manifill::io::TimeAxis;
using Times = std::vector<std::size_t>;

namespace {

/// 24 months from January 1990, dated at the middle.
TimeAxis months() {
  TimeAxis axis{.name = "time"};
  for (int i = 0; i < 24; ++i)
    axis.dates.push_back({.year = 1990 + i / 12, .month = 1 + i % 12, .day = 15, .day_fraction = 0.5});
  return axis;
}

TimeAxis hours() {
  TimeAxis axis{.name = "time"};
  for (int i = 0; i < 8; ++i)
    axis.dates.push_back({.year = 2001, .month = 1, .day = 1 + i / 4, .day_fraction = 0.25 * (i % 4)});
  return axis;
}

}  // namespace

TEST_CASE("times are chosen by index and by date") {
  const TimeAxis axis = months();
  CHECK(select_times("0", axis, 24) == Times{0});
  CHECK(select_times("-1", axis, 24) == Times{23});
  CHECK(select_times("1990-07", axis, 24) == Times{6});
  CHECK(select_times("1991-07-15", axis, 24) == Times{18});
  CHECK(select_times("2001-01-02T06", hours(), 8) == Times{5});
  CHECK(select_times("0", TimeAxis{}, 1) == Times{0});
}

TEST_CASE("series include both ends, which may be left out") {
  const TimeAxis axis = months();
  CHECK(select_times("1990-11:1991-02", axis, 24) == Times{10, 11, 12, 13});
  CHECK(select_times("3:9:3", axis, 24) == Times{3, 6, 9});
  CHECK(select_times("20:", axis, 24) == Times{20, 21, 22, 23});
  CHECK(select_times(":", axis, 24).size() == 24);
  CHECK(select_times("::12", axis, 24) == Times{0, 12});
  // The last hour of the day that ends a range belongs to it.
  CHECK(select_times("2001-01-01:2001-01-01", hours(), 8) == Times{0, 1, 2, 3});
  CHECK(selects_series("1:2"));
  CHECK_FALSE(selects_series("1990-07"));
}

TEST_CASE("times that are not there are refused with a way out") {
  const TimeAxis axis = months();
  for (const char* wrong : {"24", "-25", "1989-01", "1990-07-16", "1990-13", "July", "", "1990-7", "9:3",
                            "0:5:0", "0:5:x", "1:2:3:4", "1990-07-15T99", "1990-07-"})
    CHECK_THROWS_AS(select_times(wrong, axis, 24), Error);
  CHECK_THROWS_WITH(select_times("1992-03", axis, 24), Catch::Matchers::ContainsSubstring("1991-12-15"));
  CHECK_THROWS_AS(select_times("1990-07", TimeAxis{}, 1), Error);
}

TEST_CASE("dates read as their steps call for") {
  CHECK(date_label(months(), 6) == "July 1990");
  CHECK(date_label(hours(), 5) == "2 January 2001 06:00");
  CHECK(date_label(TimeAxis{}, 0).empty());
  TimeAxis years{.name = "time"};
  for (int i = 0; i < 3; ++i) years.dates.push_back({.year = 1900 + i, .month = 7, .day = 1});
  CHECK(date_label(years, 2) == "1902");
}

TEST_CASE("units are printed as in print") {
  CHECK(printed_units("K") == "K");
  CHECK(printed_units("degC") == "\u00b0C");
  CHECK(printed_units("1").empty());
  CHECK(printed_units("m s-1") == "m s\u207b\u00b9");
  CHECK(printed_units("W m-2") == "W m\u207b\u00b2");
  CHECK(printed_units("kg m^2") == "kg m\u00b2");
  CHECK(printed_units("1e-3") == "1e-3");
  CHECK(printed_units("%") == "%");
}
