#include "command_line.hpp"
#include "manifill/base/log.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/pipeline/reconstruct.hpp"

namespace manifill::app {
namespace {

int run(const std::vector<std::string>& args) {
  const Usage usage{
      .synopsis = "manifill reconstruct CONFIG.toml [options]",
      .description =
          "Reconstructs fields on a model's grid from linear measurements of them: blurred, coarse, noisy or "
          "gappy "
          "fields and images, values at stations, several of these at once. Each is a section "
          "[[measurement]] of the "
          "configuration that names its file and, in order, the operators that lie between the field and the "
          "file. The "
          "output has the ensemble's mean, V_spread, V_status and, on request, V_member.",
      .epilogue =
          "Example:\n"
          "  manifill reconstruct --model M.h5 --file coarse.nc --operators gaussian_blur coarsen --noise "
          "0.3 -o fine.nc \\\n"
          "    --set measurement.gaussian_blur.width=400 --set measurement.coarsen.factor=4\n"
          "Exit codes: 0 done, 2 usage, 3 input refused, 4 reading or writing failed, 5 numerical failure, "
          "75 stopped with a checkpoint."};
  const auto line = parse_command_line(args, pipeline::reconstruct_specs(),
                                       {{"--model", "reconstruct.model", "M.h5"},
                                        {"-i,--file", "measurement[].file", "IN.nc"},
                                        {"--variable", "measurement[].variable", "V"},
                                        {"--operators", "measurement[].operators", "NAME"},
                                        {"--noise", "measurement[].noise", "SIGMA"},
                                        {"--noise-variable", "measurement[].noise_variable", "V"},
                                        {"-o,--output", "reconstruct.output", "OUT.nc"},
                                        {"--method", "reconstruct.method", "NAME"},
                                        {"--members", "reconstruct.members", "N"},
                                        {"--seed", "reconstruct.seed", "N"},
                                        {"--write-members", "reconstruct.write_members"},
                                        {"--refine", "reconstruct.refine", "N"},
                                        {"--diagnostics", "reconstruct.diagnostics"},
                                        {"--max-memory", "reconstruct.max_memory", "SIZE"},
                                        {"--time-limit", "reconstruct.time_limit", "SECONDS"},
                                        {"--resume", "reconstruct.resume"},
                                        {"--overwrite", "reconstruct.overwrite"}},
                                       usage);
  if (!line) return 0;
  install_stop_handlers();
  for (const auto& note : pipeline::run_reconstruct(line->config)) log::info(note);
  log::info("written: " + line->config.text("reconstruct.output"));
  return 0;
}

const CommandRegistration kRegistration("reconstruct", run);

}  // namespace
}  // namespace manifill::app
