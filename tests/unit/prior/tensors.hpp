#pragma once
// Fields as tensors; apart from the toys, so that these need no LibTorch.

#include <Eigen/Core>

#include "manifill/prior/torch.hpp"

namespace toys {

/// [point][column] to [column][point], float64.
inline torch::Tensor tensor(const Eigen::MatrixXd& x) {
  return torch::from_blob(const_cast<double*>(x.data()), {x.cols(), x.rows()}, torch::kFloat64).clone();
}

/// Largest absolute value.
inline double largest(const torch::Tensor& x) { return x.abs().max().item<double>(); }

}  // namespace toys
