#include "manifill/base/allocation.hpp"

#include <cstdlib>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace manifill {

void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int kLargest = 256 << 20;
  mallopt(M_MMAP_THRESHOLD, kLargest);
  mallopt(M_TRIM_THRESHOLD, 2 * kLargest);
#endif
}

}  // namespace manifill
