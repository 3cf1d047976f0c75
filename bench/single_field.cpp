// Scores fills of single fields, without any training, beside each other on any domain.
//
//   bench-single-field DATA.nc [options]
//
//   --variable V      of DATA.nc, with its gaps (the only one that can be filled)
//   --truth W         variable of DATA.nc that holds what is missing from V; else cells are withheld:
//   --kind K          of mask: blocks (discs where points come in no rows), scattered, bands, swaths (blocks)
//   --hidden S        share withheld (0.3)
//   --grid G.nc       coordinates of cells that DATA.nc has none of
//   --fields N        fields scored, spread evenly over the file (all)
//   --members N       of the ensemble (100)
//   --degree N        in the sine of latitude, of matern's unknown level (-1: as `impute` chooses it)
//
//   --neighbours K    adds kriging from the K nearest observations, with an unknown mean and an exponential
//                     covariance of largest likelihood, of 1000 points of the first field scored (0: none)
//
// Methods: mean of the observed points, nearest neighbour, four neighbours by distance, harmonic fill, heat
// fill (of the scale that fills withheld blocks of the first field best), matern (fitted to the first field
// scored). For matern the error is that of the posterior mean; CRPS and intervals
// are those of the normal law about it with the standard deviation of the members and the nugget's noise.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/base/stopwatch.hpp"
#include "manifill/io/gridded.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "manifill/posterior/distance.hpp"
#include "manifill/posterior/harmonic.hpp"
#include "manifill/posterior/heat.hpp"
#include "manifill/posterior/local_kriging.hpp"
#include "manifill/posterior/matern.hpp"
#include "manifill/posterior/nearest.hpp"
#include "manifill/verification/crps.hpp"
#include "program.hpp"

namespace {

using namespace manifill;

constexpr std::uint64_t kMaskSeed = 20261128;

struct Options {
  std::string data, variable, truth, grid;
  std::string kind = "blocks";
  double hidden = 0.3;
  std::size_t fields = 0;
  std::uint32_t members = 100;
  int degree = -1;
  std::size_t neighbours = 0;
};

struct Case {
  std::size_t time = 0;
  std::vector<bool> observed{};  // [point]
  Eigen::VectorXd values{};      // [point], NaN where not observed
  Eigen::VectorXd truth{};       // [point], NaN where unknown
  std::vector<bool> scored{};    // [point]
};

std::vector<double> field(const io::GriddedVariable& v, std::size_t time) {
  const auto x = v.read(0, time, 1);
  return {x.begin(), x.end()};
}

Case make_case(const Options& o, const io::GriddedVariable& data, const io::GriddedVariable& truth,
               std::size_t time) {
  Case c{.time = time};
  const auto y = field(data, time);
  const auto z = field(truth, time);
  c.observed.assign(y.size(), true);
  if (o.truth.empty()) {
    const measurement::MaskBank bank(data.domain(), {});
    RandomStream random(
        {.seed = kMaskSeed, .purpose = RandomPurpose::mask, .time = static_cast<std::int64_t>(time)});
    c.observed = bank.draw(random, o.hidden, o.kind);
  }
  for (std::size_t i = 0; i < y.size(); ++i)
    if (std::isnan(y[i])) c.observed[i] = false;
  const auto n = static_cast<Eigen::Index>(y.size());
  c.truth = Eigen::Map<const Eigen::VectorXd>(z.data(), n);
  c.values = Eigen::VectorXd::Constant(n, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (c.observed[i]) c.values[static_cast<Eigen::Index>(i)] = y[i];
    c.scored.push_back(!c.observed[i] && !std::isnan(z[i]));
  }
  return c;
}

/// Area-weighted sums over the scored points of all fields.
struct Row {
  std::string name;
  double weight = 0.0, square = 0.0, absolute = 0.0, crps = 0.0, covered90 = 0.0, covered95 = 0.0,
         width95 = 0.0, seconds = 0.0;
  bool ensemble = false;
};

void add(Row& row, const domain::Domain& d, const Case& c, const Eigen::VectorXd& fill) {
  for (std::size_t i = 0; i < c.scored.size(); ++i) {
    if (!c.scored[i]) continue;
    const double w = d.weights()[i];
    const double e = fill[static_cast<Eigen::Index>(i)] - c.truth[static_cast<Eigen::Index>(i)];
    row.weight += w;
    row.square += w * e * e;
    row.absolute += w * std::abs(e);
  }
}

/// Intervals of a normal law. \param sd [point]
void add_normal(Row& row, const domain::Domain& d, const Case& c, const Eigen::VectorXd& mean,
                const Eigen::VectorXd& sd) {
  row.ensemble = true;
  for (std::size_t i = 0; i < c.scored.size(); ++i) {
    if (!c.scored[i]) continue;
    const auto k = static_cast<Eigen::Index>(i);
    const double off = std::abs(c.truth[k] - mean[k]) / sd[k];
    row.crps += d.weights()[i] * verification::gaussian_crps(mean[k], sd[k], c.truth[k]);
    row.covered90 += d.weights()[i] * (off < 1.6449 ? 1.0 : 0.0);
    row.covered95 += d.weights()[i] * (off < 1.9600 ? 1.0 : 0.0);
    row.width95 += d.weights()[i] * 2.0 * 1.9600 * sd[k];
  }
}

/// Standard deviations of members: [point].
Eigen::VectorXd deviation(const Eigen::MatrixXd& members) {
  const Eigen::VectorXd mean = members.rowwise().mean();
  return ((members.colwise() - mean).rowwise().squaredNorm() / static_cast<double>(members.cols() - 1))
      .cwiseSqrt();
}

void print(const Row& r) {
  fmt::print("{:<24} {:8.4f} {:8.4f}", r.name, std::sqrt(r.square / r.weight), r.absolute / r.weight);
  if (r.ensemble)
    fmt::print(" {:8.4f} {:8.3f} {:8.3f} {:8.3f}", r.crps / r.weight, r.covered90 / r.weight,
               r.covered95 / r.weight, r.width95 / r.weight);
  else
    fmt::print(" {:8.4f} {:>8} {:>8} {:>8}", r.absolute / r.weight, "", "", "");  // CRPS of one value
  fmt::print(" {:8.1f}\n", r.seconds);
}

Options parse(const std::vector<std::string>& args) {
  Options o;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i].rfind("--", 0) != 0) {
      o.data = args[i];
      continue;
    }
    if (i + 1 == args.size()) throw Error(ErrorKind::usage, "'" + args[i] + "' lacks its value");
    const std::string& key = args[i];
    const std::string& value = args[++i];
    if (key == "--variable")
      o.variable = value;
    else if (key == "--truth")
      o.truth = value;
    else if (key == "--grid")
      o.grid = value;
    else if (key == "--kind")
      o.kind = value;
    else if (key == "--hidden")
      o.hidden = std::stod(value);
    else if (key == "--fields")
      o.fields = std::stoul(value);
    else if (key == "--members")
      o.members = static_cast<std::uint32_t>(std::stoul(value));
    else if (key == "--degree")
      o.degree = std::stoi(value);
    else if (key == "--neighbours")
      o.neighbours = std::stoul(value);
    else
      throw Error(ErrorKind::usage, "unknown option '" + key + "'");
  }
  if (o.data.empty())
    throw Error(ErrorKind::usage, "no file was named", {.remedy = "bench-single-field DATA.nc"});
  return o;
}

/// Kriging from near observations, scored as the normal law of its means and variances.
void krige(const Options& o, const domain::Domain& d, const std::vector<Case>& cases) {
  Stopwatch watch;
  const auto fit = posterior::fit_exponential_covariance(
      d, cases.front().values.cast<float>(), {.mean = posterior::KrigingMean::unknown, .points = 1000});
  const double fit_seconds = watch.seconds();
  Row row{};
  row.name = fmt::format("kriging from {} near", o.neighbours);
  watch = Stopwatch();
  for (const Case& c : cases) {
    const posterior::LocalKriging kriging(d, fit.covariance, c.observed, o.neighbours,
                                          posterior::KrigingMean::unknown);
    const Eigen::VectorXd mean = kriging.mean(c.values);
    add(row, d, c, mean);
    add_normal(row, d, c, mean,
               (kriging.standard_deviation().array().square() + fit.covariance.nugget).sqrt().matrix());
  }
  row.seconds = watch.seconds();
  print(row);
  fmt::print("kriging fitted in {:.1f} s: range {:.4g}, sd {:.4g}, nugget sd {:.4g}\n", fit_seconds,
             fit.covariance.range_km, std::sqrt(fit.covariance.variance), std::sqrt(fit.covariance.nugget));
}

int work(const std::vector<std::string>& args) {
  const Options o = parse(args);
  const auto data = io::GriddedVariable::open(o.data, o.variable, o.grid);
  const auto truth =
      io::GriddedVariable::open(o.data, o.truth.empty() ? data.summary().name : o.truth, o.grid);
  const domain::Domain& d = data.domain();
  const std::size_t fields = o.fields == 0 ? data.times() : std::min(o.fields, data.times());
  std::vector<Case> cases;
  for (std::size_t k = 0; k < fields; ++k)
    cases.push_back(make_case(o, data, truth, (2 * k + 1) * data.times() / (2 * fields)));

  Stopwatch watch;
  const auto nodes = std::make_shared<const operators::DomainLaplacian>(operators::domain_laplacian(d));
  const auto bare = std::make_shared<const operators::DomainLaplacian>(operators::domain_laplacian(d, 0.0));
  const double laplacian_seconds = watch.seconds();
  fmt::print("{}: {}, {}; {} fields, {} nodes\n", o.data, data.summary().name, d.describe(), fields,
             nodes->laplacian.size());

  const posterior::HeatFill heat(bare);
  const auto areas = d.weights();
  const double heat_scale =
      heat.best_scale(cases.front().values, posterior::withheld_blocks(d),
                      Eigen::Map<const Eigen::VectorXd>(areas.data(), cases.front().values.size()));
  const std::vector<std::pair<std::string, std::function<Eigen::VectorXd(const Case&)>>> methods{
      {"mean of observed",
       [](const Case& c) {
         double sum = 0.0;
         double count = 0.0;
         for (std::size_t i = 0; i < c.observed.size(); ++i)
           if (c.observed[i]) sum += c.values[static_cast<Eigen::Index>(i)], count += 1.0;
         return Eigen::VectorXd(Eigen::VectorXd::Constant(c.values.size(), sum / count));
       }},
      {"nearest neighbour", [&](const Case& c) { return posterior::fill_nearest(d, c.observed, c.values); }},
      {"four by distance",
       [&](const Case& c) { return posterior::fill_distance_weighted(d, c.observed, c.values); }},
      {"harmonic fill", [&](const Case& c) { return posterior::fill_harmonic(*bare, c.observed, c.values); }},
      {"heat fill", [&](const Case& c) { return heat(c.observed, c.values, heat_scale); }}};
  fmt::print("{:<24} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}\n", "method", "RMSE", "MAE", "CRPS", "90 %",
             "95 %", "width 95", "seconds");
  for (const auto& [name, fill] : methods) {
    Row row{};
    row.name = name;
    watch = Stopwatch();
    for (const Case& c : cases) add(row, d, c, fill(c));
    row.seconds = watch.seconds();
    print(row);
  }

  if (o.neighbours > 0) krige(o, d, cases);

  watch = Stopwatch();
  const std::vector<int> degrees = o.degree < 0 ? posterior::latitude_degrees(d) : std::vector<int>{o.degree};
  const Eigen::MatrixXd levels = posterior::latitude_drift(d, degrees.back());
  const auto fit = posterior::fit_matern_and_degree(nodes, cases.front().values, levels, degrees,
                                                    posterior::withheld_blocks(d));
  const Eigen::MatrixXd drift = levels.leftCols(fit.coefficients);
  const double fit_seconds = watch.seconds();
  Row row{};
  row.name = "matern";
  watch = Stopwatch();
  const auto matern = std::make_shared<const prior::MaternField>(nodes, fit.parameters);
  for (const Case& c : cases) {
    const posterior::MaternPosterior posterior(matern, c.observed, drift);
    const Eigen::VectorXd mean = posterior.mean(c.values);
    add(row, d, c, mean);
    const posterior::MaternDraw request{.time = static_cast<std::int64_t>(c.time), .members = o.members};
    Eigen::MatrixXd members = posterior.draw(c.values, request);
    for (std::uint32_t k = 0; k < o.members; ++k) {
      Eigen::VectorXd noise(members.rows());
      RandomStream random(
          {.seed = 1, .purpose = RandomPurpose::representativeness, .time = request.time, .member = k});
      random.fill_normal(std::span<double>(noise.data(), static_cast<std::size_t>(noise.size())));
      members.col(k) += std::sqrt(fit.parameters.nugget) * noise;
    }
    add_normal(row, d, c, mean, deviation(members));
  }
  row.seconds = watch.seconds();
  print(row);
  fmt::print(
      "Laplacians {:.1f} s; matern fitted in {:.1f} s, {} evaluations: range {:.4g}, sd {:.4g}, nugget sd "
      "{:.4g}, degree {} in the sine of latitude\n",
      laplacian_seconds, fit_seconds, fit.evaluations, fit.parameters.range,
      std::sqrt(fit.parameters.variance), std::sqrt(fit.parameters.nugget), fit.coefficients - 1);
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return bench::run("bench-single-field", work, argc, argv); }
