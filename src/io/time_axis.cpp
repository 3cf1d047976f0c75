#include "manifill/io/time_axis.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "manifill/base/error.hpp"

namespace manifill::io {
namespace {

constexpr std::array<int, 12> kMonth{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
constexpr double kTropicalYear = 365.242198781;  // days; what udunits calls a year

bool leap_gregorian(std::int64_t y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; }
bool leap_julian(std::int64_t y) { return y % 4 == 0; }

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

/// Day number from a civil date, Gregorian or Julian rules (Hatcher 1984, Q. Jl R. astr. Soc. 25, 53), 0 = 1970-01-01.
std::int64_t civil_to_day(std::int64_t y, int m, int d, bool gregorian) {
  const std::int64_t a = y - (m <= 2 ? 1 : 0);
  const std::int64_t mp = (m + 9) % 12;
  const std::int64_t in_year = (153 * mp + 2) / 5 + d - 1;
  const std::int64_t base = 365 * a + floor_div(a, 4) + in_year;
  return gregorian ? base - floor_div(a, 100) + floor_div(a, 400) - 719468 : base - 719470;
}

void day_to_civil(std::int64_t day, bool gregorian, DateTime& out) {
  // A guess from the mean year, then exact by comparison.
  std::int64_t y = 1970 + floor_div(day * 400, 146097);
  while (civil_to_day(y + 1, 1, 1, gregorian) <= day) ++y;
  while (civil_to_day(y, 1, 1, gregorian) > day) --y;
  int m = 12;
  while (m > 1 && civil_to_day(y, m, 1, gregorian) > day) --m;
  out.year = static_cast<int>(y);
  out.month = m;
  out.day = static_cast<int>(day - civil_to_day(y, m, 1, gregorian)) + 1;
}

constexpr std::int64_t kReform = -141427;  // 1582-10-15, the first Gregorian day

std::int64_t year_days(Calendar c, std::int64_t y) {
  switch (c) {
    case Calendar::noleap: return 365;
    case Calendar::all_leap: return 366;
    case Calendar::day360: return 360;
    case Calendar::julian: return leap_julian(y) ? 366 : 365;
    case Calendar::standard: return (y < 1582 ? leap_julian(y) : leap_gregorian(y)) ? 366 : 365;
    default: return leap_gregorian(y) ? 366 : 365;
  }
}

int month_days(Calendar c, int m) {
  if (c == Calendar::day360) return 30;
  return kMonth[static_cast<std::size_t>(m - 1)] + (m == 2 && c == Calendar::all_leap ? 1 : 0);
}

/// Running number of a day in a calendar.
std::int64_t day_number(Calendar c, std::int64_t y, int m, int d) {
  if (c == Calendar::noleap || c == Calendar::all_leap || c == Calendar::day360) {
    std::int64_t n = y * year_days(c, y);
    for (int k = 1; k < m; ++k) n += month_days(c, k);
    return n + d - 1;
  }
  if (c == Calendar::julian) return civil_to_day(y, m, d, false);
  const std::int64_t g = civil_to_day(y, m, d, true);
  return c == Calendar::standard && g < kReform ? civil_to_day(y, m, d, false) : g;
}

DateTime date_of(Calendar c, std::int64_t day, double fraction) {
  DateTime out;
  out.day_fraction = fraction;
  if (c == Calendar::noleap || c == Calendar::all_leap || c == Calendar::day360) {
    const std::int64_t length = year_days(c, 0);
    out.year = static_cast<int>(floor_div(day, length));
    std::int64_t rest = day - out.year * length;
    out.month = 1;
    while (rest >= month_days(c, out.month)) rest -= month_days(c, out.month++);
    out.day = static_cast<int>(rest) + 1;
  } else {
    day_to_civil(day, c != Calendar::julian && (c != Calendar::standard || day >= kReform), out);
  }
  const std::int64_t first = day_number(c, out.year, 1, 1);
  out.year_fraction = (static_cast<double>(day - first) + fraction) / static_cast<double>(year_days(c, out.year));
  return out;
}

/// Days in one unit, or 0 for an unknown word.
double unit_days(std::string u) {
  std::transform(u.begin(), u.end(), u.begin(), [](unsigned char ch) { return static_cast<char>(std::tolower(ch)); });
  if (u.size() > 1 && u.back() == 's' && u != "s") u.pop_back();
  if (u == "day" || u == "d") return 1.0;
  if (u == "hour" || u == "hr" || u == "h") return 1.0 / 24.0;
  if (u == "minute" || u == "min") return 1.0 / 1440.0;
  if (u == "second" || u == "sec" || u == "s") return 1.0 / 86400.0;
  if (u == "week") return 7.0;
  if (u == "month") return kTropicalYear / 12.0;
  if (u == "year" || u == "yr") return kTropicalYear;
  if (u == "common_year") return 365.0;
  if (u == "millisecond" || u == "msec") return 1.0 / 86400000.0;
  return 0.0;
}

}  // namespace

Calendar parse_calendar(const std::string& name) {
  std::string low = name;
  std::transform(low.begin(), low.end(), low.begin(), [](unsigned char ch) { return static_cast<char>(std::tolower(ch)); });
  if (low.empty() || low == "standard" || low == "gregorian") return Calendar::standard;
  if (low == "proleptic_gregorian") return Calendar::proleptic_gregorian;
  if (low == "julian") return Calendar::julian;
  if (low == "noleap" || low == "365_day") return Calendar::noleap;
  if (low == "all_leap" || low == "366_day") return Calendar::all_leap;
  if (low == "360_day") return Calendar::day360;
  if (low == "none") return Calendar::none;
  const std::array<std::string, 9> known{"standard", "gregorian", "proleptic_gregorian", "julian", "noleap",
                                         "365_day",  "all_leap",  "366_day",             "360_day"};
  const auto near = nearest_name(low, known.data(), known.data() + known.size());
  throw Error(ErrorKind::input, "unknown calendar '" + name + "'",
              {.remedy = near ? "Did you mean '" + *near + "'?" : "Use a calendar of the CF conventions"});
}

TimeAxis decode_time(const std::string& name, const std::vector<double>& values, const std::string& units,
                     const std::string& calendar) {
  const auto bad = [&](const std::string& what) {
    return Error(ErrorKind::input, what, {.variable = name, .remedy = "Give units such as \"days since 1900-01-01\""});
  };
  TimeAxis axis{.name = name, .units = units, .calendar = Calendar::standard, .values = values, .dates = {}};
  try {
    axis.calendar = parse_calendar(calendar);
  } catch (const Error& e) {
    throw Error(ErrorKind::input, e.what(), {.variable = name});
  }
  const auto since = units.find(" since ");
  if (since == std::string::npos) throw bad("the time units '" + units + "' are not \"<interval> since <date>\"");
  const std::string word = units.substr(0, since);
  const double days = unit_days(word);
  if (days == 0.0) throw bad("the time interval '" + word + "' is unknown");
  int y = 0;
  int m = 1;
  int d = 1;
  int hour = 0;
  int minute = 0;
  double second = 0.0;
  const std::string date = units.substr(since + 7);
  const int got = std::sscanf(date.c_str(), "%d-%d-%d%*[T ]%d:%d:%lf", &y, &m, &d, &hour, &minute, &second);
  if (got < 1 || m < 1 || m > 12 || d < 1 || d > 31) throw bad("the reference date '" + date + "' cannot be read");
  const Calendar calendar_of = axis.calendar == Calendar::none ? Calendar::standard : axis.calendar;
  const double start = (hour + minute / 60.0 + second / 3600.0) / 24.0;
  const std::int64_t origin = day_number(calendar_of, y, m, d);
  // Files that count whole months or years mean calendar months, not twelfths of the tropical year udunits takes.
  const bool by_month = word.rfind("month", 0) == 0 || word.rfind("year", 0) == 0;
  const bool whole = by_month && std::all_of(values.begin(), values.end(), [](double v) { return v == std::floor(v); });
  for (std::size_t t = 0; t < values.size(); ++t) {
    if (!std::isfinite(values[t]))
      throw Error(ErrorKind::input, "the time coordinate is not finite",
                  {.variable = name, .index = "[time " + std::to_string(t) + "]", .remedy = "Repair the coordinate"});
    if (whole) {
      const std::int64_t months = static_cast<std::int64_t>(values[t]) * (word.rfind("year", 0) == 0 ? 12 : 1) + y * 12 + m - 1;
      const auto year = floor_div(months, 12);
      axis.dates.push_back(date_of(calendar_of, day_number(calendar_of, year, static_cast<int>(months - year * 12) + 1, d), start));
      continue;
    }
    const double at = values[t] * days + start;
    double day = std::floor(at);
    double fraction = at - day;
    if (fraction > 1.0 - 1e-9) {
      day += 1.0;
      fraction = 0.0;
    }
    axis.dates.push_back(date_of(calendar_of, origin + static_cast<std::int64_t>(day), fraction));
  }
  return axis;
}

std::vector<std::int64_t> TimeAxis::month_index() const {
  std::vector<std::int64_t> out;
  for (const auto& d : dates) out.push_back(static_cast<std::int64_t>(d.year) * 12 + d.month - 1);
  return out;
}

std::vector<std::int64_t> TimeAxis::day_index() const {
  std::vector<std::int64_t> out;
  for (const auto& d : dates) out.push_back(day_number(calendar == Calendar::none ? Calendar::standard : calendar, d.year, d.month, d.day));
  return out;
}

}  // namespace manifill::io
