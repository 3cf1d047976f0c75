#include "manifill/prior/field_classes.hpp"

#include <cmath>
#include <filesystem>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/prior/sequence.hpp"
#include "unit/prior/class_toys.hpp"

using namespace manifill;

namespace {

/// Half the mean squared difference of two points of a class.
double variogram(const prior::FieldClass& c, double distance) {
  return c.variance * (1.0 - prior::multiscale_correlation(c.correlation, distance));
}

/// Of the first two points.
double variogram(const prior::Backbone& backbone) {
  const auto c = backbone.window_covariance(0);
  return 0.5 * ((*c)(0, 0) + (*c)(1, 1)) - (*c)(0, 1);
}

}  // namespace

TEST_CASE("classes of smooth and of rough fields are found again, with gaps or without", "[prior]") {
  const auto domain = domain::Domain::plane(16, 16);
  const Eigen::MatrixXd x = toys::fields_of_two_classes(domain, 600, 3);
  for (const bool gaps : {false, true}) {
    CAPTURE(gaps);
    auto fields = toys::standard_fields(domain, x);
    if (gaps) {
      // One field in four lacks a fifth of its values.
      const Eigen::MatrixXd lot = toys::normals(x.rows(), x.cols(), 9);
      for (Eigen::Index t = 0; t < x.cols(); t += 4)
        fields.known.col(t) = (lot.col(t).array() < 0.84).cast<float>().matrix();
      fields.values = fields.values.cwiseProduct(fields.known);
    }
    const auto found = prior::fit_classes(fields, 2);
    REQUIRE(found.size() == 2);
    CHECK(found[0].share == Approx(2.0 / 3.0).margin(0.01));
    CHECK(found[0].share + found[1].share == Approx(1.0).margin(1e-12));
    // Levels of 400 and 200 fields: sampling errors of a variance of 7 and 10 %; three of them.
    CHECK(found[0].variance == Approx(0.5).epsilon(0.21));
    CHECK(found[1].variance == Approx(1.5).epsilon(0.3));
    // Differences of neighbours, far smaller than the variance where fields are smooth, are known best.
    for (const double distance : {1.0, 2.0, 5.0}) {
      CAPTURE(distance);
      for (const bool rough : {false, true}) {
        const Eigen::MatrixXd truth = toys::class_truth(domain, rough);
        const double wanted = truth(0, 0) - truth(0, static_cast<Eigen::Index>(distance));
        CHECK(variogram(found[rough ? 1 : 0], distance) == Approx(wanted).epsilon(0.15));
      }
    }
  }
}

TEST_CASE("classes of too few fields, or of fields in time, are refused", "[prior]") {
  const auto domain = domain::Domain::plane(8, 8);
  const auto few = toys::standard_fields(domain, toys::fields_of_two_classes(domain, 39, 1));
  CHECK_THROWS_WITH(prior::fit_classes(few, 2), Catch::Contains("39 training fields"));
  auto daily = toys::class_training(domain, 60, 1);
  daily.step = prior::StepKind::day;
  CHECK_THROWS_WITH(prior::Backbone::fit(daily, toys::class_options()),
                    Catch::Contains("do not follow each other in time"));
}

TEST_CASE("a backbone has the covariance of each class beside that of all fields, and keeps it", "[prior]") {
  const auto domain = domain::Domain::plane(12, 12);
  const auto backbone = prior::Backbone::fit(toys::class_training(domain, 600, 5), toys::class_options());
  REQUIRE(backbone.classes().size() == 2);
  CHECK(backbone.class_number() == 0);
  const std::string path = std::filesystem::temp_directory_path() / "manifill_classes.h5";
  io::ModelFile out;
  backbone.save(out);
  out.save(path);
  const auto again = prior::Backbone::load(io::ModelFile::load(path));
  std::filesystem::remove(path);
  std::vector<bool> half(600);
  for (std::size_t t = 0; t < half.size(); ++t) half[t] = t % 2 == 0;
  const auto fewer = backbone.fitted_to(half);
  CHECK(fewer.training().values.cols() == 300);
  const double square = backbone.unit_scale() * backbone.unit_scale();
  for (std::size_t k = 1; k <= 2; ++k) {
    const auto own = backbone.of_class(k);
    CHECK(own.class_number() == k);
    const Eigen::MatrixXd truth = toys::class_truth(domain, k == 2);
    // Levels of 400 and 200 fields: sampling errors of a variance of 7 and 10 %; three of them.
    CHECK(own.variance(0).mean() * square == Approx(truth(0, 0)).epsilon(0.3));
    // The mean of 600 fields has the grain of the rough ones, by which smooth ones gain a twentieth.
    CHECK(variogram(own) == Approx((truth(0, 0) - truth(0, 1)) / square).epsilon(0.15));
    // What is kept is kept in full; of point variances, of which a class has its part, fields are kept to a
    // 50,000th of their range.
    CHECK(again.classes()[k - 1].correlation == backbone.classes()[k - 1].correlation);
    CHECK(fewer.classes()[k - 1].correlation == backbone.classes()[k - 1].correlation);
    CHECK((again.of_class(k).variance(0) - own.variance(0)).cwiseAbs().maxCoeff() < 1e-3);
    // Draws have its variances: sampling error of 2,000 of them, 3.2 %; of 144 points the largest, 4.5 of
    // those.
    prior::PriorSequence sequence(own, 5, 0, 2000);
    const Eigen::MatrixXd x = sequence.fields(7, 0.0);
    CHECK((x.rowwise().squaredNorm().array() / (2000.0 * own.variance(0).array()) - 1.0).abs().maxCoeff() <
          0.145);
  }
  // Between them lies the covariance of all fields.
  CHECK(variogram(backbone) > 2.0 * variogram(backbone.of_class(1)));
  CHECK(variogram(backbone) < 0.5 * variogram(backbone.of_class(2)));
}
