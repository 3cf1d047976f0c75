#pragma once
/// \file
/// \brief Zero-shot posterior samplers: the prior's diffusion, steered by a measurement that it never saw
/// (docs/samplers.md).
///
/// Coordinates. Of a normalised field x (X = mean + scale x) the state is u_i = sqrt(relative_weight_i) x_i,
/// in which the diffusion's noise is i.i.d. standard, u_t = alpha u_0 + sigma eps. The measurement is
/// whitened, A~ = R^(-1/2) A diag(scale) diag(relative_weight)^(-1/2), y~ = R^(-1/2) (y - A mean), so that
/// its noise is standard too. Published rules hold as they stand with sigma_y = 1, or with 1 / singular value
/// where they need the noise of a component of u. Levels are log-SNRs; +infinity is the clean field.

#include <cstdint>
#include <functional>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include "manifill/base/random.hpp"
#include "manifill/measurement/measurement.hpp"
#include "manifill/posterior/refine.hpp"
#include "manifill/posterior/sampler.hpp"
#include "manifill/prior/schedule.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {
class Prior;
}

namespace manifill::posterior {

/// \brief Log-SNR of the clean field.
inline constexpr double kClean = std::numeric_limits<double>::infinity();

// --- the prior

/// \brief Covariance modes diag(variance) modes^T + rest (1 - modes modes^T) of u_0.
struct GaussianPart {
  torch::Tensor modes{};     ///< [point][mode], orthonormal columns, float64
  torch::Tensor variance{};  ///< [mode], float64
  double rest = 0.0;
};

/// \brief A denoiser at one state, and products with its Jacobian from the left.
class Linearisation {
 public:
  /// \brief E[u_0 | u_t], [batch][point], without gradient.
  [[nodiscard]] const torch::Tensor& mean() const { return mean_; }
  /// \brief (d mean / d u_t)^T v, [batch][point] in and out, as often as wanted.
  [[nodiscard]] torch::Tensor pullback(const torch::Tensor& v);

 private:
  friend class Denoiser;
  torch::Tensor state_{};
  torch::Tensor output_{};
  torch::Tensor mean_{};
  std::int64_t* gradients_ = nullptr;
};

/// \brief The prior as samplers see it: E[u_0 | u_t], float32 [batch][point]. Counts what it is asked for,
/// and ends with Error(stopped) where a stop is requested. Not thread-safe.
class Denoiser {
 public:
  virtual ~Denoiser() = default;
  [[nodiscard]] virtual std::int64_t points() const = 0;

  /// \brief E[u_0 | u_t] without gradient. \param u [batch][point]; \param log_snr of all rows, or [batch]
  [[nodiscard]] torch::Tensor mean(const torch::Tensor& u, double log_snr);
  [[nodiscard]] torch::Tensor mean(const torch::Tensor& u, const torch::Tensor& log_snr);
  /// \brief The same with its Jacobian. The Linearisation must not outlive this object.
  [[nodiscard]] Linearisation linearise(const torch::Tensor& u, double log_snr);

  /// \brief White noise to draws of u_t without a measurement, exact or, by default, the noise itself: to be
  /// used where alpha^2 is negligible. \param white [batch][point]
  [[nodiscard]] virtual torch::Tensor marginal(const torch::Tensor& white, double log_snr) const;
  /// \brief Covariance of the prior, of its Gaussian part where it is not one; empty where none is known.
  [[nodiscard]] virtual std::optional<GaussianPart> gaussian() const { return std::nullopt; }

  [[nodiscard]] std::int64_t evaluations() const { return evaluations_; }  ///< rows denoised
  [[nodiscard]] std::int64_t gradients() const { return gradients_; }      ///< rows pulled back

 private:
  /// Differentiable in u. \param u [batch][point], float32; \param log_snr [batch], float32
  [[nodiscard]] virtual torch::Tensor estimate(const torch::Tensor& u,
                                               const torch::Tensor& log_snr) const = 0;
  void count(std::int64_t rows);
  std::int64_t evaluations_ = 0;
  std::int64_t gradients_ = 0;
};

/// \brief The model's prior at one season. \param prior must outlive it
std::unique_ptr<Denoiser> prior_denoiser(const prior::Prior& prior, double season);

// --- the measurement

/// \brief A~ of one measurement. Float32 or float64 [batch][.] in and out, no gradients (a product with
/// `adjoint` is what a gradient of the residual needs). Where no point is seen twice (Measurement::disjoint)
/// A~ A~^T is diagonal and everything is in closed form; else the singular value decomposition of a dense
/// matrix is made at the first call that needs it, by eigenpairs of the smaller of A~ A~^T and A~^T A~ in
/// double precision; singular values below 1e-6 of the largest count as zero.
class WhitenedMeasurement {
 public:
  /// \param measurement of physical fields \param scale, relative_weights [point]
  /// \throws Error(internal) on a size mismatch
  WhitenedMeasurement(const measurement::Measurement& measurement, const Eigen::VectorXd& scale,
                      const Eigen::VectorXd& relative_weights);
  ~WhitenedMeasurement();

  [[nodiscard]] std::int64_t observations() const;
  [[nodiscard]] std::int64_t points() const;
  [[nodiscard]] bool disjoint() const;
  /// \brief y~ = R^(-1/2) departure: [1][observation], float32. \param departure y - A mean: [observation]
  [[nodiscard]] torch::Tensor whiten(const Eigen::VectorXd& departure) const;

  [[nodiscard]] torch::Tensor apply(const torch::Tensor& u) const;    ///< A~ u: [batch][observation]
  [[nodiscard]] torch::Tensor adjoint(const torch::Tensor& r) const;  ///< A~^T r: [batch][point]
  /// \brief Root mean square of the entries of A~ by rows: |A~|_F / sqrt(observations), the inverse of a
  /// typical noise level of a component of u. 0 without observations.
  [[nodiscard]] double gain() const;

  // What follows may need the decomposition. \throws Error(usage) where it is beyond 10,000 rows.

  [[nodiscard]] torch::Tensor pseudo_inverse(const torch::Tensor& r) const;  ///< A~+ r: [batch][point]
  /// \brief (c A~ A~^T + d)^-1 r. What r has beyond the range of A~ is divided by d, and its rounding with
  /// it: regularised_inverse has none of that. \param c, d not negative; with d = 0 on the range alone
  [[nodiscard]] torch::Tensor solve(double c, double d, const torch::Tensor& r) const;
  /// \brief A~^T (c A~ A~^T + d)^-1 r, by singular values s / (c s^2 + d): of single precision however small
  /// d is. \param c, d not negative, not both zero \return [batch][point]
  [[nodiscard]] torch::Tensor regularised_inverse(double c, double d, const torch::Tensor& r) const;

  // A~ = U diag(s) V^T with s > 0.
  [[nodiscard]] const torch::Tensor& singular_values() const;            ///< s: [rank], float64
  [[nodiscard]] torch::Tensor to_left(const torch::Tensor& r) const;     ///< U^T r: [batch][rank]
  [[nodiscard]] torch::Tensor from_left(const torch::Tensor& c) const;   ///< U c: [batch][observation]
  [[nodiscard]] torch::Tensor to_right(const torch::Tensor& u) const;    ///< V^T u: [batch][rank]
  [[nodiscard]] torch::Tensor from_right(const torch::Tensor& c) const;  ///< V c: [batch][point]

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// --- random numbers

/// \brief A stream of random numbers for each member of a batch, so that members do not depend on batches.
class MemberNoise {
 public:
  MemberNoise(std::uint64_t seed, std::int64_t time, std::uint32_t first_member, std::int64_t members);
  [[nodiscard]] std::int64_t members() const { return static_cast<std::int64_t>(streams_.size()); }
  /// \brief The next standard normals of every member: [member][columns], float32.
  [[nodiscard]] torch::Tensor normal(std::int64_t columns);
  /// \brief The next uniform numbers in (0, 1): [member][columns], float32.
  [[nodiscard]] torch::Tensor uniform(std::int64_t columns);

 private:
  std::vector<RandomStream> streams_{};
};

// --- steps

/// \brief Levels of a descent from `schedule.lowest()` to the clean field: `steps` log-SNRs, increasing, and
/// +infinity behind them. \param spacing "time", evenly in the schedule's time, or "log_snr"
std::vector<double> noise_levels(const prior::NoiseSchedule& schedule, std::int64_t steps,
                                 const std::string& spacing);

/// \brief Step from one level to a cleaner one (Song et al. 2021, arXiv 2010.02502, eqs. 12 and 16):
/// alpha_s D + c1 z + c2 eps, eps = (u - alpha_t D) / sigma_t, c1 = eta sqrt((1 - a_t / a_s) sigma_s^2 /
/// sigma_t^2), c2 = sqrt(sigma_s^2 - c1^2), a = alpha^2. eta = 0 is deterministic, eta = 1 ancestral. To
/// +infinity it is D. \param u, mean, white [batch][point]: u_t, D and z
torch::Tensor ddim_step(const torch::Tensor& u, const torch::Tensor& mean, double from, double to, double eta,
                        const torch::Tensor& white);

/// \brief Step to a cleaner level that renews a share of the noise whatever the step's length: alpha_s D +
/// sigma_s (sqrt(1 - share) eps + sqrt(share) z), eps = (u - alpha_t D) / sigma_t. To +infinity it is D.
/// \param u, mean, white [batch][point]: u_t, D and z
torch::Tensor renewing_step(const torch::Tensor& u, const torch::Tensor& mean, double from, double to,
                            double share, const torch::Tensor& white);

// --- samplers

/// \brief What a method is given: all members of a batch have one problem.
struct DiffusionProblem {
  Denoiser& denoiser;
  const WhitenedMeasurement& measurement;
  torch::Tensor y{};  ///< whitened: [1][observation], float32
  prior::NoiseSchedule schedule{};

  /// \brief y~ - A~ u: [batch][observation].
  [[nodiscard]] torch::Tensor residual(const torch::Tensor& u) const { return y - measurement.apply(u); }
  /// \brief Draws of the prior at a level, to start from: [member][point].
  [[nodiscard]] torch::Tensor start(double log_snr, MemberNoise& noise) const {
    return denoiser.marginal(noise.normal(denoiser.points()), log_snr);
  }
};

/// \brief The problem of one step's observations under a model's prior, and all that it refers to.
class StepProblem {
 public:
  /// \param prior must outlive it \param measurement of the step, whitened; null: made here
  StepProblem(const prior::Prior& prior, const StepObservation& step,
              std::shared_ptr<const WhitenedMeasurement> measurement = {});
  [[nodiscard]] const DiffusionProblem& problem() const { return *problem_; }
  [[nodiscard]] const Denoiser& denoiser() const { return *denoiser_; }
  /// \brief Normalised fields [point][member] as states u: [member][point], float32, and back.
  [[nodiscard]] torch::Tensor states(const Eigen::MatrixXd& fields) const;
  [[nodiscard]] Eigen::MatrixXd fields(const torch::Tensor& states) const;

 private:
  Eigen::VectorXd root_;  // [point], square root of the relative weights
  std::shared_ptr<const WhitenedMeasurement> measurement_;
  std::unique_ptr<Denoiser> denoiser_;
  std::optional<DiffusionProblem> problem_{};
};

/// \brief The covariance C_t of u_0 given u_t under the prior's Gaussian part, modes diag(v_t) modes^T +
/// rest_t (1 - modes modes^T) with v_t = sigma^2 v / (alpha^2 v + sigma^2): exact for a prior that is a
/// Gaussian. Float32 or float64 [batch][.] in and out.
class GaussianConditional {
 public:
  /// \param problem must outlive it \param setting that asks for it \param remedy a setting that does without
  /// \throws Error(usage) where no covariance of the prior is known
  GaussianConditional(const DiffusionProblem& problem, const std::string& setting, const std::string& remedy);

  /// \brief (A~ C_t A~^T + 1)^-1 r by Woodbury's identity: a square system of the modes.
  [[nodiscard]] torch::Tensor solve(double log_snr, const torch::Tensor& r) const;
  /// \brief C_t v.
  [[nodiscard]] torch::Tensor times(double log_snr, const torch::Tensor& v) const;
  /// \brief White noise to draws of N(0, C_t).
  [[nodiscard]] torch::Tensor colour(double log_snr, const torch::Tensor& white) const;

 private:
  const WhitenedMeasurement& measurement_;
  GaussianPart prior_{};
  torch::Tensor seen_{};  // A~ modes: [observation][mode]
};

/// \brief Members noised to where noise and a point's prior deviation are alike, and brought back along the
/// prior's diffusion in `steps` ancestral steps, each of a draw of u_0 as the observations correct it: v ~
/// N(D, C_t), C_t the covariance given the state under the prior's Gaussian part (GaussianConditional), and
/// v + C_t A~^T (A~ C_t A~^T + 1)^-1 (y~ - A~ v - n), n ~ N(0, 1). For a Gaussian prior that is a draw of the
/// posterior given the state, and the posterior is left as it is however few the steps. \param clean u_0:
/// [member][point] \param noise of as many members \throws Error(usage) where the prior has no Gaussian part
torch::Tensor descend(const DiffusionProblem& problem, const torch::Tensor& clean, std::int64_t steps,
                      MemberNoise& noise);

/// \brief Gradient with respect to u_t of |y - A D| in normalised units, |y~ - A~ D| / gain: [batch][point].
/// For a mask on cells of equal areas it is the norm of the pixels' residual. Zero without observations.
torch::Tensor residual_slope(const DiffusionProblem& problem, Linearisation& at);

/// \brief u with the observed components in place of its own, noised to a level: (1 - A~+ A~) u + A~+ (alpha
/// y~ + sigma A~ z), z standard from `noise`: [batch][point]
torch::Tensor onto_observations(const DiffusionProblem& problem, const torch::Tensor& u, double log_snr,
                                MemberNoise& noise);

/// \brief A rule that draws from p(u_0 | y~). One source file each, registered by DiffusionRegistration.
class DiffusionMethod {
 public:
  virtual ~DiffusionMethod() = default;
  /// \brief Draws for the members of `noise`: [member][point], float32. Row k may depend on the problem and
  /// on the k-th stream only. Called without recording of gradients.
  /// \throws Error(usage) when the measurement is none for the method
  [[nodiscard]] virtual torch::Tensor draw(const DiffusionProblem& problem, MemberNoise& noise) const = 0;
};

/// \brief Makes a method from a configuration that declares its options.
using DiffusionFactory = std::function<std::unique_ptr<DiffusionMethod>(const Config&)>;

/// \brief The method behind a registered name, without a model; for tests. \param settings "key=value"
/// \throws Error(usage) on an unknown name or option
std::unique_ptr<DiffusionMethod> diffusion_method(const std::string& name,
                                                  const std::vector<std::string>& settings = {});

/// \brief Whether a sampler's name is that of a method of the diffusion.
bool is_diffusion_method(const std::string& name);

/// \brief Registers a method as a sampler: a file-scope constant of its source. "<name>.batch" is added to
/// its options.
struct DiffusionRegistration {
  DiffusionRegistration(const std::string& name, const std::string& summary, std::vector<OptionSpec> options,
                        DiffusionFactory factory);
};

/// \brief Options "<name>.steps" and "<name>.spacing" of `noise_levels`.
std::vector<OptionSpec> level_specs(const std::string& name, std::int64_t steps,
                                    const std::string& spacing = "time");
/// \brief What they are set to, as arguments of `noise_levels`.
std::pair<std::int64_t, std::string> level_options(const std::string& name, const Config& config);

/// \brief Draws members of the window's centre with a method and the model's prior. Only the centre's
/// observations are used; those of neighbouring steps are not. Members are drawn in batches.
class DiffusionSampler : public PosteriorSampler {
 public:
  /// \param model must outlive it \param batch members at once
  DiffusionSampler(const Model& model, std::string name, std::unique_ptr<DiffusionMethod> method,
                   std::int64_t batch);
  ~DiffusionSampler() override;
  /// \throws Error(usage) when a density is asked for; Error(numerical) when a member is not finite
  [[nodiscard]] Ensemble sample(const Window& window, const SampleRequest& request) override;

 private:
  [[nodiscard]] std::shared_ptr<const WhitenedMeasurement> whitened(const StepObservation& step);

  std::string name_;
  std::unique_ptr<DiffusionMethod> method_;
  std::int64_t batch_;
  EnsembleFinisher finisher_;
  std::list<std::pair<std::uint64_t, std::shared_ptr<const WhitenedMeasurement>>> measurements_{};
};

}  // namespace manifill::posterior
