#include "manifill/posterior/representativeness.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <memory>

#include "catch.hpp"
#include "manifill/base/random.hpp"
#include "manifill/measurement/measurement.hpp"
#include "unit/domain/toys.hpp"

using namespace manifill;

namespace {

domain::Domain globe(std::size_t rows, std::size_t columns, double offset) {
  std::vector<double> latitude(rows);
  std::vector<double> longitude(columns);
  for (std::size_t i = 0; i < rows; ++i)
    latitude[i] = 90.0 - 180.0 * (static_cast<double>(i) + 0.5) / static_cast<double>(rows);
  for (std::size_t j = 0; j < columns; ++j)
    longitude[j] = offset + 360.0 * static_cast<double>(j) / static_cast<double>(columns);
  return domain::Domain::lat_lon(latitude, longitude);
}

/// Fields of a smooth process seen on a grid twice as fine, with noise of 0.1 and white departures beside it.
struct Setting {
  domain::Domain coarse = globe(12, 18, 0.0);
  Eigen::MatrixXd covariance = toys::covariance_by_distance(coarse, 3000.0, 1e-6);
  prior::Backbone backbone = prior::Backbone::from_covariance(coarse, covariance, 0.0, {});

  std::vector<posterior::StepObservation> fields(double beside, int count) const {
    const auto a = measurement::bilinear(coarse, globe(24, 36, 3.0));
    const Eigen::MatrixXd root = covariance.llt().matrixL();
    RandomStream random({.seed = 8});
    std::vector<posterior::StepObservation> out;
    for (int t = 0; t < count; ++t) {
      Eigen::VectorXd white(covariance.rows());
      for (auto& v : white) v = random.normal();
      posterior::StepObservation step{.time = t};
      step.y = a * (root * white);
      for (auto& v : step.y) v += 0.1 * random.normal() + beside * random.normal();
      step.measurement =
          std::make_shared<measurement::Measurement>(a, Eigen::VectorXd::Constant(a.rows(), 0.1));
      out.push_back(std::move(step));
    }
    return out;
  }
};

}  // namespace

TEST_CASE("what a model's grid cannot hold is found by likelihood", "[posterior]") {
  const Setting s;
  // Of 4 fields and 600 observations each about 400 degrees are white: a standard error of 2 %.
  for (const double beside : {0.2, 0.5})
    CHECK(posterior::representativeness(s.backbone, s.fields(beside, 4)) == Approx(beside).epsilon(0.08));
}

TEST_CASE("nothing is found where the model's fields explain the observations", "[posterior]") {
  const Setting s;
  // 2 % of the noise's variance, its standard error, are 0.02 of standard deviation.
  CHECK(posterior::representativeness(s.backbone, s.fields(0.0, 4)) < 0.03);
}

TEST_CASE("fields with few observations are left out", "[posterior]") {
  const Setting s;
  auto fields = s.fields(0.5, 1);
  std::vector<bool> keep(static_cast<std::size_t>(fields[0].y.size()), false);
  for (std::size_t i = 0; i < 20; ++i) keep[i] = true;
  auto a = measurement::select_rows(fields[0].measurement->matrix(), keep);
  fields[0].measurement =
      std::make_shared<measurement::Measurement>(std::move(a), Eigen::VectorXd::Constant(20, 0.1));
  fields[0].y = fields[0].y.head(20).eval();
  fields.push_back({.time = 5});
  CHECK(posterior::representativeness(s.backbone, fields) == 0.0);
  CHECK(posterior::representativeness(s.backbone, {}) == 0.0);
}

TEST_CASE("the level of noise is found by likelihood, whatever the observations state", "[posterior]") {
  const Setting s;
  for (const double beside : {0.0, 0.2, 0.5})  // beside the noise of 0.1
    CHECK(posterior::noise_level(s.backbone, s.fields(beside, 4)) ==
          Approx(std::hypot(0.1, beside)).epsilon(0.08));
  auto few = s.fields(0.2, 1);
  few[0].y.conservativeResize(20);
  few[0].measurement = std::make_shared<measurement::Measurement>(few[0].measurement->matrix().topRows(20),
                                                                  Eigen::VectorXd::Constant(20, 0.1));
  CHECK_THROWS_WITH(posterior::noise_level(s.backbone, few), Catch::Contains("State the noise"));
}
