#include "unit/posterior/hills_toys.hpp"

#include <Eigen/Cholesky>
#include <memory>
#include <utility>
#include <vector>

#include "manifill/posterior/davi_training.hpp"
#include "manifill/prior/score_training.hpp"
#include "unit/posterior/flow_toys.hpp"

namespace toys {

namespace {

constexpr double kSigma = 0.4;
constexpr double kObserved = 0.1;
const manifill::measurement::ObservedCells kSeen{true, false};

manifill::prior::TrainingFields drawn(Eigen::Index count) {
  using namespace manifill;
  const Mixture hills = two_hills();
  RandomStream random({.seed = 4});
  prior::TrainingFields out{.domain = domain::Domain::lat_lon({0.0}, {0.0, 10.0})};
  out.values.resize(2, count);
  for (Eigen::Index t = 0; t < count; ++t) {
    const std::size_t k = random.uniform() < hills.weight[0] ? 0 : 1;
    const Eigen::Vector2d white(random.normal(), random.normal());
    out.values.col(t) =
        (hills.mean[k] + Eigen::LLT<Eigen::MatrixXd>(hills.covariance[k]).matrixL() * white).cast<float>();
    out.index.push_back(t);
    out.season.push_back(0.0);
  }
  return out;
}

manifill::prior::Backbone fit(const manifill::prior::TrainingFields& fields) {
  return manifill::prior::Backbone::fit(fields, {.mean_harmonics = 0, .rank = 2});
}

/// Training and held-out cases with the first point observed.
std::pair<manifill::posterior::FlowCases, manifill::posterior::FlowCases> cases(
    const manifill::prior::TrainingFields& fields, const manifill::prior::Backbone& backbone,
    manifill::posterior::FlowTrainingOptions& o, std::int64_t count) {
  using namespace manifill;
  o.gaps_share = 1.0;
  o.protocol_share = 0.0;
  o.noise_lowest = o.noise_highest = kSigma / backbone.unit_scale();
  const measurement::MaskBank bank(fields.domain, {kSeen}, {"gaps"});
  const auto times = static_cast<Eigen::Index>(fields.index.size());
  const auto part = [&](Eigen::Index first, Eigen::Index last, std::int64_t number, std::uint64_t seed) {
    return posterior::simulate_cases(fields, {fold_of(first, last, backbone)}, 0, bank, o, number, seed, {});
  };
  return {part(0, times - 500, count, 1), part(times - 500, times, 200, 2)};
}

}  // namespace

HillsField::HillsField(const HillsTraining& training, Eigen::Index count)
    : fields_(drawn(count)), model_{.backbone = fit(fields_)} {
  using namespace manifill;
  if (training.score > 0) train_score(training.score);
  if (training.flow > 0) train_flow(training.flow, training.seed);
  if (training.davi > 0) train_davi(training.davi, training.seed);
  posterior::StepObservation step{.time = 1};
  step.measurement =
      std::make_shared<measurement::Measurement>(measurement::mask(kSeen, Eigen::Vector2d::Constant(kSigma)));
  step.y = Eigen::VectorXd::Constant(1, kObserved);
  window_.steps.push_back(step);
}

Hills HillsField::of(const std::string& name, std::uint32_t members, std::int64_t refine) const {
  const auto e = manifill::posterior::SamplerRegistry::instance()
                     .make(name, model_)
                     ->sample(window_, {.seed = 3, .members = members, .refine = refine});
  const Eigen::MatrixXd a = Eigen::RowVector2d(1.0 / kSigma, 0.0);
  return hills_of(e.members, two_hills().posterior(a, Eigen::VectorXd::Constant(1, kObserved / kSigma)));
}

void HillsField::train_score(std::int64_t steps) {
  using namespace manifill;
  prior::ScoreTrainingOptions o;
  o.network = {.network = "conv", .width = 32, .dilations = {1, 1}, .dropout = 0.0, .place = "position"};
  o.steps = steps;
  o.minutes = 0.0;
  o.batch = 128;
  o.validate_every = steps;
  std::vector<bool> held(fields_.index.size(), false);
  held[0] = true;
  model_.score = prior::train_score(model_.backbone, fields_, held, o, "", false).network.ptr();
}

void HillsField::train_flow(std::int64_t steps, std::int64_t seed) {
  using namespace manifill;
  auto o = forward_kl("standard");
  o.batch = 128;
  o.learning_rate = 2e-3;
  o.weight_decay = 1e-4;
  o.steps = steps;
  o.seed = seed;
  const auto [own, held] = cases(fields_, model_.backbone, o, 12000);
  model_.flow_options = {.network = "realnvp", .width = 48, .couplings = 8};
  model_.flow_base = posterior::FlowBase::standard;
  model_.flow = posterior::train_flow(own, held, model_.flow_options, o, model_.backbone, {}, {}).network;
}

void HillsField::train_davi(std::int64_t steps, std::int64_t seed) {
  using namespace manifill;
  posterior::DaviTrainingOptions o;
  o.cases.keep_windows = true;
  o.network = {.network = "conv", .width = 32, .dilations = {1, 1}, .dropout = 0.0, .place = "position"};
  o.batch = 64;
  o.minutes = 1000.0;
  o.patience = 1000;
  o.steps = steps;
  o.seed = seed;
  const auto [own, held] = cases(fields_, model_.backbone, o.cases, 2000);
  model_.davi_noise = o.noise;
  model_.davi =
      posterior::train_davi(own, held, prior::Prior(model_.backbone, model_.score), o, {}).generator.ptr();
}

}  // namespace toys
