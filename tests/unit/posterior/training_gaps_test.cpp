#include "manifill/posterior/training_gaps.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <filesystem>
#include <limits>

#include "catch.hpp"
#include "manifill/io/model_file.hpp"
#include "unit/prior/toys.hpp"

using namespace manifill;

namespace {

constexpr Eigen::Index kTimes = 1200;
constexpr Eigen::Index kGappy = 24;  // points of the first rows, missing in three times of four

/// Draws of the oracle's covariance whose first points are mostly missing.
prior::TrainingFields gappy_fields(const domain::Domain& domain, const Eigen::MatrixXd& covariance) {
  const Eigen::LLT<Eigen::MatrixXd> root(covariance);
  prior::TrainingFields f{.domain = domain};
  f.values = (root.matrixL() * toys::normals(covariance.rows(), kTimes, 2)).cast<float>();
  for (Eigen::Index t = 0; t < kTimes; ++t) {
    f.index.push_back(t);
    f.season.push_back(0.0);
    f.year.push_back(static_cast<int>(t));
    if (t % 4 != 0) f.values.col(t).head(kGappy).setConstant(std::numeric_limits<float>::quiet_NaN());
  }
  return f;
}

/// Slope of the fitted covariances between gappy and complete points over the true ones.
double cross_slope(const prior::Backbone& b, const Eigen::MatrixXd& truth) {
  const auto c = b.window_covariance(0);
  const Eigen::VectorXd scale = b.scale(0.0);
  double above = 0.0;
  double below = 0.0;
  for (Eigen::Index i = 0; i < kGappy; ++i)
    for (Eigen::Index j = kGappy; j < truth.rows(); ++j) {
      above += scale[i] * scale[j] * (*c)(i, j) * truth(i, j);
      below += truth(i, j) * truth(i, j);
    }
  return above / below;
}

}  // namespace

TEST_CASE("draws in the gaps of training fields take the bias off covariances", "[posterior]") {
  const auto [oracle, truth] = toys::oracle(6, 12);
  const auto fields = gappy_fields(oracle.domain(), truth);
  const prior::BackboneOptions options{
      .mean_harmonics = 0, .scale_harmonics = 0, .residual_floor = 1e-6, .noise_sigma = 0.01};
  // Counting every point's values for itself shrinks them by the root of the share known, 1/2; 300 complete
  // times know a covariance to 0.06.
  const auto available = prior::Backbone::fit(fields, options);
  CHECK(std::abs(cross_slope(available, truth) - 0.5) < 0.1);
  const auto filled = posterior::infill_training_gaps(fields, options, 6, 1);
  const auto fitted = prior::Backbone::fit(filled, options);

  CHECK(std::abs(cross_slope(fitted, truth) - 1.0) < 0.1);
  // Draws, not means: variances stay as they are.
  const double ratio = fitted.variance(0).head(kGappy).mean() / available.variance(0).head(kGappy).mean();
  CHECK(std::abs(ratio - 1.0) < 0.1);

  // Known values are as they were, and only gaps are filled.
  for (Eigen::Index t = 0; t < kTimes; ++t)
    for (Eigen::Index i = 0; i < truth.rows(); ++i) {
      const bool gap = std::isnan(fields.values(i, t));
      REQUIRE(std::isnan(filled.values(i, t)) == gap);
      REQUIRE(std::isnan(filled.infilled(i, t)) != gap);
      REQUIRE((gap || filled.values(i, t) == fields.values(i, t)));
    }

  // A model file keeps them to its packing.
  const auto path = std::filesystem::temp_directory_path() / "manifill_training_gaps.h5";
  io::ModelFile file;
  fitted.save(file);
  file.save(path.string());
  const auto loaded = prior::Backbone::load(io::ModelFile::load(path.string()));
  std::filesystem::remove(path);
  CHECK((loaded.variance(0) - fitted.variance(0)).cwiseAbs().maxCoeff() < 1e-3);
  CHECK(std::abs(cross_slope(loaded, truth) - cross_slope(fitted, truth)) < 1e-3);
  const auto half = loaded.training().subset(std::vector<bool>(static_cast<std::size_t>(kTimes), true));
  CHECK(half.infilled.cols() == half.values.cols());
}

TEST_CASE("the same seed draws the same", "[posterior]") {
  const auto [oracle, truth] = toys::oracle(4, 8);
  const auto fields = gappy_fields(oracle.domain(), truth);
  const prior::BackboneOptions options{.mean_harmonics = 0, .scale_harmonics = 0, .noise_sigma = 0.01};
  const auto differ = [&](std::uint64_t seed) {
    const auto a = posterior::infill_training_gaps(fields, options, 1, 1).infilled;
    const auto b = posterior::infill_training_gaps(fields, options, 1, seed).infilled;
    return (a.array().isNaN().select(0.0F, a) - b.array().isNaN().select(0.0F, b)).cwiseAbs().maxCoeff();
  };
  CHECK(differ(1) == 0.0F);
  CHECK(differ(2) > 0.1F);
}
