#pragma once
/// \file
/// \brief Search for the nearest of many points.

#include <array>
#include <cstddef>
#include <vector>

namespace manifill::domain {

/// \brief Nearest points of a set in space, by k-d tree (Bentley 1975): O(n log n) to build, about O(log n) a
/// query. On the unit sphere the nearest by chord are the nearest by great circle. Of points as near, those
/// of lower index come first.
class NearestPoints {
 public:
  /// \brief A point found, and how far it is.
  struct Neighbour {
    std::size_t index = 0;  ///< into the points given
    double chord = 0.0;     ///< straight distance, units of the points
  };

  /// \param points [point][3], finite, copied
  explicit NearestPoints(std::vector<std::array<double, 3>> points);
  [[nodiscard]] std::size_t size() const { return points_.size(); }
  /// \brief The `count` nearest, nearest first; fewer when the set is smaller.
  [[nodiscard]] std::vector<Neighbour> nearest(const std::array<double, 3>& target, std::size_t count) const;
  /// \brief All not farther than `radius`, nearest first.
  [[nodiscard]] std::vector<Neighbour> within(const std::array<double, 3>& target, double radius) const;

 private:
  struct Search;
  void build(std::size_t first, std::size_t last, std::size_t axis);
  void descend(Search& search, std::size_t first, std::size_t last, std::size_t axis) const;
  [[nodiscard]] static std::vector<Neighbour> sorted(Search& search);

  std::vector<std::array<double, 3>> points_;
  std::vector<std::size_t> order_{};  // the tree: a range's middle splits it, axes in turn
};

}  // namespace manifill::domain
