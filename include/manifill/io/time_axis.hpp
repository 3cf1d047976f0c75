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

/// \brief Time coordinate of a variable, decoded.
struct TimeAxis {
  std::string name{};              ///< coordinate variable; empty when the variable has no time dimension
  std::string units{};             ///< as in the file
  Calendar calendar = Calendar::standard;
  std::vector<double> values{};    ///< [time], as in the file
  std::vector<DateTime> dates{};   ///< [time]
  /// \brief Absolute running number of the month, year * 12 + month - 1, for each time.
  [[nodiscard]] std::vector<std::int64_t> month_index() const;
  /// \brief Absolute running number of the day (days since 0000-01-01 of the calendar), for each time.
  [[nodiscard]] std::vector<std::int64_t> day_index() const;
};

/// \brief Calendar of a CF name. \throws Error(input) naming the nearest known one
Calendar parse_calendar(const std::string& name);

/// \brief Decodes values of a CF time coordinate.
/// \param units e.g. "days since 1850-01-01"; udunits intervals, months and years included
/// \throws Error(input) when units are not "<interval> since <date>" or the calendar is unknown
TimeAxis decode_time(const std::string& name, const std::vector<double>& values, const std::string& units,
                     const std::string& calendar);

}  // namespace manifill::io
