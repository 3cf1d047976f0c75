#pragma once
// What every benchmark program does before and around its work.

#include <fmt/format.h>

#include <exception>
#include <string>
#include <vector>

#include "manifill/base/allocation.hpp"
#include "manifill/base/blas.hpp"

namespace bench {

/// Runs `work` with the program's arguments under the kernels and the allocation that manifill itself runs
/// with. \return exit code; 2 after an error, told under `name`
inline int run(const char* name, int (*work)(const std::vector<std::string>&), int argc, char** argv) {
  try {
    manifill::restart_with_chosen_blas(argv);
    manifill::keep_freed_memory();
    return work({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}: {}\n", name, e.what());
    return 2;
  }
}

}  // namespace bench
