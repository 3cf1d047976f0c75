#include "manifill/posterior/refine.hpp"

#include <cmath>

namespace manifill::posterior {
namespace {

constexpr double kStep = 0.5;

}  // namespace

PriorDeparture::PriorDeparture(const Model& model) : prior_(model.backbone, model.score) {}

Eigen::VectorXd PriorDeparture::operator()(const Eigen::MatrixXd& x, double season, std::uint64_t seed,
                                           Eigen::MatrixXd* gradient) const {
  if (gradient != nullptr) gradient->setZero(x.rows(), x.cols());
  if (zero()) return Eigen::VectorXd::Zero(x.cols());
  const torch::AutoGradMode graph(gradient != nullptr);
  const Eigen::MatrixXf single = x.cast<float>();
  auto at = torch::from_blob(const_cast<float*>(single.data()),
                             {static_cast<std::int64_t>(x.cols()), static_cast<std::int64_t>(x.rows())})
                .clone();
  if (gradient != nullptr) at.requires_grad_();
  const auto value = prior_.log_density(at, {season}, {.draws = 8, .seed = seed}) -
                     prior_.gaussian().log_density(at, {season});
  if (gradient != nullptr) {
    const auto g = torch::autograd::grad({value.sum()}, {at})[0].contiguous();
    *gradient = Eigen::Map<const Eigen::MatrixXf>(g.data_ptr<float>(), x.rows(), x.cols()).cast<double>();
  }
  const auto dense = value.detach().to(torch::kFloat64).contiguous();
  return Eigen::Map<const Eigen::VectorXd>(dense.data_ptr<double>(), x.cols());
}

Eigen::MatrixXd refine(const PriorDeparture& departure, const WindowFactor& factor,
                       const StepObservation& centre, const Eigen::VectorXd& mean, const Eigen::MatrixXd& x,
                       const SampleRequest& request) {
  Eigen::MatrixXd state = x.colwise() - mean;
  for (std::int64_t step = 0; step < request.refine; ++step) {
    Eigen::MatrixXd noise(x.rows(), x.cols());
    for (Eigen::Index k = 0; k < x.cols(); ++k) {
      RandomStream random({.seed = request.seed + 1000003U * static_cast<std::uint64_t>(step + 1),
                           .purpose = RandomPurpose::diffusion,
                           .time = centre.time,
                           .member = request.first_member + static_cast<std::uint32_t>(k)});
      noise.col(k) = factor.draw_departures(random, 1);
    }
    Eigen::MatrixXd gradient;
    static_cast<void>(departure(state.colwise() + mean, centre.season,
                                request.seed + static_cast<std::uint64_t>(step), &gradient));
    state = std::sqrt(1.0 - kStep * kStep) * state + kStep * noise;
    if (!departure.zero()) state += 0.5 * kStep * kStep * factor.covariance_times(gradient);
  }
  return state.colwise() + mean;
}

}  // namespace manifill::posterior
