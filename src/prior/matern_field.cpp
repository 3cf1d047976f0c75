#include "manifill/prior/matern_field.hpp"

#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include "manifill/base/error.hpp"

namespace manifill::prior {

MaternField::MaternField(std::shared_ptr<const operators::DomainLaplacian> nodes,
                         const MaternParameters& parameters)
    : nodes_(std::move(nodes)), parameters_(parameters) {
  const bool valid = parameters.range > 0.0 && parameters.variance > 0.0 && parameters.nugget >= 0.0;
  if (!valid || !std::isfinite(parameters.range + parameters.variance + parameters.nugget))
    throw Error(ErrorKind::usage,
                "a Matern field has a range or variance that is not positive, or a negative nugget",
                {.remedy = "Leave them to be fitted, or give positive numbers"});
  const auto& laplacian = nodes_->laplacian;
  const double kappa2 = 8.0 / (parameters.range * parameters.range);
  // Variance 1 / (4 pi kappa^2) of the equation with s = 1 (Lindgren et al. 2011, eq. 4).
  strength_ = std::sqrt(parameters.variance * 4.0 * std::numbers::pi * kappa2);
  Eigen::SparseMatrix<double> k = laplacian.stiffness;
  k.diagonal() += kappa2 * laplacian.mass;
  factor_ = std::make_unique<operators::SparseFactor>(k);
  Eigen::SparseMatrix<double> scaled = k;  // Eigen's product with a diagonal takes ten times as long
  for (Eigen::Index j = 0; j < scaled.outerSize(); ++j)
    for (Eigen::SparseMatrix<double>::InnerIterator it(scaled, j); it; ++it)
      it.valueRef() /= strength_ * strength_ * laplacian.mass[it.row()];
  precision_ = k * scaled;
  log_determinant_ = 2.0 * factor_->log_determinant() - laplacian.mass.array().log().sum() -
                     2.0 * std::log(strength_) * static_cast<double>(laplacian.size());
}

Eigen::MatrixXd MaternField::colour(const Eigen::MatrixXd& white) const {
  const Eigen::VectorXd root = strength_ * nodes_->laplacian.mass.cwiseSqrt();
  return factor_->solve(root.asDiagonal() * white);
}

Eigen::MatrixXd MaternField::green(std::span<const std::size_t> points) const {
  Eigen::MatrixXd unit =
      Eigen::MatrixXd::Zero(nodes_->laplacian.size(), static_cast<Eigen::Index>(points.size()));
  for (std::size_t k = 0; k < points.size(); ++k)
    unit(nodes_->of_point[points[k]], static_cast<Eigen::Index>(k)) = 1.0;
  return factor_->solve(unit);
}

Eigen::MatrixXd MaternField::covariance(std::span<const std::size_t> points) const {
  const Eigen::VectorXd white = strength_ * strength_ * nodes_->laplacian.mass;
  const Eigen::MatrixXd all = factor_->solve(white.asDiagonal() * green(points));
  return all(nodes_->of_point, Eigen::all);
}

Eigen::VectorXd MaternField::variance(std::span<const std::size_t> points) const {
  const Eigen::MatrixXd column = green(points);
  return strength_ * strength_ *
         (column.array().square().colwise() * nodes_->laplacian.mass.array()).colwise().sum();
}

}  // namespace manifill::prior
