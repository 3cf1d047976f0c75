#include "command_line.hpp"
#include "manifill/base/log.hpp"
#include "manifill/pipeline/measure.hpp"
#include "manifill/pipeline/reconstruct.hpp"

namespace manifill::app {
namespace {

int run(const std::vector<std::string>& args) {
  const Usage usage{.synopsis = "manifill measure [CONFIG.toml] TRUTH.nc -o MEASURED.nc [options]",
                    .description =
                        "Applies the operators of every [[measurement]] to known fields, adds noise, and "
                        "writes the measurement's file: "
                        "what 'manifill reconstruct' with the same configuration takes back.",
                    .most_positional = 1,
                    .epilogue =
                        "Examples:\n"
                        "  manifill measure truth.nc -o coarse.nc --operators coarsen --set "
                        "measurement.coarsen.factor=4 --noise 0.3\n"
                        "  manifill measure photo.png -o shaken.png --operators motion_blur --set "
                        "measurement.motion_blur.length=9"};
  const auto line = parse_command_line(args, pipeline::reconstruct_specs(),
                                       {{"-i,--input", "measure.input", "TRUTH.nc"},
                                        {"--variable", "measure.variable", "V"},
                                        {"-o,--file", "measurement[].file", "OUT.nc"},
                                        {"--operators", "measurement[].operators", "NAME"},
                                        {"--noise", "measurement[].noise", "SIGMA"},
                                        {"--seed", "measure.seed", "N"},
                                        {"--overwrite", "measure.overwrite"}},
                                       usage);
  if (!line) return 0;
  Config config = line->config;
  if (!line->positional.empty()) config.set("measure.input", line->positional[0]);
  for (const auto& note : pipeline::run_measure(config)) log::info(note);
  return 0;
}

const CommandRegistration kRegistration("measure", run);

}  // namespace
}  // namespace manifill::app
