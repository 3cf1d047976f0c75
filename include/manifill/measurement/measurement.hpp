#pragma once
/// \file
/// \brief Linear measurements y = A x + n of a field on a domain, n ~ N(0, diag(sigma^2)).

#include <cstdint>
#include <string>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include "manifill/domain/domain.hpp"

namespace manifill::measurement {

using SparseMatrix = Eigen::SparseMatrix<double, Eigen::RowMajor>;

/// \brief A linear operator with its noise. A mask, scattered stations and a foreign grid (interpolation) are
/// one thing.
class Measurement {
 public:
  /// \param a [observation][point]
  /// \param sigma [observation], noise standard deviation in the units of the observation, > 0
  /// \throws Error(internal) on a size mismatch; Error(numerical) when a sigma is not finite and positive
  Measurement(SparseMatrix a, Eigen::VectorXd sigma);

  [[nodiscard]] Eigen::Index observations() const { return a_.rows(); }
  [[nodiscard]] Eigen::Index points() const { return a_.cols(); }
  [[nodiscard]] const SparseMatrix& matrix() const { return a_; }
  [[nodiscard]] const Eigen::VectorXd& noise_sigma() const { return sigma_; }

  /// \brief A x. \param x [point][column]
  [[nodiscard]] Eigen::MatrixXd apply(const Eigen::Ref<const Eigen::MatrixXd>& x) const;
  /// \brief A^T y. \param y [observation][column]
  [[nodiscard]] Eigen::MatrixXd adjoint(const Eigen::Ref<const Eigen::MatrixXd>& y) const;
  /// \brief A^T R^-1 y: [point], the first of the two features every network gets.
  [[nodiscard]] Eigen::VectorXd back_projection(const Eigen::VectorXd& y) const;
  /// \brief diag(A^T R^-1 A): [point], the second.
  [[nodiscard]] Eigen::VectorXd precision() const;
  /// \brief |A|^T R^-1 |A| 1: [point], the precision of a point together with all that its observations see
  /// beside it. The same as `precision` where each observation is of one point; what back-projections of
  /// means are to be divided by to be means.
  [[nodiscard]] Eigen::VectorXd weight() const;
  /// \brief Whether no point is seen by two observations, so that A D A^T is diagonal for every diagonal D.
  [[nodiscard]] bool disjoint() const { return disjoint_; }
  /// \brief Whether every observation is one point with weight, no point twice: a mask.
  [[nodiscard]] bool selection() const { return selection_; }
  /// \brief The same observations of x where X = offset + scale * x: A diag(scale). \param scale [point]
  [[nodiscard]] Measurement scaled(const Eigen::VectorXd& scale) const;
  /// \brief Hash of A and sigma; equal measurements share factorisations.
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  SparseMatrix a_;
  Eigen::VectorXd sigma_;
  bool disjoint_ = true;
  bool selection_ = true;
  std::uint64_t hash_ = 0;
};

/// \brief Selection of the points where `observed` is true. \param observed [point]; \param sigma [point]
Measurement mask(const std::vector<bool>& observed, const Eigen::VectorXd& sigma);

/// \brief Bilinear interpolation from a lat-lon grid to points, periodic and across the poles where the grid
/// is.
///
/// A target that coincides with a grid point (to 1e-4 degrees) gets a single unit weight. Targets up to half
/// a cell outside a regional grid take the nearest edge; beyond that they are refused. \param latitude,
/// longitude [target], degrees \param reachable if not null: set to false instead of throwing for targets
/// beyond the grid (their row is empty) \throws Error(input) naming the target
SparseMatrix bilinear(const domain::Domain& from, const std::vector<double>& latitude,
                      const std::vector<double>& longitude, std::vector<bool>* reachable = nullptr);

/// \brief Interpolation between two lat-lon domains, rows in the order of `to`'s points.
SparseMatrix bilinear(const domain::Domain& from, const domain::Domain& to,
                      std::vector<bool>* reachable = nullptr);

/// \brief Interpolation between any two domains, rows in the order of `to`'s points: the identity where they
/// are the same, `bilinear` from a lat-lon grid to points of the sphere, else the mean of the three nearest
/// points of `from` by inverse squared distance, or the one point there is at the target. Targets farther
/// from all points of `from` than these are from each other are not reachable. \throws Error(input) when one
/// is on the sphere and the other is not, and as `bilinear`
SparseMatrix interpolation(const domain::Domain& from, const domain::Domain& to,
                           std::vector<bool>* reachable = nullptr);

/// \brief Rows of `a` where `keep` is true. \param keep [row]
SparseMatrix select_rows(const SparseMatrix& a, const std::vector<bool>& keep);

/// \brief Rows of several matrices of the same columns, one below the other.
SparseMatrix stack_rows(const std::vector<SparseMatrix>& parts);

/// \brief Several measurements of one field as one, the observations of the first before those of the
/// second. \throws Error(internal) when there is none, or they are of different points
Measurement stack(const std::vector<Measurement>& parts);

}  // namespace manifill::measurement
