#pragma once
// Variables whose rows and columns are a flat image's, private to io.

#include <vector>

#include "coordinates.hpp"

namespace manifill::io {

/// How files say that a variable is a flat image; for remedies.
inline constexpr const char* kImageHint =
    "a flat image is known by last dimensions called row and column, height and width or line and sample, or "
    "by coordinates of both in units of pixel";

/// \brief Whether the file says that the last two dimensions of a variable are rows and columns of an image,
/// and nothing else.
///
/// It does by their names (row, rows or line with column, columns, col, width, sample or x; y with column,
/// columns, col or width; height with width) or by coordinate variables of both with units "pixel" or
/// "pixels". Latitudes, longitudes, a grid mapping, standard names of a projection, or coordinates in other
/// units, such as metres, say that it is something else.
/// \param scope possible coordinates of the variable
bool is_image(const NetcdfHandle& file, const std::vector<const Coordinate*>& scope, const VariableId& v,
              const std::vector<Dimension>& dimensions);

}  // namespace manifill::io
