// Pseudo-inverse guided diffusion against posteriors in closed form. Bounds around measured figures are three
// standard deviations of what the members' number makes of them.

#include "catch.hpp"
#include "unit/posterior/diffusion_toys.hpp"

using namespace manifill;

namespace {

constexpr std::uint64_t kFields = 4;
constexpr std::uint32_t kPigdmMembers = 200;
const std::vector<std::string> kExact{"pigdm.guidance=gaussian", "pigdm.eta=0", "pigdm.spacing=log_snr"};

}  // namespace

TEST_CASE("pigdm with the prior's own covariance is exact for Gaussian fields", "[posterior]") {
  const auto t = toys::tally("pigdm", kExact, kFields, kPigdmMembers);
  INFO("hidden " << t.hidden.mean_error << " " << t.hidden.spread << ", all " << t.all.mean_error << " "
                 << t.all.spread);
  CHECK(t.hidden.mean_error < 0.1);
  CHECK(t.all.mean_error < 0.1);
  CHECK(t.hidden.spread == Approx(1.0).margin(0.1));
  CHECK(t.all.spread == Approx(1.0).margin(0.1));
}

TEST_CASE("what pigdm lacks of the exact spread goes with its steps", "[posterior]") {
  // First order in the step: a quarter of the steps lacks four times as much.
  const auto lacks = [](const std::string& steps) {
    auto settings = kExact;
    settings.push_back("pigdm.steps=" + steps);
    return 1.0 - toys::tally("pigdm", settings, 1, 2000).all.spread;
  };
  const double few = lacks("25");
  const double many = lacks("100");
  CHECK(few > 0.05);
  // 2,000 members know a spread to 0.002 of these 72 points.
  CHECK(many == Approx(few / 4.0).margin(0.01));
}

TEST_CASE("pigdm takes observations that overlap", "[posterior]") {
  const toys::Overlap problem;
  auto settings = kExact;
  settings.push_back("pigdm.steps=200");
  const auto own = problem.of(problem.draws("pigdm", settings, 4000));
  CHECK(own.mean_error < 0.05);
  CHECK(own.spread == Approx(1.0).margin(0.05));
}

TEST_CASE("the published rule of pigdm and its score are biased as docs/samplers.md says", "[posterior]") {
  const auto published = toys::tally("pigdm", {}, kFields, kPigdmMembers);
  CHECK(published.hidden.mean_error == Approx(0.18).margin(0.04));
  CHECK(published.hidden.spread == Approx(0.82).margin(0.02));
  CHECK(published.all.spread == Approx(0.67).margin(0.02));
  const auto consistent = toys::tally("pigdm", {"pigdm.guidance=consistent"}, kFields, kPigdmMembers);
  CHECK(consistent.hidden.mean_error == Approx(0.38).margin(0.04));
  CHECK(consistent.hidden.spread == Approx(1.03).margin(0.02));
  CHECK(consistent.all.spread == Approx(0.965).margin(0.02));
  const auto ancestral = toys::tally("pigdm", {"pigdm.guidance=gaussian"}, kFields, kPigdmMembers);
  CHECK(ancestral.hidden.mean_error < 0.06);
  CHECK(ancestral.hidden.spread == Approx(0.922).margin(0.02));
  CHECK(ancestral.all.spread == Approx(0.859).margin(0.02));
}

TEST_CASE("the published rule of pigdm gets worse with more steps, as docs/samplers.md says", "[posterior]") {
  const std::vector<std::string> many{"pigdm.steps=1000"};
  // Of four fields, where the 20 of the docs have 0.50; 0.18 with a hundred steps.
  const auto t = toys::tally("pigdm", many, kFields, 100);
  CHECK(t.hidden.mean_error == Approx(0.42).margin(0.05));
  CHECK(t.hidden.spread == Approx(0.845).margin(0.03));
  CHECK(t.all.mean_error == Approx(0.35).margin(0.05));
  CHECK(t.all.spread == Approx(0.627).margin(0.03));
  const auto own = toys::hills("pigdm", many, 2000);
  CHECK(own.second == Approx(0.437).margin(0.035));
  CHECK(own.own.mean_error == Approx(0.46).margin(0.07));
  CHECK(own.own.spread == Approx(0.524).margin(0.05));
}

TEST_CASE("pigdm without the prior's covariance runs away where one direction has most of the variance",
          "[posterior]") {
  constexpr Eigen::Index kPoints = 16;
  const auto problem = [](double variance) {
    const Eigen::VectorXd even = Eigen::VectorXd::Constant(kPoints, 0.25);
    toys::Mixture prior{.weight = {1.0}, .mean = {Eigen::VectorXd::Zero(kPoints)}};
    prior.covariance = {Eigen::MatrixXd::Identity(kPoints, kPoints) +
                        (variance - 1.0) * even * even.transpose()};
    return prior;
  };
  const Eigen::MatrixXd a = Eigen::MatrixXd::Identity(kPoints, kPoints).topRows(kPoints / 2);
  const Eigen::VectorXd sigma = Eigen::VectorXd::Constant(kPoints / 2, 0.2);
  const Eigen::VectorXd y = Eigen::VectorXd::LinSpaced(kPoints / 2, -1.0, 2.0);
  const auto largest = [&](double variance, const std::vector<std::string>& settings) {
    return toys::draws("pigdm", settings, problem(variance), a, sigma, y, 4).cwiseAbs().maxCoeff();
  };
  const std::vector<std::string> consistent{"pigdm.guidance=consistent"};
  CHECK(largest(10.0, {}) < 20.0);
  CHECK(largest(10.0, consistent) < 20.0);
  // Too large, or no number any more.
  CHECK_FALSE(largest(3000.0, {}) < 1e4);
  CHECK_FALSE(largest(3000.0, consistent) < 1e4);
  const auto members = toys::draws("pigdm", kExact, problem(3000.0), a, sigma, y, 2000);
  const auto exact = problem(3000.0).posterior(5.0 * a, 5.0 * y);
  const auto own =
      toys::compare(members, exact.mean[0], exact.covariance[0].diagonal(), Eigen::VectorXd::Ones(kPoints));
  CHECK(own.mean_error < 0.1);
  CHECK(own.spread == Approx(1.0).margin(0.1));
}

TEST_CASE("pigdm on two hills", "[posterior]") {
  // 2,000 members know a share to 0.011, a mean to 0.02 and a spread to 0.015.
  const auto published = toys::hills("pigdm", {}, 2000);
  CHECK(published.second == Approx(0.484).margin(0.035));
  CHECK(published.own.mean_error == Approx(0.41).margin(0.07));
  CHECK(published.own.spread == Approx(0.575).margin(0.05));
  const auto consistent = toys::hills("pigdm", {"pigdm.guidance=consistent"}, 2000);
  CHECK(consistent.exact == Approx(0.668).margin(0.001));
  CHECK(consistent.second == Approx(0.597).margin(0.035));
  CHECK(consistent.own.mean_error == Approx(0.16).margin(0.07));
  CHECK(consistent.own.spread == Approx(0.99).margin(0.05));
  CHECK_THROWS_WITH(toys::hills("pigdm", kExact, 2), Catch::Matchers::Contains("pigdm.guidance=consistent"));
}
