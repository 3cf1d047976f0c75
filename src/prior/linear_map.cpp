#include "manifill/prior/linear_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/base/parallel.hpp"

namespace manifill::prior {

struct LinearMap::Impl {
  Action forward;
  Action transposed;
};

namespace {

/// Keeps a map alive in a graph of derivatives.
struct Held : torch::CustomClassHolder {
  explicit Held(std::function<torch::Tensor(const torch::Tensor&, bool)> a) : apply(std::move(a)) {}
  std::function<torch::Tensor(const torch::Tensor&, bool)> apply;  // values, or of the transpose
};

class Application : public torch::autograd::Function<Application> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const c10::intrusive_ptr<Held>& held, bool transposed) {
    context->saved_data["held"] = torch::IValue::make_capsule(held);
    context->saved_data["transposed"] = transposed;
    return held->apply(x, transposed);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list upstream) {
    const auto held = c10::static_intrusive_pointer_cast<Held>(context->saved_data["held"].toCapsule());
    return {Application::apply(upstream[0], held, !context->saved_data["transposed"].toBool()),
            torch::Tensor(), torch::Tensor()};
  }
};

constexpr std::int64_t kRowsOfThread = 512;  // rows that a thread takes at a time

/// Rows of a sparse matrix: entries of row i from start[i] to start[i + 1].
struct Rows {
  explicit Rows(const Eigen::SparseMatrix<double, Eigen::RowMajor>& m) : columns(m.cols()) {
    start.push_back(0);
    for (Eigen::Index i = 0; i < m.rows(); ++i) {
      for (Eigen::SparseMatrix<double, Eigen::RowMajor>::InnerIterator e(m, i); e; ++e) {
        column.push_back(e.col());
        weight.push_back(e.value());
      }
      start.push_back(column.size());
    }
  }

  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(start.size()) - 1; }

  /// \param x [batch][column][channel] \param out [batch][row][channel]
  template <typename T>
  void apply(const T* x, T* out, std::int64_t batch, std::int64_t channels) const {
    const std::int64_t blocks = (rows() + kRowsOfThread - 1) / kRowsOfThread;
    parallel_for(batch * blocks, [&](std::int64_t k) {
      const std::int64_t b = k / blocks;
      const std::int64_t first = k % blocks * kRowsOfThread;
      const T* field = x + b * columns * channels;
      for (std::int64_t i = first; i < std::min(first + kRowsOfThread, rows()); ++i) {
        T* sum = out + (b * rows() + i) * channels;
        std::fill_n(sum, channels, T(0));
        for (std::size_t e = start[static_cast<std::size_t>(i)]; e < start[static_cast<std::size_t>(i) + 1];
             ++e) {
          const T* from = field + column[e] * channels;
          const T w = static_cast<T>(weight[e]);
          for (std::int64_t c = 0; c < channels; ++c) sum[c] += w * from[c];
        }
      }
    });
  }

  [[nodiscard]] torch::Tensor operator()(const torch::Tensor& x) const {
    if (x.dim() != 4 || x.size(2) != columns || x.size(3) != 1)
      throw Error(ErrorKind::internal, fmt::format("a sparse map of {} points was given others", columns));
    const auto in = x.contiguous(at::MemoryFormat::ChannelsLast);  // in memory [batch][point][channel]
    auto out = torch::empty({in.size(0), in.size(1), rows(), 1},
                            in.options().memory_format(at::MemoryFormat::ChannelsLast));
    if (in.scalar_type() == torch::kFloat64)
      apply(in.data_ptr<double>(), out.data_ptr<double>(), in.size(0), in.size(1));
    else
      apply(in.data_ptr<float>(), out.data_ptr<float>(), in.size(0), in.size(1));
    return out;
  }

  std::int64_t columns;
  std::vector<std::size_t> start{};
  std::vector<std::int64_t> column{};
  std::vector<double> weight{};
};

}  // namespace

LinearMap::LinearMap(Action forward, Action transposed)
    : impl_(std::make_shared<const Impl>(Impl{std::move(forward), std::move(transposed)})) {}

torch::Tensor LinearMap::operator()(const torch::Tensor& x) const {
  return Application::apply(x, c10::make_intrusive<Held>([impl = impl_](const torch::Tensor& v, bool back) {
                              return back ? impl->transposed(v) : impl->forward(v);
                            }),
                            false);
}

torch::Tensor LinearMap::transposed(const torch::Tensor& y) const {
  return LinearMap(impl_->transposed, impl_->forward)(y);
}

LinearMap map_of_fields(std::int64_t in, std::int64_t out,
                        std::function<void(std::int64_t, const double*, double*)> forward,
                        std::function<void(std::int64_t, const double*, double*)> transposed) {
  const auto action = [](std::int64_t from, std::int64_t to,
                         std::function<void(std::int64_t, const double*, double*)> work) {
    return [from, to, work = std::move(work)](const torch::Tensor& x) {
      if (x.dim() == 0 || x.size(-1) != from)
        throw Error(ErrorKind::internal, fmt::format("a map of fields of {} values was given others", from));
      const auto wide = x.to(torch::kFloat64).contiguous();
      auto shape = wide.sizes().vec();
      shape.back() = to;
      auto y = torch::empty(shape, wide.options());
      work(from > 0 ? wide.numel() / from : 0, wide.data_ptr<double>(), y.data_ptr<double>());
      return y.to(x.scalar_type());
    };
  };
  return {action(in, out, std::move(forward)), action(out, in, std::move(transposed))};
}

LinearMap filter_map(const operators::ChebyshevFilter& filter, std::int64_t nodes) {
  using Fields = Eigen::Map<const Eigen::MatrixXd>;  // a field a column
  return map_of_fields(
      nodes, nodes,
      [filter, nodes](std::int64_t fields, const double* from, double* to) {
        Eigen::Map<Eigen::MatrixXd>(to, nodes, fields) = filter.apply(Fields(from, nodes, fields));
      },
      [filter, nodes](std::int64_t fields, const double* from, double* to) {
        Eigen::Map<Eigen::MatrixXd>(to, nodes, fields) = filter.transposed(Fields(from, nodes, fields));
      });
}

LinearMap sparse_map(const Eigen::SparseMatrix<double>& matrix) {
  const auto forward = std::make_shared<const Rows>(matrix);
  const auto backward =
      std::make_shared<const Rows>(Eigen::SparseMatrix<double, Eigen::RowMajor>(matrix.transpose()));
  return {[forward](const torch::Tensor& x) { return (*forward)(x); },
          [backward](const torch::Tensor& y) { return (*backward)(y); }};
}

}  // namespace manifill::prior
