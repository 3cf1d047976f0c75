#include "manifill/measurement/swath.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numbers>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/domain/nearest_points.hpp"
#include "manifill/domain/sphere.hpp"
#include "selection.hpp"

namespace manifill::measurement {
namespace {

constexpr double kSiderealDay = 1436.07;  // minutes
/// Of the track's points, in widths: what lies half a width off is placed to a thousandth of the width.
constexpr double kSpacing = 0.05;

class Swath : public Selection {
 public:
  Swath(const domain::Domain& domain, const SwathOptions& options) : Selection(domain), options_(options) {}

  [[nodiscard]] std::vector<bool> measured(std::int64_t step) const override {
    const domain::NearestPoints track(track_of(step));
    // Chord of half a width on the unit sphere.
    const double reach =
        2.0 * std::sin(std::min(0.25 * options_.width_km / domain::kEarthRadiusKm, 0.5 * std::numbers::pi));
    std::vector<bool> out;
    for (const auto& p : from().points()) out.push_back(track.nearest(p, 1)[0].chord <= reach);
    return out;
  }
  [[nodiscard]] bool steady() const override { return options_.drift == 0.0; }

 private:
  [[nodiscard]] std::vector<std::array<double, 3>> track_of(std::int64_t step) const {
    const double turn = options_.orbits * 2.0 * std::numbers::pi;
    const double spacing = kSpacing * std::max(options_.width_km, 1.0) / domain::kEarthRadiusKm;
    const auto count = static_cast<std::size_t>(std::ceil(turn / spacing)) + 1;
    const double i = options_.inclination * domain::kDegree;
    const double node = (options_.node + options_.drift * static_cast<double>(step)) * domain::kDegree;
    std::vector<std::array<double, 3>> out;
    for (std::size_t k = 0; k < count; ++k) {
      const double u = turn * static_cast<double>(k) / static_cast<double>(count - 1);
      const double minutes = u / (2.0 * std::numbers::pi) * options_.period_minutes;
      const double latitude = std::asin(std::clamp(std::sin(i) * std::sin(u), -1.0, 1.0));
      const double longitude = node + std::atan2(std::cos(i) * std::sin(u), std::cos(u)) -
                               2.0 * std::numbers::pi * minutes / kSiderealDay;
      out.push_back(domain::unit_vector(latitude / domain::kDegree, longitude / domain::kDegree));
    }
    return out;
  }
  SwathOptions options_;
};

constexpr SwathOptions kDefaults{};

const OperatorRegistration kSwathRegistration(
    "swath", "hides what lies beside the track of a satellite",
    {{.key = "swath.orbits",
      .help = "revolutions within one step of the file",
      .fallback = kDefaults.orbits,
      .lowest = 0.01,
      .highest = 10000},
     {.key = "swath.period_minutes",
      .help = "of a revolution, minutes",
      .fallback = kDefaults.period_minutes,
      .lowest = 1},
     {.key = "swath.inclination",
      .help = "of the orbit, degrees",
      .fallback = kDefaults.inclination,
      .lowest = 0,
      .highest = 180},
     {.key = "swath.width_km",
      .help = "of the swath along the ground, km",
      .fallback = kDefaults.width_km,
      .lowest = 1,
      .highest = 20000},
     {.key = "swath.node",
      .help = "where the first orbit crosses the equator northwards, degrees east",
      .fallback = kDefaults.node},
     {.key = "swath.drift", .help = "of that place from step to step, degrees", .fallback = kDefaults.drift}},
    [](const domain::Domain& domain, const Config& c, const OperatorContext& /*context*/) {
      return swath(domain, {.orbits = c.real("swath.orbits"),
                            .period_minutes = c.real("swath.period_minutes"),
                            .inclination = c.real("swath.inclination"),
                            .width_km = c.real("swath.width_km"),
                            .node = c.real("swath.node"),
                            .drift = c.real("swath.drift")});
    });

}  // namespace

OperatorPointer swath(const domain::Domain& domain, const SwathOptions& options) {
  if (!domain.spherical())
    throw Error(ErrorKind::usage, "no satellite flies over " + domain.describe(),
                {.remedy = "Use mask with mask.kinds = [\"swaths\"], which needs no sphere"});
  return std::make_shared<Swath>(domain, options);
}

}  // namespace manifill::measurement
