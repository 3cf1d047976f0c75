#include "manifill/posterior/gaussian_window.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <numbers>
#include <numeric>

#include "manifill/base/error.hpp"
#include "manifill/base/parallel.hpp"
#include "manifill/base/random.hpp"
#include "manifill/operators/definite_factor.hpp"

namespace manifill::posterior {
namespace {

using Factor = Eigen::LLT<Eigen::MatrixXd>;
using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Of the coefficients (A C A^T + R)^-1 d, whose errors cancel in fields: on monthly temperatures 0.01 of them
// left 0.001 of the spread in the draws.
constexpr double kDrawAccuracy = 0.03;
constexpr Eigen::Index kDoubleObservations = 1200;  // up to here a factor in double precision costs nothing
// From this share of entries on BLAS is faster with all of a matrix than a loop over its entries.
constexpr double kFull = 0.02;

/// The observations of a window stacked: z = A x over [step, point], in normalised units.
measurement::SparseMatrix stack(const prior::Backbone& backbone, const Window& window,
                                Eigen::VectorXd& sigma) {
  const auto n = static_cast<Eigen::Index>(backbone.domain().size());
  std::vector<Eigen::Triplet<double>> entries;
  std::vector<double> noise;
  for (std::size_t k = 0; k < window.steps.size(); ++k) {
    const StepObservation& step = window.steps[k];
    if (!step.measurement) continue;
    const Eigen::VectorXd scale = backbone.scale(step.season);
    const auto& a = step.measurement->matrix();
    const auto first = static_cast<int>(noise.size());
    for (Eigen::Index i = 0; i < a.rows(); ++i) {
      for (measurement::SparseMatrix::InnerIterator it(a, i); it; ++it)
        entries.emplace_back(first + static_cast<int>(i),
                             static_cast<int>(static_cast<Eigen::Index>(k) * n + it.col()),
                             it.value() * scale[it.col()]);
      noise.push_back(step.measurement->noise_sigma()[i]);
    }
  }
  measurement::SparseMatrix out(static_cast<Eigen::Index>(noise.size()),
                                n * static_cast<Eigen::Index>(window.steps.size()));
  out.setFromTriplets(entries.begin(), entries.end());
  sigma = Eigen::Map<const Eigen::VectorXd>(noise.data(), static_cast<Eigen::Index>(noise.size()));
  return out;
}

}  // namespace

struct WindowFactor::Impl {
  explicit Impl(const prior::Backbone& b) : backbone(b) {}

  prior::Backbone backbone;
  std::shared_ptr<const prior::WindowCovariance> covariance;
  Eigen::Index points = 0;
  std::size_t centre = 0;
  measurement::SparseMatrix a;        // [observation][step, point]
  measurement::SparseMatrix compact;  // its columns that are not empty
  Eigen::MatrixXd full;               // the same where few of its entries are zero
  std::vector<Eigen::Index> touched;  // which those are
  bool plain = true;       // every observation is of one point of its own: A C is a choice of rows, weighted
  Eigen::VectorXd weight;  // [observation], of its point where plain
  std::vector<int> observation;  // [step, point], the point's own observation where plain, -1 for none
  Eigen::VectorXd sigma;         // [observation]
  Eigen::VectorXd direct;        // [point], noise variance of the centre's own direct observation; 0: none
  std::unique_ptr<operators::DefiniteFactor> factor;  // of A C A^T + R
  mutable std::once_flag variance_once;
  mutable Eigen::VectorXd variance;  // [point]
  mutable std::once_flag scale_once;
  mutable Eigen::VectorXd scale;  // [point]

  [[nodiscard]] Eigen::Index first_row(std::size_t k) const { return static_cast<Eigen::Index>(k) * points; }
  /// A C of some points of the centre: [observation][point].
  [[nodiscard]] Eigen::MatrixXd observe(const std::vector<Eigen::Index>& which) const {
    std::vector<Eigen::Index> columns = which;
    for (auto& j : columns) j += first_row(centre);
    Eigen::MatrixXd c = covariance->gather(touched, columns);
    if (plain) return weight.asDiagonal() * c;
    return times_compact(c);
  }
  [[nodiscard]] Eigen::MatrixXd times_compact(const Eigen::MatrixXd& x) const {
    if (full.size() > 0) return full * x;
    // Rows of a sparse matrix pick rows of x: those of a block of columns lie together and stay in the cache.
    constexpr Eigen::Index kBlock = 32;
    Eigen::MatrixXd out(compact.rows(), x.cols());
    parallel_for((x.cols() + kBlock - 1) / kBlock, [&](std::int64_t block) {
      const Eigen::Index count = std::min(kBlock, x.cols() - block * kBlock);
      const RowMatrix some = x.middleCols(block * kBlock, count);
      const RowMatrix product = compact * some;
      out.middleCols(block * kBlock, count) = product;
    });
    return out;
  }

  void prepare();
  /// Posterior variances of some points of the centre.
  void variances(const std::vector<Eigen::Index>& which, Eigen::VectorXd& out) const;
  [[nodiscard]] Eigen::VectorXd departures(const Window& window) const;
  [[nodiscard]] Eigen::MatrixXd analysis(std::size_t k, const Eigen::MatrixXd& right,
                                         const Eigen::MatrixXd& solved) const;
  [[nodiscard]] Factor posterior() const;
};

void WindowFactor::Impl::prepare() {
  const Eigen::SparseMatrix<double> by_column = a;
  auto& place = observation;
  place.assign(static_cast<std::size_t>(a.cols()), -1);
  for (Eigen::Index j = 0; j < a.cols(); ++j)
    if (by_column.outerIndexPtr()[j + 1] > by_column.outerIndexPtr()[j]) {
      place[static_cast<std::size_t>(j)] = static_cast<int>(touched.size());
      touched.push_back(j);
    }
  direct = Eigen::VectorXd::Zero(points);
  weight = Eigen::VectorXd::Ones(a.rows());
  std::vector<Eigen::Triplet<double>> entries;
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    const bool alone = a.outerIndexPtr()[i + 1] - a.outerIndexPtr()[i] == 1;
    for (measurement::SparseMatrix::InnerIterator it(a, i); it; ++it) {
      const Eigen::Index at = it.col() - first_row(centre);
      if (alone && at >= 0 && at < points) {
        const double noise = std::pow(sigma[i] / it.value(), 2);
        direct[at] = direct[at] > 0.0 ? std::min(direct[at], noise) : noise;
      }
      plain = plain && alone && place[static_cast<std::size_t>(it.col())] == i;
      weight[i] = it.value();
      entries.emplace_back(static_cast<int>(i), place[static_cast<std::size_t>(it.col())], it.value());
    }
  }
  compact.resize(a.rows(), static_cast<Eigen::Index>(touched.size()));
  compact.setFromTriplets(entries.begin(), entries.end());
  plain = plain && compact.rows() == compact.cols();
  const auto size = static_cast<double>(compact.rows()) * static_cast<double>(compact.cols());
  if (!plain && static_cast<double>(compact.nonZeros()) > kFull * size) full = compact;
  const bool single = covariance->single() && a.rows() > kDoubleObservations;
  if (plain && single) {
    Eigen::MatrixXf s = covariance->gather_single(touched, touched);
    const Eigen::VectorXf w = weight.cast<float>();
    for (Eigen::Index j = 0; j < s.cols(); ++j) s.col(j).array() *= w[j] * w.array();
    s.diagonal() += sigma.cwiseAbs2().cast<float>();
    factor = std::make_unique<operators::DefiniteFactor>(std::move(s));
    return;
  }
  Eigen::MatrixXd s = covariance->gather(touched, touched);
  if (plain)
    s = (weight.asDiagonal() * s * weight.asDiagonal()).eval();
  else
    s = times_compact(times_compact(s).transpose());
  s.diagonal() += sigma.cwiseAbs2();
  factor = single ? std::make_unique<operators::DefiniteFactor>(Eigen::MatrixXf(s.cast<float>()))
                  : std::make_unique<operators::DefiniteFactor>(std::move(s));
}

void WindowFactor::Impl::variances(const std::vector<Eigen::Index>& which, Eigen::VectorXd& out) const {
  constexpr std::size_t kBlock = 512;  // bounds the memory of the triangular solve
  for (std::size_t first = 0; first < which.size(); first += kBlock) {
    const std::vector<Eigen::Index> some(
        which.begin() + static_cast<std::ptrdiff_t>(first),
        which.begin() + static_cast<std::ptrdiff_t>(std::min(which.size(), first + kBlock)));
    const Eigen::VectorXd explained = factor->quadratic(observe(some));
    for (std::size_t i = 0; i < some.size(); ++i) {
      const Eigen::Index row = first_row(centre) + some[i];
      out[some[i]] = std::max((*covariance)(row, row) - explained[static_cast<Eigen::Index>(i)], 1e-12);
    }
  }
}

/// y - A mean of the window, stacked: [observation].
Eigen::VectorXd WindowFactor::Impl::departures(const Window& window) const {
  Eigen::VectorXd d(sigma.size());
  Eigen::Index next = 0;
  for (const auto& step : window.steps) {
    if (!step.measurement) continue;
    d.segment(next, step.y.size()) = step.y - step.measurement->apply(backbone.mean(step.season)).col(0);
    next += step.y.size();
  }
  return d;
}

/// C_k A^T s: what departures d with s = (A C A^T + R)^-1 d, both [observation][column], add to step k.
Eigen::MatrixXd WindowFactor::Impl::analysis(std::size_t k, const Eigen::MatrixXd& right,
                                             const Eigen::MatrixXd& solved) const {
  if (!plain) return covariance->multiply_rows(first_row(k), points, a.transpose() * solved);
  // Where a point is observed by itself, its row of A C A^T s is d - R s: no product is needed there.
  Eigen::MatrixXd out(points, right.cols());
  std::vector<Eigen::Index> hidden;
  for (Eigen::Index i = 0; i < points; ++i) {
    const int row = observation[static_cast<std::size_t>(first_row(k) + i)];
    if (row < 0)
      hidden.push_back(i);
    else
      out.row(i) = (right.row(row) - sigma[row] * sigma[row] * solved.row(row)) / weight[row];
  }
  std::vector<Eigen::Index> rows = hidden;
  for (auto& i : rows) i += first_row(k);
  const Eigen::MatrixXd product = covariance->multiply_rows(rows, a.transpose() * solved);
  for (std::size_t i = 0; i < hidden.size(); ++i)
    out.row(hidden[i]) = product.row(static_cast<Eigen::Index>(i));
  return out;
}

/// Cholesky factor of the posterior covariance of the centre.
Factor WindowFactor::Impl::posterior() const {
  std::vector<Eigen::Index> all(static_cast<std::size_t>(points));
  std::iota(all.begin(), all.end(), Eigen::Index{0});
  std::vector<Eigen::Index> rows = all;
  for (auto& j : rows) j += first_row(centre);
  Eigen::MatrixXd c = covariance->gather(rows, rows);
  const Eigen::MatrixXd observed = observe(all);
  c.noalias() -= observed.transpose() * factor->solve(observed);
  // Rounding of the difference must not turn the least variances negative.
  c.diagonal().array() += 1e-9 * c.diagonal().maxCoeff();
  Factor out(c);
  if (out.info() != Eigen::Success)
    throw Error(ErrorKind::numerical, "the posterior covariance of a step is not positive definite",
                {.remedy = "Give a larger noise level, or train with a larger backbone.residual_floor"});
  return out;
}

WindowFactor::WindowFactor(const prior::Backbone& backbone, const Window& window)
    : impl_(std::make_unique<Impl>(backbone)) {
  Impl& m = *impl_;
  if (static_cast<std::int64_t>(window.steps.size()) != 2 * backbone.options().window + 1)
    throw Error(ErrorKind::internal, "a window of " + std::to_string(window.steps.size()) +
                                         " steps for a backbone of " +
                                         std::to_string(2 * backbone.options().window + 1));
  m.covariance = backbone.window_covariance(backbone.season_bin(window.at_centre().season));
  m.points = static_cast<Eigen::Index>(backbone.domain().size());
  m.centre = window.centre();
  m.a = stack(backbone, window, m.sigma);
  m.prepare();
}

WindowFactor::~WindowFactor() = default;

const prior::Backbone& WindowFactor::backbone() const { return impl_->backbone; }

WindowSolution WindowFactor::solve(const Window& window) const {
  WindowSolution out;
  out.departure = impl_->departures(window);
  out.solved = impl_->factor->solve(out.departure);
  return out;
}

std::vector<WindowSolution> WindowFactor::solve(const std::vector<const Window*>& windows) const {
  Eigen::MatrixXd departures(impl_->sigma.size(), static_cast<Eigen::Index>(windows.size()));
  for (std::size_t j = 0; j < windows.size(); ++j)
    departures.col(static_cast<Eigen::Index>(j)) = impl_->departures(*windows[j]);
  const Eigen::MatrixXd solved = impl_->factor->solve(departures);
  const Eigen::MatrixXd centres = impl_->analysis(impl_->centre, departures, solved);
  std::vector<WindowSolution> out;
  for (Eigen::Index j = 0; j < departures.cols(); ++j)
    out.push_back({.departure = departures.col(j), .solved = solved.col(j), .centre = centres.col(j)});
  return out;
}

Eigen::MatrixXd WindowFactor::mean(const WindowSolution& solution) const {
  const Impl& m = *impl_;
  const auto steps = static_cast<std::size_t>(m.covariance->rows() / m.points);
  Eigen::MatrixXd out(m.points, static_cast<Eigen::Index>(steps));
  for (std::size_t k = 0; k < steps; ++k)
    out.col(static_cast<Eigen::Index>(k)) = k == m.centre
                                                ? Eigen::MatrixXd(centre_mean(solution))
                                                : m.analysis(k, solution.departure, solution.solved);
  return out;
}

Eigen::VectorXd WindowFactor::centre_mean(const WindowSolution& solution) const {
  if (solution.centre.size() > 0) return solution.centre;
  return impl_->analysis(impl_->centre, solution.departure, solution.solved);
}

const Eigen::VectorXd& WindowFactor::variance() const {
  const Impl& m = *impl_;
  std::call_once(m.variance_once, [&] {
    m.variance.resize(m.points);
    std::vector<Eigen::Index> all(static_cast<std::size_t>(m.points));
    std::iota(all.begin(), all.end(), Eigen::Index{0});
    m.variances(all, m.variance);
  });
  return m.variance;
}

const Eigen::VectorXd& WindowFactor::marginal_scale() const {
  const Impl& m = *impl_;
  std::call_once(m.scale_once, [&] {
    Eigen::VectorXd variance(m.points);
    std::vector<Eigen::Index> hidden;
    for (Eigen::Index i = 0; i < m.points; ++i) {
      if (m.direct[i] == 0.0) {
        hidden.push_back(i);
        continue;
      }
      const double c = (*m.covariance)(m.first_row(m.centre) + i, m.first_row(m.centre) + i);
      variance[i] = c * m.direct[i] / (c + m.direct[i]);
    }
    m.variances(hidden, variance);
    m.scale = variance.cwiseMax(1e-12).cwiseSqrt();
  });
  return m.scale;
}

WindowSolution WindowFactor::draw(const Window& window, prior::PriorSequence& sequence, std::uint64_t seed,
                                  std::uint32_t first_member, std::uint32_t members) const {
  const Impl& m = *impl_;
  Eigen::MatrixXd fields(m.points * static_cast<Eigen::Index>(window.steps.size()), members);
  Eigen::MatrixXd noise(m.sigma.size(), members);
  Eigen::Index next = 0;
  for (std::size_t k = 0; k < window.steps.size(); ++k) {
    const StepObservation& step = window.steps[k];
    auto part = fields.middleRows(static_cast<Eigen::Index>(k) * m.points, m.points);
    const bool observed = step.measurement && step.measurement->observations() > 0;
    if (observed || k == m.centre)
      part = sequence.fields(step.time, step.season);
    else
      part.setZero();  // A has no row there
    if (!observed) continue;
    for (std::uint32_t j = 0; j < members; ++j) {
      RandomStream stream({.seed = seed,
                           .purpose = RandomPurpose::observation_noise,
                           .time = step.time,
                           .member = first_member + j});
      stream.fill_normal(
          std::span<double>(noise.col(j).data() + next, static_cast<std::size_t>(step.y.size())));
    }
    next += step.y.size();
  }
  WindowSolution out;
  out.departure = m.departures(window);
  // The members' departures and, last, the observations' own share one solve.
  Eigen::MatrixXd right(m.sigma.size(), members + 1);
  right.leftCols(members) = -(m.a * fields) - m.sigma.asDiagonal() * noise;
  right.leftCols(members).colwise() += out.departure;
  right.col(members) = out.departure;
  const Eigen::MatrixXd solved = m.factor->solve(right, kDrawAccuracy);
  out.solved = solved.col(members);
  const Eigen::MatrixXd added = m.analysis(m.centre, right, solved);
  out.draws = fields.middleRows(m.first_row(m.centre), m.points) + added.leftCols(members);
  out.centre = added.col(members);
  return out;
}

Eigen::MatrixXd WindowFactor::draw_departures(RandomStream& random, Eigen::Index columns) const {
  const Impl& m = *impl_;
  Eigen::MatrixXd white(m.covariance->rows(), columns);
  random.fill_normal(std::span<double>(white.data(), static_cast<std::size_t>(white.size())));
  const Eigen::MatrixXd x = m.covariance->colour(white);
  Eigen::MatrixXd noise(m.sigma.size(), columns);
  random.fill_normal(std::span<double>(noise.data(), static_cast<std::size_t>(noise.size())));
  const Eigen::MatrixXd observed = m.a * x + m.sigma.asDiagonal() * noise;
  return x.middleRows(m.first_row(m.centre), m.points) -
         m.analysis(m.centre, observed, m.factor->solve(observed));
}

Eigen::VectorXd WindowFactor::log_density(const WindowSolution& solution, const Eigen::MatrixXd& x) const {
  Eigen::MatrixXd e = x.colwise() - centre_mean(solution);
  const Factor posterior = impl_->posterior();
  posterior.matrixL().solveInPlace(e);
  Eigen::VectorXd out = -0.5 * e.colwise().squaredNorm().transpose();
  out.array() -= posterior.matrixLLT().diagonal().array().log().sum() +
                 0.5 * static_cast<double>(e.rows()) * std::log(2.0 * std::numbers::pi);
  return out;
}

Eigen::MatrixXd WindowFactor::log_density_gradient(const WindowSolution& solution,
                                                   const Eigen::MatrixXd& x) const {
  return -impl_->posterior().solve(x.colwise() - centre_mean(solution));
}

double WindowFactor::log_evidence(const Window& window) const {
  const Eigen::VectorXd departure = impl_->departures(window);
  return -0.5 * (impl_->factor->quadratic(departure)[0] + impl_->factor->log_determinant() +
                 static_cast<double>(departure.size()) * std::log(2.0 * std::numbers::pi));
}

std::pair<double, double> WindowFactor::chi_square(const WindowSolution& solution) {
  return {solution.departure.dot(solution.solved), static_cast<double>(solution.departure.size())};
}

WindowFactorCache::WindowFactorCache(const prior::Backbone& backbone, double bytes)
    : backbone_(backbone), capacity_(bytes) {}

std::shared_ptr<const WindowFactor> WindowFactorCache::get(const Window& window, std::size_t class_number) {
  std::uint64_t key = hash_bytes(&class_number, sizeof class_number);
  double observations = 0.0;
  for (const auto& step : window.steps) {
    observations += static_cast<double>(step.y.size());
    // With a scale that follows the season every date has a factorisation of its own; otherwise the bin
    // decides.
    const double season = backbone_.options().scale_power > 0.0
                              ? step.season
                              : static_cast<double>(backbone_.season_bin(step.season));
    const std::uint64_t seen = step.measurement ? step.measurement->hash() : 0;
    key = hash_bytes(&season, sizeof season, key);
    key = hash_bytes(&seen, sizeof seen, key);
  }
  const auto rows = static_cast<double>(window.steps.size() * backbone_.domain().size());
  const double own = 4.0 * (rows * rows + observations * observations);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = factors_.find(key);
    if (found != factors_.end()) {
      ++hits_;
      return found->second;
    }
    while (!order_.empty() && held_ + own > capacity_) {
      held_ -= order_.front().second;
      factors_.erase(order_.front().first);
      order_.pop_front();
    }
  }
  auto factor = std::make_shared<const WindowFactor>(backbone_.of_class(class_number), window);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (factors_.emplace(key, factor).second) {
    order_.emplace_back(key, own);
    held_ += own;
  }
  return factor;
}

}  // namespace manifill::posterior
