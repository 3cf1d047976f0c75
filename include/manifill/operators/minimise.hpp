#pragma once
/// \file
/// \brief Least value of a function of a few variables without derivatives.

#include <functional>
#include <vector>

namespace manifill::operators {

/// \brief Where a function is least, as far as a search found.
struct Minimum {
  std::vector<double> x{};  ///< [variable]
  double value = 0.0;
  int evaluations = 0;
};

/// \brief A box that a search stays within.
struct SearchBox {
  std::vector<double> low{};   ///< [variable]
  std::vector<double> high{};  ///< [variable]
};

/// \brief Middles of a box's parts: the one of least value of steps^variables.
/// \param function finite or +infinity
Minimum grid_minimum(const std::function<double(const std::vector<double>&)>& function, const SearchBox& box,
                     int steps);

/// \brief Nelder and Mead (1965) with its standard coefficients, points outside the box moved to its edge.
/// \param start [variable] \param step [variable], sides of the first simplex
/// \param tolerance of the simplex, as a share of its first sides \param evaluations that are not exceeded by
/// more than the variables are many
Minimum nelder_mead(const std::function<double(const std::vector<double>&)>& function, const SearchBox& box,
                    const std::vector<double>& start, const std::vector<double>& step, double tolerance,
                    int evaluations);

}  // namespace manifill::operators
