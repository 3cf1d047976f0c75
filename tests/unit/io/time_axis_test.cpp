#include "manifill/io/time_axis.hpp"

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "netcdf_fixture.hpp"

using namespace manifill;
using namespace manifill::io;
using Catch::Matchers::ContainsSubstring;
using manifill::test::error_of;

namespace {

DateTime one(double value, const std::string& units, const std::string& calendar = "standard") {
  return decode_time("time", {value}, units, calendar).dates.at(0);
}

void check_date(const DateTime& d, int year, int month, int day, double fraction = 0.0) {
  CHECK(d.year == year);
  CHECK(d.month == month);
  CHECK(d.day == day);
  CHECK(d.day_fraction == Approx(fraction).margin(1e-7));
}

}  // namespace

TEST_CASE("dates agree with cftime in every calendar") {
  struct Row {
    const char* units;
    const char* calendar;
    double value;
    int year, month, day;
    double fraction;
  };
  // cftime 1.6.2, num2date
  const auto row = GENERATE(values<Row>(
      {{"days since 1850-01-01", "standard", 0, 1850, 1, 1, 0.0},
       {"days since 1850-01-01", "standard", 73000.5, 2049, 11, 13, 0.5},
       {"hours since 1900-01-01 06:00:00", "standard", 1000000.0, 2014, 1, 29, 0.9166666666666666},
       {"days since 2000-02-28", "standard", 1, 2000, 2, 29, 0.0},
       {"days since 2000-02-28", "standard", 2, 2000, 3, 1, 0.0},
       {"days since 1999-12-30", "standard", -366, 1998, 12, 29, 0.0},
       {"seconds since 1970-01-01", "standard", 1700000000.0, 2023, 11, 14, 0.9259259259259259},
       {"days since 1-1-1", "standard", 700000.25, 1917, 7, 14, 0.25},
       {"days since 1500-03-01", "standard", -1, 1500, 2, 29, 0.0},
       {"days since 0001-01-01", "standard", 577736, 1582, 10, 4, 0.0},
       {"minutes since 2100-02-28", "standard", 1440, 2100, 3, 1, 0.0},
       {"days since 1850-01-01", "proleptic_gregorian", 0, 1850, 1, 1, 0.0},
       {"days since 1850-01-01", "proleptic_gregorian", 73000.5, 2049, 11, 13, 0.5},
       {"hours since 1900-01-01 06:00:00", "proleptic_gregorian", 1000000.0, 2014, 1, 29, 0.9166666666666666},
       {"days since 2000-02-28", "proleptic_gregorian", 1, 2000, 2, 29, 0.0},
       {"days since 2000-02-28", "proleptic_gregorian", 2, 2000, 3, 1, 0.0},
       {"days since 1999-12-30", "proleptic_gregorian", -366, 1998, 12, 29, 0.0},
       {"seconds since 1970-01-01", "proleptic_gregorian", 1700000000.0, 2023, 11, 14, 0.9259259259259259},
       {"days since 1-1-1", "proleptic_gregorian", 700000.25, 1917, 7, 16, 0.25},
       {"days since 1500-03-01", "proleptic_gregorian", -1, 1500, 2, 28, 0.0},
       {"days since 0001-01-01", "proleptic_gregorian", 577736, 1582, 10, 16, 0.0},
       {"minutes since 2100-02-28", "proleptic_gregorian", 1440, 2100, 3, 1, 0.0},
       {"days since 1850-01-01", "julian", 0, 1850, 1, 1, 0.0},
       {"days since 1850-01-01", "julian", 73000.5, 2049, 11, 12, 0.5},
       {"hours since 1900-01-01 06:00:00", "julian", 1000000.0, 2014, 1, 28, 0.9166666666666666},
       {"days since 2000-02-28", "julian", 1, 2000, 2, 29, 0.0},
       {"days since 2000-02-28", "julian", 2, 2000, 3, 1, 0.0},
       {"days since 1999-12-30", "julian", -366, 1998, 12, 29, 0.0},
       {"seconds since 1970-01-01", "julian", 1700000000.0, 2023, 11, 14, 0.9259259259259259},
       {"days since 1-1-1", "julian", 700000.25, 1917, 7, 1, 0.25},
       {"days since 1500-03-01", "julian", -1, 1500, 2, 29, 0.0},
       {"days since 0001-01-01", "julian", 577736, 1582, 10, 4, 0.0},
       {"minutes since 2100-02-28", "julian", 1440, 2100, 2, 29, 0.0},
       {"days since 1850-01-01", "noleap", 0, 1850, 1, 1, 0.0},
       {"days since 1850-01-01", "noleap", 73000.5, 2050, 1, 1, 0.5},
       {"hours since 1900-01-01 06:00:00", "noleap", 1000000.0, 2014, 2, 26, 0.9166666666666666},
       {"days since 2000-02-28", "noleap", 1, 2000, 3, 1, 0.0},
       {"days since 2000-02-28", "noleap", 2, 2000, 3, 2, 0.0},
       {"days since 1999-12-30", "noleap", -366, 1998, 12, 29, 0.0},
       {"seconds since 1970-01-01", "noleap", 1700000000.0, 2023, 11, 27, 0.9259259259259259},
       {"days since 1-1-1", "noleap", 700000.25, 1918, 10, 23, 0.25},
       {"days since 1500-03-01", "noleap", -1, 1500, 2, 28, 0.0},
       {"days since 0001-01-01", "noleap", 577736, 1583, 11, 3, 0.0},
       {"minutes since 2100-02-28", "noleap", 1440, 2100, 3, 1, 0.0},
       {"days since 1850-01-01", "all_leap", 0, 1850, 1, 1, 0.0},
       {"days since 1850-01-01", "all_leap", 73000.5, 2049, 6, 15, 0.5},
       {"hours since 1900-01-01 06:00:00", "all_leap", 1000000.0, 2013, 11, 4, 0.9166666666666666},
       {"days since 2000-02-28", "all_leap", 1, 2000, 2, 29, 0.0},
       {"days since 2000-02-28", "all_leap", 2, 2000, 3, 1, 0.0},
       {"days since 1999-12-30", "all_leap", -366, 1998, 12, 30, 0.0},
       {"seconds since 1970-01-01", "all_leap", 1700000000.0, 2023, 10, 4, 0.9259259259259259},
       {"days since 1-1-1", "all_leap", 700000.25, 1913, 7, 27, 0.25},
       {"days since 1500-03-01", "all_leap", -1, 1500, 2, 29, 0.0},
       {"days since 0001-01-01", "all_leap", 577736, 1579, 7, 7, 0.0},
       {"minutes since 2100-02-28", "all_leap", 1440, 2100, 2, 29, 0.0},
       {"days since 1850-01-01", "360_day", 0, 1850, 1, 1, 0.0},
       {"days since 1850-01-01", "360_day", 73000.5, 2052, 10, 11, 0.5},
       {"hours since 1900-01-01 06:00:00", "360_day", 1000000.0, 2015, 9, 27, 0.9166666666666666},
       {"days since 2000-02-28", "360_day", 1, 2000, 2, 29, 0.0},
       {"days since 2000-02-28", "360_day", 2, 2000, 2, 30, 0.0},
       {"days since 1999-12-30", "360_day", -366, 1998, 12, 24, 0.0},
       {"seconds since 1970-01-01", "360_day", 1700000000.0, 2024, 8, 26, 0.9259259259259259},
       {"days since 1-1-1", "360_day", 700000.25, 1945, 6, 11, 0.25},
       {"days since 1500-03-01", "360_day", -1, 1500, 2, 30, 0.0},
       {"days since 0001-01-01", "360_day", 577736, 1605, 10, 27, 0.0},
       {"minutes since 2100-02-28", "360_day", 1440, 2100, 2, 29, 0.0}}));
  CAPTURE(row.units, row.calendar, row.value);
  check_date(one(row.value, row.units, row.calendar), row.year, row.month, row.day, row.fraction);
}

TEST_CASE("calendars go by their CF names, in any letter case") {
  CHECK(parse_calendar("") == Calendar::standard);
  CHECK(parse_calendar("gregorian") == Calendar::standard);
  CHECK(parse_calendar("Proleptic_Gregorian") == Calendar::proleptic_gregorian);
  CHECK(parse_calendar("365_day") == Calendar::noleap);
  CHECK(parse_calendar("NOLEAP") == Calendar::noleap);
  CHECK(parse_calendar("366_day") == Calendar::all_leap);
  CHECK(parse_calendar("julian") == Calendar::julian);
  CHECK(parse_calendar("360_day") == Calendar::day360);
  CHECK(parse_calendar("none") == Calendar::none);
  for (const auto c : {Calendar::standard, Calendar::proleptic_gregorian, Calendar::julian, Calendar::noleap,
                       Calendar::all_leap, Calendar::day360, Calendar::none})
    CHECK(parse_calendar(calendar_name(c)) == c);
  const Error e = error_of([] { parse_calendar("364_day"); });
  CHECK(e.kind() == ErrorKind::input);
  CHECK_THAT(e.what(),
             ContainsSubstring("unknown calendar '364_day'") && ContainsSubstring("Did you mean '36"));
}

TEST_CASE("the standard calendar skips ten days of October 1582") {
  check_date(one(0, "days since 1582-10-04"), 1582, 10, 4);
  check_date(one(1, "days since 1582-10-04"), 1582, 10, 15);
  check_date(one(17, "days since 1582-10-15"), 1582, 11, 1);
  const Error e = error_of([] { one(0, "days since 1582-10-10"); });
  CHECK_THAT(e.what(), ContainsSubstring("'1582-10-10' does not exist in the calendar 'standard'"));
  check_date(one(0, "days since 1582-10-10", "proleptic_gregorian"), 1582, 10, 10);
}

TEST_CASE("the year's fraction follows the calendar's year") {
  CHECK(one(0, "days since 2000-01-01").year_fraction == 0.0);
  CHECK(one(366.0 / 2, "days since 2000-01-01").year_fraction == Approx(0.5));
  CHECK(one(180, "days since 2000-01-01", "360_day").year_fraction == Approx(0.5));
  CHECK(one(182.5, "days since 2000-01-01", "noleap").year_fraction == Approx(0.5));
  CHECK(one(365.999, "days since 2000-01-01").year_fraction < 1.0);
  // No calendar: no season passes.
  CHECK(one(100, "days since 2001-07-01", "none").year_fraction == Approx(181.0 / 365));
}

TEST_CASE("intervals are those of udunits") {
  const auto units = GENERATE(values<std::pair<std::string, double>>({{"days", 1.5},
                                                                      {"day", 1.5},
                                                                      {"d", 1.5},
                                                                      {"Hours", 36},
                                                                      {"hr", 36},
                                                                      {"h", 36},
                                                                      {"minutes", 2160},
                                                                      {"min", 2160},
                                                                      {"seconds", 129600},
                                                                      {"secs", 129600},
                                                                      {"s", 129600},
                                                                      {"milliseconds", 129600e3},
                                                                      {"msec", 129600e3},
                                                                      {"microseconds", 129600e6},
                                                                      {"weeks", 1.5 / 7}}));
  CAPTURE(units.first);
  check_date(one(units.second, units.first + " since 2000-02-28"), 2000, 2, 29, 0.5);
}

TEST_CASE("reference dates are read as udunits reads them") {
  struct Row {
    const char* date;
    int year, month, day;
    double fraction;
  };
  const auto row = GENERATE(values<Row>({{"1900-01-01", 1900, 1, 1, 0.0},
                                         {"1900-1-1", 1900, 1, 1, 0.0},
                                         {"19000101", 1900, 1, 1, 0.0},
                                         {"1900-03", 1900, 3, 1, 0.0},
                                         {"1900", 1900, 1, 1, 0.0},
                                         {"1-1-1 00:00:0.0", 1, 1, 1, 0.0},
                                         {"0000-01-01 00:00:00", 0, 1, 1, 0.0},
                                         {"-4-07-01", -4, 7, 1, 0.0},
                                         {"1900-01-01 12:00", 1900, 1, 1, 0.5},
                                         {"1900-01-01T18:00:00Z", 1900, 1, 1, 0.75},
                                         {"1900-01-01 06:00:00.000000 UTC", 1900, 1, 1, 0.25},
                                         {"1900-01-01 06", 1900, 1, 1, 0.25},
                                         {"1900-01-01 00:00:00 -6:00", 1900, 1, 1, 0.25},
                                         {"1900-01-01 00:00:00 +0600", 1899, 12, 31, 0.75},
                                         {"1900-01-01 00:00:00 +6", 1899, 12, 31, 0.75},
                                         {"1900-01-01 UTC", 1900, 1, 1, 0.0}}));
  CAPTURE(row.date);
  check_date(one(0, std::string("days since ") + row.date), row.year, row.month, row.day, row.fraction);
  check_date(one(0, std::string("Days Since ") + row.date), row.year, row.month, row.day, row.fraction);
}

TEST_CASE("months and years count by the calendar where the values are whole or half months") {
  const auto months = decode_time("time", {0, 1, 2, 12, 13}, "months since 1999-01-15", "standard");
  check_date(months.dates[1], 1999, 2, 15);
  check_date(months.dates[2], 1999, 3, 15);
  check_date(months.dates[3], 2000, 1, 15);
  CHECK(months.month_index() == std::vector<std::int64_t>{23988, 23989, 23990, 24000, 24001});

  std::vector<double> half(1200);  // as the IRI data library writes mid-months
  std::iota(half.begin(), half.end(), 0.5);
  const auto index = decode_time("T", half, "months since 1960-01-01", "standard").month_index();
  for (int m = 0; m < 1200; ++m) REQUIRE(index[static_cast<std::size_t>(m)] == 1960 * 12 + m);

  check_date(one(-1, "months since 1960-01-31"), 1959, 12, 31);
  check_date(one(1, "months since 1960-01-31"), 1960, 2, 29);
  check_date(one(1, "months since 1960-01-31", "noleap"), 1960, 2, 28);
  check_date(one(5, "years since 1960-02-01"), 1965, 2, 1);
  check_date(one(1850.5, "years since 0-1-1", "noleap"), 1850, 7, 1);
  check_date(one(1850 + 1.5 / 12, "years since 0-1-1", "noleap"), 1850, 2, 15);
}

TEST_CASE("other fractions of months and years are udunits': of 365.242198781 days") {
  check_date(one(0.3, "years since 2001-01-01"), 2001, 4, 20, std::fmod(0.3 * 365.242198781, 1.0));
  check_date(one(0.1, "months since 2001-01-01"), 2001, 1, 4, std::fmod(0.1 * 365.242198781 / 12, 1.0));
  // A month of 360 days' years is 30 days, whatever the value.
  check_date(one(0.1, "months since 2001-01-01", "360_day"), 2001, 1, 4);
  check_date(one(1, "months since 2001-02-30", "360_day"), 2001, 3, 30);
  check_date(one(1.25, "years since 2001-01-01", "360_day"), 2002, 4, 1);
  check_date(one(2, "common_years since 2001-01-01"), 2003, 1, 1);
}

TEST_CASE("absolute axes of CDO") {
  check_date(one(18500131.5, "day as %Y%m%d.%f"), 1850, 1, 31, 0.5);
  check_date(one(19790101.0, "day as %Y%m%d.%f", "proleptic_gregorian"), 1979, 1, 1);
  check_date(one(185002.5, "month as %Y%m.%f", "noleap"), 1850, 2, 15);
  check_date(one(1850.5, "year as %Y.%f", "360_day"), 1850, 7, 1);
  const Error e = error_of([] { one(18500231, "day as %Y%m%d.%f"); });
  CHECK_THAT(e.what(), ContainsSubstring("variable 'time' at [time 0]") && ContainsSubstring("not a date"));
  // A year that no int holds is no date either, not another year.
  CHECK_THAT(error_of([] { one(4294969146.5, "year as %Y.%f"); }).what(), ContainsSubstring("not a date"));
}

TEST_CASE("rounding does not move a time to the day before") {
  // 00:00 in hours since year 1 loses its last bits when divided by 24.
  for (int day = 0; day < 400; ++day)
    REQUIRE(one(17347320 + 24.0 * day, "hours since 1-1-1 00:00:0.0").day_fraction ==
            Approx(0.0).margin(1e-7));
  check_date(one(86399.9999999, "seconds since 2000-12-31"), 2001, 1, 1);
}

TEST_CASE("indices count days and months without gaps") {
  const auto calendar = GENERATE(as<std::string>(), "standard", "proleptic_gregorian", "julian", "noleap",
                                 "all_leap", "360_day", "none");
  CAPTURE(calendar);
  std::vector<double> days(1500);
  for (std::size_t t = 0; t < days.size(); ++t) days[t] = static_cast<double>(t) + 0.5;
  const auto axis = decode_time("time", days, "days since 1999-11-01", calendar);
  const auto day = axis.day_index();
  const auto month = axis.month_index();
  for (std::size_t t = 1; t < days.size(); ++t) {
    REQUIRE(day[t] == day[t - 1] + 1);
    REQUIRE(month[t] - month[t - 1] >= 0);
    REQUIRE(month[t] - month[t - 1] <= 1);
    REQUIRE(axis.dates[t].day_fraction == 0.5);
  }
}

TEST_CASE("time axes that cannot be read are refused with the remedy") {
  struct Row {
    const char* units;
    const char* says;
  };
  const auto row =
      GENERATE(values<Row>({{"days", "the time units 'days' are not \"<interval> since <date>\""},
                            {"moons since 1900-01-01", "the time interval 'moons' is unknown"},
                            {"days since yesterday", "the reference date 'yesterday' cannot be read"},
                            {"days since 1900-01-01 noon", "cannot be read"},
                            {"days since 1900-01-01 25:00", "cannot be read"},
                            {"days since 1900-13-01", "'1900-13-01' does not exist"},
                            {"days since 1900-02-29", "'1900-02-29' does not exist"},
                            {"days since 1900-00-00", "does not exist"}}));
  const Error e = error_of([&] { one(0, row.units); });
  CHECK(e.kind() == ErrorKind::input);
  CHECK(e.context().variable == "time");
  CHECK_THAT(e.what(), ContainsSubstring(row.says) && ContainsSubstring("days since 1900-01-01"));
}

TEST_CASE("bad calendars and values are refused with their place") {
  const Error calendar = error_of([] { one(0, "days since 1900-01-01", "gregorain"); });
  CHECK_THAT(calendar.what(),
             ContainsSubstring("variable 'time': unknown calendar 'gregorain'. Did you mean 'gregorian'?"));
  const Error leap = error_of([] { one(0, "days since 2000-02-29", "noleap"); });
  CHECK_THAT(leap.what(), ContainsSubstring("does not exist in the calendar 'noleap'"));
  check_date(one(0, "days since 2001-02-30", "360_day"), 2001, 2, 30);
  const Error nan = error_of([] { decode_time("t", {0, 1, std::nan("")}, "days since 1900-01-01", ""); });
  CHECK_THAT(nan.what(), ContainsSubstring("variable 't' at [time 2]: the time coordinate is not finite"));
  const Error far = error_of([] { one(1e13, "days since 1900-01-01"); });
  CHECK_THAT(far.what(), ContainsSubstring("out of range"));
}
