#include "manifill/operators/sparse_factor.hpp"

#include <Eigen/OrderingMethods>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/parallel.hpp"

namespace manifill::operators {
namespace {

using Sparse = Eigen::SparseMatrix<double>;

constexpr int kNone = -1;
constexpr int kMostWidth = 96;       // of a panel
constexpr double kMostZeros = 0.25;  // of a panel's numbers, for the sake of its width
constexpr int kColumns = 8;  // right-hand sides a pass over the factor: a row of them fills a cache line

/// Row of S in each row of L, before the elimination tree is put in order.
std::vector<int> minimum_degree(const Sparse& matrix) {
  Eigen::PermutationMatrix<Eigen::Dynamic, Eigen::Dynamic, int> permutation;
  Eigen::AMDOrdering<int>()(matrix, permutation);
  const auto& indices = permutation.indices();
  return {indices.begin(), indices.end()};
}

std::vector<int> inverse(const std::vector<int>& order) {
  std::vector<int> out(order.size());
  for (std::size_t k = 0; k < order.size(); ++k)
    out[static_cast<std::size_t>(order[k])] = static_cast<int>(k);
  return out;
}

/// Parents in the elimination tree of the reordered matrix: [column].
std::vector<int> elimination_tree(const Sparse& matrix, const std::vector<int>& order) {
  const auto n = static_cast<int>(order.size());
  const auto place = inverse(order);
  std::vector<int> parent(order.size(), kNone);
  std::vector<int> ancestor(order.size(), kNone);
  for (int j = 0; j < n; ++j)
    for (Sparse::InnerIterator it(matrix, order[static_cast<std::size_t>(j)]); it; ++it) {
      int i = place[static_cast<std::size_t>(it.row())];
      while (i != kNone && i < j) {  // up the path, which is shortened for the next time
        const int next = std::exchange(ancestor[static_cast<std::size_t>(i)], j);
        if (next == kNone) parent[static_cast<std::size_t>(i)] = j;
        i = next;
      }
    }
  return parent;
}

/// Columns with all descendants before each: [place].
std::vector<int> postorder(const std::vector<int>& parent) {
  const auto n = static_cast<int>(parent.size());
  std::vector<int> child(parent.size(), kNone);
  std::vector<int> sibling(parent.size(), kNone);
  std::vector<int> stack;
  for (int j = n - 1; j >= 0; --j) {
    const auto k = static_cast<std::size_t>(j);
    if (parent[k] != kNone) sibling[k] = std::exchange(child[static_cast<std::size_t>(parent[k])], j);
  }
  std::vector<int> out;
  out.reserve(parent.size());
  for (int root = 0; root < n; ++root) {
    if (parent[static_cast<std::size_t>(root)] != kNone) continue;
    stack.push_back(root);
    while (!stack.empty()) {
      const auto top = static_cast<std::size_t>(stack.back());
      if (child[top] != kNone) {
        const int next = child[top];
        child[top] = sibling[static_cast<std::size_t>(next)];
        stack.push_back(next);
      } else {
        out.push_back(stack.back());
        stack.pop_back();
      }
    }
  }
  return out;
}

/// One row of right-hand sides. In registers, as Eigen's own vectors: what the compiler makes of plain loops
/// is slower.
using Row = Eigen::Matrix<double, 1, kColumns>;
constexpr std::ptrdiff_t kWide = kColumns;  // in offsets
using Place = Eigen::Map<Row, Eigen::Aligned16>;
using Given = Eigen::Map<const Row, Eigen::Aligned16>;

/// Two rows of sums.
struct Sums {
  Row one = Row::Zero();
  Row two = Row::Zero();

  /// Adds values[step k] x[k] to the first row and values[step k + apart] x[k] to the second.
  void add(const double* values, std::ptrdiff_t step, std::ptrdiff_t apart, const double* x, int count) {
    Row a = one;
    Row b = two;
    for (int k = 0; k < count; ++k, values += step, x += kColumns) {
      const Given given(x);
      a += values[0] * given;
      b += values[apart] * given;
    }
    one = a;
    two = b;
  }
};

}  // namespace

/// Order, panels and their rows.
class SparseFactor::Symbolic {
 public:
  Symbolic(const Sparse& matrix, SparseFactor& factor) : matrix_(matrix), factor_(factor) {
    std::vector<int> order = minimum_degree(matrix);
    const auto post = postorder(elimination_tree(matrix, order));
    factor_.order_.reserve(order.size());
    for (const int j : post) factor_.order_.push_back(order[static_cast<std::size_t>(j)]);
    parent_ = elimination_tree(matrix, factor_.order_);
    find_panels();
  }

 private:
  /// Rows below the diagonal of every column, by merging those of its children; columns are put together on
  /// the way.
  void find_panels() {
    const auto n = static_cast<int>(parent_.size());
    const auto place = inverse(factor_.order_);
    std::vector<std::vector<int>> below(parent_.size());
    std::vector<std::vector<int>> children(parent_.size());
    std::vector<int> mark(parent_.size(), kNone);
    std::size_t values = 0;
    double real = 0.0;  // numbers of the panel under way that are not zeros put in
    int first = 0;
    for (int j = 0; j < n; ++j) {
      const auto k = static_cast<std::size_t>(j);
      auto& rows = below[k];
      const auto add = [&](int i) {
        if (i <= j || mark[static_cast<std::size_t>(i)] == j) return;
        mark[static_cast<std::size_t>(i)] = j;
        rows.push_back(i);
      };
      for (Sparse::InnerIterator it(matrix_, factor_.order_[k]); it; ++it)
        add(place[static_cast<std::size_t>(it.row())]);
      for (const int c : children[k]) {
        for (const int i : below[static_cast<std::size_t>(c)]) add(i);
        if (c != j - 1) std::vector<int>().swap(below[static_cast<std::size_t>(c)]);
      }
      if (parent_[k] != kNone) children[static_cast<std::size_t>(parent_[k])].push_back(j);

      if (j > first && !fits(first, j, rows.size(), real)) {
        close(first, j, below[k - 1], values);
        first = j;
        real = 0.0;
      }
      if (j > 0 && parent_[k - 1] == j) std::vector<int>().swap(below[k - 1]);
      real += static_cast<double>(rows.size()) + 1.0;
    }
    if (n > 0) close(first, n, below.back(), values);
    factor_.values_.assign(values, 0.0);
  }

  /// Whether column j may join the panel of the columns from `first` on.
  [[nodiscard]] bool fits(int first, int j, std::size_t rows, double real) const {
    if (parent_[static_cast<std::size_t>(j - 1)] != j || j - first >= kMostWidth) return false;
    const double width = j - first + 1;
    const double stored = width * (static_cast<double>(rows) + 0.5 * (width + 1.0));
    return stored - (real + static_cast<double>(rows) + 1.0) <= kMostZeros * stored;
  }

  void close(int first, int end, std::vector<int>& rows, std::size_t& values) {
    std::sort(rows.begin(), rows.end());
    Panel p{.first = first,
            .width = end - first,
            .rows = factor_.rows_.size(),
            .below = static_cast<int>(rows.size()),
            .values = values};
    factor_.rows_.insert(factor_.rows_.end(), rows.begin(), rows.end());
    values += static_cast<std::size_t>(p.width) * static_cast<std::size_t>(p.width + p.below);
    factor_.panels_.push_back(p);
  }

  const Sparse& matrix_;
  SparseFactor& factor_;
  std::vector<int> parent_{};
};

/// Numbers of the panels, from left to right: each takes the updates of those before it that reach its rows.
class SparseFactor::Numeric {
 public:
  Numeric(const Sparse& matrix, SparseFactor& factor)
      : matrix_(matrix),
        factor_(factor),
        place_(inverse(factor.order_)),
        row_(factor.order_.size()),
        owner_(factor.order_.size()),
        done_(factor.panels_.size(), 0),
        waiting_(factor.panels_.size()) {
    for (std::size_t k = 0; k < factor_.panels_.size(); ++k) {
      const Panel& p = factor_.panels_[k];
      std::fill_n(owner_.begin() + p.first, p.width, k);
    }
    for (std::size_t k = 0; k < factor_.panels_.size(); ++k) {
      load(factor_.panels_[k]);
      for (const std::size_t from : waiting_[k]) update(from, factor_.panels_[k]);
      std::vector<std::size_t>().swap(waiting_[k]);
      eliminate(factor_.panels_[k]);
      queue(k);
    }
  }

 private:
  [[nodiscard]] auto writable(const Panel& p) {
    return Eigen::Map<Eigen::MatrixXd>(factor_.values_.data() + p.values, p.width + p.below, p.width);
  }

  /// The panel's part of S, and where in it a row is.
  void load(const Panel& p) {
    for (int k = 0; k < p.width; ++k)
      row_[static_cast<std::size_t>(p.first) + static_cast<std::size_t>(k)] = k;
    for (int k = 0; k < p.below; ++k)
      row_[static_cast<std::size_t>(factor_.rows_[p.rows + static_cast<std::size_t>(k)])] = p.width + k;
    auto values = writable(p);
    for (int k = 0; k < p.width; ++k)
      for (Sparse::InnerIterator it(
               matrix_, factor_.order_[static_cast<std::size_t>(p.first) + static_cast<std::size_t>(k)]);
           it; ++it) {
        const int i = place_[static_cast<std::size_t>(it.row())];
        if (i >= p.first + k) values(row_[static_cast<std::size_t>(i)], k) += it.value();
      }
  }

  /// Subtracts from panel `to` what the elimination of panel `from` leaves there.
  void update(std::size_t from, const Panel& to) {
    const Panel& p = factor_.panels_[from];
    const int* rows = factor_.rows_.data() + p.rows;
    const int begin = done_[from];
    int end = begin;
    while (end < p.below && rows[end] < to.first + to.width) ++end;
    const auto below = factor_.panel(p).bottomRows(p.below - begin);
    scaled_.noalias() = below.topRows(end - begin) * factor_.pivots_.segment(p.first, p.width).asDiagonal();
    product_.noalias() = below * scaled_.transpose();
    auto target = writable(to);
    for (int a = 0; a < end - begin; ++a) {
      const int column = rows[begin + a] - to.first;
      for (int b = a; b < p.below - begin; ++b)
        target(row_[static_cast<std::size_t>(rows[begin + b])], column) -= product_(b, a);
    }
    done_[from] = end;
    queue(from);
  }

  /// Has a panel wait for the next one that it reaches.
  void queue(std::size_t k) {
    const Panel& p = factor_.panels_[k];
    if (done_[k] == p.below) return;
    const int next = factor_.rows_[p.rows + static_cast<std::size_t>(done_[k])];
    waiting_[owner_[static_cast<std::size_t>(next)]].push_back(k);
  }

  void eliminate(const Panel& p) {
    auto values = writable(p);
    for (int k = 0; k < p.width; ++k) {
      const double pivot = values(k, k);
      if (pivot == 0.0 || !std::isfinite(pivot))
        throw Error(ErrorKind::numerical, "a sparse factorisation met a pivot that is zero or not finite",
                    {.remedy = "Repair the mesh's thinnest triangles, or shift the matrix"});
      factor_.pivots_[p.first + k] = pivot;
      const int left = p.width - k - 1;
      values.col(k).segment(k + 1, left) /= pivot;
      for (int j = k + 1; j < p.width; ++j)
        values.col(j).segment(j, p.width - j) -= pivot * values(j, k) * values.col(k).segment(j, p.width - j);
    }
    auto below = values.bottomRows(p.below);
    values.topRows(p.width)
        .transpose()
        .template triangularView<Eigen::UnitUpper>()
        .template solveInPlace<Eigen::OnTheRight>(below);
    below *= factor_.pivots_.segment(p.first, p.width).cwiseInverse().asDiagonal();
  }

  const Sparse& matrix_;
  SparseFactor& factor_;
  std::vector<int> place_;                         // [row of S]: row of L
  std::vector<int> row_;                           // [row of L]: row of the panel under way
  std::vector<std::size_t> owner_;                 // [row of L]: panel
  std::vector<int> done_;                          // [panel]: rows below it that have had their update
  std::vector<std::vector<std::size_t>> waiting_;  // [panel]: those before it that reach it next
  Eigen::MatrixXd scaled_{};
  Eigen::MatrixXd product_{};
};

SparseFactor::SparseFactor(const Sparse& matrix) : pivots_(matrix.rows()) {
  const Symbolic symbolic(matrix, *this);
  const Numeric numeric(matrix, *this);
}

double SparseFactor::operations() const {
  double sum = 0.0;
  for (const Panel& p : panels_)
    for (int k = 0; k < p.width; ++k) sum += std::pow(static_cast<double>(p.width - k - 1 + p.below), 2);
  return sum;
}

void SparseFactor::solve_block(Block& x) const {
  // Loops instead of products by BLAS, which would copy the whole factor for as few columns.
  int most = 0;
  for (const Panel& p : panels_) most = std::max(most, p.below);
  Block part(most, kColumns);
  for (const Panel& p : panels_) {
    const double* values = values_.data() + p.values;
    const std::ptrdiff_t height = p.width + p.below;
    double* top = x.row(p.first).data();
    for (int k = 0; k < p.width; ++k)
      for (int i = k + 1; i < p.width; ++i)
        Place(top + kWide * i) -= values[k * height + i] * Place(top + kWide * k);
    const int* rows = rows_.data() + p.rows;
    for (int i = 0; i < p.below; i += 2) {
      const bool pair = i + 1 < p.below;
      Sums sums;
      sums.add(values + p.width + i, height, pair ? 1 : 0, top, p.width);
      x.row(rows[i]) -= sums.one;
      if (pair) x.row(rows[i + 1]) -= sums.two;
    }
  }
  for (auto p = panels_.rbegin(); p != panels_.rend(); ++p) {
    const double* values = values_.data() + p->values;
    const std::ptrdiff_t height = p->width + p->below;
    double* top = x.row(p->first).data();
    x.middleRows(p->first, p->width).array().colwise() /= pivots_.segment(p->first, p->width).array();
    const int* rows = rows_.data() + p->rows;
    for (int i = 0; i < p->below; ++i) part.row(i) = x.row(rows[i]);
    for (int k = 0; k < p->width; k += 2) {
      const bool pair = k + 1 < p->width;
      Sums sums;
      sums.add(values + k * height + p->width, 1, pair ? height : 0, part.data(), p->below);
      Place(top + kWide * k) -= sums.one;
      if (pair) Place(top + kWide * (k + 1)) -= sums.two;
    }
    for (int k = p->width - 1; k >= 0; --k)
      for (int i = k + 1; i < p->width; ++i)
        Place(top + kWide * k) -= values[k * height + i] * Place(top + kWide * i);
  }
}

Eigen::MatrixXd SparseFactor::solve(const Eigen::MatrixXd& b) const {
  Eigen::MatrixXd out(b.rows(), b.cols());
  parallel_for((b.cols() + kColumns - 1) / kColumns, [&](std::int64_t group) {
    const Eigen::Index first = group * kColumns;
    const Eigen::Index count = std::min<Eigen::Index>(kColumns, b.cols() - first);
    Block x = Block::Zero(b.rows(), kColumns);
    for (Eigen::Index i = 0; i < b.rows(); ++i)
      x.row(i).head(count) = b.row(order_[static_cast<std::size_t>(i)]).segment(first, count);
    solve_block(x);
    for (Eigen::Index i = 0; i < b.rows(); ++i)
      out.row(order_[static_cast<std::size_t>(i)]).segment(first, count) = x.row(i).head(count);
  });
  return out;
}

}  // namespace manifill::operators
