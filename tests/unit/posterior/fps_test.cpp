// fps and fps_smc against posteriors in closed form. Bounds around measured figures are three standard
// deviations of what the members' number makes of them.

#include "catch.hpp"
#include "unit/posterior/diffusion_toys.hpp"

using namespace manifill;

namespace {

std::vector<std::string> consistent(const std::string& particles, const std::string& levels = "300") {
  return {"fps_smc.rule=consistent", "fps_smc.steps=" + levels, "fps_smc.spacing=log_snr",
          "fps_smc.particles=" + particles};
}

}  // namespace

TEST_CASE("fps_smc tends to the posterior as particles become many", "[posterior]") {
  const toys::Overlap problem;
  const auto with = [&](const std::string& particles, std::int64_t members) {
    return problem.of(problem.draws("fps_smc", consistent(particles), members));
  };
  const auto one = with("1", 400);
  const auto few = with("10", 400);
  const auto many = with("200", 400);
  INFO(one.mean_error << " " << one.spread << ", " << few.mean_error << " " << few.spread << ", "
                      << many.mean_error << " " << many.spread);
  CHECK(one.mean_error > 0.8);
  CHECK(few.mean_error < 0.7 * one.mean_error);
  CHECK(many.mean_error < 0.5 * few.mean_error);
  // 400 members know a mean to 0.05, which is taken off, and a spread to 0.016 over five points.
  CHECK(many.mean_error < 0.1);
  CHECK(many.spread == Approx(1.0).margin(0.1));
}

TEST_CASE("fps_smc tends to the posterior of a field half of whose points are hidden", "[posterior]") {
  // 60 members know the mean of a point to 0.13, which is taken off, and a spread to 0.02 over 36 points.
  const auto with = [](const std::string& particles) {
    return toys::tally("fps_smc", consistent(particles, "120"), 1, 60).hidden;
  };
  const auto one = with("1");
  const auto few = with("20");
  const auto many = with("600");
  INFO(one.mean_error << " " << one.spread << ", " << few.mean_error << " " << few.spread << ", "
                      << many.mean_error << " " << many.spread);
  CHECK(one.mean_error > 0.4);
  CHECK(few.mean_error < 0.7 * one.mean_error);
  CHECK(many.mean_error < 0.7 * few.mean_error);
  CHECK(many.mean_error < 0.1);
  CHECK(many.spread == Approx(1.0).margin(0.1));
}

TEST_CASE("fps and the published fps_smc are biased as docs/samplers.md says", "[posterior]") {
  const auto one = toys::tally("fps", {}, 4, 100);
  CHECK(one.hidden.mean_error == Approx(0.121).margin(0.05));
  CHECK(one.hidden.spread == Approx(0.798).margin(0.03));
  CHECK(one.all.mean_error == Approx(0.089).margin(0.05));
  CHECK(one.all.spread == Approx(0.770).margin(0.03));
  const auto five = toys::tally("fps_smc", {}, 4, 100);
  CHECK(five.hidden.mean_error == Approx(0.055).margin(0.05));
  CHECK(five.hidden.spread == Approx(0.767).margin(0.03));
  CHECK(five.all.mean_error == Approx(0.087).margin(0.05));
  CHECK(five.all.spread == Approx(0.666).margin(0.03));
}

TEST_CASE("fps and fps_smc on two hills", "[posterior]") {
  // 2,000 members know a share to 0.011, a mean to 0.02 and a spread to 0.015.
  const auto one = toys::hills("fps", {}, 2000);
  CHECK(one.second == Approx(0.709).margin(0.035));
  CHECK(one.own.mean_error == Approx(0.05).margin(0.07));
  CHECK(one.own.spread == Approx(0.889).margin(0.05));
  const auto five = toys::hills("fps_smc", {}, 2000);
  CHECK(five.second == Approx(0.462).margin(0.035));
  CHECK(five.own.mean_error == Approx(0.31).margin(0.07));
  CHECK(five.own.spread == Approx(0.708).margin(0.05));
  const auto own = toys::hills("fps_smc", consistent("20"), 2000);
  CHECK(own.exact == Approx(0.668).margin(0.001));
  CHECK(own.second == Approx(own.exact).margin(0.035));
  CHECK(own.own.mean_error < 0.1);
  CHECK(own.own.spread == Approx(1.0).margin(0.05));
}

TEST_CASE("fps_smc costs an evaluation for each particle", "[posterior]") {
  const toys::Half half;
  Config c(posterior::SamplerRegistry::instance().specs());
  c.set("fps_smc.steps=6");
  c.set("fps_smc.particles=4");
  const auto e = posterior::SamplerRegistry::instance()
                     .make("fps_smc", half.model, c)
                     ->sample(half.window, {.members = 2});
  CHECK(e.evaluations == 24.0);
  CHECK(e.gradients == 0.0);
}
