#include "measured_series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "impute_parts.hpp"
#include "manifill/base/error.hpp"
#include "manifill/io/inspection.hpp"
#include "manifill/measurement/points.hpp"

namespace manifill::pipeline {
namespace {

using measurement::SparseMatrix;

/// Rows of a matrix by their numbers, which may stand more than once.
SparseMatrix pick_rows(const SparseMatrix& a, const std::vector<int>& rows) {
  std::vector<Eigen::Triplet<double>> entries;
  for (std::size_t k = 0; k < rows.size(); ++k)
    for (SparseMatrix::InnerIterator it(a, rows[k]); it; ++it)
      entries.emplace_back(static_cast<int>(k), static_cast<int>(it.col()), it.value());
  SparseMatrix out(static_cast<Eigen::Index>(rows.size()), a.cols());
  out.setFromTriplets(entries.begin(), entries.end());
  return out;
}

/// The operators' values at the places of a file's grid: as they lie, or in another order.
measurement::OperatorPointer onto_grid(measurement::OperatorPointer made, const domain::Domain& grid,
                                       const io::GriddedVariable& input) {
  const auto refuse = [&] {
    return Error(
        ErrorKind::input,
        fmt::format("it lies on {}, and what is measured of the model's fields on {}", grid.describe(),
                    made->to() ? made->to()->describe() : "no grid"),
        {.file = input.path(),
         .variable = input.summary().name,
         .remedy = "Correct the operators' options, or end them with 'points', which interpolates to the "
                   "file's own places"});
  };
  if (!made->to()) throw refuse();
  if (made->to()->hash() == grid.hash()) return made;
  if (!io::share_space(*made->to(), grid)) throw refuse();
  std::vector<bool> reachable;
  auto a = measurement::interpolation(*made->to(), grid, &reachable);
  for (Eigen::Index i = 0; i < a.rows(); ++i)
    if (a.outerIndexPtr()[i + 1] - a.outerIndexPtr()[i] > 1) throw refuse();
  if (std::find(reachable.begin(), reachable.end(), true) == reachable.end()) throw refuse();
  const auto from = *made->to();
  return measurement::compose(std::move(made), std::make_shared<measurement::SparseOperator>(
                                                   from, grid, std::move(a), std::move(reachable)));
}

}  // namespace

MeasuredSeries::MeasuredSeries(const MeasurementPart& part, const posterior::Model& model)
    : part_(part), model_(model) {
  for (const double a : model.backbone.active()) active_.push_back(a != 0.0);
}

const measurement::MeasuredRows& MeasuredSeries::rows(std::size_t entry) {
  if (rows_ && (operator_->steady() || rows_of_ == entry)) return *rows_;
  rows_ = std::make_shared<const measurement::MeasuredRows>(
      operator_->rows(active_, static_cast<std::int64_t>(entry)));
  rows_of_ = entry;
  const SparseMatrix& a = rows_->matrix;
  constexpr double rounding = 1e-9;
  sum_ = a * Eigen::VectorXd::Ones(a.cols());
  mean_.assign(static_cast<std::size_t>(a.rows()), true);
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    double least = 0.0;
    for (SparseMatrix::InnerIterator it(a, i); it; ++it) least = std::min(least, it.value());
    mean_[static_cast<std::size_t>(i)] = least > -rounding && std::abs(sum_[i] - 1.0) < rounding;
  }
  return *rows_;
}

void MeasuredSeries::check_reached() {
  const auto& measured = rows(0).measured;
  if (operator_->steady() && std::find(measured.begin(), measured.end(), true) == measured.end())
    throw Error(ErrorKind::input, "none of its values is measured where the model has fields",
                {.file = part_.file,
                 .variable = variable_,
                 .remedy = "Use a model of this region, or other operators"});
}

void MeasuredSeries::set_noise(double sigma) {
  noise_ = sigma;
  last_measurement_.reset();
  held_.clear();
}

posterior::StepObservation MeasuredSeries::step(std::size_t extra, std::size_t entry) {
  const auto found = held_.find({extra, entry});
  if (found != held_.end()) return found->second;
  Seen s = seen(extra, entry);
  const auto m = static_cast<Eigen::Index>(s.y.size());
  if (!last_measurement_ || last_rows_ != rows_ || last_.row != s.row || last_.sigma != s.sigma) {
    const Eigen::VectorXd sigma = s.sigma.empty()
                                      ? Eigen::VectorXd::Constant(m, noise_)
                                      : Eigen::VectorXd(Eigen::Map<const Eigen::VectorXd>(s.sigma.data(), m));
    last_measurement_ =
        std::make_shared<const measurement::Measurement>(pick_rows(rows(entry).matrix, s.row), sigma);
    last_rows_ = rows_;
    last_ = s;
  }
  posterior::StepObservation out{.time = index_[entry],
                                 .season = season_[entry],
                                 .measurement = last_measurement_,
                                 .y = Eigen::Map<const Eigen::VectorXd>(s.y.data(), m)};
  if (held_.size() > static_cast<std::size_t>(4 * model_.backbone.options().window + 8))
    held_.erase(held_.begin());
  held_[{extra, entry}] = out;
  return out;
}

namespace {

class GridSeries : public MeasuredSeries {
 public:
  GridSeries(const MeasurementPart& part, const posterior::Model& model, const io::GriddedVariable& input)
      : MeasuredSeries(part, model), input_(input) {
    const io::ModelCard card = card_of(model);
    variable_ = input.summary().name;
    units_ = input.summary().units;
    const io::MissingScan scan = io::scan_missing(input);
    io::check_fillable(input, scan);
    std::tie(unit_scale_, unit_offset_) = io::check_quantity(input, card);
    most_ = scan.most_observed;
    operator_ =
        onto_grid(measurement::OperatorRegistry::instance().make(part.operators, model.backbone.domain(),
                                                                 part.options, {.domain = input.domain()}),
                  input.domain(), input);
    check_reached();
    std::tie(index_, season_) = steps_of(input, model);
    if (part.noise_variable.empty()) return;
    noise_ = std::make_unique<io::GriddedVariable>(
        io::GriddedVariable::open(part.file, part.noise_variable, part.options.text("grid")));
    if (noise_->domain().hash() != input.domain().hash() ||
        (noise_->times() != 1 && noise_->times() != input.times()) ||
        (noise_->extras() != 1 && noise_->extras() != input.extras()))
      throw Error(ErrorKind::input,
                  fmt::format("the noise does not lie over the places and times of '{}'", variable_),
                  {.file = part.file,
                   .variable = part.noise_variable,
                   .remedy = "Give a standard deviation for each cell"});
  }

  [[nodiscard]] std::size_t extras() const override { return input_.extras(); }
  [[nodiscard]] bool noise_by_cell() const override { return noise_ != nullptr; }

 protected:
  [[nodiscard]] Seen seen(std::size_t extra, std::size_t entry) override {
    const io::ModelCard card = card_of(model_);
    const auto values = input_.read(extra, entry, 1);
    const auto& measured = rows(entry).measured;
    xt::xtensor<double, 2> sigma;
    if (noise_) sigma = noise_->read(noise_->extras() == 1 ? 0 : extra, noise_->times() == 1 ? 0 : entry, 1);
    Seen out;
    for (std::size_t i = 0; i < measured.size(); ++i) {
      const double raw = values(0, i);
      if (!measured[i] || std::isnan(raw)) continue;
      const int row = static_cast<int>(i);
      // An operator's rows need not sum to one: the offset of the units goes through it.
      const double v = unit_scale_ * raw + unit_offset_ * row_sum(row);
      if (mean_row(row) && (v < card.plausible_low || v > card.plausible_high))
        throw io::implausible(input_, entry, i, raw, card);
      if (noise_ && !(sigma(0, i) > 0.0))
        throw Error(ErrorKind::input, fmt::format("the noise of a value is {}", sigma(0, i)),
                    {.file = part_.file,
                     .variable = part_.noise_variable,
                     .index = input_.cell_index(entry, i),
                     .remedy = "Give a positive standard deviation for every value"});
      out.row.push_back(row);
      out.y.push_back(v);
      if (noise_) out.sigma.push_back(std::abs(unit_scale_) * sigma(0, i));
    }
    return out;
  }

 private:
  const io::GriddedVariable& input_;
  std::unique_ptr<io::GriddedVariable> noise_{};
};

class StationSeries : public MeasuredSeries {
 public:
  StationSeries(const MeasurementPart& part, const posterior::Model& model, const io::Stations& stations)
      : MeasuredSeries(part, model), stations_(stations) {
    const io::ModelCard card = card_of(model);
    variable_ = stations.variable.name;
    units_ = stations.variable.units;
    if (!part.noise_variable.empty())
      throw Error(ErrorKind::usage, "stations have no noise by cell",
                  {.file = part.file, .remedy = "Give noise"});
    std::tie(unit_scale_, unit_offset_) = io::check_quantity(stations.path, stations.variable, card);
    if (stations.time.dates.empty() && card.seasonal)
      throw Error(
          ErrorKind::input, "it has no times, and the model's climatology follows the season",
          {.file = stations.path, .variable = variable_, .remedy = "Add a column or coordinate 'time'"});
    measurement::MeasuredPlaces places;
    for (const auto& v : stations.values) {
      if (!place_.try_emplace({v.latitude, v.longitude}, static_cast<int>(place_.size())).second) continue;
      places.latitude.push_back(v.latitude);
      places.longitude.push_back(v.longitude);
    }
    // The file says where its stations are, whatever the options say of points.
    auto names = part.operators;
    if (!names.empty() && names.back() == kPoints) names.pop_back();
    auto before =
        measurement::OperatorRegistry::instance().make(names, model.backbone.domain(), part.options);
    if (!before->to())
      throw Error(ErrorKind::usage, "stations follow an operator whose values lie on no grid",
                  {.file = part.file, .remedy = "Name points once, as the last operator"});
    const auto on = *before->to();
    operator_ = measurement::compose(std::move(before), measurement::points(on, places));
    check_reached();
    steps_ = io::station_steps(stations, card.step);
    for (const auto& s : steps_) {
      index_.push_back(s.index);
      season_.push_back(stations.time.dates.empty() ? 0.0
                        : card.step == "month"      ? (s.date.month - 0.5) / 12.0
                                                    : s.date.year_fraction);
      most_ = std::max(most_, s.values.size());
    }
    const auto& reached = rows(0).measured;
    const auto unused = std::count(reached.begin(), reached.end(), false);
    notes_.push_back(fmt::format("{}: {} places in {} steps", part.file, place_.size(), steps_.size()));
    if (unused > 0)
      notes_.push_back(
          fmt::format("{}: {} places lie beyond the model's fields: not used", part.file, unused));
  }

  [[nodiscard]] std::vector<io::DateTime> dates() const {
    std::vector<io::DateTime> out;
    if (stations_.time.dates.empty()) return out;
    for (const auto& s : steps_) out.push_back(s.date);
    return out;
  }

 protected:
  [[nodiscard]] Seen seen(std::size_t /*extra*/, std::size_t entry) override {
    const io::ModelCard card = card_of(model_);
    const auto& r = rows(entry);
    std::vector<std::pair<int, double>> values;  // row and value
    for (const auto& v : steps_[entry].values) {
      const int row = place_.at({v.latitude, v.longitude});
      if (!r.measured[static_cast<std::size_t>(row)]) continue;
      const double y = unit_scale_ * v.value + unit_offset_ * row_sum(row);
      if (mean_row(row) && (y < card.plausible_low || y > card.plausible_high))
        throw io::implausible(stations_.path, stations_.variable, stations_.place(v), v.value, card);
      values.emplace_back(row, y);
    }
    // By the model's points, so that members do not depend on the order of the file.
    const auto first = [&](int row) {
      const auto at = r.matrix.outerIndexPtr()[row];
      return at < r.matrix.outerIndexPtr()[row + 1] ? r.matrix.innerIndexPtr()[at] : -1;
    };
    std::stable_sort(values.begin(), values.end(),
                     [&](const auto& a, const auto& b) { return first(a.first) < first(b.first); });
    Seen out;
    for (const auto& [row, y] : values) {
      out.row.push_back(row);
      out.y.push_back(y);
    }
    return out;
  }

 private:
  const io::Stations& stations_;
  std::map<std::pair<double, double>, int> place_{};
  std::vector<io::StationStep> steps_{};
};

}  // namespace

OpenedMeasurement open_measurement(const MeasurementPart& part, const posterior::Model& model) {
  OpenedMeasurement out;
  if (io::is_station_file(part.file)) {
    out.stations = std::make_unique<io::Stations>(
        io::read_stations(part.file, {.variable = part.variable,
                                      .time_units = part.options.text("time_units"),
                                      .units = part.options.text("units")}));
    // A table of text without units says nothing against the model's.
    if (out.stations->variable.dimensions.empty() && out.stations->variable.units.empty())
      out.stations->variable.units = model.info.units;
    auto series = std::make_unique<StationSeries>(part, model, *out.stations);
    out.dates = series->dates();
    out.series = std::move(series);
    return out;
  }
  out.gridded = std::make_unique<io::GriddedVariable>(
      io::GriddedVariable::open(part.file, part.variable, part.options.text("grid")));
  out.series = std::make_unique<GridSeries>(part, model, *out.gridded);
  return out;
}

}  // namespace manifill::pipeline
