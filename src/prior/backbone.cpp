#include "manifill/prior/backbone.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <compare>
#include <limits>
#include <list>
#include <map>
#include <mutex>
#include <numbers>
#include <numeric>
#include <set>

#include "manifill/base/error.hpp"
#include "manifill/base/parallel.hpp"
#include "manifill/base/random.hpp"
#include "manifill/io/domain_record.hpp"
#include "manifill/operators/eigenpairs.hpp"
#include "manifill/operators/symmetric.hpp"
#include "manifill/prior/stationary.hpp"
#include "manifill/prior/taper.hpp"

namespace manifill::prior {
namespace {

constexpr Eigen::Index kDenseEigenproblem = 1200;  // up to here LAPACK beats subspace iteration
constexpr double kClassFloor =
    1e-6;  // share of the variance: correlations of classes need no more than rounding
constexpr double kLeastShare = 0.05;  // of training times with a value, for a point to be filled

/// [coefficient] of the harmonics at a season: 1, cos, sin, cos 2, sin 2, ...
Eigen::VectorXd harmonics(double season, std::int64_t count) {
  Eigen::VectorXd h(2 * count + 1);
  h[0] = 1.0;
  for (std::int64_t k = 1; k <= count; ++k) {
    const double angle = 2.0 * std::numbers::pi * static_cast<double>(k) * season;
    h[2 * k - 1] = std::cos(angle);
    h[2 * k] = std::sin(angle);
  }
  return h;
}

/// Least-squares harmonics of every point over its available times: [coefficient][point].
Eigen::MatrixXd fit_harmonics(const Eigen::MatrixXf& values, const std::vector<double>& season,
                              std::int64_t count) {
  const Eigen::Index terms = 2 * count + 1;
  Eigen::MatrixXd basis(terms, values.cols());
  for (Eigen::Index t = 0; t < values.cols(); ++t)
    basis.col(t) = harmonics(season[static_cast<std::size_t>(t)], count);
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(terms, values.rows());
  for (Eigen::Index i = 0; i < values.rows(); ++i) {
    Eigen::MatrixXd normal = Eigen::MatrixXd::Identity(terms, terms) * 1e-6;
    Eigen::VectorXd right = Eigen::VectorXd::Zero(terms);
    for (Eigen::Index t = 0; t < values.cols(); ++t) {
      const double v = values(i, t);
      if (std::isnan(v)) continue;
      normal.noalias() += basis.col(t) * basis.col(t).transpose();
      right.noalias() += v * basis.col(t);
    }
    out.col(i) = normal.ldlt().solve(right);
  }
  return out;
}

/// As many annual harmonics, up to `wanted`, as the seasons on record tell apart: yearly fields none, months
/// five.
std::int64_t resolved_harmonics(const std::vector<double>& season, std::int64_t wanted) {
  constexpr double kParts = 60.0;  // of the year: middles of years fall into one or two, days into all
  std::set<int> parts;
  for (const double s : season) parts.insert(static_cast<int>(s * kParts));
  return std::min(wanted, (static_cast<std::int64_t>(parts.size()) - 1) / 2);
}

std::vector<std::string> correlation_names() {
  std::vector<std::string> names = stationary_names();
  names.insert(names.begin(), BackboneOptions{}.correlation);
  return names;
}

}  // namespace

double gaspari_cohn(double distance, double support) {
  const double z = 2.0 * distance / support;
  if (z >= 2.0) return 0.0;
  const double z2 = z * z;
  const double z3 = z2 * z;
  if (z <= 1.0) return 1.0 - 5.0 / 3.0 * z2 + 0.625 * z3 + 0.5 * z2 * z2 - 0.25 * z2 * z3;
  return 4.0 - 5.0 * z + 5.0 / 3.0 * z2 + 0.625 * z3 - 0.5 * z2 * z2 + z2 * z3 / 12.0 - 2.0 / (3.0 * z);
}

double localisation(const BackboneOptions& options, double distance_km) {
  const auto taper = [&](double support) { return support > 0.0 ? gaspari_cohn(distance_km, support) : 1.0; };
  const double first = taper(options.taper_km);
  const double share = options.second_taper_share;
  return share > 0.0 ? (1.0 - share) * first + share * taper(options.second_taper_km) : first;
}

TrainingFields TrainingFields::subset(const std::vector<bool>& keep) const {
  TrainingFields out{.domain = domain, .step = step};
  const auto count = static_cast<Eigen::Index>(std::count(keep.begin(), keep.end(), true));
  out.values.resize(values.rows(), count);
  if (infilled.size() > 0) out.infilled.resize(values.rows(), count);
  Eigen::Index column = 0;
  for (std::size_t t = 0; t < keep.size(); ++t) {
    if (!keep[t]) continue;
    if (infilled.size() > 0) out.infilled.col(column) = infilled.col(static_cast<Eigen::Index>(t));
    out.values.col(column++) = values.col(static_cast<Eigen::Index>(t));
    out.index.push_back(index[t]);
    out.season.push_back(season[t]);
    if (!year.empty()) out.year.push_back(year[t]);
  }
  return out;
}

std::vector<OptionSpec> BackboneOptions::specs() {
  const BackboneOptions d;
  return {
      {.key = "backbone.mean_harmonics",
       .help = "annual harmonics of the climatology",
       .fallback = d.mean_harmonics,
       .lowest = 0,
       .highest = 6},
      {.key = "backbone.scale_harmonics",
       .help = "annual harmonics of the point variances",
       .fallback = d.scale_harmonics,
       .lowest = 0,
       .highest = 6},
      {.key = "backbone.scale_power",
       .help = "share of the differences of spread that the normalisation takes out, 0 to 1",
       .fallback = d.scale_power,
       .lowest = 0,
       .highest = 1},
      {.key = "backbone.season_bins",
       .help = "covariances a year",
       .fallback = d.season_bins,
       .lowest = 1,
       .highest = 366},
      {.key = "backbone.season_weights",
       .help = "weight of a training field by its distance in season bins",
       .fallback = d.season_weights},
      {.key = "backbone.half_life_years",
       .help = "years before the latest after which a training field counts half; 0: all alike",
       .fallback = d.half_life_years,
       .lowest = 0,
       .highest = 1e5},
      {.key = "backbone.bounds",
       .help = "least and largest value of the quantity, in its units: realizations are held there; empty: "
               "none",
       .fallback = d.bounds},
      {.key = "backbone.correlation",
       .help = "of the points: from the fields themselves, or the same everywhere",
       .fallback = d.correlation,
       .choices = correlation_names()},
      {.key = "backbone.classes",
       .help = "classes of fields, from smooth to rough, that have a covariance of their own; 1: none",
       .fallback = d.classes,
       .lowest = 1,
       .highest = 16},
      {.key = "backbone.taper",
       .help = "what localises a sample covariance: straight distance, or the heat kernel of the domain",
       .fallback = d.taper,
       .choices = taper_names()},
      {.key = "backbone.taper_km",
       .help = "support of the covariance taper, km, or units of the points off the sphere; 0: none",
       .fallback = d.taper_km,
       .lowest = 0,
       .highest = 50000},
      {.key = "backbone.second_taper_km",
       .help = "support of a wider taper mixed in, km; 0: no taper",
       .fallback = d.second_taper_km,
       .lowest = 0,
       .highest = 50000},
      {.key = "backbone.second_taper_share",
       .help = "share of the second taper",
       .fallback = d.second_taper_share,
       .lowest = 0,
       .highest = 1},
      {.key = "backbone.inflation",
       .help = "factor on the covariance",
       .fallback = d.inflation,
       .lowest = 0.01,
       .highest = 100},
      {.key = "backbone.rank",
       .help = "empirical orthogonal functions of one step",
       .fallback = d.rank,
       .lowest = 1,
       .highest = 20000},
      {.key = "backbone.offset_variance",
       .help = "variance of a level common to all points and steps, in variances of the field",
       .fallback = d.offset_variance,
       .lowest = 0,
       .highest = 100},
      {.key = "backbone.residual_floor",
       .help = "least share of the mean variance left to the residual",
       .fallback = d.residual_floor,
       .lowest = 1e-8,
       .highest = 1},
      {.key = "backbone.area_weights",
       .help =
           "whether cells count by their areas in modes, the diffusion's noise and losses, else all alike",
       .fallback = d.area_weights},
      {.key = "backbone.window",
       .help = "neighbouring steps on each side whose observations are used",
       .fallback = d.window,
       .lowest = 0,
       .highest = 30},
      {.key = "backbone.noise_sigma",
       .help = "observation noise assumed by default, in standard deviations of the field",
       .fallback = d.noise_sigma,
       .lowest = 1e-4,
       .highest = 10},
  };
}

BackboneOptions BackboneOptions::from(const Config& c) {
  BackboneOptions o;
  o.mean_harmonics = c.integer("backbone.mean_harmonics");
  o.scale_harmonics = c.integer("backbone.scale_harmonics");
  o.scale_power = c.real("backbone.scale_power");
  o.season_bins = c.integer("backbone.season_bins");
  o.season_weights = c.list("backbone.season_weights");
  o.half_life_years = c.real("backbone.half_life_years");
  o.bounds = c.list("backbone.bounds");
  if (!o.bounds.empty() && (o.bounds.size() != 2 || !(o.bounds[0] < o.bounds[1])))
    throw Error(
        ErrorKind::usage, "'backbone.bounds' is not a least and a larger value",
        {.remedy = "Give two numbers, such as [0.0, 1e30] for a quantity without an upper one, or none"});
  o.correlation = c.text("backbone.correlation");
  o.classes = c.integer("backbone.classes");
  o.taper = c.text("backbone.taper");
  o.taper_km = c.real("backbone.taper_km");
  o.second_taper_km = c.real("backbone.second_taper_km");
  o.second_taper_share = c.real("backbone.second_taper_share");
  o.inflation = c.real("backbone.inflation");
  o.rank = c.integer("backbone.rank");
  o.offset_variance = c.real("backbone.offset_variance");
  o.residual_floor = c.real("backbone.residual_floor");
  o.area_weights = c.flag("backbone.area_weights");
  o.window = c.integer("backbone.window");
  o.noise_sigma = c.real("backbone.noise_sigma");
  return o;
}

namespace {

/// Over their mean; ones where areas do not count. [point]
Eigen::VectorXd relative_weights_of(const domain::Domain& domain, const BackboneOptions& options) {
  const auto n = static_cast<Eigen::Index>(domain.size());
  if (!options.area_weights) return Eigen::VectorXd::Ones(n);
  return Eigen::Map<const Eigen::VectorXd>(domain.weights().data(), n) * static_cast<double>(n);
}

}  // namespace

struct Backbone::Impl {
  Impl(TrainingFields f, const BackboneOptions& o) : fields(std::move(f)), options(o) {}

  TrainingFields fields;
  BackboneOptions options;
  Eigen::MatrixXd mean_coefficients;    // [coefficient][point]
  Eigen::MatrixXd square_coefficients;  // [coefficient][point], of the squared anomalies
  Eigen::VectorXd relative_weights;     // [point]
  Eigen::VectorXd active;               // [point], 1 where the training fields have values
  double unit_scale = 1.0;
  Eigen::MatrixXf anomalies;   // [point][time], normalised, 0 where missing
  Eigen::MatrixXf available;   // [point][time], 1 or 0
  bool given = false;          // by from_covariance
  Eigen::MatrixXd covariance;  // given, or the stationary correlation
  std::vector<double> stationary;
  double persistence = 0.0;
  std::vector<FieldClass> classes;
  /// What a covariance is of.
  struct Which {
    std::size_t number = 0;  // of the class, as Backbone::of_class counts
    std::size_t bin = 0;     // of the season
    auto operator<=>(const Which&) const = default;
  };
  mutable std::once_flag taper_once;
  mutable std::unique_ptr<const Taper> taper;
  mutable std::mutex mutex;
  mutable std::map<Which, CovarianceFactor> factors;
  mutable std::list<std::pair<Which, std::shared_ptr<const WindowCovariance>>>
      window_covariances;                              // latest first
  mutable std::map<Which, Eigen::VectorXd> variances;  // [point], of every one seen so far

  [[nodiscard]] Eigen::VectorXd season_weight(std::size_t bin) const;
  [[nodiscard]] std::vector<Eigen::Index> window_centres(const Eigen::VectorXd& weight,
                                                         std::int64_t half) const;
  [[nodiscard]] Eigen::MatrixXf sample_covariance(std::size_t bin, std::int64_t half) const;
  [[nodiscard]] bool closed_form() const { return covariance.size() > 0; }
  [[nodiscard]] Eigen::VectorXd sample_variance(const Eigen::VectorXd& weight) const;
  [[nodiscard]] Eigen::VectorXd closed_scale(std::size_t bin) const;
  [[nodiscard]] Eigen::MatrixXd closed_covariance(std::size_t bin, std::int64_t steps_apart) const;
  [[nodiscard]] Eigen::MatrixXd class_covariance(const Which& which) const;
  [[nodiscard]] StandardFields standard_fields(const Eigen::VectorXd& unit,
                                               const Eigen::VectorXd& weight) const;
  void fit_stationary_correlation();
  void make_classes(std::vector<FieldClass> known);
  [[nodiscard]] CovarianceFactor build_factor(const Which& which) const;
  [[nodiscard]] std::shared_ptr<const WindowCovariance> build_window(const Which& which) const;
  void localise(Eigen::MatrixXf& sample, Eigen::Index steps) const;
  [[nodiscard]] Eigen::VectorXd scale(double season) const;
  void prepare_anomalies();
};

Eigen::VectorXd Backbone::Impl::scale(double season) const {
  const Eigen::Index n = relative_weights.size();
  if (options.scale_power <= 0.0) return Eigen::VectorXd::Constant(n, unit_scale);
  const Eigen::VectorXd level = square_coefficients.row(0).transpose();
  const Eigen::VectorXd variance =
      square_coefficients.transpose() * harmonics(season, options.scale_harmonics);
  // A harmonic fit of squares can dip towards zero: a quarter of the annual mean is the floor.
  const double least = 1e-6 * unit_scale * unit_scale;
  const Eigen::ArrayXd sd = variance.cwiseMax(0.25 * level).cwiseMax(least).cwiseSqrt().array();
  // A power between 0 and 1 takes only part of the estimated differences of spread, which are noisy.
  return (unit_scale * (sd / unit_scale).pow(options.scale_power)).matrix();
}

Eigen::VectorXd Backbone::Impl::season_weight(std::size_t bin) const {
  const auto bins = static_cast<std::int64_t>(options.season_bins);
  Eigen::VectorXd w(fields.values.cols());
  for (Eigen::Index t = 0; t < w.size(); ++t) {
    const double s = fields.season[static_cast<std::size_t>(t)];
    const auto own =
        std::min<std::int64_t>(bins - 1, static_cast<std::int64_t>(s * static_cast<double>(bins)));
    const std::int64_t apart = std::abs(own - static_cast<std::int64_t>(bin));
    const auto distance = static_cast<std::size_t>(std::min(apart, bins - apart));
    w[t] = distance < options.season_weights.size() ? options.season_weights[distance] : 0.0;
  }
  if (options.half_life_years > 0.0 && !fields.year.empty()) {
    const int latest = *std::max_element(fields.year.begin(), fields.year.end());
    for (Eigen::Index t = 0; t < w.size(); ++t)
      w[t] *= std::exp2((fields.year[static_cast<std::size_t>(t)] - latest) / options.half_life_years);
  }
  return w;
}

/// Training times whose whole window was recorded and whose weight counts.
std::vector<Eigen::Index> Backbone::Impl::window_centres(const Eigen::VectorXd& weight,
                                                         std::int64_t half) const {
  std::vector<Eigen::Index> centres;
  for (Eigen::Index t = half; t + half < weight.size(); ++t) {
    const auto first = static_cast<std::size_t>(t - half);
    const auto last = static_cast<std::size_t>(t + half);
    if (weight[t] > 0.0 && fields.index[last] - fields.index[first] == 2 * half) centres.push_back(t);
  }
  if (centres.size() < 2)
    throw Error(ErrorKind::input, "a season of the backbone has fewer than two training windows",
                {.remedy = "Give more fields, fewer season_bins or wider season_weights"});
  return centres;
}

/// Tapers every block of [step, point][step, point] and adds the common level; of the lower triangle.
void Backbone::Impl::localise(Eigen::MatrixXf& sample, Eigen::Index steps) const {
  std::call_once(taper_once, [&] { taper = make_taper(options, fields.domain); });
  const auto n = static_cast<Eigen::Index>(fields.domain.size());
  const auto level = static_cast<float>(options.offset_variance);
  parallel_for(n, [&](std::int64_t j) {
    // Blocks beside the diagonal need all pairs of points, the block of a single step only its own triangle.
    const Eigen::Index top = steps == 1 ? j : 0;
    const Eigen::VectorXf factor = static_cast<float>(options.inflation) *
                                   taper->column(static_cast<std::size_t>(j), static_cast<std::size_t>(top));
    for (Eigen::Index b = 0; b < steps; ++b)
      for (Eigen::Index a = b; a < steps; ++a) {
        auto column = sample.col(b * n + j).segment(a * n + top, n - top);
        column = (column.array() * factor.array() + level).matrix();
      }
  });
}

/// Variances of the anomalies under weights of the training times, 0 where there are none: [point].
Eigen::VectorXd Backbone::Impl::sample_variance(const Eigen::VectorXd& weight) const {
  const Eigen::VectorXd squares = anomalies.cast<double>().cwiseAbs2() * weight;
  const Eigen::VectorXd seen = available.cast<double>() * weight;
  return (seen.array() > 0.0).select(squares.array() / seen.array().max(1e-12), 0.0).matrix();
}

/// Point standard deviations of a stationary process, drawn towards their area mean.
Eigen::VectorXd Backbone::Impl::closed_scale(std::size_t bin) const {
  const Eigen::Index n = relative_weights.size();
  if (given) return Eigen::VectorXd::Ones(n);
  const Eigen::VectorXd weight = season_weight(bin);
  const double count = weight.sum() * weight.sum() / weight.squaredNorm();  // of fields that tell as much
  const Eigen::VectorXd variance = sample_variance(weight);
  const Eigen::VectorXd area = relative_weights.cwiseProduct(active) / relative_weights.dot(active);
  const double mean = area.dot(variance);
  const double differences = area.dot((variance.array() - mean).square().matrix());
  // A sample variance of a Gaussian varies by 2 sigma^4 / n.
  const double sampling = 2.0 / count * area.dot(variance.cwiseAbs2());
  const double share = differences > 0.0 ? std::max(0.0, 1.0 - sampling / differences) : 0.0;
  const Eigen::ArrayXd drawn = mean + share * (variance.array() - mean);
  return (drawn.max(1e-3 * mean).sqrt() * active.array()).matrix();
}

/// C_tau of a process in closed form, without the floor: [point][point].
Eigen::MatrixXd Backbone::Impl::closed_covariance(std::size_t bin, std::int64_t steps_apart) const {
  const double share = std::pow(persistence, static_cast<double>(std::abs(steps_apart)));
  if (given) return share * covariance;
  const Eigen::VectorXd sd = closed_scale(bin);
  Eigen::MatrixXd out = sd.asDiagonal() * covariance * sd.asDiagonal();
  return (share * options.inflation * out.array() + options.offset_variance).matrix();
}

/// The same of one class of fields.
Eigen::MatrixXd Backbone::Impl::class_covariance(const Which& which) const {
  const FieldClass& own = classes[which.number - 1];
  const Eigen::VectorXd sd = std::sqrt(own.variance * options.inflation) * closed_scale(which.bin);
  const Eigen::MatrixXd correlation = stationary_correlation("multiscale", fields.domain, own.correlation);
  return ((sd.asDiagonal() * correlation * sd.asDiagonal()).array() + options.offset_variance).matrix();
}

/// \param unit what anomalies are divided by: [point] \param weight [time]
StandardFields Backbone::Impl::standard_fields(const Eigen::VectorXd& unit,
                                               const Eigen::VectorXd& weight) const {
  return {.domain = fields.domain,
          .values = (unit.array() > 0.0)
                        .select(unit.array().max(1e-12).inverse(), 0.0)
                        .matrix()
                        .cast<float>()
                        .asDiagonal() *
                    anomalies,
          .known = active.cast<float>().asDiagonal() * available,
          .weight = weight};
}

void Backbone::Impl::fit_stationary_correlation() {
  const Eigen::VectorXd weight = season_weight(0);
  const StandardFields standard = standard_fields(sample_variance(weight).cwiseSqrt(), weight);
  stationary = fit_stationary(options.correlation, standard);
  double products = 0.0;
  double squares = 0.0;
  const Eigen::VectorXf area = relative_weights.cwiseProduct(active).cast<float>();
  for (Eigen::Index t = 1; t < standard.values.cols(); ++t) {
    const auto now = static_cast<std::size_t>(t);
    if (fields.index[now] - fields.index[now - 1] != 1) continue;
    const auto x = standard.values.col(t - 1);
    const auto y = standard.values.col(t);
    products += static_cast<double>(area.dot(x.cwiseProduct(y)));
    const auto both = available.col(t - 1).cwiseProduct(available.col(t));
    squares += 0.5 * static_cast<double>(area.dot(both.cwiseProduct(x.cwiseAbs2() + y.cwiseAbs2())));
  }
  persistence = squares > 0.0 ? std::clamp(products / squares, 0.0, 0.99) : 0.0;
}

/// \param known classes that were fitted; empty: to be
void Backbone::Impl::make_classes(std::vector<FieldClass> known) {
  if (options.classes < 2) return;
  if (fields.step != StepKind::none || options.window > 0)
    throw Error(ErrorKind::usage, "classes are of fields that do not follow each other in time",
                {.remedy = "Set backbone.classes = 1 for days and months"});
  classes = known.empty() ? fit_classes(standard_fields(closed_scale(0), season_weight(0)), options.classes)
                          : std::move(known);
}

/// Localised sample covariance of windows of 2 half + 1 steps: [step, point][step, point].
Eigen::MatrixXf Backbone::Impl::sample_covariance(std::size_t bin, std::int64_t half) const {
  const Eigen::Index n = anomalies.rows();
  const Eigen::Index steps = 2 * half + 1;
  const Eigen::VectorXd weight = season_weight(bin);
  const auto centres = window_centres(weight, half);
  Eigen::MatrixXf e(steps * n, static_cast<Eigen::Index>(centres.size()));
  Eigen::VectorXf seen = Eigen::VectorXf::Zero(steps * n);
  for (Eigen::Index k = 0; k < e.cols(); ++k) {
    const Eigen::Index t = centres[static_cast<std::size_t>(k)];
    e.col(k) = static_cast<float>(std::sqrt(weight[t])) * anomalies.middleCols(t - half, steps).reshaped();
    seen += static_cast<float>(weight[t]) * available.middleCols(t - half, steps).reshaped();
  }
  // Every row over the root of its own count of values: variances are those of the available cases and the
  // matrix stays positive semi-definite, which counts pair by pair would not guarantee.
  e = (seen.cwiseMax(1e-6F).cwiseSqrt().cwiseInverse().asDiagonal() * e).eval();
  Eigen::MatrixXf c = Eigen::MatrixXf::Zero(e.rows(), e.rows());
  c.selfadjointView<Eigen::Lower>().rankUpdate(e);
  localise(c, steps);
  operators::mirror_lower(c);
  return c;
}

CovarianceFactor Backbone::Impl::build_factor(const Which& which) const {
  const Eigen::Index n = relative_weights.size();
  const Eigen::VectorXd root = relative_weights.cwiseSqrt();
  const Eigen::Index rank = std::min<Eigen::Index>(options.rank, n);
  Eigen::MatrixXd c;  // of u = sqrt(relative weight) x, whose noise is i.i.d.
  if (which.number > 0) {
    c = class_covariance(which);
  } else if (closed_form()) {
    c = closed_covariance(which.bin, 0);
  } else {
    c = sample_covariance(which.bin, 0).cast<double>();
  }
  c = (root.asDiagonal() * c * root.asDiagonal()).eval();
  operators::Eigenpairs e;
  if (n <= kDenseEigenproblem || 2 * rank > n) {
    e = operators::symmetric_eigenpairs(c);
  } else {
    const Eigen::MatrixXf single = c.cast<float>();
    e = operators::leading_eigenpairs([&](const Eigen::MatrixXf& x) { return Eigen::MatrixXf(single * x); },
                                      n, rank);
  }
  const double floor = options.residual_floor * c.trace() / static_cast<double>(n);
  const double left =
      (c.trace() - e.values.head(rank).sum()) / static_cast<double>(std::max<Eigen::Index>(1, n - rank));
  CovarianceFactor f;
  f.residual = std::max(floor, rank < n ? left : 0.0);
  f.variance = (e.values.head(rank).array() - f.residual).max(0.0).matrix();
  f.modes = root.cwiseInverse().asDiagonal() * e.vectors.leftCols(rank);
  return f;
}

std::shared_ptr<const WindowCovariance> Backbone::Impl::build_window(const Which& which) const {
  const std::int64_t half = options.window;
  const std::size_t bin = which.bin;
  // The floor keeps a sample covariance of few fields invertible; it is part of the variances.
  const double floor = which.number > 0 ? kClassFloor : options.residual_floor;
  const auto floored = [&](Eigen::MatrixXf c) {
    c.diagonal().array() += static_cast<float>(floor) * c.diagonal().mean();
    return std::make_shared<const WindowCovariance>(std::move(c));
  };
  if (which.number > 0) return floored(class_covariance(which).cast<float>());
  if (!closed_form()) return floored(sample_covariance(bin, half));
  const Eigen::Index n = covariance.rows();
  Eigen::MatrixXd window((2 * half + 1) * n, (2 * half + 1) * n);
  for (std::int64_t apart = 0; apart <= 2 * half; ++apart) {
    const Eigen::MatrixXd block = closed_covariance(bin, apart);
    for (std::int64_t a = 0; a + apart <= 2 * half; ++a) {
      window.block(a * n, (a + apart) * n, n, n) = block;
      window.block((a + apart) * n, a * n, n, n) = block;
    }
  }
  if (given) return std::make_shared<const WindowCovariance>(std::move(window));
  return floored(window.cast<float>());
}

namespace {

template <typename Out, typename From>
Out picked(const From& from, const std::vector<Eigen::Index>& rows,
           const std::vector<Eigen::Index>& columns) {
  Out out(static_cast<Eigen::Index>(rows.size()), static_cast<Eigen::Index>(columns.size()));
  constexpr std::size_t kColumns = 64;  // a piece of work
  const auto pieces = static_cast<std::int64_t>((columns.size() + kColumns - 1) / kColumns);
  parallel_for(pieces, [&](std::int64_t piece) {
    const std::size_t first = static_cast<std::size_t>(piece) * kColumns;
    for (std::size_t j = first; j < std::min(columns.size(), first + kColumns); ++j) {
      const auto* column = from.data() + columns[j] * from.rows();
      auto* to = out.data() + static_cast<Eigen::Index>(j) * out.rows();
      for (std::size_t i = 0; i < rows.size(); ++i)
        to[i] = static_cast<typename Out::Scalar>(column[rows[i]]);
    }
  });
  return out;
}

/// Lower Cholesky root of C plus the least of a few shares of its mean variance that makes it definite.
template <typename Matrix>
Matrix jittered_root(const Matrix& c) {
  using Scalar = typename Matrix::Scalar;
  const Scalar level = c.diagonal().mean();
  for (const double jitter : {0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3}) {
    Matrix root = c;
    root.diagonal().array() += static_cast<Scalar>(jitter) * level;
    const Eigen::LLT<Eigen::Ref<Matrix>> factor(root);
    if (factor.info() == Eigen::Success) return root;
  }
  throw Error(ErrorKind::numerical, "the covariance of a window is not positive definite",
              {.remedy = "Train with a larger backbone.residual_floor"});
}

}  // namespace

Eigen::MatrixXd WindowCovariance::gather(const std::vector<Eigen::Index>& rows,
                                         const std::vector<Eigen::Index>& columns) const {
  return single() ? picked<Eigen::MatrixXd>(single_, rows, columns)
                  : picked<Eigen::MatrixXd>(exact_, rows, columns);
}

Eigen::MatrixXf WindowCovariance::gather_single(const std::vector<Eigen::Index>& rows,
                                                const std::vector<Eigen::Index>& columns) const {
  return picked<Eigen::MatrixXf>(single_, rows, columns);
}

Eigen::MatrixXd WindowCovariance::multiply_rows(Eigen::Index first, Eigen::Index count,
                                                const Eigen::MatrixXd& x) const {
  if (!single()) return exact_.middleRows(first, count) * x;
  std::vector<Eigen::Index> some(static_cast<std::size_t>(count));
  std::iota(some.begin(), some.end(), first);
  return multiply_rows(some, x);
}

Eigen::MatrixXd WindowCovariance::multiply_rows(const std::vector<Eigen::Index>& rows,
                                                const Eigen::MatrixXd& x) const {
  Eigen::MatrixXd out(static_cast<Eigen::Index>(rows.size()), x.cols());
  constexpr std::size_t kBlock = 64;  // rows turned into double at once
  parallel_for(static_cast<std::int64_t>((rows.size() + kBlock - 1) / kBlock), [&](std::int64_t block) {
    const std::size_t first = static_cast<std::size_t>(block) * kBlock;
    const std::size_t some = std::min(kBlock, rows.size() - first);
    Eigen::MatrixXd part(this->rows(), static_cast<Eigen::Index>(some));
    // By symmetry its columns, which are contiguous.
    for (std::size_t k = 0; k < some; ++k) {
      const Eigen::Index j = rows[first + k];
      if (single())
        part.col(static_cast<Eigen::Index>(k)) = single_.col(j).cast<double>();
      else
        part.col(static_cast<Eigen::Index>(k)) = exact_.col(j);
    }
    out.middleRows(static_cast<Eigen::Index>(first), static_cast<Eigen::Index>(some)).noalias() =
        part.transpose() * x;
  });
  return out;
}

Eigen::MatrixXd WindowCovariance::colour(const Eigen::MatrixXd& white) const {
  std::call_once(once_, [&] {
    if (single())
      single_root_ = jittered_root(single_);
    else
      exact_root_ = jittered_root(exact_);
  });
  if (!single()) return exact_root_.triangularView<Eigen::Lower>() * white;
  return (single_root_.triangularView<Eigen::Lower>() * white.cast<float>()).eval().cast<double>();
}

void Backbone::Impl::prepare_anomalies() {
  const Eigen::Index n = fields.values.rows();
  const Eigen::Index times = fields.values.cols();
  anomalies.resize(n, times);
  available.setOnes(n, times);
  for (Eigen::Index t = 0; t < times; ++t) {
    const double s = fields.season[static_cast<std::size_t>(t)];
    const Eigen::VectorXd level = mean_coefficients.transpose() * harmonics(s, options.mean_harmonics);
    const Eigen::VectorXd spread = scale(s);
    for (Eigen::Index i = 0; i < n; ++i) {
      float v = fields.values(i, t);
      if (std::isnan(v) && fields.infilled.size() > 0) v = fields.infilled(i, t);
      const bool missing = std::isnan(v) || active[i] == 0.0;
      available(i, t) = missing ? 0.0F : 1.0F;
      anomalies(i, t) = missing ? 0.0F : static_cast<float>((v - level[i]) / spread[i]);
    }
  }
}

Backbone::Backbone(std::shared_ptr<Impl> impl, std::size_t class_number)
    : impl_(std::move(impl)), class_(class_number) {}

Backbone Backbone::fit(TrainingFields fields, const BackboneOptions& options) {
  return fit(std::move(fields), options, Fitted{});
}

Backbone Backbone::fitted_to(const std::vector<bool>& keep) const {
  return fit(impl_->fields.subset(keep), impl_->options, {.classes = impl_->classes});
}

Backbone Backbone::fit(TrainingFields fields, const BackboneOptions& options, Fitted fitted) {
  const Eigen::Index n = fields.values.rows();
  const Eigen::Index times = fields.values.cols();
  if (times < 2)
    throw Error(ErrorKind::input,
                "a backbone needs at least two training fields, here are " + std::to_string(times));
  if (n != static_cast<Eigen::Index>(fields.domain.size()))
    throw Error(ErrorKind::internal, "training fields do not match their domain");
  auto impl = std::make_shared<Impl>(std::move(fields), options);
  Impl& m = *impl;
  m.relative_weights = relative_weights_of(m.fields.domain, options);
  m.active = Eigen::VectorXd::Zero(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    Eigen::Index known = 0;
    for (Eigen::Index t = 0; t < times; ++t) {
      const float v = m.fields.values(i, t);
      if (std::isinf(v))
        throw Error(ErrorKind::input, "a training value is infinite",
                    {.index = "[time " + std::to_string(t) + "][point " + std::to_string(i) + "]"});
      if (!std::isnan(v)) ++known;
    }
    m.active[i] =
        static_cast<double>(known) >= kLeastShare * static_cast<double>(times) && known > 1 ? 1.0 : 0.0;
  }
  if (m.active.sum() == 0.0) throw Error(ErrorKind::input, "no point has enough training values");

  m.options.mean_harmonics = resolved_harmonics(m.fields.season, options.mean_harmonics);
  m.options.scale_harmonics = resolved_harmonics(m.fields.season, options.scale_harmonics);
  if (times <= 2 * m.options.mean_harmonics + 1)
    throw Error(ErrorKind::input,
                std::to_string(times) + " training fields cannot teach a climatology of " +
                    std::to_string(m.options.mean_harmonics) + " harmonics",
                {.remedy = "Give more fields, or set backbone.mean_harmonics lower"});
  m.mean_coefficients = fit_harmonics(m.fields.values, m.fields.season, m.options.mean_harmonics);
  Eigen::MatrixXf squares = m.fields.values;
  for (Eigen::Index t = 0; t < times; ++t) {
    const Eigen::VectorXd level =
        m.mean_coefficients.transpose() *
        harmonics(m.fields.season[static_cast<std::size_t>(t)], m.options.mean_harmonics);
    squares.col(t) = (squares.col(t) - level.cast<float>()).cwiseAbs2();
  }
  m.square_coefficients = fit_harmonics(squares, m.fields.season, m.options.scale_harmonics);
  const Eigen::VectorXd area = m.relative_weights.cwiseProduct(m.active);
  m.unit_scale = std::sqrt(area.dot(m.square_coefficients.row(0).transpose()) / area.sum());
  if (!(m.unit_scale > 0.0))
    throw Error(ErrorKind::input, "the training fields do not vary",
                {.remedy = "Check train.variable, train.first_year and train.last_year"});
  m.prepare_anomalies();
  if (options.correlation != "sample") {
    if (fitted.stationary.empty()) {
      m.fit_stationary_correlation();
    } else {
      m.stationary = std::move(fitted.stationary);
      m.persistence = fitted.persistence;
    }
    m.covariance = stationary_correlation(options.correlation, m.fields.domain, m.stationary);
  }
  m.make_classes(std::move(fitted.classes));
  return Backbone(std::move(impl));
}

Backbone Backbone::from_covariance(const domain::Domain& domain, const Eigen::MatrixXd& covariance,
                                   double persistence, const BackboneOptions& options, StepKind step) {
  const auto n = static_cast<Eigen::Index>(domain.size());
  auto impl = std::make_shared<Impl>(TrainingFields{.domain = domain, .step = step}, options);
  Impl& m = *impl;
  m.options.mean_harmonics = 0;
  m.options.scale_power = 0.0;
  m.options.season_bins = 1;
  m.relative_weights = relative_weights_of(domain, options);
  m.active = Eigen::VectorXd::Ones(n);
  m.mean_coefficients = Eigen::MatrixXd::Zero(1, n);
  m.square_coefficients = Eigen::MatrixXd::Ones(1, n);
  m.given = true;
  m.covariance = covariance;
  m.persistence = persistence;
  return Backbone(std::move(impl));
}

const domain::Domain& Backbone::domain() const { return impl_->fields.domain; }
const BackboneOptions& Backbone::options() const { return impl_->options; }
StepKind Backbone::step() const { return impl_->fields.step; }
const TrainingFields& Backbone::training() const { return impl_->fields; }
double Backbone::unit_scale() const { return impl_->unit_scale; }
const Eigen::VectorXd& Backbone::relative_weights() const { return impl_->relative_weights; }
const Eigen::MatrixXf& Backbone::anomalies() const { return impl_->anomalies; }
Eigen::VectorXd Backbone::season_weight(std::size_t bin) const { return impl_->season_weight(bin); }

const Eigen::MatrixXd* Backbone::closed_form(double* persistence) const {
  if (class_ > 0 || !impl_->closed_form()) return nullptr;
  *persistence = impl_->persistence;
  return &impl_->covariance;
}
Eigen::VectorXd Backbone::closed_form_scale(std::size_t bin) const {
  return std::sqrt(impl_->given ? 1.0 : impl_->options.inflation) * impl_->closed_scale(bin);
}
const std::vector<double>& Backbone::stationary() const {
  return class_ > 0 ? impl_->classes[class_ - 1].correlation : impl_->stationary;
}
const std::vector<FieldClass>& Backbone::classes() const { return impl_->classes; }
Backbone Backbone::of_class(std::size_t number) const { return Backbone(impl_, number); }
const Eigen::VectorXd& Backbone::active() const { return impl_->active; }

Eigen::VectorXd Backbone::mean(double season) const {
  return impl_->mean_coefficients.transpose() * harmonics(season, impl_->options.mean_harmonics);
}

Eigen::VectorXd Backbone::scale(double season) const { return impl_->scale(season); }

Eigen::MatrixXd Backbone::within_bounds(const Eigen::MatrixXd& values) const {
  const auto& bounds = impl_->options.bounds;
  return bounds.empty() ? values : values.cwiseMax(bounds[0]).cwiseMin(bounds[1]);
}

Eigen::MatrixXd Backbone::physical(const Eigen::MatrixXd& x, double season) const {
  Eigen::MatrixXd out = scale(season).asDiagonal() * x;
  out.colwise() += mean(season);
  return within_bounds(out);
}

std::size_t Backbone::season_bin(double season) const {
  const auto bins = static_cast<std::size_t>(impl_->options.season_bins);
  return std::min(bins - 1, static_cast<std::size_t>(std::max(0.0, season) * static_cast<double>(bins)));
}

const CovarianceFactor& Backbone::factor(std::size_t bin) const {
  const std::lock_guard<std::mutex> lock(impl_->mutex);
  const Impl::Which which{class_, bin};
  const auto found = impl_->factors.find(which);
  if (found != impl_->factors.end()) return found->second;
  return impl_->factors.emplace(which, impl_->build_factor(which)).first->second;
}

std::shared_ptr<const WindowCovariance> Backbone::window_covariance(std::size_t bin) const {
  constexpr double kBytes = 1073741824.0;
  const std::lock_guard<std::mutex> lock(impl_->mutex);
  auto& held = impl_->window_covariances;
  const Impl::Which which{class_, bin};
  const auto found =
      std::find_if(held.begin(), held.end(), [&](const auto& item) { return item.first == which; });
  if (found != held.end()) {
    held.splice(held.begin(), held, found);
    return held.front().second;
  }
  const double rows = static_cast<double>((2 * impl_->options.window + 1) * impl_->relative_weights.size());
  const auto most = static_cast<std::size_t>(std::max(1.0, kBytes / (4.0 * rows * rows)));
  while (held.size() >= most) held.pop_back();
  held.emplace_front(which, impl_->build_window(which));
  return held.front().second;
}

Eigen::MatrixXd Backbone::denoise(const Eigen::MatrixXd& noisy, double alpha, double sigma,
                                  std::size_t bin) const {
  const CovarianceFactor& f = factor(bin);
  const double noise = sigma * sigma;
  const Eigen::ArrayXd total = f.variance.array() + f.residual;
  const double rest = alpha * f.residual / (alpha * alpha * f.residual + noise);
  const Eigen::ArrayXd gain = alpha * total / (alpha * alpha * total + noise) - rest;
  const Eigen::MatrixXd coefficients = f.modes.transpose() * (relative_weights().asDiagonal() * noisy);
  return f.modes * (gain.matrix().asDiagonal() * coefficients) + rest * noisy;
}

Eigen::VectorXd Backbone::log_density(const Eigen::MatrixXd& x, std::size_t bin) const {
  const CovarianceFactor& f = factor(bin);
  const Eigen::Index n = x.rows();
  const Eigen::Index r = f.variance.size();
  const Eigen::MatrixXd u = relative_weights().cwiseSqrt().asDiagonal() * x;
  const Eigen::MatrixXd c = f.modes.transpose() * (relative_weights().asDiagonal() * x);
  const Eigen::ArrayXd total = f.variance.array() + f.residual;
  const Eigen::VectorXd excess = (1.0 / total - 1.0 / f.residual).matrix();
  const double log_determinant = total.log().sum() + static_cast<double>(n - r) * std::log(f.residual) -
                                 relative_weights().array().log().sum();
  Eigen::VectorXd out = -0.5 * u.colwise().squaredNorm().transpose() / f.residual;
  out -= 0.5 * (c.cwiseAbs2().transpose() * excess);
  out.array() -= 0.5 * (log_determinant + static_cast<double>(n) * std::log(2.0 * std::numbers::pi));
  return out;
}

Eigen::MatrixXd Backbone::log_density_gradient(const Eigen::MatrixXd& x, std::size_t bin) const {
  const CovarianceFactor& f = factor(bin);
  const Eigen::MatrixXd weighted = relative_weights().asDiagonal() * x;
  const Eigen::ArrayXd total = f.variance.array() + f.residual;
  const Eigen::VectorXd excess = (1.0 / f.residual - 1.0 / total).matrix();
  const Eigen::MatrixXd modal = f.modes * (excess.asDiagonal() * (f.modes.transpose() * weighted));
  return relative_weights().asDiagonal() * modal - weighted / f.residual;
}

Eigen::VectorXd Backbone::variance(std::size_t bin) const {
  {
    const std::lock_guard<std::mutex> lock(impl_->mutex);
    const auto found = impl_->variances.find({class_, bin});
    if (found != impl_->variances.end()) return found->second;
  }
  const auto c = window_covariance(bin);
  const Eigen::Index n = relative_weights().size();
  Eigen::VectorXd out(n);
  for (Eigen::Index i = 0; i < n; ++i)
    out[i] = (*c)(impl_->options.window * n + i, impl_->options.window * n + i);
  const std::lock_guard<std::mutex> lock(impl_->mutex);
  return impl_->variances.emplace(Impl::Which{class_, bin}, std::move(out)).first->second;
}

namespace {

constexpr std::int16_t kMissing = -32768;

std::vector<double> options_vector(const BackboneOptions& o) {
  return {static_cast<double>(o.mean_harmonics),
          static_cast<double>(o.scale_harmonics),
          o.scale_power,
          static_cast<double>(o.season_bins),
          o.taper_km,
          o.second_taper_km,
          o.second_taper_share,
          o.inflation,
          static_cast<double>(o.rank),
          o.offset_variance,
          o.residual_floor,
          static_cast<double>(o.window),
          o.noise_sigma};
}

BackboneOptions options_of(const std::vector<double>& v, const std::vector<double>& season_weights) {
  BackboneOptions o;
  o.mean_harmonics = std::llround(v[0]);
  o.scale_harmonics = std::llround(v[1]);
  o.scale_power = v[2];
  o.season_bins = std::llround(v[3]);
  o.taper_km = v[4];
  o.second_taper_km = v[5];
  o.second_taper_share = v[6];
  o.inflation = v[7];
  o.rank = std::llround(v[8]);
  o.offset_variance = v[9];
  o.residual_floor = v[10];
  o.window = std::llround(v[11]);
  o.noise_sigma = v[12];
  o.season_weights = season_weights;
  return o;
}

}  // namespace

void Backbone::save(io::ModelFile& file) const {
  const TrainingFields& f = impl_->fields;
  if (impl_->given)
    throw Error(ErrorKind::usage, "a process given in closed form has no training fields to save");
  io::put_domain(f.domain, file);
  // The covariance is rebuilt from the fields themselves: they are smaller than its factors. A decimal step
  // finer than a 50,000th of their range keeps values that were decimal to begin with exact and easy to
  // compress.
  float low = std::numeric_limits<float>::max();
  float high = std::numeric_limits<float>::lowest();
  for (const float v : f.values.reshaped())
    if (!std::isnan(v)) {
      low = std::min(low, v);
      high = std::max(high, v);
    }
  const double step = std::pow(10.0, std::ceil(std::log10((high - low) / 50000.0)));
  const double offset = step * std::round(0.5 * (high + low) / step);
  const auto times = static_cast<std::size_t>(f.values.cols());
  const auto put = [&](const std::string& name, const Eigen::MatrixXf& values) {
    std::vector<std::int16_t> packed(static_cast<std::size_t>(values.size()), kMissing);
    for (Eigen::Index k = 0; k < values.size(); ++k) {
      const float v = values.data()[k];
      // Draws may leave the range of the data: the few beyond the packing are cut.
      if (!std::isnan(v))
        packed[static_cast<std::size_t>(k)] =
            static_cast<std::int16_t>(std::lround(std::clamp((v - offset) / step, -32767.0, 32767.0)));
    }
    file.put_shorts(name, {times, f.domain.size()}, packed);
  };
  put("backbone/fields", f.values);
  if (f.infilled.size() > 0) put("backbone/infilled", f.infilled);
  file.put_doubles("backbone/packing", {2}, {step, offset});
  file.put_integers("backbone/index", {times}, f.index);
  file.put_doubles("backbone/season", {times}, f.season);
  if (!f.year.empty())
    file.put_integers("backbone/year", {times}, std::vector<std::int64_t>(f.year.begin(), f.year.end()));
  file.put_doubles("backbone/options", {13}, options_vector(impl_->options));
  file.put_doubles("backbone/season_weights", {impl_->options.season_weights.size()},
                   impl_->options.season_weights);
  if (impl_->options.half_life_years > 0.0)
    file.put_doubles("backbone/half_life_years", {1}, {impl_->options.half_life_years});
  if (!impl_->options.bounds.empty()) file.put_doubles("backbone/bounds", {2}, impl_->options.bounds);
  if (!impl_->options.area_weights) file.put_integers("backbone/area_weights", {1}, {0});
  if (impl_->options.taper != BackboneOptions{}.taper) file.put_text("backbone/taper", impl_->options.taper);
  if (!impl_->stationary.empty()) {
    file.put_text("backbone/correlation", impl_->options.correlation);
    file.put_doubles("backbone/stationary", {impl_->stationary.size()}, impl_->stationary);
    file.put_doubles("backbone/persistence", {1}, {impl_->persistence});
  }
  if (!impl_->classes.empty()) {
    std::vector<double> shares;
    std::vector<double> variances;
    for (std::size_t k = 0; k < impl_->classes.size(); ++k) {
      const FieldClass& own = impl_->classes[k];
      shares.push_back(own.share);
      variances.push_back(own.variance);
      file.put_doubles("backbone/class_" + std::to_string(k), {own.correlation.size()}, own.correlation);
    }
    file.put_doubles("backbone/class_shares", {shares.size()}, shares);
    file.put_doubles("backbone/class_variances", {variances.size()}, variances);
  }
  file.put_text("backbone/step", f.step == StepKind::day     ? "day"
                                 : f.step == StepKind::month ? "month"
                                                             : "none");
}

Backbone Backbone::load(const io::ModelFile& file) {
  const auto bad = [&](const std::string& what) {
    return Error(ErrorKind::input, "not a usable model: " + what,
                 {.file = file.path(), .remedy = "Fetch or train the model again"});
  };
  TrainingFields f{.domain = io::get_domain(file)};
  const std::size_t n = f.domain.size();
  static_cast<void>(file.shorts("backbone/fields", {0, n}));  // of two dimensions
  const std::size_t times = file.shape("backbone/fields")[0];
  f.index = file.integers("backbone/index", {times});
  f.season = file.doubles("backbone/season", {times});
  if (file.has("backbone/year"))
    for (const std::int64_t y : file.integers("backbone/year", {times}))
      f.year.push_back(static_cast<int>(y));
  const std::string& step = file.text("backbone/step");
  if (step != "day" && step != "month" && step != "none") throw bad("its step is '" + step + "'");
  f.step = step == "day" ? StepKind::day : step == "month" ? StepKind::month : StepKind::none;
  for (std::size_t t = 0; t < times; ++t) {
    if (!(f.season[t] >= 0.0 && f.season[t] <= 1.0)) throw bad("a season is outside 0..1");
    if (t > 0 && f.index[t] <= f.index[t - 1]) throw bad("its steps are out of order");
  }
  const auto& packing = file.doubles("backbone/packing", {2});
  const auto unpacked = [&](const std::string& name) {
    const auto& packed = file.shorts(name, {times, n});
    Eigen::MatrixXf values(static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(times));
    for (std::size_t k = 0; k < packed.size(); ++k)
      values.data()[k] = packed[k] == kMissing ? std::numeric_limits<float>::quiet_NaN()
                                               : static_cast<float>(packing[1] + packing[0] * packed[k]);
    return values;
  };
  f.values = unpacked("backbone/fields");
  if (file.has("backbone/infilled")) f.infilled = unpacked("backbone/infilled");
  BackboneOptions o =
      options_of(file.doubles("backbone/options", {13}), file.doubles("backbone/season_weights"));
  if (file.has("backbone/half_life_years"))
    o.half_life_years = file.doubles("backbone/half_life_years", {1})[0];
  if (file.has("backbone/bounds")) o.bounds = file.doubles("backbone/bounds", {2});
  if (file.has("backbone/area_weights")) o.area_weights = file.integers("backbone/area_weights", {1})[0] != 0;
  const auto known = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (file.has("backbone/taper")) o.taper = file.text("backbone/taper");
  if (!known(taper_names(), o.taper)) throw bad("its taper is '" + o.taper + "'");
  Fitted fitted;
  auto& [stationary, persistence, classes] = fitted;
  if (file.has("backbone/class_shares")) {
    const auto& shares = file.doubles("backbone/class_shares");
    const auto& variances = file.doubles("backbone/class_variances", {shares.size()});
    for (std::size_t k = 0; k < shares.size(); ++k) {
      classes.push_back({.share = shares[k],
                         .variance = variances[k],
                         .correlation = file.doubles("backbone/class_" + std::to_string(k))});
      if (!(shares[k] >= 0.0 && shares[k] <= 1.0 && variances[k] > 0.0 && std::isfinite(variances[k])))
        throw bad("a class of its fields has a share or variance that is none");
      require_multiscale(classes.back().correlation);
    }
    o.classes = static_cast<std::int64_t>(classes.size());
  }
  if (file.has("backbone/correlation")) {
    o.correlation = file.text("backbone/correlation");
    if (!known(stationary_names(), o.correlation)) throw bad("its correlation is '" + o.correlation + "'");
    stationary = file.doubles("backbone/stationary");
    persistence = file.doubles("backbone/persistence", {1})[0];
    if (stationary.empty() || !(persistence >= 0.0 && persistence <= 0.99))
      throw bad("its correlation has no parameters, or the one of neighbouring steps is out of range");
  }
  const auto within = [](double v, double low, double high) { return v >= low && v <= high; };
  if (!within(static_cast<double>(o.season_bins), 1, 366) || !within(static_cast<double>(o.window), 0, 30) ||
      !within(static_cast<double>(o.rank), 1, 20000) || !within(o.offset_variance, 0, 100) ||
      !within(static_cast<double>(o.mean_harmonics), 0, 6) ||
      !within(static_cast<double>(o.scale_harmonics), 0, 6) || !within(o.residual_floor, 1e-8, 1) ||
      !within(o.inflation, 0.01, 100) || !within(o.half_life_years, 0, 1e5) ||
      (!o.bounds.empty() && !(o.bounds[0] < o.bounds[1])))
    throw bad("an option is out of range");
  return fit(std::move(f), o, std::move(fitted));
}

}  // namespace manifill::prior
