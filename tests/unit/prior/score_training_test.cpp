#include "manifill/prior/score_training.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include <unistd.h>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "tests/unit/prior/toys.hpp"

using namespace manifill;
using namespace manifill::prior;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Regions of random sign with sharp borders, and a little noise: a Gaussian of the same covariance describes
/// them poorly.
TrainingFields sign_fields(std::size_t rows, std::size_t columns, Eigen::Index times) {
  const auto [backbone, covariance] = toys::oracle(rows, columns);
  const auto n = covariance.rows();
  const Eigen::MatrixXd root = covariance.llt().matrixL();
  TrainingFields f{.domain = backbone.domain(), .step = StepKind::day};
  const Eigen::MatrixXd x =
      (4.0 * root * toys::normals(n, times, 42)).array().tanh().matrix() + 0.05 * toys::normals(n, times, 43);
  for (Eigen::Index t = 0; t < times; ++t) {
    f.index.push_back(t);
    f.season.push_back((static_cast<double>(t % 10) + 0.5) / 10.0);
  }
  f.values = x.cast<float>();
  return f;
}

/// The last `count` of `times`.
std::vector<bool> last(std::size_t times, std::size_t count) {
  std::vector<bool> flags(times, false);
  std::fill(flags.end() - static_cast<std::ptrdiff_t>(count), flags.end(), true);
  return flags;
}

BackboneOptions backbone_options() {
  BackboneOptions o;
  o.mean_harmonics = 0;
  o.rank = 1000;
  return o;
}

Backbone fit_without(const TrainingFields& fields, std::vector<bool> validation) {
  validation.flip();
  return Backbone::fit(fields.subset(validation), backbone_options());
}

/// A directory of its own, gone with the object.
struct Scratch {
  Scratch()
      : path(std::filesystem::temp_directory_path() / ("manifill-score-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::filesystem::path path;
};

std::string content(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("Training finds what is not Gaussian", "[prior][score_training]") {
  const auto fields = sign_fields(8, 16, 900);
  const auto validation = last(900, 150);
  const Backbone backbone = fit_without(fields, validation);
  ScoreTrainingOptions o;
  o.network = {.width = 16, .dilations = {1, 2, 4}, .dropout = 0.05, .embedding = 32};
  o.steps = 300;
  o.minutes = 0.0;
  o.batch = 24;
  o.learning_rate = 4e-3;
  o.validation_draws = 256;
  const auto trained = train_score(backbone, fields, validation, o, "", false);
  INFO("bands " << trained.validation_bands[0] << " " << trained.validation_bands[1] << " "
                << trained.validation_bands[2] << " " << trained.validation_bands[3] << ", "
                << trained.seconds << " s");
  CHECK(trained.steps == 300);
  CHECK(trained.validation_ratio < 0.95);
  CHECK(std::min(trained.validation_bands[1], trained.validation_bands[2]) < 0.9);
  CHECK_FALSE(trained.network->is_training());
  // The figures hold on other noise.
  const auto bands = denoising_ratio(GaussianDenoiser(backbone), trained.network,
                                     prepare_score_fields(backbone, fields, validation, 1), 256, 99);
  CHECK(bands[1] == Approx(trained.validation_bands[1]).margin(0.08));
  CHECK(bands[2] == Approx(trained.validation_bands[2]).margin(0.08));
}

TEST_CASE("A stopped training resumes to the same weights", "[prior][score_training]") {
  const Scratch scratch;
  const auto fields = sign_fields(6, 8, 60);
  const auto validation = last(60, 12);
  const Backbone backbone = fit_without(fields, validation);
  ScoreTrainingOptions o;
  o.network = {.width = 8, .dilations = {1, 2}, .dropout = 0.2, .embedding = 8};
  o.steps = 15;
  o.minutes = 0.0;
  o.batch = 8;
  o.validation_draws = 32;
  o.validate_every = 4;
  o.folds = GENERATE(0, 2);
  const auto whole = train_score(backbone, fields, validation, o, "", false);

  int calls = 0;
  const ScoreTrainingHooks stop_early{.stop = [&] { return ++calls > 9; }};
  try {
    static_cast<void>(train_score(backbone, fields, validation, o, scratch.path, false, stop_early));
    FAIL("did not stop");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::stopped);
  }
  const auto resumed = train_score(backbone, fields, validation, o, scratch.path, true);
  CHECK(resumed.steps == whole.steps);
  CHECK(resumed.best_step == whole.best_step);
  CHECK(resumed.validation_ratio == whole.validation_ratio);
  const auto expected = whole.network->named_parameters();
  for (const auto& p : resumed.network->named_parameters()) CHECK(torch::equal(p.value(), expected[p.key()]));

  const std::string log = content(scratch.path / "score_log.csv");
  CHECK_THAT(log, ContainsSubstring("step,seconds,train_ratio,validation_ratio,band_1"));
  CHECK(std::count(log.begin(), log.end(), '\n') == 5);  // a header, steps 4, 8, 12 and 15

  // Another training's checkpoint is refused.
  o.learning_rate *= 2.0;
  CHECK_THROWS_WITH(train_score(backbone, fields, validation, o, scratch.path, true),
                    ContainsSubstring("other options"));
  CHECK_THROWS_AS(train_score(backbone, fields, validation, o, "", true), Error);
}

TEST_CASE("Early stop keeps the best weights", "[prior][score_training]") {
  const auto fields = sign_fields(6, 8, 40);
  const auto validation = last(40, 30);
  const Backbone backbone = fit_without(fields, validation);
  ScoreTrainingOptions o;
  o.network = {.width = 16, .dilations = {1, 2}, .dropout = 0.0, .embedding = 8};
  o.steps = 400;
  o.minutes = 0.0;
  o.learning_rate = 2e-2;
  o.batch = 8;
  o.average = 0.5;
  o.validation_draws = 64;
  o.validate_every = 10;
  o.patience = 2;
  const auto trained = train_score(backbone, fields, validation, o, "", false);
  CHECK(trained.steps < 400);  // ten training fields are soon known by heart
  CHECK(trained.best_step == trained.steps - 20);
}

TEST_CASE("Gaps are filled by draws of the posterior and left out of the loss", "[prior][score_training]") {
  const auto complete = sign_fields(6, 8, 400);
  const Backbone backbone = Backbone::fit(complete, backbone_options());
  // One field many times over, a third of it missing.
  TrainingFields gappy = complete;
  for (Eigen::Index t = 0; t < 400; ++t) {
    gappy.values.col(t) = complete.values.col(0);
    gappy.values.col(t).segment(10, 16).setConstant(std::numeric_limits<float>::quiet_NaN());
    gappy.season[static_cast<std::size_t>(t)] = 0.05;
  }
  const auto prepared = prepare_score_fields(backbone, gappy, std::vector<bool>(400, true), 3);
  CHECK(prepared.weights[0].narrow(0, 10, 16).abs().max().item<float>() == 0.0F);
  CHECK(prepared.weights[0][0].item<float>() == Approx(backbone.relative_weights()[0]));
  CHECK(torch::isfinite(prepared.values).all().item<bool>());

  const auto whole = prepare_score_fields(backbone, complete, last(400, 400), 3);
  CHECK(torch::allclose(prepared.values[5].narrow(0, 0, 10), whole.values[0].narrow(0, 0, 10)));
  CHECK((prepared.values[5] - prepared.values[6]).abs().max().item<float>() > 1e-3F);

  // Against the regression with the dense covariance.
  const CovarianceFactor& f = backbone.factor(0);
  Eigen::MatrixXd c = f.modes * f.variance.asDiagonal() * f.modes.transpose();
  c.diagonal() += f.residual * backbone.relative_weights().cwiseInverse();
  std::vector<Eigen::Index> known;
  std::vector<Eigen::Index> missing;
  Eigen::VectorXd values(32);
  for (Eigen::Index i = 0; i < 48; ++i) {
    const bool gap = i >= 10 && i < 26;
    if (!gap) values[static_cast<Eigen::Index>(known.size())] = whole.values[0][i].item<double>();
    (gap ? missing : known).push_back(i);
  }
  const Eigen::MatrixXd kk = c(known, known);
  const Eigen::MatrixXd mk = c(missing, known);
  const Eigen::VectorXd mean = mk * kk.llt().solve(values);
  const Eigen::MatrixXd spread = c(missing, missing) - mk * kk.llt().solve(mk.transpose());
  const auto drawn = prepared.values.narrow(1, 10, 16).to(torch::kFloat64);
  for (Eigen::Index k = 0; k < 16; ++k) {
    const double sd = std::sqrt(spread(k, k));
    CHECK(drawn.select(1, k).mean().item<double>() == Approx(mean[k]).margin(5.0 * sd / 20.0));
    CHECK(drawn.select(1, k).std().item<double>() == Approx(sd).epsilon(0.2));
  }

  // Training on fields with gaps.
  TrainingFields some = complete.subset(last(400, 40));
  for (Eigen::Index t = 0; t < 40; ++t)
    some.values.col(t).segment((7 * t) % 40, 8).setConstant(std::numeric_limits<float>::quiet_NaN());
  ScoreTrainingOptions o;
  o.network = {.width = 8, .dilations = {1}, .embedding = 8};
  o.steps = 5;
  o.minutes = 0.0;
  o.batch = 4;
  const auto trained = train_score(backbone, some, last(40, 10), o, "", false);
  CHECK(std::isfinite(trained.validation_ratio));
  CHECK_THROWS_AS(train_score(backbone, some, last(40, 40), o, "", false), Error);
  CHECK_THROWS_AS(train_score(backbone, some, last(39, 9), o, "", false), Error);
  // Without validation fields there is nothing to stop early on.
  CHECK(train_score(backbone, some, last(40, 0), o, "", false).steps == 5);
}

TEST_CASE("Options of the score network come from a configuration", "[prior][score_training]") {
  Config config(ScoreTrainingOptions::specs());
  config.set("score.width=24");
  config.set("score.dilations=1,2");
  config.set("score.learning_rate=0.005");
  config.set("score.folds=4");
  const auto o = ScoreTrainingOptions::from(config);
  CHECK(o.network.width == 24);
  CHECK(o.network.dilations == std::vector<double>{1, 2});
  CHECK(o.learning_rate == 0.005);
  CHECK(o.folds == 4);
  CHECK(o.batch == ScoreTrainingOptions{}.batch);
}
