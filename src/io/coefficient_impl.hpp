#pragma once
// What CoefficientVariable knows, shared with the writer of derived files.

#include <utility>
#include <vector>

#include "manifill/io/coefficient_file.hpp"
#include "netcdf.hpp"
#include "packing.hpp"

namespace manifill::io {

struct CoefficientVariable::Impl {
  Impl(NetcdfHandle f, VariableId v) : file(std::move(f)), id(std::move(v)) {}
  NetcdfHandle file;
  VariableId id;
  Packing packing{};
  std::vector<Dimension> dimensions{};
  std::size_t along = 0;  ///< position of the coefficients' dimension
  CoefficientAxis axis{};
  std::int64_t lmax = 0;
};

}  // namespace manifill::io
