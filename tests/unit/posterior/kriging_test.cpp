#include "manifill/posterior/kriging.hpp"

#include <cmath>
#include <numbers>

#include <Eigen/Cholesky>
#include <Eigen/LU>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "random_numbers.hpp"

using namespace manifill;
using namespace manifill::posterior;
using manifill::test::normals;

namespace {

domain::Domain region(std::size_t rows, std::size_t columns, double step) {
  std::vector<double> latitude(rows);
  std::vector<double> longitude(columns);
  for (std::size_t i = 0; i < rows; ++i) latitude[i] = 60.0 - step * static_cast<double>(i);
  for (std::size_t j = 0; j < columns; ++j) longitude[j] = -20.0 + step * static_cast<double>(j);
  return domain::Domain::lat_lon(latitude, longitude);
}

Eigen::MatrixXd covariance_matrix(const domain::Domain& d, const ExponentialCovariance& c) {
  const auto n = static_cast<Eigen::Index>(d.size());
  Eigen::MatrixXd out(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j)
      out(i, j) = c.variance * std::exp(-domain::great_circle_km(d.points()[static_cast<std::size_t>(i)],
                                                                 d.points()[static_cast<std::size_t>(j)]) /
                                        c.range_km);
  return out;
}

/// Fields with the covariance and its nugget, [point][field].
Eigen::MatrixXd simulate(const domain::Domain& d, const ExponentialCovariance& c, Eigen::Index fields,
                         std::uint64_t seed) {
  Eigen::MatrixXd s = covariance_matrix(d, c);
  s.diagonal().array() += c.nugget;
  const Eigen::MatrixXd lower = s.llt().matrixL();
  return lower * normals(s.rows(), fields, seed);
}

struct Split {
  std::vector<bool> observed;
  std::vector<Eigen::Index> seen;
  std::vector<Eigen::Index> hidden;
};

Split split(std::size_t points, std::size_t every) {
  Split s;
  for (std::size_t i = 0; i < points; ++i) {
    s.observed.push_back(i % every == 0);
    (s.observed.back() ? s.seen : s.hidden).push_back(static_cast<Eigen::Index>(i));
  }
  return s;
}

}  // namespace

TEST_CASE("simple kriging is the posterior of the Gaussian process", "[posterior]") {
  const auto d = region(4, 5, 4.0);
  const ExponentialCovariance c{.variance = 2.5, .range_km = 900.0, .nugget = 0.3};
  const auto s = split(d.size(), 3);
  const Eigen::MatrixXd all = covariance_matrix(d, c);
  Eigen::MatrixXd observed = all(s.seen, s.seen);
  observed.diagonal().array() += c.nugget;
  const Eigen::MatrixXd gain = all(Eigen::all, s.seen) * observed.inverse();
  const Eigen::MatrixXd values = normals(20, 3, 1);
  const KrigingFactor factor(d, c, s.observed);
  CHECK(factor.observations() == s.seen.size());
  CHECK((factor.mean(values) - gain * values(s.seen, Eigen::all)).cwiseAbs().maxCoeff() < 1e-8);
  const Eigen::VectorXd variance = (all - gain * all(s.seen, Eigen::all)).diagonal();
  CHECK((factor.standard_deviation().cwiseAbs2() - variance).cwiseAbs().maxCoeff() < 1e-8);
  CHECK(
      (factor.predictive_standard_deviation().cwiseAbs2().array() - variance.array() - 0.3).abs().maxCoeff() <
      1e-8);
}

TEST_CASE("ordinary kriging solves the bordered equations", "[posterior]") {
  const auto d = region(4, 5, 4.0);
  const ExponentialCovariance c{.variance = 1.5, .range_km = 1200.0, .nugget = 0.1};
  const auto s = split(d.size(), 3);
  const auto m = static_cast<Eigen::Index>(s.seen.size());
  const Eigen::MatrixXd all = covariance_matrix(d, c);
  Eigen::MatrixXd bordered = Eigen::MatrixXd::Ones(m + 1, m + 1);
  bordered.topLeftCorner(m, m) = all(s.seen, s.seen);
  bordered.topLeftCorner(m, m).diagonal().array() += c.nugget;
  bordered(m, m) = 0.0;
  Eigen::MatrixXd right = Eigen::MatrixXd::Ones(m + 1, 20);
  right.topRows(m) = all(s.seen, Eigen::all);
  const Eigen::MatrixXd weights = bordered.fullPivLu().solve(right);
  const Eigen::MatrixXd values = normals(20, 2, 2).array() + 50.0;
  const KrigingFactor factor(d, c, s.observed, KrigingMean::unknown);
  CHECK((factor.mean(values) - weights.topRows(m).transpose() * values(s.seen, Eigen::all))
            .cwiseAbs()
            .maxCoeff() < 1e-7);
  const Eigen::VectorXd variance = c.variance - (weights.array() * right.array()).colwise().sum().transpose();
  CHECK((factor.standard_deviation().cwiseAbs2() - variance).cwiseAbs().maxCoeff() < 1e-7);

  // A constant is reproduced, which simple kriging does not do.
  const Eigen::VectorXd constant = Eigen::VectorXd::Constant(20, 7.0);
  CHECK((factor.mean(constant) - constant).cwiseAbs().maxCoeff() < 1e-9);
}

TEST_CASE("without a nugget, observed points keep their values and are certain", "[posterior]") {
  const auto d = region(6, 6, 3.0);
  const auto s = split(d.size(), 2);
  Eigen::MatrixXd values = normals(36, 2, 3);
  for (const Eigen::Index i : s.hidden) values.row(i).setConstant(std::nan(""));
  for (const auto mean : {KrigingMean::zero, KrigingMean::unknown}) {
    const KrigingFactor factor(d, {.variance = 1.0, .range_km = 800.0}, s.observed, mean);
    const Eigen::MatrixXd filled = factor.mean(values);
    CHECK(filled.allFinite());
    for (const Eigen::Index i : s.seen) {
      CHECK(filled.row(i) == values.row(i));
      CHECK(factor.standard_deviation()[i] == 0.0);
    }
    for (const Eigen::Index i : s.hidden) {
      CHECK(factor.standard_deviation()[i] > 0.1);
      CHECK(factor.standard_deviation()[i] < 1.1);
    }
    // Continuous there: with a vanishing nugget the equations give the same.
    const KrigingFactor nearly(d, {.variance = 1.0, .range_km = 800.0, .nugget = 1e-7}, s.observed, mean);
    CHECK((nearly.mean(values) - filled).cwiseAbs().maxCoeff() < 1e-5);
  }
}

TEST_CASE("far from all observations there is the mean and the whole variance", "[posterior]") {
  const auto d = domain::Domain::lat_lon({60.0, 0.0, -60.0}, {0.0, 90.0, 180.0, 270.0});
  std::vector<bool> observed(12, false);
  observed[0] = true;
  const KrigingFactor factor(d, {.variance = 4.0, .range_km = 300.0, .nugget = 0.5}, observed);
  const Eigen::VectorXd filled = factor.mean(Eigen::VectorXd::Constant(12, 9.0));
  CHECK(std::abs(filled[10]) < 1e-9);
  CHECK(factor.standard_deviation()[10] == Approx(2.0));
  CHECK(factor.predictive_standard_deviation()[10] == Approx(std::sqrt(4.5)));
  CHECK(filled[0] == Approx(9.0 * 4.0 / 4.5));
}

TEST_CASE("coincident points of a pole do not break kriging without a nugget", "[posterior]") {
  const auto d = domain::Domain::lat_lon({90.0, 60.0, 30.0}, {0.0, 90.0, 180.0, 270.0});
  std::vector<bool> observed(12, true);
  observed[6] = false;
  Eigen::VectorXd values = normals(12, 1, 4);
  values.head(4).setConstant(1.5);
  const KrigingFactor whole(d, {.variance = 1.0, .range_km = 2000.0}, observed);
  for (std::size_t i = 1; i < 4; ++i) observed[i] = false;
  const KrigingFactor once(d, {.variance = 1.0, .range_km = 2000.0}, observed);
  CHECK(whole.mean(values)(6, 0) == Approx(once.mean(values)(6, 0)).margin(1e-6));
  CHECK(once.mean(values)(2, 0) == Approx(1.5).margin(1e-6));
}

TEST_CASE("kriging spreads are calibrated on the process they belong to", "[posterior]") {
  const auto d = region(12, 12, 3.0);
  const ExponentialCovariance c{.variance = 1.0, .range_km = 1000.0, .nugget = 0.2};
  const auto s = split(d.size(), 3);
  const Eigen::MatrixXd fields = simulate(d, c, 200, 5);
  const KrigingFactor factor(d, c, s.observed);
  const Eigen::ArrayXXd z =
      (fields - factor.mean(fields)).array().colwise() / factor.predictive_standard_deviation().array();
  double square = 0.0;
  for (const Eigen::Index i : s.hidden)
    square += z.row(i).square().mean() / static_cast<double>(s.hidden.size());
  CHECK(square == Approx(1.0).margin(0.06));  // 200 fields of about 96 weakly dependent cells
}

TEST_CASE("the likelihood is that of the Gaussian law, its maximum near the truth", "[posterior]") {
  const auto d = region(15, 15, 3.0);
  const ExponentialCovariance truth{.variance = 2.0, .range_km = 1200.0, .nugget = 0.3};
  const Eigen::MatrixXf fields = simulate(d, truth, 40, 6).cast<float>();
  const auto fit = fit_exponential_covariance(d, fields);
  CHECK(fit.observations == 225 * 40);
  const auto likelihood = [&](const ExponentialCovariance& c) {
    Eigen::MatrixXd s = covariance_matrix(d, c);
    s.diagonal().array() += c.nugget;
    const Eigen::LLT<Eigen::MatrixXd> factor(s);
    const Eigen::MatrixXd lower = factor.matrixL();
    const Eigen::MatrixXd x = fields.cast<double>();
    return -0.5 *
           (x.cwiseProduct(factor.solve(x)).sum() +
            40.0 * (2.0 * lower.diagonal().array().log().sum() + 225.0 * std::log(2.0 * std::numbers::pi)));
  };
  CHECK(fit.log_likelihood == Approx(likelihood(fit.covariance)).epsilon(1e-8));
  CHECK(fit.log_likelihood >= likelihood(truth));
  CHECK(fit.log_likelihood < likelihood(truth) + 12.0);  // half a chi-square of three parameters
  for (const double factor : {0.97, 1.03}) {
    auto c = fit.covariance;
    c.range_km *= factor;
    CHECK(likelihood(c) < fit.log_likelihood);
    c = fit.covariance;
    c.nugget *= factor;
    CHECK(likelihood(c) < fit.log_likelihood);
    c = fit.covariance;
    c.variance *= factor;
    CHECK(likelihood(c) < fit.log_likelihood);
  }
  CHECK(fit.covariance.range_km == Approx(1200.0).epsilon(0.2));
  CHECK(fit.covariance.variance == Approx(2.0).epsilon(0.2));
  CHECK(fit.covariance.nugget == Approx(0.3).epsilon(0.2));
  CHECK(fit.evaluations < 140);

  const auto again = fit_exponential_covariance(d, fields);
  CHECK(again.covariance.range_km == fit.covariance.range_km);
}

TEST_CASE("the fit takes gaps, samples of points and unknown means", "[posterior]") {
  const auto d = region(24, 24, 2.0);
  const ExponentialCovariance truth{.variance = 1.0, .range_km = 800.0, .nugget = 0.0};
  Eigen::MatrixXf fields = simulate(d, truth, 60, 7).cast<float>();
  RandomStream random({.seed = 8});
  for (Eigen::Index t = 0; t < fields.cols(); ++t) {
    fields.col(t).array() += 30.0F + static_cast<float>(5.0 * random.normal());  // a level of each field
    const auto first = random.integer(0, 400);
    if (t % 3 == 0) fields.col(t).segment(first, 150).setConstant(std::nanf(""));
  }
  fields.row(5).setConstant(std::nanf(""));  // never observed
  const auto fit = fit_exponential_covariance(
      d, fields, {.mean = KrigingMean::unknown, .points = 200, .fields = 30, .seed = 3});
  CHECK(fit.observations < 200 * 30);
  CHECK(fit.observations > 100 * 30);
  CHECK(fit.covariance.range_km == Approx(800.0).epsilon(0.3));
  CHECK(fit.covariance.variance == Approx(1.0).epsilon(0.3));
  CHECK(fit.covariance.nugget < 0.03);
}

TEST_CASE("what cannot be kriged is refused", "[posterior]") {
  const auto d = region(3, 3, 3.0);
  const std::vector<bool> all(9, true);
  CHECK_THROWS_AS(KrigingFactor(d, {}, std::vector<bool>(9, false)), Error);
  CHECK_THROWS_AS(KrigingFactor(d, {}, std::vector<bool>(8, true)), Error);
  CHECK_THROWS_AS(KrigingFactor(d, {.variance = 0.0}, all), Error);
  CHECK_THROWS_AS(KrigingFactor(d, {.range_km = std::nan("")}, all), Error);
  CHECK_THROWS_AS(KrigingFactor(d, {.nugget = -1.0}, all), Error);
  Eigen::VectorXd values = Eigen::VectorXd::Zero(9);
  values[4] = std::nan("");
  CHECK_THROWS_WITH(KrigingFactor(d, {}, all).mean(values), Catch::Matchers::ContainsSubstring("[point 4]"));
  CHECK_THROWS_AS(KrigingFactor(d, {}, all).mean(Eigen::VectorXd::Zero(8)), Error);
  CHECK_THROWS_AS(fit_exponential_covariance(d, Eigen::MatrixXf::Zero(9, 5)), Error);
  CHECK_THROWS_AS(fit_exponential_covariance(d, Eigen::MatrixXf::Constant(9, 5, std::nanf(""))), Error);
  CHECK_THROWS_AS(fit_exponential_covariance(d, Eigen::MatrixXf::Zero(8, 5)), Error);
}
