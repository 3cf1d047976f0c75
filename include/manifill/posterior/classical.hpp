#pragma once
/// \file
/// \brief Classical fills of one field from its observed points: climatology, nearest neighbour, distance
/// weighted.
///
/// They give one value a point and no uncertainty. Fill anomalies, not absolute values, where there is a
/// climatology. All of them keep what is observed and ignore what `values` holds elsewhere.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include "manifill/domain/domain.hpp"

namespace manifill::posterior {

/// \brief Nearest points of a set, by k-d tree on the unit vectors (Bentley 1975): O(n log n) to build, about
/// O(log n) a query. The nearest by chord are the nearest by great circle. Of points as near, those of lower
/// index come first.
class NearestPoints {
 public:
  /// \brief A point found, and how far it is.
  struct Neighbour {
    std::size_t index = 0;  ///< into the points given
    double chord = 0.0;     ///< length of the chord, radii
  };

  /// \param points unit vectors [point], copied
  explicit NearestPoints(std::vector<std::array<double, 3>> points);
  [[nodiscard]] std::size_t size() const { return points_.size(); }
  /// \brief The `count` nearest, nearest first; fewer when the set is smaller.
  [[nodiscard]] std::vector<Neighbour> nearest(const std::array<double, 3>& target, std::size_t count) const;

 private:
  struct Search;
  void build(std::size_t first, std::size_t last, std::size_t axis);
  void descend(Search& search, std::size_t first, std::size_t last, std::size_t axis) const;

  std::vector<std::array<double, 3>> points_;
  std::vector<std::size_t> order_{};  // the tree: a range's middle splits it, axes in turn
};

/// \brief Climatology: an anomaly of zero where nothing is observed.
/// \param observed [point]; \param values [point], anomalies, read where observed
/// \throws Error(internal) on a size mismatch
Eigen::VectorXd fill_climatology(const std::vector<bool>& observed, const Eigen::VectorXd& values);

/// \brief Nearest observed point by great circle, as `cdo setmisstonn` does.
/// \param observed [point]; \param values [point], any units, read where observed
/// \throws Error(input) when nothing is observed, Error(internal) on a size mismatch
Eigen::VectorXd fill_nearest(const domain::Domain& domain, const std::vector<bool>& observed,
                             const Eigen::VectorXd& values);

/// \brief Mean of the nearest observed points with weights 1 / great-circle distance, as `cdo setmisstodis`
/// does (Shepard 1968 with power 1). \param neighbours how many; 4 is what cdo takes \throws Error(input)
/// when nothing is observed, Error(usage) on no neighbours, Error(internal) on a size mismatch
Eigen::VectorXd fill_distance_weighted(const domain::Domain& domain, const std::vector<bool>& observed,
                                       const Eigen::VectorXd& values, std::size_t neighbours = 4);

}  // namespace manifill::posterior
