#pragma once
/// \file
/// \brief Matern field of any domain by the Laplacian: a Gaussian prior that needs no fields to learn from.
///
/// (kappa^2 - Delta) u = s W with white noise W is a Matern field of smoothness 1 in two dimensions (Whittle
/// 1954; Lindgren, Rue and Lindstrom 2011, "An explicit link between Gaussian fields and Gaussian Markov
/// random fields: the stochastic partial differential equation approach", eq. 2 and 10 with alpha = 2). On
/// nodes with stiffness S and lumped mass M its precision is sparse: Q = K M^-1 K / s^2 with K = kappa^2 M +
/// S.

#include <memory>
#include <span>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include "manifill/operators/domain_laplacian.hpp"
#include "manifill/operators/sparse_factor.hpp"

namespace manifill::prior {

/// \brief Parameters of the covariance.
struct MaternParameters {
  double range = 1000.0;  ///< sqrt(8) / kappa, km on the sphere, else units of the points: correlation 0.14
  double variance =
      1.0;              ///< of the field far from edges, on a surface without curvature; squared units of it
  double nugget = 0.0;  ///< variance of what neighbours do not share: noise and scales under the grid
};

/// \brief A Matern field on the nodes of a domain. Immutable; safe to use from several threads.
class MaternField {
 public:
  /// \throws Error(usage) on a range or variance that is not positive; Error(numerical) as SparseFactor
  MaternField(std::shared_ptr<const operators::DomainLaplacian> nodes, const MaternParameters& parameters);

  [[nodiscard]] const operators::DomainLaplacian& nodes() const { return *nodes_; }
  [[nodiscard]] const MaternParameters& parameters() const { return parameters_; }
  /// \brief Q: [node][node].
  [[nodiscard]] const Eigen::SparseMatrix<double>& precision() const { return precision_; }
  /// \brief log det Q.
  [[nodiscard]] double log_determinant() const { return log_determinant_; }
  /// \brief Draws of the field from white noise of variance 1: [node][column] to the same.
  [[nodiscard]] Eigen::MatrixXd colour(const Eigen::MatrixXd& white) const;
  /// \brief Covariances of the field between all points and some, exact: [point][point asked for].
  [[nodiscard]] Eigen::MatrixXd covariance(std::span<const std::size_t> points) const;
  /// \brief Variances of the field at points, exact: [point asked for].
  [[nodiscard]] Eigen::VectorXd variance(std::span<const std::size_t> points) const;

 private:
  [[nodiscard]] Eigen::MatrixXd green(std::span<const std::size_t> points) const;  // columns of K^-1
  std::shared_ptr<const operators::DomainLaplacian> nodes_;
  MaternParameters parameters_;
  double strength_ = 0.0;                              // s
  std::unique_ptr<operators::SparseFactor> factor_{};  // of K
  Eigen::SparseMatrix<double> precision_{};
  double log_determinant_ = 0.0;
};

}  // namespace manifill::prior
