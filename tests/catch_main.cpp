#define CATCH_CONFIG_RUNNER
#include "catch.hpp"

#include "manifill/base/allocation.hpp"
#include "manifill/base/blas.hpp"

#if defined(__SANITIZE_ADDRESS__)
// HDF5 does not free what it read of a file whose metadata are damaged; the tests of hostile model files make
// some.
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }
#endif

int main(int argc, char** argv) {
  // The tests run on the kernels that the program runs on, and with its memory.
  manifill::restart_with_chosen_blas(argv);
  manifill::keep_freed_memory();
  return Catch::Session().run(argc, argv);
}
