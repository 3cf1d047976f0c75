#include "manifill/posterior/climatology.hpp"

#include <cmath>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "unit/posterior/field_toys.hpp"

using namespace manifill;
using namespace manifill::posterior;

TEST_CASE("climatology keeps what is observed and does not read the rest", "[posterior]") {
  const auto observed = toys::random_mask(50, 0.4, 2);
  Eigen::VectorXd values = Eigen::VectorXd::LinSpaced(50, 1.0, 50.0);
  for (Eigen::Index i = 0; i < 50; ++i)
    if (!observed[static_cast<std::size_t>(i)]) values[i] = std::nan("");
  const auto filled = fill_climatology(observed, values);
  for (Eigen::Index i = 0; i < 50; ++i)
    CHECK(filled[i] == (observed[static_cast<std::size_t>(i)] ? values[i] : 0.0));
  CHECK(fill_climatology(std::vector<bool>(50, false), values).isZero());
  CHECK_THROWS_AS(fill_climatology(std::vector<bool>(49, false), values), Error);
}
