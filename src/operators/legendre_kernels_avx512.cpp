#include "legendre_kernels_template.hpp"

namespace manifill::operators::legendre {

const Kernels& avx512_kernels() {
  static constexpr Kernels table = Vectorised<xsimd::avx512f>::table("avx512");
  return table;
}

}  // namespace manifill::operators::legendre
