#pragma once
/// \file
/// \brief Network layers that respect the topology of a lat-lon grid.

#include <vector>

#include "manifill/domain/domain.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {

/// \brief How a grid continues beyond its edges.
struct GridTopology {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  bool periodic = false;    ///< longitude
  bool pole_first = false;  ///< the row before the first is the first, half a turn away
  bool pole_last = false;
  static GridTopology of(const domain::Domain& domain);
};

/// \brief Pads by `width` cells: periodic in longitude, across the poles at longitude + 180, nearest cell
/// elsewhere. \param x [batch][channel][row][column]
torch::Tensor grid_pad(const torch::Tensor& x, std::int64_t width, const GridTopology& topology);

/// \brief 3 x 3 convolution over a grid; output has the size of the input. Beyond the edges of a region are
/// zeros; grids that go round or reach a pole are padded by `grid_pad`.
class GridConvImpl : public torch::nn::Module {
 public:
  GridConvImpl(std::int64_t in, std::int64_t out, std::int64_t dilation, const GridTopology& topology);
  torch::Tensor forward(const torch::Tensor& x);
  void zero();  ///< weights and bias to zero, so that what it feeds starts at the identity

 private:
  GridTopology topology_;
  std::int64_t dilation_;
  torch::nn::Conv2d conv_{nullptr};
};
TORCH_MODULE(GridConv);

/// \brief Residual stack of gated dilated convolutions: an entry convolution, then per dilation
/// h += mix(silu(a) * b) with a, b the halves of a 3 x 3 convolution of h (gated linear units, Dauphin et al.
/// 2017, arXiv 1612.08083) and mix a 1 x 1 convolution that starts at zero. The product lets a layer carry
/// one field along with another, as a flow carries what it moves; plain stacks of the same cost learn that
/// several times more slowly.
class GridResidualStackImpl : public torch::nn::Module {
 public:
  GridResidualStackImpl(std::int64_t in, std::int64_t width, const std::vector<std::int64_t>& dilations,
                        double dropout, const GridTopology& topology);
  /// \param x [batch][in][row][column] \return [batch][width][row][column]
  torch::Tensor forward(const torch::Tensor& x);

 private:
  GridConv entry_{nullptr};
  torch::nn::ModuleList gates_{};
  torch::nn::ModuleList mixes_{};
  torch::nn::Dropout2d dropout_{nullptr};
};
TORCH_MODULE(GridResidualStack);

}  // namespace manifill::prior
