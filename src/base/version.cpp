#include "manifill/base/version.hpp"

#include <string_view>

#include <cairo.h>
#include <fitsio.h>
#include <fmt/format.h>
#include <hdf5.h>
#include <netcdf.h>
#include <png.h>
#include <Eigen/Core>
#include <xtensor/xtensor_config.hpp>

#include "manifill/base/blas.hpp"

namespace manifill {

std::string version() { return MANIFILL_VERSION; }

std::vector<LibraryVersion> library_versions() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  const std::string_view netcdf = nc_inq_libvers();  // "4.9.0 of Oct  9 2022 ..."
  return {{"NetCDF", std::string(netcdf.substr(0, netcdf.find(' ')))},
          {"HDF5", fmt::format("{}.{}.{}", major, minor, release)},
          {"CFITSIO", fmt::format("{}.{}.{}", CFITSIO_MAJOR, CFITSIO_MINOR, CFITSIO_MICRO)},
          {"cairo", cairo_version_string()},
          {"libpng", png_get_libpng_ver(nullptr)},
          {"Eigen", fmt::format("{}.{}.{}", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION)},
          {"xtensor",
           fmt::format("{}.{}.{}", XTENSOR_VERSION_MAJOR, XTENSOR_VERSION_MINOR, XTENSOR_VERSION_PATCH)},
          {"BLAS", blas_info().describe()}};
}

std::string version_text(const std::string& torch) {
  std::string text = fmt::format("manifill {}\n", version());
  if (!torch.empty()) text += fmt::format("  {:<9}{}\n", "LibTorch", torch);
  for (const auto& library : library_versions())
    text += fmt::format("  {:<9}{}\n", library.name, library.version);
  return text;
}

}  // namespace manifill
