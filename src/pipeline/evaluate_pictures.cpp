#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "evaluate_parts.hpp"
#include "manifill/plot/curves.hpp"
#include "manifill/plot/map.hpp"

namespace manifill::pipeline {
namespace {

constexpr int kWidth = 1500;
constexpr int kFineWidth = 2000;        // of many small maps with coasts
constexpr std::size_t kLongLabel = 44;  // characters that fit over a colour bar
constexpr plot::Rgb kGuide{0.55, 0.55, 0.55};

std::vector<double> list(const Eigen::VectorXd& v) { return {v.data(), v.data() + v.size()}; }
std::vector<double> list(const std::vector<float>& v) { return {v.begin(), v.end()}; }

std::string with_units(const std::string& what, const std::string& units) {
  return units.empty() ? what : what + " (" + units + ")";
}

const verification::Scores& overall(const ReportSource& s, std::size_t method) {
  return s.summary.find(method, "", "all", "all")->scores.scores;
}

/// What is drawn of a case by one method.
struct CaseMaps {
  FieldRecord record;
  std::vector<double> mean{};
  std::vector<double> spread{};
  std::vector<double> error{};         ///< mean less truth
  std::vector<std::uint8_t> masked{};  ///< where the model knows nothing, which is no gap
};

CaseMaps maps_of(const ReportSource& s, const WithheldField& field, std::size_t method, std::size_t index) {
  CaseMaps m{.record = s.journal.read(s.place[method][index])};
  m.mean = list(m.record.mean);
  m.spread = list(m.record.spread);
  m.error = m.mean;
  m.masked.resize(m.mean.size());
  for (std::size_t i = 0; i < m.mean.size(); ++i) {
    m.error[i] -= field.truth[static_cast<Eigen::Index>(i)];
    m.masked[i] = std::isnan(m.mean[i]) ? 1 : 0;
  }
  return m;
}

/// Colours of spread and error are for the scored cells: elsewhere there is little of either.
std::vector<double> scored_alone(std::vector<double> values, const WithheldField& field) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (field.weight[static_cast<Eigen::Index>(i)] <= 0.0) values[i] = kNoValue;
  return values;
}

/// Colours of a range, or as they are where nothing was in it.
plot::ColourScale over(const plot::RangeFinder& range, const plot::ColourScale& colours) {
  return range.empty() ? colours : range.fixed(colours);
}

/// Colours of the field, of spread and of error: the scales 0, 1 and 2 of panels.
std::vector<plot::ColourScale> scales_of(const ReportSource& s, const plot::RangeFinder& values,
                                         const plot::RangeFinder& spread, const plot::RangeFinder& error) {
  const std::string name = s.name.size() <= kLongLabel ? s.name : s.maker.summary().name;
  return {over(values, {.label = with_units(name, s.units)}),
          over(spread, {.label = with_units("spread", s.units), .palette = plot::PaletteKind::spread}),
          over(error,
               {.label = with_units("mean less truth", s.units), .palette = plot::PaletteKind::diverging})};
}

/// The line on which two axes are equal.
plot::Curve diagonal(double lowest, double highest, const std::string& label) {
  return {.label = label, .x = {lowest, highest}, .y = {lowest, highest}, .dashed = true, .colour = kGuide};
}

}  // namespace

std::string setting_text(const Setting& s, const std::string& units) {
  std::string text;
  if (s.measurement)
    text = s.kind;
  else if (s.kind == kNothing)
    text = "nothing hidden";
  else if (s.kind == kFolds)
    text = "folds";
  else if (std::isnan(s.hidden))
    text = "gaps of another time";
  else
    text = fmt::format("{}, {:.3g} % hidden", s.kind, 100.0 * s.hidden);
  std::replace(text.begin(), text.end(), '_', ' ');
  if (s.noise > 0.0) text += fmt::format(", noise {:g}{}{}", s.noise, units.empty() ? "" : " ", units);
  return text;
}

std::string case_text(const ReportSource& s, std::size_t index) {
  const PlannedCase& c = s.evaluation.cases[index];
  std::string text = s.maker.series_name(c.series);
  const std::string when = !c.date.empty() ? c.date : fmt::format("time {}", c.time);
  if (text.empty() || !c.date.empty()) text += (text.empty() ? "" : ", ") + when;
  const Setting& setting = s.evaluation.settings[c.setting];
  text += ", " + setting_text(setting, s.units);
  if (setting.kind == kFolds) text += fmt::format(", number {}", setting.fold + 1);
  // Blocks are whole, so that they hide more or less than was asked for.
  const auto method = first_scored(s.evaluation, index);
  const double scored = method ? s.evaluation.scores[*method][index].whole.weight : 0.0;
  return text + fmt::format("; {:.2g} % of the area scored", 100.0 * scored);
}

std::optional<std::size_t> first_scored(const Evaluation& e, std::size_t index) {
  for (std::size_t m = 0; m < e.methods.size(); ++m)
    if (e.scores[m][index].whole.weight > 0.0) return m;
  return std::nullopt;
}

std::vector<std::size_t> worst_cases(const Evaluation& e, std::size_t method, std::size_t count) {
  std::vector<std::size_t> order;
  for (std::size_t k = 0; k < e.cases.size(); ++k)
    if (e.scores[method][k].whole.weight > 0.0) order.push_back(k);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return e.scores[method][a].whole.crps > e.scores[method][b].whole.crps;
  });
  order.resize(std::min(order.size(), count));
  return order;
}

Picture draw_case(const ReportSource& s, std::size_t method, std::size_t index, std::size_t members,
                  const std::string& path, int width) {
  const WithheldField field = s.maker.make(s.evaluation.cases[index]);
  const CaseMaps m = maps_of(s, field, method, index);
  const auto& domain = s.maker.domain();
  const auto truth = list(field.truth);
  plot::RangeFinder values;
  values.add(truth);
  plot::RangeFinder spreads;
  spreads.add(scored_alone(m.spread, field));
  plot::RangeFinder errors;
  errors.add(scored_alone(m.error, field));
  plot::MapFigure figure{.domain = domain, .scales = scales_of(s, values, spreads, errors), .width = width};
  figure.panels = {{.title = "Truth", .values = truth, .masked = m.masked},
                   {.title = "Input", .values = list(field.values), .masked = m.masked},
                   {.title = "Mean", .values = m.mean, .masked = m.masked}};
  const std::size_t n = domain.size();
  const bool ensemble = s.evaluation.scores[method][index].whole.members > 1;
  for (std::size_t k = 0; ensemble && k < std::min(members, m.record.members.size() / n); ++k) {
    const auto first = m.record.members.begin() + static_cast<std::ptrdiff_t>(k * n);
    figure.panels.push_back({.title = fmt::format("Member {}", k + 1),
                             .values = {first, first + static_cast<std::ptrdiff_t>(n)},
                             .masked = m.masked});
  }
  if (ensemble)
    figure.panels.push_back({.title = "Spread", .values = m.spread, .masked = m.masked, .scale = 1});
  figure.panels.push_back({.title = "Error", .values = m.error, .masked = m.masked, .scale = 2});
  if (figure.panels.size() == 8) figure.columns = 4;
  plot::map(path, figure);
  const auto& scores = s.evaluation.scores[method][index].whole;
  return {path, fmt::format("{}: {}. CRPS {:.4g}, RMSE {:.4g}{}{}.", s.evaluation.methods[method].name,
                            case_text(s, index), scores.crps, std::sqrt(scores.square),
                            s.units.empty() ? "" : " ", s.units)};
}

Picture draw_setting(const ReportSource& s, const Stratum& setting, const std::string& path) {
  const Evaluation& e = s.evaluation;
  std::vector<std::size_t> order;
  std::size_t first = 0;
  for (; first < e.methods.size() && order.empty(); ++first)
    for (const std::size_t k : setting.cases)
      if (e.scores[first][k].whole.weight > 0.0) order.push_back(k);
  if (order.empty()) return {};
  --first;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return e.scores[first][a].whole.crps > e.scores[first][b].whole.crps;
  });
  const std::size_t index = order[order.size() / 2];
  const WithheldField field = s.maker.make(e.cases[index]);
  const auto truth = list(field.truth);
  const std::size_t n = truth.size();
  const std::vector<double> nothing(n, kNoValue);

  std::vector<std::size_t> methods;
  std::size_t samples = 0;
  for (std::size_t m = 0; m < e.methods.size(); ++m) {
    const auto& scores = e.scores[m][index].whole;
    if (scores.weight <= 0.0) continue;
    methods.push_back(m);
    samples = std::max(samples, std::min(scores.members, kShownMembers));
  }
  plot::RangeFinder values;
  values.add(truth);
  plot::RangeFinder spreads;
  plot::RangeFinder errors;
  constexpr int kPanels = 5;  // beside the samples
  plot::MapFigure figure{.domain = s.maker.domain(),
                         .width = s.maker.domain().spherical() ? kFineWidth : kWidth,
                         .columns = kPanels + static_cast<int>(samples)};
  for (const std::size_t m : methods) {
    const CaseMaps of = maps_of(s, field, m, index);
    spreads.add(scored_alone(of.spread, field));
    errors.add(scored_alone(of.error, field));
    const auto panel = [&](const std::string& title, const std::vector<double>& shown, std::size_t scale) {
      figure.panels.push_back({.title = title, .values = shown, .masked = of.masked, .scale = scale});
    };
    panel("Truth", truth, 0);
    panel("Input", list(field.values), 0);
    panel(e.methods[m].name, of.mean, 0);
    for (std::size_t k = 0; k < samples; ++k) {
      const auto begin = of.record.members.begin() + static_cast<std::ptrdiff_t>(k * n);
      const bool there = of.record.members.size() >= (k + 1) * n;
      panel(fmt::format("Sample {}", k + 1),
            there ? std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(n)) : nothing, 0);
    }
    panel("Spread", of.spread, 1);
    panel("Error", of.error, 2);
  }
  figure.scales = scales_of(s, values, spreads, errors);
  plot::map(path, figure);
  std::vector<std::string> scores;
  scores.reserve(methods.size());
  for (const std::size_t m : methods)
    scores.push_back(fmt::format("{} {:.4g}", e.methods[m].name, e.scores[m][index].whole.crps));
  return {
      path,
      fmt::format("{}. A row for each method: truth, input, the ensemble's mean under the method's name, "
                  "samples, spread, error of the mean. CRPS{}: {}.",
                  case_text(s, index), s.units.empty() ? "" : " (" + s.units + ")", fmt::join(scores, ", "))};
}

Picture draw_speed(const ReportSource& s, const std::string& path) {
  constexpr std::size_t kMany = 6;        // methods whose names need wide panels
  constexpr std::size_t kLongTitle = 32;  // letters that do not fit over a narrow one
  const Evaluation& e = s.evaluation;
  std::vector<plot::CurvePanel> panels;
  for (const auto& setting : s.summary.rows) {
    if (setting.method != 0 || setting.stratum.axis != "setting") continue;
    plot::CurvePanel panel{
        .title = setting_text(e.settings[e.cases[setting.stratum.cases.front()].setting], s.units),
        .x = {.label = "ms a sample", .scale = plot::AxisScale::log},
        .y = {.label = with_units("CRPS", s.units)}};
    double least = std::numeric_limits<double>::infinity();
    double least_crps = least;
    double most = 0.0;
    for (std::size_t m = 0; m < e.methods.size(); ++m) {
      const auto* row = s.summary.find(m, setting.kind, "setting", setting.stratum.value);
      const double time = cost_of(e, m, setting.stratum.cases).sample;
      if (row->scores.scores.fields == 0 || !(time > 0.0)) continue;
      panel.curves.push_back({.label = e.methods[m].name,
                              .x = {time},
                              .y = {row->scores.scores.crps},
                              .lower = {row->scores.crps.low},
                              .upper = {row->scores.crps.high},
                              .line = false,
                              .named = true,
                              .colour = plot::curve_colour(m)});
      least = std::min(least, time);
      most = std::max(most, time);
      least_crps = std::min(least_crps, row->scores.crps.low);
    }
    // Factors tell in CRPS as in time; but for a method without any error.
    if (least_crps > 0.0) panel.y.scale = plot::AxisScale::log;
    // Room for the names.
    panel.x.lowest = least / 3.0;
    panel.x.highest = most * 3.0;
    if (!panel.curves.empty()) panels.push_back(std::move(panel));
  }
  if (panels.empty()) return {};
  const bool wide = panels.size() == 2 || e.methods.size() > kMany ||
                    std::any_of(panels.begin(), panels.end(),
                                [](const plot::CurvePanel& p) { return p.title.size() > kLongTitle; });
  const int columns = panels.size() == 1 ? 1 : wide ? 2 : 3;
  plot::curves(path, {.panels = panels, .width = columns == 1 ? 1100 : kWidth, .columns = columns});
  return {
      path,
      fmt::format(
          "Quality against speed, setting by setting: CRPS{} with its interval of 95 % over the time that a "
          "sample takes on this machine. Lower and further left is better.",
          s.units.empty() ? "" : " (" + s.units + ")")};
}

Picture draw_ranks(const ReportSource& s, const std::string& path) {
  std::vector<plot::CurvePanel> panels;
  for (std::size_t m = 0; m < s.evaluation.methods.size(); ++m) {
    const auto& scores = overall(s, m);
    if (scores.rank_histogram.empty()) continue;
    plot::Bars bars{.colour = plot::Rgb{0.55, 0.70, 0.86}};
    double highest = 1.5;
    for (std::size_t r = 0; r < scores.rank_histogram.size(); ++r) {
      bars.edges.push_back(static_cast<double>(r) - 0.5);
      bars.heights.push_back(scores.rank_histogram[r] * static_cast<double>(scores.rank_histogram.size()));
      highest = std::max(highest, 1.05 * bars.heights.back());
    }
    bars.edges.push_back(static_cast<double>(scores.rank_histogram.size()) - 0.5);
    panels.push_back({.title = s.evaluation.methods[m].name,
                      .x = {.label = "members below the truth"},
                      .y = {.label = "share over a flat one", .lowest = 0.0, .highest = highest},
                      .bars = {bars},
                      .references = {{.value = 1.0}}});
  }
  if (panels.empty()) return {};
  plot::curves(path, {.panels = panels, .width = panels.size() == 1 ? 900 : kWidth});
  return {path,
          "Rank of the truth among the members, by area of the cells; an honest ensemble is flat at one, a "
          "slope is a "
          "bias, a bowl too little spread, a hill too much."};
}

Picture draw_coverage(const ReportSource& s, const std::string& path) {
  plot::CurvePanel panel{.x = {.label = "central interval (%)", .lowest = 0.0, .highest = 100.0},
                         .y = {.label = "truths within (%)", .lowest = 0.0, .highest = 100.0},
                         .curves = {diagonal(0.0, 100.0, "honest")}};
  for (std::size_t m = 0; m < s.evaluation.methods.size(); ++m) {
    const auto& scores = overall(s, m);
    if (scores.coverage.empty()) continue;
    plot::Curve c{.label = s.evaluation.methods[m].name, .colour = plot::curve_colour(m)};
    for (std::size_t k = 0; k < scores.coverage.size(); ++k) {
      c.x.push_back(100.0 * verification::kCurveShares[k]);
      c.y.push_back(100.0 * scores.coverage[k]);
    }
    panel.curves.push_back(std::move(c));
  }
  if (panel.curves.size() == 1) return {};
  plot::curves(path, {.panels = {panel}, .width = 900});
  return {path, "Share of the truths within central intervals of the ensemble, quantiles at k / (n + 1)."};
}

Picture draw_spread(const ReportSource& s, const std::string& path) {
  plot::CurvePanel panel{.x = {.label = with_units("spread", s.units)},
                         .y = {.label = with_units("RMSE of the mean", s.units), .lowest = 0.0}};
  double lowest = std::numeric_limits<double>::infinity();
  double highest = 0.0;
  for (std::size_t m = 0; m < s.evaluation.methods.size(); ++m) {
    const auto& groups = overall(s, m).spread_groups;
    if (groups.empty()) continue;
    plot::Curve c{.label = s.evaluation.methods[m].name, .markers = true, .colour = plot::curve_colour(m)};
    for (const auto& g : groups) {
      c.x.push_back(g.spread);
      c.y.push_back(g.rmse);
      lowest = std::min(lowest, g.spread);
      highest = std::max(highest, g.spread);
    }
    panel.curves.push_back(std::move(c));
  }
  if (panel.curves.empty()) return {};
  panel.curves.insert(panel.curves.begin(), diagonal(lowest, highest, "honest"));
  plot::curves(path, {.panels = {panel}, .width = 900});
  return {path,
          fmt::format(
              "Error against spread: cells in groups of about equal weight, from certain to uncertain. Below "
              "the line spreads are too wide, above too narrow{}.",
              s.units.empty() ? "" : " (" + s.units + ")")};
}

Picture draw_spectrum(const ReportSource& s, bool degrees, const std::string& path) {
  const auto spectrum = [&](std::size_t m) -> const verification::SpectrumScores& {
    return degrees ? overall(s, m).degrees : overall(s, m).spectrum;
  };
  std::size_t first = 0;  // that has one
  while (first + 1 < s.evaluation.methods.size() && spectrum(first).truth.empty()) ++first;
  if (spectrum(first).truth.size() < 3) return {};
  std::vector<double> scale;  // but for the mean, which a logarithmic axis cannot hold
  for (std::size_t k = 1; k < spectrum(first).truth.size(); ++k) scale.push_back(static_cast<double>(k));
  const auto tail = [](const std::vector<double>& v) { return std::vector<double>{v.begin() + 1, v.end()}; };
  const std::string label = degrees ? "degree" : "zonal wavenumber";
  const std::string squared = s.units.empty() ? "power" : "power ((" + s.units + ")\u00b2)";
  plot::CurvePanel power{.title = "Power",
                         .x = {.label = label, .scale = plot::AxisScale::log},
                         .y = {.label = squared, .scale = plot::AxisScale::log}};
  plot::CurvePanel ratio{.title = "Members over truth",
                         .x = {.label = label, .scale = plot::AxisScale::log},
                         .y = {.label = "ratio of powers", .scale = plot::AxisScale::log},
                         .references = {{.value = 1.0}}};
  power.curves.push_back(
      {.label = "truth", .x = scale, .y = tail(spectrum(first).truth), .colour = plot::Rgb{0.0, 0.0, 0.0}});
  for (std::size_t m = 0; m < s.evaluation.methods.size(); ++m) {
    const auto& own = spectrum(m);
    if (own.truth.empty()) continue;
    const plot::Rgb colour = plot::curve_colour(m);
    const std::string& name = s.evaluation.methods[m].name;
    power.curves.push_back({.label = name, .x = scale, .y = tail(own.members), .colour = colour});
    ratio.curves.push_back({.label = name, .x = scale, .y = tail(own.ratio), .colour = colour});
  }
  plot::curves(path, {.panels = {power, ratio}, .width = kWidth});
  return {path, fmt::format("{}: truth and members, mean over {}; observed cells are the same in both.",
                            degrees ? "Angular power by degree" : "Power by zonal wavenumber",
                            degrees ? "fields without gaps" : "rows with hidden cells")};
}

Picture draw_axis(const ReportSource& s, const std::string& axis, const std::string& path) {
  const Evaluation& e = s.evaluation;
  const bool numeric = axis == "hidden" || axis == "noise";
  std::vector<plot::CurvePanel> panels;
  for (const auto& kind : kinds_of(e)) {
    plot::CurvePanel panel{.title = kind, .y = {.label = with_units("CRPS", s.units), .lowest = 0.0}};
    std::replace(panel.title.begin(), panel.title.end(), '_', ' ');
    if (axis == "hidden") panel.x.label = "cells hidden (%)";
    if (axis == "noise") panel.x.label = with_units("noise added", s.units);
    const auto methods = static_cast<double>(e.methods.size());
    for (std::size_t m = 0; m < e.methods.size(); ++m) {
      plot::Curve c{
          .label = e.methods[m].name, .markers = true, .line = numeric, .colour = plot::curve_colour(m)};
      std::vector<std::string> names;
      for (const auto& row : s.summary.rows) {
        if (row.method != m || row.kind != kind || row.stratum.axis != axis) continue;
        if (numeric && row.scores.scores.fields == 0) continue;
        // Methods stand beside each other.
        const double place = static_cast<double>(names.size()) +
                             0.5 * (static_cast<double>(m) - 0.5 * (methods - 1.0)) / methods;
        c.x.push_back(!numeric ? place : axis == "hidden" ? 100.0 * row.stratum.number : row.stratum.number);
        c.y.push_back(row.scores.scores.fields > 0 ? row.scores.scores.crps : kNoValue);
        c.lower.push_back(row.scores.crps.low);
        c.upper.push_back(row.scores.crps.high);
        names.push_back(row.stratum.value);
      }
      if (!numeric) panel.x.names = names;
      if (!c.x.empty()) panel.curves.push_back(std::move(c));
    }
    const bool single = numeric && (panel.curves.empty() || panel.curves.front().x.size() < 2);
    if (!panel.curves.empty() && !single) panels.push_back(std::move(panel));
  }
  if (panels.empty()) return {};
  const int columns = panels.size() == 1 ? 1 : 2;
  plot::curves(path, {.panels = panels, .width = columns == 1 ? 1100 : kWidth, .columns = columns});
  return {path, fmt::format("CRPS{}{} with intervals of 95 % over fields.",
                            s.units.empty() ? "" : " (" + s.units + ")",
                            axis == "hidden"   ? " by the share of the cells hidden"
                            : axis == "noise"  ? " by the noise added"
                            : axis == "region" ? " by region"
                                               : " by season")};
}

double diversity_ratio(const verification::Scores& s) { return s.diversity / (s.energy + 0.5 * s.diversity); }

Picture draw_diversity(const ReportSource& s, const std::string& path) {
  const Evaluation& e = s.evaluation;
  plot::CurvePanel panel{.y = {.label = "diversity over distance to the truth", .lowest = 0.0},
                         .references = {{.label = "honest", .value = 1.0}}};
  const auto methods = static_cast<double>(e.methods.size());
  for (std::size_t m = 0; m < e.methods.size(); ++m) {
    plot::Curve c{.label = e.methods[m].name, .line = false, .colour = plot::curve_colour(m)};
    std::vector<std::string> names;
    for (const auto& row : s.summary.rows) {
      if (row.method != m || row.kind.empty()) continue;
      // Gaps of other times and measurements have no share.
      const bool whole = !row.stratum.cases.empty() &&
                         std::isnan(e.settings[e.cases[row.stratum.cases.front()].setting].hidden);
      const bool shown = row.stratum.axis == (whole ? "all" : "hidden");
      if (!shown) continue;
      const double place = static_cast<double>(names.size()) +
                           0.5 * (static_cast<double>(m) - 0.5 * (methods - 1.0)) / methods;
      c.x.push_back(place);
      c.y.push_back(diversity_ratio(row.scores.scores));
      std::string name = whole ? row.kind : row.kind + " " + row.stratum.value;
      std::replace(name.begin(), name.end(), '_', ' ');
      names.push_back(std::move(name));
    }
    panel.x.names = names;
    if (std::any_of(c.y.begin(), c.y.end(), [](double y) { return std::isfinite(y); }))
      panel.curves.push_back(std::move(c));
  }
  if (panel.curves.empty()) return {};
  plot::curves(path, {.panels = {panel}, .width = 1100});
  return {path,
          "Mean distance of two members over the mean distance of a member to the truth: one where members "
          "are as far "
          "from each other as from the truth, zero where they are all alike."};
}

}  // namespace manifill::pipeline
