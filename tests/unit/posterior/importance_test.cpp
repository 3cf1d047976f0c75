#include "manifill/posterior/importance.hpp"

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/posterior/flow_network.hpp"
#include "manifill/prior/score_network.hpp"
#include "unit/posterior/diffusion_toys.hpp"
#include "unit/posterior/textbook_toys.hpp"

using namespace manifill;
using Catch::Matchers::Contains;

namespace {

/// A Gaussian field on 12 points, a third observed, and a flow with random weights, which misses the
/// posterior.
struct Crooked {
  posterior::Model model;
  posterior::Window window{};
  Eigen::VectorXd mean{};
  Eigen::VectorXd variance{};

  explicit Crooked(double size) : Crooked(covariance(), size) {}

  [[nodiscard]] toys::Comparison of(const Eigen::MatrixXd& members) const {
    return toys::compare(members, mean, variance, model.backbone.relative_weights());
  }
  [[nodiscard]] posterior::Ensemble sample(const std::string& name, const std::string& draws,
                                           const posterior::SampleRequest& request) const {
    Config c(posterior::SamplerRegistry::instance().specs());
    c.set("importance.draws=" + draws);
    return posterior::SamplerRegistry::instance().make(name, model, c)->sample(window, request);
  }

 private:
  static domain::Domain points() {
    return domain::Domain::lat_lon({20.0, 10.0, 0.0}, {0.0, 10.0, 20.0, 30.0});
  }
  static Eigen::MatrixXd covariance() {
    Eigen::MatrixXd c = Eigen::MatrixXd::Constant(12, 12, 0.5);
    c.diagonal().setConstant(1.0);
    return c;
  }
  Crooked(const Eigen::MatrixXd& c, double size)
      : model{.backbone = prior::Backbone::from_covariance(points(), c, 0.0, {})} {
    model.flow_options = {.width = 8, .dilations = {1}, .couplings = 2};
    torch::manual_seed(7);  // of the weights that do not start at zero, too
    model.flow = posterior::make_flow_network(model.flow_options, posterior::condition_channels(points(), 0),
                                              prior::GridTopology::of(points()));
    const torch::NoGradGuard frozen;
    for (auto& p : model.flow->parameters()) p.add_(size * torch::randn_like(p));
    model.flow->eval();
    measurement::ObservedCells seen(12);
    for (std::size_t i = 0; i < seen.size(); ++i) seen[i] = i % 3 == 0;
    constexpr double noise = 0.3;
    RandomStream random({.seed = 2});
    window.steps.push_back(toys::observe(Eigen::VectorXd::LinSpaced(12, -1.0, 1.0), seen, noise, 3, random));
    const auto exact = toys::textbook(c, window.steps[0].measurement->matrix(), noise * noise);
    mean = exact.gain * window.steps[0].y;
    variance = exact.covariance.diagonal();
  }
};

constexpr double kSize = 0.06;

}  // namespace

TEST_CASE("importance brings a flow's members to the posterior", "[flow]") {
  const Crooked problem(kSize);
  constexpr std::uint32_t kMembers = 2000;
  const auto flow = problem.of(problem.sample("flow", "1", {.members = kMembers}).members);
  const auto few = problem.sample("importance", "4", {.members = kMembers});
  const auto many = problem.sample("importance", "64", {.members = kMembers});
  const auto some = problem.of(few.members);
  const auto own = problem.of(many.members);
  INFO("flow " << flow.mean_error << " " << flow.spread << ", 4 " << some.mean_error << " " << some.spread
               << ", 64 " << own.mean_error << " " << own.spread << ", size " << many.effective_size);
  // 2,000 members know a mean to 0.022, which is taken off, and a spread to 0.005 over twelve points.
  CHECK(flow.mean_error > 0.2);
  CHECK(some.mean_error < 0.8 * flow.mean_error);
  CHECK(own.mean_error < 0.1);
  CHECK(own.spread == Approx(1.0).margin(0.1));
  CHECK(many.effective_size > 0.0);
  CHECK(many.effective_size < kMembers);
  CHECK(many.log_weight.size() == 0);
  CHECK(few.evaluations == 4.0 * problem.sample("flow", "1", {.members = 2, .density = true}).evaluations);
}

TEST_CASE("importance of exact members is these members' law, all weights the same", "[posterior]") {
  const toys::Half half;
  const auto e = posterior::SamplerRegistry::instance()
                     .make("importance", half.model)
                     ->sample(half.window, {.members = 1000, .density = true});
  const auto own = half.of(e.members, false);
  CHECK(own.mean_error < 0.1);
  CHECK(own.spread == Approx(1.0).margin(0.05));
  CHECK(e.effective_size == Approx(1000.0));
  REQUIRE(e.log_density.size() == 1000);
  REQUIRE(e.log_weight.size() == 1000);
}

TEST_CASE("members of importance depend on seed and number", "[flow]") {
  const Crooked problem(kSize);
  const auto all = problem.sample("importance", "8", {.seed = 4, .members = 7}).members;
  const auto some = problem.sample("importance", "8", {.seed = 4, .first_member = 3, .members = 3}).members;
  CHECK((some - all.middleCols(3, 3)).cwiseAbs().maxCoeff() < 1e-5);  // single precision
  CHECK((problem.sample("importance", "8", {.seed = 5, .members = 7}).members - all).cwiseAbs().maxCoeff() >
        0.1);
}

TEST_CASE("log-weights of a prior with a score network depend on seed, step and number", "[flow]") {
  Crooked problem(kSize);
  problem.model.score = std::make_shared<prior::ScoreNetworkImpl>(
      problem.model.backbone.domain(), prior::ScoreNetworkOptions{.width = 4, .dilations = {1.0}}, 1);
  {
    const torch::NoGradGuard frozen;
    for (auto& p : problem.model.score->parameters()) p.add_(0.2 * torch::randn_like(p));
    problem.model.score->eval();
  }
  for (const char* name : {"flow", "gaussian"}) {
    const auto all = problem.sample(name, "8", {.seed = 4, .members = 7, .density = true}).log_weight;
    const auto some =
        problem.sample(name, "8", {.seed = 4, .first_member = 3, .members = 3, .density = true}).log_weight;
    REQUIRE(all.size() == 7);
    CHECK((all.array() - all.mean()).abs().maxCoeff() > 0.1);
    CHECK((some - all.segment(3, 3)).cwiseAbs().maxCoeff() <
          1e-4);  // single precision of densities of some tens
    auto later = problem;
    later.window.steps[0].time += 1;
    CHECK((later.sample(name, "8", {.seed = 4, .members = 7, .density = true}).log_weight - all)
              .cwiseAbs()
              .maxCoeff() > 1e-3);
  }
}

TEST_CASE("refinement works behind importance", "[flow]") {
  const Crooked problem(kSize);
  constexpr std::uint32_t kMembers = 1000;
  const auto own = problem.of(problem.sample("importance", "1", {.members = kMembers, .refine = 40}).members);
  CHECK(own.mean_error < 0.1);
  CHECK(own.spread == Approx(1.0).margin(0.05));
}

TEST_CASE("importance refuses proposals without a density", "[posterior]") {
  const toys::Half half;
  const auto& registry = posterior::SamplerRegistry::instance();
  Config c(registry.specs());
  c.set("importance.proposal=importance");
  CHECK_THROWS_WITH(static_cast<void>(registry.make("importance", half.model, c)), Contains("itself"));
  c.set("importance.proposal=dps");
  CHECK_THROWS_WITH(
      static_cast<void>(registry.make("importance", half.model, c)->sample(half.window, {.members = 2})),
      Contains("'dps' knows no density"));
  c.set("importance.proposal=flow");
  CHECK_THROWS_WITH(static_cast<void>(registry.make("importance", half.model, c)), Contains("holds no flow"));
}
