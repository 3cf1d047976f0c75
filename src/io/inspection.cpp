#include "manifill/io/inspection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <numbers>
#include <set>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/domain/nearest_points.hpp"
#include "manifill/domain/sphere.hpp"
#include "manifill/io/png_image.hpp"
#include "manifill/io/projected_grid.hpp"
#include "native_file.hpp"
#include "netcdf.hpp"

namespace manifill::io {
namespace {

Error refuse(const GriddedVariable& v, const std::string& what, const std::string& remedy) {
  return {ErrorKind::input, what, {.file = v.path(), .variable = v.summary().name, .remedy = remedy}};
}

/// Marks of the cells ever seen, and the hash of the pattern of gaps.
std::uint64_t look_at_field(const double* field, std::size_t cells, std::vector<char>& seen, MissingScan& s,
                            std::size_t& missing) {
  std::vector<char> gap(cells);
  missing = 0;
  for (std::size_t c = 0; c < cells; ++c) {
    gap[c] = std::isnan(field[c]) ? 1 : 0;
    if (gap[c] != 0) {
      ++missing;
      continue;
    }
    seen[c] = 1;
    s.cell_lowest[c] = std::min(s.cell_lowest[c], field[c]);
    s.cell_highest[c] = std::max(s.cell_highest[c], field[c]);
  }
  return hash_bytes(gap.data(), gap.size());
}

void check_units_of(const GriddedVariable& v) {
  try {
    check_units(v.summary().units);
  } catch (const Error& e) {
    throw refuse(v, bare_message(e), e.context().remedy);
  }
}

void check_not_imputed(const GriddedVariable& v) {
  const std::string& name = v.summary().name;
  const auto all = list_variables(v.path());
  for (const char* tail : {"_spread", "_status", "_member"})
    for (const auto& other : all)
      if (other.name == name + tail)
        throw refuse(
            v, "the file holds a variable '" + short_name(other.name) + "' already: it was imputed before",
            "Start from the original file, whose gaps are still open, or rename that variable");
}

/// Nodes of Gaussian quadrature, degrees, north first, by Newton's method on the Legendre polynomial.
std::vector<double> gaussian_latitudes(std::size_t n) {
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    double x = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (static_cast<double>(n) + 0.5));
    for (int round = 0; round < 20; ++round) {
      double p = 1.0;
      double before = 0.0;
      for (std::size_t k = 1; k <= n; ++k) {
        const auto d = static_cast<double>(k);
        const double next = ((2.0 * d - 1.0) * x * p - (d - 1.0) * before) / d;
        before = p;
        p = next;
      }
      const double slope = static_cast<double>(n) * (x * p - before) / (x * x - 1.0);
      const double step = p / slope;
      x -= step;
      if (std::abs(step) < 1e-14) break;
    }
    out[i] = std::asin(x) * domain::kRadian;
  }
  return out;
}

double mean_step(const std::vector<double>& c) {
  return c.size() > 1 ? std::abs(c.back() - c.front()) / static_cast<double>(c.size() - 1) : 0.0;
}

bool even(const std::vector<double>& c) {
  const double step = mean_step(c);
  for (std::size_t i = 1; i < c.size(); ++i)
    if (std::abs(std::abs(c[i] - c[i - 1]) - step) > 0.01 * step + 1e-4) return false;
  return true;
}

bool gaussian(const std::vector<double>& latitude) {
  const std::size_t n = latitude.size();
  if (n < 8 || n > 10000) return false;
  const auto nodes = gaussian_latitudes(n);
  const double sign = latitude.front() > latitude.back() ? 1.0 : -1.0;
  for (std::size_t i = 0; i < n; ++i)
    if (std::abs(sign * latitude[i] - nodes[i]) > 0.01 * mean_step(latitude)) return false;
  return true;
}

/// Of points that come in no rows of latitude and columns of longitude.
GridFacts free_grid_facts(const domain::Domain& d) {
  if (d.kind() == domain::DomainKind::plane)
    return {
        .kind = "image", .cells = d.size(), .latitudes = d.size() / d.columns(), .longitudes = d.columns()};
  if (!d.spherical()) return {.kind = "surface", .cells = d.size()};
  const auto latitude = d.latitudes();
  const auto longitude = d.longitudes();
  const auto [south, north] = std::minmax_element(latitude.begin(), latitude.end());
  const auto [west, east] = std::minmax_element(longitude.begin(), longitude.end());
  GridFacts g{.kind = d.kind() == domain::DomainKind::cells ? "cells" : "curvilinear",
              .cells = d.size(),
              .first_latitude = *south,
              .last_latitude = *north,
              .first_longitude = *west,
              .last_longitude = *east,
              .periodic = d.periodic()};
  if (d.columns() > 1) {
    g.latitudes = d.size() / d.columns();
    g.longitudes = d.columns();
  }
  // Every place on a global grid has a point nearer than twice its mean spacing.
  const domain::NearestPoints search({d.points().begin(), d.points().end()});
  const double spacing = std::sqrt(4.0 * std::numbers::pi / static_cast<double>(d.size()));
  const auto reached = [&](double phi, double lambda) {
    const double c = std::cos(phi);
    return search.nearest({c * std::cos(lambda), c * std::sin(lambda), std::sin(phi)}, 1)[0].chord <
           2.0 * spacing;
  };
  g.global = true;
  for (int i = -8; i <= 8 && g.global; ++i)
    for (int j = 0; j < 16 && g.global; ++j)
      g.global = reached(i * std::numbers::pi / 16, j * std::numbers::pi / 8);
  return g;
}

GridFacts projected_facts(const GriddedVariable& v, const ProjectedGrid& grid) {
  GridFacts g = free_grid_facts(v.domain());
  g.kind = "projected";
  g.projection = grid.projection.name() + (grid.projection.earth_assumed() ? " (WGS 84 assumed)" : "");
  g.plane_degrees = grid.projection.angular();
  const double unit = g.plane_degrees ? 1.0 : 1e-3;
  g.x_step = unit * mean_step(grid.x);
  g.y_step = unit * mean_step(grid.y);
  return g;
}

GridFacts grid_facts(const GriddedVariable& v) {
  if (const auto* plane = v.projected()) return projected_facts(v, *plane);
  if (v.domain().kind() != domain::DomainKind::lat_lon) return free_grid_facts(v.domain());
  const auto& s = v.domain().lat_lon();
  GridFacts g{.cells = v.domain().size(),
              .latitudes = s.nlat(),
              .longitudes = s.nlon(),
              .first_latitude = s.latitude.front(),
              .last_latitude = s.latitude.back(),
              .first_longitude = s.longitude.front(),
              .last_longitude = s.longitude.back(),
              .latitude_step = mean_step(s.latitude),
              .longitude_step = mean_step(s.longitude),
              .global = s.periodic && s.north_pole && s.south_pole,
              .periodic = s.periodic,
              .cyclic_columns = v.cyclic_columns()};
  const bool regular_longitudes = even(s.longitude);
  g.kind = regular_longitudes && gaussian(s.latitude) ? "Gaussian"
           : regular_longitudes && even(s.latitude)   ? "regular"
                                                      : "irregular";
  return g;
}

std::string iso(const DateTime& d) { return fmt::format("{:04}-{:02}-{:02}", d.year, d.month, d.day); }

/// The step that nearly all of an increasing index takes, and how often it takes a longer one.
struct Pace {
  std::int64_t step = 0;  // 0: no common one
  std::size_t breaks = 0;
};

Pace pace_of(const std::vector<std::int64_t>& index) {
  std::map<std::int64_t, std::size_t> counts;
  for (std::size_t t = 1; t < index.size(); ++t) ++counts[index[t] - index[t - 1]];
  const auto common = std::max_element(counts.begin(), counts.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
  const std::size_t breaks = index.size() - 1 - common->second;
  // Shorter steps are disorder, and many longer ones no breaks but an irregular axis.
  if (common->first < 1 || counts.begin()->first < common->first || 10 * breaks > index.size()) return {};
  return {common->first, breaks};
}

std::string step_of(const TimeAxis& time) {
  if (time.dates.size() < 2) return {};
  const auto text = [](const std::string& step, std::size_t breaks) {
    return step + (breaks == 0 ? "" : fmt::format(" with {} break{}", breaks, breaks == 1 ? "" : "s"));
  };
  const auto [months, month_breaks] = pace_of(time.month_index());
  if (months == 1) return text("monthly", month_breaks);
  if (months == 12) return text("yearly", month_breaks);
  if (months > 0) return text(fmt::format("every {} months", months), month_breaks);
  const auto [days, day_breaks] = pace_of(time.day_index());
  if (days == 1) return text("daily", day_breaks);
  if (days > 1) return text(fmt::format("every {} days", days), day_breaks);
  auto minutes = time.day_index();
  for (std::size_t t = 0; t < minutes.size(); ++t)
    minutes[t] = minutes[t] * 1440 + std::llround(time.dates[t].day_fraction * 1440.0);
  const auto [step, breaks] = pace_of(minutes);
  return step == 0 ? "irregular"
                   : text(fmt::format("every {:g} hours", static_cast<double>(step) / 60.0), breaks);
}

TimeFacts time_facts(const GriddedVariable& v) {
  const TimeAxis& time = v.time();
  TimeFacts f{.count = v.times(), .units = time.units};
  if (time.dates.empty()) return f;
  f.first = iso(time.dates.front());
  f.last = iso(time.dates.back());
  f.step = step_of(time);
  f.calendar = calendar_name(time.calendar);
  return f;
}

/// Index from which times run backwards or repeat, if any.
std::optional<std::size_t> disorder(const TimeAxis& time) {
  const auto days = time.day_index();
  for (std::size_t t = 1; t < days.size(); ++t) {
    const double step = static_cast<double>(days[t] - days[t - 1]) + time.dates[t].day_fraction -
                        time.dates[t - 1].day_fraction;
    if (step <= 0.0) return t;
  }
  return std::nullopt;
}

void note_time(const GriddedVariable& v, std::vector<std::string>& notes) {
  const TimeAxis& time = v.time();
  if (!time.note.empty()) notes.push_back(time.note);
  if (time.dates.empty()) notes.emplace_back("it has no time: only a model without seasons can fill it");
  if (const auto t = disorder(time))
    notes.push_back(fmt::format(
        "times run backwards or repeat at [time {}]: sort the file first, e.g. with cdo mergetime", *t));
}

void note_missing(const GriddedVariable& v, const MissingScan& s, std::vector<std::string>& notes) {
  if (s.missing == 0)
    notes.emplace_back("nothing is missing: the output would be a copy with provenance");
  else if (v.times() == 1)
    notes.emplace_back("there is one time only: land and gaps cannot be told apart but by the model's mask");
  else if (s.static_mask)
    notes.emplace_back(
        "the same cells are missing at all times: this looks like a static mask, e.g. land, not like gaps");
}

/// What belongs to every row or column: whether it lies on an axis of the model's grid, and the nearest line.
struct AxisFit {
  std::vector<double> nearest{};    // distance, degrees along the axis
  std::vector<double> position{};   // of the nearest line
  std::vector<std::size_t> line{};  // its number
  std::vector<char> inside{};
  std::size_t covered = 0;
};

AxisFit fit_axis(const std::vector<double>& file, const std::vector<double>& model, bool circle,
                 bool all_round, double extra_reach_low, double extra_reach_high) {
  AxisFit f;
  const double low = *std::min_element(model.begin(), model.end()) - extra_reach_low;
  const double high = *std::max_element(model.begin(), model.end()) + extra_reach_high;
  for (const double x : file) {
    double best = std::numeric_limits<double>::infinity();
    std::size_t line = 0;
    for (std::size_t k = 0; k < model.size(); ++k) {
      const double apart = x - model[k];
      const double d = circle ? std::abs(std::remainder(apart, 360.0)) : std::abs(apart);
      if (d < best) {
        best = d;
        line = k;
      }
    }
    f.nearest.push_back(best);
    f.position.push_back(model[line]);
    f.line.push_back(line);
    const double middle = 0.5 * (low + high);
    const double off = circle ? std::abs(std::remainder(x - middle, 360.0)) : std::abs(x - middle);
    f.inside.push_back(all_round || off <= 0.5 * (high - low) + 1e-6 ? 1 : 0);
    f.covered += f.inside.back() != 0 ? 1 : 0;
  }
  return f;
}

double arc_degrees(double latitude_a, double latitude_b, double longitude_difference) {
  const double a = latitude_a / domain::kRadian;
  const double b = latitude_b / domain::kRadian;
  const double h =
      std::pow(std::sin(0.5 * (a - b)), 2) +
      std::cos(a) * std::cos(b) * std::pow(std::sin(0.5 * longitude_difference / domain::kRadian), 2);
  return 2.0 * std::asin(std::min(1.0, std::sqrt(h))) * domain::kRadian;
}

/// As compare_grids, point by point: within reach is what is no farther than the model's points are apart
/// there.
std::vector<char> compare_points(const domain::Domain& file, const ModelCard& card, ModelFit& fit) {
  std::vector<char> used(file.size(), 0);
  if (!share_space(file, card.domain)) return used;
  const domain::NearestPoints search({card.domain.points().begin(), card.domain.points().end()});
  std::size_t covered = 0;
  double farthest = 0.0;
  for (std::size_t i = 0; i < file.size(); ++i) {
    const auto near = search.nearest(file.points()[i], 1)[0];
    const double spacing = search.nearest(card.domain.points()[near.index], 4).back().chord;
    farthest = std::max(farthest, near.chord);
    if (near.chord > spacing && card.domain.size() > 1) continue;
    ++covered;
    used[i] = card.active.empty() || card.active[near.index] != 0 ? 1 : 0;
  }
  fit.covered = static_cast<double>(covered) / static_cast<double>(file.size());
  fit.distance = 2.0 * std::asin(std::min(1.0, 0.5 * farthest)) * domain::kRadian;
  fit.distance_km = fit.distance / domain::kRadian * domain::kEarthRadiusKm;
  return used;
}

/// The grids are products of axes, and so is the search for the nearest point (but for a cell or two at the
/// poles).
/// \return whether impute takes the values of a cell as observations: [cell]
std::vector<char> compare_grids(const domain::Domain& domain, const ModelCard& card, ModelFit& fit) {
  constexpr auto lat_lon = domain::DomainKind::lat_lon;
  if (domain.kind() != lat_lon || card.domain.kind() != lat_lon) return compare_points(domain, card, fit);
  const domain::LatLonShape& file = domain.lat_lon();
  const domain::LatLonShape& model = card.domain.lat_lon();
  const double half_lat = 0.5 * mean_step(model.latitude);
  const double half_lon = 0.5 * mean_step(model.longitude);
  const auto lat = fit_axis(file.latitude, model.latitude, false, false, model.south_pole ? 90.0 : half_lat,
                            model.north_pole ? 90.0 : half_lat);
  const auto lon = fit_axis(file.longitude, model.longitude, true, model.periodic, half_lon, half_lon);
  fit.covered = static_cast<double>(lat.covered) / static_cast<double>(file.nlat()) *
                static_cast<double>(lon.covered) / static_cast<double>(file.nlon());
  const double farthest = *std::max_element(lon.nearest.begin(), lon.nearest.end());
  for (std::size_t i = 0; i < file.nlat(); ++i)
    fit.distance = std::max(fit.distance, arc_degrees(file.latitude[i], lat.position[i], farthest));
  fit.distance_km = fit.distance / domain::kRadian * domain::kEarthRadiusKm;
  std::vector<char> used;
  used.reserve(file.nlat() * file.nlon());
  for (std::size_t i = 0; i < file.nlat(); ++i)
    for (std::size_t j = 0; j < file.nlon(); ++j) {
      const bool masked = !card.active.empty() && card.active[lat.line[i] * model.nlon() + lon.line[j]] == 0;
      used.push_back(lat.inside[i] != 0 && lon.inside[j] != 0 && !masked ? 1 : 0);
    }
  return used;
}

/// The file is read again only to find the first value that impute would stop at.
/// \param used [cell], those whose values impute reads
void check_range(const GriddedVariable& v, const MissingScan& s, const ModelCard& m,
                 const std::vector<char>& used, std::pair<double, double> conversion) {
  if (!(m.plausible_low < m.plausible_high) || s.cell_lowest.size() != used.size()) return;
  const auto beyond = [&](std::size_t cell, double x) {
    const double value = conversion.first * x + conversion.second;
    return used[cell] != 0 && std::isfinite(x) && (value < m.plausible_low || value > m.plausible_high);
  };
  bool any = false;
  for (std::size_t c = 0; c < used.size(); ++c)
    any = any || beyond(c, s.cell_lowest[c]) || beyond(c, s.cell_highest[c]);
  if (!any) return;
  for (std::size_t e = 0; e < v.extras(); ++e)
    for (std::size_t t = 0; t < v.times(); ++t) {
      const auto field = v.read(e, t, 1);
      for (std::size_t c = 0; c < used.size(); ++c)
        if (beyond(c, field(0, c))) throw implausible(v, t, c, field(0, c), m);
    }
}

std::string format_name(const std::string& path) {
  if (const NativeForm form = native_form(path); form != NativeForm::none)
    return form == NativeForm::healpix     ? "HEALPix in FITS"
           : form == NativeForm::image     ? "PNG image"
           : form == NativeForm::image_set ? "set of images"
                                           : "mesh";
  switch (NetcdfHandle::open(path).format()) {
    case NC_FORMAT_CLASSIC:
      return "NetCDF classic";
    case NC_FORMAT_64BIT_OFFSET:
      return "NetCDF 64-bit offset";
    case NC_FORMAT_CDF5:
      return "NetCDF CDF5";
    case NC_FORMAT_NETCDF4_CLASSIC:
      return "NetCDF-4 classic model";
    default:
      return "NetCDF-4";
  }
}

void add_models(const GriddedVariable& v, const std::vector<ModelCard>& models, Inspection& out) {
  const MissingScan* scan = out.missing ? &*out.missing : nullptr;
  MemoryNeed need{.cells = v.domain().size(), .members = out.members};
  for (const auto& m : models) out.models.push_back(fit_model(v, scan, m));
  std::stable_sort(out.models.begin(), out.models.end(), [](const ModelFit& a, const ModelFit& b) {
    if (a.fits != b.fits) return a.fits;
    if (a.covered != b.covered) return a.covered > b.covered;
    return a.distance < b.distance;
  });
  if (scan != nullptr) need.observed = scan->most_observed;
  for (const auto& m : models)
    if (out.models[0].fits && m.path == out.models[0].path) {
      const double covered = out.models[0].covered * static_cast<double>(need.cells);
      need.observed = std::min(need.observed, static_cast<std::size_t>(std::llround(covered)));
      need.own_grid = v.domain().hash() == m.domain.hash();
      need.model_points = m.domain.size();
      need.training_fields = m.training_fields;
      need.window_steps = m.window_steps;
      need.season_bins = m.season_bins;
    }
  out.memory = estimate_memory(need);
  if (models.empty() || out.models[0].fits) return;
  out.notes.emplace_back("none of the models fits");
  if (!out.refusal)
    out.refusal = models.size() == 1
                      ? out.models[0].refusal
                      : "none of the models fits; " + out.models[0].name + ": " + out.models[0].refusal;
}

/// The channels of a colour image share their gaps: one stands for all.
std::string first_channel(const std::string& path, Inspection& out) {
  if (native_form(path) != NativeForm::image) return {};
  const auto channels = png_channels(path);
  if (channels.size() > 1)
    out.notes.push_back(
        "impute fills all channels, one after the other, into an output named .png; for any other "
        "choose one with --variable. This is " +
        channels[0]);
  return channels[0];
}

void look_closely(const std::string& variable, const std::string& grid, bool repair,
                  const std::vector<ModelCard>& models, Inspection& out) {
  const auto v = GriddedVariable::open(out.path, variable, grid, repair);
  out.notes.insert(out.notes.end(), v.notes().begin(), v.notes().end());
  out.variable = v.summary().name;
  out.grid = grid_facts(v);
  out.time = time_facts(v);
  const auto names = v.extra_names();
  for (const auto& [name, length] : v.summary().dimensions)
    if (std::find(names.begin(), names.end(), name) != names.end()) out.extra.emplace_back(name, length);
  if (!v.grid_note().empty()) out.notes.push_back(v.grid_note());
  note_time(v, out.notes);
  try {
    check_units_of(v);
    check_not_imputed(v);
  } catch (const Error& e) {
    out.refusal = e.what();  // what is missing is worth knowing all the same
  }
  out.missing = scan_missing(v);
  note_missing(v, *out.missing, out.notes);
  add_models(v, models, out);
  check_fillable(v, *out.missing);
}

}  // namespace

MissingScan scan_missing(const GriddedVariable& v) {
  MissingScan s;
  s.lowest = std::numeric_limits<double>::infinity();
  s.highest = -s.lowest;
  s.missing_share.assign(v.times(), 0.0);
  const std::size_t cells = v.domain().size();
  s.cell_lowest.assign(cells, s.lowest);
  s.cell_highest.assign(cells, s.highest);
  std::set<std::uint64_t> masks;
  std::size_t never = 0;
  for (std::size_t e = 0; e < v.extras(); ++e) {
    std::vector<char> seen(cells, 0);
    for (std::size_t t = 0; t < v.times(); ++t) {
      check_stop(v.path());
      std::size_t missing = 0;
      masks.insert(look_at_field(v.read(e, t, 1).data(), cells, seen, s, missing));
      s.missing += missing;
      s.observed += cells - missing;
      s.most_observed = std::max(s.most_observed, cells - missing);
      s.missing_share[t] += static_cast<double>(missing) / static_cast<double>(cells * v.extras());
    }
    never += static_cast<std::size_t>(std::count(seen.begin(), seen.end(), 0));
  }
  s.masks = masks.size();
  if (v.times() > 1) s.static_missing = never * v.times();
  s.static_mask = s.missing > 0 && s.missing == s.static_missing;
  for (const double x : s.cell_lowest) s.lowest = std::min(s.lowest, x);
  for (const double x : s.cell_highest) s.highest = std::max(s.highest, x);
  if (s.observed == 0) s.lowest = s.highest = 0.0;
  return s;
}

void check_fillable(const GriddedVariable& v) {
  check_units_of(v);
  check_not_imputed(v);
  check_fillable(v, scan_missing(v));
}

void check_fillable(const GriddedVariable& v, const MissingScan& s) {
  check_units_of(v);
  check_not_imputed(v);
  if (s.observed == 0)
    throw refuse(v, "all values are missing: there is nothing to learn the gaps from",
                 "Check _FillValue, missing_value and valid_range");
  if (s.lowest == s.highest && s.observed > 1)
    throw refuse(v, fmt::format("all values are {:g}: a constant field tells nothing", s.lowest),
                 "Check the variable, or mark its filler as missing");
}

std::pair<double, double> check_quantity(const GriddedVariable& v, const ModelCard& m) {
  return check_quantity(v.path(), v.summary(), m);
}

std::pair<double, double> check_quantity(const std::string& path, const VariableSummary& own,
                                         const ModelCard& m) {
  const auto refusal = [&](const std::string& what, const std::string& remedy) {
    return Error(ErrorKind::input, what, {.file = path, .variable = own.name, .remedy = remedy});
  };
  if (!own.standard_name.empty() && !m.standard_name.empty() && own.standard_name != m.standard_name)
    throw refusal(
        "its standard_name is '" + own.standard_name + "', the model fills '" + m.standard_name + "'",
        "Choose a model of this quantity");
  try {
    return quantity_conversion(own.units, m.units, m.standard_name, m.variable);
  } catch (const Error& e) {
    throw refusal(e.what(), "The model '" + m.name + "' fills " + m.variable + " in " + m.units);
  }
}

void check_times(const GriddedVariable& v, const ModelCard& m) {
  const TimeAxis& time = v.time();
  if (time.values.empty()) {
    if (m.seasonal)
      throw refuse(v, "it has no time coordinate, and the model's climatology follows the season",
                   "Add a time coordinate with CF units");
    return;
  }
  if (m.step != "day" && m.step != "month") return;
  const auto index = m.step == "day" ? time.day_index() : time.month_index();
  for (std::size_t t = 1; t < time.dates.size(); ++t)
    if (index[t] <= index[t - 1])
      throw refuse(v, fmt::format("two times fall into one {} of the model or run backwards", m.step),
                   fmt::format("See time index {}; average the file to the model's step first", t));
}

bool share_space(const domain::Domain& a, const domain::Domain& b) {
  if (a.hash() == b.hash()) return true;
  // Images of another size may show anything: a pixel's number alone places nothing.
  const auto image = [](const domain::Domain& d) { return d.kind() == domain::DomainKind::plane; };
  return a.spherical() == b.spherical() && !image(a) && !image(b);
}

Error off_grid(const GriddedVariable& v, const ModelCard& m) {
  return refuse(
      v,
      "no cell of its grid (" + v.domain().describe() + ") lies on the model's (" + m.domain.describe() + ")",
      "Use a model of this region");
}

Error implausible(const GriddedVariable& v, std::size_t time, std::size_t cell, double value,
                  const ModelCard& m) {
  return implausible(v.path(), v.summary(), v.cell_index(time, cell), value, m);
}

Error implausible(const std::string& path, const VariableSummary& own, const std::string& place, double value,
                  const ModelCard& m) {
  return {ErrorKind::input,
          fmt::format("the value {:g} {} is implausible: the model knows {:g} to {:g} {}", value, own.units,
                      m.plausible_low, m.plausible_high, m.units),
          {.file = path, .variable = own.name, .index = place, .remedy = "Check units and missing values"}};
}

ModelFit fit_model(const GriddedVariable& v, const MissingScan* scan, const ModelCard& m) {
  ModelFit fit{.path = m.path, .name = m.name};
  const auto used = compare_grids(v.domain(), m, fit);
  try {
    const auto conversion = check_quantity(v, m);
    if (fit.covered == 0.0) throw off_grid(v, m);
    check_times(v, m);
    if (scan != nullptr) check_range(v, *scan, m, used, conversion);
    fit.fits = true;
  } catch (const Error& e) {
    fit.reason = bare_message(e);
    fit.refusal = e.what();
  }
  return fit;
}

double estimate_memory(const MemoryNeed& need) {
  constexpr double kLibraries = 4e8;  // LibTorch, OpenBLAS and NetCDF themselves
  constexpr double kKept = 1073741824.0;
  const auto cells = static_cast<double>(need.cells);
  const double points = need.model_points == 0 ? cells : static_cast<double>(need.model_points);
  const double rows = points * static_cast<double>(need.window_steps);
  const double covariance = 4.0 * rows * rows;
  const double covariances =
      std::max(covariance, std::min(kKept, covariance * static_cast<double>(need.season_bins)));
  const double all = need.observed == 0 ? cells : static_cast<double>(need.observed);
  const double window = all * static_cast<double>(need.window_steps);
  const double m = need.own_grid ? std::min(window, rows) : window;
  // The matrices that WindowFactor holds at once while it makes its factor. Where observations are
  // combinations of points, these are the covariance of the points they touch beside its products with the
  // operator from one side and from both, and at last the result in both precisions.
  const double touched = std::min(rows, 4.0 * m);
  const double foreign =
      std::max(8.0 * touched * touched + 8.0 * touched * m + 8.0 * m * std::max(touched, m), 12.0 * m * m);
  const double factorisation = need.own_grid ? 4.0 * m * m : foreign;
  const double fields = 4.0 * points * static_cast<double>(need.training_fields);
  const auto members = static_cast<double>(need.members);
  const double ensemble = 8.0 * members * (4.0 * points + 3.0 * cells);
  return kLibraries + covariances + factorisation + 3.0 * fields + members * fields + ensemble;
}

Inspection inspect(const std::string& path, const std::string& variable, const std::vector<ModelCard>& models,
                   std::size_t members, const std::string& grid, bool repair) {
  Inspection out{.path = path, .format = format_name(path), .members = members};
  out.facts = native_facts(path);
  out.variables = list_variables(path, grid);
  std::error_code ignored;
  out.bytes = std::filesystem::file_size(path, ignored);
  try {
    look_closely(variable.empty() ? first_channel(path, out) : variable, grid, repair, models, out);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::input) throw;
    if (!out.refusal) out.refusal = e.what();
  }
  return out;
}

}  // namespace manifill::io
