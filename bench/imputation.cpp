// Scores methods on the protocols of docs/results.md and prints a table.
//
//   bench-imputation pressure DATA.nc MODEL.h5 NOISE [STRIDE]     2008, random blocks and 20 % scattered cells
//   bench-imputation gistemp  DATA.nc MODEL.h5 [STRIDE]           2010-2019 under the real gaps of 1880-1889
//
// NOISE in standard deviations of 951 Pa; every STRIDE-th step is scored. The model must not have seen the scored years.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <map>
#include <string>

#include "manifill/base/error.hpp"
#include "manifill/pipeline/train.hpp"
#include "manifill/posterior/flow_training.hpp"
#include "manifill/posterior/sampler.hpp"
#include "manifill/verification/scores.hpp"

namespace {

using namespace manifill;

constexpr std::uint64_t kMaskSeed = 20080101;
constexpr std::uint32_t kMembers = 32;
constexpr double kPressureUnit = 951.0;  // Pa

struct Case {
  posterior::Window window;
  Eigen::VectorXd truth;   // [point]
  Eigen::VectorXd weight;  // [point], area where hidden and known
};

struct Row {
  std::string name;
  verification::ScoreCard card;
  double seconds = 0.0;
};

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::vector<std::array<std::size_t, 2>> neighbour_pairs(const domain::Domain& d) {
  std::vector<std::array<std::size_t, 2>> pairs;
  for (std::size_t i = 0; i < d.size(); ++i)
    for (const auto j : d.neighbours(i))
      if (i < j) pairs.push_back({i, j});
  return pairs;
}

posterior::Model reference_model(const posterior::Model& model, prior::BackboneOptions options) {
  options.window = 0;
  return {.info = model.info, .backbone = prior::Backbone::fit(model.backbone.training(), options)};
}

void run(const std::vector<std::pair<std::string, const posterior::Model*>>& methods, const prior::TrainingFields& all,
         const std::vector<Case>& cases, double unit, const char* unit_name) {
  const auto pairs = neighbour_pairs(all.domain);
  std::vector<Row> rows;
  Row climatology;
  climatology.name = "climatology";
  for (const auto& c : cases) {
    const Eigen::VectorXd fill = methods.front().second->backbone.mean(c.window.at_centre().season);
    climatology.card.add(Eigen::VectorXd(fill / unit), Eigen::VectorXd(c.truth / unit), c.weight);
  }
  rows.push_back(std::move(climatology));
  for (const auto& [name, model] : methods) {
    const std::string method = name == "flow" ? "flow" : "gaussian";
    Row row;
    row.name = name;
    auto sampler = posterior::SamplerRegistry::instance().make(method, *model);
    for (std::size_t k = 0; k < cases.size(); ++k) {
      posterior::Window w = cases[k].window;
      const std::size_t half = static_cast<std::size_t>(model->backbone.options().window);
      const std::size_t first = w.centre() - half;
      w.steps = std::vector<posterior::StepObservation>(w.steps.begin() + static_cast<std::ptrdiff_t>(first), w.steps.begin() + static_cast<std::ptrdiff_t>(first + 2 * half + 1));
      static_cast<void>(model->backbone.window_covariance(model->backbone.season_bin(w.at_centre().season)));
      const double begin = now();
      const auto e = sampler->sample(w, {.seed = 1, .first_member = 0, .members = kMembers});
      if (k > 0) row.seconds += now() - begin;  // the first draw fills the innovations of the sequence
      row.card.add(Eigen::MatrixXd(e.members / unit), Eigen::VectorXd(cases[k].truth / unit), cases[k].weight, pairs);
    }
    row.seconds /= std::max<double>(1.0, static_cast<double>(cases.size()) - 1.0);
    rows.push_back(std::move(row));
  }
  fmt::print("{} fields, {} members, scores in {} over hidden cells\n\n", cases.size(), kMembers, unit_name);
  fmt::print("| method | RMSE | CRPS | spread/skill | 50 % | 80 % | 90 % | energy | variogram | s a field |\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (const auto& r : rows) {
    const auto s = r.card.result();
    if (r.name == "climatology") fmt::print("| {} | {:.4f} | {:.4f} | | | | | | | |\n", r.name, s.rmse, s.crps);
    else
      fmt::print("| {} | {:.4f} | {:.4f} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {:.4f} | {:.5f} | {:.3f} |\n", r.name, s.rmse, s.crps, s.spread_skill, s.coverage50,
                 s.coverage80, s.coverage90, s.energy, s.variogram, r.seconds);
  }
}

std::vector<Case> pressure_cases(const prior::TrainingFields& all, double noise, int stride, std::int64_t half) {
  const auto years = pipeline::years_of(all);
  std::vector<Case> cases;
  const Eigen::VectorXd area = Eigen::Map<const Eigen::VectorXd>(all.domain.weights().data(), all.values.rows());
  for (std::size_t t = 0; t < years.size(); ++t) {
    if (years[t] != 2008 || (all.index[t] % stride) != 0) continue;
    std::vector<measurement::ObservedCells> masks;
    for (std::int64_t k = -half; k <= half; ++k) {
      RandomStream random({.seed = kMaskSeed, .purpose = RandomPurpose::mask, .time = all.index[t] + k});
      masks.push_back(measurement::blocks_and_scattered(all.domain, random));
    }
    RandomStream random({.seed = kMaskSeed, .purpose = RandomPurpose::observation_noise, .time = all.index[t]});
    Case c{.window = posterior::simulate_window(all, static_cast<Eigen::Index>(t), half, masks, noise * kPressureUnit, random),
           .truth = all.values.col(static_cast<Eigen::Index>(t)).cast<double>(), .weight = area};
    for (std::size_t i = 0; i < all.domain.size(); ++i)
      if (masks[static_cast<std::size_t>(half)][i]) c.weight[static_cast<Eigen::Index>(i)] = 0.0;
    cases.push_back(std::move(c));
  }
  return cases;
}

std::vector<Case> gistemp_cases(const prior::TrainingFields& all, int stride) {
  std::map<std::int64_t, std::size_t> at;
  for (std::size_t t = 0; t < all.index.size(); ++t) at[all.index[t]] = t;
  const Eigen::VectorXd area = Eigen::Map<const Eigen::VectorXd>(all.domain.weights().data(), all.values.rows());
  std::vector<Case> cases;
  for (std::int64_t month = 2010 * 12; month < 2020 * 12; month += stride) {
    const auto t = static_cast<Eigen::Index>(at.at(month));
    const auto early = static_cast<Eigen::Index>(at.at(month - 130 * 12));
    measurement::ObservedCells seen(all.domain.size());
    Case c{.window = {}, .truth = all.values.col(t).cast<double>(), .weight = area};
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      seen[i] = !std::isnan(all.values(row, early));
      if (seen[i] || std::isnan(all.values(row, t))) c.weight[row] = 0.0;
      if (std::isnan(c.truth[row])) c.truth[row] = 0.0;
    }
    posterior::StepObservation step{.time = month, .season = all.season[static_cast<std::size_t>(t)]};
    for (std::size_t i = 0; i < seen.size(); ++i) seen[i] = seen[i] && !std::isnan(all.values(static_cast<Eigen::Index>(i), t));
    step.measurement = std::make_shared<measurement::Measurement>(measurement::mask(seen, Eigen::VectorXd::Constant(all.values.rows(), 0.05)));
    step.y.resize(step.measurement->observations());
    Eigen::Index row = 0;
    for (std::size_t i = 0; i < seen.size(); ++i)
      if (seen[i]) step.y[row++] = all.values(static_cast<Eigen::Index>(i), t);
    c.window.steps.push_back(std::move(step));
    cases.push_back(std::move(c));
  }
  return cases;
}

int main_of(const std::vector<std::string>& args) {
  if (args.size() < 3) throw Error(ErrorKind::usage, "usage: bench-imputation pressure|gistemp DATA.nc MODEL.h5 [NOISE] [STRIDE]");
  const bool pressure = args[0] == "pressure";
  const auto input = io::GriddedVariable::open(args[1], "");
  const auto all = pipeline::load_training_fields(input, -100000, 100000, {});
  const auto model = posterior::Model::load(args[2]);
  prior::BackboneOptions plain = model.backbone.options();
  plain.scale_power = 0.0;
  plain.season_bins = pressure ? 1 : 12;
  plain.season_weights = {1.0};
  plain.taper_km = pressure ? 0.0 : 6000.0;
  plain.second_taper_share = 0.0;
  plain.offset_variance = 0.0;
  plain.inflation = 1.0;
  const auto reference = reference_model(model, plain);
  std::vector<std::pair<std::string, const posterior::Model*>> methods{{"reference optimal interpolation", &reference}, {"gaussian", &model}};
  if (model.flow) methods.emplace_back("flow", &model);
  if (pressure) {
    const double noise = args.size() > 3 ? std::stod(args[3]) : 0.05;
    const int stride = args.size() > 4 ? std::stoi(args[4]) : 1;
    run(methods, all, pressure_cases(all, noise, stride, model.backbone.options().window), kPressureUnit, "951 Pa");
  } else {
    run(methods, all, gistemp_cases(all, args.size() > 3 ? std::stoi(args[3]) : 1), 1.0, "K");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return main_of({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench-imputation: {}\n", e.what());
    return 2;
  }
}
