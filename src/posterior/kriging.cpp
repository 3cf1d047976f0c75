#include "manifill/posterior/kriging.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <span>
#include <string>

#include <Eigen/Cholesky>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/operators/minimise.hpp"
#include "manifill/posterior/fill_sampler.hpp"
#include "manifill/posterior/local_kriging.hpp"

namespace manifill::posterior {
namespace {

/// Share of the variance on the diagonal that keeps coincident points (a pole's) apart from singularity.
/// Least nugget of the fit, a share of the variance; a nugget fitted there counts as none.
constexpr double kLeastRatio = 1e-6;
constexpr double kMostRatio = 100.0;

const SamplerRegistration kKrigingRegistration(
    "kriging", "kriging of anomalies with an exponential covariance fitted to the training fields",
    {{.key = "kriging.most_points",
      .help = "points of a domain up to which kriging is exact; beyond, it is from near observations",
      .fallback = std::int64_t{5000},
      .lowest = 0,
      .highest = 16384},
     {.key = "kriging.neighbours",
      .help = "near observations that a point is kriged from where it is not exact",
      .fallback = std::int64_t{48},
      .lowest = 1,
      .highest = 1000}},
    [](const Model& model, const Config& config) {
      return std::make_unique<KrigingSampler>(model,
                                              static_cast<std::size_t>(config.integer("kriging.most_points")),
                                              static_cast<std::size_t>(config.integer("kriging.neighbours")));
    });

/// Standard normals of every member: [row][member].
Eigen::MatrixXd white(const SampleRequest& request, std::int64_t time, RandomPurpose purpose,
                      Eigen::Index rows) {
  Eigen::MatrixXd out(rows, static_cast<Eigen::Index>(request.members));
  for (Eigen::Index k = 0; k < out.cols(); ++k) {
    RandomStream random({.seed = request.seed,
                         .purpose = purpose,
                         .time = time,
                         .member = request.first_member + static_cast<std::uint32_t>(k)});
    random.fill_normal(std::span<double>(out.col(k).data(), static_cast<std::size_t>(rows)));
  }
  return out;
}

/// Overwrites the lower triangle by the Cholesky factor.
bool factorise(Eigen::MatrixXd& matrix) {
  const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> factor(matrix);
  return factor.info() == Eigen::Success;
}

// ---------------------------------------------------------------------------------------------- likelihood

/// Fields with values at the same sample points.
struct Group {
  std::vector<Eigen::Index> rows;  // into the sample
  Eigen::MatrixXd values;          // [row][field]
};

/// The sample that a covariance is fitted to.
struct Sample {
  Eigen::MatrixXd distance;  // [point][point], km
  std::vector<Group> groups;
  KrigingMean mean = KrigingMean::zero;
  std::size_t observations = 0;
};

/// Likelihood at the variance that makes it greatest for this range and ratio of nugget to variance.
struct Profile {
  double log_likelihood = -std::numeric_limits<double>::infinity();
  double variance = 0.0;
};

Profile profile(const Sample& sample, double range_km, double ratio) {
  double square = 0.0;
  double log_determinant = 0.0;
  double degrees = 0.0;
  for (const Group& g : sample.groups) {
    Eigen::MatrixXd k = (-sample.distance(g.rows, g.rows).array() / range_km).exp().matrix();
    k.diagonal().array() += ratio;
    if (!factorise(k)) return {};
    const auto fields = static_cast<double>(g.values.cols());
    const Eigen::MatrixXd z = k.triangularView<Eigen::Lower>().solve(g.values);
    square += z.squaredNorm();
    log_determinant += 2.0 * fields * k.diagonal().array().log().sum();
    degrees += static_cast<double>(z.size());
    if (sample.mean == KrigingMean::zero) continue;
    const Eigen::VectorXd one = k.triangularView<Eigen::Lower>().solve(Eigen::VectorXd::Ones(k.rows()));
    square -= (z.transpose() * one).squaredNorm() / one.squaredNorm();
    log_determinant += fields * std::log(one.squaredNorm());
    degrees -= fields;
  }
  const double variance = square / degrees;
  if (!(variance > 0.0)) return {};
  return {-0.5 * (degrees * (std::log(2.0 * std::numbers::pi * variance) + 1.0) + log_determinant), variance};
}

// ---------------------------------------------------------------------------------------------- sample

/// Points that are ever seen, drawn by area, each with a neighbour; all of them if there are not more than
/// wanted.
std::vector<Eigen::Index> sample_points(const domain::Domain& domain, const std::vector<bool>& seen,
                                        const KrigingFit& options) {
  std::vector<Eigen::Index> out;
  const auto available = static_cast<std::size_t>(std::count(seen.begin(), seen.end(), true));
  std::vector<double> cumulative;
  double total = 0.0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    total += seen[i] ? domain.weights()[i] : 0.0;
    cumulative.push_back(total);
  }
  std::vector<bool> taken(seen.size(), available <= options.points);
  RandomStream random({.seed = options.seed,
                       .purpose = RandomPurpose::training,
                       .time = static_cast<std::int64_t>(seen.size())});
  std::size_t count = 0;
  for (std::size_t tries = 0;
       available > options.points && count < options.points && tries < 64 * options.points; ++tries) {
    const auto it = std::lower_bound(cumulative.begin(), cumulative.end(), total * random.uniform());
    const auto i = std::min(static_cast<std::size_t>(it - cumulative.begin()), seen.size() - 1);
    const auto around = domain.neighbours(i);
    const std::size_t j = around.empty() ? i
                                         : around[static_cast<std::size_t>(random.integer(
                                               0, static_cast<std::int64_t>(around.size()) - 1))];
    for (const std::size_t p : {i, j})
      if (seen[p] && !taken[p]) {
        taken[p] = true;
        ++count;
      }
  }
  for (std::size_t i = 0; i < seen.size(); ++i)
    if (seen[i] && taken[i]) out.push_back(static_cast<Eigen::Index>(i));
  return out;
}

std::vector<Group> group_fields(const Eigen::Ref<const Eigen::MatrixXf>& anomalies,
                                const std::vector<Eigen::Index>& points,
                                const std::vector<Eigen::Index>& times) {
  std::map<std::vector<Eigen::Index>, std::vector<Eigen::Index>> by_rows;
  for (const Eigen::Index t : times) {
    std::vector<Eigen::Index> rows;
    for (std::size_t k = 0; k < points.size(); ++k)
      if (std::isfinite(anomalies(points[k], t))) rows.push_back(static_cast<Eigen::Index>(k));
    if (rows.size() > 1) by_rows[rows].push_back(t);
  }
  std::vector<Group> groups;
  for (const auto& [rows, members] : by_rows) {
    Group g{rows, Eigen::MatrixXd(static_cast<Eigen::Index>(rows.size()),
                                  static_cast<Eigen::Index>(members.size()))};
    for (Eigen::Index f = 0; f < g.values.cols(); ++f)
      for (Eigen::Index r = 0; r < g.values.rows(); ++r)
        g.values(r, f) =
            static_cast<double>(anomalies(points[static_cast<std::size_t>(rows[static_cast<std::size_t>(r)])],
                                          members[static_cast<std::size_t>(f)]));
    groups.push_back(std::move(g));
  }
  return groups;
}

Sample make_sample(const domain::Domain& domain, const Eigen::Ref<const Eigen::MatrixXf>& anomalies,
                   const KrigingFit& options) {
  const auto wanted = static_cast<Eigen::Index>(std::max<std::size_t>(1, options.fields));
  const Eigen::Index fields = std::min(anomalies.cols(), wanted);
  std::vector<Eigen::Index> times;
  for (Eigen::Index k = 0; k < fields; ++k) times.push_back((2 * k + 1) * anomalies.cols() / (2 * fields));
  std::vector<bool> seen(domain.size(), false);
  for (const Eigen::Index t : times)
    for (std::size_t i = 0; i < seen.size(); ++i)
      seen[i] = seen[i] || std::isfinite(anomalies(static_cast<Eigen::Index>(i), t));
  const auto points = sample_points(domain, seen, options);
  Sample sample;
  sample.mean = options.mean;
  sample.groups = group_fields(anomalies, points, times);
  for (const auto& g : sample.groups) sample.observations += static_cast<std::size_t>(g.values.size());
  const auto n = static_cast<Eigen::Index>(points.size());
  sample.distance = Eigen::MatrixXd::Zero(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < i; ++j)
      sample.distance(i, j) = sample.distance(j, i) =
          domain.separation(static_cast<std::size_t>(points[static_cast<std::size_t>(i)]),
                            static_cast<std::size_t>(points[static_cast<std::size_t>(j)]));
  return sample;
}

// ---------------------------------------------------------------------------------------------- search

}  // namespace

double ExponentialCovariance::operator()(double distance_km) const {
  return variance * std::exp(-distance_km / range_km);
}

void check_kriging(const domain::Domain& domain, const ExponentialCovariance& covariance,
                   const std::vector<bool>& observed) {
  if (observed.size() != domain.size())
    throw Error(ErrorKind::internal, "a mask of " + std::to_string(observed.size()) +
                                         " points on a domain of " + std::to_string(domain.size()));
  const bool valid = covariance.variance > 0.0 && covariance.range_km > 0.0 && covariance.nugget >= 0.0;
  if (!valid || !std::isfinite(covariance.variance + covariance.range_km + covariance.nugget))
    throw Error(ErrorKind::usage,
                "a kriging covariance has a variance or range that is not positive, or a negative nugget",
                {.remedy = "Fit the covariance to training fields"});
}

void check_observed_values(const std::vector<bool>& observed, const Eigen::MatrixXd& values) {
  if (values.rows() != static_cast<Eigen::Index>(observed.size()))
    throw Error(ErrorKind::internal, "fields of " + std::to_string(values.rows()) +
                                         " points are kriged on a domain of " +
                                         std::to_string(observed.size()));
  for (std::size_t i = 0; i < observed.size(); ++i)
    if (observed[i] && !values.row(static_cast<Eigen::Index>(i)).allFinite())
      throw Error(ErrorKind::input, "an observed value is not finite",
                  {.index = "[point " + std::to_string(i) + "]", .remedy = "Mark it as not observed"});
}

KrigingFactor::KrigingFactor(const domain::Domain& domain, const ExponentialCovariance& covariance,
                             const std::vector<bool>& observed, KrigingMean mean)
    : covariance_(covariance), kind_(mean), points_(static_cast<Eigen::Index>(domain.size())) {
  check_kriging(domain, covariance, observed);
  if (std::find(observed.begin(), observed.end(), true) == observed.end())
    throw Error(ErrorKind::input, "a field without any observed point cannot be kriged",
                {.remedy = "Leave this time step out, or fill it with the climatology"});
  for (std::size_t i = 0; i < observed.size(); ++i)
    if (observed[i]) index_.push_back(static_cast<Eigen::Index>(i));
  if (index_.size() > kMostObserved)
    throw Error(ErrorKind::input,
                "exact kriging of " + std::to_string(index_.size()) + " observed points was asked for; " +
                    std::to_string(kMostObserved) + " are the most",
                {.remedy = "Use LocalKriging (kriging.most_points), or the method 'gaussian'"});

  const auto m = static_cast<Eigen::Index>(index_.size());
  half_.resize(m, points_);
  for (Eigen::Index j = 0; j < points_; ++j)
    for (Eigen::Index i = 0; i < m; ++i)
      half_(i, j) = covariance_(domain.separation(
          static_cast<std::size_t>(index_[static_cast<std::size_t>(i)]), static_cast<std::size_t>(j)));
  lower_ = half_(Eigen::all, index_);
  lower_.diagonal().array() += covariance.nugget + kKrigingJitter * covariance.variance;
  if (!factorise(lower_))
    throw Error(ErrorKind::numerical,
                "the kriging matrix of " + std::to_string(m) + " points is not positive definite",
                {.remedy = "Give the covariance a nugget"});
  const auto factor = lower_.triangularView<Eigen::Lower>();
  factor.solveInPlace(half_);
  Eigen::VectorXd variance = (covariance.variance - half_.colwise().squaredNorm().array()).transpose();
  if (kind_ == KrigingMean::unknown) {
    half_one_ = factor.solve(Eigen::VectorXd::Ones(m));
    drift_ = (1.0 - (half_one_.transpose() * half_).array()).transpose();
    variance += drift_.cwiseAbs2() / half_one_.squaredNorm();
  }
  sd_ = variance.cwiseMax(0.0).cwiseSqrt();
  if (covariance.nugget == 0.0)
    for (const Eigen::Index i : index_) sd_[i] = 0.0;
}

Eigen::MatrixXd KrigingFactor::mean(const Eigen::MatrixXd& values) const {
  if (values.rows() != points_)
    throw Error(ErrorKind::internal, "fields of " + std::to_string(values.rows()) +
                                         " points are kriged on a domain of " + std::to_string(points_));
  Eigen::MatrixXd y = values(index_, Eigen::all);
  for (Eigen::Index k = 0; k < y.rows(); ++k)
    if (!y.row(k).allFinite())
      throw Error(ErrorKind::input, "an observed value is not finite",
                  {.index = "[point " + std::to_string(index_[static_cast<std::size_t>(k)]) + "]",
                   .remedy = "Mark it as not observed"});
  lower_.triangularView<Eigen::Lower>().solveInPlace(y);
  Eigen::MatrixXd out = half_.transpose() * y;
  if (kind_ == KrigingMean::unknown) {
    const Eigen::RowVectorXd level = half_one_.transpose() * y / half_one_.squaredNorm();
    out += drift_ * level;
  }
  if (covariance_.nugget == 0.0)
    for (const Eigen::Index i : index_) out.row(i) = values.row(i);
  return out;
}

Eigen::VectorXd KrigingFactor::predictive_standard_deviation() const {
  return (sd_.array().square() + covariance_.nugget).sqrt();
}

FittedCovariance fit_exponential_covariance(const domain::Domain& domain,
                                            const Eigen::Ref<const Eigen::MatrixXf>& anomalies,
                                            const KrigingFit& options) {
  if (anomalies.rows() != static_cast<Eigen::Index>(domain.size()))
    throw Error(ErrorKind::internal, "anomalies of " + std::to_string(anomalies.rows()) +
                                         " points on a domain of " + std::to_string(domain.size()));
  const Sample sample = make_sample(domain, anomalies, options);
  if (sample.observations < 10)
    throw Error(ErrorKind::input,
                "the training fields have too few values to fit a covariance to: " +
                    std::to_string(sample.observations),
                {.remedy = "Give more training fields"});
  const double farthest = std::max(1.0, sample.distance.maxCoeff());
  double nearest = farthest;
  for (Eigen::Index i = 0; i < sample.distance.rows(); ++i)
    for (Eigen::Index j = 0; j < i; ++j)
      if (sample.distance(i, j) > 1e-3) nearest = std::min(nearest, sample.distance(i, j));

  const operators::SearchBox box{.low = {std::log(0.2 * nearest), std::log(kLeastRatio)},
                                 .high = {std::log(10.0 * farthest), std::log(kMostRatio)}};
  const auto cost = [&](const std::vector<double>& x) {
    return -profile(sample, std::exp(x[0]), std::exp(x[1])).log_likelihood;
  };
  const auto rough = operators::grid_minimum(cost, box, 6);
  const auto best = operators::nelder_mead(cost, box, rough.x, {0.7, 0.7}, 1e-3, 200);
  const double range = std::exp(best.x[0]);
  const double ratio = std::exp(best.x[1]);
  const Profile at = profile(sample, range, ratio);
  if (!std::isfinite(at.log_likelihood))
    throw Error(ErrorKind::input, "the training fields do not vary",
                {.remedy = "Give fields that differ from their mean"});
  const bool none = ratio < 1.01 * kLeastRatio;
  return {
      .covariance = {.variance = at.variance, .range_km = range, .nugget = none ? 0.0 : ratio * at.variance},
      .log_likelihood = at.log_likelihood,
      .observations = sample.observations,
      .evaluations = rough.evaluations + best.evaluations};
}

KrigingSampler::KrigingSampler(const Model& model, std::size_t most_points, std::size_t neighbours)
    : backbone_(model.backbone), most_points_(most_points), neighbours_(neighbours) {
  if (neighbours == 0)
    throw Error(ErrorKind::usage, "kriging from no neighbours", {.remedy = "Give kriging.neighbours"});
}

KrigingSampler::~KrigingSampler() = default;

const ExponentialCovariance& KrigingSampler::covariance() {
  if (!fitted_) {
    const auto& training = backbone_.training();
    Eigen::MatrixXf anomalies = training.values;
    for (Eigen::Index t = 0; t < anomalies.cols(); ++t)
      anomalies.col(t) -= backbone_.mean(training.season[static_cast<std::size_t>(t)]).cast<float>();
    fitted_ = std::make_unique<const ExponentialCovariance>(
        fit_exponential_covariance(backbone_.domain(), anomalies).covariance);
  }
  return *fitted_;
}

Eigen::MatrixXd KrigingSampler::draw_jointly(const ObservedAnomalies& seen, double nugget,
                                             const StepObservation& step, const SampleRequest& request) {
  const auto& domain = backbone_.domain();
  const auto n = static_cast<Eigen::Index>(domain.size());
  if (root_.size() == 0) {
    root_.resize(n, n);
    for (Eigen::Index j = 0; j < n; ++j)
      for (Eigen::Index i = j; i < n; ++i)
        root_(i, j) =
            covariance()(domain.separation(static_cast<std::size_t>(i), static_cast<std::size_t>(j)));
    root_.diagonal().array() += kKrigingJitter * covariance().variance;
    if (!factorise(root_))
      throw Error(ErrorKind::numerical, "the covariance of all points is not positive definite",
                  {.remedy = "Set kriging.most_points=0"});
  }
  Eigen::MatrixXd out =
      root_.triangularView<Eigen::Lower>() * white(request, step.time, RandomPurpose::prior_innovation, n);
  if (seen.freedom == 0.0) return out;
  const std::uint64_t mask = step.measurement->hash();
  if (!factor_ || mask_ != mask) {
    factor_.reset();
    auto c = covariance();
    c.nugget = nugget;
    factor_ = std::make_unique<const KrigingFactor>(domain, c, seen.observed);
    mask_ = mask;
  }
  const Eigen::MatrixXd noise = white(request, step.time, RandomPurpose::observation_noise, n);
  out += factor_->mean(seen.values.replicate(1, out.cols()) - out - std::sqrt(nugget) * noise);
  return out;
}

Eigen::MatrixXd KrigingSampler::draw(const ObservedAnomalies& seen, const StepObservation& step,
                                     const SampleRequest& request) {
  const double nugget = covariance().nugget + seen.noise_variance;
  if (backbone_.domain().size() <= most_points_) return draw_jointly(seen, nugget, step, request);
  const std::uint64_t mask = step.measurement ? step.measurement->hash() : 0;
  if (!local_ || mask_ != mask) {
    local_.reset();
    auto c = covariance();
    c.nugget = nugget;
    local_ = std::make_unique<LocalKriging>(backbone_.domain(), c, seen.observed, neighbours_);
    mask_ = mask;
  }
  return local_->draw(seen.values, {.seed = request.seed,
                                    .time = step.time,
                                    .first_member = request.first_member,
                                    .members = request.members});
}

Ensemble KrigingSampler::sample(const Window& window, const SampleRequest& request) {
  refuse_refine(request, "kriging");
  const StepObservation& step = window.at_centre();
  const ObservedAnomalies seen = observed_anomalies(backbone_, step, "kriging");
  Eigen::MatrixXd x = draw(seen, step, request);
  if (const double own = covariance().nugget; own > 0.0)
    x += std::sqrt(own) * white(request, step.time, RandomPurpose::representativeness, x.rows());
  x.colwise() += backbone_.mean(step.season);
  Ensemble e;
  e.members = backbone_.within_bounds(x);
  e.chi_square = seen.chi_square;
  e.freedom = seen.freedom;
  return e;
}

}  // namespace manifill::posterior
