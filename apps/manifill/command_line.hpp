#pragma once
/// \file
/// \brief Subcommands and their command lines. A subcommand is one file, command_<name>.cpp, that registers
/// itself.
///
/// ```cpp
/// namespace {
/// int run(const std::vector<std::string>& args) {
///   const auto line = parse_command_line(args, specs(), {{"--members", "impute.members", "N"}}, usage());
///   if (!line) return 0;  // --help was printed
///   ... line->config.integer("impute.members"), line->positional ...
///   return 0;
/// }
/// const CommandRegistration registration("impute", run);
/// }  // namespace
/// ```
/// Its name and summary stand in the table of command_line.cpp, which both programs show. `manifill` holds
/// the light commands (MANIFILL_LIGHT_COMMANDS in CMakeLists.txt); what it does not hold it hands to
/// `manifill-compute`.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "manifill/base/config.hpp"

namespace manifill::app {

using CommandFunction = int (*)(const std::vector<std::string>& args);

/// \brief A subcommand as the help shows it.
struct Command {
  std::string name{};
  std::string summary{};
};

/// \brief Every subcommand, linked in or not, in the order of the help.
const std::vector<Command>& commands();

/// \brief The function of a command linked into this program, or null.
CommandFunction find_command(const std::string& name);

/// \brief Registers a command's function; a file-scope constant of command_<name>.cpp.
struct CommandRegistration {
  CommandRegistration(const char* name, CommandFunction run);
};

/// \brief A command-line option that stands for a configuration key. The key's type says what it takes: a
/// bool is a flag ("--x", "--no-x", "--x=false"), a list of texts takes every argument up to the next option.
struct Alias {
  std::string option{};  ///< "--members", or with a short form "-o,--output"
  std::string key{};     ///< "impute.members"
  std::string metavar = "VALUE";
};

/// \brief What the help of a command says, and which positional arguments it takes.
struct Usage {
  std::string synopsis{};            ///< "manifill impute [CONFIG.toml] [options]"
  std::string description{};         ///< paragraphs
  std::size_t least_positional = 0;  ///< CONFIG.toml is not counted
  std::size_t most_positional = 0;
  bool takes_config = true;  ///< an argument *.toml, or --config FILE, is the configuration
  std::string epilogue{};    ///< examples, exit codes
};

/// \brief A parsed command line: configuration = defaults, then CONFIG.toml, then options from left to right.
struct CommandLine {
  Config config;
  std::vector<std::string> positional{};
  std::string config_file{};  ///< empty without
  bool quiet = false;
  bool verbose = false;
};

/// \brief Parses a command's arguments and sets the log level. Understands every alias, `--set
/// section.key=value`,
/// `--config FILE`, `--quiet`, `--verbose`, `--help`, and `--` before positional arguments that begin with a
/// dash. \return nothing when --help was asked for and printed on standard output \throws Error(usage) on an
/// unknown option (nearest one offered), a missing or wrong value, too many or too few
///         positional arguments; Error(io) when the configuration cannot be read
std::optional<CommandLine> parse_command_line(const std::vector<std::string>& args,
                                              const std::vector<OptionSpec>& specs,
                                              const std::vector<Alias>& aliases, const Usage& usage);

/// \brief Help of a command: options with defaults and units, then the keys that have no option of their own.
std::string command_help(const std::vector<OptionSpec>& specs, const std::vector<Alias>& aliases,
                         const Usage& usage);

}  // namespace manifill::app
