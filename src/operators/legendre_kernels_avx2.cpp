#include "legendre_kernels_template.hpp"

namespace manifill::operators::legendre {

const Kernels& avx2_kernels() {
  static constexpr Kernels table = Vectorised<xsimd::fma3<xsimd::avx2>>::table("avx2");
  return table;
}

}  // namespace manifill::operators::legendre
