#pragma once
/// \file
/// \brief Which kernels OpenBLAS runs, and the choice of better ones where it does not know the processor.
///
/// OpenBLAS reads its environment when it is loaded, so a choice takes effect in the next program: `manifill`
/// makes it before it starts `manifill-compute`; a program without such a launcher calls
/// `restart_with_chosen_blas` first thing in main. What the user set (OPENBLAS_CORETYPE, OPENBLAS_L2_SIZE) is
/// never changed.

#include <optional>
#include <string>

namespace manifill {

/// \brief The BLAS of this process.
struct BlasInfo {
  std::string configuration{};  ///< "OpenBLAS 0.3.21 NO_AFFINITY DYNAMIC_ARCH ..."
  std::string kernel{};         ///< "SkylakeX", "Haswell", "Prescott", ...
  int threads = 1;
  bool chosen_by_user = false;  ///< OPENBLAS_CORETYPE was set by the user
  /// \brief "OpenBLAS 0.3.21, kernel SkylakeX, 2 threads".
  [[nodiscard]] std::string describe() const;
};
BlasInfo blas_info();

/// \brief Instruction sets that decide between kernels.
struct CpuFeatures {
  bool avx512 = false;  ///< F, DQ, BW and VL, usable under this operating system
  bool avx2 = false;    ///< AVX2 and FMA
};
CpuFeatures cpu_features();

/// \brief Kernel that suits the processor better than the detected one, if any.
/// \param detected kernel OpenBLAS took by itself, as in BlasInfo
std::optional<std::string> better_coretype(const CpuFeatures& cpu, const std::string& detected);

/// \brief `better_coretype` for this machine; nothing when OPENBLAS_CORETYPE is set or OpenBLAS has one
/// kernel only.
std::optional<std::string> recommended_coretype();

/// \brief Level-2 cache, KiB, as the operating system knows it, within what OpenBLAS's formulas bear (256 to
/// 2048). Nothing when unknown, implausible or OPENBLAS_L2_SIZE is set. OpenBLAS 0.3.21 reads 0 or nonsense
/// on new AMD and virtual processors, and then crashes or computes wrong products.
std::optional<long> recommended_l2_kib();

/// \brief Puts the recommendations into the environment of this process, for the program it executes next.
/// \return whether anything was set
bool choose_blas_environment();

/// \brief Compares small single and double products with naive ones. A few ms.
bool blas_computes_right();

/// \brief Makes sure that the BLAS in this process is the chosen one and computes right; where not, restarts
/// the program (same arguments, same process number) with a better environment: the recommended kernel, then
/// Haswell, then Prescott. At most three restarts. Returns in the process that is to do the work. \throws
/// Error(numerical) when the products are wrong with the last choice, or with the user's own
void restart_with_chosen_blas(char** argv);

}  // namespace manifill
