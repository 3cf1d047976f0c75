#include "catch.hpp"

#include <cmath>
#include <limits>

#include "manifill/plot/ticks.hpp"

using namespace manifill::plot;
using Strings = std::vector<std::string>;

TEST_CASE("ticks are round numbers inside the range") {
  CHECK(nice_ticks(0, 10, 5) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(nice_ticks(-5, 5, 5) == std::vector<double>{-4, -2, 0, 2, 4});
  CHECK(tick_labels(nice_ticks(97000, 104000, 4)) == Strings{"98000", "100000", "102000", "104000"});
  for (const double high : {1e-9, 0.37, 12.0, 8.1e12}) {
    const auto ticks = nice_ticks(-0.3 * high, high, 6);
    REQUIRE(ticks.size() >= 3);
    REQUIRE(ticks.size() <= 9);
    CHECK(ticks.front() >= -0.3 * high * (1 + 1e-6));
    CHECK(ticks.back() <= high * (1 + 1e-6));
    for (std::size_t i = 1; i < ticks.size(); ++i)
      CHECK(ticks[i] - ticks[i - 1] == Approx(ticks[1] - ticks[0]));
  }
}

TEST_CASE("ticks of ranges that are none") {
  CHECK(nice_ticks(3, 3, 5) == std::vector<double>{3});
  CHECK(nice_ticks(std::nan(""), 1, 5).empty());
  CHECK(nice_ticks(0, std::numeric_limits<double>::infinity(), 5).empty());
  CHECK(log_ticks(0, 10, 5).empty());
  CHECK(log_ticks(-1, 10, 5).empty());
}

TEST_CASE("logarithmic ticks are powers of ten, or fill a narrow range") {
  CHECK(log_labels(log_ticks(0.5, 2000, 8)) == Strings{"1", "10", "100", "1000"});
  CHECK(log_labels(log_ticks(1e-6, 1e-2, 8)) ==
        Strings{"10\u207b\u2076", "10\u207b\u2075", "10\u207b\u2074", "10\u207b\u00b3", "10\u207b\u00b2"});
  CHECK(log_ticks(1, 1e12, 4).size() <= 5);
  const auto narrow = log_ticks(1.5, 6, 5);
  REQUIRE(narrow.size() == 2);
  CHECK(narrow[0] == Approx(2));
  CHECK(narrow[1] == Approx(5));
  CHECK(log_ticks(0.31, 0.34, 5).size() >= 2);
}

TEST_CASE("labels share their precision and have a true minus") {
  CHECK(tick_labels({-0.5, 0, 0.25}) == Strings{"\u22120.50", "0.00", "0.25"});
  CHECK(tick_labels({0, 1e7, 2.5e7}) == Strings{"0", "1.0\u00d710\u2077", "2.5\u00d710\u2077"});
  CHECK(tick_labels({-0.0}) == Strings{"0"});
  CHECK(latitude_label(-30) == "30\u00b0S");
  CHECK(latitude_label(0) == "0\u00b0");
  CHECK(longitude_label(210) == "150\u00b0W");
  CHECK(longitude_label(-180) == "180\u00b0");
  CHECK(longitude_label(360) == "0\u00b0");
  CHECK(longitude_label(22.5) == "22.5\u00b0E");
}

TEST_CASE("a nice range holds the data and is not much wider") {
  for (const auto& [low, high] : {std::pair{0.0, 5.0}, {-5.6, 5.6}, {97123.0, 103894.0}, {-1e-7, 3e-7}}) {
    const Range r = nice_range(low, high);
    CHECK(r.lowest <= low + 1e-9 * (high - low));
    CHECK(r.highest >= high - 1e-9 * (high - low));
    CHECK(r.highest - r.lowest <= 1.5 * (high - low));
  }
  const Range constant = nice_range(2.5, 2.5);
  CHECK(constant.lowest < 2.5);
  CHECK(constant.highest > 2.5);
  CHECK(nice_range(0, 0).highest > nice_range(0, 0).lowest);
}
