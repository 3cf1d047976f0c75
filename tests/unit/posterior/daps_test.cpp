// daps against posteriors in closed form.

#include "catch.hpp"
#include "unit/posterior/diffusion_toys.hpp"

using namespace manifill;

TEST_CASE("daps with the prior's own covariance is exact for Gaussian fields", "[posterior]") {
  // However many levels there are: each draws from p(u_0 | u_t, y).
  for (const std::string steps : {"3", "200"}) {
    const auto t = toys::tally("daps", {"daps.steps=" + steps}, 4, 200);
    INFO(steps << " levels, hidden " << t.hidden.mean_error << " " << t.hidden.spread << ", all "
               << t.all.mean_error << " " << t.all.spread);
    // 200 members know a mean to 0.07 at a point, which is taken off, and a spread to 0.01 over points.
    CHECK(t.hidden.mean_error < 0.1);
    CHECK(t.all.mean_error < 0.1);
    CHECK(t.hidden.spread == Approx(1.0).margin(0.05));
    CHECK(t.all.spread == Approx(1.0).margin(0.05));
  }
}

TEST_CASE("daps takes observations that overlap", "[posterior]") {
  const toys::Overlap problem;
  const auto own = problem.of(problem.draws("daps", {"daps.steps=20"}, 4000));
  CHECK(own.mean_error < 0.05);
  CHECK(own.spread == Approx(1.0).margin(0.03));
}

TEST_CASE("daps with a white law is biased as docs/samplers.md says", "[posterior]") {
  const auto t = toys::tally("daps", {"daps.law=white"}, 4, 100);
  CHECK(t.hidden.mean_error == Approx(0.221).margin(0.05));
  CHECK(t.hidden.spread == Approx(1.344).margin(0.04));
  CHECK(t.all.mean_error == Approx(0.172).margin(0.05));
  CHECK(t.all.spread == Approx(1.182).margin(0.03));
  // 2,000 members know a share to 0.011, a mean to 0.02 and a spread to 0.015.
  const auto hills = toys::hills("daps", {"daps.law=white"}, 2000);
  CHECK(hills.second == Approx(0.642).margin(0.035));
  CHECK(hills.own.mean_error == Approx(0.11).margin(0.07));
  CHECK(hills.own.spread == Approx(0.995).margin(0.05));
  CHECK_THROWS_WITH(toys::hills("daps", {}, 2), Catch::Matchers::Contains("daps.law=white"));
}

TEST_CASE("daps says what its levels cost", "[posterior]") {
  const toys::Half half;
  const auto evaluations = [&](const std::string& law) {
    Config c(posterior::SamplerRegistry::instance().specs());
    c.set("daps.steps=7");
    c.set("daps.flow_steps=3");
    c.set("daps.law=" + law);
    return posterior::SamplerRegistry::instance()
        .make("daps", half.model, c)
        ->sample(half.window, {.members = 2})
        .evaluations;
  };
  CHECK(evaluations("gaussian") == 7.0);
  CHECK(evaluations("white") == 21.0);
}
