#pragma once
/// \file
/// \brief What networks say, held within bounds.

#include "manifill/prior/torch.hpp"

namespace manifill::posterior {

/// \brief x where it is small, within -bound and bound everywhere: bound tanh(x / bound).
inline torch::Tensor soft_limit(const torch::Tensor& x, double bound) {
  return bound * torch::tanh(x / bound);
}

}  // namespace manifill::posterior
