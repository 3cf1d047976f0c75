#include "manifill/posterior/nearest.hpp"

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "unit/posterior/field_toys.hpp"

using namespace manifill;
using namespace manifill::posterior;

TEST_CASE("the nearest observed point fills, on every kind of domain", "[posterior]") {
  for (const auto& [name, d] : toys::every_domain()) {
    INFO(name);
    const auto observed = toys::random_mask(d.size(), 0.2, 3);
    const Eigen::VectorXd values = toys::smooth(d);
    const auto got = fill_nearest(d, observed, values);
    for (std::size_t i = 0; i < d.size(); ++i) {
      double nearest = 1e300;
      for (std::size_t j = 0; j < d.size(); ++j)
        if (observed[j]) nearest = std::min(nearest, d.separation(i, j));
      bool among = false;  // several may be as near
      for (std::size_t j = 0; j < d.size(); ++j)
        among = among || (observed[j] && d.separation(i, j) < nearest + 1e-6 * (1.0 + nearest) &&
                          got[static_cast<Eigen::Index>(i)] == values[static_cast<Eigen::Index>(j)]);
      CHECK(among);
    }
  }
}

TEST_CASE("nothing observed has no nearest point", "[posterior]") {
  const auto d = toys::globe_by(30.0);
  const Eigen::VectorXd values = toys::smooth(d);
  CHECK_THROWS_WITH(fill_nearest(d, std::vector<bool>(d.size(), false), values),
                    Catch::Matchers::ContainsSubstring("climatology"));
  CHECK_THROWS_AS(fill_nearest(d, std::vector<bool>(3, true), values), Error);
}
