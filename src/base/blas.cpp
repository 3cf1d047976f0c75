#include "manifill/base/blas.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <iterator>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "manifill/base/error.hpp"

// Declared by hand: the headers of different BLAS packages disagree about these, and with Eigen's.
extern "C" {
char* openblas_get_config(void);
char* openblas_get_corename(void);
int openblas_get_num_threads(void);
void cblas_sgemm(int order, int transa, int transb, int m, int n, int k, float alpha, const float* a, int lda,
                 const float* b, int ldb, float beta, float* c, int ldc);
void cblas_dgemm(int order, int transa, int transb, int m, int n, int k, double alpha, const double* a,
                 int lda, const double* b, int ldb, double beta, double* c, int ldc);
}

namespace manifill {
namespace {

constexpr const char* kCoreType = "OPENBLAS_CORETYPE";
constexpr const char* kL2Size = "OPENBLAS_L2_SIZE";
// What manifill itself chose so far, e.g. "SkylakeX" or "none"; absent before the first choice. Tells its
// choices from the user's, and ends the restarts.
constexpr const char* kChosen = "MANIFILL_BLAS_CHOSEN";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string(value);
}

bool one_of(const std::string& word, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(), [&](const char* w) { return word == w; });
}

constexpr int kColumnMajor = 102;  // of CBLAS
constexpr int kNoTranspose = 111;

void gemm(const std::vector<float>& a, const std::vector<float>& b, std::vector<float>& c, int m, int n,
          int k) {
  cblas_sgemm(kColumnMajor, kNoTranspose, kNoTranspose, m, n, k, 1.0F, a.data(), m, b.data(), k, 0.0F,
              c.data(), m);
}

void gemm(const std::vector<double>& a, const std::vector<double>& b, std::vector<double>& c, int m, int n,
          int k) {
  cblas_dgemm(kColumnMajor, kNoTranspose, kNoTranspose, m, n, k, 1.0, a.data(), m, b.data(), k, 0.0, c.data(),
              m);
}

/// Small integers make every product exact in either precision, so any difference is an error of the kernel.
template <typename T>
bool product_is_right(int m, int n, int k) {
  const auto size = [](int rows, int columns) {
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  };
  std::vector<T> a(size(m, k));
  std::vector<T> b(size(k, n));
  std::vector<T> c(size(m, n), T(-1));
  std::uint32_t state = 12345;
  const auto next = [&state] {
    state = state * 1664525U + 1013904223U;
    return static_cast<T>(static_cast<int>(state >> 28U) - 7);
  };
  std::generate(a.begin(), a.end(), next);
  std::generate(b.begin(), b.end(), next);
  gemm(a, b, c, m, n, k);
  std::vector<T> column(static_cast<std::size_t>(m));
  for (int j = 0; j < n; ++j) {
    std::fill(column.begin(), column.end(), T(0));
    for (int l = 0; l < k; ++l) {
      const T factor = b[size(k, j) + static_cast<std::size_t>(l)];
      const T* source = a.data() + size(m, l);
      for (std::size_t i = 0; i < column.size(); ++i) column[i] += source[i] * factor;
    }
    if (!std::equal(column.begin(), column.end(), c.begin() + static_cast<std::ptrdiff_t>(size(m, j))))
      return false;
  }
  return true;
}

[[noreturn]] void restart(char** argv) {
  ::execv("/proc/self/exe", argv);
  throw Error(ErrorKind::internal, "cannot restart with other BLAS kernels",
              {.remedy = fmt::format("Set {}=Haswell and run again", kCoreType)});
}

}  // namespace

std::string BlasInfo::describe() const {
  const auto space = configuration.find(' ', configuration.find(' ') + 1);
  return fmt::format("{}, kernel {}{}, {} thread{}", configuration.substr(0, space), kernel,
                     chosen_by_user ? " (OPENBLAS_CORETYPE)" : "", threads, threads == 1 ? "" : "s");
}

BlasInfo blas_info() {
  const std::string wanted = environment(kCoreType);
  return {openblas_get_config(), openblas_get_corename(), openblas_get_num_threads(),
          !wanted.empty() && wanted != environment(kChosen)};
}

CpuFeatures cpu_features() {
  CpuFeatures cpu;
#if defined(__x86_64__)
  __builtin_cpu_init();
  cpu.avx512 = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
               __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  cpu.avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
#endif
  return cpu;
}

std::optional<std::string> better_coretype(const CpuFeatures& cpu, const std::string& detected) {
  // A newer OpenBLAS that knows the processor may have taken a kernel beyond these.
  if (one_of(detected, {"SkylakeX", "Cooperlake", "SapphireRapids"})) return std::nullopt;
  if (cpu.avx512) return "SkylakeX";
  if (cpu.avx2 && !one_of(detected, {"Haswell", "Zen", "Excavator"})) return "Haswell";
  return std::nullopt;
}

std::optional<std::string> recommended_coretype() {
  if (!environment(kCoreType).empty()) return std::nullopt;
  if (std::string_view(openblas_get_config()).find("DYNAMIC_ARCH") == std::string_view::npos)
    return std::nullopt;
  return better_coretype(cpu_features(), openblas_get_corename());
}

std::optional<long> recommended_l2_kib() {
  constexpr long kLeast = 256;
  constexpr long kMost = 2048;
  constexpr long kImplausible = 65536;
  if (!environment(kL2Size).empty()) return std::nullopt;
#if defined(_SC_LEVEL2_CACHE_SIZE)
  const long kib = ::sysconf(_SC_LEVEL2_CACHE_SIZE) / 1024;
  if (kib >= 128 && kib <= kImplausible) return std::clamp(kib, kLeast, kMost);
#endif
  return std::nullopt;
}

bool choose_blas_environment() {
  if (!environment(kChosen).empty()) return false;
  const auto core = recommended_coretype();
  const auto l2 = recommended_l2_kib();
  if (core) ::setenv(kCoreType, core->c_str(), 1);
  if (l2) ::setenv(kL2Size, std::to_string(*l2).c_str(), 1);
  ::setenv(kChosen, core ? core->c_str() : "none", 1);
  return core || l2;
}

bool blas_computes_right() {
  // The first is within the limit of the kernels for small products, the second beyond it and beyond one
  // block of the inner dimension, the third off the tile sizes, where the edge code works.
  struct Size {
    int m, n, k;
  };
  constexpr Size kSizes[] = {{96, 80, 112}, {132, 64, 400}, {37, 19, 53}};
  return std::all_of(std::begin(kSizes), std::end(kSizes), [](const Size& s) {
    return product_is_right<float>(s.m, s.n, s.k) && product_is_right<double>(s.m, s.n, s.k);
  });
}

void restart_with_chosen_blas(char** argv) {
  if (choose_blas_environment()) restart(argv);
  if (blas_computes_right()) return;
  const std::string chosen = environment(kChosen);
  const bool by_user = !environment(kCoreType).empty() && environment(kCoreType) != chosen;
  // Ever older kernels: the first choice, be it ours or OpenBLAS's, then AVX2, then what every x86-64
  // computes.
  const char* next = chosen == "Haswell" ? "Prescott" : cpu_features().avx2 ? "Haswell" : "Prescott";
  if (by_user || chosen == "Prescott")
    throw Error(
        ErrorKind::numerical,
        fmt::format("the BLAS computes wrong matrix products: {}", blas_info().describe()),
        {.remedy = fmt::format("Set {} to another kernel, for example Haswell, or install another OpenBLAS",
                               kCoreType)});
  ::setenv(kCoreType, next, 1);
  ::setenv(kChosen, next, 1);
  restart(argv);
}

}  // namespace manifill
