#pragma once
/// \file
/// \brief What a flow is told about a measurement, and the base distribution it starts from.

#include <cstdint>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "manifill/posterior/gaussian_window.hpp"

namespace manifill::posterior {

/// \brief Base distributions of a flow.
enum class FlowBase {
  /// The backbone's exact posterior: at the identity the flow is optimal interpolation. In units of its
  /// spread; of points that are observed by themselves, of a bound on it (WindowFactor::marginal_scale)
  gaussian_posterior,
  /// The same in units of its spread everywhere: for fields so smooth that neighbours tell more of an
  /// observed point than its own observation does, where the bound is far above it
  exact_posterior,
  standard,  ///< N(0, I) in units of the prior's point spread; the condition holds no posterior
};

/// \brief Names of the bases, for options and models.
std::vector<std::string> flow_base_names();
std::string flow_base_name(FlowBase base);
/// \throws Error(usage) for a name that is none of these
FlowBase parse_flow_base(const std::string& name);
/// \brief Whether a base is the backbone's posterior, in units of a spread of its own.
constexpr bool is_posterior(FlowBase base) { return base != FlowBase::standard; }

/// \brief Condition of one step. Normalised units of the backbone.
struct FlowCondition {
  Eigen::VectorXf mean{};      ///< [point], of the base
  Eigen::VectorXf sd{};        ///< [point], of the base
  Eigen::MatrixXf features{};  ///< [point][channel]
};

inline constexpr std::int64_t kCoordinates = 3;  ///< of a place off the sphere, the last channels

/// \brief Number of channels for a half-window: means, back-projections and precisions of every step, log
/// spread of base and prior, season (two harmonics), place (latitude, or coordinates off the sphere).
std::int64_t condition_channels(const domain::Domain& domain, std::int64_t half_window);

/// \brief Where the base is in a condition of so many channels.
struct BaseChannels {
  std::int64_t mean = 0;    ///< of the centre
  std::int64_t log_sd = 0;  ///< of its spread
};
BaseChannels base_channels(std::int64_t channels);

/// \brief The condition of a flow whose base is the backbone's posterior. \param solution the window's, of
/// `factor` \param base either of the two that are
FlowCondition posterior_condition(const Window& window, const WindowFactor& factor,
                                  const WindowSolution& solution, FlowBase base);

/// \brief The condition of a flow from the standard base, which needs no posterior.
FlowCondition standard_condition(const prior::Backbone& backbone, const Window& window);

}  // namespace manifill::posterior
