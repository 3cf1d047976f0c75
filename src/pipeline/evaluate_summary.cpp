#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <span>

#include <nlohmann/json.hpp>

#include "evaluate_parts.hpp"
#include "manifill/base/error.hpp"

namespace manifill::pipeline {
namespace {

constexpr verification::MeanInterval kNoInterval{kNoValue, kNoValue, kNoValue};

nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json interval(const verification::MeanInterval& i) {
  return {{"mean", number(i.mean)}, {"low", number(i.low)}, {"high", number(i.high)}};
}

const verification::FieldScores& line_of(const Evaluation& e, std::size_t method, std::size_t index,
                                         const Stratum& stratum) {
  const CaseScores& s = e.scores[method][index];
  return stratum.region ? s.regions[*stratum.region] : s.whole;
}

/// Cases of one field under many masks depend on each other: what is resampled are fields, in the order of
/// time, each with the weighted mean of its cases.
class ByField {
 public:
  ByField(const Evaluation& e, const Stratum& stratum) {
    for (const std::size_t k : stratum.cases) place_[{e.cases[k].series, e.cases[k].step}] = 0;
    std::size_t next = 0;
    for (auto& [key, index] : place_) index = next++;
  }
  [[nodiscard]] std::size_t operator()(const PlannedCase& c) const { return place_.at({c.series, c.step}); }
  [[nodiscard]] std::size_t size() const { return place_.size(); }

 private:
  std::map<std::pair<std::size_t, std::int64_t>, std::size_t> place_{};
};

struct FieldMeans {
  std::vector<double> values{};
  std::vector<double> weight{};
};

template <typename Score>
FieldMeans by_field(const Evaluation& e, std::size_t method, const Stratum& stratum, const ByField& place,
                    const Score& score) {
  FieldMeans out{std::vector<double>(place.size()), std::vector<double>(place.size())};
  for (const std::size_t k : stratum.cases) {
    const auto& line = line_of(e, method, k, stratum);
    if (line.weight <= 0.0) continue;
    const std::size_t at = place(e.cases[k]);
    out.values[at] += line.weight * score(line);
    out.weight[at] += line.weight;
  }
  for (std::size_t k = 0; k < out.values.size(); ++k)
    if (out.weight[k] > 0.0) out.values[k] /= out.weight[k];
  return out;
}

verification::MeanInterval rooted(verification::MeanInterval i) {
  return {std::sqrt(i.mean), std::sqrt(i.low), std::sqrt(i.high)};
}

/// Strata of an axis of settings, by the values of one of their numbers.
void add_settings(const Evaluation& e, const std::vector<std::size_t>& cases, const std::string& axis,
                  double Setting::*which, const std::string& format, double factor,
                  std::vector<Stratum>& out) {
  std::map<double, std::vector<std::size_t>> groups;
  for (const std::size_t k : cases) {
    const double value = e.settings[e.cases[k].setting].*which;
    if (!std::isnan(value)) groups[value].push_back(k);
  }
  for (auto& [value, own] : groups)
    out.push_back({.axis = axis,
                   .value = fmt::format(fmt::runtime(format), factor * value),
                   .number = value,
                   .cases = std::move(own)});
}

/// A setting among those of its kind; folds are one.
std::string value_of(const Setting& s) {
  const bool shared = s.kind != kNothing && s.kind != kFolds && !std::isnan(s.hidden);
  return (shared ? fmt::format("{:.3g} %, ", 100.0 * s.hidden) : std::string()) +
         fmt::format("noise {:g}", s.noise);
}

}  // namespace

std::vector<double> to_numbers(const CaseScores& s) {
  std::vector<double> out{s.seconds,   s.first ? 1.0 : 0.0, s.evaluations,
                          s.gradients, s.chi_square,        static_cast<double>(s.refusal.size())};
  for (const char letter : s.refusal) out.push_back(static_cast<unsigned char>(letter));
  const auto put = [&](const verification::FieldScores& line) {
    const auto numbers = verification::to_numbers(line);
    out.push_back(static_cast<double>(numbers.size()));
    out.insert(out.end(), numbers.begin(), numbers.end());
  };
  put(s.whole);
  for (const auto& region : s.regions) put(region);
  return out;
}

CaseScores case_scores_of(const std::vector<double>& numbers) {
  constexpr std::size_t kFixed = 6;
  const auto letters = numbers.size() <= kFixed ? 0 : static_cast<std::size_t>(numbers[kFixed - 1]);
  const std::size_t head = kFixed + letters;
  if (numbers.size() <= kFixed || letters >= numbers.size() - kFixed)
    throw Error(ErrorKind::internal, "the scores of a case are cut off");
  CaseScores s{.seconds = numbers[0],
               .first = numbers[1] != 0.0,
               .evaluations = numbers[2],
               .gradients = numbers[3],
               .chi_square = numbers[4]};
  for (std::size_t k = kFixed; k < head; ++k)
    s.refusal += static_cast<char>(static_cast<unsigned char>(numbers[k]));
  for (std::size_t at = head; at < numbers.size();) {
    const auto size = static_cast<std::size_t>(numbers[at]);
    if (size > numbers.size() - at - 1) throw Error(ErrorKind::internal, "the scores of a case are cut off");
    auto line = verification::field_scores_of(std::span(numbers).subspan(at + 1, size));
    if (at == head)
      s.whole = std::move(line);
    else
      s.regions.push_back(std::move(line));
    at += size + 1;
  }
  return s;
}

std::vector<std::string> kinds_of(const Evaluation& e) {
  std::vector<std::string> out;
  for (const auto& s : e.settings)
    if (std::find(out.begin(), out.end(), s.kind) == out.end()) out.push_back(s.kind);
  return out;
}

std::vector<Stratum> strata_of(const Evaluation& e, const std::string& kind) {
  std::vector<std::size_t> cases;
  for (std::size_t k = 0; k < e.cases.size(); ++k)
    if (kind.empty() || e.settings[e.cases[k].setting].kind == kind) cases.push_back(k);
  std::vector<Stratum> out{{.axis = "all", .value = "all", .cases = cases}};
  for (std::size_t s = 0; s < e.settings.size(); ++s) {
    if (kind.empty() || e.settings[s].kind != kind) continue;
    const std::string value = value_of(e.settings[s]);
    auto found = std::find_if(out.begin(), out.end(),
                              [&](const Stratum& o) { return o.axis == "setting" && o.value == value; });
    if (found == out.end()) found = out.insert(out.end(), Stratum{.axis = "setting", .value = value});
    for (const std::size_t k : cases)
      if (e.cases[k].setting == s) found->cases.push_back(k);
  }
  add_settings(e, cases, "hidden", &Setting::hidden, "{:.3g} %", 100.0, out);
  add_settings(e, cases, "noise", &Setting::noise, "{:g}", 1.0, out);
  for (std::size_t r = 0; r < e.regions.size(); ++r)
    out.push_back({.axis = "region", .value = e.regions[r].name, .cases = cases, .region = r});
  for (const char* season : {"DJF", "MAM", "JJA", "SON"}) {
    Stratum s{.axis = "season", .value = season};
    for (const std::size_t k : cases)
      if (e.cases[k].season == season) s.cases.push_back(k);
    if (!s.cases.empty()) out.push_back(std::move(s));
  }
  return out;
}

StratumScores score_stratum(const Evaluation& e, std::size_t method, const Stratum& stratum,
                            const verification::BootstrapOptions& options) {
  std::vector<const verification::FieldScores*> lines;
  Stratum shared = stratum;  // with the first method
  shared.cases.clear();
  std::size_t refused = 0;
  std::string refusal;
  for (const std::size_t k : stratum.cases) {
    const auto& line = line_of(e, method, k, stratum);
    if (line.weight > 0.0) {
      lines.push_back(&line);
      if (line_of(e, 0, k, stratum).weight > 0.0) shared.cases.push_back(k);
    }
    const std::string& why = e.scores[method][k].refusal;
    if (!why.empty() && refused++ == 0) refusal = why;
  }
  StratumScores out{.scores = verification::summarise(lines),
                    .crps = kNoInterval,
                    .rmse = kNoInterval,
                    .mae = kNoInterval,
                    .bias = kNoInterval,
                    .coverage90 = kNoInterval,
                    .difference = kNoInterval,
                    .reference = kNoValue,
                    .refused = refused,
                    .refusal = std::move(refusal),
                    .discrepancy = kNoValue};
  if (lines.empty()) return out;
  for (const auto* line : lines) out.area += line->weight / static_cast<double>(lines.size());
  const ByField place(e, stratum);
  const auto bootstrap = [&](const auto& score) {
    const FieldMeans means = by_field(e, method, stratum, place, score);
    return verification::block_bootstrap(means.values, means.weight, options);
  };
  out.crps = bootstrap([](const auto& f) { return f.crps; });
  out.rmse = rooted(bootstrap([](const auto& f) { return f.square; }));
  out.mae = bootstrap([](const auto& f) { return f.absolute; });
  out.bias = bootstrap([](const auto& f) { return f.error; });
  if (out.scores.members != 1) out.coverage90 = bootstrap([](const auto& f) { return f.covered[2]; });
  const auto crps = [](const auto& f) { return f.crps; };
  if (!shared.cases.empty()) {
    const FieldMeans own = by_field(e, method, shared, place, crps);
    const FieldMeans first = by_field(e, 0, shared, place, crps);
    out.difference = verification::block_bootstrap_difference(own.values, first.values, own.weight, options);
    double weight = 0.0;
    out.reference = 0.0;
    for (std::size_t k = 0; k < first.values.size(); ++k) {
      out.reference += first.weight[k] * first.values[k];
      weight += first.weight[k];
    }
    out.reference /= weight;
  }
  if (stratum.axis != "region" && stratum.axis != "season") {
    std::map<std::size_t, double> settings;
    for (const std::size_t k : stratum.cases) {
      const double d = e.discrepancy[method][e.cases[k].setting];
      if (!std::isnan(d)) settings[e.cases[k].setting] = d;
    }
    double sum = 0.0;
    for (const auto& [setting, d] : settings) sum += d;
    if (!settings.empty()) out.discrepancy = sum / static_cast<double>(settings.size());
  }
  return out;
}

Cost cost_of(const Evaluation& e, std::size_t method) {
  std::vector<std::size_t> all(e.cases.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return cost_of(e, method, all);
}

Cost cost_of(const Evaluation& e, std::size_t method, const std::vector<std::size_t>& cases) {
  Cost out;
  double later = 0.0;
  double firsts = 0.0;
  double members = 1.0;
  double count = 0.0;
  for (const std::size_t k : cases) {
    const CaseScores& s = e.scores[method][k];
    if (s.whole.weight <= 0.0) continue;
    (s.first ? out.first : out.field) += s.seconds;
    (s.first ? firsts : later) += 1.0;
    members = std::max(members, static_cast<double>(s.whole.members));
    out.evaluations += s.evaluations;
    out.gradients += s.gradients;
    count += 1.0;
  }
  if (firsts > 0.0) out.first /= firsts;
  out.field = later > 0.0 ? out.field / later : out.first;
  out.sample = 1000.0 * out.field / members;
  out.evaluations /= std::max(1.0, count);
  out.gradients /= std::max(1.0, count);
  return out;
}

const Summary::Row* Summary::find(std::size_t method, const std::string& kind, const std::string& axis,
                                  const std::string& value) const {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& r) {
    return r.method == method && r.kind == kind && r.stratum.axis == axis && r.stratum.value == value;
  });
  return found == rows.end() ? nullptr : &*found;
}

Summary summarise(const Evaluation& e, const verification::BootstrapOptions& options) {
  Summary out;
  auto kinds = kinds_of(e);
  kinds.insert(kinds.begin(), "");  // all of them together
  for (std::size_t m = 0; m < e.methods.size(); ++m)
    for (const auto& kind : kinds)
      for (auto& stratum : strata_of(e, kind)) {
        auto scores = score_stratum(e, m, stratum, options);
        out.rows.push_back({m, kind, std::move(stratum), std::move(scores)});
      }
  return out;
}

std::string csv_of(const Evaluation& e, const Summary& summary) {
  std::string head = "method,kind,stratum,value,fields,not_applicable,members";
  std::string body;
  for (const auto& row : summary.rows) {
    const StratumScores& s = row.scores;
    const verification::Scores& v = s.scores;
    const Cost cost = cost_of(e, row.method, row.stratum.cases);
    const std::pair<const char*, double> columns[] = {{"area", s.area},
                                                      {"crps", v.crps},
                                                      {"crps_low", s.crps.low},
                                                      {"crps_high", s.crps.high},
                                                      {"crps_less_first", s.difference.mean},
                                                      {"crps_less_first_low", s.difference.low},
                                                      {"crps_less_first_high", s.difference.high},
                                                      {"rmse", v.rmse},
                                                      {"rmse_low", s.rmse.low},
                                                      {"rmse_high", s.rmse.high},
                                                      {"mae", v.mae},
                                                      {"mae_low", s.mae.low},
                                                      {"mae_high", s.mae.high},
                                                      {"bias", v.bias},
                                                      {"bias_low", s.bias.low},
                                                      {"bias_high", s.bias.high},
                                                      {"spread", v.spread},
                                                      {"spread_skill", v.spread_skill},
                                                      {"coverage50", v.coverage50},
                                                      {"coverage80", v.coverage80},
                                                      {"coverage90", v.coverage90},
                                                      {"coverage90_low", s.coverage90.low},
                                                      {"coverage90_high", s.coverage90.high},
                                                      {"energy", v.energy},
                                                      {"diversity", v.diversity},
                                                      {"variogram", v.variogram},
                                                      {"variogram_far", v.variogram_far},
                                                      {"gradient_ratio", v.gradient_ratio},
                                                      {"psnr", v.psnr},
                                                      {"psnr_members", v.psnr_members},
                                                      {"ssim", v.ssim},
                                                      {"ssim_members", v.ssim_members},
                                                      {"squared_mmd", s.discrepancy},
                                                      {"rank_chi_square", v.rank_chi_square},
                                                      {"rank_degrees", v.rank_degrees},
                                                      {"evaluations", cost.evaluations},
                                                      {"gradients", cost.gradients}};
    body += fmt::format("\"{}\",\"{}\",{},\"{}\",{},{},{}", e.methods[row.method].name,
                        row.kind.empty() ? "all" : row.kind, row.stratum.axis, row.stratum.value, v.fields,
                        s.refused, v.members);
    for (const auto& [name, x] : columns) {
      if (&row == &summary.rows.front()) head += std::string(",") + name;
      body += std::isfinite(x) ? fmt::format(",{:.10g}", x) : ",";
    }
    body += "\n";
  }
  return head + "\n" + body;
}

nlohmann::ordered_json json_of(const Evaluation& e, const Summary& summary, nlohmann::ordered_json about) {
  auto& json = about;
  json["settings"] = nlohmann::ordered_json::array();
  for (const auto& s : e.settings)
    json["settings"].push_back(
        {{"kind", s.kind},
         {"hidden", number(s.hidden)},
         {"noise", s.noise},
         {"measurement",
          s.measurement ? nlohmann::ordered_json(*s.measurement + 1) : nlohmann::ordered_json(nullptr)},
         {"fold", s.fold < 0 ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(s.fold)}});
  json["regions"] = nlohmann::ordered_json::array();
  for (const auto& r : e.regions) json["regions"].push_back(r.name);
  json["cases"] = nlohmann::ordered_json::array();
  for (const auto& c : e.cases)
    json["cases"].push_back({{"setting", c.setting},
                             {"series", c.series},
                             {"time", c.time},
                             {"step", c.step},
                             {"date", c.date},
                             {"season", c.season}});
  json["methods"] = nlohmann::ordered_json::array();
  for (std::size_t m = 0; m < e.methods.size(); ++m) {
    const Cost cost = cost_of(e, m);
    nlohmann::ordered_json method{{"name", e.methods[m].name},       {"method", e.methods[m].method},
                                  {"summary", e.methods[m].summary}, {"options", e.methods[m].options},
                                  {"evaluations", cost.evaluations}, {"gradients", cost.gradients}};
    method["strata"] = nlohmann::ordered_json::array();
    for (const auto& row : summary.rows) {
      if (row.method != m) continue;
      const auto& s = row.scores;
      method["strata"].push_back({{"kind", row.kind.empty() ? "all" : row.kind},
                                  {"stratum", row.stratum.axis},
                                  {"value", row.stratum.value},
                                  {"area", s.area},
                                  {"not_applicable", s.refused},
                                  {"scores", s.scores},
                                  {"intervals",
                                   {{"crps", interval(s.crps)},
                                    {"rmse", interval(s.rmse)},
                                    {"mae", interval(s.mae)},
                                    {"bias", interval(s.bias)},
                                    {"coverage90", interval(s.coverage90)},
                                    {"crps_less_first", interval(s.difference)}}},
                                  {"squared_mmd", number(s.discrepancy)}});
    }
    method["squared_mmd"] = nlohmann::ordered_json::array();
    for (const double d : e.discrepancy[m]) method["squared_mmd"].push_back(number(d));
    method["cases"] = nlohmann::ordered_json::array();
    for (const auto& s : e.scores[m]) {
      nlohmann::ordered_json line = s.whole;
      line["chi_square"] = s.chi_square;
      line["not_applicable"] =
          s.refusal.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(s.refusal);
      line["regions"] = s.regions;
      method["cases"].push_back(std::move(line));
    }
    json["methods"].push_back(std::move(method));
  }
  return json;
}

nlohmann::ordered_json timings_of(const Evaluation& e) {
  auto out = nlohmann::ordered_json::array();
  for (std::size_t m = 0; m < e.methods.size(); ++m) {
    const Cost cost = cost_of(e, m);
    nlohmann::ordered_json seconds = nlohmann::ordered_json::array();
    for (const auto& s : e.scores[m]) seconds.push_back(s.seconds);
    out.push_back({{"name", e.methods[m].name},
                   {"first_field_s", cost.first},
                   {"later_field_s", cost.field},
                   {"sample_ms", cost.sample},
                   {"cases_s", seconds}});
  }
  return out;
}

}  // namespace manifill::pipeline
