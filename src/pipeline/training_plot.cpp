#include "manifill/pipeline/training_plot.hpp"

#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/plot/curves.hpp"

namespace manifill::pipeline {
namespace {

/// Columns of a CSV file by name; an empty field is NaN.
std::map<std::string, std::vector<double>> read_columns(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line))
    throw Error(ErrorKind::io, "the training log cannot be read", {.file = path});
  std::vector<std::string> names;
  for (std::istringstream row(line); std::getline(row, line, ',');) names.push_back(line);
  std::map<std::string, std::vector<double>> columns;
  while (std::getline(file, line)) {
    std::istringstream row(line);
    for (const auto& name : names) {
      std::string field;
      std::getline(row, field, ',');
      columns[name].push_back(field.empty() ? std::numeric_limits<double>::quiet_NaN() : std::stod(field));
    }
  }
  return columns;
}

plot::Curve curve(const std::string& label, const std::vector<double>& x, const std::vector<double>& y) {
  // Values of different columns are not always on the same rows: gaps would break the line.
  plot::Curve out{.label = label};
  for (std::size_t k = 0; k < x.size() && k < y.size(); ++k) {
    if (!(y[k] == y[k])) continue;
    out.x.push_back(x[k]);
    out.y.push_back(y[k]);
  }
  return out;
}

}  // namespace

void plot_score_training(const std::string& csv, const std::string& picture) {
  auto columns = read_columns(csv);
  const auto& step = columns["step"];
  plot::CurvePanel panel{.title = "denoising error over the backbone's",
                         .x = {.label = "step"},
                         .y = {.label = "ratio of squared errors"}};
  panel.curves.push_back(curve("training", step, columns["train_ratio"]));
  panel.curves.push_back(curve("held-out years", step, columns["validation_ratio"]));
  panel.references.push_back({.label = "backbone", .value = 1.0});
  plot::curves(picture, {.panels = {panel}, .width = 1000});
}

void plot_flow_training(const std::string& csv, const std::string& picture) {
  auto columns = read_columns(csv);
  const auto& step = columns["step"];
  plot::CurvePanel scores{
      .title = "held-out years and masks", .x = {.label = "step"}, .y = {.label = "CRPS, normalised units"}};
  scores.curves.push_back(curve("flow", step, columns["validation_crps"]));
  if (!columns["validation_crps"].empty())
    scores.references.push_back({.label = "base", .value = columns["validation_crps"].front()});
  plot::CurvePanel losses{
      .title = "training cases", .x = {.label = "step"}, .y = {.label = "loss, normalised units"}};
  losses.curves.push_back(curve("CRPS", step, columns["crps_loss"]));
  bool energy = false;
  for (const double v : columns["energy_loss"]) energy = energy || v > 0.0;
  if (energy) losses.curves.push_back(curve("energy scores", step, columns["energy_loss"]));
  plot::curves(picture, {.panels = {losses, scores}, .width = 1600});
}

void plot_davi_training(const std::string& csv, const std::string& picture) {
  auto columns = read_columns(csv);
  const auto& step = columns["step"];
  plot::CurvePanel scores{
      .title = "held-out years and masks", .x = {.label = "step"}, .y = {.label = "CRPS, normalised units"}};
  scores.curves.push_back(curve("generator", step, columns["validation_crps"]));
  plot::CurvePanel losses{.title = "training cases", .x = {.label = "step"}, .y = {.label = "objectives"}};
  losses.curves.push_back(curve("chi-square an observation", step, columns["chi_square"]));
  losses.curves.push_back(curve("divergence from the prior a point", step, columns["divergence"]));
  plot::curves(picture, {.panels = {losses, scores}, .width = 1600});
}

}  // namespace manifill::pipeline
