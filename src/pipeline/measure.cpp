#include "manifill/pipeline/measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <utility>

#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/progress.hpp"
#include "manifill/base/random.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/io/derived_file.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/io/png_image.hpp"
#include "manifill/measurement/operator.hpp"
#include "manifill/pipeline/operator_job.hpp"
#include "measurements.hpp"

namespace manifill::pipeline {
namespace fs = std::filesystem;
namespace {

/// Members of samplers are fewer: their noise is none of this.
constexpr std::uint32_t kFirstKey = 0x80000000U;
constexpr std::uint32_t kKeysOfPart = 0x00100000U;

/// What is measured of one variable, field by field.
class Simulator {
 public:
  Simulator(const io::GriddedVariable& input, const MeasurementPart& part, std::uint32_t number,
            std::uint64_t seed)
      : input_(input),
        operator_(
            measurement::OperatorRegistry::instance().make(part.operators, input.domain(), part.options)),
        noise_(part.noise),
        number_(number),
        seed_(seed) {}

  [[nodiscard]] const measurement::Operator& measured_by() const { return *operator_; }
  /// [value], NaN where nothing is measured.
  [[nodiscard]] Eigen::VectorXd field(std::size_t extra, std::size_t time) const {
    const auto read = input_.read(extra, time, 1);
    const Eigen::Map<const Eigen::VectorXd> x(read.data(), static_cast<Eigen::Index>(read.size()));
    Eigen::VectorXd y = operator_->observe(x, static_cast<std::int64_t>(time));
    RandomStream random({.seed = seed_,
                         .purpose = RandomPurpose::observation_noise,
                         .time = static_cast<std::int64_t>(time),
                         .member = kFirstKey + kKeysOfPart * number_ + static_cast<std::uint32_t>(extra)});
    for (double& v : y) v += noise_ * random.normal();
    return y;
  }

 private:
  const io::GriddedVariable& input_;
  measurement::OperatorPointer operator_;
  double noise_;
  std::uint32_t number_;
  std::uint64_t seed_;
};

std::string ending_of(const std::string& path) {
  std::string out = fs::path(path).extension().string();
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string history_of(const Config& c, const MeasurementPart& part, const std::string& variable) {
  std::string what =
      fmt::format("{} of {} measured: {}", variable, fs::path(c.text("measure.input")).filename().string(),
                  operators_text(part.operators));
  if (part.noise > 0.0) what += fmt::format("; noise {:g}, seed {}", part.noise, c.integer("measure.seed"));
  return history_line(what);
}

void check_single(const io::GriddedVariable& input, const std::string& output) {
  if (input.extras() * input.times() == 1) return;
  throw Error(ErrorKind::usage,
              fmt::format("an image holds one field, and '{}' has {}", input.summary().name,
                          input.extras() * input.times()),
              {.file = output, .remedy = "Name an output that ends in .nc"});
}

void write_netcdf(const Config& c, const MeasurementPart& part, const io::GriddedVariable& input,
                  const Simulator& simulator, const std::string& resolved) {
  const auto& summary = input.summary();
  io::DerivedFileWriter writer(part.file, input, *simulator.measured_by().to(),
                               {.name = summary.name.substr(summary.name.rfind('/') + 1),
                                .texts = {{"units", summary.units},
                                          {"standard_name", summary.standard_name},
                                          {"long_name", summary.long_name}},
                                .attributes = {{"manifill_version", provenance(c).at("manifill_version")},
                                               {"manifill_config", resolved}},
                                .history = history_of(c, part, summary.name),
                                .gaps = true});
  Progress progress("measuring", input.extras() * input.times(), "fields");
  for (std::size_t e = 0; e < input.extras(); ++e)
    for (std::size_t t = 0; t < input.times(); ++t) {
      check_stop(part.file);
      const Eigen::VectorXd y = simulator.field(e, t);
      writer.write(e, t, std::span(y.data(), static_cast<std::size_t>(y.size())));
      progress.advance();
    }
  progress.finish();
  writer.commit();
}

/// A table with a line for every value: stations by their number, dates by ISO 8601.
void write_csv(const MeasurementPart& part, const io::GriddedVariable& input, const Simulator& simulator) {
  const auto& to = simulator.measured_by().to();
  if (!to || !to->spherical() || part.operators.empty() || part.operators.back() != kPoints)
    throw Error(ErrorKind::usage, "a table is for places on the sphere",
                {.file = part.file, .remedy = "Put points last, or name an output that ends in .nc"});
  if (input.extras() != 1)
    throw Error(ErrorKind::usage,
                fmt::format("a table has no room for dimensions beside time, and '{}' has {}",
                            input.summary().name, input.extra_names().front()),
                {.file = part.file, .remedy = "Name an output that ends in .nc"});
  const auto latitude = to->latitudes();
  const auto longitude = to->longitudes();
  const auto& dates = input.time().dates;
  std::string text = fmt::format("station,latitude,longitude{},{}\n", dates.empty() ? "" : ",time",
                                 input.summary().name.substr(input.summary().name.rfind('/') + 1));
  Progress progress("measuring", input.times(), "fields");
  for (std::size_t t = 0; t < input.times(); ++t) {
    check_stop(part.file);
    const Eigen::VectorXd y = simulator.field(0, t);
    const auto date = dates.empty()
                          ? std::string()
                          : fmt::format(",{:04}-{:02}-{:02}", dates[t].year, dates[t].month, dates[t].day);
    for (std::size_t k = 0; k < latitude.size(); ++k)
      if (const double v = y[static_cast<Eigen::Index>(k)]; !std::isnan(v))
        text += fmt::format("{},{},{}{},{}\n", k + 1, latitude[k], longitude[k], date, v);
    progress.advance();
  }
  progress.finish();
  write_atomically(part.file, text);
}

/// All channels of an image, or one field of an image in NetCDF.
void write_png(const Config& c, const MeasurementPart& part, std::uint32_t number,
               const std::string& resolved) {
  const std::string& path = c.text("measure.input");
  const bool png = ending_of(path) == ".png";
  std::vector<std::string> names{c.text("measure.variable")};
  if (png && names[0].empty()) names = io::png_channels(path);
  std::vector<std::vector<double>> channels;
  std::string comment;
  std::optional<domain::Domain> to;
  for (const auto& name : names) {
    const auto input = io::GriddedVariable::open(path, name, c.text("measure.grid"));
    check_single(input, part.file);
    // Colours have noise of their own.
    const Simulator simulator(input, part, number + static_cast<std::uint32_t>(channels.size() << 8U),
                              static_cast<std::uint64_t>(c.integer("measure.seed")));
    to = simulator.measured_by().to();
    if (!to || to->kind() != domain::DomainKind::plane)
      throw Error(ErrorKind::usage, "what is measured is no image",
                  {.file = part.file, .remedy = "Name an output that ends in .nc"});
    const Eigen::VectorXd y = simulator.field(0, 0);
    channels.emplace_back(y.begin(), y.end());
    comment += fmt::format("{}{}", comment.empty() ? "" : "\n", history_of(c, part, input.summary().name));
  }
  io::write_image(part.file, to->size() / to->columns(), to->columns(), channels,
                  png ? io::read_png(path).depth : kImageDepth,
                  fmt::format("{}\nmanifill_config: {}", comment, resolved));
}

}  // namespace

std::vector<OptionSpec> measure_specs() {
  return {{.key = "measure.input", .help = "file of known fields: NetCDF or PNG", .fallback = std::string()},
          {.key = "measure.variable",
           .help = "variable; empty: the only one, all channels of an image",
           .fallback = std::string()},
          {.key = "measure.grid",
           .help = "file with the coordinates of cells that the file has none of; empty: none",
           .fallback = std::string()},
          {.key = "measure.seed", .help = "seed of the noise", .fallback = std::int64_t{1}, .lowest = 0},
          {.key = "measure.overwrite", .help = "replace existing outputs", .fallback = false}};
}

std::vector<std::string> run_measure(const Config& c) {
  const std::string& path = c.text("measure.input");
  if (path.empty())
    throw Error(ErrorKind::usage, "no fields to measure are named",
                {.remedy = "Give TRUTH.nc, or measure.input"});
  const auto parts = measurement_parts(c);
  for (const auto& part : parts) {
    io::check_output(part.file, {path}, c.flag("measure.overwrite"));
    if (!part.noise_variable.empty())
      throw Error(ErrorKind::usage, "noise by cell can be read, but not simulated",
                  {.file = part.file, .remedy = "Give noise, and add the variable to the file"});
  }
  const Config used = narrowed(c, [&](const std::string& key) {
    return (key.starts_with("measure.") || key.starts_with("measurement")) && of_used_operator(c, key);
  });
  const std::string resolved = used.to_toml();
  std::vector<std::string> notes;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const MeasurementPart& part = parts[k];
    const auto number = static_cast<std::uint32_t>(k);
    if (ending_of(part.file) == ".png") {
      write_png(c, part, number, resolved);
    } else {
      const auto input = io::GriddedVariable::open(path, c.text("measure.variable"), c.text("measure.grid"));
      const Simulator simulator(input, part, number, static_cast<std::uint64_t>(c.integer("measure.seed")));
      const auto& to = simulator.measured_by().to();
      if (!to)
        throw Error(ErrorKind::usage,
                    "two places of points are one, and a file of cells has no room for both",
                    {.file = part.file, .remedy = "Give other places"});
      notes.push_back(fmt::format("{} to {}", input.domain().describe(), to->describe()));
      if (ending_of(part.file) == ".csv")
        write_csv(part, input, simulator);
      else
        write_netcdf(c, part, input, simulator, resolved);
    }
    notes.push_back("written: " + part.file);
  }
  return notes;
}

}  // namespace manifill::pipeline
