#pragma once
// Maps that weight the degrees of spherical harmonics. Private to measurement.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "manifill/measurement/operator.hpp"
#include "manifill/operators/ring_grid.hpp"

namespace manifill::measurement {

/// The rings of a domain, or nothing where it has none.
std::optional<operators::RingGrid> rings_of(const domain::Domain& domain);

/// The highest degree that analysis on a grid is good for: the exact degree; on HEALPix, whose analysis is
/// iterated, 2 nside, the resolution's own (Gorski et al. 2005).
std::int64_t usable_degree(const operators::RingGrid& grid);

/// Analysis up to degree lmax, coefficients times gain(degree), synthesis. The area mean is taken off before
/// and put back after, so that constants come through to rounding on every grid. \param gain 1 at degree 0
OperatorPointer harmonic_map(const domain::Domain& domain, const operators::RingGrid& grid, std::int64_t lmax,
                             const std::function<double(std::int64_t)>& gain);

/// The same of any map: A x = B (x - m) + m, m the area mean of x. Both are [point][column] to
/// [point][column].
using LinearFunction = std::function<Eigen::MatrixXd(const Eigen::MatrixXd&)>;
OperatorPointer mean_keeping(const domain::Domain& domain, LinearFunction apply, LinearFunction adjoint);

}  // namespace manifill::measurement
