#include "manifill/posterior/flow_condition.hpp"

#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "manifill/base/error.hpp"

namespace manifill::posterior {

namespace {

struct NamedBase {
  FlowBase base;
  const char* name;
};

constexpr NamedBase kBases[] = {{FlowBase::gaussian_posterior, "gaussian_posterior"},
                                {FlowBase::exact_posterior, "exact_posterior"},
                                {FlowBase::standard, "standard"}};

}  // namespace

std::vector<std::string> flow_base_names() {
  std::vector<std::string> names;
  for (const auto& b : kBases) names.emplace_back(b.name);
  return names;
}

std::string flow_base_name(FlowBase base) {
  for (const auto& b : kBases)
    if (b.base == base) return b.name;
  throw Error(ErrorKind::internal, "a base distribution without a name");
}

FlowBase parse_flow_base(const std::string& name) {
  for (const auto& b : kBases)
    if (name == b.name) return b.base;
  throw Error(ErrorKind::usage, "unknown base distribution '" + name + "'",
              {.remedy = fmt::format("Use {}", fmt::join(flow_base_names(), ", "))});
}

std::int64_t condition_channels(const domain::Domain& domain, std::int64_t half_window) {
  return 3 * (2 * half_window + 1) + 6 + (domain.spherical() ? 2 : kCoordinates);
}

BaseChannels base_channels(std::int64_t channels) {
  const std::int64_t steps = (channels - 6) / 3;  // of two or three coordinates at most one makes a step
  const std::int64_t odd = steps % 2 == 1 ? steps : steps - 1;
  return {.mean = 3 * (odd / 2), .log_sd = 3 * odd};
}

namespace {

Eigen::VectorXd prior_deviation(const prior::Backbone& backbone, const Window& window) {
  return backbone.variance(backbone.season_bin(window.at_centre().season)).cwiseSqrt();
}

/// \param means [point][step] and \param sd [point] of the base
FlowCondition condition_of(const prior::Backbone& backbone, const Window& window,
                           const Eigen::MatrixXd& means, const Eigen::VectorXd& sd) {
  const auto n = static_cast<Eigen::Index>(backbone.domain().size());
  const auto steps = static_cast<Eigen::Index>(window.steps.size());
  const StepObservation& centre = window.at_centre();
  const Eigen::VectorXd prior_sd = prior_deviation(backbone, window);
  FlowCondition c;
  c.mean = means.col(static_cast<Eigen::Index>(window.centre())).cast<float>();
  c.sd = sd.cast<float>();
  c.features.resize(n, condition_channels(backbone.domain(), backbone.options().window));
  for (Eigen::Index k = 0; k < steps; ++k) {
    const StepObservation& step = window.steps[static_cast<std::size_t>(k)];
    c.features.col(3 * k) = means.col(k).cast<float>();
    c.features.col(3 * k + 1).setZero();
    c.features.col(3 * k + 2).setZero();
    if (!step.measurement || step.measurement->observations() == 0) continue;
    const auto a = step.measurement->scaled(backbone.scale(step.season));
    const Eigen::VectorXd precision = a.precision();
    const Eigen::VectorXd back =
        a.back_projection(step.y - step.measurement->apply(backbone.mean(step.season)));
    // Compressed so that noise levels from 0.01 to 1 stay within a few units, and a mean over many points
    // says of each of them what an observation of that point alone would say.
    c.features.col(3 * k + 1) = back.cwiseQuotient((a.weight().array() + 1.0).matrix()).cast<float>();
    c.features.col(3 * k + 2) = (precision.array().log1p() / 6.0).matrix().cast<float>();
  }
  Eigen::Index next = 3 * steps;
  c.features.col(next++) = c.sd.array().max(1e-4F).log().matrix();
  c.features.col(next++) = prior_sd.array().max(1e-4).log().matrix().cast<float>();
  for (int k = 1; k <= 2; ++k) {
    const double angle = 2.0 * std::numbers::pi * k * centre.season;
    c.features.col(next++).setConstant(static_cast<float>(std::cos(angle)));
    c.features.col(next++).setConstant(static_cast<float>(std::sin(angle)));
  }
  // Sine and cosine of latitude; off the sphere the coordinates over the largest.
  const auto points = backbone.domain().points();
  const bool spherical = backbone.domain().spherical();
  double extent = 1e-300;
  for (const auto& p : points)
    for (const double x : p) extent = std::max(extent, std::abs(x));
  for (Eigen::Index i = 0; i < n; ++i) {
    const auto& p = points[static_cast<std::size_t>(i)];
    if (spherical) {
      c.features(i, next) = static_cast<float>(p[2]);
      c.features(i, next + 1) = static_cast<float>(std::sqrt(std::max(0.0, 1.0 - p[2] * p[2])));
    } else {
      for (Eigen::Index k = 0; k < 3; ++k)
        c.features(i, next + k) = static_cast<float>(p[static_cast<std::size_t>(k)] / extent);
    }
  }
  return c;
}

}  // namespace

FlowCondition posterior_condition(const Window& window, const WindowFactor& factor,
                                  const WindowSolution& solution, FlowBase base) {
  return condition_of(
      factor.backbone(), window, factor.mean(solution),
      base == FlowBase::exact_posterior ? factor.variance().cwiseSqrt().eval() : factor.marginal_scale());
}

FlowCondition standard_condition(const prior::Backbone& backbone, const Window& window) {
  return condition_of(backbone, window,
                      Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(backbone.domain().size()),
                                            static_cast<Eigen::Index>(window.steps.size())),
                      prior_deviation(backbone, window));
}

}  // namespace manifill::posterior
