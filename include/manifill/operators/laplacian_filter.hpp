#pragma once
/// \file
/// \brief Functions of a Laplacian without its eigenvectors: Chebyshev filters, diffusion, harmonic fill.

#include <functional>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include "manifill/operators/laplacian.hpp"

namespace manifill::operators {

/// \brief What a filter does to an eigenfunction of an eigenvalue.
using Response = std::function<double(double)>;

/// \brief exp(-time lambda): the heat equation's. \param time inverse units of the eigenvalues
Response heat_response(double time);
/// \brief 1 / (1 + (lambda / cutoff)^4): passes what varies slowly, half of it at the cutoff.
Response low_pass_response(double cutoff);
/// \brief s exp(1 - s), s = scale lambda: a wavelet that sums to zero, largest, 1, at lambda = 1 / scale
/// (Hammond, Vandergheynst and Gribonval 2011, "Wavelets on graphs via spectral graph theory"; the transform
/// of a Mexican hat in the plane).
Response mexican_hat_response(double scale);

/// \brief p(M^-1 S) x for a polynomial p near a response g: `degree` products with a sparse matrix, no
/// eigenvectors (Hammond et al. 2011, section 6). Immutable; safe to use from several threads.
///
/// p is the Chebyshev series of g on [0, largest_eigenvalue_bound]. The filter F = p(M^-1 S) is self-adjoint
/// in the mass: (F x)^T M y = x^T M F y. For gradients with respect to plain sums of products its transpose
/// is F^T = M F M^-1: given the gradient of a loss by F x, `transposed` gives that by x.
class ChebyshevFilter {
 public:
  /// \param response finite on [0, bound] \param degree of p, 0 to 4096
  /// \throws Error(usage) for a consistent mass or a degree out of range, Error(numerical) for a response
  /// that is not finite
  ChebyshevFilter(const Laplacian& laplacian, const Response& response, int degree);
  /// \brief The lowest degree whose series leaves out less than `tolerance` (sum of what is left out),
  /// absolute. \throws Error(numerical) when 4096 is not enough: the response is too steep for polynomials
  static ChebyshevFilter within(const Laplacian& laplacian, const Response& response, double tolerance);

  /// \brief F x: [node][column], columns in parallel.
  [[nodiscard]] Eigen::MatrixXd apply(const Eigen::MatrixXd& x) const;
  /// \brief F^T y: [node][column].
  [[nodiscard]] Eigen::MatrixXd transposed(const Eigen::MatrixXd& y) const;
  /// \brief p at an eigenvalue.
  [[nodiscard]] double at(double eigenvalue) const;
  [[nodiscard]] int degree() const { return static_cast<int>(coefficients_.size()) - 1; }

 private:
  using RowMajor = Eigen::SparseMatrix<double, Eigen::RowMajor>;
  ChebyshevFilter(const Laplacian& laplacian, double bound, std::vector<double> coefficients);
  RowMajor scaled_;  // 2 / bound M^-1 S - I, eigenvalues in [-1, 1]
  Eigen::VectorXd mass_;
  double bound_;
  std::vector<double> coefficients_;  // [degree + 1]
};

/// \brief Solution of df/dt = Delta f after `time`: exp(-time M^-1 S) x. Keeps the total 1^T M x where rows
/// of S sum to zero. \param x [node][column], any unit \param time inverse units of the eigenvalues, not
/// negative \param tolerance of the response, absolute \throws Error as ChebyshevFilter::within; Error(usage)
/// for a time that is negative
Eigen::MatrixXd diffuse(const Laplacian& laplacian, const Eigen::MatrixXd& x, double time,
                        double tolerance = 1e-9);

/// \brief The field of least Dirichlet energy f^T S f that has given values at some nodes: (S f)_i = 0 at the
/// others. Has no new extremes where weights are not negative.
/// \param known [node] \param values [node][column], any unit, read where known
/// \throws Error(input) where a connected part has no known node, or a known value is not finite;
/// Error(internal) on a size mismatch
Eigen::MatrixXd harmonic_fill(const Laplacian& laplacian, const std::vector<bool>& known,
                              const Eigen::MatrixXd& values);

}  // namespace manifill::operators
