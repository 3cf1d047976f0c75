#include "manifill/base/signals.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "catch.hpp"

using namespace manifill;

TEST_CASE("signals and requests set the flag and name their cause", "[base]") {
  clear_stop();
  CHECK_FALSE(stop_requested());
  CHECK(stop_reason().empty());
  const auto before = std::signal(SIGTERM, SIG_DFL);
  install_stop_handlers();
  std::raise(SIGTERM);
  CHECK(stop_requested());
  CHECK(stop_reason() == "SIGTERM");
  clear_stop();
  CHECK_FALSE(stop_requested());
  request_stop();
  CHECK(stop_requested());
  CHECK(stop_reason() == "request");
  clear_stop();
  std::signal(SIGTERM, before);
  std::signal(SIGINT, SIG_DFL);
}

TEST_CASE("the time limit passes once", "[base]") {
  clear_stop();
  set_time_limit(0.02);
  CHECK_FALSE(stop_requested());
  std::this_thread::sleep_for(std::chrono::milliseconds(40));
  CHECK(stop_requested());
  CHECK(stop_reason() == "time limit");
  for (const double none : {0.0, -1.0, 1e300}) {
    set_time_limit(none);
    CHECK_FALSE(stop_requested());
  }
  clear_stop();
}

TEST_CASE("a second signal ends the process", "[base]") {
  const int first = GENERATE(SIGINT, SIGTERM);
  const int second = GENERATE(SIGINT, SIGTERM);
  CAPTURE(first, second);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    clear_stop();
    install_stop_handlers();
    std::raise(first);
    if (!stop_requested()) ::_exit(1);
    std::raise(SIGTERM);  // the same request once more
    if (second == SIGTERM) std::this_thread::sleep_for(std::chrono::milliseconds(600));
    std::raise(second);
    ::_exit(2);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == second);
}
