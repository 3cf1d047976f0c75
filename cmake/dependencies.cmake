# Every third-party header is a system header: their warnings are not ours.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(ZLIB REQUIRED)
pkg_check_modules(NETCDF REQUIRED IMPORTED_TARGET netcdf-cxx4 netcdf)
pkg_check_modules(CAIRO REQUIRED IMPORTED_TARGET cairo)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng>=1.6)
pkg_check_modules(CFITSIO REQUIRED IMPORTED_TARGET cfitsio)
pkg_check_modules(PROJ REQUIRED IMPORTED_TARGET proj>=9)
find_library(UDUNITS2_LIBRARY udunits2 REQUIRED)
find_path(XTENSOR_INCLUDE_DIR xtensor/xtensor.hpp REQUIRED)
if(MANIFILL_BUILD_BENCH)
  find_path(SPECTRA_INCLUDE_DIR Spectra/SymEigsShiftSolver.h REQUIRED) # measured beside the project's own eigensolver
endif()
find_library(OPENBLAS_LIBRARY NAMES openblas REQUIRED)
find_library(LAPACKE_LIBRARY NAMES lapacke REQUIRED)

add_library(manifill_third_party INTERFACE)
target_include_directories(manifill_third_party SYSTEM INTERFACE ${XTENSOR_INCLUDE_DIR} ${HDF5_C_INCLUDE_DIRS})
# OpenBLAS by name, not whatever libblas.so.3 is: the reference BLAS is tens of times slower.
target_compile_definitions(manifill_third_party INTERFACE EIGEN_USE_BLAS EIGEN_DONT_PARALLELIZE)
target_link_libraries(
  manifill_third_party
  INTERFACE PkgConfig::NETCDF PkgConfig::CAIRO PkgConfig::CFITSIO PkgConfig::PNG PkgConfig::PROJ ZLIB::ZLIB ${HDF5_C_LIBRARIES} ${UDUNITS2_LIBRARY}
            ${OPENBLAS_LIBRARY} ${LAPACKE_LIBRARY} Eigen3::Eigen fmt::fmt spdlog::spdlog Threads::Threads)

find_package(Torch REQUIRED)
add_library(manifill_torch INTERFACE)
target_include_directories(manifill_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(manifill_torch INTERFACE ${TORCH_LIBRARIES})

if(MANIFILL_SANITIZE)
  # -O1 -g1, whatever the build type: at -O2 -g src/base/config.cpp, say, takes more than twice as long to compile.
  # A number out of an integer's range is undefined too, and not among what "undefined" checks.
  add_compile_options(-fsanitize=address,undefined,float-cast-overflow -fno-omit-frame-pointer -O1 -g1)
  add_link_options(-fsanitize=address,undefined,float-cast-overflow)
endif()
