#include "manifill/posterior/amortized_flow.hpp"

#include <cmath>
#include <numbers>

#include "manifill/base/error.hpp"
#include "manifill/posterior/flow_condition.hpp"
#include "manifill/posterior/flow_network.hpp"

namespace manifill::posterior {
namespace {

const SamplerRegistration kFlowRegistration(
    "flow", "amortised flow on the Gaussian posterior, one evaluation a sample", {},
    [](const Model& model, const Config&) { return std::make_unique<AmortizedFlowSampler>(model); });

/// [point][column] to [1][column][point]; the storage is shared.
torch::Tensor as_tensor(Eigen::MatrixXf& x) {
  return torch::from_blob(x.data(),
                          {1, static_cast<std::int64_t>(x.cols()), static_cast<std::int64_t>(x.rows())});
}

}  // namespace

AmortizedFlowSampler::AmortizedFlowSampler(const Model& model) : model_(model), base_(model) {
  if (!model.flow)
    throw Error(ErrorKind::usage, "the model '" + model.info.name + "' holds no flow",
                {.remedy = "Use --method gaussian, or train one with 'manifill train flow'"});
}

Ensemble AmortizedFlowSampler::sample(const Window& window, const SampleRequest& request) {
  const torch::NoGradGuard frozen;
  const prior::Backbone& backbone = model_.backbone;
  const auto factor = base_.factor(window);
  const bool posterior_base = is_posterior(model_.flow_base);
  const WindowSolution solution =
      posterior_base ? base_.draw(window, *factor, request) : factor->solve(window);
  FlowCondition c = posterior_base ? posterior_condition(window, *factor, solution, model_.flow_base)
                                   : standard_condition(backbone, window);
  const auto n = static_cast<Eigen::Index>(backbone.domain().size());
  Eigen::MatrixXd base = solution.draws;
  if (!posterior_base) {
    base.resize(n, request.members);
    for (std::uint32_t k = 0; k < request.members; ++k) {
      RandomStream stream({.seed = request.seed,
                           .purpose = RandomPurpose::flow_latent,
                           .time = window.at_centre().time,
                           .member = request.first_member + k});
      stream.fill_normal(std::span<double>(base.col(k).data(), static_cast<std::size_t>(n)));
    }
    base = (c.sd.cast<double>().asDiagonal() * base).eval();
  }
  const Eigen::VectorXd mean = c.mean.cast<double>();
  const Eigen::VectorXd sd = c.sd.cast<double>();
  Eigen::MatrixXf z = (sd.cwiseInverse().asDiagonal() * (base.colwise() - mean)).cast<float>();
  const auto columns = static_cast<std::int64_t>(backbone.domain().columns());
  const auto features = torch::from_blob(
      c.features.data(),
      {1, static_cast<std::int64_t>(c.features.cols()), static_cast<std::int64_t>(n) / columns, columns});
  const auto context = model_.flow->condition(features);
  const auto [out, log_det] = model_.flow->forward(as_tensor(z), context);
  const auto dense = out.contiguous();
  const Eigen::Map<const Eigen::MatrixXf> standardised(dense.data_ptr<float>(), n, request.members);
  Eigen::MatrixXd x = sd.asDiagonal() * standardised.cast<double>();
  x.colwise() += mean;
  if (!x.allFinite())
    throw Error(ErrorKind::numerical, "the flow gave values that are not finite",
                {.index = "[step " + std::to_string(window.at_centre().time) + "]",
                 .remedy = "Use --method gaussian for this input"});

  Ensemble e = base_.finisher().finish(window, *factor, solution, x, request);
  // Either half of a sweep of the prior evaluates its network.
  e.evaluations += model_.flow_options.prior_sweep ? 3.0 : 1.0;
  if (request.density) {
    const Eigen::Map<const Eigen::VectorXf> determinant(log_det.contiguous().data_ptr<float>(),
                                                        request.members);
    if (posterior_base) {
      e.log_density = factor->log_density(solution, base) - determinant.cast<double>();
    } else {
      e.log_density = -0.5 * z.cast<double>().colwise().squaredNorm().transpose();
      e.log_density.array() -=
          sd.array().log().sum() + 0.5 * static_cast<double>(n) * std::log(2.0 * std::numbers::pi);
      e.log_density -= determinant.cast<double>();
    }
    e.log_weight = base_.finisher().log_target(window, x, request) - e.log_density;
    e.effective_size = effective_sample_size(e.log_weight);
    e.evaluations += base_.finisher().departure().evaluations();
  }
  return e;
}

}  // namespace manifill::posterior
