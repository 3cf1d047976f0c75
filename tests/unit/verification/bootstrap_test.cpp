#include "manifill/verification/bootstrap.hpp"

#include <cmath>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"

using namespace manifill;
using namespace manifill::verification;

namespace {

/// Stationary first-order autoregression of unit variance around zero.
std::vector<double> series(RandomStream& random, std::size_t length, double memory) {
  std::vector<double> x(length);
  x[0] = random.normal();
  for (std::size_t t = 1; t < length; ++t)
    x[t] = memory * x[t - 1] + std::sqrt(1.0 - memory * memory) * random.normal();
  return x;
}

/// How often the 90 % interval holds the true mean, over 400 records.
double share_that_holds(double memory, std::size_t block) {
  int holds = 0;
  for (std::uint32_t k = 0; k < 400; ++k) {
    RandomStream random({.seed = 7, .member = k});
    const auto x = series(random, 400, memory);
    const auto i = block_bootstrap(x, {}, {.block = block, .resamples = 300, .share = 0.9, .seed = k});
    if (i.low <= 0.0 && i.high >= 0.0) ++holds;
  }
  return holds / 400.0;
}

}  // namespace

TEST_CASE("the bootstrap interval of independent fields is that of the normal law", "[verification]") {
  RandomStream random({.seed = 1});
  const auto x = series(random, 900, 0.0);
  double mean = 0.0;
  double square = 0.0;
  for (const double v : x) {
    mean += v / 900.0;
    square += v * v / 900.0;
  }
  const double error = std::sqrt((square - mean * mean) / 900.0);
  const auto i = block_bootstrap(x, {}, {.block = 1, .resamples = 20000});
  CHECK(i.mean == Approx(mean));
  CHECK(i.low == Approx(mean - 1.96 * error).margin(0.06 * error));
  CHECK(i.high == Approx(mean + 1.96 * error).margin(0.06 * error));
}

TEST_CASE("blocks longer than the memory keep the interval honest", "[verification]") {
  // 400 records: standard error of a share at most 0.025.
  CHECK(share_that_holds(0.0, 1) == Approx(0.9).margin(0.05));
  CHECK(share_that_holds(0.7, 20) > 0.8);
  CHECK(share_that_holds(0.7, 1) < 0.65);  // the variance of the mean is (1 + 0.7) / (1 - 0.7) times larger
}

TEST_CASE("a bootstrap repeats with its seed and respects weights", "[verification]") {
  RandomStream random({.seed = 2});
  const auto x = series(random, 50, 0.3);
  const auto a = block_bootstrap(x, {}, {.seed = 5});
  const auto b = block_bootstrap(x, {}, {.seed = 5});
  CHECK(a.low == b.low);
  CHECK(a.high == b.high);
  CHECK(a.low != block_bootstrap(x, {}, {.seed = 6}).low);
  CHECK(a.low < a.mean);
  CHECK(a.mean < a.high);

  std::vector<double> weight(50, 0.0);
  weight[3] = 2.0;
  const auto one = block_bootstrap(x, weight);
  CHECK(one.mean == Approx(x[3]));
  CHECK(one.low == Approx(x[3]));
  CHECK(one.high == Approx(x[3]));
}

TEST_CASE("paired differences cancel what both methods share", "[verification]") {
  RandomStream random({.seed = 3});
  std::vector<double> first(100);
  std::vector<double> second(100);
  for (std::size_t k = 0; k < 100; ++k) {
    const double weather = random.normal();
    first[k] = weather + 0.01 * random.normal();
    second[k] = weather + 0.05;
  }
  const auto i = block_bootstrap_difference(first, second);
  CHECK(i.mean == Approx(-0.05).margin(0.004));
  CHECK(i.high < -0.04);
  CHECK_THROWS_AS(block_bootstrap_difference(first, std::vector<double>(3)), Error);
  CHECK_THROWS_AS(block_bootstrap({}), Error);
  CHECK_THROWS_AS(block_bootstrap(first, std::vector<double>(100, 0.0)), Error);
  CHECK_THROWS_AS(block_bootstrap(first, {}, {.share = 1.0}), Error);
}
