#include <Eigen/Cholesky>
#include <cmath>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/posterior/flow_training.hpp"
#include "manifill/posterior/sampler.hpp"
#include "unit/posterior/flow_toys.hpp"
#include "unit/posterior/textbook_toys.hpp"
#include "unit/posterior/toys.hpp"
#include "unit/prior/toys.hpp"

using namespace manifill;

TEST_CASE(
    "trained from measurements alone, by either estimator, a flow finds the posterior of a Gaussian field",
    "[flow]") {
  const auto d = domain::Domain::lat_lon({40.0, 30.0}, {0.0, 15.0, 30.0, 45.0});
  constexpr Eigen::Index kPoints = 8;
  const Eigen::MatrixXd c = toys::covariance_by_distance(d, 2000.0, 0.01);
  const Eigen::LLT<Eigen::MatrixXd> root(c);
  constexpr Eigen::Index kFields = 8000;
  const Eigen::MatrixXd noise = toys::normals(kPoints, kFields, 3);
  prior::TrainingFields fields{.domain = d};
  fields.values = (root.matrixL() * noise).cast<float>();
  for (Eigen::Index t = 0; t < kFields; ++t) {
    fields.index.push_back(t);
    fields.season.push_back(0.0);
  }
  const auto backbone = prior::Backbone::fit(fields, {.mean_harmonics = 0, .rank = 8});
  // Of another climatology and scale, as the backbones of cross-fitting are.
  auto departed = fields;
  departed.values = (1.4F * departed.values.array() + 0.6F).matrix();
  const auto other = prior::Backbone::fit(departed, {.mean_harmonics = 0, .rank = 8});
  const measurement::ObservedCells seen{true, false, false, true, false, true, false, false};
  const measurement::MaskBank bank(d, {seen}, {"gaps"});
  constexpr double kSigma = 0.3;
  auto o = toys::forward_kl("standard");
  o.weight_forward_kl = 0.0;
  o.weight_reverse_kl = 1.0;
  o.anneal = 0.0;
  o.steps = 2500;
  o.batch = 64;
  o.learning_rate = 2e-3;
  o.weight_decay = 1e-4;
  const Eigen::MatrixXd a = measurement::mask(seen, Eigen::VectorXd::Constant(kPoints, kSigma)).matrix();
  const auto exact = toys::textbook(c, a, kSigma * kSigma);
  const Eigen::VectorXd sd = exact.covariance.diagonal().cwiseSqrt();
  for (const char* estimator : {"path", "total"}) {
    o.reverse_kl_gradient = estimator;
    const auto& own = estimator == std::string("path") ? other : backbone;
    o.noise_lowest = o.noise_highest = kSigma / own.unit_scale();
    const auto cases =
        posterior::simulate_cases(fields, {toys::fold_of(0, kFields - 200, own)}, 0, bank, o, 6000, 1, {});
    const auto held = posterior::simulate_cases(fields, {toys::fold_of(kFields - 200, kFields, own)}, 0, bank,
                                                o, 200, 2, {});
    const posterior::FlowNetworkOptions shape{.network = "realnvp", .width = 16, .couplings = 4};
    const auto trained = posterior::train_flow(cases, held, shape, o, backbone, {}, {});
    const posterior::Model model{.backbone = own,
                                 .flow = trained.network,
                                 .flow_options = shape,
                                 .flow_base = posterior::FlowBase::standard};
    const auto sampler = posterior::SamplerRegistry::instance().make("flow", model);
    RandomStream random({.seed = 7});
    double square = 0.0;
    double spread = 0.0;
    constexpr int kTrials = 100;
    constexpr std::uint32_t kMembers = 800;
    for (int k = 0; k < kTrials; ++k) {
      const Eigen::VectorXd truth =
          root.matrixL() * toys::normals(kPoints, 1, 100 + static_cast<std::uint64_t>(k));
      posterior::Window window;
      window.steps.push_back(toys::observe(truth, seen, kSigma, 100000 + k, random));
      const auto e = sampler->sample(window, {.seed = 5, .members = kMembers});
      const Eigen::VectorXd mean = e.members.rowwise().mean();
      const Eigen::VectorXd variance =
          (e.members.colwise() - mean).rowwise().squaredNorm() / (kMembers - 1.0);
      square += ((mean - exact.gain * window.steps[0].y).array() / sd.array()).square().mean();
      spread += (variance.array().sqrt() / sd.array()).mean();
    }
    INFO(estimator << ": mean " << std::sqrt(square / kTrials) << ", spread " << spread / kTrials);
    // Calibration on held-out truths mends a spread; there must be little to mend.
    CHECK(std::abs(trained.network->log_spread.item<double>()) < 0.1);
    // In standard deviations of the posterior, the bars of the exact samplers.
    CHECK(std::sqrt(square / kTrials) < 0.1);
    CHECK(std::abs(spread / kTrials - 1.0) < 0.1);
  }
}
