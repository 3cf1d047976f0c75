#include "manifill/posterior/harmonic.hpp"

#include <cmath>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "unit/posterior/field_toys.hpp"

using namespace manifill;
using namespace manifill::posterior;

TEST_CASE("a harmonic fill solves Laplace's equation in the gaps of every domain", "[posterior]") {
  for (const auto& [name, d] : toys::every_domain()) {
    INFO(name);
    const auto l = operators::domain_laplacian(d, 0.0);
    const auto observed = toys::random_mask(d.size(), 0.3, 5);
    const Eigen::VectorXd values = toys::smooth(d);
    const auto filled = fill_harmonic(l, observed, values);
    std::vector<int> seen(static_cast<std::size_t>(l.laplacian.size()), 0);
    Eigen::VectorXd field = Eigen::VectorXd::Constant(l.laplacian.size(), std::nan(""));
    for (std::size_t i = 0; i < d.size(); ++i) {
      field[l.of_point[i]] = filled[static_cast<Eigen::Index>(i)];
      seen[l.of_point[i]] += observed[i] ? 1 : 0;
    }
    std::size_t checked = 0;
    for (Eigen::Index k = 0; k < field.size(); ++k) {
      if (seen[static_cast<std::size_t>(k)] > 0) continue;
      double flux = 0.0;
      double scale = 0.0;
      for (Eigen::SparseMatrix<double>::InnerIterator it(l.laplacian.stiffness, k); it; ++it) {
        flux += it.value() * field[it.row()];
        scale += std::abs(it.value() * field[it.row()]);
      }
      if (std::isnan(flux)) continue;  // beside a node that is no point: a pole between cells
      CHECK(std::abs(flux) <= 1e-9 * (scale + 1e-12));
      ++checked;
    }
    CHECK(checked > d.size() / 3);
  }
}

TEST_CASE("planes are harmonic on an image", "[posterior]") {
  const auto d = domain::Domain::plane(12, 12);
  std::vector<bool> observed(144, false);
  for (std::size_t i = 0; i < 144; ++i) {
    const auto& p = d.points()[i];
    observed[i] = p[0] < 0.5 || p[1] < 0.5 || p[0] > 10.5 || p[1] > 10.5;
  }
  const Eigen::VectorXd truth = toys::smooth(d);
  Eigen::VectorXd values = truth;
  for (std::size_t i = 0; i < 144; ++i)
    if (!observed[i]) values[static_cast<Eigen::Index>(i)] = 1e6;
  CHECK((fill_harmonic(operators::domain_laplacian(d, 0.0), observed, values) - truth).cwiseAbs().maxCoeff() <
        1e-9);
}

TEST_CASE("parts without any observed point get zero, points of a pole their mean", "[posterior]") {
  auto mesh = domain::icosphere(1);
  const auto n = static_cast<std::uint32_t>(mesh.vertices.size());
  const auto one = mesh;
  for (const auto& v : one.vertices) mesh.vertices.push_back({v[0] + 5.0, v[1], v[2]});
  for (const auto& t : one.triangles) mesh.triangles.push_back({t[0] + n, t[1] + n, t[2] + n});
  const auto d = domain::Domain::surface(mesh);
  std::vector<bool> observed(d.size(), false);
  observed[3] = true;
  const auto filled = fill_harmonic(operators::domain_laplacian(d, 0.0), observed,
                                    Eigen::VectorXd::Constant(static_cast<Eigen::Index>(d.size()), 2.0));
  CHECK((filled.head(n).array() - 2.0).abs().maxCoeff() < 1e-9);
  CHECK(filled.tail(n).isZero());

  const auto polar = domain::Domain::lat_lon({90.0, 60.0, 30.0}, {0.0, 90.0, 180.0, 270.0});
  std::vector<bool> two(12, true);
  two[1] = two[2] = false;
  Eigen::VectorXd values = Eigen::VectorXd::Zero(12);
  values[0] = 1.0;
  values[3] = 2.0;
  const auto at_pole = fill_harmonic(operators::domain_laplacian(polar, 0.0), two, values);
  CHECK(at_pole[0] == 1.0);
  CHECK(at_pole[1] == Approx(1.5));
  CHECK(at_pole[2] == Approx(1.5));
  CHECK_THROWS_AS(
      fill_harmonic(operators::domain_laplacian(polar, 0.0), std::vector<bool>(12, false), values), Error);
}
