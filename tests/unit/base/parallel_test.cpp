#include "manifill/base/parallel.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace manifill;

TEST_CASE("every piece of work runs once", "[base]") {
  for (const std::int64_t count : {0, 1, 7, 1000}) {
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
    int progress = 0;
    parallel_for(
        count, [&](std::int64_t k) { ++runs[static_cast<std::size_t>(k)]; }, [&] { ++progress; });
    for (const auto& r : runs) REQUIRE(r == 1);
    REQUIRE(progress == count);
  }
}

TEST_CASE("the first failure of a piece of work is thrown and ends the loop", "[base]") {
  // With a thread alone nothing depends on when another one is put to sleep.
  const char* before = std::getenv("OMP_NUM_THREADS");
  const std::string threads = before == nullptr ? "" : before;
  setenv("OMP_NUM_THREADS", "1", 1);
  std::atomic<int> runs{0};
  REQUIRE_THROWS_AS(parallel_for(100000,
                                 [&](std::int64_t k) {
                                   ++runs;
                                   if (k == 3) throw std::runtime_error("piece 3");
                                 }),
                    std::runtime_error);
  if (before == nullptr)
    unsetenv("OMP_NUM_THREADS");
  else
    setenv("OMP_NUM_THREADS", threads.c_str(), 1);
  REQUIRE(runs == 4);
}

TEST_CASE("at least one thread is there", "[base]") { REQUIRE(available_threads() >= 1); }
