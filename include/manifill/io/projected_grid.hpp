#pragma once
/// \file
/// \brief Grids that are rows and columns of a map's plane, as files have them.

#include <string>
#include <vector>

#include "manifill/domain/map_projection.hpp"

namespace manifill::io {

/// \brief Rows and columns of a plane: what stands behind a curvilinear domain.
struct ProjectedGrid {
  domain::MapProjection projection;
  std::vector<double> x{};  ///< [column], metres, or degrees of a rotated pole
  std::vector<double> y{};  ///< [row]
};

}  // namespace manifill::io
