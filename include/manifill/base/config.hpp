#pragma once
/// \file
/// \brief Self-describing configuration: an option is declared once and serves TOML, the command line and
/// --help.

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace manifill {

/// \brief Value of an option: bool, integer, real, text, list of reals or list of texts.
using OptionValue =
    std::variant<bool, std::int64_t, double, std::string, std::vector<double>, std::vector<std::string>>;

/// \brief Declaration of one option. Its default fixes its type.
struct OptionSpec {
  std::string key{};   ///< dotted, e.g. "flow.width"
  std::string help{};  ///< one sentence with the unit
  OptionValue fallback{};
  double lowest = -1e300;  ///< inclusive bounds of numbers
  double highest = 1e300;
  std::vector<std::string> choices{};  ///< of texts; empty: any
};

/// \brief A resolved configuration over a fixed set of declared options.
class Config {
 public:
  explicit Config(std::vector<OptionSpec> specs);
  /// \brief Reads TOML over the defaults. \throws Error(usage) naming file, line and key: syntax, unknown key
  /// (nearest valid one offered), wrong type, out of range, not among the choices; Error(io) when unreadable
  void merge_file(const std::string& path);
  /// \brief Sets one key from text, "section.key=value"; lists as "1,2,3". \throws Error(usage) as merge_file
  void set(const std::string& assignment);
  /// \brief Sets one key; an integer does for a real, one value for a list. \throws Error(usage) as
  /// merge_file
  void set(const std::string& key, const OptionValue& value);
  /// \brief Sets one key from the text of its value, as on a command line. \throws Error(usage) as merge_file
  void set_text(const std::string& key, const std::string& value);

  [[nodiscard]] bool flag(const std::string& key) const;
  [[nodiscard]] std::int64_t integer(const std::string& key) const;
  [[nodiscard]] double real(const std::string& key) const;  ///< integers convert
  [[nodiscard]] const std::string& text(const std::string& key) const;
  [[nodiscard]] const std::vector<double>& list(const std::string& key) const;
  [[nodiscard]] const std::vector<std::string>& texts(const std::string& key) const;
  [[nodiscard]] bool given(const std::string& key) const;  ///< set by file or command line
  [[nodiscard]] const std::vector<OptionSpec>& specs() const { return specs_; }
  /// \brief Declaration of one key. \throws Error(usage) when unknown, with the nearest valid one
  [[nodiscard]] const OptionSpec& spec(const std::string& key) const;
  /// \brief The whole resolved configuration as TOML, sections in order of declaration.
  [[nodiscard]] std::string to_toml() const;
  /// \brief Table of options, defaults and units for --help.
  [[nodiscard]] std::string help() const;

 private:
  [[nodiscard]] const OptionValue& value(const std::string& key) const;
  std::vector<OptionSpec> specs_;
  std::map<std::string, OptionValue> values_{};
};

/// \brief One option's type, default, bounds and choices in brackets, for help: "[32; 1 to 4096]".
std::string describe_default(const OptionSpec& spec);

/// \brief Two columns: `left`, and `right` wrapped at 100 characters from column `indent` on.
std::string help_row(const std::string& left, const std::string& right, std::size_t indent = 30);

}  // namespace manifill
