#include "html.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <iterator>

#include "manifill/base/atomic_file.hpp"

namespace manifill::pipeline {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1c1c1e; --faint: #5c5c64; --paper: #ffffff; --rule: #d9d9de; --band: #f4f4f6;
  --warn: #8a4b00; --warn-paper: #fff4e0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececf0; --faint: #a5a5ae; --paper: #17171a; --rule: #3a3a40; --band: #212126; --warn: #ffcf87;
    --warn-paper: #3a2a10; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 84rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.5rem 0 1rem; }
h2 { font-size: 1.3rem; margin: 2.75rem 0 0.75rem; padding-top: 0.75rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 1.5rem 0 0.5rem; }
p, ul { margin: 0.5rem 0; }
nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; margin: 1rem 0; }
a { color: inherit; }
.facts { color: var(--faint); }
.facts li { overflow-wrap: anywhere; }
.warning { background: var(--warn-paper); color: var(--warn); padding: 0.5rem 0.75rem; border-radius: 0.4rem; margin: 0.5rem 0; }
.table { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.93rem; }
th, td { padding: 0.35rem 0.5rem; text-align: right; vertical-align: top; white-space: nowrap; }
th.words, td.words { text-align: left; }
thead th { border-bottom: 2px solid var(--rule); font-weight: 600; vertical-align: bottom; }
tbody tr:nth-child(even) { background: var(--band); }
small { color: var(--faint); font-size: 0.8rem; display: block; }
figure { margin: 1rem 0 1.5rem; }
figure img { display: block; max-width: 100%; height: auto; background: #ffffff; border: 1px solid var(--rule);
  border-radius: 0.4rem; }
figcaption { color: var(--faint); font-size: 0.9rem; margin-top: 0.4rem; max-width: 60rem; }
details { margin: 0.75rem 0; }
summary { cursor: pointer; font-weight: 600; }
pre { background: var(--band); padding: 0.75rem; border-radius: 0.4rem; overflow-x: auto; font-size: 0.85rem; }
)";

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  return out;
}

std::string base64(const std::string& bytes) {
  static constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve(4 * (bytes.size() + 2) / 3);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8U | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      out += i + k > bytes.size() ? '=' : kLetters[group >> (18U - 6U * k) & 63U];
  }
  return out;
}

std::string html_table(const std::vector<std::string>& head,
                       const std::vector<std::vector<std::string>>& rows, std::size_t words) {
  std::vector<bool> shown(head.size(), false);
  for (const auto& row : rows)
    for (std::size_t k = 0; k < row.size(); ++k) shown[k] = shown[k] || !row[k].empty();
  const auto line = [&](const std::vector<std::string>& cells, const char* tag) {
    std::string out = "<tr>";
    for (std::size_t k = 0; k < cells.size(); ++k)
      if (shown[k])
        out += fmt::format("<{0}{1}>{2}</{0}>", tag, k < words ? " class=\"words\"" : "", cells[k]);
    return out + "</tr>\n";
  };
  std::string out = "<div class=\"table\"><table><thead>" + line(head, "th") + "</thead><tbody>\n";
  for (const auto& row : rows) out += line(row, "td");
  return out + "</tbody></table></div>\n";
}

std::string html_figure(const std::string& png, const std::string& caption) {
  std::ifstream in(png, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (bytes.empty()) throw_io_error(png, "reading a picture of the report failed", errno);
  return fmt::format(
      "<figure><img alt=\"{0}\" src=\"data:image/png;base64,{1}\"><figcaption>{0}</figcaption></figure>\n",
      escaped(caption), base64(bytes));
}

std::string html_page(const std::string& title, const std::string& body) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n{}</body>\n</html>\n",
      escaped(title), kStyle, body);
}

}  // namespace manifill::pipeline
