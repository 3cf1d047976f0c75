#pragma once
/// \file
/// \brief Domain: the points of a manifold with their areas, neighbours and topology.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace manifill::domain {

enum class DomainKind { lat_lon };

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

/// \brief Points of a manifold with quadrature weights. Immutable; copying is cheap (shared representation).
class Domain {
 public:
  /// \brief Regular or Gaussian lat-lon grid, global or regional.
  /// \param latitude [nlat], degrees north; strictly monotonic
  /// \param longitude [nlon], degrees east; strictly increasing or decreasing after unwrapping by 360
  /// \throws Error(input) when a coordinate is not finite, out of range, not monotonic or repeated
  static Domain lat_lon(std::vector<double> latitude, std::vector<double> longitude);

  [[nodiscard]] DomainKind kind() const;
  [[nodiscard]] std::size_t size() const;
  /// \brief Cell areas as shares of the domain's whole area: [point], sum 1.
  [[nodiscard]] std::span<const double> weights() const;
  /// \brief Unit vectors [point].
  [[nodiscard]] std::span<const std::array<double, 3>> points() const;
  /// \brief Indices of the edge neighbours of a point (periodic in longitude, across the poles where
  /// present).
  [[nodiscard]] std::span<const std::uint32_t> neighbours(std::size_t point) const;
  /// \brief Grid structure; valid for DomainKind::lat_lon.
  [[nodiscard]] const LatLonShape& lat_lon() const;
  /// \brief Hash of kind and coordinates, stable between runs and machines (coordinates rounded to 1e-4
  /// degrees).
  [[nodiscard]] std::uint64_t hash() const;
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
