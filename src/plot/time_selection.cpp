#include "manifill/plot/time_selection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "manifill/base/error.hpp"

namespace manifill::plot {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& remedy) {
  throw Error(ErrorKind::usage, what, {.remedy = remedy});
}

std::optional<long> whole_number(const std::string& text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// A date of which only the leading parts are given.
struct PartialDate {
  std::array<int, 4> part{0, 1, 1, 0};  // year, month, day, hour
  std::size_t given = 0;
};

std::array<int, 4> parts_of(const io::DateTime& d) {
  return {d.year, d.month, d.day, static_cast<int>(std::floor(d.day_fraction * 24 + 1e-6))};
}

std::optional<PartialDate> parse_date(const std::string& text) {
  static constexpr std::array<char, 3> separators{'-', '-', 'T'};
  PartialDate date;
  std::size_t at = 0;
  while (date.given < 4) {
    const std::size_t digits = date.given == 0 ? 4 : 2;
    if (at + digits > text.size()) return std::nullopt;
    const auto value = whole_number(text.substr(at, digits));
    if (!value || *value < 0) return std::nullopt;
    date.part[date.given++] = static_cast<int>(*value);
    at += digits;
    if (at == text.size()) break;
    if (date.given == 4 || text[at] != separators[date.given - 1]) return std::nullopt;
    ++at;
  }
  const auto [year, month, day, hour] = date.part;
  const bool possible = month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour <= 23;
  return date.given >= 2 && at == text.size() && possible ? std::optional(date) : std::nullopt;
}

std::string iso(const io::DateTime& d) { return fmt::format("{:04}-{:02}-{:02}", d.year, d.month, d.day); }

/// Index of a date; at the end of a range the last one within it.
std::size_t find_date(const PartialDate& date, const std::string& text, const io::TimeAxis& axis, bool last) {
  if (axis.dates.empty())
    refuse("the variable has no time axis to look up '" + text + "' in",
           "Leave --time out, or give an index");
  std::optional<std::size_t> found;
  std::size_t nearest = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t t = 0; t < axis.dates.size(); ++t) {
    const std::array<int, 4> p = parts_of(axis.dates[t]);
    bool same = true;
    double away = 0;
    static constexpr std::array<double, 4> hours{8766, 730.5, 24, 1};
    for (std::size_t k = 0; k < date.given; ++k) {
      same = same && p[k] == date.part[k];
      away += hours[k] * (p[k] - date.part[k]);
    }
    if (same && (last || !found)) found = t;
    if (std::abs(away) < least) least = std::abs(away), nearest = t;
  }
  if (!found)
    refuse("no time of the file lies in " + text,
           fmt::format("The nearest is {}, index {}; the file runs from {} to {}", iso(axis.dates[nearest]),
                       nearest, iso(axis.dates.front()), iso(axis.dates.back())));
  return *found;
}

std::size_t find_time(const std::string& text, const io::TimeAxis& axis, std::size_t count, bool last) {
  if (const auto index = whole_number(text)) {
    const long n = static_cast<long>(count), i = *index < 0 ? *index + n : *index;
    if (i < 0 || i >= n)
      refuse(fmt::format("time index {} is out of range", text),
             fmt::format("The file has {} time(s), 0 to {}; a year is written with its month, {}-01", n,
                         n - 1, text));
    return static_cast<std::size_t>(i);
  }
  const auto date = parse_date(text);
  if (!date)
    refuse("'" + text + "' is neither a time index nor a date",
           "Give an index from 0, or a date as 1990-07, 1990-07-21 or 1990-07-21T06");
  return find_date(*date, text, axis, last);
}

}  // namespace

bool selects_series(const std::string& selection) { return selection.find(':') != std::string::npos; }

std::vector<std::size_t> select_times(const std::string& selection, const io::TimeAxis& axis,
                                      std::size_t count) {
  if (count == 0) refuse("the variable has no times", "Choose another variable");
  if (!selects_series(selection)) return {find_time(selection, axis, count, false)};
  const auto first_colon = selection.find(':'), second_colon = selection.find(':', first_colon + 1);
  const std::string from = selection.substr(0, first_colon);
  const std::string to = selection.substr(first_colon + 1, second_colon - first_colon - 1);
  long step = 1;
  if (second_colon != std::string::npos) {
    const auto value = whole_number(selection.substr(second_colon + 1));
    if (!value || *value < 1)
      refuse("the step of '" + selection + "' is not a positive number", "Write A:B:STEP");
    step = *value;
  }
  const std::size_t first = from.empty() ? 0 : find_time(from, axis, count, false);
  const std::size_t last = to.empty() ? count - 1 : find_time(to, axis, count, true);
  if (last < first)
    refuse("the range '" + selection + "' ends before it begins", "Write the earlier time first");
  std::vector<std::size_t> times;
  for (std::size_t t = first; t <= last; t += static_cast<std::size_t>(step)) times.push_back(t);
  return times;
}

std::string date_label(const io::TimeAxis& axis, std::size_t time) {
  static constexpr std::array<const char*, 12> months{"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};
  if (time >= axis.dates.size()) return {};
  const io::DateTime& d = axis.dates[time];
  const char* month = months[static_cast<std::size_t>(std::min(std::max(d.month, 1), 12) - 1)];
  // The distance to a neighbour says whether day and hour mean anything.
  double step_days = 0;
  if (axis.dates.size() > 1) {
    const auto day = axis.day_index();
    const std::size_t a = time > 0 ? time - 1 : 0;
    step_days = static_cast<double>(day[a + 1] - day[a]) + axis.dates[a + 1].day_fraction -
                axis.dates[a].day_fraction;
    step_days = std::abs(step_days);
  }
  if (step_days > 300) return std::to_string(d.year);
  if (step_days > 27.5)
    return d.year > 1 ? fmt::format("{} {}", month, d.year) : month;  // year 0, 1: climatologies
  std::string label = fmt::format("{} {} {}", d.day, month, d.year);
  if (step_days > 0 && step_days < 0.99) {
    const auto minutes = static_cast<int>(std::lround(d.day_fraction * 1440));
    label += fmt::format(" {:02}:{:02}", minutes / 60, minutes % 60);
  }
  return label;
}

}  // namespace manifill::plot
