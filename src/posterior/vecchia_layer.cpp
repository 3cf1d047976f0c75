#include "manifill/posterior/vecchia_layer.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "manifill/base/error.hpp"
#include "manifill/posterior/soft_limit.hpp"

namespace manifill::posterior {
namespace {

struct Lattice {
  std::vector<std::int64_t> ends{};
  std::vector<std::int64_t> order{};
  std::vector<std::array<std::int64_t, VecchiaLayer::kParents>> parents{};  // points, -1 for none
};

class Ordering {
 public:
  explicit Ordering(const prior::GridTopology& t)
      : t_(t), known_(static_cast<std::size_t>(t.rows * t.columns)) {
    std::int64_t stride = 1;
    while (stride < std::max(t.rows, t.columns)) stride *= 2;
    add(stride, 0, 0, {});
    end_step();
    for (; stride > 1; stride /= 2) {
      const std::int64_t h = stride / 2;
      add(stride, h, h, {{{-h, -h}, {-h, h}, {h, -h}, {h, h}}});
      end_step();
      add(stride, h, 0, {{{-h, 0}, {h, 0}, {0, -h}, {0, h}}});
      add(stride, 0, h, {{{-h, 0}, {h, 0}, {0, -h}, {0, h}}});
      end_step();
    }
  }
  [[nodiscard]] Lattice take() { return std::move(lattice_); }

 private:
  using Offsets = std::vector<std::array<std::int64_t, 2>>;

  void add(std::int64_t stride, std::int64_t first_row, std::int64_t first_column, const Offsets& offsets) {
    for (std::int64_t i = first_row; i < t_.rows; i += stride)
      for (std::int64_t j = first_column; j < t_.columns; j += stride) {
        std::array<std::int64_t, VecchiaLayer::kParents> parents{-1, -1, -1, -1};
        for (std::size_t k = 0; k < offsets.size(); ++k)
          parents[k] = known(i + offsets[k][0], j + offsets[k][1]);
        lattice_.order.push_back(i * t_.columns + j);
        lattice_.parents.push_back(parents);
      }
  }
  /// The point of a row and column if an earlier step has it; round the globe, not over its poles.
  [[nodiscard]] std::int64_t known(std::int64_t row, std::int64_t column) const {
    if (t_.periodic) column = (column % t_.columns + t_.columns) % t_.columns;
    if (row < 0 || row >= t_.rows || column < 0 || column >= t_.columns) return -1;
    const std::int64_t point = row * t_.columns + column;
    return known_[static_cast<std::size_t>(point)] ? point : -1;
  }
  void end_step() {
    for (std::size_t k = lattice_.ends.empty() ? 0 : static_cast<std::size_t>(lattice_.ends.back());
         k < lattice_.order.size(); ++k)
      known_[static_cast<std::size_t>(lattice_.order[k])] = true;
    const auto end = static_cast<std::int64_t>(lattice_.order.size());
    if (lattice_.ends.empty() || end > lattice_.ends.back()) lattice_.ends.push_back(end);
  }

  const prior::GridTopology& t_;
  std::vector<bool> known_;
  Lattice lattice_{};
};

}  // namespace

VecchiaLayer::VecchiaLayer(const prior::GridTopology& topology) {
  if (topology.graph)
    throw Error(ErrorKind::usage, "lattices of neighbours need points in rows and columns",
                {.remedy = "Set flow.vecchia = false on this domain"});
  const Lattice lattice = Ordering(topology).take();
  ends_ = lattice.ends;
  const auto points = static_cast<std::int64_t>(lattice.order.size());
  order_ = torch::tensor(lattice.order, torch::kLong);
  back_ = torch::argsort(order_);
  parents_ = torch::zeros({kParents, points}, torch::kLong);
  mean_ = torch::zeros({kParents, points, 1, 1});
  const auto* place = back_.data_ptr<std::int64_t>();
  auto* parent = parents_.data_ptr<std::int64_t>();
  auto* mean = mean_.data_ptr<float>();
  for (std::int64_t i = 0; i < points; ++i) {
    const auto& own = lattice.parents[static_cast<std::size_t>(i)];
    const auto count = std::count_if(own.begin(), own.end(), [](std::int64_t p) { return p >= 0; });
    for (std::int64_t k = 0; k < kParents; ++k) {
      const std::int64_t p = own[static_cast<std::size_t>(k)];
      if (p < 0) continue;
      parent[k * points + i] = place[p];
      mean[k * points + i] = 1.0F / static_cast<float>(count);
    }
  }
}

VecchiaLayer::Map VecchiaLayer::map_of(const torch::Tensor& condition) const {
  const auto in_order = condition.permute({1, 2, 0}).index_select(1, order_).unsqueeze(2);
  const auto mean = mean_.to(condition.scalar_type());
  const auto told = soft_limit(in_order.narrow(0, 0, kParents), kWeightLimit);
  return {.weight = mean + (told - (mean * told).sum(0, true)) * (mean > 0.0),
          .log_scale = soft_limit(in_order.select(0, kParents), kLogScaleLimit)};
}

/// Rows of points, of which those of a step and their parents are read as a whole.
torch::Tensor VecchiaLayer::ordered(const torch::Tensor& x) const {
  return x.permute({2, 1, 0}).index_select(0, order_);
}

torch::Tensor VecchiaLayer::restored(const torch::Tensor& x) const {
  return x.index_select(0, back_).permute({2, 1, 0}).contiguous();
}

/// Adds to details [point in order][member][batch] of points from `first` on what their parents in x predict.
torch::Tensor VecchiaLayer::with_predictions(torch::Tensor details, std::int64_t first,
                                             const torch::Tensor& x, const torch::Tensor& weight) const {
  const std::int64_t count = details.size(0);
  for (std::int64_t k = 0; k < kParents; ++k)
    details =
        details + weight[k].narrow(0, first, count) * x.index_select(0, parents_[k].narrow(0, first, count));
  return details;
}

/// Of every point by its parents, at once.
torch::Tensor VecchiaLayer::predicted(const torch::Tensor& x, const torch::Tensor& weight) const {
  return with_predictions(torch::zeros_like(x), 0, x, weight);
}

/// What has these details beside its predictions, step by step.
torch::Tensor VecchiaLayer::synthesised(const torch::Tensor& details, const torch::Tensor& weight) const {
  auto x = details.narrow(0, 0, ends_.front());
  for (std::size_t step = 1; step < ends_.size(); ++step) {
    const std::int64_t first = ends_[step - 1];
    x = torch::cat({x, with_predictions(details.narrow(0, first, ends_[step] - first), first, x, weight)});
  }
  return x;
}

std::pair<torch::Tensor, torch::Tensor> VecchiaLayer::forward(const torch::Tensor& z,
                                                              const torch::Tensor& condition) const {
  const Map map = map_of(condition);
  const auto in_order = ordered(z);
  const auto details = in_order - predicted(in_order, mean_.to(z.scalar_type()));
  return {restored(synthesised(details * torch::exp(map.log_scale), map.weight)),
          map.log_scale.flatten(0, 1).sum(0)};
}

std::pair<torch::Tensor, torch::Tensor> VecchiaLayer::inverse(const torch::Tensor& x,
                                                              const torch::Tensor& condition) const {
  const Map map = map_of(condition);
  const auto in_order = ordered(x);
  const auto details = (in_order - predicted(in_order, map.weight)) * torch::exp(-map.log_scale);
  return {restored(synthesised(details, mean_.to(x.scalar_type()))), -map.log_scale.flatten(0, 1).sum(0)};
}

}  // namespace manifill::posterior
