#pragma once
/// \file
/// \brief How the program's memory is handed out.

namespace manifill {

/// \brief Keeps freed blocks of up to 256 MiB for the next matrices instead of returning each to the system,
/// which would have to clear its pages anew: a quarter of a field's time otherwise. Call first thing in main.
/// No effect where the C library is not glibc.
void keep_freed_memory();

}  // namespace manifill
