#include "letters.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <string_view>
#include <utility>

namespace manifill::plot {
namespace {

/// Length of the well-formed UTF-8 sequence that begins at i; 0 when there is none.
std::size_t sequence_length(const std::string& text, std::size_t i) {
  const auto byte = [&](std::size_t k) { return k < text.size() ? static_cast<unsigned char>(text[k]) : 0U; };
  const unsigned first = byte(i);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xC2 && first < 0xE0 ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  for (std::size_t k = 1; k < length; ++k)
    if ((byte(i + k) & 0xC0U) != 0x80U) return 0;
  // Overlong forms, surrogates, beyond U+10FFFF.
  const unsigned second = byte(i + 1);
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0) ||
      (first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90))
    return 0;
  return length;
}

}  // namespace

std::string valid_utf8(const std::string& text) {
  std::string valid;
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const std::size_t length = sequence_length(text, i);
    if (length == 0) {
      valid += static_cast<char>(0xC0U | (c >> 6U));
      valid += static_cast<char>(0x80U | (c & 0x3FU));
    } else if (c < 0x20 || c == 0x7F) {
      valid += ' ';
    } else {
      valid += text.substr(i, length);
    }
    i += length == 0 ? 1 : length;
  }
  return valid;
}

std::string to_ascii(const std::string& text) {
  using namespace std::string_view_literals;
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> replacements{
      {{"\u00b0"sv, ""sv},
       {"\u2212"sv, "-"sv},
       {"\u2013"sv, "-"sv},
       {"\u2014"sv, "-"sv},
       {"\u00d7"sv, "x"sv},
       {"\u2026"sv, "..."sv},
       {"\u00b5"sv, "u"sv}}};
  static constexpr std::array<std::string_view, 11> powers{"\u2070"sv, "\u00b9"sv, "\u00b2"sv, "\u00b3"sv,
                                                           "\u2074"sv, "\u2075"sv, "\u2076"sv, "\u2077"sv,
                                                           "\u2078"sv, "\u2079"sv, "\u207b"sv};
  std::string plain;
  bool in_power = false;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = std::max<std::size_t>(1, sequence_length(text, i));
    const std::string_view letter = std::string_view(text).substr(i, length);
    i += length;
    std::size_t power = 0;
    while (power < powers.size() && powers[power] != letter) ++power;
    if (power < powers.size()) {
      // "10^3" needs its sign; "m s-1" is how units are written anyway.
      if (!in_power && !plain.empty() && std::isdigit(static_cast<unsigned char>(plain.back())) != 0)
        plain += '^';
      plain += power == 10 ? '-' : static_cast<char>('0' + power);
      in_power = true;
      continue;
    }
    in_power = false;
    if (length == 1) {
      plain += letter;
      continue;
    }
    std::string_view found = "?";
    for (const auto& [from, to] : replacements)
      if (from == letter) found = to;
    plain += found;
  }
  return plain;
}

}  // namespace manifill::plot
