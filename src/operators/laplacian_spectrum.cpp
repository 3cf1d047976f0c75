#include "manifill/operators/laplacian_spectrum.hpp"

#include <fmt/format.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/base/parallel.hpp"
#include "manifill/base/random.hpp"
#include "manifill/operators/sparse_factor.hpp"

namespace manifill::operators {
namespace {

using Index = Eigen::Index;
using Sparse = Eigen::SparseMatrix<double>;

constexpr Index kBlock = 8;    // right-hand sides a pass over the factor; a row of them fills a cache line
constexpr Index kRows = 2048;  // of a basis, a piece of parallel work
constexpr Index kDense = 400;  // nodes up to which a dense solver is the faster one
constexpr int kMostRenewals = 100;
constexpr double kTie = 1e-6;  // relative distance below which two eigenvalues are not told apart by inertia
constexpr int kCacheVersion = 1;

Error no_convergence(const std::string& why) {
  return {ErrorKind::numerical,
          "the eigenpairs of a Laplacian were not found: " + why,
          {.remedy = "Ask for fewer pairs, or repair the mesh's thinnest triangles"}};
}

/// S, M and the shift.
struct Problem {
  Problem(const Laplacian& operators, Index count) : laplacian(operators) {
    // Eigenvalue k of an even surface is about 4 pi k over its area, and S_ii / M_ii about 4 over the squared
    // edge: a shift of about 1 / 16 of the largest eigenvalue wanted. Far smaller shifts would cost digits,
    // far larger ones steps.
    Eigen::VectorXd rate = laplacian.stiffness.diagonal().cwiseQuotient(laplacian.mass);
    std::nth_element(rate.begin(), rate.begin() + rate.size() / 2, rate.end());
    const double lowest = 4.0 * rate[rate.size() / 2] / static_cast<double>(rate.size());
    shift = lowest * (1.0 + static_cast<double>(count) / 16.0);
    if (!(shift > 0.0)) shift = 1.0;  // no edge at all
  }

  /// S + s M
  [[nodiscard]] Sparse shifted(double s) const {
    if (!laplacian.lumped()) return laplacian.stiffness + s * laplacian.consistent_mass;
    Sparse out = laplacian.stiffness;
    for (int i = 0; i < out.rows(); ++i) out.coeffRef(i, i) += s * laplacian.mass[i];
    return out;
  }
  [[nodiscard]] Eigen::MatrixXd times_mass(const Eigen::MatrixXd& x) const { return laplacian.times_mass(x); }

  const Laplacian& laplacian;
  double shift = 0.0;
};

/// Ritz pairs of A^2, A = (S + s M)^-1 M, the largest first.
struct Ritz {
  Eigen::VectorXd values{};    // [pair]
  Eigen::MatrixXd vectors{};   // [basis][pair]
  Eigen::VectorXd residual{};  // [pair], norms

  /// Of S u = lambda M u, ascending: [pair]
  [[nodiscard]] Eigen::VectorXd eigenvalues(Index count, double shift) const {
    return values.head(count).array().rsqrt() - shift;
  }
};

/// Basis V, orthonormal in M, with A^2 V = V T + next coupling. The square halves the number of vectors that
/// separate the wanted from the rest; keeping these orthogonal takes longer than one more solution each.
class BlockLanczos {
 public:
  BlockLanczos(const Problem& problem, Index capacity)
      : problem_(problem),
        factor_(problem.shifted(problem.shift)),
        random_({.seed = 1, .purpose = RandomPurpose::training, .time = problem.laplacian.size()}),
        basis_(problem.laplacian.size(), capacity),
        projected_(capacity, capacity) {
    if (factor_.negative_pivots() > 0) throw no_convergence("the stiffness is not positive semi-definite");
    start();
  }

  [[nodiscard]] Index size() const { return size_; }

  void expand() {
    const Index before = size_;
    reserve(before + kBlock);
    basis_.middleCols(before, kBlock) = next_;
    size_ += kBlock;
    Eigen::MatrixXd w = factor_.solve(problem_.times_mass(next_));
    w = factor_.solve(problem_.times_mass(w));
    const Eigen::RowVectorXd scale = norms(w);
    // In exact arithmetic only the last two blocks are not orthogonal to A^2 times the last; a second pass
    // over the whole basis removes what rounding has left ("twice is enough").
    Eigen::MatrixXd h = Eigen::MatrixXd::Zero(size_, kBlock);
    const Index first = started_ ? 0 : std::max<Index>(0, before - kBlock);
    subtract(first, w, h);
    subtract(0, w, h);
    started_ = false;
    projected_.block(0, before, size_, kBlock) = h;
    projected_.block(before, 0, kBlock, size_) = h.transpose();
    orthonormalise(w, scale);
  }

  [[nodiscard]] Ritz ritz() const {
    Ritz out;
    out.vectors = projected_.topLeftCorner(size_, size_);
    out.vectors = (0.5 * (out.vectors + out.vectors.transpose())).eval();
    out.values.resize(size_);
    const auto n = static_cast<lapack_int>(size_);
    if (LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', n, out.vectors.data(), n, out.values.data()) != 0)
      throw no_convergence("the projected problem did not converge");
    out.values.reverseInPlace();
    out.vectors = out.vectors.rowwise().reverse().eval();
    out.residual = (coupling_ * out.vectors.bottomRows(coupling_.cols())).colwise().norm().transpose();
    return out;
  }

  [[nodiscard]] Eigen::MatrixXd vectors(const Ritz& ritz, Index count) const {
    return basis_.leftCols(size_) * ritz.vectors.leftCols(count);
  }

  /// Keeps the first Ritz vectors, converged, and goes on from directions at random: for eigenvectors that
  /// the basis does not know of.
  void renew(const Ritz& ritz, Index kept) {
    basis_.leftCols(kept) = vectors(ritz, kept);
    size_ = kept;
    projected_.topLeftCorner(kept, kept) = ritz.values.head(kept).asDiagonal();
    start();
  }

 private:
  void start() {
    Eigen::MatrixXd w = Eigen::MatrixXd::Zero(basis_.rows(), kBlock);
    orthonormalise(w, Eigen::RowVectorXd::Ones(kBlock));
    started_ = true;
  }

  void reserve(Index columns) {
    if (columns > basis_.rows()) throw no_convergence("the basis spans the whole space");
    if (columns <= basis_.cols()) return;
    const Index capacity = std::min(basis_.rows(), columns + columns / 2);
    basis_.conservativeResize(Eigen::NoChange, capacity);
    projected_.conservativeResize(capacity, capacity);
  }

  [[nodiscard]] Eigen::RowVectorXd norms(const Eigen::MatrixXd& w) const {
    return w.cwiseProduct(problem_.times_mass(w)).colwise().sum().cwiseMax(0.0).cwiseSqrt();
  }

  /// Takes out of w its part in the basis from column `first` on, and adds its coefficients to h.
  void subtract(Index first, Eigen::MatrixXd& w, Eigen::MatrixXd& h) const {
    const auto part = basis_.middleCols(first, size_ - first);
    const Eigen::MatrixXd weighted = problem_.times_mass(w);
    // Rows in pieces: BLAS shares products as thin as these out over its own threads badly. Summed in one
    // order, whatever the threads.
    const Index pieces = (w.rows() + kRows - 1) / kRows;
    const auto rows = [&](Index k) { return Eigen::seqN(k * kRows, std::min(kRows, w.rows() - k * kRows)); };
    std::vector<Eigen::MatrixXd> share(static_cast<std::size_t>(pieces));
    parallel_for(pieces, [&](std::int64_t k) {
      share[static_cast<std::size_t>(k)].noalias() =
          part(rows(k), Eigen::all).transpose() * weighted(rows(k), Eigen::all);
    });
    Eigen::MatrixXd c = Eigen::MatrixXd::Zero(part.cols(), w.cols());
    for (const auto& s : share) c += s;
    parallel_for(pieces,
                 [&](std::int64_t k) { w(rows(k), Eigen::all).noalias() -= part(rows(k), Eigen::all) * c; });
    h.middleRows(first, size_ - first) += c;
  }

  /// w = next coupling; what is lost in rounding is replaced by directions at random.
  void orthonormalise(Eigen::MatrixXd& w, const Eigen::RowVectorXd& scale) {
    constexpr double kLost = 1e-13;
    next_.resize(w.rows(), kBlock);
    coupling_ = Eigen::MatrixXd::Zero(kBlock, kBlock);
    for (Index j = 0; j < kBlock; ++j) {
      Eigen::VectorXd column = w.col(j);
      const auto against_block = [&] {
        if (j == 0) return Eigen::VectorXd();
        Eigen::VectorXd c = next_.leftCols(j).transpose() * problem_.times_mass(column);
        column -= next_.leftCols(j) * c;
        return c;
      };
      for (int pass = 0; pass < 2; ++pass) {
        const Eigen::VectorXd c = against_block();
        if (j > 0) coupling_.col(j).head(j) += c;
      }
      double norm = norms(column)[0];
      if (norm > kLost * scale[j]) {
        coupling_(j, j) = norm;
      } else {
        random_.fill_normal(std::span<double>(column.data(), static_cast<std::size_t>(column.size())));
        column /= norms(column)[0];
        for (int pass = 0; pass < 2; ++pass) {
          const Eigen::VectorXd c = basis_.leftCols(size_).transpose() * problem_.times_mass(column);
          column -= basis_.leftCols(size_) * c;
          against_block();
        }
        norm = norms(column)[0];
      }
      next_.col(j) = column / norm;
    }
  }

  const Problem& problem_;
  SparseFactor factor_;
  RandomStream random_;
  Eigen::MatrixXd basis_;       // V [node][basis], `size_` columns of it filled
  Eigen::MatrixXd projected_;   // T [basis][basis]
  Eigen::MatrixXd next_{};      // [node][kBlock]
  Eigen::MatrixXd coupling_{};  // [kBlock][kBlock], of `next_` to the last block
  Index size_ = 0;
  bool started_ = true;
};

/// Whether eigenvalues are missing among the first ones, `values` ascending. Looks below the last gap only:
/// within a multiple eigenvalue that the count cuts through any vectors are right.
bool complete(const Problem& problem, const Eigen::VectorXd& values) {
  for (Index k = values.size() - 1; k > 0; --k) {
    const double gap = values[k] - values[k - 1];
    if (gap > kTie * (values[k] + problem.shift))
      return SparseFactor(
                 problem.shifted(0.5 * std::min(gap, kTie * (values[k] + problem.shift)) - values[k]))
                 .negative_pivots() <= k;
  }
  return true;
}

LaplacianSpectrum by_lanczos(const Laplacian& laplacian, Index count, double tolerance) {
  const Problem problem(laplacian, count);
  const Index step = std::max<Index>(kBlock, count / 16);
  Index look = 2 * count + 4 * kBlock;
  BlockLanczos lanczos(problem, look + 4 * step);
  for (int renewals = 0; renewals < kMostRenewals;) {
    while (lanczos.size() < look) lanczos.expand();
    const Ritz ritz = lanczos.ritz();
    if ((ritz.residual.head(count).array() <= tolerance * ritz.values.head(count).array()).all()) {
      if (complete(problem, ritz.eigenvalues(count, problem.shift))) {
        const Eigen::MatrixXd vectors = lanczos.vectors(ritz, count);
        // Rayleigh quotients: lambda from 1 / (lambda + s) would carry the rounding of the largest of these.
        return {.values = vectors.cwiseProduct(laplacian.stiffness * vectors).colwise().sum().transpose(),
                .vectors = vectors};
      }
      lanczos.renew(ritz, count);
      ++renewals;
      look = lanczos.size() + 4 * kBlock;  // far enough for what is new to show among the largest
    } else {
      look = lanczos.size() + step;
    }
  }
  throw no_convergence(fmt::format("some are still missing after {} fresh starts", kMostRenewals));
}

LaplacianSpectrum by_dense(const Laplacian& laplacian, Index count) {
  const auto n = static_cast<lapack_int>(laplacian.size());
  Eigen::MatrixXd a = laplacian.stiffness;
  Eigen::MatrixXd b = laplacian.lumped() ? Eigen::MatrixXd(laplacian.mass.asDiagonal())
                                         : Eigen::MatrixXd(laplacian.consistent_mass);
  LaplacianSpectrum out;
  Eigen::VectorXd values(n);
  if (LAPACKE_dsygvd(LAPACK_COL_MAJOR, 1, 'V', 'L', n, a.data(), n, b.data(), n, values.data()) != 0)
    throw no_convergence("the dense problem did not converge");
  out.values = values.head(count);
  out.vectors = a.leftCols(count);
  return out;
}

/// Ascending, not negative, with one sign out of two.
void standardise(LaplacianSpectrum& spectrum) {
  const Index count = spectrum.values.size();
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return spectrum.values[a] < spectrum.values[b]; });
  spectrum.values = spectrum.values(order).cwiseMax(0.0).eval();
  spectrum.vectors = spectrum.vectors(Eigen::all, order).eval();
  for (Index k = 0; k < count; ++k) {
    auto u = spectrum.vectors.col(k);
    const double half = 0.5 * u.cwiseAbs().maxCoeff();
    const auto first = std::find_if(u.begin(), u.end(), [half](double x) { return std::abs(x) >= half; });
    if (*first < 0.0) u = -u;
  }
}

void check_count(const Laplacian& laplacian, Index count) {
  if (count < 1 || count > laplacian.size())
    throw Error(ErrorKind::usage, fmt::format("{} eigenpairs of {} nodes", count, laplacian.size()),
                {.remedy = fmt::format("Ask for 1 to {}", laplacian.size())});
}

/// What was kept, where it still is the operator's spectrum.
bool believable(const Laplacian& laplacian, const LaplacianSpectrum& spectrum) {
  if (!spectrum.values.allFinite() || !spectrum.vectors.allFinite()) return false;
  for (const Index k : {Index{0}, spectrum.values.size() - 1}) {
    const Eigen::VectorXd u = spectrum.vectors.col(k);
    const Eigen::VectorXd mu = laplacian.times_mass(u);
    const Eigen::VectorXd su = laplacian.stiffness * u;
    const double scale =
        spectrum.values[k] * mu.norm() + 1e-6 * (laplacian.stiffness.diagonal().asDiagonal() * u).norm();
    if (std::abs(u.dot(mu) - 1.0) > 1e-6 || (su - spectrum.values[k] * mu).norm() > 1e-2 * scale)
      return false;
  }
  return true;
}

}  // namespace

LaplacianSpectrum laplacian_spectrum(const Laplacian& laplacian, Index count, double tolerance) {
  check_count(laplacian, count);
  const bool dense = laplacian.size() <= kDense || 3 * count + 12 * kBlock > laplacian.size();
  LaplacianSpectrum out = dense ? by_dense(laplacian, count) : by_lanczos(laplacian, count, tolerance);
  standardise(out);
  return out;
}

LaplacianSpectrum laplacian_spectrum(const Laplacian& laplacian, Index count, const ArrayCache& cache,
                                     double tolerance) {
  check_count(laplacian, count);
  const auto pairs = static_cast<std::size_t>(count);
  const auto nodes = static_cast<std::size_t>(laplacian.size());
  const std::string key = fmt::format("laplacian-spectrum-{}-{:016x}-{}-{:.0e}", kCacheVersion,
                                      laplacian.hash(), count, tolerance);
  if (const auto kept = cache.find(key)) {
    const auto values = kept->find("values");
    const auto vectors = kept->find("vectors");
    if (values != kept->end() && vectors != kept->end() && values->second.shape == std::vector{pairs} &&
        vectors->second.shape == std::vector{pairs, nodes}) {
      LaplacianSpectrum out{.values = Eigen::Map<const Eigen::VectorXd>(values->second.values.data(), count),
                            .vectors = Eigen::Map<const Eigen::MatrixXd>(vectors->second.values.data(),
                                                                         laplacian.size(), count)};
      if (believable(laplacian, out)) return out;
    }
  }
  LaplacianSpectrum out = laplacian_spectrum(laplacian, count, tolerance);
  cache.keep(key,
             {{"values", {{pairs}, {out.values.begin(), out.values.end()}}},
              {"vectors", {{pairs, nodes}, {out.vectors.data(), out.vectors.data() + out.vectors.size()}}}});
  return out;
}

}  // namespace manifill::operators
