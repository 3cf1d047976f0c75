#pragma once
/// \file
/// \brief The exact posterior of the Gaussian backbone given the observations of a window of steps.

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include "manifill/base/random.hpp"
#include "manifill/measurement/measurement.hpp"
#include "manifill/prior/backbone.hpp"
#include "manifill/prior/sequence.hpp"

namespace manifill::posterior {

/// \brief Observations of one step. Without a measurement the step is unobserved.
struct StepObservation {
  std::int64_t time = 0;                                          ///< absolute step number
  double season = 0.0;                                            ///< fraction of the year
  std::shared_ptr<const measurement::Measurement> measurement{};  ///< of physical fields
  Eigen::VectorXd y{};                                            ///< [observation], physical units
};

/// \brief The 2 w + 1 steps around the one to be filled, in order. Steps beyond the record are unobserved.
struct Window {
  std::vector<StepObservation> steps{};
  [[nodiscard]] std::size_t centre() const { return steps.size() / 2; }
  [[nodiscard]] const StepObservation& at_centre() const { return steps[centre()]; }
};

/// \brief What the observed values of a window say, solved for once; with draws where they were asked for.
struct WindowSolution {
  Eigen::VectorXd departure{};  ///< y - A mean of all steps: [observation], physical units
  Eigen::VectorXd solved{};     ///< S^-1 of it: [observation]
  Eigen::MatrixXd draws{};      ///< of the centre: [point][member], normalised
  Eigen::VectorXd centre{};     ///< posterior mean of the centre where it is known: [point], normalised
};

/// \brief Everything about a window's posterior that does not depend on the observed values: one
/// factorisation serves every set of values under the same measurements (optimal interpolation, exact for
/// every linear measurement).
///
/// With the covariance C of the backbone's window and observations y = A x + n of all its steps, S = A C A^T
/// + R: mean C A^T S^-1 (y - A mean), covariance C - C A^T S^-1 A C.
class WindowFactor {
 public:
  /// \throws Error(internal) when the window has another length than the backbone's; Error(numerical)
  WindowFactor(const prior::Backbone& backbone, const Window& window);
  ~WindowFactor();

  /// \brief The process whose covariance it has, of one class of fields or of all.
  [[nodiscard]] const prior::Backbone& backbone() const;
  /// \brief Solves for a window's observed values, without draws.
  [[nodiscard]] WindowSolution solve(const Window& window) const;
  /// \brief The same for several windows under the factor's measurements at once, with means of the centre.
  [[nodiscard]] std::vector<WindowSolution> solve(const std::vector<const Window*>& windows) const;
  /// \brief Posterior means of every step of the window: [point][step], normalised.
  [[nodiscard]] Eigen::MatrixXd mean(const WindowSolution& solution) const;
  /// \brief Posterior mean of the centre, [point], normalised.
  [[nodiscard]] Eigen::VectorXd centre_mean(const WindowSolution& solution) const;
  /// \brief Posterior variances of the centre: [point], normalised. Exact where the backbone's covariance is
  /// in double precision, else to 1e-5 of the prior's variance.
  [[nodiscard]] const Eigen::VectorXd& variance() const;
  /// \brief Posterior standard deviations of the centre, [point], normalised, as `variance`; where a point is
  /// observed by itself the bound from that observation alone, c r / (c + r), stands in for the exact
  /// variance, which would cost as much as all the rest.
  [[nodiscard]] const Eigen::VectorXd& marginal_scale() const;
  /// \brief Solves for a window's observed values and for draws of the centre, by Matheron's rule from
  /// coherent prior draws, at once. Noise is keyed by (seed, step, member) as the prior's innovations are.
  [[nodiscard]] WindowSolution draw(const Window& window, prior::PriorSequence& sequence, std::uint64_t seed,
                                    std::uint32_t first_member, std::uint32_t members) const;
  /// \brief Departures from the mean of draws of the centre alone, independent in time: [point][column],
  /// normalised.
  [[nodiscard]] Eigen::MatrixXd draw_departures(RandomStream& random, Eigen::Index columns) const;
  /// \brief log density of the centre's posterior at x: [point][column] to [column].
  [[nodiscard]] Eigen::VectorXd log_density(const WindowSolution& solution, const Eigen::MatrixXd& x) const;
  /// \brief Gradient of log_density: -Sigma^-1 (x - mean), [point][column].
  [[nodiscard]] Eigen::MatrixXd log_density_gradient(const WindowSolution& solution,
                                                     const Eigen::MatrixXd& x) const;
  /// \brief log density of a window's observed values under the prior, S = A C A^T + R.
  [[nodiscard]] double log_evidence(const Window& window) const;
  /// \brief Chi-square of the window's departures from the prior mean under the prior, and its degrees of
  /// freedom. A ratio far above one says that the input is unlike the training data.
  [[nodiscard]] static std::pair<double, double> chi_square(const WindowSolution& solution);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// \brief Keeps the last factorisations by the hash of what they depend on, as many as fit into a number of
/// bytes, at least one. Room is made before a new one is built. Safe to use from several threads.
class WindowFactorCache {
 public:
  /// \param bytes of factors and of the covariances that they refer to
  explicit WindowFactorCache(const prior::Backbone& backbone, double bytes = 1.25 * 1073741824.0);
  /// \param class_number of the backbone's, as Backbone::of_class counts
  [[nodiscard]] std::shared_ptr<const WindowFactor> get(const Window& window, std::size_t class_number = 0);
  [[nodiscard]] std::size_t hits() const { return hits_; }

 private:
  prior::Backbone backbone_;
  double capacity_;
  double held_ = 0.0;  // bytes
  std::size_t hits_ = 0;
  std::mutex mutex_{};
  std::list<std::pair<std::uint64_t, double>> order_{};  // keys and bytes, oldest first
  std::unordered_map<std::uint64_t, std::shared_ptr<const WindowFactor>> factors_{};
};

}  // namespace manifill::posterior
