#include "command_line.hpp"
#include "manifill/base/log.hpp"
#include "manifill/pipeline/sample.hpp"

namespace manifill::app {
namespace {

int run(const std::vector<std::string>& args) {
  const auto line =
      parse_command_line(args, pipeline::sample_specs(),
                         {{"--model", "sample.model", "M.h5"},
                          {"-n,--count", "sample.count", "N"},
                          {"-o,--output", "sample.output", "OUT.nc"},
                          {"--season", "sample.season", "FRACTION"},
                          {"--seed", "sample.seed", "N"},
                          {"--overwrite", "sample.overwrite"}},
                         {.synopsis = "manifill sample [CONFIG.toml] --model M.h5 -n 16 -o OUT.nc [options]",
                          .description = "Draws fields from a model's prior: the Gaussian backbone, and "
                                         "where the model holds a score network the "
                                         "diffusion on it."});
  if (!line) return 0;
  for (const auto& note : pipeline::run_sample(line->config)) log::info(note);
  return 0;
}

const CommandRegistration kRegistration("sample", run);

}  // namespace
}  // namespace manifill::app
