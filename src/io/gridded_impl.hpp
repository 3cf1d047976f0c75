#pragma once
// What GriddedVariable knows, shared with the writer of imputed files.

#include <utility>
#include <vector>

#include "manifill/io/gridded.hpp"
#include "netcdf.hpp"

namespace manifill::io {

/// Packing and missing-value rules; everything in stored values (after `wrap`).
struct Packing {
  bool packed = false;
  double scale = 1.0;
  double offset = 0.0;
  double wrap = 0.0;  ///< 2^bits for signed storage of unsigned values (_Unsigned), else 0
  double fill = 0.0;  ///< as stored
  double low = 0.0;
  double high = 0.0;
  std::vector<double> missing{};
  [[nodiscard]] bool is_missing(double stored) const;
};

/// One field of a variable: where it lies in the file, and how to walk it by row and column.
struct FieldSlab {
  std::vector<std::size_t> start{};
  std::vector<std::size_t> count{};
  std::size_t rows = 0;
  std::size_t columns = 0;  ///< cyclic duplicates included
  std::size_t row_stride = 0;
  std::size_t column_stride = 0;
};

struct GriddedVariable::Impl {
  Impl(NetcdfHandle f, VariableId v, VariableSummary s, domain::Domain d)
      : file(std::move(f)), id(std::move(v)), summary(std::move(s)), domain(std::move(d)) {}
  NetcdfHandle file;
  VariableId id;
  VariableSummary summary;
  domain::Domain domain;
  TimeAxis time{};
  std::size_t cyclic = 0;
  Packing packing{};
  std::vector<Dimension> dimensions{};
  std::size_t latitude = 0;
  std::size_t longitude = 0;
  int time_dimension = -1;
  std::vector<std::size_t> extra{};  ///< positions of the other dimensions
  [[nodiscard]] FieldSlab slab(const std::vector<std::size_t>& extra_index, std::size_t at_time) const;
};

}  // namespace manifill::io
