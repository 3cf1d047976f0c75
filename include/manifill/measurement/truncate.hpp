#pragma once
/// \file
/// \brief Operator `truncate`: spherical harmonics up to a degree.

#include <cstdint>

#include "manifill/measurement/operator.hpp"

namespace manifill::measurement {

/// \brief What is left of a field when its spherical harmonics end at a degree, as in the output of a
/// spectral model: analysis, synthesis, on the same grid. \throws Error(usage) for a degree beyond what the
/// grid tells apart, which the remedy names; Error(input) where the domain is no global grid of rings
OperatorPointer truncate(const domain::Domain& domain, std::int64_t degree);

}  // namespace manifill::measurement
