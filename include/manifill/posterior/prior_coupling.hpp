#pragma once
/// \file
/// \brief A coupling whose prediction of half of the cells is the prior's denoiser.

#include <cstdint>
#include <memory>

#include "manifill/prior/grid_layers.hpp"
#include "manifill/prior/prior.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::posterior {

/// \brief Draws the cells of one colour of a checkerboard anew, given those of the other by the prior's
/// denoiser.
///
/// Of a cell u ~ N(m, v) the prior says N(D, s): D is its denoiser, at one level of noise, of the kept cells
/// and of means of their neighbours in the place of the moved ones, held within the backbone's bounds; s is
/// the mean square of D's errors, within bounds times 4 (D - low) (high - D) / (high - low)^2 + 0.02, as what
/// is nearly at a bound is nearly certain. The cell becomes the draw of the product of both that its own
/// departure u - m makes: u' = m + g (D - m) + sqrt(1 - g) (u - m), g = 0.95 v / (v + s). A coupling (Dinh et
/// al. 2017, arXiv 1605.08803), as D and s look at kept cells alone; two of them, one of either colour, are a
/// sweep of block Gibbs sampling. Nothing of it is trained.
class PriorCoupling {
 public:
  /// \param colour 0 or 1, of the cells that are moved \param log_snr level of noise of the denoiser
  /// \throws Error(usage) where points come in no rows, some are masked, or the prior has seasons or no score
  /// network
  PriorCoupling(int colour, double log_snr, std::shared_ptr<const prior::Prior> prior,
                const prior::GridTopology& topology);

  /// \brief What the prior says of the moved cells of fields: D and s / error, [field][point].
  struct Prediction {
    torch::Tensor mean{};
    torch::Tensor variance{};
  };
  /// \param u [field][point], normalised
  [[nodiscard]] Prediction predict(const torch::Tensor& u) const;
  /// \brief The factor of s: mean square of D's errors over that of `Prediction::variance`, of fields evenly
  /// from the backbone's own.
  [[nodiscard]] double error() const;
  /// \brief u', and the log of each cell's factor of u - m: [batch][member][point]. \param u
  /// [batch][member][point] \param mean, variance m and v, [batch][1][point] \param error that of `error`,
  /// [1]
  [[nodiscard]] std::pair<torch::Tensor, torch::Tensor> forward(const torch::Tensor& u,
                                                                const torch::Tensor& mean,
                                                                const torch::Tensor& variance,
                                                                const torch::Tensor& error) const;
  /// \brief The inverse of forward, and minus its logs.
  [[nodiscard]] std::pair<torch::Tensor, torch::Tensor> inverse(const torch::Tensor& u,
                                                                const torch::Tensor& mean,
                                                                const torch::Tensor& variance,
                                                                const torch::Tensor& error) const;

 private:
  /// The mean of the product and the factor of departures.
  [[nodiscard]] std::pair<torch::Tensor, torch::Tensor> product(const torch::Tensor& u,
                                                                const torch::Tensor& mean,
                                                                const torch::Tensor& variance,
                                                                const torch::Tensor& error) const;

  std::shared_ptr<const prior::Prior> prior_;
  double log_snr_;
  prior::GridTopology topology_;
  torch::Tensor moved_{};       ///< [1][point], 1 where cells are moved
  torch::Tensor neighbours_{};  ///< [1][1][3][3], weights of the cells beside, above and below
  torch::Tensor share_{};       ///< [1][1][row][column], of those that there are
  torch::Tensor low_{};         ///< [1][point], normalised; undefined: no bounds
  torch::Tensor high_{};
};

}  // namespace manifill::posterior
