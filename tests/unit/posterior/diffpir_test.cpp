// diffpir against posteriors in closed form. It is biased: the figures of docs/samplers.md are kept, within
// three standard deviations of what the members' number makes of them.

#include <algorithm>
#include <string>

#include "catch.hpp"
#include "unit/posterior/diffusion_toys.hpp"

using namespace manifill;

TEST_CASE("diffpir is biased on Gaussian fields as docs/samplers.md says", "[posterior]") {
  const auto t = toys::tally("diffpir", {}, 4, 100);
  CHECK(t.hidden.mean_error == Approx(0.300).margin(0.05));
  CHECK(t.hidden.spread == Approx(0.767).margin(0.03));
  CHECK(t.all.mean_error == Approx(0.215).margin(0.05));
  CHECK(t.all.spread == Approx(0.690).margin(0.03));
}

TEST_CASE("diffpir on two hills", "[posterior]") {
  // 2,000 members know a share to 0.011, a mean to 0.02 and a spread to 0.015.
  const auto own = toys::hills("diffpir", {}, 2000);
  CHECK(own.exact == Approx(0.668).margin(0.001));
  CHECK(own.second == Approx(0.647).margin(0.035));
  CHECK(own.own.mean_error == Approx(0.08).margin(0.07));
  CHECK(own.own.spread == Approx(0.863).margin(0.05));
}

TEST_CASE("diffpir weighs the observations by lambda", "[posterior]") {
  const toys::Half half;
  const auto departure = [&](const std::string& lambda) {
    Config c(posterior::SamplerRegistry::instance().specs());
    c.set("diffpir.steps=20");
    c.set("diffpir.lambda=" + lambda);
    const auto e = posterior::SamplerRegistry::instance()
                       .make("diffpir", half.model, c)
                       ->sample(half.window, {.members = 20});
    const auto& seen = half.window.steps[0];
    double most = 0.0;
    for (Eigen::Index k = 0; k < e.members.cols(); ++k)
      most = std::max(most, (seen.measurement->apply(e.members.col(k)) - seen.y).cwiseAbs().maxCoeff());
    return most;
  };
  CHECK(departure("1e-9") < 1e-4);  // single precision, of values of a few
  CHECK(departure("1e6") > 0.5);    // draws of the prior, whose standard deviation is 1
}
