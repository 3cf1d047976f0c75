// The posterior of blurred, coarse, truncated and scattered measurements, and of several at once, against the
// textbook.

#include <Eigen/Cholesky>
#include <cmath>
#include <memory>
#include <vector>

#include "catch.hpp"
#include "manifill/base/random.hpp"
#include "manifill/measurement/coarsen.hpp"
#include "manifill/measurement/gaussian_blur.hpp"
#include "manifill/measurement/kernel.hpp"
#include "manifill/measurement/points.hpp"
#include "manifill/measurement/truncate.hpp"
#include "manifill/operators/ring_grid.hpp"
#include "manifill/posterior/sampler.hpp"
#include "unit/domain/toys.hpp"

using namespace manifill;

namespace {

constexpr double kNoise = 0.3;

Eigen::MatrixXd plane_covariance(const domain::Domain& d) {
  const auto n = static_cast<Eigen::Index>(d.size());
  Eigen::MatrixXd c(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j)
      c(i, j) = std::exp(-d.chord(static_cast<std::size_t>(i), static_cast<std::size_t>(j)) / 4.0);
  return c;
}

struct Case {
  std::string name;
  measurement::OperatorPointer measured_by;
  Eigen::MatrixXd covariance;
};

std::vector<Case> cases() {
  const auto image = domain::Domain::plane(10, 12);
  const auto globe = operators::named_grid("F6");
  const Eigen::MatrixXd c = plane_covariance(image);
  const Eigen::MatrixXd g = toys::covariance_by_distance(globe, 4000.0, 0.05);
  const auto blur = measurement::gaussian_blur(image, {.width = 1.5});
  return {{"blur of an image", blur, c},
          {"blur, then coarsen", measurement::compose(blur, measurement::coarsen(image, 2, 3)), c},
          {"differences",
           measurement::convolution(image, {.rows = 1, .columns = 3, .weights = {1, 0, -1}}, "nearest"), c},
          {"coarse and scattered",
           measurement::stack({measurement::coarsen(image, 5, 4), measurement::identity(image)}), c},
          {"blur of the globe", measurement::gaussian_blur(globe, {.width = 2500.0}), g},
          {"truncation", measurement::truncate(globe, 4), g},
          {"stations", measurement::random_points(globe, 40, 3), g}};
}

}  // namespace

TEST_CASE("samples of any measurement have the textbook's mean and variance", "[posterior]") {
  for (const auto& one : cases()) {
    INFO(one.name);
    const Eigen::MatrixXd a = one.measured_by->matrix();
    const auto m = a.rows();
    const posterior::Model model{
        .backbone = prior::Backbone::from_covariance(one.measured_by->from(), one.covariance, 0.0, {})};
    RandomStream random({.seed = 17});
    Eigen::VectorXd white(a.cols());
    random.fill_normal(std::span<double>(white.data(), static_cast<std::size_t>(white.size())));
    const Eigen::VectorXd truth = Eigen::MatrixXd(one.covariance.llt().matrixL()) * white;
    Eigen::VectorXd y = a * truth;
    for (double& v : y) v += kNoise * random.normal();
    posterior::Window window;
    window.steps.push_back({.time = 1,
                            .measurement = std::make_shared<measurement::Measurement>(
                                one.measured_by->matrix(), Eigen::VectorXd::Constant(m, kNoise)),
                            .y = y});
    const Eigen::MatrixXd s =
        a * one.covariance * a.transpose() + kNoise * kNoise * Eigen::MatrixXd::Identity(m, m);
    const Eigen::MatrixXd gain = s.llt().solve(a * one.covariance).transpose();
    const Eigen::VectorXd mean = gain * y;
    const Eigen::VectorXd sd = (one.covariance - gain * a * one.covariance).diagonal().cwiseSqrt();
    const posterior::WindowFactor factor(model.backbone, window);
    CHECK((factor.centre_mean(factor.solve(window)) - mean).cwiseQuotient(sd).cwiseAbs().maxCoeff() < 1e-7);
    CHECK((factor.variance().cwiseSqrt().cwiseQuotient(sd).array() - 1.0).abs().maxCoeff() < 1e-7);

    const std::uint32_t members = 400;
    const auto e =
        posterior::SamplerRegistry::instance().make("gaussian", model)->sample(window, {.members = members});
    // Means of 400 members have a standard error of 0.05 sd; 144 of them stay within 4.5 of these.
    const Eigen::VectorXd sampled = e.members.rowwise().mean();
    CHECK((sampled - mean).cwiseQuotient(sd).cwiseAbs().maxCoeff() < 4.5 / std::sqrt(members));
    const Eigen::VectorXd spread =
        ((e.members.colwise() - sampled).rowwise().squaredNorm() / (members - 1.0)).cwiseSqrt();
    // A point's spread has a standard error of 0.035 of itself, and neighbours err alike.
    CHECK(spread.cwiseQuotient(sd).mean() == Approx(1.0).margin(0.05));
    CHECK(e.freedom == static_cast<double>(m));
    CHECK(e.chi_square == Approx(1.0).margin(5.0 * std::sqrt(2.0 / static_cast<double>(m))));
  }
}
