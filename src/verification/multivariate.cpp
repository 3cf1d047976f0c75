#include "manifill/verification/multivariate.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "manifill/base/error.hpp"

namespace manifill::verification {
namespace {

void check_sizes(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                 const Eigen::VectorXd& weight) {
  if (members.rows() != truth.size() || weight.size() != truth.size() || members.cols() == 0)
    throw Error(ErrorKind::internal, "members, truth and weights to be scored differ in size");
}

}  // namespace

EnergyScore fair_energy_score(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                              const Eigen::VectorXd& weight) {
  check_sizes(members, truth, weight);
  const Eigen::Index m = members.cols();
  const auto scored = static_cast<Eigen::Index>((weight.array() > 0.0).count());
  if (scored == 0) throw Error(ErrorKind::internal, "the energy score of a field without scored points");
  // Departures from the truth in the norm's own coordinates, scored points only.
  Eigen::MatrixXd departure(scored, m);
  const double total = weight.cwiseMax(0.0).sum();
  for (Eigen::Index i = 0, row = 0; i < truth.size(); ++i)
    if (weight[i] > 0.0)
      departure.row(row++) = std::sqrt(weight[i] / total) * (members.row(i).array() - truth[i]).matrix();
  const double to_truth = departure.colwise().norm().mean();
  if (m == 1) return {to_truth, std::numeric_limits<double>::quiet_NaN()};
  double between = 0.0;
  for (Eigen::Index k = 1; k < m; ++k)
    between += (departure.leftCols(k).colwise() - departure.col(k)).colwise().norm().sum();
  const double diversity = 2.0 * between / static_cast<double>(m * (m - 1));
  return {to_truth - 0.5 * diversity, diversity};
}

double fair_variogram_score(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                            const Eigen::VectorXd& weight, const Pairs& pairs) {
  check_sizes(members, truth, weight);
  const auto m = static_cast<double>(members.cols());
  double sum = 0.0;
  double total = 0.0;
  Eigen::ArrayXd root(members.cols());
  for (const auto& [first, second] : pairs) {
    const auto i = static_cast<Eigen::Index>(first);
    const auto j = static_cast<Eigen::Index>(second);
    if (weight[i] <= 0.0 || weight[j] <= 0.0) continue;
    root = (members.row(i) - members.row(j)).transpose().array().abs().sqrt();
    const double mean = root.mean();
    const double departure = std::sqrt(std::abs(truth[i] - truth[j])) - mean;
    const double sampling = m > 1.0 ? (root - mean).square().sum() / ((m - 1.0) * m) : 0.0;
    sum += (weight[i] + weight[j]) * (departure * departure - sampling);
    total += weight[i] + weight[j];
  }
  return total > 0.0 ? sum / total : std::numeric_limits<double>::quiet_NaN();
}

Pairs neighbour_pairs(const domain::Domain& domain) {
  Pairs pairs;
  for (std::size_t i = 0; i < domain.size(); ++i)
    for (const auto j : domain.neighbours(i))
      if (i < j) pairs.push_back({i, j});
  return pairs;
}

Pairs random_pairs(const domain::Domain& domain, const Eigen::VectorXd& weight, std::size_t count,
                   double least_km, RandomStream& random) {
  std::vector<std::size_t> scored;
  for (std::size_t i = 0; i < domain.size(); ++i)
    if (weight[static_cast<Eigen::Index>(i)] > 0.0) scored.push_back(i);
  Pairs pairs;
  if (scored.size() < 2) return pairs;
  pairs.reserve(count);
  const auto last = static_cast<std::int64_t>(scored.size()) - 1;
  for (std::size_t tries = 0; pairs.size() < count && tries < 32 * count; ++tries) {
    const std::size_t i = scored[static_cast<std::size_t>(random.integer(0, last))];
    const std::size_t j = scored[static_cast<std::size_t>(random.integer(0, last))];
    if (i != j && domain.separation(i, j) >= least_km) pairs.push_back({i, j});
  }
  return pairs;
}

}  // namespace manifill::verification
