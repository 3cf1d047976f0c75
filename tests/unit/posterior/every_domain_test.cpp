// Zero-shot samplers off the latitude-longitude grid, through masks and through means that overlap: Gaussian
// fields, whose posterior is the textbook's.

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/posterior/sampler.hpp"
#include "random_numbers.hpp"
#include "unit/posterior/diffusion_toys.hpp"
#include "unit/posterior/field_toys.hpp"
#include "unit/posterior/textbook_toys.hpp"

using namespace manifill;
using manifill::test::normals;

namespace {

constexpr double kMeasuredNoise = 0.1;

/// Correlations that fall with the distance in space, to a third at a sixth of the domain's extent, and some
/// white noise.
Eigen::MatrixXd nearby_covariance(const domain::Domain& d) {
  const auto n = static_cast<Eigen::Index>(d.size());
  Eigen::MatrixXd square(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j)
      square(i, j) = std::pow(d.chord(static_cast<std::size_t>(i), static_cast<std::size_t>(j)), 2);
  const double length = square.maxCoeff() / 36.0;
  return (-square / length).array().exp().matrix() + 0.02 * Eigen::MatrixXd::Identity(n, n);
}

/// Means of every third point and its neighbours.
measurement::Measurement overlapping_means(const domain::Domain& d) {
  std::vector<Eigen::Triplet<double>> entries;
  int row = 0;
  for (std::size_t i = 0; i < d.size(); i += 3, ++row) {
    const auto near = d.neighbours(i);
    const double share = 1.0 / (1.0 + static_cast<double>(near.size()));
    entries.emplace_back(row, static_cast<int>(i), share);
    for (const auto j : near) entries.emplace_back(row, static_cast<int>(j), share);
  }
  measurement::SparseMatrix a(row, static_cast<Eigen::Index>(d.size()));
  a.setFromTriplets(entries.begin(), entries.end());
  return {a, Eigen::VectorXd::Constant(row, kMeasuredNoise)};
}

/// Members in batches are of samplers that steer the diffusion; `noise2score` takes complete fields only.
bool is_zero_shot(const std::string& name) {
  const auto specs = posterior::SamplerRegistry::instance().specs();
  return name != "noise2score" && std::any_of(specs.begin(), specs.end(),
                                              [&](const OptionSpec& o) { return o.key == name + ".batch"; });
}

}  // namespace

TEST_CASE("zero-shot samplers follow the posterior off the latitude-longitude grid", "[posterior]") {
  constexpr std::uint32_t kMembers = 24;
  RandomStream random({.seed = 4});
  const auto& registry = posterior::SamplerRegistry::instance();
  int exact_ones = 0;
  for (const auto& [kind, d] : toys::every_domain()) {
    if (kind != "HEALPix" && kind != "mesh" && kind != "plane" && kind != "curvilinear") continue;
    INFO(kind);
    const Eigen::MatrixXd c = nearby_covariance(d);
    const posterior::Model model{.backbone = prior::Backbone::from_covariance(d, c, 0.0, {})};
    const Eigen::VectorXd truth = toys::product(toys::root_of(c), normals(random, c.rows()));
    for (const bool means : {false, true}) {
      INFO((means ? "means of neighbours" : "mask"));
      posterior::StepObservation step =
          toys::observe(truth, toys::random_mask(d.size(), 0.5, 6), kMeasuredNoise, 1, random);
      if (means) {
        step.measurement = std::make_shared<measurement::Measurement>(overlapping_means(d));
        step.y = step.measurement->apply(truth) +
                 kMeasuredNoise * normals(random, step.measurement->matrix().rows());
      }
      const auto exact = toys::textbook(c, step.measurement->matrix(), kMeasuredNoise * kMeasuredNoise);
      const Eigen::VectorXd mean = exact.gain * step.y;
      posterior::Window window;
      window.steps.push_back(step);
      const double far = toys::compare(Eigen::MatrixXd::Zero(c.rows(), 2), mean, exact.covariance.diagonal(),
                                       model.backbone.relative_weights())
                             .mean_error;  // of the prior's mean
      for (const auto& name : registry.names()) {
        if (!is_zero_shot(name)) continue;
        INFO(name);
        Config config(registry.specs());
        config.set(name + ".batch=24");
        if (config.integer(name + ".steps") > 200) config.set(name + ".steps=200");
        const auto members =
            registry.make(name, model, config)->sample(window, {.seed = 2, .members = kMembers}).members;
        const auto own =
            toys::compare(members, mean, exact.covariance.diagonal(), model.backbone.relative_weights());
        // The bias of published rules reaches one deviation of the posterior; 24 members know a mean to 0.1
        // of it.
        CHECK(own.mean_error < 1.2);
        CHECK(own.mean_error < 0.5 * far);
        CHECK(own.spread > 0.25);
        CHECK(own.spread < 1.5);
        if (name != "daps") continue;  // exact for Gaussian fields
        ++exact_ones;
        CHECK(own.mean_error < 0.2);
        CHECK(own.spread == Approx(1.0).margin(0.1));
      }
    }
  }
  CHECK(exact_ones == 8);  // four domains, two measurements
}
