// Scores fills of fields on any domain under masks of the mask bank that no training saw, and draws them on a
// mesh.
//
//   bench-digits DATA.nc MODEL.h5 [options]
//
//   --variable V      of DATA.nc (the only one that can be filled)
//   --kind K          of mask: blocks (discs where points come in no rows), scattered, bands, swaths, none
//   (blocks)
//   --hidden S        share hidden (0.5)
//   --noise S         observation noise, units of the variable (0.1)
//   --first K         first field (0)
//   --fields N        fields scored (200)
//   --figure F.png    ten fields: truth, observations, harmonic fill, mean and members
//
// Scored are the hidden points; with `none`, where nothing is hidden, all: denoising. The model must not have
// seen the fields. Methods: climatology, nearest neighbour, harmonic fill, heat kernel (its time chosen on
// training fields under other masks, by RMSE), gaussian, flow.
#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/base/stopwatch.hpp"
#include "manifill/io/gridded.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "manifill/operators/laplacian.hpp"
#include "manifill/operators/laplacian_filter.hpp"
#include "manifill/pipeline/train.hpp"
#include "manifill/plot/mesh_view.hpp"
#include "manifill/posterior/nearest.hpp"
#include "manifill/posterior/sampler.hpp"
#include "manifill/posterior/windows.hpp"
#include "manifill/verification/bootstrap.hpp"
#include "manifill/verification/scores.hpp"
#include "program.hpp"

namespace {

using namespace manifill;

constexpr std::uint64_t kMaskSeed = 20240717;
constexpr std::uint64_t kTuningSeed = 20240718;
constexpr std::uint32_t kMembers = 32;
constexpr std::size_t kShown = 10;

struct Options {
  std::string data, model, variable, figure;
  std::string kind = "blocks";
  double hidden = 0.5;
  double noise = 0.1;
  Eigen::Index first = 0;
  Eigen::Index fields = 200;
};

struct Case {
  posterior::Window window;
  std::vector<bool> observed;  // [point]
  Eigen::VectorXd values;      // [point], observations, NaN where hidden
  Eigen::VectorXd truth;
  Eigen::VectorXd weight;  // [point], area where scored
};

Case make_case(const prior::TrainingFields& all, Eigen::Index t, const Options& o, std::uint64_t seed) {
  const auto n = static_cast<Eigen::Index>(all.domain.size());
  const measurement::MaskBank bank(all.domain, {});
  RandomStream random({.seed = seed, .purpose = RandomPurpose::mask, .time = t});
  measurement::ObservedCells cells(all.domain.size(), true);
  if (o.kind != "none") cells = bank.draw(random, o.hidden, o.kind);
  const Eigen::VectorXd truth = all.values.col(t).cast<double>();
  for (Eigen::Index i = 0; i < n; ++i)
    if (std::isnan(truth[i])) cells[static_cast<std::size_t>(i)] = false;
  RandomStream noise({.seed = seed, .purpose = RandomPurpose::observation_noise, .time = t});
  Case c{.window = posterior::simulate_window(all, t, 0, {cells}, o.noise, noise),
         .observed = cells,
         .values = Eigen::VectorXd::Constant(n, std::numeric_limits<double>::quiet_NaN()),
         .truth = truth,
         .weight = Eigen::Map<const Eigen::VectorXd>(all.domain.weights().data(), n)};
  const auto& centre = c.window.at_centre();
  const Eigen::VectorXd back = centre.measurement->adjoint(centre.y).col(0);
  for (Eigen::Index i = 0; i < n; ++i) {
    const bool seen = cells[static_cast<std::size_t>(i)];
    if (seen) c.values[i] = back[i];
    if (std::isnan(truth[i]) || (seen && o.kind != "none")) c.weight[i] = 0.0;
  }
  return c;
}

operators::Laplacian laplacian_of(const domain::Domain& d) {
  if (d.kind() == domain::DomainKind::surface) return operators::cotangent_laplacian(d.mesh());
  return operators::point_laplacian(d.points(), d.weights());
}

/// Mean of near observations, weighted by the heat kernel.
Eigen::VectorXd heat_fill(const operators::Laplacian& l, const Case& c, double time) {
  Eigen::MatrixXd both = Eigen::MatrixXd::Zero(c.truth.size(), 2);
  for (Eigen::Index i = 0; i < c.truth.size(); ++i)
    if (c.observed[static_cast<std::size_t>(i)]) both.row(i) << c.values[i], 1.0;
  const Eigen::MatrixXd spread = operators::diffuse(l, both, time, 1e-6);
  return spread.col(0).array() / spread.col(1).array().max(1e-6);
}

double rmse(const Eigen::VectorXd& fill, const Case& c) {
  const Eigen::VectorXd error = (c.weight.array() > 0.0).select(fill - c.truth, 0.0);
  return std::sqrt(error.cwiseAbs2().dot(c.weight) / c.weight.sum());
}

double best_heat_time(const operators::Laplacian& l, const prior::TrainingFields& training,
                      const Options& o) {
  // In squared mean distances between points, which the areas give.
  const double unit = l.mass.mean();
  double best = unit;
  double least = INFINITY;
  for (const double factor : {0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0}) {
    double sum = 0.0;
    for (Eigen::Index t = 0; t < std::min<Eigen::Index>(20, training.values.cols()); ++t) {
      const Case c = make_case(training, t, o, kTuningSeed);
      sum += rmse(heat_fill(l, c, factor * unit), c);
    }
    if (sum >= least) continue;
    least = sum;
    best = factor * unit;
  }
  return best;
}

/// Root mean square distance of two members over the scored points.
double diversity(const Eigen::MatrixXd& members, const Eigen::VectorXd& weight) {
  double sum = 0.0;
  Eigen::Index pairs = 0;
  for (Eigen::Index a = 0; a < members.cols(); ++a)
    for (Eigen::Index b = 0; b < a; ++b, ++pairs)
      sum += (weight.array() > 0.0)
                 .select(members.col(a) - members.col(b), 0.0)
                 .matrix()
                 .cwiseAbs2()
                 .dot(weight) /
             weight.sum();
  return std::sqrt(sum / static_cast<double>(pairs));
}

struct Method {
  std::string name;
  std::function<Eigen::MatrixXd(const Case&)> fill;  // [point][member]
};

std::vector<double> shown(const Eigen::VectorXd& x, const Eigen::VectorXd& truth) {
  std::vector<double> out(x.data(), x.data() + x.size());
  for (Eigen::Index i = 0; i < x.size(); ++i)
    if (std::isnan(truth[i])) out[static_cast<std::size_t>(i)] = std::numeric_limits<double>::quiet_NaN();
  return out;
}

void draw(const Options& o, const domain::Domain& domain, const std::vector<Case>& cases,
          const std::vector<Method>& methods) {
  plot::MeshFigure figure{.domain = domain, .columns = kShown};
  const auto row = [&](const std::string& title, const std::function<Eigen::VectorXd(const Case&)>& field) {
    for (std::size_t k = 0; k < kShown && k < cases.size(); ++k)
      figure.views.push_back({title, shown(field(cases[k]), cases[k].truth)});
  };
  row("truth", [](const Case& c) { return c.truth; });
  row("observed", [](const Case& c) { return c.values; });
  for (const auto& m : methods) {
    if (m.name == "climatology" || m.name == "nearest neighbour" || m.name == "heat kernel") continue;
    const bool ensemble = m.name == "flow" || m.name == "gaussian";
    row(ensemble ? m.name + ", mean" : m.name,
        [&](const Case& c) -> Eigen::VectorXd { return m.fill(c).rowwise().mean(); });
    if (!ensemble) continue;
    for (Eigen::Index k = 0; k < 3; ++k)
      row(fmt::format("{}, member {}", m.name, k + 1),
          [&](const Case& c) -> Eigen::VectorXd { return m.fill(c).col(k); });
  }
  plot::mesh_figure(o.figure, figure);
}

Options parse(const std::vector<std::string>& args) {
  if (args.size() < 2) throw Error(ErrorKind::usage, "usage: bench-digits DATA.nc MODEL.h5 [options]");
  Options o{.data = args[0], .model = args[1], .variable = {}, .figure = {}};
  for (std::size_t k = 2; k + 1 < args.size(); k += 2) {
    const std::string& value = args[k + 1];
    if (args[k] == "--variable")
      o.variable = value;
    else if (args[k] == "--kind")
      o.kind = value;
    else if (args[k] == "--hidden")
      o.hidden = std::stod(value);
    else if (args[k] == "--noise")
      o.noise = std::stod(value);
    else if (args[k] == "--first")
      o.first = std::stol(value);
    else if (args[k] == "--fields")
      o.fields = std::stol(value);
    else if (args[k] == "--figure")
      o.figure = value;
    else
      throw Error(ErrorKind::usage, "unknown option " + args[k]);
  }
  return o;
}

int main_of(const std::vector<std::string>& args) {
  const Options o = parse(args);
  const auto input = io::GriddedVariable::open(o.data, o.variable);
  const auto all = pipeline::load_training_fields(input, -100000, 100000, {});
  const auto model = posterior::Model::load(o.model);
  const prior::Backbone& b = model.backbone;
  const auto laplacian = laplacian_of(all.domain);
  const double time = best_heat_time(laplacian, b.training(), o);

  const auto sampler = [&](const std::string& name) {
    const std::shared_ptr<posterior::PosteriorSampler> s =
        posterior::SamplerRegistry::instance().make(name, model);
    return Method{
        name, [s](const Case& c) { return s->sample(c.window, {.seed = 1, .members = kMembers}).members; }};
  };
  const auto anomalies = [&b](const Case& c) -> Eigen::VectorXd {
    Eigen::VectorXd a = c.values - b.mean(0.0);
    return a.unaryExpr([](double x) { return std::isnan(x) ? 0.0 : x; });
  };
  std::vector<Method> methods{
      {"climatology", [&](const Case&) -> Eigen::MatrixXd { return b.mean(0.0); }},
      {"nearest neighbour",
       [&](const Case& c) -> Eigen::MatrixXd {
         return posterior::fill_nearest(b.domain(), c.observed, anomalies(c)) + b.mean(0.0);
       }},
      {"harmonic fill",
       [&](const Case& c) -> Eigen::MatrixXd {
         return operators::harmonic_fill(laplacian, c.observed, c.values);
       }},
      {"heat kernel", [&](const Case& c) -> Eigen::MatrixXd { return heat_fill(laplacian, c, time); }},
      sampler("gaussian")};
  if (model.flow) methods.push_back(sampler("flow"));

  std::vector<Case> cases;
  for (Eigen::Index t = o.first; t < std::min<Eigen::Index>(o.first + o.fields, all.values.cols()); ++t) {
    Case c = make_case(all, t, o, kMaskSeed);
    if (c.weight.sum() > 0.0) cases.push_back(std::move(c));
  }
  fmt::print("{} fields, {} members; {} hiding {}, noise {}; heat kernel of {:.3g} mean areas\n\n",
             cases.size(), kMembers, o.kind, o.hidden, o.noise, time / laplacian.mass.mean());
  fmt::print(
      "| method | RMSE | CRPS | spread/skill | 50 % | 80 % | 90 % | energy | diversity | s a field |\n"
      "|---|---|---|---|---|---|---|---|---|---|\n");
  std::vector<verification::ScoreCard> cards;
  for (const auto& m : methods) {
    cards.emplace_back(all.domain);
    double apart = 0.0;
    const Stopwatch watch;
    for (const auto& c : cases) {
      Eigen::MatrixXd x = m.fill(c);
      for (Eigen::Index i = 0; i < x.rows(); ++i)
        if (c.weight[i] <= 0.0) x.row(i).setZero();
      Eigen::VectorXd truth = (c.weight.array() > 0.0).select(c.truth, 0.0);
      cards.back().add(x, truth, c.weight);
      if (x.cols() > 1) apart += diversity(x, c.weight) / static_cast<double>(cases.size());
    }
    const auto s = cards.back().result();
    fmt::print("| {} | {:.4f} | {:.4f} |", m.name, s.rmse, s.crps);
    if (s.members > 1)
      fmt::print(" {:.3f} | {:.3f} | {:.3f} | {:.3f} | {:.4f} | {:.4f} |", s.spread_skill, s.coverage50,
                 s.coverage80, s.coverage90, s.energy, apart);
    else
      fmt::print(" | | | | | |");
    fmt::print(" {:.3f} |\n", watch.seconds() / static_cast<double>(cases.size()));
    std::fflush(stdout);
  }
  if (model.flow) {
    const auto& flow = cards.back();
    const auto& gaussian = cards[cards.size() - 2];
    const double base = gaussian.result().crps;
    const auto d = verification::block_bootstrap_difference(flow.field_crps(), gaussian.field_crps(),
                                                            flow.values(&verification::FieldScores::weight));
    fmt::print(
        "\nflow against gaussian: CRPS {:+.1f} % ({:+.1f} to {:+.1f}, 95 % block bootstrap over fields)\n",
        100.0 * d.mean / base, 100.0 * d.low / base, 100.0 * d.high / base);
  }
  if (!o.figure.empty()) draw(o, all.domain, cases, methods);
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return bench::run("bench-digits", main_of, argc, argv); }
