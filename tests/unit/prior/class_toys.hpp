#pragma once
// Fields of two classes, smooth and rough.

#include <cstdint>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "manifill/prior/backbone.hpp"
#include "unit/prior/toys.hpp"

namespace toys {

/// Covariance of a class on a domain: smooth hills under a level of their own, or short ones.
inline Eigen::MatrixXd class_truth(const domain::Domain& domain, bool rough) {
  if (rough) return 1.5 * prior::stationary_correlation("multiscale", domain, {2.0, 0.7, 40.0, 0.3});
  return 0.5 * prior::stationary_correlation("multiscale", domain, {8.0, 0.2, 60.0, 0.8});
}

/// Draws of both in turn: every third field is rough. [point][field]
inline Eigen::MatrixXd fields_of_two_classes(const domain::Domain& domain, Eigen::Index count,
                                             std::uint64_t seed) {
  const auto n = static_cast<Eigen::Index>(domain.size());
  Eigen::MatrixXd x = normals(n, count, seed);
  for (const bool rough : {false, true}) {
    Eigen::MatrixXd c = class_truth(domain, rough);
    c.diagonal().array() += 1e-9;
    const Eigen::MatrixXd root = c.llt().matrixL();
    for (Eigen::Index t = 0; t < count; ++t)
      if ((t % 3 == 2) == rough) x.col(t) = (root * x.col(t)).eval();
  }
  return x;
}

/// The same as training fields.
inline prior::TrainingFields class_training(const domain::Domain& domain, Eigen::Index count,
                                            std::uint64_t seed) {
  prior::TrainingFields f{.domain = domain,
                          .values = fields_of_two_classes(domain, count, seed).cast<float>()};
  for (Eigen::Index t = 0; t < count; ++t) {
    f.index.push_back(t);
    f.season.push_back(0.0);
  }
  return f;
}

inline prior::BackboneOptions class_options() {
  return {.mean_harmonics = 0, .scale_harmonics = 0, .correlation = "multiscale", .classes = 2};
}

}  // namespace toys
