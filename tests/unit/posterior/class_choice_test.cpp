#include "manifill/posterior/class_choice.hpp"

#include <Eigen/LU>
#include <cmath>

#include "catch.hpp"
#include "manifill/posterior/gaussian.hpp"
#include "manifill/posterior/model.hpp"
#include "unit/posterior/textbook_toys.hpp"
#include "unit/posterior/toys.hpp"
#include "unit/prior/class_toys.hpp"

using namespace manifill;

namespace {

constexpr double kNoise = 0.1;

struct TwoClasses {
  domain::Domain domain = domain::Domain::plane(16, 16);
  prior::Backbone backbone =
      prior::Backbone::fit(toys::class_training(domain, 300, 5), toys::class_options());
  Eigen::MatrixXd unseen = toys::fields_of_two_classes(domain, 60, 77);
};

/// Means of 2 x 2.
measurement::SparseMatrix means(const domain::Domain& domain) {
  std::vector<Eigen::Triplet<double>> entries;
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 16; ++j) entries.emplace_back(i / 2 * 8 + j / 2, i * 16 + j, 0.25);
  measurement::SparseMatrix a(64, static_cast<Eigen::Index>(domain.size()));
  a.setFromTriplets(entries.begin(), entries.end());
  return a;
}

posterior::Window window_of(posterior::StepObservation step) {
  posterior::Window w;
  w.steps.push_back(std::move(step));
  return w;
}

posterior::Window masked(const TwoClasses& t, Eigen::Index field, RandomStream& random) {
  std::vector<bool> seen(t.domain.size());
  for (std::size_t i = 0; i < seen.size(); ++i) seen[i] = random.uniform() < 0.4;
  return window_of(toys::observe(t.unseen.col(field), seen, kNoise, field, random));
}

}  // namespace

TEST_CASE("observations tell the class of a field, whether of points or of means", "[posterior]") {
  const TwoClasses t;
  posterior::ClassChoice choice(t.backbone);
  RandomStream random({.seed = 4});
  const auto a = means(t.domain);
  for (Eigen::Index k = 0; k < t.unseen.cols(); ++k) {
    CAPTURE(k);
    const std::size_t own = k % 3 == 2 ? 2 : 1;
    CHECK(choice(masked(t, k, random)) == own);
    const Eigen::VectorXd y =
        a * t.unseen.col(k) + kNoise * toys::normals(64, 1, 100 + static_cast<std::uint64_t>(k));
    const auto coarse =
        std::make_shared<const measurement::Measurement>(a, Eigen::VectorXd::Constant(64, kNoise));
    CHECK(choice(window_of({.time = k, .measurement = coarse, .y = y})) == own);
  }
}

TEST_CASE("its evidence is the closed form's", "[posterior]") {
  const TwoClasses t;
  posterior::ClassChoice choice(t.backbone);
  RandomStream random({.seed = 5});
  // Noise that hides what is small leaves both classes likely: a choice by anything but the evidence would
  // be another one for some of the fields.
  std::size_t rough = 0;
  for (Eigen::Index k = 0; k < t.unseen.cols(); ++k) {
    CAPTURE(k);
    std::vector<bool> seen(t.domain.size());
    for (std::size_t i = 0; i < seen.size(); ++i) seen[i] = random.uniform() < 0.05;
    const auto step = toys::observe(t.unseen.col(k), seen, 1.0, k, random);
    const Eigen::MatrixXd h = Eigen::MatrixXd(step.measurement->matrix()) * t.backbone.unit_scale();
    const Eigen::VectorXd d = step.y - step.measurement->apply(t.backbone.mean(0.0)).col(0);
    std::vector<double> evidence;
    for (std::size_t c = 1; c <= 2; ++c) {
      const auto covariance = t.backbone.of_class(c).window_covariance(0);
      std::vector<Eigen::Index> all(t.domain.size());
      for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<Eigen::Index>(i);
      Eigen::MatrixXd s = h * covariance->gather(all, all) * h.transpose();
      s.diagonal().array() += 1.0;
      evidence.push_back(std::log(t.backbone.classes()[c - 1].share) - 0.5 * d.dot(s.inverse() * d) -
                         0.5 * std::log(s.determinant()));
    }
    const std::size_t expected = evidence[1] > evidence[0] ? 2 : 1;
    rough += expected == 2 ? 1 : 0;
    CHECK(choice(window_of(step)) == expected);
  }
  CHECK(rough > 0);
  CHECK(rough < 60);
}

TEST_CASE("without observations the commonest class is chosen, without classes none", "[posterior]") {
  const TwoClasses t;
  CHECK(posterior::ClassChoice(t.backbone)(window_of({})) == 1);
  auto options = toys::class_options();
  options.classes = 1;
  const auto plain = prior::Backbone::fit(toys::class_training(t.domain, 100, 5), options);
  RandomStream random({.seed = 4});
  CHECK(posterior::ClassChoice(plain)(masked(t, 2, random)) == 0);
}

TEST_CASE("the Gaussian sampler draws from the posterior of the class, and weighs by that of all fields",
          "[posterior]") {
  const TwoClasses t;
  posterior::Model model{.backbone = t.backbone};
  posterior::GaussianSampler sampler(model);
  RandomStream random({.seed = 6});
  for (const Eigen::Index k : {3, 5}) {
    CAPTURE(k);
    const auto window = masked(t, k, random);
    const std::size_t own = k % 3 == 2 ? 2 : 1;
    constexpr std::uint32_t kMembers = 800;
    const auto e = sampler.sample(window, {.seed = 3, .members = kMembers, .density = true});
    const posterior::WindowFactor factor(t.backbone.of_class(own), window);
    const auto solution = factor.solve(window);
    const double unit = t.backbone.unit_scale();
    const Eigen::VectorXd sd = unit * factor.variance().cwiseSqrt();
    const Eigen::VectorXd mean = t.backbone.mean(0.0) + unit * factor.centre_mean(solution);
    // Sampling errors of a mean and a spread of 800 members: 3.5 and 2.5 %; of 256 points the largest, 4.5.
    CHECK(((e.members.rowwise().mean() - mean).cwiseQuotient(sd)).cwiseAbs().maxCoeff() < 0.16);
    const Eigen::VectorXd spread =
        ((e.members.colwise() - mean).rowwise().squaredNorm() / kMembers).cwiseSqrt();
    CHECK((spread.cwiseQuotient(sd).array() - 1.0).abs().maxCoeff() < 0.115);
    const Eigen::MatrixXd x = (e.members.leftCols(4).colwise() - t.backbone.mean(0.0)) / unit;
    const posterior::WindowFactor all(t.backbone, window);
    // Densities of 256 points from covariances in single precision.
    CHECK((e.log_density.head(4) - factor.log_density(solution, x)).cwiseAbs().maxCoeff() < 0.5);
    CHECK((e.log_density.head(4) + e.log_weight.head(4) - all.log_density(all.solve(window), x))
              .cwiseAbs()
              .maxCoeff() < 0.5);
  }
}
