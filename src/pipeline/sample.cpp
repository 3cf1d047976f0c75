#include "manifill/pipeline/sample.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <limits>

#include "manifill/base/error.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/base/version.hpp"
#include "manifill/io/field_file.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/posterior/model.hpp"
#include "manifill/prior/prior.hpp"

namespace manifill::pipeline {
std::vector<OptionSpec> sample_specs() {
  return {
      {.key = "sample.model", .help = "model file (.h5)", .fallback = std::string()},
      {.key = "sample.output", .help = "NetCDF file to write", .fallback = std::string()},
      {.key = "sample.count", .help = "draws", .fallback = std::int64_t{16}, .lowest = 1, .highest = 100000},
      {.key = "sample.season",
       .help = "fraction of the year the draws belong to",
       .fallback = 0.0,
       .lowest = 0,
       .highest = 1},
      {.key = "sample.steps",
       .help = "steps of the probability flow where the model holds a score network",
       .fallback = std::int64_t{30},
       .lowest = 1,
       .highest = 10000},
      {.key = "sample.seed", .help = "seed of the draws", .fallback = std::int64_t{1}, .lowest = 0},
      {.key = "sample.overwrite", .help = "replace an existing output", .fallback = false},
  };
}

std::vector<std::string> run_sample(const Config& c) {
  if (c.text("sample.model").empty())
    throw Error(ErrorKind::usage, "no model was named", {.remedy = "Give --model M.h5"});
  const std::string& output = c.text("sample.output");
  io::check_output(output, {c.text("sample.model")}, c.flag("sample.overwrite"));
  const auto model = posterior::Model::load(c.text("sample.model"));
  const prior::Prior prior(model.backbone, model.score);
  const double season = c.real("sample.season");
  const auto count = c.integer("sample.count");
  const auto x = prior
                     .sample(count, season,
                             {.seed = static_cast<std::uint64_t>(c.integer("sample.seed")),
                              .steps = c.integer("sample.steps"),
                              .batch = 16})  // a stop waits for no more
                     .to(torch::kFloat64)
                     .contiguous();
  const auto n = static_cast<Eigen::Index>(model.backbone.domain().size());
  const Eigen::Map<const Eigen::MatrixXd> normalised(x.data_ptr<double>(), n, count);
  Eigen::MatrixXd fields = model.backbone.physical(normalised, season);
  // Where the training fields never have values the prior knows nothing.
  for (Eigen::Index i = 0; i < n; ++i)
    if (model.backbone.active()[i] == 0.0)
      fields.row(i).setConstant(std::numeric_limits<double>::quiet_NaN());
  check_stop(output);
  io::write_fields(
      output, model.backbone.domain(), fields,
      {.variable = model.info.variable,
       .units = model.info.units,
       .standard_name = model.info.standard_name,
       .long_name = "draws from the prior of " + model.info.name,
       .attributes = {{"manifill_version", version()},
                      {"manifill_model", fmt::format("{} {:016x}", model.info.name, model.checksum)},
                      {"manifill_config", c.to_toml()},
                      {"manifill_seed", std::to_string(c.integer("sample.seed"))}},
       .history = fmt::format("{:%Y-%m-%dT%H:%M:%SZ} manifill {}: {} draws from the prior of {}",
                              fmt::gmtime(std::time(nullptr)), version(), count, model.info.name)});
  return {model.score ? "diffusion on the Gaussian backbone, with the score network"
                      : "the Gaussian backbone: the model holds no score network",
          "written: " + output};
}

}  // namespace manifill::pipeline
