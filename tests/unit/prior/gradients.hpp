#pragma once
// Derivatives of functions of tensors against differences.

#include <cmath>
#include <functional>

#include "manifill/prior/linear_map.hpp"
#include "manifill/prior/torch.hpp"

namespace gradients {

inline torch::Tensor random(torch::IntArrayRef shape, std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  return torch::randn(shape, generator, torch::kFloat64);
}

/// |<map x, y> - <x, map^T y>| over the product of the norms.
inline double adjoint_error(const manifill::prior::LinearMap& map, const torch::Tensor& x,
                            const torch::Tensor& y) {
  const auto forward = map(x);
  const double difference = ((forward * y).sum() - (x * map.transposed(y)).sum()).item<double>();
  return std::abs(difference) / (forward.norm() * y.norm()).item<double>();
}

using Scalar = std::function<torch::Tensor(const torch::Tensor&)>;

/// Derivative along random directions against central differences, relative to the gradient's size.
inline double gradient_error(const Scalar& f, const torch::Tensor& x) {
  const auto leaf = x.clone().requires_grad_();
  const auto g = torch::autograd::grad({f(leaf)}, {leaf})[0];
  const double step = 1e-5;
  double worst = 0.0;
  for (std::uint64_t k = 0; k < 3; ++k) {
    const auto along = random(x.sizes(), 100 + k);
    const double slope = (f(x + step * along) - f(x - step * along)).item<double>() / (2.0 * step);
    worst = std::max(
        worst, std::abs(slope - (g * along).sum().item<double>()) / (g.norm() * along.norm()).item<double>());
  }
  return worst;
}

/// The same of the gradient's own projection on a fixed direction.
inline double second_error(const Scalar& f, const torch::Tensor& x) {
  const auto along = random(x.sizes(), 99);
  return gradient_error(
      [&](const torch::Tensor& v) {
        const auto at = v.requires_grad() ? v : v.clone().requires_grad_();
        return (torch::autograd::grad({f(at)}, {at}, {}, true, true)[0] * along).sum();
      },
      x);
}

}  // namespace gradients
