#include "manifill/posterior/diffusion.hpp"

#include <Eigen/LU>
#include <Eigen/QR>
#include <cmath>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/prior/prior.hpp"
#include "unit/posterior/denoiser_toys.hpp"

using namespace manifill;
using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr Index kPoints = 12;

/// One field a row of the tensor, one a column of the matrix.
torch::Tensor rows_of(const MatrixXd& columns, torch::ScalarType type = torch::kFloat64) {
  return torch::from_blob(const_cast<double*>(columns.data()), {columns.cols(), columns.rows()},
                          torch::kFloat64)
      .to(type, false, true);
}

MatrixXd columns_of(const torch::Tensor& rows) {
  const auto dense = rows.to(torch::kFloat64).contiguous();
  return Eigen::Map<const MatrixXd>(dense.data_ptr<double>(), rows.size(1), rows.size(0));
}

measurement::Measurement measurement_of(const MatrixXd& a) {
  const VectorXd sigma = VectorXd::LinSpaced(a.rows(), 0.1, 0.4);
  return {a.sparseView(), sigma};
}

/// Every other point, and a row that sees none.
MatrixXd mask() {
  MatrixXd a = MatrixXd::Zero(kPoints / 2 + 1, kPoints);
  for (Index i = 0; i < kPoints / 2; ++i) a(i, 2 * i) = 1.0;
  return a;
}

/// Means of three neighbours that do not overlap.
MatrixXd coarse() {
  MatrixXd a = MatrixXd::Zero(kPoints / 3, kPoints);
  for (Index i = 0; i < kPoints / 3; ++i) a.block(i, 3 * i, 1, 3).setConstant(1.0 / 3.0);
  return a;
}

/// Weighted means of each point and its neighbours, round the circle, in some rows.
MatrixXd blur(Index rows) {
  MatrixXd a = MatrixXd::Zero(rows, kPoints);
  for (Index i = 0; i < rows; ++i) {
    a(i, i % kPoints) = 0.5;
    a(i, (i + 1) % kPoints) = 0.3;
    a(i, (i + kPoints - 1) % kPoints) = 0.2;
  }
  return a;
}

struct Named {
  std::string name;
  MatrixXd a;
  bool disjoint;
};

/// The last two have rows that are alike: more of them than points, and a single singular value.
std::vector<Named> measurements() {
  return {{"mask", mask(), true},
          {"coarse", coarse(), true},
          {"blur", blur(8), false},
          {"more than points", blur(kPoints + 3), false},
          {"one place twice", blur(1).replicate(2, 1), false}};
}

VectorXd scales() { return VectorXd::LinSpaced(kPoints, 0.5, 2.0); }

VectorXd weights() { return VectorXd::LinSpaced(kPoints, 0.3, 1.7); }

/// A~ as a dense matrix.
MatrixXd whitened(const MatrixXd& a) {
  const VectorXd sigma = measurement_of(a).noise_sigma();
  const VectorXd columns = scales().cwiseQuotient(weights().cwiseSqrt());
  return sigma.cwiseInverse().asDiagonal() * a * columns.asDiagonal();
}

/// Names of all methods of the diffusion.
std::vector<std::string> methods() {
  std::vector<std::string> out;
  for (const auto& name : posterior::SamplerRegistry::instance().names())
    if (posterior::is_diffusion_method(name)) out.push_back(name);
  return out;
}

/// A configuration with a dozen levels.
Config quick(const std::string& name) {
  const auto specs = posterior::SamplerRegistry::instance().specs();
  Config c(specs);
  for (const auto& s : specs)
    if (s.key == name + ".steps" && name != "sda") c.set(s.key + "=12");  // sda would run away
  return c;
}

}  // namespace

TEST_CASE("a whitened measurement is what dense algebra makes of it", "[posterior]") {
  for (const auto& [name, a, disjoint] : measurements()) {
    INFO(name);
    const MatrixXd dense = whitened(a);
    const posterior::WhitenedMeasurement m(measurement_of(a), scales(), weights());
    REQUIRE(m.disjoint() == disjoint);
    REQUIRE(m.observations() == a.rows());
    const MatrixXd u = toys::normals(kPoints, 5, 1);
    const MatrixXd r = toys::normals(a.rows(), 5, 2);
    // Two ways to the same sums in double precision; products of up to 1e2.
    const auto near = [](const torch::Tensor& own, const MatrixXd& other, double accuracy) {
      CHECK((columns_of(own) - other).cwiseAbs().maxCoeff() <
            accuracy * std::max(1.0, other.cwiseAbs().maxCoeff()));
    };
    for (const auto type : {torch::kFloat64, torch::kFloat32}) {
      const double accuracy = type == torch::kFloat64 ? 1e-11 : 1e-5;
      near(m.apply(rows_of(u, type)), dense * u, accuracy);
      near(m.adjoint(rows_of(r, type)), dense.transpose() * r, accuracy);
      const Eigen::CompleteOrthogonalDecomposition<MatrixXd> full(dense);
      near(m.pseudo_inverse(rows_of(r, type)), full.pseudoInverse() * r, accuracy);
      MatrixXd system = 0.7 * dense * dense.transpose();
      system.diagonal().array() += 0.2;
      near(m.solve(0.7, 0.2, rows_of(r, type)), system.inverse() * r, accuracy);
      const Eigen::CompleteOrthogonalDecomposition<MatrixXd> square(0.7 * dense * dense.transpose());
      near(m.solve(0.7, 0.0, rows_of(r, type)), square.pseudoInverse() * r, accuracy);
      near(m.regularised_inverse(0.7, 0.2, rows_of(r, type)), dense.transpose() * system.inverse() * r,
           accuracy);
      // As good as that of no d, from which it differs by less than 1e-12 of the least singular value
      // squared.
      constexpr double kTiny = 1e-14;
      near(m.regularised_inverse(0.7, kTiny, rows_of(r, type)), full.pseudoInverse() * r / 0.7, accuracy);
      if (name == "more than points" || name == "one place twice")
        continue;  // what rounding leaves beyond the range is divided by d
      near(m.solve(0.7, kTiny, rows_of(dense * u, type)), square.pseudoInverse() * dense * u, accuracy);
    }
    const double products = (dense * u).cwiseProduct(r).sum();
    CHECK(columns_of(m.adjoint(rows_of(r))).cwiseProduct(u).sum() == Approx(products).epsilon(1e-12));
    CHECK(m.gain() == Approx(std::sqrt(dense.squaredNorm() / static_cast<double>(a.rows()))));
    const VectorXd y = VectorXd::LinSpaced(a.rows(), -1.0, 2.0);
    near(m.whiten(y), y.cwiseQuotient(measurement_of(a).noise_sigma()), 1e-6);  // single precision
  }
}

TEST_CASE("singular vectors are orthonormal and make up the measurement", "[posterior]") {
  for (const auto& [name, a, disjoint] : measurements()) {
    INFO(name);
    const MatrixXd dense = whitened(a);
    const posterior::WhitenedMeasurement m(measurement_of(a), scales(), weights());
    const auto rank = m.singular_values().size(0);
    CHECK(rank == Eigen::FullPivHouseholderQR<MatrixXd>(dense).rank());
    CHECK(m.singular_values().min().item<double>() > 0.0);
    const auto unit = torch::eye(rank, torch::kFloat64);
    const MatrixXd left = columns_of(m.from_left(unit));  // [observation][rank]
    const MatrixXd right = columns_of(m.from_right(unit));
    const MatrixXd s = columns_of(m.singular_values().unsqueeze(0));
    const auto identity = MatrixXd::Identity(rank, rank);
    CHECK((left.transpose() * left - identity).cwiseAbs().maxCoeff() < 1e-11);
    CHECK((right.transpose() * right - identity).cwiseAbs().maxCoeff() < 1e-11);
    CHECK((left * s.col(0).asDiagonal() * right.transpose() - dense).cwiseAbs().maxCoeff() < 1e-11);
    const MatrixXd u = toys::normals(kPoints, 3, 4);
    const MatrixXd r = toys::normals(a.rows(), 3, 5);
    CHECK((columns_of(m.to_left(rows_of(r))) - left.transpose() * r).cwiseAbs().maxCoeff() < 1e-11);
    CHECK((columns_of(m.to_right(rows_of(u))) - right.transpose() * u).cwiseAbs().maxCoeff() < 1e-11);
  }
}

TEST_CASE("a denoiser counts, and pulls back by its Jacobian", "[posterior]") {
  toys::MixtureDenoiser d(toys::two_hills());
  const auto u = rows_of(toys::normals(2, 4, 6), torch::kFloat32);
  const double level = 0.3;
  auto at = d.linearise(u, level);
  CHECK(torch::equal(at.mean(), d.mean(u, level)));
  CHECK_FALSE(at.mean().requires_grad());
  const auto v = rows_of(toys::normals(2, 4, 7), torch::kFloat32);
  const auto pulled = at.pullback(v);
  CHECK(torch::equal(pulled, at.pullback(v)));
  CHECK(d.evaluations() == 8);
  CHECK(d.gradients() == 8);
  // Central differences of single precision: truncation 1e-4, rounding 1e-7 / 1e-2.
  constexpr double kStep = 1e-2;
  for (std::int64_t i = 0; i < 2; ++i) {
    auto step = torch::zeros({1, 2});
    step[0][i] = kStep;
    const auto slope = (d.mean(u + step, level) - d.mean(u - step, level)) / (2.0 * kStep);
    CHECK((pulled.select(1, i) - (slope * v).sum(1)).abs().max().item<double>() < 1e-3);
  }
}

TEST_CASE("the model's denoiser is the Gaussian's in coordinates of white noise", "[posterior]") {
  const auto [backbone, c] = toys::oracle(6, 12);
  const prior::Prior prior(backbone);
  const auto d = posterior::prior_denoiser(prior, 0.0);
  const VectorXd root = backbone.relative_weights().cwiseSqrt();
  const MatrixXd own = root.asDiagonal() * c * root.asDiagonal();
  const auto part = d->gaussian();
  REQUIRE(part.has_value());
  MatrixXd known = columns_of((part->modes * (part->variance - part->rest)).matmul(part->modes.t()));
  known.diagonal().array() += part->rest;
  // A residual of 1e-6 of the variance is taken off the modes' part.
  CHECK((known - own).cwiseAbs().maxCoeff() < 1e-5);
  const double level = -1.0;
  const double alpha = prior::alpha_of(level);
  const double sigma = prior::sigma_of(level);
  MatrixXd marginal = alpha * alpha * own;
  marginal.diagonal().array() += sigma * sigma;
  const MatrixXd u = toys::normals(72, 4, 8);
  // Single precision.
  CHECK((columns_of(d->mean(rows_of(u, torch::kFloat32), level)) - alpha * own * marginal.inverse() * u)
            .cwiseAbs()
            .maxCoeff() < 1e-4);
  const MatrixXd colour = columns_of(d->marginal(torch::eye(72), level));
  CHECK((colour * colour.transpose() - marginal).cwiseAbs().maxCoeff() < 1e-4);
}

TEST_CASE("levels fall from noise to the clean field, and steps keep the law of a known field",
          "[posterior]") {
  const prior::NoiseSchedule schedule;
  for (const std::string spacing : {"time", "log_snr"}) {
    const auto levels = posterior::noise_levels(schedule, 10, spacing);
    REQUIRE(levels.size() == 11);
    CHECK(levels[0] == Approx(schedule.lowest()));
    CHECK(levels[9] == Approx(schedule.highest()));
    CHECK(std::isinf(levels[10]));
    CHECK(std::is_sorted(levels.begin(), levels.end()));
  }
  CHECK(posterior::noise_levels(schedule, 10, "log_snr")[1] ==
        Approx(schedule.lowest() + schedule.span() / 9.0));
  CHECK(posterior::noise_levels(schedule, 1, "time").size() == 2);
  // u_t = alpha x + sigma eps with x known becomes alpha_s x + sigma_s times a unit normal.
  const double from = -1.0;
  const double to = 0.5;
  const auto x = torch::full({1, 1}, 2.0, torch::kFloat64);
  const auto eps = torch::full({1, 1}, 1.0, torch::kFloat64);
  for (const double eta : {0.0, 0.5, 1.0}) {
    const auto u = prior::alpha_of(from) * x + prior::sigma_of(from) * eps;
    const auto zero = torch::zeros({1, 1}, torch::kFloat64);
    const double centre = prior::alpha_of(to) * 2.0;
    const double kept = posterior::ddim_step(u, x, from, to, eta, zero).item<double>() - centre;  // times eps
    const double both = posterior::ddim_step(u, x, from, to, eta, eps).item<double>() - centre;
    const double fresh = both - kept;
    CHECK(kept * kept + fresh * fresh == Approx(std::pow(prior::sigma_of(to), 2)));
    if (eta == 0.0) CHECK(fresh == 0.0);
    // The variance of q(u_s | u_t, x) (Ho et al. 2020, arXiv 2006.11239, eq. 7).
    if (eta == 1.0)
      CHECK(fresh * fresh == Approx((1.0 - std::pow(prior::alpha_of(from) / prior::alpha_of(to), 2)) *
                                    std::pow(prior::sigma_of(to) / prior::sigma_of(from), 2)));
    CHECK(posterior::ddim_step(u, x, from, INFINITY, eta, eps).item<double>() == 2.0);
  }
}

TEST_CASE("members depend on seed, step and number, not on batches", "[posterior]") {
  const toys::Half half;
  const toys::Half whole(0.0);
  for (const auto& name : methods()) {
    INFO(name);
    const bool one_answer = name == "noise2score";  // for fields without gaps, and the same for all members
    const auto draw = [&](const std::string& batch, const posterior::SampleRequest& request) {
      auto c = quick(name);
      c.set(name + ".batch=" + batch);
      return posterior::SamplerRegistry::instance()
          .make(name, half.model, c)
          ->sample(one_answer ? whole.window : half.window, request)
          .members;
    };
    const MatrixXd all = draw("16", {.seed = 4, .members = 7});
    // Sums of single precision in another order; members of other numbers or seeds are far away.
    constexpr double kRounding = 1e-4;
    CHECK((draw("1", {.seed = 4, .members = 7}) - all).cwiseAbs().maxCoeff() < kRounding);
    CHECK((draw("3", {.seed = 4, .members = 7}) - all).cwiseAbs().maxCoeff() < kRounding);
    const MatrixXd some = draw("2", {.seed = 4, .first_member = 3, .members = 3});
    CHECK((some - all.middleCols(3, 3)).cwiseAbs().maxCoeff() < kRounding);
    if (one_answer) continue;
    CHECK((all.col(0) - all.col(1)).cwiseAbs().maxCoeff() > 0.1);
    CHECK((draw("16", {.seed = 5, .members = 7}) - all).cwiseAbs().maxCoeff() > 0.1);
  }
}

TEST_CASE("every method gives densities to none, fills without observations and stops when asked to",
          "[posterior]") {
  const toys::Half half;
  const auto& registry = posterior::SamplerRegistry::instance();
  posterior::Window empty;
  empty.steps.push_back({.time = 5});
  REQUIRE(methods().size() >= 12);
  for (const auto& name : methods()) {
    INFO(name);
    const auto sampler = registry.make(name, half.model, quick(name));
    CHECK_THROWS_WITH(static_cast<void>(sampler->sample(half.window, {.members = 2, .density = true})),
                      Contains("'" + name + "' knows no density"));
    if (name == "noise2score") continue;  // refuses gaps
    CHECK(sampler->sample(empty, {.members = 2}).members.allFinite());
    request_stop();
    try {
      static_cast<void>(sampler->sample(half.window, {.members = 2}));
      FAIL("a stop was asked for");
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::stopped);
    }
    clear_stop();
  }
}

TEST_CASE("ensembles say what they cost and how the window looks", "[posterior]") {
  const toys::Half half;
  const auto& registry = posterior::SamplerRegistry::instance();
  Config c(registry.specs());
  c.set("dps.steps=9");
  const auto dps = registry.make("dps", half.model, c)->sample(half.window, {.members = 5});
  const auto gaussian = registry.make("gaussian", half.model)->sample(half.window, {.members = 5});
  CHECK(dps.evaluations == 9.0);
  CHECK(dps.gradients == 9.0);
  CHECK(gaussian.evaluations == 0.0);
  CHECK(gaussian.gradients == 0.0);
  CHECK(dps.chi_square == gaussian.chi_square);
  CHECK(dps.freedom == gaussian.freedom);
  CHECK(dps.freedom == static_cast<double>(half.window.steps[0].y.size()));
}

TEST_CASE("without observations members are draws of the prior, in physical units", "[posterior]") {
  const auto backbone = toys::seasonal_backbone();
  const posterior::Model model{.backbone = backbone};
  const double season = 0.2;
  posterior::Window window;
  window.steps.push_back({.time = 3, .season = season});
  Config c(posterior::SamplerRegistry::instance().specs());
  c.set("dps.steps=100");
  c.set("dps.batch=1000");
  constexpr std::uint32_t kMembers = 4000;
  const auto e = posterior::SamplerRegistry::instance()
                     .make("dps", model, c)
                     ->sample(window, {.seed = 2, .members = kMembers});
  CHECK(e.freedom == 0.0);
  const VectorXd mean = backbone.mean(season);
  const VectorXd sd =
      backbone.variance(backbone.season_bin(season)).cwiseSqrt().cwiseProduct(backbone.scale(season));
  const auto own = toys::compare(e.members, mean, sd.cwiseAbs2(), VectorXd::Ones(mean.size()));
  // 4,000 members know a mean to 0.016 sd and a spread to 0.011; a hundred ancestral steps lose 1 % of it.
  CHECK(own.mean_error < 0.03);
  CHECK(own.spread == Approx(1.0).margin(0.03));
}

TEST_CASE("refinement brings members of any method to the Gaussian posterior", "[posterior]") {
  const toys::Half half;
  Config c(posterior::SamplerRegistry::instance().specs());
  c.set("dps.steps=5");
  c.set("dps.batch=1000");
  const auto sampler = posterior::SamplerRegistry::instance().make("dps", half.model, c);
  constexpr std::uint32_t kMembers = 1000;
  const auto coarse = half.of(sampler->sample(half.window, {.members = kMembers}).members, false);
  const auto refined =
      half.of(sampler->sample(half.window, {.members = kMembers, .refine = 40}).members, false);
  CHECK(coarse.mean_error > 0.3);
  // Forty steps leave (3/4)^20 = 0.3 % of what was wrong; 1,000 members know a mean to 0.03 and a spread to
  // 0.02.
  CHECK(refined.mean_error < 0.1);
  CHECK(refined.spread == Approx(1.0).margin(0.05));
}

TEST_CASE("what a sampler of the diffusion cannot do is refused", "[posterior]") {
  const toys::Half half;
  const auto& registry = posterior::SamplerRegistry::instance();
  const auto dps = registry.make("dps", half.model);
  CHECK_THROWS_WITH(static_cast<void>(dps->sample(half.window, {.members = 2, .density = true})),
                    Contains("'dps' knows no density"));
  Config c(registry.specs());
  c.set("dps.zeta=1e39");
  c.set("dps.steps=20");
  const auto wild = registry.make("dps", half.model, c);
  CHECK_THROWS_WITH(static_cast<void>(wild->sample(half.window, {.members = 2})),
                    Contains("not finite") && Contains("[step 5]") && Contains("dps.*"));
  c.set("dps.zeta=1e6");
  const auto away = registry.make("dps", half.model, c);
  CHECK_THROWS_WITH(static_cast<void>(away->sample(half.window, {.members = 2})),
                    Contains("ran away") && Contains("standard deviations of the prior"));
  CHECK_THROWS_WITH(static_cast<void>(posterior::diffusion_method("none")), Contains("'none'"));
  const auto m = measurement_of(mask());
  CHECK_THROWS_WITH(posterior::WhitenedMeasurement(m, scales().head(5), weights()), Contains("scales of 5"));
  const posterior::WhitenedMeasurement good(m, scales(), weights());
  CHECK_THROWS_AS(static_cast<void>(good.apply(torch::zeros({1, 3}))), Error);
  CHECK_THROWS_AS(static_cast<void>(good.whiten(VectorXd::Zero(2))), Error);
  request_stop();
  try {
    static_cast<void>(dps->sample(half.window, {.members = 2}));
    FAIL("a stop was asked for");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::stopped);
  }
  clear_stop();
}
