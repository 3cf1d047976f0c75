#include "manifill/base/error.hpp"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace manifill {
namespace {

std::string compose(const std::string& what, const ErrorContext& c) {
  std::string message;
  if (!c.file.empty()) message += c.file + ": ";
  if (!c.variable.empty()) message += "variable '" + c.variable + "'";
  if (!c.index.empty()) message += (c.variable.empty() ? "at " : " at ") + c.index;
  if (!c.variable.empty() || !c.index.empty()) message += ": ";
  message += what;
  if (!c.remedy.empty()) message += ". " + c.remedy;
  return message;
}

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

Error::Error(ErrorKind kind, const std::string& what, ErrorContext context)
    : std::runtime_error(compose(what, context)), kind_(kind), context_(std::move(context)) {}

std::optional<std::string> nearest_name(const std::string& word, const std::string* first,
                                        const std::string* last) {
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 2) + 1;
  for (; first != last; ++first) {
    const std::size_t d = edit_distance(word, *first);
    if (d < best_distance) {
      best_distance = d;
      best = first;
    }
  }
  return best == nullptr ? std::nullopt : std::optional<std::string>(*best);
}

}  // namespace manifill
