#include "manifill/operators/minimise.hpp"

#include <cmath>
#include <vector>

#include "catch.hpp"

using namespace manifill::operators;

namespace {

/// Rosenbrock's valley (1960): 0 at (1, 1).
double valley(const std::vector<double>& x) {
  return 100.0 * std::pow(x[1] - x[0] * x[0], 2) + std::pow(1.0 - x[0], 2);
}

}  // namespace

TEST_CASE("the end of a bent valley is found", "[operators]") {
  const auto m = nelder_mead(valley, {{-5.0, -5.0}, {5.0, 5.0}}, {-1.2, 1.0}, {0.5, 0.5}, 1e-6, 1000);
  CHECK(m.x[0] == Approx(1.0).margin(1e-4));
  CHECK(m.x[1] == Approx(1.0).margin(1e-4));
  CHECK(m.value == valley(m.x));
  CHECK(m.evaluations < 1000);
}

TEST_CASE("a least value at the edge of the box is found there, and nothing outside is looked at",
          "[operators]") {
  bool left = false;
  const auto slope = [&](const std::vector<double>& x) {
    for (const double v : x) left = left || v < 0.0 || v > 2.0;
    return x[0] + 2.0 * x[1] - 0.5 * x[2];
  };
  const auto m = nelder_mead(slope, {{0, 0, 0}, {2, 2, 2}}, {1.5, 1.0, 0.2}, {0.3, 0.3, 0.3}, 1e-6, 2000);
  CHECK(m.x[0] == Approx(0.0).margin(1e-4));
  CHECK(m.x[1] == Approx(0.0).margin(1e-4));
  CHECK(m.x[2] == Approx(2.0).margin(1e-4));
  CHECK_FALSE(left);
}

TEST_CASE("a search stops at its number of evaluations", "[operators]") {
  int calls = 0;
  const auto counted = [&](const std::vector<double>& x) {
    ++calls;
    return valley(x);
  };
  const auto m = nelder_mead(counted, {{-5.0, -5.0}, {5.0, 5.0}}, {-1.2, 1.0}, {0.5, 0.5}, 1e-12, 20);
  CHECK(calls == m.evaluations);
  CHECK(calls >= 20);
  CHECK(calls <= 22);
}

TEST_CASE("the best part of a box", "[operators]") {
  const auto m = grid_minimum(valley, {{-2.0, -2.0}, {2.0, 2.0}}, 4);
  CHECK(m.evaluations == 16);
  CHECK(m.x == std::vector<double>{0.5, 0.5});
  CHECK(m.value == valley({0.5, 0.5}));
}
