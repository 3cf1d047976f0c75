#pragma once
// Variables on the rows and columns of a map's plane, private to io.

#include <optional>
#include <string>
#include <vector>

#include "manifill/io/projected_grid.hpp"
#include "netcdf.hpp"

namespace manifill::io {

/// What says how a variable's plane lies on the earth.
struct PlaneMapping {
  VariableId holder{};  ///< the grid mapping variable, the variable itself, or the file's global attributes
  std::string definition{};  ///< WKT or PROJ string; may be empty where a grid_mapping_name is there
};

/// The coordinates of a plane among the dimensions of a variable.
struct PlaneLayout {
  VariableId x{};
  VariableId y{};
  int column = -1;  ///< position of the dimension of x
  int row = -1;
  std::optional<PlaneMapping> mapping{};
};

enum class PlaneAxis { none, x, y };

/// Which axis of a plane a coordinate is, by standard_name, then axis, then name. \param told by
/// standard_name only
PlaneAxis plane_axis(const VariableId& coordinate, bool told);

/// The mapping that the attribute `grid_mapping` names, but for plain latitudes and longitudes and HEALPix;
/// else a definition among the attributes of the variable or the file.
std::optional<PlaneMapping> plane_mapping(const NetcdfHandle& file, const VariableId& v);

/// \throws Error(input) naming the mapping or coordinate: no projection, units that are no length (or no
/// angle), values missing
ProjectedGrid read_plane(const NetcdfHandle& file, const PlaneLayout& layout);

/// Places and areas of a plane's cells, [row][column]: degrees, square metres.
struct PlaneCells {
  std::vector<double> latitude{};
  std::vector<double> longitude{};
  std::vector<double> area{};
};

/// \throws Error(input) naming x or y: not monotonic, or a centre that is not on the earth
PlaneCells cells_of_plane(const NetcdfHandle& file, const PlaneLayout& layout, const ProjectedGrid& grid);

/// What is wrong between places of a plane's cells and latitudes and longitudes of the same file: empty where
/// all agree to 0.01 degrees or a tenth of the cell.
std::string disagreement(const PlaneCells& cells, const std::vector<double>& latitude,
                         const std::vector<double>& longitude, std::size_t columns);

}  // namespace manifill::io
