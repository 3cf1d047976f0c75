#pragma once
/// \file
/// \brief Cholesky factorisation of a symmetric positive-definite matrix, in double or in mixed precision.

#include <memory>
#include <mutex>

#include <Eigen/Core>

namespace manifill::operators {

/// \brief Factor of a symmetric positive-definite matrix S. Safe to use from several threads.
///
/// Given in single precision, S is factorised in single precision, which takes half the time and memory, and
/// solutions are refined to double accuracy by residuals in double precision (Higham 2002, Accuracy and
/// Stability, section 12.1); where single precision does not suffice, a double factor is made. How far off an
/// unrefined solution is is measured once, on a right-hand side of random signs, so that what is asked of a
/// solution, not what was solved before, decides whether it is refined.
class DefiniteFactor {
 public:
  /// \param matrix [row][column]; the lower triangle is read \throws Error(numerical) when it is not positive
  /// definite
  explicit DefiniteFactor(Eigen::MatrixXd matrix);
  explicit DefiniteFactor(Eigen::MatrixXf matrix);
  DefiniteFactor(const DefiniteFactor&) = delete;
  DefiniteFactor& operator=(const DefiniteFactor&) = delete;
  DefiniteFactor(DefiniteFactor&&) = delete;
  DefiniteFactor& operator=(DefiniteFactor&&) = delete;
  ~DefiniteFactor();

  [[nodiscard]] Eigen::Index rows() const;
  /// \brief S^-1 b: [row][column]. \param accuracy relative error, estimated, at which refinement ends; a
  /// factor in double precision is not refined
  [[nodiscard]] Eigen::MatrixXd solve(const Eigen::MatrixXd& b, double accuracy = 1e-9) const;
  /// \brief b_k^T S^-1 b_k of every column of b, to the precision of the factor: [column].
  [[nodiscard]] Eigen::VectorXd quadratic(const Eigen::MatrixXd& b) const;
  /// \brief log det S, to the precision of the factor.
  [[nodiscard]] double log_determinant() const;

 private:
  void probe();
  [[nodiscard]] Eigen::MatrixXd rough(const Eigen::MatrixXd& b) const;
  [[nodiscard]] Eigen::MatrixXd times(const Eigen::MatrixXd& x) const;
  [[nodiscard]] const DefiniteFactor& in_double() const;

  Eigen::MatrixXd double_{};    // lower triangle: L
  Eigen::MatrixXf single_{};    // lower triangle: L, strict upper triangle: S
  Eigen::VectorXf diagonal_{};  // of S
  double contraction_ = 0.0;    // relative error of an unrefined solution
  mutable std::once_flag once_{};
  mutable std::unique_ptr<DefiniteFactor> fallback_{};
};

}  // namespace manifill::operators
