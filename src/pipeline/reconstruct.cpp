#include "manifill/pipeline/reconstruct.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "impute_parts.hpp"
#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/progress.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/base/version.hpp"
#include "manifill/io/field_series.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/io/png_image.hpp"
#include "manifill/io/reconstructed_file.hpp"
#include "manifill/pipeline/journal.hpp"
#include "manifill/pipeline/measure.hpp"
#include "manifill/pipeline/operator_job.hpp"
#include "manifill/posterior/representativeness.hpp"
#include "manifill/posterior/sampler.hpp"
#include "measured_series.hpp"
#include "measurements.hpp"

namespace manifill::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kFieldsForNoise = 12;  // whose departures tell the noise

bool ends_in_png(const std::string& path) {
  std::string ending = fs::path(path).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return ending == ".png";
}

/// The measurements together, step by step of the first one's file.
class ObservedSource {
 public:
  explicit ObservedSource(std::vector<OpenedMeasurement> opened, std::int64_t half)
      : opened_(std::move(opened)), half_(half) {}

  [[nodiscard]] const std::vector<OpenedMeasurement>& opened() const { return opened_; }
  [[nodiscard]] const MeasuredSeries& first() const { return *opened_.front().series; }
  [[nodiscard]] std::size_t extras() const { return first().extras(); }
  [[nodiscard]] std::size_t times() const { return first().index().size(); }
  [[nodiscard]] std::size_t most() const {
    std::size_t sum = 0;
    for (const auto& o : opened_) sum += o.series->most();
    return sum;
  }

  [[nodiscard]] posterior::Window window(std::size_t extra, std::size_t entry) {
    posterior::Window out;
    const std::int64_t centre = first().index()[entry];
    for (std::int64_t k = -half_; k <= half_; ++k)
      out.steps.push_back(step(extra, centre + k, first().season()[entry]));
    return out;
  }

 private:
  /// All that was seen at an absolute step.
  posterior::StepObservation step(std::size_t extra, std::int64_t index, double season) {
    std::vector<posterior::StepObservation> parts;
    for (const auto& o : opened_) {
      const auto& all = o.series->index();
      const auto found = std::lower_bound(all.begin(), all.end(), index);
      if (found == all.end() || *found != index) continue;
      parts.push_back(
          o.series->step(o.series->extras() == 1 ? 0 : extra, static_cast<std::size_t>(found - all.begin())));
    }
    if (parts.empty()) return {.time = index, .season = season};
    if (parts.size() == 1) return parts.front();
    std::vector<std::shared_ptr<const measurement::Measurement>> key;
    posterior::StepObservation out = parts.front();
    Eigen::Index total = 0;
    for (const auto& p : parts) {
      key.push_back(p.measurement);
      total += p.y.size();
    }
    out.y.resize(total);
    for (Eigen::Index at = 0; const auto& p : parts) {
      out.y.segment(at, p.y.size()) = p.y;
      at += p.y.size();
    }
    if (key != last_) {
      std::vector<measurement::Measurement> all;
      for (const auto& m : key) all.push_back(*m);
      joined_ = std::make_shared<const measurement::Measurement>(measurement::stack(all));
      last_ = std::move(key);
    }
    out.measurement = joined_;
    return out;
  }

  std::vector<OpenedMeasurement> opened_;
  std::int64_t half_;
  std::vector<std::shared_ptr<const measurement::Measurement>> last_{};
  std::shared_ptr<const measurement::Measurement> joined_{};
};

/// Sets each measurement's noise: as stated, by cell, or as its values make likely; the last goes into
/// `resolved`.
void settle_noise(const std::vector<OpenedMeasurement>& opened, const posterior::Model& model,
                  Config& resolved, std::vector<std::string>& notes) {
  for (std::size_t k = 0; k < opened.size(); ++k) {
    MeasuredSeries& s = *opened[k].series;
    if (s.noise_by_cell()) continue;
    double noise = s.part().noise * std::abs(s.unit_scale());
    if (noise == 0.0) {
      s.set_noise(model.backbone.unit_scale());  // any: the estimate does not depend on it
      std::vector<posterior::StepObservation> fields;
      const std::size_t count = std::min(kFieldsForNoise, s.index().size());
      for (std::size_t j = 0; j < count; ++j)
        fields.push_back(s.step(0, (2 * j + 1) * s.index().size() / (2 * count)));
      try {
        noise = posterior::noise_level(model.backbone, fields);
      } catch (const Error& e) {
        if (e.kind() != ErrorKind::input) throw;
        throw Error(e.kind(), e.what(), {.file = s.part().file, .variable = s.variable()});
      }
      const double own = noise / std::abs(s.unit_scale());
      notes.push_back(fmt::format("{}: noise of {:.4g} {} (standard deviation), as its values make likely",
                                  s.part().file, own, s.units()));
      resolved.set(fmt::format("measurement[{}].noise", k + 1), own);
    }
    s.set_noise(noise);
  }
}

/// Files and everything that members depend on beside them, for checkpoints.
std::string identity_of(const Config& resolved, const posterior::Model& model,
                        const ObservedSource& observations) {
  std::string out = fmt::format("reconstruct {}|{:016x}", version(), model.checksum);
  for (const auto& o : observations.opened()) {
    std::error_code ignored;
    const std::string& file = o.series->part().file;
    out += fmt::format("|{}|{}", fs::file_size(file, ignored),
                       fs::last_write_time(file, ignored).time_since_epoch().count());
  }
  Config same = resolved;
  same.set("reconstruct.resume", false);
  same.set("reconstruct.overwrite", false);
  same.set("reconstruct.time_limit", 0.0);
  same.set("reconstruct.max_memory", std::string());
  return out + "|" + same.to_toml();
}

void check_memory(const Config& c, const posterior::Model& model, const ObservedSource& observations) {
  const auto& o = model.backbone.options();
  const std::size_t points = model.backbone.domain().size();
  double need = io::estimate_memory(
      {.cells = points,
       .model_points = points,
       .training_fields = static_cast<std::size_t>(model.backbone.training().values.cols()),
       .window_steps = static_cast<std::size_t>(2 * o.window + 1),
       .season_bins = static_cast<std::size_t>(o.season_bins),
       .members = static_cast<std::size_t>(c.integer("reconstruct.members")),
       .observed = std::max<std::size_t>(1, observations.most()),
       .own_grid = false});
  // A matrix for the operators, one of the step, and what is made of it.
  for (const auto& m : observations.opened())
    need += 3.0 * 12.0 * static_cast<double>(m.series->measured_by().matrix().nonZeros());
  if (need > parse_memory(c.text("reconstruct.max_memory")))
    throw Error(
        ErrorKind::usage,
        fmt::format("the run needs about {:.1f} GiB, more than --max-memory {}", need / 1073741824.0,
                    c.text("reconstruct.max_memory")),
        {.file = observations.first().part().file, .remedy = "Raise --max-memory, or ask for fewer members"});
}

void reconstruct_fields(const Config& c, const posterior::Model& model, ObservedSource& observations,
                        posterior::PosteriorSampler& sampler, Journal& journal) {
  const posterior::SampleRequest request{
      .seed = static_cast<std::uint64_t>(c.integer("reconstruct.seed")),
      .first_member = 0,
      .members = static_cast<std::uint32_t>(c.integer("reconstruct.members")),
      .density = c.flag("reconstruct.diagnostics"),
      .refine = c.integer("reconstruct.refine")};
  const MeasuredSeries& first = observations.first();
  const std::size_t total = observations.extras() * observations.times();
  Progress progress("reconstructing", total, "fields");
  progress.set(journal.size());
  for (std::size_t e = 0; e < observations.extras(); ++e)
    for (std::size_t t = 0; t < observations.times(); ++t) {
      if (journal.has(e, t)) continue;
      if (stop_requested()) {
        journal.sync();
        throw Error(
            ErrorKind::stopped,
            fmt::format("stopped by {} after {} of {} fields; nothing was written under the final name",
                        stop_reason(), journal.size(), total),
            {.file = c.text("reconstruct.output"), .remedy = "Run the same command with --resume to go on"});
      }
      posterior::Ensemble ensemble = sampler.sample(observations.window(e, t), request);
      ensemble.members = ((ensemble.members.array() - first.unit_offset()) / first.unit_scale()).matrix();
      journal.append(record_of(ensemble, model.backbone, e, t, c.flag("reconstruct.write_members")));
      if (journal.size() % 64 == 0) journal.sync();
      progress.advance();
    }
  journal.sync();
  progress.finish();
}

/// What the output says of itself.
io::ReconstructedFile described(const Config& c, const posterior::Model& model,
                                const ObservedSource& observations, const std::string& resolved) {
  const MeasuredSeries& first = observations.first();
  std::string from;
  for (const auto& o : observations.opened()) {
    const MeasuredSeries& s = *o.series;
    from +=
        fmt::format("{}{} ({}{})", from.empty() ? "" : " and ", fs::path(s.part().file).filename().string(),
                    operators_text(s.part().operators), s.noise_by_cell() ? "; noise by cell" : "");
  }
  const auto members = static_cast<std::size_t>(c.integer("reconstruct.members"));
  const auto* gridded = observations.opened().front().gridded.get();
  return {
      .about = {.variable = first.variable().substr(first.variable().rfind('/') + 1),
                .units = first.units(),
                .standard_name =
                    gridded != nullptr ? gridded->summary().standard_name : model.info.standard_name,
                .long_name = gridded != nullptr ? gridded->summary().long_name : std::string(),
                .attributes = {{"manifill_version", version()},
                               {"manifill_model", fmt::format("{} {:016x}", model.info.name, model.checksum)},
                               {"manifill_config", resolved},
                               {"manifill_seed", std::to_string(c.integer("reconstruct.seed"))}},
                .history = history_line(fmt::format("{} reconstructed from {} by method {} with model {}",
                                                    first.variable(), from, c.text("reconstruct.method"),
                                                    model.info.name))},
      .members = c.flag("reconstruct.write_members") ? members : 0,
      .spread_comment = fmt::format("standard deviation of {} members", members)};
}

/// What becomes of the finished fields.
using Sink = std::function<void(const Journal&, const io::ReconstructedFile&, const ObservedSource&,
                                const posterior::Model&)>;

void write_netcdf(const std::string& path, const Journal& journal, const io::ReconstructedFile& what,
                  const ObservedSource& observations, const posterior::Model& model) {
  const OpenedMeasurement& first = observations.opened().front();
  if (first.gridded) {
    io::ReconstructedFileWriter writer(path, *first.gridded, model.backbone.domain(), what);
    for (std::size_t k = 0; k < journal.size(); ++k) {
      const FieldRecord r = journal.read(k);
      writer.write(r.extra, r.time, r.mean, r.spread, r.status, r.members);
    }
    writer.commit();
    return;
  }
  io::FieldSeriesWriter writer(path, model.backbone.domain(),
                               {.about = what.about,
                                .dates = first.dates,
                                .calendar = first.stations->time.calendar,
                                .members = what.members,
                                .spread_comment = what.spread_comment});
  for (std::size_t k = 0; k < journal.size(); ++k) {
    const FieldRecord r = journal.read(k);
    writer.write(r.time, r.mean, r.spread, r.status, r.members);
  }
  writer.commit();
}

/// One variable from its measurements. \return the configuration as it was resolved
std::string run_variable(const Config& c, const posterior::Model& model, const std::string& checkpoint,
                         const Sink& sink, std::vector<std::string>& notes) {
  std::vector<OpenedMeasurement> opened;
  for (const auto& part : measurement_parts(c)) {
    opened.push_back(open_measurement(part, model));
    const MeasuredSeries& s = *opened.back().series;
    notes.insert(notes.end(), s.notes().begin(), s.notes().end());
    if (s.extras() != 1 && s.extras() != opened.front().series->extras())
      throw Error(ErrorKind::input,
                  "its dimensions beside time and place are not those of the first measurement",
                  {.file = part.file, .variable = s.variable(), .remedy = "Give as many levels, or one"});
  }
  Config resolved = c;
  for (std::size_t k = 0; k < opened.size(); ++k)
    resolved.set(fmt::format("measurement[{}].variable", k + 1), opened[k].series->variable());
  auto sampler = posterior::SamplerRegistry::instance().make(c.text("reconstruct.method"), model, c);
  ObservedSource observations(std::move(opened), model.backbone.options().window);
  check_memory(c, model, observations);
  settle_noise(observations.opened(), model, resolved, notes);
  const std::string& method = c.text("reconstruct.method");
  const Config written = narrowed(resolved, [&](const std::string& key) {
    const bool measures = key.starts_with("measure.");
    const bool shared = key.starts_with("reconstruct.") || key.starts_with("measurement");
    return !measures && of_used_operator(resolved, key) && (shared || key.starts_with(method + "."));
  });
  const std::string text = written.to_toml();
  Journal journal(checkpoint, identity_of(written, model, observations), c.flag("reconstruct.resume"));
  if (journal.size() > 0) notes.push_back(fmt::format("resumed: {} fields were done before", journal.size()));
  try {
    reconstruct_fields(c, model, observations, *sampler, journal);
    const std::string csv =
        report_fields(journal, static_cast<std::size_t>(c.integer("reconstruct.members")));
    sink(journal, described(c, model, observations, text), observations, model);
    if (c.flag("reconstruct.diagnostics"))
      write_atomically(c.text("reconstruct.output") + kDiagnosticsTail, csv);
  } catch (const Error& e) {
    // A corrected input is another job: nothing could go on from this journal.
    if (e.kind() == ErrorKind::input) journal.remove();
    throw;
  }
  journal.remove();
  return text;
}

/// An image: every channel by itself, where none is named.
std::string run_image(const Config& c, const posterior::Model& model, std::vector<std::string>& notes) {
  const std::string& output = c.text("reconstruct.output");
  const auto parts = measurement_parts(c);
  if (c.flag("reconstruct.write_members") || c.flag("reconstruct.diagnostics"))
    throw Error(ErrorKind::usage, "a PNG image has no room for members or diagnostics",
                {.file = output, .remedy = "Name an output that ends in .nc"});
  if (model.backbone.domain().kind() != domain::DomainKind::plane)
    throw Error(ErrorKind::usage,
                "the model's fields lie on " + model.backbone.domain().describe() + ", no image",
                {.file = output, .remedy = "Name an output that ends in .nc"});
  std::vector<std::string> names{parts.front().variable};
  if (ends_in_png(parts.front().file) && names[0].empty()) names = io::png_channels(parts.front().file);
  std::vector<std::vector<double>> channels;
  std::string comment;
  std::string resolved;
  for (const auto& name : names) {
    Config one = c;
    for (std::size_t k = 0; k < parts.size(); ++k)
      if (ends_in_png(parts[k].file) && parts[k].variable.empty())
        one.set(fmt::format("measurement[{}].variable", k + 1), name);
    const Sink keep = [&](const Journal& journal, const io::ReconstructedFile& what, const ObservedSource&,
                          const posterior::Model&) {
      if (journal.size() != 1)
        throw Error(ErrorKind::usage,
                    fmt::format("an image holds one field, and {} were reconstructed", journal.size()),
                    {.file = output, .remedy = "Name an output that ends in .nc"});
      const FieldRecord r = journal.read(0);
      channels.emplace_back(r.mean.begin(), r.mean.end());
      comment += fmt::format("{}\nmanifill_model: {}\nmanifill_config: {}\n", what.about.history,
                             what.about.attributes.at("manifill_model"),
                             what.about.attributes.at("manifill_config"));
    };
    resolved = run_variable(one, model, output + "." + name + kCheckpointTail, keep, notes);
  }
  const auto& domain = model.backbone.domain();
  const int depth = ends_in_png(parts.front().file) ? io::read_png(parts.front().file).depth : kImageDepth;
  io::write_image(output, domain.size() / domain.columns(), domain.columns(), channels, depth, comment);
  return resolved;
}

}  // namespace

std::vector<OptionSpec> reconstruct_specs() {
  std::vector<OptionSpec> specs{
      {.key = "reconstruct.model", .help = "model file (.h5)", .fallback = std::string()},
      {.key = "reconstruct.output",
       .help = "NetCDF file to write, or PNG of an image",
       .fallback = std::string()},
      {.key = "reconstruct.method",
       .help = fmt::format("posterior sampler: {}",
                           fmt::join(posterior::SamplerRegistry::instance().names(), ", ")),
       .fallback = std::string("gaussian")},
      {.key = "reconstruct.members",
       .help = "ensemble members",
       .fallback = std::int64_t{32},
       .lowest = 1,
       .highest = 4096},
      {.key = "reconstruct.seed", .help = "seed of the ensemble", .fallback = std::int64_t{1}, .lowest = 0},
      {.key = "reconstruct.write_members", .help = "write V_member(realization, ...)", .fallback = false},
      {.key = "reconstruct.refine",
       .help = "steps of the prior, aware of the likelihood, that start from the sampler's members",
       .fallback = std::int64_t{0},
       .lowest = 0,
       .highest = 10000},
      {.key = "reconstruct.diagnostics",
       .help = "write log-densities, importance weights and chi-square to OUTPUT.diagnostics.csv",
       .fallback = false},
      {.key = "reconstruct.max_memory",
       .help = "refuse a run that would need more",
       .fallback = std::string("4GiB")},
      {.key = "reconstruct.time_limit",
       .help = "stop with a checkpoint after so many seconds; 0: never",
       .fallback = 0.0,
       .lowest = 0},
      {.key = "reconstruct.resume", .help = "go on from the checkpoint of a stopped run", .fallback = false},
      {.key = "reconstruct.overwrite", .help = "replace an existing output", .fallback = false}};
  for (const auto& more :
       {measurement_specs(), measure_specs(), posterior::SamplerRegistry::instance().specs()})
    specs.insert(specs.end(), more.begin(), more.end());
  return specs;
}

std::vector<std::string> run_reconstruct(const Config& c) {
  const std::string& output = c.text("reconstruct.output");
  const std::string& model_path = c.text("reconstruct.model");
  const auto parts = measurement_parts(c);
  if (model_path.empty())
    throw Error(ErrorKind::usage, "no model was named", {.remedy = "Give --model M.h5"});
  std::vector<std::string> inputs{model_path};
  for (const auto& p : parts) inputs.push_back(p.file);
  std::vector<std::string> outputs{output};
  if (!output.empty()) outputs.push_back(output + kConfigTail);
  if (c.flag("reconstruct.diagnostics")) outputs.push_back(output + kDiagnosticsTail);
  for (const auto& path : outputs) io::check_output(path, inputs, c.flag("reconstruct.overwrite"));
  parse_memory(c.text("reconstruct.max_memory"));
  const auto model = posterior::Model::load(model_path);
  set_time_limit(c.real("reconstruct.time_limit"));
  std::vector<std::string> notes;
  const Sink netcdf = [&](const Journal& journal, const io::ReconstructedFile& what,
                          const ObservedSource& observations, const posterior::Model& of) {
    write_netcdf(output, journal, what, observations, of);
  };
  const std::string resolved = ends_in_png(output)
                                   ? run_image(c, model, notes)
                                   : run_variable(c, model, output + kCheckpointTail, netcdf, notes);
  write_atomically(output + kConfigTail, resolved);
  return notes;
}

}  // namespace manifill::pipeline
