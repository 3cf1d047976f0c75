#pragma once
/// \file
/// \brief The Laplacian of any domain, with room around it.

#include <cstdint>
#include <vector>

#include "manifill/domain/domain.hpp"
#include "manifill/operators/laplacian.hpp"

namespace manifill::operators {

/// \brief A Laplacian whose nodes are the points of a domain and, where a grid ends, some beyond it.
struct DomainLaplacian {
  Laplacian laplacian{};                  ///< squared km (sphere) or squared units of the points; lumped
  std::vector<std::uint32_t> of_point{};  ///< [point], its node; the points of a pole share one
};

/// \brief Linear elements on the triangles of a grid's rows and columns or of a surface, intrinsic Delaunay
/// edges; on lists of cells on the Delaunay triangles of their centres, with the cells' own areas as mass
/// (the finite volumes of the centres' Voronoi polygons). A graph of heat-kernel weights, which takes its
/// place where a cell lies in no triangle, has no eigenvalues above some 1 / spacing^2, so that a field made
/// with it keeps a part as rough as noise.
///
/// Around a pole that a grid closes, triangles meet in a node at it. Beyond the edge of a region, rows and
/// columns go on, each step 1.3 times the last, so that what holds at the boundary (no flux) is far from the
/// points: a Matern field's variance is twice too large at such an edge and up to four times at a corner
/// (Lindgren, Rue and Lindstrom 2011, section 2.3 and A.4). Surfaces and lists of cells get no such room.
/// \param margin how far, as a share of the shorter side of the region; 0: nothing
/// \throws Error(input) as cotangent_laplacian and point_laplacian, and for a grid of one row or column
DomainLaplacian domain_laplacian(const domain::Domain& domain, double margin = 0.5);

}  // namespace manifill::operators
