#include "manifill/pipeline/impute_stations.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "impute_parts.hpp"
#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/progress.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/base/version.hpp"
#include "manifill/io/field_series.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/io/stations.hpp"
#include "manifill/measurement/point_sampling.hpp"
#include "manifill/posterior/representativeness.hpp"
#include "manifill/posterior/sampler.hpp"
#include "manifill/posterior/windows.hpp"

namespace manifill::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kFieldsForScale =
    12;  // whose departures tell what points hold beside the model's fields

using measurement::SparseMatrix;

/// Stations in the steps of a model.
struct StationFit {
  double unit_scale = 1.0;  // model = unit_scale * file + unit_offset
  double unit_offset = 0.0;
  std::vector<io::StationStep> steps{};
  std::vector<std::int64_t> index{};                       // [step]
  std::vector<double> season{};                            // [step]
  std::vector<posterior::StepObservation> observations{};  // [step]
  std::size_t most = 0;                                    // values of a step
  std::size_t values = 0;                                  // of all steps
  std::size_t places = 0;
  std::size_t unused = 0;  // places beyond the model's grid, or where it has no climatology
  bool on_points = true;   // every place is a point of the model
};

using PlaceKey = std::pair<double, double>;

/// Rows of the places where something was observed, each once.
class PlaceTable {
 public:
  PlaceTable(const io::Stations& stations, const posterior::Model& model) {
    for (const auto& v : stations.values) {
      const auto [place, fresh] = index_.try_emplace({v.latitude, v.longitude}, index_.size());
      if (!fresh) continue;
      latitude_.push_back(v.latitude);
      longitude_.push_back(v.longitude);
    }
    rows_ = measurement::point_sampling(model.backbone.domain(), latitude_, longitude_, &usable_);
    const Eigen::VectorXd share = restrict_to_active(rows_, model.backbone.active());
    for (std::size_t k = 0; k < usable_.size(); ++k)
      usable_[k] = usable_[k] && share[static_cast<Eigen::Index>(k)] >= kLeastActive;
  }

  [[nodiscard]] std::size_t size() const { return usable_.size(); }
  [[nodiscard]] std::size_t unused() const {
    return static_cast<std::size_t>(std::count(usable_.begin(), usable_.end(), false));
  }
  [[nodiscard]] const SparseMatrix& rows() const { return rows_; }
  [[nodiscard]] bool usable(const io::StationValue& v) const { return usable_[of(v)]; }
  [[nodiscard]] std::size_t of(const io::StationValue& v) const {
    return index_.at({v.latitude, v.longitude});
  }
  /// The first of the model's points that a place is interpolated from.
  [[nodiscard]] int first_point(std::size_t place) const {
    return rows_.innerIndexPtr()[rows_.outerIndexPtr()[place]];
  }
  /// Whether every place in use is one point of the model.
  [[nodiscard]] bool on_points() const {
    for (std::size_t k = 0; k < usable_.size(); ++k)
      if (usable_[k] && rows_.outerIndexPtr()[k + 1] - rows_.outerIndexPtr()[k] > 1) return false;
    return true;
  }

 private:
  std::map<PlaceKey, std::size_t> index_{};
  std::vector<double> latitude_{};
  std::vector<double> longitude_{};
  std::vector<bool> usable_{};
  SparseMatrix rows_{};
};

/// The observations of one step, in the order of the model's points: what members are drawn does not depend
/// on the order of the file.
posterior::StepObservation observe(const PlaceTable& places, const StationFit& fit, std::size_t step,
                                   double noise) {
  std::vector<io::StationValue> values;
  for (const auto& v : fit.steps[step].values)
    if (places.usable(v)) values.push_back(v);
  std::stable_sort(values.begin(), values.end(), [&](const auto& a, const auto& b) {
    return places.first_point(places.of(a)) < places.first_point(places.of(b));
  });
  const auto m = static_cast<Eigen::Index>(values.size());
  std::vector<Eigen::Triplet<double>> entries;
  Eigen::VectorXd y(m);
  for (Eigen::Index k = 0; k < m; ++k) {
    const auto& v = values[static_cast<std::size_t>(k)];
    y[k] = fit.unit_scale * v.value + fit.unit_offset;
    for (SparseMatrix::InnerIterator it(places.rows(), static_cast<Eigen::Index>(places.of(v))); it; ++it)
      entries.emplace_back(static_cast<int>(k), static_cast<int>(it.col()), it.value());
  }
  SparseMatrix a(m, places.rows().cols());
  a.setFromTriplets(entries.begin(), entries.end());
  return {.time = fit.index[step],
          .season = fit.season[step],
          .measurement =
              std::make_shared<measurement::Measurement>(std::move(a), Eigen::VectorXd::Constant(m, noise)),
          .y = std::move(y)};
}

void observe_all(const PlaceTable& places, StationFit& fit, double noise) {
  fit.observations.clear();
  for (std::size_t t = 0; t < fit.steps.size(); ++t)
    fit.observations.push_back(observe(places, fit, t, noise));
}

/// \throws Error(input) when the model cannot know what was observed
StationFit fit_stations(const io::Stations& stations, const PlaceTable& places, const io::ModelCard& card) {
  StationFit fit;
  std::tie(fit.unit_scale, fit.unit_offset) = io::check_quantity(stations.path, stations.variable, card);
  if (stations.time.dates.empty() && card.seasonal)
    throw Error(ErrorKind::input, "it has no times, and the model's climatology follows the season",
                {.file = stations.path,
                 .variable = stations.variable.name,
                 .remedy = "Add a column or coordinate 'time'"});
  fit.places = places.size();
  fit.unused = places.unused();
  if (fit.unused == fit.places)
    throw Error(ErrorKind::input,
                "no station lies where the model has fields (" + card.domain.describe() + ")",
                {.file = stations.path,
                 .variable = stations.variable.name,
                 .remedy = "Use a model of this region, and check latitudes and longitudes"});
  for (const auto& v : stations.values) {
    const double x = fit.unit_scale * v.value + fit.unit_offset;
    if (places.usable(v) && (x < card.plausible_low || x > card.plausible_high))
      throw io::implausible(stations.path, stations.variable, stations.place(v), v.value, card);
  }
  fit.on_points = places.on_points();
  fit.steps = io::station_steps(stations, card.step);
  for (const auto& s : fit.steps) {
    fit.index.push_back(s.index);
    // As for gridded files, the middle stands for a month.
    fit.season.push_back(stations.time.dates.empty() ? 0.0
                         : card.step == "month"      ? (s.date.month - 0.5) / 12.0
                                                     : s.date.year_fraction);
    const auto used = static_cast<std::size_t>(std::count_if(
        s.values.begin(), s.values.end(), [&](const io::StationValue& v) { return places.usable(v); }));
    fit.most = std::max(fit.most, used);
    fit.values += used;
  }
  return fit;
}

/// As of gridded files: as the configuration says, or from steps spread over the file.
double representativeness_of(const Config& c, const PlaceTable& places, const StationFit& fit,
                             const prior::Backbone& backbone, double noise) {
  const double stated = c.real("impute.representativeness");
  if (stated >= 0.0) return stated * std::abs(fit.unit_scale);
  if (fit.on_points) return 0.0;
  std::vector<posterior::StepObservation> fields;
  const std::size_t count = std::min(kFieldsForScale, fit.steps.size());
  for (std::size_t k = 0; k < count; ++k)
    fields.push_back(observe(places, fit, (2 * k + 1) * fit.steps.size() / (2 * count), noise));
  return posterior::representativeness(backbone, fields);
}

FieldRecord impute_step(const StationFit& fit, const prior::Backbone& backbone,
                        posterior::PosteriorSampler& sampler, std::size_t step,
                        const posterior::SampleRequest& request, bool keep_members) {
  const auto window = posterior::window_around(fit.index, step, backbone.options().window, fit.season[step],
                                               [&](std::size_t entry) { return fit.observations[entry]; });
  return record_of(sampler.sample(window, request), backbone, 0, step, keep_members);
}

void impute_steps(const Config& c, const StationFit& fit, const prior::Backbone& backbone,
                  posterior::PosteriorSampler& sampler, Journal& journal) {
  const posterior::SampleRequest request{.seed = static_cast<std::uint64_t>(c.integer("impute.seed")),
                                         .first_member = 0,
                                         .members = static_cast<std::uint32_t>(c.integer("impute.members")),
                                         .density = c.flag("impute.diagnostics"),
                                         .refine = c.integer("impute.refine")};
  Progress progress("imputing", fit.steps.size(), "fields");
  progress.set(journal.size());
  for (std::size_t t = 0; t < fit.steps.size(); ++t) {
    if (journal.has(0, t)) continue;
    append_unless_stopped(journal, fit.steps.size(), c.text("impute.output"), [&] {
      return impute_step(fit, backbone, sampler, t, request, c.flag("impute.write_members"));
    });
    progress.advance();
  }
  journal.sync();
  progress.finish();
}

/// Times of the output: the middle of a day, the 15th of a month, else as they were found.
std::vector<io::DateTime> dates_of(const StationFit& fit, const io::Stations& stations,
                                   const std::string& step) {
  std::vector<io::DateTime> dates;
  if (stations.time.dates.empty()) return dates;
  for (const auto& s : fit.steps) {
    io::DateTime d = s.date;
    if (step == "month") d.day = 15;
    if (step == "month" || step == "day") d.day_fraction = step == "day" ? 0.5 : 0.0;
    dates.push_back(d);
  }
  return dates;
}

void write_output(const Config& c, const io::Stations& stations, const StationFit& fit,
                  const posterior::Model& model, const Journal& journal, const std::string& resolved) {
  const auto members = static_cast<std::size_t>(c.integer("impute.members"));
  io::FieldSeries what{
      .about =
          {.variable = stations.variable.name,
           .units = model.info.units,
           .standard_name = model.info.standard_name,
           .long_name = stations.variable.long_name,
           .attributes = {{"manifill_version", version()},
                          {"manifill_model", fmt::format("{} {:016x}", model.info.name, model.checksum)},
                          {"manifill_config", resolved},
                          {"manifill_seed", std::to_string(c.integer("impute.seed"))}},
           .history = fmt::format(
               "{:%Y-%m-%dT%H:%M:%SZ} manifill {}: fields of {} from {} values of stations in {} by method "
               "{} with model {}",
               fmt::gmtime(std::time(nullptr)), version(), stations.variable.name, fit.values,
               fs::path(stations.path).filename().string(), c.text("impute.method"), model.info.name)},
      .dates = dates_of(fit, stations, card_of(model).step),
      .calendar = stations.time.calendar,
      .members = c.flag("impute.write_members") ? members : 0,
      .spread_comment = fmt::format("standard deviation of {} members", members)};
  io::FieldSeriesWriter writer(c.text("impute.output"), model.backbone.domain(), what);
  for (std::size_t k = 0; k < journal.size(); ++k) {
    const FieldRecord r = journal.read(k);
    writer.write(r.time, r.mean, r.spread, r.status, r.members);
  }
  writer.commit();
}

void check_options(const Config& c) {
  if (c.text("impute.model").empty())
    throw Error(ErrorKind::usage, "no model was named", {.remedy = "Give --model M.h5"});
  for (const char* key : {"impute.shard", "impute.grid"})
    if (!c.text(key).empty())
      throw Error(ErrorKind::usage, fmt::format("{} is not for stations", key),
                  {.file = c.text("impute.input"), .remedy = "Leave it out"});
}

void check_memory(const Config& c, const posterior::Model& model, const StationFit& fit) {
  const auto& o = model.backbone.options();
  const std::size_t points = model.backbone.domain().size();
  const double need = io::estimate_memory(
      {.cells = points,
       .model_points = points,
       .training_fields = static_cast<std::size_t>(model.backbone.training().values.cols()),
       .window_steps = static_cast<std::size_t>(2 * o.window + 1),
       .season_bins = static_cast<std::size_t>(o.season_bins),
       .members = static_cast<std::size_t>(c.integer("impute.members")),
       .observed = std::max<std::size_t>(1, fit.most),
       .own_grid = fit.on_points});
  if (need > parse_memory(c.text("impute.max_memory")))
    throw Error(ErrorKind::usage,
                fmt::format("the run needs about {:.1f} GiB, more than --max-memory {}", need / 1073741824.0,
                            c.text("impute.max_memory")),
                {.file = c.text("impute.input"), .remedy = "Raise --max-memory, or ask for fewer members"});
}

}  // namespace

FieldRecord record_of(const posterior::Ensemble& e, const prior::Backbone& backbone, std::size_t extra,
                      std::size_t time, bool keep_members) {
  const auto points = static_cast<std::size_t>(e.members.rows());
  const auto members = static_cast<std::size_t>(e.members.cols());
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  FieldRecord r{.extra = extra,
                .time = time,
                .mean = std::vector<float>(points, kNone),
                .spread = std::vector<float>(points, kNone),
                .status = std::vector<std::int8_t>(points, static_cast<std::int8_t>(io::CellStatus::masked)),
                .chi_square = static_cast<float>(e.chi_square),
                .effective_size = static_cast<float>(e.effective_size)};
  if (keep_members) r.members.assign(points * members, kNone);
  for (const double v : e.log_density) r.diagnostics.push_back(static_cast<float>(v));
  for (const double v : e.log_weight) r.diagnostics.push_back(static_cast<float>(v));
  for (std::size_t i = 0; i < points; ++i) {
    if (backbone.active()[static_cast<Eigen::Index>(i)] == 0.0) continue;
    const auto row = e.members.row(static_cast<Eigen::Index>(i));
    const double mean = row.mean();
    if (!std::isfinite(mean))
      throw Error(ErrorKind::numerical, "the ensemble mean is not finite",
                  {.index = fmt::format("[time {}][point {}]", time, i)});
    r.status[i] = static_cast<std::int8_t>(io::CellStatus::infilled);
    r.mean[i] = static_cast<float>(mean);
    r.spread[i] = members < 2 ? 0.0F
                              : static_cast<float>(std::sqrt((row.array() - mean).square().sum() /
                                                             (static_cast<double>(members) - 1.0)));
    if (!keep_members) continue;
    for (std::size_t k = 0; k < members; ++k)
      r.members[k * points + i] = static_cast<float>(row[static_cast<Eigen::Index>(k)]);
  }
  return r;
}

bool takes_stations(const Config& c) {
  return !c.text("impute.input").empty() && io::is_station_file(c.text("impute.input"));
}

std::vector<std::string> run_impute_stations(const Config& c) {
  check_options(c);
  const std::string& input = c.text("impute.input");
  const std::string& output = c.text("impute.output");
  for (const auto& path : files_to_write(c))
    io::check_output(path, {input, c.text("impute.model")}, c.flag("impute.overwrite"));
  const auto model = posterior::Model::load(c.text("impute.model"));
  auto stations = io::read_stations(input, {.variable = c.text("impute.variable"),
                                            .time_units = c.text("impute.time_units"),
                                            .units = c.text("impute.units")});
  // A table of text without units says nothing against the model's.
  if (stations.variable.dimensions.empty() && stations.variable.units.empty())
    stations.variable.units = model.info.units;
  const PlaceTable places(stations, model);
  StationFit fit = fit_stations(stations, places, card_of(model));
  check_memory(c, model, fit);
  auto sampler = posterior::SamplerRegistry::instance().make(c.text("impute.method"), model, c);
  const double noise = c.real("impute.noise") > 0.0
                           ? c.real("impute.noise") * std::abs(fit.unit_scale)
                           : model.backbone.options().noise_sigma * model.backbone.unit_scale();
  const double unresolved = representativeness_of(c, places, fit, model.backbone, noise);
  observe_all(places, fit, std::hypot(noise, unresolved));

  std::vector<std::string> notes{fmt::format("{} values at {} places in {} steps", fit.values,
                                             fit.places - fit.unused, fit.steps.size())};
  if (fit.unused > 0)
    notes.push_back(fmt::format(
        "{} places lie beyond the model's grid or where it has no climatology: not used", fit.unused));
  if (unresolved > 0.0)
    notes.push_back(fmt::format(
        "stations hold {:.4g} {} (standard deviation) beside the model's fields: counted as noise",
        unresolved / std::abs(fit.unit_scale), stations.variable.units));
  Config chosen = c;
  chosen.set("impute.representativeness", unresolved / std::abs(fit.unit_scale));
  chosen.set("impute.variable", stations.variable.name);
  chosen.set("impute.units", stations.variable.units);
  const std::string resolved = chosen.to_toml();
  std::error_code ignored;
  const std::string identity = fmt::format(
      "stations {}|{:016x}|{}|{}|{}|{}|{}|{}|{:g}|{:g}|{}|{}|{}|{}|{}|{}", version(), model.checksum,
      fs::file_size(input, ignored), fs::last_write_time(input, ignored).time_since_epoch().count(),
      stations.variable.name, c.text("impute.method"), c.integer("impute.members"),
      c.integer("impute.refine"), noise, unresolved, c.integer("impute.seed"), c.flag("impute.write_members"),
      c.flag("impute.diagnostics"), c.text("impute.time_units"), stations.variable.units,
      posterior::SamplerRegistry::instance().describe(c.text("impute.method"), c));
  set_time_limit(c.real("impute.time_limit"));
  Journal journal(output + kCheckpointTail, identity, c.flag("impute.resume"));
  if (journal.size() > 0) notes.push_back(fmt::format("resumed: {} fields were done before", journal.size()));
  impute_steps(c, fit, model.backbone, *sampler, journal);
  const std::string csv = report_fields(journal, static_cast<std::size_t>(c.integer("impute.members")));
  write_output(chosen, stations, fit, model, journal, resolved);
  if (c.flag("impute.diagnostics")) write_atomically(output + kDiagnosticsTail, csv);
  write_atomically(output + kConfigTail, resolved);
  journal.remove();
  return notes;
}

}  // namespace manifill::pipeline
