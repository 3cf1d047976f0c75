#pragma once
/// \file
/// \brief `kriging`: anomalies with an exponential covariance of great-circle distance: the geostatistician's
/// baseline.
///
/// Stationary and isotropic, C(d) = variance exp(-d / range) between points d apart, observed with a white
/// nugget. The exponential of great-circle distance is positive definite on the sphere (Gneiting 2013,
/// Bernoulli 19, table 1); the Gaussian of it is not.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <Eigen/Core>

#include "manifill/domain/domain.hpp"
#include "manifill/posterior/sampler.hpp"

namespace manifill::posterior {

/// \brief What is added to the diagonal of a covariance so that it is definite, a share of the variance.
inline constexpr double kKrigingJitter = 1e-10;

/// \brief Parameters of the covariance, squared units of the anomalies and km.
struct ExponentialCovariance {
  double variance = 1.0;     ///< of the field, > 0
  double range_km = 1000.0;  ///< distance over which the correlation falls to 1/e, > 0
  double nugget = 0.0;  ///< variance of what neighbours do not share: noise and scales under the grid, >= 0
  /// \brief Covariance of the field, without the nugget, between points `distance_km` apart.
  [[nodiscard]] double operator()(double distance_km) const;
};

/// \brief Refuses what cannot be kriged. \param observed [point] \throws Error(usage) on parameters out of
/// range; Error(internal) on a size mismatch
void check_kriging(const domain::Domain& domain, const ExponentialCovariance& covariance,
                   const std::vector<bool>& observed);

/// \brief Refuses values that are not finite where observed. \param values [point][field] \throws
/// Error(input) naming the point; Error(internal) on a size mismatch
void check_observed_values(const std::vector<bool>& observed, const Eigen::MatrixXd& values);

/// \brief What is assumed of the mean of a field.
enum class KrigingMean {
  zero,     ///< simple kriging: the anomalies' mean is zero
  unknown,  ///< ordinary kriging: a constant of each field, estimated with it
};

/// \brief Everything about the kriging of a mask that does not depend on the values: one Cholesky factor
/// serves every field observed at the same points. Exact, O(observed^3 / 3 + observed^2 points), 8
/// (observed^2 + observed points) bytes.
///
/// With S = C_oo + nugget I and c = C_o*: means c^T S^-1 y, variances C(0) - c^T S^-1 c; for an unknown mean
/// the equations of ordinary kriging (Cressie 1993, section 3.2).
class KrigingFactor {
 public:
  /// \brief Observed points are limited by memory: 16,384 take 2 GiB and more.
  static constexpr std::size_t kMostObserved = 16384;

  /// \param observed [point]
  /// \throws Error(usage) on parameters out of range; Error(input) when nothing or too much is observed;
  /// Error(numerical) when S is singular (coincident points without a nugget); Error(internal) on a size
  /// mismatch
  KrigingFactor(const domain::Domain& domain, const ExponentialCovariance& covariance,
                const std::vector<bool>& observed, KrigingMean mean = KrigingMean::zero);

  [[nodiscard]] std::size_t observations() const { return index_.size(); }
  /// \brief Kriging means, [point][field] from [point][field], units of the anomalies. Observed points keep
  /// their value where the nugget is zero and are smoothed where it is not. Values elsewhere are not looked
  /// at. \throws Error(input) when an observed value is not finite; Error(internal) on a size mismatch
  [[nodiscard]] Eigen::MatrixXd mean(const Eigen::MatrixXd& values) const;
  /// \brief Standard deviations of the field without the nugget, [point], units of the anomalies: 0 where
  /// observed exactly.
  [[nodiscard]] const Eigen::VectorXd& standard_deviation() const { return sd_; }
  /// \brief Of a new observation, nugget included, [point]: what withheld observations are to be scored with.
  [[nodiscard]] Eigen::VectorXd predictive_standard_deviation() const;

 private:
  ExponentialCovariance covariance_;
  KrigingMean kind_;
  Eigen::Index points_ = 0;
  std::vector<Eigen::Index> index_{};  // [observation], the observed points
  Eigen::MatrixXd lower_{};            // [observation][observation], Cholesky factor of S, lower triangle
  Eigen::MatrixXd half_{};             // [observation][point], L^-1 C_o*
  Eigen::VectorXd half_one_{};         // [observation], L^-1 1
  Eigen::VectorXd drift_{};            // [point], 1 - 1^T S^-1 c
  Eigen::VectorXd sd_{};               // [point]
};

/// \brief How the covariance is fitted.
struct KrigingFit {
  KrigingMean mean = KrigingMean::zero;
  std::size_t points =
      300;  ///< at most this many, drawn by area in pairs of neighbours so that the nugget is seen
  std::size_t fields = 40;  ///< at most this many, evenly spaced
  std::uint64_t seed = 1;
};

/// \brief A fitted covariance and how likely it makes the fields.
struct FittedCovariance {
  ExponentialCovariance covariance{};
  double log_likelihood = 0.0;   ///< restricted where the mean is unknown; of the points and fields used
  std::size_t observations = 0;  ///< values used
  int evaluations = 0;           ///< of the likelihood
};

/// \brief Maximum likelihood over independent fields, the variance in closed form, range and nugget by a grid
/// and Nelder-Mead on their logarithms. Restricted likelihood where the mean is unknown (Patterson and
/// Thompson 1971). The same data and options give the same numbers. \param anomalies [point][time], NaN where
/// missing \throws Error(input) when there are fewer than 10 values or no variance; Error(internal) on a size
/// mismatch
FittedCovariance fit_exponential_covariance(const domain::Domain& domain,
                                            const Eigen::Ref<const Eigen::MatrixXf>& anomalies,
                                            const KrigingFit& options = {});

class LocalKriging;
struct ObservedAnomalies;

/// \brief Simple kriging of a step's anomalies, the covariance fitted to the model's training fields at the
/// first step, the same for all seasons. Of a window the centre alone is looked at.
///
/// Up to `most_points` points of the domain members are exact draws of the posterior, by Matheron's rule from
/// prior draws at all points; beyond, LocalKriging's. Every value of a member has what its neighbours do not
/// share, white, as the training fields have it: the fitted nugget.
class KrigingSampler : public PosteriorSampler {
 public:
  /// \throws Error(usage) on no neighbours
  KrigingSampler(const Model& model, std::size_t most_points, std::size_t neighbours);
  ~KrigingSampler() override;
  [[nodiscard]] Ensemble sample(const Window& window, const SampleRequest& request) override;
  /// \brief Fitted at the first call.
  [[nodiscard]] const ExponentialCovariance& covariance();

 private:
  [[nodiscard]] Eigen::MatrixXd draw(const ObservedAnomalies& seen, const StepObservation& step,
                                     const SampleRequest& request);
  [[nodiscard]] Eigen::MatrixXd draw_jointly(const ObservedAnomalies& seen, double nugget,
                                             const StepObservation& step, const SampleRequest& request);

  prior::Backbone backbone_;
  std::size_t most_points_;
  std::size_t neighbours_;
  std::unique_ptr<const ExponentialCovariance> fitted_{};
  Eigen::MatrixXd root_{};  // [point][point], of the prior covariance, lower triangle
  std::uint64_t mask_ = 0;  // of the factors that are kept
  std::unique_ptr<const KrigingFactor> factor_{};
  std::unique_ptr<LocalKriging> local_{};
};

}  // namespace manifill::posterior
