#pragma once
/// \file
/// \brief The lowest eigenpairs of a Laplacian.

#include <Eigen/Core>

#include "manifill/base/array_cache.hpp"
#include "manifill/operators/laplacian.hpp"

namespace manifill::operators {

/// \brief Eigenpairs of S u = lambda M u in ascending order of lambda.
struct LaplacianSpectrum {
  Eigen::VectorXd values{};   ///< [pair], not negative
  Eigen::MatrixXd vectors{};  ///< [node][pair], U^T M U = I
};

/// \brief The `count` lowest eigenpairs by block Lanczos on the square of A = (S + s M)^-1 M, the whole basis
/// kept orthogonal (Grimes, Lewis and Simon 1994, "A shifted block Lanczos algorithm for solving sparse
/// symmetric generalized eigenproblems"). Small problems, and those for much of the spectrum, are solved
/// densely.
///
/// Residuals |A u - u / (lambda + s)| in the norm of M are at most `tolerance` / (lambda + s). That no
/// eigenvalue was missed is checked by Sylvester's law of inertia. The first component of a vector that is at
/// least half as large as its largest is positive. Within a multiple eigenvalue the vectors are one basis out
/// of many: compare subspaces, not vectors. Memory: the factor, and about 3 `count` vectors.
/// \param count pairs wanted, 1 to the number of nodes
/// \throws Error(usage) for a count out of range, Error(numerical) when there is no convergence
LaplacianSpectrum laplacian_spectrum(const Laplacian& laplacian, Eigen::Index count,
                                     double tolerance = 1e-10);

/// \brief The same, kept in a cache under the hash of the operator, the count and the tolerance. What the
/// cache gives back is used when its shapes fit and its first and last pairs are eigenpairs.
LaplacianSpectrum laplacian_spectrum(const Laplacian& laplacian, Eigen::Index count, const ArrayCache& cache,
                                     double tolerance = 1e-10);

}  // namespace manifill::operators
