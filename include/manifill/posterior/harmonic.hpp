#pragma once
/// \file
/// \brief `harmonic`: the smoothest membrane through what is observed.

#include <vector>

#include <Eigen/Core>

#include "manifill/operators/domain_laplacian.hpp"

namespace manifill::posterior {

/// \brief Laplace's equation in the gaps, observed points as boundary values, no flux at the edges of the
/// domain: the fill of least Dirichlet energy. Parts of the domain without any observed point get zero;
/// points of one place (a pole's) their mean. No new extremes where the Laplacian's weights are not negative,
/// which on edges of a region's triangles alone may happen. One sparse factorisation a mask, O(n^1.5). \param
/// laplacian of the domain \param observed [point]; \param values [point], any units, read where observed
/// \throws Error(input) when nothing is observed; Error(internal) on a size mismatch
Eigen::VectorXd fill_harmonic(const operators::DomainLaplacian& laplacian, const std::vector<bool>& observed,
                              const Eigen::VectorXd& values);

}  // namespace manifill::posterior
