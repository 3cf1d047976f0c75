#include "measurements.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <variant>

#include "manifill/base/error.hpp"
#include "manifill/measurement/operator.hpp"

namespace manifill::pipeline {
namespace {

constexpr const char* kSection = "measurement";
const std::string kPrefix = "measurement[].";

OptionValue value_of(const Config& c, const std::string& key, const OptionValue& fallback) {
  if (std::holds_alternative<bool>(fallback)) return c.flag(key);
  if (std::holds_alternative<std::int64_t>(fallback)) return c.integer(key);
  if (std::holds_alternative<double>(fallback)) return c.real(key);
  if (std::holds_alternative<std::string>(fallback)) return c.text(key);
  if (std::holds_alternative<std::vector<double>>(fallback)) return c.list(key);
  return c.texts(key);
}

/// A value in few words; empty where there is none.
std::string words_of(const OptionValue& value) {
  constexpr std::size_t kFew = 4;
  return std::visit(
      [](const auto& v) -> std::string {
        using Value = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<Value, std::vector<double>> ||
                      std::is_same_v<Value, std::vector<std::string>>) {
          if (v.size() > kFew) return fmt::format("{} values", v.size());
          return fmt::format("{}", fmt::join(v, ","));
        } else {
          return fmt::format("{}", v);
        }
      },
      value);
}

std::string name_of(const Config& part) {
  std::vector<std::string> names;
  for (const auto& name : part.texts("operators")) {
    const auto& specs = measurement::OperatorRegistry::instance().specs(name);
    names.push_back(name);
    for (const auto& s : specs) {
      const OptionValue value = value_of(part, s.key, s.fallback);
      const std::string words = words_of(value);
      if (words.empty() || (&s != &specs.front() && value == s.fallback)) continue;
      names.back() += fmt::format(" {}={}", s.key.substr(name.size() + 1), words);
    }
  }
  return names.empty() ? "as it is" : fmt::format("{}", fmt::join(names, " + "));
}

}  // namespace

std::vector<OptionSpec> measurement_specs() {
  auto& registry = measurement::OperatorRegistry::instance();
  std::vector<OptionSpec> specs{
      {.key = "file",
       .help = "file of what was measured: NetCDF, PNG, CSV of stations",
       .fallback = std::string()},
      {.key = "variable", .help = "its variable; empty: the only one", .fallback = std::string()},
      {.key = "grid",
       .help = "file with the coordinates of cells that the file has none of; empty: none",
       .fallback = std::string()},
      {.key = "time_units",
       .help = "units of the times in a CSV file, as \"days since 1900-01-01\"; empty: dates by ISO 8601",
       .fallback = std::string()},
      {.key = "units",
       .help = "units of the values in a CSV file; empty: the model's",
       .fallback = std::string()},
      {.key = "operators",
       .help =
           fmt::format("what was done to the field before it was written, in this order: {}; none: nothing",
                       fmt::join(registry.names(), ", ")),
       .fallback = std::vector<std::string>{},
       .choices = registry.names()},
      {.key = "noise",
       .help = "standard deviation of the noise, units of the variable; 0: estimated from the values "
               "(measure: none)",
       .fallback = 0.0,
       .lowest = 0},
      {.key = "noise_variable",
       .help = "variable of the file with a standard deviation for each cell; empty: none",
       .fallback = std::string()},
  };
  for (const auto& more : registry.specs()) specs.push_back(more);
  for (auto& s : specs) s.key.insert(0, kPrefix);
  return specs;
}

std::vector<MeasurementPart> measurement_parts(const Config& c) {
  std::vector<MeasurementPart> out;
  for (std::size_t k = 1; k <= c.count(kSection); ++k) {
    const Config part = c.part(kSection, k);
    out.push_back({.file = part.text("file"),
                   .variable = part.text("variable"),
                   .operators = part.texts("operators"),
                   .noise = part.real("noise"),
                   .noise_variable = part.text("noise_variable"),
                   .options = part});
    if (out.back().file.empty())
      throw Error(ErrorKind::usage, fmt::format("measurement[{}] names no file", k),
                  {.remedy = fmt::format("Set measurement[{}].file", k)});
    if (out.back().noise > 0.0 && !out.back().noise_variable.empty())
      throw Error(ErrorKind::usage, fmt::format("the noise of measurement[{}] is stated twice", k),
                  {.remedy = "Give noise or noise_variable"});
  }
  if (out.empty())
    throw Error(
        ErrorKind::usage, "no measurement is described",
        {.remedy = "Name its file by --file, or write a section [[measurement]] with file = \"...\""});
  return out;
}

std::vector<OptionSpec> simulated_measurement_specs() {
  std::vector<OptionSpec> out;
  for (auto& s : measurement_specs()) {
    const std::string own = s.key.substr(kPrefix.size());
    if (own == "operators" || own.find('.') != std::string::npos) out.push_back(std::move(s));
  }
  return out;
}

std::vector<measurement::OperatorPointer> simulated_measurements(const Config& c,
                                                                 const domain::Domain& domain) {
  std::vector<measurement::OperatorPointer> out;
  for (std::size_t k = 1; k <= c.count(kSection); ++k) {
    const Config part = c.part(kSection, k);
    out.push_back(measurement::OperatorRegistry::instance().make(part.texts("operators"), domain, part));
  }
  return out;
}

std::vector<std::string> simulated_names(const Config& c) {
  std::vector<std::string> out;
  for (std::size_t k = 1; k <= c.count(kSection); ++k) {
    const std::string name = name_of(c.part(kSection, k));
    std::string own = name;
    for (int n = 2; std::find(out.begin(), out.end(), own) != out.end(); ++n)
      own = fmt::format("{} ({})", name, n);
    out.push_back(std::move(own));
  }
  return out;
}

std::string operators_text(const std::vector<std::string>& operators) {
  return operators.empty() ? "as it is" : fmt::format("{}", fmt::join(operators, ", "));
}

Config narrowed(const Config& c, const std::function<bool(const std::string&)>& keep) {
  std::vector<OptionSpec> specs;
  for (const auto& s : c.specs())
    if (keep(s.key)) specs.push_back(s);
  Config out(specs);
  for (const auto& s : specs) {
    const auto brackets = s.key.find("[]");
    if (brackets == std::string::npos) {
      if (c.given(s.key)) out.set(s.key, value_of(c, s.key, s.fallback));
      continue;
    }
    const std::string section = s.key.substr(0, brackets);
    for (std::size_t k = 1; k <= c.count(section); ++k) {
      const std::string key = fmt::format("{}[{}]{}", section, k, s.key.substr(brackets + 2));
      out.set(key, value_of(c, key, s.fallback));
    }
  }
  return out;
}

bool of_used_operator(const Config& c, const std::string& key) {
  if (!key.starts_with(kPrefix)) return true;
  const std::string own = key.substr(kPrefix.size());
  const auto dot = own.find('.');
  if (dot == std::string::npos) return true;
  for (std::size_t k = 1; k <= c.count(kSection); ++k) {
    const auto names = c.part(kSection, k).texts("operators");
    if (std::find(names.begin(), names.end(), own.substr(0, dot)) != names.end()) return true;
  }
  return false;
}

}  // namespace manifill::pipeline
