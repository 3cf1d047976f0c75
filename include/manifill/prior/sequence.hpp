#pragma once
/// \file
/// \brief Coherent sequences of prior draws: a realization is one plausible history of the backbone's
/// process.

#include <cstdint>
#include <deque>
#include <map>
#include <utility>

#include <Eigen/Core>

#include "manifill/prior/backbone.hpp"
#include "manifill/prior/taper.hpp"

namespace manifill::prior {

/// \brief Draws x_t for any absolute step t as a moving average of innovation fields keyed by (seed, step,
/// member): x_t = sum_j sqrt(w_j) a_{j-t} o e_j / sqrt(sum_j w_j), so that Cov(x_t, x_{t+tau}) = C_tau of the
/// backbone. Any process, shard or order of calls computes the same fields. Steps asked for in order cost one
/// new innovation each.
///
/// Memory: 4 bytes * points * training steps * members for the innovations of the current step. Not
/// thread-safe.
class PriorSequence {
 public:
  /// \param first_member, members realizations drawn together
  PriorSequence(const Backbone& backbone, std::uint64_t seed, std::uint32_t first_member,
                std::uint32_t members);

  /// \brief Normalised fields at an absolute step: [point][member]. \param season fraction of the year of
  /// that step
  [[nodiscard]] const Eigen::MatrixXd& fields(std::int64_t time, double season);

 private:
  [[nodiscard]] const Eigen::MatrixXf& innovation(std::int64_t step);
  [[nodiscard]] Eigen::MatrixXd average(std::int64_t time, double season);
  [[nodiscard]] Eigen::MatrixXd closed_form(std::int64_t time, double season);
  [[nodiscard]] Eigen::MatrixXd draw(std::int64_t time, double season);
  [[nodiscard]] Eigen::MatrixXd normals(Eigen::Index rows, std::int64_t step) const;

  Backbone backbone_;
  std::uint64_t seed_;
  std::uint32_t first_member_;
  std::uint32_t members_;
  bool unordered_ = false;
  TaperRoot taper_{};
  Eigen::VectorXd levels_{};       ///< [member], the level common to all points and steps, N(0, 1)
  Eigen::MatrixXd closed_root_{};  ///< of a correlation in closed form, or a covariance
  std::map<std::int64_t, Eigen::MatrixXf> innovations_{};  ///< by step: [member][point], drawn from N(0, T)
  std::map<std::int64_t, Eigen::MatrixXd> recent_{};
  std::map<std::size_t, Eigen::VectorXd>
      correction_{};  ///< by season bin: brings the point variances to the backbone's
};

}  // namespace manifill::prior
