#include "manifill/prior/stationary.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/domain/healpix.hpp"
#include "manifill/prior/matern_field.hpp"
#include "manifill/prior/sequence.hpp"
#include "unit/prior/toys.hpp"

using namespace manifill;

namespace {

/// Shares that fall with the degree, and one twentieth white.
std::vector<double> red_shares() {
  std::vector<double> a;
  double sum = 0.0;
  for (int l = 0; l < 12; ++l) {
    a.push_back((2.0 * l + 1.0) * std::exp(-0.5 * l));
    sum += a.back();
  }
  for (double& x : a) x *= 0.95 / sum;
  return a;
}

prior::TrainingFields training(const domain::Domain& domain, const Eigen::MatrixXd& x) {
  prior::TrainingFields f{.domain = domain, .step = prior::StepKind::day, .values = x.cast<float>()};
  for (Eigen::Index t = 0; t < x.cols(); ++t) {
    f.index.push_back(t);
    f.season.push_back(0.0);
  }
  return f;
}

prior::BackboneOptions options_of(const std::string& correlation) {
  return {.mean_harmonics = 0,
          .scale_harmonics = 0,
          .correlation = correlation,
          .residual_floor = 1e-6,
          .window = 1,
          .noise_sigma = 0.1};
}

}  // namespace

TEST_CASE("least squares without negative unknowns meet the conditions of Karush, Kuhn and Tucker",
          "[prior]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Eigen::MatrixXd a = toys::normals(30, 12, seed);
    const Eigen::VectorXd b = toys::normals(30, 1, 100 + seed);
    const Eigen::VectorXd x = prior::nonnegative_least_squares(a, b);
    const Eigen::VectorXd slope = a.transpose() * (a * x - b);
    CHECK(x.minCoeff() >= 0.0);
    CHECK((x.array() == 0.0).any());  // the problem is one: some unknowns want to be negative
    for (Eigen::Index k = 0; k < x.size(); ++k) {
      if (x[k] > 0.0) CHECK(std::abs(slope[k]) < 1e-9);
      if (x[k] == 0.0) CHECK(slope[k] > -1e-9);
    }
  }
  const Eigen::MatrixXd a = toys::normals(30, 5, 7);
  const Eigen::VectorXd positive = Eigen::VectorXd::LinSpaced(5, 1.0, 3.0);
  CHECK((prior::nonnegative_least_squares(a, a * positive) - positive).norm() < 1e-10);
}

TEST_CASE("an isotropic correlation is found again from its draws, on grids and cells", "[prior]") {
  const auto shares = red_shares();
  const std::vector<domain::Domain> domains{toys::globe(12, 24),
                                            domain::Domain::healpix(8, domain::healpix::Ordering::nested)};
  for (const auto& domain : domains) {
    const Eigen::MatrixXd r = prior::stationary_correlation("isotropic", domain, shares);
    CHECK((r.diagonal().array() - 1.0).abs().maxCoeff() < 1e-12);
    const Eigen::MatrixXd x = r.llt().matrixL() * toys::normals(r.rows(), 400, 5);
    // A third of all values are missing, everywhere and at random.
    const Eigen::MatrixXd lot = toys::normals(r.rows(), 400, 6);
    auto fields = toys::standard_fields(domain, x);
    fields.known = (lot.array() < 0.43).cast<float>().matrix();
    fields.values = fields.values.cwiseProduct(fields.known);
    const auto found = prior::fit_stationary("isotropic", fields);
    double sum = 0.0;
    for (const double a : found) {
      CHECK(a >= 0.0);
      sum += a;
    }
    CHECK(sum <= 1.0 + 1e-12);
    const Eigen::MatrixXd back = prior::stationary_correlation("isotropic", domain, found);
    // 400 fields of some thirty effective degrees of freedom each: errors of correlations of 0.02; four.
    Eigen::MatrixXd difference = back - r;
    difference.diagonal().setZero();
    CHECK(difference.cwiseAbs().maxCoeff() < 0.08);
    CHECK(Eigen::LLT<Eigen::MatrixXd>(back + 1e-9 * Eigen::MatrixXd::Identity(r.rows(), r.rows())).info() ==
          Eigen::Success);
  }
}

TEST_CASE("a Matern correlation's range and white share are found again from its draws", "[prior]") {
  const auto domain = toys::globe(24, 48);
  const auto nodes = std::make_shared<const operators::DomainLaplacian>(operators::domain_laplacian(domain));
  const prior::MaternField field(nodes, {.range = 5000.0, .variance = 0.8});
  const Eigen::MatrixXd all = field.colour(toys::normals(nodes->laplacian.size(), 300, 3));
  Eigen::MatrixXd x = all(nodes->of_point, Eigen::all);
  x += std::sqrt(0.2) * toys::normals(x.rows(), 300, 4);
  x = (x.array().colwise() / (x.array().square().rowwise().mean().sqrt())).matrix();
  const auto found = prior::fit_stationary("matern", toys::standard_fields(domain, x));
  REQUIRE(found.size() == 2);
  // The range of 300 fields with some fifty patches each: 3 %; the smallest distance of a bin blurs the rest.
  CHECK(found[0] == Approx(5000.0).epsilon(0.12));
  CHECK(found[1] == Approx(0.8).margin(0.05));
}

TEST_CASE("a correlation of several scales is found again from its draws, near and far", "[prior]") {
  // Neighbours differ by a thousandth of the variance, which a fit by the size of the variance would not see.
  const auto domain = domain::Domain::plane(24, 24);
  const std::vector<double> truth{3.0, 0.005, 100.0, 0.995};
  Eigen::MatrixXd r = prior::stationary_correlation("multiscale", domain, truth);
  CHECK((r.diagonal().array() - 1.0).abs().maxCoeff() == 0.0);
  CHECK(r(0, 5) == Approx(prior::multiscale_correlation(truth, 5.0)).epsilon(1e-12));
  CHECK(r(0, 5) == Approx(0.005 * (1.0 + 5.0 / 3.0) * std::exp(-5.0 / 3.0) + 0.995 * 1.05 * std::exp(-0.05))
                       .epsilon(1e-12));
  const Eigen::MatrixXd x = r.llt().matrixL() * toys::normals(r.rows(), 400, 5);
  const auto found = prior::fit_stationary("multiscale", toys::standard_fields(domain, x));
  double sum = 0.0;
  for (std::size_t k = 0; k < found.size(); k += 2) {
    CHECK(found[k] > 0.0);
    CHECK(found[k + 1] > 0.0);
    sum += found[k + 1];
  }
  CHECK(sum <= 1.0 + 1e-12);
  for (const double distance : {1.0, 2.0, 4.0, 8.0, 16.0}) {
    CAPTURE(distance);
    const double wanted = 1.0 - prior::multiscale_correlation(truth, distance);
    // The variogram of 400 fields, whose long wave is known to 7 %, and bins of a tenth of a distance.
    CHECK(1.0 - prior::multiscale_correlation(found, distance) == Approx(wanted).epsilon(0.2));
  }
  // White noise is what no range explains.
  const Eigen::MatrixXd noisy = std::sqrt(0.8) * x + std::sqrt(0.2) * toys::normals(x.rows(), x.cols(), 8);
  const auto white = prior::fit_stationary("multiscale", toys::standard_fields(domain, noisy));
  CHECK(1.0 - prior::multiscale_correlation(white, 1.0) == Approx(0.2).epsilon(0.05));
}

TEST_CASE("stationary correlations that cannot be are refused", "[prior]") {
  const auto globe = toys::globe(5, 10);
  const auto fields = toys::standard_fields(globe, toys::normals(50, 9, 1));
  CHECK_THROWS_WITH(prior::fit_stationary("round", fields), Catch::Contains("round"));
  CHECK_THROWS_AS(prior::stationary_correlation("isotropic", globe, {0.5, -0.1}), Error);
  CHECK_THROWS_AS(prior::stationary_correlation("matern", globe, {1000.0}), Error);
  CHECK_THROWS_AS(prior::stationary_correlation("multiscale", globe, {1000.0}), Error);
  CHECK_THROWS_AS(prior::stationary_correlation("multiscale", globe, {1000.0, 0.7, 2000.0, 0.4}), Error);
  const auto image = domain::Domain::plane(5, 10);
  const prior::StandardFields flat = toys::standard_fields(image, toys::normals(50, 9, 1));
  CHECK_THROWS_AS(prior::fit_stationary("isotropic", flat), Error);
}

TEST_CASE(
    "a stationary backbone keeps each point's variance, remembers the step before, and draws as it says",
    "[prior]") {
  const auto domain = toys::globe(6, 10);
  const Eigen::MatrixXd r = prior::stationary_correlation("isotropic", domain, red_shares());
  Eigen::MatrixXd x = r.llt().matrixL() * toys::normals(r.rows(), 600, 3);
  for (Eigen::Index t = 1; t < x.cols(); ++t) x.col(t) = 0.6 * x.col(t - 1) + 0.8 * x.col(t);
  // The north is twice as restless as the south.
  for (Eigen::Index i = 0; i < 30; ++i) x.row(i) *= 2.0;
  for (const std::string name : {"isotropic", "matern", "multiscale"}) {
    CAPTURE(name);
    const auto backbone = prior::Backbone::fit(training(domain, x), options_of(name));
    const double unit = backbone.unit_scale();
    // Sampling errors of 600 steps that remember each other: 8 %; four of them over half of the points.
    CHECK(backbone.variance(0).head(30).mean() * unit * unit == Approx(4.0).epsilon(0.15));
    CHECK(backbone.variance(0).tail(30).mean() * unit * unit == Approx(1.0).epsilon(0.15));
    const auto covariance = backbone.window_covariance(0);
    double persistence = 0.0;
    REQUIRE(backbone.closed_form(&persistence) != nullptr);
    CHECK(persistence == Approx(0.6).margin(0.05));
    constexpr std::uint32_t kMembers = 3000;
    prior::PriorSequence sequence(backbone, 5, 0, kMembers);
    const Eigen::MatrixXd now = sequence.fields(1000, 0.0);
    const Eigen::MatrixXd next = sequence.fields(1001, 0.0);
    const Eigen::VectorXd variance = backbone.variance(0);
    // Sampling error of a variance: sqrt(2 / 3000) = 2.6 %; four of those.
    CHECK((now.rowwise().squaredNorm().array() / (kMembers * variance.array()) - 1.0).abs().maxCoeff() <
          0.105);
    const Eigen::MatrixXd lagged = next * now.transpose() / static_cast<double>(kMembers);
    double worst = 0.0;
    for (Eigen::Index i = 0; i < 60; ++i)
      for (Eigen::Index j = 0; j < 60; ++j)
        worst = std::max(worst, std::abs(lagged(i, j) - (*covariance)(120 + i, 60 + j)) /
                                    std::sqrt(variance[i] * variance[j]));
    CHECK(worst < 0.1);  // sampling error at most sqrt(2 / 3000) = 0.026; the largest of 3,600

    const std::string path = std::filesystem::temp_directory_path() / ("manifill_stationary_" + name + ".h5");
    io::ModelFile out;
    backbone.save(out);
    out.save(path);
    const auto again = prior::Backbone::load(io::ModelFile::load(path));
    std::filesystem::remove(path);
    const auto same = again.window_covariance(0);
    double off = 0.0;
    for (Eigen::Index i = 0; i < 180; ++i)
      for (Eigen::Index j = 0; j < 180; ++j)
        off = std::max(off, std::abs((*same)(i, j) - (*covariance)(i, j)));
    CHECK(off < 1e-3);  // fields are kept to a 50,000th of their range, and variances come from them
  }
}

TEST_CASE("where fields are few a stationary correlation is nearer the truth than the sample's", "[prior]") {
  const auto domain = toys::globe(10, 20);
  const Eigen::MatrixXd r = prior::stationary_correlation("isotropic", domain, red_shares());
  const Eigen::MatrixXd x = r.llt().matrixL() * toys::normals(r.rows(), 8, 3);
  const auto error = [&](const prior::BackboneOptions& options) {
    const auto backbone = prior::Backbone::fit(training(domain, x), options);
    const auto c = backbone.window_covariance(0);
    const double unit = backbone.unit_scale() * backbone.unit_scale();
    double sum = 0.0;
    for (Eigen::Index i = 0; i < r.rows(); ++i)
      for (Eigen::Index j = 0; j < r.rows(); ++j) {
        const double e = unit * (*c)(i, j) - r(i, j);
        sum += e * e;
      }
    return std::sqrt(sum / static_cast<double>(r.size()));
  };
  auto sample = options_of("sample");
  sample.window = 0;
  sample.taper_km = 12000.0;
  auto isotropic = options_of("isotropic");
  isotropic.window = 0;
  // Eight fields leave sample correlations errors of 0.35, before the taper; the isotropic one averages over
  // all pairs of a distance.
  CHECK(error(isotropic) < 0.8 * error(sample));
}
