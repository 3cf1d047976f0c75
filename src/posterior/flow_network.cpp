#include "manifill/posterior/flow_network.hpp"

#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "manifill/base/error.hpp"
#include "manifill/posterior/flow_condition.hpp"
#include "manifill/posterior/prior_coupling.hpp"
#include "manifill/posterior/soft_limit.hpp"
#include "manifill/posterior/vecchia_layer.hpp"
#include "manifill/prior/grid_level.hpp"
#include "manifill/prior/grid_unet.hpp"
#include "manifill/prior/precision.hpp"

namespace manifill::posterior {
namespace {

constexpr double kLogScaleLimit = 2.0;  // a layer changes a scale by at most e^2 either way
constexpr double kShiftLimit = 8.0;     // and moves a mean by at most 8 standard deviations of the base

/// Checkerboards of 1, 2, 4, ... cells, each followed by its complement: 1 where a coupling leaves the field
/// as it is. Where points come in no rows, their colours, by one binary digit after the other.
torch::Tensor partition(std::int64_t layer, const prior::GridTopology& t) {
  const std::int64_t scale = std::int64_t{1} << ((layer / 2) % 3);
  auto mask = torch::zeros({1, 1, t.rows, t.columns});
  auto cell = mask.accessor<float, 4>();
  for (std::int64_t i = 0; i < t.rows; ++i)
    for (std::int64_t j = 0; j < t.columns; ++j)
      if (t.graph)
        cell[0][0][i][j] = static_cast<float>((t.colours[static_cast<std::size_t>(i)] / scale + layer) % 2);
      else
        cell[0][0][i][j] = static_cast<float>((i / scale + j / scale + layer) % 2);
  return mask;
}

/// Affine coupling on a grid: the kept cells and the context set shift and log scale of the others. With
/// `unet` they are seen as a whole, so that a member's shape can follow from its own draw.
class GridCouplingImpl : public torch::nn::Module {
 public:
  GridCouplingImpl(std::int64_t layer, const FlowNetworkOptions& o, const prior::GridTopology& t) {
    keep_ = register_buffer("keep", partition(layer, t));
    if (o.network == "unet") {
      first_ = prior::GridUnet(1 + o.context, o.coupling_widths, 1, 0.0, t).ptr();
    } else {
      const std::int64_t dilation = std::int64_t{1} << ((layer / 2) % 3);
      first_ = prior::GridConv(1 + o.context, o.coupling_width, dilation, t).ptr();
    }
    register_module("first", first_);
    const auto width =
        o.network == "unet" ? static_cast<std::int64_t>(o.coupling_widths[0]) : o.coupling_width;
    second_ = register_module("second", prior::GridConv(width, 2, 1, t));
    second_->zero();
  }
  std::pair<torch::Tensor, torch::Tensor> parameters_of(const torch::Tensor& x, const torch::Tensor& context,
                                                        bool bfloat) {
    const auto out = [&] {
      const prior::BfloatScope scope(bfloat);
      return prior::at_least_single(
          second_(torch::silu(first_->forward(torch::cat({x * keep_, context}, 1)))));
    }();
    const auto moved = 1.0 - keep_;
    return {moved * out.narrow(1, 0, 1), moved * soft_limit(out.narrow(1, 1, 1), kLogScaleLimit)};
  }

 private:
  torch::Tensor keep_{};
  std::shared_ptr<prior::FieldLayer> first_{};
  prior::GridConv second_{nullptr};
};
TORCH_MODULE(GridCoupling);

class GridFlow : public FlowNetwork {
 public:
  GridFlow(const FlowNetworkOptions& o, std::int64_t features, const prior::GridTopology& t,
           const std::shared_ptr<const prior::Prior>& prior)
      : options_(o), topology_(t) {
    log_spread = register_buffer("log_spread", torch::zeros({1}));
    scale_share = o.scale_share;
    auto width = o.width;
    base_ = base_channels(features);
    if (o.bands > 0 && t.graph)
      throw Error(ErrorKind::usage, "bands of detail need points in rows and columns",
                  {.remedy = "Set flow.bands = 0 on this domain"});
    for (std::int64_t k = 1; k <= o.bands; ++k) coarser_.emplace_back(t, k);
    features += o.bands;
    if (o.network == "unet") {
      stack_ = prior::GridUnet(features, o.widths, o.blocks, o.dropout, t, o.attention).ptr();
      width = static_cast<std::int64_t>(o.widths[0]);
    } else {
      stack_ = prior::GridResidualStack(features, width, t.whole_dilations(o.dilations, "flow.dilations"),
                                        o.dropout, t)
                   .ptr();
    }
    register_module("stack", stack_);
    head_ = register_module("head", prior::GridConv(width, 2, 1, t));
    head_->zero();
    context_ = register_module("context", prior::GridConv(width, o.context, 1, t));
    if (o.vecchia) {
      vecchia_.emplace(t);
      near_ = register_module("neighbours_in", prior::GridConv(width, width, 1, t));
      neighbours_ = register_module("neighbours_out", prior::GridConv(width, VecchiaLayer::kChannels, 1, t));
      neighbours_->zero();
    }
    for (std::int64_t k = 0; k < o.couplings; ++k)
      couplings_.push_back(register_module("coupling" + std::to_string(k), GridCoupling(k, o, t)));
    if (!o.prior_sweep) return;
    for (const int colour : {1, 0}) sweep_.emplace_back(colour, o.prior_level, prior, t);
    prior_errors_ = register_buffer("prior_errors", torch::zeros({static_cast<std::int64_t>(sweep_.size())}));
  }

  void measure_prior() override {
    const torch::NoGradGuard frozen;
    for (std::size_t k = 0; k < sweep_.size(); ++k)
      prior_errors_[static_cast<std::int64_t>(k)] = sweep_[k].error();
  }

  Context condition(const torch::Tensor& features) override {
    const prior::BfloatScope scope(bfloat && is_training());
    const auto h = stack_->forward(with_bands(topology_.take(features, 2)));
    const auto inner = prior::at_least_single(head_(h).flatten(2));
    const auto out =
        topology_.put(inner, 2, torch::zeros({features.size(0), 2, features.size(2) * features.size(3)}));
    Context c;
    c.shift =
        options_.affine ? soft_limit(out.select(1, 0), kShiftLimit) : torch::zeros_like(out.select(1, 0));
    c.log_scale = options_.affine ? scale_share * soft_limit(out.select(1, 1), kLogScaleLimit)
                                  : torch::zeros_like(out.select(1, 1));
    if (vecchia_) c.vecchia = prior::at_least_single(neighbours_(torch::silu(near_(h))).flatten(2));
    if (!couplings_.empty()) c.features = prior::at_least_single(context_(h));
    if (!sweep_.empty()) {
      c.mean = features.select(1, base_.mean).flatten(1);
      c.sd = torch::exp(features.select(1, base_.log_sd).flatten(1));
    }
    return c;
  }

  std::pair<torch::Tensor, torch::Tensor> forward(const torch::Tensor& z, const Context& c) override {
    const auto log_scale = (c.log_scale + log_spread).unsqueeze(1);
    auto x = z;
    auto log_det = log_scale.sum(-1).expand({z.size(0), z.size(1)});
    if (vecchia_) {
      const auto [predicted, own] = vecchia_->forward(z, c.vecchia);
      x = predicted;
      log_det = log_det + own.unsqueeze(1);
    }
    if (!couplings_.empty()) {
      auto grid = to_grid(x);
      const auto context = repeat(c.features, z.size(1));
      for (auto& layer : couplings_) {
        const auto [shift, scale] = layer->parameters_of(grid, context, bfloat && is_training());
        grid = grid * torch::exp(scale) + shift;
        log_det = log_det + scale.flatten(1).sum(1).view({z.size(0), z.size(1)});
      }
      x = from_grid(grid, z);
    }
    x = x * torch::exp(log_scale) + c.shift.unsqueeze(1);
    return swept(x, log_det, c, false);
  }

  std::pair<torch::Tensor, torch::Tensor> inverse(const torch::Tensor& x, const Context& c) override {
    const auto log_scale = (c.log_scale + log_spread).unsqueeze(1);
    auto [z, log_det] = swept(x, -log_scale.sum(-1).expand({x.size(0), x.size(1)}), c, true);
    z = (z - c.shift.unsqueeze(1)) * torch::exp(-log_scale);
    if (!couplings_.empty()) {
      auto grid = to_grid(z);
      const auto context = repeat(c.features, x.size(1));
      for (auto layer = couplings_.rbegin(); layer != couplings_.rend(); ++layer) {
        const auto [shift, scale] = (*layer)->parameters_of(grid, context, bfloat && is_training());
        grid = (grid - shift) * torch::exp(-scale);
        log_det = log_det - scale.flatten(1).sum(1).view({x.size(0), x.size(1)});
      }
      z = from_grid(grid, z);
    }
    if (vecchia_) {
      const auto [details, own] = vecchia_->inverse(z, c.vecchia);
      z = details;
      log_det = log_det + own.unsqueeze(1);
    }
    return {z, log_det};
  }

 private:
  /// Detail far below the levels of a field would be lost beside them, in the normalisation of the channels
  /// and in the digits of bfloat16.
  torch::Tensor with_bands(const torch::Tensor& features) const {
    if (coarser_.empty()) return features;
    const auto mean = features.narrow(1, base_.mean, 1);
    const auto precision = torch::exp(-features.narrow(1, base_.log_sd, 1));
    std::vector<torch::Tensor> seen{features};
    auto finer = mean;
    for (const auto& level : coarser_) {
      const auto coarse = level.unpool(level.pool(mean));
      seen.push_back(torch::asinh((finer - coarse) * precision));
      finer = coarse;
    }
    return torch::cat(seen, 1);
  }
  /// Members and their determinants after the prior's sweep, or before it. \param x [batch][member][point],
  /// standardised departures of the base, as the affine layer's mean and spread are
  std::pair<torch::Tensor, torch::Tensor> swept(const torch::Tensor& x, const torch::Tensor& log_det,
                                                const Context& c, bool back) {
    if (sweep_.empty()) return {x, log_det};
    const prior::BfloatScope scope(bfloat && is_training());
    const auto level = c.mean.unsqueeze(1);
    const auto unit = c.sd.unsqueeze(1);
    const auto mean = level + unit * c.shift.unsqueeze(1);
    const auto variance = (unit * torch::exp((c.log_scale + log_spread).unsqueeze(1))).square();
    auto u = level + unit * x;
    auto sum = log_det;
    for (std::size_t i = 0; i < sweep_.size(); ++i) {
      const std::size_t k = back ? sweep_.size() - 1 - i : i;
      const auto error = prior_errors_.narrow(0, static_cast<std::int64_t>(k), 1);
      const auto [moved, logs] =
          back ? sweep_[k].inverse(u, mean, variance, error) : sweep_[k].forward(u, mean, variance, error);
      u = moved;
      sum = sum + logs.sum(-1);
    }
    return {(u - level) / unit, sum};
  }
  torch::Tensor to_grid(const torch::Tensor& x) const {
    return topology_.take(x, 2).reshape({-1, 1, topology_.rows, topology_.columns});
  }
  /// \param rest [batch][member][point], where couplings do not reach
  torch::Tensor from_grid(const torch::Tensor& grid, const torch::Tensor& rest) const {
    return topology_.put(grid.reshape({rest.size(0), rest.size(1), -1}), 2, rest);
  }
  static torch::Tensor repeat(const torch::Tensor& c, std::int64_t members) {
    return c.unsqueeze(1).expand({c.size(0), members, c.size(1), c.size(2), c.size(3)}).flatten(0, 1);
  }

  FlowNetworkOptions options_;
  prior::GridTopology topology_;
  BaseChannels base_{};
  std::vector<prior::GridLevel> coarser_{};
  std::shared_ptr<prior::FieldLayer> stack_{};
  prior::GridConv head_{nullptr};
  prior::GridConv context_{nullptr};
  std::optional<VecchiaLayer> vecchia_{};
  prior::GridConv near_{nullptr};
  prior::GridConv neighbours_{nullptr};
  std::vector<GridCoupling> couplings_{};
  std::vector<PriorCoupling> sweep_{};
  torch::Tensor prior_errors_{};  ///< [coupling]
};

/// Reorders the last dimension. The gradient is the inverse order; that of index_select adds up column by
/// column, for small networks a tenth of a training step.
class Permutation : public torch::autograd::Function<Permutation> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& order, const torch::Tensor& inverse) {
    context->save_for_backward({inverse});
    return x.index({torch::indexing::Ellipsis, order});
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list upstream) {
    const auto inverse = context->get_saved_variables()[0];
    return {upstream[0].index({torch::indexing::Ellipsis, inverse}), torch::Tensor(), torch::Tensor()};
  }
};

/// The vectorised conditional RealNVP of arXiv 2407.17907: fully connected couplings, permutations between. A
/// linear path beside each hidden layer lets a coupling be an exact regression, so that Gaussian posteriors
/// are in the family.
class RealNvp : public FlowNetwork {
 public:
  RealNvp(const FlowNetworkOptions& o, std::int64_t features, const prior::GridTopology& t)
      : points_(t.rows * t.columns), steps_(std::max<std::int64_t>(2, o.couplings)) {
    if (t.inside.defined())
      throw Error(ErrorKind::usage,
                  "a RealNVP needs a value at every point, the training fields have some nowhere",
                  {.remedy = "Set flow.network = \"conv\""});
    if (o.vecchia || o.bands > 0 || o.prior_sweep)
      throw Error(ErrorKind::usage,
                  "a RealNVP has neither bands of detail nor layers of neighbours or of the prior",
                  {.remedy = "Set flow.bands = 0, flow.vecchia = false and flow.prior_sweep = false, or "
                             "flow.network = \"conv\""});
    log_spread = register_buffer("log_spread", torch::zeros({1}));
    const std::int64_t hidden = o.width > 0 ? o.width : std::max<std::int64_t>(32, points_ / 8);
    const std::int64_t kept = points_ / 2;
    const std::int64_t moved = points_ - kept;
    const std::int64_t in = kept + features * points_;
    auto generator = at::detail::createCPUGenerator(20240717);
    for (std::int64_t k = 0; k < steps_; ++k) {
      // Every second coupling moves what the one before it kept: with halves drawn anew each time, one point
      // in 2^steps would never be moved. The orders follow from the seed and are no part of the state.
      order_.push_back(k % 2 == 1 ? torch::roll(order_.back(), -kept) : torch::randperm(points_, generator));
      back_.push_back(torch::argsort(order_.back()));
      first_.push_back(register_module("first" + std::to_string(k), torch::nn::Linear(in, hidden)));
      second_.push_back(register_module("second" + std::to_string(k), torch::nn::Linear(hidden, 2 * moved)));
      linear_.push_back(register_module("linear" + std::to_string(k), torch::nn::Linear(in, moved)));
      const torch::NoGradGuard frozen;
      for (auto* layer : {&second_.back(), &linear_.back()}) {
        (*layer)->weight.zero_();
        (*layer)->bias.zero_();
      }
    }
  }

  Context condition(const torch::Tensor& features) override {
    const auto flat = features.flatten(1);
    const auto zero = torch::zeros({features.size(0), points_});
    return {.shift = zero, .log_scale = zero, .features = flat};
  }

  std::pair<torch::Tensor, torch::Tensor> forward(const torch::Tensor& z, const Context& c) override {
    auto x = z * torch::exp(log_spread);
    auto log_det = (log_spread * static_cast<double>(points_)).expand({z.size(0), z.size(1)});
    const auto context = c.features.unsqueeze(1).expand({z.size(0), z.size(1), c.features.size(1)});
    for (std::size_t k = 0; k < order_.size(); ++k) {
      const auto [kept, moved] = split(x, k);
      const auto [shift, scale] = parameters_of(kept, context, k);
      x = merge(kept, moved * torch::exp(scale) + shift, k);
      log_det = log_det + scale.sum(-1);
    }
    return {x, log_det};
  }

  std::pair<torch::Tensor, torch::Tensor> inverse(const torch::Tensor& x, const Context& c) override {
    auto z = x;
    auto log_det = (-log_spread * static_cast<double>(points_)).expand({x.size(0), x.size(1)});
    const auto context = c.features.unsqueeze(1).expand({x.size(0), x.size(1), c.features.size(1)});
    for (std::size_t k = order_.size(); k-- > 0;) {
      const auto [kept, moved] = split(z, k);
      const auto [shift, scale] = parameters_of(kept, context, k);
      z = merge(kept, (moved - shift) * torch::exp(-scale), k);
      log_det = log_det - scale.sum(-1);
    }
    return {z * torch::exp(-log_spread), log_det};
  }

 private:
  std::pair<torch::Tensor, torch::Tensor> split(const torch::Tensor& x, std::size_t k) const {
    const auto mixed = Permutation::apply(x, order_[k], back_[k]);
    return {mixed.narrow(-1, 0, points_ / 2), mixed.narrow(-1, points_ / 2, points_ - points_ / 2)};
  }
  torch::Tensor merge(const torch::Tensor& kept, const torch::Tensor& moved, std::size_t k) const {
    return Permutation::apply(torch::cat({kept, moved}, -1), back_[k], order_[k]);
  }
  std::pair<torch::Tensor, torch::Tensor> parameters_of(const torch::Tensor& kept,
                                                        const torch::Tensor& context, std::size_t k) {
    const auto in = torch::cat({kept, context}, -1);
    const auto out = second_[k](torch::silu(first_[k](in)));
    const std::int64_t moved = points_ - points_ / 2;
    return {out.narrow(-1, 0, moved) + linear_[k](in), torch::tanh(out.narrow(-1, moved, moved))};
  }

  std::int64_t points_;
  std::int64_t steps_;
  std::vector<torch::Tensor> order_{};
  std::vector<torch::Tensor> back_{};  // the inverse orders
  std::vector<torch::nn::Linear> first_{};
  std::vector<torch::nn::Linear> second_{};
  std::vector<torch::nn::Linear> linear_{};
};

}  // namespace

std::shared_ptr<FlowNetwork> make_flow_network(const FlowNetworkOptions& options, std::int64_t features,
                                               const prior::GridTopology& topology,
                                               const std::shared_ptr<const prior::Prior>& prior) {
  if (options.attention > 0 && options.network != "unet")
    throw Error(ErrorKind::usage, "attention is among the cells of a U-Net's coarsest grid",
                {.remedy = "Set flow.attention = 0, or flow.network = \"unet\""});
  if (options.network == "conv" || options.network == "unet")
    return std::make_shared<GridFlow>(options, features, topology, prior);
  if (options.network == "realnvp") return std::make_shared<RealNvp>(options, features, topology);
  throw Error(ErrorKind::usage, "unknown flow network '" + options.network + "'",
              {.remedy = "Use conv, unet or realnvp"});
}

}  // namespace manifill::posterior
