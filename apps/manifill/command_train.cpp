#include "command_line.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/pipeline/train.hpp"

namespace manifill::app {
namespace {

int run(const std::vector<std::string>& args) {
  if (!args.empty() && args[0] == "prior") {
    const auto line =
        parse_command_line({args.begin() + 1, args.end()}, pipeline::train_prior_specs(),
                           {{"-i,--input", "train.input", "IN.nc"},
                            {"--variable", "train.variable", "V"},
                            {"--grid", "train.grid", "G.nc"},
                            {"-o,--output", "train.output", "M.h5"},
                            {"--resume", "train.resume"}},
                           {.synopsis = "manifill train prior CONFIG.toml [options]",
                            .description = "Fits the Gaussian backbone to training fields, with options "
                                           "chosen on held-out years where [select] holds candidates, and on "
                                           "request a score network on it; writes a model without a flow."});
    if (!line) return 0;
    for (const auto& note : pipeline::train_prior(line->config)) log::info(note);
    return 0;
  }
  if (!args.empty() && args[0] == "flow") {
    const auto line = parse_command_line(
        {args.begin() + 1, args.end()}, pipeline::train_flow_specs(),
        {{"--prior", "train.prior", "M.h5"},
         {"-o,--output", "train.output", "M.h5"},
         {"--resume", "train.resume"}},
        {.synopsis = "manifill train flow CONFIG.toml [options]",
         .description = "Distils the posterior into a conditional flow, on cases simulated from the prior's "
                        "training fields with cross-fitted backbones."});
    if (!line) return 0;
    install_stop_handlers();
    for (const auto& note : pipeline::train_flow(line->config)) log::info(note);
    return 0;
  }
  if (!args.empty() && args[0] == "davi") {
    const auto line = parse_command_line(
        {args.begin() + 1, args.end()}, pipeline::train_davi_specs(),
        {{"--prior", "train.prior", "M.h5"},
         {"-o,--output", "train.output", "M.h5"},
         {"--resume", "train.resume"}},
        {.synopsis = "manifill train davi CONFIG.toml [options]",
         .description = "Trains a generator of posterior draws, started from the prior's denoiser, from "
                        "measurements simulated of the prior's training fields."});
    if (!line) return 0;
    install_stop_handlers();
    for (const auto& note : pipeline::train_davi(line->config)) log::info(note);
    return 0;
  }
  if (args.empty() || args[0] == "--help" || args[0] == "-h") {
    const Usage usage{.synopsis = "manifill train prior|flow|davi CONFIG.toml [options]",
                      .description =
                          "Trains a model; see 'manifill train prior --help', 'manifill train flow "
                          "--help' and 'manifill train davi --help'."};
    static_cast<void>(parse_command_line({"--help"}, {}, {}, usage));
    return 0;
  }
  throw Error(ErrorKind::usage, "'" + args[0] + "' is nothing to train",
              {.remedy = "Use 'manifill train prior', 'manifill train flow' or 'manifill train davi'"});
}

const CommandRegistration kRegistration("train", run);

}  // namespace
}  // namespace manifill::app
