#pragma once
/// \file
/// \brief Operator `mask`: some cells are not measured.

#include <cstdint>
#include <string>
#include <vector>

#include "manifill/measurement/operator.hpp"

namespace manifill::measurement {

/// \brief What a mask of random cells needs to be told; every member is an option under "mask.".
struct MaskOptions {
  std::vector<std::string> kinds{"blocks_scattered"};  ///< of MaskBank, but "gaps"
  double hidden = 0.5;                                 ///< share of the cells, 0 to 1
  std::uint64_t seed = 1;
};

/// \brief Hides random cells, others at every step (MaskBank). \throws Error(usage) for an unknown kind
OperatorPointer random_mask(const domain::Domain& domain, const MaskOptions& options);

/// \brief Hides the cells that are missing in a variable of a file on the same grid: at the same position in
/// time, or at all steps alike where it has one time. Not to be used from several threads. \param variable
/// empty: the only one \throws Error as io::GriddedVariable::open; Error(input) where the grid is another,
/// or, of a step, where the file has no such time
OperatorPointer file_mask(const domain::Domain& domain, const std::string& path, const std::string& variable);

}  // namespace manifill::measurement
