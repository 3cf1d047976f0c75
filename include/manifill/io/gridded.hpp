#pragma once
/// \file
/// \brief Gridded NetCDF variables in: whatever the layout, fields come as [time][lat * lon] doubles, NaN
/// where missing.

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

struct ProjectedGrid;

/// \brief What a variable of a file is, and whether it can be filled.
struct VariableSummary {
  std::string name{};  ///< full path, groups separated by '/', no leading '/'
  std::string type{};  ///< NetCDF type name
  std::string units{};
  std::string standard_name{};
  std::string long_name{};
  std::vector<std::pair<std::string, std::size_t>> dimensions{};  ///< in file order
  bool fillable = false;
  std::string reason{};  ///< why not, when not fillable; one clause
};

/// \brief All variables of a file, groups included, in file order. What belongs to another variable of an
/// imputed file (V_spread, V_status, V_member, V_packed) and cell bounds are not fillable, though they open.
/// \throws Error(input) when the file is not NetCDF, empty, truncated, a directory or absent; Error(io) when
/// it may not be read
///
/// HEALPix maps in FITS, meshes (PLY, OFF, OBJ, STL) and PNG images count as files of variables over pixels
/// or vertices, here and in GriddedVariable::open: their columns, properties and channels, missing values
/// NaN.
std::vector<VariableSummary> list_variables(const std::string& path, const std::string& grid = {});

/// \brief One variable on a grid, open for reading. One thread at a time, over all NetCDF files: the
/// library is not thread-safe.
///
/// Grids are of rows of latitude and columns of longitude, curvilinear (latitudes and longitudes over the
/// same two dimensions), projected (lines of a map's plane, which `grid_mapping` or a definition for PROJ
/// places on the earth; read as curvilinear, with the areas of the projection), flat images (whose last two
/// dimensions the file says to be rows and columns of pixels) or lists of cells (latitudes and longitudes
/// along one dimension: ICON, UGRID, reduced grids), whose areas are those of `cell_measures`,
/// of the polygons of their bounds, or follow from the distances between centres. The grid keeps the file's
/// own order of rows and columns. Cyclic duplicate columns are dropped from the domain (see
/// `cyclic_columns`). Every other dimension that is not time is an "extra" dimension; the combination of
/// their indices is numbered row-major as `extra`. Latitudes, longitudes and time are recognised by CF
/// attributes of the coordinate variables (standard_name, units, axis), then by name, in any position.
class GriddedVariable {
 public:
  /// \brief Opens a variable. An empty name picks the only fillable one.
  /// \param grid another file with latitudes and longitudes (and bounds) of cells, for variables whose own
  /// file has none, as ICON's, or with the mesh whose vertices the values lie on; empty: none \param repair
  /// makes the mesh of a mesh file sound first (domain::repair); see `notes` \throws Error(input) naming
  /// file, variable, index, remedy: no such variable (nearest names offered), several fillable ones, text, no
  /// lat/lon, curvilinear or projected ones, bad coordinates, a dimension of length 0, time without units,
  /// unknown calendar
  static GriddedVariable open(const std::string& path, const std::string& variable,
                              const std::string& grid = {}, bool repair = false);

  GriddedVariable(GriddedVariable&&) noexcept;
  GriddedVariable& operator=(GriddedVariable&&) noexcept;
  ~GriddedVariable();

  [[nodiscard]] const std::string& path() const;
  [[nodiscard]] const VariableSummary& summary() const;
  [[nodiscard]] const domain::Domain& domain() const;
  /// \brief The plane of a projected grid; null of any other. Valid as long as the variable.
  [[nodiscard]] const ProjectedGrid* projected() const;
  /// \brief What is doubtful about the grid, for people; empty: nothing.
  [[nodiscard]] const std::string& grid_note() const;
  /// \brief `values` is empty when there is neither a time dimension nor a scalar time coordinate.
  [[nodiscard]] const TimeAxis& time() const;
  [[nodiscard]] std::size_t times() const;           ///< 1 without a time dimension
  [[nodiscard]] std::string time_dimension() const;  ///< its name; empty without
  [[nodiscard]] std::size_t extras() const;          ///< product of the extra dimensions, 1 without
  [[nodiscard]] std::vector<std::size_t> extra_index(std::size_t extra) const;  ///< per extra dimension
  [[nodiscard]] std::vector<std::string> extra_names() const;                   ///< of the extra dimensions
  /// \brief Where a cell is, for messages: "[time 3][lat 4][lon 5]", "[time 3][cell 17]".
  [[nodiscard]] std::string cell_index(std::size_t time, std::size_t cell) const;
  [[nodiscard]] std::size_t cyclic_columns() const;  ///< duplicate columns at the end of each row, usually 0

  /// \brief What was done to the file's mesh before it was used, a line each; usually empty.
  [[nodiscard]] const std::vector<std::string>& notes() const;

  /// \brief Reads consecutive times of one extra index. Blocks of fields are read ahead (up to 64 MiB) where
  /// the file's layout or chunks make single fields slow. \return [time][lat * lon], the variable's units
  /// after unpacking, file's row and column order, NaN where missing (_FillValue, missing_value, the type's
  /// default fill, outside valid_range/min/max, NaN) \throws Error(input) when a value is infinite; Error(io)
  /// when reading fails
  [[nodiscard]] xt::xtensor<double, 2> read(std::size_t extra, std::size_t first_time,
                                            std::size_t count) const;

 private:
  friend class ImputedFileWriter;
  friend class ImputedLayout;
  struct Impl;
  explicit GriddedVariable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// \brief Converts between two units of one dimension by udunits-2: out = scale * in + offset. No units are
/// those of a pure number. A few spellings of climate files that udunits takes for something else are meant
/// as there: "C", "deg C" and "degrees Celsius" (degree Celsius), "mb" (hPa), "psu", "gpm" (m), "unitless".
/// \throws Error(input) when a unit is unknown, the dimensions differ or the relation is not linear; the
/// message names both
std::pair<double, double> unit_conversion(const std::string& from, const std::string& to);

/// \brief As `unit_conversion`, for values of a model's quantity. A quantity whose standard_name or variable
/// name speaks of anomalies is a difference, which has no zero of its own: its offset is 0. A step of 1 K is
/// one of 1 degree Celsius.
std::pair<double, double> quantity_conversion(const std::string& from, const std::string& to,
                                              const std::string& standard_name, const std::string& variable);

/// \brief \throws Error(input) when udunits does not know the unit
void check_units(const std::string& units);

}  // namespace manifill::io
