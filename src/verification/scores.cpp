#include "manifill/verification/scores.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "manifill/base/error.hpp"

namespace manifill::verification {
namespace {

constexpr std::array<double, 3> kShares{0.5, 0.8, 0.9};

double norm(const Eigen::VectorXd& d, const Eigen::VectorXd& weight) {
  return std::sqrt(d.cwiseAbs2().dot(weight) / weight.sum());
}

double energy_score(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth, const Eigen::VectorXd& weight) {
  const Eigen::Index m = members.cols();
  double to_truth = 0.0;
  double between = 0.0;
  for (Eigen::Index k = 0; k < m; ++k) {
    to_truth += norm(members.col(k) - truth, weight);
    for (Eigen::Index j = 0; j < k; ++j) between += norm(members.col(k) - members.col(j), weight);
  }
  return to_truth / static_cast<double>(m) - between / static_cast<double>(m * (m - 1));
}

double variogram_score(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth, const Eigen::VectorXd& weight,
                       const std::vector<std::array<std::size_t, 2>>& pairs) {
  double sum = 0.0;
  double count = 0.0;
  for (const auto& p : pairs) {
    const auto i = static_cast<Eigen::Index>(p[0]);
    const auto j = static_cast<Eigen::Index>(p[1]);
    if (weight[i] <= 0.0 || weight[j] <= 0.0) continue;
    const double expected = (members.row(i) - members.row(j)).cwiseAbs().cwiseSqrt().mean();
    const double seen = std::sqrt(std::abs(truth[i] - truth[j]));
    sum += (seen - expected) * (seen - expected);
    count += 1.0;
  }
  return count > 0.0 ? sum / count : 0.0;
}

}  // namespace

double fair_crps(const Eigen::VectorXd& x, double truth) {
  const auto n = static_cast<double>(x.size());
  double to_truth = 0.0;
  double between = 0.0;  // sum over pairs i < j of |x_j - x_i| of the sorted members
  for (Eigen::Index k = 0; k < x.size(); ++k) {
    to_truth += std::abs(x[k] - truth);
    between += (2.0 * static_cast<double>(k) - n + 1.0) * x[k];
  }
  return to_truth / n - (x.size() > 1 ? between / (n * (n - 1.0)) : 0.0);
}

double gaussian_crps(double mean, double sd, double truth) {
  const double z = (truth - mean) / sd;
  const double density = std::exp(-0.5 * z * z) / std::sqrt(2.0 * std::numbers::pi);
  return sd * (z * std::erf(z / std::numbers::sqrt2) + 2.0 * density - 1.0 / std::sqrt(std::numbers::pi));
}

std::array<double, 2> central_interval(const Eigen::VectorXd& x, double share) {
  const auto n = static_cast<double>(x.size());
  const auto quantile = [&](double p) {
    const double position = p * (n + 1.0) - 1.0;
    if (position < -1e-9 || position > n - 1.0 + 1e-9)
      throw Error(ErrorKind::usage, "an ensemble of " + std::to_string(x.size()) + " members has no central interval of this share",
                  {.remedy = "Use more members"});
    const auto low = static_cast<Eigen::Index>(std::clamp(std::floor(position), 0.0, n - 1.0));
    const auto high = std::min<Eigen::Index>(low + 1, x.size() - 1);
    return x[low] + (position - static_cast<double>(low)) * (x[high] - x[low]);
  };
  return {quantile(0.5 - 0.5 * share), quantile(0.5 + 0.5 * share)};
}

void ScoreCard::add(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth, const Eigen::VectorXd& weight,
                    const std::vector<std::array<std::size_t, 2>>& pairs) {
  const auto n = static_cast<double>(members.cols());
  double field = 0.0;
  double field_weight = 0.0;
  for (Eigen::Index i = 0; i < truth.size(); ++i) {
    const double w = weight[i];
    if (w <= 0.0) continue;
    Eigen::VectorXd sorted = members.row(i).transpose();
    std::sort(sorted.data(), sorted.data() + sorted.size());
    const double mean = sorted.mean();
    const double error = mean - truth[i];
    const double crps = fair_crps(sorted, truth[i]);
    weight_ += w;
    square_ += w * error * error;
    absolute_ += w * std::abs(error);
    error_ += w * error;
    variance_ += w * (n + 1.0) / n * (sorted.array() - mean).square().sum() / (n - 1.0);
    field += w * crps;
    field_weight += w;
    for (std::size_t s = 0; s < kShares.size(); ++s) {
      const auto [low, high] = central_interval(sorted, kShares[s]);
      if (truth[i] >= low && truth[i] <= high) covered_[s] += w;
    }
  }
  if (field_weight <= 0.0) return;
  crps_ += field;
  field_crps_.push_back(field / field_weight);
  energy_ += energy_score(members, truth, weight);
  variogram_ += variogram_score(members, truth, weight, pairs);
  fields_ += 1.0;
}

void ScoreCard::add(const Eigen::VectorXd& fill, const Eigen::VectorXd& truth, const Eigen::VectorXd& weight) {
  double field = 0.0;
  double field_weight = 0.0;
  for (Eigen::Index i = 0; i < truth.size(); ++i) {
    if (weight[i] <= 0.0) continue;
    const double error = fill[i] - truth[i];
    square_ += weight[i] * error * error;
    absolute_ += weight[i] * std::abs(error);
    error_ += weight[i] * error;
    field += weight[i] * std::abs(error);
    field_weight += weight[i];
  }
  if (field_weight <= 0.0) return;
  weight_ += field_weight;
  crps_ += field;
  field_crps_.push_back(field / field_weight);
  fields_ += 1.0;
}

Scores ScoreCard::result() const {
  Scores s;
  s.rmse = std::sqrt(square_ / weight_);
  s.mae = absolute_ / weight_;
  s.bias = error_ / weight_;
  s.crps = crps_ / weight_;
  s.spread_skill = std::sqrt(variance_ / square_);
  s.coverage50 = covered_[0] / weight_;
  s.coverage80 = covered_[1] / weight_;
  s.coverage90 = covered_[2] / weight_;
  s.energy = energy_ / fields_;
  s.variogram = variogram_ / fields_;
  return s;
}

}  // namespace manifill::verification
