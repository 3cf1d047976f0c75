#pragma once
/// \file
/// \brief Network layers that respect the topology of a domain.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "manifill/domain/domain.hpp"
#include "manifill/prior/graph_stencil.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {

/// \brief Whether points come in rows and columns, so that windows can be laid over them.
bool in_rows(const domain::Domain& domain);

/// \brief How a grid continues beyond its edges. Domains whose points come in no rows have one column, and
/// what is near what is said by their neighbours.
struct GridTopology {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  bool periodic = false;    ///< longitude
  bool pole_first = false;  ///< the row before the first is the first, half a turn away
  bool pole_last = false;
  std::shared_ptr<const PointGraph> graph{};  ///< where points come in no rows
  torch::Tensor inside{};  ///< [point of the graph]: which of the domain's it is; undefined: all
  std::vector<int>
      colours{};  ///< [point] of `graph`: neighbours differ; greedy, by index (Welsh and Powell 1967)
  /// \brief Largest step of a dilated layer, cells.
  [[nodiscard]] std::int64_t largest_dilation() const;
  /// \brief Steps of dilated layers as whole numbers. \param key the option they are of, for the remedy
  /// \throws Error(usage) for one that does not fit
  [[nodiscard]] std::vector<std::int64_t> whole_dilations(const std::vector<double>& dilations,
                                                          const std::string& key) const;
  /// \param active [point], 0 where a static mask lies; what comes in no rows is cut to the others. Empty:
  /// all
  static GridTopology of(const domain::Domain& domain, const Eigen::VectorXd& active = {});
  /// \brief The points that the layers work on, of a tensor over the domain's. \param dim the points'
  [[nodiscard]] torch::Tensor take(const torch::Tensor& x, std::int64_t dim) const;
  /// \brief Back among the domain's points, `rest` where the layers do not work. \param rest as wide as the
  /// domain
  [[nodiscard]] torch::Tensor put(const torch::Tensor& x, std::int64_t dim, const torch::Tensor& rest) const;
};

/// \brief Pads by `width` cells: periodic in longitude, across the poles at longitude + 180, nearest cell
/// elsewhere. \param x [batch][channel][row][column]
torch::Tensor grid_pad(const torch::Tensor& x, std::int64_t width, const GridTopology& topology);

/// \brief A layer of fields on a domain: [batch][in][row][column] to [batch][out][row][column].
class FieldLayer : public torch::nn::Module {
 public:
  virtual torch::Tensor forward(const torch::Tensor& x) = 0;
  void zero();  ///< parameters to zero, so that what it feeds starts at the identity
};

/// \brief 3 x 3 convolution over a grid; output has the size of the input. Beyond the edges of a region are
/// zeros; grids that go round or reach a pole are padded by `grid_pad`. Where points come in no rows, a
/// linear map of the taps of a GraphStencil `dilation` steps wide.
class GridConvImpl : public FieldLayer {
 public:
  GridConvImpl(std::int64_t in, std::int64_t out, std::int64_t dilation, const GridTopology& topology);
  torch::Tensor forward(const torch::Tensor& x) override;

 private:
  GridTopology topology_;
  std::int64_t dilation_;
  std::shared_ptr<const GraphStencil> stencil_{};
  torch::nn::Conv2d conv_{nullptr};
};
TORCH_MODULE(GridConv);

/// \brief The same linear map of channels at every point.
class PointwiseConvImpl : public FieldLayer {
 public:
  PointwiseConvImpl(std::int64_t in, std::int64_t out);
  torch::Tensor forward(const torch::Tensor& x) override;

 private:
  torch::nn::Conv2d conv_{nullptr};
};
TORCH_MODULE(PointwiseConv);

/// \brief Residual stack of gated dilated convolutions: an entry convolution, then per dilation
/// h += mix(silu(a) * b) with a, b the halves of a 3 x 3 convolution of h (gated linear units, Dauphin et al.
/// 2017, arXiv 1612.08083) and mix a 1 x 1 convolution that starts at zero. The product lets a layer carry
/// one field along with another, as a flow carries what it moves; plain stacks of the same cost learn that
/// several times more slowly.
class GridResidualStackImpl : public FieldLayer {
 public:
  GridResidualStackImpl(std::int64_t in, std::int64_t width, const std::vector<std::int64_t>& dilations,
                        double dropout, const GridTopology& topology);
  torch::Tensor forward(const torch::Tensor& x) override;

 private:
  GridConv entry_{nullptr};
  torch::nn::ModuleList gates_{};
  torch::nn::ModuleList mixes_{};
  torch::nn::Dropout2d dropout_{nullptr};
};
TORCH_MODULE(GridResidualStack);

}  // namespace manifill::prior
