#include "manifill/prior/backbone.hpp"

#include <cmath>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "unit/prior/toys.hpp"

using namespace manifill;

namespace {

/// Twelve yearly steps of a small field, of seasons that differ.
prior::TrainingFields record() {
  prior::TrainingFields f{.domain = toys::globe(4, 6), .step = prior::StepKind::month};
  f.values = toys::normals(24, 12, 5).cast<float>();
  for (int t = 0; t < 12; ++t) {
    f.index.push_back(12 * t);
    f.season.push_back(t % 2 == 0 ? 0.2 : 0.7);
    f.year.push_back(1990 + t);
  }
  return f;
}

prior::BackboneOptions options() {
  prior::BackboneOptions o;
  o.mean_harmonics = 0;
  o.season_bins = 2;
  o.season_weights = {1.0, 0.5};
  o.half_life_years = 4.0;
  o.bounds = {-1.5, 1e30};
  return o;
}

}  // namespace

TEST_CASE("the weight of a training field is that of its season, halved by its age", "[prior]") {
  const auto backbone = prior::Backbone::fit(record(), options());
  const Eigen::VectorXd w = backbone.season_weight(0);
  REQUIRE(w.size() == 12);
  CHECK(w[11] == Approx(0.5));  // the latest, of the other season
  CHECK(w[10] == Approx(std::exp2(-0.25)));
  CHECK(w[7] == Approx(0.5 * w[11]));  // four years earlier, the same season
  CHECK(w[2] == Approx(0.25 * w[10]));
  auto alike = options();
  alike.half_life_years = 0.0;
  const Eigen::VectorXd all = prior::Backbone::fit(record(), alike).season_weight(1);
  CHECK(all == Eigen::VectorXd::LinSpaced(12, 0, 11).unaryExpr(
                   [](double t) { return std::lround(t) % 2 == 0 ? 0.5 : 1.0; }));
}

TEST_CASE("variances are those of the weighted fields", "[prior]") {
  const auto backbone = prior::Backbone::fit(record(), options());
  const Eigen::VectorXd w = backbone.season_weight(1);
  const Eigen::VectorXd variance = backbone.anomalies().cast<double>().cwiseAbs2() * w / w.sum();
  const auto c = backbone.window_covariance(1);
  for (Eigen::Index i = 0; i < 24; ++i)  // single precision
    CHECK((*c)(i, i) == Approx(variance[i] + options().residual_floor * variance.mean()).epsilon(1e-5));
}

TEST_CASE("without areas every cell counts alike", "[prior]") {
  auto o = options();
  const auto by_area = prior::Backbone::fit(record(), o);
  o.area_weights = false;
  const auto alike = prior::Backbone::fit(record(), o);
  CHECK(by_area.relative_weights().maxCoeff() > 1.2 * by_area.relative_weights().minCoeff());
  CHECK(alike.relative_weights() == Eigen::VectorXd::Ones(24));
  // Modes are orthonormal in the inner product of these weights.
  for (const auto& b : {by_area, alike}) {
    const auto& modes = b.factor(0).modes;
    const Eigen::MatrixXd product = modes.transpose() * (b.relative_weights().asDiagonal() * modes);
    CHECK((product - Eigen::MatrixXd::Identity(product.rows(), product.cols())).cwiseAbs().maxCoeff() < 1e-6);
  }
  // The covariance itself is that of the fields, in either case.
  const auto ratio = std::pow(by_area.unit_scale() / alike.unit_scale(), 2);
  const auto known = by_area.window_covariance(0);
  const auto found = alike.window_covariance(0);
  for (Eigen::Index i = 1; i < 24; ++i)  // single precision
    CHECK(ratio * (*known)(i, 0) == Approx((*found)(i, 0)).margin(1e-5));
  io::ModelFile file;
  alike.save(file);
  CHECK(!prior::Backbone::load(file).options().area_weights);
  CHECK(prior::Backbone::load(file).relative_weights() == alike.relative_weights());
}

TEST_CASE("realizations stay within the bounds and are untouched inside them", "[prior]") {
  const auto backbone = prior::Backbone::fit(record(), options());
  auto free = options();
  free.bounds.clear();
  const Eigen::MatrixXd x = 2.0 * toys::normals(24, 8, 6);
  const Eigen::MatrixXd held = backbone.physical(x, 0.2);
  const Eigen::MatrixXd all = prior::Backbone::fit(record(), free).physical(x, 0.2);
  CHECK(all == Eigen::MatrixXd((backbone.scale(0.2).asDiagonal() * x).colwise() + backbone.mean(0.2)));
  REQUIRE(all.minCoeff() < -1.5);
  CHECK(held.minCoeff() == -1.5);
  CHECK(held.maxCoeff() == all.maxCoeff());
  for (Eigen::Index k = 0; k < x.size(); ++k) CHECK(held(k) == std::max(-1.5, all(k)));
}

TEST_CASE("a model file keeps bounds and half-life; without them it reads as it did", "[prior]") {
  for (const bool bounded : {true, false}) {
    auto o = options();
    if (!bounded) {
      o.bounds.clear();
      o.half_life_years = 0.0;
    }
    io::ModelFile file;
    prior::Backbone::fit(record(), o).save(file);
    CHECK(file.has("backbone/bounds") == bounded);
    const auto back = prior::Backbone::load(file);
    CHECK(back.options().bounds == o.bounds);
    CHECK(back.options().half_life_years == o.half_life_years);
  }
  io::ModelFile hostile;
  prior::Backbone::fit(record(), options()).save(hostile);
  hostile.put_doubles("backbone/bounds", {2}, {1.0, std::nan("")});
  CHECK_THROWS_AS(prior::Backbone::load(hostile), Error);
}

TEST_CASE("bounds that are not a least and a larger value are refused", "[prior]") {
  Config c(prior::BackboneOptions::specs());
  for (const std::vector<double>& wrong :
       {std::vector<double>{1.0}, std::vector<double>{2.0, 1.0}, std::vector<double>{0.0, 1.0, 2.0}}) {
    c.set("backbone.bounds", wrong);
    CHECK_THROWS_WITH(prior::BackboneOptions::from(c), Catch::Contains("backbone.bounds"));
  }
  c.set("backbone.bounds", std::vector<double>{0.0, 1e30});
  CHECK(prior::BackboneOptions::from(c).bounds.size() == 2);
}
