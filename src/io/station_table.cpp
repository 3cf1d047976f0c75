#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "manifill/base/error.hpp"
#include "netcdf.hpp"
#include "one_of.hpp"
#include "plain_file.hpp"
#include "station_source.hpp"

namespace manifill::io {
namespace {

constexpr std::size_t kShown = 40;  // characters of a field in a message

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\r'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

bool is_missing(const std::string& field) {
  return field.empty() || one_of(lower(field), {"na", "nan", "n/a"});
}

/// A table of text, line by line.
class TextTable {
 public:
  explicit TextTable(const std::string& path) : path_(path), bytes_(read_plain_file(path, "CSV file")) {
    if (bytes_.starts_with("\xEF\xBB\xBF")) at_ = 3;  // the mark that some programs put before UTF-8
    const auto header = next_line();
    if (!header) throw refusal("holds no line", {}, "Write a header line and records below it");
    const auto has = [&](char c) { return header->find(c) != std::string_view::npos; };
    separator_ = has(',') ? ',' : has(';') ? ';' : has('\t') ? '\t' : ',';
    names_ = split(*header);
  }

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] std::size_t line() const { return line_; }

  /// The fields of the next record, as many as there are names; false at the end.
  bool next(std::vector<std::string>& fields) {
    const auto text = next_line();
    if (!text) return false;
    fields = split(*text);
    if (fields.size() != names_.size())
      throw refusal("the line has " + std::to_string(fields.size()) + " fields, the header " +
                        std::to_string(names_.size()),
                    {}, "Quote fields that hold the separator");
    return true;
  }

  [[nodiscard]] Error refusal(const std::string& what, const std::string& column,
                              const std::string& remedy) const {
    return {ErrorKind::input,
            what,
            {.file = path_,
             .variable = column,
             .index = line_ == 0 ? "" : "[line " + std::to_string(line_) + "]",
             .remedy = remedy}};
  }

 private:
  std::optional<std::string_view> next_line() {
    while (at_ < bytes_.size()) {
      const std::size_t end = std::min(bytes_.find('\n', at_), bytes_.size());
      std::string_view text(bytes_.data() + at_, end - at_);
      at_ = end + 1;
      ++line_;
      if (text.ends_with('\r')) text.remove_suffix(1);
      const auto words = trimmed(text);
      if (!words.empty() && words.front() != '#') return text;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::vector<std::string> split(std::string_view text) const {
    std::vector<std::string> out;
    for (std::size_t k = 0; true; ++k) {
      std::string field;
      std::size_t end = std::min(text.find(separator_, k), text.size());
      const std::size_t quote = text.find_first_not_of(' ', k);
      if (quote < end && text[quote] == '"') {
        for (k = quote + 1; k < text.size() && (text[k] != '"' || text.substr(k + 1).starts_with('"')); ++k) {
          field += text[k];
          if (text[k] == '"') ++k;  // two of them stand for one
        }
        if (k >= text.size())
          throw refusal("a quoted field is not closed on its line", {}, "Close the quote, or leave it out");
        end = std::min(text.find(separator_, k), text.size());
        if (!trimmed(text.substr(k + 1, end - k - 1)).empty())
          throw refusal("text stands after a closing quote", {}, "Write a quote within a field twice");
      } else {
        field = trimmed(text.substr(k, end - k));
      }
      out.push_back(std::move(field));
      if (end == text.size()) return out;
      k = end;
    }
  }

  std::string path_;
  std::string bytes_;
  char separator_ = ',';
  std::size_t at_ = 0;
  std::size_t line_ = 0;
  std::vector<std::string> names_{};
};

/// Positions of the columns that count.
struct Columns {
  std::size_t latitude = 0;
  std::size_t longitude = 0;
  std::size_t value = 0;
  std::optional<std::size_t> time{};
  std::optional<std::size_t> station{};
};

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& n : names) text += (text.empty() ? "'" : ", '") + n + "'";
  return text;
}

std::optional<std::size_t> column_of(const TextTable& table, std::initializer_list<const char*> names) {
  std::optional<std::size_t> found;
  for (std::size_t k = 0; k < table.names().size(); ++k) {
    if (!one_of(lower(table.names()[k]), names)) continue;
    if (found)
      throw table.refusal(
          "two columns are one thing: '" + table.names()[*found] + "' and '" + table.names()[k] + "'",
          table.names()[k], "Leave one of them out");
    found = k;
  }
  return found;
}

std::size_t value_column(const TextTable& table, const Columns& c, const std::string& wanted) {
  const auto& names = table.names();
  if (!wanted.empty()) {
    const auto found = std::find(names.begin(), names.end(), wanted);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    const auto near = nearest_name(wanted, names.data(), names.data() + names.size());
    throw table.refusal(
        "no such column", wanted,
        (near ? "Did you mean '" + *near + "'? " : std::string()) + "The columns are " + listed(names));
  }
  std::vector<std::size_t> others;
  for (std::size_t k = 0; k < names.size(); ++k)
    if (k != c.latitude && k != c.longitude && k != c.time && k != c.station) others.push_back(k);
  if (others.size() != 1)
    throw table.refusal(others.empty() ? "there is no column of values" : "several columns may be the values",
                        {}, "Choose one with --variable; the columns are " + listed(names));
  return others[0];
}

Columns columns_of(const TextTable& table, const std::string& variable) {
  const auto latitude = column_of(table, {"lat", "latitude"});
  const auto longitude = column_of(table, {"lon", "longitude"});
  if (!latitude || !longitude)
    throw table.refusal(std::string("there is no column of ") + (latitude ? "longitudes" : "latitudes"), {},
                        "Name columns lat (or latitude) and lon (or longitude) in the header; they are " +
                            listed(table.names()));
  Columns c{.latitude = *latitude, .longitude = *longitude};
  c.time = column_of(table, {"time"});
  c.station = column_of(table, {"station", "id", "station_id"});
  c.value = value_column(table, c, variable);
  return c;
}

double number_of(const TextTable& table, const std::string& field, std::size_t column) {
  std::string_view text = field;
  if (text.size() > 1 && text.front() == '+') text.remove_prefix(1);
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    throw table.refusal("'" + field.substr(0, kShown) + "' is not a finite number", table.names()[column],
                        "Leave the field empty where a value is missing; decimals have a point");
  return value;
}

/// Times as they are met, each once.
class Times {
 public:
  Times(const TextTable& table, std::size_t column, std::string units)
      : table_(table), column_(column), units_(std::move(units)) {}

  std::size_t index_of(const std::string& field) {
    const auto [place, fresh] = known_.try_emplace(field, lines_.size());
    if (!fresh) return place->second;
    lines_.push_back(table_.line());
    if (units_.empty())
      dates_.push_back(date_of(field));
    else
      values_.push_back(number_of(table_, field, column_));
    return place->second;
  }

  [[nodiscard]] TimeAxis axis(const std::string& path) const {
    const std::string& name = table_.names()[column_];
    if (units_.empty()) {
      TimeAxis time{.name = name, .dates = dates_};
      const auto days = time.day_index();
      for (std::size_t t = 0; t < days.size(); ++t)
        time.values.push_back(static_cast<double>(days[t]) + dates_[t].day_fraction);
      return time;
    }
    try {
      return decode_time(name, values_, units_, "");
    } catch (const Error& e) {
      // The decoder counts times, the reader of the message lines.
      std::size_t t = 0;
      const bool placed = std::sscanf(e.context().index.c_str(), "[time %zu]", &t) == 1 && t < lines_.size();
      throw Error(e.kind(), bare_message(e),
                  {.file = path,
                   .variable = name,
                   .index = placed ? "[line " + std::to_string(lines_[t]) + "]" : "",
                   .remedy = e.context().remedy});
    }
  }

 private:
  /// A date by ISO 8601: the reference of units without an interval gone by.
  [[nodiscard]] DateTime date_of(const std::string& field) const {
    const auto digits = static_cast<std::size_t>(
        std::find_if(field.begin(), field.end(), [](char c) { return c < '0' || c > '9'; }) - field.begin());
    // A year alone is as well a number that wants units.
    const bool dated = digits == 8 || (digits == 4 && field.size() > 4 && field[4] == '-');
    try {
      if (dated) return decode_time("time", {0.0}, "days since " + field, "").dates[0];
    } catch (const Error&) {  // said below, with the line
    }
    throw table_.refusal("'" + field.substr(0, kShown) + "' is not a date by ISO 8601",
                         table_.names()[column_],
                         "Write 1990-07, 1990-07-21 or 1990-07-21T06:00Z, or give the units of numbers, as "
                         "--time-units \"days since 1900-01-01\"");
  }

  const TextTable& table_;
  std::size_t column_;
  std::string units_;
  std::map<std::string, std::size_t> known_{};
  std::vector<std::size_t> lines_{};
  std::vector<double> values_{};
  std::vector<DateTime> dates_{};
};

}  // namespace

bool is_station_table(const std::string& path) {
  const std::string ending = lower(std::filesystem::path(path).extension().string());
  return ending == ".csv" || ending == ".tsv";
}

Stations read_station_table(const std::string& path, const StationOptions& options) {
  TextTable table(path);
  const Columns c = columns_of(table, options.variable);
  Stations out{.path = path,
               .variable = {.name = table.names()[c.value], .type = "text", .units = options.units}};
  std::optional<Times> times;
  if (c.time) times.emplace(table, *c.time, options.time_units);
  std::map<std::string, std::size_t> stations;
  std::vector<std::string> fields;
  while (table.next(fields)) {
    StationValue v{.record = table.line()};
    v.latitude = number_of(table, fields[c.latitude], c.latitude);
    v.longitude = number_of(table, fields[c.longitude], c.longitude);
    check_place(path, v.latitude, v.longitude, "[line " + std::to_string(v.record) + "]");
    if (times) v.time = times->index_of(fields[*c.time]);
    if (c.station) v.station = stations.try_emplace(fields[*c.station], stations.size()).first->second;
    if (is_missing(fields[c.value])) {
      ++out.missing;
      continue;
    }
    v.value = number_of(table, fields[c.value], c.value);
    out.values.push_back(v);
  }
  if (times) out.time = times->axis(path);
  return out;
}

}  // namespace manifill::io
