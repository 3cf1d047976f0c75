#include "manifill/verification/scores.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/verification/bootstrap.hpp"
#include "manifill/verification/crps.hpp"
#include "manifill/verification/image_quality.hpp"
#include "random_numbers.hpp"

using namespace manifill;
using namespace manifill::verification;
using manifill::test::normals;

namespace {

/// Equal, what is not a number too.
bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

domain::Domain globe() {
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (double v = 80.0; v >= -80.0; v -= 20.0) latitude.push_back(v);
  for (double v = 0.0; v < 360.0; v += 20.0) longitude.push_back(v);
  return domain::Domain::lat_lon(latitude, longitude);
}

}  // namespace

TEST_CASE("a perfect ensemble covers the nominal share and has the spread of its error", "[verification]") {
  // 8000 independent cells a size: standard error of a share at most 0.006, tolerance three of them and more.
  RandomStream random({.seed = 3});
  for (const Eigen::Index members : {5, 19, 32}) {
    ScoreCard card;
    for (int field = 0; field < 40; ++field)
      card.add(normals(random, 200, members), Eigen::VectorXd(normals(random, 200, 1)),
               Eigen::VectorXd::Ones(200));
    const auto s = card.result();
    INFO(members << " members");
    CHECK(s.fields == 40);
    CHECK(s.members == static_cast<std::size_t>(members));
    CHECK(s.coverage50 == Approx(0.5).margin(0.018));
    CHECK(s.coverage80 == Approx(0.8).margin(0.018));
    CHECK(s.coverage90 == Approx(0.9).margin(0.018));
    CHECK(s.spread_skill == Approx(1.0).margin(0.03));
    CHECK(s.bias == Approx(0.0).margin(0.05));
    CHECK(s.rmse == Approx(std::sqrt(1.0 + 1.0 / static_cast<double>(members))).margin(0.03));
    CHECK(s.crps ==
          Approx(1.0 / std::sqrt(M_PI)).margin(0.02));  // closed form: E CRPS of N(0, 1) under itself
    CHECK(s.rank_chi_square < s.rank_degrees + 4.0 * std::sqrt(2.0 * s.rank_degrees));
    double total = 0.0;
    for (const double share : s.rank_histogram) total += share;
    CHECK(s.rank_histogram.size() == static_cast<std::size_t>(members) + 1);
    CHECK(total == Approx(1.0));
  }
}

TEST_CASE("weights choose the scored cells", "[verification]") {
  const double nan = std::nan("");
  const Eigen::VectorXd truth = Eigen::Vector3d(1.0, 2.0, nan);
  const Eigen::VectorXd fill = Eigen::Vector3d(2.0, 4.0, nan);
  const Eigen::VectorXd weight = Eigen::Vector3d(1.0, 3.0, 0.0);
  ScoreCard card;
  card.add(fill, truth, weight);
  const auto s = card.result();
  CHECK(s.mae == Approx(7.0 / 4.0));
  CHECK(s.bias == Approx(7.0 / 4.0));
  CHECK(s.rmse == Approx(std::sqrt(13.0 / 4.0)));
  CHECK(s.crps == Approx(s.mae));
  CHECK(s.energy == Approx(s.rmse));
  CHECK(std::isnan(s.spread));
  CHECK(std::isnan(s.coverage90));
  CHECK(std::isnan(s.diversity));
  CHECK(s.rank_histogram.empty());
  CHECK(s.members == 1);

  const auto d = globe();
  std::vector<bool> scored(d.size(), false);
  scored[5] = true;
  const auto w = scored_weight(d, scored);
  CHECK(w[5] == d.weights()[5]);
  CHECK(w.sum() == w[5]);
}

TEST_CASE("scores of many fields are those of all their cells", "[verification]") {
  RandomStream random({.seed = 4});
  ScoreCard card;
  double weight = 0.0;
  double square = 0.0;
  double crps = 0.0;
  double variance = 0.0;
  for (int field = 0; field < 3; ++field) {
    const Eigen::MatrixXd x = normals(random, 10 + field, 4);
    const Eigen::VectorXd y = normals(random, 10 + field, 1);
    const Eigen::VectorXd w = normals(random, 10 + field, 1).cwiseAbs();
    card.add(x, y, w);
    for (Eigen::Index i = 0; i < y.size(); ++i) {
      std::vector<double> sorted(4);
      for (Eigen::Index k = 0; k < 4; ++k) sorted[static_cast<std::size_t>(k)] = x(i, k);
      std::sort(sorted.begin(), sorted.end());
      const double mean = x.row(i).mean();
      weight += w[i];
      square += w[i] * (mean - y[i]) * (mean - y[i]);
      crps += w[i] * fair_crps(sorted, y[i]);
      variance += w[i] * (x.row(i).array() - mean).square().sum() / 3.0 * 5.0 / 4.0;
    }
  }
  const auto s = card.result();
  CHECK(s.rmse == Approx(std::sqrt(square / weight)));
  CHECK(s.crps == Approx(crps / weight));
  CHECK(s.spread == Approx(std::sqrt(variance / weight)));
  CHECK(s.spread_skill == Approx(std::sqrt(variance / square)));

  // The lines of the fields add up to the whole, as bootstraps need.
  const auto i = block_bootstrap(card.field_crps(), card.values(&FieldScores::weight));
  CHECK(i.mean == Approx(s.crps));
}

TEST_CASE("a card with a domain scores texture: noise is too rough, a mean too smooth", "[verification]") {
  const auto d = globe();
  const auto n = static_cast<Eigen::Index>(d.size());
  RandomStream random({.seed = 5});
  const auto smooth = [&] {  // a few long waves with random phases
    Eigen::VectorXd x = Eigen::VectorXd::Zero(n);
    for (int wave = 1; wave <= 3; ++wave) {
      const double phase = 2.0 * M_PI * random.uniform();
      const double amplitude = random.normal();
      for (std::size_t p = 0; p < d.size(); ++p) {
        const auto& r = d.points()[p];
        x[static_cast<Eigen::Index>(p)] +=
            amplitude * std::cos(wave * std::atan2(r[1], r[0]) + phase) * std::hypot(r[0], r[1]);
      }
    }
    return x;
  };
  std::vector<bool> hidden(d.size());
  for (std::size_t p = 0; p < d.size(); ++p) hidden[p] = d.points()[p][2] > -0.2;
  const Eigen::VectorXd w = scored_weight(d, hidden);
  ScoreCard good(d);
  ScoreCard rough(d);
  ScoreCard mean(d);
  for (int field = 0; field < 60; ++field) {
    Eigen::MatrixXd x(n, 8);
    for (Eigen::Index k = 0; k < 8; ++k) x.col(k) = smooth();
    const Eigen::VectorXd truth = smooth();
    good.add(x, truth, w);
    rough.add(x + 0.5 * normals(random, n, 8), truth, w);
    mean.add(x.rowwise().mean(), truth, w);
  }
  const auto a = good.result();
  const auto b = rough.result();
  const auto c = mean.result();
  CHECK(a.gradient_ratio == Approx(1.0).margin(0.25));
  CHECK(b.gradient_ratio > 1.5);
  CHECK(c.gradient_ratio < 0.6);
  CHECK(a.spectrum.ratio.size() == 10);
  CHECK(a.spectrum.ratio[1] == Approx(1.0).margin(0.5));
  CHECK(b.spectrum.ratio[8] > 100.0);
  CHECK(c.spectrum.ratio[1] < 0.5);
  CHECK(a.variogram < b.variogram);
  CHECK(a.variogram_far < b.variogram_far + 0.05);
  CHECK(a.diversity < b.diversity);
  CHECK(a.energy < b.energy);
  CHECK(good.result().variogram_far == a.variogram_far);
  // By degree, over the whole globe: half of the cells are scored, yet all members differ.
  REQUIRE(a.degrees.ratio.size() == 5);
  CHECK(a.degrees.ratio[2] == Approx(1.0).margin(0.5));
  CHECK(c.degrees.ratio[2] < 0.5);
  CHECK(a.degrees.mean == c.degrees.members);

  // A row with an unknown cell is left out of the spectrum, not out of the scores.
  ScoreCard gaps(d);
  Eigen::VectorXd truth = smooth();
  truth.setConstant(1.0);
  truth[0] = std::nan("");
  Eigen::VectorXd known = w;
  known[0] = 0.0;
  gaps.add(truth, truth, known);
  CHECK(gaps.result().spectrum.truth[0] == Approx(1.0));
  CHECK(gaps.result().rmse == 0.0);
}

TEST_CASE("Gaussian marginals are scored in closed form", "[verification]") {
  RandomStream random({.seed = 6});
  const Eigen::VectorXd sd = Eigen::VectorXd::LinSpaced(4000, 0.5, 2.0);
  const Eigen::VectorXd truth = sd.cwiseProduct(normals(random, 4000, 1));
  ScoreCard card;
  card.add_gaussian(Eigen::VectorXd::Zero(4000), sd, truth, Eigen::VectorXd::Ones(4000));
  const auto s = card.result();
  CHECK(s.members == 0);
  CHECK(s.coverage50 == Approx(0.5).margin(0.032));
  CHECK(s.coverage80 == Approx(0.8).margin(0.025));
  CHECK(s.coverage90 == Approx(0.9).margin(0.02));
  CHECK(s.spread_skill == Approx(1.0).margin(0.05));
  CHECK(s.crps == Approx(1.25 / std::sqrt(M_PI)).margin(0.04));
  CHECK(std::isnan(s.energy));
}

TEST_CASE("images have PSNR over scored pixels and SSIM over all", "[verification]") {
  RandomStream random({.seed = 7});
  const auto plane = domain::Domain::plane(14, 16);
  const Eigen::MatrixXd x = normals(random, 224, 3);
  const Eigen::VectorXd truth = normals(random, 224, 1);
  Eigen::VectorXd weight = Eigen::VectorXd::Constant(224, 1.0 / 224.0);
  weight.head(100).setZero();
  const FieldScorer scorer(plane, {.range = 5.0});
  const auto f = scorer.score(x, truth, weight, 1);
  CHECK(f.psnr == Approx(psnr((x.rowwise().mean() - truth).tail(124).squaredNorm() / 124.0, 5.0)));
  double psnr_mean = 0.0;
  double ssim_mean = 0.0;
  for (Eigen::Index k = 0; k < 3; ++k) {
    psnr_mean += psnr((x.col(k) - truth).tail(124).squaredNorm() / 124.0, 5.0) / 3.0;
    ssim_mean += ssim(x.col(k), truth, 16, 5.0) / 3.0;
  }
  CHECK(f.psnr_members == Approx(psnr_mean));
  CHECK(f.ssim == ssim(x.rowwise().mean(), truth, 16, 5.0));
  CHECK(f.ssim_members == Approx(ssim_mean));
  CHECK(std::isnan(FieldScorer(plane).score(x, truth, weight, 1).psnr));
  CHECK(std::isnan(FieldScorer({.range = 5.0}).score(x, truth, weight, 1).ssim));
}

TEST_CASE("lines of scores survive a journal bit by bit, and sum up in any grouping", "[verification]") {
  const auto d = globe();
  const auto n = static_cast<Eigen::Index>(d.size());
  RandomStream random({.seed = 9});
  const FieldScorer scorer(d, {.seed = 3, .range = 4.0});
  std::vector<FieldScores> lines;
  ScoreCard card(d, {.seed = 3, .range = 4.0});
  for (int k = 0; k < 6; ++k) {
    const Eigen::MatrixXd x = normals(random, n, 5);
    const Eigen::VectorXd y = normals(random, n, 1);
    const Eigen::VectorXd w = normals(random, n, 1).cwiseMax(0.0);
    lines.push_back(scorer.score(x, y, w, k + 1));
    card.add(x, y, w);
  }
  const auto whole = card.result();
  std::vector<FieldScores> read;
  for (const auto& line : lines) {
    read.push_back(field_scores_of(to_numbers(line)));
    CHECK(same_bits(to_numbers(read.back()), to_numbers(line)));
  }
  CHECK(nlohmann::ordered_json(summarise(read)).dump() == nlohmann::ordered_json(whole).dump());
  CHECK(whole.rank_histogram.size() == 6);
  CHECK(whole.coverage.size() == kCurveShares.size());
  CHECK(whole.coverage[9] == Approx(whole.coverage50).epsilon(1e-12));
  CHECK(whole.coverage[17] == Approx(whole.coverage90).epsilon(1e-12));
  double share = 0.0;
  double variance = 0.0;
  for (const auto& group : whole.spread_groups) {
    share += group.share;
    variance += group.share * group.spread * group.spread;
  }
  CHECK(share == Approx(1.0));
  CHECK(variance == Approx(whole.spread * whole.spread));
  CHECK_FALSE(whole.degrees.truth.empty());
  auto numbers = to_numbers(lines[0]);
  numbers.pop_back();
  CHECK_THROWS_AS(field_scores_of(numbers), Error);
  numbers.resize(numbers.size() + 2);
  CHECK_THROWS_AS(field_scores_of(numbers), Error);
  const auto single = scorer.score(normals(random, n, 1), normals(random, n, 1), Eigen::VectorXd::Ones(n), 1);
  CHECK(to_numbers(single).size() == to_numbers(field_scores_of(to_numbers(single))).size());
  lines.push_back(single);
  CHECK_THROWS_AS(summarise(lines), Error);
}

TEST_CASE("what cannot be scored is refused by name", "[verification]") {
  const Eigen::VectorXd y = Eigen::Vector3d(1.0, 2.0, 3.0);
  const Eigen::VectorXd w = Eigen::Vector3d::Ones();
  Eigen::MatrixXd x = Eigen::MatrixXd::Ones(3, 4);
  ScoreCard card;
  card.add(x, y, w);
  CHECK_THROWS_AS(card.add(Eigen::MatrixXd::Ones(3, 5), y, w), Error);
  CHECK_THROWS_AS(card.add(Eigen::MatrixXd::Ones(2, 4), y, w), Error);
  CHECK_THROWS_AS(card.add(x, y, Eigen::VectorXd(-w)), Error);
  CHECK_THROWS_AS(ScoreCard(globe()).add(x, y, w), Error);
  x(1, 2) = std::nan("");
  CHECK_THROWS_WITH(card.add(x, y, w), Catch::Matchers::ContainsSubstring("[point 1]"));
  CHECK_THROWS_WITH(card.add(Eigen::MatrixXd::Ones(3, 4), Eigen::Vector3d(1.0, 2.0, std::nan("")), w),
                    Catch::Matchers::ContainsSubstring("[point 2]"));
  card.add(x, y, Eigen::VectorXd::Zero(3));  // nothing scored: no line
  CHECK(card.fields().size() == 1);
  CHECK(std::isnan(ScoreCard().result().rmse));
}

TEST_CASE("scores as JSON, null where they do not apply", "[verification]") {
  ScoreCard card;
  card.add(Eigen::VectorXd(Eigen::Vector2d(1.0, 2.0)), Eigen::Vector2d(1.0, 4.0), Eigen::Vector2d::Ones());
  const nlohmann::ordered_json json = card.result();
  CHECK(json["mae"] == 1.0);
  CHECK(json["members"] == 1);
  CHECK(json["spread_skill"].is_null());
  CHECK(json["rank_histogram"].empty());
  CHECK(json["spectrum"].contains("ratio"));
  const nlohmann::ordered_json lines = card.fields();
  CHECK(lines.size() == 1);
  CHECK(lines[0]["crps"] == 1.0);
  CHECK(lines[0]["covered"][0].is_null());
}
