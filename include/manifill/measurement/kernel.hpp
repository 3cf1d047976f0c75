#pragma once
/// \file
/// \brief Operator `kernel`: convolution with any small kernel.

#include <cstddef>
#include <string>
#include <vector>

#include "manifill/measurement/operator.hpp"

namespace manifill::measurement {

/// \brief What a point of an image or grid becomes.
struct Kernel {
  std::size_t rows = 0;  ///< odd
  std::size_t columns = 0;
  std::vector<double> weights{};  ///< [row][column]; the one in the middle is the point's own
};

/// \brief From a PNG file, samples over their highest: grey, or the mean of the colours; transparent pixels
/// are 0. \throws Error as io::read_png
Kernel read_kernel(const std::string& path);

/// \brief Convolution: y(r, c) = sum_ij k(i, j) x(r - i, c - j), i and j counted from the kernel's middle, so
/// that a single bright point becomes a picture of the kernel. Steps are of rows and columns; on lat-lon
/// grids they go round the globe and over poles as the grid does. \param edges beyond other edges: reflect,
/// nearest, wrap \throws Error(usage) where the domain has no rows and columns, the kernel no middle, or the
/// weights are not finite or all 0
OperatorPointer convolution(const domain::Domain& domain, const Kernel& kernel, const std::string& edges);

}  // namespace manifill::measurement
