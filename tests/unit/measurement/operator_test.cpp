#include "manifill/measurement/operator.hpp"

#include <limits>

#include "manifill/measurement/coarsen.hpp"
#include "manifill/measurement/gaussian_blur.hpp"
#include "manifill/measurement/kernel.hpp"
#include "manifill/measurement/mask.hpp"
#include "tests/unit/measurement/operator_checks.hpp"

using namespace manifill;
using Catch::Matchers::ContainsSubstring;
using measurement::OperatorPointer;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

OperatorPointer blurred_and_coarse(const domain::Domain& image) {
  return measurement::compose(measurement::gaussian_blur(image, {.width = 1.2}),
                              measurement::coarsen(image, 2, 2));
}

}  // namespace

TEST_CASE("composition applies one after the other, whatever the brackets") {
  const auto image = domain::Domain::plane(8, 12);
  const auto blur = measurement::gaussian_blur(image, {.width = 1.2});
  const auto coarsen = measurement::coarsen(image, 2, 3);
  const auto kernel =
      measurement::convolution(*coarsen->to(), {.rows = 1, .columns = 3, .weights = {0.2, 0.5, 0.3}}, "wrap");
  const auto left = measurement::compose(measurement::compose(blur, coarsen), kernel);
  const auto right = measurement::compose(blur, measurement::compose(coarsen, kernel));
  checks::adjoint_and_matrix(*left);
  checks::keeps_constants(*left);
  const Eigen::MatrixXd x = checks::normals(96, 2, 1);
  CHECK((left->apply(x) - kernel->apply(coarsen->apply(blur->apply(x)))).norm() == 0.0);
  CHECK((Eigen::MatrixXd(left->matrix()) - Eigen::MatrixXd(right->matrix())).cwiseAbs().maxCoeff() < 1e-15);
  CHECK(left->to()->hash() == coarsen->to()->hash());
  CHECK(left->from().hash() == image.hash());
  checks::refusal(ErrorKind::internal, [&] { measurement::compose(coarsen, blur); });
}

TEST_CASE("maps without a sparse matrix compose row by row") {
  const auto d = checks::globe(20.0);
  const auto blur = measurement::gaussian_blur(d, {.width = 1500.0, .by = "laplacian"});
  const auto both = measurement::compose(blur, measurement::coarsen(d, 3, 3));
  CHECK_FALSE(both->sparse());
  checks::adjoint_and_matrix(*both);
}

TEST_CASE("several at once are one below the other") {
  const auto image = domain::Domain::plane(6, 8);
  const auto coarse = measurement::coarsen(image, 3, 2);
  const auto hidden = measurement::random_mask(image, {.hidden = 0.5, .seed = 4});
  const auto both = measurement::stack({coarse, hidden});
  checks::adjoint_and_matrix(*both);
  CHECK_FALSE(both->to());
  const Eigen::VectorXd x = checks::normals(48, 1, 6).col(0);
  const Eigen::VectorXd y = both->observe(x, 2);
  CHECK(y.head(8) == coarse->observe(x, 2));
  const Eigen::VectorXd second = hidden->observe(x, 2);
  for (Eigen::Index i = 0; i < 48; ++i)
    CHECK((y[8 + i] == second[i] || (std::isnan(y[8 + i]) && std::isnan(second[i]))));
  const auto rows = both->rows(std::vector<bool>(48, true), 2);
  CHECK((rows.matrix * x - y.unaryExpr([](double v) { return std::isnan(v) ? 0.0 : v; })).norm() < 1e-14);
  checks::refusal(ErrorKind::internal, [&] {
    measurement::stack({coarse, measurement::identity(domain::Domain::plane(2, 2))});
  });

  // As measurements with noise: precisions add up.
  const measurement::Measurement one(coarse->matrix(), Eigen::VectorXd::Constant(8, 0.5));
  const measurement::Measurement two(hidden->matrix(), Eigen::VectorXd::Constant(48, 2.0));
  const auto joined = measurement::stack(std::vector<measurement::Measurement>{one, two});
  CHECK(joined.observations() == 56);
  CHECK((joined.precision() - one.precision() - two.precision()).cwiseAbs().maxCoeff() < 1e-14);
}

TEST_CASE("means over fields with gaps are means over what is there, if that is half of their weight") {
  const auto image = domain::Domain::plane(2, 6);
  const auto coarse = measurement::coarsen(image, 2, 2);
  Eigen::VectorXd x(12);
  x << 1, 3, 5, kNan, kNan, kNan,  //
      7, 9, 11, kNan, kNan, 2;
  const Eigen::VectorXd y = coarse->observe(x, 0);
  CHECK(y[0] == Approx(5.0));
  CHECK(y[1] == Approx(8.0));  // the mean of the two that are there
  CHECK(std::isnan(y[2]));     // one of four
  const auto rows =
      coarse->rows({true, true, true, false, false, false, true, true, true, false, false, true}, 0);
  CHECK(rows.measured == std::vector<bool>{true, true, false});
  CHECK(rows.matrix.coeff(1, 2) == 0.5);
  CHECK(rows.matrix.row(2).nonZeros() == 0);
  // A difference is no mean: it needs both its points.
  const auto difference =
      measurement::convolution(image, {.rows = 1, .columns = 3, .weights = {1, 0, -1}}, "nearest");
  const Eigen::VectorXd d = difference->observe(x, 0);
  CHECK(d[1] == Approx(4.0));
  CHECK(std::isnan(d[2]));
}

TEST_CASE("a chain hands gaps on: what is observed is what the rows of the step say") {
  const auto image = domain::Domain::plane(8, 8);
  const auto hidden = measurement::random_mask(image, {.hidden = 0.4, .seed = 9});
  const auto chain =
      measurement::compose(measurement::compose(hidden, measurement::coarsen(image, 2, 2)),
                           measurement::random_mask(domain::Domain::plane(4, 4),
                                                    {.kinds = {"scattered"}, .hidden = 0.2, .seed = 1}));
  Eigen::VectorXd x = checks::normals(64, 1, 3).col(0);
  std::vector<bool> present(64, true);
  for (const int p : {3, 17, 40}) {
    x[p] = kNan;
    present[static_cast<std::size_t>(p)] = false;
  }
  for (const std::int64_t step : {0, 5}) {
    const Eigen::VectorXd y = chain->observe(x, step);
    const auto rows = chain->rows(present, step);
    const Eigen::VectorXd z = rows.matrix * x.unaryExpr([](double v) { return std::isnan(v) ? 0.0 : v; });
    int seen = 0;
    for (Eigen::Index i = 0; i < 16; ++i) {
      CHECK(std::isnan(y[i]) == !rows.measured[static_cast<std::size_t>(i)]);
      if (std::isnan(y[i])) continue;
      CHECK(y[i] == Approx(z[i]).margin(1e-14));
      ++seen;
    }
    CHECK(seen > 3);
    CHECK(seen < 16);
  }
  CHECK(chain->rows(std::vector<bool>(64, true), 2).measured == chain->measured(2));
  CHECK_FALSE(chain->steady());
  CHECK(blurred_and_coarse(image)->steady());
}

TEST_CASE("operators are made by name, in order, with their options") {
  const auto image = domain::Domain::plane(8, 12);
  const auto chain = checks::made({"gaussian_blur", "coarsen"}, image, {"gaussian_blur.width=1.2"});
  CHECK((Eigen::MatrixXd(chain->matrix()) - Eigen::MatrixXd(blurred_and_coarse(image)->matrix())).norm() ==
        0.0);
  CHECK(checks::made({}, image)->matrix().nonZeros() == 96);
  const auto twice = checks::made({"coarsen", "coarsen"}, image);
  CHECK(twice->to()->hash() == domain::Domain::plane(2, 3).hash());
  CHECK_THAT(checks::refusal(ErrorKind::usage, [&] { checks::made({"gausian_blur"}, image); }),
             ContainsSubstring("Did you mean 'gaussian_blur'?"));
  CHECK_THAT(checks::refusal(ErrorKind::usage,
                             [&] {
                               checks::made({"points", "coarsen"}, checks::globe(30.0),
                                            {"points.latitude=10,10", "points.longitude=20,20"});
                             }),
             ContainsSubstring("Put points last"));
  for (const auto& name : measurement::OperatorRegistry::instance().names()) {
    CHECK_FALSE(measurement::OperatorRegistry::instance().summary(name).empty());
    for (const auto& option : measurement::OperatorRegistry::instance().specs(name))
      CHECK(option.key.starts_with(name + "."));
  }
  CHECK(measurement::OperatorRegistry::instance().names() ==
        std::vector<std::string>{"coarsen", "gaussian_blur", "kernel", "mask", "motion_blur", "points",
                                 "swath", "truncate"});
}

TEST_CASE("a matrix that would not fit is refused with a remedy") {
  // Harmonics fill it: 18432 x 18432 numbers.
  const auto d = checks::globe(1.875);
  const auto blur = measurement::gaussian_blur(d, {.width = 600.0, .by = "harmonics"});
  CHECK(blur->apply(Eigen::VectorXd::Ones(blur->points())).isOnes(1e-12));
  CHECK_THAT(checks::refusal(ErrorKind::usage, [&] { static_cast<void>(blur->matrix()); }),
             ContainsSubstring("1 GiB") && ContainsSubstring("coarsen"));
}
