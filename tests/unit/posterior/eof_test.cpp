#include "manifill/posterior/eof.hpp"

#include <cmath>

#include "catch.hpp"
#include "manifill/posterior/gaussian_window.hpp"
#include "unit/posterior/textbook_toys.hpp"
#include "unit/posterior/toys.hpp"
#include "unit/prior/toys.hpp"

using namespace manifill;
using namespace manifill::posterior;

namespace {

/// Prior covariance as it is truncated, physical units.
Eigen::MatrixXd covariance_of(EofSampler& sampler, const prior::Backbone& b, double season) {
  const auto& f = sampler.factor(b.season_bin(season));
  Eigen::MatrixXd c = toys::product(f.modes * f.variance.asDiagonal(), f.modes.transpose());
  c.diagonal() += f.residual * b.relative_weights().cwiseInverse();
  const Eigen::VectorXd scale = b.scale(season);
  return scale.asDiagonal() * c * scale.asDiagonal();
}

}  // namespace

TEST_CASE("eof draws from the exact posterior of its truncated prior", "[posterior]") {
  const Model model{.info = {.name = "seasonal"}, .backbone = toys::seasonal_backbone()};
  const auto& b = model.backbone;
  const double season = 0.2;
  StepObservation step{.time = 3, .season = season};
  for (const bool points : {true, false}) {
    if (points) {
      std::vector<bool> seen(48, false);
      for (std::size_t i = 0; i < 48; i += 3) seen[i] = true;
      step.measurement = std::make_shared<measurement::Measurement>(
          measurement::mask(seen, Eigen::VectorXd::Constant(48, 0.3)));
    } else {  // stations between the points, that share some
      step.measurement = std::make_shared<measurement::Measurement>(
          measurement::bilinear(b.domain(), {20.0, 22.0, -40.0, 60.0}, {10.0, 12.0, 100.0, 301.0}),
          Eigen::VectorXd::Constant(4, 0.3));
      REQUIRE(!step.measurement->disjoint());
    }
    step.y = step.measurement->apply(b.training().values.col(4).cast<double>());
    for (const std::size_t modes : {0U, 3U}) {
      EofSampler sampler(model, modes);
      const Eigen::MatrixXd c = covariance_of(sampler, b, season);
      const Eigen::MatrixXd a = step.measurement->matrix();
      const auto exact = toys::textbook(c, a, 0.09);
      const Eigen::MatrixXd& covariance = exact.covariance;
      const Eigen::VectorXd departure = step.y - a * b.mean(season);
      const Eigen::VectorXd mean = b.mean(season) + exact.gain * departure;

      constexpr std::uint32_t kDraws = 20000;
      const auto e = sampler.sample({.steps = {step}}, {.members = kDraws});
      const Eigen::MatrixXd centred = e.members.colwise() - e.members.rowwise().mean();
      const Eigen::MatrixXd sample = toys::product(centred, centred.transpose()) / (kDraws - 1.0);
      const Eigen::ArrayXd sd = covariance.diagonal().array().sqrt();
      // Five sampling errors of the mean and of a variance.
      CHECK(((e.members.rowwise().mean() - mean).array() / sd).abs().maxCoeff() < 5.0 / std::sqrt(kDraws));
      CHECK((sample.diagonal().array() / covariance.diagonal().array() - 1.0).abs().maxCoeff() <
            5.0 * std::sqrt(2.0 / kDraws));
      CHECK((sample - covariance).norm() < 0.03 * covariance.norm());
      CHECK(e.chi_square == Approx(departure.dot(exact.precision * departure) / e.freedom).epsilon(1e-8));
      CHECK(e.freedom == static_cast<double>(a.rows()));
    }
  }
}

TEST_CASE("modes that are left out become residual, the variance stays", "[posterior]") {
  const Model model{.info = {.name = "seasonal"}, .backbone = toys::seasonal_backbone()};
  const auto& b = model.backbone;
  EofSampler all(model, 0);
  CHECK(all.factor(1).residual == b.factor(1).residual);
  CHECK(all.factor(1).variance.isApprox(b.factor(1).variance, 1e-9));
  const auto total = [&](EofSampler& s) {
    return (covariance_of(s, b, 0.2).diagonal().array() * b.relative_weights().array()).sum();
  };
  const double whole = total(all);
  double residual = all.factor(0).residual;
  for (const std::size_t modes : {15U, 6U, 2U, 1U}) {
    EofSampler some(model, modes);
    CHECK(some.factor(0).modes.cols() == static_cast<Eigen::Index>(modes));
    CHECK(total(some) == Approx(whole).epsilon(1e-6));
    CHECK(some.factor(0).residual > residual);
    residual = some.factor(0).residual;
  }
  CHECK(EofSampler(model, 1000).factor(0).modes.cols() == b.factor(0).modes.cols());
}

TEST_CASE("with all modes eof is the backbone's own posterior of one step", "[posterior]") {
  const auto [backbone, c] = toys::oracle(8, 12);
  const Model model{.info = {.name = "oracle"}, .backbone = backbone};
  RandomStream random({.seed = 3});
  std::vector<bool> seen(96, false);
  for (std::size_t i = 0; i < 96; i += 2) seen[i] = true;
  const Eigen::VectorXd field = toys::root_of(c) * toys::normals(96, 1, 4).col(0);
  const Window window{.steps = {toys::observe(field, seen, 0.1, 5, random)}};
  const WindowFactor exact(backbone, window);
  const Eigen::VectorXd mean = exact.centre_mean(exact.solve(window));
  const auto e = EofSampler(model, 0).sample(window, {.members = 10000});
  const Eigen::ArrayXd sd = exact.variance().array().sqrt();
  CHECK(((e.members.rowwise().mean() - mean).array() / sd).abs().maxCoeff() < 0.05);  // five sampling errors
  const Eigen::MatrixXd centred = e.members.colwise() - e.members.rowwise().mean();
  CHECK((centred.cwiseAbs2().rowwise().mean().array() / sd.square() - 1.0).abs().maxCoeff() < 0.08);
}
