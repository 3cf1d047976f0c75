#pragma once
/// \file
/// \brief What PROJ's projections leave open: where a map ends and where its lines are to be cut. Not for
/// users of the library.

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "manifill/domain/map_projection.hpp"
#include "manifill/plot/projection.hpp"

namespace manifill::plot {

/// \brief PROJ's plane with lengths in units of `radius`.
std::optional<PlanePoint> plane_of(const domain::MapProjection& map, double radius, const Place& place);
std::optional<Place> place_of(const domain::MapProjection& map, double radius, const PlanePoint& point);

/// \brief Follows a line of places in the plane. Where two neighbours lie farther apart than a step, or one
/// is out of sight, the places between are tried, until the gap closes or proves to be one.
class LineTracer {
 public:
  using Forward = std::function<std::optional<PlanePoint>(const Place&)>;
  /// \param frame west, east, south, north; what lies beyond is not looked at closely
  LineTracer(Forward forward, double step, std::array<double, 4> frame);
  void to(const Place& place);
  [[nodiscard]] PlaneLines lines() const { return lines_; }

 private:
  struct Stop {
    Place place{};
    std::optional<PlanePoint> point{};
  };
  void between(const Stop& a, const Stop& b, int depth);
  [[nodiscard]] bool outside(const PlanePoint& a, const PlanePoint& b) const;
  Forward forward_;
  double step_;
  std::array<double, 4> frame_;
  std::optional<Stop> last_{};
  PlaneLines lines_{};
};

/// \brief Frame and outline of a map.
struct PlaneFrame {
  double west = 0.0, east = 0.0, south = 0.0, north = 0.0;
  std::array<double, 4> extent{};  ///< degrees within the frame: west, east, south, north
  PlaneLines outline{};
};

/// \throws Error(usage) when the projection shows nothing of the domain
PlaneFrame frame_of(const domain::MapProjection& map, const domain::Domain& domain);

}  // namespace manifill::plot
