#include "manifill/pipeline/impute.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <limits>
#include <span>

#include "field_filler.hpp"
#include "impute_parts.hpp"
#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"
#include "manifill/base/progress.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/base/version.hpp"
#include "manifill/io/inspection.hpp"
#include "manifill/io/png_image.hpp"
#include "manifill/pipeline/impute_stations.hpp"
#include "manifill/pipeline/journal.hpp"

namespace manifill::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr double kChiSquareWarning = 3.0;  // mean squared departure in prior standard deviations

}  // namespace

std::vector<std::string> files_to_write(const Config& c) {
  const std::string& output = c.text("impute.output");
  std::vector<std::string> files{output};
  if (output.empty()) return files;
  files.push_back(output + kConfigTail);
  if (c.flag("impute.diagnostics")) files.push_back(output + kDiagnosticsTail);
  return files;
}

namespace {

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

}  // namespace

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

namespace {

FieldRecord impute_field(FieldFiller& filler, std::size_t extra, std::size_t time,
                         const posterior::SampleRequest& request, bool keep_members) {
  const std::vector<double> values = filler.values(extra, time);
  const std::size_t cells = values.size();
  FieldRecord r{.extra = extra, .time = time};
  r.mean.assign(cells, std::numeric_limits<float>::quiet_NaN());
  r.spread.assign(cells, 0.0F);
  r.status.resize(cells);
  const bool able = filler.able(values);
  bool gaps = false;
  for (std::size_t i = 0; i < cells; ++i) {
    auto status = std::isnan(values[i]) ? filler.fixed()[i] : io::CellStatus::observed;
    if (status == io::CellStatus::infilled && !able) status = io::CellStatus::not_filled;
    r.status[i] = static_cast<std::int8_t>(status);
    gaps = gaps || status == io::CellStatus::infilled;
  }
  if (!able)
    log::warning(fmt::format("time {} has too few values to be filled: its gaps stay as they are", time));
  FilledField f;
  const double beside = filler.unresolved();
  if (gaps) {
    f = filler.fill(extra, time, request, keep_members);
    r.chi_square = static_cast<float>(f.chi_square);
    r.effective_size = static_cast<float>(f.effective_size);
    r.diagnostics.assign(f.diagnostics.begin(), f.diagnostics.end());
  }
  const auto filled = [&](std::size_t i) {
    return r.status[i] == static_cast<std::int8_t>(io::CellStatus::infilled);
  };
  for (std::size_t i = 0; i < cells; ++i) {
    if (!filled(i)) continue;
    const auto row = f.members.row(static_cast<Eigen::Index>(i));
    const double mean = row[0] + (row.array() - row[0]).mean();  // of equal members exactly theirs
    const double value = f.mean.size() > 0 ? f.mean[static_cast<Eigen::Index>(i)] : mean;
    if (!std::isfinite(mean) || !std::isfinite(value))
      throw Error(ErrorKind::numerical, "the ensemble mean is not finite",
                  {.index = fmt::format("[time {}][cell {}]", time, i)});
    r.mean[i] = static_cast<float>(value);
    if (request.members > 1)
      r.spread[i] = static_cast<float>(
          std::sqrt((row.array() - mean).square().sum() / (request.members - 1.0) + beside * beside));
  }
  if (!keep_members) return r;
  const Eigen::MatrixXd& members = f.with_unresolved.size() > 0 ? f.with_unresolved : f.members;
  r.members.resize(cells * request.members);
  for (std::size_t k = 0; k < request.members; ++k)
    for (std::size_t i = 0; i < cells; ++i)
      r.members[k * cells + i] = static_cast<float>(
          filled(i) ? members(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k)) : values[i]);
  return r;
}

/// Fills every field that the journal does not hold yet.
void fill_fields(const Config& c, const io::GriddedVariable& input, const Shard& shard, FieldFiller& filler,
                 Journal& journal) {
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
      append_unless_stopped(journal, input.extras() * shard.count, c.text("impute.output"), [&] {
        return impute_field(filler, e, t, request, c.flag("impute.write_members"));
      });
      progress.advance();
    }
  journal.sync();
  progress.finish();
}

}  // namespace

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

namespace {

void write_output(const Config& c, const io::GriddedVariable& input, const FieldFiller& filler,
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
  if (const double beside = filler.unresolved(); beside > 0.0)
    o.spread_comment += fmt::format(", with {:.4g} of {}", beside, filler.unresolved_name());
  o.history = fmt::format("{:%Y-%m-%dT%H:%M:%SZ} manifill {}: gaps of {} filled by method {} {}",
                          fmt::gmtime(std::time(nullptr)), version(), input.summary().name,
                          c.text("impute.method"), filler.phrase());
  o.attributes = {{"manifill_version", version()},
                  {"manifill_model", filler.provenance()},
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

std::unique_ptr<FieldFiller> make_filler(const Config& c, const io::GriddedVariable& input,
                                         const io::MissingScan& scan) {
  const std::string& method = c.text("impute.method");
  if (method == kMatern) return make_matern_filler(c, input, scan);
  if (method == kDineof) return make_dineof_filler(c, input, scan);
  return make_model_filler(c, input, scan);
}

}  // namespace

Eigen::MatrixXd with_white_noise(Eigen::MatrixXd members, double sigma, std::int64_t time,
                                 const posterior::SampleRequest& request) {
  Eigen::VectorXd noise(members.rows());
  for (Eigen::Index k = 0; k < members.cols(); ++k) {
    RandomStream random({.seed = request.seed,
                         .purpose = RandomPurpose::representativeness,
                         .time = time,
                         .member = request.first_member + static_cast<std::uint32_t>(k)});
    random.fill_normal(std::span<double>(noise.data(), static_cast<std::size_t>(noise.size())));
    members.col(k) += sigma * noise;
  }
  return members;
}

void refuse_options_of_models(const Config& config, const std::string& method, const std::string& instead) {
  const std::vector<std::pair<const char*, bool>> foreign{
      {"impute.model", !config.text("impute.model").empty()},
      {"impute.noise", config.real("impute.noise") > 0.0},
      {"impute.refine", config.integer("impute.refine") > 0},
      {"impute.diagnostics", config.flag("impute.diagnostics")}};
  for (const auto& [key, given] : foreign)
    if (given)
      throw Error(ErrorKind::usage, fmt::format("'{}' means nothing to the method {}", key, method),
                  {.remedy = "Leave it out, or choose the method flow or gaussian"});
  if (config.real("impute.representativeness") >= 0.0)
    throw Error(ErrorKind::usage,
                fmt::format("'impute.representativeness' means nothing to the method {}", method),
                {.remedy = instead});
}

std::vector<OptionSpec> impute_specs() {
  std::vector<OptionSpec> specs{
      {.key = "impute.model", .help = "model file (.h5)", .fallback = std::string()},
      {.key = "impute.input", .help = "NetCDF file with gaps", .fallback = std::string()},
      {.key = "impute.grid",
       .help = "NetCDF file with the coordinates of cells that the input has none of; empty: none",
       .fallback = std::string()},
      {.key = "impute.repair",
       .help = "make the mesh of a mesh file sound first: merge, and leave out what is double or has no area",
       .fallback = false},
      {.key = "impute.variable",
       .help = "variable to fill; empty: the only one that can be",
       .fallback = std::string()},
      {.key = "impute.time_units",
       .help = "units of the times in a CSV file, as \"days since 1900-01-01\"; empty: dates by ISO 8601",
       .fallback = std::string()},
      {.key = "impute.units",
       .help = "units of the values in a CSV file; empty: the model's",
       .fallback = std::string()},
      {.key = "impute.output", .help = "NetCDF file to write", .fallback = std::string()},
      {.key = "impute.method",
       .help = fmt::format("posterior sampler: {}; or matern or dineof, which need no model",
                           fmt::join(posterior::SamplerRegistry::instance().names(), ", ")),
       .fallback = std::string("flow")},
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
       .help = "steps of the prior, aware of the likelihood, that start from the sampler's members",
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
  for (const auto& more : {matern_specs(), dineof_specs(), posterior::SamplerRegistry::instance().specs()})
    specs.insert(specs.end(), more.begin(), more.end());
  return specs;
}

namespace {

/// Fills the channels of a colour image one after the other, each by itself, and puts them together.
std::vector<std::string> run_channels(const Config& c, const std::vector<std::string>& channels) {
  const std::string& input = c.text("impute.input");
  const std::string& output = c.text("impute.output");
  io::check_image_output(input, output, c.flag("impute.write_members"));
  std::vector<std::string> notes;
  std::vector<std::string> parts;
  const auto remove_parts = [&] {
    std::error_code ignored;
    for (const auto& part : parts)
      for (const char* tail : {"", kConfigTail, kDiagnosticsTail, kCheckpointTail})
        fs::remove(part + tail, ignored);
  };
  try {
    for (const auto& channel : channels) {
      parts.push_back(output + "." + channel + ".nc");
      Config one = c;
      one.set("impute.variable", channel);
      one.set("impute.output", parts.back());
      one.set("impute.overwrite", true);
      for (const auto& note : run_impute(one)) notes.push_back(fmt::format("{}: {}", channel, note));
    }
    io::write_filled_png(input, output, parts);
    write_atomically(output + kConfigTail, c.to_toml());
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::stopped) parts.pop_back();  // its checkpoint stays
    remove_parts();
    throw;
  }
  remove_parts();
  return notes;
}

}  // namespace

std::vector<std::string> run_impute(const Config& c) {
  if (takes_stations(c)) return run_impute_stations(c);
  std::vector<std::string> notes;
  const std::string& output = c.text("impute.output");
  if (c.text("impute.input").empty())
    throw Error(ErrorKind::usage, "no input was named", {.remedy = "Give --input IN.nc"});
  const std::string& method = c.text("impute.method");
  if (c.text("impute.model").empty() && method != kMatern && method != kDineof)
    throw Error(ErrorKind::usage, "no model was named",
                {.remedy = "Give --model M.h5, or --method matern or dineof, which need none"});
  for (const auto& path : files_to_write(c))
    io::check_output(path, {c.text("impute.input"), c.text("impute.model")}, c.flag("impute.overwrite"));
  const auto channels = io::channels_to_fill(c.text("impute.input"), c.text("impute.variable"), output);
  if (!channels.empty()) return run_channels(c, channels);
  const double memory_limit = parse_memory(c.text("impute.max_memory"));
  const auto input = io::GriddedVariable::open(c.text("impute.input"), c.text("impute.variable"),
                                               c.text("impute.grid"), c.flag("impute.repair"));
  io::check_output_form(input, output, c.flag("impute.write_members"));
  notes = input.notes();
  const Shard shard = parse_shard(c.text("impute.shard"), input.times());
  const io::MissingScan scan = io::scan_missing(input);
  io::check_fillable(input, scan);
  const auto filler = make_filler(c, input, scan);
  const auto members = static_cast<std::uint32_t>(c.integer("impute.members"));
  const double need = filler->memory(members);
  if (need > memory_limit)
    throw Error(ErrorKind::usage,
                fmt::format("the run needs about {:.1f} GiB, more than --max-memory {}", need / 1073741824.0,
                            c.text("impute.max_memory")),
                {.file = input.path(), .remedy = "Raise --max-memory, or ask for fewer members"});
  if (scan.missing == 0) notes.push_back("nothing is missing: the output is a copy with provenance");
  filler->prepare(shard.first, shard.count, notes);
  Config chosen = c;
  filler->resolve(chosen);
  chosen.set("impute.variable", input.summary().name);
  const std::string resolved = chosen.to_toml();
  std::error_code ignored;
  // What every shard of one run has in common.
  const std::string job = fmt::format(
      "{} {} {} members {} refine {} {}", fs::path(input.path()).filename().string(), input.summary().name,
      c.text("impute.method"), members, c.integer("impute.refine"), filler->settings());
  const std::string identity = fmt::format(
      "{}|{}|{}|{}|{}|{}|{}|{}", version(), fs::file_size(input.path(), ignored),
      fs::last_write_time(input.path(), ignored).time_since_epoch().count(), job, c.integer("impute.seed"),
      c.flag("impute.write_members"), c.text("impute.shard"), c.flag("impute.diagnostics"));
  set_time_limit(c.real("impute.time_limit"));
  Journal journal(output + kCheckpointTail, identity, c.flag("impute.resume"));
  if (journal.size() > 0) notes.push_back(fmt::format("resumed: {} fields were done before", journal.size()));
  try {
    fill_fields(c, input, shard, *filler, journal);
    const std::string csv = report_fields(journal, members);
    write_output(chosen, input, *filler, journal, shard, resolved, job);
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
