// sda against posteriors in closed form. It is biased: the figures of docs/samplers.md are kept, within three
// standard deviations of what the members' number makes of them.

#include "catch.hpp"
#include "unit/posterior/diffusion_toys.hpp"

using namespace manifill;

TEST_CASE("sda is biased on Gaussian fields as docs/samplers.md says", "[posterior]") {
  const auto t = toys::tally("sda", {}, 4, 100);
  CHECK(t.hidden.mean_error == Approx(0.192).margin(0.05));
  CHECK(t.hidden.spread == Approx(0.945).margin(0.03));
  CHECK(t.all.mean_error == Approx(0.143).margin(0.05));
  CHECK(t.all.spread == Approx(1.050).margin(0.03));
}

TEST_CASE("sda on two hills", "[posterior]") {
  // 2,000 members know a share to 0.011.
  const auto own = toys::hills("sda", {}, 2000);
  CHECK(own.exact == Approx(0.668).margin(0.001));
  CHECK(own.second == Approx(0.546).margin(0.035));
  // Of two coordinates the score can vanish, and the step over its mean square flies off with it: the spread
  // is that of a few members far away, 16 times the posterior's.
  CHECK(own.own.spread > 3.0);
}

TEST_CASE("sda costs an evaluation for each correction", "[posterior]") {
  const toys::Half half;
  Config c(posterior::SamplerRegistry::instance().specs());
  c.set("sda.steps=6");
  c.set("sda.corrections=2");
  c.set("sda.gamma=1");  // so few steps would run away with stronger guidance
  const auto e =
      posterior::SamplerRegistry::instance().make("sda", half.model, c)->sample(half.window, {.members = 2});
  CHECK(e.evaluations == 16.0);  // none at the clean field
  CHECK(e.gradients == 16.0);
}
