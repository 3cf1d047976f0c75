#include "unit/posterior/diffusion_toys.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <memory>
#include <span>

#include "manifill/posterior/diffusion.hpp"
#include "unit/posterior/denoiser_toys.hpp"
#include "unit/posterior/textbook_toys.hpp"

namespace toys {

Mixture Mixture::posterior(const Eigen::MatrixXd& a, const Eigen::VectorXd& y) const {
  Mixture out;
  std::vector<double> log_weight;
  for (std::size_t k = 0; k < weight.size(); ++k) {
    const Eigen::MatrixXd s =
        a * covariance[k] * a.transpose() + Eigen::MatrixXd::Identity(a.rows(), a.rows());
    const Eigen::LLT<Eigen::MatrixXd> factor(s);
    const Eigen::VectorXd r = y - a * mean[k];
    const Eigen::MatrixXd gain = factor.solve(a * covariance[k]).transpose();
    out.mean.push_back(mean[k] + gain * r);
    out.covariance.push_back(covariance[k] - gain * a * covariance[k]);
    log_weight.push_back(std::log(weight[k]) - 0.5 * r.dot(factor.solve(r)) -
                         factor.matrixLLT().diagonal().array().log().sum());
  }
  const double most = *std::max_element(log_weight.begin(), log_weight.end());
  double sum = 0.0;
  for (const double l : log_weight) sum += std::exp(l - most);
  for (const double l : log_weight) out.weight.push_back(std::exp(l - most) / sum);
  return out;
}

Eigen::VectorXd Mixture::centre() const {
  Eigen::VectorXd out = Eigen::VectorXd::Zero(mean[0].size());
  for (std::size_t k = 0; k < weight.size(); ++k) out += weight[k] * mean[k];
  return out;
}

Eigen::VectorXd Mixture::variance() const {
  Eigen::VectorXd out = Eigen::VectorXd::Zero(mean[0].size());
  for (std::size_t k = 0; k < weight.size(); ++k)
    out += weight[k] * (covariance[k].diagonal() + (mean[k] - centre()).cwiseAbs2());
  return out;
}

Comparison compare(const Eigen::MatrixXd& members, const Eigen::VectorXd& mean,
                   const Eigen::VectorXd& variance, const Eigen::VectorXd& area) {
  const auto count = static_cast<double>(members.cols());
  const Eigen::VectorXd own = members.rowwise().mean();
  const Eigen::VectorXd spread = (members.colwise() - own).rowwise().squaredNorm() / (count - 1.0);
  const Eigen::VectorXd square = (own - mean).cwiseAbs2() - spread / count;
  return {.mean_error = std::sqrt(std::max(0.0, area.dot(square.cwiseQuotient(variance)) / area.sum())),
          .spread = std::sqrt(area.dot(spread.cwiseQuotient(variance)) / area.sum())};
}

Half::Half(double hidden, std::uint64_t seed) : Half(oracle(6, 12), hidden, seed) {}

Half::Half(const std::pair<manifill::prior::Backbone, Eigen::MatrixXd>& process, double hidden,
           std::uint64_t seed)
    : model{.backbone = process.first} {
  constexpr double kNoise = 0.1;
  const Eigen::MatrixXd& c = process.second;
  manifill::RandomStream random({.seed = seed});
  seen.resize(static_cast<std::size_t>(c.rows()));
  for (std::size_t i = 0; i < seen.size(); ++i) seen[i] = random.uniform() >= hidden;
  Eigen::VectorXd white(c.rows());
  random.fill_normal(std::span<double>(white.data(), static_cast<std::size_t>(white.size())));
  const Eigen::VectorXd truth = Eigen::LLT<Eigen::MatrixXd>(c).matrixL() * white;
  window.steps.push_back(observe(truth, seen, kNoise, 5, random));
  const auto exact = textbook(c, window.steps[0].measurement->matrix(), kNoise * kNoise);
  mean = exact.gain * window.steps[0].y;
  variance = exact.covariance.diagonal();
  area = model.backbone.relative_weights();
}

Comparison Half::of(const Eigen::MatrixXd& members, bool only_hidden) const {
  Eigen::VectorXd weight = area;
  if (only_hidden)
    for (std::size_t i = 0; i < seen.size(); ++i)
      if (seen[i]) weight[static_cast<Eigen::Index>(i)] = 0.0;
  return compare(members, mean, variance, weight);
}

Tally tally(const std::string& name, const std::vector<std::string>& settings, std::uint64_t fields,
            std::uint32_t members, const std::function<void(manifill::posterior::Model&)>& prepare) {
  Tally out;
  const auto add = [&](Comparison& sum, const Comparison& one) {
    sum.mean_error += one.mean_error * one.mean_error / static_cast<double>(fields);
    sum.spread += one.spread * one.spread / static_cast<double>(fields);
  };
  for (std::uint64_t k = 0; k < fields; ++k) {
    Half half(0.5, 100 + k);
    if (prepare) prepare(half.model);
    manifill::Config config(manifill::posterior::SamplerRegistry::instance().specs());
    if (manifill::posterior::is_diffusion_method(name)) config.set(name + ".batch=1000");
    for (const auto& setting : settings) config.set(setting);
    const auto e = manifill::posterior::SamplerRegistry::instance()
                       .make(name, half.model, config)
                       ->sample(half.window, {.seed = 2, .members = members});
    add(out.hidden, half.of(e.members, true));
    add(out.all, half.of(e.members, false));
  }
  for (Comparison* c : {&out.hidden, &out.all}) {
    c->mean_error = std::sqrt(c->mean_error);
    c->spread = std::sqrt(c->spread);
  }
  return out;
}

Eigen::MatrixXd draws(const std::string& name, const std::vector<std::string>& settings,
                      const Mixture& mixture, const Eigen::MatrixXd& a, const Eigen::VectorXd& sigma,
                      const Eigen::VectorXd& y, std::int64_t members) {
  const torch::NoGradGuard frozen;
  MixtureDenoiser denoiser(mixture);
  const Eigen::VectorXd ones = Eigen::VectorXd::Ones(a.cols());
  const manifill::posterior::WhitenedMeasurement m(manifill::measurement::Measurement(a.sparseView(), sigma),
                                                   ones, ones);
  const manifill::posterior::DiffusionProblem problem{
      .denoiser = denoiser, .measurement = m, .y = m.whiten(y)};
  manifill::posterior::MemberNoise noise(3, 1, 0, members);
  const auto u = manifill::posterior::diffusion_method(name, settings)
                     ->draw(problem, noise)
                     .to(torch::kFloat64)
                     .contiguous();
  return Eigen::Map<const Eigen::MatrixXd>(u.data_ptr<double>(), a.cols(), members);
}

Overlap::Overlap()
    : a(Eigen::MatrixXd::Zero(3, 5)),
      sigma(Eigen::Vector3d(0.1, 0.2, 0.3)),
      y(Eigen::Vector3d(1.0, -0.5, 0.3)) {
  prior.weight = {1.0};
  prior.mean = {Eigen::VectorXd::LinSpaced(5, -0.5, 0.5)};
  const Eigen::MatrixXd root = normals(5, 5, 2);
  prior.covariance = {0.2 * root * root.transpose() + 0.1 * Eigen::MatrixXd::Identity(5, 5)};
  for (Eigen::Index i = 0; i < 3; ++i) a.block(i, i, 1, 3) << 0.25, 0.5, 0.25;
}

Eigen::MatrixXd Overlap::draws(const std::string& name, const std::vector<std::string>& settings,
                               std::int64_t members) const {
  return toys::draws(name, settings, prior, a, sigma, y, members);
}

Comparison Overlap::of(const Eigen::MatrixXd& members) const {
  const auto exact = prior.posterior(sigma.cwiseInverse().asDiagonal() * a, y.cwiseQuotient(sigma));
  return compare(members, exact.mean[0], exact.covariance[0].diagonal(), Eigen::VectorXd::Ones(5));
}

Mixture two_hills() {
  Mixture m;
  m.weight = {0.4, 0.6};
  m.mean = {Eigen::Vector2d(-1.0, -1.0), Eigen::Vector2d(1.0, 0.5)};
  m.covariance = {Eigen::Matrix2d{{0.2, 0.05}, {0.05, 0.1}}, Eigen::Matrix2d{{0.1, -0.03}, {-0.03, 0.3}}};
  return m;
}

Hills hills_of(const Eigen::MatrixXd& x, const Mixture& posterior) {
  // Share of the second coordinate above the saddle, of members and of the posterior.
  constexpr double kSaddle = -0.4;
  Hills out{.own = compare(x, posterior.centre(), posterior.variance(), Eigen::Vector2d::Ones())};
  out.second = static_cast<double>((x.row(1).array() > kSaddle).count()) / static_cast<double>(x.cols());
  for (std::size_t k = 0; k < 2; ++k)
    out.exact += posterior.weight[k] * 0.5 *
                 std::erfc((kSaddle - posterior.mean[k][1]) / std::sqrt(2.0 * posterior.covariance[k](1, 1)));
  return out;
}

Hills hills(const std::string& name, const std::vector<std::string>& settings, std::int64_t members) {
  const Mixture prior = two_hills();
  const Eigen::MatrixXd a = Eigen::RowVector2d(1.0, 0.0);
  const Eigen::VectorXd sigma = Eigen::VectorXd::Constant(1, 0.4);
  const Eigen::VectorXd y = Eigen::VectorXd::Constant(1, 0.1);
  const Mixture posterior = prior.posterior(a / 0.4, y / 0.4);
  return hills_of(draws(name, settings, prior, a, sigma, y, members), posterior);
}

}  // namespace toys
