#include <cmath>
#include <limits>
#include <set>

#include "catch.hpp"
#include "manifill/posterior/class_choice.hpp"
#include "unit/posterior/flow_toys.hpp"
#include "unit/posterior/textbook_toys.hpp"
#include "unit/posterior/toys.hpp"
#include "unit/prior/class_toys.hpp"

using namespace manifill;

namespace {

constexpr std::int64_t kGroup = 6;
constexpr Eigen::Index kFields = 40;
constexpr double kKilometres = 4000.0;

struct Simulated {
  prior::TrainingFields fields;
  prior::Backbone backbone;
  posterior::FlowCases cases{};
};

/// Every second field lacks the first point.
prior::TrainingFields gappy_fields(const domain::Domain& d, const Eigen::MatrixXd& c) {
  prior::TrainingFields fields{.domain = d};
  fields.values.resize(c.rows(), kFields);
  RandomStream random({.seed = 8});
  const Eigen::MatrixXd root = toys::root_of(c);
  for (Eigen::Index t = 0; t < kFields; ++t) {
    Eigen::VectorXd z(c.rows());
    random.fill_normal(std::span<double>(z.data(), static_cast<std::size_t>(z.size())));
    fields.values.col(t) = (root * z).cast<float>();
    if (t % 2 == 1) fields.values(0, t) = std::numeric_limits<float>::quiet_NaN();
    fields.index.push_back(t);
    fields.season.push_back(0.0);
  }
  return fields;
}

/// Cases whose masks hide about half, and keep their windows.
posterior::FlowTrainingOptions half_hidden(std::int64_t group) {
  posterior::FlowTrainingOptions o;
  o.fields_per_mask = group;
  o.draws = 2;
  o.protocol_share = 0.0;  // its blocks can hide all of so small a grid
  o.hidden_lowest = 0.3;
  o.hidden_highest = 0.6;
  o.keep_windows = true;
  return o;
}

Simulated simulate(std::int64_t group, std::int64_t count, const std::string& base = "gaussian_posterior") {
  const auto d = domain::Domain::lat_lon({60.0, 20.0, -20.0, -60.0}, {0.0, 72.0, 144.0, 216.0, 288.0});
  const Eigen::MatrixXd c = toys::covariance_by_distance(d, kKilometres, 1e-3);
  Simulated s{.fields = gappy_fields(d, c), .backbone = prior::Backbone::from_covariance(d, c, 0.0, {})};
  const measurement::MaskBank bank(d, {});
  auto o = half_hidden(group);
  o.base = base;
  s.cases =
      posterior::simulate_cases(s.fields, {toys::fold_of(0, kFields, s.backbone)}, 0, bank, o, count, 5, {});
  return s;
}

Eigen::VectorXd row(const torch::Tensor& x, std::int64_t k) {
  return Eigen::Map<const Eigen::VectorXf>(x.data_ptr<float>() + k * x.size(1), x.size(1)).cast<double>();
}

}  // namespace

TEST_CASE("cases of a group share mask and noise, and each has the posterior of its own values", "[flow]") {
  constexpr std::int64_t kCases = 5 * kGroup - 2;  // the last group is not full
  const auto s = simulate(kGroup, kCases);
  const auto& c = s.cases;
  const Eigen::MatrixXd covariance = toys::covariance_by_distance(s.fields.domain, kKilometres, 1e-3);
  std::set<double> noise_levels;
  std::size_t with_gaps = 0;
  for (std::int64_t k = 0; k < kCases; ++k) {
    INFO("case " << k);
    const auto& step = c.windows[static_cast<std::size_t>(k)].at_centre();
    const double noise = step.measurement->noise_sigma()[0];
    const auto& first = c.windows[static_cast<std::size_t>(k / kGroup * kGroup)].at_centre();
    CHECK(noise == first.measurement->noise_sigma()[0]);
    noise_levels.insert(noise);
    const bool gap = step.time % 2 == 1;
    with_gaps += gap ? 1 : 0;
    // Single precision of the cases.
    const auto exact = toys::textbook(covariance, step.measurement->matrix(), noise * noise);
    const Eigen::VectorXd mean = exact.gain * step.y;
    CHECK((row(c.mean, k) - mean).cwiseAbs().maxCoeff() < 1e-4);
    const Eigen::VectorXd known = row(c.weight, k);
    CHECK((known[0] == 0.0) == gap);
    // The observed cells are those of the group, where this field knows them.
    const std::int64_t leader = k / kGroup * kGroup;
    for (Eigen::Index i = 1; i < known.size(); ++i)
      CHECK((c.hidden[k][i].item<float>() > 0.0F) == (c.hidden[leader][i].item<float>() > 0.0F));
  }
  CHECK(noise_levels.size() == 5);
  CHECK(with_gaps > 3);
  CHECK(with_gaps < static_cast<std::size_t>(kCases) - 3);
}

TEST_CASE("draws of a group are independent and have the posterior's spread", "[flow]") {
  constexpr std::int64_t kCases = 400;
  const std::string base = GENERATE("gaussian_posterior", "exact_posterior");
  CAPTURE(base);
  const auto s = simulate(kCases, kCases, base);
  const auto& z = s.cases.departures;
  const auto n = z.size(2);
  // Hidden points have the exact deviation, so that departures over it have variance 1; of 800 draws it is
  // known to 5 %, the largest of twenty within four times that.
  for (std::int64_t i = 1; i < n; ++i) {
    if (base == "gaussian_posterior" && s.cases.hidden[0][i].item<float>() == 0.0F) continue;
    const auto draws = z.select(2, i);
    CHECK(draws.var().item<double>() == Approx(1.0).margin(0.2));
    CHECK(std::abs((draws.select(1, 0) * draws.select(1, 1)).mean().item<double>()) < 0.2);
    CHECK(std::abs((draws.slice(0, 1) * draws.slice(0, 0, kCases - 1)).mean().item<double>()) < 0.2);
  }
}

TEST_CASE("cases of fields of several classes have the posterior of their own, and share draws with it alone",
          "[flow]") {
  const auto d = domain::Domain::plane(12, 12);
  const auto fields = toys::class_training(d, 300, 5);
  const auto backbone = prior::Backbone::fit(fields, toys::class_options());
  const measurement::MaskBank bank(d, {});
  auto o = half_hidden(10);
  o.noise_lowest = 0.05;
  o.noise_highest = 0.2;
  const auto c = posterior::simulate_cases(fields, {toys::fold_of(0, 300, backbone)}, 0, bank, o, 40, 5, {});
  posterior::ClassChoice choice(backbone);
  std::set<std::size_t> classes;
  for (std::int64_t k = 0; k < c.size(); ++k) {
    CAPTURE(k);
    const auto& window = c.windows[static_cast<std::size_t>(k)];
    const std::size_t own = choice(window);
    classes.insert(own);
    const posterior::WindowFactor factor(backbone.of_class(own), window);
    // Single precision of the cases.
    CHECK((row(c.mean, k) - factor.centre_mean(factor.solve(window))).cwiseAbs().maxCoeff() < 1e-4);
    CHECK((row(c.sd, k) - factor.marginal_scale()).cwiseAbs().maxCoeff() < 1e-4);
    const auto first = c.alike[static_cast<std::size_t>(k)];
    for (std::int64_t other = first; other <= k; ++other) {
      const auto& another = c.windows[static_cast<std::size_t>(other)];
      CHECK(c.alike[static_cast<std::size_t>(other)] == first);
      CHECK(choice(another) == own);
      CHECK(another.at_centre().measurement->hash() == window.at_centre().measurement->hash());
    }
  }
  CHECK(classes == std::set<std::size_t>{1, 2});
}
