#include "launch.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "manifill/base/blas.hpp"
#include "manifill/base/error.hpp"

namespace manifill::app {

void execute_compute(char** argv) {
  namespace fs = std::filesystem;
  // The running file itself, whatever name, link or PATH entry it was called by.
  std::error_code error;
  const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
  fs::path program = here / "manifill-compute";
  if (!fs::exists(program, error)) program = here / ".." / "libexec" / "manifill" / "manifill-compute";
  if (!fs::exists(program, error))
    throw Error(ErrorKind::internal, "the program manifill-compute is not installed",
                {.file = program.lexically_normal().string(),
                 .remedy = "Install manifill completely: cmake --install"});
  choose_blas_environment();
  ::execv(program.c_str(), argv);
  throw Error(ErrorKind::internal, std::string("cannot start: ") + std::strerror(errno),
              {.file = program.lexically_normal().string(),
               .remedy = "Install manifill completely: cmake --install"});
}

}  // namespace manifill::app
