#include "manifill/base/parallel.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

extern "C" {
int openblas_get_num_threads(void);
void openblas_set_num_threads(int threads);
}

namespace manifill {
namespace {

/// One BLAS thread while it lives.
class SingleThreadedBlas {
 public:
  SingleThreadedBlas() : before_(openblas_get_num_threads()) { set(1); }
  ~SingleThreadedBlas() { set(before_); }
  SingleThreadedBlas(const SingleThreadedBlas&) = delete;
  SingleThreadedBlas& operator=(const SingleThreadedBlas&) = delete;
  SingleThreadedBlas(SingleThreadedBlas&&) = delete;
  SingleThreadedBlas& operator=(SingleThreadedBlas&&) = delete;

 private:
  void set(int threads) const {
    if (before_ != 1) openblas_set_num_threads(threads);
  }

  int before_;
};

/// Whether this thread already works for a loop: loops inside it find the cores taken.
thread_local bool inside = false;

constexpr auto kPatience = std::chrono::microseconds(100);  // two transforms of a small field lie closer

/// Waits until `value` is no longer `old`: at first awake, as the next loop mostly follows at once, and for
/// as long as that gives the core to others who want it, then asleep.
template <typename T>
void await_change(const std::atomic<T>& value, T old) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (value.load(std::memory_order_acquire) == old) {
    if (std::chrono::steady_clock::now() > end) {
      value.wait(old, std::memory_order_acquire);
      return;
    }
    std::this_thread::yield();
  }
}

/// Threads that are kept from loop to loop. They live as long as the process: ending them while it ends would
/// wait for what it no longer has.
class Crew {
 public:
  /// Runs `work` on the caller and on up to `helpers` threads. \return false, with nothing done, when another
  /// loop has them
  bool run(std::int64_t helpers, const std::function<void()>& work) {
    const std::unique_lock<std::mutex> mine(busy_, std::try_to_lock);
    if (!mine.owns_lock()) return false;
    try {
      while (size_ < std::min(kMost - 1, static_cast<std::uint64_t>(helpers))) {
        std::thread(&Crew::serve, this, size_, turn_.load()).detach();
        ++size_;
      }
    } catch (const std::system_error&) {
      // Where the system gives no more threads, those there are do the work.
    }
    const auto wanted = std::min(size_, static_cast<std::uint64_t>(helpers));
    work_ = &work;
    at_work_.store(wanted, std::memory_order_relaxed);
    // One word holds both, so that no thread pairs this turn with what another one wants.
    turn_.store((turn_.load() / kMost + 1) * kMost + wanted, std::memory_order_release);
    turn_.notify_all();
    work();
    for (std::uint64_t left = at_work_.load(std::memory_order_acquire); left > 0;
         left = at_work_.load(std::memory_order_acquire))
      await_change(at_work_, left);
    return true;
  }

 private:
  /// \param seen the last turn that this thread has no part in
  void serve(std::uint64_t number, std::uint64_t seen) {
    for (;;) {
      await_change(turn_, seen);
      seen = turn_.load(std::memory_order_acquire);
      // The next turn begins only when all that are wanted have done this one; others may miss turns.
      if (number >= seen % kMost) continue;
      (*work_)();
      at_work_.fetch_sub(1, std::memory_order_acq_rel);
      at_work_.notify_one();
    }
  }

  std::mutex busy_;
  static constexpr std::uint64_t kMost = 1U << 16U;
  std::uint64_t size_ = 0;
  std::atomic<const std::function<void()>*> work_{nullptr};
  std::atomic<std::uint64_t> turn_{0};  ///< kMost times its number, and how many are wanted
  std::atomic<std::uint64_t> at_work_{0};
};

/// The crew of this process; a child that was forked has none of its parent's threads.
Crew& crew() {
  static std::mutex mutex;
  static Crew* kept = nullptr;
  static pid_t owner = 0;
  const std::lock_guard<std::mutex> lock(mutex);
  if (owner != getpid()) {
    kept = new Crew;
    owner = getpid();
  }
  return *kept;
}

}  // namespace

int available_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  if (const char* asked = std::getenv("OMP_NUM_THREADS")) {
    const int n = std::atoi(asked);
    if (n > 0) cores = std::min(cores, n);
  }
  return std::max(1, cores);
}

void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body,
                  const std::function<void()>& progress) {
  const SingleThreadedBlas single;
  std::atomic<std::int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    const bool nested = inside;
    inside = true;
    for (std::int64_t k = next++; k < count; k = next++) {
      try {
        body(k);
        if (!progress) continue;
        const std::lock_guard<std::mutex> lock(mutex);
        progress();
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
    inside = nested;
  };
  const auto helpers = inside ? 0 : std::min<std::int64_t>(count, available_threads()) - 1;
  if (helpers <= 0 || !crew().run(helpers, work)) work();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace manifill
