#include "manifill/plot/file_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/plot/named_projection.hpp"
#include "manifill/plot/time_selection.hpp"

namespace manifill::plot {
namespace {

// Of a file of fields from stations or measurements of another kind, which has no cell observed as it is.
constexpr std::size_t kTimesForStatus = 12;
constexpr std::size_t kTimesForScale = 200;
constexpr std::size_t kLongLabel =
    44;  // characters beyond which a colour bar takes the variable's short name

const std::vector<std::string> kAncillaries{"_status", "_spread", "_member"};

bool has(const std::vector<io::VariableSummary>& all, const std::string& name) {
  return std::any_of(all.begin(), all.end(), [&](const io::VariableSummary& v) { return v.name == name; });
}

/// V_member_12 -> V_member: files of meshes and of HEALPix maps have a column for each member.
std::string without_number(const std::string& name) {
  const auto digits = name.find_last_not_of("0123456789") + 1;
  const bool numbered = digits < name.size() && digits > 1 && name[digits - 1] == '_';
  return numbered ? name.substr(0, digits - 1) : name;
}

/// Whether a variable belongs to another one of the file: V_spread to V.
bool is_ancillary(const std::vector<io::VariableSummary>& all, const std::string& full) {
  const std::string name = full.find("_member_") == std::string::npos ? full : without_number(full);
  return std::any_of(kAncillaries.begin(), kAncillaries.end(), [&](const std::string& suffix) {
    return name.size() > suffix.size() && name.ends_with(suffix) &&
           has(all, name.substr(0, name.size() - suffix.size()));
  });
}

/// The variable to draw when none is named. An imputed file has four; its own is meant.
std::string choose_variable(const std::string& path, const std::string& named, const std::string& grid) {
  if (!named.empty()) return named;
  const std::vector<io::VariableSummary> all = io::list_variables(path, grid);
  std::vector<std::string> candidates;
  for (const auto& v : all)
    if (v.fillable && !is_ancillary(all, v.name)) candidates.push_back(v.name);
  return candidates.size() == 1 ? candidates[0] : std::string();
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string capitalised(std::string text) {
  // "pH" and "NDVI" stay as they are.
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0)
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

/// Name for people: long_name, else standard_name, else the variable's own without its group.
std::string readable_name(const io::VariableSummary& summary) {
  if (!summary.long_name.empty()) return capitalised(summary.long_name);
  if (!summary.standard_name.empty()) {
    std::string name = summary.standard_name;
    std::replace(name.begin(), name.end(), '_', ' ');
    return capitalised(name);
  }
  return summary.name.substr(summary.name.rfind('/') + 1);
}

/// Years from 1951-1980 with the dash that print has between numbers.
std::string with_dashes(std::string text) {
  const auto digit = [&](std::size_t i) {
    return i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])) != 0;
  };
  for (std::size_t i = 4; i + 4 < text.size(); ++i)
    if (text[i] == '-' && digit(i - 4) && digit(i - 3) && digit(i - 2) && digit(i - 1) && digit(i + 1) &&
        digit(i + 2) && digit(i + 3) && digit(i + 4))
      text.replace(i, 1, "\u2013");
  return text;
}

/// The name without what it is measured against: "temperature anomaly relative to 1951-1980" needs that once,
/// as title.
std::string shorter_name(const std::string& name) {
  for (const char* clause : {" relative to ", " with respect to ", " wrt ", " w.r.t. "})
    if (const auto at = name.find(clause); at != std::string::npos) return name.substr(0, at);
  return name;
}

std::string with_units(const std::string& name, const std::string& units) {
  return units.empty() ? name : name + " (" + units + ")";
}

bool is_anomaly(const io::VariableSummary& summary) {
  return lower(summary.name + summary.long_name + summary.standard_name).find("anomal") != std::string::npos;
}

bool is_status(double value, io::CellStatus status) { return value == static_cast<double>(status); }

}  // namespace

std::string printed_units(const std::string& units) {
  static const std::vector<std::string> celsius{"degc",    "deg_c",          "degree_c",        "degrees_c",
                                                "celsius", "degree_celsius", "degrees_celsius", "degreesc",
                                                "degreec"};
  if (units == "1") return {};
  if (std::find(celsius.begin(), celsius.end(), lower(units)) != celsius.end()) return "\u00b0C";
  static const std::vector<std::string> digits{"\u2070", "\u00b9", "\u00b2", "\u00b3", "\u2074",
                                               "\u2075", "\u2076", "\u2077", "\u2078", "\u2079"};
  std::string printed;
  // A sign or number that follows a letter is a power; one that stands alone ("1e-3", "10 m") is not.
  bool after_letter = false;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto c = static_cast<unsigned char>(units[i]);
    const bool digit_next =
        i + 1 < units.size() && std::isdigit(static_cast<unsigned char>(units[i + 1])) != 0;
    if (after_letter && c == '-' && digit_next) {
      printed += "\u207b";
    } else if (after_letter && c == '^') {
      continue;
    } else if (after_letter && std::isdigit(c) != 0) {
      printed += digits[static_cast<std::size_t>(c - '0')];
    } else {
      // Letters of a number's exponent ("1e-3") come right after a digit.
      after_letter =
          std::isalpha(c) != 0 && (i == 0 || std::isdigit(static_cast<unsigned char>(units[i - 1])) == 0);
      printed += units[i];
    }
  }
  return printed;
}

FileMap::FileMap(const std::string& path, FileMapOptions options)
    : options_(std::move(options)),
      variable_(io::GriddedVariable::open(path, choose_variable(path, options_.variable, options_.grid),
                                          options_.grid, options_.repair)) {
  if (options_.extra >= variable_.extras())
    throw Error(ErrorKind::usage,
                fmt::format("level {} is not there; the other dimensions have {} combination(s)",
                            options_.extra, variable_.extras()),
                {.file = path, .variable = variable_.summary().name, .remedy = "Levels count from 0"});
  const bool surface = variable_.domain().kind() == domain::DomainKind::surface;
  const auto unsuited = [&](const std::string& what, const std::string& remedy) {
    return Error(ErrorKind::usage, what,
                 {.file = path, .variable = variable_.summary().name, .remedy = remedy});
  };
  if (!surface && (options_.towards || options_.up))
    throw unsuited("a map or image is not seen from a direction in space",
                   "Leave out --towards and --up; --projection chooses the map");
  if (options_.projection != "automatic") {
    if (surface)
      throw unsuited("a surface in space has no projection",
                     "Leave out --projection; --towards and --up choose the view");
    if (!variable_.domain().spherical())
      throw unsuited("a flat image has no projection", "Leave out --projection");
    projection_ = named_projection(options_.projection, variable_.domain());
  }
  open_ancillaries();
  const io::VariableSummary& summary = variable_.summary();
  // Pressures are written in pascal and read in hectopascal.
  const bool pressure =
      summary.units == "Pa" &&
      lower(summary.standard_name + summary.long_name).find("pressure") != std::string::npos;
  factor_ = pressure ? 0.01 : 1.0;
  const std::string units = pressure ? "hPa" : printed_units(summary.units);
  const std::string name = readable_name(summary);
  const std::string label = with_units(shorter_name(name), units);
  PaletteKind palette = options_.palette;
  if (palette == PaletteKind::automatic && is_anomaly(summary)) palette = PaletteKind::diverging;
  scales_.push_back({.label = label.size() <= kLongLabel ? label : with_units(summary.name, units),
                     .palette = palette,
                     .lowest = scaled(options_.lowest),
                     .highest = scaled(options_.highest)});
  if (spread_)
    scales_.push_back({.label = with_units("Ensemble spread", units), .palette = PaletteKind::spread});
  if (options_.title.empty()) options_.title = with_dashes(name);
}

void FileMap::open_ancillaries() {
  const std::string& path = variable_.path();
  const std::string& name = variable_.summary().name;
  const std::vector<io::VariableSummary> all = io::list_variables(path);
  const auto open = [&](const std::string& suffix, std::optional<io::GriddedVariable>& into) {
    if (!has(all, name + suffix)) return;
    io::GriddedVariable found =
        io::GriddedVariable::open(path, name + suffix, options_.grid, options_.repair);
    // A namesake on another grid is no companion.
    if (found.domain().hash() != variable_.domain().hash() || found.times() != variable_.times()) return;
    into.emplace(std::move(found));
  };
  open("_status", status_);
  open("_spread", spread_);
  shows_observed_ = status_ && observes_anything();
  std::size_t available = 0;
  if (!options_.members.empty()) {
    std::optional<io::GriddedVariable> found;
    open("_member", found);
    if (found) {
      available = found->extras() / variable_.extras();
      members_.push_back(std::move(*found));
    }
    while (available == members_.size()) {
      std::optional<io::GriddedVariable> column;
      open(fmt::format("_member_{}", available + 1), column);
      if (!column) break;
      members_.push_back(std::move(*column));
      ++available;
    }
  }
  for (const std::size_t m : options_.members)
    if (options_.members_required && (m < 1 || m > available))
      throw Error(ErrorKind::usage, fmt::format("member {} is not there; the file has {}", m, available),
                  {.file = path,
                   .variable = name + "_member",
                   .remedy = available == 0 ? "Run impute with --write-members" : "Members count from 1"});
  std::erase_if(options_.members, [&](std::size_t m) { return m < 1 || m > available; });
}

bool FileMap::observes_anything() const {
  const std::size_t count = std::min(kTimesForStatus, variable_.times());
  for (std::size_t k = 0; k < count; ++k)
    for (const double s : field(*status_, options_.extra, (2 * k + 1) * variable_.times() / (2 * count)))
      if (is_status(s, io::CellStatus::observed)) return true;
  return false;
}

std::vector<double> FileMap::field(const io::GriddedVariable& from, std::size_t extra,
                                   std::size_t time) const {
  const auto slice = from.read(extra, time, 1);
  return {slice.begin(), slice.end()};
}

std::vector<double> FileMap::quantity(const io::GriddedVariable& from, std::size_t extra,
                                      std::size_t time) const {
  std::vector<double> values = field(from, extra, time);
  if (factor_ != 1.0)
    for (double& v : values) v *= factor_;
  return values;
}

std::optional<double> FileMap::scaled(std::optional<double> end) const {
  return end ? std::optional(*end * factor_) : end;
}

MapFigure FileMap::figure(std::size_t time) const {
  MapFigure figure{.domain = variable_.domain(),
                   .title = options_.title,
                   .subtitle = date_label(variable_.time(), time),
                   .scales = scales_,
                   .width = options_.width,
                   .projection = projection_};
  if (options_.towards) figure.towards = *options_.towards;
  if (options_.up) figure.up = *options_.up;
  if (variable_.extras() > 1) {
    std::string level;
    for (const std::size_t i : variable_.extra_index(options_.extra)) level += fmt::format("[{}]", i);
    figure.subtitle = "level " + level + (figure.subtitle.empty() ? "" : ", " + figure.subtitle);
  }
  const std::vector<double> filled = quantity(variable_, options_.extra, time);
  std::vector<std::uint8_t> masked;
  if (status_) {
    const std::vector<double> status = field(*status_, options_.extra, time);
    std::vector<double> observed = filled;
    masked.resize(filled.size());
    for (std::size_t i = 0; i < filled.size(); ++i) {
      masked[i] = is_status(status[i], io::CellStatus::masked) ? 1 : 0;
      if (!is_status(status[i], io::CellStatus::observed))
        observed[i] = std::numeric_limits<double>::quiet_NaN();
    }
    if (shows_observed_)
      figure.panels.push_back({.title = "Observed", .values = std::move(observed), .masked = masked});
  }
  figure.panels.push_back({.title = !status_          ? ""
                                    : shows_observed_ ? "Filled"
                                                      : "Mean",
                           .values = filled,
                           .masked = masked});
  if (spread_)
    figure.panels.push_back({.title = "Spread",
                             .values = quantity(*spread_, options_.extra, time),
                             .masked = masked,
                             .scale = 1});
  for (const std::size_t m : options_.members) {
    const bool columns = members_[0].extras() == variable_.extras() && members_.size() >= m;
    figure.panels.push_back(
        {.title = fmt::format("Member {}", m),
         .values = columns ? quantity(members_[m - 1], options_.extra, time)
                           : quantity(members_[0], (m - 1) * variable_.extras() + options_.extra, time),
         .masked = masked});
  }
  return figure;
}

void FileMap::fix_scales(const std::vector<std::size_t>& times) {
  std::vector<RangeFinder> finders(scales_.size());
  const std::size_t stride = std::max<std::size_t>(1, (times.size() + kTimesForScale - 1) / kTimesForScale);
  for (std::size_t k = 0; k < times.size(); k += stride) {
    check_stop(variable_.path());
    const MapFigure one = figure(times[k]);
    // As a figure does by itself: the values of all panels of a quantity together.
    for (std::size_t s = 0; s < scales_.size(); ++s) {
      std::vector<double> values;
      for (const MapPanel& panel : one.panels)
        if (panel.scale == s)
          for (std::size_t i = 0; i < panel.values.size(); ++i)
            if (panel.masked.empty() || panel.masked[i] == 0) values.push_back(panel.values[i]);
      finders[s].add(values);
    }
  }
  for (std::size_t s = 0; s < scales_.size(); ++s) scales_[s] = finders[s].fixed(scales_[s]);
}

}  // namespace manifill::plot
