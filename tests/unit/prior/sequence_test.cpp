#include "manifill/prior/sequence.hpp"

#include <Eigen/Cholesky>
#include <cmath>

#include "catch.hpp"
#include "unit/prior/toys.hpp"

extern "C" void openblas_set_num_threads(int count);
extern "C" int openblas_get_num_threads();

using namespace manifill;

namespace {

constexpr Eigen::Index kTimes = 240;
constexpr double kPersistence = 0.7;

/// A backbone fitted to a smooth process on a small globe whose steps remember the one before.
prior::Backbone fitted(const domain::Domain& domain, std::int64_t window) {
  const Eigen::MatrixXd c = toys::covariance_by_distance(domain, 4000.0, 0.01);
  Eigen::MatrixXd x = c.llt().matrixL() * toys::normals(c.rows(), kTimes, 3);
  for (Eigen::Index t = 1; t < kTimes; ++t)
    x.col(t) = kPersistence * x.col(t - 1) + std::sqrt(1.0 - kPersistence * kPersistence) * x.col(t);
  prior::TrainingFields f{.domain = domain, .step = prior::StepKind::day, .values = x.cast<float>()};
  for (Eigen::Index t = 0; t < kTimes; ++t) {
    f.index.push_back(t);
    f.season.push_back(0.0);
    f.year.push_back(0);
  }
  return prior::Backbone::fit(std::move(f), {.mean_harmonics = 0,
                                             .scale_harmonics = 0,
                                             .taper_km = 9000.0,
                                             .residual_floor = 1e-6,
                                             .window = window,
                                             .noise_sigma = 0.1});
}

}  // namespace

TEST_CASE("sequences of a fitted backbone have its variances and its covariances from step to step",
          "[prior]") {
  const auto domain = toys::globe(5, 10);
  const auto backbone = fitted(domain, 1);
  constexpr std::uint32_t kMembers = 3000;
  prior::PriorSequence sequence(backbone, 5, 0, kMembers);
  const Eigen::MatrixXd now = sequence.fields(1000, 0.0);
  const Eigen::MatrixXd next = sequence.fields(1001, 0.0);
  const auto n = static_cast<Eigen::Index>(domain.size());
  const Eigen::VectorXd variance = backbone.variance(0);
  // Sampling error of a variance: sqrt(2 / 3000) = 2.6 %; four of those.
  CHECK((now.rowwise().squaredNorm().array() / (kMembers * variance.array()) - 1.0).abs().maxCoeff() < 0.105);
  const auto covariance = backbone.window_covariance(0);
  const Eigen::MatrixXd lagged = next * now.transpose() / static_cast<double>(kMembers);
  double worst = 0.0;
  double largest = 0.0;
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j) {
      // Rows of the window: step, then point; the step after the centre against the centre.
      const double wanted = (*covariance)(2 * n + i, n + j);
      const double unit = std::sqrt(variance[i] * variance[j]);
      worst = std::max(worst, std::abs(lagged(i, j) - wanted) / unit);
      largest = std::max(largest, std::abs(wanted) / unit);
    }
  REQUIRE(largest > 0.5);  // the process remembers, so that agreement says something
  // 2,500 correlations known to sqrt(2 / 3000) = 0.026 at most, the largest of them four to five times that.
  CHECK(worst < 0.13);
}

TEST_CASE("sets of images have draws of their covariance, independent from one to the next", "[prior]") {
  const auto domain = toys::globe(5, 10);
  const Eigen::MatrixXd c = toys::covariance_by_distance(domain, 4000.0, 0.01);
  const Eigen::MatrixXd x = c.llt().matrixL() * toys::normals(c.rows(), kTimes, 3);
  prior::TrainingFields f{.domain = domain, .step = prior::StepKind::none, .values = x.cast<float>()};
  for (Eigen::Index t = 0; t < kTimes; ++t) {
    f.index.push_back(t);
    f.season.push_back(0.0);
    f.year.push_back(0);
  }
  const auto backbone = prior::Backbone::fit(
      std::move(f), {.mean_harmonics = 0, .scale_harmonics = 0, .residual_floor = 1e-6, .noise_sigma = 0.1});
  constexpr std::uint32_t kMembers = 3000;
  prior::PriorSequence sequence(backbone, 5, 0, kMembers);
  const Eigen::MatrixXd now = sequence.fields(7, 0.0);
  const Eigen::MatrixXd next = sequence.fields(8, 0.0);
  const auto covariance = backbone.window_covariance(0);
  const auto n = static_cast<Eigen::Index>(domain.size());
  double worst = 0.0;
  double lagged = 0.0;
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j) {
      const double unit = std::sqrt((*covariance)(i, i) * (*covariance)(j, j)) * kMembers;
      worst = std::max(worst,
                       std::abs(now.row(i).dot(now.row(j)) / unit - (*covariance)(i, j) * kMembers / unit));
      lagged = std::max(lagged, std::abs(next.row(i).dot(now.row(j))) / unit);
    }
  // 2,500 correlations known to sqrt(2 / 3000) = 0.026 at most, the largest of them four to five times that.
  CHECK(worst < 0.13);
  CHECK(lagged < 0.13);
  prior::PriorSequence again(backbone, 5, 2, 1);
  CHECK((again.fields(8, 0.0).col(0) - next.col(2)).cwiseAbs().maxCoeff() < 1e-12);
}

TEST_CASE("members of a fitted backbone depend on seed, step and member only", "[prior]") {
  const auto domain = toys::globe(5, 10);
  const auto backbone = fitted(domain, 0);
  prior::PriorSequence all(backbone, 5, 0, 6);
  const Eigen::MatrixXd first = all.fields(40, 0.0);
  const Eigen::MatrixXd second = all.fields(41, 0.0);
  prior::PriorSequence some(backbone, 5, 2, 3);
  // Backwards, from another first member: the same fields to single precision.
  CHECK((some.fields(41, 0.0) - second.middleCols(2, 3)).cwiseAbs().maxCoeff() < 1e-5);
  CHECK((some.fields(40, 0.0) - first.middleCols(2, 3)).cwiseAbs().maxCoeff() < 1e-5);
  prior::PriorSequence other(backbone, 6, 0, 6);
  CHECK((other.fields(40, 0.0) - first).cwiseAbs().maxCoeff() > 0.1);
}

TEST_CASE("members do not depend on the number of threads", "[prior]") {
  // Pairs of zonal waves have equal variance: which rotation of them an eigensolver returns is its own
  // affair.
  const auto domain = toys::globe(12, 24);
  const auto backbone = fitted(domain, 0);
  const int threads = openblas_get_num_threads();
  const auto draw = [&](int count) {
    openblas_set_num_threads(count);
    prior::PriorSequence sequence(backbone, 5, 0, 4);
    return Eigen::MatrixXd(sequence.fields(40, 0.0));
  };
  const Eigen::MatrixXd one = draw(1);
  const Eigen::MatrixXd two = draw(2);
  openblas_set_num_threads(threads);
  // Single precision, sums over 240 training times.
  CHECK((one - two).cwiseAbs().maxCoeff() < 1e-3);
}
