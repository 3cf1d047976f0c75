#include "manifill/base/blas.hpp"

#include <cstdlib>
#include <string>

#include "catch.hpp"
#include "manifill/base/version.hpp"

using namespace manifill;

TEST_CASE("the BLAS at hand is OpenBLAS and computes right", "[base]") {
  const BlasInfo info = blas_info();
  CHECK(info.configuration.find("OpenBLAS") == 0);
  CHECK_FALSE(info.kernel.empty());
  CHECK(info.threads >= 1);
  CHECK(info.describe().find("kernel " + info.kernel) != std::string::npos);
  CHECK(blas_computes_right());
}

TEST_CASE("better kernels are offered only where the detected one is lesser", "[base]") {
  const CpuFeatures avx512{.avx512 = true, .avx2 = true};
  const CpuFeatures avx2{.avx512 = false, .avx2 = true};
  CHECK(better_coretype(avx512, "Prescott") == "SkylakeX");
  CHECK(better_coretype(avx512, "Zen") == "SkylakeX");
  CHECK_FALSE(better_coretype(avx512, "SapphireRapids"));
  CHECK_FALSE(better_coretype(avx512, "SkylakeX"));
  CHECK(better_coretype(avx2, "Prescott") == "Haswell");
  CHECK_FALSE(better_coretype(avx2, "Zen"));
  CHECK_FALSE(better_coretype({}, "Prescott"));
}

TEST_CASE("what the user set stands", "[base]") {
  const char* old = std::getenv("OPENBLAS_CORETYPE");
  const std::string kept = old == nullptr ? "" : old;
  ::setenv("OPENBLAS_CORETYPE", "Nehalem", 1);
  ::setenv("OPENBLAS_L2_SIZE", "512", 1);
  CHECK_FALSE(recommended_coretype());
  CHECK_FALSE(recommended_l2_kib());
  CHECK(blas_info().chosen_by_user);
  ::unsetenv("OPENBLAS_L2_SIZE");
  if (const auto l2 = recommended_l2_kib()) {
    CHECK(*l2 >= 256);
    CHECK(*l2 <= 2048);
  }
  if (kept.empty())
    ::unsetenv("OPENBLAS_CORETYPE");
  else
    ::setenv("OPENBLAS_CORETYPE", kept.c_str(), 1);
}

TEST_CASE("the version text names program and libraries", "[base]") {
  const std::string text = version_text("9.9.9");
  for (const char* part : {"manifill 0.", "LibTorch 9.9.9", "NetCDF", "HDF5", "Eigen", "OpenBLAS", "kernel"})
    CHECK(text.find(part) != std::string::npos);
  CHECK(version_text().find("LibTorch") == std::string::npos);
}
