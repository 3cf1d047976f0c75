#pragma once
// The textbook's posterior of a Gaussian, independent of the code under test.

#include <Eigen/Core>

namespace toys {

/// Of x ~ N(0, c) observed as y = a x + n: N(gain y, covariance).
struct Textbook {
  Eigen::MatrixXd gain{};
  Eigen::MatrixXd covariance{};
  Eigen::MatrixXd precision{};  // of y
};

/// With an explicit inverse. \param c [point][point] \param a [observation][point] \param noise variance of n
Textbook textbook(const Eigen::MatrixXd& c, const Eigen::MatrixXd& a, double noise);

/// Lower Cholesky factor.
Eigen::MatrixXd root_of(const Eigen::MatrixXd& c);

/// Dense product.
Eigen::MatrixXd product(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b);

}  // namespace toys
