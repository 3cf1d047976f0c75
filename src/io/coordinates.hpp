#pragma once
// Which dimensions of a variable are latitude, longitude and time, private to io.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "manifill/io/time_axis.hpp"
#include "mesh_topology.hpp"
#include "netcdf.hpp"
#include "plane_layout.hpp"

namespace manifill::io {

/// Positions among a variable's dimensions, -1 where there is none, and the coordinate variables found.
struct Layout {
  std::vector<Dimension> dimensions{};
  int latitude = -1;   ///< of a list of cells their dimension, of a curvilinear grid its rows'
  int longitude = -1;  ///< none of a list of cells, of a curvilinear grid its columns'
  int time = -1;
  std::optional<MeshPlace> mesh{};  ///< then the dimension of its nodes or faces stands for latitude
  struct Healpix {
    std::int64_t nside = 0;
    bool nested = false;
  };
  std::optional<Healpix> healpix{};  ///< then the dimension of its pixels stands for latitude
  /// Cells gathered from a grid of rows and columns (CF 8.2): the list of their places in it.
  struct Gathered {
    VariableId list{};                ///< of the name of the cells' dimension, with attribute `compress`
    std::array<Dimension, 2> grid{};  ///< that `compress` names, the second fastest
  };
  std::optional<Gathered> gathered{};  ///< then latitudes and longitudes are those of the grid
  std::optional<PlaneLayout> plane{};  ///< rows and columns are lines of a map's plane
  bool of_grid_file = false;           ///< latitude and longitude are variables of the grid file
  bool curvilinear = false;            ///< latitudes and longitudes are two-dimensional
  bool image = false;                  ///< rows and columns of pixels stand for latitude and longitude
  [[nodiscard]] bool cells() const {
    return latitude >= 0 && longitude < 0 && (mesh || healpix || (latitude_variable && longitude_variable));
  }
  std::optional<VariableId> latitude_variable{};
  std::optional<VariableId> longitude_variable{};
  std::optional<VariableId> time_variable{};  ///< may be a scalar coordinate, with time = -1
  std::string reason{};  ///< why the variable is no field on a grid that is known; one clause
};

enum class Axis { other, latitude, longitude, time };

/// A numeric variable over at most two dimensions: a coordinate, perhaps.
struct Coordinate {
  VariableId id{};
  std::vector<int> dimensions{};     ///< ids
  Axis by_attributes = Axis::other;  ///< what standard_name, units and axis say it is
  Axis by_name = Axis::other;
  PlaneAxis plane = PlaneAxis::none;  ///< of a projected or rotated grid, by its standard_name
};

/// The possible coordinates of a file, looked at once.
class CoordinateTable {
 public:
  /// \param grid another file that holds the coordinates of variables which have none in their own; may be
  /// null
  explicit CoordinateTable(const NetcdfHandle& file, const NetcdfHandle* grid = nullptr);
  [[nodiscard]] const NetcdfHandle& file() const { return file_; }
  /// Those a variable of `group` can refer to: of its own and the enclosing groups, the nearest first.
  [[nodiscard]] std::vector<const Coordinate*> in_scope(netCDF::NcGroup group) const;
  /// Latitude and longitude of the grid file over one dimension as long as one of these, of its name before
  /// others.
  struct GridPlace {
    std::size_t dimension = 0;  ///< position in `dimensions`
    VariableId latitude{};
    VariableId longitude{};
  };
  [[nodiscard]] std::optional<GridPlace> on_grid(const std::vector<Dimension>& dimensions) const;
  /// The mesh of the grid file; nothing without one.
  struct GridMesh {
    VariableId topology{};
    std::size_t vertices = 0;
    int dimension = -1;  ///< position of the one that is as long, one of the same name before others
  };
  [[nodiscard]] std::optional<GridMesh> mesh_of_grid(const std::vector<Dimension>& dimensions) const;

 private:
  const NetcdfHandle& file_;
  std::vector<Coordinate> all_{};
  std::unique_ptr<const CoordinateTable> grid_{};
};

/// Finds the axes by CF attributes of the coordinate variables (standard_name, units, axis), then by name.
Layout layout_of(const CoordinateTable& table, const VariableId& v);

/// Latitudes or longitudes in degrees, unpacked. \throws Error(input)
std::vector<double> coordinate_degrees(const NetcdfHandle& file, const VariableId& coordinate,
                                       const std::string& owner);

/// The same of gathered cells: of a coordinate over one or both dimensions of their grid, [cell].
/// \throws Error(input) also where a place is not in the grid
std::vector<double> gathered_degrees(const NetcdfHandle& file, const Layout::Gathered& gathered,
                                     const VariableId& coordinate, const std::string& owner);

/// \throws Error(input) naming the coordinate variable
TimeAxis read_time(const NetcdfHandle& file, const Layout& layout);

}  // namespace manifill::io
