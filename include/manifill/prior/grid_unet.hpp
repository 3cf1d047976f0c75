#pragma once
/// \file
/// \brief A U-Net on grids of rows and columns: sees the whole field at the cost of a few windows.

#include <cstdint>
#include <vector>

#include "manifill/prior/grid_layers.hpp"
#include "manifill/prior/grid_level.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {

/// \brief Gated residual blocks (as in GridResidualStack) on the grid and on coarser ones, each of half the
/// rows and columns of the one before; what a grid held on the way down is added on the way up (Ronneberger
/// et al. 2015, arXiv 1505.04597, with sums in place of concatenation).
class GridUnetImpl : public FieldLayer {
 public:
  /// \param widths channels of each grid, the domain's own first \param blocks residual blocks of each grid
  /// on either way; the coarsest has twice as many in a row \param attention blocks of self-attention between
  /// those, by which each cell of the coarsest grid sees all others; they start at the identity
  /// \throws Error(usage) where points come in no rows, no width is given, one is not a whole number of 1 or
  /// more, a grid would have fewer than three rows or columns, or attention too many cells
  GridUnetImpl(std::int64_t in, const std::vector<double>& widths, std::int64_t blocks, double dropout,
               const GridTopology& topology, std::int64_t attention = 0);
  /// \param x [batch][in][row][column] \return [batch][widths[0]][row][column]
  torch::Tensor forward(const torch::Tensor& x) override;

 private:
  GridConv entry_{nullptr};
  std::vector<GridLevel> coarser_{};   // from each grid to the next
  torch::nn::ModuleList down_{};       // [level][block]
  torch::nn::ModuleList up_{};         // [level][block]
  torch::nn::ModuleList wider_{};      // [level], channels of one grid to those of the next
  torch::nn::ModuleList narrower_{};   // [level], and back
  torch::nn::ModuleList attention_{};  // [block] on the coarsest grid
  std::int64_t blocks_;
};
TORCH_MODULE(GridUnet);

}  // namespace manifill::prior
