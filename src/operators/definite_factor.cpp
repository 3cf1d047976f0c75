#include "manifill/operators/definite_factor.hpp"

#include <algorithm>
#include <utility>

#include <lapacke.h>

#include "manifill/base/error.hpp"
#include "manifill/base/parallel.hpp"
#include "manifill/base/random.hpp"
#include "manifill/operators/symmetric.hpp"

namespace manifill::operators {
namespace {

constexpr Eigen::Index kRowsAtOnce = 128;  // rows turned into double at once
constexpr int kMostRefinements = 8;
constexpr double kProbeMargin = 4.0;  // of other right-hand sides' errors over the probe's

Error not_definite() {
  return {ErrorKind::numerical,
          "a covariance of observations is not positive definite",
          {.remedy = "Give a larger noise level, or train with a larger backbone.residual_floor"}};
}

lapack_int extent(Eigen::Index n) { return static_cast<lapack_int>(n); }

}  // namespace

DefiniteFactor::DefiniteFactor(Eigen::MatrixXd matrix) : double_(std::move(matrix)) {
  const auto n = extent(double_.rows());
  if (n > 0 && LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', n, double_.data(), n) != 0) throw not_definite();
}

DefiniteFactor::DefiniteFactor(Eigen::MatrixXf matrix)
    : single_(std::move(matrix)), diagonal_(single_.diagonal()) {
  mirror_lower(single_);
  const auto n = extent(single_.rows());
  if (n > 0 && LAPACKE_spotrf_work(LAPACK_COL_MAJOR, 'L', n, single_.data(), n) == 0) {
    probe();
    return;
  }
  mirror_upper(single_);
  single_.diagonal() = diagonal_;
  double_ = single_.cast<double>();
  single_.resize(0, 0);
  if (n > 0 && LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', n, double_.data(), n) != 0) throw not_definite();
}

DefiniteFactor::~DefiniteFactor() = default;

Eigen::Index DefiniteFactor::rows() const { return std::max(single_.rows(), double_.rows()); }

/// Signs at random reach the smallest eigenvalues, where single precision loses most.
void DefiniteFactor::probe() {
  RandomStream random({.seed = 1});
  Eigen::MatrixXd b(single_.rows(), 1);
  for (auto& v : b.reshaped()) v = random.uniform() < 0.5 ? -1.0 : 1.0;
  const Eigen::MatrixXd x = rough(b);
  contraction_ = rough(b - times(x)).norm() / x.norm();
}

/// S^-1 b in single precision.
Eigen::MatrixXd DefiniteFactor::rough(const Eigen::MatrixXd& b) const {
  // Columns of unit size, so that none is lost in the range of single precision.
  const Eigen::RowVectorXd size = b.cwiseAbs().colwise().maxCoeff().cwiseMax(1e-300);
  Eigen::MatrixXf x = (b * size.cwiseInverse().asDiagonal()).cast<float>();
  const auto n = extent(single_.rows());
  LAPACKE_spotrs_work(LAPACK_COL_MAJOR, 'L', n, extent(b.cols()), single_.data(), n, x.data(), n);
  return x.cast<double>() * size.asDiagonal();
}

/// S x from the parts that are kept of S, in double precision.
Eigen::MatrixXd DefiniteFactor::times(const Eigen::MatrixXd& x) const {
  Eigen::MatrixXd out(x.rows(), x.cols());
  const Eigen::Index n = x.rows();
  parallel_for((n + kRowsAtOnce - 1) / kRowsAtOnce, [&](std::int64_t block) {
    const Eigen::Index first = block * kRowsAtOnce;
    const Eigen::Index count = std::min(kRowsAtOnce, n - first);
    const Eigen::Index after = n - first - count;
    auto rows = out.middleRows(first, count);
    Eigen::MatrixXd part = single_.block(first, first, count, count).cast<double>();
    part.diagonal() = diagonal_.segment(first, count).cast<double>();
    rows.noalias() = part.selfadjointView<Eigen::Upper>() * x.middleRows(first, count);
    if (first > 0) {
      part = single_.block(0, first, first, count).cast<double>();
      rows.noalias() += part.transpose() * x.topRows(first);
    }
    if (after > 0) {
      part = single_.block(first, first + count, count, after).cast<double>();
      rows.noalias() += part * x.bottomRows(after);
    }
  });
  return out;
}

const DefiniteFactor& DefiniteFactor::in_double() const {
  std::call_once(once_, [&] {
    Eigen::MatrixXd whole = single_.transpose().cast<double>();
    whole.diagonal() = diagonal_.cast<double>();
    fallback_ = std::make_unique<DefiniteFactor>(std::move(whole));
  });
  return *fallback_;
}

Eigen::MatrixXd DefiniteFactor::solve(const Eigen::MatrixXd& b, double accuracy) const {
  const auto n = extent(rows());
  const auto columns = extent(b.cols());
  if (n == 0 || columns == 0) return b;
  if (double_.size() > 0) {
    Eigen::MatrixXd x = b;
    LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'L', n, columns, double_.data(), n, x.data(), n);
    return x;
  }
  Eigen::MatrixXd x = rough(b);
  if (kProbeMargin * contraction_ <= accuracy) return x;
  double last = x.norm();
  for (int k = 0; k < kMostRefinements; ++k) {
    const Eigen::MatrixXd correction = rough(b - times(x));
    x += correction;
    // Errors shrink by the same share with each correction, so the next tells what this one leaves.
    const double size = correction.norm();
    const double share = last > 0.0 ? size / last : 0.0;
    if (share < 0.5 && share * size <= accuracy * x.norm()) return x;
    last = size;
  }
  return in_double().solve(b, accuracy);
}

double DefiniteFactor::log_determinant() const {
  if (single_.size() > 0) return 2.0 * single_.diagonal().cast<double>().array().log().sum();
  return 2.0 * double_.diagonal().array().log().sum();
}

Eigen::VectorXd DefiniteFactor::quadratic(const Eigen::MatrixXd& b) const {
  if (double_.size() > 0) {
    const Eigen::MatrixXd half = double_.triangularView<Eigen::Lower>().solve(b);
    return half.colwise().squaredNorm().transpose();
  }
  Eigen::MatrixXf half = b.cast<float>();
  single_.triangularView<Eigen::Lower>().solveInPlace(half);
  return half.colwise().squaredNorm().cast<double>().transpose();
}

}  // namespace manifill::operators
