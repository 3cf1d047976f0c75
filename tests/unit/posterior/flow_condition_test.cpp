#include "manifill/posterior/flow_condition.hpp"

#include <memory>

#include "catch.hpp"
#include "manifill/measurement/coarsen.hpp"
#include "manifill/measurement/measurement.hpp"
#include "unit/domain/toys.hpp"
#include "unit/posterior/textbook_toys.hpp"

using namespace manifill;

namespace {

posterior::Window observed(measurement::Measurement m, const Eigen::VectorXd& y) {
  posterior::Window window;
  window.steps.push_back(
      {.time = 1, .measurement = std::make_shared<const measurement::Measurement>(std::move(m)), .y = y});
  return window;
}

}  // namespace

TEST_CASE("a mean over many points is a condition like an observation of each of them", "[posterior]") {
  const auto d = domain::Domain::healpix(4, domain::healpix::Ordering::nested);
  const auto backbone =
      prior::Backbone::from_covariance(d, toys::covariance_by_distance(d, 3000.0, 0.01), 0.0, {});
  const auto a = measurement::coarsen(d, 4, 4);
  Eigen::VectorXd y(a->values());
  for (Eigen::Index k = 0; k < y.size(); ++k) y[k] = 0.1 * static_cast<double>(k) - 0.5;
  constexpr double noise = 0.01;
  const auto means = posterior::standard_condition(
      backbone, observed({a->matrix(), Eigen::VectorXd::Constant(y.size(), noise)}, y));
  const auto points = posterior::standard_condition(
      backbone,
      observed(measurement::mask(std::vector<bool>(d.size(), true), Eigen::VectorXd::Constant(192, noise)),
               a->matrix().transpose() * (16.0 * y)));  // each point's own mean
  // The weights are 1 / (16 noise^2) and 1 / noise^2, far above one: what is left of the departure is 1 -
  // 16e-4 of it.
  CHECK((means.features.col(1) - points.features.col(1)).cwiseAbs().maxCoeff() < 2e-3F * 0.6F);
  CHECK(means.features.col(1).cwiseAbs().maxCoeff() <= 0.6F);
  // That a mean says less of each point is in the precision.
  CHECK(means.features(0, 2) < 0.8F * points.features(0, 2));
}

TEST_CASE("the spread of an observed point is a bound of it, or exact", "[posterior]") {
  // So smooth a field that neighbours tell more of a point than its own noisy value.
  const auto d = domain::Domain::healpix(4, domain::healpix::Ordering::nested);
  const Eigen::MatrixXd c = toys::covariance_by_distance(d, 8000.0, 1e-4);
  const auto backbone = prior::Backbone::from_covariance(d, c, 0.0, {});
  std::vector<bool> seen(d.size());
  for (std::size_t i = 0; i < seen.size(); ++i) seen[i] = i % 3 != 0;
  const auto mask = measurement::mask(seen, Eigen::VectorXd::Constant(192, 0.5));
  const auto window = observed(mask, Eigen::VectorXd::Zero(mask.observations()));
  const posterior::WindowFactor factor(backbone, window);
  const auto solution = factor.solve(window);
  const Eigen::VectorXd exact = toys::textbook(c, mask.matrix(), 0.25).covariance.diagonal().cwiseSqrt();
  const auto bound =
      posterior::posterior_condition(window, factor, solution, posterior::FlowBase::gaussian_posterior);
  const auto sound =
      posterior::posterior_condition(window, factor, solution, posterior::FlowBase::exact_posterior);
  CHECK((sound.sd.cast<double>() - exact).cwiseAbs().maxCoeff() < 1e-6);
  for (Eigen::Index i = 0; i < exact.size(); ++i)
    if (seen[static_cast<std::size_t>(i)])
      CHECK(bound.sd[i] > 1.2 * exact[i]);
    else
      CHECK(bound.sd[i] == Approx(exact[i]).epsilon(1e-5));
  CHECK((bound.mean - sound.mean).cwiseAbs().maxCoeff() == 0.0F);
  for (const auto& name : posterior::flow_base_names())
    CHECK(posterior::flow_base_name(posterior::parse_flow_base(name)) == name);
  CHECK_THROWS_WITH(posterior::parse_flow_base("flat"), Catch::Contains("exact_posterior"));
}
