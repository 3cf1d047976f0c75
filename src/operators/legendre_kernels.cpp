#include "legendre_kernels.hpp"

#include <cstdlib>
#include <string>

#include "manifill/base/blas.hpp"
#include "manifill/base/error.hpp"

namespace manifill::operators::legendre {
namespace {

bool runs(const std::string& name) {
#if defined(__x86_64__)
  if (name == "avx512") return cpu_features().avx512;
  if (name == "avx2") return cpu_features().avx2;
#endif
  return name == "baseline";
}

const Kernels& choose() {
  std::string name;
  if (const char* asked = std::getenv("MANIFILL_SIMD")) {
    name = asked;
    if (!runs(name))
      throw Error(ErrorKind::usage,
                  "MANIFILL_SIMD is '" + name + "', which this processor or build does not run",
                  {.remedy = "Set it to baseline, avx2 or avx512, or unset it"});
  }
#if defined(__x86_64__)
  if (name == "avx512" || (name.empty() && runs("avx512"))) return avx512_kernels();
  if (name == "avx2" || (name.empty() && runs("avx2"))) return avx2_kernels();
#endif
  return baseline_kernels();
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace manifill::operators::legendre
