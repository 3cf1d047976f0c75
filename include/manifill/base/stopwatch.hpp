#pragma once
/// \file
/// \brief Elapsed time.

#include <chrono>

namespace manifill {

/// \brief Time since its making, by a clock that is never set back.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace manifill
