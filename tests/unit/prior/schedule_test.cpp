#include "manifill/prior/schedule.hpp"

#include <cmath>
#include <numeric>

#include "catch.hpp"

using namespace manifill;
using namespace manifill::prior;

TEST_CASE("The variance-preserving schedule keeps its identities", "[prior][schedule]") {
  const NoiseSchedule schedule;
  CHECK(schedule.span() == Approx(19.17).margin(0.01));
  CHECK(schedule.lowest() == Approx(-10.05).margin(0.01));
  for (const double t : {1e-3, 0.01, 0.2, 0.5, 0.9, 1.0}) {
    const double lambda = schedule.log_snr(t);
    CHECK(schedule.time(lambda) == Approx(t).epsilon(1e-10));
    const double alpha = alpha_of(lambda);
    const double sigma = sigma_of(lambda);
    CHECK(alpha * alpha + sigma * sigma == Approx(1.0).epsilon(1e-14));
    CHECK(std::log(alpha * alpha / (sigma * sigma)) == Approx(lambda).epsilon(1e-10));
    // Song et al. 2021, eq. 33.
    CHECK(-2.0 * std::log(alpha) == Approx(0.1 * t + 0.5 * 19.9 * t * t).epsilon(1e-9));
    const auto level = torch::full({2}, lambda, torch::kFloat64);
    CHECK(alpha_of(level)[1].item<double>() == Approx(alpha).epsilon(1e-12));
    CHECK(sigma_of(level)[0].item<double>() == Approx(sigma).epsilon(1e-12));
  }
}

TEST_CASE("Levels are stratified, antithetic and repeatable", "[prior][schedule]") {
  const NoiseSchedule schedule;
  const RandomKey key{.seed = 3, .purpose = RandomPurpose::diffusion};
  for (const std::size_t count : {1U, 2U, 7U, 16U}) {
    RandomStream random(key);
    const auto levels = stratified_log_snr(schedule, count, random);
    REQUIRE(levels.size() == count);
    const double width = schedule.span() / static_cast<double>(count);
    for (std::size_t k = 0; k < count; ++k) {
      CHECK(levels[k] >= schedule.lowest() + width * static_cast<double>(k));
      CHECK(levels[k] <= schedule.lowest() + width * static_cast<double>(k + 1));
    }
    if (count % 2 == 0) {
      const double mean = std::accumulate(levels.begin(), levels.end(), 0.0) / static_cast<double>(count);
      CHECK(mean == Approx(0.5 * (schedule.lowest() + schedule.highest())).epsilon(1e-12));
    }
    RandomStream again(key);
    CHECK(stratified_log_snr(schedule, count, again) == levels);
  }
}
