#include <fmt/format.h>

#include <optional>

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
      {.key = "inspect.grid",
       .help = "file with the coordinates of cells that the file has none of; empty: none",
       .fallback = std::string()},
      {.key = "inspect.repair", .help = "make the mesh of a mesh file sound first", .fallback = false},
      {.key = "inspect.json", .help = "print JSON", .fallback = false},
  };
  const Usage usage{
      .synopsis = "manifill inspect FILE.nc [--variable V] [--grid G.nc] [--model M.h5 ...] [--json]",
      .description =
          "Says what a file is, what is missing from it, what would stop a run, and which models fit.",
      .least_positional = 1,
      .most_positional = 1,
      .takes_config = false,
      .epilogue =
          "Exit code 3 when 'manifill impute' would refuse the file, or the file with every one of the "
          "models, with the same words."};
  const auto line = parse_command_line(args, specs,
                                       {{"--variable", "inspect.variable", "V"},
                                        {"--model", "inspect.model", "M.h5"},
                                        {"--members", "inspect.members", "N"},
                                        {"--grid", "inspect.grid", "G.nc"},
                                        {"--repair", "inspect.repair"},
                                        {"--json", "inspect.json"}},
                                       usage);
  if (!line) return 0;
  const std::string& file = line->positional[0];
  const bool json = line->config.flag("inspect.json");
  std::vector<io::ModelCard> models;
  std::vector<io::ModelFit> unreadable;
  std::optional<Error> first;
  for (const auto& path : line->config.texts("inspect.model")) {
    try {
      models.push_back(load_model_card(path));
    } catch (const Error& e) {
      unreadable.push_back({.path = path, .readable = false, .reason = e.what()});
      if (!first) first = e;
    }
  }
  io::Inspection report;
  try {
    report = io::inspect(file, line->config.text("inspect.variable"), models,
                         static_cast<std::size_t>(line->config.integer("inspect.members")),
                         line->config.text("inspect.grid"), line->config.flag("inspect.repair"));
  } catch (const Error& e) {
    if (json) fmt::print("{}\n", io::error_json(file, e.what()));
    throw;
  }
  report.models.insert(report.models.end(), unreadable.begin(), unreadable.end());
  fmt::print("{}\n", json ? report.to_json() : report.to_text());
  if (first && models.empty()) throw Error(*first);
  return report.refusal ? static_cast<int>(ErrorKind::input) : 0;
}

const CommandRegistration kRegistration("inspect", run);

}  // namespace
}  // namespace manifill::app
