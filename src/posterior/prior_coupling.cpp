#include "manifill/posterior/prior_coupling.hpp"

#include <algorithm>
#include <utility>

#include "manifill/base/error.hpp"

namespace manifill::posterior {
namespace {

constexpr Eigen::Index kFields = 64;     // that tell an error to some per cent
constexpr double kMostOfPrior = 0.95;    // of g, so that the inverse stays well conditioned
constexpr double kLeastVariance = 0.02;  // of a cell at a bound, over that of one in the middle
constexpr double kSeason = 0.0;          // of a prior that has one

torch::Tensor row_of(const Eigen::VectorXd& x) {
  return torch::from_blob(const_cast<double*>(x.data()), {1, x.size()}, torch::kFloat64).to(torch::kFloat32);
}

Error refused(const std::string& what) {
  return {ErrorKind::usage, "couplings by the prior " + what, {.remedy = "Set flow.prior_sweep = false"}};
}

}  // namespace

PriorCoupling::PriorCoupling(int colour, double log_snr, std::shared_ptr<const prior::Prior> prior,
                             const prior::GridTopology& topology)
    : prior_(std::move(prior)), log_snr_(log_snr), topology_(topology) {
  if (!prior_ || !prior_->network()) throw refused("need a prior with a score network");
  if (topology.graph || topology.inside.defined()) throw refused("need points in rows and columns");
  const auto& backbone = prior_->backbone();
  const auto& o = backbone.options();
  if (o.season_bins > 1 || o.mean_harmonics > 0 || o.scale_harmonics > 0) throw refused("know no seasons");
  if ((backbone.active().array() == 0.0).any()) throw refused("need a value at every point");
  const auto diagonal = torch::arange(topology.rows).unsqueeze(1) + torch::arange(topology.columns);
  const auto board = diagonal.remainder(2).eq(colour).to(torch::kFloat32);
  moved_ = board.view({1, -1});
  neighbours_ = torch::tensor({0.0F, 1.0F, 0.0F, 1.0F, 0.0F, 1.0F, 0.0F, 1.0F, 0.0F}).view({1, 1, 3, 3});
  share_ = torch::conv2d(
      prior::grid_pad((1.0 - board).view({1, 1, topology.rows, topology.columns}), 1, topology), neighbours_);
  const auto& bounds = o.bounds;
  if (bounds.empty()) return;
  const Eigen::VectorXd mean = backbone.mean(kSeason);
  const Eigen::VectorXd scale = backbone.scale(kSeason);
  low_ = row_of((bounds[0] - mean.array()).cwiseQuotient(scale.array()).matrix());
  high_ = row_of((bounds[1] - mean.array()).cwiseQuotient(scale.array()).matrix());
}

PriorCoupling::Prediction PriorCoupling::predict(const torch::Tensor& u) const {
  const auto held = [&](const torch::Tensor& x) {
    return low_.defined() ? torch::max(torch::min(x, high_), low_) : x;
  };
  const auto kept = held(u) * (1.0 - moved_);
  const auto grid = kept.view({-1, 1, topology_.rows, topology_.columns});
  const auto between =
      torch::conv2d(prior::grid_pad(grid, 1, topology_), neighbours_) / share_.clamp_min(1.0);
  const auto whole = kept + moved_ * between.flatten(1);
  const auto level = torch::full({u.size(0)}, log_snr_);
  Prediction p;
  p.mean = held(prior_->denoise(prior::alpha_of(log_snr_) * whole, level, {kSeason}));
  p.variance = low_.defined()
                   ? 4.0 * (p.mean - low_) * (high_ - p.mean) / (high_ - low_).square() + kLeastVariance
                   : torch::ones_like(p.mean);
  return p;
}

std::pair<torch::Tensor, torch::Tensor> PriorCoupling::product(const torch::Tensor& u,
                                                               const torch::Tensor& mean,
                                                               const torch::Tensor& variance,
                                                               const torch::Tensor& error) const {
  const auto p = predict(u.flatten(0, 1));
  const auto g = kMostOfPrior * moved_ * variance / (variance + error * p.variance.view_as(u));
  return {mean + g * (p.mean.view_as(u) - mean), torch::sqrt(1.0 - g)};
}

std::pair<torch::Tensor, torch::Tensor> PriorCoupling::forward(const torch::Tensor& u,
                                                               const torch::Tensor& mean,
                                                               const torch::Tensor& variance,
                                                               const torch::Tensor& error) const {
  const auto [centre, factor] = product(u, mean, variance, error);
  return {centre + factor * (u - mean), torch::log(factor)};
}

std::pair<torch::Tensor, torch::Tensor> PriorCoupling::inverse(const torch::Tensor& u,
                                                               const torch::Tensor& mean,
                                                               const torch::Tensor& variance,
                                                               const torch::Tensor& error) const {
  const auto [centre, factor] = product(u, mean, variance, error);
  return {mean + (u - centre) / factor, -torch::log(factor)};
}

double PriorCoupling::error() const {
  const torch::NoGradGuard frozen;
  const auto& backbone = prior_->backbone();
  const auto& values = backbone.training().values;
  const Eigen::Index count = std::min(kFields, values.cols());
  const Eigen::VectorXd mean = backbone.mean(kSeason);
  const Eigen::VectorXd scale = backbone.scale(kSeason);
  auto x = torch::empty({count, values.rows()});
  for (Eigen::Index k = 0; k < count; ++k) {
    const Eigen::VectorXd field = values.col(k * values.cols() / count).cast<double>();
    const Eigen::VectorXf normalised = (field - mean).cwiseQuotient(scale).cast<float>();
    std::copy(normalised.data(), normalised.data() + normalised.size(),
              x.data_ptr<float>() + k * values.rows());
  }
  const auto known = torch::isfinite(x);
  x = torch::where(known, x, torch::zeros_like(x));
  const auto counted = known * moved_;
  const auto p = predict(x);
  const auto square = ((p.mean - x).square() * counted).sum() / (p.variance * counted).sum().clamp_min(1e-12);
  return std::max(1e-8, square.item<double>());
}

}  // namespace manifill::posterior
