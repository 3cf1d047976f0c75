#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "manifill/io/inspection.hpp"

namespace manifill::io {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kBars = 60;
constexpr const char* kIndent = "             ";

std::string size_text(double bytes) {
  static constexpr std::array<const char*, 5> units{"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t k = 0;
  for (; bytes >= 1024.0 && k + 1 < units.size(); ++k) bytes /= 1024.0;
  return fmt::format("{:.{}f} {}", bytes, k == 0 || bytes >= 100.0 ? 0 : 1, units[k]);
}

/// A share that is not quite nothing or all does not read as such.
std::string percent(double share) {
  if (share > 0.0 && share < 5e-4) return "< 0.1 %";
  if (share < 1.0 && share > 0.9995) return "> 99.9 %";
  return fmt::format("{:.1f} %", 100.0 * share);
}

std::string dimensions_text(const VariableSummary& v) {
  std::string text;
  for (const auto& [name, length] : v.dimensions)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, length);
  return text.empty() ? "scalar" : text;
}

/// Mean share of each of at most kBars runs of times.
std::vector<double> binned(const std::vector<double>& share) {
  const std::size_t bins = std::min(kBars, share.size());
  std::vector<double> out(bins, 0.0);
  for (std::size_t b = 0; b < bins; ++b) {
    const std::size_t first = share.size() * b / bins;
    const std::size_t end = share.size() * (b + 1) / bins;
    for (std::size_t t = first; t < end; ++t) out[b] += share[t] / static_cast<double>(end - first);
  }
  return out;
}

/// Bars of shares, the tallest full height; a dot where nothing is missing.
std::string sparkline(const std::vector<double>& bins) {
  static constexpr std::array<const char*, 8> blocks{"\u2581", "\u2582", "\u2583", "\u2584",
                                                     "\u2585", "\u2586", "\u2587", "\u2588"};
  const double most = *std::max_element(bins.begin(), bins.end());
  std::string text;
  for (const double x : bins)
    text += x <= 0.0 ? "\u00b7" : blocks[static_cast<std::size_t>(std::ceil(8.0 * x / most - 1e-9)) - 1];
  return text;
}

std::string line(const std::string& label, const std::string& text) {
  return fmt::format("  {:<10} {}\n", label, text);
}
std::string more(const std::string& text) { return kIndent + text + "\n"; }

/// "projected grid, Lambert Conformal Conic, 50 x 60, 12 km"
std::string projected_text(const GridFacts& g) {
  std::string step = fmt::format("{:.4g}", g.x_step);
  if (const auto other = fmt::format("{:.4g}", g.y_step); other != step) step += " x " + other;
  return fmt::format("projected grid, {}, {} x {}, {} {}", g.projection, g.latitudes, g.longitudes, step,
                     g.plane_degrees ? "degrees" : "km");
}

std::string grid_text(const GridFacts& g) {
  if (g.kind == "surface") return line("grid", fmt::format("a triangle mesh in space, {} vertices", g.cells));
  if (g.kind == "image")
    return line("grid", fmt::format("flat image {} x {} (rows x columns)", g.latitudes, g.longitudes));
  if (g.kind == "cells" || g.kind == "curvilinear" || g.kind == "projected") {
    const std::string shape = g.kind == "projected" ? projected_text(g)
                              : g.latitudes > 0
                                  ? fmt::format("curvilinear, {} x {}", g.latitudes, g.longitudes)
                                  : fmt::format("a list of {} cells", g.cells);
    return line("grid", shape + (g.global ? ", global" : ", regional")) +
           more(fmt::format("latitudes {:g} to {:g}, longitudes {:g} to {:g}", g.first_latitude,
                            g.last_latitude, g.first_longitude, g.last_longitude));
  }
  std::string text = line("grid", fmt::format("{}, {} x {} (lat x lon), {:.4g} x {:.4g} degrees, {}", g.kind,
                                              g.latitudes, g.longitudes, g.latitude_step, g.longitude_step,
                                              g.global     ? "global"
                                              : g.periodic ? "all round, not pole to pole"
                                                           : "regional"));
  text += more(fmt::format("latitudes {:g} to {:g} ({} first), longitudes {:g} to {:g}", g.first_latitude,
                           g.last_latitude, g.first_latitude > g.last_latitude ? "north" : "south",
                           g.first_longitude, g.last_longitude));
  if (g.cyclic_columns > 0)
    text += more(fmt::format("{} cyclic duplicate column{} at the end left out", g.cyclic_columns,
                             g.cyclic_columns > 1 ? "s" : ""));
  return text;
}

std::string time_text(const TimeFacts& t) {
  if (t.first.empty()) return line("times", t.count == 1 ? "none" : std::to_string(t.count));
  std::string text =
      t.count == 1 ? "1, " + t.first : fmt::format("{}, {} to {}, {}", t.count, t.first, t.last, t.step);
  return line("times", text + (t.units.empty() ? "" : ", calendar " + t.calendar + " (" + t.units + ")"));
}

std::string missing_text(const MissingScan& s, const TimeFacts& time) {
  const auto values = static_cast<double>(s.observed + s.missing);
  std::string text =
      line("missing", fmt::format("{}, {} of {} values; {} different mask{}", percent(s.share()), s.missing,
                                  s.observed + s.missing, s.masks, s.masks == 1 ? "" : "s"));
  if (s.missing_share.size() > 1 && s.missing > 0) {
    const auto bins = binned(s.missing_share);
    text += more(sparkline(bins));
    if (!time.first.empty())
      text += more(fmt::format("{:<{}} {}", time.first, bins.size() > 21 ? bins.size() - 11 : 10, time.last));
    text += more(fmt::format(
        "tallest bar {}{}", percent(*std::max_element(bins.begin(), bins.end())),
        bins.size() < s.missing_share.size()
            ? fmt::format(", a bar is {:.3g} times",
                          static_cast<double>(s.missing_share.size()) / static_cast<double>(bins.size()))
            : ""));
    text += more(fmt::format("{} never observed (a static mask such as land), {} real gaps",
                             percent(static_cast<double>(s.static_missing) / values),
                             percent(static_cast<double>(s.missing - s.static_missing) / values)));
  }
  if (s.observed > 0) text += line("values", fmt::format("{:.6g} to {:.6g}", s.lowest, s.highest));
  return text;
}

std::string model_text(const ModelFit& m) {
  if (!m.readable) return "cannot be read: " + m.reason;
  return fmt::format(
      "{} ({}): {}, covers {} of the grid, nearest grid points within {:.3g} degrees, {} km{}", m.name,
      m.path, m.fits ? "fits" : "does not fit", percent(m.covered), m.distance,
      m.distance_km < 100.0 ? fmt::format("{:.3g}", m.distance_km) : fmt::format("{:.0f}", m.distance_km),
      m.reason.empty() ? "" : "; " + m.reason);
}

std::string variables_text(const std::vector<VariableSummary>& variables) {
  std::size_t width = 0;
  for (const auto& v : variables) width = std::max(width, v.name.size());
  std::string text = "variables\n";
  for (const auto& v : variables)
    text += fmt::format("  {:<{}}  {} ({}){}  {}\n", v.name, std::min<std::size_t>(width, 40), v.type,
                        dimensions_text(v), v.units.empty() ? "" : " " + v.units,
                        v.fillable ? "can be filled" : "cannot: " + v.reason);
  return text;
}

ordered_json json_of(const VariableSummary& v) {
  ordered_json dimensions = ordered_json::array();
  for (const auto& [name, length] : v.dimensions) dimensions.push_back({{"name", name}, {"length", length}});
  return {{"name", v.name},           {"type", v.type},
          {"units", v.units},         {"standard_name", v.standard_name},
          {"long_name", v.long_name}, {"dimensions", dimensions},
          {"fillable", v.fillable},   {"reason", v.reason}};
}

ordered_json json_of(const GridFacts& g) {
  return {{"kind", g.kind},
          {"cells", g.cells},
          {"latitudes", g.latitudes},
          {"longitudes", g.longitudes},
          {"first_latitude", g.first_latitude},
          {"last_latitude", g.last_latitude},
          {"first_longitude", g.first_longitude},
          {"last_longitude", g.last_longitude},
          {"latitude_step", g.latitude_step},
          {"longitude_step", g.longitude_step},
          {"global", g.global},
          {"periodic", g.periodic},
          {"cyclic_columns", g.cyclic_columns},
          {"projection", g.projection},
          {"x_step", g.x_step},
          {"y_step", g.y_step},
          {"plane_degrees", g.plane_degrees}};
}

ordered_json json_of(const std::vector<FileFact>& facts) {
  ordered_json out = ordered_json::object();
  for (const auto& f : facts) out[f.name] = f.number ? ordered_json(*f.number) : ordered_json(f.text);
  return out;
}

ordered_json json_of(const TimeFacts& t) {
  return {{"count", t.count}, {"first", t.first},       {"last", t.last},
          {"step", t.step},   {"calendar", t.calendar}, {"units", t.units}};
}

ordered_json json_of(const MissingScan& s) {
  return {{"observed", s.observed},
          {"missing", s.missing},
          {"share", s.share()},
          {"static_missing", s.static_missing},
          {"static_mask", s.static_mask},
          {"masks", s.masks},
          {"lowest", s.lowest},
          {"highest", s.highest},
          {"most_observed", s.most_observed},
          {"missing_share", s.missing_share}};
}

ordered_json json_of(const ModelFit& m) {
  return {{"path", m.path},
          {"name", m.name},
          {"readable", m.readable},
          {"fits", m.fits},
          {"reason", m.reason},
          {"refusal", m.refusal.empty() ? ordered_json(nullptr) : ordered_json(m.refusal)},
          {"covered", m.covered},
          {"distance", m.distance},
          {"distance_km", m.distance_km}};
}

/// Attributes and names of files need not be UTF-8; JSON must be.
std::string dumped(const ordered_json& j) {
  return j.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

template <typename T>
ordered_json json_of(const std::optional<T>& x) {
  return x ? json_of(*x) : ordered_json(nullptr);
}

template <typename T>
ordered_json json_list(const std::vector<T>& list) {
  ordered_json out = ordered_json::array();
  for (const auto& x : list) out.push_back(json_of(x));
  return out;
}

}  // namespace

std::string Inspection::to_text() const {
  std::string text = fmt::format("{}: {}, {}\n", path, format, size_text(static_cast<double>(bytes)));
  for (const auto& f : facts) text += line(f.name, f.text);
  text += variables_text(variables);
  if (!variable.empty()) {
    const auto v =
        std::find_if(variables.begin(), variables.end(), [&](const auto& x) { return x.name == variable; });
    text += "\n" + variable;
    if (v != variables.end()) {
      const std::string& label = v->long_name.empty() ? v->standard_name : v->long_name;
      text += (label.empty() ? "" : ": " + label) + (v->units.empty() ? ", no units" : ", " + v->units);
    }
    text += "\n";
  }
  if (grid) text += grid_text(*grid);
  if (time) text += time_text(*time);
  for (const auto& [name, length] : extra) text += line("also", fmt::format("{} {}", name, length));
  if (missing) text += missing_text(*missing, time ? *time : TimeFacts{});
  if (memory > 0.0)
    text += line("memory", fmt::format("about {} for {} members", size_text(memory), members));
  for (std::size_t k = 0; k < models.size(); ++k)
    text += k == 0 ? line("models", model_text(models[k])) : more(model_text(models[k]));
  for (const auto& note : notes) text += line("note", note);
  if (refusal) text += "\nimpute would refuse it: " + *refusal + "\n";
  text.pop_back();
  return text;
}

std::string Inspection::to_json() const {
  ordered_json extra_list = ordered_json::array();
  for (const auto& [name, length] : extra) extra_list.push_back({{"name", name}, {"length", length}});
  ordered_json j{{"path", path},
                 {"format", format},
                 {"bytes", bytes},
                 {"facts", json_of(facts)},
                 {"variables", json_list(variables)},
                 {"variable", variable},
                 {"grid", json_of(grid)},
                 {"time", json_of(time)},
                 {"extra", extra_list},
                 {"missing", json_of(missing)},
                 {"members", members},
                 {"memory", std::llround(memory)},
                 {"models", json_list(models)},
                 {"notes", notes},
                 {"refusal", refusal ? ordered_json(*refusal) : ordered_json(nullptr)}};
  return dumped(j);
}

std::string error_json(const std::string& file, const std::string& error) {
  return dumped({{"file", file}, {"error", error}});
}

}  // namespace manifill::io
