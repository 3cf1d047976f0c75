#pragma once
/// \file
/// \brief Coarser grids of a domain whose points come in rows, for networks that look far at little cost.

#include <cstdint>
#include <vector>

#include "manifill/domain/domain.hpp"
#include "manifill/prior/grid_layers.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {

/// \brief Rows or columns of the coarsest grid: a window of three has something to look at.
inline constexpr std::int64_t kFewestLines = 3;

/// \brief A grid of blocks of 2^level x 2^level cells; blocks at the last row and column may be smaller.
class GridLevel {
 public:
  GridLevel(const domain::Domain& domain, std::int64_t level);
  /// \param fine the grid whose cells are put together \param area [row][column] of its cells, undefined: all
  /// alike
  GridLevel(const GridTopology& fine, std::int64_t level, const torch::Tensor& area = {});

  /// \brief How the coarse grid continues beyond its edges. One of an odd number of columns meets no column
  /// half a turn away, and ends at its poles.
  [[nodiscard]] const GridTopology& topology() const { return coarse_; }
  /// \brief Averages over blocks by area: [batch][channel][row][column] to the coarse rows and columns.
  [[nodiscard]] torch::Tensor pool(const torch::Tensor& x) const;
  /// \brief Bilinear between the middles of blocks, around the globe and over its poles.
  [[nodiscard]] torch::Tensor unpool(const torch::Tensor& x) const;

 private:
  [[nodiscard]] torch::Tensor block_sums(const torch::Tensor& x) const;
  GridTopology fine_;
  GridTopology coarse_;
  std::int64_t side_;       // cells of a block
  torch::Tensor area_{};    // [1][1][row][column] of the fine grid, relative; undefined: all blocks alike
  torch::Tensor blocks_{};  // [1][1][row][column] of the coarse grid, its sums
};

/// \brief The domain's own grid and `coarser` ones: [level]. \throws Error(usage) for a domain whose points
/// come in no rows, and when one would have fewer than three rows or columns
std::vector<GridLevel> grid_levels(const domain::Domain& domain, std::int64_t coarser);

}  // namespace manifill::prior
