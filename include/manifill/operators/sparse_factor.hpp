#pragma once
/// \file
/// \brief Factorisation of sparse symmetric matrices.

#include <cstddef>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

namespace manifill::operators {

/// \brief P S P^T = L D L^T of a sparse symmetric matrix, without pivoting: for definite matrices, and to
/// count the negative eigenvalues of others. Immutable; safe to use from several threads.
///
/// Columns of L of nearly the same rows are dense panels, updated by matrix products (left-looking supernodal
/// factorisation: Ng and Peyton 1993, "Block sparse Cholesky algorithms on advanced uniprocessor computers"),
/// in an order of minimum degree (Amestoy, Davis and Duff 1996) along the elimination tree (Liu 1990, "The
/// role of elimination trees in sparse factorization").
class SparseFactor {
 public:
  /// \param matrix [row][column], both triangles stored, the lower one read
  /// \throws Error(numerical) for a pivot that is zero or not finite
  explicit SparseFactor(const Eigen::SparseMatrix<double>& matrix);

  [[nodiscard]] Eigen::Index rows() const { return pivots_.size(); }
  /// \brief S^-1 b: [row][column]; eight columns at a time, on several threads where there are more.
  [[nodiscard]] Eigen::MatrixXd solve(const Eigen::MatrixXd& b) const;
  /// \brief Eigenvalues of S below zero (Sylvester's law of inertia).
  [[nodiscard]] Eigen::Index negative_pivots() const { return (pivots_.array() < 0.0).count(); }
  /// \brief log |det S|.
  [[nodiscard]] double log_determinant() const { return pivots_.array().abs().log().sum(); }
  /// \brief Numbers stored for L, zeros of its panels included.
  [[nodiscard]] std::size_t entries() const { return values_.size(); }
  /// \brief Multiplications and additions that the factorisation took.
  [[nodiscard]] double operations() const;

 private:
  /// Columns [first, first + width) of L, with the rows below them that are not zero.
  struct Panel {
    int first = 0;
    int width = 0;
    std::size_t rows = 0;    // begin in `rows_`
    int below = 0;           // how many of them
    std::size_t values = 0;  // begin in `values_`: [column][width + below]
  };
  class Symbolic;
  class Numeric;
  using Block = Eigen::Matrix<double, Eigen::Dynamic, 8, Eigen::RowMajor>;
  void solve_block(Block& x) const;
  [[nodiscard]] auto panel(const Panel& p) const {
    return Eigen::Map<const Eigen::MatrixXd>(values_.data() + p.values, p.width + p.below, p.width);
  }

  std::vector<int> order_{};  // [row of L]: row of S
  std::vector<Panel> panels_{};
  std::vector<int> rows_{};
  std::vector<double> values_{};
  Eigen::VectorXd pivots_{};  // D [row of L]
};

}  // namespace manifill::operators
