#include <Eigen/Cholesky>
#include <cmath>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "unit/posterior/diffusion_toys.hpp"

using namespace manifill;
using Catch::Matchers::Contains;

namespace {

Eigen::MatrixXd denoised(const posterior::Model& model, const posterior::Window& window) {
  return posterior::SamplerRegistry::instance()
      .make("noise2score", model)
      ->sample(window, {.members = 3})
      .members;
}

posterior::Window seen_everywhere(const Eigen::VectorXd& field, double sigma) {
  RandomStream random({.seed = 8});
  posterior::Window window;
  window.steps.push_back(toys::observe(
      field, measurement::ObservedCells(static_cast<std::size_t>(field.size()), true), sigma, 1, random));
  return window;
}

/// Root mean square difference from the posterior mean in posterior standard deviations.
double error_of(const Eigen::MatrixXd& c, const posterior::Model& model, const posterior::Window& window,
                double sigma) {
  const Eigen::MatrixXd noise = sigma * sigma * Eigen::MatrixXd::Identity(c.rows(), c.cols());
  const Eigen::MatrixXd gain = Eigen::LLT<Eigen::MatrixXd>(c + noise).solve(c).transpose();
  const Eigen::VectorXd sd = (c - gain * c).diagonal().cwiseSqrt();
  const Eigen::VectorXd off = denoised(model, window).col(0) - gain * window.steps[0].y;
  return std::sqrt(off.cwiseQuotient(sd).squaredNorm() / static_cast<double>(c.rows()));
}

}  // namespace

TEST_CASE("noise2score is the posterior mean where all cells have one area", "[posterior]") {
  std::vector<double> longitude;
  for (int j = 0; j < 24; ++j) longitude.push_back(15.0 * j);
  const auto d = domain::Domain::lat_lon({0.0}, longitude);
  Eigen::MatrixXd c = 0.9 * toys::covariance_by_distance(d, 4000.0, 0.0);
  c.diagonal().array() += 0.1;
  const posterior::Model model{
      .backbone = prior::Backbone::from_covariance(d, c, 0.0, {.rank = 24, .residual_floor = 1e-6})};
  for (const double sigma : {0.1, 0.5, 2.0}) {
    INFO(sigma);
    const auto window = seen_everywhere(toys::normals(24, 1, 3), sigma);
    CHECK(error_of(c, model, window, sigma) < 1e-3);  // single precision
  }
  const auto members = denoised(model, seen_everywhere(toys::normals(24, 1, 3), 0.5));
  CHECK((members.colwise() - members.col(0)).cwiseAbs().maxCoeff() == 0.0);
}

TEST_CASE("on cells of other areas noise2score has one noise level for all", "[posterior]") {
  const auto [backbone, c] = toys::oracle(6, 12);
  const posterior::Model model{.backbone = backbone};
  const Eigen::VectorXd truth = Eigen::LLT<Eigen::MatrixXd>(c).matrixL() * toys::normals(72, 1, 4);
  // Areas from 0.4 to 1.5 of their mean.
  CHECK(error_of(c, model, seen_everywhere(truth, 0.5), 0.5) == Approx(0.163).margin(0.005));
}

TEST_CASE("noise2score is Tweedie's formula on two hills", "[posterior]") {
  const auto prior = toys::two_hills();
  const Eigen::MatrixXd a = Eigen::MatrixXd::Identity(2, 2);
  const Eigen::Vector2d y(0.1, -0.3);
  const auto x = toys::draws("noise2score", {}, prior, a, Eigen::Vector2d::Constant(0.7), y, 1);
  const auto exact = prior.posterior(a / 0.7, y / 0.7);
  CHECK((x.col(0) - exact.centre()).cwiseAbs().maxCoeff() < 1e-5);  // single precision
}

TEST_CASE("noise2score refuses fields with gaps and observations of several cells", "[posterior]") {
  const toys::Half half;
  CHECK_THROWS_WITH(denoised(half.model, half.window),
                    Contains("without gaps") && Contains("72 points") && Contains("--method"));
  Eigen::MatrixXd blur = 0.7 * Eigen::MatrixXd::Identity(2, 2);
  blur(0, 1) = blur(1, 0) = 0.3;
  CHECK_THROWS_AS(toys::draws("noise2score", {}, toys::two_hills(), blur, Eigen::Vector2d::Ones(),
                              Eigen::Vector2d::Ones(), 1),
                  Error);
}
