#pragma once
/// \file
/// \brief Likelihood-aware steps of the prior that start from a sampler's members, and what else all samplers
/// share after their draws.
///
/// With a score network they are steps of its diffusion, which see the centre's observations; without one, of
/// Langevin dynamics in the window's Gaussian posterior.

#include <cstddef>
#include <memory>
#include <mutex>

#include "manifill/posterior/class_choice.hpp"
#include "manifill/posterior/sampler.hpp"

namespace manifill::prior {
class Prior;
}

namespace manifill::posterior {

/// \brief b(x) - log N(x; 0, C), by the surrogate log-density. Zero without a score network.
///
/// C is the covariance of windows, of full rank; the prior's own Gaussian has `backbone.rank` modes and a
/// residual. Where they differ, the difference is part of the departure.
class PriorDeparture {
 public:
  explicit PriorDeparture(const Model& model);
  ~PriorDeparture();
  /// \param x [point][column], normalised, of a step `time`; columns are members from `first_member` on,
  /// which with the seed key the estimate's noise \return [column]
  [[nodiscard]] Eigen::VectorXd operator()(const Eigen::MatrixXd& x, double season, std::uint64_t seed,
                                           std::int64_t time = 0, std::uint32_t first_member = 0) const;
  [[nodiscard]] bool zero() const;
  [[nodiscard]] const prior::Prior& prior() const { return *prior_; }
  /// \brief Evaluations of the score network in one call, a field.
  [[nodiscard]] double evaluations() const;

 private:
  struct Gaussian;
  /// N(0, C) of a season bin; the last one is kept.
  [[nodiscard]] std::shared_ptr<const Gaussian> gaussian(std::size_t bin) const;

  std::unique_ptr<const prior::Prior> prior_;  ///< named only, as in Model
  mutable std::mutex mutex_{};
  mutable std::shared_ptr<const Gaussian> last_{};
};

/// \brief `request.refine` steps of Langevin dynamics (Cotter et al. 2013, Statist. Sci. 28, eq. 4.8 with the
/// posterior covariance P as preconditioner): x <- m + sqrt(1 - e^2) (x - m) + e n, n ~ N(0, P), e = 1/2,
/// exact for the Gaussian posterior of a window. The noise is independent from step to step of the record, so
/// that coherence in time fades by sqrt(1 - e^2) with each. \param centre the step that is filled \param mean
/// m: [point], normalised \param x [point][member], normalised; random numbers are keyed by (seed, step,
/// member)
Eigen::MatrixXd langevin(const WindowFactor& factor, const StepObservation& centre,
                         const Eigen::VectorXd& mean, const Eigen::MatrixXd& x, const SampleRequest& request);

/// \brief What all samplers share around their draws: factors of windows, and ensembles of normalised
/// members.
class EnsembleFinisher {
 public:
  explicit EnsembleFinisher(const Model& model);
  [[nodiscard]] const prior::Backbone& backbone() const { return backbone_; }
  [[nodiscard]] const PriorDeparture& departure() const { return departure_; }
  /// \brief The factorisation of a window, cached, under the class of fields that its observations speak for.
  [[nodiscard]] std::shared_ptr<const WindowFactor> factor(const Window& window) {
    return cache_.get(window, choice_(window));
  }
  /// \brief log density at x, up to a constant, of what a sampler's members are weighed by: the window's
  /// Gaussian posterior under all fields times the prior's departure from its Gaussian. \param x
  /// [point][member], normalised \return [member]
  [[nodiscard]] Eigen::VectorXd log_target(const Window& window, const Eigen::MatrixXd& x,
                                           const SampleRequest& request);
  /// \brief Members after `request.refine` steps, in physical units, with the chi-square of the
  /// window and the evaluations that refining took. \param x [point][member], normalised
  [[nodiscard]] Ensemble finish(const Window& window, const WindowFactor& factor,
                                const WindowSolution& solution, const Eigen::MatrixXd& x,
                                const SampleRequest& request) const;

 private:
  prior::Backbone backbone_;
  WindowFactorCache cache_;
  ClassChoice choice_;
  PriorDeparture departure_;
};

}  // namespace manifill::posterior
