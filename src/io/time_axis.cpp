#include "manifill/io/time_axis.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "manifill/base/error.hpp"
#include "netcdf.hpp"

namespace manifill::io {
namespace {

constexpr std::array<int, 12> kMonth{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
constexpr double kTropicalYear = 365.242198781;  // days; what udunits calls a year
constexpr std::int64_t kReform = -141427;        // 1582-10-15, the first Gregorian day
constexpr double kMostDays = 2e9;                // beyond it, dates leave the range of int

bool leap_gregorian(std::int64_t y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; }

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

bool fixed_years(Calendar c) {
  return c == Calendar::noleap || c == Calendar::all_leap || c == Calendar::day360;
}

/// Days are counted in `none` as in `standard`.
Calendar counting(Calendar c) { return c == Calendar::none ? Calendar::standard : c; }

bool leap(Calendar c, std::int64_t y) {
  switch (c) {
    case Calendar::noleap:
    case Calendar::day360:
      return false;
    case Calendar::all_leap:
      return true;
    case Calendar::julian:
      return y % 4 == 0;
    case Calendar::standard:
      return y < 1582 ? y % 4 == 0 : leap_gregorian(y);
    default:
      return leap_gregorian(y);
  }
}

int month_days(Calendar c, std::int64_t y, int m) {
  if (c == Calendar::day360) return 30;
  return kMonth[static_cast<std::size_t>(m - 1)] + (m == 2 && leap(c, y) ? 1 : 0);
}

/// Day number from a civil date by Gregorian or Julian rules, 0 = 1970-01-01 Gregorian. Years begin in March,
/// so that the leap day is the last (Hatcher 1984, Q. Jl R. astr. Soc. 25, 53).
std::int64_t civil_to_day(std::int64_t y, int m, int d, bool gregorian) {
  const std::int64_t a = y - (m <= 2 ? 1 : 0);
  const std::int64_t from_march = (m + 9) % 12;
  const std::int64_t n = 365 * a + floor_div(a, 4) + (153 * from_march + 2) / 5 + d - 1;
  return gregorian ? n - floor_div(a, 100) + floor_div(a, 400) - 719468 : n - 719470;
}

/// Running number of a day in a calendar.
std::int64_t day_number(Calendar c, std::int64_t y, int m, int d) {
  if (fixed_years(c)) {
    std::int64_t n = y * (c == Calendar::noleap ? 365 : c == Calendar::all_leap ? 366 : 360);
    for (int k = 1; k < m; ++k) n += month_days(c, y, k);
    return n + d - 1;
  }
  if (c == Calendar::julian) return civil_to_day(y, m, d, false);
  const std::int64_t g = civil_to_day(y, m, d, true);
  return c == Calendar::standard && g < kReform ? civil_to_day(y, m, d, false) : g;
}

DateTime date_of(Calendar c, std::int64_t day, double fraction) {
  // A guess from the mean year, then exact by comparison.
  const bool fixed = fixed_years(c);
  const double mean_year = c == Calendar::noleap     ? 365.0
                           : c == Calendar::all_leap ? 366.0
                           : c == Calendar::day360   ? 360.0
                           : c == Calendar::julian   ? 365.25
                                                     : 365.2425;
  auto y = static_cast<std::int64_t>(std::floor(static_cast<double>(day) / mean_year)) + (fixed ? 0 : 1970);
  while (day_number(c, y + 1, 1, 1) <= day) ++y;
  while (day_number(c, y, 1, 1) > day) --y;
  int m = 12;
  while (m > 1 && day_number(c, y, m, 1) > day) --m;
  DateTime out{.year = static_cast<int>(y), .month = m, .day_fraction = fraction};
  // October 1582 of the standard calendar begins by Julian rules and ends by Gregorian ones.
  const bool reformed = c == Calendar::standard && y == 1582 && m == 10 && day >= kReform;
  out.day = static_cast<int>(day - (reformed ? civil_to_day(y, m, 1, true) : day_number(c, y, m, 1))) + 1;
  const std::int64_t first = day_number(c, y, 1, 1);
  const auto length = static_cast<double>(day_number(c, y + 1, 1, 1) - first);
  out.year_fraction = (static_cast<double>(day - first) + fraction) / length;
  return out;
}

/// Date of a time in days; fractions a rounding error short of a day belong to the next one.
DateTime date_at(Calendar c, double days, std::int64_t origin) {
  double day = std::floor(days);
  double fraction = days - day;
  if (fraction > 1.0 - 1e-7) {
    day += 1.0;
    fraction = 0.0;
  }
  return date_of(c, origin + static_cast<std::int64_t>(day), fraction);
}

/// Days in one unit, or 0 for an unknown word.
double unit_days(std::string u) {
  if (u.size() > 2 && u.back() == 's') u.pop_back();
  if (u == "day" || u == "d") return 1.0;
  if (u == "hour" || u == "hr" || u == "h") return 1.0 / 24.0;
  if (u == "minute" || u == "min") return 1.0 / 1440.0;
  if (u == "second" || u == "sec" || u == "s") return 1.0 / 86400.0;
  if (u == "millisecond" || u == "millisec" || u == "msec" || u == "ms") return 1.0 / 86400e3;
  if (u == "microsecond" || u == "microsec" || u == "us") return 1.0 / 86400e6;
  if (u == "week") return 7.0;
  if (u == "fortnight") return 14.0;
  if (u == "month" || u == "mon") return kTropicalYear / 12.0;
  if (u == "year" || u == "yr") return kTropicalYear;
  if (u == "common_year") return 365.0;
  if (u == "leap_year") return 366.0;
  if (u == "julian_year") return 365.25;
  if (u == "gregorian_year") return 365.2425;
  return 0.0;
}

/// Walks over the text of a reference date.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}
  void skip_blanks() {
    while (at_ != end_ && *at_ == ' ') ++at_;
  }
  [[nodiscard]] bool done() const { return at_ == end_; }
  [[nodiscard]] char peek() const { return done() ? '\0' : *at_; }
  bool eat(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  bool eat(std::string_view word) {
    if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, word.size()) != word)
      return false;
    at_ += word.size();
    return true;
  }
  [[nodiscard]] std::size_t digits() const {
    std::size_t n = 0;
    while (at_ + n != end_ && std::isdigit(static_cast<unsigned char>(at_[n])) != 0) ++n;
    return n;
  }
  std::optional<int> whole(std::size_t most_digits = 9) {
    const std::size_t n = std::min(digits(), most_digits);
    int value = 0;
    if (n == 0 || std::from_chars(at_, at_ + n, value).ec != std::errc()) return std::nullopt;
    at_ += n;
    return value;
  }
  std::optional<double> real() {
    double value = 0.0;
    const auto [next, error] = std::from_chars(at_, end_, value, std::chars_format::fixed);
    if (error != std::errc() || value < 0.0) return std::nullopt;
    at_ = next;
    return value;
  }

 private:
  const char* at_;
  const char* end_;
};

struct Reference {
  std::int64_t year = 0;
  int month = 1;
  int day = 1;
  double day_fraction = 0.0;  // the zone taken off; may lie outside [0, 1)
};

/// hh[:mm[:ss[.f]]] in days.
std::optional<double> clock_days(Cursor& c) {
  const auto hour = c.whole(2);
  if (!hour || *hour > 24) return std::nullopt;
  double seconds = *hour * 3600.0;
  if (c.eat(':')) {
    const auto minute = c.whole(2);
    if (!minute || *minute > 59) return std::nullopt;
    seconds += *minute * 60.0;
    if (c.eat(':')) {
      const auto second = c.real();
      if (!second || *second >= 61.0) return std::nullopt;
      seconds += *second;
    }
  }
  return seconds / 86400.0;
}

/// Z, UTC, GMT, +hh[:mm], -hhmm; nothing is UTC.
std::optional<double> zone_days(Cursor& c) {
  c.skip_blanks();
  if (c.done() || c.eat("z") || c.eat("utc") || c.eat("gmt")) return 0.0;
  const double sign = c.eat('-') ? -1.0 : 1.0;
  if (sign > 0) c.eat('+');
  if (c.digits() == 4) return sign * (c.whole(2).value() + c.whole(2).value() / 60.0) / 24.0;
  const auto days = clock_days(c);
  return days ? std::optional<double>(sign * *days) : std::nullopt;
}

bool date_part(Cursor& c, Reference& r) {
  const bool negative = c.eat('-');
  if (!negative) c.eat('+');
  const bool packed = c.digits() == 8;  // YYYYMMDD
  const auto year = c.whole(packed ? 4 : 9);
  if (!year) return false;
  r.year = negative ? -*year : *year;
  for (int* part : {&r.month, &r.day}) {
    if (!packed && !c.eat('-')) break;
    const auto value = c.whole(2);
    if (!value) return false;
    *part = *value;
  }
  return true;
}

std::optional<Reference> parse_reference(const std::string& text) {
  Cursor c(text);
  Reference r;
  c.skip_blanks();
  if (!date_part(c, r)) return std::nullopt;
  const bool marked = c.eat('t');
  c.skip_blanks();
  if (marked || c.digits() > 0) {
    const auto time = clock_days(c);
    if (!time) return std::nullopt;
    const auto zone = zone_days(c);
    if (!zone) return std::nullopt;
    r.day_fraction = *time - *zone;
  } else if (!zone_days(c)) {
    return std::nullopt;
  }
  c.skip_blanks();
  return c.done() ? std::optional<Reference>(r) : std::nullopt;
}

bool exists(Calendar c, const Reference& r) {
  if (r.month < 1 || r.month > 12 || r.day < 1 || r.day > month_days(c, r.year, r.month)) return false;
  return !(c == Calendar::standard && r.year == 1582 && r.month == 10 && r.day > 4 && r.day < 15);
}

std::optional<std::pair<std::string, std::string>> split_since(const std::string& units) {
  const std::string low = lower(units);
  for (const char* word : {" since ", " after ", " from ", " ref ", " @ "}) {
    const auto at = low.find(word);
    if (at == std::string::npos) continue;
    std::string interval = low.substr(0, at);
    interval.erase(0, interval.find_first_not_of(' '));
    interval.erase(interval.find_last_not_of(' ') + 1);
    return std::make_pair(interval, low.substr(at + std::string(word).size()));
  }
  return std::nullopt;
}

/// Whether every value is a whole or half month, to a quarter of a day.
bool half_months(const std::vector<double>& values, double months_each) {
  return std::all_of(values.begin(), values.end(), [&](double v) {
    const double halves = 2.0 * v * months_each;
    return std::abs(halves - std::round(halves)) < 0.02;
  });
}

DateTime months_after(Calendar c, const Reference& r, double months) {
  const double rounded = std::round(2.0 * months) / 2.0;
  const double whole = std::floor(rounded);
  const std::int64_t month = static_cast<std::int64_t>(whole) + r.year * 12 + r.month - 1;
  const std::int64_t y = floor_div(month, 12);
  const int m = static_cast<int>(month - y * 12) + 1;
  const int length = month_days(c, y, m);
  const double into = (rounded - whole) * length + r.day_fraction;
  return date_at(c, into, day_number(c, y, m, std::min(r.day, length)));
}

/// Value of an absolute axis of CDO, e.g. 18500131.5 of "day as %Y%m%d.%f".
std::optional<DateTime> absolute_date(Calendar c, const std::string& format, double value) {
  const double whole = std::floor(value + 1e-9);
  const double fraction = std::max(0.0, value - whole);
  auto number = static_cast<std::int64_t>(whole);
  Reference r;
  double into = fraction;
  if (format == "day as %y%m%d.%f") {
    r = {.year = floor_div(number, 10000),
         .month = static_cast<int>(number / 100 % 100),
         .day = static_cast<int>(number % 100)};
  } else if (format == "month as %y%m.%f") {
    r = {.year = floor_div(number, 100), .month = static_cast<int>(number % 100)};
    if (r.month >= 1 && r.month <= 12) into *= month_days(c, r.year, r.month);
  } else if (format == "year as %y.%f") {
    r = {.year = number};
    into *= static_cast<double>(day_number(c, number + 1, 1, 1) - day_number(c, number, 1, 1));
  } else {
    return std::nullopt;
  }
  constexpr std::int64_t kMostYears = 1000000;  // dates keep years as int
  if (std::abs(r.year) > kMostYears || !exists(c, r)) return std::nullopt;
  return date_at(c, into, day_number(c, r.year, r.month, r.day));
}

std::string index_text(std::size_t t) { return "[time " + std::to_string(t) + "]"; }

/// One decoder for a whole axis: what its units mean.
class Decoder {
 public:
  Decoder(TimeAxis& axis) : axis_(axis), calendar_(counting(axis.calendar)) {
    const auto parts = split_since(axis.units);
    if (!parts) {
      format_ = lower(axis.units);
      if (format_.find(" as %y") != std::string::npos) return;
      throw refuse("the time units '" + axis.units + "' are not \"<interval> since <date>\"");
    }
    days_ = unit_days(parts->first);
    if (days_ == 0.0) throw refuse("the time interval '" + parts->first + "' is unknown");
    const auto reference = parse_reference(parts->second);
    if (!reference) throw refuse("the reference date '" + parts->second + "' cannot be read");
    if (!exists(calendar_, *reference))
      throw refuse("the reference date '" + parts->second + "' does not exist in the calendar '" +
                   calendar_name(axis.calendar) + "'");
    reference_ = *reference;
    origin_ = day_number(calendar_, reference_.year, reference_.month, reference_.day);
    set_months(parts->first);
  }

  [[nodiscard]] DateTime date(std::size_t t) const {
    const double v = axis_.values[t];
    const double days = format_.empty() ? v * days_ + reference_.day_fraction : 0.0;
    if (!std::isfinite(v) || std::abs(days) > kMostDays || std::abs(v) > 1e15)
      throw Error(ErrorKind::input,
                  std::isfinite(v) ? "the time is out of range" : "the time coordinate is not finite",
                  {.variable = axis_.name, .index = index_text(t), .remedy = "Repair the coordinate"});
    DateTime out;
    if (!format_.empty()) {
      const auto found = absolute_date(calendar_, format_, v);
      if (!found)
        throw Error(ErrorKind::input, "the value is not a date of the form '" + axis_.units + "'",
                    {.variable = axis_.name, .index = index_text(t), .remedy = "Repair the coordinate"});
      out = *found;
    } else {
      out = months_each_ > 0.0 ? months_after(calendar_, reference_, v * months_each_)
                               : date_at(calendar_, days, origin_);
    }
    if (axis_.calendar == Calendar::none && format_.empty())
      out.year_fraction = date_at(calendar_, reference_.day_fraction, origin_).year_fraction;
    return out;
  }

 private:
  [[nodiscard]] Error refuse(const std::string& what) const {
    return {ErrorKind::input,
            what,
            {.variable = axis_.name, .remedy = "Give units such as \"days since 1900-01-01\""}};
  }

  void set_months(const std::string& interval) {
    const bool month = interval.rfind("mon", 0) == 0;
    const bool year = interval == "year" || interval == "years" || interval == "yr" || interval == "yrs";
    if (!month && !year) return;
    if (calendar_ == Calendar::day360) {
      days_ = month ? 30.0 : 360.0;
    } else if (half_months(axis_.values, month ? 1.0 : 12.0)) {
      months_each_ = month ? 1.0 : 12.0;
    }
  }

  TimeAxis& axis_;
  Calendar calendar_;
  std::string format_{};  // of an absolute axis
  Reference reference_{};
  std::int64_t origin_ = 0;
  double days_ = 0.0;         // in one interval
  double months_each_ = 0.0;  // calendar months in one interval; 0: intervals are days_ long
};

}  // namespace

Calendar parse_calendar(const std::string& name) {
  const std::string low = lower(name);
  if (low.empty() || low == "standard" || low == "gregorian") return Calendar::standard;
  if (low == "proleptic_gregorian") return Calendar::proleptic_gregorian;
  if (low == "julian") return Calendar::julian;
  if (low == "noleap" || low == "365_day") return Calendar::noleap;
  if (low == "all_leap" || low == "366_day") return Calendar::all_leap;
  if (low == "360_day") return Calendar::day360;
  if (low == "none") return Calendar::none;
  const std::array<std::string, 10> known{
      "standard", "gregorian", "proleptic_gregorian", "julian", "noleap", "365_day", "all_leap", "366_day",
      "360_day",  "none"};
  const auto near = nearest_name(low, known.data(), known.data() + known.size());
  throw Error(ErrorKind::input, "unknown calendar '" + name + "'",
              {.remedy = near ? "Did you mean '" + *near + "'?"
                              : "Use a calendar of the CF conventions, such as 'standard' or '360_day'"});
}

std::string calendar_name(Calendar calendar) {
  switch (calendar) {
    case Calendar::standard:
      return "standard";
    case Calendar::proleptic_gregorian:
      return "proleptic_gregorian";
    case Calendar::julian:
      return "julian";
    case Calendar::noleap:
      return "noleap";
    case Calendar::all_leap:
      return "all_leap";
    case Calendar::day360:
      return "360_day";
    case Calendar::none:
      return "none";
  }
  return "unknown";
}

TimeAxis decode_time(const std::string& name, const std::vector<double>& values, const std::string& units,
                     const std::string& calendar) {
  TimeAxis axis{.name = name, .units = units, .values = values};
  try {
    axis.calendar = parse_calendar(calendar);
  } catch (const Error& e) {
    throw Error(ErrorKind::input, "unknown calendar '" + calendar + "'",
                {.variable = name, .remedy = e.context().remedy});
  }
  const Decoder decoder(axis);
  axis.dates.reserve(values.size());
  for (std::size_t t = 0; t < values.size(); ++t) axis.dates.push_back(decoder.date(t));
  return axis;
}

std::vector<std::int64_t> TimeAxis::month_index() const {
  std::vector<std::int64_t> out;
  out.reserve(dates.size());
  for (const auto& d : dates) out.push_back(static_cast<std::int64_t>(d.year) * 12 + d.month - 1);
  return out;
}

std::vector<std::int64_t> TimeAxis::day_index() const {
  std::vector<std::int64_t> out;
  out.reserve(dates.size());
  const auto origin = day_number(counting(calendar), 0, 1, 1);
  for (const auto& d : dates) out.push_back(day_number(counting(calendar), d.year, d.month, d.day) - origin);
  return out;
}

}  // namespace manifill::io
