#include "manifill/verification/calibration.hpp"

#include <algorithm>
#include <cmath>

#include "catch.hpp"
#include "manifill/base/error.hpp"

using namespace manifill;
using namespace manifill::verification;

namespace {

/// A skewed law, so that nothing holds by symmetry.
double skewed(RandomStream& random) { return std::exp(random.normal()); }

}  // namespace

TEST_CASE("intervals lie at plotting positions k / (n + 1)", "[verification]") {
  std::vector<double> x(19);
  for (std::size_t k = 0; k < 19; ++k) x[k] = static_cast<double>(k + 1);  // quantile p is 20 p
  for (const double share : {0.5, 0.8, 0.9}) {
    const auto [low, high] = central_interval(x, share);
    CHECK(low == Approx(10.0 - 10.0 * share));
    CHECK(high == Approx(10.0 + 10.0 * share));
  }
  CHECK_THROWS_AS(central_interval(x, 0.91), Error);
  std::vector<double> y(32);
  for (std::size_t k = 0; k < 32; ++k)
    y[k] = static_cast<double>(k + 1);  // quantile p is 33 p, between members
  CHECK(central_interval(y, 0.9)[0] == Approx(1.65));
  CHECK(central_interval(y, 0.9)[1] == Approx(31.35));
  CHECK_THROWS_AS(central_interval({}, 0.5), Error);
}

TEST_CASE("the shares covered by all ranks average to the nominal share exactly", "[verification]") {
  for (const std::size_t m : {1U, 2U, 5U, 19U, 32U, 100U})
    for (const double share : {0.5, 0.8, 0.9}) {
      double mean = 0.0;
      for (std::size_t rank = 0; rank <= m; ++rank) {
        const double c = covered_share(rank, m, share);
        CHECK(c >= 0.0);
        CHECK(c <= 1.0 + 1e-12);
        mean += c / static_cast<double>(m + 1);
      }
      CHECK(mean == Approx(share).margin(1e-12));
    }
}

TEST_CASE("a perfect ensemble of 5 or 32 members covers the nominal share, whatever the law",
          "[verification]") {
  // 40,000 independent draws: standard error of a share at most 0.0025, tolerance four of them.
  constexpr int kTrials = 40000;
  for (const std::size_t m : {5U, 32U}) {
    RandomStream random({.seed = 3, .member = static_cast<std::uint32_t>(m)});
    std::array<double, 3> covered{};
    double by_interval = 0.0;
    std::vector<double> ranks(m + 1, 0.0);
    for (int k = 0; k < kTrials; ++k) {
      std::vector<double> x(m);
      for (auto& v : x) v = skewed(random);
      std::sort(x.begin(), x.end());
      const double truth = skewed(random);
      const std::size_t rank = rank_of_truth(x, truth, random);
      ranks[rank] += 1.0;
      for (std::size_t s = 0; s < 3; ++s)
        covered[s] += covered_share(rank, m, std::array{0.5, 0.8, 0.9}[s]) / kTrials;
      const auto [low, high] = central_interval(x, 0.5);
      by_interval += (truth >= low && truth <= high ? 1.0 : 0.0) / kTrials;
    }
    INFO(m << " members");
    CHECK(covered[0] == Approx(0.5).margin(0.01));
    CHECK(covered[1] == Approx(0.8).margin(0.01));
    CHECK(covered[2] == Approx(0.9).margin(0.01));
    // Linear in value, an interval between members holds a little too much: 0.53 here for 5 members.
    CHECK(by_interval == Approx(0.5).margin(m == 5 ? 0.04 : 0.015));
    const auto flat = rank_flatness(ranks, kTrials);
    CHECK(flat.degrees == static_cast<double>(m));
    CHECK(std::abs(flat.chi_square - flat.degrees) < 4.0 * std::sqrt(2.0 * flat.degrees));
  }
}

TEST_CASE("an overconfident ensemble covers less and its rank histogram is not flat", "[verification]") {
  RandomStream random({.seed = 4});
  std::vector<double> ranks(21, 0.0);
  double covered = 0.0;
  for (int k = 0; k < 5000; ++k) {
    std::vector<double> x(20);
    for (auto& v : x) v = 0.5 * random.normal();
    std::sort(x.begin(), x.end());
    const std::size_t rank = rank_of_truth(x, random.normal(), random);
    ranks[rank] += 1.0;
    covered += covered_share(rank, 20, 0.9) / 5000.0;
  }
  CHECK(covered < 0.7);  // P(|Z| < 0.5 * 1.645) = 0.59
  CHECK(rank_flatness(ranks, 5000.0).chi_square > 1000.0);
}

TEST_CASE("flatness is Pearson's chi-square, and equal weights do not change it", "[verification]") {
  const std::vector<double> counts{10.0, 20.0, 30.0};
  CHECK(rank_flatness(counts, 60.0).chi_square == Approx((100.0 + 0.0 + 100.0) / 20.0));
  const std::vector<double> weighted{1.0, 2.0, 3.0};  // sixty cells of weight 0.1
  CHECK(rank_flatness(weighted, 0.6).chi_square == Approx(10.0));
}

TEST_CASE("ties get each place with the same chance, the same ones for the same seed", "[verification]") {
  const std::vector<double> x{0.0, 1.0, 1.0, 2.0};
  std::array<int, 5> seen{};
  RandomStream random({.seed = 5});
  RandomStream again({.seed = 5});
  for (int k = 0; k < 3000; ++k) {
    const std::size_t rank = rank_of_truth(x, 1.0, random);
    CHECK(rank == rank_of_truth(x, 1.0, again));
    ++seen[rank];
  }
  CHECK(seen[0] == 0);
  CHECK(seen[4] == 0);
  for (const std::size_t r : {1U, 2U, 3U}) CHECK(std::abs(seen[r] - 1000) < 110);  // four standard errors
  CHECK(rank_of_truth(x, -1.0, random) == 0);
  CHECK(rank_of_truth(x, 3.0, random) == 4);
}

TEST_CASE("a coverage curve is the mean of covered shares, exact for flat ranks", "[verification]") {
  const std::vector<double> shares{0.1, 0.35, 0.9};
  const std::vector<double> flat(21, 0.7);
  const auto exact = coverage_curve(flat, shares);
  for (std::size_t k = 0; k < shares.size(); ++k) CHECK(exact[k] == Approx(shares[k]).margin(1e-12));
  std::vector<double> outside(21, 0.0);
  outside.front() = 3.0;
  outside[10] = 1.0;  // the middle rank of 21 lies within every interval of 1 / 21 and more
  const auto quarter = coverage_curve(outside, shares);
  for (const double covered : quarter) CHECK(covered == Approx(0.25).margin(1e-12));
}

TEST_CASE("cells are grouped by their spread, whatever the order", "[verification]") {
  SpreadBins bins;
  SpreadBins other;
  // Errors have the spread of the ensemble in the first half, twice as much in the uncertain one.
  for (int k = 0; k < 800; ++k) {
    const double spread = std::exp2(static_cast<double>(k % 8) / 2.0);
    const double factor = k % 8 < 4 ? 1.0 : 4.0;
    (k % 3 == 0 ? bins : other).add(spread * spread, factor * spread * spread, 0.5);
  }
  bins.add(other);
  const auto groups = bins.points(8);
  REQUIRE(groups.size() == 8);
  for (std::size_t g = 0; g < 8; ++g) {
    CHECK(groups[g].share == Approx(0.125));
    CHECK(groups[g].spread == Approx(std::exp2(static_cast<double>(g) / 2.0)));
    CHECK(groups[g].rmse == Approx((g < 4 ? 1.0 : 2.0) * groups[g].spread));
  }
  CHECK(bins.points(2).size() == 2);
  CHECK(bins.points(2)[0].spread == Approx(std::sqrt((1.0 + 2.0 + 4.0 + 8.0) / 4.0)));
  const auto again = SpreadBins::from_numbers(bins.numbers());
  CHECK(again.numbers() == bins.numbers());
  CHECK(SpreadBins().points(5).empty());
  SpreadBins certain;  // members that are all alike have a group of their own
  certain.add(0.0, 9.0, 1.0);
  certain.add(1.0, 1.0, 1.0);
  REQUIRE(certain.points(2).size() == 2);
  CHECK(certain.points(2)[0].spread == 0.0);
  CHECK(certain.points(2)[0].rmse == 3.0);
}
