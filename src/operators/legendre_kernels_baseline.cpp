#include "legendre_kernels_template.hpp"

namespace manifill::operators::legendre {

const Kernels& baseline_kernels() {
#if defined(__x86_64__)
  static constexpr Kernels table = Vectorised<xsimd::sse2>::table("baseline");
#else
  static constexpr Kernels table = Vectorised<xsimd::default_arch>::table("baseline");
#endif
  return table;
}

}  // namespace manifill::operators::legendre
