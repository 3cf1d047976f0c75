#pragma once
/// \file
/// \brief Coarser and coarser points of a domain, for networks that look far at little cost.

#include <cstdint>
#include <memory>
#include <vector>

#include "manifill/domain/domain.hpp"
#include "manifill/prior/graph_stencil.hpp"
#include "manifill/prior/linear_map.hpp"

namespace manifill::prior {

/// \brief One level: clusters of a domain's points.
struct PointLevel {
  std::shared_ptr<const PointGraph> graph{};  ///< the clusters, neighbours where their points are
  std::vector<double> area{};                 ///< [cluster], shares of the domain's
  std::vector<std::uint32_t> cluster{};       ///< [point of the domain]
  LinearMap pool;    ///< averages over clusters by area: [batch][channel][point][1] to [..][cluster][1]
  LinearMap unpool;  ///< to each point what its cluster has
};

/// \brief A domain and its clusters of about 4, 16, 64, ... points: [level], the domain itself first.
///
/// HEALPix pixels of an nside that is a power of two are joined by their parents, in the ordering of the
/// domain. Elsewhere neighbours are joined in pairs, twice a level, those first that are near each other and
/// small (greedy matching by d^2 (a_i + a_j), ties by place; heavy edges first, Karypis and Kumar 1998, SIAM
/// J. Sci. Comput. 20:359): no step looks at the numbering of points.
/// \param coarser levels beyond the domain \throws Error(usage) when one would have fewer than 12 points
std::vector<PointLevel> point_levels(const domain::Domain& domain, std::int64_t coarser);

}  // namespace manifill::prior
