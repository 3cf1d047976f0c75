#pragma once
// What every operator must do, for the tests of each.

#include <cmath>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/config.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/measurement/operator.hpp"
#include "random_numbers.hpp"

namespace manifill::checks {

using test::normals;

/// <A x, y> = <x, A^T y>, and the matrix is the map, to rounding of sums of as many terms.
inline void adjoint_and_matrix(const measurement::Operator& a, double tolerance = 1e-12) {
  const Eigen::MatrixXd x = normals(a.points(), 3, 11);
  const Eigen::MatrixXd y = normals(a.values(), 3, 12);
  const Eigen::MatrixXd ax = a.apply(x);
  const Eigen::MatrixXd aty = a.adjoint(y);
  REQUIRE(ax.rows() == a.values());
  REQUIRE(aty.rows() == a.points());
  for (int k = 0; k < 3; ++k)
    CHECK(std::abs(ax.col(k).dot(y.col(k)) - x.col(k).dot(aty.col(k))) < tolerance * x.norm() * y.norm());
  CHECK((a.matrix() * x - ax).norm() < tolerance * ax.norm());
  CHECK((a.matrix().transpose() * y - aty).norm() < tolerance * aty.norm());
}

inline void keeps_constants(const measurement::Operator& a, double tolerance = 1e-12) {
  const Eigen::VectorXd ones = Eigen::VectorXd::Ones(a.points());
  CHECK((a.apply(ones).array() - 1.0).abs().maxCoeff() < tolerance);
}

/// An operator of the registry, its options set as "key=value".
inline measurement::OperatorPointer made(const std::vector<std::string>& names, const domain::Domain& from,
                                         const std::vector<std::string>& settings = {},
                                         const measurement::OperatorContext& context = {}) {
  Config config(measurement::OperatorRegistry::instance().specs());
  for (const auto& s : settings) config.set(s);
  return measurement::OperatorRegistry::instance().make(names, from, config, context);
}

/// Message of the error that `action` throws, after checking its kind and that it has a remedy or names the
/// choices.
template <typename Action>
std::string refusal(ErrorKind kind, const Action& action) {
  try {
    action();
  } catch (const Error& e) {
    CHECK(e.kind() == kind);
    const std::string what = e.what();
    const bool helps = what.find(". ") != std::string::npos || what.find("not one of") != std::string::npos;
    if (kind != ErrorKind::internal) CHECK(helps);
    return what;
  }
  FAIL("nothing was thrown");
  return {};
}

inline domain::Domain globe(double step, bool north_first = true) {
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (double v = 90.0 - 0.5 * step; v > -90.0; v -= step) latitude.push_back(north_first ? v : -v);
  for (double v = 0.0; v < 360.0 - 0.5 * step; v += step) longitude.push_back(v);
  return domain::Domain::lat_lon(latitude, longitude);
}

/// A coordinate of every point.
inline Eigen::VectorXd coordinate(const domain::Domain& d, std::size_t axis) {
  Eigen::VectorXd out(static_cast<Eigen::Index>(d.size()));
  for (Eigen::Index i = 0; i < out.size(); ++i) out[i] = d.points()[static_cast<std::size_t>(i)][axis];
  return out;
}

inline Eigen::VectorXd areas(const domain::Domain& d) {
  return Eigen::Map<const Eigen::VectorXd>(d.weights().data(), static_cast<Eigen::Index>(d.size()));
}

}  // namespace manifill::checks
