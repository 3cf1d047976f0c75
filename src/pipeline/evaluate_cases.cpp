#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>
#include <set>

#include "evaluate_parts.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/io/png_image.hpp"
#include "manifill/pipeline/train.hpp"
#include "manifill/plot/time_selection.hpp"
#include "manifill/posterior/representativeness.hpp"
#include "manifill/posterior/windows.hpp"
#include "measurements.hpp"

namespace manifill::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kApart = 1000;  // steps between two series, more than any window holds
constexpr int kGapTries = 50;          // gaps of other times drawn until some hide what is known

const char* season_of(int month) {
  static constexpr const char* kSeasons[] = {"DJF", "MAM", "JJA", "SON"};
  return kSeasons[(month % 12) / 3];
}

/// A seed apart from that of members: noise that is added is not the noise that samplers draw.
std::uint64_t seed_of_cases(std::int64_t seed) {
  constexpr char kWord[] = "withheld";
  return hash_bytes(&seed, sizeof seed, hash_bytes(kWord, sizeof kWord));
}

std::uint64_t seed_of_masks(const Config& c) {
  const std::int64_t own = c.integer("evaluate.mask_seed");
  return seed_of_cases(own < 0 ? c.integer("evaluate.seed") : own);
}

std::vector<std::size_t> chosen_times(const Config& c, const io::GriddedVariable& v) {
  const auto& years = c.list("evaluate.years");
  std::vector<std::size_t> out;
  const std::string& times = c.text("evaluate.times");
  for (const std::size_t t : plot::select_times(times.empty() ? ":" : times, v.time(), v.times())) {
    const double year = v.time().dates.empty() ? 0.0 : v.time().dates[t].year;
    if (years.empty() || std::find(years.begin(), years.end(), year) != years.end()) out.push_back(t);
  }
  if (out.empty())
    throw Error(ErrorKind::input, "no time lies in evaluate.years",
                {.file = v.path(),
                 .variable = v.summary().name,
                 .remedy = "Name years of the file, or leave evaluate.years out for all"});
  return out;
}

std::vector<Setting> settings_of(const Config& c) {
  const auto known = [] {
    auto kinds = measurement::named_mask_kinds();
    kinds.emplace_back(kFolds);
    kinds.emplace_back(kNothing);
    return kinds;
  }();
  for (const double hidden : c.list("evaluate.hidden"))
    if (!(hidden > 0.0 && hidden < 1.0))
      throw Error(ErrorKind::usage,
                  fmt::format("evaluate.hidden holds {:g}, which is no share to be hidden", hidden),
                  {.remedy = "Give shares above 0 and below 1"});
  for (const double noise : c.list("evaluate.noise"))
    if (!(noise >= 0.0))
      throw Error(ErrorKind::usage, fmt::format("evaluate.noise holds {:g}", noise),
                  {.remedy = "Give standard deviations of 0 or more, in units of the variable"});
  std::vector<Setting> out;
  for (const auto& kind : c.texts("evaluate.withhold")) {
    if (std::find(known.begin(), known.end(), kind) == known.end())
      throw Error(ErrorKind::usage, fmt::format("nothing is withheld by '{}'", kind),
                  {.remedy = fmt::format(
                       "Did you mean '{}'?",
                       nearest_name(kind, known.data(), known.data() + known.size()).value_or("blocks"))});
    std::vector<double> shares = c.list("evaluate.hidden");
    if (kind == "gaps") shares = {std::numeric_limits<double>::quiet_NaN()};
    if (kind == kFolds) shares = {1.0 / static_cast<double>(c.integer("evaluate.folds"))};
    if (kind == kNothing) shares = {0.0};
    if (kind == "half") shares = {0.5};
    const std::int64_t folds = kind == kFolds ? c.integer("evaluate.folds") : 1;
    for (const double noise : c.list("evaluate.noise"))
      for (const double hidden : shares)
        for (std::int64_t f = 0; f < folds; ++f)
          out.push_back({.kind = kind, .hidden = hidden, .noise = noise, .fold = kind == kFolds ? f : -1});
  }
  const auto measurements = simulated_names(c);
  for (std::size_t k = 0; k < measurements.size(); ++k)
    for (const double noise : c.list("evaluate.noise"))
      out.push_back({.kind = measurements[k],
                     .hidden = std::numeric_limits<double>::quiet_NaN(),
                     .noise = noise,
                     .measurement = k});
  if (out.empty())
    throw Error(
        ErrorKind::usage, "nothing is to be withheld or measured",
        {.remedy = "Set evaluate.withhold, evaluate.hidden and evaluate.noise, one entry or more each, or "
                   "write a section [[measurement]]"});
  return out;
}

/// What was measured, over the cells: as it lies where it lies on them, else at each cell the value that
/// weighs it most.
Eigen::VectorXd over_cells(const measurement::Operator& by, const measurement::MeasuredRows& rows,
                           const Eigen::VectorXd& y) {
  if (by.to() && by.to()->hash() == by.from().hash()) return y;
  Eigen::VectorXd out = Eigen::VectorXd::Constant(by.points(), std::nan(""));
  Eigen::VectorXd weight = Eigen::VectorXd::Zero(by.points());
  for (Eigen::Index i = 0; i < y.size(); ++i) {
    if (std::isnan(y[i])) continue;
    for (measurement::SparseMatrix::InnerIterator it(rows.matrix, i); it; ++it) {
      if (std::abs(it.value()) <= weight[it.col()]) continue;
      weight[it.col()] = std::abs(it.value());
      out[it.col()] = y[i];
    }
  }
  return out;
}

}  // namespace

CaseMaker::CaseMaker(const Config& config, const posterior::Model* model)
    : model_(model),
      seed_(seed_of_cases(config.integer("evaluate.seed"))),
      mask_seed_(seed_of_masks(config)),
      noise_factor_(config.real("evaluate.noise_factor")),
      folds_(config.integer("evaluate.folds")),
      settings_(settings_of(config)) {
  open(config);
  operators_ = simulated_measurements(config, domain());
  plan(config);
  find_gaps(config);
  find_unresolved(config.real("evaluate.representativeness"));
}

void CaseMaker::open(const Config& c) {
  const std::string& variable = c.text("evaluate.variable");
  bool images = true;
  for (const auto& path : c.texts("evaluate.input")) {
    // Channels of a colour image are fields of their own, as `impute` takes them.
    auto names = io::png_channels(path);
    images = images && !names.empty();
    if (names.empty() || !variable.empty()) names = {variable};
    for (const auto& name : names)
      sources_.push_back(
          {io::GriddedVariable::open(path, name, c.text("evaluate.grid"), c.flag("evaluate.repair"))});
  }
  if (sources_.empty())
    throw Error(ErrorKind::usage, "no input was named", {.remedy = "Set evaluate.input, or give --input"});
  double lowest = std::numeric_limits<double>::infinity();
  double highest = -lowest;
  for (auto& s : sources_) {
    const auto& v = s.variable;
    if (v.domain().hash() != domain().hash() || v.summary().units != summary().units)
      throw Error(ErrorKind::input, "it lies on another grid, or has other units, than the first input",
                  {.file = v.path(), .variable = v.summary().name, .remedy = "Evaluate it by itself"});
    s.scan = io::scan_missing(v);
    io::check_fillable(v, s.scan);
    lowest = std::min(lowest, s.scan.lowest);
    highest = std::max(highest, s.scan.highest);
    if (model_ != nullptr) s.fit = fit_input(v, *model_);
    for (const auto& note : v.notes()) notes_.push_back(note);
  }
  const double stated = c.real("evaluate.range");
  range_ = stated > 0.0 ? stated : images ? 1.0 : highest - lowest;
}

void CaseMaker::plan(const Config& c) {
  std::int64_t apart = kApart;
  for (const auto& s : sources_)
    if (!s.fit.index.empty()) apart = std::max(apart, s.fit.index.back() - s.fit.index.front() + kApart);
  const auto wanted = static_cast<std::size_t>(c.integer("evaluate.cases"));
  for (std::size_t k = 0; k < sources_.size(); ++k) {
    const auto& v = sources_[k].variable;
    for (const std::size_t e : chosen_series(v, c.list("evaluate.series")))
      series_.push_back({k, e, static_cast<std::int64_t>(series_.size()) * apart});
  }
  std::vector<PlannedCase> fields;
  for (std::size_t s = 0; s < series_.size(); ++s) {
    const Source& source = sources_[series_[s].source];
    const auto& time = source.variable.time();
    std::set<int> months;
    for (const auto& d : time.dates) months.insert(d.month);
    for (const std::size_t t : chosen_times(c, source.variable)) {
      if (source.scan.missing_share[t] >= 1.0) continue;
      const std::int64_t step = source.fit.index.empty() ? static_cast<std::int64_t>(t) : source.fit.index[t];
      fields.push_back({.series = s,
                        .time = t,
                        .step = step + series_[s].offset,
                        .date = plot::date_label(time, t),
                        .season = months.size() > 1 ? season_of(time.dates[t].month) : ""});
    }
  }
  if (fields.empty())
    throw Error(ErrorKind::input, "no field of the times chosen has a known cell to withhold",
                {.file = sources_.front().variable.path(),
                 .variable = summary().name,
                 .remedy = "Choose other times"});
  const std::size_t count = wanted == 0 ? fields.size() : std::min(wanted, fields.size());
  for (std::size_t s = 0; s < settings_.size(); ++s)
    for (std::size_t k = 0; k < count; ++k) {
      cases_.push_back(fields[(2 * k + 1) * fields.size() / (2 * count)]);
      cases_.back().setting = s;
    }
}

void CaseMaker::find_gaps(const Config& c) {
  std::vector<measurement::ObservedCells> gaps;
  const auto& kinds = c.texts("evaluate.withhold");
  if (std::find(kinds.begin(), kinds.end(), "gaps") != kinds.end()) {
    constexpr int kEver = 1000000;
    if (c.text("evaluate.gaps").empty()) {
      for (const auto& s : sources_)
        for (auto& g : load_gaps(s.variable, -kEver, kEver)) gaps.push_back(std::move(g));
    } else {
      const auto file = io::GriddedVariable::open(c.text("evaluate.gaps"), c.text("evaluate.gaps_variable"));
      if (file.domain().hash() != domain().hash())
        throw Error(ErrorKind::input, "its gaps lie on another grid than the input",
                    {.file = file.path(), .remedy = "Give gaps on the same grid"});
      gaps = load_gaps(file, -kEver, kEver);
    }
    if (gaps.empty())
      throw Error(ErrorKind::input, "gaps of other times are to be laid over fields and there are none",
                  {.file = c.text("evaluate.gaps").empty() ? sources_.front().variable.path()
                                                           : c.text("evaluate.gaps"),
                   .remedy = "Name a file with gaps by evaluate.gaps, or withhold otherwise"});
  }
  bank_.emplace(domain(), std::move(gaps));
}

void CaseMaker::find_unresolved(double stated) {
  constexpr std::size_t kFields = 12;
  if (model_ == nullptr) return;
  for (auto& s : sources_) {
    if (stated >= 0.0) s.fit.unresolved = stated * std::abs(s.fit.unit_scale);
    if (stated >= 0.0 || on_model_points(s.fit)) continue;
    // From what stays observed, as `impute` finds it.
    std::vector<const PlannedCase*> own;
    for (const auto& c : cases_)
      if (&source_of(c) == &s && !settings_[c.setting].measurement) own.push_back(&c);
    if (own.empty())
      throw Error(ErrorKind::usage,
                  "what the input's grid holds beside the model's cannot be told from what operators measure",
                  {.file = s.variable.path(),
                   .variable = summary().name,
                   .remedy = "State evaluate.representativeness, or withhold cells too"});
    std::vector<posterior::StepObservation> fields;
    const std::size_t count = std::min(kFields, own.size());
    for (std::size_t k = 0; k < count; ++k) {
      fields.push_back(make(*own[(2 * k + 1) * own.size() / (2 * count)]).window.at_centre());
    }
    s.fit.unresolved = posterior::representativeness(model_->backbone, fields);
    if (s.fit.unresolved > 0.0)
      notes_.push_back(fmt::format(
          "the input's grid holds {:.4g} {} (standard deviation) beside the model's: part of members",
          s.fit.unresolved / std::abs(s.fit.unit_scale), summary().units));
  }
}

std::string CaseMaker::quantity() const {
  std::vector<std::string> names;
  for (const auto& s : sources_) {
    const auto& about = s.variable.summary();
    const std::string& name = about.long_name.empty() ? about.name : about.long_name;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string CaseMaker::series_name(std::size_t series) const {
  if (series_.size() == 1) return {};
  const Series& s = series_[series];
  const auto& v = sources_[s.source].variable;
  std::string name = fs::path(v.path()).filename().string();
  if (io::png_channels(v.path()).size() > 1) name += " " + v.summary().name;
  std::string extra = fmt::format("series {}", s.extra + 1);
  if (sources_.size() == 1) return extra;
  return v.extras() > 1 ? name + " " + extra : name;
}

std::string CaseMaker::identity() const {
  std::string text;
  std::error_code ignored;
  for (const auto& s : sources_) {
    const std::string& path = s.variable.path();
    text += fmt::format("{} {} {} {}\n", path, s.variable.summary().name, fs::file_size(path, ignored),
                        fs::last_write_time(path, ignored).time_since_epoch().count());
  }
  return text;
}

double CaseMaker::memory(std::uint32_t members) const {
  const Source& s = sources_.front();
  return model_ != nullptr ? impute_memory(*model_, s.variable, s.fit, s.scan, members)
                           : 8.0 * static_cast<double>(domain().size()) * (4.0 + 3.0 * members) + 3e8;
}

std::optional<std::size_t> CaseMaker::trained_on() const {
  if (model_ == nullptr || model_->backbone.step() == prior::StepKind::none) return std::nullopt;
  const auto& training = model_->backbone.training().index;
  const std::set<std::int64_t> seen(training.begin(), training.end());
  std::set<std::int64_t> steps;
  for (const auto& c : cases_) {
    const std::int64_t step = source_of(c).fit.index[c.time];
    if (seen.contains(step)) steps.insert(step);
  }
  return steps.size();
}

const CaseMaker::HeldField& CaseMaker::held(std::size_t series, std::size_t time) {
  const std::pair place{series, time};
  const auto found =
      std::find_if(recent_.begin(), recent_.end(), [&](const HeldField& h) { return h.place == place; });
  if (found != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, found);
    return recent_.front();
  }
  const std::int64_t half = model_ != nullptr ? model_->backbone.options().window : 0;
  // References to what is held stay good while one window is made.
  if (recent_.size() > static_cast<std::size_t>(4 * half + 8)) recent_.pop_back();
  const Source& source = sources_[series_[series].source];
  const auto field = source.variable.read(series_[series].extra, time, 1);
  HeldField h{.place = place, .values = {field.begin(), field.end()}, .known = {}};
  if (model_ != nullptr) {
    h.known = usable_values(source.variable, source.fit, *model_, time, h.values.data()).seen;
  } else {
    for (const double v : h.values) h.known.push_back(!std::isnan(v));
  }
  recent_.push_front(std::move(h));
  return recent_.front();
}

measurement::ObservedCells CaseMaker::mask(const PlannedCase& c, const HeldField& field,
                                           std::int64_t step) const {
  const Setting& s = settings_[c.setting];
  RandomStream random({.seed = mask_seed_,
                       .purpose = RandomPurpose::mask,
                       .time = step,
                       .member = s.kind == kFolds ? 0U : static_cast<std::uint32_t>(c.setting + 1)});
  const std::size_t cells = field.known.size();
  measurement::ObservedCells out(cells, true);
  if (s.kind == kFolds) {
    // One order of the known cells serves all folds: each is withheld once.
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t i = 0; i < cells; ++i) {
      const double place = random.uniform();
      if (field.known[i]) order.emplace_back(place, i);
    }
    std::sort(order.begin(), order.end());
    for (std::size_t k = 0; k < order.size(); ++k)
      if (static_cast<std::int64_t>(k) % folds_ == s.fold) out[order[k].second] = false;
  } else if (s.kind == "gaps") {
    for (int k = 0; k < kGapTries; ++k) {
      out = bank_->draw(random, 0.0, s.kind);
      bool hides = false;
      for (std::size_t i = 0; i < cells; ++i) hides = hides || (field.known[i] && !out[i]);
      if (hides) break;
    }
  } else if (s.kind != kNothing) {
    out = bank_->draw(random, s.hidden, s.kind);
  }
  for (std::size_t i = 0; i < cells; ++i) out[i] = out[i] && field.known[i];
  return out;
}

void CaseMaker::add_noise(const PlannedCase& c, std::int64_t step, std::span<double> values) const {
  const double noise = noise_factor_ * settings_[c.setting].noise;
  if (noise == 0.0) return;
  RandomStream random({.seed = seed_, .purpose = RandomPurpose::observation_noise, .time = step});
  for (double& v : values) v += noise * random.normal();
}

std::vector<double> CaseMaker::noisy(const PlannedCase& c, const HeldField& field, std::int64_t step) const {
  std::vector<double> out = field.values;
  add_noise(c, step, out);
  return out;
}

double CaseMaker::told_noise(const PlannedCase& c) const {
  const double noise = settings_[c.setting].noise;
  return noise > 0.0 ? noise * std::abs(source_of(c).fit.unit_scale)
                     : model_->backbone.options().noise_sigma * model_->backbone.unit_scale();
}

posterior::StepObservation CaseMaker::observe(const PlannedCase& c, std::size_t time,
                                              const std::vector<bool>& seen,
                                              const std::vector<double>& values) const {
  const Source& source = source_of(c);
  const InputFit& fit = source.fit;
  std::vector<double> y;
  for (std::size_t i = 0; i < seen.size(); ++i)
    if (seen[i]) y.push_back(fit.unit_scale * values[i] + fit.unit_offset);
  const auto count = static_cast<Eigen::Index>(y.size());
  return {.time = fit.index[time],
          .season = fit.season[time],
          .measurement = std::make_shared<measurement::Measurement>(
              measurement::select_rows(fit.operator_matrix, seen),
              Eigen::VectorXd::Constant(count, std::hypot(told_noise(c), fit.unresolved))),
          .y = Eigen::Map<const Eigen::VectorXd>(y.data(), count)};
}

const CaseMaker::Measured& CaseMaker::measured(const PlannedCase& c, std::size_t time,
                                               const std::vector<bool>& known) {
  const measurement::Operator& by = *operators_[*settings_[c.setting].measurement];
  const std::size_t source = series_[c.series].source;
  if (measured_ && measured_->setting == c.setting && measured_->source == source &&
      (by.steady() || measured_->time == time) && measured_->known == known)
    return *measured_;
  Measured m{.setting = c.setting,
             .source = source,
             .time = time,
             .known = known,
             .rows = by.rows(known, static_cast<std::int64_t>(time))};
  if (model_ != nullptr) {
    const InputFit& fit = sources_[source].fit;
    const auto a = measurement::select_rows(m.rows.matrix, m.rows.measured);
    m.sum = a * Eigen::VectorXd::Ones(a.cols());
    // What cells hold beside the model's fields is white: a mean of many cells holds less of it.
    Eigen::VectorXd sigma(a.rows());
    for (Eigen::Index i = 0; i < a.rows(); ++i)
      sigma[i] = std::hypot(told_noise(c), fit.unresolved * a.row(i).norm());
    const measurement::SparseMatrix of_model = a * fit.operator_matrix;
    m.measurement = std::make_shared<const measurement::Measurement>(of_model, std::move(sigma));
  }
  measured_ = std::move(m);
  return *measured_;
}

Eigen::VectorXd CaseMaker::measure(const Measured& by, const PlannedCase& c, const HeldField& field,
                                   std::int64_t step) const {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(field.values.size()));
  for (std::size_t i = 0; i < field.values.size(); ++i)
    if (field.known[i]) x[static_cast<Eigen::Index>(i)] = field.values[i];
  Eigen::VectorXd y = by.rows.matrix * x;
  add_noise(c, step, {y.data(), static_cast<std::size_t>(y.size())});
  for (Eigen::Index i = 0; i < y.size(); ++i)
    if (!by.rows.measured[static_cast<std::size_t>(i)]) y[i] = std::nan("");
  return y;
}

posterior::StepObservation CaseMaker::observe(const Measured& by, const PlannedCase& c, std::size_t time,
                                              const Eigen::VectorXd& y) const {
  const InputFit& fit = source_of(c).fit;
  posterior::StepObservation out{
      .time = fit.index[time], .season = fit.season[time], .measurement = by.measurement, .y = by.sum};
  // Rows need not sum to one: the offset of the units goes through them.
  for (Eigen::Index i = 0, k = 0; i < y.size(); ++i) {
    if (std::isnan(y[i])) continue;
    out.y[k] = fit.unit_scale * y[i] + fit.unit_offset * by.sum[k];
    ++k;
  }
  return out;
}

WithheldField CaseMaker::make(const PlannedCase& c) {
  const Setting& setting = settings_[c.setting];
  const Source& source = source_of(c);
  const HeldField& own = held(c.series, c.time);
  const auto n = static_cast<Eigen::Index>(own.values.size());
  WithheldField f{.observed = std::vector<bool>(own.values.size(), false),
                  .values = Eigen::VectorXd::Constant(n, std::nan("")),
                  .truth = Eigen::Map<const Eigen::VectorXd>(own.values.data(), n)};
  if (setting.measurement) {
    const Measured& by = measured(c, c.time, own.known);
    f.values = over_cells(*operators_[*setting.measurement], by.rows, measure(by, c, own, c.step));
    f.weight = verification::scored_weight(domain(), own.known);
    if (f.values.array().isNaN().all()) f.weight.setZero();
  } else {
    f.observed = mask(c, own, c.step);
    std::vector<bool> scored(own.known.size());
    for (std::size_t i = 0; i < scored.size(); ++i)
      scored[i] = own.known[i] && (setting.kind == kNothing || !f.observed[i]);
    f.weight = verification::scored_weight(domain(), scored);
    if (std::none_of(f.observed.begin(), f.observed.end(), [](bool o) { return o; })) f.weight.setZero();
    const auto values = noisy(c, own, c.step);
    for (Eigen::Index i = 0; i < n; ++i)
      if (f.observed[static_cast<std::size_t>(i)]) f.values[i] = values[static_cast<std::size_t>(i)];
  }
  if (model_ == nullptr) return f;
  const std::int64_t offset = series_[c.series].offset;
  f.window =
      posterior::window_around(source.fit.index, c.time, model_->backbone.options().window,
                               source.fit.season[c.time], [&](std::size_t entry) {
                                 const HeldField& field = held(c.series, entry);
                                 const std::int64_t step = source.fit.index[entry] + offset;
                                 if (!setting.measurement)
                                   return observe(c, entry, mask(c, field, step), noisy(c, field, step));
                                 const Measured& by = measured(c, entry, field.known);
                                 return observe(by, c, entry, measure(by, c, field, step));
                               });
  // Series are apart in time, so that their draws are not the same.
  for (auto& step : f.window.steps) step.time += offset;
  return f;
}

}  // namespace manifill::pipeline
