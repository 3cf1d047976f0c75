#include "input_fit.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "impute_parts.hpp"

namespace manifill::pipeline {

std::pair<std::vector<std::int64_t>, std::vector<double>> steps_of(const io::GriddedVariable& input,
                                                                   const posterior::Model& model) {
  io::check_times(input, card_of(model));
  const auto& time = input.time();
  if (time.values.empty()) return {{0}, {0.0}};
  const auto step = model.backbone.step();
  auto index = step == prior::StepKind::day     ? time.day_index()
               : step == prior::StepKind::month ? time.month_index()
                                                : std::vector<std::int64_t>{};
  std::vector<double> season;
  for (std::size_t t = 0; t < time.dates.size(); ++t) {
    if (step == prior::StepKind::none) index.push_back(static_cast<std::int64_t>(t));
    // Monthly models count whole months; the middle stands for a month whatever day the file dates it.
    season.push_back(step == prior::StepKind::month ? (time.dates[t].month - 0.5) / 12.0
                                                    : time.dates[t].year_fraction);
  }
  return {std::move(index), std::move(season)};
}

InputFit fit_input(const io::GriddedVariable& input, const posterior::Model& model) {
  InputFit f;
  const io::ModelCard card = card_of(model);
  std::tie(f.unit_scale, f.unit_offset) = io::check_quantity(input, card);
  if (!io::share_space(input.domain(), model.backbone.domain())) throw io::off_grid(input, card);
  std::vector<bool> reachable;
  f.operator_matrix = measurement::interpolation(model.backbone.domain(), input.domain(), &reachable);
  if (std::none_of(reachable.begin(), reachable.end(), [](bool r) { return r; }))
    throw io::off_grid(input, card);
  const Eigen::VectorXd active = restrict_to_active(f.operator_matrix, model.backbone.active());
  f.fixed.resize(reachable.size());
  for (std::size_t i = 0; i < reachable.size(); ++i)
    f.fixed[i] = !reachable[i]                                         ? io::CellStatus::not_filled
                 : active[static_cast<Eigen::Index>(i)] < kLeastActive ? io::CellStatus::masked
                                                                       : io::CellStatus::infilled;
  std::tie(f.index, f.season) = steps_of(input, model);
  return f;
}

bool on_model_points(const InputFit& fit) {
  const auto& a = fit.operator_matrix;
  for (Eigen::Index i = 0; i < a.rows(); ++i)
    if (a.outerIndexPtr()[i + 1] - a.outerIndexPtr()[i] > 1) return false;
  return true;
}

double impute_memory(const posterior::Model& model, const io::GriddedVariable& input, const InputFit& fit,
                     const io::MissingScan& scan, std::uint32_t members) {
  const auto& o = model.backbone.options();
  const auto usable =
      static_cast<std::size_t>(std::count(fit.fixed.begin(), fit.fixed.end(), io::CellStatus::infilled));
  return io::estimate_memory(
      {.cells = input.domain().size(),
       .model_points = model.backbone.domain().size(),
       .training_fields = static_cast<std::size_t>(model.backbone.training().values.cols()),
       .window_steps = static_cast<std::size_t>(2 * o.window + 1),
       .season_bins = static_cast<std::size_t>(o.season_bins),
       .members = members,
       .observed = std::min(scan.most_observed, usable),
       .own_grid = input.domain().hash() == model.backbone.domain().hash()});
}

UsableValues usable_values(const io::GriddedVariable& input, const InputFit& fit,
                           const posterior::Model& model, std::size_t time, const double* values) {
  UsableValues out;
  out.seen.resize(fit.fixed.size());
  const io::ModelCard card = card_of(model);
  for (std::size_t i = 0; i < out.seen.size(); ++i) {
    out.seen[i] = !std::isnan(values[i]) && fit.fixed[i] == io::CellStatus::infilled;
    if (!out.seen[i]) continue;
    const double v = fit.unit_scale * values[i] + fit.unit_offset;
    if (v < card.plausible_low || v > card.plausible_high)
      throw io::implausible(input, time, i, values[i], card);
    out.y.push_back(v);
  }
  return out;
}

}  // namespace manifill::pipeline
