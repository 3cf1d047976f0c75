#include "manifill/prior/graph_stencil.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "manifill/base/parallel.hpp"
#include "manifill/base/random.hpp"

namespace manifill::prior {
namespace {

constexpr std::size_t kBlock = 512;  // points that a thread takes at a time

/// Points `steps` away from each, ascending.
std::vector<std::vector<std::uint32_t>> rings(const PointGraph& graph, std::int64_t steps) {
  const std::size_t n = graph.size();
  std::vector<std::vector<std::uint32_t>> out(n);
  std::vector<std::int64_t> seen(n, -1);  // the point from which it was last reached
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<std::uint32_t> front{static_cast<std::uint32_t>(i)};
    seen[i] = static_cast<std::int64_t>(i);
    for (std::int64_t s = 0; s < steps; ++s) {
      std::vector<std::uint32_t> next;
      for (const auto p : front)
        for (std::size_t k = graph.start[p]; k < graph.start[p + 1]; ++k) {
          const std::uint32_t q = graph.neighbours[k];
          if (seen[q] == static_cast<std::int64_t>(i)) continue;
          seen[q] = static_cast<std::int64_t>(i);
          next.push_back(q);
        }
      front = std::move(next);
    }
    std::sort(front.begin(), front.end());
    out[i] = std::move(front);
  }
  return out;
}

template <typename Work>
void over_blocks(std::int64_t batch, std::int64_t points, const Work& work) {
  const auto blocks = (static_cast<std::size_t>(points) + kBlock - 1) / kBlock;
  parallel_for(batch * static_cast<std::int64_t>(blocks), [&](std::int64_t k) {
    const auto b = static_cast<std::size_t>(k) / blocks;
    const std::size_t first = static_cast<std::size_t>(k) % blocks * kBlock;
    work(b, first, std::min(first + kBlock, static_cast<std::size_t>(points)));
  });
}

// One more row of a matrix in each of four sums, or of four in one sum. Compiled for several instruction
// sets; the processor chooses. These two loops are what a layer's time goes to.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MANIFILL_CLONES [[gnu::target_clones("arch=skylake-avx512", "arch=haswell", "default")]]
#else
#define MANIFILL_CLONES
#endif

using Weights = std::array<float, GraphStencil::kTaps - 1>;

#define MANIFILL_STENCIL_LOOPS(T)                                                                       \
  MANIFILL_CLONES void add_to_taps(const T* __restrict x, const Weights& w, T* __restrict taps,         \
                                   std::size_t channels) {                                              \
    const T w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];                                                 \
    T *a = taps + channels, *b = a + channels, *c = b + channels, *d = c + channels;                    \
    for (std::size_t k = 0; k < channels; ++k) {                                                        \
      const T v = x[k];                                                                                 \
      a[k] += w0 * v;                                                                                   \
      b[k] += w1 * v;                                                                                   \
      c[k] += w2 * v;                                                                                   \
      d[k] += w3 * v;                                                                                   \
    }                                                                                                   \
  }                                                                                                     \
  MANIFILL_CLONES void add_from_taps(const T* __restrict taps, const Weights& w, T* __restrict sum,     \
                                     std::size_t channels) {                                            \
    const T w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];                                                 \
    const T *a = taps + channels, *b = a + channels, *c = b + channels, *d = c + channels;              \
    for (std::size_t k = 0; k < channels; ++k) sum[k] += w0 * a[k] + w1 * b[k] + w2 * c[k] + w3 * d[k]; \
  }

MANIFILL_STENCIL_LOOPS(float)
MANIFILL_STENCIL_LOOPS(double)
#undef MANIFILL_STENCIL_LOOPS

/// Calls work with a zero of the tensor's own type.
template <typename Work>
void in_type_of(const torch::Tensor& x, const Work& work) {
  if (x.scalar_type() == torch::kFloat64)
    work(0.0);
  else
    work(0.0F);
}

class Taps : public torch::autograd::Function<Taps> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const GraphStencil* stencil) {
    context->saved_data["stencil"] = reinterpret_cast<std::int64_t>(stencil);
    return stencil->apply_values(x);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list upstream) {
    const auto* stencil = reinterpret_cast<const GraphStencil*>(context->saved_data["stencil"].toInt());
    return {stencil->apply_adj(upstream[0]), torch::Tensor()};
  }
};

}  // namespace

PointGraph::PointGraph(const domain::Domain& domain, const std::vector<std::int64_t>& inside) {
  std::vector<std::int64_t> kept = inside;
  if (kept.empty()) {
    kept.resize(domain.size());
    std::iota(kept.begin(), kept.end(), 0);
  }
  std::vector<std::int64_t> place(domain.size(), -1);
  for (std::size_t k = 0; k < kept.size(); ++k)
    place[static_cast<std::size_t>(kept[k])] = static_cast<std::int64_t>(k);
  start.push_back(0);
  for (const auto i : kept) {
    points.push_back(domain.points()[static_cast<std::size_t>(i)]);
    for (const auto j : domain.neighbours(static_cast<std::size_t>(i)))
      if (place[j] >= 0) neighbours.push_back(static_cast<std::uint32_t>(place[j]));
    start.push_back(neighbours.size());
  }
  hash = hash_bytes(kept.data(), kept.size() * sizeof(kept[0]), domain.hash());
}

PointGraph::PointGraph(std::vector<std::array<double, 3>> at, std::vector<std::size_t> neighbours_start,
                       std::vector<std::uint32_t> near, std::uint64_t content)
    : points(std::move(at)), start(std::move(neighbours_start)), neighbours(std::move(near)), hash(content) {}

GraphStencil::GraphStencil(const PointGraph& graph, std::int64_t steps)
    : points_(static_cast<std::int64_t>(graph.size())) {
  const auto around = rings(graph, steps);
  const auto& points = graph.points;
  const std::size_t n = graph.size();
  own_.assign(n, {});
  std::vector<std::size_t> incoming(n, 0);
  forward_.start.push_back(0);
  for (std::size_t i = 0; i < n; ++i) {
    for (const auto j : around[i]) {
      const double length = domain::distance(points[i], points[j]);
      std::array<float, kTaps - 1> w{};
      const double share = 1.0 / static_cast<double>(around[i].size());
      w[0] = static_cast<float>(share);
      for (std::size_t c = 0; c < 3; ++c)
        w[c + 1] = static_cast<float>(length > 0.0 ? share * (points[j][c] - points[i][c]) / length : 0.0);
      for (std::size_t t = 0; t < w.size(); ++t) own_[i][t] -= w[t];
      forward_.point.push_back(j);
      forward_.weight.push_back(w);
      ++incoming[j];
    }
    forward_.start.push_back(forward_.point.size());
  }
  backward_.start.assign(n + 1, 0);
  for (std::size_t i = 0; i < n; ++i) backward_.start[i + 1] = backward_.start[i] + incoming[i];
  backward_.point.resize(forward_.point.size());
  backward_.weight.resize(forward_.weight.size());
  std::vector<std::size_t> next(backward_.start.begin(), backward_.start.end() - 1);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = forward_.start[i]; k < forward_.start[i + 1]; ++k) {
      const std::size_t at = next[forward_.point[k]]++;
      backward_.point[at] = static_cast<std::uint32_t>(i);
      backward_.weight[at] = forward_.weight[k];
    }
}

torch::Tensor GraphStencil::apply(const torch::Tensor& x) const { return Taps::apply(x, this); }

torch::Tensor GraphStencil::apply_values(const torch::Tensor& x) const {
  const auto in = x.contiguous(at::MemoryFormat::ChannelsLast);  // in memory [batch][point][channel]
  const std::int64_t batch = in.size(0);
  const auto channels = static_cast<std::size_t>(in.size(1));
  auto out = torch::empty({batch, kTaps * in.size(1), points_, 1},
                          in.options().memory_format(at::MemoryFormat::ChannelsLast));
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    const T* from = in.data_ptr<T>();
    T* to = out.data_ptr<T>();
    const auto n = static_cast<std::size_t>(points_);
    over_blocks(batch, points_, [&](std::size_t b, std::size_t first, std::size_t last) {
      const T* field = from + b * n * channels;
      for (std::size_t i = first; i < last; ++i) {
        const T* own = field + i * channels;
        T* taps = to + (b * n + i) * kTaps * channels;
        std::copy_n(own, channels, taps);
        std::fill_n(taps + channels, (kTaps - 1) * channels, T(0));
        add_to_taps(own, own_[i], taps, channels);
        for (std::size_t k = forward_.start[i]; k < forward_.start[i + 1]; ++k)
          add_to_taps(field + forward_.point[k] * channels, forward_.weight[k], taps, channels);
      }
    });
  };
  in_type_of(in, run);
  return out;
}

torch::Tensor GraphStencil::apply_adj(const torch::Tensor& y) const {
  const auto in = y.contiguous(at::MemoryFormat::ChannelsLast);
  const std::int64_t batch = in.size(0);
  const auto channels = static_cast<std::size_t>(in.size(1) / kTaps);
  auto out = torch::empty({batch, in.size(1) / kTaps, points_, 1},
                          in.options().memory_format(at::MemoryFormat::ChannelsLast));
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    const T* from = in.data_ptr<T>();
    T* to = out.data_ptr<T>();
    const auto n = static_cast<std::size_t>(points_);
    over_blocks(batch, points_, [&](std::size_t b, std::size_t first, std::size_t last) {
      const T* field = from + b * n * kTaps * channels;
      for (std::size_t j = first; j < last; ++j) {
        T* sum = to + (b * n + j) * channels;
        const T* own = field + j * kTaps * channels;
        std::copy_n(own, channels, sum);
        add_from_taps(own, own_[j], sum, channels);
        for (std::size_t k = backward_.start[j]; k < backward_.start[j + 1]; ++k)
          add_from_taps(field + backward_.point[k] * kTaps * channels, backward_.weight[k], sum, channels);
      }
    });
  };
  in_type_of(in, run);
  return out;
}

}  // namespace manifill::prior
