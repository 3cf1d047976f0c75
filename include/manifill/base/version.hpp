#pragma once
/// \file
/// \brief Versions of manifill and of the libraries it runs with.

#include <string>
#include <vector>

namespace manifill {

/// \brief "0.1.0".
std::string version();

/// \brief A library and the version loaded at run time (or compiled against, for header-only ones).
struct LibraryVersion {
  std::string name{};
  std::string version{};
};

/// \brief NetCDF, HDF5, cairo, Eigen, xtensor and the BLAS of this process.
std::vector<LibraryVersion> library_versions();

/// \brief Text of --version: manifill, then one library a line. \param torch version of LibTorch, where it is
/// linked
std::string version_text(const std::string& torch = {});

}  // namespace manifill
