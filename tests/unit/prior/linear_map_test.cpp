#include "manifill/prior/linear_map.hpp"

#include <cmath>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/operators/laplacian.hpp"
#include "unit/prior/gradients.hpp"

using namespace manifill;
using namespace manifill::prior;

TEST_CASE("a sparse map is its matrix, on every channel", "[prior][linear_map]") {
  Eigen::SparseMatrix<double> m(2, 3);
  m.insert(0, 0) = 2.0;
  m.insert(0, 2) = -1.0;
  m.insert(1, 1) = 0.5;
  const auto map = sparse_map(m);
  // Channels (1, 2, 3) and (10, 20, 30).
  const auto x = torch::tensor({1.0, 2.0, 3.0, 10.0, 20.0, 30.0}, torch::kFloat64).view({1, 2, 3, 1});
  const auto y = torch::tensor({-1.0, 1.0, -10.0, 10.0}, torch::kFloat64).view({1, 2, 2, 1});
  CHECK(torch::equal(map(x), y));
  CHECK(torch::equal(map(x.to(torch::kFloat32)), y.to(torch::kFloat32)));
  const auto back = torch::tensor({-2.0, 0.5, 1.0, -20.0, 5.0, 10.0}, torch::kFloat64).view({1, 2, 3, 1});
  CHECK(torch::equal(map.transposed(y), back));
  CHECK_THROWS_AS(map(y), Error);
  CHECK_THROWS_AS(map.transposed(x), Error);
}

TEST_CASE("the sparse Laplacian has its adjoint, gradients and gradients of gradients",
          "[prior][linear_map]") {
  const auto mesh = domain::icosphere(3);
  const auto laplacian = operators::cotangent_laplacian(mesh);
  const Eigen::SparseMatrix<double> matrix = laplacian.mass.cwiseInverse().asDiagonal() * laplacian.stiffness;
  const auto map = sparse_map(matrix);
  const std::int64_t n = laplacian.size();
  const auto x = gradients::random({2, 3, n, 1}, 1);
  const auto y = gradients::random({2, 3, n, 1}, 2);
  CHECK(gradients::adjoint_error(map, x, y) < 1e-13);
  CHECK(gradients::gradient_error([&](const auto& v) { return (map(v).square() * y).sum(); }, x) < 1e-7);
  CHECK(gradients::second_error([&](const auto& v) { return (map(v).pow(3) * y).sum(); }, x) < 1e-6);
  // The energy of z on the sphere is 2 |z|^2, to the second order of the mesh, whose edges are a third long.
  auto z = torch::empty({1, 1, n, 1}, torch::kFloat64);
  auto mass = torch::empty_like(z);
  for (std::int64_t i = 0; i < n; ++i) {
    z[0][0][i][0] = mesh.vertices[laplacian.nodes[static_cast<std::size_t>(i)]][2];
    mass[0][0][i][0] = laplacian.mass[i];
  }
  CHECK(((z * mass * map(z)).sum() / (z * mass * z).sum()).item<double>() == Approx(2.0).epsilon(0.05));
}

TEST_CASE("a filter of tensors is the filter, its transpose the gradient", "[prior][linear_map]") {
  const auto laplacian = operators::cotangent_laplacian(domain::icosphere(3));
  const operators::ChebyshevFilter filter(laplacian, operators::heat_response(0.1), 12);
  const std::int64_t n = laplacian.size();
  const auto map = filter_map(filter, n);
  const auto x = gradients::random({2, 3, n}, 3);
  const auto y = gradients::random({2, 3, n}, 4);
  const Eigen::VectorXd first = Eigen::Map<const Eigen::VectorXd>(x.data_ptr<double>(), n);
  const Eigen::MatrixXd expected = filter.apply(first);
  const auto out = map(x);
  for (std::int64_t i = 0; i < n; ++i) CHECK(out[0][0][i].item<double>() == expected(i, 0));
  CHECK(gradients::adjoint_error(map, x, y) < 1e-13);
  CHECK(gradients::gradient_error([&](const auto& v) { return (map(v).square() * y).sum(); }, x) < 1e-7);
  const auto single = map(x.to(torch::kFloat32));
  CHECK(single.scalar_type() == torch::kFloat32);
  CHECK((single.to(torch::kFloat64) - out).abs().max().item<double>() < 1e-6);
}

TEST_CASE("a graph of derivatives outlives the map it was made of", "[prior][linear_map]") {
  Eigen::SparseMatrix<double> m(1, 1);
  m.insert(0, 0) = 3.0;
  auto x = torch::ones({1, 1, 1, 1}, torch::kFloat64).requires_grad_();
  torch::Tensor y;
  {
    const auto map = sparse_map(m);
    y = map(x);
  }
  y.sum().backward();
  CHECK(x.grad().item<double>() == 3.0);
}
