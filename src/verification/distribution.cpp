#include "manifill/verification/distribution.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "manifill/base/error.hpp"

namespace manifill::verification {
namespace {

/// Fields in the norm's own coordinates, points of positive weight only.
Eigen::MatrixXd coordinates(const Eigen::MatrixXd& fields, const Eigen::VectorXd& weight) {
  const double total = weight.cwiseMax(0.0).sum();
  if (fields.rows() != weight.size() || !(total > 0.0))
    throw Error(ErrorKind::internal, "fields to be compared and their weights differ in size");
  Eigen::MatrixXd out((weight.array() > 0.0).count(), fields.cols());
  for (Eigen::Index i = 0, row = 0; i < weight.size(); ++i)
    if (weight[i] > 0.0) out.row(row++) = std::sqrt(weight[i] / total) * fields.row(i);
  return out;
}

/// Squared distances of every field of `a` from every one of `b`: [of a][of b]. Differences are formed, not
/// products: fields far from zero keep their digits.
Eigen::MatrixXd squared_distances(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  Eigen::MatrixXd out(a.cols(), b.cols());
  for (Eigen::Index j = 0; j < b.cols(); ++j)
    out.col(j) = (a.colwise() - b.col(j)).colwise().squaredNorm().transpose();
  return out;
}

}  // namespace

double median_distance(const Eigen::MatrixXd& fields, const Eigen::VectorXd& weight) {
  const Eigen::MatrixXd x = coordinates(fields, weight);
  const Eigen::MatrixXd squared = squared_distances(x, x);
  std::vector<double> pairs;
  for (Eigen::Index j = 1; j < squared.cols(); ++j)
    for (Eigen::Index i = 0; i < j; ++i) pairs.push_back(std::sqrt(squared(i, j)));
  if (pairs.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = pairs.begin() + static_cast<std::ptrdiff_t>(pairs.size() / 2);
  std::nth_element(pairs.begin(), middle, pairs.end());
  if (pairs.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(pairs.begin(), middle));
}

double squared_mmd(const Eigen::MatrixXd& first, const Eigen::MatrixXd& second, const Eigen::VectorXd& weight,
                   double width) {
  if (first.cols() != second.cols() || !(width > 0.0))
    throw Error(ErrorKind::internal, "two samples to be compared differ in size, or the kernel has no width");
  const auto n = static_cast<double>(first.cols());
  if (first.cols() < 2) return std::numeric_limits<double>::quiet_NaN();
  const Eigen::MatrixXd x = coordinates(first, weight);
  const Eigen::MatrixXd y = coordinates(second, weight);
  const double scale = -0.5 / (width * width);
  const auto apart = [&](const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
    const Eigen::MatrixXd kernel = (scale * squared_distances(a, b)).array().exp();
    return kernel.sum() - kernel.trace();
  };
  return (apart(x, x) + apart(y, y) - 2.0 * apart(x, y)) / (n * (n - 1.0));
}

}  // namespace manifill::verification
