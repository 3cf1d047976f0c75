#pragma once
/// \file
/// \brief From the light program to the one that computes.

namespace manifill::app {

/// \brief Replaces this process by `manifill-compute` with the same arguments, under the OpenBLAS environment
/// that suits the processor. Looks beside this program, then in ../libexec/manifill/. Does not return.
/// \throws Error(internal) when it is not there or cannot be executed
[[noreturn]] void execute_compute(char** argv);

}  // namespace manifill::app
