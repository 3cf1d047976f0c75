#include "manifill/posterior/matern.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "manifill/operators/minimise.hpp"
#include "manifill/verification/crps.hpp"

namespace manifill::posterior {
namespace {

constexpr Eigen::Index kLeastFreedom = 2;
constexpr Eigen::Index kLeastFitted = 10;
constexpr double kMostNuggetRatio = 100.0;  // nugget over variance
constexpr int kMostEvaluations = 60;

/// One member's white noise of a purpose.
Eigen::VectorXd white(const MaternDraw& r, std::uint32_t member, RandomPurpose purpose, Eigen::Index count) {
  Eigen::VectorXd out(count);
  RandomStream random(
      {.seed = r.seed, .purpose = purpose, .time = r.time, .member = r.first_member + member});
  random.fill_normal(std::span<double>(out.data(), static_cast<std::size_t>(count)));
  return out;
}

std::vector<bool> finite(const Eigen::Ref<const Eigen::VectorXd>& values) {
  std::vector<bool> out;
  for (const double v : values) out.push_back(!std::isnan(v));
  return out;
}

/// Likelihoods of some fields under a drift, each with the variance at its best.
struct MaternProfile {
  double restricted = -std::numeric_limits<double>::infinity();
  double variance = 0.0;  // of the restricted likelihood
};

/// [columns of the drift - 1].
std::vector<MaternProfile> profiles(const std::shared_ptr<const operators::DomainLaplacian>& nodes,
                                    const Eigen::MatrixXd& values, const Eigen::MatrixXd& drift, double range,
                                    double ratio) {
  const auto field =
      std::make_shared<const prior::MaternField>(nodes, prior::MaternParameters{range, 1.0, ratio});
  std::vector<MaternPosterior::Likelihood> sums(static_cast<std::size_t>(drift.cols()));
  double count = 0.0;
  std::vector<bool> mask;
  std::unique_ptr<const MaternPosterior> posterior;
  for (Eigen::Index f = 0; f < values.cols(); ++f) {
    auto own = finite(values.col(f));
    if (!posterior || own != mask) {
      mask = std::move(own);
      posterior = std::make_unique<const MaternPosterior>(field, mask, drift);
    }
    const auto nested = posterior->nested_likelihoods(values.col(f));
    for (std::size_t k = 0; k < sums.size(); ++k) {
      sums[k].log_determinant += nested[k].log_determinant;
      sums[k].chi_square += nested[k].chi_square;
    }
    count += static_cast<double>(posterior->observations());
  }
  const auto twice_log = [](double freedom, double variance, double log_determinant) {
    return -freedom * (std::log(2.0 * std::numbers::pi * variance) + 1.0) - log_determinant;
  };
  std::vector<MaternProfile> out;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    const auto coefficients = static_cast<double>(k + 1);
    const double freedom = count - coefficients * static_cast<double>(values.cols());
    const double variance = sums[k].chi_square / freedom;
    out.push_back(
        {.restricted = 0.5 * twice_log(freedom, variance, sums[k].log_determinant), .variance = variance});
  }
  return out;
}

}  // namespace

MaternPosterior::MaternPosterior(std::shared_ptr<const prior::MaternField> field,
                                 const std::vector<bool>& observed, Eigen::MatrixXd drift)
    : field_(std::move(field)), drift_(std::move(drift)) {
  const auto& nodes = field_->nodes();
  if (observed.size() != nodes.of_point.size())
    throw Error(ErrorKind::internal, "a mask of " + std::to_string(observed.size()) +
                                         " points on a domain of " + std::to_string(nodes.of_point.size()));
  const double nugget = field_->parameters().nugget;
  if (!(nugget > 0.0))
    throw Error(ErrorKind::usage, "a Matern field is observed without a nugget",
                {.remedy = "Give a small one, a millionth of the variance say"});
  for (std::size_t i = 0; i < observed.size(); ++i)
    if (observed[i]) index_.push_back(i);
  if (drift_.rows() != static_cast<Eigen::Index>(observed.size()) || drift_.cols() < 1)
    throw Error(ErrorKind::internal, "a drift of " + std::to_string(drift_.rows()) +
                                         " points for a mask of " + std::to_string(observed.size()));
  if (observations() < drift_.cols() + kLeastFreedom)
    throw Error(ErrorKind::input,
                "a field of " + std::to_string(index_.size()) + " observed points tells nothing",
                {.remedy = "Leave this time step out, or give fields with more values"});
  const auto n = static_cast<double>(index_.size());
  const Eigen::VectorXd counts = scatter(Eigen::VectorXd::Ones(observations()));
  seen_drift_ = drift_(index_, Eigen::all);
  Eigen::SparseMatrix<double> q = field_->precision();
  q.diagonal() += counts / nugget;
  factor_ = std::make_unique<operators::SparseFactor>(q);
  const Eigen::MatrixXd right = scatter(seen_drift_);
  solved_drift_ = factor_->solve(right);
  precision_.compute(seen_drift_.transpose() * seen_drift_ / nugget -
                     right.transpose() * solved_drift_ / (nugget * nugget));
  if (precision_.info() != Eigen::Success || precision_.rcond() < 1e-12)
    throw Error(ErrorKind::numerical, "the observed points do not tell the drift's coefficients apart",
                {.remedy = "Set matern.latitude_degree to 0"});
  log_determinant_ = n * std::log(nugget) + factor_->log_determinant() - field_->log_determinant();
}

/// A^T y: [observation][column] to [node][column].
Eigen::MatrixXd MaternPosterior::scatter(const Eigen::MatrixXd& y) const {
  const auto& nodes = field_->nodes();
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(nodes.laplacian.size(), y.cols());
  for (Eigen::Index k = 0; k < y.rows(); ++k)
    out.row(nodes.of_point[index_[static_cast<std::size_t>(k)]]) += y.row(k);
  return out;
}

Eigen::VectorXd MaternPosterior::gather(const Eigen::VectorXd& values) const {
  if (values.size() != static_cast<Eigen::Index>(field_->nodes().of_point.size()))
    throw Error(ErrorKind::internal, "a field of " + std::to_string(values.size()) +
                                         " values on a domain of " +
                                         std::to_string(field_->nodes().of_point.size()) + " points");
  Eigen::VectorXd y(observations());
  for (Eigen::Index k = 0; k < y.size(); ++k) {
    const std::size_t i = index_[static_cast<std::size_t>(k)];
    y[k] = values[static_cast<Eigen::Index>(i)];
    if (!std::isfinite(y[k]))
      throw Error(ErrorKind::input, "an observed value is not finite",
                  {.index = "[point " + std::to_string(i) + "]", .remedy = "Mark it as not observed"});
  }
  return y;
}

MaternPosterior::Likelihood MaternPosterior::likelihood(const Eigen::VectorXd& values) const {
  return nested_likelihoods(values).back();
}

std::vector<MaternPosterior::Likelihood> MaternPosterior::nested_likelihoods(
    const Eigen::VectorXd& values) const {
  Eigen::VectorXd y = gather(values);
  y.array() -= y.mean();  // nothing is lost of the departures that way
  const double nugget = field_->parameters().nugget;
  const Eigen::VectorXd right = scatter(y);
  const Eigen::VectorXd solved = factor_->solve(right);
  Likelihood l{.log_determinant = log_determinant_,
               .chi_square = y.squaredNorm() / nugget - right.dot(solved) / (nugget * nugget)};
  const Eigen::VectorXd by_drift =
      seen_drift_.transpose() * y / nugget - solved_drift_.transpose() * right / (nugget * nugget);
  // The Cholesky factor of a leading block is that block of the factor: each column takes its share off.
  const Eigen::VectorXd shares = precision_.matrixL().solve(by_drift);
  const Eigen::MatrixXd lower = precision_.matrixL();
  std::vector<Likelihood> out;
  for (Eigen::Index k = 0; k < shares.size(); ++k) {
    l.log_determinant += 2.0 * std::log(lower(k, k));
    l.chi_square -= shares[k] * shares[k];
    out.push_back(l);
  }
  return out;
}

/// Universal kriging (Cressie 1993, section 3.4) of y, a field u known beside it added.
/// \param y [observation][column] \param u [node][column] \return [point][column]
Eigen::MatrixXd MaternPosterior::predict(const Eigen::MatrixXd& y, const Eigen::MatrixXd& u) const {
  const double nugget = field_->parameters().nugget;
  const Eigen::MatrixXd right = scatter(y);
  const Eigen::MatrixXd solved = factor_->solve(right);
  const Eigen::MatrixXd coefficients = precision_.solve(
      seen_drift_.transpose() * y / nugget - solved_drift_.transpose() * right / (nugget * nugget));
  const Eigen::MatrixXd field = (solved - solved_drift_ * coefficients) / nugget + u;
  return field(field_->nodes().of_point, Eigen::all) + drift_ * coefficients;
}

Eigen::VectorXd MaternPosterior::mean(const Eigen::VectorXd& values) const {
  return predict(gather(values), Eigen::MatrixXd::Zero(field_->nodes().laplacian.size(), 1));
}

Eigen::MatrixXd MaternPosterior::draw(const Eigen::VectorXd& values, const MaternDraw& request) const {
  const Eigen::VectorXd y = gather(values);
  const auto& nodes = field_->nodes();
  const double sigma = std::sqrt(field_->parameters().nugget);
  Eigen::MatrixXd noise(nodes.laplacian.size(), request.members);
  for (std::uint32_t k = 0; k < request.members; ++k)
    noise.col(k) = white(request, k, RandomPurpose::prior_innovation, noise.rows());
  const Eigen::MatrixXd u = field_->colour(noise);
  Eigen::MatrixXd left(y.size(), request.members);
  for (std::uint32_t k = 0; k < request.members; ++k) {
    left.col(k) = y - sigma * white(request, k, RandomPurpose::observation_noise, y.size());
    for (Eigen::Index i = 0; i < y.size(); ++i)
      left(i, k) -= u(nodes.of_point[index_[static_cast<std::size_t>(i)]], k);
  }
  return predict(left, u);
}

Eigen::MatrixXd latitude_drift(const domain::Domain& domain, int degree) {
  Eigen::MatrixXd out = Eigen::MatrixXd::Ones(static_cast<Eigen::Index>(domain.size()), degree + 1);
  if (degree == 0) return out;
  if (!domain.spherical())
    throw Error(ErrorKind::usage, "a level that follows latitude was asked for where there is none",
                {.remedy = "Set matern.latitude_degree to 0"});
  for (std::size_t i = 0; i < domain.size(); ++i)
    for (int l = 0; l <= degree; ++l)
      out(static_cast<Eigen::Index>(i), l) =
          std::legendre(static_cast<unsigned>(l), std::clamp(domain.points()[i][2], -1.0, 1.0));
  return out;
}

std::vector<int> latitude_degrees(const domain::Domain& domain) {
  if (!domain.spherical()) return {0};
  const auto latitudes = domain.latitudes();
  const auto [low, high] = std::minmax_element(latitudes.begin(), latitudes.end());
  if (*high - *low < 90.0) return {0};
  return {0, 2, 4};
}

namespace {

/// A search over ranges and nuggets, logarithms of both.
class Search {
 public:
  Search(const std::shared_ptr<const operators::DomainLaplacian>& nodes, const Eigen::MatrixXd& values,
         const Eigen::MatrixXd& drift, double relative_nugget)
      : nodes_(nodes), values_(values), drift_(drift) {
    for (Eigen::Index k = 0; k < values.cols(); ++k) {
      const auto count = (values.col(k).array() == values.col(k).array()).count();
      if (count < kLeastFitted)
        throw Error(ErrorKind::input,
                    "a field of " + std::to_string(count) + " values is too little to fit a Matern field to",
                    {.index = "[field " + std::to_string(k) + "]", .remedy = "Give fields with more values"});
    }
    const auto& laplacian = nodes->laplacian;
    const double spacing = std::sqrt(laplacian.mass.minCoeff());
    const double across = std::sqrt(laplacian.mass.sum());
    box_ = {.low = {std::log(spacing), std::log(relative_nugget)},
            .high = {std::log(10.0 * across), std::log(kMostNuggetRatio)}};
    // A handful of ranges for a start; the likelihood has one hill along it.
    constexpr double kFirstRatio = 0.01;
    for (const double range : {4.0 * spacing, 0.03 * across, 0.1 * across, 0.3 * across, across})
      static_cast<void>(at({std::log(range), std::log(kFirstRatio)}));
  }

  /// Of `columns` of the drift, from the best place so far in steps of `step`.
  void run(std::size_t columns, const std::vector<double>& step) {
    const auto cost = [&](const std::vector<double>& x) {
      const double likelihood = at(x)[columns - 1].restricted;
      return std::isfinite(likelihood) ? -likelihood : std::numeric_limits<double>::max();
    };
    static_cast<void>(operators::nelder_mead(cost, box_, best(columns).x, step, 0.01, kMostEvaluations));
  }

  [[nodiscard]] MaternFit fit(std::size_t columns) const {
    const Place place = best(columns);
    if (!std::isfinite(place.profile.restricted) || !(place.profile.variance > 0.0))
      throw Error(ErrorKind::input, "the values do not vary: no Matern field can be fitted to them",
                  {.remedy = "Give fields that differ from their mean"});
    const double variance = place.profile.variance;
    return {.parameters = {std::exp(place.x[0]), variance, std::exp(place.x[1]) * variance},
            .log_likelihood = place.profile.restricted,
            .evaluations = static_cast<int>(seen_.size()),
            .coefficients = static_cast<int>(columns)};
  }

 private:
  struct Place {
    std::vector<double> x{};
    MaternProfile profile{};
  };
  [[nodiscard]] Place best(std::size_t columns) const {
    Place out;
    for (const auto& [x, profiles] : seen_) {
      const MaternProfile& p = profiles[columns - 1];
      if (std::isfinite(p.restricted) && p.restricted > out.profile.restricted)
        out = {x, p};
      else if (out.x.empty())
        out.x = x;
    }
    return out;
  }

  const std::vector<MaternProfile>& at(const std::vector<double>& x) {
    const auto known = std::find_if(seen_.begin(), seen_.end(), [&](const auto& s) { return s.first == x; });
    if (known != seen_.end()) return known->second;
    check_stop();
    seen_.emplace_back(x, profiles(nodes_, values_, drift_, std::exp(x[0]), std::exp(x[1])));
    return seen_.back().second;
  }

  const std::shared_ptr<const operators::DomainLaplacian>& nodes_;
  const Eigen::MatrixXd& values_;
  const Eigen::MatrixXd& drift_;
  operators::SearchBox box_{};
  std::vector<std::pair<std::vector<double>, std::vector<MaternProfile>>> seen_{};
};

const std::vector<double> kWide{0.7, 1.5};
const std::vector<double> kNarrow{0.2, 0.4};

}  // namespace

MaternFit fit_matern(const std::shared_ptr<const operators::DomainLaplacian>& nodes,
                     const Eigen::MatrixXd& values, const Eigen::MatrixXd& drift, double relative_nugget) {
  Search search(nodes, values, drift, relative_nugget);
  const auto columns = static_cast<std::size_t>(drift.cols());
  search.run(columns, kWide);
  return search.fit(columns);
}

std::vector<std::vector<bool>> withheld_blocks(const domain::Domain& domain) {
  constexpr std::int64_t kFolds = 6;
  constexpr double kShare = 0.25;
  const measurement::MaskBank bank(domain, {});
  std::vector<std::vector<bool>> out;
  for (std::int64_t fold = 0; fold < kFolds; ++fold) {
    RandomStream random({.seed = 1, .purpose = RandomPurpose::mask, .time = fold});
    out.push_back(bank.draw(random, kShare, "blocks"));
    out.back().flip();
  }
  return out;
}

namespace {

/// Mean CRPS of the normal law about the posterior mean at withheld points: [fold and field].
std::vector<double> withheld_scores(const std::shared_ptr<const prior::MaternField>& field,
                                    const Eigen::MatrixXd& values, const Eigen::MatrixXd& drift,
                                    const std::vector<std::vector<bool>>& withheld) {
  constexpr std::uint32_t kMembers = 32;
  const double nugget = field->parameters().nugget;
  std::vector<double> scores;
  for (const auto& hidden : withheld)
    for (Eigen::Index f = 0; f < values.cols(); ++f) {
      check_stop();
      const auto known = finite(values.col(f));
      auto seen = known;
      for (std::size_t i = 0; i < seen.size(); ++i)
        if (hidden[i]) seen[i] = false;
      const auto kept = std::count(seen.begin(), seen.end(), true);
      const auto scored = std::count(known.begin(), known.end(), true) - kept;
      // The same folds for all degrees: judged by what the field has, not by the drift.
      if (kept < kLeastFitted || scored == 0) continue;
      const MaternPosterior posterior(field, seen, drift);
      const Eigen::VectorXd mean = posterior.mean(values.col(f));
      const Eigen::MatrixXd members = posterior.draw(values.col(f), {.members = kMembers});
      double sum = 0.0;
      for (std::size_t i = 0; i < seen.size(); ++i) {
        if (!known[i] || seen[i]) continue;
        const auto row = static_cast<Eigen::Index>(i);
        const double spread = (members.row(row).array() - mean[row]).square().mean();
        sum += verification::gaussian_crps(mean[row], std::sqrt(spread + nugget), values(row, f));
      }
      scores.push_back(sum / static_cast<double>(scored));
    }
  return scores;
}

/// The first whose mean score is within a hundredth of the least: a level that gains nothing is left out.
/// \param scores [degree][case]
std::size_t least_of_the_best(const std::vector<std::vector<double>>& scores) {
  constexpr double kAlike = 1.01;
  std::vector<double> sums;
  for (const auto& cases : scores) sums.push_back(std::accumulate(cases.begin(), cases.end(), 0.0));
  const double best = *std::min_element(sums.begin(), sums.end());
  const auto first = std::find_if(sums.begin(), sums.end(), [&](double x) { return x <= kAlike * best; });
  return static_cast<std::size_t>(first - sums.begin());
}

}  // namespace

MaternFit fit_matern_and_degree(const std::shared_ptr<const operators::DomainLaplacian>& nodes,
                                const Eigen::MatrixXd& values, const Eigen::MatrixXd& drift,
                                const std::vector<int>& degrees,
                                const std::vector<std::vector<bool>>& withheld, double relative_nugget) {
  if (degrees.size() == 1) return fit_matern(nodes, values, drift, relative_nugget);
  Search search(nodes, values, drift, relative_nugget);
  std::vector<MaternFit> fits;
  std::vector<std::vector<double>> scores;
  for (const int degree : degrees) {
    const Eigen::Index columns = degree + 1;
    search.run(static_cast<std::size_t>(columns), fits.empty() ? kWide : kNarrow);
    fits.push_back(search.fit(static_cast<std::size_t>(columns)));
    scores.push_back(
        withheld_scores(std::make_shared<const prior::MaternField>(nodes, fits.back().parameters), values,
                        drift.leftCols(columns), withheld));
  }
  MaternFit chosen = fits[least_of_the_best(scores)];
  chosen.evaluations = fits.back().evaluations;
  return chosen;
}

int best_degree(const std::shared_ptr<const operators::DomainLaplacian>& nodes, const Eigen::MatrixXd& values,
                const Eigen::MatrixXd& drift, const std::vector<int>& degrees,
                const std::vector<std::vector<bool>>& withheld, const prior::MaternParameters& parameters) {
  const auto field = std::make_shared<const prior::MaternField>(nodes, parameters);
  std::vector<std::vector<double>> scores;
  for (const int degree : degrees)
    scores.push_back(withheld_scores(field, values, drift.leftCols(degree + 1), withheld));
  return degrees[least_of_the_best(scores)];
}

}  // namespace manifill::posterior
