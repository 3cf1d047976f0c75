#pragma once
/// \file
/// \brief Conditional normalising flows with an exact log-determinant in both directions.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "manifill/posterior/flow_options.hpp"
#include "manifill/prior/grid_layers.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {
class Prior;
}

namespace manifill::posterior {

/// \brief x = G(z; c): fields of standardised departures in, fields of standardised departures out.
///
/// Starts at the identity: before training the flow is its base distribution, but for a sweep of the prior.
class FlowNetwork : public torch::nn::Module {
 public:
  /// \brief What couplings need of the condition; computed once and shared by all members.
  struct Context {
    torch::Tensor shift{};      ///< [batch][point]
    torch::Tensor log_scale{};  ///< [batch][point]
    torch::Tensor vecchia{};    ///< [batch][channel of VecchiaLayer][point]; undefined without one
    /// Mean and spread of the base, normalised: [batch][point]; undefined without a sweep of the prior
    torch::Tensor mean{};
    torch::Tensor sd{};
    torch::Tensor
        features{};  ///< [batch][context][row][column] or [batch][context]; undefined without couplings
  };

  virtual Context condition(const torch::Tensor& features) = 0;
  /// \brief Pushes base samples through. \param z [batch][member][point]
  /// \return x [batch][member][point] and log |det dx/dz| [batch][member]
  virtual std::pair<torch::Tensor, torch::Tensor> forward(const torch::Tensor& z, const Context& context) = 0;
  /// \brief Inverse of forward: z and log |det dz/dx|.
  virtual std::pair<torch::Tensor, torch::Tensor> inverse(const torch::Tensor& x, const Context& context) = 0;
  /// \brief Takes the errors of the prior's predictions from its training fields, as a training begins with
  /// them.
  virtual void measure_prior() {}
  /// \brief Factor on the spread fitted on held-out fields; part of the map and of its determinant.
  torch::Tensor log_spread{};
  /// \brief As FlowNetworkOptions::scale_share.
  double scale_share = 1.0;
  /// \brief Whether its convolutions are of bfloat16 values, as they may be while it is trained.
  bool bfloat = false;
};

/// \brief Makes a network by its options. \param features channels of the condition
/// \param prior with its score network, for a sweep of it \throws Error(usage) for options that do not fit
std::shared_ptr<FlowNetwork> make_flow_network(const FlowNetworkOptions& options, std::int64_t features,
                                               const prior::GridTopology& topology,
                                               const std::shared_ptr<const prior::Prior>& prior = {});

}  // namespace manifill::posterior
