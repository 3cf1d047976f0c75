#include "manifill/posterior/gaussian_window.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <numbers>
#include <numeric>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"

namespace manifill::posterior {
namespace {

using Factor = Eigen::LLT<Eigen::MatrixXd>;

Factor cholesky(const Eigen::MatrixXd& matrix) {
  Factor factor(matrix);
  if (factor.info() != Eigen::Success)
    throw Error(ErrorKind::numerical, "a covariance of observations is not positive definite",
                {.remedy = "Give a larger noise level, or train with a larger backbone.residual_floor"});
  return factor;
}

/// The observations of a window stacked: z = A x over [step, point], in normalised units.
measurement::SparseMatrix stack(const prior::Backbone& backbone, const Window& window, Eigen::VectorXd& sigma) {
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
        entries.emplace_back(first + static_cast<int>(i), static_cast<int>(static_cast<Eigen::Index>(k) * n + it.col()), it.value() * scale[it.col()]);
      noise.push_back(step.measurement->noise_sigma()[i]);
    }
  }
  measurement::SparseMatrix out(static_cast<Eigen::Index>(noise.size()), n * static_cast<Eigen::Index>(window.steps.size()));
  out.setFromTriplets(entries.begin(), entries.end());
  sigma = Eigen::Map<const Eigen::VectorXd>(noise.data(), static_cast<Eigen::Index>(noise.size()));
  return out;
}

}  // namespace

struct WindowFactor::Impl {
  explicit Impl(const prior::Backbone& b) : backbone(b) {}

  prior::Backbone backbone;
  const prior::WindowCovariance* covariance = nullptr;  // kept alive by the backbone
  Eigen::Index points = 0;
  std::size_t centre = 0;
  measurement::SparseMatrix a;             // [observation][step, point]
  measurement::SparseMatrix compact;       // its columns that are not empty
  std::vector<Eigen::Index> touched;       // which those are
  Eigen::VectorXd sigma;                   // [observation]
  Factor factor;                           // of A C A^T + R
  Eigen::VectorXd variance;                // [point]
  Eigen::MatrixXd half;                    // L^-1 A C of the centre's columns, kept where it is small

  [[nodiscard]] std::vector<Eigen::Index> step_rows(std::size_t k) const {
    std::vector<Eigen::Index> rows(static_cast<std::size_t>(points));
    std::iota(rows.begin(), rows.end(), static_cast<Eigen::Index>(k) * points);
    return rows;
  }
  /// A C of some columns of C: [observation][column].
  [[nodiscard]] Eigen::MatrixXd observe(const std::vector<Eigen::Index>& columns) const {
    Eigen::MatrixXd c = covariance->gather(touched, columns);
    if (plain) return c;
    return compact * c;
  }
  bool plain = true;                       // a mask of unit weights: A C is a choice of rows

  void prepare();
  [[nodiscard]] Eigen::VectorXd departures(const Window& window) const;
  [[nodiscard]] Eigen::MatrixXd analysis(std::size_t k, const Eigen::MatrixXd& departure) const;
  [[nodiscard]] Factor posterior() const;
};

void WindowFactor::Impl::prepare() {
  const Eigen::SparseMatrix<double> by_column = a;
  std::vector<int> place(static_cast<std::size_t>(a.cols()), -1);
  for (Eigen::Index j = 0; j < a.cols(); ++j)
    if (by_column.outerIndexPtr()[j + 1] > by_column.outerIndexPtr()[j]) {
      place[static_cast<std::size_t>(j)] = static_cast<int>(touched.size());
      touched.push_back(j);
    }
  std::vector<Eigen::Triplet<double>> entries;
  for (Eigen::Index i = 0; i < a.rows(); ++i)
    for (measurement::SparseMatrix::InnerIterator it(a, i); it; ++it) {
      plain = plain && it.value() == 1.0 && place[static_cast<std::size_t>(it.col())] == i;
      entries.emplace_back(static_cast<int>(i), place[static_cast<std::size_t>(it.col())], it.value());
    }
  compact.resize(a.rows(), static_cast<Eigen::Index>(touched.size()));
  compact.setFromTriplets(entries.begin(), entries.end());
  plain = plain && compact.rows() == compact.cols();
  Eigen::MatrixXd s = covariance->gather(touched, touched);
  if (!plain) s = (compact * Eigen::MatrixXd((compact * s).transpose())).eval();
  s.diagonal() += sigma.cwiseAbs2();
  factor = cholesky(s);
  const auto rows = step_rows(centre);
  variance.resize(points);
  constexpr Eigen::Index kBlock = 512;  // bounds the memory of the triangular solve
  for (Eigen::Index first = 0; first < points; first += kBlock) {
    const Eigen::Index count = std::min(kBlock, points - first);
    const std::vector<Eigen::Index> some(rows.begin() + first, rows.begin() + first + count);
    Eigen::MatrixXd block = observe(some);
    factor.matrixL().solveInPlace(block);
    for (Eigen::Index i = 0; i < count; ++i) {
      const Eigen::Index row = some[static_cast<std::size_t>(i)];
      variance[first + i] = std::max((*covariance)(row, row) - block.col(i).squaredNorm(), 1e-12);
    }
    if (points <= 2 * kBlock) {
      half.conservativeResize(block.rows(), first + count);
      half.rightCols(count) = block;
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

/// C_kz (A C A^T + R)^-1 d: what departures [observation][column] add to step k.
Eigen::MatrixXd WindowFactor::Impl::analysis(std::size_t k, const Eigen::MatrixXd& departure) const {
  return observe(step_rows(k)).transpose() * factor.solve(departure);
}

/// Cholesky factor of the posterior covariance of the centre.
Factor WindowFactor::Impl::posterior() const {
  const auto rows = step_rows(centre);
  Eigen::MatrixXd c = covariance->gather(rows, rows);
  if (half.cols() == points) {
    c.noalias() -= half.transpose() * half;
  } else {
    Eigen::MatrixXd whole = observe(rows);
    factor.matrixL().solveInPlace(whole);
    c.noalias() -= whole.transpose() * whole;
  }
  // Rounding of the difference must not turn the least variances negative.
  c.diagonal().array() += 1e-9 * c.diagonal().maxCoeff();
  return cholesky(c);
}

WindowFactor::WindowFactor(const prior::Backbone& backbone, const Window& window) : impl_(std::make_unique<Impl>(backbone)) {
  Impl& m = *impl_;
  if (static_cast<std::int64_t>(window.steps.size()) != 2 * backbone.options().window + 1)
    throw Error(ErrorKind::internal, "a window of " + std::to_string(window.steps.size()) + " steps for a backbone of " +
                                         std::to_string(2 * backbone.options().window + 1));
  m.covariance = &backbone.window_covariance(backbone.season_bin(window.at_centre().season));
  m.points = static_cast<Eigen::Index>(backbone.domain().size());
  m.centre = window.centre();
  m.a = stack(backbone, window, m.sigma);
  m.prepare();
}

WindowFactor::~WindowFactor() = default;

Eigen::MatrixXd WindowFactor::mean(const Window& window) const {
  const Impl& m = *impl_;
  const Eigen::MatrixXd solved = m.factor.solve(m.departures(window));
  Eigen::MatrixXd out(m.points, static_cast<Eigen::Index>(window.steps.size()));
  for (std::size_t k = 0; k < window.steps.size(); ++k)
    out.col(static_cast<Eigen::Index>(k)) = m.observe(m.step_rows(k)).transpose() * solved;
  return out;
}

Eigen::VectorXd WindowFactor::centre_mean(const Window& window) const {
  return impl_->analysis(impl_->centre, impl_->departures(window));
}

const Eigen::VectorXd& WindowFactor::variance() const { return impl_->variance; }

Eigen::MatrixXd WindowFactor::draw(const Window& window, prior::PriorSequence& sequence, std::uint64_t seed,
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
      RandomStream stream(
          {.seed = seed, .purpose = RandomPurpose::observation_noise, .time = step.time, .member = first_member + j});
      stream.fill_normal(std::span<double>(noise.col(j).data() + next, static_cast<std::size_t>(step.y.size())));
    }
    next += step.y.size();
  }
  Eigen::MatrixXd departure = -(m.a * fields) - m.sigma.asDiagonal() * noise;
  departure.colwise() += m.departures(window);
  return fields.middleRows(static_cast<Eigen::Index>(m.centre) * m.points, m.points) + m.analysis(m.centre, departure);
}

Eigen::MatrixXd WindowFactor::draw_departures(RandomStream& random, Eigen::Index columns) const {
  Eigen::MatrixXd z(impl_->points, columns);
  random.fill_normal(std::span<double>(z.data(), static_cast<std::size_t>(z.size())));
  return impl_->posterior().matrixL() * z;
}

Eigen::VectorXd WindowFactor::log_density(const Window& window, const Eigen::MatrixXd& x) const {
  Eigen::MatrixXd e = x.colwise() - centre_mean(window);
  const Factor posterior = impl_->posterior();
  posterior.matrixL().solveInPlace(e);
  Eigen::VectorXd out = -0.5 * e.colwise().squaredNorm().transpose();
  out.array() -= posterior.matrixLLT().diagonal().array().log().sum() + 0.5 * static_cast<double>(e.rows()) * std::log(2.0 * std::numbers::pi);
  return out;
}

Eigen::MatrixXd WindowFactor::log_density_gradient(const Window& window, const Eigen::MatrixXd& x) const {
  return -impl_->posterior().solve(x.colwise() - centre_mean(window));
}

std::pair<double, double> WindowFactor::chi_square(const Window& window) const {
  const Eigen::VectorXd d = impl_->departures(window);
  return {d.dot(impl_->factor.solve(d)), static_cast<double>(d.size())};
}

WindowFactorCache::WindowFactorCache(const prior::Backbone& backbone, std::size_t capacity)
    : backbone_(backbone), capacity_(std::max<std::size_t>(1, capacity)) {}

std::shared_ptr<const WindowFactor> WindowFactorCache::get(const Window& window) {
  std::uint64_t key = hash_bytes(nullptr, 0);
  for (const auto& step : window.steps) {
    // With a scale that follows the season every date has a factorisation of its own; otherwise the bin decides.
    const double season = backbone_.options().scale_power > 0.0 ? step.season
                                                                  : static_cast<double>(backbone_.season_bin(step.season));
    const std::uint64_t seen = step.measurement ? step.measurement->hash() : 0;
    key = hash_bytes(&season, sizeof season, key);
    key = hash_bytes(&seen, sizeof seen, key);
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = factors_.find(key);
    if (found != factors_.end()) {
      ++hits_;
      return found->second;
    }
  }
  auto factor = std::make_shared<const WindowFactor>(backbone_, window);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (factors_.emplace(key, factor).second) {
    order_.push_back(key);
    if (order_.size() > capacity_) {
      factors_.erase(order_.front());
      order_.pop_front();
    }
  }
  return factor;
}

}  // namespace manifill::posterior
