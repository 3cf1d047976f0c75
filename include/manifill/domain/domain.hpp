#pragma once
/// \file
/// \brief Domain: the points of a manifold with their areas, neighbours and topology.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "manifill/domain/healpix.hpp"
#include "manifill/domain/triangle_mesh.hpp"

namespace manifill::domain {

enum class DomainKind {
  lat_lon,      ///< rows of latitude, columns of longitude
  cells,        ///< a list of points on the sphere with their areas: ICON, UGRID, reduced Gaussian grids
  curvilinear,  ///< rows and columns on the sphere, each point with its own latitude and longitude
  surface,      ///< the vertices of a triangle mesh in space
  plane,        ///< rows and columns of a flat image
};

/// \brief Rows and columns of a lat-lon grid in the order of the points: point = row * nlon + column.
struct LatLonShape {
  std::vector<double> latitude{};   ///< [nlat], degrees north, strictly monotonic either way
  std::vector<double> longitude{};  ///< [nlon], degrees east, strictly monotonic after unwrapping
  bool periodic = false;            ///< the last column is followed by the first
  bool north_pole = false;          ///< the grid's northern edge is the pole: the row beyond is at lon + 180
  bool south_pole = false;
  [[nodiscard]] std::size_t nlat() const { return latitude.size(); }
  [[nodiscard]] std::size_t nlon() const { return longitude.size(); }
};

/// \brief Cells of a sphere: what `Domain::cells` is made of.
struct CellGrid {
  std::vector<double> latitude{};   ///< [cell], degrees north, of the centres
  std::vector<double> longitude{};  ///< [cell], degrees east
  std::vector<double> area{};       ///< [cell], any one unit, positive; empty: by the distances to near cells
  std::vector<std::array<std::uint32_t, 2>> neighbours{};  ///< pairs of cells; empty: the six nearest of each
  std::string name = "cells";                              ///< what people call the grid: "ICON triangles"
};

/// \brief Points of a manifold with quadrature weights. Immutable; copying is cheap (shared representation).
class Domain {
 public:
  /// \brief Regular or Gaussian lat-lon grid, global or regional.
  /// \param latitude [nlat], degrees north; strictly monotonic
  /// \param longitude [nlon], degrees east; strictly increasing or decreasing after unwrapping by 360
  /// \throws Error(input) when a coordinate is not finite, out of range, not monotonic or repeated
  static Domain lat_lon(std::vector<double> latitude, std::vector<double> longitude);
  /// \brief Cells anywhere on the sphere.
  /// \throws Error(input) naming the cell when a coordinate is not finite or out of range, two centres
  /// coincide (to 1e-6 degrees), an area is not positive, or a neighbour is no cell
  static Domain cells(CellGrid grid);
  /// \brief HEALPix pixels, cells of equal area whose neighbours share an edge or a corner. \throws
  /// Error(input) as healpix::check_nside
  static Domain healpix(std::int64_t nside, healpix::Ordering ordering);
  /// \brief Rows and columns on the sphere. Areas are of the quadrilaterals half way to the neighbouring
  /// points. \param latitude, longitude [row][column], degrees \param columns of a row \param periodic the
  /// last column is followed by the first \throws Error(input) as `cells`
  static Domain curvilinear(std::vector<double> latitude, std::vector<double> longitude, std::size_t columns,
                            bool periodic);
  /// \brief The same with areas that are known. \param area [row][column], any one unit; empty: half way to
  /// the points around \throws Error(input) naming the point whose area is not positive
  static Domain curvilinear(std::vector<double> latitude, std::vector<double> longitude, std::size_t columns,
                            bool periodic, std::vector<double> area);
  /// \brief Vertices of a triangle mesh, weighted by a third of the triangles at each. \throws Error(input)
  /// as `check`
  static Domain surface(TriangleMesh mesh);
  /// \brief Pixels of an image, [row][column], of equal weight, a unit apart.
  /// \throws Error(input) when it has none
  static Domain plane(std::size_t rows, std::size_t columns);

  [[nodiscard]] DomainKind kind() const;
  /// \brief Whether points() are unit vectors of a sphere, latitudes and longitudes known.
  [[nodiscard]] bool spherical() const;
  [[nodiscard]] std::size_t size() const;
  /// \brief Cell areas as shares of the domain's whole area: [point], sum 1.
  [[nodiscard]] std::span<const double> weights() const;
  /// \brief Unit vectors of a sphere, vertices of a mesh, or (column, row, 0) of a plane: [point].
  [[nodiscard]] std::span<const std::array<double, 3>> points() const;
  /// \brief Straight distance of two points: kilometres on the sphere, else the units of points().
  [[nodiscard]] double chord(std::size_t a, std::size_t b) const;
  /// \brief Distance along the sphere, km; off it as chord.
  [[nodiscard]] double separation(std::size_t a, std::size_t b) const;
  /// \brief Area of the whole sphere, km^2, of a mesh or of an image, squared units of points().
  [[nodiscard]] double area() const;
  /// \brief Degrees north and east: [point]. \throws Error(internal) where the domain is not spherical
  [[nodiscard]] std::vector<double> latitudes() const;
  [[nodiscard]] std::vector<double> longitudes() const;
  /// \brief Points of a row where points come in rows (lat-lon, curvilinear, plane); 1 elsewhere.
  [[nodiscard]] std::size_t columns() const;
  /// \brief Indices of the neighbours of a point: across edges (periodic in longitude, over the poles where
  /// present), along the edges of a mesh.
  [[nodiscard]] std::span<const std::uint32_t> neighbours(std::size_t point) const;
  /// \brief Grid structure of a lat-lon grid. \throws Error(input) for another kind, which it names
  [[nodiscard]] const LatLonShape& lat_lon() const;
  /// \brief Hash of kind and coordinates, stable between runs and machines (coordinates rounded to 1e-4
  /// degrees, those of a mesh to a 1e-9th of its size).
  [[nodiscard]] std::uint64_t hash() const;
  /// \brief What `cells` was given, areas and neighbours filled in. \throws Error(internal) for another kind
  [[nodiscard]] const CellGrid& cell_grid() const;
  /// \brief The mesh of a surface. \throws Error(internal) for another kind
  [[nodiscard]] const TriangleMesh& mesh() const;
  /// \brief Whether a curvilinear grid's last column is followed by the first.
  [[nodiscard]] bool periodic() const;
  /// \brief One line for people: "lat-lon 45 x 90, 4 x 4 degrees, global".
  [[nodiscard]] std::string describe() const;

 private:
  struct Impl;
  explicit Domain(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

/// \brief Great-circle distance of two unit vectors, km, on a sphere of radius 6371.0088 km.
double great_circle_km(const std::array<double, 3>& a, const std::array<double, 3>& b);

/// \brief Length of the chord between two unit vectors, km. A function of it that is positive definite in R^3
/// is positive definite on the sphere.
double chordal_km(const std::array<double, 3>& a, const std::array<double, 3>& b);

inline constexpr double kEarthRadiusKm = 6371.0088;

}  // namespace manifill::domain
