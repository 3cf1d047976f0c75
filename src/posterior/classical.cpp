#include "manifill/posterior/classical.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "manifill/base/error.hpp"

namespace manifill::posterior {
namespace {

using Point = std::array<double, 3>;

double square_of(double x) { return x * x; }

double squared_chord(const Point& a, const Point& b) {
  return square_of(a[0] - b[0]) + square_of(a[1] - b[1]) + square_of(a[2] - b[2]);
}

void check_size(const std::vector<bool>& observed, const Eigen::VectorXd& values, std::size_t points) {
  if (observed.size() != points || values.size() != static_cast<Eigen::Index>(points))
    throw Error(ErrorKind::internal, "a field of " + std::to_string(values.size()) +
                                         " values and a mask of " + std::to_string(observed.size()) +
                                         " on a domain of " + std::to_string(points) + " points");
}

/// Observed points of a field, ready to be searched.
struct ObservedPoints {
  std::vector<std::size_t> index;
  NearestPoints search;
};

ObservedPoints observed_points(const domain::Domain& domain, const std::vector<bool>& observed) {
  std::vector<std::size_t> index;
  std::vector<Point> points;
  for (std::size_t i = 0; i < observed.size(); ++i)
    if (observed[i]) {
      index.push_back(i);
      points.push_back(domain.points()[i]);
    }
  if (index.empty())
    throw Error(ErrorKind::input, "a field without any observed point cannot be filled from its neighbours",
                {.remedy = "Leave this time step out, or fill it with the climatology"});
  return {std::move(index), NearestPoints(std::move(points))};
}

/// Great-circle distance, radii.
double arc(double chord) { return 2.0 * std::asin(std::min(1.0, 0.5 * chord)); }

}  // namespace

/// The best so far: (squared chord, index), a heap with the worst in front.
struct NearestPoints::Search {
  Point target;
  std::size_t count;
  std::vector<std::pair<double, std::size_t>> heap;

  void offer(double distance, std::size_t index) {
    const std::pair<double, std::size_t> candidate{distance, index};
    if (heap.size() == count) {
      if (candidate >= heap.front()) return;
      std::pop_heap(heap.begin(), heap.end());
      heap.back() = candidate;
    } else {
      heap.push_back(candidate);
    }
    std::push_heap(heap.begin(), heap.end());
  }
};

NearestPoints::NearestPoints(std::vector<Point> points) : points_(std::move(points)), order_(points_.size()) {
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  build(0, order_.size(), 0);
}

void NearestPoints::build(std::size_t first, std::size_t last, std::size_t axis) {
  if (last - first < 2) return;
  const std::size_t middle = first + (last - first) / 2;
  const auto at = [this](std::size_t k) { return order_.begin() + static_cast<std::ptrdiff_t>(k); };
  std::nth_element(at(first), at(middle), at(last),
                   [&](std::size_t a, std::size_t b) { return points_[a][axis] < points_[b][axis]; });
  build(first, middle, (axis + 1) % 3);
  build(middle + 1, last, (axis + 1) % 3);
}

void NearestPoints::descend(Search& search, std::size_t first, std::size_t last, std::size_t axis) const {
  if (first == last) return;
  const std::size_t middle = first + (last - first) / 2;
  const Point& p = points_[order_[middle]];
  search.offer(squared_chord(search.target, p), order_[middle]);
  const double beyond = search.target[axis] - p[axis];
  const std::size_t next = (axis + 1) % 3;
  if (beyond < 0.0)
    descend(search, first, middle, next);
  else
    descend(search, middle + 1, last, next);
  // Not smaller, but equal too: a point as near of lower index may be on the other side.
  if (search.heap.size() == search.count && beyond * beyond > search.heap.front().first) return;
  if (beyond < 0.0)
    descend(search, middle + 1, last, next);
  else
    descend(search, first, middle, next);
}

std::vector<NearestPoints::Neighbour> NearestPoints::nearest(const Point& target, std::size_t count) const {
  if (count == 0) return {};
  Search search{target, count, {}};
  search.heap.reserve(std::min(count, size()) + 1);
  descend(search, 0, size(), 0);
  std::sort_heap(search.heap.begin(), search.heap.end());
  std::vector<Neighbour> out;
  out.reserve(search.heap.size());
  for (const auto& [square, index] : search.heap) out.push_back({index, std::sqrt(square)});
  return out;
}

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
