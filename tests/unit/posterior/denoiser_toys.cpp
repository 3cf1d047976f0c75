#include "unit/posterior/denoiser_toys.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>

#include "manifill/prior/schedule.hpp"

namespace toys {

namespace {

torch::Tensor tensor(const Eigen::VectorXd& v) {
  return torch::from_blob(const_cast<double*>(v.data()), {v.size()}, torch::kFloat64).clone();
}

}  // namespace

MixtureDenoiser::MixtureDenoiser(const Mixture& mixture) {
  for (std::size_t k = 0; k < mixture.weight.size(); ++k) {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> e(mixture.covariance[k]);
    const Eigen::MatrixXd vectors = e.eigenvectors();
    parts_.push_back({std::log(mixture.weight[k]), tensor(mixture.mean[k]),
                      torch::from_blob(const_cast<double*>(vectors.data()), {vectors.rows(), vectors.cols()},
                                       torch::kFloat64)
                          .t()
                          .clone(),
                      tensor(e.eigenvalues())});
  }
}

std::optional<manifill::posterior::GaussianPart> MixtureDenoiser::gaussian() const {
  if (parts_.size() > 1) return std::nullopt;
  return manifill::posterior::GaussianPart{.modes = parts_[0].vectors, .variance = parts_[0].values};
}

torch::Tensor MixtureDenoiser::estimate(const torch::Tensor& u, const torch::Tensor& log_snr) const {
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

}  // namespace toys
