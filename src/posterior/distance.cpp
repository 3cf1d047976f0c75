#include "manifill/posterior/distance.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "field_check.hpp"
#include "manifill/domain/nearest_points.hpp"
#include "manifill/posterior/fill_sampler.hpp"

namespace manifill::posterior {
namespace {

const SamplerRegistration kDistanceRegistration(
    "distance", "mean of the nearest observed points' anomalies by inverse distance",
    {{.key = "distance.neighbours",
      .help = "observed points that a fill is the mean of",
      .fallback = std::int64_t{4},
      .lowest = 1,
      .highest = 10000}},
    [](const Model& model, const Config& config) {
      const auto neighbours = static_cast<std::size_t>(config.integer("distance.neighbours"));
      return std::make_unique<FillSampler>(
          model, "distance",
          [d = model.backbone.domain(), neighbours](const std::vector<bool>& observed,
                                                    const Eigen::VectorXd& values) {
            return fill_distance_weighted(d, observed, values, neighbours);
          });
    });

/// Great-circle distance, radii.
double arc(double chord) { return 2.0 * std::asin(std::min(1.0, 0.5 * chord)); }

}  // namespace

Eigen::VectorXd fill_distance_weighted(const domain::Domain& domain, const std::vector<bool>& observed,
                                       const Eigen::VectorXd& values, std::size_t neighbours) {
  check_field(observed, values, domain.size());
  if (neighbours == 0)
    throw Error(ErrorKind::usage, "a distance-weighted fill needs a neighbour",
                {.remedy = "Use 4 neighbours"});
  check_observed(observed);
  std::vector<Eigen::Index> index;
  std::vector<std::array<double, 3>> points;
  for (std::size_t i = 0; i < observed.size(); ++i)
    if (observed[i]) {
      index.push_back(static_cast<Eigen::Index>(i));
      points.push_back(domain.points()[i]);
    }
  const domain::NearestPoints search(std::move(points));
  const bool round = domain.spherical();
  Eigen::VectorXd out = values;
  for (std::size_t i = 0; i < observed.size(); ++i) {
    if (observed[i]) continue;
    double sum = 0.0;
    double total = 0.0;
    const auto near = search.nearest(domain.points()[i], neighbours);
    if (near.size() == 1) {
      out[static_cast<Eigen::Index>(i)] = values[index[near[0].index]];
      continue;
    }
    for (const auto& n : near) {
      // Another point of the same pole weighs all.
      const double weight = 1.0 / std::max(round ? arc(n.chord) : n.chord, 1e-12);
      sum += weight * values[index[n.index]];
      total += weight;
    }
    out[static_cast<Eigen::Index>(i)] = sum / total;
  }
  return out;
}

}  // namespace manifill::posterior
