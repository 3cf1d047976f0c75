#include "manifill/base/config.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "manifill/base/error.hpp"

namespace manifill {
namespace {

constexpr double kUnbounded = 1e300;
constexpr std::size_t kHelpWidth = 100;

[[noreturn]] void refuse(const std::string& what, std::string remedy = {}) {
  throw Error(ErrorKind::usage, what, {.remedy = std::move(remedy)});
}

/// What a value of the option's type is called in messages and help.
const char* type_name(const OptionValue& fallback) {
  static constexpr std::array names{"true or false", "an integer",        "a number",
                                    "a text",        "a list of numbers", "a list of texts"};
  static_assert(names.size() == std::variant_size_v<OptionValue>);
  return names[fallback.index()];
}

std::string number_text(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";  // TOML would read an integer
  return text;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (code < 0x20 || code == 0x7f) {
      out += fmt::format("\\u{:04X}", code);
    } else {
      out += c;
    }
  }
  return out + '"';
}

template <typename T, typename Format>
std::string bracketed(const std::vector<T>& values, Format format) {
  std::string out = "[";
  for (const auto& v : values) out += (out.size() > 1 ? ", " : "") + format(v);
  return out + "]";
}

std::string value_text(const OptionValue& value) {
  struct Visitor {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return number_text(v); }
    std::string operator()(const std::string& v) const { return quoted(v); }
    std::string operator()(const std::vector<double>& v) const { return bracketed(v, number_text); }
    std::string operator()(const std::vector<std::string>& v) const { return bracketed(v, quoted); }
  };
  return std::visit(Visitor{}, value);
}

std::string bounds_text(const OptionSpec& spec) {
  const bool low = spec.lowest > -kUnbounded;
  const bool high = spec.highest < kUnbounded;
  if (low && high) return fmt::format("{} to {}", spec.lowest, spec.highest);
  if (low) return fmt::format("at least {}", spec.lowest);
  if (high) return fmt::format("at most {}", spec.highest);
  return {};
}

std::string choices_text(const OptionSpec& spec) { return fmt::format("{}", fmt::join(spec.choices, ", ")); }

[[noreturn]] void refuse_type(const OptionSpec& spec, const std::string& got) {
  refuse(fmt::format("key '{}' takes {}, not {}", spec.key, type_name(spec.fallback), got),
         fmt::format("Its default is {}", value_text(spec.fallback)));
}

void check_number(const OptionSpec& spec, double value) {
  if (std::isfinite(value) && value >= spec.lowest && value <= spec.highest) return;
  const std::string bounds = bounds_text(spec);
  refuse(fmt::format("key '{}' is {}, which is out of range", spec.key, value),
         bounds.empty() ? "It must be finite" : "It must be " + bounds);
}

void check_choice(const OptionSpec& spec, const std::string& value) {
  const auto& c = spec.choices;
  if (c.empty() || std::find(c.begin(), c.end(), value) != c.end()) return;
  const auto near = nearest_name(value, c.data(), c.data() + c.size());
  refuse(fmt::format("key '{}' is '{}', which is not one of {}", spec.key, value, choices_text(spec)),
         near ? fmt::format("Did you mean '{}'?", *near) : std::string{});
}

std::int64_t to_integer(const OptionSpec& spec, double value) {
  // 1e6 is a float in TOML, and what people write for a million.
  if (std::abs(value) > 9e15 || value != std::floor(value)) refuse_type(spec, fmt::format("{}", value));
  return static_cast<std::int64_t>(value);
}

/// Converts to the type of the option's default and checks bounds and choices.
OptionValue checked(const OptionSpec& spec, const OptionValue& given) {
  OptionValue value = given;
  if (std::holds_alternative<double>(spec.fallback)) {
    if (const auto* i = std::get_if<std::int64_t>(&given)) value = static_cast<double>(*i);
  } else if (std::holds_alternative<std::int64_t>(spec.fallback)) {
    if (const auto* d = std::get_if<double>(&given)) value = to_integer(spec, *d);
  } else if (std::holds_alternative<std::vector<double>>(spec.fallback)) {
    if (const auto* i = std::get_if<std::int64_t>(&given))
      value = std::vector<double>{static_cast<double>(*i)};
    if (const auto* d = std::get_if<double>(&given)) value = std::vector<double>{*d};
    const auto* texts = std::get_if<std::vector<std::string>>(&given);
    if (texts != nullptr && texts->empty()) value = std::vector<double>{};
  } else if (std::holds_alternative<std::vector<std::string>>(spec.fallback)) {
    if (const auto* s = std::get_if<std::string>(&given)) value = std::vector<std::string>{*s};
    const auto* reals = std::get_if<std::vector<double>>(&given);
    if (reals != nullptr && reals->empty()) value = std::vector<std::string>{};
  }
  if (value.index() != spec.fallback.index()) refuse_type(spec, value_text(given));
  if (const auto* i = std::get_if<std::int64_t>(&value)) check_number(spec, static_cast<double>(*i));
  if (const auto* d = std::get_if<double>(&value)) check_number(spec, *d);
  if (const auto* s = std::get_if<std::string>(&value)) check_choice(spec, *s);
  if (const auto* l = std::get_if<std::vector<double>>(&value))
    for (const double d : *l) check_number(spec, d);
  if (const auto* l = std::get_if<std::vector<std::string>>(&value))
    for (const auto& s : *l) check_choice(spec, s);
  return value;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> split_list(const std::string& text) {
  std::string inner = trimmed(text);
  if (inner.size() >= 2 && inner.front() == '[' && inner.back() == ']')
    inner = trimmed(inner.substr(1, inner.size() - 2));
  std::vector<std::string> parts;
  if (inner.empty()) return parts;
  for (std::size_t start = 0; start <= inner.size();) {
    const auto comma = std::min(inner.find(',', start), inner.size());
    parts.push_back(trimmed(inner.substr(start, comma - start)));
    start = comma + 1;
  }
  return parts;
}

template <typename T>
std::optional<T> parse_number(const std::string& raw) {
  std::string text = trimmed(raw);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.erase(0, 1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

double parse_real(const OptionSpec& spec, const std::string& text) {
  const auto value = parse_number<double>(text);
  if (!value) refuse_type(spec, "'" + text + "'");
  return *value;
}

bool parse_bool(const OptionSpec& spec, const std::string& text) {
  std::string word = trimmed(text);
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  if (word == "true" || word == "yes" || word == "on" || word == "1") return true;
  if (word == "false" || word == "no" || word == "off" || word == "0") return false;
  refuse_type(spec, "'" + text + "'");
}

OptionValue parse_text(const OptionSpec& spec, const std::string& text) {
  struct Visitor {
    const OptionSpec& spec;
    const std::string& text;
    OptionValue operator()(bool) const { return parse_bool(spec, text); }
    OptionValue operator()(std::int64_t) const {
      if (const auto exact = parse_number<std::int64_t>(text)) return *exact;
      return parse_real(spec, text);
    }
    OptionValue operator()(double) const { return parse_real(spec, text); }
    OptionValue operator()(const std::string&) const { return text; }
    OptionValue operator()(const std::vector<double>&) const {
      std::vector<double> values;
      for (const auto& part : split_list(text)) values.push_back(parse_real(spec, part));
      return values;
    }
    OptionValue operator()(const std::vector<std::string>&) const { return split_list(text); }
  };
  return std::visit(Visitor{spec, text}, spec.fallback);
}

std::string read_config(const std::string& path) {
  constexpr std::uintmax_t kMostBytes = 16U << 20U;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    throw Error(ErrorKind::io, "is a directory, not a configuration",
                {.file = path, .remedy = "Name a TOML file"});
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw Error(ErrorKind::io, fmt::format("cannot read the configuration: {}", std::strerror(errno)),
                {.file = path, .remedy = "Check the name and its permissions"});
  std::array<char, 8> head{};
  in.read(head.data(), head.size());
  const std::string start(head.data(), static_cast<std::size_t>(in.gcount()));
  if (start.starts_with("CDF") || start.starts_with("\x89HDF"))
    throw Error(ErrorKind::usage, "is a NetCDF or HDF5 file, not a TOML configuration",
                {.file = path, .remedy = "Give data by --input and models by --model"});
  if (std::filesystem::file_size(path, ignored) > kMostBytes && !ignored)
    throw Error(ErrorKind::usage, "is larger than 16 MiB, which no configuration is", {.file = path});
  in.clear();
  std::string text = start;
  text.append(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  return text;
}

OptionValue list_value(const OptionSpec& spec, const toml::array& array) {
  std::vector<double> reals;
  std::vector<std::string> texts;
  for (const auto& item : array) {
    if (const auto number = item.value<double>(); number && item.is_number())
      reals.push_back(*number);
    else if (const auto text = item.value<std::string>(); text && item.is_string())
      texts.push_back(*text);
    else
      refuse_type(spec, "a list with other values in it");
  }
  if (!reals.empty() && !texts.empty()) refuse_type(spec, "a list of mixed types");
  if (!texts.empty()) return texts;
  return reals;
}

OptionValue node_value(const OptionSpec& spec, const toml::node& node) {
  if (const auto* v = node.as_boolean()) return v->get();
  if (const auto* v = node.as_integer()) return v->get();
  if (const auto* v = node.as_floating_point()) return v->get();
  if (const auto* v = node.as_string()) return v->get();
  if (const auto* v = node.as_array()) return list_value(spec, *v);
  refuse_type(spec, "a date or time");
}

/// Text after the last dot, and before it.
std::pair<std::string, std::string> split_key(const std::string& key) {
  const auto dot = key.rfind('.');
  if (dot == std::string::npos) return {"", key};
  return {key.substr(0, dot), key.substr(dot + 1)};
}

std::optional<std::string> nearest_key(const std::string& key, const std::vector<OptionSpec>& specs) {
  const std::string leaf = split_key(key).second;
  std::vector<std::string> keys;
  for (const auto& s : specs) {
    if (split_key(s.key).second == leaf) return s.key;
    keys.push_back(s.key);
  }
  if (auto near = nearest_name(key, keys.data(), keys.data() + keys.size())) return near;
  // A misspelt key in the wrong section is nearest by its last part alone.
  std::vector<std::string> leaves;
  leaves.reserve(keys.size());
  for (const auto& k : keys) leaves.push_back(split_key(k).second);
  const auto near = nearest_name(leaf, leaves.data(), leaves.data() + leaves.size());
  if (!near) return std::nullopt;
  return keys[static_cast<std::size_t>(std::find(leaves.begin(), leaves.end(), *near) - leaves.begin())];
}

constexpr const char* kRepeated = "[]";

/// Without the brackets of a section that may stand several times, as people write it.
std::string plain(std::string key) {
  if (const auto at = key.find(kRepeated); at != std::string::npos) key.erase(at, 2);
  return key;
}

[[noreturn]] void refuse_key(const std::string& key, const std::vector<OptionSpec>& specs) {
  std::vector<OptionSpec> written = specs;
  for (auto& s : written) s.key = plain(s.key);
  const auto near = nearest_key(key, written);
  refuse(fmt::format("unknown key '{}'", key),
         near ? fmt::format("Did you mean '{}'?", *near) : "See --help for the valid keys");
}

}  // namespace

Config::Config(std::vector<OptionSpec> specs) : specs_(std::move(specs)) {
  for (std::size_t i = 0; i < specs_.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (specs_[i].key == specs_[k].key)
        throw Error(ErrorKind::internal, fmt::format("option '{}' is declared twice", specs_[i].key));
}

std::optional<Config::Place> Config::find(const std::string& key) const {
  const auto declared = [&](const std::string& name) -> const OptionSpec* {
    for (const auto& s : specs_)
      if (s.key == name) return &s;
    return nullptr;
  };
  if (const auto open = key.find('['); open != std::string::npos) {
    const auto close = std::min(key.find(']', open), key.size() - 1);
    const std::string section = key.substr(0, open);
    const std::string number = key.substr(open + 1, close - open - 1);
    const auto* s = declared(section + kRepeated + key.substr(close + 1));
    if (s == nullptr) return std::nullopt;
    const auto which = number.empty() ? std::optional<std::size_t>{1} : parse_number<std::size_t>(number);
    if (!which || *which == 0)
      refuse(fmt::format("'{}' names no section: the sections [[{}]] count from 1", key, section));
    return Place{s, fmt::format("{}[{}]{}", section, *which, key.substr(close + 1)), section, *which};
  }
  if (const auto* s = declared(key)) return Place{s, key, "", 0};
  const auto dot = std::min(key.find('.'), key.size());
  const auto* s = declared(key.substr(0, dot) + kRepeated + key.substr(dot));
  if (s == nullptr) return std::nullopt;
  return Place{s, key.substr(0, dot) + "[1]" + key.substr(dot), key.substr(0, dot), 1};
}

Config::Place Config::place(const std::string& key) const {
  if (auto found = find(key)) return *std::move(found);
  const auto open = std::min(key.find('['), key.size());
  const auto close = key.find(']', open);
  refuse_key(close == std::string::npos ? key : key.substr(0, open) + key.substr(close + 1), specs_);
}

bool Config::repeated(const std::string& section) const {
  return std::any_of(specs_.begin(), specs_.end(),
                     [&](const OptionSpec& s) { return s.key.starts_with(section + kRepeated); });
}

const OptionSpec& Config::spec(const std::string& key) const { return *place(key).spec; }

std::size_t Config::count(const std::string& section) const {
  const auto found = values_.counts.find(section);
  return found == values_.counts.end() ? 0 : found->second;
}

Config Config::part(const std::string& section, std::size_t which) const {
  const std::string declared = section + kRepeated + ".";
  std::vector<OptionSpec> own;
  for (const auto& s : specs_) {
    if (!s.key.starts_with(declared)) continue;
    own.push_back(s);
    own.back().key = s.key.substr(declared.size());
  }
  Config out(std::move(own));
  const std::string given = fmt::format("{}[{}].", section, which);
  for (const auto& [key, value] : values_.of)
    if (key.starts_with(given)) out.values_.of[key.substr(given.size())] = value;
  return out;
}

void Config::put(Values& values, const std::string& key, const OptionValue& value) const {
  const Place p = place(key);
  OptionValue good = checked(*p.spec, value);
  if (!p.section.empty()) {
    std::size_t& known = values.counts[p.section];
    if (p.which > known + 1)
      refuse(fmt::format("'{}' is set where there are {} sections [[{}]]", p.key, known, p.section),
             "Number them without gaps");
    known = std::max(known, p.which);
  }
  values.of[p.key] = std::move(good);
}

void Config::merge_file(const std::string& path) {
  const std::string text = read_config(path);
  std::uint32_t line = 0;
  // Keys are validated on a copy: a refused file leaves the configuration as it was.
  auto merged = values_;
  const auto walk = [&](const auto& self, const toml::table& table, const std::string& prefix) -> void {
    for (const auto& [name, node] : table) {
      const std::string key =
          prefix.empty() ? std::string(name.str()) : prefix + "." + std::string(name.str());
      line = name.source().begin.line;
      const auto* several = node.as_array();
      if (several != nullptr && !several->empty() && several->is_homogeneous(toml::node_type::table) &&
          repeated(key)) {
        std::erase_if(merged.of, [&](const auto& v) { return v.first.starts_with(key + "["); });
        merged.counts[key] = 0;
        for (const auto& one : *several) {
          const std::size_t which = ++merged.counts[key];
          self(self, *one.as_table(), fmt::format("{}[{}]", key, which));
        }
        continue;
      }
      const auto* inner = node.as_table();
      if (inner == nullptr) {
        put(merged, key, node_value(spec(key), node));
        continue;
      }
      const auto within = [&](const std::string& section) {
        return std::any_of(specs_.begin(), specs_.end(),
                           [&](const OptionSpec& s) { return s.key.starts_with(section); });
      };
      if (repeated(key)) merged.counts[key] = std::max<std::size_t>(merged.counts[key], 1);
      if (!repeated(key) && !within(key + ".") && inner->empty()) refuse_key(key, specs_);
      self(self, *inner, key);
    }
  };
  try {
    const toml::table table = toml::parse(text, path);
    walk(walk, table, "");
  } catch (const toml::parse_error& e) {
    throw Error(ErrorKind::usage,
                fmt::format("line {}, column {}: not valid TOML: {}", e.source().begin.line,
                            e.source().begin.column, e.description()),
                {.file = path, .remedy = "Correct the line; texts stand in quotes"});
  } catch (const Error& e) {
    // The reason is composed without a file; add where it stands.
    const std::string what = e.what();
    throw Error(e.kind(), fmt::format("line {}: {}", line, what), {.file = path});
  }
  values_ = std::move(merged);
}

void Config::set(const std::string& assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    refuse(fmt::format("'{}' is not an assignment", assignment), "Write section.key=value");
  const std::string value = assignment.substr(equals + 1);
  // Quotes that a shell did not take away, as in --set "a.b='x'", are TOML habit.
  const bool in_quotes =
      value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
  set_text(trimmed(assignment.substr(0, equals)), in_quotes ? value.substr(1, value.size() - 2) : value);
}

void Config::set(const std::string& key, const OptionValue& value) { put(values_, key, value); }

void Config::set_text(const std::string& key, const std::string& value) {
  put(values_, key, parse_text(spec(key), value));
}

const OptionValue& Config::value(const std::string& key) const {
  const auto p = find(key);
  if (!p) throw Error(ErrorKind::internal, fmt::format("option '{}' is not declared", key));
  const auto given = values_.of.find(p->key);
  return given != values_.of.end() ? given->second : p->spec->fallback;
}

namespace {

template <typename T>
const T& get_as(const OptionValue& value, const std::string& key) {
  if (const auto* v = std::get_if<T>(&value)) return *v;
  throw Error(ErrorKind::internal, fmt::format("option '{}' is of another type", key));
}

}  // namespace

bool Config::flag(const std::string& key) const { return get_as<bool>(value(key), key); }
std::int64_t Config::integer(const std::string& key) const { return get_as<std::int64_t>(value(key), key); }
double Config::real(const std::string& key) const {
  const OptionValue& v = value(key);
  if (const auto* i = std::get_if<std::int64_t>(&v)) return static_cast<double>(*i);
  return get_as<double>(v, key);
}
const std::string& Config::text(const std::string& key) const { return get_as<std::string>(value(key), key); }
const std::vector<double>& Config::list(const std::string& key) const {
  return get_as<std::vector<double>>(value(key), key);
}
const std::vector<std::string>& Config::texts(const std::string& key) const {
  return get_as<std::vector<std::string>>(value(key), key);
}
bool Config::given(const std::string& key) const { return values_.of.contains(place(key).key); }

namespace {

/// Sections in order of first declaration; keys without a section come first, as TOML wants them.
std::vector<std::string> section_order(const std::vector<OptionSpec>& specs) {
  std::vector<std::string> sections{""};
  for (const auto& s : specs) {
    const std::string section = split_key(s.key).first;
    if (std::find(sections.begin(), sections.end(), section) == sections.end()) sections.push_back(section);
  }
  return sections;
}

}  // namespace

std::string Config::section_toml(const std::string& section, std::size_t which) const {
  std::string out;
  for (const auto& s : specs_) {
    const auto [where, leaf] = split_key(s.key);
    if (where != section) continue;
    std::string key = s.key;
    if (const auto at = key.find(kRepeated); at != std::string::npos)
      key.insert(at + 1, std::to_string(which));
    out += fmt::format("{} = {}\n", leaf, value_text(value(key)));
  }
  return out;
}

std::string Config::to_toml() const {
  std::string out;
  const auto sections = section_order(specs_);
  const auto add = [&](const std::string& title, const std::string& section, std::size_t which) {
    out += fmt::format("{}{}\n", out.empty() ? "" : "\n", title);
    out += section_toml(section, which);
  };
  std::vector<std::string> written;
  for (const auto& section : sections) {
    const auto brackets = section.find(kRepeated);
    if (brackets == std::string::npos) {
      if (section.empty())
        out += section_toml(section, 0);
      else
        add("[" + section + "]", section, 0);
      continue;
    }
    // All of one before the next: a table within belongs to the last of its name.
    const std::string name = section.substr(0, brackets);
    if (std::find(written.begin(), written.end(), name) != written.end()) continue;
    written.push_back(name);
    for (std::size_t which = 1; which <= count(name); ++which) {
      add("[[" + name + "]]", name + kRepeated, which);
      for (const auto& inner : sections)
        if (inner.starts_with(name + kRepeated + ".")) add("[" + plain(inner) + "]", inner, which);
    }
  }
  return out;
}

std::string Config::help() const {
  std::string out;
  for (const auto& section : section_order(specs_)) {
    const std::string title = section.ends_with(kRepeated) ? "[" + plain(section) + "]" : plain(section);
    if (!section.empty()) out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", title);
    for (const auto& s : specs_)
      if (const auto [where, leaf] = split_key(s.key); where == section)
        out += help_row("  " + leaf, s.help + " " + describe_default(s), 24);
  }
  return out;
}

std::string describe_default(const OptionSpec& spec) {
  const bool empty_text =
      std::holds_alternative<std::string>(spec.fallback) && std::get<std::string>(spec.fallback).empty();
  std::string out = "[";
  out += empty_text ? "none" : value_text(spec.fallback);
  const std::string bounds = bounds_text(spec);
  if (!bounds.empty()) out += "; " + bounds;
  if (!spec.choices.empty()) out += "; one of " + choices_text(spec);
  return out + "]";
}

std::string help_row(const std::string& left, const std::string& right, std::size_t indent) {
  std::string line = left;
  if (!left.empty() && line.size() + 2 > indent)
    line += "\n" + std::string(indent, ' ');
  else
    line.resize(indent, ' ');
  std::string out = line.substr(0, line.size() - indent);
  line = line.substr(line.size() - indent);
  bool fresh = true;
  for (std::size_t start = 0; start < right.size();) {
    const auto space = std::min(right.find(' ', start), right.size());
    const std::string word = right.substr(start, space - start);
    if (!fresh && line.size() + 1 + word.size() > kHelpWidth) {
      out += line + "\n";
      line = std::string(indent, ' ');
      fresh = true;
    }
    line += (fresh ? "" : " ") + word;
    fresh = false;
    start = space + 1;
  }
  return out + line + "\n";
}

}  // namespace manifill
