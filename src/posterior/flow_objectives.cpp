#include "manifill/posterior/flow_objectives.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace manifill::posterior {
namespace {

constexpr double kTiny = 1e-10;  // keeps the gradient of a norm finite where members coincide

torch::Tensor weighted_mean(const torch::Tensor& x, const torch::Tensor& weight) {
  return (x * weight).sum() / weight.sum().clamp_min(1e-12);
}

/// Mean over members of distance(member, truth) less half the mean distance of distinct members.
torch::Tensor fair_score(const torch::Tensor& members, const torch::Tensor& truth,
                         const std::function<torch::Tensor(const torch::Tensor&)>& norm) {
  const std::int64_t count = members.size(1);
  auto score = torch::zeros({});
  for (std::int64_t m = 0; m < count; ++m)
    score = score + norm(members.select(1, m) - truth) / static_cast<double>(count);
  const double pairs = static_cast<double>(count * (count - 1));
  for (std::int64_t m = 0; m < count; ++m)
    for (std::int64_t k = 0; k < m; ++k)
      score = score - norm(members.select(1, m) - members.select(1, k)) / pairs;
  return score;
}

class ExternalScalar : public torch::autograd::Function<ExternalScalar> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& values, const torch::Tensor& gradients) {
    context->save_for_backward({gradients});
    return values + 0.0 * x.select(-1, 0);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list upstream) {
    const auto gradients = context->get_saved_variables()[0];
    return {gradients * upstream[0].unsqueeze(-1), torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

torch::Tensor gaussian_crps(const torch::Tensor& mean, const torch::Tensor& sd, const torch::Tensor& truth,
                            const torch::Tensor& weight) {
  const auto z = (truth - mean) / sd;
  const auto density = torch::exp(-0.5 * z * z) / std::sqrt(2.0 * std::numbers::pi);
  const auto twice_cdf = 1.0 + torch::erf(z / std::numbers::sqrt2);
  return weighted_mean(sd * (z * (twice_cdf - 1.0) + 2.0 * density - 1.0 / std::sqrt(std::numbers::pi)),
                       weight);
}

torch::Tensor censored_gaussian_crps(const torch::Tensor& mean, const torch::Tensor& sd,
                                     const torch::Tensor& low, const torch::Tensor& high,
                                     const torch::Tensor& truth, const torch::Tensor& weight) {
  const double root_two_pi = std::sqrt(2.0 * std::numbers::pi);
  const auto cdf = [](const torch::Tensor& x) { return 0.5 * (1.0 + torch::erf(x / std::numbers::sqrt2)); };
  // Of cdf^2, from minus infinity to x.
  const auto integral = [&](const torch::Tensor& x) {
    const auto below = cdf(x);
    return x * below * below + 2.0 * below * torch::exp(-0.5 * x * x) / root_two_pi -
           cdf(std::numbers::sqrt2 * x) / std::sqrt(std::numbers::pi);
  };
  constexpr double kFar = 1e6;  // infinite bounds would make the products above undefined
  const auto l = ((low - mean) / sd).clamp(-kFar, kFar);
  const auto u = ((high - mean) / sd).clamp(-kFar, kFar);
  const auto z = torch::max(torch::min((truth - mean) / sd, u), l);
  return weighted_mean(sd * (integral(z) - integral(l) + integral(-z) - integral(-u)), weight);
}

torch::Tensor fair_crps(const torch::Tensor& members, const torch::Tensor& truth,
                        const torch::Tensor& weight) {
  return fair_score(members, truth, [&](const torch::Tensor& d) { return weighted_mean(d.abs(), weight); });
}

torch::Tensor energy_score(const torch::Tensor& members, const torch::Tensor& truth,
                           const torch::Tensor& weight) {
  const auto total = weight.sum(-1).clamp_min(1e-12);
  return fair_score(members, truth, [&](const torch::Tensor& d) {
    return torch::sqrt((d * d * weight).sum(-1) / total + kTiny).mean();
  });
}

torch::Tensor patch_energy_score(const torch::Tensor& members, const torch::Tensor& truth,
                                 const torch::Tensor& weight, std::int64_t rows, std::int64_t columns,
                                 std::int64_t patch) {
  const auto pool = [&](const torch::Tensor& x) {
    return torch::avg_pool2d(x.view({-1, 1, rows, columns}), {patch, patch},
                             {std::max<std::int64_t>(1, patch / 2), std::max<std::int64_t>(1, patch / 2)});
  };
  const auto share = pool(weight);
  return fair_score(members, truth, [&](const torch::Tensor& d) {
    // Each patch counts by the weight in it; its norm is the root mean square over that weight.
    const auto square = pool(d * d * weight) / share.clamp_min(1e-6);
    return weighted_mean(torch::sqrt(square + kTiny), share);
  });
}

torch::Tensor difference_crps(const torch::Tensor& members, const torch::Tensor& truth,
                              const torch::Tensor& weight, std::int64_t rows, std::int64_t columns) {
  const auto grid = [&](const torch::Tensor& x) {
    auto shape = x.sizes().vec();
    shape.back() = rows;
    shape.push_back(columns);
    return x.view(shape);
  };
  const auto m = grid(members);
  const auto t = grid(truth);
  const auto w = grid(weight);
  auto score = torch::zeros({});
  int terms = 0;
  for (const std::int64_t dim : {-2, -1})
    for (const std::int64_t apart : {1, 2, 4}) {
      const std::int64_t count = m.size(dim) - apart;
      if (count <= 0) continue;
      const auto difference = [&](const torch::Tensor& x) {
        return x.narrow(dim, apart, count) - x.narrow(dim, 0, count);
      };
      const auto pairs = torch::min(w.narrow(dim, apart, count), w.narrow(dim, 0, count));
      score = score + fair_crps(difference(m), difference(t), pairs);
      ++terms;
    }
  return score / std::max(1, terms);
}

torch::Tensor external_scalar(
    const torch::Tensor& x,
    const std::function<void(const torch::Tensor&, torch::Tensor&, torch::Tensor&)>& evaluate) {
  auto values = torch::zeros({x.size(0)});
  auto gradients = torch::zeros_like(x);
  {
    const torch::NoGradGuard frozen;
    evaluate(x.detach(), values, gradients);
  }
  return ExternalScalar::apply(x, values, gradients);
}

torch::Tensor misfit(const torch::Tensor& x, const std::vector<Window>& windows,
                     const prior::Backbone& backbone) {
  return external_scalar(x, [&](const torch::Tensor& at, torch::Tensor& values, torch::Tensor& gradients) {
    const auto dense = at.contiguous();
    const auto points = dense.size(1);
    for (std::int64_t k = 0; k < dense.size(0); ++k) {
      const StepObservation& step = windows[static_cast<std::size_t>(k)].at_centre();
      if (!step.measurement || step.measurement->observations() == 0) continue;
      const Eigen::VectorXd scale = backbone.scale(step.season);
      const Eigen::Map<const Eigen::VectorXf> normalised(dense.data_ptr<float>() + k * points, points);
      const Eigen::VectorXd field =
          backbone.mean(step.season) + scale.cwiseProduct(normalised.cast<double>());
      const Eigen::VectorXd residual = step.y - step.measurement->apply(field).col(0);
      const Eigen::VectorXd weighted = residual.cwiseQuotient(step.measurement->noise_sigma().cwiseAbs2());
      values[k] = 0.5 * residual.dot(weighted);
      Eigen::Map<Eigen::VectorXf>(gradients.data_ptr<float>() + k * points, points) =
          (-scale.cwiseProduct(step.measurement->adjoint(weighted).col(0))).cast<float>();
    }
  });
}

}  // namespace manifill::posterior
