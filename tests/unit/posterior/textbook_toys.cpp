#include "unit/posterior/textbook_toys.hpp"

#include <Eigen/Cholesky>
#include <Eigen/LU>

namespace toys {

Textbook textbook(const Eigen::MatrixXd& c, const Eigen::MatrixXd& a, double noise) {
  const Eigen::MatrixXd cross = c * a.transpose();
  Eigen::MatrixXd s = a * cross;
  s.diagonal().array() += noise;
  Textbook out{.precision = s.inverse()};
  out.gain = cross * out.precision;
  out.covariance = c - out.gain * cross.transpose();
  return out;
}

Eigen::MatrixXd root_of(const Eigen::MatrixXd& c) { return Eigen::LLT<Eigen::MatrixXd>(c).matrixL(); }

Eigen::MatrixXd product(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) { return a * b; }

}  // namespace toys
