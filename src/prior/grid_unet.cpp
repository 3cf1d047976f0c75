#include "manifill/prior/grid_unet.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "manifill/base/error.hpp"
#include "manifill/prior/precision.hpp"

namespace manifill::prior {
namespace {

/// h += mix(dropout(silu(a) * b)), a and b the halves of a window over h with its channels normalised at each
/// cell (Ba et al. 2016, arXiv 1607.06450): products of products would else grow without bound. mix starts at
/// zero.
class GatedBlockImpl : public FieldLayer {
 public:
  GatedBlockImpl(std::int64_t width, double dropout, const GridTopology& topology) {
    scale_ = register_parameter("scale", torch::ones({width}));
    level_ = register_parameter("level", torch::zeros({width}));
    gate_ = register_module("gate", GridConv(width, 2 * width, 1, topology));
    mix_ = register_module("mix", PointwiseConv(width, width));
    mix_->zero();
    dropout_ = register_module("dropout", torch::nn::Dropout2d(dropout));
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    const auto channels_last = x.permute({0, 2, 3, 1});
    const auto normal = torch::layer_norm(channels_last, {scale_.size(0)}, scale_, level_);
    const auto halves = gate_(normal.permute({0, 3, 1, 2})).chunk(2, 1);
    // A half has gaps where the other lies, over which elementwise steps take twice as long.
    const auto apart = [](const torch::Tensor& h) { return h.contiguous(torch::MemoryFormat::ChannelsLast); };
    return x + mix_(dropout_(torch::silu(apart(halves[0])) * apart(halves[1])));
  }

 private:
  torch::Tensor scale_{};
  torch::Tensor level_{};
  GridConv gate_{nullptr};
  PointwiseConv mix_{nullptr};
  torch::nn::Dropout2d dropout_{nullptr};
};
TORCH_MODULE(GatedBlock);

Error refused(const std::string& what, const std::string& remedy) {
  return {ErrorKind::usage, what, {.remedy = remedy}};
}

}  // namespace

GridUnetImpl::GridUnetImpl(std::int64_t in, const std::vector<double>& widths, std::int64_t blocks,
                           double dropout, const GridTopology& topology)
    : blocks_(blocks) {
  if (topology.graph)
    throw refused("a U-Net needs points in rows and columns", "Use the network conv on this domain");
  if (widths.empty())
    throw refused("a U-Net without widths", "Give the channels of each grid, as in [32, 64]");
  std::vector<std::int64_t> channels;
  for (const double w : widths) {
    if (!(w >= 1.0 && w <= 1024.0 && w == std::floor(w)))
      throw refused(fmt::format("a width of {} of a U-Net", w), "Give whole numbers from 1 to 1024");
    channels.push_back(static_cast<std::int64_t>(w));
  }
  std::vector<GridTopology> grids{topology};
  for (std::size_t k = 1; k < channels.size(); ++k) {
    coarser_.emplace_back(grids.back(), 1);
    grids.push_back(coarser_.back().topology());
    if (std::min(grids.back().rows, grids.back().columns) < kFewestLines)
      throw refused(fmt::format("{} coarser grids do not fit {} x {} cells", channels.size() - 1,
                                topology.rows, topology.columns),
                    fmt::format("Give {} widths or fewer", k));
  }
  entry_ = register_module("entry", GridConv(in, channels[0], 1, topology));
  down_ = register_module("down", torch::nn::ModuleList());
  up_ = register_module("up", torch::nn::ModuleList());
  wider_ = register_module("wider", torch::nn::ModuleList());
  narrower_ = register_module("narrower", torch::nn::ModuleList());
  for (std::size_t k = 0; k < channels.size(); ++k) {
    for (std::int64_t b = 0; b < blocks; ++b) {
      down_->push_back(GatedBlock(channels[k], dropout, grids[k]));
      up_->push_back(GatedBlock(channels[k], dropout, grids[k]));
    }
    if (k == 0) continue;
    wider_->push_back(PointwiseConv(channels[k - 1], channels[k]));
    narrower_->push_back(PointwiseConv(channels[k], channels[k - 1]));
  }
}

torch::Tensor GridUnetImpl::forward(const torch::Tensor& x) {
  const auto through = [&](torch::nn::ModuleList& blocks, std::size_t level, torch::Tensor h) {
    const auto count = static_cast<std::size_t>(blocks_);
    for (std::size_t b = 0; b < count; ++b) h = blocks[level * count + b]->as<FieldLayer>()->forward(h);
    return h;
  };
  std::vector<torch::Tensor> held;
  // What blocks add to stays in single precision where their convolutions are of fewer bits.
  auto h = at_least_single(entry_(x));
  for (std::size_t k = 0; k <= coarser_.size(); ++k) {
    if (k > 0) h = at_least_single(wider_[k - 1]->as<FieldLayer>()->forward(coarser_[k - 1].pool(h)));
    h = through(down_, k, h);
    held.push_back(h);
  }
  for (std::size_t k = coarser_.size() + 1; k-- > 0;) {
    h = through(up_, k, h);
    if (k > 0)
      h = held[k - 1] +
          coarser_[k - 1].unpool(at_least_single(narrower_[k - 1]->as<FieldLayer>()->forward(h)));
  }
  return h;
}

}  // namespace manifill::prior
