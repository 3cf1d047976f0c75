#pragma once
/// \file
/// \brief The Gaussian backbone of the prior: seasonal climatology, localised seasonal covariance in space
/// and time.
///
/// Normalised state x = (X - mean(season)) / scale(season). With e_j the normalised anomaly of training step
/// j, w the season weights and T a correlation taper in chordal distance (Gaspari and Cohn 1999, eq. 4.10:
/// positive definite on the sphere), the process has the lag covariances C_tau = T o (sum_j w_j e_{j+tau}
/// e_j^T) / sum_j w_j, which is what
///   x_t = sum_j sqrt(w_j) a_{j-t} o e_j / sqrt(sum_j w_j),   a_u i.i.d. N(0, T),
/// draws: a moving average of innovation fields (see sequence.hpp). For analysis the covariance of a window
/// of steps is used whole and exactly; the covariance of one step is also kept by area-weighted empirical
/// orthogonal functions with an isotropic residual (probabilistic PCA, Tipping and Bishop 1999), which makes
/// the denoiser of the diffusion cheap.
///
/// Where fields are too few to tell one place from another, a stationary correlation R takes the place of
/// the sample's: C_tau = r^|tau| S R S, S the points' standard deviations, drawn towards their area mean as
/// far as their sampling error explains the differences (empirical Bayes; Efron and Morris 1973), and r the
/// area-mean correlation of neighbouring steps.
///
/// Fields that do not follow each other in time may be of several classes (field_classes.hpp): each has a
/// covariance of its own beside that of all.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include "manifill/base/config.hpp"
#include "manifill/domain/domain.hpp"
#include "manifill/io/model_file.hpp"
#include "manifill/prior/field_classes.hpp"

namespace manifill::prior {

/// \brief How the absolute index of a step is counted; fields of a model follow each other at this pace.
enum class StepKind { none, day, month };

/// \brief Fields to learn from.
struct TrainingFields {
  domain::Domain domain;
  StepKind step = StepKind::none;
  Eigen::MatrixXf values{};           ///< [point][time], physical units, NaN where missing
  std::vector<std::int64_t> index{};  ///< [time], absolute step number, increasing
  std::vector<double> season{};       ///< [time], fraction of the year in [0, 1)
  std::vector<int> year{};            ///< [time], of the data's calendar; empty without one
  /// [point][time], physical units: draws that stand in for missing values in the covariance, NaN elsewhere;
  /// empty where there are none (posterior/training_gaps.hpp)
  Eigen::MatrixXf infilled{};
  /// \brief The times for which `keep` is true.
  [[nodiscard]] TrainingFields subset(const std::vector<bool>& keep) const;
};

/// \brief What the fit needs to be told; every member is an option of `manifill train prior` (section
/// [backbone]).
struct BackboneOptions {
  std::int64_t mean_harmonics = 2;   ///< annual harmonics of the climatology
  std::int64_t scale_harmonics = 1;  ///< annual harmonics of the point variances
  double scale_power = 0.0;          ///< 0: one scale for all points and seasons; 1: each point's seasonal sd
  std::int64_t season_bins = 1;      ///< covariances a year
  std::vector<double> season_weights{1.0};  ///< weight of a training field by its distance in bins
  double half_life_years = 0.0;  ///< years after which a training field's weight is halved; 0: all alike
  /// `sample`, from the fields themselves; or the same everywhere, with each point's own variance:
  /// `isotropic`, `matern`, `multiscale` (stationary.hpp)
  std::string correlation = "sample";
  std::int64_t classes = 1;         ///< of fields that have a covariance of their own; 1: none
  std::string taper = "chordal";    ///< what localises a sample covariance (taper.hpp)
  double taper_km = 0.0;            ///< support of the taper, km or units of the points; 0: none
  double second_taper_km = 0.0;     ///< support of a second, wider taper mixed in; 0: none (all distances)
  double second_taper_share = 0.0;  ///< its share; the rest is the first taper's
  double inflation = 1.0;           ///< factor on the covariance
  std::int64_t rank = 400;          ///< empirical orthogonal functions kept
  double offset_variance = 0.0;     ///< of a level common to all points and steps, normalised units
  double residual_floor = 1e-3;     ///< least share of the mean variance left to the residual
  bool area_weights = true;         ///< modes, the diffusion's noise and losses count cells by their areas
  std::int64_t window = 0;          ///< neighbouring steps on each side whose observations are used
  double noise_sigma = 0.1;         ///< default observation noise, in units of `unit_scale`
  /// Least and largest value of the quantity, physical units, beyond which a realization is held at them (a
  /// censored Gaussian; Tobin 1958, eq. 4); empty: none
  std::vector<double> bounds{};

  /// \brief Declarations for configuration files and help, keys under "backbone.".
  static std::vector<OptionSpec> specs();
  static BackboneOptions from(const Config& config);
};

/// \brief Covariance of one step of a season bin by area-weighted empirical orthogonal functions, normalised
/// units: modes diag(variance) modes^T + D with D_i = residual / relative_weight_i.
struct CovarianceFactor {
  Eigen::MatrixXd modes{};     ///< [point][mode], orthonormal in sum_i (w_i / mean w) a_i b_i
  Eigen::VectorXd variance{};  ///< [mode], lambda, residual taken off
  double residual = 0.0;       ///< delta
};

/// \brief Covariance of a window, normalised units, [step, point][step, point] with steps in order. Kept in
/// single precision where it comes from data, in double where it was given in closed form.
class WindowCovariance {
 public:
  explicit WindowCovariance(Eigen::MatrixXf single) : single_(std::move(single)) {}
  explicit WindowCovariance(Eigen::MatrixXd exact) : exact_(std::move(exact)) {}
  [[nodiscard]] Eigen::Index rows() const { return std::max(single_.rows(), exact_.rows()); }
  [[nodiscard]] double operator()(Eigen::Index i, Eigen::Index j) const {
    return exact_.size() > 0 ? exact_(i, j) : static_cast<double>(single_(i, j));
  }
  /// \brief Whether it is kept in single precision.
  [[nodiscard]] bool single() const { return single_.size() > 0; }
  /// \brief Rows and columns picked out: [row][column]. In single precision only where it is kept so.
  [[nodiscard]] Eigen::MatrixXd gather(const std::vector<Eigen::Index>& rows,
                                       const std::vector<Eigen::Index>& columns) const;
  [[nodiscard]] Eigen::MatrixXf gather_single(const std::vector<Eigen::Index>& rows,
                                              const std::vector<Eigen::Index>& columns) const;
  /// \brief Rows `first` to `first + count` of C x, in double precision. \param x [step, point][column]
  [[nodiscard]] Eigen::MatrixXd multiply_rows(Eigen::Index first, Eigen::Index count,
                                              const Eigen::MatrixXd& x) const;
  /// \brief Some rows of C x, in double precision: [row][column].
  [[nodiscard]] Eigen::MatrixXd multiply_rows(const std::vector<Eigen::Index>& rows,
                                              const Eigen::MatrixXd& x) const;
  /// \brief Columns of a root L, L L^T = C, times white noise: [step, point][column]. L is made at the first
  /// call.
  [[nodiscard]] Eigen::MatrixXd colour(const Eigen::MatrixXd& white) const;

 private:
  Eigen::MatrixXf single_{};
  Eigen::MatrixXd exact_{};
  mutable std::once_flag once_{};
  mutable Eigen::MatrixXf single_root_{};  // lower triangle
  mutable Eigen::MatrixXd exact_root_{};
};

/// \brief Gaussian space-time process fitted to training fields. Cheap to copy (shared representation);
/// lazily built season factors are safe to ask for from several threads.
class Backbone {
 public:
  struct Impl;

  /// \throws Error(input) when fields are fewer than two or hold infinities, or no point has values at one
  /// time in twenty
  static Backbone fit(TrainingFields fields, const BackboneOptions& options);

  /// \brief A process given in closed form, for oracles: zero mean, unit scale, the given covariance.
  /// \param covariance [point][point]; \param persistence C_tau = persistence^|tau| C_0, in [0, 1)
  static Backbone from_covariance(const domain::Domain& domain, const Eigen::MatrixXd& covariance,
                                  double persistence, const BackboneOptions& options,
                                  StepKind step = StepKind::day);

  [[nodiscard]] const domain::Domain& domain() const;
  [[nodiscard]] const BackboneOptions& options() const;
  [[nodiscard]] StepKind step() const;
  [[nodiscard]] const TrainingFields& training() const;

  /// \brief Climatology [point], physical units.
  [[nodiscard]] Eigen::VectorXd mean(double season) const;
  /// \brief Scale [point], physical units: X = mean + scale * x.
  [[nodiscard]] Eigen::VectorXd scale(double season) const;
  /// \brief Values in physical units held within the options' bounds.
  [[nodiscard]] Eigen::MatrixXd within_bounds(const Eigen::MatrixXd& values) const;
  /// \brief Fields in physical units, held within the options' bounds: [point][column] to the same.
  [[nodiscard]] Eigen::MatrixXd physical(const Eigen::MatrixXd& x, double season) const;
  /// \brief One number for the size of anomalies, physical units: root of the area and time mean variance.
  [[nodiscard]] double unit_scale() const;
  /// \brief 1 where the training fields have values at one time in twenty or more, 0 elsewhere (static mask):
  /// [point].
  [[nodiscard]] const Eigen::VectorXd& active() const;
  [[nodiscard]] std::size_t season_bin(double season) const;
  /// \brief Covariance of one step.
  [[nodiscard]] const CovarianceFactor& factor(std::size_t bin) const;
  /// \brief Covariance of a window of 2 * window + 1 steps around a step of season bin `bin`. The last few
  /// are kept, as many as fit into 1 GiB.
  [[nodiscard]] std::shared_ptr<const WindowCovariance> window_covariance(std::size_t bin) const;
  /// \brief Area weights over their mean, or ones as the options say [point]; the noise of the diffusion has
  /// variance 1 / this.
  [[nodiscard]] const Eigen::VectorXd& relative_weights() const;
  /// \brief E[x0 | x_t] for x_t = alpha x0 + sigma eps, eps_i ~ N(0, mean(w)/w_i): [point][column] in and
  /// out.
  [[nodiscard]] Eigen::MatrixXd denoise(const Eigen::MatrixXd& noisy, double alpha, double sigma,
                                        std::size_t bin) const;
  /// \brief log N(x; 0, modes diag(variance) modes^T + D) of normalised fields: [point][column] to [column].
  [[nodiscard]] Eigen::VectorXd log_density(const Eigen::MatrixXd& x, std::size_t bin) const;
  /// \brief Gradient of log_density, -Sigma^-1 x: [point][column].
  [[nodiscard]] Eigen::MatrixXd log_density_gradient(const Eigen::MatrixXd& x, std::size_t bin) const;
  /// \brief Point variances: [point], normalised.
  [[nodiscard]] Eigen::VectorXd variance(std::size_t bin) const;

  /// \brief Normalised training anomalies, 0 where missing and not infilled: [point][time].
  [[nodiscard]] const Eigen::MatrixXf& anomalies() const;
  /// \brief Weight of every training time in the covariance of a season bin, by season and age: [time].
  [[nodiscard]] Eigen::VectorXd season_weight(std::size_t bin) const;
  /// \brief Correlation of the points and of neighbouring steps of a process whose correlation does not come
  /// from its fields one by one: given in closed form, or stationary. Null for another. Of one that was given
  /// the covariance.
  [[nodiscard]] const Eigen::MatrixXd* closed_form(double* persistence) const;
  /// \brief Standard deviations that go with it: [point], normalised.
  [[nodiscard]] Eigen::VectorXd closed_form_scale(std::size_t bin) const;
  /// \brief Parameters of a stationary correlation, as fit_stationary gives them; empty for another.
  [[nodiscard]] const std::vector<double>& stationary() const;

  /// \brief Classes of fields; empty where there are none.
  [[nodiscard]] const std::vector<FieldClass>& classes() const;
  /// \brief The same process with the covariance of one class: 1 for the first, 0 for that of all fields.
  [[nodiscard]] Backbone of_class(std::size_t number) const;
  /// \brief Which class its covariance is of, as of_class counts.
  [[nodiscard]] std::size_t class_number() const { return class_; }
  /// \brief The same options, fitted to some of the training fields; classes stay as they are.
  [[nodiscard]] Backbone fitted_to(const std::vector<bool>& keep) const;

  void save(io::ModelFile& file) const;
  static Backbone load(const io::ModelFile& file);

 private:
  /// What is fitted to fields beside their means and variances; what is empty is yet to be.
  struct Fitted {
    std::vector<double> stationary{};
    double persistence = 0.0;
    std::vector<FieldClass> classes{};
  };
  static Backbone fit(TrainingFields fields, const BackboneOptions& options, Fitted fitted);
  explicit Backbone(std::shared_ptr<Impl> impl, std::size_t class_number = 0);
  std::shared_ptr<Impl> impl_;
  std::size_t class_ = 0;
};

/// \brief Correlation taper of the options at a chordal distance, km: a mixture of two Gaspari-Cohn
/// functions.
double localisation(const BackboneOptions& options, double distance_km);

/// \brief Gaspari and Cohn (1999) compactly supported correlation, zero at and beyond `support`.
double gaspari_cohn(double distance, double support);

}  // namespace manifill::prior
