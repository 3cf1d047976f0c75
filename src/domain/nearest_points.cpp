#include "manifill/domain/nearest_points.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace manifill::domain {
namespace {

using Point = std::array<double, 3>;

double square_of(double x) { return x * x; }

double squared_chord(const Point& a, const Point& b) {
  return square_of(a[0] - b[0]) + square_of(a[1] - b[1]) + square_of(a[2] - b[2]);
}

}  // namespace

/// The best so far: (squared chord, index), a heap with the worst in front.
struct NearestPoints::Search {
  Point target;
  std::size_t count;
  double limit;  // squared
  std::vector<std::pair<double, std::size_t>> heap{};

  void offer(double distance, std::size_t index) {
    if (distance > limit) return;
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
  const double reach = search.heap.size() == search.count ? search.heap.front().first : search.limit;
  if (beyond * beyond > reach) return;
  if (beyond < 0.0)
    descend(search, middle + 1, last, next);
  else
    descend(search, first, middle, next);
}

std::vector<NearestPoints::Neighbour> NearestPoints::sorted(Search& search) {
  std::sort_heap(search.heap.begin(), search.heap.end());
  std::vector<Neighbour> out;
  out.reserve(search.heap.size());
  for (const auto& [square, index] : search.heap) out.push_back({index, std::sqrt(square)});
  return out;
}

std::vector<NearestPoints::Neighbour> NearestPoints::nearest(const Point& target, std::size_t count) const {
  if (count == 0) return {};
  Search search{.target = target, .count = count, .limit = std::numeric_limits<double>::infinity()};
  search.heap.reserve(std::min(count, size()) + 1);
  descend(search, 0, size(), 0);
  return sorted(search);
}

std::vector<NearestPoints::Neighbour> NearestPoints::within(const Point& target, double radius) const {
  Search search{.target = target, .count = size() + 1, .limit = radius * radius};
  descend(search, 0, size(), 0);
  return sorted(search);
}

}  // namespace manifill::domain
