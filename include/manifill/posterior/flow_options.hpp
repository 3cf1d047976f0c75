#pragma once
/// \file
/// \brief Options of flow networks.

#include <cstdint>
#include <string>
#include <vector>

#include "manifill/base/config.hpp"

namespace manifill::posterior {

/// \brief Shape of a flow network (section [flow]).
struct FlowNetworkOptions {
  /// "conv": affine layer and multi-scale couplings of windows; "unet": the same of U-Nets, where points come
  /// in rows and columns; "realnvp"
  std::string network = "conv";
  std::int64_t width =
      48;  ///< channels of the condition network (conv), hidden units (realnvp; 0: max(32, D / 8))
  std::vector<double> dilations{1, 2, 4, 1, 2, 4};
  std::vector<double> widths{32, 64, 128};  ///< channels of the condition network's grids (unet)
  std::int64_t blocks = 1;                  ///< residual blocks of each of its grids on either way (unet)
  std::int64_t attention = 0;               ///< blocks of self-attention on its coarsest grid (unet)
  /// Bands of the base's mean, finest first, each half as fine as the one before, in units of its spread:
  /// what the condition network sees of detail beside the levels; where points come in rows
  std::int64_t bands = 0;
  double dropout = 0.1;
  bool vecchia = false;        ///< whether a VecchiaLayer gives members a covariance of the condition's
  std::int64_t couplings = 4;  ///< coupling layers after the affine layer
  std::int64_t coupling_width = 12;
  std::vector<double> coupling_widths{16, 32};  ///< channels of the grids of a coupling (unet)
  std::int64_t context = 8;                     ///< channels of the condition that couplings see
  bool prior_sweep = false;  ///< whether members end in a pair of PriorCouplings, where points come in rows
  double prior_level = 0.0;  ///< log-SNR of the denoiser in them
  bool affine = true;        ///< the layer conditioned on the measurement only
  double scale_share =
      1.0;  ///< share of that layer's log-scales that is used; training lowers it to calibrate

  static std::vector<OptionSpec> specs();
  static FlowNetworkOptions from(const Config& config);
  /// \brief The inverse of from, as models keep them.
  [[nodiscard]] Config to_config() const;
};

}  // namespace manifill::posterior
