#pragma once
// The denoiser of a mixture of Gaussians.

#include <cstdint>
#include <optional>
#include <vector>

#include "manifill/posterior/diffusion.hpp"
#include "unit/posterior/diffusion_toys.hpp"

namespace toys {

/// E[u_0 | u_t] of a mixture in closed form.
class MixtureDenoiser : public manifill::posterior::Denoiser {
 public:
  explicit MixtureDenoiser(const Mixture& mixture);
  [[nodiscard]] std::int64_t points() const override { return parts_[0].mean.size(0); }
  [[nodiscard]] std::optional<manifill::posterior::GaussianPart> gaussian() const override;

 private:
  struct Part {
    double log_weight;
    torch::Tensor mean, vectors, values;  // [point], [point][vector], [vector]
  };
  [[nodiscard]] torch::Tensor estimate(const torch::Tensor& u, const torch::Tensor& log_snr) const override;
  std::vector<Part> parts_{};
};

}  // namespace toys
