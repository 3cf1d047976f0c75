#pragma once
/// \file
/// \brief Networks in bfloat16 while they are trained.

#include <string>

#include "manifill/base/config.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {

/// \brief While it lives, convolutions and products of this thread are of bfloat16 values, sums of which are
/// of single precision; weights and what is done with results stay single. Half of the bytes, and on
/// processors with tiles a multiple of the operations. Off by `on = false`.
class BfloatScope {
 public:
  explicit BfloatScope(bool on);
  ~BfloatScope();
  BfloatScope(const BfloatScope&) = delete;
  BfloatScope& operator=(const BfloatScope&) = delete;

 private:
  bool on_;
};

/// \brief bfloat16 values in single precision; others as they are.
torch::Tensor at_least_single(const torch::Tensor& x);

/// \brief Declares an option of the precision of a training: "single" or "bfloat16".
OptionSpec precision_spec(const std::string& key, const std::string& fallback);

/// \brief Whether the value of such an option stands for bfloat16.
bool is_bfloat(const std::string& precision);

}  // namespace manifill::prior
