#include "manifill/posterior/heat.hpp"

#include <cmath>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "unit/posterior/field_toys.hpp"

using namespace manifill;
using namespace manifill::posterior;

namespace {

HeatFill heat_on(const domain::Domain& d) {
  return HeatFill(std::make_shared<const operators::DomainLaplacian>(operators::domain_laplacian(d, 0.0)));
}

}  // namespace

TEST_CASE("heat's kernel is near a Gaussian of its scale in the plane", "[posterior]") {
  const auto d = domain::Domain::plane(61, 61);
  const HeatFill fill = heat_on(d);
  // Two columns of observations, far from the edges: the fill between them is a ratio of kernels.
  std::vector<bool> observed(d.size(), false);
  Eigen::VectorXd values = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(d.size()));
  for (std::size_t i = 0; i < d.size(); ++i) {
    const double x = d.points()[i][0];
    observed[i] = x == 24.0 || x == 36.0;
    values[static_cast<Eigen::Index>(i)] = x == 36.0 ? 1.0 : 0.0;
  }
  const auto filled = fill(observed, values, 6.0);
  for (const int x : {27, 29, 30, 32, 34}) {
    const auto kernel = [&](double r) { return std::exp(-0.5 * r * r / 36.0); };
    const double gauss = kernel(36.0 - x) / (kernel(36.0 - x) + kernel(x - 24.0));
    CHECK(filled[30 * 61 + x] == Approx(gauss).margin(0.05));  // four implicit steps for exp
  }
  CHECK(filled[30 * 61 + 30] == Approx(0.5).epsilon(1e-9));
}

TEST_CASE("the scale grows until something is reached, and parts without anything get zero", "[posterior]") {
  const auto d = domain::Domain::plane(40, 40);
  std::vector<bool> observed(1600, false);
  observed[0] = true;
  const HeatFill fill = heat_on(d);
  CHECK((fill(observed, Eigen::VectorXd::Constant(1600, 3.0), 0.5).array() - 3.0).abs().maxCoeff() < 1e-9);

  auto mesh = domain::icosphere(1);
  const auto n = static_cast<std::uint32_t>(mesh.vertices.size());
  const auto one = mesh;
  for (const auto& v : one.vertices) mesh.vertices.push_back({v[0] + 5.0, v[1], v[2]});
  for (const auto& t : one.triangles) mesh.triangles.push_back({t[0] + n, t[1] + n, t[2] + n});
  const auto two = domain::Domain::surface(mesh);
  std::vector<bool> first(two.size(), false);
  first[3] = true;
  const auto filled =
      heat_on(two)(first, Eigen::VectorXd::Constant(static_cast<Eigen::Index>(two.size()), 2.0), 0.3);
  CHECK((filled.head(n).array() - 2.0).abs().maxCoeff() < 1e-9);
  CHECK(filled.tail(n).isZero());
}

TEST_CASE("the scale of heat is chosen by withheld points", "[posterior]") {
  const auto d = domain::Domain::plane(40, 40);
  const HeatFill fill = heat_on(d);
  const Eigen::VectorXd weights = Eigen::VectorXd::Constant(1600, 1.0 / 1600);
  std::vector<std::vector<bool>> folds;
  for (const std::uint64_t seed : {1U, 2U}) folds.push_back(toys::random_mask(1600, 0.3, seed));
  // A smooth field without noise wants what is nearest, noise about a level wants all there is.
  Eigen::MatrixXd wave(1600, 1);
  Eigen::MatrixXd noise(1600, 1);
  RandomStream random({.seed = 4});
  for (Eigen::Index i = 0; i < 1600; ++i) {
    const auto& p = d.points()[static_cast<std::size_t>(i)];
    wave(i, 0) = std::sin(0.8 * p[0]) * std::cos(0.8 * p[1]);
    noise(i, 0) = random.normal();
  }
  CHECK(fill.best_scale(wave, folds, weights) <= 1.0);
  CHECK(fill.best_scale(noise, folds, weights) ==
        Approx(8.0).epsilon(0.05));  // areas end at the outer pixels
  CHECK(fill.best_scale(Eigen::MatrixXd(1600, 0), folds, weights) == Approx(1.0).epsilon(0.05));
  const std::vector<bool> all(1600, true);
  CHECK_THROWS_AS(fill(all, noise.col(0), 0.0), Error);
  CHECK_THROWS_AS(fill(std::vector<bool>(1600, false), noise.col(0), 1.0), Error);
  CHECK_THROWS_AS(fill(std::vector<bool>(5, true), noise.col(0), 1.0), Error);
}
