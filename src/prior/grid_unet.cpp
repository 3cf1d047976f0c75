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

constexpr std::int64_t kHeadWidth = 32;         // channels of a head of attention, where they divide
constexpr std::int64_t kAttentionCells = 4096;  // weights of a head are the square of that

/// h += out(attend(h)), each cell from all others by the likeness of what they hold and of where they are
/// (Vaswani et al. 2017, arXiv 1706.03762, normalised before each part), then h += mix(silu(a) * b) at every
/// cell. Both start at zero.
class AttentionBlockImpl : public FieldLayer {
 public:
  AttentionBlockImpl(std::int64_t width, double dropout, const GridTopology& topology)
      : width_(width), heads_(width % kHeadWidth == 0 ? width / kHeadWidth : 1) {
    place_ = register_parameter("place", 0.1 * torch::randn({topology.rows * topology.columns, width}));
    scale_ = register_parameter("scale", torch::ones({width}));
    gate_scale_ = register_parameter("gate_scale", torch::ones({width}));
    seen_ = register_module("seen", torch::nn::Linear(width, 3 * width));
    out_ = register_module("out", torch::nn::Linear(width, width));
    gate_ = register_module("gate", torch::nn::Linear(width, 2 * width));
    mix_ = register_module("mix", torch::nn::Linear(width, width));
    dropout_ = register_module("dropout", torch::nn::Dropout(dropout));
    const torch::NoGradGuard frozen;
    for (auto* last : {&out_, &mix_})
      for (auto& p : (*last)->parameters()) p.zero_();
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    // [batch][cell][channel]: a view where channels come last
    auto h = x.permute({0, 2, 3, 1}).flatten(1, 2);
    h = h + at_least_single(dropout_(out_(attended(normal(h, scale_) + place_))));
    const auto halves = gate_(normal(h, gate_scale_)).chunk(2, 2);
    h = h + at_least_single(dropout_(mix_(torch::silu(halves[0]) * halves[1])));
    return h.view({x.size(0), x.size(2), x.size(3), width_}).permute({0, 3, 1, 2});
  }

 private:
  [[nodiscard]] torch::Tensor normal(const torch::Tensor& h, const torch::Tensor& scale) const {
    return torch::layer_norm(h, {width_}, scale);
  }
  torch::Tensor attended(const torch::Tensor& h) {
    const std::int64_t each = width_ / heads_;
    // [query, key, value][batch][head][cell][channel]
    const auto parts =
        seen_(h).view({h.size(0), h.size(1), 3, heads_, each}).permute({2, 0, 3, 1, 4}).unbind(0);
    const auto likeness = at_least_single(torch::matmul(parts[0], parts[1].transpose(2, 3))) /
                          std::sqrt(static_cast<double>(each));
    return torch::matmul(torch::softmax(likeness, -1), parts[2]).transpose(1, 2).flatten(2);
  }

  std::int64_t width_;
  std::int64_t heads_;
  torch::Tensor place_{};  ///< [cell][channel]
  torch::Tensor scale_{};
  torch::Tensor gate_scale_{};
  torch::nn::Linear seen_{nullptr};
  torch::nn::Linear out_{nullptr};
  torch::nn::Linear gate_{nullptr};
  torch::nn::Linear mix_{nullptr};
  torch::nn::Dropout dropout_{nullptr};
};
TORCH_MODULE(AttentionBlock);

Error refused(const std::string& what, const std::string& remedy) {
  return {ErrorKind::usage, what, {.remedy = remedy}};
}

}  // namespace

GridUnetImpl::GridUnetImpl(std::int64_t in, const std::vector<double>& widths, std::int64_t blocks,
                           double dropout, const GridTopology& topology, std::int64_t attention)
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
  if (const auto cells = grids.back().rows * grids.back().columns; attention > 0 && cells > kAttentionCells)
    throw refused(
        fmt::format("attention among {} cells of the coarsest grid, of at most {}", cells, kAttentionCells),
        "Give more widths, each halves the grid, or no attention");
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
  attention_ = register_module("attention", torch::nn::ModuleList());
  for (std::int64_t k = 0; k < attention; ++k)
    attention_->push_back(AttentionBlock(channels.back(), dropout, grids.back()));
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
  for (auto& block : *attention_) h = block->as<FieldLayer>()->forward(h);
  for (std::size_t k = coarser_.size() + 1; k-- > 0;) {
    h = through(up_, k, h);
    if (k > 0)
      h = held[k - 1] +
          coarser_[k - 1].unpool(at_least_single(narrower_[k - 1]->as<FieldLayer>()->forward(h)));
  }
  return h;
}

}  // namespace manifill::prior
