#include "manifill/measurement/point_sampling.hpp"

#include "manifill/base/error.hpp"
#include "manifill/domain/nearest_points.hpp"
#include "manifill/domain/sphere.hpp"

namespace manifill::measurement {

SparseMatrix nearest_three(const domain::Domain& from, std::span<const std::array<double, 3>> targets,
                           std::vector<bool>* reachable) {
  constexpr double coincident = 1e-6;  // of the distance between points
  const domain::NearestPoints search({from.points().begin(), from.points().end()});
  std::vector<Eigen::Triplet<double>> entries;
  if (reachable != nullptr) reachable->assign(targets.size(), true);
  for (std::size_t k = 0; k < targets.size(); ++k) {
    const auto near = search.nearest(targets[k], 3);
    const auto around = search.nearest(from.points()[near[0].index], 4);
    const double spacing = around.back().chord;
    if (near[0].chord > spacing && around.size() > 1) {
      if (reachable == nullptr)
        throw Error(
            ErrorKind::input, "a point lies outside of " + from.describe(),
            {.index = "[target " + std::to_string(k) + "]", .remedy = "Cut the input to the model's domain"});
      (*reachable)[k] = false;
      continue;
    }
    double total = 0.0;
    const bool single = near[0].chord <= coincident * spacing;
    for (const auto& p : near) total += 1.0 / (p.chord * p.chord);
    for (const auto& p : near) {
      const double weight = single ? 1.0 : 1.0 / (p.chord * p.chord) / total;
      entries.emplace_back(static_cast<int>(k), static_cast<int>(p.index), weight);
      if (single) break;
    }
  }
  SparseMatrix a(static_cast<Eigen::Index>(targets.size()), static_cast<Eigen::Index>(from.size()));
  a.setFromTriplets(entries.begin(), entries.end());
  return a;
}

SparseMatrix point_sampling(const domain::Domain& from, const std::vector<double>& latitude,
                            const std::vector<double>& longitude, std::vector<bool>* reachable) {
  if (!from.spherical())
    throw Error(ErrorKind::input, "no latitudes and longitudes lie on " + from.describe(),
                {.remedy = "Use a model of a grid on the sphere"});
  if (from.kind() == domain::DomainKind::lat_lon) return bilinear(from, latitude, longitude, reachable);
  std::vector<std::array<double, 3>> targets;
  targets.reserve(latitude.size());
  for (std::size_t k = 0; k < latitude.size(); ++k)
    targets.push_back(domain::unit_vector(latitude[k], longitude[k]));
  return nearest_three(from, targets, reachable);
}

}  // namespace manifill::measurement
