#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "catch.hpp"
#include "manifill/posterior/flow_training.hpp"
#include "manifill/posterior/sampler.hpp"
#include "random_numbers.hpp"
#include "toys.hpp"
#include "unit/posterior/flow_toys.hpp"
#include "unit/posterior/textbook_toys.hpp"

using namespace manifill;
using manifill::test::normals;

namespace {

posterior::Window observed(const Eigen::VectorXd& field, const measurement::ObservedCells& seen, double sigma,
                           std::int64_t time, RandomStream& random) {
  posterior::Window w;
  w.steps.push_back(toys::observe(field, seen, sigma, time, random));
  return w;
}

}  // namespace

TEST_CASE("a flow from the standard base finds the posterior of a Gaussian field", "[flow]") {
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (int i = 0; i < 5; ++i) latitude.push_back(50.0 - 10.0 * i);
  for (int j = 0; j < 6; ++j) longitude.push_back(10.0 * j);
  const auto d = domain::Domain::lat_lon(latitude, longitude);
  const auto n = static_cast<Eigen::Index>(d.size());
  const Eigen::MatrixXd c = toys::covariance_by_distance(d, 2000.0, 0.01);
  const Eigen::LLT<Eigen::MatrixXd> root(c);
  RandomStream random({.seed = 11});
  constexpr Eigen::Index kFields = 30000;
  prior::TrainingFields fields{.domain = d};
  fields.values.resize(n, kFields);
  for (Eigen::Index t = 0; t < kFields; ++t) {
    fields.values.col(t) = (root.matrixL() * normals(random, n)).cast<float>();
    fields.index.push_back(t);
    fields.season.push_back(0.0);
  }
  const auto backbone = prior::Backbone::fit(fields, {.mean_harmonics = 0, .rank = 30});
  measurement::ObservedCells seen(d.size());
  for (std::size_t i = 0; i < seen.size(); ++i) seen[i] = i % 3 == 0;
  const measurement::MaskBank bank(d, {seen}, {"gaps"});
  auto o = toys::forward_kl("standard");
  constexpr double kSigma = 0.2;
  o.noise_lowest = o.noise_highest = kSigma / backbone.unit_scale();
  o.steps = 9000;
  o.batch = 64;
  o.learning_rate = 5e-4;
  o.weight_decay = 1e-4;
  const auto cases = posterior::simulate_cases(fields, {toys::fold_of(0, kFields - 500, backbone)}, 0, bank,
                                               o, 40000, 1, {});
  const auto held = posterior::simulate_cases(fields, {toys::fold_of(kFields - 500, kFields, backbone)}, 0,
                                              bank, o, 400, 2, {});
  const posterior::FlowNetworkOptions shape{.network = "realnvp", .width = 16, .couplings = 4};
  const auto trained = posterior::train_flow(cases, held, shape, o, backbone, {}, {});
  const posterior::Model model{.backbone = backbone,
                               .flow = trained.network,
                               .flow_options = shape,
                               .flow_base = posterior::FlowBase::standard};
  const auto sampler = posterior::SamplerRegistry::instance().make("flow", model);

  const Eigen::MatrixXd a = measurement::mask(seen, Eigen::VectorXd::Constant(n, kSigma)).matrix();
  const auto exact = toys::textbook(c, a, kSigma * kSigma);
  const Eigen::VectorXd sd = exact.covariance.diagonal().cwiseSqrt();
  const Eigen::VectorXd area = Eigen::Map<const Eigen::VectorXd>(d.weights().data(), n);
  double square = 0.0;
  double spread = 0.0;
  double covered = 0.0;
  constexpr int kTrials = 300;  // coverage to 0.005
  constexpr std::uint32_t kMembers = 800;
  for (int k = 0; k < kTrials; ++k) {
    const Eigen::VectorXd truth = root.matrixL() * normals(random, n);
    const auto window = observed(truth, seen, kSigma, 100000 + k, random);
    const auto e = sampler->sample(window, {.seed = 5, .members = kMembers});
    const Eigen::VectorXd mean = e.members.rowwise().mean();
    const Eigen::VectorXd variance = (e.members.colwise() - mean).rowwise().squaredNorm() / (kMembers - 1.0);
    square += area.dot(((mean - exact.gain * window.steps[0].y).array() / sd.array()).square().matrix());
    spread += area.dot((variance.array().sqrt() / sd.array()).matrix());
    for (Eigen::Index i = 0; i < n; ++i) {
      Eigen::VectorXd sorted = e.members.row(i).transpose();
      std::sort(sorted.begin(), sorted.end());
      covered +=
          area[i] *
          (truth[i] > sorted[kMembers / 20 - 1] && truth[i] < sorted[kMembers - kMembers / 20] ? 1.0 : 0.0);
    }
  }
  // In standard deviations of the posterior. 800 members know a mean to 0.035, which is part of the 0.1.
  CHECK(std::sqrt(square / kTrials) < 0.1);
  CHECK(std::abs(spread / kTrials - 1.0) < 0.05);
  CHECK(covered / kTrials > 0.88);
  CHECK(covered / kTrials < 0.92);
}

TEST_CASE("a flow from the Gaussian-posterior base is that posterior before any step", "[flow]") {
  const auto d = domain::Domain::lat_lon({20.0, 10.0, 0.0}, {0.0, 10.0, 20.0, 30.0});
  Eigen::MatrixXd c = Eigen::MatrixXd::Constant(12, 12, 0.5);
  c.diagonal().setConstant(1.0);
  const auto backbone = prior::Backbone::from_covariance(d, c, 0.0, {});
  const posterior::FlowNetworkOptions shape{.width = 8, .dilations = {1}, .couplings = 4};
  const auto network =
      posterior::make_flow_network(shape, posterior::condition_channels(d, 0), prior::GridTopology::of(d));
  network->eval();
  const auto base = GENERATE(posterior::FlowBase::gaussian_posterior, posterior::FlowBase::exact_posterior);
  const posterior::Model model{
      .backbone = backbone, .flow = network, .flow_options = shape, .flow_base = base};
  RandomStream random({.seed = 2});
  measurement::ObservedCells seen(12);
  for (std::size_t i = 0; i < 12; i += 2) seen[i] = true;
  const auto window = observed(normals(random, 12), seen, 0.1, 3, random);
  const posterior::SampleRequest request{.seed = 1, .members = 16, .density = true};
  const auto flow = posterior::SamplerRegistry::instance().make("flow", model)->sample(window, request);
  const auto gaussian =
      posterior::SamplerRegistry::instance().make("gaussian", model)->sample(window, request);
  CHECK((flow.members - gaussian.members).cwiseAbs().maxCoeff() <
        1e-5);                                               // the network computes in single precision
  CHECK(flow.effective_size == Approx(16.0).epsilon(1e-3));  // the target itself
}

TEST_CASE("a flow finds both modes of a two-moons posterior, a Gaussian neither", "[flow]") {
  // Two interleaved half circles. Where the first coordinate is 0.5, the second is near -0.37 or 0.87.
  const auto d = domain::Domain::lat_lon({0.0}, {0.0, 10.0});
  const auto moon = [](RandomStream& random) {
    const double angle = M_PI * random.uniform();
    const bool upper = random.uniform() < 0.5;
    Eigen::Vector2d x = upper ? Eigen::Vector2d(std::cos(angle), std::sin(angle))
                              : Eigen::Vector2d(1.0 - std::cos(angle), 0.5 - std::sin(angle));
    x += 0.05 * Eigen::Vector2d(random.normal(), random.normal());
    return x;
  };
  RandomStream random({.seed = 4});
  constexpr Eigen::Index kFields = 8000;
  prior::TrainingFields fields{.domain = d};
  fields.values.resize(2, kFields);
  for (Eigen::Index t = 0; t < kFields; ++t) {
    fields.values.col(t) = moon(random).cast<float>();
    fields.index.push_back(t);
    fields.season.push_back(0.0);
  }
  const auto backbone = prior::Backbone::fit(fields, {.mean_harmonics = 0, .rank = 2});
  const measurement::ObservedCells first_seen{true, false};
  const measurement::MaskBank bank(d, {first_seen}, {"gaps"});
  auto o = toys::forward_kl("standard");
  constexpr double kSigma = 0.05;
  o.noise_lowest = o.noise_highest = kSigma / backbone.unit_scale();
  o.steps = 3000;
  o.batch = 128;
  o.learning_rate = 2e-3;
  o.weight_decay = 1e-4;
  const auto cases = posterior::simulate_cases(fields, {toys::fold_of(0, kFields - 500, backbone)}, 0, bank,
                                               o, 12000, 1, {});
  const auto held = posterior::simulate_cases(fields, {toys::fold_of(kFields - 500, kFields, backbone)}, 0,
                                              bank, o, 300, 2, {});
  const posterior::FlowNetworkOptions shape{.network = "realnvp", .width = 48, .couplings = 16};
  const auto trained = posterior::train_flow(cases, held, shape, o, backbone, {}, {});
  const posterior::Model model{.backbone = backbone,
                               .flow = trained.network,
                               .flow_options = shape,
                               .flow_base = posterior::FlowBase::standard};
  posterior::StepObservation step{.time = 1};
  step.measurement = std::make_shared<measurement::Measurement>(
      measurement::mask(first_seen, Eigen::Vector2d::Constant(kSigma)));
  step.y = Eigen::VectorXd::Constant(1, 0.5);
  posterior::Window window;
  window.steps.push_back(step);
  const auto near_modes = [&](const char* method) {
    const auto e = posterior::SamplerRegistry::instance()
                       .make(method, model)
                       ->sample(window, {.seed = 3, .members = 2000});
    double low = 0.0;
    double high = 0.0;
    for (const double v : e.members.row(1)) {
      low += std::abs(v + 0.37) < 0.2 ? 1.0 / 2000.0 : 0.0;
      high += std::abs(v - 0.87) < 0.2 ? 1.0 / 2000.0 : 0.0;
    }
    return std::pair{low, high};
  };
  const auto flow = near_modes("flow");
  const auto gaussian = near_modes("gaussian");
  INFO("flow " << flow.first << " " << flow.second << ", gaussian " << gaussian.first << " "
               << gaussian.second);
  // Either mode holds half of the posterior; a normal distribution of its width has a seventh in each of
  // these intervals.
  CHECK(gaussian.first < 0.2);
  CHECK(gaussian.second < 0.2);
  CHECK(flow.first > 1.7 * gaussian.first);
  CHECK(flow.second > 1.7 * gaussian.second);
}
