#include "manifill/pipeline/impute.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <deque>
#include <filesystem>
#include <limits>

#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"
#include "manifill/base/progress.hpp"
#include "manifill/base/random.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/base/version.hpp"
#include "manifill/io/inspection.hpp"
#include "manifill/pipeline/journal.hpp"
#include "manifill/posterior/representativeness.hpp"
#include "manifill/posterior/windows.hpp"

namespace manifill::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr double kChiSquareWarning = 3.0;  // mean squared departure in prior standard deviations
constexpr const char* kConfigTail = ".toml";
constexpr const char* kDiagnosticsTail = ".diagnostics.csv";

/// The output, then what is written beside it.
std::vector<std::string> files_to_write(const Config& c) {
  const std::string& output = c.text("impute.output");
  std::vector<std::string> files{output};
  if (output.empty()) return files;
  files.push_back(output + kConfigTail);
  if (c.flag("impute.diagnostics")) files.push_back(output + kDiagnosticsTail);
  return files;
}

struct Shard {
  std::size_t first = 0;
  std::size_t count = 0;
};

/// "I/N", I from 1: the I-th of N runs of consecutive times.
Shard parse_shard(const std::string& text, std::size_t times) {
  if (text.empty()) return {0, times};
  unsigned long i = 0;
  unsigned long n = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%lu/%lu%c", &i, &n, &rest) != 2 || i < 1 || i > n)
    throw Error(ErrorKind::usage, "the shard '" + text + "' is not I/N with 1 <= I <= N",
                {.remedy = "Write for example --shard 3/8"});
  if (n > times)
    throw Error(
        ErrorKind::usage,
        fmt::format("{} shards were asked for and the file has {} times: some would be empty", n, times),
        {.remedy = fmt::format("Use at most {} shards", times)});
  const std::size_t first = times * (i - 1) / n;
  return {first, times * i / n - first};
}

/// "4GiB", "500MB", "2e9" to bytes.
double parse_memory(const std::string& text) {
  std::size_t used = 0;
  double value = 0.0;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const std::string unit = text.substr(used);
  const std::vector<std::pair<std::string, double>> units{
      {"", 1.0}, {"B", 1.0}, {"MB", 1e6}, {"GB", 1e9}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}};
  for (const auto& [name, factor] : units)
    if (used > 0 && unit == name && value > 0.0) return value * factor;
  throw Error(ErrorKind::usage, "the memory limit '" + text + "' cannot be read",
              {.remedy = "Write for example 4GiB"});
}

/// Share of a cell's interpolation that must lie on points with a climatology, or the cell is masked.
constexpr double kLeastActive = 0.5;

/// Takes points without a climatology out of an interpolation: the model's fields mean nothing there. A row
/// that loses such points shares its weight out among the others; a masked row is left empty; all others keep
/// their bits. \return [row], the share of its weight that lay on active points
Eigen::VectorXd restrict_to_active(measurement::SparseMatrix& a, const Eigen::VectorXd& active) {
  Eigen::VectorXd share = a * active;
  std::vector<Eigen::Triplet<double>> entries;
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    if (share[i] < kLeastActive) continue;
    bool whole = true;
    for (measurement::SparseMatrix::InnerIterator it(a, i); it; ++it)
      whole = whole && active[it.col()] != 0.0;
    for (measurement::SparseMatrix::InnerIterator it(a, i); it; ++it)
      if (active[it.col()] != 0.0)
        entries.emplace_back(static_cast<int>(i), static_cast<int>(it.col()),
                             whole ? it.value() : it.value() / share[i]);
  }
  a.setFromTriplets(entries.begin(), entries.end());
  return share;
}

/// What of a model decides whether it fits an input.
io::ModelCard card_of(const posterior::Model& model) {
  const auto [low, high] = model.plausible_range();
  const auto& o = model.backbone.options();
  const auto step = model.backbone.step();
  return {.name = model.info.name,
          .variable = model.info.variable,
          .units = model.info.units,
          .standard_name = model.info.standard_name,
          .domain = model.backbone.domain(),
          .plausible_low = low,
          .plausible_high = high,
          .step = step == prior::StepKind::day     ? "day"
                  : step == prior::StepKind::month ? "month"
                                                   : "none",
          .seasonal = o.season_bins > 1 || o.mean_harmonics > 0};
}

/// Observed values of one field on the model's grid.
struct UsableValues {
  std::vector<bool> seen{};  ///< [input cell]
  std::vector<double> y{};   ///< of the cells seen, the model's units
};

/// \throws Error(input) at a value that the model cannot know
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

/// Refuses at once what the run would refuse at a later time. The file is read again only if its extremes say
/// that there may be such a value; it may lie where the model has no points, and do no harm.
void check_plausible(const io::GriddedVariable& input, const InputFit& fit, const posterior::Model& model,
                     const io::MissingScan& scan, const Shard& shard) {
  const auto [low, high] = model.plausible_range();
  const double one = fit.unit_scale * scan.lowest + fit.unit_offset;
  const double other = fit.unit_scale * scan.highest + fit.unit_offset;
  if (std::min(one, other) >= low && std::max(one, other) <= high) return;
  for (std::size_t e = 0; e < input.extras(); ++e)
    for (std::size_t t = shard.first; t < shard.first + shard.count; ++t)
      usable_values(input, fit, model, t, input.read(e, t, 1).data());
}

/// Observations of the input, step by step, for windows; keeps the last few.
class Observations {
 public:
  /// \param noise of the observations and, beside it, of what the model's grid cannot hold: standard
  /// deviation, the model's units
  Observations(const io::GriddedVariable& input, const InputFit& fit, const posterior::Model& model,
               double noise)
      : input_(input), fit_(fit), model_(model), noise_(noise) {}

  posterior::Window window(std::size_t extra, std::size_t time) {
    const std::int64_t half = model_.backbone.options().window;
    return posterior::window_around(fit_.index, time, half, fit_.season[time],
                                    [&](std::size_t entry) { return step(extra, entry); });
  }

  const posterior::StepObservation& step(std::size_t extra, std::size_t time) {
    return held(extra, time).observation;
  }

  /// Values of the file, [cell], NaN where missing.
  const std::vector<double>& values(std::size_t extra, std::size_t time) { return held(extra, time).values; }

 private:
  struct Held {
    std::vector<double> values;
    posterior::StepObservation observation;
  };

  const Held& held(std::size_t extra, std::size_t time) {
    const auto found = held_.find({extra, time});
    if (found != held_.end()) return found->second;
    if (held_.size() > static_cast<std::size_t>(4 * model_.backbone.options().window + 8))
      held_.erase(held_.begin());
    const auto field = input_.read(extra, time, 1);
    Held h;
    h.values.assign(field.begin(), field.end());
    const auto [seen, y] = usable_values(input_, fit_, model_, time, h.values.data());
    auto a = measurement::select_rows(fit_.operator_matrix, seen);
    h.observation = {
        .time = fit_.index[time],
        .season = fit_.season[time],
        .measurement = std::make_shared<measurement::Measurement>(
            std::move(a), Eigen::VectorXd::Constant(static_cast<Eigen::Index>(y.size()), noise_)),
        .y = Eigen::Map<const Eigen::VectorXd>(y.data(), static_cast<Eigen::Index>(y.size()))};
    return held_.emplace(std::make_pair(extra, time), std::move(h)).first->second;
  }

  const io::GriddedVariable& input_;
  const InputFit& fit_;
  const posterior::Model& model_;
  double noise_;
  std::map<std::pair<std::size_t, std::size_t>, Held> held_{};
};

/// Whether every cell that can be filled is a point of the model.
bool on_model_points(const InputFit& fit) {
  const auto& a = fit.operator_matrix;
  for (Eigen::Index i = 0; i < a.rows(); ++i)
    if (a.outerIndexPtr()[i + 1] - a.outerIndexPtr()[i] > 1) return false;
  return true;
}

/// What the input's cells hold beside the model's fields, the model's units: as the configuration says, or
/// from fields spread over the whole file, so that every shard finds the same.
double representativeness_of(const Config& c, const io::GriddedVariable& input, const InputFit& fit,
                             const posterior::Model& model, double noise) {
  constexpr std::size_t kFields = 12;
  const double stated = c.real("impute.representativeness");
  if (stated >= 0.0) return stated * std::abs(fit.unit_scale);
  if (on_model_points(fit)) return 0.0;
  Observations observations(input, fit, model, noise);
  std::vector<posterior::StepObservation> fields;
  const std::size_t count = std::min(kFields, input.times());
  for (std::size_t k = 0; k < count; ++k)
    fields.push_back(observations.step(0, (2 * k + 1) * input.times() / (2 * count)));
  return posterior::representativeness(model.backbone, fields);
}

/// Members with what the model's grid cannot hold, white noise of its own for each. \param members
/// [cell][member], the model's units
Eigen::MatrixXd with_unresolved(Eigen::MatrixXd members, double sigma, const prior::Backbone& backbone,
                                std::int64_t time, const posterior::SampleRequest& request) {
  Eigen::VectorXd noise(members.rows());
  for (Eigen::Index k = 0; k < members.cols(); ++k) {
    RandomStream random({.seed = request.seed,
                         .purpose = RandomPurpose::representativeness,
                         .time = time,
                         .member = request.first_member + static_cast<std::uint32_t>(k)});
    random.fill_normal(std::span<double>(noise.data(), static_cast<std::size_t>(noise.size())));
    members.col(k) += sigma * noise;
  }
  return backbone.within_bounds(members);
}

FieldRecord impute_field(Observations& observations, posterior::PosteriorSampler& sampler,
                         const prior::Backbone& backbone, const InputFit& fit, std::size_t extra,
                         std::size_t time, const posterior::SampleRequest& request, bool keep_members) {
  const std::vector<double> values = observations.values(extra, time);
  const std::size_t cells = values.size();
  FieldRecord r{.extra = extra, .time = time};
  r.mean.assign(cells, std::numeric_limits<float>::quiet_NaN());
  r.spread.assign(cells, 0.0F);
  r.status.resize(cells);
  bool gaps = false;
  for (std::size_t i = 0; i < cells; ++i) {
    const bool seen = !std::isnan(values[i]);
    r.status[i] = static_cast<std::int8_t>(seen ? io::CellStatus::observed : fit.fixed[i]);
    gaps = gaps || (!seen && fit.fixed[i] == io::CellStatus::infilled);
  }
  Eigen::MatrixXd members;
  if (gaps) {
    const auto window = observations.window(extra, time);
    const posterior::Ensemble e = sampler.sample(window, request);
    members = fit.operator_matrix * e.members;
    r.chi_square = static_cast<float>(e.chi_square);
    r.effective_size = static_cast<float>(e.effective_size);
    for (const double v : e.log_density) r.diagnostics.push_back(static_cast<float>(v));
    for (const double v : e.log_weight) r.diagnostics.push_back(static_cast<float>(v));
  }
  const auto filled = [&](std::size_t i) {
    return r.status[i] == static_cast<std::int8_t>(io::CellStatus::infilled);
  };
  for (std::size_t i = 0; i < cells; ++i) {
    if (!filled(i)) continue;
    const auto row = members.row(static_cast<Eigen::Index>(i));
    const double mean = row.mean();
    if (!std::isfinite(mean))
      throw Error(ErrorKind::numerical, "the ensemble mean is not finite",
                  {.index = fmt::format("[time {}][cell {}]", time, i)});
    r.mean[i] = static_cast<float>((mean - fit.unit_offset) / fit.unit_scale);
    if (request.members > 1)
      r.spread[i] =
          static_cast<float>(std::sqrt((row.array() - mean).square().sum() / (request.members - 1.0) +
                                       fit.unresolved * fit.unresolved) /
                             std::abs(fit.unit_scale));
  }
  if (!keep_members) return r;
  if (gaps && fit.unresolved > 0.0)
    members = with_unresolved(std::move(members), fit.unresolved, backbone, fit.index[time], request);
  r.members.resize(cells * request.members);
  for (std::size_t k = 0; k < request.members; ++k)
    for (std::size_t i = 0; i < cells; ++i)
      r.members[k * cells + i] = static_cast<float>(
          filled(i)
              ? (members(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k)) - fit.unit_offset) /
                    fit.unit_scale
              : values[i]);
  return r;
}

/// Fills every field that the journal does not hold yet.
void fill_fields(const Config& c, const io::GriddedVariable& input, const InputFit& fit,
                 const prior::Backbone& backbone, const Shard& shard, Observations& observations,
                 posterior::PosteriorSampler& sampler, Journal& journal) {
  const posterior::SampleRequest request{.seed = static_cast<std::uint64_t>(c.integer("impute.seed")),
                                         .first_member = 0,
                                         .members = static_cast<std::uint32_t>(c.integer("impute.members")),
                                         .density = c.flag("impute.diagnostics"),
                                         .refine = c.integer("impute.refine")};
  Progress progress("imputing", input.extras() * shard.count, "fields");
  progress.set(journal.size());
  for (std::size_t e = 0; e < input.extras(); ++e)
    for (std::size_t t = shard.first; t < shard.first + shard.count; ++t) {
      if (journal.has(e, t)) continue;
      if (stop_requested()) {
        journal.sync();
        throw Error(
            ErrorKind::stopped,
            fmt::format("stopped by {} after {} of {} fields; nothing was written under the final name",
                        stop_reason(), journal.size(), input.extras() * shard.count),
            {.file = c.text("impute.output"), .remedy = "Run the same command with --resume to go on"});
      }
      journal.append(
          impute_field(observations, sampler, backbone, fit, e, t, request, c.flag("impute.write_members")));
      if (journal.size() % 64 == 0) journal.sync();
      progress.advance();
    }
  journal.sync();
  progress.finish();
}

/// Warns of fields that the model finds strange. \return the diagnostics as CSV
std::string report_fields(const Journal& journal, std::size_t members) {
  std::size_t unlike = 0;
  std::size_t worst = 0;
  float most = 0.0F;
  std::string csv = "extra,time,chi_square_ratio,effective_sample_size,member,log_density,log_weight\n";
  for (std::size_t k = 0; k < journal.size(); ++k) {
    const FieldRecord r = journal.read(k);
    if (r.chi_square > kChiSquareWarning) ++unlike;
    if (r.chi_square > most) {
      most = r.chi_square;
      worst = static_cast<std::size_t>(r.time);
    }
    for (std::size_t i = 0; 2 * i < r.diagnostics.size(); ++i)
      csv += fmt::format("{},{},{:.4f},{:.2f},{},{:.4f},{:.4f}\n", r.extra, r.time, r.chi_square,
                         r.effective_size, i + 1, r.diagnostics[i], r.diagnostics[members + i]);
  }
  if (unlike > 0) {
    log::warning(fmt::format(
        "{} fields are unlike the training data: the chi-square of their observed departures is above {:g} "
        "times its expectation (worst {:.1f} at time index {}); trust their spread less",
        unlike, kChiSquareWarning, most, worst));
  }
  return csv;
}

void write_output(const Config& c, const io::GriddedVariable& input, const posterior::Model& model,
                  const Journal& journal, const Shard& shard, const std::string& resolved,
                  const std::string& job) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (std::size_t k = 0; k < journal.size(); ++k) {
    const FieldRecord r = journal.read(k);
    for (std::size_t i = 0; i < r.mean.size(); ++i)
      if (r.status[i] == static_cast<std::int8_t>(io::CellStatus::infilled)) {
        low = std::min<double>(low, r.mean[i]);
        high = std::max<double>(high, r.mean[i]);
      }
  }
  const bool beyond = low <= high && !io::ImputedFileWriter::fits_packing(input, low, high);
  const bool packed = !io::ImputedFileWriter::fits_packing(input, -std::numeric_limits<double>::max(),
                                                           std::numeric_limits<double>::max());
  const bool unpacked = beyond || (packed && c.flag("impute.unpack"));
  if (beyond) {
    log::warning(
        fmt::format("filled values reach {:g} to {:g} and leave the packed range of '{}': it is written "
                    "unpacked as float, the packed input stays as '{}_packed'",
                    low, high, input.summary().name, input.summary().name));
  }
  const bool keep_members = c.flag("impute.write_members");
  io::ImputedFileOptions o{.path = c.text("impute.output"), .overwrite = c.flag("impute.overwrite")};
  o.members = keep_members ? static_cast<std::size_t>(c.integer("impute.members")) : 0;
  o.first_time = shard.first;
  o.times = shard.count;
  o.spread_comment = fmt::format("0 where observed; standard deviation of {} members where filled",
                                 c.integer("impute.members"));
  if (const double beside = c.real("impute.representativeness"); beside > 0.0)
    o.spread_comment += fmt::format(", with {:.4g} of what the model's grid cannot hold", beside);
  o.history = fmt::format("{:%Y-%m-%dT%H:%M:%SZ} manifill {}: gaps of {} filled by method {} with model {}",
                          fmt::gmtime(std::time(nullptr)), version(), input.summary().name,
                          c.text("impute.method"), model.info.name);
  o.attributes = {{"manifill_version", version()},
                  {"manifill_model", fmt::format("{} {:016x}", model.info.name, model.checksum)},
                  {"manifill_config", resolved},
                  {"manifill_seed", std::to_string(c.integer("impute.seed"))}};
  if (!c.text("impute.shard").empty()) {
    o.attributes["manifill_shard"] = c.text("impute.shard");
    o.attributes["manifill_shard_dimension"] = input.time_dimension();
    o.attributes["manifill_job"] = job;
  }
  io::ImputedFileWriter writer(input, o, unpacked);
  for (std::size_t k = 0; k < journal.size(); ++k) {
    const FieldRecord r = journal.read(k);
    const std::size_t cells = r.mean.size();
    std::vector<double> mean(r.mean.begin(), r.mean.end());
    std::vector<double> spread(r.spread.begin(), r.spread.end());
    std::vector<io::CellStatus> status(cells);
    for (std::size_t i = 0; i < cells; ++i) status[i] = static_cast<io::CellStatus>(r.status[i]);
    xt::xtensor<double, 2> members =
        xt::xtensor<double, 2>::from_shape({r.members.size() / std::max<std::size_t>(1, cells), cells});
    std::copy(r.members.begin(), r.members.end(), members.begin());
    writer.write(r.extra, r.time, mean, spread, status, members);
  }
  writer.commit();
}

}  // namespace

std::vector<OptionSpec> impute_specs() {
  return {
      {.key = "impute.model", .help = "model file (.h5)", .fallback = std::string()},
      {.key = "impute.input", .help = "NetCDF file with gaps", .fallback = std::string()},
      {.key = "impute.grid",
       .help = "NetCDF file with the coordinates of cells that the input has none of; empty: none",
       .fallback = std::string()},
      {.key = "impute.variable",
       .help = "variable to fill; empty: the only one that can be",
       .fallback = std::string()},
      {.key = "impute.output", .help = "NetCDF file to write", .fallback = std::string()},
      {.key = "impute.method", .help = "posterior sampler: flow, gaussian", .fallback = std::string("flow")},
      {.key = "impute.members",
       .help = "ensemble members",
       .fallback = std::int64_t{32},
       .lowest = 1,
       .highest = 4096},
      {.key = "impute.seed", .help = "seed of the ensemble", .fallback = std::int64_t{1}, .lowest = 0},
      {.key = "impute.write_members", .help = "write V_member(realization, ...)", .fallback = false},
      {.key = "impute.noise",
       .help = "observation noise, units of the variable; 0: the model's",
       .fallback = 0.0,
       .lowest = 0},
      {.key = "impute.representativeness",
       .help =
           "standard deviation of what the input's grid resolves beyond the model's, units of the variable; "
           "-1: from the observations",
       .fallback = -1.0,
       .lowest = -1},
      {.key = "impute.refine",
       .help = "steps of the prior, aware of the likelihood, that start from the flow's members",
       .fallback = std::int64_t{0},
       .lowest = 0,
       .highest = 10000},
      {.key = "impute.diagnostics",
       .help = "write log-densities, importance weights and chi-square to OUTPUT.diagnostics.csv",
       .fallback = false},
      {.key = "impute.unpack",
       .help = "write a packed variable as float whether or not its fills fit the packed range (for shards "
               "that are to be merged)",
       .fallback = false},
      {.key = "impute.shard",
       .help = "I/N: only the I-th of N runs of consecutive times",
       .fallback = std::string()},
      {.key = "impute.max_memory",
       .help = "refuse a run that would need more",
       .fallback = std::string("4GiB")},
      {.key = "impute.time_limit",
       .help = "stop with a checkpoint after so many seconds; 0: never",
       .fallback = 0.0,
       .lowest = 0},
      {.key = "impute.resume", .help = "go on from the checkpoint of a stopped run", .fallback = false},
      {.key = "impute.overwrite", .help = "replace an existing output", .fallback = false},
  };
}

InputFit fit_input(const io::GriddedVariable& input, const posterior::Model& model) {
  InputFit f;
  const io::ModelCard card = card_of(model);
  std::tie(f.unit_scale, f.unit_offset) = io::check_quantity(input, card);
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
  io::check_times(input, card);
  const auto& time = input.time();
  if (time.values.empty()) {
    f.index.assign(1, 0);
    f.season.assign(1, 0.0);
    return f;
  }
  const auto step = model.backbone.step();
  f.index = step == prior::StepKind::day     ? time.day_index()
            : step == prior::StepKind::month ? time.month_index()
                                             : std::vector<std::int64_t>{};
  for (std::size_t t = 0; t < time.dates.size(); ++t) {
    if (step == prior::StepKind::none) f.index.push_back(static_cast<std::int64_t>(t));
    // Monthly models count whole months; the middle stands for a month whatever day the file dates it.
    f.season.push_back(step == prior::StepKind::month ? (time.dates[t].month - 0.5) / 12.0
                                                      : time.dates[t].year_fraction);
  }
  return f;
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

std::vector<std::string> run_impute(const Config& c) {
  std::vector<std::string> notes;
  const std::string& output = c.text("impute.output");
  if (c.text("impute.input").empty())
    throw Error(ErrorKind::usage, "no input was named", {.remedy = "Give --input IN.nc"});
  if (c.text("impute.model").empty())
    throw Error(ErrorKind::usage, "no model was named", {.remedy = "Give --model M.h5"});
  for (const auto& path : files_to_write(c))
    io::check_output(path, {c.text("impute.input"), c.text("impute.model")}, c.flag("impute.overwrite"));
  const double memory_limit = parse_memory(c.text("impute.max_memory"));
  const auto model = posterior::Model::load(c.text("impute.model"));
  const auto input =
      io::GriddedVariable::open(c.text("impute.input"), c.text("impute.variable"), c.text("impute.grid"));
  const Shard shard = parse_shard(c.text("impute.shard"), input.times());
  const io::MissingScan scan = io::scan_missing(input);
  io::check_fillable(input, scan);
  InputFit fit = fit_input(input, model);
  const auto members = static_cast<std::uint32_t>(c.integer("impute.members"));
  const double need = impute_memory(model, input, fit, scan, members);
  if (need > memory_limit)
    throw Error(ErrorKind::usage,
                fmt::format("the run needs about {:.1f} GiB, more than --max-memory {}", need / 1073741824.0,
                            c.text("impute.max_memory")),
                {.file = input.path(), .remedy = "Raise --max-memory, or ask for fewer members"});
  check_plausible(input, fit, model, scan, shard);
  if (scan.missing == 0) notes.push_back("nothing is missing: the output is a copy with provenance");
  auto sampler = posterior::SamplerRegistry::instance().make(c.text("impute.method"), model);
  const double noise = c.real("impute.noise") > 0.0
                           ? c.real("impute.noise") * std::abs(fit.unit_scale)
                           : model.backbone.options().noise_sigma * model.backbone.unit_scale();
  fit.unresolved = representativeness_of(c, input, fit, model, noise);
  if (fit.unresolved > 0.0)
    notes.push_back(
        fmt::format("the input's grid holds {:.4g} {} (standard deviation) beside the model's: part of "
                    "spreads and members",
                    fit.unresolved / std::abs(fit.unit_scale), input.summary().units));
  Config chosen = c;
  chosen.set("impute.representativeness", fit.unresolved / std::abs(fit.unit_scale));
  chosen.set("impute.variable", input.summary().name);
  const std::string resolved = chosen.to_toml();
  std::error_code ignored;
  // What every shard of one run has in common.
  const std::string job =
      fmt::format("{} {} {} members {} refine {} noise {:g} representativeness {:g}",
                  fs::path(input.path()).filename().string(), input.summary().name, c.text("impute.method"),
                  members, c.integer("impute.refine"), noise, fit.unresolved);
  const std::string identity = fmt::format(
      "{}|{:016x}|{}|{}|{}|{}|{}|{}|{}", version(), model.checksum, fs::file_size(input.path(), ignored),
      fs::last_write_time(input.path(), ignored).time_since_epoch().count(), job, c.integer("impute.seed"),
      c.flag("impute.write_members"), c.text("impute.shard"), c.flag("impute.diagnostics"));
  set_time_limit(c.real("impute.time_limit"));
  Journal journal(output + ".manifill-checkpoint", identity, c.flag("impute.resume"));
  if (journal.size() > 0) notes.push_back(fmt::format("resumed: {} fields were done before", journal.size()));
  try {
    Observations observations(input, fit, model, std::hypot(noise, fit.unresolved));
    fill_fields(c, input, fit, model.backbone, shard, observations, *sampler, journal);
    const std::string csv = report_fields(journal, members);
    write_output(chosen, input, model, journal, shard, resolved, job);
    if (c.flag("impute.diagnostics")) write_atomically(output + kDiagnosticsTail, csv);
    write_atomically(output + kConfigTail, resolved);
  } catch (const Error& e) {
    // A corrected input is another job: nothing could go on from this journal.
    if (e.kind() == ErrorKind::input) journal.remove();
    throw;
  }
  journal.remove();
  return notes;
}

}  // namespace manifill::pipeline
