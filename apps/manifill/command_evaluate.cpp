#include "command_line.hpp"
#include "manifill/base/log.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/pipeline/evaluate.hpp"

namespace manifill::app {
namespace {

int run(const std::vector<std::string>& args) {
  const std::vector<Alias> aliases{{"--model", "evaluate.model", "M.h5"},
                                   {"-i,--input", "evaluate.input", "IN.nc"},
                                   {"--variable", "evaluate.variable", "V"},
                                   {"--grid", "evaluate.grid", "G.nc"},
                                   {"--repair", "evaluate.repair"},
                                   {"-o,--output", "evaluate.output", "DIRECTORY"},
                                   {"--methods", "evaluate.methods", "NAME"},
                                   {"--withhold", "evaluate.withhold", "KIND"},
                                   {"--cases", "evaluate.cases", "N"},
                                   {"--members", "evaluate.members", "N"},
                                   {"--seed", "evaluate.seed", "N"},
                                   {"--write-members", "evaluate.write_members"},
                                   {"--max-memory", "evaluate.max_memory", "SIZE"},
                                   {"--time-limit", "evaluate.time_limit", "SECONDS"},
                                   {"--resume", "evaluate.resume"},
                                   {"--overwrite", "evaluate.overwrite"}};
  const Usage usage{
      .synopsis = "manifill evaluate CONFIG.toml [options]",
      .description =
          "Withholds known cells of a file or of images, or sees them through operators, lets methods tell "
          "the "
          "fields under the same masks, noise and seed, and scores what they say against what was there: "
          "scores.json, scores.csv and report.html.",
      .epilogue =
          "Exit codes: 0 done, 2 usage, 3 input refused, 4 reading or writing failed, 5 numerical failure, "
          "75 stopped with a checkpoint."};
  const auto line = parse_command_line(args, pipeline::evaluate_specs(), aliases, usage);
  if (!line) return 0;
  install_stop_handlers();
  for (const auto& note : pipeline::run_evaluate(line->config)) log::info(note);
  log::info("written: " + line->config.text("evaluate.output") + "/report.html");
  return 0;
}

const CommandRegistration kRegistration("evaluate", run);

}  // namespace
}  // namespace manifill::app
