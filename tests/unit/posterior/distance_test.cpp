#include "manifill/posterior/distance.hpp"

#include <algorithm>
#include <cmath>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "unit/posterior/field_toys.hpp"

using namespace manifill;
using namespace manifill::posterior;

TEST_CASE("distance weighting equals its formula, on every kind of domain", "[posterior]") {
  for (const auto& [name, d] : toys::every_domain()) {
    INFO(name);
    const auto observed = toys::random_mask(d.size(), 0.2, 3);
    const Eigen::VectorXd values = toys::smooth(d);
    const auto got = fill_distance_weighted(d, observed, values, 3);
    std::size_t compared = 0;
    for (std::size_t i = 0; i < d.size(); ++i) {
      if (observed[i]) continue;
      std::vector<std::pair<double, std::size_t>> near;
      for (std::size_t j = 0; j < d.size(); ++j)
        if (observed[j]) near.emplace_back(d.separation(i, j), j);
      std::sort(near.begin(), near.end());
      // Which of the equals is taken is another matter, as are points in one place.
      if (near[3].first - near[2].first < 1e-6 * near[3].first || near[0].first < 1e-6) continue;
      double sum = 0.0;
      double total = 0.0;
      for (std::size_t k = 0; k < 3; ++k) {
        sum += values[static_cast<Eigen::Index>(near[k].second)] / near[k].first;
        total += 1.0 / near[k].first;
      }
      CHECK(got[static_cast<Eigen::Index>(i)] == Approx(sum / total).margin(1e-9));
      ++compared;
    }
    CHECK(compared > 5);
  }
}

TEST_CASE("points that coincide at a pole share their value", "[posterior]") {
  const auto d = domain::Domain::lat_lon({90.0, 60.0, 30.0}, {0.0, 90.0, 180.0, 270.0});
  std::vector<bool> observed(12, true);
  observed[1] = false;
  Eigen::VectorXd values = Eigen::VectorXd::LinSpaced(12, 1.0, 12.0);
  values.head(4).setConstant(7.0);
  CHECK(fill_distance_weighted(d, observed, values)[1] == Approx(7.0));
}

TEST_CASE("a field of 16,200 points is filled from its nearest", "[posterior]") {
  const auto d = toys::globe_by(2.0);
  const auto filled = fill_distance_weighted(d, toys::random_mask(d.size(), 0.5, 4), toys::smooth(d));
  CHECK((filled - toys::smooth(d)).cwiseAbs().maxCoeff() < 0.3);
}

TEST_CASE("a weighted mean of nothing is refused", "[posterior]") {
  const auto d = toys::globe_by(30.0);
  const std::vector<bool> none(d.size(), false);
  const Eigen::VectorXd values = toys::smooth(d);
  CHECK_THROWS_WITH(fill_distance_weighted(d, none, values),
                    Catch::Matchers::ContainsSubstring("climatology"));
  CHECK_THROWS_AS(fill_distance_weighted(d, std::vector<bool>(d.size(), true), values, 0), Error);
  CHECK_THROWS_AS(fill_distance_weighted(d, std::vector<bool>(3, true), values), Error);
}
