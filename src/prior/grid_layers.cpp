#include "manifill/prior/grid_layers.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "manifill/base/error.hpp"

namespace manifill::prior {
namespace {

/// Rows beyond one edge: across the pole the nearest `width` rows reversed and turned by half, else the edge
/// row.
torch::Tensor beyond(const torch::Tensor& x, std::int64_t width, bool first, bool pole,
                     std::int64_t columns) {
  const std::int64_t rows = x.size(2);
  if (!pole) {
    const auto edge = x.narrow(2, first ? 0 : rows - 1, 1);
    return edge.expand({x.size(0), x.size(1), width, x.size(3)});
  }
  const auto near = x.narrow(2, first ? 0 : rows - width, width);
  return torch::roll(torch::flip(near, {2}), columns / 2, 3);
}

}  // namespace

bool in_rows(const domain::Domain& domain) {
  return domain.kind() != domain::DomainKind::cells && domain.kind() != domain::DomainKind::surface;
}

GridTopology GridTopology::of(const domain::Domain& domain, const Eigen::VectorXd& active) {
  const auto columns = static_cast<std::int64_t>(domain.columns());
  const auto rows = static_cast<std::int64_t>(domain.size()) / columns;
  switch (domain.kind()) {
    case domain::DomainKind::lat_lon: {
      const auto& s = domain.lat_lon();
      const bool north_first = s.nlat() < 2 || s.latitude.front() > s.latitude.back();
      return {.rows = rows,
              .columns = columns,
              .periodic = s.periodic,
              .pole_first = north_first ? s.north_pole : s.south_pole,
              .pole_last = north_first ? s.south_pole : s.north_pole};
    }
    case domain::DomainKind::curvilinear:
    case domain::DomainKind::plane:
      return {.rows = rows, .columns = columns, .periodic = domain.periodic()};
    case domain::DomainKind::cells:
    case domain::DomainKind::surface:
      break;
  }
  std::vector<std::int64_t> inside;
  for (Eigen::Index i = 0; i < active.size(); ++i)
    if (active[i] != 0.0) inside.push_back(i);
  if (inside.size() == domain.size()) inside.clear();
  GridTopology t{.columns = 1, .graph = std::make_shared<PointGraph>(domain, inside)};
  t.rows = static_cast<std::int64_t>(t.graph->size());
  if (!inside.empty()) t.inside = torch::tensor(inside);
  const PointGraph& g = *t.graph;
  t.colours.assign(g.size(), -1);
  for (std::size_t i = 0; i < g.size(); ++i) {
    std::vector<char> taken;
    for (std::size_t k = g.start[i]; k < g.start[i + 1]; ++k) {
      const int colour = t.colours[g.neighbours[k]];
      if (colour < 0) continue;
      taken.resize(std::max(taken.size(), static_cast<std::size_t>(colour) + 1), 0);
      taken[static_cast<std::size_t>(colour)] = 1;
    }
    t.colours[i] = static_cast<int>(std::find(taken.begin(), taken.end(), 0) - taken.begin());
  }
  return t;
}

torch::Tensor GridTopology::take(const torch::Tensor& x, std::int64_t dim) const {
  return inside.defined() ? x.index_select(dim, inside) : x;
}

torch::Tensor GridTopology::put(const torch::Tensor& x, std::int64_t dim, const torch::Tensor& rest) const {
  return inside.defined() ? rest.index_copy(dim, inside, x) : x;
}

std::int64_t GridTopology::largest_dilation() const {
  constexpr std::int64_t graph_steps = 16;  // rings much wider than that hold too many points to be averaged
  return graph ? graph_steps : std::min(rows, columns);
}

std::vector<std::int64_t> GridTopology::whole_dilations(const std::vector<double>& dilations,
                                                        const std::string& key) const {
  std::vector<std::int64_t> whole;
  for (const double d : dilations) {
    if (!(d >= 1.0 && d <= static_cast<double>(largest_dilation()) && d == std::floor(d)))
      throw Error(ErrorKind::usage,
                  graph ? fmt::format("a dilation of {} does not fit {} points", d, rows)
                        : fmt::format("a dilation of {} does not fit {} x {} points", d, rows, columns),
                  {.remedy = fmt::format("Set {} to whole numbers from 1 to {}", key, largest_dilation())});
    whole.push_back(static_cast<std::int64_t>(d));
  }
  return whole;
}

namespace {

/// One stencil for all layers of a domain and width.
std::shared_ptr<const GraphStencil> shared_stencil(const GridTopology& topology, std::int64_t dilation) {
  static std::mutex mutex;
  static std::map<std::pair<std::uint64_t, std::int64_t>, std::weak_ptr<const GraphStencil>> known;
  const std::lock_guard<std::mutex> lock(mutex);
  auto& entry = known[{topology.graph->hash, dilation}];
  auto stencil = entry.lock();
  if (!stencil) {
    stencil = std::make_shared<GraphStencil>(*topology.graph, dilation);
    entry = stencil;
  }
  return stencil;
}

}  // namespace

torch::Tensor grid_pad(const torch::Tensor& x, std::int64_t width, const GridTopology& t) {
  const auto tall = torch::cat(
      {beyond(x, width, true, t.pole_first, t.columns), x, beyond(x, width, false, t.pole_last, t.columns)},
      2);
  const std::int64_t columns = x.size(3);
  if (t.periodic)
    return torch::cat({tall.narrow(3, columns - width, width), tall, tall.narrow(3, 0, width)}, 3);
  const std::vector<std::int64_t> shape{tall.size(0), tall.size(1), tall.size(2), width};
  return torch::cat({tall.narrow(3, 0, 1).expand(shape), tall, tall.narrow(3, columns - 1, 1).expand(shape)},
                    3);
}

void FieldLayer::zero() {
  const torch::NoGradGuard frozen;
  for (auto& p : parameters()) p.zero_();
}

GridConvImpl::GridConvImpl(std::int64_t in, std::int64_t out, std::int64_t dilation,
                           const GridTopology& topology)
    : topology_(topology), dilation_(dilation) {
  if (topology.graph) {
    stencil_ = shared_stencil(topology, dilation);
    conv_ = register_module("conv",
                            torch::nn::Conv2d(torch::nn::Conv2dOptions(GraphStencil::kTaps * in, out, 1)));
    return;
  }
  conv_ = register_module("conv", torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).dilation(dilation)));
  const torch::NoGradGuard frozen;
  conv_->weight.set_data(conv_->weight.contiguous(at::MemoryFormat::ChannelsLast));
}

torch::Tensor GridConvImpl::forward(const torch::Tensor& x) {
  const auto& t = topology_;
  if (stencil_) return conv_(stencil_->apply(x));
  // The kernel's own zeros cost nothing; a padded copy costs a third of the convolution.
  if (!t.periodic && !t.pole_first && !t.pole_last)
    return torch::conv2d(x.contiguous(at::MemoryFormat::ChannelsLast), conv_->weight, conv_->bias, 1,
                         dilation_, dilation_);
  return conv_(grid_pad(x.contiguous(at::MemoryFormat::ChannelsLast), dilation_, t)
                   .contiguous(at::MemoryFormat::ChannelsLast));
}

PointwiseConvImpl::PointwiseConvImpl(std::int64_t in, std::int64_t out) {
  conv_ = register_module("conv", torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 1)));
}

torch::Tensor PointwiseConvImpl::forward(const torch::Tensor& x) { return conv_(x); }

GridResidualStackImpl::GridResidualStackImpl(std::int64_t in, std::int64_t width,
                                             const std::vector<std::int64_t>& dilations, double dropout,
                                             const GridTopology& topology) {
  entry_ = register_module("entry", GridConv(in, width, 1, topology));
  gates_ = register_module("gates", torch::nn::ModuleList());
  mixes_ = register_module("mixes", torch::nn::ModuleList());
  for (const auto d : dilations) {
    gates_->push_back(GridConv(width, 2 * width, d, topology));
    torch::nn::Conv2d mix(torch::nn::Conv2dOptions(width, width, 1));
    const torch::NoGradGuard frozen;
    mix->weight.zero_();
    mix->bias.zero_();
    mixes_->push_back(mix);
  }
  dropout_ = register_module("dropout", torch::nn::Dropout2d(dropout));
}

torch::Tensor GridResidualStackImpl::forward(const torch::Tensor& x) {
  auto h = entry_(x);
  for (std::size_t k = 0; k < gates_->size(); ++k) {
    const auto halves = gates_[k]->as<GridConvImpl>()->forward(h).chunk(2, 1);
    h = h + mixes_[k]->as<torch::nn::Conv2dImpl>()->forward(dropout_(torch::silu(halves[0]) * halves[1]));
  }
  return h;
}

}  // namespace manifill::prior
