#pragma once
// Operators that leave values as they are, and leave some out. Private to measurement.

#include "manifill/measurement/operator.hpp"

namespace manifill::measurement {

/// The identity; a derived class says what is measured at a step.
class Selection : public Operator {
 public:
  explicit Selection(const domain::Domain& domain)
      : Operator(domain, domain, static_cast<Eigen::Index>(domain.size())) {}
  [[nodiscard]] Eigen::MatrixXd apply(const Eigen::Ref<const Eigen::MatrixXd>& x) const override { return x; }
  [[nodiscard]] Eigen::MatrixXd adjoint(const Eigen::Ref<const Eigen::MatrixXd>& y) const override {
    return y;
  }
  [[nodiscard]] bool sparse() const override { return true; }

 private:
  [[nodiscard]] SparseMatrix make_matrix() const override {
    SparseMatrix a(values(), points());
    a.setIdentity();
    return a;
  }
};

}  // namespace manifill::measurement
