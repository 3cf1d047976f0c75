#include "manifill/posterior/eof.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <span>

#include <Eigen/Cholesky>

#include "manifill/operators/sparse_factor.hpp"
#include "manifill/posterior/fill_sampler.hpp"

namespace manifill::posterior {
namespace {

const SamplerRegistration kEofRegistration("eof",
                                           "regression on the leading EOFs of the training fields, exact",
                                           {{.key = "eof.modes",
                                             .help = "EOFs that are kept; 0: all of the model's",
                                             .fallback = std::int64_t{0},
                                             .lowest = 0,
                                             .highest = 100000}},
                                           [](const Model& model, const Config& config) {
                                             return std::make_unique<EofSampler>(
                                                 model,
                                                 static_cast<std::size_t>(config.integer("eof.modes")));
                                           });

/// S = H diag(variance) H^T + R of observations, solved for: R is what modes do not explain, sparse.
class ObservationCovariance {
 public:
  /// \param h [observation][mode] \param r diagonal, or sparse where observations share points
  ObservationCovariance(const Eigen::MatrixXd& h, const Eigen::VectorXd& variance,
                        const Eigen::SparseMatrix<double>& r, bool diagonal)
      : h_(h) {
    if (diagonal)
      diagonal_ = r.diagonal();
    else
      factor_.emplace(r);
    solved_ = by_noise(h_);
    Eigen::MatrixXd precision = h_.transpose() * solved_;
    precision.diagonal() += variance.cwiseInverse();
    inner_.compute(precision);
  }

  /// S^-1 b: [observation][column].
  [[nodiscard]] Eigen::MatrixXd solve(const Eigen::MatrixXd& b) const {
    const Eigen::MatrixXd projected = inner_.solve(solved_.transpose() * b);
    return by_noise(b) - solved_ * projected;
  }

 private:
  [[nodiscard]] Eigen::MatrixXd by_noise(const Eigen::MatrixXd& b) const {
    return factor_ ? factor_->solve(b) : Eigen::MatrixXd(diagonal_.cwiseInverse().asDiagonal() * b);
  }
  Eigen::MatrixXd h_;
  Eigen::VectorXd diagonal_{};
  std::optional<operators::SparseFactor> factor_{};
  Eigen::MatrixXd solved_{};  // R^-1 H
  Eigen::LLT<Eigen::MatrixXd> inner_{};
};

}  // namespace

EofSampler::EofSampler(const Model& model, std::size_t modes)
    : backbone_(model.backbone), modes_(static_cast<Eigen::Index>(modes)) {}

const prior::CovarianceFactor& EofSampler::factor(std::size_t bin) {
  if (factor_.modes.size() > 0 && bin_ == bin) return factor_;
  const prior::CovarianceFactor& all = backbone_.factor(bin);
  const Eigen::Index rank = all.modes.cols();
  const Eigen::Index kept = modes_ == 0 ? rank : std::min(modes_, rank);
  // What the modes left out have, and what all leave over, spread over all directions but those kept.
  const double directions = backbone_.active().sum() - static_cast<double>(kept);
  const double lost = all.variance.tail(rank - kept).sum();
  factor_ = {.modes = all.modes.leftCols(kept),
             .variance = all.variance.head(kept),
             .residual = all.residual + (directions > 0.0 ? lost / directions : 0.0)};
  // A mode's variance is told without the residual's share of it.
  factor_.variance.array() =
      (factor_.variance.array() + all.residual - factor_.residual).max(1e-12 * all.variance.maxCoeff());
  bin_ = bin;
  return factor_;
}

Ensemble EofSampler::sample(const Window& window, const SampleRequest& request) {
  refuse_refine(request, "eof");
  const StepObservation& step = window.at_centre();
  const auto& f = factor(backbone_.season_bin(step.season));
  const Eigen::Index n = f.modes.rows();
  const auto members = static_cast<Eigen::Index>(request.members);
  const Eigen::VectorXd own = f.residual * backbone_.relative_weights().cwiseInverse();  // variance of r
  const Eigen::Index observations = step.measurement ? step.measurement->observations() : 0;
  Eigen::MatrixXd amplitudes(f.variance.size(), members);
  Eigen::MatrixXd rest(n, members);
  Eigen::MatrixXd noise(observations, members);
  for (Eigen::Index k = 0; k < members; ++k) {
    const auto fill = [&](RandomPurpose purpose, auto&& column) {
      RandomStream random({.seed = request.seed,
                           .purpose = purpose,
                           .time = step.time,
                           .member = request.first_member + static_cast<std::uint32_t>(k)});
      random.fill_normal(std::span<double>(column.data(), static_cast<std::size_t>(column.size())));
    };
    fill(RandomPurpose::prior_innovation, amplitudes.col(k));
    fill(RandomPurpose::prior_residual, rest.col(k));
    fill(RandomPurpose::observation_noise, noise.col(k));
  }
  Eigen::MatrixXd x = f.modes * (f.variance.cwiseSqrt().asDiagonal() * amplitudes);
  x += own.cwiseSqrt().asDiagonal() * rest;
  x.array().colwise() *= backbone_.active().array();
  Ensemble e;
  if (observations > 0) {
    const measurement::Measurement scaled = step.measurement->scaled(backbone_.scale(step.season));
    const measurement::SparseMatrix& a = scaled.matrix();
    const Eigen::MatrixXd h = a * f.modes;
    Eigen::SparseMatrix<double> r = a * own.asDiagonal() * a.transpose();
    r.diagonal() += scaled.noise_sigma().cwiseAbs2();
    const ObservationCovariance s(h, f.variance, r, scaled.disjoint());
    const Eigen::VectorXd departure = step.y - step.measurement->apply(backbone_.mean(step.season)).col(0);
    Eigen::MatrixXd innovation(observations, members + 1);
    innovation.col(0) = departure;
    innovation.rightCols(members) =
        (-(a * x) - scaled.noise_sigma().asDiagonal() * noise).colwise() + departure;
    const Eigen::MatrixXd solved = s.solve(innovation);
    const Eigen::MatrixXd gain = solved.rightCols(members);
    x += f.modes * (f.variance.asDiagonal() * (h.transpose() * gain)) +
         own.asDiagonal() * (a.transpose() * gain);
    e.freedom = static_cast<double>(observations);
    e.chi_square = departure.dot(solved.col(0)) / e.freedom;
  }
  e.members = backbone_.physical(x, step.season);
  return e;
}

}  // namespace manifill::posterior
