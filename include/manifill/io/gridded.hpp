#pragma once
/// \file
/// \brief Gridded NetCDF variables in: whatever the layout, slices come as [slice][lat][lon] doubles, NaN where missing.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <xtensor/xtensor.hpp>

#include "manifill/domain/domain.hpp"
#include "manifill/io/time_axis.hpp"

namespace manifill::io {

/// \brief What a variable of a file is, and whether it can be filled.
struct VariableSummary {
  std::string name{};          ///< full path, groups separated by '/', no leading '/'
  std::string type{};          ///< NetCDF type name
  std::string units{};
  std::string standard_name{};
  std::string long_name{};
  std::vector<std::pair<std::string, std::size_t>> dimensions{};  ///< in file order
  bool fillable = false;
  std::string reason{};        ///< why not, when not fillable; one clause
};

/// \brief All variables of a file, groups included, in file order.
/// \throws Error(input) when the file is not NetCDF, empty, truncated, a directory or cannot be opened
std::vector<VariableSummary> list_variables(const std::string& path);

/// \brief One variable on a lat-lon grid, open for reading.
///
/// The grid keeps the file's own order of rows and columns. A cyclic duplicate column is dropped from the domain
/// (see `cyclic_columns`). Every other dimension that is not time is an "extra" dimension; the combination of their
/// indices is numbered row-major as `extra`.
class GriddedVariable {
 public:
  /// \brief Opens a variable. An empty name picks the only fillable one.
  /// \throws Error(input) naming file, variable, index, remedy: no such variable (nearest names offered), several
  ///         fillable ones, text, no lat/lon, bad coordinates, unlimited dimension of length 0, unknown calendar
  static GriddedVariable open(const std::string& path, const std::string& variable);

  GriddedVariable(GriddedVariable&&) noexcept;
  GriddedVariable& operator=(GriddedVariable&&) noexcept;
  ~GriddedVariable();

  [[nodiscard]] const std::string& path() const;
  [[nodiscard]] const VariableSummary& summary() const;
  [[nodiscard]] const domain::Domain& domain() const;
  [[nodiscard]] const TimeAxis& time() const;                ///< `values` empty when there is no time dimension
  [[nodiscard]] std::size_t times() const;                   ///< 1 without a time dimension
  [[nodiscard]] std::size_t extras() const;                  ///< product of the extra dimensions, 1 without
  [[nodiscard]] std::vector<std::size_t> extra_index(std::size_t extra) const;  ///< per extra dimension
  [[nodiscard]] std::size_t cyclic_columns() const;          ///< duplicate columns at the end of each row, usually 0

  /// \brief Reads consecutive times of one extra index.
  /// \return [time][lat * lon], the variable's units after unpacking, file's row and column order, NaN where missing
  ///         (fill value, missing_value, outside valid_range/min/max, NaN)
  /// \throws Error(input) when a value is infinite; Error(io) when reading fails
  [[nodiscard]] xt::xtensor<double, 2> read(std::size_t extra, std::size_t first_time, std::size_t count) const;

 private:
  friend class ImputedFileWriter;
  struct Impl;
  explicit GriddedVariable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// \brief Converts between two units of one dimension by udunits-2: out = scale * in + offset.
/// \throws Error(input) when a unit is unknown or the dimensions differ; the message names both
std::pair<double, double> unit_conversion(const std::string& from, const std::string& to);

}  // namespace manifill::io
