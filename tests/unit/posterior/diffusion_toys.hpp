#pragma once
// Problems with exact posteriors for samplers of the diffusion.

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "manifill/posterior/diffusion.hpp"
#include "unit/posterior/toys.hpp"
#include "unit/prior/toys.hpp"

namespace toys {

/// Mixture of Gaussians in a few dimensions.
struct Mixture {
  std::vector<double> weight{};
  std::vector<Eigen::VectorXd> mean{};
  std::vector<Eigen::MatrixXd> covariance{};

  /// Of y = A u + n, n ~ N(0, 1): again a mixture. \param a [observation][point]
  [[nodiscard]] Mixture posterior(const Eigen::MatrixXd& a, const Eigen::VectorXd& y) const {
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
  [[nodiscard]] Eigen::VectorXd centre() const {
    Eigen::VectorXd out = Eigen::VectorXd::Zero(mean[0].size());
    for (std::size_t k = 0; k < weight.size(); ++k) out += weight[k] * mean[k];
    return out;
  }
  [[nodiscard]] Eigen::VectorXd variance() const {
    Eigen::VectorXd out = Eigen::VectorXd::Zero(mean[0].size());
    for (std::size_t k = 0; k < weight.size(); ++k)
      out += weight[k] * (covariance[k].diagonal() + (mean[k] - centre()).cwiseAbs2());
    return out;
  }
};

/// E[u_0 | u_t] of a mixture in closed form.
class MixtureDenoiser : public manifill::posterior::Denoiser {
 public:
  explicit MixtureDenoiser(const Mixture& mixture) {
    for (std::size_t k = 0; k < mixture.weight.size(); ++k) {
      const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> e(mixture.covariance[k]);
      const Eigen::MatrixXd vectors = e.eigenvectors();
      parts_.push_back({std::log(mixture.weight[k]), tensor(mixture.mean[k]),
                        torch::from_blob(const_cast<double*>(vectors.data()),
                                         {vectors.rows(), vectors.cols()}, torch::kFloat64)
                            .t()
                            .clone(),
                        tensor(e.eigenvalues())});
    }
  }
  [[nodiscard]] std::int64_t points() const override { return parts_[0].mean.size(0); }
  [[nodiscard]] std::optional<manifill::posterior::GaussianPart> gaussian() const override {
    if (parts_.size() > 1) return std::nullopt;
    return manifill::posterior::GaussianPart{.modes = parts_[0].vectors, .variance = parts_[0].values};
  }

 private:
  struct Part {
    double log_weight;
    torch::Tensor mean, vectors, values;  // [point], [point][vector], [vector]
  };
  static torch::Tensor tensor(const Eigen::VectorXd& v) {
    return torch::from_blob(const_cast<double*>(v.data()), {v.size()}, torch::kFloat64).clone();
  }
  [[nodiscard]] torch::Tensor estimate(const torch::Tensor& u, const torch::Tensor& log_snr) const override {
    const auto level = log_snr.to(torch::kFloat64).unsqueeze(1);
    const auto alpha = manifill::prior::alpha_of(level);
    const auto noise = manifill::prior::sigma_of(level).square();
    std::vector<torch::Tensor> scores;
    std::vector<torch::Tensor> means;
    for (const Part& p : parts_) {
      const auto variance = alpha.square() * p.values + noise;
      const auto white = torch::matmul(u.to(torch::kFloat64) - alpha * p.mean, p.vectors);
      scores.push_back(p.log_weight - 0.5 * (white.square() / variance + variance.log()).sum(1));
      means.push_back(p.mean + torch::matmul(alpha * p.values / variance * white, p.vectors.t()));
    }
    const auto share = torch::softmax(torch::stack(scores), 0).unsqueeze(2);
    return (share * torch::stack(means)).sum(0).to(u.scalar_type());
  }
  std::vector<Part> parts_{};
};

/// How draws of a posterior compare with its closed form over all points, weighted by area.
struct Comparison {
  double mean_error = 0.0;  // root mean square, in posterior sd; what few members make of it taken off
  double spread = 0.0;      // root mean square, over the posterior's
};

inline Comparison compare(const Eigen::MatrixXd& members, const Eigen::VectorXd& mean,
                          const Eigen::VectorXd& variance, const Eigen::VectorXd& area) {
  const auto count = static_cast<double>(members.cols());
  const Eigen::VectorXd own = members.rowwise().mean();
  const Eigen::VectorXd spread = (members.colwise() - own).rowwise().squaredNorm() / (count - 1.0);
  const Eigen::VectorXd square = (own - mean).cwiseAbs2() - spread / count;
  return {.mean_error = std::sqrt(std::max(0.0, area.dot(square.cwiseQuotient(variance)) / area.sum())),
          .spread = std::sqrt(area.dot(spread.cwiseQuotient(variance)) / area.sum())};
}

/// A Gaussian field on 6 x 12 points, every second one observed with noise of 0.1, and its posterior.
struct Half {
  manifill::posterior::Model model;
  manifill::posterior::Window window{};
  Eigen::VectorXd mean{};
  Eigen::VectorXd variance{};
  Eigen::VectorXd area{};
  manifill::measurement::ObservedCells seen{};

  explicit Half(double hidden = 0.5, std::uint64_t seed = 3) : Half(oracle(6, 12), hidden, seed) {}

  /// Of many members, over all points or over those that are hidden.
  [[nodiscard]] Comparison of(const Eigen::MatrixXd& members, bool only_hidden) const {
    Eigen::VectorXd weight = area;
    if (only_hidden)
      for (std::size_t i = 0; i < seen.size(); ++i)
        if (seen[i]) weight[static_cast<Eigen::Index>(i)] = 0.0;
    return compare(members, mean, variance, weight);
  }

 private:
  Half(const std::pair<manifill::prior::Backbone, Eigen::MatrixXd>& process, double hidden,
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
    const Eigen::MatrixXd a = window.steps[0].measurement->matrix();
    const Eigen::MatrixXd s =
        a * c * a.transpose() + kNoise * kNoise * Eigen::MatrixXd::Identity(a.rows(), a.rows());
    const Eigen::MatrixXd gain = Eigen::LLT<Eigen::MatrixXd>(s).solve(a * c).transpose();
    mean = gain * window.steps[0].y;
    variance = (c - gain * a * c).diagonal();
    area = model.backbone.relative_weights();
  }
};

/// What a sampler makes of several of these problems: root mean squares of mean errors and spreads.
struct Tally {
  Comparison hidden{};  // over the hidden points
  Comparison all{};
};

inline Tally tally(const std::string& name, const std::vector<std::string>& settings, std::uint64_t fields,
                   std::uint32_t members,
                   const std::function<void(manifill::posterior::Model&)>& prepare = {}) {
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

/// Draws of a method for u observed through A~ = diag(1 / sigma) a: [point][member].
inline Eigen::MatrixXd draws(const std::string& name, const std::vector<std::string>& settings,
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

/// A Gaussian field of five points seen through three means that overlap.
struct Overlap {
  Mixture prior{};
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(3, 5);
  Eigen::VectorXd sigma = Eigen::Vector3d(0.1, 0.2, 0.3);
  Eigen::VectorXd y = Eigen::Vector3d(1.0, -0.5, 0.3);

  Overlap() {
    prior.weight = {1.0};
    prior.mean = {Eigen::VectorXd::LinSpaced(5, -0.5, 0.5)};
    const Eigen::MatrixXd root = normals(5, 5, 2);
    prior.covariance = {0.2 * root * root.transpose() + 0.1 * Eigen::MatrixXd::Identity(5, 5)};
    for (Eigen::Index i = 0; i < 3; ++i) a.block(i, i, 1, 3) << 0.25, 0.5, 0.25;
  }
  /// The prior's mean is not zero, but the start is: alpha 0.007 of it is left out.
  [[nodiscard]] Eigen::MatrixXd draws(const std::string& name, const std::vector<std::string>& settings,
                                      std::int64_t members) const {
    return toys::draws(name, settings, prior, a, sigma, y, members);
  }
  [[nodiscard]] Comparison of(const Eigen::MatrixXd& members) const {
    const auto exact = prior.posterior(sigma.cwiseInverse().asDiagonal() * a, y.cwiseQuotient(sigma));
    return compare(members, exact.mean[0], exact.covariance[0].diagonal(), Eigen::VectorXd::Ones(5));
  }
};

/// Two hills in the plane. Of the first coordinate observed with noise of 0.4 as 0.1, the posterior has a
/// third of its weight in one and the rest in the other.
inline Mixture two_hills() {
  Mixture m;
  m.weight = {0.4, 0.6};
  m.mean = {Eigen::Vector2d(-1.0, -1.0), Eigen::Vector2d(1.0, 0.5)};
  m.covariance = {Eigen::Matrix2d{{0.2, 0.05}, {0.05, 0.1}}, Eigen::Matrix2d{{0.1, -0.03}, {-0.03, 0.3}}};
  return m;
}

/// What a method makes of it, against the posterior in closed form.
struct Hills {
  double second = 0.0;  // share of members nearer to the second hill, by the second coordinate
  double exact = 0.0;   // of the posterior
  Comparison own{};
};

inline Hills hills(const std::string& name, const std::vector<std::string>& settings,
                   std::int64_t members = 10000) {
  const Mixture prior = two_hills();
  const Eigen::MatrixXd a = Eigen::RowVector2d(1.0, 0.0);
  const Eigen::VectorXd sigma = Eigen::VectorXd::Constant(1, 0.4);
  const Eigen::VectorXd y = Eigen::VectorXd::Constant(1, 0.1);
  const Mixture posterior = prior.posterior(a / 0.4, y / 0.4);
  const Eigen::MatrixXd x = draws(name, settings, prior, a, sigma, y, members);
  // Share of the second coordinate above the saddle, of members and of the posterior.
  constexpr double kSaddle = -0.4;
  Hills out{.own = compare(x, posterior.centre(), posterior.variance(), Eigen::Vector2d::Ones())};
  out.second = static_cast<double>((x.row(1).array() > kSaddle).count()) / static_cast<double>(members);
  for (std::size_t k = 0; k < 2; ++k)
    out.exact += posterior.weight[k] * 0.5 *
                 std::erfc((kSaddle - posterior.mean[k][1]) / std::sqrt(2.0 * posterior.covariance[k](1, 1)));
  return out;
}

}  // namespace toys
