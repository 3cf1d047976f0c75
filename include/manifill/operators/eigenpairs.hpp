#pragma once
/// \file
/// \brief Leading eigenpairs of symmetric matrices.

#include <functional>

#include <Eigen/Core>

namespace manifill::operators {

/// \brief Eigenpairs in descending order of eigenvalue.
struct Eigenpairs {
  Eigen::VectorXd values{};   ///< [pair]
  Eigen::MatrixXd vectors{};  ///< [row][pair], orthonormal columns
};

/// \brief All eigenpairs of a dense symmetric matrix (LAPACK dsyevd). \throws Error(numerical)
Eigenpairs symmetric_eigenpairs(const Eigen::MatrixXd& matrix);
/// \brief The leading ones alone, exact too (LAPACK dsyevr). \param matrix its lower triangle is read \param
/// count of pairs, 1 to the size of the matrix \throws Error(numerical)
Eigenpairs symmetric_eigenpairs(const Eigen::MatrixXd& matrix, Eigen::Index count);

/// \brief Leading eigenpairs of a symmetric operator by randomised subspace iteration
/// (Halko, Martinsson, Tropp 2011, SIAM Rev. 53, algorithms 4.4 and 5.3).
/// \param apply maps [row][column] to [row][column]
/// \param rows size of the operator; \param count pairs wanted, at most rows
/// \param iterations power iterations; 2 give eigenvalues of a geophysical covariance to a few 1e-3
/// \throws Error(numerical)
Eigenpairs leading_eigenpairs(const std::function<Eigen::MatrixXf(const Eigen::MatrixXf&)>& apply,
                              Eigen::Index rows, Eigen::Index count, int iterations = 2);

/// \brief Symmetric positive semi-definite square root; negative eigenvalues count as zero. \throws
/// Error(numerical)
Eigen::MatrixXd symmetric_square_root(const Eigen::MatrixXd& matrix);

}  // namespace manifill::operators
