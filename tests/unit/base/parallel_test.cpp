#include "manifill/base/parallel.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
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

TEST_CASE("loops from several threads, inside each other and of changing width keep apart", "[base]") {
  // Far more turns than threads: a helper that mistakes one turn for another would run a piece twice or
  // never.
  std::atomic<std::int64_t> total{0};
  const auto many = [&] {
    for (int turn = 0; turn < 2000; ++turn)
      parallel_for(1 + turn % 5, [&](std::int64_t k) {
        if (turn % 7 == 0)
          parallel_for(3, [&](std::int64_t) { ++total; });
        else
          total += k + 1;
      });
  };
  std::int64_t expected = 0;
  for (int turn = 0; turn < 2000; ++turn) {
    const int count = 1 + turn % 5;
    expected += turn % 7 == 0 ? 3 * count : count * (count + 1) / 2;
  }
  std::thread other(many);
  many();
  other.join();
  REQUIRE(total == 2 * expected);
}

TEST_CASE("a forked child has helpers of its own", "[base]") {
  std::atomic<int> runs{0};
  parallel_for(8, [&](std::int64_t) { ++runs; });
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<int> again{0};
    parallel_for(8, [&](std::int64_t) { ++again; });
    _exit(again == 8 ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
}

TEST_CASE("at least one thread is there", "[base]") { REQUIRE(available_threads() >= 1); }
