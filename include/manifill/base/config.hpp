#pragma once
/// \file
/// \brief Self-describing configuration: an option is declared once and serves TOML, the command line and
/// --help.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace manifill {

/// \brief Value of an option: bool, integer, real, text, list of reals or list of texts.
using OptionValue =
    std::variant<bool, std::int64_t, double, std::string, std::vector<double>, std::vector<std::string>>;

/// \brief Declaration of one option. Its default fixes its type.
struct OptionSpec {
  /// Dotted, e.g. "flow.width"; "part[].width" of a section that may stand several times, [[part]] in TOML
  std::string key{};
  std::string help{};  ///< one sentence with the unit
  OptionValue fallback{};
  double lowest = -1e300;  ///< inclusive bounds of numbers
  double highest = 1e300;
  std::vector<std::string> choices{};  ///< of texts; empty: any
};

/// \brief A resolved configuration over a fixed set of declared options.
///
/// A section declared with "[]" may stand several times: its keys are "part[2].width", counted from 1, and
/// "part.width" is that of the first.
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
  /// \brief Of whatever type its declaration has.
  [[nodiscard]] const OptionValue& value(const std::string& key) const;
  [[nodiscard]] bool given(const std::string& key) const;  ///< set by file or command line
  /// \brief How often a section stands that may do so several times: as often as it was given.
  [[nodiscard]] std::size_t count(const std::string& section) const;
  /// \brief One of them by itself, keys without the section's name: "width". \param which from 1
  [[nodiscard]] Config part(const std::string& section, std::size_t which) const;
  [[nodiscard]] const std::vector<OptionSpec>& specs() const { return specs_; }
  /// \brief Declaration of one key. \throws Error(usage) when unknown, with the nearest valid one
  [[nodiscard]] const OptionSpec& spec(const std::string& key) const;
  /// \brief The whole resolved configuration as TOML, sections in order of declaration.
  [[nodiscard]] std::string to_toml() const;
  /// \brief Table of options, defaults and units for --help.
  [[nodiscard]] std::string help() const;

 private:
  struct Place {
    const OptionSpec* spec;
    std::string key;      // of the value: "part[2].width"
    std::string section;  // "part" where it may stand several times
    std::size_t which;    // from 1
  };
  struct Values {
    std::map<std::string, OptionValue> of{};
    std::map<std::string, std::size_t> counts{};  // of sections that may stand several times
  };
  [[nodiscard]] std::optional<Place> find(const std::string& key) const;
  [[nodiscard]] Place place(const std::string& key) const;  // refuses what is not declared
  [[nodiscard]] bool repeated(const std::string& section) const;
  void put(Values& values, const std::string& key, const OptionValue& value) const;
  [[nodiscard]] std::string section_toml(const std::string& section, std::size_t which) const;
  std::vector<OptionSpec> specs_;
  Values values_{};
};

/// \brief One option's type, default, bounds and choices in brackets, for help: "[32; 1 to 4096]".
std::string describe_default(const OptionSpec& spec);

/// \brief Two columns: `left`, and `right` wrapped at 100 characters from column `indent` on.
std::string help_row(const std::string& left, const std::string& right, std::size_t indent = 30);

}  // namespace manifill
