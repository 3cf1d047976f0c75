#pragma once
/// \file
/// \brief Kriging from near observations alone, for fields with more of them than one matrix can hold.

#include <cstddef>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include "manifill/domain/domain.hpp"
#include "manifill/posterior/kriging.hpp"

namespace manifill::posterior {

/// \brief Keys of random numbers.
struct LocalKrigingDraw {
  std::uint64_t seed = 1;
  std::int64_t time = 0;
  std::uint32_t first_member = 0;
  std::uint32_t members = 1;
};

/// \brief As KrigingFactor, each point from the observed points nearest to it: O(points neighbours^3 / 3)
/// operations, 12 points neighbours bytes. Equal to KrigingFactor where the neighbourhoods hold all observed
/// points.
///
/// Draws are sequential Gaussian simulation (Deutsch and Journel 1998, section V.1.3), the approximation of
/// Vecchia 1988 with observations first: points come in a random order, always the same, and each is drawn
/// given the nearest among the observations and the points drawn before. So draws are coherent from point to
/// point; correlations at distances that no neighbourhood spans are approximate. Costs as much again, once a
/// mask.
class LocalKriging {
 public:
  /// \param observed [point] \param neighbours of a point, at least 1
  /// \throws Error(usage) on parameters out of range or no neighbours;
  /// Error(input) when nothing is observed and the mean is unknown; Error(numerical) when a matrix is
  /// singular; Error(stopped) where a stop is asked for; Error(internal) on a size mismatch
  LocalKriging(const domain::Domain& domain, const ExponentialCovariance& covariance,
               const std::vector<bool>& observed, std::size_t neighbours,
               KrigingMean mean = KrigingMean::zero);

  /// \brief Kriging means, [point][field] from [point][field], as KrigingFactor::mean.
  [[nodiscard]] Eigen::MatrixXd mean(const Eigen::MatrixXd& values) const;
  /// \brief Standard deviations of the field without the nugget, [point].
  [[nodiscard]] const Eigen::VectorXd& standard_deviation() const { return direct_.sd; }
  /// \brief Fields without the nugget given the observed values, [point][member]. Members depend on (seed,
  /// time, member) only. \param values [point], read where observed
  [[nodiscard]] Eigen::MatrixXd draw(const Eigen::VectorXd& values, const LocalKrigingDraw& request);

 private:
  /// Weights of known values, `width` a point: values of observations, or of points drawn before.
  struct Weights {
    std::size_t width = 0;
    std::vector<std::uint32_t> index{};  // [point][neighbour], its point; from `points` on: its observation
    std::vector<double> weight{};        // [point][neighbour], 0 where there are fewer
    Eigen::VectorXd sd{};                // [point]
  };
  [[nodiscard]] Weights prepared() const;
  void weigh(Weights& out, std::size_t target, const std::vector<std::uint32_t>& near) const;
  void plan_draws();

  domain::Domain domain_;
  ExponentialCovariance covariance_;
  std::vector<bool> observed_;
  std::size_t neighbours_;
  KrigingMean kind_;
  Weights direct_{};                                   // of observations alone
  Weights sequential_{};                               // of draws; empty until they are asked for
  std::vector<std::vector<std::uint32_t>> batches_{};  // points in the order they are drawn
};

}  // namespace manifill::posterior
