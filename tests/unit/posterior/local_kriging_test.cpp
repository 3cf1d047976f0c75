#include "manifill/posterior/local_kriging.hpp"

#include <cmath>

#include <Eigen/Cholesky>
#include <Eigen/LU>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "unit/posterior/field_toys.hpp"

using namespace manifill;
using namespace manifill::posterior;

namespace {

/// In units of a domain: a third of its extent.
ExponentialCovariance covariance_on(const domain::Domain& d, double nugget) {
  double farthest = 0.0;
  for (std::size_t i = 0; i < d.size(); ++i) farthest = std::max(farthest, d.separation(0, i));
  return {.variance = 2.0, .range_km = farthest / 3.0, .nugget = nugget};
}

Eigen::MatrixXd matrix(const domain::Domain& d, const ExponentialCovariance& c) {
  const auto n = static_cast<Eigen::Index>(d.size());
  Eigen::MatrixXd out(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j)
      out(i, j) = c(d.separation(static_cast<std::size_t>(i), static_cast<std::size_t>(j)));
  return out;
}

}  // namespace

TEST_CASE("kriging from all observations is kriging, on every kind of domain", "[posterior]") {
  for (const auto& [name, d] : toys::every_domain())
    for (const double nugget : {0.0, 0.3})
      for (const auto mean : {KrigingMean::zero, KrigingMean::unknown}) {
        INFO(name << ", nugget " << nugget);
        const auto c = covariance_on(d, nugget);
        const auto observed = toys::random_mask(d.size(), 0.3, 2);
        Eigen::MatrixXd values(static_cast<Eigen::Index>(d.size()), 2);
        values.col(0) = toys::smooth(d);
        values.col(1).setConstant(1.0);
        if (name == "globe with poles")
          values.topRows(8).setConstant(1.0), values.bottomRows(8).setConstant(1.0);
        const KrigingFactor exact(d, c, observed, mean);
        const LocalKriging local(d, c, observed, d.size(), mean);
        // Both keep coincident points apart by a jitter of 1e-10.
        CHECK((local.mean(values) - exact.mean(values)).cwiseAbs().maxCoeff() < 1e-5);
        CHECK((local.standard_deviation() - exact.standard_deviation()).cwiseAbs().maxCoeff() < 1e-4);
      }
}

TEST_CASE("near observations say almost all there is to say", "[posterior]") {
  const auto d = toys::globe_by(5.0);  // 2,592 points
  const ExponentialCovariance c{.variance = 1.0, .range_km = 1500.0, .nugget = 0.05};
  const auto observed = toys::random_mask(d.size(), 0.4, 7);
  RandomStream random({.seed = 5});
  Eigen::MatrixXd s = matrix(d, c);
  s.diagonal().array() += 1e-9;
  const Eigen::MatrixXd root = s.llt().matrixL();
  Eigen::VectorXd white(s.rows());
  random.fill_normal(std::span<double>(white.data(), static_cast<std::size_t>(white.size())));
  Eigen::VectorXd values = root * white;
  const KrigingFactor exact(d, c, observed);
  const double sd = exact.standard_deviation().norm() / std::sqrt(2592.0);
  double last = 1.0;
  for (const std::size_t neighbours : {4U, 16U, 48U}) {
    const LocalKriging local(d, c, observed, neighbours);
    const double off = (local.mean(values) - exact.mean(values)).norm() / std::sqrt(2592.0) / sd;
    CHECK(off < 0.6 * last);
    last = off;
    // Fewer observations never tell more.
    CHECK((local.standard_deviation() - exact.standard_deviation()).minCoeff() > -1e-6);
  }
  CHECK(last < 0.02);  // of a standard deviation: the screen that near observations are
}

TEST_CASE("draws have the kriging mean and the posterior covariance", "[posterior]") {
  for (const double nugget : {0.0, 0.2}) {
    const auto d = domain::Domain::plane(8, 9);
    const ExponentialCovariance c{.variance = 2.0, .range_km = 4.0, .nugget = nugget};
    const auto observed = toys::random_mask(d.size(), 0.3, 2);
    const Eigen::VectorXd values = 0.2 * toys::smooth(d);
    const Eigen::Index n = values.size();
    std::vector<Eigen::Index> seen;
    for (Eigen::Index i = 0; i < n; ++i)
      if (observed[static_cast<std::size_t>(i)]) seen.push_back(i);
    const Eigen::MatrixXd all = matrix(d, c);
    Eigen::MatrixXd s = all(seen, seen);
    s.diagonal().array() += nugget;
    const Eigen::MatrixXd gain = all(Eigen::all, seen) * s.inverse();
    const Eigen::VectorXd mean = gain * values(seen);
    const Eigen::MatrixXd covariance = all - gain * all(seen, Eigen::all);

    constexpr std::uint32_t kDraws = 8000;
    for (const std::size_t neighbours : {144U, 24U}) {
      LocalKriging local(d, c, observed, neighbours);
      const Eigen::MatrixXd x = local.draw(values, {.seed = 3, .time = 9, .members = kDraws});
      const Eigen::MatrixXd centred = x.colwise() - x.rowwise().mean();
      const Eigen::MatrixXd sample = centred * centred.transpose() / (kDraws - 1.0);
      // Of a variance of 2 a sampling error is 0.016 in the mean, 0.03 in a variance; with few neighbours
      // some is left out beside.
      const double more = neighbours == 144 ? 1.0 : 2.0;
      CHECK((x.rowwise().mean() - mean).cwiseAbs().maxCoeff() < 0.08 * more);
      CHECK((sample - covariance).cwiseAbs().maxCoeff() < 0.16 * more);
      CHECK((sample - covariance).norm() < 0.08 * more * covariance.norm());
      if (nugget == 0.0)
        for (const Eigen::Index i : seen) CHECK((x.row(i).array() - values[i]).abs().maxCoeff() < 1e-12);
      const Eigen::MatrixXd some =
          local.draw(values, {.seed = 3, .time = 9, .first_member = 100, .members = 2});
      CHECK(some == x.middleCols(100, 2));
    }
  }
}

TEST_CASE("a domain without observations is drawn from the prior, a pole's points alike", "[posterior]") {
  const auto d =
      domain::Domain::lat_lon({90, 60, 30, 0, -30, -60, -90}, {0, 45, 90, 135, 180, 225, 270, 315});
  const ExponentialCovariance c{.variance = 1.0, .range_km = 3000.0};
  LocalKriging local(d, c, std::vector<bool>(d.size(), false), 20);
  CHECK((local.standard_deviation().array() - 1.0).isZero(1e-12));
  CHECK(local.mean(Eigen::MatrixXd::Zero(56, 1)).isZero());
  const Eigen::MatrixXd x = local.draw(Eigen::VectorXd::Zero(56), {.members = 4000});
  for (Eigen::Index i = 1; i < 8; ++i) CHECK((x.row(i) - x.row(0)).cwiseAbs().maxCoeff() < 1e-4);
  CHECK((x.cwiseAbs2().rowwise().mean().array() - 1.0).abs().maxCoeff() < 0.1);
  CHECK(x.row(10).dot(x.row(11)) / 4000.0 == Approx(c(d.separation(10, 11))).margin(0.08));
  CHECK_THROWS_AS(LocalKriging(d, c, std::vector<bool>(d.size(), false), 20, KrigingMean::unknown), Error);
  CHECK_THROWS_AS(LocalKriging(d, c, std::vector<bool>(d.size(), true), 0), Error);
  CHECK_THROWS_AS(LocalKriging(d, {.variance = -1.0}, std::vector<bool>(d.size(), true), 3), Error);
}
