#pragma once
/// \file
/// \brief Triangles between points on the sphere.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace manifill::domain {

/// \brief Delaunay triangles of points on the unit sphere: those whose circle holds no other point. Corners
/// in ascending order, triangles sorted.
///
/// Seen from a point by inversion about it, the sphere is a plane and circles through the point are lines, so
/// that the point's triangles are the edges of the convex hull of the others (Brown 1979, "Voronoi diagrams
/// from convex hulls"). Near points suffice, as a circle of diameter d through a point holds none farther
/// than d; at most 1,024 are looked at. Where more than three points lie on a circle, as pixels in a square,
/// moves by a millionth of the spacing decide which triangles fill it. \param points [point][3], unit
/// vectors, no two alike \param reach triangles whose circle is wider than this times the largest distance of
/// a corner to its third nearest point are left out: holes and the outside of a region
std::vector<std::array<std::uint32_t, 3>> sphere_delaunay(std::span<const std::array<double, 3>> points,
                                                          double reach = 4.0);

}  // namespace manifill::domain
