#pragma once
/// \file
/// \brief Grids made of rings of equal colatitude, with quadrature weights: what a spherical harmonic
/// transform needs to know of a grid.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "manifill/domain/domain.hpp"

namespace manifill::operators {

/// \brief How well a grid's weights integrate products of harmonics.
enum class Quadrature {
  gauss_legendre,    ///< exact for degrees up to nlat - 1
  clenshaw_curtis,   ///< equiangular with poles; exact for degrees up to (nlat - 1) / 2
  fejer,             ///< equiangular without poles; exact for degrees up to (nlat - 1) / 2
  healpix,           ///< equal areas; iterated
  reduced_gaussian,  ///< Gauss-Legendre latitudes, fewer points on the rings near the poles
};

/// \brief Points equally spaced in longitude on one circle of latitude.
struct Ring {
  double colatitude = 0.0;       ///< radians, 0 at the north pole
  double first_longitude = 0.0;  ///< radians east, of the point at `offset`
  std::size_t count = 0;         ///< points
  double weight = 0.0;           ///< quadrature weight of each point; all points of the grid sum to 4 pi
  std::size_t offset = 0;        ///< place of the first point in a field
  bool westward = false;         ///< the points follow each other westward
};

/// \brief Rings from north to south. Fields are [point].
struct RingGrid {
  std::vector<Ring> rings{};
  Quadrature quadrature = Quadrature::gauss_legendre;
  std::size_t points = 0;
  /// Where a field has the points that `offset` counts: [point]; empty: in that order. Nested HEALPix and
  /// lists of cells come so.
  std::vector<std::uint32_t> order{};

  /// \brief Place in a field of the j-th point of a ring.
  [[nodiscard]] std::size_t place(const Ring& ring, std::size_t j) const {
    return order.empty() ? ring.offset + j : order[ring.offset + j];
  }
  /// \brief Quadrature weight of every point, in the order of fields: [point], sum 4 pi.
  [[nodiscard]] std::vector<double> weights() const;
  /// \brief Highest degree to which analysis undoes synthesis to rounding; for HEALPix the highest for which
  /// the iteration converges well, 3 nside / 2 (Gorski et al. 2005 give 2 nside as the resolution's own).
  [[nodiscard]] std::int64_t exact_degree() const;

  /// \param nlat rings; \param nlon points of a ring \throws Error(usage) when either is 0
  static RingGrid gauss_legendre(std::size_t nlat, std::size_t nlon);
  /// \brief Equiangular, first and last ring at the poles. \throws Error(usage) when nlat < 2 or nlon is 0
  static RingGrid clenshaw_curtis(std::size_t nlat, std::size_t nlon);
  /// \brief Equiangular, first and last ring half a step from the poles.
  static RingGrid fejer(std::size_t nlat, std::size_t nlon);
  /// \brief HEALPix in ring order (domain/healpix.hpp). \throws Error(usage) when nside is 0
  static RingGrid healpix(std::size_t nside);
  /// \brief Gaussian latitudes with their own number of points on each, the first at longitude 0.
  /// \param counts [ring], north first \throws Error(usage) when one is 0
  static RingGrid reduced_gaussian(const std::vector<std::size_t>& counts);
  /// \brief The rings of a global domain, fields in the order of its points: of a lat-lon grid, or of points
  /// that lie on rings of latitude in any order, as the cells of HEALPix (in rings or nested) and of reduced
  /// Gaussian grids. Coordinates in files are rounded: the nodes of the grid that is meant are taken.
  /// \throws Error(input) when the domain is not global or no sphere, a ring's longitudes are not equally
  /// spaced, or its latitudes are neither HEALPix's nor Gaussian nor equally spaced with the poles or half a
  /// step from them, to 0.01 of a step
  static RingGrid of(const domain::Domain& domain);
};

/// \brief A global grid by its name: "F48" (regular Gaussian, 96 x 192), "O48" (octahedral reduced Gaussian,
/// 96 rings of 20 to 208 points), "r72x36" (72 longitudes, 36 even latitudes half a step from the poles,
/// south first), "hp32" and "hp32_nested" (HEALPix). \throws Error(usage) for another name
domain::Domain named_grid(const std::string& name);

/// \brief Nodes cos(colatitude) and weights of Gauss-Legendre quadrature on [-1, 1], from 1 downward.
struct GaussLegendre {
  std::vector<double> colatitude{};  ///< radians
  std::vector<double> weight{};      ///< sum 2
};
GaussLegendre gauss_legendre(std::size_t n);

}  // namespace manifill::operators
