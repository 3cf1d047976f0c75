#pragma once
// What every fill of one field asks of its arguments.

#include <algorithm>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "manifill/base/error.hpp"

namespace manifill::posterior {

/// \throws Error(internal) on a size mismatch
inline void check_field(const std::vector<bool>& observed, const Eigen::VectorXd& values,
                        std::size_t points) {
  if (observed.size() != points || values.size() != static_cast<Eigen::Index>(points))
    throw Error(ErrorKind::internal, "a field of " + std::to_string(values.size()) +
                                         " values and a mask of " + std::to_string(observed.size()) +
                                         " on a domain of " + std::to_string(points) + " points");
}

/// \throws Error(input) where nothing is observed
inline void check_observed(const std::vector<bool>& observed) {
  if (std::find(observed.begin(), observed.end(), true) == observed.end())
    throw Error(ErrorKind::input, "a field without any observed point cannot be filled from its neighbours",
                {.remedy = "Leave this time step out, or fill it with the climatology"});
}

}  // namespace manifill::posterior
