#include "manifill/posterior/fill_sampler.hpp"

#include <cmath>
#include <numeric>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "unit/posterior/field_toys.hpp"
#include "unit/posterior/toys.hpp"

using namespace manifill;
using namespace manifill::posterior;

namespace {

const std::vector<std::string> kFills{"climatology", "nearest", "distance", "harmonic", "heat"};
const std::vector<std::string> kDraws{"kriging", "eof"};

/// A model of smooth fields about 280 with a season, on any domain.
Model model_on(const domain::Domain& d) {
  prior::TrainingFields fields{.domain = d, .step = prior::StepKind::month};
  const Eigen::Index times = 48;
  const auto n = static_cast<Eigen::Index>(d.size());
  Eigen::MatrixXd basis(n, 4);
  double reach = 0.0;
  for (const auto& p : d.points())
    for (const double v : p) reach = std::max(reach, std::abs(v));
  for (Eigen::Index i = 0; i < n; ++i) {
    const auto& p = d.points()[static_cast<std::size_t>(i)];
    basis.row(i) << 1.0, p[0] / reach, p[1] / reach, std::cos(3.0 * (p[0] + p[2]) / reach);
  }
  RandomStream random({.seed = 11});
  fields.values.resize(n, times);
  for (Eigen::Index t = 0; t < times; ++t) {
    Eigen::VectorXd a(4);
    for (auto& v : a) v = random.normal();
    const double season = (static_cast<double>(t % 12) + 0.5) / 12.0;
    fields.values.col(t) = (basis * a).cast<float>();
    fields.values.col(t).array() += 280.0F + static_cast<float>(5.0 * std::cos(2.0 * M_PI * season));
    for (auto& v : fields.values.col(t)) v += 0.1F * static_cast<float>(random.normal());
    fields.index.push_back(t);
    fields.season.push_back(season);
  }
  prior::BackboneOptions options;
  options.mean_harmonics = 1;
  options.rank = 10;
  return {.info = {.name = "toy"}, .backbone = prior::Backbone::fit(std::move(fields), options)};
}

Window window_of(const Model& model, const Eigen::VectorXd& field, const std::vector<bool>& observed,
                 double sigma = 0.01) {
  StepObservation step{.time = 7, .season = 0.3};
  step.measurement = std::make_shared<measurement::Measurement>(
      measurement::mask(observed, Eigen::VectorXd::Constant(field.size(), sigma)));
  step.y = step.measurement->apply(field);
  Window w;
  w.steps.assign(static_cast<std::size_t>(2 * model.backbone.options().window + 1), step);
  return w;
}

std::unique_ptr<PosteriorSampler> make(const std::string& name, const Model& model) {
  return SamplerRegistry::instance().make(name, model);
}

}  // namespace

TEST_CASE("classical fills are samplers of equal members on every kind of domain", "[posterior]") {
  for (const auto& [where, d] : toys::every_domain()) {
    const Model model = model_on(d);
    const auto observed = toys::random_mask(d.size(), 0.5, 3);
    const Eigen::VectorXd truth = model.backbone.training().values.col(20).cast<double>();
    for (const auto& name : kFills) {
      INFO(where << ", " << name);
      const auto sampler = make(name, model);
      const auto e = sampler->sample(window_of(model, truth, observed), {.members = 3});
      REQUIRE(e.members.rows() == truth.size());
      CHECK(e.members.col(1) == e.members.col(0));
      CHECK(e.members.col(2) == e.members.col(0));
      CHECK(e.freedom == static_cast<double>(std::count(observed.begin(), observed.end(), true)));
      CHECK(e.chi_square > 0.01);
      CHECK(e.chi_square < 10.0);
      for (Eigen::Index i = 0; i < truth.size(); ++i)
        if (observed[static_cast<std::size_t>(i)]) CHECK(e.members(i, 0) == Approx(truth[i]).epsilon(1e-12));

      // An anomaly that is the same everywhere is carried everywhere.
      const Eigen::VectorXd level = model.backbone.mean(0.3).array() + 2.0;
      const auto constant = sampler->sample(window_of(model, level, observed), {.members = 1});
      if (name != "climatology") CHECK((constant.members.col(0) - level).cwiseAbs().maxCoeff() < 1e-6);

      // Nothing observed: the climatology.
      const auto none =
          sampler->sample(window_of(model, truth, std::vector<bool>(d.size(), false)), {.members = 2});
      CHECK((none.members.col(1) - model.backbone.mean(0.3)).isZero());
    }
  }
}

TEST_CASE("draws of kriging and eof depend on seed, step and member alone, on every kind of domain",
          "[posterior]") {
  for (const auto& [where, d] : toys::every_domain()) {
    const Model model = model_on(d);
    const auto observed = toys::random_mask(d.size(), 0.5, 3);
    const Eigen::VectorXd truth = model.backbone.training().values.col(20).cast<double>();
    for (const auto& name : kDraws) {
      INFO(where << ", " << name);
      const auto sampler = make(name, model);
      const auto window = window_of(model, truth, observed);
      const auto all = sampler->sample(window, {.members = 40});
      REQUIRE(all.members.allFinite());
      const auto some = make(name, model)->sample(window, {.first_member = 5, .members = 2});
      // Products of other widths round otherwise.
      CHECK((some.members - all.members.middleCols(5, 2)).cwiseAbs().maxCoeff() < 1e-9);
      CHECK(sampler->sample(window, {.seed = 2, .members = 1}).members != all.members.leftCols(1));
      // The mean is nearer to the truth than the climatology, and the spread says how near.
      double error = 0.0;
      double spread = 0.0;
      double usual = 0.0;
      const Eigen::VectorXd mean = all.members.rowwise().mean();
      for (Eigen::Index i = 0; i < truth.size(); ++i) {
        if (observed[static_cast<std::size_t>(i)]) continue;
        error += std::pow(mean[i] - truth[i], 2);
        spread += (all.members.row(i).array() - mean[i]).square().sum() / 39.0;
        usual += std::pow(model.backbone.mean(0.3)[i] - truth[i], 2);
      }
      CHECK(error < 0.5 * usual);
      CHECK(std::sqrt(error / spread) < 2.0);
      CHECK(std::sqrt(error / spread) > 0.3);
    }
  }
}

TEST_CASE("order of the points does not matter to classical samplers", "[posterior]") {
  // Cells in another order; neighbours are found anew.
  const auto healpix = domain::Domain::healpix(4, domain::healpix::Ordering::ring);
  domain::CellGrid grid{.latitude = healpix.latitudes(), .longitude = healpix.longitudes()};
  std::vector<std::size_t> order(healpix.size());
  std::iota(order.begin(), order.end(), 0U);
  std::rotate(order.begin(), order.begin() + 71, order.end());
  std::swap(order[3], order[100]);
  domain::CellGrid other;
  for (const std::size_t i : order) {
    other.latitude.push_back(grid.latitude[i]);
    other.longitude.push_back(grid.longitude[i]);
  }
  const Model a = model_on(domain::Domain::cells(grid));
  prior::TrainingFields fields = a.backbone.training();
  fields.domain = domain::Domain::cells(other);
  Eigen::MatrixXf moved(fields.values.rows(), fields.values.cols());
  for (std::size_t k = 0; k < order.size(); ++k)
    moved.row(static_cast<Eigen::Index>(k)) = fields.values.row(static_cast<Eigen::Index>(order[k]));
  fields.values = moved;
  const Model b{.info = {.name = "moved"},
                .backbone = prior::Backbone::fit(std::move(fields), a.backbone.options())};
  const auto observed = toys::random_mask(healpix.size(), 0.4, 9);
  std::vector<bool> there;
  for (const std::size_t i : order) there.push_back(observed[i]);
  const Eigen::VectorXd truth = a.backbone.training().values.col(5).cast<double>();
  const Eigen::VectorXd shifted = b.backbone.training().values.col(5).cast<double>();
  for (const std::string name : {"climatology", "distance", "harmonic"}) {
    INFO(name);
    const auto one = make(name, a)->sample(window_of(a, truth, observed), {.members = 1});
    const auto two = make(name, b)->sample(window_of(b, shifted, there), {.members = 1});
    double most = 0.0;
    std::size_t differ = 0;
    for (std::size_t k = 0; k < order.size(); ++k) {
      const double difference = std::abs(two.members(static_cast<Eigen::Index>(k), 0) -
                                         one.members(static_cast<Eigen::Index>(order[k]), 0));
      most = std::max(most, difference);
      differ += difference > 1e-3 ? 1 : 0;
    }
    // Where points are as near, or four of them on a circle, either choice is right.
    CHECK(differ < order.size() / 10);
    CHECK(most < 1.0);
  }
}

TEST_CASE("what classical samplers cannot do is refused", "[posterior]") {
  const auto d = toys::globe_by(30.0);
  const Model model = model_on(d);
  StepObservation step{.time = 1, .season = 0.3};
  step.measurement = std::make_shared<measurement::Measurement>(
      measurement::bilinear(d, {10.0, 20.0}, {11.0, 100.0}), Eigen::VectorXd::Constant(2, 0.1));
  step.y = Eigen::VectorXd::Constant(2, 281.0);
  Window window{.steps = {step}};
  auto names = kFills;
  names.emplace_back("kriging");
  for (const auto& name : names) {
    INFO(name);
    CHECK_THROWS_WITH(make(name, model)->sample(window, {.members = 1}),
                      Catch::Matchers::ContainsSubstring("the method " + name));
  }
  CHECK(make("eof", model)->sample(window, {.members = 4}).members.allFinite());
  const auto points = window_of(model, model.backbone.mean(0.3), std::vector<bool>(d.size(), true));
  names.emplace_back("eof");
  for (const auto& name : names)
    CHECK_THROWS_WITH(make(name, model)->sample(points, {.members = 1, .refine = 3}),
                      Catch::Matchers::ContainsSubstring("refine"));
}
