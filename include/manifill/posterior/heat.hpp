#pragma once
/// \file
/// \brief `heat`: what is observed spreads into the gaps as heat does.

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <Eigen/Core>

#include "manifill/operators/domain_laplacian.hpp"
#include "manifill/operators/sparse_factor.hpp"

namespace manifill::posterior {

/// \brief Means of the observed points by area and the heat kernel of the domain (normalised convolution,
/// Knutsson and Westin 1993; the kernel estimate of Nadaraya and Watson 1964):
///     f_i = sum_j k_t(i, j) a_j y_j / sum_j k_t(i, j) a_j over observed j,
/// with t = scale^2 / 2, which in the plane is a Gaussian of standard deviation `scale`. Where it reaches too
/// little, the scale doubles until it reaches some.
///
/// The kernel is that of four implicit Euler steps of the heat equation, (I - t/4 Delta)^-4: positive where
/// the Laplacian's weights are, whatever the scale, with one sparse factorisation a scale, which serves all
/// masks. Safe to use from several threads.
class HeatFill {
 public:
  /// \param laplacian of the domain, lumped
  explicit HeatFill(std::shared_ptr<const operators::DomainLaplacian> laplacian);

  /// \brief Observed points keep their values; parts of the domain without any get zero. \param observed
  /// [point]; \param values [point], any units, read where observed \param scale km, off the sphere units of
  /// the points \throws Error(input) when nothing is observed; Error(usage) for a scale that is not positive;
  /// Error(internal) on a size mismatch
  [[nodiscard]] Eigen::VectorXd operator()(const std::vector<bool>& observed, const Eigen::VectorXd& values,
                                           double scale) const;

  /// \brief The scale, among the root of the mean area of a point times 1/2, 1, 2, 4, 8, whose fills of
  /// withheld points have the least squared error by area. \param values [point][field], NaN where missing;
  /// without any field the root itself \param withheld [fold][point] \param weights [point], areas
  [[nodiscard]] double best_scale(const Eigen::MatrixXd& values,
                                  const std::vector<std::vector<bool>>& withheld,
                                  const Eigen::VectorXd& weights) const;

 private:
  [[nodiscard]] Eigen::MatrixXd spread(const Eigen::MatrixXd& x, double scale) const;
  std::shared_ptr<const operators::DomainLaplacian> laplacian_;
  mutable std::mutex mutex_{};
  mutable std::map<double, std::shared_ptr<const operators::SparseFactor>> factors_{};  // by scale
};

}  // namespace manifill::posterior
