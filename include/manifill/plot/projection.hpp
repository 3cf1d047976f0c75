#pragma once
/// \file
/// \brief Map projections: in closed form Equal Earth for the globe, azimuthal equal-area for a polar cap and
/// plate carree with the mid latitude true to scale for a region; any other by PROJ. A unit sphere
/// throughout; of PROJ's, lengths are in radii of the equator.

#include <array>
#include <optional>
#include <vector>

#include "manifill/domain/domain.hpp"
#include "manifill/domain/map_projection.hpp"

namespace manifill::plot {

enum class ProjectionKind { equal_earth, polar, plate_carree, proj };

/// \brief Edges of the cells of a lat-lon grid: half-way between centres, half a step beyond the ends, poles
/// closed.
struct CellEdges {
  std::vector<double> latitude{};   ///< [nlat + 1], degrees, in the order of the rows
  std::vector<double> longitude{};  ///< [nlon + 1], degrees, in the order of the columns
};
CellEdges cell_edges(const domain::LatLonShape& shape);

/// \brief A point of the map's plane, y up.
struct PlanePoint {
  double x = 0.0;
  double y = 0.0;
};

/// \brief A place on the sphere, degrees.
struct Place {
  double longitude = 0.0;
  double latitude = 0.0;
};

/// \brief A line of the plane in the pieces that a map shows of it.
using PlaneLines = std::vector<std::vector<PlanePoint>>;

/// \brief Degrees that a domain on the sphere covers, cells included.
struct Region {
  double west = 0.0, east = 0.0;  ///< east of west
  double south = 0.0, north = 0.0;
  bool round = false;  ///< all round in longitude: east is west + 360
  /// \brief Whether it is most of the globe.
  [[nodiscard]] bool global() const { return round && north - south > 120; }
};
/// \throws Error(internal) when the domain is not spherical
Region region_of(const domain::Domain& domain);

/// \brief Value semantics. One object is for one thread at a time, copies for others: so PROJ wants it.
class Projection {
 public:
  /// \brief Equal Earth (Savric, Patterson and Jenny 2019, doi:10.1080/13658816.2018.1504949), whole globe.
  static Projection equal_earth(double central_longitude);
  /// \brief Lambert azimuthal equal-area about a pole down to a latitude (Snyder 1987, section 24).
  /// \param edge_latitude degrees, of the sign of the pole's hemisphere or across the equator
  static Projection polar(bool north, double edge_latitude, double central_longitude);
  /// \brief Equidistant cylindrical; the mid latitude is true to scale. East of west, degrees.
  static Projection plate_carree(double west, double east, double south, double north);
  /// \brief The one that suits a grid: all round and most latitudes, Equal Earth; all round and one
  /// hemisphere's high latitudes, polar; otherwise plate carree of just the cells.
  static Projection suited_to(const domain::Domain& domain);

  /// \brief A projection of PROJ, framed by what it shows of a domain: its cells, but for those that it
  /// stretches to more than four times the length of the rest (a Mercator's poles).
  /// \throws Error(usage) when it shows nothing of the domain
  static Projection proj(domain::MapProjection map, const domain::Domain& domain);

  [[nodiscard]] ProjectionKind kind() const { return kind_; }
  [[nodiscard]] double central_longitude() const { return central_; }
  /// \brief Nothing where the projection does not show the place: the far side of the globe. It may lie
  /// outside the map's frame.
  [[nodiscard]] std::optional<PlanePoint> forward(const Place& place) const;
  /// \brief A line of places, each pair joined the short way round, as it lies in the plane: cut at seams and
  /// where it goes out of sight.
  /// \param step length in the plane up to which neighbouring points are taken for connected
  [[nodiscard]] PlaneLines trace(const std::vector<Place>& line, double step) const;
  /// \brief Longitude within 180 degrees of the central one; nothing outside the map's outline.
  [[nodiscard]] std::optional<Place> inverse(const PlanePoint& point) const;
  /// \brief Frame of the map in the plane.
  [[nodiscard]] double width() const { return east_ - west_; }
  [[nodiscard]] double height() const { return north_ - south_; }
  [[nodiscard]] PlanePoint lower_left() const { return {west_, south_}; }
  /// \brief Closed lines round the map; inside is what an odd number of them go round.
  [[nodiscard]] const PlaneLines& outline() const { return outline_; }
  /// \brief Range of the map in degrees: west, east, south, north.
  [[nodiscard]] std::array<double, 4> extent() const { return extent_; }
  /// \brief Longitude relative to the central one, in [-180, 180].
  [[nodiscard]] double relative_longitude(double longitude) const;

 private:
  Projection() = default;
  void close_outline();
  ProjectionKind kind_ = ProjectionKind::equal_earth;
  double central_ = 0.0;
  double cosine_ = 1.0;  // of the plate carree's true latitude
  double pole_ = 1.0;    // +1 north, -1 south
  double rim_ = 0.0;     // radius of the polar map
  double west_ = 0.0, east_ = 0.0, south_ = 0.0, north_ = 0.0;
  std::array<double, 4> extent_{};
  PlaneLines outline_{};
  std::optional<domain::MapProjection> map_{};
  double radius_ = 1.0;  // units of map_ to those of the plane
};

}  // namespace manifill::plot
