#include "manifill/prior/precision.hpp"

#include <ATen/autocast_mode.h>

namespace manifill::prior {

BfloatScope::BfloatScope(bool on) : on_(on) {
  if (!on_) return;
  at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
  at::autocast::set_cpu_enabled(true);
  at::autocast::increment_nesting();
}

BfloatScope::~BfloatScope() {
  if (!on_) return;
  // Weights are converted once a scope; the copies must not outlive a change of the weights.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_cpu_enabled(false);
}

torch::Tensor at_least_single(const torch::Tensor& x) {
  return x.scalar_type() == torch::kBFloat16 ? x.to(torch::kFloat32) : x;
}

OptionSpec precision_spec(const std::string& key, const std::string& fallback) {
  return {
      .key = key,
      .help = "of convolutions in training; bfloat16 takes half the time where processors have tiles for it",
      .fallback = fallback,
      .choices = {"single", "bfloat16"}};
}

bool is_bfloat(const std::string& precision) { return precision == "bfloat16"; }

}  // namespace manifill::prior
