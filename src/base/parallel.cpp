#include "manifill/base/parallel.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

extern "C" {
int openblas_get_num_threads(void);
void openblas_set_num_threads(int threads);
}

namespace manifill {
namespace {

/// One BLAS thread while it lives.
class SingleThreadedBlas {
 public:
  SingleThreadedBlas() : before_(openblas_get_num_threads()) { openblas_set_num_threads(1); }
  ~SingleThreadedBlas() { openblas_set_num_threads(before_); }
  SingleThreadedBlas(const SingleThreadedBlas&) = delete;
  SingleThreadedBlas& operator=(const SingleThreadedBlas&) = delete;
  SingleThreadedBlas(SingleThreadedBlas&&) = delete;
  SingleThreadedBlas& operator=(SingleThreadedBlas&&) = delete;

 private:
  int before_;
};

/// Whether this thread already works for a loop: loops inside it find the cores taken.
thread_local bool inside = false;

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
    inside = true;
    for (std::int64_t k = next++; k < count; k = next++) {
      try {
        body(k);
        const std::lock_guard<std::mutex> lock(mutex);
        if (progress) progress();
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  };
  std::vector<std::thread> helpers;
  const bool nested = inside;
  const auto threads = nested ? 1 : std::min<std::int64_t>(count, available_threads());
  try {
    for (std::int64_t k = 1; k < threads; ++k) helpers.emplace_back(work);
  } catch (const std::system_error&) {
    // Where the system gives no more threads, those there are do the work.
  }
  work();
  inside = nested;
  for (auto& t : helpers) t.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace manifill
