#include "manifill/verification/scores.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/verification/calibration.hpp"
#include "manifill/verification/crps.hpp"

namespace manifill::verification {
namespace {

/// Standard normal quantiles at the upper ends of kIntervalShares.
constexpr std::array<double, 3> kNormalQuantiles{0.674489750196082, 1.281551565544600, 1.644853626951472};

/// Streams of one field, apart from the bootstrap's own (member 0).
constexpr std::uint32_t kTies = 1;
constexpr std::uint32_t kFarPairs = 2;

[[noreturn]] void not_finite(ErrorKind kind, const char* what, Eigen::Index point) {
  throw Error(kind, std::string("a scored cell has ") + what + " that is not finite",
              {.index = "[point " + std::to_string(point) + "]",
               .remedy = "Give cells without a value the weight 0"});
}

/// Mean of a score over the fields where it applies.
double field_mean(const std::vector<FieldScores>& fields, double FieldScores::*score) {
  double sum = 0.0;
  double count = 0.0;
  for (const auto& f : fields)
    if (!std::isnan(f.*score)) {
      sum += f.*score;
      count += 1.0;
    }
  return count > 0.0 ? sum / count : kUndefined;
}

/// Mean of a score over all cells.
template <typename Score>
double cell_mean(const std::vector<FieldScores>& fields, const Score& score) {
  double sum = 0.0;
  double weight = 0.0;
  for (const auto& f : fields) {
    sum += f.weight * score(f);
    weight += f.weight;
  }
  return weight > 0.0 ? sum / weight : kUndefined;
}

std::vector<double> list(const Eigen::VectorXd& v) { return {v.data(), v.data() + v.size()}; }

nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json numbers(std::span<const double> values) {
  auto out = nlohmann::ordered_json::array();
  for (const double v : values) out.push_back(number(v));
  return out;
}

}  // namespace

Eigen::VectorXd scored_weight(const domain::Domain& domain, const std::vector<bool>& scored) {
  if (scored.size() != domain.size())
    throw Error(ErrorKind::internal, "a mask of scored cells and its domain differ in size");
  Eigen::VectorXd weight =
      Eigen::Map<const Eigen::VectorXd>(domain.weights().data(), static_cast<Eigen::Index>(domain.size()));
  for (std::size_t i = 0; i < scored.size(); ++i)
    if (!scored[i]) weight[static_cast<Eigen::Index>(i)] = 0.0;
  return weight;
}

ScoreCard::ScoreCard(const domain::Domain& domain, const ScoreOptions& options)
    : options_(options),
      geometry_(Geometry{
          domain,
          domain.kind() == domain::DomainKind::lat_lon ? std::optional<RowSpectrum>(domain) : std::nullopt,
          neighbour_pairs(domain)}) {}

void ScoreCard::start(std::size_t members, Eigen::Index points, const Eigen::VectorXd& truth,
                      const Eigen::VectorXd& weight) {
  const bool fits = !geometry_ || static_cast<Eigen::Index>(geometry_->domain.size()) == truth.size();
  if (points != truth.size() || weight.size() != truth.size() || !fits)
    throw Error(ErrorKind::internal, "a forecast of " + std::to_string(points) +
                                         " points is scored against a truth of " +
                                         std::to_string(truth.size()));
  if (members_.value_or(members) != members)
    throw Error(ErrorKind::internal, "ensembles of " + std::to_string(*members_) + " and " +
                                         std::to_string(members) + " members on one score card");
  for (Eigen::Index i = 0; i < truth.size(); ++i) {
    if (!(std::isfinite(weight[i]) && weight[i] >= 0.0))
      not_finite(ErrorKind::numerical, "a weight below zero or one", i);
    if (weight[i] > 0.0 && !std::isfinite(truth[i])) not_finite(ErrorKind::input, "a truth", i);
  }
  members_ = members;
  ++calls_;
}

void ScoreCard::add(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                    const Eigen::VectorXd& weight, const Pairs& pairs) {
  if (members.cols() == 0) throw Error(ErrorKind::internal, "an ensemble without members cannot be scored");
  start(static_cast<std::size_t>(members.cols()), members.rows(), truth, weight);
  for (Eigen::Index i = 0; i < truth.size(); ++i)
    if (weight[i] > 0.0 && !members.row(i).allFinite()) not_finite(ErrorKind::numerical, "a member", i);
  FieldScores field{.weight = weight.sum()};
  if (field.weight <= 0.0) return;
  score_cells(members, truth, weight, field);
  const auto energy = fair_energy_score(members, truth, weight);
  field.energy = energy.score;
  field.diversity = energy.diversity;
  field.variogram = fair_variogram_score(members, truth, weight,
                                         pairs.empty() && geometry_ ? geometry_->neighbours : pairs);
  if (geometry_) score_texture(members, truth, weight, field);
  fields_.push_back(field);
}

void ScoreCard::score_cells(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                            const Eigen::VectorXd& weight, FieldScores& field) {
  const auto m = static_cast<std::size_t>(members.cols());
  const auto n = static_cast<double>(m);
  RandomStream ties(
      {.seed = options_.seed, .purpose = RandomPurpose::bootstrap, .time = calls_, .member = kTies});
  rank_weight_.resize(m + 1, 0.0);
  field.square = field.absolute = field.error = field.crps = 0.0;
  if (m > 1) {
    field.variance = 0.0;
    field.covered = {};
  }
  std::vector<double> sorted(m);
  for (Eigen::Index i = 0; i < truth.size(); ++i) {
    if (weight[i] <= 0.0) continue;
    const double w = weight[i] / field.weight;
    for (std::size_t k = 0; k < m; ++k) sorted[k] = members(i, static_cast<Eigen::Index>(k));
    std::sort(sorted.begin(), sorted.end());
    const double mean = members.row(i).mean();
    const double error = mean - truth[i];
    field.square += w * error * error;
    field.absolute += w * std::abs(error);
    field.error += w * error;
    field.crps += w * fair_crps(sorted, truth[i]);
    if (m == 1) continue;
    field.variance += w * (n + 1.0) / n * (members.row(i).array() - mean).square().sum() / (n - 1.0);
    const std::size_t rank = rank_of_truth(sorted, truth[i], ties);
    rank_weight_[rank] += weight[i];
    squared_weight_ += weight[i] * weight[i];
    for (std::size_t s = 0; s < kIntervalShares.size(); ++s)
      field.covered[s] += w * covered_share(rank, m, kIntervalShares[s]);
  }
}

void ScoreCard::score_texture(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                              const Eigen::VectorXd& weight, FieldScores& field) {
  RandomStream random(
      {.seed = options_.seed, .purpose = RandomPurpose::bootstrap, .time = calls_, .member = kFarPairs});
  const auto far = random_pairs(geometry_->domain, weight, options_.far_pairs, options_.far_km, random);
  field.variogram_far = fair_variogram_score(members, truth, weight, far);
  field.gradient_truth = mean_absolute_gradient(geometry_->domain, truth, weight);
  field.gradient_members = mean_absolute_gradient(geometry_->domain, members, weight);
  add_spectrum(members, truth, weight);
}

void ScoreCard::add_spectrum(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                             const Eigen::VectorXd& weight) {
  if (!geometry_->spectrum) return;
  const auto& shape = geometry_->domain.lat_lon();
  const auto n = static_cast<Eigen::Index>(shape.nlon());
  std::vector<bool> rows(shape.nlat());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const Eigen::Index first = static_cast<Eigen::Index>(r) * n;
    rows[r] = weight.segment(first, n).maxCoeff() > 0.0 && truth.segment(first, n).allFinite() &&
              members.middleRows(first, n).allFinite();
  }
  if (std::find(rows.begin(), rows.end(), true) == rows.end()) return;
  const auto& spectrum = *geometry_->spectrum;
  if (power_.size() == 0) power_ = Eigen::MatrixXd::Zero(spectrum.wavenumbers(), 3);
  power_.col(0) += spectrum.power(truth, rows);
  power_.col(1) += spectrum.power(members, rows);
  power_.col(2) += spectrum.power(members.rowwise().mean(), rows);
  spectra_ += 1.0;
}

void ScoreCard::add_gaussian(const Eigen::VectorXd& mean, const Eigen::VectorXd& sd,
                             const Eigen::VectorXd& truth, const Eigen::VectorXd& weight) {
  start(0, sd.size() == mean.size() ? mean.size() : -1, truth, weight);
  FieldScores field{.weight = weight.sum()};
  if (field.weight <= 0.0) return;
  field.square = field.absolute = field.error = field.crps = field.variance = 0.0;
  field.covered = {};
  for (Eigen::Index i = 0; i < truth.size(); ++i) {
    if (weight[i] <= 0.0) continue;
    if (!std::isfinite(mean[i]) || !std::isfinite(sd[i]))
      not_finite(ErrorKind::numerical, "a mean or spread", i);
    const double w = weight[i] / field.weight;
    const double error = mean[i] - truth[i];
    field.square += w * error * error;
    field.absolute += w * std::abs(error);
    field.error += w * error;
    field.crps += w * gaussian_crps(mean[i], sd[i], truth[i]);
    field.variance += w * sd[i] * sd[i];
    for (std::size_t s = 0; s < kNormalQuantiles.size(); ++s)
      if (std::abs(error) <= kNormalQuantiles[s] * sd[i]) field.covered[s] += w;
  }
  fields_.push_back(field);
}

std::vector<double> ScoreCard::values(double FieldScores::*score) const {
  std::vector<double> out;
  out.reserve(fields_.size());
  for (const auto& f : fields_) out.push_back(f.*score);
  return out;
}

Scores ScoreCard::result() const {
  Scores s;
  s.fields = fields_.size();
  s.members = members_.value_or(0);
  s.rmse = std::sqrt(cell_mean(fields_, [](const auto& f) { return f.square; }));
  s.mae = cell_mean(fields_, [](const auto& f) { return f.absolute; });
  s.bias = cell_mean(fields_, [](const auto& f) { return f.error; });
  s.crps = cell_mean(fields_, [](const auto& f) { return f.crps; });
  s.spread = std::sqrt(cell_mean(fields_, [](const auto& f) { return f.variance; }));
  s.spread_skill = s.spread / s.rmse;
  s.coverage50 = cell_mean(fields_, [](const auto& f) { return f.covered[0]; });
  s.coverage80 = cell_mean(fields_, [](const auto& f) { return f.covered[1]; });
  s.coverage90 = cell_mean(fields_, [](const auto& f) { return f.covered[2]; });
  s.energy = field_mean(fields_, &FieldScores::energy);
  s.diversity = field_mean(fields_, &FieldScores::diversity);
  s.variogram = field_mean(fields_, &FieldScores::variogram);
  s.variogram_far = field_mean(fields_, &FieldScores::variogram_far);
  s.gradient_truth = field_mean(fields_, &FieldScores::gradient_truth);
  s.gradient_members = field_mean(fields_, &FieldScores::gradient_members);
  s.gradient_ratio = s.gradient_members / s.gradient_truth;
  if (squared_weight_ > 0.0) {
    const auto flatness = rank_flatness(rank_weight_, squared_weight_);
    s.rank_chi_square = flatness.chi_square;
    s.rank_degrees = flatness.degrees;
    const Eigen::Map<const Eigen::VectorXd> weight(rank_weight_.data(),
                                                   static_cast<Eigen::Index>(rank_weight_.size()));
    s.rank_histogram = list(weight / weight.sum());
  }
  if (spectra_ > 0.0) {
    s.spectrum.truth = list(power_.col(0) / spectra_);
    s.spectrum.members = list(power_.col(1) / spectra_);
    s.spectrum.mean = list(power_.col(2) / spectra_);
    s.spectrum.ratio =
        list((power_.col(0).array() > 0.0).select(power_.col(1).cwiseQuotient(power_.col(0)), kUndefined));
  }
  return s;
}

void to_json(nlohmann::ordered_json& json, const Scores& s) {
  json = nlohmann::ordered_json::object();
  json["fields"] = s.fields;
  json["members"] = s.members;
  const std::pair<const char*, double> scalars[] = {
      {"rmse", s.rmse},
      {"mae", s.mae},
      {"bias", s.bias},
      {"crps", s.crps},
      {"spread", s.spread},
      {"spread_skill", s.spread_skill},
      {"coverage50", s.coverage50},
      {"coverage80", s.coverage80},
      {"coverage90", s.coverage90},
      {"energy", s.energy},
      {"diversity", s.diversity},
      {"variogram", s.variogram},
      {"variogram_far", s.variogram_far},
      {"gradient_truth", s.gradient_truth},
      {"gradient_members", s.gradient_members},
      {"gradient_ratio", s.gradient_ratio},
      {"rank_chi_square", s.rank_chi_square},
      {"rank_degrees", s.rank_degrees},
  };
  for (const auto& [name, value] : scalars) json[name] = number(value);
  json["rank_histogram"] = numbers(s.rank_histogram);
  json["spectrum"] = {{"truth", numbers(s.spectrum.truth)},
                      {"members", numbers(s.spectrum.members)},
                      {"mean", numbers(s.spectrum.mean)},
                      {"ratio", numbers(s.spectrum.ratio)}};
}

void to_json(nlohmann::ordered_json& json, const FieldScores& f) {
  json = nlohmann::ordered_json::object();
  const std::pair<const char*, double> scalars[] = {
      {"weight", f.weight},
      {"square", f.square},
      {"absolute", f.absolute},
      {"error", f.error},
      {"crps", f.crps},
      {"variance", f.variance},
      {"energy", f.energy},
      {"diversity", f.diversity},
      {"variogram", f.variogram},
      {"variogram_far", f.variogram_far},
      {"gradient_truth", f.gradient_truth},
      {"gradient_members", f.gradient_members},
  };
  for (const auto& [name, value] : scalars) json[name] = number(value);
  json["covered"] = numbers(f.covered);
}

}  // namespace manifill::verification
