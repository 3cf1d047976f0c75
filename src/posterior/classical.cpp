#include "manifill/posterior/classical.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/domain/nearest_points.hpp"

namespace manifill::posterior {
namespace {

void check_size(const std::vector<bool>& observed, const Eigen::VectorXd& values, std::size_t points) {
  if (observed.size() != points || values.size() != static_cast<Eigen::Index>(points))
    throw Error(ErrorKind::internal, "a field of " + std::to_string(values.size()) +
                                         " values and a mask of " + std::to_string(observed.size()) +
                                         " on a domain of " + std::to_string(points) + " points");
}

/// Observed points of a field, ready to be searched.
struct ObservedPoints {
  std::vector<std::size_t> index;
  domain::NearestPoints search;
};

ObservedPoints observed_points(const domain::Domain& domain, const std::vector<bool>& observed) {
  std::vector<std::size_t> index;
  std::vector<std::array<double, 3>> points;
  for (std::size_t i = 0; i < observed.size(); ++i)
    if (observed[i]) {
      index.push_back(i);
      points.push_back(domain.points()[i]);
    }
  if (index.empty())
    throw Error(ErrorKind::input, "a field without any observed point cannot be filled from its neighbours",
                {.remedy = "Leave this time step out, or fill it with the climatology"});
  return {std::move(index), domain::NearestPoints(std::move(points))};
}

/// Great-circle distance, radii.
double arc(double chord) { return 2.0 * std::asin(std::min(1.0, 0.5 * chord)); }

}  // namespace

Eigen::VectorXd fill_climatology(const std::vector<bool>& observed, const Eigen::VectorXd& values) {
  check_size(observed, values, observed.size());
  Eigen::VectorXd out = Eigen::VectorXd::Zero(values.size());
  for (Eigen::Index i = 0; i < values.size(); ++i)
    if (observed[static_cast<std::size_t>(i)]) out[i] = values[i];
  return out;
}

Eigen::VectorXd fill_nearest(const domain::Domain& domain, const std::vector<bool>& observed,
                             const Eigen::VectorXd& values) {
  return fill_distance_weighted(domain, observed, values, 1);
}

Eigen::VectorXd fill_distance_weighted(const domain::Domain& domain, const std::vector<bool>& observed,
                                       const Eigen::VectorXd& values, std::size_t neighbours) {
  check_size(observed, values, domain.size());
  if (neighbours == 0)
    throw Error(ErrorKind::usage, "a distance-weighted fill needs a neighbour",
                {.remedy = "Use 4 neighbours"});
  const ObservedPoints known = observed_points(domain, observed);
  Eigen::VectorXd out = values;
  for (std::size_t i = 0; i < observed.size(); ++i) {
    if (observed[i]) continue;
    double sum = 0.0;
    double total = 0.0;
    for (const auto& n : known.search.nearest(domain.points()[i], neighbours)) {
      const double weight = 1.0 / std::max(arc(n.chord), 1e-12);  // another point of the same pole weighs all
      sum += weight * values[static_cast<Eigen::Index>(known.index[n.index])];
      total += weight;
    }
    out[static_cast<Eigen::Index>(i)] = sum / total;
  }
  return out;
}

}  // namespace manifill::posterior
