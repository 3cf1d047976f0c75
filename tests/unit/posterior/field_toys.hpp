#pragma once
// Domains of every kind, masks and smooth fields for the classical fills.

#include <Eigen/Core>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "manifill/base/random.hpp"
#include "manifill/domain/domain.hpp"

namespace toys {

/// Global grid without pole points, a row every `step` degrees.
manifill::domain::Domain globe_by(double step);

/// One domain of each kind, with its name.
std::vector<std::pair<std::string, manifill::domain::Domain>> every_domain();

/// x + 2 y + 3 z of the points: [point].
Eigen::VectorXd smooth(const manifill::domain::Domain& d);

std::vector<bool> random_mask(std::size_t points, double share, std::uint64_t seed);

}  // namespace toys
