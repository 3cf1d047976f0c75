#include "manifill/operators/sparse_factor.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>
#include <span>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/operators/laplacian.hpp"
#include "random_numbers.hpp"
#include "tests/unit/operators/surfaces.hpp"

using namespace manifill;
using operators::SparseFactor;

namespace {

using Sparse = Eigen::SparseMatrix<double>;
using manifill::test::normals;

/// Symmetric with about `each` numbers off the diagonal in a row at random places.
Sparse random_pattern(int n, int each, double diagonal, std::uint64_t seed) {
  RandomStream random({.seed = seed});
  std::vector<Eigen::Triplet<double>> entries;
  for (int i = 0; i < n; ++i) {
    entries.emplace_back(i, i, diagonal);
    for (int k = 0; 2 * k < each; ++k) {
      const auto j = static_cast<int>(random.integer(0, n - 1));
      const double value = random.normal();
      if (i == j) continue;
      entries.emplace_back(i, j, value);
      entries.emplace_back(j, i, value);
    }
  }
  Sparse out(n, n);
  out.setFromTriplets(entries.begin(), entries.end());
  return out;
}

void check_solutions(const Sparse& matrix, double tolerance) {
  const SparseFactor factor(matrix);
  for (const Eigen::Index columns : {1, 7, 8, 19}) {
    const Eigen::MatrixXd b = normals(matrix.rows(), columns, 1);
    CHECK((matrix * factor.solve(b) - b).norm() <= tolerance * b.norm());
  }
}

}  // namespace

TEST_CASE("solutions of random, banded, dense and diagonal matrices", "[operators]") {
  // Diagonally dominant, of a condition of about ten: all but two digits are left.
  for (const int n : {1, 2, 3, 10, 100, 600}) check_solutions(random_pattern(n, 6, 20.0, 1), 1e-13);
  check_solutions(random_pattern(300, 300, 300.0, 2),
                  1e-13);  // one panel after another, wider than one holds
  check_solutions(random_pattern(50, 0, 2.0, 3), 1e-15);
  CHECK(SparseFactor(Sparse(0, 0)).solve(Eigen::MatrixXd(0, 2)).size() == 0);
  Sparse chain(500, 500);
  for (int i = 0; i < 500; ++i) {
    chain.insert(i, i) = 3.0;
    if (i > 0) chain.insert(i - 1, i) = -1.0;
    if (i < 499) chain.insert(i + 1, i) = -1.0;
  }
  check_solutions(chain, 1e-14);
}

TEST_CASE("solutions on meshes and graphs, in several parts too", "[operators]") {
  const auto sphere = domain::icosphere(15);
  for (operators::Laplacian l :
       {operators::cotangent_laplacian(sphere),
        operators::cotangent_laplacian(surfaces::copies(domain::icosphere(6), 3, 4.0)),
        operators::point_laplacian(sphere.vertices, domain::vertex_areas(sphere))}) {
    for (int i = 0; i < l.stiffness.rows(); ++i) l.stiffness.coeffRef(i, i) += l.mass[i];
    check_solutions(l.stiffness, 1e-11);
    const SparseFactor factor(l.stiffness);
    CHECK(factor.negative_pivots() == 0);
    CHECK(factor.entries() >= static_cast<std::size_t>((l.stiffness.nonZeros() + l.stiffness.rows()) / 2));
    CHECK(factor.operations() > 0.0);
  }
}

TEST_CASE("negative pivots are negative eigenvalues", "[operators]") {
  for (const double diagonal : {-3.1, -0.4, 0.7, 2.9}) {
    const Sparse matrix = random_pattern(150, 5, diagonal, 4);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> e(Eigen::MatrixXd(matrix), Eigen::EigenvaluesOnly);
    CHECK(SparseFactor(matrix).negative_pivots() == (e.eigenvalues().array() < 0.0).count());
  }
}

TEST_CASE("zero pivots and numbers that are none are refused", "[operators]") {
  CHECK_THROWS_AS(SparseFactor(random_pattern(5, 0, 0.0, 1)), Error);
  CHECK_THROWS_AS(SparseFactor(random_pattern(5, 0, std::nan(""), 1)), Error);
}
