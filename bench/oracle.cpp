// Scores posteriors of Gaussian fields of known spectrum against the closed form, on every kind of domain.
//
//   bench-oracle [DOMAIN...] [options]
//
//   DOMAIN            lat_lon (24 x 48), healpix16 (3,072 pixels), bunny, icon; all whose files are given
//   --bunny F.off     mesh of the bunny, or any closed mesh
//   --icon F.nc       ICON grid; four triangles become one until there are no more than
//   --cells N         (6000)
//   --fields N        fields scored under each law (60)
//   --masks N         masks that they share: scattered, discs, slabs in turn, 50 % hidden (12)
//   --members N       of each ensemble (250)
//   --fitted N        fields scored of `matern` with its parameters found from each field (20)
//   --training N      draws that a covariance and flows are learned from; 0: none is (500)
//   --cases N         simulated cases of a flow's training (600)
//   --minutes M       of a flow's optimisation (2)
//
// Laws, of mean 0 and area-mean variance about 1: `spectrum`, power (1 + l (l + 1) / 36)^-5/2 of the
// spherical harmonics to degree 48, on a mesh the same function of its Laplacian's eigenvalues and a quarter
// of its eigenfunctions; `matern`, the field that method `matern` supposes, with an unknown level of standard
// deviation 10 beside it. Observed with noise of 0.1.
//
// The exact posterior is the textbook's, by a dense Cholesky factor, and shares no code with the library's.
// Over the hidden points, by area: root mean square error of the mean in exact posterior standard deviations,
// what a finite number of members makes of it taken off; spread over the exact; share of the truth in the
// central intervals; CRPS, fair to the number of members, and what it is above the exact posterior's with its
// 95 % bootstrap interval over fields. Whoever knows the covariance must keep to the bars: mean within 0.1,
// spread within 5 %, 0.88 to 0.92 in the interval of 90 %.
#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"
#include "manifill/base/parallel.hpp"
#include "manifill/base/random.hpp"
#include "manifill/base/stopwatch.hpp"
#include "manifill/io/gridded.hpp"
#include "manifill/io/mesh_file.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "manifill/operators/eigenpairs.hpp"
#include "manifill/operators/laplacian_spectrum.hpp"
#include "manifill/pipeline/select_backbone.hpp"
#include "manifill/pipeline/train.hpp"
#include "manifill/posterior/flow_training.hpp"
#include "manifill/posterior/matern.hpp"
#include "manifill/posterior/sampler.hpp"
#include "manifill/verification/bootstrap.hpp"
#include "manifill/verification/scores.hpp"
#include "program.hpp"

namespace {

using namespace manifill;
using Eigen::Index;
using Places = std::vector<Index>;

constexpr double kNoise = 0.1;
constexpr double kHidden = 0.5;
constexpr double kWavenumber = 6.0;  // where the power starts to fall
constexpr unsigned kDegree = 48;
constexpr std::uint64_t kTruthSeed = 20261129;
constexpr std::uint64_t kTrainingSeed = 20261130;

struct Options {
  std::vector<std::string> domains{};
  std::string bunny{}, icon{};
  std::size_t cells = 6000;
  Index fields = 60;
  Index masks = 12;
  std::uint32_t members = 250;
  Index fitted = 20;
  Index training = 500;
  std::int64_t cases = 600;
  double minutes = 2.0;
};

// --- domains

domain::Domain globe(std::size_t rows, std::size_t columns) {
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (std::size_t i = 0; i < rows; ++i)
    latitude.push_back(90.0 - 180.0 * (static_cast<double>(i) + 0.5) / static_cast<double>(rows));
  for (std::size_t j = 0; j < columns; ++j)
    longitude.push_back(360.0 * static_cast<double>(j) / static_cast<double>(columns));
  return domain::Domain::lat_lon(latitude, longitude);
}

/// The grid of half the bisections: of four triangles in a row the first is the one between the others.
domain::Domain merged(const domain::Domain& fine, const std::string& file) {
  const auto latitude = fine.latitudes();
  const auto longitude = fine.longitudes();
  domain::CellGrid coarse{.name = "ICON triangles, four in one"};
  for (std::size_t i = 0; i + 3 < fine.size(); i += 4) {
    const auto near = fine.neighbours(i);
    double area = fine.weights()[i];
    for (std::size_t k = i + 1; k < i + 4; ++k) {
      if (std::find(near.begin(), near.end(), k) == near.end())
        throw Error(ErrorKind::input, "four cells in a row are no triangle of twice the side",
                    {.file = file, .index = fmt::format("[cell {}]", i), .remedy = "Give an ICON grid"});
      area += fine.weights()[k];
    }
    coarse.latitude.push_back(latitude[i]);
    coarse.longitude.push_back(longitude[i]);
    coarse.area.push_back(area);
  }
  return domain::Domain::cells(coarse);
}

domain::Domain make_domain(const std::string& name, const Options& o) {
  if (name == "lat_lon") return globe(24, 48);
  if (name == "healpix16") return domain::Domain::healpix(16, domain::healpix::Ordering::nested);
  if (name == "bunny") return domain::Domain::surface(io::read_mesh(o.bunny).mesh);
  auto d = io::GriddedVariable::open(o.icon, "S").domain();
  while (d.size() > o.cells) d = merged(d, o.icon);
  return d;
}

/// Radius of the sphere of the domain's area, km or units of the points.
double radius(const domain::Domain& d) { return std::sqrt(d.area() / (4.0 * std::numbers::pi)); }

Eigen::VectorXd areas(const domain::Domain& d) {
  return Eigen::Map<const Eigen::VectorXd>(d.weights().data(), static_cast<Index>(d.size()));
}

// --- laws

/// Power of an eigenvalue of the Laplacian on the sphere of radius 1.
double power(double eigenvalue) { return std::pow(1.0 + eigenvalue / (kWavenumber * kWavenumber), -2.5); }

Eigen::MatrixXd unit_variance(Eigen::MatrixXd covariance, const domain::Domain& d) {
  const double variance = covariance.diagonal().dot(areas(d));
  return covariance / variance;
}

/// sum_l (2 l + 1) C_l P_l(cos angle), by the polynomials' recurrence in the degree.
Eigen::MatrixXd harmonic_covariance(const domain::Domain& d) {
  const auto n = static_cast<Index>(d.size());
  Eigen::MatrixXd points(3, n);
  for (Index i = 0; i < n; ++i)
    points.col(i) = Eigen::Map<const Eigen::Vector3d>(d.points()[static_cast<std::size_t>(i)].data());
  Eigen::MatrixXd out(n, n);
  parallel_for(n, [&](std::int64_t j) {
    const Eigen::ArrayXd x = (points.transpose() * points.col(j)).array().min(1.0).max(-1.0);
    Eigen::ArrayXd before = Eigen::ArrayXd::Ones(n);
    Eigen::ArrayXd legendre = x;
    Eigen::ArrayXd sum = before;
    for (unsigned l = 1; l <= kDegree; ++l) {
      const auto degree = static_cast<double>(l);
      sum += (2.0 * degree + 1.0) * power(degree * (degree + 1.0)) * legendre;
      const Eigen::ArrayXd next = ((2.0 * degree + 1.0) * x * legendre - degree * before) / (degree + 1.0);
      before = legendre;
      legendre = next;
    }
    out.col(j) = sum;
  });
  return out;
}

Eigen::MatrixXd spectral_covariance(const domain::Domain& d) {
  if (d.spherical()) return unit_variance(harmonic_covariance(d), d);
  const auto e = operators::laplacian_spectrum(operators::domain_laplacian(d).laplacian,
                                               static_cast<Index>(d.size()) / 4);
  const double scale = radius(d) * radius(d);
  const Eigen::VectorXd weight = e.values.unaryExpr([&](double v) { return power(scale * v); });
  return unit_variance(e.vectors * weight.asDiagonal() * e.vectors.transpose(), d);
}

/// Of the field and of a level that is as good as unknown.
Eigen::MatrixXd matern_covariance(const prior::MaternField& field) {
  constexpr double kLevel = 10.0;
  const Eigen::MatrixXd q = field.precision();
  const Eigen::LLT<Eigen::MatrixXd> factor(q);
  const Eigen::MatrixXd all = factor.solve(Eigen::MatrixXd::Identity(q.rows(), q.cols()));
  return (all(field.nodes().of_point, field.nodes().of_point).array() + kLevel * kLevel).matrix();
}

/// Draws [point][column] of a law by its root.
Eigen::MatrixXd draws(const Eigen::MatrixXd& root, Index count, std::uint64_t seed) {
  Eigen::MatrixXd white(root.cols(), count);
  for (Index k = 0; k < count; ++k)
    RandomStream({.seed = seed, .purpose = RandomPurpose::prior_innovation, .time = k})
        .fill_normal(std::span<double>(white.col(k).data(), static_cast<std::size_t>(white.rows())));
  return root * white;
}

// --- cases

/// The exact posterior under a mask: N(gain y, sd^2) at the hidden points.
struct Exact {
  measurement::ObservedCells observed{};
  Places seen{};
  Places hidden{};
  Eigen::MatrixXd gain{};  // [hidden][seen]
  Eigen::VectorXd sd{};    // [hidden]
  Eigen::VectorXd area{};  // [hidden]
};

Exact exact_posterior(const domain::Domain& d, const Eigen::MatrixXd& c,
                      const measurement::ObservedCells& observed) {
  Exact e{.observed = observed};
  for (std::size_t i = 0; i < observed.size(); ++i)
    (observed[i] ? e.seen : e.hidden).push_back(static_cast<Index>(i));
  Eigen::MatrixXd s = c(e.seen, e.seen);
  s.diagonal().array() += kNoise * kNoise;
  const Eigen::LLT<Eigen::MatrixXd> factor(s);
  const Eigen::MatrixXd cross = c(e.seen, e.hidden);
  const Eigen::MatrixXd solved = factor.solve(cross);
  e.gain = solved.transpose();
  const Eigen::VectorXd prior = c.diagonal()(e.hidden);
  e.sd = (prior - cross.cwiseProduct(solved).colwise().sum().transpose()).cwiseSqrt();
  e.area = areas(d)(e.hidden);
  return e;
}

struct Case {
  std::shared_ptr<const Exact> exact{};
  Eigen::VectorXd truth{};  // [hidden]
  Eigen::VectorXd mean{};   // [hidden], of the exact posterior
  posterior::Window window{};
};

std::vector<Case> make_cases(const domain::Domain& d, const Eigen::MatrixXd& c, const Eigen::MatrixXd& root,
                             const Options& o) {
  const measurement::MaskBank bank(d, {});
  std::vector<std::shared_ptr<const Exact>> posteriors;
  for (Index m = 0; m < o.masks; ++m) {
    RandomStream random({.seed = kTruthSeed, .purpose = RandomPurpose::mask, .time = m});
    const char* kind = m % 3 == 0 ? "scattered" : m % 3 == 1 ? "blocks" : "bands";
    posteriors.push_back(
        std::make_shared<const Exact>(exact_posterior(d, c, bank.draw(random, kHidden, kind))));
  }
  const Eigen::MatrixXd truth = draws(root, o.fields, kTruthSeed);
  std::vector<Case> out;
  for (Index k = 0; k < o.fields; ++k) {
    // Fields under one mask follow each other: the samplers' factors are not made twice.
    Case one{.exact = posteriors[static_cast<std::size_t>(k * o.masks / o.fields)]};
    const Exact& e = *one.exact;
    RandomStream random({.seed = kTruthSeed, .purpose = RandomPurpose::observation_noise, .time = k});
    posterior::StepObservation step{.time = k};
    step.measurement = std::make_shared<measurement::Measurement>(
        measurement::mask(e.observed, Eigen::VectorXd::Constant(truth.rows(), kNoise)));
    step.y = truth.col(k)(e.seen);
    for (double& v : step.y) v += kNoise * random.normal();
    one.truth = truth.col(k)(e.hidden);
    one.mean = e.gain * step.y;
    one.window.steps.push_back(std::move(step));
    out.push_back(std::move(one));
  }
  return out;
}

// --- scores

struct Method {
  std::string name{};
  bool knows = false;                                        // the covariance
  std::function<Eigen::MatrixXd(std::size_t field)> fill{};  // [point][member]
  std::vector<std::size_t> fields{};                         // scored; empty: all
};

struct Score {
  double mean_square = 0.0;  // of the mean's errors in exact standard deviations
  double variance = 0.0;     // over the exact
  double weight = 0.0;
  verification::ScoreCard card{};
};

void add(Score& s, const Case& c, const Eigen::MatrixXd& members) {
  const Exact& e = *c.exact;
  const Eigen::MatrixXd x = members(e.hidden, Eigen::all);
  const auto count = static_cast<double>(x.cols());
  const Eigen::VectorXd mean = x.rowwise().mean();
  const Eigen::VectorXd variance = (x.colwise() - mean).rowwise().squaredNorm() / (count - 1.0);
  const Eigen::VectorXd exact = e.sd.cwiseAbs2();
  // The mean of n members misses that of their law by variance / n, which is no error of the law.
  const Eigen::VectorXd square = (mean - c.mean).cwiseAbs2() - variance / count;
  s.mean_square += e.area.dot(square.cwiseQuotient(exact));
  s.variance += e.area.dot(variance.cwiseQuotient(exact));
  s.weight += e.area.sum();
  s.card.add(x, c.truth, e.area);
}

/// A row of the table. \param reference [field], CRPS of the exact posterior of the same fields
void print(const std::string& name, bool knows, const Score& s, const std::vector<double>& reference) {
  const auto r = s.card.result();
  const double error = std::sqrt(std::max(0.0, s.mean_square / s.weight));
  const double spread = std::sqrt(s.variance / s.weight);
  const auto weight = s.card.values(&verification::FieldScores::weight);
  const double base = verification::block_bootstrap(reference, weight).mean;
  const auto regret = verification::block_bootstrap_difference(s.card.field_crps(), reference, weight);
  const bool kept =
      error <= 0.1 && std::abs(spread - 1.0) <= 0.05 && r.coverage90 >= 0.88 && r.coverage90 <= 0.92;
  fmt::print("| {} | {} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {:.4f} |", name, knows ? "yes" : "no",
             error, spread, r.coverage50, r.coverage80, r.coverage90, r.crps);
  fmt::print(" {:+.2f} ({:+.2f} to {:+.2f}) | {} |\n", 100.0 * regret.mean / base, 100.0 * regret.low / base,
             100.0 * regret.high / base, kept ? "kept" : "missed");
  std::fflush(stdout);
}

void score(const std::vector<Case>& cases, const std::vector<Method>& methods) {
  Score exact;
  for (const Case& c : cases) {
    exact.card.add_gaussian(c.mean, c.exact->sd, c.truth, c.exact->area);
    exact.variance += c.exact->area.sum();
    exact.weight += c.exact->area.sum();
  }
  const auto reference = exact.card.field_crps();
  fmt::print(
      "| method | knows the covariance | mean error | spread | 50 % | 80 % | 90 % | CRPS | above the exact, "
      "% "
      "| bars |\n|---|---|---|---|---|---|---|---|---|---|\n");
  print("exact posterior", true, exact, reference);
  for (const Method& m : methods) {
    Score s;
    std::vector<double> own;
    for (std::size_t k = 0; k < cases.size(); ++k) {
      if (!m.fields.empty() && std::find(m.fields.begin(), m.fields.end(), k) == m.fields.end()) continue;
      add(s, cases[k], m.fill(k));
      own.push_back(reference[k]);
    }
    print(m.name, m.knows, s, own);
  }
  fmt::print("\n");
}

// --- methods

/// A sampler and the model that it draws from.
Method sampler(const std::string& title, bool knows, const std::string& name, posterior::Model model,
               const std::vector<Case>& cases, std::uint32_t members) {
  const auto kept = std::make_shared<const posterior::Model>(std::move(model));
  const std::shared_ptr<posterior::PosteriorSampler> s =
      posterior::SamplerRegistry::instance().make(name, *kept);
  return {.name = title, .knows = knows, .fill = [kept, s, &cases, members](std::size_t k) {
            return s->sample(cases[k].window, {.seed = 1, .members = members}).members;
          }};
}

/// `matern`: its parameters given, or found from the observed values of each of some fields.
Method matern(const std::shared_ptr<const operators::DomainLaplacian>& nodes,
              const std::shared_ptr<const prior::MaternField>& given, const std::vector<Case>& cases,
              const Options& o) {
  Method out{.name = given ? "matern, parameters given" : "matern, parameters found", .knows = !!given};
  const Index count = given ? o.fields : std::min(o.fitted, o.fields);
  for (Index k = 0; k < count; ++k)
    out.fields.push_back(static_cast<std::size_t>((2 * k + 1) * o.fields / (2 * count)));
  const auto points = static_cast<Index>(nodes->of_point.size());
  const auto filled = std::make_shared<std::vector<Eigen::MatrixXd>>(cases.size());
  std::vector<prior::MaternParameters> found(out.fields.size());
  parallel_for(count, [&](std::int64_t j) {
    const std::size_t k = out.fields[static_cast<std::size_t>(j)];
    const Case& c = cases[k];
    Eigen::VectorXd values = Eigen::VectorXd::Constant(points, std::numeric_limits<double>::quiet_NaN());
    values(c.exact->seen) = c.window.at_centre().y;
    const Eigen::MatrixXd level = Eigen::MatrixXd::Ones(points, 1);
    auto field = given;
    if (!field)
      field = std::make_shared<const prior::MaternField>(
          nodes, posterior::fit_matern(nodes, values, level).parameters);
    found[static_cast<std::size_t>(j)] = field->parameters();
    const posterior::MaternPosterior p(field, c.exact->observed, level);
    (*filled)[k] = p.draw(values, {.time = static_cast<std::int64_t>(k), .members = o.members});
  });
  const auto median = [&](const std::function<double(const prior::MaternParameters&)>& of) {
    std::vector<double> all;
    for (const auto& p : found) all.push_back(of(p));
    std::nth_element(all.begin(), all.begin() + count / 2, all.end());
    return all[static_cast<std::size_t>(count / 2)];
  };
  log::info(fmt::format("{}, medians: range {:.4g}, sd {:.3f}, nugget sd {:.3f}", out.name,
                        median([](const auto& p) { return p.range; }),
                        median([](const auto& p) { return std::sqrt(p.variance); }),
                        median([](const auto& p) { return std::sqrt(p.nugget); })));
  out.fill = [filled](std::size_t k) { return (*filled)[k]; };
  return out;
}

/// Draws of a law to learn from, a year each.
prior::TrainingFields training_fields(const domain::Domain& d, const Eigen::MatrixXd& root, Index count) {
  prior::TrainingFields f{.domain = d};
  f.values = draws(root, count, kTrainingSeed).cast<float>();
  for (Index t = 0; t < count; ++t) {
    f.index.push_back(t);
    f.season.push_back(0.0);
    f.year.push_back(static_cast<int>(t));
  }
  return f;
}

/// First of the fifth of the draws that is held out.
Index held_out(const Options& o) { return o.training - o.training / 5; }

/// Options of the backbone, the taper chosen on held-out draws.
prior::BackboneOptions chosen(const prior::TrainingFields& fields, const Options& o) {
  Config c(pipeline::train_prior_specs());
  std::vector<double> held;
  for (Index t = held_out(o); t < o.training; ++t) held.push_back(static_cast<double>(t));
  std::vector<double> tapers;
  for (const double share : {0.5, 0.7, 1.0, 1.4, 2.0}) tapers.push_back(share * radius(fields.domain));
  c.set("train.validation_years", held);
  c.set("select.taper_km", tapers);
  c.set("select.cases", std::int64_t{40});
  c.set("select.noise", kNoise);
  c.set("backbone.mean_harmonics", std::int64_t{0});
  c.set("backbone.scale_harmonics", std::int64_t{0});
  std::vector<std::string> notes;
  const auto out = pipeline::select_backbone(c, fields, notes);
  for (const auto& note : notes) log::info(note);
  return out;
}

posterior::FlowNetworkOptions network_options() {
  return {.width = 16, .dilations = {1.0, 2.0, 4.0}, .dropout = 0.05, .couplings = 0};
}

/// A flow trained on draws by the library, from a backbone without the draws that it is asked about.
posterior::Model trained(const prior::TrainingFields& fields, const prior::Backbone& backbone,
                         const std::function<prior::Backbone(const std::vector<bool>& keep)>& without,
                         const Options& o) {
  constexpr Index kFolds = 4;
  std::vector<posterior::Fold> folds(kFolds + 1);  // the held-out draws are the last
  const Index held = held_out(o);
  const auto fold_of = [held](Index t) { return t < held ? t * kFolds / held : kFolds; };
  for (Index t = 0; t < o.training; ++t) folds[static_cast<std::size_t>(fold_of(t))].times.push_back(t);
  for (Index f = 0; f <= kFolds; ++f)
    folds[static_cast<std::size_t>(f)].backbone = [&, f] {
      std::vector<bool> keep;
      for (Index t = 0; t < o.training; ++t) keep.push_back(fold_of(t) != f);
      return without(keep);
    };
  const std::vector<posterior::Fold> last{folds.back()};
  folds.pop_back();
  posterior::FlowTrainingOptions t;
  t.cases = o.cases;
  t.validation_cases = o.cases / 4;
  t.minutes = o.minutes;
  t.batch = 16;
  t.hidden_lowest = 0.3;
  t.hidden_highest = 0.7;
  t.protocol_share = 0.0;
  t.gaps_share = 0.0;
  t.noise_lowest = 0.5 * kNoise;
  t.noise_highest = 2.0 * kNoise;
  t.weight_energy = 0.0;
  const posterior::TrainingHooks hooks{.report = [](const std::string& line) { log::info(line); }};
  const measurement::MaskBank bank(fields.domain, {});
  const auto cases = posterior::simulate_cases(fields, folds, 0, bank, t, t.cases, 1, hooks);
  const auto check = posterior::simulate_cases(fields, last, 0, bank, t, t.validation_cases, 2, hooks);
  const auto flow = posterior::train_flow(cases, check, network_options(), t, backbone, {}, hooks);
  auto options = network_options();
  options.scale_share = flow.network->scale_share;
  return {.backbone = backbone, .flow = flow.network, .flow_options = options};
}

posterior::Model untrained(const prior::Backbone& backbone) {
  const auto& d = backbone.domain();
  auto flow = posterior::make_flow_network(network_options(), posterior::condition_channels(d, 0),
                                           prior::GridTopology::of(d));
  flow->eval();
  return {.backbone = backbone, .flow = std::move(flow), .flow_options = network_options()};
}

// --- laws, one after the other

void score_spectrum(const domain::Domain& d, const std::shared_ptr<const operators::DomainLaplacian>& nodes,
                    const Options& o) {
  const Eigen::MatrixXd covariance = spectral_covariance(d);
  const Eigen::MatrixXd root = operators::symmetric_square_root(covariance);
  const auto cases = make_cases(d, covariance, root, o);
  const auto exact = prior::Backbone::from_covariance(d, covariance, 0.0, {}, prior::StepKind::none);
  const auto as = [&](const std::string& title, bool knows, const std::string& name, posterior::Model model) {
    return sampler(title, knows, name, std::move(model), cases, o.members);
  };
  std::vector<Method> methods{as("gaussian", true, "gaussian", {.backbone = exact}),
                              as("flow, untrained", true, "flow", untrained(exact))};
  if (o.training > 0) {
    const auto fields = training_fields(d, root, o.training);
    const auto options = chosen(fields, o);
    const auto learned = prior::Backbone::fit(fields, options);
    const auto always = [&](const std::vector<bool>&) { return exact; };
    const auto without = [&](const std::vector<bool>& keep) {
      return prior::Backbone::fit(fields.subset(keep), options);
    };
    methods.push_back(as("flow, trained", true, "flow", trained(fields, exact, always, o)));
    methods.push_back(as("gaussian of draws", false, "gaussian", {.backbone = learned}));
    methods.push_back(as("flow of draws, trained", false, "flow", trained(fields, learned, without, o)));
  }
  methods.push_back(matern(nodes, nullptr, cases, o));
  score(cases, methods);
}

void score_matern(const domain::Domain& d, const std::shared_ptr<const operators::DomainLaplacian>& nodes,
                  const Options& o) {
  const auto field = std::make_shared<const prior::MaternField>(
      nodes, prior::MaternParameters{std::sqrt(8.0) / kWavenumber * radius(d), 1.0, kNoise * kNoise});
  const Eigen::MatrixXd covariance = matern_covariance(*field);
  const auto cases = make_cases(d, covariance, operators::symmetric_square_root(covariance), o);
  const auto exact = prior::Backbone::from_covariance(d, covariance, 0.0, {}, prior::StepKind::none);
  score(cases, {sampler("gaussian", true, "gaussian", {.backbone = exact}, cases, o.members),
                matern(nodes, field, cases, o), matern(nodes, nullptr, cases, o)});
}

Options parse(const std::vector<std::string>& args) {
  Options o;
  for (std::size_t k = 0; k < args.size(); ++k) {
    if (args[k].rfind("--", 0) != 0) {
      o.domains.push_back(args[k]);
      continue;
    }
    const std::string& key = args[k];
    if (++k == args.size()) throw Error(ErrorKind::usage, "'" + key + "' lacks its value");
    const std::string& value = args[k];
    if (key == "--bunny")
      o.bunny = value;
    else if (key == "--icon")
      o.icon = value;
    else if (key == "--cells")
      o.cells = std::stoul(value);
    else if (key == "--fields")
      o.fields = std::stol(value);
    else if (key == "--masks")
      o.masks = std::stol(value);
    else if (key == "--members")
      o.members = static_cast<std::uint32_t>(std::stoul(value));
    else if (key == "--fitted")
      o.fitted = std::stol(value);
    else if (key == "--training")
      o.training = std::stol(value);
    else if (key == "--cases")
      o.cases = std::stol(value);
    else if (key == "--minutes")
      o.minutes = std::stod(value);
    else
      throw Error(ErrorKind::usage, "unknown option '" + key + "'");
  }
  if (o.domains.empty()) {
    o.domains = {"lat_lon", "healpix16"};
    if (!o.bunny.empty()) o.domains.emplace_back("bunny");
    if (!o.icon.empty()) o.domains.emplace_back("icon");
  }
  for (const auto& name : o.domains) {
    if (name != "lat_lon" && name != "healpix16" && name != "bunny" && name != "icon")
      throw Error(ErrorKind::usage, "unknown domain '" + name + "'",
                  {.remedy = "Name lat_lon, healpix16, bunny or icon"});
    if ((name == "bunny" && o.bunny.empty()) || (name == "icon" && o.icon.empty()))
      throw Error(ErrorKind::usage, "the domain '" + name + "' needs its file",
                  {.remedy = "Give --" + name + " FILE"});
  }
  return o;
}

int work(const std::vector<std::string>& args) {
  const Options o = parse(args);
  fmt::print("{} fields of each law, {} masks, {} members; {} draws learned from\n", o.fields, o.masks,
             o.members, o.training);
  for (const auto& name : o.domains) {
    const Stopwatch watch;
    const auto d = make_domain(name, o);
    const auto nodes = std::make_shared<const operators::DomainLaplacian>(operators::domain_laplacian(d));
    fmt::print("\n### {}: {}\nspectrum:\n\n", name, d.describe());
    score_spectrum(d, nodes, o);
    fmt::print("matern:\n\n");
    score_matern(d, nodes, o);
    fmt::print("{:.0f} s\n", watch.seconds());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return bench::run("bench-oracle", work, argc, argv); }
