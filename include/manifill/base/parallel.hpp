#pragma once
/// \file
/// \brief Independent pieces of work spread over the processor's cores.

#include <cstdint>
#include <functional>

namespace manifill {

/// \brief Cores this process may use: those of its affinity mask, or OMP_NUM_THREADS when it is smaller.
int available_threads();

/// \brief Calls body(k) once for every k in [0, count), on available_threads() threads; order is not defined.
/// BLAS runs on one thread meanwhile, so that the cores are not asked for twice. `progress`, when given, runs
/// after each piece, never two at once. A loop inside another runs on its thread alone. The first exception
/// of a body stops the loop and is thrown here.
void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body,
                  const std::function<void()>& progress = {});

}  // namespace manifill
