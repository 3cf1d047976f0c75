// Scores methods on the protocols of docs/results.md and prints tables.
//
//   bench-imputation pressure  DATA.nc MODEL.h5 [options]   2008, random blocks and 20 % scattered cells
//   bench-imputation fractions DATA.nc MODEL.h5 [options]   2008, CRPS against the share hidden
//   bench-imputation gistemp   DATA.nc MODEL.h5 [options]   2010-2019 under the real gaps of 1880-1889
//   bench-imputation swaths    DATA.nc MODEL.h5 [options]   under orbits that see half of the domain
//   bench-imputation masks     DATA.nc MODEL.h5 [options]   under half a domain of masks of one kind
//   bench-imputation ships     DATA.nc MODEL.h5 [options]   seen where ships have been: --gaps
//
//   --series A,B      of `swaths`, `masks` and `ships`: the realizations scored, counted from 1
//   --years A,B       of the same: first and last year scored (all)
//   --kind K          of `masks`: one of the mask bank's, or clouds, which are hidden where a random Matern
//                     field is high and which no training draws (clouds)
//   --gaps FILE       of `ships`: NetCDF file of a climatology with missing values where no ship came, on any
//   grid
//   --gaps-variable V its variable
//   --standard M.h5   a second model, whose flow has the standard base
//   --noise S         observation noise of `pressure`, in standard deviations of 951 Pa (0.05)
//   --stride K        every K-th step is scored (1)
//   --refine N        adds the flow's members after N likelihood-aware steps of the prior
//   --methods A,B     adds registered samplers by name, with an option or none: eof@eof.modes=30,heat
//   --only A,B        these methods only, by the names in the table; those compared with are named too
//   --figure F.png    of `fractions`
//
// The models must not have seen the scored years.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <regex>
#include <span>
#include <sstream>
#include <string>

#include "manifill/base/error.hpp"
#include "manifill/base/stopwatch.hpp"
#include "manifill/domain/nearest_points.hpp"
#include "manifill/pipeline/evaluation.hpp"
#include "manifill/pipeline/train.hpp"
#include "manifill/plot/curves.hpp"
#include "manifill/posterior/kriging.hpp"
#include "manifill/posterior/nearest.hpp"
#include "manifill/posterior/sampler.hpp"
#include "manifill/posterior/windows.hpp"
#include "manifill/prior/matern_field.hpp"
#include "manifill/verification/bootstrap.hpp"
#include "manifill/verification/scores.hpp"
#include "program.hpp"

namespace {

using namespace manifill;
using pipeline::Method;
using pipeline::MethodScores;
using Case = pipeline::WithheldField;

constexpr std::uint64_t kMaskSeed = 20080101;
constexpr std::uint32_t kMembers = 32;
constexpr double kPressureUnit = 951.0;  // Pa
constexpr const char* kKriging = "kriging, exponential";

struct Options {
  std::string protocol{};
  std::string data{};
  std::string model{};
  std::string standard{};
  std::string figure{};
  std::string only{};
  std::string methods{};
  std::string gaps{};
  std::string gaps_variable{};
  std::string kind = "clouds";
  std::vector<double> series{1.0};
  std::vector<double> years{-100000.0, 100000.0};
  double noise = 0.05;
  int stride = 1;
  std::int64_t refine = 0;
};

posterior::Window narrowed(const posterior::Window& window, std::int64_t half) {
  posterior::Window out;
  const std::size_t first = window.centre() - static_cast<std::size_t>(half);
  out.steps.assign(
      window.steps.begin() + static_cast<std::ptrdiff_t>(first),
      window.steps.begin() + static_cast<std::ptrdiff_t>(first + 2 * static_cast<std::size_t>(half) + 1));
  return out;
}

/// A model as read, with the seconds that its training took.
struct Trained {
  posterior::Model model;
  double seconds;
};

Trained load(const std::string& path) {
  const Stopwatch watch;
  auto model = posterior::Model::load(path);
  double seconds = watch.seconds();  // the backbone is fitted again from its fields
  // The provenance holds what `train prior` and `train flow` took: "...; prior: 90 s; flow: 2400 cases, 700
  // s".
  const std::regex taken("([0-9]+) s(;|$)");
  const std::string& text = model.info.training;
  for (std::sregex_iterator at(text.begin(), text.end(), taken); at != std::sregex_iterator(); ++at)
    seconds += std::stod((*at)[1]);
  return {std::move(model), seconds};
}

Method by_sampler(const std::string& name, const std::string& sampler, const posterior::Model& model,
                  double unit, double training, std::int64_t refine = 0, const std::string& option = {}) {
  const auto& registry = posterior::SamplerRegistry::instance();
  Config options(registry.specs());
  if (!option.empty()) options.set(option);
  const std::shared_ptr<posterior::PosteriorSampler> s = registry.make(sampler, model, options);
  return {name,
          [s, &model, unit, refine](const Case& c) {
            const auto e = s->sample(narrowed(c.window, model.backbone.options().window),
                                     {.seed = 1, .members = kMembers, .refine = refine});
            return pipeline::Answer{.members = e.members / unit};
          },
          training};
}

Eigen::VectorXd observed_anomalies(const Case& c, const prior::Backbone& backbone) {
  const posterior::StepObservation& centre = c.window.at_centre();
  Eigen::VectorXd out = Eigen::VectorXd::Zero(c.truth.size());
  if (!centre.measurement || centre.y.size() == 0) return out;
  out = centre.measurement->adjoint(centre.y).col(0);
  const Eigen::VectorXd level = backbone.mean(centre.season);
  for (Eigen::Index i = 0; i < out.size(); ++i)
    out[i] = c.observed[static_cast<std::size_t>(i)] ? out[i] - level[i] : 0.0;
  return out;
}

/// Ordinary kriging of anomalies, its covariance by maximum likelihood on the training fields.
Method by_kriging(const prior::Backbone& b, double unit) {
  const Stopwatch watch;
  Eigen::MatrixXf anomalies = b.training().values;
  for (Eigen::Index t = 0; t < anomalies.cols(); ++t)
    anomalies.col(t) -= b.mean(b.training().season[static_cast<std::size_t>(t)]).cast<float>();
  const auto fitted = posterior::fit_exponential_covariance(b.domain(), anomalies);
  const double fitting = watch.seconds();
  fmt::print("kriging: standard deviation {:.4g}, range {:.0f} km, nugget {:.3g}, by maximum likelihood\n",
             std::sqrt(fitted.covariance.variance), fitted.covariance.range_km, fitted.covariance.nugget);
  return {kKriging,
          [&b, unit, fitted](const Case& c) {
            auto covariance = fitted.covariance;
            const auto& sigma = c.window.at_centre().measurement->noise_sigma();
            covariance.nugget += sigma.cwiseAbs2().mean();
            const posterior::KrigingFactor factor(b.domain(), covariance, c.observed);
            const Eigen::VectorXd mean =
                factor.mean(observed_anomalies(c, b)).col(0) + b.mean(c.window.at_centre().season);
            // The truth includes what neighbours do not share, but not the observations' noise.
            const Eigen::VectorXd sd =
                (factor.standard_deviation().array().square() + fitted.covariance.nugget).sqrt();
            return pipeline::Answer{.mean = mean / unit, .sd = sd / unit};
          },
          fitting};
}

std::vector<Method> methods_of(const Options& o, const Trained& trained,
                               const std::optional<Trained>& standard, const Trained& reference,
                               double unit) {
  const posterior::Model& model = trained.model;
  const prior::Backbone& b = model.backbone;
  std::vector<Method> out;
  out.push_back({"climatology", [&b, unit](const Case& c) {
                   return pipeline::Answer{.members = b.mean(c.window.at_centre().season) / unit};
                 }});
  out.push_back({"nearest neighbour", [&b, unit](const Case& c) {
                   const Eigen::VectorXd fill =
                       posterior::fill_nearest(b.domain(), c.observed, observed_anomalies(c, b)) +
                       b.mean(c.window.at_centre().season);
                   return pipeline::Answer{.members = fill / unit};
                 }});
  const auto wanted = [&](const std::string& name) {
    return o.only.empty() || o.only.find("," + name + ",") != std::string::npos;
  };
  if (wanted(kKriging)) out.push_back(by_kriging(b, unit));
  out.push_back(
      by_sampler("reference optimal interpolation", "gaussian", reference.model, unit, reference.seconds));
  out.push_back(by_sampler("gaussian", "gaussian", model, unit, trained.seconds));
  if (standard && standard->model.flow)
    out.push_back(by_sampler("flow, standard base", "flow", standard->model, unit, standard->seconds));
  if (model.flow) {
    out.push_back(by_sampler("flow", "flow", model, unit, trained.seconds));
    if (o.refine > 0)
      out.push_back(by_sampler(fmt::format("flow --refine {}", o.refine), "flow", model, unit,
                               trained.seconds, o.refine));
  }
  std::stringstream added(o.methods);
  for (std::string name; std::getline(added, name, ',');) {
    const auto at = name.find('@');
    out.push_back(by_sampler(name, name.substr(0, at), model, unit, trained.seconds, 0,
                             at == std::string::npos ? "" : name.substr(at + 1)));
  }
  std::erase_if(out, [&](const Method& m) { return !wanted(m.name); });
  return out;
}

std::vector<MethodScores> score(const std::vector<Method>& methods, const domain::Domain& domain,
                                const std::vector<Case>& cases) {
  const verification::FieldScorer scorer(domain);
  std::vector<MethodScores> rows;
  for (const auto& m : methods) {
    rows.push_back(pipeline::score_method(m, scorer, cases));
    fmt::print(stderr, "{}: {:.0f} s\n", m.name,
               rows.back().seconds * std::max<double>(1.0, static_cast<double>(cases.size()) - 1.0));
  }
  return rows;
}

std::vector<double> values_of(const MethodScores& row, double verification::FieldScores::*score) {
  std::vector<double> out;
  for (const auto& f : row.fields) out.push_back(f.*score);
  return out;
}

std::string cell(double v, const char* format) {
  return std::isnan(v) ? std::string() : fmt::format(fmt::runtime(format), v);
}

void print_table(const std::vector<MethodScores>& rows, std::size_t cases, const char* unit) {
  fmt::print("\n{} fields, {} members, scores in {} over hidden cells\n\n", cases, kMembers, unit);
  fmt::print(
      "| method | RMSE | CRPS | spread/skill | 50 % | 80 % | 90 % | energy | variogram | gradient ratio | s "
      "a field | training s |\n");
  fmt::print("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const auto& r : rows) {
    const auto s = verification::summarise(r.fields);
    const bool single = s.members == 1;
    const double nothing = verification::kUndefined;
    fmt::print(
        "| {} | {:.4f} | {:.4f} | {} | {} | {} | {} | {} | {} | {} | {:.3f} | {:.0f} |\n", r.name, s.rmse,
        s.crps, cell(s.spread_skill, "{:.3f}"), cell(single ? nothing : s.coverage50, "{:.3f}"),
        cell(single ? nothing : s.coverage80, "{:.3f}"), cell(single ? nothing : s.coverage90, "{:.3f}"),
        cell(single ? nothing : s.energy, "{:.4f}"), cell(single ? nothing : s.variogram, "{:.5f}"),
        cell(single ? nothing : s.gradient_ratio, "{:.3f}"), r.seconds, r.training + r.first);
  }
  fmt::print("\n");
  const auto find = [&](const std::string& name) {
    const auto at =
        std::find_if(rows.begin(), rows.end(), [&](const MethodScores& r) { return r.name == name; });
    return at == rows.end() ? nullptr : &*at;
  };
  const auto compare = [&](const std::string& name, const std::string& with) {
    const MethodScores* a = find(name);
    const MethodScores* b = find(with);
    if (a == nullptr || b == nullptr) return;
    const double base = verification::summarise(b->fields).crps;
    const auto crps = &verification::FieldScores::crps;
    const auto d = verification::block_bootstrap_difference(
        values_of(*a, crps), values_of(*b, crps), values_of(*a, &verification::FieldScores::weight));
    fmt::print("{} against {}: CRPS {:+.1f} % ({:+.1f} to {:+.1f}, 95 % block bootstrap over fields)\n", name,
               with, 100.0 * d.mean / base, 100.0 * d.low / base, 100.0 * d.high / base);
  };
  compare("gaussian", "reference optimal interpolation");
  compare("flow", "reference optimal interpolation");
  compare("flow", "gaussian");
}

/// The windows of 2008 under the masks that `mask` draws for every step.
std::vector<Case> pressure_cases(const prior::TrainingFields& all, double noise, int stride,
                                 std::int64_t half,
                                 const std::function<measurement::ObservedCells(RandomStream&)>& mask) {
  std::vector<Case> cases;
  const Eigen::VectorXd area =
      Eigen::Map<const Eigen::VectorXd>(all.domain.weights().data(), all.values.rows());
  for (std::size_t t = 0; t < all.year.size(); ++t) {
    if (all.year[t] != 2008 || (all.index[t] % stride) != 0) continue;
    std::vector<measurement::ObservedCells> masks;
    for (std::int64_t k = -half; k <= half; ++k) {
      RandomStream random({.seed = kMaskSeed, .purpose = RandomPurpose::mask, .time = all.index[t] + k});
      masks.push_back(mask(random));
    }
    RandomStream random(
        {.seed = kMaskSeed, .purpose = RandomPurpose::observation_noise, .time = all.index[t]});
    Case c{.window = posterior::simulate_window(all, static_cast<Eigen::Index>(t), half, masks,
                                                noise * kPressureUnit, random),
           .observed = masks[static_cast<std::size_t>(half)],
           .truth = all.values.col(static_cast<Eigen::Index>(t)).cast<double>() / kPressureUnit,
           .weight = area};
    for (std::size_t i = 0; i < all.domain.size(); ++i)
      if (c.observed[i]) c.weight[static_cast<Eigen::Index>(i)] = 0.0;
    cases.push_back(std::move(c));
  }
  return cases;
}

std::vector<Case> gistemp_cases(const prior::TrainingFields& all, double noise, int stride) {
  std::map<std::int64_t, std::size_t> at;
  for (std::size_t t = 0; t < all.index.size(); ++t) at[all.index[t]] = t;
  const Eigen::VectorXd area =
      Eigen::Map<const Eigen::VectorXd>(all.domain.weights().data(), all.values.rows());
  std::vector<Case> cases;
  constexpr std::int64_t kYear = 12;  // in months
  for (std::int64_t month = 2010 * kYear; month < 2020 * kYear; month += stride) {
    const auto t = static_cast<Eigen::Index>(at.at(month));
    const auto early = static_cast<Eigen::Index>(at.at(month - 130 * kYear));
    Case c{.window = {},
           .observed = std::vector<bool>(all.domain.size()),
           .truth = all.values.col(t).cast<double>(),
           .weight = area};
    for (std::size_t i = 0; i < c.observed.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      const bool known = !std::isnan(all.values(row, t));
      c.observed[i] = known && !std::isnan(all.values(row, early));
      if (c.observed[i] || !known) c.weight[row] = 0.0;
    }
    c.window.steps.push_back(posterior::observe_cells(all, static_cast<std::size_t>(t), c.observed, noise));
    cases.push_back(std::move(c));
  }
  return cases;
}

/// Where a climatology of another grid has a value, by its nearest point, for each of its times.
std::vector<measurement::ObservedCells> visited_cells(const Options& o, const domain::Domain& domain) {
  const auto ships = io::GriddedVariable::open(o.gaps, o.gaps_variable);
  const auto& points = ships.domain().points();
  const domain::NearestPoints search({points.begin(), points.end()});
  std::vector<measurement::ObservedCells> out;
  for (std::size_t t = 0; t < ships.times(); ++t) {
    const auto field = ships.read(0, t, 1);
    measurement::ObservedCells cells;
    for (const auto& p : domain.points())
      cells.push_back(!std::isnan(field(0, search.nearest(p, 1).front().index)));
    out.push_back(std::move(cells));
  }
  return out;
}

/// Masks like clouds: hidden where a random smooth field is high.
class Clouds {
 public:
  explicit Clouds(const domain::Domain& domain)
      : field_(std::make_shared<const operators::DomainLaplacian>(operators::domain_laplacian(domain)),
               {.range = kRange, .variance = 1.0, .nugget = 0.0}) {}

  [[nodiscard]] measurement::ObservedCells draw(RandomStream& random, double hidden) const {
    Eigen::MatrixXd noise(field_.precision().rows(), 1);
    random.fill_normal(std::span<double>(noise.data(), static_cast<std::size_t>(noise.size())));
    const Eigen::VectorXd height = field_.colour(noise)(field_.nodes().of_point, 0);
    std::vector<double> sorted(height.begin(), height.end());
    const auto edge = static_cast<std::ptrdiff_t>((1.0 - hidden) * static_cast<double>(sorted.size()));
    std::nth_element(sorted.begin(), sorted.begin() + edge, sorted.end());
    measurement::ObservedCells out;
    for (const double h : height) out.push_back(h < sorted[static_cast<std::size_t>(edge)]);
    return out;
  }

 private:
  static constexpr double kRange = 2000.0;  // km
  prior::MaternField field_;
};

/// Every `stride`-th field of the years asked for, each step of its window under a mask of its own.
std::vector<Case> masked_cases(const Options& o, const prior::TrainingFields& all, std::int64_t half,
                               double noise) {
  constexpr double kHidden = 0.5;
  std::vector<measurement::ObservedCells> visited;
  if (o.protocol == "ships") visited = visited_cells(o, all.domain);
  std::optional<Clouds> clouds;
  if (o.protocol == "masks" && o.kind == "clouds") clouds.emplace(all.domain);
  const measurement::MaskBank bank(all.domain, {});
  const measurement::MaskBank orbits(all.domain, {}, {"swaths"});
  const auto mask = [&](std::int64_t index) {
    RandomStream random({.seed = kMaskSeed, .purpose = RandomPurpose::mask, .time = index});
    if (clouds) return clouds->draw(random, kHidden);
    return o.protocol == "masks" ? bank.draw(random, kHidden, o.kind) : orbits.draw(random, kHidden);
  };
  const Eigen::VectorXd area =
      Eigen::Map<const Eigen::VectorXd>(all.domain.weights().data(), all.values.rows());
  std::vector<Case> cases;
  std::int64_t number = 0;
  for (std::size_t t = 0; t < all.index.size(); ++t) {
    const auto year = static_cast<double>(all.year[t]);
    if (year < o.years.front() || year > o.years.back() || number++ % o.stride != 0) continue;
    const auto observed = visited.empty() ? mask(all.index[t]) : visited[cases.size() % visited.size()];
    Case c{.window = {},
           .observed = observed,
           .truth = all.values.col(static_cast<Eigen::Index>(t)).cast<double>(),
           .weight = area};
    for (std::size_t i = 0; i < observed.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      if (std::isnan(c.truth[row])) c.observed[i] = false;
      if (c.observed[i] || std::isnan(c.truth[row])) c.weight[row] = 0.0;
    }
    c.window = posterior::window_around(all.index, t, half, all.season[t], [&](std::size_t entry) {
      return posterior::observe_cells(all, entry, entry == t ? observed : mask(all.index[entry]), noise);
    });
    cases.push_back(std::move(c));
  }
  return cases;
}

void fractions(const Options& o, const prior::TrainingFields& all, const posterior::Model& model,
               const std::vector<Method>& methods) {
  const std::vector<double> shares{0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95};
  std::map<std::string, plot::Curve> curves;
  fmt::print("\n| share hidden |");
  for (const auto& m : methods) fmt::print(" {} |", m.name);
  fmt::print("\n|---|");
  for (std::size_t k = 0; k < methods.size(); ++k) fmt::print("---|");
  fmt::print("\n");
  for (const double share : shares) {
    const measurement::MaskBank bank(all.domain, {}, {"blocks_scattered"});
    const auto cases = pressure_cases(all, o.noise, o.stride, model.backbone.options().window,
                                      [&](RandomStream& random) { return bank.draw(random, share); });
    fmt::print("| {:.0f} % |", 100.0 * share);
    for (const auto& row : score(methods, all.domain, cases)) {
      const double crps = verification::summarise(row.fields).crps;
      fmt::print(" {:.4f} |", crps);
      plot::Curve& c = curves[row.name];
      c.x.push_back(100.0 * share);
      c.y.push_back(crps);
    }
    fmt::print("\n");
  }
  if (o.figure.empty()) return;
  plot::CurvePanel panel{.title = "sea-level pressure 2008, masks not seen before",
                         .x = {.label = "cells hidden, %"},
                         .y = {.label = "CRPS, 951 Pa"}};
  for (const auto& m : methods) {
    if (m.name == "climatology" || m.name == "nearest neighbour") continue;  // far above the others
    plot::Curve c = curves[m.name];
    c.label = m.name;
    c.markers = true;
    panel.curves.push_back(std::move(c));
  }
  plot::curves(o.figure, {.panels = {panel}, .width = 1200});
}

std::vector<double> numbers(const std::string& text) {
  std::vector<double> out;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) out.push_back(std::stod(part));
  return out;
}

Options parse(const std::vector<std::string>& args) {
  if (args.size() < 3)
    throw Error(
        ErrorKind::usage,
        "usage: bench-imputation pressure|fractions|gistemp|swaths|masks|ships DATA.nc MODEL.h5 [options]");
  Options o;
  o.protocol = args[0];
  o.data = args[1];
  o.model = args[2];
  for (std::size_t k = 3; k + 1 < args.size(); k += 2) {
    const std::string& value = args[k + 1];
    if (args[k] == "--standard")
      o.standard = value;
    else if (args[k] == "--noise")
      o.noise = std::stod(value);
    else if (args[k] == "--stride")
      o.stride = std::stoi(value);
    else if (args[k] == "--refine")
      o.refine = std::stoll(value);
    else if (args[k] == "--only")
      o.only = "," + value + ",";
    else if (args[k] == "--methods")
      o.methods = value;
    else if (args[k] == "--gaps")
      o.gaps = value;
    else if (args[k] == "--gaps-variable")
      o.gaps_variable = value;
    else if (args[k] == "--kind")
      o.kind = value;
    else if (args[k] == "--years")
      o.years = numbers(value);
    else if (args[k] == "--series")
      o.series = numbers(value);
    else if (args[k] == "--figure")
      o.figure = value;
    else
      throw Error(ErrorKind::usage, "unknown option " + args[k]);
  }
  return o;
}

int main_of(const std::vector<std::string>& args) {
  const Options o = parse(args);
  const bool gistemp = o.protocol == "gistemp";
  const bool masked = o.protocol == "swaths" || o.protocol == "masks" || o.protocol == "ships";
  const auto input = io::GriddedVariable::open(o.data, "");
  const auto all = pipeline::load_training_fields(input, -100000, 100000, {}, o.series);
  const Trained trained = load(o.model);
  const posterior::Model& model = trained.model;
  std::optional<Trained> standard;
  if (!o.standard.empty()) standard = load(o.standard);
  // Plain sample covariance of a single time, all seasons alike: untapered on pressure; on GISTEMP with the
  // Gaspari-Cohn function that is closest to a Gaussian of 3000 km (its support is 2 sqrt(10/3) of them).
  prior::BackboneOptions plain = model.backbone.options();
  plain.window = 0;
  plain.scale_power = 0.0;
  plain.season_bins = 1;
  plain.season_weights = {1.0};
  plain.taper_km = gistemp || masked ? 2.0 * std::sqrt(10.0 / 3.0) * 3000.0 : 0.0;
  plain.second_taper_share = 0.0;
  plain.half_life_years = 0.0;
  plain.bounds.clear();
  plain.offset_variance = 0.0;
  plain.inflation = 1.0;
  prior::TrainingFields known = model.backbone.training();
  known.infilled.resize(0, 0);
  const Stopwatch watch;
  const posterior::Model plain_model{.info = model.info,
                                     .backbone = prior::Backbone::fit(std::move(known), plain)};
  const Trained reference{plain_model, watch.seconds()};
  const double unit = gistemp || masked ? 1.0 : kPressureUnit;
  const auto methods = methods_of(o, trained, standard, reference, unit);
  if (o.protocol == "fractions") {
    fractions(o, all, model, methods);
    return 0;
  }
  // Temperatures are scored as `impute` would fill them: with the noise that the model declares.
  const prior::Backbone& b = model.backbone;
  const double noise = b.options().noise_sigma * b.unit_scale();
  const auto cases = gistemp  ? gistemp_cases(all, noise, o.stride)
                     : masked ? masked_cases(o, all, model.backbone.options().window, noise)
                              : pressure_cases(all, o.noise, o.stride, model.backbone.options().window,
                                               [&](RandomStream& random) {
                                                 return measurement::blocks_and_scattered(all.domain, random);
                                               });
  print_table(score(methods, all.domain, cases), cases.size(), gistemp || masked ? "K" : "951 Pa");
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return bench::run("bench-imputation", main_of, argc, argv); }
