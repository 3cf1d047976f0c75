#include "manifill/posterior/refine.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <numbers>

#include "catch.hpp"
#include "manifill/prior/score_network.hpp"
#include "unit/posterior/diffusion_toys.hpp"

using namespace manifill;

namespace {

posterior::Model small_model(const domain::Domain& d, std::int64_t rank = 400) {
  const auto n = static_cast<Eigen::Index>(d.size());
  Eigen::MatrixXd c(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j)
      c(i, j) = prior::gaspari_cohn(domain::chordal_km(d.points()[static_cast<std::size_t>(i)],
                                                       d.points()[static_cast<std::size_t>(j)]),
                                    8000.0) +
                (i == j ? 1e-3 : 0.0);
  return {.backbone = prior::Backbone::from_covariance(d, c, 0.0, {.rank = rank})};
}

/// A new network adds nothing to a Gaussian prior.
toys::Half with_fresh_network() {
  toys::Half half;
  half.model.score = std::make_shared<prior::ScoreNetworkImpl>(
      half.model.backbone.domain(), prior::ScoreNetworkOptions{.width = 4, .dilations = {1.0}}, 1);
  return half;
}

}  // namespace

TEST_CASE("Langevin steps leave the Gaussian posterior as it is, and bring other members to it",
          "[posterior]") {
  const auto d =
      domain::Domain::lat_lon({60.0, 30.0, 0.0, -30.0}, {0.0, 45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0});
  const auto model = small_model(d);
  std::vector<bool> seen(d.size());
  for (std::size_t i = 0; i < seen.size(); ++i) seen[i] = i % 3 == 0;
  posterior::Window window;
  posterior::StepObservation step{.time = 4};
  step.measurement =
      std::make_shared<measurement::Measurement>(measurement::mask(seen, Eigen::VectorXd::Constant(32, 0.2)));
  step.y = Eigen::VectorXd::LinSpaced(step.measurement->observations(), -1.0, 1.0);
  window.steps.push_back(step);
  const posterior::WindowFactor factor(model.backbone, window);
  constexpr std::uint32_t kMembers = 3000;
  // Far from the posterior at first: sixty steps shrink what is left by (3/4)^30 = 2e-4.
  const Eigen::MatrixXd start = Eigen::MatrixXd::Constant(32, kMembers, 3.0);
  const Eigen::VectorXd exact = factor.centre_mean(factor.solve(window));
  const auto x =
      posterior::langevin(factor, step, exact, start, {.seed = 2, .members = kMembers, .refine = 60});
  const Eigen::VectorXd mean = x.rowwise().mean();
  const Eigen::VectorXd variance = (x.colwise() - mean).rowwise().squaredNorm() / (kMembers - 1.0);
  // Monte Carlo: sd / sqrt(3000) = 1.8 % and sqrt(2 / 3000) = 2.6 %, five of each, and what is left of the
  // start.
  CHECK(((mean - exact).array() / factor.variance().array().sqrt()).abs().maxCoeff() < 0.15);
  CHECK((variance.array() / factor.variance().array() - 1.0).abs().maxCoeff() < 0.14);
  // The same members whatever their neighbours.
  const auto some = posterior::langevin(factor, step, exact, start.leftCols(2),
                                        {.seed = 2, .first_member = 5, .members = 2, .refine = 60});
  CHECK((some - x.middleCols(5, 2)).cwiseAbs().maxCoeff() < 1e-9);
}

TEST_CASE("steps of a Gaussian prior's diffusion leave its posterior as it is, however few", "[posterior]") {
  const toys::Half half = with_fresh_network();
  const auto sampler = posterior::SamplerRegistry::instance().make("gaussian", half.model);
  for (const std::int64_t steps : {1, 3, 10}) {
    INFO(steps << " steps");
    const auto e = sampler->sample(half.window, {.seed = 4, .members = 800, .refine = steps});
    CHECK(e.evaluations == static_cast<double>(steps));
    CHECK(e.gradients == 0.0);
    for (const bool hidden : {false, true}) {
      const auto c = half.of(e.members, hidden);
      // Of 800 members over 72 points that depend on each other.
      CHECK(c.mean_error < 0.05);
      CHECK(c.spread == Approx(1.0).margin(0.04));
    }
  }
  // The same members whatever their neighbours.
  const auto whole = sampler->sample(half.window, {.seed = 4, .members = 5, .refine = 3});
  const auto some = sampler->sample(half.window, {.seed = 4, .first_member = 3, .members = 2, .refine = 3});
  // Single precision of the states.
  CHECK((whole.members.rightCols(2) - some.members).cwiseAbs().maxCoeff() < 1e-4);
}

TEST_CASE("refinement draws noise that the sampler before it has not drawn", "[posterior]") {
  const toys::Half half = with_fresh_network();
  auto& registry = posterior::SamplerRegistry::instance();
  Config config(registry.specs());
  // Without fresh noise a member follows from its first state: noised by that again it would depart too far.
  for (const char* setting : {"pigdm.guidance=gaussian", "pigdm.eta=0", "pigdm.spacing=log_snr"})
    config.set(setting);
  const auto e = registry.make("pigdm", half.model, config)
                     ->sample(half.window, {.seed = 4, .members = 800, .refine = 1});
  for (const bool hidden : {false, true}) {
    const auto c = half.of(e.members, hidden);
    CHECK(c.mean_error < 0.05);
    CHECK(c.spread == Approx(1.0).margin(0.04));
  }
}

TEST_CASE("a prior of few modes departs from the covariance that windows rest on", "[posterior]") {
  const auto d = domain::Domain::lat_lon({60.0, 20.0, -20.0}, {0.0, 60.0, 120.0, 180.0, 240.0, 300.0});
  auto model = small_model(d, 6);
  model.score = std::make_shared<prior::ScoreNetworkImpl>(
      d, prior::ScoreNetworkOptions{.width = 4, .dilations = {1.0}}, 1);
  // A new network adds nothing: the prior is the Gaussian of six modes.
  const posterior::PriorDeparture departure(model);
  REQUIRE_FALSE(departure.zero());
  const auto& factor = model.backbone.factor(0);
  Eigen::MatrixXd few = factor.modes * factor.variance.asDiagonal() * factor.modes.transpose();
  few.diagonal().array() += factor.residual / model.backbone.relative_weights().array();
  const auto covariance = model.backbone.window_covariance(0);
  Eigen::MatrixXd all(18, 18);
  for (Eigen::Index i = 0; i < 18; ++i)
    for (Eigen::Index j = 0; j < 18; ++j) all(i, j) = (*covariance)(i, j);
  REQUIRE((few - all).cwiseAbs().maxCoeff() > 0.01);
  const auto log_density = [](const Eigen::MatrixXd& c, const Eigen::VectorXd& x) {
    const Eigen::LLT<Eigen::MatrixXd> root(c);
    return -0.5 * x.dot(root.solve(x)) - root.matrixLLT().diagonal().array().log().sum() -
           0.5 * static_cast<double>(x.size()) * std::log(2.0 * std::numbers::pi);
  };
  RandomStream random({.seed = 11});
  Eigen::MatrixXd x(18, 5);
  random.fill_normal(std::span<double>(x.data(), static_cast<std::size_t>(x.size())));
  const Eigen::VectorXd value = departure(x, 0.0, 3);
  for (Eigen::Index k = 0; k < x.cols(); ++k) {
    const double exact = log_density(few, x.col(k)) - log_density(all, x.col(k));
    CHECK(value[k] == Approx(exact).epsilon(1e-6).margin(1e-6));
  }
}
