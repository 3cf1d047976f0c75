// Samplers of trained models against a mixture of two Gaussians in closed form, as docs/samplers.md says.

#include <cmath>

#include "catch.hpp"
#include "unit/posterior/hills_toys.hpp"

using namespace manifill;

namespace {

constexpr std::uint32_t kMembers = 2000;
// Three standard errors of so many members.
constexpr double kShare = 0.035;
constexpr double kMean = 0.07;
constexpr double kSpread = 0.05;

}  // namespace

TEST_CASE("samplers of trained models on two hills", "[posterior]") {
  const toys::HillsField field({.score = 600, .flow = 1000, .davi = 400});
  // The normal posterior of the hills' mean and covariance.
  const auto gaussian = field.of("gaussian", kMembers);
  CHECK(gaussian.exact == Approx(0.668).margin(0.001));
  CHECK(gaussian.second == Approx(0.657).margin(kShare));
  CHECK(gaussian.own.mean_error == Approx(0.353).margin(kMean));
  CHECK(gaussian.own.spread == Approx(0.687).margin(kSpread));
  // Figures of what is trained are means of three seeds. Margins are wider by how far those lie from them.
  const auto flow = field.of("flow", kMembers);
  CHECK(flow.second == Approx(0.649).margin(kShare + 0.01));
  CHECK(flow.own.mean_error == Approx(0.194).margin(kMean + 0.01));
  CHECK(flow.own.spread == Approx(0.763).margin(kSpread + 0.01));
  const auto importance = field.of("importance", kMembers);
  CHECK(importance.second == Approx(0.655).margin(kShare + 0.005));
  CHECK(importance.own.mean_error == Approx(0.110).margin(kMean + 0.01));
  CHECK(importance.own.spread == Approx(0.937).margin(kSpread + 0.005));
  const auto davi = field.of("davi", kMembers);
  CHECK(davi.second == Approx(0.626).margin(kShare + 0.06));
  CHECK(davi.own.mean_error == Approx(0.253).margin(kMean + 0.07));
  CHECK(davi.own.spread == Approx(0.614).margin(kSpread + 0.07));
  // Steps of the prior lead from the normal posterior towards that of the hills.
  const auto refined = field.of("gaussian", kMembers, 20);
  INFO("refined: " << refined.second << ", mean " << refined.own.mean_error << ", spread "
                   << refined.own.spread);
  CHECK(refined.own.mean_error < gaussian.own.mean_error);
  CHECK(std::abs(refined.own.spread - 1.0) < 0.5 * std::abs(gaussian.own.spread - 1.0));
  // A short training of the flow goes part of the way, resampling more of it.
  CHECK(flow.own.mean_error < gaussian.own.mean_error);
  CHECK(importance.own.mean_error < flow.own.mean_error);
  CHECK(flow.own.spread > gaussian.own.spread);
  CHECK(importance.own.spread > flow.own.spread);
}
