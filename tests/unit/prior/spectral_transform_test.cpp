#include "manifill/prior/spectral_transform.hpp"

#include <cmath>
#include <numbers>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/operators/harmonic_fields.hpp"
#include "unit/prior/gradients.hpp"
#include "unit/prior/tensors.hpp"
#include "unit/prior/toys.hpp"

using namespace manifill;
using namespace manifill::prior;
using operators::RingGrid;
using operators::SphericalHarmonics;

namespace {

constexpr std::int64_t kDegree = 7;

using toys::largest;

torch::Tensor field_of(const std::vector<double>& f) { return torch::tensor(f, torch::kFloat64); }

}  // namespace

TEST_CASE("transforms of tensors are the transforms", "[prior][spectral_transform]") {
  const SphericalHarmonics h(RingGrid::gauss_legendre(10, 20), kDegree);
  const SpectralTransform t(h);
  const auto c = gradients::random({3, 2, 64}, 1);
  const auto f = t.synthesis(c);
  REQUIRE(f.sizes() == torch::IntArrayRef({3, 2, 200}));
  const auto expected = h.synthesis(std::span<const double>(c.data_ptr<double>(), 6 * 64));
  CHECK(torch::equal(f.flatten(), field_of(expected)));
  CHECK(largest(t.analysis(f) - c) < 1e-13);  // the grid's quadrature is exact
  // Of f = 1 the one coefficient is sqrt(4 pi).
  const auto constant = t.analysis(torch::ones({200}, torch::kFloat64));
  CHECK(constant[0].item<double>() == Approx(std::sqrt(4.0 * std::numbers::pi)).epsilon(1e-13));
  CHECK(largest(constant.slice(0, 1)) < 1e-13);
  const auto single = t.synthesis(c.to(torch::kFloat32));
  CHECK(single.scalar_type() == torch::kFloat32);
  CHECK(largest(single.to(torch::kFloat64) - f) < 1e-5);
  CHECK_THROWS_AS(t.synthesis(f), Error);
}

TEST_CASE("transforms of tangent vectors are the transforms, and their gradients the adjoints",
          "[prior][spectral_transform]") {
  const auto grid = GENERATE(RingGrid::gauss_legendre(10, 20), RingGrid::clenshaw_curtis(17, 20));
  const operators::VectorHarmonics h(grid, kDegree);
  const VectorTransform t(h);
  auto c = gradients::random({3, 2, 64}, 1);
  c.select(2, 0).zero_();  // degree 0 has no vectors
  const auto u = t.synthesis(c.flatten(1));
  const auto points = static_cast<std::int64_t>(grid.points);
  REQUIRE(u.sizes() == torch::IntArrayRef({3, 2 * points}));
  const auto one = c[1].contiguous();
  const double* data = one.data_ptr<double>();
  const auto expected = h.synthesis({{data, data + 64}, {data + 64, data + 128}});
  CHECK(torch::equal(u[1].slice(0, 0, points), field_of(expected.east)));
  CHECK(torch::equal(u[1].slice(0, points), field_of(expected.north)));
  CHECK(largest(t.analysis(u) - c.flatten(1)) < 1e-12);  // the grid's quadrature is exact
  const auto x = gradients::random({2, 128}, 2);
  const auto y = gradients::random({2, 2 * points}, 3);
  CHECK(gradients::adjoint_error(t.synthesis, x, y) < 1e-13);
  CHECK(gradients::adjoint_error(t.analysis, y, x) < 1e-13);
  // Linear maps: central differences of a step of 1e-3 are good to rounding over the step.
  const auto weights = gradients::random({2, 128}, 4);
  auto leaf = y.clone().requires_grad_(true);
  const auto loss = [&](const torch::Tensor& f) { return (weights * t.analysis(f).square()).sum(); };
  loss(leaf).backward();
  for (const std::int64_t k : {std::int64_t{3}, points + 11}) {
    auto up = y.clone();
    auto down = y.clone();
    up[1][k] += 1e-3;
    down[1][k] -= 1e-3;
    const double slope = (loss(up) - loss(down)).item<double>() / 2e-3;
    CHECK(leaf.grad()[1][k].item<double>() == Approx(slope).epsilon(1e-9));
  }
}

TEST_CASE("gradients of transforms are the adjoints, of any order", "[prior][spectral_transform]") {
  // The second has no exact quadrature, so that its analysis iterates.
  const bool exact = GENERATE(true, false);
  const auto grid = exact ? RingGrid::gauss_legendre(8, 16) : RingGrid::healpix(4);
  CHECK((usual_iterations(grid) == 0) == exact);
  const SphericalHarmonics h(grid, exact ? kDegree : 6);
  const SpectralTransform t(h, usual_iterations(grid));
  const auto n = static_cast<std::int64_t>(h.points());
  const auto m = static_cast<std::int64_t>(h.coefficients());
  const auto c = gradients::random({2, m}, 2);
  const auto f = gradients::random({2, n}, 3);
  CHECK(gradients::adjoint_error(t.synthesis, c, f) < 1e-13);
  CHECK(gradients::adjoint_error(t.analysis, f, c) < 1e-13);
  CHECK(torch::equal(t.synthesis.transposed(f).flatten(),
                     field_of(h.synthesis_adj(std::span<const double>(f.data_ptr<double>(), f.numel())))));
  // Central differences of a step of 1e-5 are good to 1e-10 of what is smooth, and to rounding over the step.
  CHECK(gradients::gradient_error([&](const auto& v) { return (t.synthesis(v).sin() * f).sum(); }, c) < 1e-8);
  CHECK(gradients::gradient_error([&](const auto& v) { return (t.analysis(v).sin() * c).sum(); }, f) < 1e-8);
  CHECK(gradients::second_error([&](const auto& v) { return (t.synthesis(v).sin() * f).sum(); }, c) < 1e-8);
  CHECK(gradients::second_error([&](const auto& v) { return (t.analysis(v).sin() * c).sum(); }, f) < 1e-8);
}

TEST_CASE("a spherical convolution mixes channels of each degree", "[prior][spectral_transform]") {
  const auto domain = toys::globe(24, 48);
  CHECK(resolved_degree(domain) == 11);
  SphericalConv layer(2, 3, 8, 4, domain);
  layer->zero();
  layer->to(torch::kFloat64);
  auto mix = layer->named_parameters()["mix"];
  REQUIRE(mix.sizes() == torch::IntArrayRef({3, 8}));
  const torch::NoGradGuard frozen;
  mix.copy_(gradients::random(mix.sizes(), 4));
  // Knots lie at log(1 + l) = 0, 1/3, 2/3 and 1 of log 9: degree 8 is at the last, 2 half way between the
  // second and the third.
  const SphericalHarmonics h(RingGrid::of(domain), 8);
  const auto of_degree = [&](std::int64_t l, const std::vector<double>& share) {
    auto c = torch::zeros({2, 81}, torch::kFloat64);
    for (std::int64_t m = -l; m <= l; ++m)
      c.select(1, static_cast<std::int64_t>(operators::coefficient_index(8, l, m))) =
          gradients::random({2}, static_cast<std::uint64_t>(10 + m + l));
    auto matrix = torch::zeros({3, 2}, torch::kFloat64);
    for (std::int64_t k = 0; k < 4; ++k)
      matrix += share[static_cast<std::size_t>(k)] * mix.narrow(1, 2 * k, 2);
    const SpectralTransform t(h);
    const auto x = t.synthesis(c).view({1, 2, 24, 48});
    const auto expected = t.synthesis(torch::matmul(matrix, c)).view({1, 3, 24, 48});
    return largest(layer(x) - expected);
  };
  CHECK(of_degree(0, {1.0, 0.0, 0.0, 0.0}) < 1e-12);
  CHECK(of_degree(2, {0.0, 0.5, 0.5, 0.0}) < 1e-6);  // shares are in single precision at first
  CHECK(of_degree(8, {0.0, 0.0, 0.0, 1.0}) < 1e-6);
}

TEST_CASE("a spherical convolution commutes with rotations", "[prior][spectral_transform]") {
  const auto domain = toys::globe(24, 48);
  SphericalConv layer(2, 3, 11, 5, domain);
  layer->to(torch::kFloat64);
  const torch::NoGradGuard frozen;
  for (auto& p : layer->parameters()) p.copy_(gradients::random(p.sizes(), 6));
  const SphericalHarmonics h(RingGrid::of(domain), 11);
  const auto rotated = [&](const torch::Tensor& x) {  // of fields up to degree 11
    auto out = torch::empty_like(x);
    for (std::int64_t k = 0; k < x.size(1); ++k) {
      const auto field = x[0][k].contiguous();
      const auto c = h.analysis(std::span<const double>(field.data_ptr<double>(), field.numel()));
      out[0][k] = field_of(h.synthesis(operators::rotate(c, 11, 0.7, 1.1, -2.0))).view({24, 48});
    }
    return out;
  };
  const auto x = SpectralTransform(h).synthesis(gradients::random({1, 2, 144}, 7)).view({1, 2, 24, 48});
  const auto out = layer(x);
  CHECK(largest(layer(rotated(x)) - rotated(out)) < 1e-11 * largest(out));
}

TEST_CASE("a layer of the sphere refuses grids without rings", "[prior][spectral_transform]") {
  CHECK_THROWS_AS(SphericalConv(1, 1, 4, 2, domain::Domain::plane(6, 8)), Error);
  CHECK_THROWS_AS(SphericalConv(1, 1, 4, 2, domain::Domain::lat_lon({10, 20, 30}, {0, 10, 20})), Error);
}
