#include "manifill/posterior/classical.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"

using namespace manifill;
using namespace manifill::posterior;

namespace {

domain::Domain globe(double step) {
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (double v = 90.0 - 0.5 * step; v > -90.0; v -= step) latitude.push_back(v);
  for (double v = 0.0; v < 360.0 - 0.5 * step; v += step) longitude.push_back(v);
  return domain::Domain::lat_lon(latitude, longitude);
}

std::vector<bool> random_mask(std::size_t points, double share, std::uint64_t seed) {
  RandomStream random({.seed = seed, .purpose = RandomPurpose::mask});
  std::vector<bool> out(points);
  for (std::size_t i = 0; i < points; ++i) out[i] = random.uniform() < share;
  return out;
}

/// x + 2 y + 3 z: smooth on the sphere.
Eigen::VectorXd smooth(const domain::Domain& d) {
  Eigen::VectorXd out(static_cast<Eigen::Index>(d.size()));
  for (std::size_t i = 0; i < d.size(); ++i) {
    const auto& p = d.points()[i];
    out[static_cast<Eigen::Index>(i)] = p[0] + 2.0 * p[1] + 3.0 * p[2];
  }
  return out;
}

}  // namespace

TEST_CASE("classical fills keep what is observed and do not read the rest", "[posterior]") {
  const auto d = globe(12.0);
  const auto observed = random_mask(d.size(), 0.4, 2);
  const Eigen::VectorXd truth = smooth(d);
  Eigen::VectorXd values = truth;
  for (std::size_t i = 0; i < d.size(); ++i)
    if (!observed[i]) values[static_cast<Eigen::Index>(i)] = std::nan("");
  const auto climatology = fill_climatology(observed, values);
  const auto nearest = fill_nearest(d, observed, values);
  const auto weighted = fill_distance_weighted(d, observed, values);
  for (std::size_t i = 0; i < d.size(); ++i) {
    const auto p = static_cast<Eigen::Index>(i);
    CHECK(climatology[p] == (observed[i] ? truth[p] : 0.0));
    if (!observed[i]) continue;
    CHECK(nearest[p] == truth[p]);
    CHECK(weighted[p] == truth[p]);
  }
  CHECK(nearest.allFinite());
  CHECK(weighted.allFinite());
  CHECK((weighted - truth).norm() < (nearest - truth).norm());
  CHECK((nearest - truth).norm() < (climatology - truth).norm());
}

TEST_CASE("distance weighting equals its formula, across the date line too", "[posterior]") {
  const auto d = globe(20.0);
  const auto observed = random_mask(d.size(), 0.2, 3);
  const Eigen::VectorXd values = smooth(d);
  const auto got = fill_distance_weighted(d, observed, values, 3);
  for (std::size_t i = 0; i < d.size(); ++i) {
    if (observed[i]) continue;
    std::vector<std::pair<double, std::size_t>> near;
    for (std::size_t j = 0; j < d.size(); ++j)
      if (observed[j]) near.emplace_back(domain::great_circle_km(d.points()[i], d.points()[j]), j);
    std::sort(near.begin(), near.end());
    if (near[3].first - near[2].first < 1e-6) continue;  // which of the equals is taken is another matter
    double sum = 0.0;
    double total = 0.0;
    for (std::size_t k = 0; k < 3; ++k) {
      sum += values[static_cast<Eigen::Index>(near[k].second)] / near[k].first;
      total += 1.0 / near[k].first;
    }
    CHECK(got[static_cast<Eigen::Index>(i)] == Approx(sum / total));
  }
}

TEST_CASE("a constant stays constant, one point fills all", "[posterior]") {
  const auto d = globe(20.0);
  std::vector<bool> one(d.size(), false);
  one[37] = true;
  const Eigen::VectorXd values = Eigen::VectorXd::Constant(static_cast<Eigen::Index>(d.size()), 4.0);
  CHECK((fill_nearest(d, one, values) - values).isZero());
  CHECK((fill_distance_weighted(d, one, values) - values).cwiseAbs().maxCoeff() < 1e-12);
}

TEST_CASE("points that coincide at a pole share their value", "[posterior]") {
  const auto d = domain::Domain::lat_lon({90.0, 60.0, 30.0}, {0.0, 90.0, 180.0, 270.0});
  std::vector<bool> observed(12, true);
  observed[1] = false;
  Eigen::VectorXd values = Eigen::VectorXd::LinSpaced(12, 1.0, 12.0);
  values.head(4).setConstant(7.0);
  CHECK(fill_distance_weighted(d, observed, values)[1] == Approx(7.0));
}

TEST_CASE("a field of 16,200 points is filled at once", "[posterior]") {
  const auto d = globe(2.0);
  const auto observed = random_mask(d.size(), 0.5, 4);
  const auto begin = std::chrono::steady_clock::now();
  const auto filled = fill_distance_weighted(d, observed, smooth(d));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  CHECK((filled - smooth(d)).cwiseAbs().maxCoeff() < 0.3);
  CHECK(seconds < 2.0);  // 0.02 s on an idle core; a search of all pairs takes 130 million distances
}

TEST_CASE("nothing observed is refused with a remedy", "[posterior]") {
  const auto d = globe(30.0);
  const std::vector<bool> none(d.size(), false);
  const Eigen::VectorXd values = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(d.size()));
  CHECK_THROWS_WITH(fill_nearest(d, none, values), Catch::Matchers::ContainsSubstring("climatology"));
  CHECK_THROWS_AS(fill_distance_weighted(d, none, values, 0), Error);
  CHECK_THROWS_AS(fill_nearest(d, std::vector<bool>(3, true), values), Error);
  CHECK(fill_climatology(none, values).isZero());
}
