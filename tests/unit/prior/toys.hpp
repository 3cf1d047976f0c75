#pragma once
/// \file
/// \brief Small processes with known answers for the tests of the prior.

#include <cstdint>
#include <utility>

#include <Eigen/Core>

#include "manifill/base/random.hpp"
#include "manifill/prior/backbone.hpp"
#include "random_numbers.hpp"
#include "unit/domain/toys.hpp"

namespace toys {

using namespace manifill;

/// Global grid without pole points.
domain::Domain globe(std::size_t rows, std::size_t columns);

/// Standard normals [row][column].
using test::normals;

/// Fields that are known everywhere and count alike. \param x [point][field], of variance one
prior::StandardFields standard_fields(const domain::Domain& domain, const Eigen::MatrixXd& x);

/// Smooth covariance on the sphere and a little white noise, unit variance: the Gaussian oracle.
std::pair<prior::Backbone, Eigen::MatrixXd> oracle(std::size_t rows, std::size_t columns);

/// Fitted to fields with two seasons of different covariance; fewer modes than points.
prior::Backbone seasonal_backbone();

}  // namespace toys
