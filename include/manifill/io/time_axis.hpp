#pragma once
/// \file
/// \brief CF time coordinates: units, calendars, and the indices the models count steps by.

#include <cstdint>
#include <string>
#include <vector>

namespace manifill::io {

/// \brief Calendars of the CF conventions, section 4.4.1.
enum class Calendar { standard, proleptic_gregorian, julian, noleap, all_leap, day360, none };

/// \brief A date with the fraction of its year gone by, in the calendar's own year length.
struct DateTime {
  int year = 0;
  int month = 1;
  int day = 1;
  double day_fraction = 0.0;   ///< in [0, 1)
  double year_fraction = 0.0;  ///< in [0, 1): the season
};

/// \brief Time coordinate of a variable, decoded. `values` and `dates` are of one length.
struct TimeAxis {
  std::string name{};   ///< coordinate variable; empty when the variable has no time
  std::string units{};  ///< as in the file
  Calendar calendar = Calendar::standard;
  std::vector<double> values{};   ///< [time], as in the file
  std::vector<DateTime> dates{};  ///< [time]
  std::string note{};             ///< an assumption the user should know of, e.g. dates made up; else empty
  /// \brief Absolute running number of the month, year * 12 + month - 1, for each time.
  [[nodiscard]] std::vector<std::int64_t> month_index() const;
  /// \brief Absolute running number of the day for each time, days since 0000-01-01 of the calendar.
  [[nodiscard]] std::vector<std::int64_t> day_index() const;
};

/// \brief Calendar of a CF name, any letter case; empty is `standard`. \throws Error(input) naming the
/// nearest known one
Calendar parse_calendar(const std::string& name);

/// \brief CF name of a calendar: "standard", "360_day", ...
std::string calendar_name(Calendar calendar);

/// \brief Decodes values of a CF time coordinate.
///
/// Intervals are those of udunits, milliseconds to years; a year is 365.242198781 days, a month its twelfth.
/// Two exceptions, where files mean the calendar: "months since" and "years since" whose values are all whole
/// or half months (12, 0.5, 1850.0417 years) count calendar months, the fraction being a fraction of the
/// month; a month of the 360-day calendar is 30 days. A zone after the reference time is taken off. CDO's
/// absolute axes ("day as %Y%m%d.%f", "month as %Y%m.%f", "year as %Y.%f") are read. Under calendar `none`
/// dates run as in `standard`, and the season stays that of the reference date. \param units e.g. "days since
/// 1850-01-01" \throws Error(input) when units are not "<interval> since <date>", the date is none of the
/// calendar, the calendar is unknown, or a value is not finite or beyond 5 million years
TimeAxis decode_time(const std::string& name, const std::vector<double>& values, const std::string& units,
                     const std::string& calendar);

}  // namespace manifill::io
