#include "manifill/posterior/gaussian_window.hpp"

#include <cmath>
#include <numeric>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "unit/posterior/textbook_toys.hpp"
#include "unit/posterior/toys.hpp"

using namespace manifill;
using toys::observe;

namespace {

domain::Domain small_grid() {
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (int i = 0; i < 6; ++i) latitude.push_back(75.0 - 30.0 * i);
  for (int j = 0; j < 12; ++j) longitude.push_back(30.0 * j);
  return domain::Domain::lat_lon(latitude, longitude);
}

Eigen::MatrixXd smooth_covariance(const domain::Domain& d) {
  return toys::covariance_by_distance(d, 4000.0, 1e-4);
}

std::vector<bool> half_seen(std::size_t n, RandomStream& random) {
  std::vector<bool> seen(n);
  for (std::size_t i = 0; i < n; ++i) seen[i] = random.uniform() < 0.5;
  return seen;
}

}  // namespace

TEST_CASE("the Gaussian posterior is the closed form to 1e-6", "[posterior]") {
  const auto d = small_grid();
  const Eigen::MatrixXd c = smooth_covariance(d);
  const auto backbone = prior::Backbone::from_covariance(d, c, 0.0, {});
  RandomStream random({.seed = 3});
  const Eigen::MatrixXd root = toys::root_of(c);
  for (int trial = 0; trial < 5; ++trial) {
    Eigen::VectorXd z(c.rows());
    random.fill_normal(std::span<double>(z.data(), static_cast<std::size_t>(z.size())));
    const auto seen = half_seen(d.size(), random);
    posterior::Window w;
    w.steps.push_back(observe(root * z, seen, 0.1, 0, random));
    const posterior::WindowFactor factor(backbone, w);
    const auto exact = toys::textbook(c, w.steps[0].measurement->matrix(), 0.01);
    const Eigen::MatrixXd& covariance = exact.covariance;
    const Eigen::VectorXd mean = exact.gain * w.steps[0].y;
    CHECK((factor.centre_mean(factor.solve(w)) - mean).cwiseAbs().maxCoeff() < 1e-6);
    CHECK((factor.variance() - covariance.diagonal()).cwiseAbs().maxCoeff() < 1e-6);
    // log density against the same closed form, at a draw.
    const Eigen::MatrixXd x = mean + Eigen::MatrixXd(factor.draw_departures(random, 1));
    const Eigen::MatrixXd posterior_root = toys::root_of(covariance);
    const Eigen::VectorXd e = posterior_root.triangularView<Eigen::Lower>().solve(x.col(0) - mean);
    const double expected = -0.5 * e.squaredNorm() - posterior_root.diagonal().array().log().sum() -
                            0.5 * static_cast<double>(e.size()) * std::log(2.0 * M_PI);
    CHECK(factor.log_density(factor.solve(w), x)[0] == Approx(expected).margin(1e-2));
  }
}

TEST_CASE("windows under one factorisation are solved at once as one by one", "[posterior]") {
  const auto d = small_grid();
  const Eigen::MatrixXd c = smooth_covariance(d);
  const auto backbone = prior::Backbone::from_covariance(d, c, 0.0, {});
  RandomStream random({.seed = 6});
  const auto seen = half_seen(d.size(), random);
  const Eigen::MatrixXd root = toys::root_of(c);
  std::vector<posterior::Window> windows(3);
  std::vector<const posterior::Window*> together;
  for (auto& w : windows) {
    Eigen::VectorXd z(c.rows());
    random.fill_normal(std::span<double>(z.data(), static_cast<std::size_t>(z.size())));
    w.steps.push_back(observe(root * z, seen, 0.1, 0, random));
    together.push_back(&w);
  }
  const posterior::WindowFactor factor(backbone, windows[0]);
  const auto solutions = factor.solve(together);
  REQUIRE(solutions.size() == windows.size());
  for (std::size_t k = 0; k < windows.size(); ++k) {
    const auto alone = factor.solve(windows[k]);
    // Two orders of the same sums, in a system of condition 1e3.
    CHECK((solutions[k].solved - alone.solved).cwiseAbs().maxCoeff() < 1e-9);
    CHECK((factor.mean(solutions[k]) - factor.mean(alone)).cwiseAbs().maxCoeff() < 1e-9);
  }
}

TEST_CASE("an interpolating measurement has the closed form too", "[posterior]") {
  const auto d = small_grid();
  const Eigen::MatrixXd c = smooth_covariance(d);
  const auto backbone = prior::Backbone::from_covariance(d, c, 0.0, {});
  RandomStream random({.seed = 5});
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (int k = 0; k < 30; ++k) {
    latitude.push_back(-85.0 + 170.0 * random.uniform());
    longitude.push_back(360.0 * random.uniform());
  }
  posterior::Window w;
  posterior::StepObservation step;
  step.measurement = std::make_shared<measurement::Measurement>(measurement::bilinear(d, latitude, longitude),
                                                                Eigen::VectorXd::Constant(30, 0.2));
  step.y = Eigen::VectorXd::LinSpaced(30, -1.0, 1.0);
  w.steps.push_back(step);
  const posterior::WindowFactor factor(backbone, w);
  const auto exact = toys::textbook(c, step.measurement->matrix(), 0.04);
  CHECK((factor.centre_mean(factor.solve(w)) - exact.gain * step.y).cwiseAbs().maxCoeff() < 1e-6);
  CHECK((factor.variance() - exact.covariance.diagonal()).cwiseAbs().maxCoeff() < 1e-6);
}

TEST_CASE("a fitted backbone with scales by point and season has the closed form too", "[posterior]") {
  const auto d = small_grid();
  const auto n = static_cast<Eigen::Index>(d.size());
  constexpr Eigen::Index kTimes = 240;
  RandomStream random({.seed = 8});
  prior::TrainingFields fields{.domain = d, .step = prior::StepKind::month};
  fields.values.resize(n, kTimes);
  const Eigen::MatrixXd root = toys::root_of(smooth_covariance(d));
  for (Eigen::Index t = 0; t < kTimes; ++t) {
    Eigen::VectorXd z(n);
    random.fill_normal(std::span<double>(z.data(), static_cast<std::size_t>(n)));
    const double season = (static_cast<double>(t % 12) + 0.5) / 12.0;
    // Spread grows towards one side of the grid and with the season.
    const Eigen::ArrayXd spread =
        (1.5 + std::cos(2.0 * M_PI * season)) * Eigen::ArrayXd::LinSpaced(n, 0.5, 3.0);
    fields.values.col(t) = (spread * (root * z).array()).matrix().cast<float>();
    fields.index.push_back(t);
    fields.season.push_back(season);
  }
  const auto backbone = prior::Backbone::fit(fields, {.scale_power = 1.0,
                                                      .season_bins = 2,
                                                      .season_weights = {1.0, 0.5},
                                                      .taper_km = 9000.0,
                                                      .residual_floor = 1e-3,
                                                      .window = 1});
  posterior::Window w;
  for (std::int64_t k = 0; k < 3; ++k) {
    auto step =
        observe(fields.values.col(100 + k).cast<double>(), half_seen(d.size(), random), 0.4, 100 + k, random);
    step.season = fields.season[static_cast<std::size_t>(100 + k)];
    w.steps.push_back(step);
  }
  const posterior::WindowFactor factor(backbone, w);
  const auto window = backbone.window_covariance(backbone.season_bin(w.at_centre().season));
  Eigen::MatrixXd c(3 * n, 3 * n);
  for (Eigen::Index i = 0; i < 3 * n; ++i)
    for (Eigen::Index j = 0; j < 3 * n; ++j) c(i, j) = (*window)(i, j);
  Eigen::Index rows = 0;
  for (const auto& step : w.steps) rows += step.y.size();
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(rows, 3 * n);
  Eigen::VectorXd y(rows);
  Eigen::Index next = 0;
  for (Eigen::Index k = 0; k < 3; ++k) {
    const auto& step = w.steps[static_cast<std::size_t>(k)];
    a.block(next, k * n, step.y.size(), n) =
        Eigen::MatrixXd(step.measurement->matrix()) * backbone.scale(step.season).asDiagonal();
    y.segment(next, step.y.size()) = step.y - step.measurement->apply(backbone.mean(step.season)).col(0);
    next += step.y.size();
  }
  REQUIRE((backbone.scale(w.at_centre().season).array() - 1.0).abs().maxCoeff() > 0.5);
  const auto exact = toys::textbook(c, a, 0.16);
  const Eigen::VectorXd mean = exact.gain * y;
  const auto solution = factor.solve(w);
  const Eigen::MatrixXd means = factor.mean(solution);
  for (Eigen::Index k = 0; k < 3; ++k)
    CHECK((means.col(k) - mean.segment(k * n, n)).cwiseAbs().maxCoeff() < 1e-6);
  const Eigen::MatrixXd posterior = exact.covariance.block(n, n, n, n);
  CHECK((factor.variance() - posterior.diagonal()).cwiseAbs().maxCoeff() < 1e-6);
  const Eigen::MatrixXd ones = Eigen::MatrixXd::Identity(n, n);
  const Eigen::MatrixXd gradient = factor.log_density_gradient(solution, ones);
  CHECK((posterior * gradient + (ones.colwise() - mean.segment(n, n))).cwiseAbs().maxCoeff() < 1e-6);
  const auto [chi_square, freedom] = posterior::WindowFactor::chi_square(solution);
  CHECK(freedom == static_cast<double>(rows));
  CHECK(chi_square == Approx(y.dot(exact.precision * y)).epsilon(1e-6));
}

TEST_CASE("Matheron's draws have the posterior's mean and variance", "[posterior]") {
  const auto d = small_grid();
  const auto backbone = prior::Backbone::from_covariance(d, smooth_covariance(d), 0.0, {});
  RandomStream random({.seed = 7});
  posterior::Window w;
  w.steps.push_back(
      observe(Eigen::VectorXd::LinSpaced(72, -1.0, 1.0), half_seen(72, random), 0.3, 11, random));
  const posterior::WindowFactor factor(backbone, w);
  constexpr std::uint32_t kMembers = 4000;
  prior::PriorSequence sequence(backbone, 1, 0, kMembers);
  const Eigen::MatrixXd x = factor.draw(w, sequence, 1, 0, kMembers).draws;
  const Eigen::VectorXd mean = x.rowwise().mean();
  const Eigen::VectorXd variance = (x.colwise() - mean).rowwise().squaredNorm() / (kMembers - 1.0);
  // Monte Carlo error: sd / sqrt(4000) = 1.6 %, five of them; relative error of a variance sqrt(2 / 4000)
  // = 2.2 %.
  CHECK(((mean - factor.centre_mean(factor.solve(w))).array() / factor.variance().array().sqrt())
            .abs()
            .maxCoeff() < 0.08);
  CHECK((variance.array() / factor.variance().array() - 1.0).abs().maxCoeff() < 0.12);
}

TEST_CASE("members depend on seed, step and member only", "[posterior]") {
  const auto d = small_grid();
  const auto backbone = prior::Backbone::from_covariance(d, smooth_covariance(d), 0.6, {});
  RandomStream random({.seed = 9});
  posterior::Window w;
  w.steps.push_back(observe(Eigen::VectorXd::Ones(72), half_seen(72, random), 0.3, 40, random));
  const posterior::WindowFactor factor(backbone, w);
  prior::PriorSequence all(backbone, 5, 0, 8);
  static_cast<void>(all.fields(38, 0.0));  // another order of calls
  prior::PriorSequence last(backbone, 5, 6, 2);
  const Eigen::MatrixXd a = factor.draw(w, all, 5, 0, 8).draws.rightCols(2);
  const Eigen::MatrixXd b = factor.draw(w, last, 5, 6, 2).draws;
  CHECK((a - b).cwiseAbs().maxCoeff() < 1e-10);
}

TEST_CASE("the spread of ten-step means is that of the full space-time posterior within 10 %",
          "[posterior]") {
  const auto d = domain::Domain::lat_lon({30.0, 20.0, 10.0}, {0.0, 10.0, 20.0, 30.0, 40.0});
  const Eigen::MatrixXd c = smooth_covariance(d);
  const auto n = static_cast<Eigen::Index>(d.size());
  constexpr double kPersistence = 0.7;
  constexpr std::int64_t kHalf = 4;
  constexpr Eigen::Index kSteps = 10;
  constexpr double kSigma = 0.3;
  prior::BackboneOptions o;
  o.window = kHalf;
  const auto backbone = prior::Backbone::from_covariance(d, c, kPersistence, o);
  // Every step has its own gaps; the record runs on beyond the ten steps on both sides.
  std::map<std::int64_t, std::vector<bool>> seen;
  RandomStream random({.seed = 12});
  for (std::int64_t t = -kHalf; t < kSteps + kHalf; ++t) seen[t] = half_seen(d.size(), random);
  const auto window_of = [&](std::int64_t t) {
    posterior::Window w;
    for (std::int64_t k = t - kHalf; k <= t + kHalf; ++k) {
      posterior::StepObservation step{.time = k};
      step.measurement = std::make_shared<measurement::Measurement>(
          measurement::mask(seen.at(k), Eigen::VectorXd::Constant(n, kSigma)));
      step.y = Eigen::VectorXd::Zero(step.measurement->observations());
      w.steps.push_back(step);
    }
    return w;
  };
  constexpr std::uint32_t kMembers = 1500;
  prior::PriorSequence sequence(backbone, 2, 0, kMembers);
  Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(n, kMembers);
  for (std::int64_t t = 0; t < kSteps; ++t) {
    const auto w = window_of(t);
    sum += posterior::WindowFactor(backbone, w).draw(w, sequence, 2, 0, kMembers).draws /
           static_cast<double>(kSteps);
  }
  const Eigen::VectorXd spread = (sum.rowwise().squaredNorm() / kMembers).cwiseSqrt();
  // Closed form: all steps at once, kronecker(rho^|s - t|, C).
  const Eigen::Index total = kSteps + 2 * kHalf;
  Eigen::MatrixXd joint(total * n, total * n);
  for (Eigen::Index a = 0; a < total; ++a)
    for (Eigen::Index b = 0; b < total; ++b)
      joint.block(a * n, b * n, n, n) = std::pow(kPersistence, std::abs(a - b)) * c;
  std::vector<Eigen::Index> at;
  for (Eigen::Index a = 0; a < total; ++a)
    for (Eigen::Index i = 0; i < n; ++i)
      if (seen.at(a - kHalf)[static_cast<std::size_t>(i)]) at.push_back(a * n + i);
  const auto m = static_cast<Eigen::Index>(at.size());
  Eigen::MatrixXd seen_of = Eigen::MatrixXd::Zero(m, total * n);
  Eigen::MatrixXd averaging = Eigen::MatrixXd::Zero(n, total * n);
  for (Eigen::Index a = kHalf; a < kHalf + kSteps; ++a)
    averaging.middleCols(a * n, n) = Eigen::MatrixXd::Identity(n, n) / static_cast<double>(kSteps);
  for (Eigen::Index i = 0; i < m; ++i) seen_of(i, at[static_cast<std::size_t>(i)]) = 1.0;
  const Eigen::MatrixXd posterior = toys::textbook(joint, seen_of, kSigma * kSigma).covariance;
  const Eigen::MatrixXd covariance =
      toys::product(toys::product(averaging, posterior), averaging.transpose());
  const Eigen::VectorXd exact = covariance.diagonal().cwiseSqrt();
  CHECK((spread.array() / exact.array() - 1.0).abs().maxCoeff() < 0.10);
}

TEST_CASE("a window of another length is refused", "[posterior]") {
  const auto d = small_grid();
  const auto backbone = prior::Backbone::from_covariance(d, smooth_covariance(d), 0.0, {});
  posterior::Window w;
  w.steps.resize(3);
  CHECK_THROWS_AS(posterior::WindowFactor(backbone, w), Error);
}

TEST_CASE("factors are kept within their bytes, one at least", "[posterior]") {
  const auto d = small_grid();
  const auto backbone = prior::Backbone::from_covariance(d, smooth_covariance(d), 0.0, {});
  RandomStream random({.seed = 21});
  const Eigen::VectorXd field = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(d.size()));
  std::vector<posterior::Window> windows(3);
  for (auto& w : windows) w.steps.push_back(observe(field, half_seen(d.size(), random), 0.1, 0, random));
  // Rows of the covariance and half of them observed, in single precision.
  const auto rows = static_cast<double>(d.size());
  const double one = 4.0 * 1.5 * rows * rows;
  for (const auto& [bytes, hits] : {std::pair{0.0, 1U}, std::pair{one, 1U}, std::pair{10.0 * one, 4U}}) {
    posterior::WindowFactorCache cache(backbone, bytes);
    for (const std::size_t k : {0, 0, 1, 2, 0, 1, 2}) static_cast<void>(cache.get(windows[k]));
    CHECK(cache.hits() == hits);
  }
}
