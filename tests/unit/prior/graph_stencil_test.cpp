#include "manifill/prior/graph_stencil.hpp"

#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "catch.hpp"
#include "manifill/prior/grid_layers.hpp"

using namespace manifill;
using prior::GraphStencil;

namespace {

torch::Tensor field(const domain::Domain& d, const std::function<double(const std::array<double, 3>&)>& f) {
  auto x = torch::empty({1, 1, static_cast<std::int64_t>(d.size()), 1}, torch::kFloat64);
  for (std::size_t i = 0; i < d.size(); ++i) x[0][0][static_cast<std::int64_t>(i)][0] = f(d.points()[i]);
  return x;
}

}  // namespace

TEST_CASE("taps of constant and linear fields are known", "[prior]") {
  const auto d = domain::Domain::surface(domain::icosphere(12));
  for (const std::int64_t steps : {1, 3}) {
    const GraphStencil stencil(prior::PointGraph(d), steps);
    const auto flat = stencil.apply(field(d, [](const auto&) { return 2.5; }));
    CHECK((flat.select(1, 0) - 2.5).abs().max().item<double>() == 0.0);
    CHECK(flat.narrow(1, 1, 4).abs().max().item<double>() < 1e-6);  // weights are in single precision

    // Of f = z on a nearly even ring around a point the mean gradient is half of grad z / |step|, as cos^2
    // averages.
    const auto rising = stencil.apply(field(d, [](const auto& p) { return p[2]; }));
    const double step = d.chord(0, d.neighbours(0)[0]) * static_cast<double>(steps);
    std::size_t equator = 0;
    for (std::size_t i = 0; i < d.size(); ++i)
      if (std::abs(d.points()[i][2]) < std::abs(d.points()[equator][2])) equator = i;
    const auto at = rising.select(3, 0).select(2, static_cast<std::int64_t>(equator))[0];
    CHECK(at[4].item<double>() == Approx(0.5 * step).epsilon(0.25));
    CHECK(std::abs(at[1].item<double>()) < 0.1 * step);
  }
}

TEST_CASE("the stencil's adjoint is its adjoint, and its gradient", "[prior]") {
  const auto d = domain::Domain::surface(domain::icosphere(4));
  const auto n = static_cast<std::int64_t>(d.size());
  const GraphStencil stencil(prior::PointGraph(d), 2);
  torch::manual_seed(3);
  auto x = torch::randn({2, 3, n, 1}, torch::kFloat64).requires_grad_();
  const auto y = torch::randn({2, 15, n, 1}, torch::kFloat64);
  const auto forward = (stencil.apply(x) * y).sum();
  const double backward = (x.detach() * stencil.apply_adj(y)).sum().item<double>();
  CHECK(forward.item<double>() == Approx(backward).epsilon(1e-12));
  forward.backward();
  CHECK((x.grad() - stencil.apply_adj(y)).abs().max().item<double>() < 1e-14);
  const auto single = stencil.apply(x.detach().to(torch::kFloat32));
  CHECK((single.to(torch::kFloat64) - stencil.apply(x.detach())).abs().max().item<double>() < 1e-5);
}

TEST_CASE("numbering of points changes nothing but the order", "[prior]") {
  const auto mesh = domain::icosphere(3);
  const std::size_t n = mesh.vertices.size();
  std::vector<std::uint32_t> to(n);  // new place of each vertex
  for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<std::uint32_t>((i * 37 + 11) % n);
  domain::TriangleMesh other{.vertices = std::vector<std::array<double, 3>>(n), .triangles = mesh.triangles};
  for (std::size_t i = 0; i < n; ++i) other.vertices[to[i]] = mesh.vertices[i];
  for (auto& t : other.triangles)
    for (auto& v : t) v = to[v];
  const auto value = [](const std::array<double, 3>& p) { return std::sin(3.0 * p[0]) + p[1] * p[2]; };
  const auto a = domain::Domain::surface(mesh);
  const auto b = domain::Domain::surface(other);
  for (const std::int64_t steps : {1, 2}) {
    const auto x = GraphStencil(prior::PointGraph(a), steps).apply(field(a, value));
    const auto y = GraphStencil(prior::PointGraph(b), steps).apply(field(b, value));
    for (std::size_t i = 0; i < n; ++i)
      for (std::int64_t t = 0; t < GraphStencil::kTaps; ++t)
        CHECK(y[0][t][static_cast<std::int64_t>(to[i])][0].item<double>() ==
              Approx(x[0][t][static_cast<std::int64_t>(i)][0].item<double>()).margin(1e-6));
  }
}

TEST_CASE("colours of a graph differ between neighbours", "[prior]") {
  const auto d = domain::Domain::surface(domain::icosphere(5));
  const auto t = prior::GridTopology::of(d);
  REQUIRE(t.graph);
  CHECK(t.rows == static_cast<std::int64_t>(d.size()));
  CHECK(t.columns == 1);
  for (std::size_t i = 0; i < d.size(); ++i)
    for (const auto j : d.neighbours(i)) CHECK(t.colours[i] != t.colours[j]);
}

TEST_CASE("layers of a masked surface see the other points only", "[prior]") {
  const auto d = domain::Domain::surface(domain::icosphere(4));
  const auto n = static_cast<Eigen::Index>(d.size());
  Eigen::VectorXd active(n);
  for (Eigen::Index i = 0; i < n; ++i)
    active[i] = d.points()[static_cast<std::size_t>(i)][2] > 0.2 ? 1.0 : 0.0;
  const auto t = prior::GridTopology::of(d, active);
  CHECK(t.rows == static_cast<std::int64_t>(active.sum()));
  const auto x = torch::arange(n, torch::kFloat32).view({1, 1, n, 1});
  const auto taken = t.take(x, 2);
  REQUIRE(taken.size(2) == t.rows);
  const auto back = t.put(taken, 2, torch::full({1, 1, n, 1}, -1.0F));
  for (Eigen::Index i = 0; i < n; ++i)
    CHECK(back[0][0][i][0].item<float>() == (active[i] != 0.0 ? static_cast<float>(i) : -1.0F));
  prior::GridConv layer(1, 2, 2, t);
  CHECK(layer(taken).sizes() == torch::IntArrayRef({1, 2, t.rows, 1}));
}
