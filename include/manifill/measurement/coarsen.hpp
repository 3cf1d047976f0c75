#pragma once
/// \file
/// \brief Operator `coarsen`: area means over blocks of cells; what super-resolution undoes.

#include <cstdint>

#include "manifill/measurement/operator.hpp"

namespace manifill::measurement {

/// \brief Means by area over blocks of rows x columns cells of a lat-lon grid or an image, or over the pixels
/// of HEALPix within one of `rows` times the side (a power of two; columns the same).
///
/// The coarse grid's rows are at the mean latitude of the block's, its columns at the mean longitude. Blocks
/// begin with the first row and column; the last ones are smaller where the grid ends early, which a grid
/// that goes round the globe must not in longitude. \throws Error(usage) for factors that do not suit the
/// domain, naming those that do
OperatorPointer coarsen(const domain::Domain& domain, std::int64_t rows, std::int64_t columns);

}  // namespace manifill::measurement
