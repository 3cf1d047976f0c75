#include "manifill/measurement/measurement.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/measurement/mask_bank.hpp"

using namespace manifill;

namespace {

domain::Domain globe(double step) {
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (double v = 90.0 - 0.5 * step; v > -90.0; v -= step) latitude.push_back(v);
  for (double v = 0.0; v < 360.0 - 0.5 * step; v += step) longitude.push_back(v);
  return domain::Domain::lat_lon(latitude, longitude);
}

}  // namespace

TEST_CASE("adjoint identity <Ax, y> = <x, A^T y>", "[measurement]") {
  const auto d = globe(15.0);
  RandomStream random({.seed = 1});
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (int k = 0; k < 40; ++k) {
    latitude.push_back(-90.0 + 180.0 * random.uniform());
    longitude.push_back(-180.0 + 540.0 * random.uniform());
  }
  const measurement::Measurement m(measurement::bilinear(d, latitude, longitude),
                                   Eigen::VectorXd::Constant(40, 0.5));
  Eigen::VectorXd x(m.points());
  Eigen::VectorXd y(m.observations());
  random.fill_normal(std::span<double>(x.data(), static_cast<std::size_t>(x.size())));
  random.fill_normal(std::span<double>(y.data(), static_cast<std::size_t>(y.size())));
  CHECK(m.apply(x).col(0).dot(y) == Approx(x.dot(m.adjoint(y).col(0))).margin(1e-12));
  CHECK_FALSE(m.selection());
}

TEST_CASE("interpolation weights sum to one and coincident points are taken as they are", "[measurement]") {
  const auto d = globe(10.0);
  const auto own = measurement::bilinear(d, d);
  CHECK((Eigen::MatrixXd(own) - Eigen::MatrixXd::Identity(own.rows(), own.cols())).cwiseAbs().maxCoeff() ==
        0.0);
  RandomStream random({.seed = 2});
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (int k = 0; k < 100; ++k) {
    latitude.push_back(-90.0 + 180.0 * random.uniform());
    longitude.push_back(360.0 * random.uniform());
  }
  const auto a = measurement::bilinear(d, latitude, longitude);
  CHECK((a * Eigen::VectorXd::Ones(a.cols()) - Eigen::VectorXd::Ones(100)).cwiseAbs().maxCoeff() < 1e-12);
}

TEST_CASE("interpolation across the poles and the date line is second order", "[measurement]") {
  // The Cartesian coordinates of a point are smooth on the sphere: a wrong neighbour would show at once.
  double last = 0.0;
  for (const double step : {10.0, 5.0}) {
    const auto d = globe(step);
    Eigen::MatrixXd xyz(static_cast<Eigen::Index>(d.size()), 3);
    for (std::size_t i = 0; i < d.size(); ++i)
      for (int k = 0; k < 3; ++k)
        xyz(static_cast<Eigen::Index>(i), k) = d.points()[i][static_cast<std::size_t>(k)];
    std::vector<double> latitude;
    std::vector<double> longitude;
    for (double phi = -90.0; phi <= 90.0; phi += 7.3)
      for (double lambda = -3.0; lambda < 363.0; lambda += 11.1) {
        latitude.push_back(phi);
        longitude.push_back(lambda);
      }
    const Eigen::MatrixXd got = measurement::bilinear(d, latitude, longitude) * xyz;
    double worst = 0.0;
    for (std::size_t k = 0; k < latitude.size(); ++k) {
      const double p = latitude[k] * M_PI / 180.0;
      const double l = longitude[k] * M_PI / 180.0;
      const Eigen::RowVector3d exact(std::cos(p) * std::cos(l), std::cos(p) * std::sin(l), std::sin(p));
      worst = std::max(worst, (got.row(static_cast<Eigen::Index>(k)) - exact).norm());
    }
    CHECK(worst < 0.6 * std::pow(step * M_PI / 180.0, 2));
    if (last > 0.0) CHECK(worst < 0.4 * last);
    last = worst;
  }
}

TEST_CASE("a regional grid refuses points beyond it", "[measurement]") {
  const auto d = domain::Domain::lat_lon({50.0, 40.0, 30.0}, {0.0, 10.0, 20.0});
  CHECK_THROWS_AS(measurement::bilinear(d, {0.0}, {10.0}), Error);
  std::vector<bool> reachable;
  const auto a = measurement::bilinear(d, {0.0, 44.0, 52.0}, {10.0, -4.0, 361.0}, &reachable);
  CHECK(reachable == std::vector<bool>{false, true, true});
  CHECK(a.row(0).sum() == 0.0);
}

TEST_CASE("a mask is a selection; noise levels must be positive", "[measurement]") {
  const auto m = measurement::mask({true, false, true}, Eigen::VectorXd::Constant(3, 0.1));
  CHECK(m.selection());
  CHECK(m.observations() == 2);
  CHECK(m.precision()[0] == Approx(100.0));
  CHECK(m.precision()[1] == 0.0);
  CHECK(m.weight() == m.precision());
  CHECK_THROWS_AS(measurement::mask({true}, Eigen::VectorXd::Zero(1)), Error);
}

TEST_CASE("back-projections of means over their weight are means", "[measurement]") {
  measurement::SparseMatrix a(3, 4);
  a.insert(0, 0) = 0.5;
  a.insert(0, 1) = 0.5;
  a.insert(1, 1) = 1.0;
  a.insert(2, 2) = 1.0;
  a.insert(2, 3) = -1.0;
  const measurement::Measurement m(a, Eigen::Vector3d(0.1, 0.1, 0.2));
  const Eigen::VectorXd weight = m.weight();
  CHECK(weight[0] == Approx(50.0));  // 0.5 (0.5 + 0.5) / 0.1^2
  CHECK(weight[1] == Approx(50.0 + 100.0));
  CHECK(weight[3] == Approx(50.0));  // 1 (1 + 1) / 0.2^2
  const Eigen::VectorXd back = m.back_projection(Eigen::Vector3d(2.0, 5.0, 1.0)).cwiseQuotient(weight);
  CHECK(back[0] == Approx(2.0));
  CHECK(back[1] == Approx(4.0));  // 2 by half a weight, 5 by a whole one
  CHECK(back[2] == Approx(0.5));
  CHECK(back[3] == Approx(-0.5));
}

TEST_CASE("the mask bank hides about what it is asked to", "[measurement]") {
  const auto d = globe(6.0);
  const measurement::MaskBank bank(d, {});
  RandomStream random({.seed = 6});
  for (const auto& kind : measurement::mask_kinds()) {
    if (kind == "gaps") continue;
    for (const double hidden : {0.1, 0.5, 0.9}) {
      const auto cells = bank.draw(random, hidden, kind);
      const double share = static_cast<double>(std::count(cells.begin(), cells.end(), false)) /
                           static_cast<double>(cells.size());
      INFO(kind << " " << hidden);
      CHECK(share > hidden - 0.08);
      CHECK(share < hidden + 0.35);  // the last block may overshoot
    }
  }
  CHECK_THROWS_AS(measurement::MaskBank(d, {}, {"blots"}), Error);
}

TEST_CASE("a half is one side of the grid, a box one rectangle of the share asked for", "[measurement]") {
  const auto count = [](const measurement::ObservedCells& cells) {
    return std::count(cells.begin(), cells.end(), false);
  };
  /// Cells of the least rectangle around what is hidden, and the row and column it begins with.
  const auto around = [](const measurement::ObservedCells& cells, std::int64_t columns) {
    std::array<std::int64_t, 4> r{1000, -1, 1000, -1};
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (cells[i]) continue;
      const std::int64_t row = static_cast<std::int64_t>(i) / columns;
      const std::int64_t column = static_cast<std::int64_t>(i) % columns;
      r = {std::min(r[0], row), std::max(r[1], row), std::min(r[2], column), std::max(r[3], column)};
    }
    return std::array<std::int64_t, 3>{(r[1] - r[0] + 1) * (r[3] - r[2] + 1), r[0], r[2]};
  };
  const auto image = domain::Domain::plane(13, 20);
  const measurement::MaskBank bank(image, {}, {"half", "box"});
  std::set<std::array<std::int64_t, 3>> sides;
  std::set<std::array<std::int64_t, 3>> places;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    RandomStream random({.seed = seed});
    const auto half = bank.draw(random, 0.9, "half");
    const auto side = around(half, 20);
    CHECK(count(half) == side[0]);
    CHECK((count(half) == 6 * 20 || count(half) == 13 * 10));
    sides.insert(side);
    for (const double hidden : {0.04, 0.3, 0.5, 0.8}) {
      const auto box = bank.draw(random, hidden, "box");
      CAPTURE(hidden, seed);
      const auto place = around(box, 20);
      CHECK(count(box) == place[0]);
      // The height is whole rows, the width rounds half a column of at most 13 cells.
      CHECK(std::abs(static_cast<double>(count(box)) - 260.0 * hidden) <= 6.5);
      if (hidden == 0.3) places.insert(place);
    }
  }
  CHECK(sides == std::set<std::array<std::int64_t, 3>>{{120, 0, 0}, {120, 7, 0}, {130, 0, 0}, {130, 0, 10}});
  CHECK(places.size() > 20);

  const auto ball = domain::Domain::surface(domain::icosphere(6));
  const measurement::MaskBank round(ball, {});
  RandomStream random({.seed = 2});
  const auto half = round.draw(random, 0.1, "half");
  CHECK(count(half) == static_cast<std::ptrdiff_t>(ball.size() / 2));
  // Hidden points of a half of a ball lie about their own middle, the others about the opposite one.
  std::array<double, 3> middle{};
  for (std::size_t i = 0; i < ball.size(); ++i)
    for (std::size_t c = 0; c < 3; ++c) middle[c] += (half[i] ? -1.0 : 1.0) * ball.points()[i][c];
  double wrong = 0.0;
  for (std::size_t i = 0; i < ball.size(); ++i) {
    const auto& p = ball.points()[i];
    const double along = p[0] * middle[0] + p[1] * middle[1] + p[2] * middle[2];
    wrong += (along > 0.0) == half[i] ? 1.0 : 0.0;
  }
  CHECK(wrong / static_cast<double>(ball.size()) < 0.05);  // those about the edge, whose middle is inexact
  const auto box = round.draw(random, 0.25, "box");
  CHECK(count(box) == std::llround(0.25 * static_cast<double>(ball.size())));
  // On the globe a box may lie across the edge of the grid.
  const measurement::MaskBank world(globe(6.0), {});
  int across = 0;
  for (int k = 0; k < 40; ++k) {
    const auto cells = world.draw(random, 0.2, "box");
    CHECK(std::abs(static_cast<double>(count(cells)) / static_cast<double>(cells.size()) - 0.2) < 0.01);
    const auto columns = globe(6.0).columns();
    bool first = false;
    bool last = false;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      first = first || (!cells[i] && i % columns == 0);
      last = last || (!cells[i] && i % columns == columns - 1);
    }
    across += first && last ? 1 : 0;
  }
  CHECK(across > 0);
}

TEST_CASE("interpolation between domains of other kinds", "[measurement]") {
  const auto coarse = domain::Domain::surface(domain::icosphere(6));
  const auto fine = domain::Domain::surface(domain::icosphere(12));
  std::vector<bool> reachable;
  const auto own = measurement::interpolation(coarse, coarse, &reachable);
  CHECK((Eigen::MatrixXd(own) - Eigen::MatrixXd::Identity(own.rows(), own.cols())).cwiseAbs().maxCoeff() ==
        0.0);
  const auto a = measurement::interpolation(coarse, fine, &reachable);
  CHECK((a * Eigen::VectorXd::Ones(a.cols()) - Eigen::VectorXd::Ones(a.rows())).cwiseAbs().maxCoeff() <
        1e-12);
  CHECK(std::find(reachable.begin(), reachable.end(), false) == reachable.end());
  Eigen::VectorXd z(a.cols());
  for (Eigen::Index i = 0; i < z.size(); ++i) z[i] = coarse.points()[static_cast<std::size_t>(i)][2];
  const Eigen::VectorXd at = a * z;
  for (Eigen::Index k = 0; k < at.size(); ++k)  // half a spacing of a field of slope one
    CHECK(std::abs(at[k] - fine.points()[static_cast<std::size_t>(k)][2]) < 0.12);

  // Cells, of a part of the sphere, from a lat-lon grid and back.
  domain::CellGrid patch;
  for (int i = 0; i < 60; ++i) {
    patch.latitude.push_back(20.0 + i / 10 * 2.0);
    patch.longitude.push_back(30.0 + i % 10 * 2.0);
  }
  const auto cells = domain::Domain::cells(patch);
  const auto b = measurement::interpolation(globe(5.0), cells, &reachable);
  CHECK((b * Eigen::VectorXd::Ones(b.cols()) - Eigen::VectorXd::Ones(60)).cwiseAbs().maxCoeff() < 1e-12);
  const auto c = measurement::interpolation(cells, globe(5.0), &reachable);
  CHECK(std::count(reachable.begin(), reachable.end(), true) > 10);
  CHECK(std::count(reachable.begin(), reachable.end(), true) < 60);
  CHECK_THROWS_AS(measurement::interpolation(cells, globe(5.0)), Error);
  CHECK_THROWS_WITH(measurement::interpolation(coarse, cells),
                    Catch::Contains("Use a model of the input's kind"));
}

TEST_CASE("masks of a surface hide about the share asked for, in one piece where they are discs",
          "[measurement]") {
  const auto d = domain::Domain::surface(domain::icosphere(10));
  const measurement::MaskBank bank(d, {});
  for (const std::string kind : {"blocks", "scattered", "blocks_scattered", "swaths", "bands"})
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      CAPTURE(kind, seed);
      RandomStream random({.seed = seed});
      const auto cells = bank.draw(random, 0.5, kind);
      const double hidden = static_cast<double>(std::count(cells.begin(), cells.end(), false)) /
                            static_cast<double>(cells.size());
      // Discs overshoot by at most their own share; slabs of a ball hold an area as their width.
      CHECK(hidden >= (kind == "swaths" || kind.ends_with("scattered") ? 0.35 : 0.49));
      CHECK(hidden < 0.73);
    }
}

TEST_CASE("blocks and scattered cells of a list of cells are discs and a fifth of the rest",
          "[measurement]") {
  const auto d = domain::Domain::healpix(8, domain::healpix::Ordering::ring);
  RandomStream random({.seed = 5});
  double mean = 0.0;
  constexpr int kMasks = 40;
  for (int k = 0; k < kMasks; ++k) {
    const auto cells = measurement::blocks_and_scattered(d, random);
    mean += static_cast<double>(std::count(cells.begin(), cells.end(), false)) /
            static_cast<double>(kMasks * d.size());
    // A hidden pixel with all its neighbours is of a disc: of scattered ones less than one in a million is.
    std::size_t inside = 0;
    for (std::size_t i = 0; i < d.size(); ++i) {
      const auto near = d.neighbours(i);
      if (!cells[i] && std::none_of(near.begin(), near.end(), [&](auto j) { return cells[j]; })) ++inside;
    }
    CHECK(inside >= 12);  // 36 pixels in a disc at least, 20 or so of them at its rim
  }
  // Three discs of 86 pixels, at most 96, hide 0.31 where they do not overlap, and scattered cells a fifth of
  // the rest.
  CHECK(mean > 0.38);
  CHECK(mean < 0.47);
}
