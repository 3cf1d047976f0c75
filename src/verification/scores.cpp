#include "manifill/verification/scores.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/verification/calibration.hpp"
#include "manifill/verification/crps.hpp"
#include "manifill/verification/image_quality.hpp"

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
double field_mean(std::span<const FieldScores* const> fields, double FieldScores::*score) {
  double sum = 0.0;
  double count = 0.0;
  for (const auto* f : fields)
    if (!std::isnan(f->*score)) {
      sum += f->*score;
      count += 1.0;
    }
  return count > 0.0 ? sum / count : kUndefined;
}

/// Mean of a score over all cells.
template <typename Score>
double cell_mean(std::span<const FieldScores* const> fields, const Score& score) {
  double sum = 0.0;
  double weight = 0.0;
  for (const auto* f : fields) {
    sum += f->weight * score(*f);
    weight += f->weight;
  }
  return weight > 0.0 ? sum / weight : kUndefined;
}

std::vector<double> list(const Eigen::VectorXd& v) { return {v.data(), v.data() + v.size()}; }

SpectrumScores mean_spectrum(std::span<const FieldScores* const> fields, FieldSpectrum FieldScores::*which) {
  Eigen::MatrixXd power;  // [scale][truth, members, mean]
  double count = 0.0;
  const auto vector = [](const std::vector<double>& v) {
    return Eigen::Map<const Eigen::VectorXd>(v.data(), static_cast<Eigen::Index>(v.size()));
  };
  for (const auto* f : fields) {
    const FieldSpectrum& one = f->*which;
    if (one.truth.empty()) continue;
    if (count == 0.0) power = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(one.truth.size()), 3);
    power.col(0) += vector(one.truth);
    power.col(1) += vector(one.members);
    power.col(2) += vector(one.mean);
    count += 1.0;
  }
  if (count == 0.0) return {};
  return {.truth = list(power.col(0) / count),
          .members = list(power.col(1) / count),
          .mean = list(power.col(2) / count),
          .ratio = list(
              (power.col(0).array() > 0.0).select(power.col(1).cwiseQuotient(power.col(0)), kUndefined))};
}

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

FieldScorer::FieldScorer(const domain::Domain& domain, const ScoreOptions& options)
    : options_(options),
      geometry_(Geometry{
          domain,
          domain.kind() == domain::DomainKind::lat_lon ? std::optional<RowSpectrum>(domain) : std::nullopt,
          DegreeSpectrum::of(domain), neighbour_pairs(domain)}) {}

void FieldScorer::check(Eigen::Index points, const Eigen::VectorXd& truth,
                        const Eigen::VectorXd& weight) const {
  const bool fits = !geometry_ || static_cast<Eigen::Index>(geometry_->domain.size()) == truth.size();
  if (points != truth.size() || weight.size() != truth.size() || !fits)
    throw Error(ErrorKind::internal, "a forecast of " + std::to_string(points) +
                                         " points is scored against a truth of " +
                                         std::to_string(truth.size()));
  for (Eigen::Index i = 0; i < truth.size(); ++i) {
    if (!(std::isfinite(weight[i]) && weight[i] >= 0.0))
      not_finite(ErrorKind::numerical, "a weight below zero or one", i);
    if (weight[i] > 0.0 && !std::isfinite(truth[i])) not_finite(ErrorKind::input, "a truth", i);
  }
}

FieldScores FieldScorer::score(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                               const Eigen::VectorXd& weight, std::int64_t number, const Pairs& pairs) const {
  if (members.cols() == 0) throw Error(ErrorKind::internal, "an ensemble without members cannot be scored");
  check(members.rows(), truth, weight);
  for (Eigen::Index i = 0; i < truth.size(); ++i)
    if (weight[i] > 0.0 && !members.row(i).allFinite()) not_finite(ErrorKind::numerical, "a member", i);
  FieldScores field{.members = static_cast<std::size_t>(members.cols()), .weight = weight.sum()};
  if (field.weight <= 0.0) return field;
  score_cells(members, truth, weight, number, field);
  const auto energy = fair_energy_score(members, truth, weight);
  field.energy = energy.score;
  field.diversity = energy.diversity;
  field.variogram = fair_variogram_score(members, truth, weight,
                                         pairs.empty() && geometry_ ? geometry_->neighbours : pairs);
  if (geometry_) {
    score_texture(members, truth, weight, number, field);
    score_spectra(members, truth, weight, field);
  }
  if (options_.range > 0.0) score_image(members, truth, weight, field);
  return field;
}

void FieldScorer::score_cells(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                              const Eigen::VectorXd& weight, std::int64_t number, FieldScores& field) const {
  const auto m = static_cast<std::size_t>(members.cols());
  const auto n = static_cast<double>(m);
  RandomStream ties(
      {.seed = options_.seed, .purpose = RandomPurpose::bootstrap, .time = number, .member = kTies});
  field.square = field.absolute = field.error = field.crps = 0.0;
  if (m > 1) {
    field.variance = 0.0;
    field.covered = {};
    field.ranks.resize(m + 1, 0.0);
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
    const double variance = (n + 1.0) / n * (members.row(i).array() - mean).square().sum() / (n - 1.0);
    field.variance += w * variance;
    field.spread_bins.add(variance, error * error, weight[i]);
    const std::size_t rank = rank_of_truth(sorted, truth[i], ties);
    field.ranks[rank] += weight[i];
    field.squared_weight += weight[i] * weight[i];
    for (std::size_t s = 0; s < kIntervalShares.size(); ++s)
      field.covered[s] += w * covered_share(rank, m, kIntervalShares[s]);
  }
}

void FieldScorer::score_texture(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                                const Eigen::VectorXd& weight, std::int64_t number,
                                FieldScores& field) const {
  RandomStream random(
      {.seed = options_.seed, .purpose = RandomPurpose::bootstrap, .time = number, .member = kFarPairs});
  const auto far = random_pairs(geometry_->domain, weight, options_.far_pairs, options_.far_km, random);
  field.variogram_far = fair_variogram_score(members, truth, weight, far);
  field.gradient_truth = mean_absolute_gradient(geometry_->domain, truth, weight);
  field.gradient_members = mean_absolute_gradient(geometry_->domain, members, weight);
}

void FieldScorer::score_spectra(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                                const Eigen::VectorXd& weight, FieldScores& field) const {
  if (geometry_->rows) {
    const auto& shape = geometry_->domain.lat_lon();
    const auto n = static_cast<Eigen::Index>(shape.nlon());
    std::vector<bool> rows(shape.nlat());
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const Eigen::Index first = static_cast<Eigen::Index>(r) * n;
      rows[r] = weight.segment(first, n).maxCoeff() > 0.0 && truth.segment(first, n).allFinite() &&
                members.middleRows(first, n).allFinite();
    }
    if (std::find(rows.begin(), rows.end(), true) != rows.end()) {
      const auto& spectrum = *geometry_->rows;
      field.rows = {list(spectrum.power(truth, rows)), list(spectrum.power(members, rows)),
                    list(spectrum.power(members.rowwise().mean(), rows))};
    }
  }
  if (geometry_->degrees && truth.allFinite() && members.allFinite()) {
    const auto& spectrum = *geometry_->degrees;
    field.degrees = {list(spectrum.power(truth)), list(spectrum.power(members)),
                     list(spectrum.power(members.rowwise().mean()))};
  }
}

void FieldScorer::score_image(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                              const Eigen::VectorXd& weight, FieldScores& field) const {
  const auto n = static_cast<double>(members.cols());
  const double range = options_.range;
  field.psnr = verification::psnr(field.square, range);
  field.psnr_members = 0.0;
  for (Eigen::Index k = 0; k < members.cols(); ++k) {
    const Eigen::ArrayXd error = (weight.array() > 0.0).select(members.col(k) - truth, 0.0);
    field.psnr_members +=
        verification::psnr((weight.array() * error.square()).sum() / field.weight, range) / n;
  }
  if (!geometry_ || geometry_->domain.kind() != domain::DomainKind::plane) return;
  const std::size_t columns = geometry_->domain.columns();
  field.ssim = verification::ssim(members.rowwise().mean(), truth, columns, range);
  field.ssim_members = 0.0;
  for (Eigen::Index k = 0; k < members.cols(); ++k)
    field.ssim_members += verification::ssim(members.col(k), truth, columns, range) / n;
}

FieldScores FieldScorer::score_gaussian(const Eigen::VectorXd& mean, const Eigen::VectorXd& sd,
                                        const Eigen::VectorXd& truth, const Eigen::VectorXd& weight) const {
  check(sd.size() == mean.size() ? mean.size() : -1, truth, weight);
  FieldScores field{.weight = weight.sum()};
  if (field.weight <= 0.0) return field;
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
  return field;
}

void ScoreCard::add(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                    const Eigen::VectorXd& weight, const Pairs& pairs) {
  keep(scorer_.score(members, truth, weight, ++calls_, pairs));
}

void ScoreCard::add_gaussian(const Eigen::VectorXd& mean, const Eigen::VectorXd& sd,
                             const Eigen::VectorXd& truth, const Eigen::VectorXd& weight) {
  keep(scorer_.score_gaussian(mean, sd, truth, weight));
}

void ScoreCard::keep(FieldScores field) {
  if (!fields_.empty() && field.members != fields_.front().members)
    throw Error(ErrorKind::internal, "ensembles of " + std::to_string(fields_.front().members) + " and " +
                                         std::to_string(field.members) + " members on one score card");
  if (field.weight > 0.0) fields_.push_back(std::move(field));
}

std::vector<double> ScoreCard::values(double FieldScores::*score) const {
  std::vector<double> out;
  out.reserve(fields_.size());
  for (const auto& f : fields_) out.push_back(f.*score);
  return out;
}

Scores summarise(std::span<const FieldScores> fields) {
  std::vector<const FieldScores*> all;
  for (const auto& f : fields) all.push_back(&f);
  return summarise(all);
}

Scores summarise(std::span<const FieldScores* const> fields) {
  Scores s;
  s.fields = fields.size();
  if (fields.empty()) return s;
  s.members = fields.front()->members;
  for (const auto* f : fields)
    if (f->members != s.members)
      throw Error(ErrorKind::internal, "ensembles of different sizes are not summarised together");
  s.rmse = std::sqrt(cell_mean(fields, [](const auto& f) { return f.square; }));
  s.mae = cell_mean(fields, [](const auto& f) { return f.absolute; });
  s.bias = cell_mean(fields, [](const auto& f) { return f.error; });
  s.crps = cell_mean(fields, [](const auto& f) { return f.crps; });
  s.spread = std::sqrt(cell_mean(fields, [](const auto& f) { return f.variance; }));
  s.spread_skill = s.spread / s.rmse;
  s.coverage50 = cell_mean(fields, [](const auto& f) { return f.covered[0]; });
  s.coverage80 = cell_mean(fields, [](const auto& f) { return f.covered[1]; });
  s.coverage90 = cell_mean(fields, [](const auto& f) { return f.covered[2]; });
  s.energy = field_mean(fields, &FieldScores::energy);
  s.diversity = field_mean(fields, &FieldScores::diversity);
  s.variogram = field_mean(fields, &FieldScores::variogram);
  s.variogram_far = field_mean(fields, &FieldScores::variogram_far);
  s.gradient_truth = field_mean(fields, &FieldScores::gradient_truth);
  s.gradient_members = field_mean(fields, &FieldScores::gradient_members);
  s.gradient_ratio = s.gradient_members / s.gradient_truth;
  s.psnr = field_mean(fields, &FieldScores::psnr);
  s.psnr_members = field_mean(fields, &FieldScores::psnr_members);
  s.ssim = field_mean(fields, &FieldScores::ssim);
  s.ssim_members = field_mean(fields, &FieldScores::ssim_members);
  s.spectrum = mean_spectrum(fields, &FieldScores::rows);
  s.degrees = mean_spectrum(fields, &FieldScores::degrees);
  if (s.members < 2) return s;
  std::vector<double> rank_weight(s.members + 1, 0.0);
  double total = 0.0;
  double squared_weight = 0.0;
  SpreadBins bins;
  for (const auto* f : fields) {
    for (std::size_t r = 0; r < f->ranks.size(); ++r) {
      rank_weight[r] += f->ranks[r];
      total += f->ranks[r];
    }
    squared_weight += f->squared_weight;
    bins.add(f->spread_bins);
  }
  const auto flatness = rank_flatness(rank_weight, squared_weight);
  s.rank_chi_square = flatness.chi_square;
  s.rank_degrees = flatness.degrees;
  for (const double w : rank_weight) s.rank_histogram.push_back(w / total);
  s.coverage = coverage_curve(rank_weight, kCurveShares);
  s.spread_groups = bins.points(kSpreadGroups);
  return s;
}

namespace {

/// Every plain number of a line, in the order of a list.
constexpr double FieldScores::*kScalars[] = {
    &FieldScores::weight,        &FieldScores::square,         &FieldScores::absolute,
    &FieldScores::error,         &FieldScores::crps,           &FieldScores::variance,
    &FieldScores::energy,        &FieldScores::diversity,      &FieldScores::variogram,
    &FieldScores::variogram_far, &FieldScores::gradient_truth, &FieldScores::gradient_members,
    &FieldScores::psnr,          &FieldScores::psnr_members,   &FieldScores::ssim,
    &FieldScores::ssim_members,  &FieldScores::squared_weight};

constexpr FieldSpectrum FieldScores::*kSpectra[] = {&FieldScores::rows, &FieldScores::degrees};
constexpr std::vector<double> FieldSpectrum::*kParts[] = {&FieldSpectrum::truth, &FieldSpectrum::members,
                                                          &FieldSpectrum::mean};

}  // namespace

std::vector<double> to_numbers(const FieldScores& f) {
  std::vector<double> out{static_cast<double>(f.members)};
  for (const auto scalar : kScalars) out.push_back(f.*scalar);
  out.insert(out.end(), f.covered.begin(), f.covered.end());
  const auto put = [&](const std::vector<double>& values) {
    out.push_back(static_cast<double>(values.size()));
    out.insert(out.end(), values.begin(), values.end());
  };
  put(f.ranks);
  put(f.spread_bins.numbers());
  for (const auto spectrum : kSpectra)
    for (const auto part : kParts) put(f.*spectrum.*part);
  return out;
}

FieldScores field_scores_of(std::span<const double> numbers) {
  std::size_t at = 0;
  const auto take = [&](std::size_t count) {
    if (count > numbers.size() - at) throw Error(ErrorKind::internal, "a line of scores is cut off");
    at += count;
    return numbers.subspan(at - count, count);
  };
  const auto take_list = [&] {
    const auto values = take(static_cast<std::size_t>(take(1)[0]));
    return std::vector<double>(values.begin(), values.end());
  };
  FieldScores f{.members = static_cast<std::size_t>(take(1)[0])};
  for (const auto scalar : kScalars) f.*scalar = take(1)[0];
  for (double& covered : f.covered) covered = take(1)[0];
  f.ranks = take_list();
  f.spread_bins = SpreadBins::from_numbers(take_list());
  for (const auto spectrum : kSpectra)
    for (const auto part : kParts) f.*spectrum.*part = take_list();
  if (at != numbers.size()) throw Error(ErrorKind::internal, "a line of scores is too long");
  return f;
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
      {"psnr", s.psnr},
      {"psnr_members", s.psnr_members},
      {"ssim", s.ssim},
      {"ssim_members", s.ssim_members},
      {"rank_chi_square", s.rank_chi_square},
      {"rank_degrees", s.rank_degrees},
  };
  for (const auto& [name, value] : scalars) json[name] = number(value);
  json["rank_histogram"] = numbers(s.rank_histogram);
  json["coverage"] = nlohmann::ordered_json::array();
  for (std::size_t k = 0; k < s.coverage.size(); ++k)
    json["coverage"].push_back({{"share", kCurveShares[k]}, {"covered", number(s.coverage[k])}});
  json["spread_groups"] = nlohmann::ordered_json::array();
  for (const auto& p : s.spread_groups)
    json["spread_groups"].push_back({{"share", p.share}, {"spread", p.spread}, {"rmse", p.rmse}});
  for (const auto& [name, spectrum] : {std::pair("spectrum", &s.spectrum), std::pair("degrees", &s.degrees)})
    json[name] = {{"truth", numbers(spectrum->truth)},
                  {"members", numbers(spectrum->members)},
                  {"mean", numbers(spectrum->mean)},
                  {"ratio", numbers(spectrum->ratio)}};
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
      {"psnr", f.psnr},
      {"psnr_members", f.psnr_members},
      {"ssim", f.ssim},
      {"ssim_members", f.ssim_members},
  };
  for (const auto& [name, value] : scalars) json[name] = number(value);
  json["covered"] = numbers(f.covered);
}

}  // namespace manifill::verification
