#include "mesh_source.hpp"

#include <charconv>
#include <cmath>
#include <limits>

namespace manifill::io {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

/// A word as a message shows it: words of binary files may be long and unprintable.
std::string shown(std::string_view word) {
  std::string out = "'";
  for (const char c : word.substr(0, 40)) out += c >= ' ' && c <= '~' ? c : '?';
  return out + (word.size() > 40 ? "...'" : "'");
}

/// std::from_chars knows no plus sign.
std::string_view without_plus(std::string_view word) {
  const bool signed_so = word.size() > 1 && word[0] == '+' && word[1] != '-';
  return signed_so ? word.substr(1) : word;
}

}  // namespace

void MeshSource::check_room(std::uint64_t count, std::uint64_t least_bytes, std::uint64_t left,
                            const std::string& what, const std::string& place) const {
  if (count > left / least_bytes)
    throw refusal("promises " + std::to_string(count) + " " + what + ", more than its " +
                      std::to_string(bytes.size()) + " bytes can hold",
                  place, "The file is truncated or its counts are wrong: fetch or write it again");
  if (count > std::numeric_limits<std::uint32_t>::max())
    throw refusal("has " + std::to_string(count) + " " + what + ", more than 32 bits count", place,
                  "Cut the mesh into parts");
}

bool MeshLines::next() {
  const std::string_view all = source_.bytes;
  words_.clear();
  while (words_.empty() && offset_ < all.size()) {
    const std::size_t end = std::min(all.find('\n', offset_), all.size());
    std::string_view line = all.substr(offset_, end - offset_);
    offset_ = std::min(end + 1, all.size());
    ++line_;
    if (comment_ != '\0') line = line.substr(0, line.find(comment_));
    for (std::size_t k = 0; k < line.size();) {
      while (k < line.size() && is_blank(line[k])) ++k;
      const std::size_t begin = k;
      while (k < line.size() && !is_blank(line[k])) ++k;
      if (k > begin) words_.push_back(line.substr(begin, k - begin));
    }
  }
  return !words_.empty();
}

void MeshLines::require_next(const std::string& what) {
  if (!next()) throw refusal("the file ends before " + what);
}

double MeshLines::number(std::string_view word) const {
  const std::string_view text = without_plus(word);
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end == text.data() + text.size() && error == std::errc()) return value;
  if (end == text.data() + text.size() && error == std::errc::result_out_of_range) {
    // Of these the tiny ones are zero.
    if (text.find("e-") != std::string_view::npos || text.find("E-") != std::string_view::npos) return 0.0;
    throw refusal(shown(word) + " is too large for a number");
  }
  throw refusal(shown(word) + " is not a number");
}

std::int64_t MeshLines::integer(std::string_view word) const {
  const std::string_view text = without_plus(word);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || error != std::errc())
    throw refusal(shown(word) + " is not a whole number");
  return value;
}

std::array<double, 3> MeshLines::point(std::size_t first) const {
  if (words_.size() < first + 3)
    throw refusal("a vertex of " + std::to_string(words_.size() - first) + " numbers, not of three");
  std::array<double, 3> out{};
  for (std::size_t k = 0; k < 3; ++k) {
    out[k] = number(words_[first + k]);
    if (!std::isfinite(out[k]))
      throw refusal("the coordinate " + shown(words_[first + k]) + " is not finite",
                    "Repair the coordinates where the mesh was made");
  }
  return out;
}

void add_polygon(domain::TriangleMesh& mesh, const std::vector<std::uint32_t>& corners) {
  for (std::size_t k = 2; k < corners.size(); ++k)
    mesh.triangles.push_back({corners[0], corners[k - 1], corners[k]});
}

}  // namespace manifill::io
