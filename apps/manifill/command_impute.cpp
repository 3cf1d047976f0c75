#include <fmt/format.h>

#include "command_line.hpp"
#include "manifill/base/log.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/pipeline/impute.hpp"

namespace manifill::app {
namespace {

int run(const std::vector<std::string>& args) {
  const std::vector<Alias> aliases{{"--model", "impute.model", "M.h5"},
                                   {"-i,--input", "impute.input", "IN.nc"},
                                   {"--variable", "impute.variable", "V"},
                                   {"--grid", "impute.grid", "G.nc"},
                                   {"--time-units", "impute.time_units", "UNITS"},
                                   {"--units", "impute.units", "UNITS"},
                                   {"--repair", "impute.repair"},
                                   {"-o,--output", "impute.output", "OUT.nc"},
                                   {"--method", "impute.method", "NAME"},
                                   {"--members", "impute.members", "N"},
                                   {"--seed", "impute.seed", "N"},
                                   {"--write-members", "impute.write_members"},
                                   {"--noise", "impute.noise", "SIGMA"},
                                   {"--representativeness", "impute.representativeness", "SIGMA"},
                                   {"--refine", "impute.refine", "N"},
                                   {"--diagnostics", "impute.diagnostics"},
                                   {"--shard", "impute.shard", "I/N"},
                                   {"--max-memory", "impute.max_memory", "SIZE"},
                                   {"--time-limit", "impute.time_limit", "SECONDS"},
                                   {"--resume", "impute.resume"},
                                   {"--overwrite", "impute.overwrite"}};
  const Usage usage{
      .synopsis = "manifill impute [CONFIG.toml] --model M.h5 --input IN.nc --output OUT.nc [options]",
      .description =
          "Fills the gaps of a gridded NetCDF variable with a calibrated ensemble. The output is the input "
          "with V's gaps "
          "filled by the ensemble mean, plus V_spread, V_status and, on request, V_member. Of stations (a "
          "CSV "
          "file, or NetCDF with featureType point, timeSeries or trajectory) it makes fields on the model's "
          "grid.",
      .epilogue =
          "Exit codes: 0 done, 2 usage, 3 input refused, 4 reading or writing failed, 5 numerical failure, "
          "75 stopped with a checkpoint."};
  const auto line = parse_command_line(args, pipeline::impute_specs(), aliases, usage);
  if (!line) return 0;
  install_stop_handlers();
  for (const auto& note : pipeline::run_impute(line->config)) log::info(note);
  log::info("written: " + line->config.text("impute.output"));
  return 0;
}

const CommandRegistration kRegistration("impute", run);

}  // namespace
}  // namespace manifill::app
