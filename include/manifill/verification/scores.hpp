#pragma once
/// \file
/// \brief Scores of ensembles against a truth, area-weighted over the scored cells of many fields.

#include <array>
#include <vector>

#include <Eigen/Core>

namespace manifill::verification {

/// \brief Fair CRPS of an ensemble, the unbiased estimator (Ferro 2014, eq. 6). \param members sorted ascending
double fair_crps(const Eigen::VectorXd& members, double truth);

/// \brief CRPS of N(mean, sd^2) (Gneiting et al. 2005, eq. 5).
double gaussian_crps(double mean, double sd, double truth);

/// \brief Central interval of an ensemble with quantiles at plotting positions k / (n + 1), linear between them, so that
/// an ensemble drawn from the truth's own law covers exactly `share` whatever its size.
/// \param members sorted ascending; \throws Error(usage) when `share` needs positions beyond the outermost members
std::array<double, 2> central_interval(const Eigen::VectorXd& members, double share);

/// \brief Scores over all fields added so far.
struct Scores {
  double rmse = 0.0;          ///< of the ensemble mean
  double mae = 0.0;
  double bias = 0.0;
  double crps = 0.0;          ///< fair
  double spread_skill = 0.0;  ///< sqrt((n + 1) / n) spread over the mean's RMSE
  double coverage50 = 0.0;
  double coverage80 = 0.0;
  double coverage90 = 0.0;
  double energy = 0.0;        ///< fair energy score, norm root weighted mean square, mean of fields
  double variogram = 0.0;     ///< variogram score of order 1/2 over pairs of scored cells, mean of fields
};

/// \brief Takes fields one by one.
class ScoreCard {
 public:
  /// \param members [point][member]; \param truth [point]; \param weight [point], 0 where not scored
  /// \param pairs pairs of points for the variogram score
  void add(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth, const Eigen::VectorXd& weight,
           const std::vector<std::array<std::size_t, 2>>& pairs = {});
  /// \brief A deterministic fill: RMSE, MAE, bias, and CRPS equal to MAE.
  void add(const Eigen::VectorXd& fill, const Eigen::VectorXd& truth, const Eigen::VectorXd& weight);
  [[nodiscard]] Scores result() const;
  /// \brief Weighted mean CRPS of every field added, for bootstraps.
  [[nodiscard]] const std::vector<double>& field_crps() const { return field_crps_; }

 private:
  double weight_ = 0.0;
  double square_ = 0.0;
  double absolute_ = 0.0;
  double error_ = 0.0;
  double crps_ = 0.0;
  double variance_ = 0.0;
  std::array<double, 3> covered_{};
  double energy_ = 0.0;
  double variogram_ = 0.0;
  double fields_ = 0.0;
  std::vector<double> field_crps_{};
};

}  // namespace manifill::verification
