#include "manifill/prior/field_classes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "manifill/base/error.hpp"
#include "manifill/base/parallel.hpp"
#include "manifill/operators/definite_factor.hpp"

namespace manifill::prior {
namespace {

constexpr std::size_t kLikelihoodPoints = 600;
constexpr std::size_t kRoughnessPoints = 1500;
constexpr std::size_t kFewestFields = 20;
constexpr int kMostRounds = 12;
constexpr double kStill = 0.005;  // share of fields that still change their class at the end
constexpr double kWhite = 1e-6;   // of the variance: what rounding asks for

/// Fields that count: [field], columns of the values.
std::vector<Eigen::Index> counted_fields(const StandardFields& f) {
  std::vector<Eigen::Index> out;
  for (Eigen::Index t = 0; t < f.values.cols(); ++t)
    if (f.weight[t] > 0.0) out.push_back(t);
  return out;
}

/// Mean squares of the differences of neighbours: [field].
std::vector<double> roughness(const StandardFields& f) {
  std::vector<double> square(static_cast<std::size_t>(f.values.cols()));
  std::vector<double> pairs(square.size(), std::numeric_limits<double>::min());
  for (const std::size_t point : scattered_points(f, kRoughnessPoints))
    for (const std::uint32_t other : f.domain.neighbours(point)) {
      const auto i = static_cast<Eigen::Index>(point);
      const auto j = static_cast<Eigen::Index>(other);
      for (Eigen::Index t = 0; t < f.values.cols(); ++t) {
        const double both = f.known(i, t) * f.known(j, t);
        square[static_cast<std::size_t>(t)] += both * std::pow(f.values(i, t) - f.values(j, t), 2);
        pairs[static_cast<std::size_t>(t)] += both;
      }
    }
  for (std::size_t t = 0; t < square.size(); ++t) square[t] /= pairs[t];
  return square;
}

/// The class of each field, -1 for those that do not count.
using Labels = std::vector<int>;

Labels by_roughness(const StandardFields& f, std::int64_t count) {
  const auto rough = roughness(f);
  auto order = counted_fields(f);
  std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) {
    return rough[static_cast<std::size_t>(a)] < rough[static_cast<std::size_t>(b)];
  });
  Labels labels(rough.size(), -1);
  for (std::size_t k = 0; k < order.size(); ++k)
    labels[static_cast<std::size_t>(order[k])] =
        static_cast<int>(k * static_cast<std::size_t>(count) / order.size());
  return labels;
}

std::vector<FieldClass> fitted(const StandardFields& f, const Labels& labels, std::int64_t count) {
  std::vector<FieldClass> out;
  for (int k = 0; k < count; ++k) {
    std::vector<Eigen::Index> own;
    for (std::size_t t = 0; t < labels.size(); ++t)
      if (labels[t] == k) own.push_back(static_cast<Eigen::Index>(t));
    StandardFields fields{.domain = f.domain,
                          .values = f.values(Eigen::all, own),
                          .known = f.known(Eigen::all, own),
                          .weight = f.weight(own)};
    FieldClass c{.share = fields.weight.sum() / f.weight.sum()};
    c.variance = fields.weight.dot(fields.values.colwise().squaredNorm().transpose().cast<double>()) /
                 fields.weight.dot(fields.known.colwise().sum().transpose().cast<double>());
    if (!(c.variance > 0.0))
      throw Error(ErrorKind::input, "a class of training fields does not vary",
                  {.remedy = "Set backbone.classes lower"});
    fields.values *= static_cast<float>(1.0 / std::sqrt(c.variance));
    c.correlation = fit_stationary("multiscale", fields);
    out.push_back(std::move(c));
  }
  return out;
}

Eigen::MatrixXd covariance_of(const FieldClass& c, const domain::Domain& domain,
                              const std::vector<std::size_t>& points) {
  const auto n = static_cast<Eigen::Index>(points.size());
  Eigen::MatrixXd out(n, n);
  for (Eigen::Index j = 0; j < n; ++j)
    for (Eigen::Index i = 0; i < n; ++i)
      out(i, j) = c.variance *
                  multiscale_correlation(c.correlation, domain.chord(points[static_cast<std::size_t>(i)],
                                                                     points[static_cast<std::size_t>(j)]));
  out.diagonal().array() += kWhite * c.variance;
  return out;
}

/// log p_k N(x; 0, C_k) of each field, but for what is common to all classes: [class][field].
Eigen::MatrixXd log_likelihoods(const StandardFields& f, const std::vector<FieldClass>& classes,
                                const std::vector<std::size_t>& points) {
  std::vector<Eigen::Index> rows(points.begin(), points.end());
  const Eigen::MatrixXd x = f.values(rows, Eigen::all).cast<double>();
  const Eigen::MatrixXf known = f.known(rows, Eigen::all);
  std::vector<Eigen::Index> whole;
  std::vector<Eigen::Index> gappy;
  for (const Eigen::Index t : counted_fields(f))
    (known.col(t).minCoeff() > 0.0F ? whole : gappy).push_back(t);
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(classes.size()), f.values.cols());
  for (std::size_t k = 0; k < classes.size(); ++k) {
    const auto row = static_cast<Eigen::Index>(k);
    const Eigen::MatrixXd c = covariance_of(classes[k], f.domain, points);
    const double share = std::log(std::max(classes[k].share, 1e-12));
    const operators::DefiniteFactor factor{Eigen::MatrixXd(c)};
    const Eigen::VectorXd squares = factor.quadratic(x(Eigen::all, whole));
    const double determinant = factor.log_determinant();
    for (std::size_t j = 0; j < whole.size(); ++j)
      out(row, whole[j]) = share - 0.5 * (squares[static_cast<Eigen::Index>(j)] + determinant);
    parallel_for(static_cast<std::int64_t>(gappy.size()), [&](std::int64_t j) {
      const Eigen::Index t = gappy[static_cast<std::size_t>(j)];
      std::vector<Eigen::Index> seen;
      for (Eigen::Index i = 0; i < known.rows(); ++i)
        if (known(i, t) > 0.0F) seen.push_back(i);
      const operators::DefiniteFactor part{Eigen::MatrixXd(c(seen, seen))};
      out(row, t) = share - 0.5 * (part.quadratic(x(seen, t))[0] + part.log_determinant());
    });
  }
  return out;
}

}  // namespace

std::vector<FieldClass> fit_classes(const StandardFields& fields, std::int64_t count) {
  const auto counted = counted_fields(fields);
  if (counted.size() < kFewestFields * static_cast<std::size_t>(count))
    throw Error(ErrorKind::input,
                std::to_string(counted.size()) + " training fields are too few for " + std::to_string(count) +
                    " classes, which take twenty each",
                {.remedy = "Set backbone.classes lower, or give more fields"});
  const auto points = scattered_points(fields, kLikelihoodPoints);
  Labels labels = by_roughness(fields, count);
  auto classes = fitted(fields, labels, count);
  for (int round = 0; round < kMostRounds; ++round) {
    const Eigen::MatrixXd likely = log_likelihoods(fields, classes, points);
    Labels next = labels;
    std::vector<std::size_t> size(static_cast<std::size_t>(count));
    std::size_t moved = 0;
    for (const Eigen::Index t : counted) {
      auto& own = next[static_cast<std::size_t>(t)];
      likely.col(t).maxCoeff(&own);
      ++size[static_cast<std::size_t>(own)];
      if (own != labels[static_cast<std::size_t>(t)]) ++moved;
    }
    // A class that runs empty has no fields to be fitted to: the ones before it stand.
    if (moved == 0 || *std::min_element(size.begin(), size.end()) < kFewestFields) break;
    labels = std::move(next);
    classes = fitted(fields, labels, count);
    if (static_cast<double>(moved) < kStill * static_cast<double>(counted.size())) break;
  }
  return classes;
}

}  // namespace manifill::prior
