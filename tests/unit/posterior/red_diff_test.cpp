// red_diff against posteriors in closed form. It is biased: the figures of docs/samplers.md are kept, within
// three standard deviations of what the members' number makes of them.

#include "catch.hpp"
#include "unit/posterior/diffusion_toys.hpp"

using namespace manifill;

TEST_CASE("red_diff is biased on Gaussian fields as docs/samplers.md says", "[posterior]") {
  const auto t = toys::tally("red_diff", {}, 4, 100);
  CHECK(t.hidden.mean_error == Approx(0.146).margin(0.05));
  CHECK(t.hidden.spread == Approx(0.497).margin(0.03));
  CHECK(t.all.mean_error == Approx(0.197).margin(0.05));
  CHECK(t.all.spread == Approx(0.355).margin(0.03));
}

TEST_CASE("red_diff on two hills", "[posterior]") {
  // 2,000 members know a share to 0.011, a mean to 0.02 and a spread to 0.015.
  const auto own = toys::hills("red_diff", {}, 2000);
  CHECK(own.exact == Approx(0.668).margin(0.001));
  CHECK(own.second == Approx(0.523).margin(0.035));
  CHECK(own.own.mean_error == Approx(0.32).margin(0.07));
  CHECK(own.own.spread == Approx(0.547).margin(0.05));
}
