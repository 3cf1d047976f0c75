#include "src/pipeline/evaluate_parts.hpp"

#include <cmath>

#include <fmt/format.h>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/operators/ring_grid.hpp"

using namespace manifill;
using namespace manifill::pipeline;

namespace {

std::vector<std::string> names_of(const std::vector<Region>& regions) {
  std::vector<std::string> out;
  for (const auto& r : regions) out.push_back(r.name);
  return out;
}

/// Each point lies in one region.
bool cover(const std::vector<Region>& regions) {
  for (std::size_t i = 0; i < regions.front().inside.size(); ++i) {
    int in = 0;
    for (const auto& r : regions) in += r.inside[i] ? 1 : 0;
    if (in != 1) return false;
  }
  return true;
}

std::ptrdiff_t count(const Region& r) { return std::count(r.inside.begin(), r.inside.end(), true); }

domain::Domain globe() { return operators::named_grid("r36x18"); }

/// Two methods on two fields under two settings; the second method's CRPS is twice the first's.
Evaluation small() {
  Evaluation e{.settings = {{.kind = "blocks", .hidden = 0.3}, {.kind = "gaps", .hidden = std::nan("")}},
               .methods = {{.name = "one"}, {.name = "two"}}};
  for (std::size_t s = 0; s < 2; ++s)
    for (std::int64_t t = 0; t < 3; ++t)
      e.cases.push_back(
          {.setting = s, .time = static_cast<std::size_t>(t), .step = t, .season = t < 2 ? "DJF" : "JJA"});
  e.scores.resize(2);
  const verification::FieldScorer scorer;
  for (std::size_t m = 0; m < 2; ++m)
    for (std::size_t k = 0; k < e.cases.size(); ++k) {
      CaseScores s{.seconds = k == 0 ? 5.0 : 0.5, .first = k == 0, .evaluations = 7.0, .gradients = 2.0};
      const double error = static_cast<double>(m + 1) * static_cast<double>(k + 1);
      s.whole = scorer.score(Eigen::VectorXd::Constant(4, error), Eigen::VectorXd::Zero(4),
                             Eigen::VectorXd::Constant(4, k == 5 ? 0.0 : 0.25), 1);
      e.scores[m].push_back(s);
    }
  e.discrepancy = {{0.1, 0.3}, {std::nan(""), 0.5}};
  return e;
}

}  // namespace

TEST_CASE("regions by default: belts of the globe, quarters, thirds", "[pipeline]") {
  const auto belts = regions_of(globe(), {});
  CHECK(names_of(belts) == std::vector<std::string>{"north of 30°N", "30°S to 30°N", "south of 30°S"});
  CHECK(cover(belts));
  CHECK(count(belts[0]) == 6 * 36);
  const auto region = domain::Domain::lat_lon({50.0, 40.0, 30.0}, {350.0, 0.0, 10.0, 20.0});
  const auto quarters = regions_of(region, {});
  CHECK(names_of(quarters) ==
        std::vector<std::string>{"north-west", "north-east", "south-west", "south-east"});
  CHECK(cover(quarters));
  CHECK(quarters[1].inside ==
        std::vector<bool>{false, false, true, true, false, false, true, true, false, false, false, false});
  const auto image = regions_of(domain::Domain::plane(4, 6), {});
  CHECK(names_of(image)[3] == "lower right");
  CHECK(cover(image));
  CHECK(count(image[0]) == 6);
  const auto ball = regions_of(domain::Domain::surface(domain::icosphere(2)), {});
  CHECK(names_of(ball) == std::vector<std::string>{"upper third", "middle third", "lower third"});
  CHECK(cover(ball));
}

TEST_CASE("regions as they are asked for", "[pipeline]") {
  const auto pacific = regions_of(globe(), {"Pacific: -60 60 120 -80", "tropics: -20, 20, 0, 360"});
  CHECK(count(pacific[0]) == 12 * 17);  // 120 to 280 east, both ends within
  CHECK(count(pacific[1]) == 4 * 36);
  const auto box = regions_of(domain::Domain::plane(4, 6), {"box: 1 2 0 3"});
  CHECK(count(box[0]) == 8);
  CHECK(box[0].inside[6]);
  CHECK_FALSE(box[0].inside[5]);
  for (const char* text : {"no numbers", "few: 1 2 3", "many: 1 2 3 4 5", "upside down: 20 10 0 10",
                           ": 1 2 3 4", "between points: 0 1 0 1"})
    CHECK_THROWS_WITH(regions_of(globe(), {text}), Catch::Matchers::ContainsSubstring(text));
  CHECK_THROWS_AS(regions_of(domain::Domain::surface(domain::icosphere(1)), {"a: 1 2 3 4"}), Error);
}

TEST_CASE("strata are what the settings and cases say", "[pipeline]") {
  const Evaluation e = small();
  CHECK(kinds_of(e) == std::vector<std::string>{"blocks", "gaps"});
  const auto all = strata_of(e, "");
  std::vector<std::string> seen;
  for (const auto& s : all) seen.push_back(s.axis + " " + s.value);
  CHECK(seen == std::vector<std::string>{"all all", "hidden 30 %", "noise 0", "season DJF", "season JJA"});
  CHECK(all[0].cases.size() == 6);
  CHECK(all[1].cases == std::vector<std::size_t>{0, 1, 2});
  CHECK(all[3].cases == std::vector<std::size_t>{0, 1, 3, 4});
  CHECK(strata_of(e, "gaps")[0].cases == std::vector<std::size_t>{3, 4, 5});
}

TEST_CASE("settings of a kind are strata, folds together, measurements without a share", "[pipeline]") {
  Evaluation e{
      .settings = {{.kind = "blocks", .hidden = 0.3},
                   {.kind = "blocks", .hidden = 0.3, .noise = 0.5},
                   {.kind = kFolds, .hidden = 0.5, .fold = 0},
                   {.kind = kFolds, .hidden = 0.5, .fold = 1},
                   {.kind = "coarsen factor=2", .hidden = std::nan(""), .noise = 0.5, .measurement = 0}}};
  for (std::size_t s = 0; s < e.settings.size(); ++s) e.cases.push_back({.setting = s});
  const auto seen = [&](const std::string& kind) {
    std::vector<std::string> out;
    for (const auto& s : strata_of(e, kind))
      if (s.axis == "setting") out.push_back(fmt::format("{}: {}", s.value, fmt::join(s.cases, " ")));
    return out;
  };
  CHECK(seen("").empty());
  CHECK(seen("blocks") == std::vector<std::string>{"30 %, noise 0: 0", "30 %, noise 0.5: 1"});
  CHECK(seen(kFolds) == std::vector<std::string>{"noise 0: 2 3"});
  CHECK(seen("coarsen factor=2") == std::vector<std::string>{"noise 0.5: 4"});
  CHECK(setting_text(e.settings[4], "K") == "coarsen factor=2, noise 0.5 K");
}

TEST_CASE("a method that takes only some of the cases is compared over those that both take", "[pipeline]") {
  Evaluation e = small();
  // The first method takes none of the first setting, the second not the last case of it.
  for (std::size_t k = 0; k < 3; ++k) e.scores[0][k] = {.refusal = "no"};
  e.scores[1][2] = {.refusal = "why"};
  const auto all = strata_of(e, "")[0];
  const auto one = score_stratum(e, 0, all, {.resamples = 50});
  CHECK(one.refused == 3);
  CHECK(one.refusal == "no");
  CHECK(one.scores.crps == Approx(4.5));  // errors 4 and 5
  const auto two = score_stratum(e, 1, all, {.resamples = 50});
  CHECK(two.refused == 1);
  CHECK(two.refusal == "why");
  CHECK(two.scores.fields == 4);
  CHECK(two.difference.mean == Approx(4.5));  // 8 less 4, 10 less 5
  CHECK(two.reference == Approx(4.5));
  const auto blocks = strata_of(e, "blocks")[0];
  CHECK(std::isnan(score_stratum(e, 1, blocks, {.resamples = 50}).difference.mean));
  CHECK(std::isnan(score_stratum(e, 0, blocks, {.resamples = 50}).crps.mean));
  CHECK(score_stratum(e, 0, blocks, {.resamples = 50}).scores.fields == 0);
  CHECK(first_scored(e, 0) == std::optional<std::size_t>{1});
  CHECK(first_scored(e, 2) == std::nullopt);
  CHECK(first_scored(e, 3) == std::optional<std::size_t>{0});
}

TEST_CASE("names of files are words", "[pipeline]") {
  CHECK(file_word("dps, zeta=0.3") == "dps_zeta_0.3");
  CHECK(file_word(" a-b  (2)") == "a-b_2");
  CHECK(file_word("50 %, noise 1e-05") == "50_noise_1e-05");
  CHECK(file_word("?!").empty());
}

TEST_CASE("a stratum's scores, intervals over fields, and the difference from the first method",
          "[pipeline]") {
  const Evaluation e = small();
  const auto strata = strata_of(e, "");
  const auto one = score_stratum(e, 0, strata[0], {.resamples = 500});
  const auto two = score_stratum(e, 1, strata[0], {.resamples = 500});
  // Errors 1 to 5; the sixth case is not scored.
  CHECK(one.scores.fields == 5);
  CHECK(one.scores.crps == Approx(3.0));
  CHECK(one.crps.mean == Approx(3.0));
  CHECK(one.rmse.mean == Approx(std::sqrt(11.0)));
  CHECK(one.rmse.mean == Approx(one.scores.rmse));
  CHECK(one.bias.mean == Approx(3.0));
  CHECK(std::isnan(one.coverage90.mean));
  // By field: (1 + 4) / 2, (2 + 5) / 2 and 3.
  CHECK(one.crps.low >= 2.5);
  CHECK(one.crps.high <= 3.5);
  CHECK(one.difference.mean == 0.0);
  CHECK(two.difference.mean == Approx(3.0));
  CHECK(two.difference.low == Approx(one.crps.low));
  CHECK(one.area == Approx(1.0));
  CHECK(one.discrepancy == Approx(0.2));
  CHECK(two.discrepancy == Approx(0.5));
  CHECK(std::isnan(score_stratum(e, 0, strata[3], {.resamples = 10}).discrepancy));
  const Stratum nothing{.axis = "all", .value = "all", .cases = {5}};
  CHECK(std::isnan(score_stratum(e, 0, nothing, {.resamples = 10}).crps.mean));
  CHECK(worst_cases(e, 0, 2) == std::vector<std::size_t>{4, 3});
  CHECK(worst_cases(e, 0, 100).size() == 5);
}

TEST_CASE("cost is the mean of the fields after the first", "[pipeline]") {
  const Cost c = cost_of(small(), 0);
  CHECK(c.first == Approx(5.0));
  CHECK(c.field == Approx(0.5));
  CHECK(c.sample == Approx(500.0));
  CHECK(c.evaluations == Approx(7.0));
  CHECK(c.gradients == Approx(2.0));
  const Cost later = cost_of(small(), 0, {3, 4});
  CHECK(later.first == 0.0);
  CHECK(later.field == Approx(0.5));
}

TEST_CASE("scores of a case survive the journal", "[pipeline]") {
  const Evaluation e = small();
  CaseScores s = e.scores[0][0];
  s.regions = {e.scores[0][1].whole, e.scores[0][5].whole};
  s.chi_square = 1.25;
  const auto back = case_scores_of(to_numbers(s));
  CHECK(back.seconds == 5.0);
  CHECK(back.first);
  CHECK(back.chi_square == 1.25);
  CHECK(back.gradients == 2.0);
  REQUIRE(back.regions.size() == 2);
  CHECK(back.whole.crps == s.whole.crps);
  CHECK(back.regions[0].crps == s.regions[0].crps);
  CHECK(back.regions[1].weight == 0.0);
  const auto refused = case_scores_of(to_numbers({.refusal = "not through an op\u00e9rateur"}));
  CHECK(refused.refusal == "not through an op\u00e9rateur");
  CHECK(refused.whole.weight == 0.0);
  auto numbers = to_numbers(s);
  numbers.pop_back();
  CHECK_THROWS_AS(case_scores_of(numbers), Error);
}
