// dps against posteriors in closed form. It is biased: the figures of docs/samplers.md are kept, within three
// standard deviations of what the members' number makes of them.

#include "catch.hpp"
#include "unit/posterior/diffusion_toys.hpp"

using namespace manifill;

TEST_CASE("dps is biased on Gaussian fields as docs/samplers.md says", "[posterior]") {
  const auto t = toys::tally("dps", {}, 4, 100);
  CHECK(t.hidden.mean_error == Approx(0.37).margin(0.05));
  CHECK(t.hidden.spread == Approx(0.844).margin(0.03));
  CHECK(t.all.mean_error == Approx(0.307).margin(0.05));
  CHECK(t.all.spread == Approx(0.636).margin(0.03));
}

TEST_CASE("dps on two hills", "[posterior]") {
  // 2,000 members know a share to 0.011, a mean to 0.02 and a spread to 0.015.
  const auto own = toys::hills("dps", {}, 2000);
  CHECK(own.exact == Approx(0.668).margin(0.001));
  CHECK(own.second == Approx(0.488).margin(0.035));
  CHECK(own.own.mean_error == Approx(0.28).margin(0.07));
  CHECK(own.own.spread == Approx(1.082).margin(0.05));
}

TEST_CASE("dps with larger steps overshoots as docs/samplers.md says", "[posterior]") {
  const std::vector<std::string> large{"dps.zeta=1"};
  // Four fields have other means than the 20 of the docs: 0.50 and 0.38 for 0.60 and 0.45; three hundredths
  // are the members'.
  const auto t = toys::tally("dps", large, 4, 100);
  CHECK(t.hidden.mean_error == Approx(0.50).margin(0.05));
  CHECK(t.hidden.spread == Approx(0.841).margin(0.03));
  CHECK(t.all.mean_error == Approx(0.38).margin(0.05));
  CHECK(t.all.spread == Approx(1.039).margin(0.03));
  const auto own = toys::hills("dps", large, 2000);
  CHECK(own.second == Approx(0.964).margin(0.035));
  CHECK(own.own.mean_error == Approx(1.73).margin(0.07));
  CHECK(own.own.spread == Approx(0.933).margin(0.05));
}
