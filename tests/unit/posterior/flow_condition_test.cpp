#include "manifill/posterior/flow_condition.hpp"

#include <memory>

#include "catch.hpp"
#include "manifill/measurement/coarsen.hpp"
#include "manifill/measurement/measurement.hpp"
#include "unit/domain/toys.hpp"

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
