#include "command_line.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"

namespace manifill::app {
namespace {

std::map<std::string, CommandFunction>& registry() {
  // Filled by file-scope constants, so it must exist before the first of them.
  static std::map<std::string, CommandFunction> functions;
  return functions;
}

/// An alias split into its names, with what its key takes.
struct Option {
  std::string long_name{};   ///< "--members"
  std::string short_name{};  ///< "-n" or empty
  const Alias* alias = nullptr;
  const OptionSpec* spec = nullptr;
  [[nodiscard]] bool is_flag() const { return std::holds_alternative<bool>(spec->fallback); }
  [[nodiscard]] bool is_list() const {
    return std::holds_alternative<std::vector<std::string>>(spec->fallback);
  }
};

std::vector<Option> resolve(const Config& config, const std::vector<Alias>& aliases) {
  std::vector<Option> options;
  for (const auto& alias : aliases) {
    Option option{.alias = &alias, .spec = &config.spec(alias.key)};
    const auto comma = alias.option.find(',');
    option.long_name = alias.option.substr(comma == std::string::npos ? 0 : comma + 1);
    if (comma != std::string::npos) option.short_name = alias.option.substr(0, comma);
    if (!option.long_name.starts_with("--") && option.short_name.empty())
      std::swap(option.long_name, option.short_name);
    options.push_back(std::move(option));
  }
  return options;
}

/// One option of the command line, to be applied after the configuration file.
struct Setting {
  std::string option{};
  const OptionSpec* spec = nullptr;  ///< null: `value` is "section.key=value"
  std::string value{};
};

class Parser {
 public:
  Parser(const std::vector<std::string>& args, Config& config, std::vector<Option> options,
         const Usage& usage)
      : args_(args), config_(config), options_(std::move(options)), usage_(usage) {}

  /// \return whether --help was met
  bool scan(CommandLine& line) {
    bool only_positional = false;
    while (next_ < args_.size()) {
      const std::string& arg = args_[next_++];
      if (only_positional || arg.size() < 2 || arg[0] != '-') {
        positional(arg, line, only_positional);
      } else if (arg == "--") {
        only_positional = true;
      } else if (arg == "--help" || arg == "-h") {
        return true;
      } else {
        option(arg, line);
      }
    }
    return false;
  }

  void apply(CommandLine& line) {
    if (!line.config_file.empty()) config_.merge_file(line.config_file);
    std::map<std::string, std::vector<std::string>> lists;
    for (const auto& setting : settings_) {
      try {
        if (setting.spec == nullptr)
          config_.set(setting.value);
        else if (std::holds_alternative<std::vector<std::string>>(setting.spec->fallback))
          config_.set(setting.spec->key, extended(lists[setting.spec->key], setting.value));
        else
          config_.set_text(setting.spec->key, setting.value);
      } catch (const Error& e) {
        throw Error(e.kind(), fmt::format("{}: {}", setting.option, e.what()));
      }
    }
  }

 private:
  static const std::vector<std::string>& extended(std::vector<std::string>& list, const std::string& value) {
    list.push_back(value);
    return list;
  }

  void positional(const std::string& arg, CommandLine& line, bool literal) {
    if (usage_.takes_config && !literal && arg.ends_with(".toml"))
      set_config(arg, line);
    else
      line.positional.push_back(arg);
  }

  static void set_config(const std::string& path, CommandLine& line) {
    if (!line.config_file.empty())
      throw Error(ErrorKind::usage,
                  fmt::format("two configurations are given, '{}' and '{}'", line.config_file, path),
                  {.remedy = "Give one, and single keys by --set section.key=value"});
    line.config_file = path;
  }

  void option(const std::string& arg, CommandLine& line) {
    const auto equals = arg.find('=');
    const std::string name = arg.substr(0, equals);
    inline_value_ = equals == std::string::npos ? std::nullopt : std::optional(arg.substr(equals + 1));
    if (name == "--quiet" || name == "-q") {
      line.quiet = true;
    } else if (name == "--verbose") {
      line.verbose = true;
    } else if (name == "--set") {
      settings_.push_back({"--set", nullptr, value(name)});
    } else if (name == "--config" && usage_.takes_config) {
      set_config(value(name), line);
    } else {
      alias(name);
    }
  }

  void alias(const std::string& name) {
    for (const auto& o : options_) {
      if (name == o.long_name || name == o.short_name) return add(o, name);
      if (o.is_flag() && !inline_value_ && name.starts_with("--no-") &&
          name.substr(5) == o.long_name.substr(2)) {
        settings_.push_back({name, o.spec, "false"});
        return;
      }
    }
    // "-n16", as short options are often written.
    for (const auto& o : options_)
      if (!o.short_name.empty() && !o.is_flag() && name.starts_with(o.short_name)) {
        const std::string& whole = args_[next_ - 1];
        settings_.push_back({o.short_name, o.spec, whole.substr(o.short_name.size())});
        return;
      }
    refuse_unknown(name);
  }

  void add(const Option& o, const std::string& name) {
    if (o.is_flag()) {
      settings_.push_back({name, o.spec, inline_value_.value_or("true")});
      return;
    }
    settings_.push_back({name, o.spec, value(name)});
    // A list takes what follows, as a shell expands IN*.nc; a configuration among it is still one.
    while (o.is_list() && !inline_value_ && next_ < args_.size() && !args_[next_].starts_with('-') &&
           !(usage_.takes_config && args_[next_].ends_with(".toml")))
      settings_.push_back({name, o.spec, args_[next_++]});
  }

  std::string value(const std::string& name) {
    if (inline_value_) return *inline_value_;
    if (next_ >= args_.size() || is_option(args_[next_]))
      throw Error(ErrorKind::usage, fmt::format("option '{}' needs a value", name), {.remedy = "See --help"});
    return args_[next_++];
  }

  /// Whether an argument is an option rather than a value such as -5.
  bool is_option(const std::string& arg) const {
    if (arg.starts_with("--")) return true;
    return std::any_of(options_.begin(), options_.end(),
                       [&](const Option& o) { return !o.short_name.empty() && arg == o.short_name; });
  }

  [[noreturn]] void refuse_unknown(const std::string& name) const {
    std::vector<std::string> known{"--set", "--quiet", "--verbose", "--help"};
    if (usage_.takes_config) known.emplace_back("--config");
    for (const auto& o : options_) {
      if (!o.long_name.empty()) known.push_back(o.long_name);
      if (!o.short_name.empty()) known.push_back(o.short_name);
    }
    const auto near = nearest_name(name, known.data(), known.data() + known.size());
    throw Error(ErrorKind::usage, fmt::format("unknown option '{}'", name),
                {.remedy = near ? fmt::format("Did you mean '{}'?", *near) : "See --help"});
  }

  const std::vector<std::string>& args_;
  Config& config_;
  std::vector<Option> options_;
  const Usage& usage_;
  std::size_t next_ = 0;
  std::optional<std::string> inline_value_{};
  std::vector<Setting> settings_{};
};

void check_positional(const CommandLine& line, const Usage& usage) {
  const std::size_t count = line.positional.size();
  if (count > usage.most_positional)
    throw Error(ErrorKind::usage,
                fmt::format("unexpected argument '{}'", line.positional[usage.most_positional]),
                {.remedy = "Usage: " + usage.synopsis});
  if (count < usage.least_positional)
    throw Error(ErrorKind::usage, "an argument is missing", {.remedy = "Usage: " + usage.synopsis});
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> table{
      {"inspect", "what a file is, what is missing, what would stop a run, memory needed"},
      {"train", "fit a prior or a flow to training fields"},
      {"impute", "fill the gaps of NetCDF fields with a calibrated ensemble"},
      {"reconstruct", "fields from blurred, coarse, noisy, gappy or scattered measurements of them"},
      {"measure", "simulate measurements of known fields, for 'reconstruct' to take back"},
      {"evaluate", "withhold known cells and score methods side by side: JSON, CSV and an HTML report"},
      {"merge", "put the shards of an imputation run together"},
      {"sample", "draw fields from a model's prior"},
      {"transform", "spherical harmonic coefficients of fields, and back; filters by degree"},
      {"spectrum", "angular power and cross spectra by degree"},
      {"laplacian", "eigenfunctions of a grid's or surface's Laplacian, diffusion, low-pass filter"},
      {"plot", "draw a map of a variable as PNG, PDF or SVG"},
  };
  return table;
}

CommandFunction find_command(const std::string& name) {
  const auto found = registry().find(name);
  return found == registry().end() ? nullptr : found->second;
}

CommandRegistration::CommandRegistration(const char* name, CommandFunction run) { registry()[name] = run; }

std::string command_help(const std::vector<OptionSpec>& specs, const std::vector<Alias>& aliases,
                         const Usage& usage) {
  const Config config(specs);
  std::string out = fmt::format("Usage: {}\n", usage.synopsis);
  for (std::size_t start = 0; start < usage.description.size();) {
    const auto end = std::min(usage.description.find('\n', start), usage.description.size());
    if (end > start)
      out += fmt::format("\n{}", help_row("", usage.description.substr(start, end - start), 0));
    start = end + 1;
  }
  out += "\nOptions:\n";
  for (const auto& o : resolve(config, aliases)) {
    const char* comma = o.short_name.empty() || o.long_name.empty() ? "" : ", ";
    std::string left = fmt::format("  {}{}{}", o.short_name, comma, o.long_name);
    if (!o.is_flag()) left += fmt::format(" {}{}", o.alias->metavar, o.is_list() ? "..." : "");
    out +=
        help_row(left, fmt::format("{} {} (key {})", o.spec->help, describe_default(*o.spec), o.spec->key));
  }
  if (usage.takes_config)
    out += help_row("  --config FILE", "configuration in TOML, the same as an argument *.toml");
  out += help_row("  --set SECTION.KEY=VALUE", "sets any configuration key; may be repeated; lists as 1,2,3");
  out += help_row("  -q, --quiet", "only warnings and errors, no progress");
  out += help_row("  --verbose", "more about what is done and why");
  out += help_row("  -h, --help", "this text");
  std::vector<OptionSpec> rest;
  for (const auto& s : specs)
    if (std::none_of(aliases.begin(), aliases.end(), [&](const Alias& a) { return a.key == s.key; }))
      rest.push_back(s);
  if (!rest.empty()) out += "\nFurther configuration keys, for CONFIG.toml or --set:\n" + Config(rest).help();
  if (!usage.epilogue.empty()) out += fmt::format("\n{}\n", usage.epilogue);
  return out;
}

std::optional<CommandLine> parse_command_line(const std::vector<std::string>& args,
                                              const std::vector<OptionSpec>& specs,
                                              const std::vector<Alias>& aliases, const Usage& usage) {
  CommandLine line{Config(specs)};
  Parser parser(args, line.config, resolve(line.config, aliases), usage);
  if (parser.scan(line)) {
    std::fputs(command_help(specs, aliases, usage).c_str(), stdout);
    return std::nullopt;
  }
  if (line.quiet && line.verbose)
    throw Error(ErrorKind::usage, "--quiet and --verbose contradict each other",
                {.remedy = "Give one of them"});
  log::set_level(line.quiet ? log::Level::quiet : line.verbose ? log::Level::verbose : log::Level::normal);
  parser.apply(line);
  check_positional(line, usage);
  return line;
}

}  // namespace manifill::app
