#include "manifill/prior/grid_level.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "manifill/base/error.hpp"

namespace manifill::prior {
namespace {

torch::Tensor areas_of(const domain::Domain& domain) {
  const auto w = domain.weights();
  return torch::tensor(std::vector<double>(w.begin(), w.end()), torch::kFloat64)
      .mul(static_cast<double>(domain.size()))
      .to(torch::kFloat32);
}

}  // namespace

GridLevel::GridLevel(const domain::Domain& domain, std::int64_t level)
    : GridLevel(GridTopology::of(domain), level, areas_of(domain)) {}

GridLevel::GridLevel(const GridTopology& fine, std::int64_t level, const torch::Tensor& area)
    : fine_(fine), coarse_(fine), side_(std::int64_t{1} << level) {
  coarse_.rows = (fine_.rows + side_ - 1) / side_;
  coarse_.columns = (fine_.columns + side_ - 1) / side_;
  if (coarse_.columns % 2 != 0) coarse_.pole_first = coarse_.pole_last = false;
  // Means over whole blocks of cells that are all alike need no areas.
  const bool whole = coarse_.rows * side_ == fine_.rows && coarse_.columns * side_ == fine_.columns;
  if (whole && (!area.defined() || (area - area.mean()).abs().max().item<double>() < 1e-6)) return;
  area_ = (area.defined() ? area : torch::ones({fine_.rows * fine_.columns}))
              .view({1, 1, fine_.rows, fine_.columns});
  blocks_ = block_sums(area_);
}

torch::Tensor GridLevel::block_sums(const torch::Tensor& x) const {
  const auto whole = torch::constant_pad_nd(
      x, {0, coarse_.columns * side_ - fine_.columns, 0, coarse_.rows * side_ - fine_.rows}, 0.0);
  return torch::avg_pool2d(whole, side_, side_) * static_cast<double>(side_ * side_);
}

torch::Tensor GridLevel::pool(const torch::Tensor& x) const {
  if (side_ == 1) return x;
  if (!area_.defined()) return torch::avg_pool2d(x, side_, side_);
  return block_sums(x * area_.to(x.scalar_type())) / blocks_.to(x.scalar_type());
}

torch::Tensor GridLevel::unpool(const torch::Tensor& x) const {
  if (side_ == 1) return x;
  if (!coarse_.periodic && !coarse_.pole_first && !coarse_.pole_last) {
    // Beyond the middles of the outermost blocks the interpolation holds their value, as padding would.
    const std::vector<std::int64_t> size{coarse_.rows * side_, coarse_.columns * side_};
    return torch::upsample_bilinear2d(x, size, /*align_corners=*/false)
        .narrow(2, 0, fine_.rows)
        .narrow(3, 0, fine_.columns);
  }
  const std::vector<std::int64_t> size{(coarse_.rows + 2) * side_, (coarse_.columns + 2) * side_};
  const auto wide = torch::upsample_bilinear2d(grid_pad(x, 1, coarse_), size, /*align_corners=*/false);
  return wide.narrow(2, side_, fine_.rows).narrow(3, side_, fine_.columns);
}

std::vector<GridLevel> grid_levels(const domain::Domain& domain, std::int64_t coarser) {
  if (!in_rows(domain))
    throw Error(ErrorKind::usage, fmt::format("the score network unet does not fit {}", domain.describe()),
                {.remedy = "Set score.network to auto or graph"});
  std::vector<GridLevel> levels;
  for (std::int64_t k = 0; k <= coarser; ++k) {
    levels.emplace_back(domain, k);
    const auto& t = levels.back().topology();
    if (k > 0 && std::min(t.rows, t.columns) < kFewestLines)
      throw Error(ErrorKind::usage, fmt::format("{} coarser grids do not fit {}", k, domain.describe()),
                  {.remedy = fmt::format("Set score.levels to whole numbers from 0 to {}", k - 1)});
  }
  return levels;
}

}  // namespace manifill::prior
