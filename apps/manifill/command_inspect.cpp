#include <fmt/format.h>

#include "command_line.hpp"
#include "manifill/base/error.hpp"
#include "manifill/io/inspection.hpp"
#include "model_card.hpp"

namespace manifill::app {
namespace {

int run(const std::vector<std::string>& args) {
  const std::vector<OptionSpec> specs{
      {.key = "inspect.variable",
       .help = "variable to look at closely; empty: the only one that can be filled",
       .fallback = std::string()},
      {.key = "inspect.model", .help = "model files to compare with", .fallback = std::vector<std::string>{}},
      {.key = "inspect.members",
       .help = "ensemble members the memory is estimated for",
       .fallback = std::int64_t{32},
       .lowest = 1,
       .highest = 4096},
      {.key = "inspect.json", .help = "print JSON", .fallback = false},
  };
  const Usage usage{
      .synopsis = "manifill inspect FILE.nc [--variable V] [--model M.h5 ...] [--json]",
      .description =
          "Says what a file is, what is missing from it, what would stop a run, and which models fit.",
      .least_positional = 1,
      .most_positional = 1,
      .takes_config = false,
      .epilogue = "Exit code 3 when 'manifill impute' would refuse the file, with the same words."};
  const auto line = parse_command_line(args, specs,
                                       {{"--variable", "inspect.variable", "V"},
                                        {"--model", "inspect.model", "M.h5"},
                                        {"--members", "inspect.members", "N"},
                                        {"--json", "inspect.json"}},
                                       usage);
  if (!line) return 0;
  std::vector<io::ModelCard> models;
  for (const auto& path : line->config.texts("inspect.model")) models.push_back(load_model_card(path));
  const auto report = io::inspect(line->positional[0], line->config.text("inspect.variable"), models,
                                  static_cast<std::size_t>(line->config.integer("inspect.members")));
  fmt::print("{}\n", line->config.flag("inspect.json") ? report.to_json() : report.to_text());
  return report.refusal ? static_cast<int>(ErrorKind::input) : 0;
}

const CommandRegistration kRegistration("inspect", run);

}  // namespace
}  // namespace manifill::app
