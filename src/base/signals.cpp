#include "manifill/base/signals.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <limits>

#include "manifill/base/error.hpp"

namespace manifill {
namespace {

constexpr int kByProgram = -1;
constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

std::atomic<int> stop_cause{0};  // 0, a signal number, or kByProgram
std::atomic<std::int64_t> deadline_ns{kNoLimit};
std::atomic<std::int64_t> first_ns{0};  // when the first signal came
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free,
              "the handler may only touch lock-free atomics");
// timeout(1) and batch systems signal a process by itself and again with its group: one request, twice.
constexpr std::int64_t kEcho_ns = 500'000'000;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void on_signal(int signal) {
  // Impatience is meant: a second signal acts as if there were no handler.
  const std::int64_t now = now_ns();
  if (stop_cause > 0) {
    if (signal == SIGTERM && now - first_ns < kEcho_ns) return;
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return;
  }
  first_ns = now;
  stop_cause = signal;
}

}  // namespace

void install_stop_handlers() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;  // a read or write under way is not broken off half done
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction old {};
    // nohup and background jobs of a shell ignore a signal on purpose.
    if (sigaction(signal, nullptr, &old) == 0 && old.sa_handler == SIG_IGN) continue;
    sigaction(signal, &action, nullptr);
  }
}

void set_time_limit(double seconds) {
  constexpr double kLongest = 3e9;  // about a century; beyond, nanoseconds overflow
  if (!(seconds > 0.0) || seconds > kLongest)
    deadline_ns = kNoLimit;
  else
    deadline_ns = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
}

bool stop_requested() {
  if (stop_cause != 0) return true;
  const std::int64_t deadline = deadline_ns;
  return deadline != kNoLimit && now_ns() >= deadline;
}

std::string stop_reason() {
  switch (stop_cause.load()) {
    case 0:
      return stop_requested() ? "time limit" : "";
    case SIGINT:
      return "SIGINT";
    case SIGTERM:
      return "SIGTERM";
    default:
      return "request";
  }
}

void check_stop(const std::string& file) {
  if (stop_requested())
    throw Error(ErrorKind::stopped, "stopped by " + stop_reason() + "; nothing was written", {.file = file});
}

void request_stop() { stop_cause = kByProgram; }

void clear_stop() {
  stop_cause = 0;
  deadline_ns = kNoLimit;
}

}  // namespace manifill
