#pragma once
/// \file
/// \brief A linear layer whose covariance follows the condition: every point from its nearest coarser ones.

#include <cstdint>
#include <utility>
#include <vector>

#include "manifill/prior/grid_layers.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::posterior {

/// \brief x_i = exp(s_i) (z_i - mean of z at the parents) + sum_k w_ik x at the parents, coarse to fine.
///
/// Parents are the four nearest points of the coarser lattices of a grid: quincunx by quincunx, each of twice
/// the points of the one before. The triangular factor of a Gaussian by nearest neighbours (Vecchia 1988, J.
/// R. Stat. Soc. B 50:297; Datta et al. 2016, JASA 111:800), with weights and scales told by a condition:
/// where a base has grain and the field is smooth, s takes it off; where a base knows no direction, w gives
/// one. The weights of a point sum to one: what is wrong with them would else grow from lattice to lattice.
/// The same as lifting (Sweldens 1998, SIAM J. Math. Anal. 29:511) whose predictions are learned. The
/// determinant is the product of the scales, the inverse takes as long as the map itself.
class VecchiaLayer {
 public:
  static constexpr std::int64_t kParents = 4;
  static constexpr std::int64_t kChannels = kParents + 1;  ///< of the condition: departures of w, then s

  static constexpr double kWeightLimit = 1.0;    ///< by which a weight departs from the mean's at most
  static constexpr double kLogScaleLimit = 3.0;  ///< of s: grain of a twentieth is none

  /// \throws Error(usage) where points come in no rows and columns
  explicit VecchiaLayer(const prior::GridTopology& topology);

  /// \param z [batch][member][point] \param condition [batch][channel][point]; all zero is the identity
  /// \return x [batch][member][point], log |det dx/dz| [batch]
  [[nodiscard]] std::pair<torch::Tensor, torch::Tensor> forward(const torch::Tensor& z,
                                                                const torch::Tensor& condition) const;
  /// \brief Inverse of forward: z and log |det dz/dx|.
  [[nodiscard]] std::pair<torch::Tensor, torch::Tensor> inverse(const torch::Tensor& x,
                                                                const torch::Tensor& condition) const;

 private:
  struct Map {
    torch::Tensor weight{};     // [parent][point in order][1][batch], 0 where there is no parent
    torch::Tensor log_scale{};  // [point in order][1][batch]
  };
  [[nodiscard]] Map map_of(const torch::Tensor& condition) const;
  [[nodiscard]] torch::Tensor ordered(const torch::Tensor& x) const;
  [[nodiscard]] torch::Tensor restored(const torch::Tensor& x) const;
  [[nodiscard]] torch::Tensor with_predictions(torch::Tensor details, std::int64_t first,
                                               const torch::Tensor& x, const torch::Tensor& weight) const;
  [[nodiscard]] torch::Tensor predicted(const torch::Tensor& x, const torch::Tensor& weight) const;
  [[nodiscard]] torch::Tensor synthesised(const torch::Tensor& details, const torch::Tensor& weight) const;

  std::vector<std::int64_t> ends_{};  // points in order up to the end of each step; the first has no parents
  torch::Tensor order_{};             // [point in order], coarse to fine
  torch::Tensor back_{};              // [point], its place in the order
  torch::Tensor parents_{};           // [parent][point in order], places in the order; 0 where there is none
  torch::Tensor mean_{};              // [parent][point in order][1][1]: one over the number of parents, or 0
};

}  // namespace manifill::posterior
