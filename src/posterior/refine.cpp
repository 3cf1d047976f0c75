#include "manifill/posterior/refine.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/posterior/diffusion.hpp"
#include "manifill/prior/prior.hpp"

namespace manifill::posterior {
namespace {

constexpr double kStep = 0.5;
constexpr std::uint64_t kOwnSeeds = 1000003;  // apart: members would be noised by what they were drawn from
constexpr std::int64_t kDraws = 8;            // of the surrogate, one evaluation each

}  // namespace

struct PriorDeparture::Gaussian {
  std::size_t bin;
  Eigen::LLT<Eigen::MatrixXd> root;
};

PriorDeparture::PriorDeparture(const Model& model)
    : prior_(std::make_unique<const prior::Prior>(model.backbone, model.score)) {}

PriorDeparture::~PriorDeparture() = default;

bool PriorDeparture::zero() const { return !prior_->network(); }

double PriorDeparture::evaluations() const { return zero() ? 0.0 : static_cast<double>(kDraws); }

std::shared_ptr<const PriorDeparture::Gaussian> PriorDeparture::gaussian(std::size_t bin) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (last_ && last_->bin == bin) return last_;
  const prior::Backbone& backbone = prior_->backbone();
  const auto covariance = backbone.window_covariance(bin);
  const auto points = static_cast<Eigen::Index>(backbone.domain().size());
  std::vector<Eigen::Index> centre(static_cast<std::size_t>(points));
  std::iota(centre.begin(), centre.end(), backbone.options().window * points);
  last_.reset();  // room for the next
  last_ = std::make_shared<const Gaussian>(
      Gaussian{.bin = bin, .root = Eigen::LLT<Eigen::MatrixXd>(covariance->gather(centre, centre))});
  if (last_->root.info() != Eigen::Success) {
    last_.reset();
    throw Error(ErrorKind::numerical, "the covariance of a season is not positive definite",
                {.index = "[season bin " + std::to_string(bin) + "]",
                 .remedy = "Train with a larger backbone.residual_floor"});
  }
  return last_;
}

Eigen::VectorXd PriorDeparture::operator()(const Eigen::MatrixXd& x, double season, std::uint64_t seed,
                                           std::int64_t time, std::uint32_t first_member) const {
  if (zero()) return Eigen::VectorXd::Zero(x.cols());
  const torch::NoGradGuard frozen;
  const Eigen::MatrixXf single = x.cast<float>();
  const auto at = torch::from_blob(const_cast<float*>(single.data()), {static_cast<std::int64_t>(x.cols()),
                                                                       static_cast<std::int64_t>(x.rows())});
  // What the network adds is small beside the densities: Gaussian parts are taken in double precision.
  const auto value =
      prior_->log_density(at, {season},
                          {.draws = kDraws, .seed = seed, .time = time, .first_row = first_member}) -
      prior_->gaussian().log_density(at, {season});
  const std::size_t bin = prior_->backbone().season_bin(season);
  const auto full = gaussian(bin);
  const auto dense = value.to(torch::kFloat64).contiguous();
  Eigen::VectorXd out = Eigen::Map<const Eigen::VectorXd>(dense.data_ptr<double>(), x.cols());
  out += prior_->backbone().log_density(x, bin);
  out += 0.5 * x.cwiseProduct(full->root.solve(x)).colwise().sum().transpose();
  out.array() += full->root.matrixLLT().diagonal().array().log().sum() +
                 0.5 * static_cast<double>(x.rows()) * std::log(2.0 * std::numbers::pi);
  return out;
}

Eigen::MatrixXd langevin(const WindowFactor& factor, const StepObservation& centre,
                         const Eigen::VectorXd& mean, const Eigen::MatrixXd& x,
                         const SampleRequest& request) {
  Eigen::MatrixXd state = x.colwise() - mean;
  for (std::int64_t step = 0; step < request.refine; ++step) {
    Eigen::MatrixXd noise(x.rows(), x.cols());
    for (Eigen::Index k = 0; k < x.cols(); ++k) {
      RandomStream random({.seed = request.seed + kOwnSeeds * static_cast<std::uint64_t>(step + 1),
                           .purpose = RandomPurpose::diffusion,
                           .time = centre.time,
                           .member = request.first_member + static_cast<std::uint32_t>(k)});
      noise.col(k) = factor.draw_departures(random, 1);
    }
    state = std::sqrt(1.0 - kStep * kStep) * state + kStep * noise;
  }
  return state.colwise() + mean;
}

EnsembleFinisher::EnsembleFinisher(const Model& model)
    : backbone_(model.backbone), cache_(model.backbone), choice_(model.backbone), departure_(model) {}

Eigen::VectorXd EnsembleFinisher::log_target(const Window& window, const Eigen::MatrixXd& x,
                                             const SampleRequest& request) {
  const auto all = cache_.get(window);
  const StepObservation& centre = window.at_centre();
  return all->log_density(all->solve(window), x) +
         departure_(x, centre.season, request.seed, centre.time, request.first_member);
}

Ensemble EnsembleFinisher::finish(const Window& window, const WindowFactor& factor,
                                  const WindowSolution& solution, const Eigen::MatrixXd& x,
                                  const SampleRequest& request) const {
  const StepObservation& centre = window.at_centre();
  Ensemble e;
  std::tie(e.chi_square, e.freedom) = WindowFactor::chi_square(solution);
  if (e.freedom > 0.0) e.chi_square /= e.freedom;
  if (request.refine == 0) {
    e.members = backbone_.physical(x, centre.season);
  } else if (departure_.zero()) {
    e.members =
        backbone_.physical(langevin(factor, centre, factor.centre_mean(solution), x, request), centre.season);
  } else {
    const StepProblem step(departure_.prior(), centre);
    MemberNoise noise(request.seed + kOwnSeeds, centre.time, request.first_member, x.cols());
    const auto refined = descend(step.problem(), step.states(x), request.refine, noise);
    e.members = backbone_.physical(step.fields(refined), centre.season);
    e.evaluations = static_cast<double>(request.refine);
  }
  return e;
}

}  // namespace manifill::posterior
