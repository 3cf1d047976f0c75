#pragma once
/// \file
/// \brief Map projections by PROJ: places on the earth to a plane and back, and the areas of the plane's
/// cells.

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace manifill::domain {

/// \brief Attributes of a grid mapping variable (CF conventions, appendix F).
struct GridMapping {
  std::string name{};                                    ///< grid_mapping_name
  std::map<std::string, std::vector<double>> numbers{};  ///< e.g. standard_parallel, degrees
  std::map<std::string, std::string> texts{};            ///< e.g. sweep_angle_axis
};

/// \brief A projection of the earth, an ellipsoid or a sphere, to a plane. Value semantics: a copy has a
/// context of PROJ of its own. One object is for one thread at a time, copies for others. PROJ's network is
/// off; no datum is shifted: latitudes are those of the projection's own ellipsoid.
class MapProjection {
 public:
  /// \brief From a PROJ string ("+proj=lcc ..."), WKT, PROJJSON, or a code ("EPSG:3413").
  ///
  /// Units of the plane in the definition do not count but for `unit`. Without a shape of the earth it is WGS
  /// 84.
  /// \throws Error(input) with what PROJ says: no projection, wrong or missing parameters, longitude and
  /// latitude as they are, no inverse, grid files
  static MapProjection from_text(const std::string& definition);
  /// \brief From the attributes of the CF conventions 1.11: every projection of appendix F.
  /// \throws Error(input) naming the attribute that is missing, or the mapping's name when it is unknown
  static MapProjection from_grid_mapping(const GridMapping& mapping);

  MapProjection(const MapProjection& other);
  MapProjection(MapProjection&& other) noexcept;
  MapProjection& operator=(const MapProjection& other);
  MapProjection& operator=(MapProjection&& other) noexcept;
  ~MapProjection();

  /// \brief The PROJ string it works by: metres, without datum shifts.
  [[nodiscard]] const std::string& definition() const;
  /// \brief For people: "Lambert Conformal Conic", "rotated pole".
  [[nodiscard]] const std::string& name() const;
  /// \brief Whether the definition said nothing of the earth's shape, and WGS 84 was taken.
  [[nodiscard]] bool earth_assumed() const;
  /// \brief Whether the plane has degrees instead of metres: the latitudes and longitudes of a rotated pole.
  [[nodiscard]] bool angular() const;
  /// \brief Metres of the unit that the definition gives its plane; 1 where it gives none.
  [[nodiscard]] double unit() const;
  /// \brief Metres of the satellite above the ellipsoid, of a geostationary view: x and y over it are angles.
  [[nodiscard]] std::optional<double> height() const;
  /// \brief Half the equator's diameter in units of the plane: metres, or 180 / pi degrees.
  [[nodiscard]] double radius() const;

  /// \brief Plane of a place. \param longitude, latitude degrees \return x and y, metres (degrees where
  /// angular); nothing where the place is not on the map
  [[nodiscard]] std::optional<std::array<double, 2>> forward(double longitude, double latitude) const;
  /// \brief Place of a point of the plane. \return longitude and latitude, degrees; nothing beyond the map's
  /// edge. Full turns of cylindrical maps are taken off.
  [[nodiscard]] std::optional<std::array<double, 2>> inverse(double x, double y) const;
  /// \brief Area on the map over area on the earth at a place; NaN where it has none. Of a rotated pole, as
  /// if its plane were metres along the equator and the middle meridian.
  [[nodiscard]] double areal_scale(double longitude, double latitude) const;
  /// \brief Areas on the earth of the cells half way between lines of a plane, half a step beyond the last
  /// ones: the cell's area in the plane over the areal scale at its centre; of a rotated pole, exact on the
  /// sphere.
  /// \param x [column] \param y [row] strictly monotonic \return [row][column], square metres
  /// \throws Error(input) naming "x" or "y" and its index where it is not monotonic or not finite, or the
  /// centre that does not lie on the earth
  [[nodiscard]] std::vector<double> cell_areas(const std::vector<double>& x,
                                               const std::vector<double>& y) const;

 private:
  struct Impl;
  explicit MapProjection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace manifill::domain
