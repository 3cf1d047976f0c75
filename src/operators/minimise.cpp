#include "manifill/operators/minimise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace manifill::operators {
namespace {

struct Corner {
  std::vector<double> x;
  double value;
  bool operator<(const Corner& other) const { return value < other.value; }
};

}  // namespace

Minimum grid_minimum(const std::function<double(const std::vector<double>&)>& function, const SearchBox& box,
                     int steps) {
  const std::size_t n = box.low.size();
  Minimum best{.x = {}, .value = std::numeric_limits<double>::infinity(), .evaluations = 0};
  std::vector<int> part(n, 0);
  while (true) {
    std::vector<double> x(n);
    for (std::size_t a = 0; a < n; ++a)
      x[a] = box.low[a] + (part[a] + 0.5) / steps * (box.high[a] - box.low[a]);
    const double value = function(x);
    ++best.evaluations;
    if (best.x.empty() || value < best.value) {
      best.x = x;
      best.value = value;
    }
    std::size_t a = 0;
    while (a < n && ++part[a] == steps) part[a++] = 0;
    if (a == n) return best;
  }
}

Minimum nelder_mead(const std::function<double(const std::vector<double>&)>& function, const SearchBox& box,
                    const std::vector<double>& start, const std::vector<double>& step, double tolerance,
                    int evaluations) {
  const std::size_t n = start.size();
  int used = 0;
  const auto corner = [&](std::vector<double> x) {
    for (std::size_t a = 0; a < n; ++a) x[a] = std::clamp(x[a], box.low[a], box.high[a]);
    ++used;
    const double value = function(x);
    return Corner{std::move(x), value};
  };
  std::vector<Corner> s{corner(start)};
  for (std::size_t a = 0; a < n; ++a) {
    std::vector<double> x = start;
    // Towards the middle of the box, so that a start at its edge does not flatten the simplex.
    x[a] += start[a] > 0.5 * (box.low[a] + box.high[a]) ? -step[a] : step[a];
    s.push_back(corner(std::move(x)));
  }
  const auto size = [&] {
    double most = 0.0;
    for (std::size_t c = 1; c <= n; ++c)
      for (std::size_t a = 0; a < n; ++a)
        most = std::max(most, std::abs(s[c].x[a] - s[0].x[a]) / std::abs(step[a]));
    return most;
  };
  while (used < evaluations) {
    std::sort(s.begin(), s.end());
    if (size() < tolerance) break;
    std::vector<double> middle(n, 0.0);
    for (std::size_t c = 0; c < n; ++c)
      for (std::size_t a = 0; a < n; ++a) middle[a] += s[c].x[a] / static_cast<double>(n);
    Corner& worst = s[n];
    const auto along = [&](double f) {
      std::vector<double> x(n);
      for (std::size_t a = 0; a < n; ++a) x[a] = middle[a] + f * (worst.x[a] - middle[a]);
      return corner(std::move(x));
    };
    Corner reflected = along(-1.0);
    if (reflected < s[0]) {
      Corner expanded = along(-2.0);
      worst = expanded < reflected ? std::move(expanded) : std::move(reflected);
    } else if (reflected < s[n - 1]) {
      worst = std::move(reflected);
    } else {
      Corner contracted = along(reflected < worst ? -0.5 : 0.5);
      if (contracted < std::min(reflected, worst)) {
        worst = std::move(contracted);
      } else {
        for (std::size_t c = 1; c <= n; ++c) {
          std::vector<double> x(n);
          for (std::size_t a = 0; a < n; ++a) x[a] = 0.5 * (s[0].x[a] + s[c].x[a]);
          s[c] = corner(std::move(x));
        }
      }
    }
  }
  auto best = std::min_element(s.begin(), s.end());
  return {.x = std::move(best->x), .value = best->value, .evaluations = used};
}

}  // namespace manifill::operators
