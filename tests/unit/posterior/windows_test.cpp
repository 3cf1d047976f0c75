#include "manifill/posterior/windows.hpp"

#include <cmath>
#include <limits>

#include "catch.hpp"

using namespace manifill;

namespace {

constexpr float kAbsent = std::numeric_limits<float>::quiet_NaN();

/// Four times of six points, steps 10, 11, 13 and 14; point i of time t has the value 10 t + i.
prior::TrainingFields record() {
  prior::TrainingFields f{.domain = domain::Domain::lat_lon({30.0, -30.0}, {0.0, 120.0, 240.0}),
                          .step = prior::StepKind::day,
                          .index = {10, 11, 13, 14},
                          .season = {0.1, 0.2, 0.3, 0.4},
                          .year = {1, 1, 1, 1}};
  f.values.resize(6, 4);
  for (Eigen::Index t = 0; t < 4; ++t)
    for (Eigen::Index i = 0; i < 6; ++i) f.values(i, t) = static_cast<float>(10 * t + i);
  f.values(2, 1) = kAbsent;
  return f;
}

}  // namespace

TEST_CASE("a window is found by step: what the record lacks is unobserved", "[posterior]") {
  const auto f = record();
  std::vector<std::size_t> asked;
  const auto w = posterior::window_around(f.index, 1, 2, f.season[1], [&](std::size_t entry) {
    asked.push_back(entry);
    return posterior::observe_cells(f, entry, measurement::ObservedCells(6, true), 0.5);
  });
  REQUIRE(w.steps.size() == 5);
  CHECK(asked == std::vector<std::size_t>{0, 1, 2});
  for (std::size_t k = 0; k < 5; ++k) CHECK(w.steps[k].time == 9 + static_cast<std::int64_t>(k));
  CHECK_FALSE(w.steps[0].measurement);
  CHECK(w.steps[0].season == 0.2);
  CHECK_FALSE(w.steps[3].measurement);
  CHECK(w.steps[4].season == 0.3);
  CHECK(w.at_centre().time == 11);
}

TEST_CASE("cells are observed where the mask says so and the field is known", "[posterior]") {
  const auto f = record();
  const auto step = posterior::observe_cells(f, 1, {true, false, true, true, false, true}, 0.5);
  REQUIRE(step.measurement->observations() == 3);
  CHECK(step.y == Eigen::Vector3d(10.0, 13.0, 15.0));
  Eigen::VectorXd points(6);
  points << 0, 1, 2, 3, 4, 5;
  CHECK(step.measurement->apply(points).col(0) == Eigen::Vector3d(0.0, 3.0, 5.0));
  CHECK(step.measurement->noise_sigma() == Eigen::Vector3d::Constant(0.5));
}

TEST_CASE("a simulated window has each step's own mask, and noise of the size it states", "[posterior]") {
  const auto f = record();
  const std::vector<measurement::ObservedCells> masks{measurement::ObservedCells(6, true),
                                                      measurement::ObservedCells(6, true),
                                                      {true, false, false, false, false, false}};
  double sum = 0.0;
  double squares = 0.0;
  double count = 0.0;
  for (std::int64_t k = 0; k < 400; ++k) {
    RandomStream random({.seed = 7, .purpose = RandomPurpose::observation_noise, .time = k});
    const auto w = posterior::simulate_window(f, 2, 1, masks, 0.5, random);
    REQUIRE(w.steps.size() == 3);
    CHECK_FALSE(w.steps[0].measurement);
    REQUIRE(w.steps[1].y.size() == 6);
    REQUIRE(w.steps[2].y.size() == 1);
    for (Eigen::Index i = 0; i < 6; ++i) {
      const double e = w.steps[1].y[i] - f.values(i, 2);
      sum += e;
      squares += e * e;
      ++count;
    }
    const double e = w.steps[2].y[0] - f.values(0, 3);
    sum += e;
    squares += e * e;
    ++count;
  }
  // 2,800 values: the mean is known to 0.5 / sqrt(2800) = 0.0095, the standard deviation to 0.0067; four of
  // those.
  CHECK(std::abs(sum / count) < 0.038);
  CHECK(std::abs(std::sqrt(squares / count) - 0.5) < 0.027);
}

TEST_CASE("a measured window holds what its operator says of each step's known cells", "[posterior]") {
  auto f = record();
  f.domain = domain::Domain::plane(2, 3);
  // Means of the two columns to the left, and the last column's; point 2 of time 1 is missing.
  measurement::SparseMatrix a(2, 6);
  for (const int i : {0, 1, 3, 4}) a.insert(0, i) = 0.25;
  for (const int i : {2, 5}) a.insert(1, i) = 0.5;
  const measurement::SparseOperator means(f.domain, std::nullopt, a);
  RandomStream random({.seed = 3});
  const auto w = posterior::simulate_measured_window(f, 1, 1, means, 0, 1e-9, random);
  REQUIRE(w.steps.size() == 3);
  CHECK_FALSE(w.steps[2].measurement);  // the record has no step 12
  CHECK(w.steps[0].y[0] == Approx(2.0).margin(1e-7));
  CHECK(w.steps[0].y[1] == Approx(3.5).margin(1e-7));
  CHECK(w.at_centre().y[0] == Approx(12.0).margin(1e-7));
  CHECK(w.at_centre().y[1] == Approx(15.0).margin(1e-7));  // of the one cell that is known
  CHECK(w.at_centre().measurement->matrix().coeff(1, 2) == 0.0);
  CHECK(w.at_centre().season == 0.2);

  double square = 0.0;
  for (int k = 0; k < 2000; ++k)
    square += std::pow(
        posterior::simulate_measured_window(f, 0, 0, means, 0, 0.5, random).at_centre().y[0] - 2.0, 2);
  CHECK(square / 2000 == Approx(0.25).epsilon(0.1));  // three standard errors of a variance of 2,000 draws
}
