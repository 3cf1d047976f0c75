#include "manifill/posterior/diffusion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <span>

#include "manifill/base/error.hpp"
#include "manifill/base/progress.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/operators/eigenpairs.hpp"
#include "manifill/prior/prior.hpp"

namespace manifill::posterior {

using Eigen::Index;

namespace {

constexpr double kNegligible = 1e-6;  // singular value over the largest; eigenpairs know it to 1e-8
constexpr Index kLargestDense = 10000;
constexpr std::size_t kMeasurementsKept = 8;
constexpr double kRenewedLogSnr = 0.0;  // as much noise as a point's prior deviation

/// [row][column] of a column-major matrix.
torch::Tensor as_tensor(const Eigen::MatrixXd& m) {
  return torch::from_blob(const_cast<double*>(m.data()), {m.cols(), m.rows()}, torch::kFloat64)
      .t()
      .clone(at::MemoryFormat::Contiguous);  // a single row or column would count as contiguous as it is
}

torch::Tensor as_tensor(const Eigen::VectorXd& v) {
  return torch::from_blob(const_cast<double*>(v.data()), {v.size()}, torch::kFloat64).clone();
}

class PriorDenoiser : public Denoiser {
 public:
  PriorDenoiser(const prior::Prior& prior, double season)
      : prior_(prior), season_{season}, root_(torch::sqrt(prior.gaussian().relative_weights())) {}

  [[nodiscard]] std::int64_t points() const override { return prior_.gaussian().points(); }

  [[nodiscard]] torch::Tensor marginal(const torch::Tensor& white, double log_snr) const override {
    const auto level = torch::full({white.size(0)}, log_snr, torch::kFloat32);
    return prior_.gaussian().colour(white / root_, level, season_) * root_;
  }

  [[nodiscard]] std::optional<GaussianPart> gaussian() const override {
    const prior::Backbone& backbone = prior_.backbone();
    const auto& f = backbone.factor(backbone.season_bin(season_[0]));
    const Eigen::VectorXd root = backbone.relative_weights().cwiseSqrt();
    return GaussianPart{.modes = as_tensor(Eigen::MatrixXd(root.asDiagonal() * f.modes)),
                        .variance = as_tensor(Eigen::VectorXd(f.variance.array() + f.residual)),
                        .rest = f.residual};
  }

 private:
  [[nodiscard]] torch::Tensor estimate(const torch::Tensor& u, const torch::Tensor& log_snr) const override {
    return prior_.denoise(u / root_, log_snr, season_) * root_;
  }

  const prior::Prior& prior_;
  std::vector<double> season_;
  torch::Tensor root_;  // [point], square root of the relative weights
};

}  // namespace

// --- the prior

torch::Tensor Linearisation::pullback(const torch::Tensor& v) {
  *gradients_ += v.size(0);
  return torch::autograd::grad({output_}, {state_}, {v}, /*retain_graph=*/true)[0];
}

torch::Tensor Denoiser::mean(const torch::Tensor& u, double log_snr) {
  return mean(u, torch::full({u.size(0)}, log_snr, torch::kFloat32));
}

void Denoiser::count(std::int64_t rows) {
  check_stop();
  evaluations_ += rows;
  note_within(fmt::format("{} evaluations of the prior", evaluations_));
}

torch::Tensor Denoiser::mean(const torch::Tensor& u, const torch::Tensor& log_snr) {
  count(u.size(0));
  const torch::NoGradGuard frozen;
  return estimate(u, log_snr);
}

Linearisation Denoiser::linearise(const torch::Tensor& u, double log_snr) {
  count(u.size(0));
  const torch::AutoGradMode graph(true);
  Linearisation out;
  out.state_ = u.detach().requires_grad_();
  out.output_ = estimate(out.state_, torch::full({u.size(0)}, log_snr, torch::kFloat32));
  out.mean_ = out.output_.detach();
  out.gradients_ = &gradients_;
  return out;
}

torch::Tensor Denoiser::marginal(const torch::Tensor& white, double) const { return white; }

std::unique_ptr<Denoiser> prior_denoiser(const prior::Prior& prior, double season) {
  return std::make_unique<PriorDenoiser>(prior, season);
}

// --- the measurement

struct WhitenedMeasurement::Impl {
  template <typename T>
  using Sparse = Eigen::SparseMatrix<T, Eigen::RowMajor>;

  /// A~ = U diag(s) V^T.
  struct Decomposition {
    torch::Tensor values{};  // [rank]
    torch::Tensor rows{};    // [rank], where U picks rows
    torch::Tensor left{};    // [observation][rank], else undefined
    torch::Tensor right{};   // [point][rank], likewise
  };

  Sparse<double> matrix{};
  Sparse<float> single{};
  Eigen::VectorXd inverse_sigma{};  // [observation]
  bool disjoint = true;
  mutable std::once_flag once{};
  mutable Decomposition parts{};

  /// One field a row of the tensor, which is one field a column of Eigen's matrix.
  template <typename T>
  [[nodiscard]] static torch::Tensor product(const Sparse<T>& a, const torch::Tensor& x, bool transposed) {
    const auto in = x.contiguous();
    auto out = torch::empty({in.size(0), static_cast<std::int64_t>(transposed ? a.cols() : a.rows())},
                            in.options().requires_grad(false));
    using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
    const Eigen::Map<const Matrix> from(in.data_ptr<T>(), in.size(1), in.size(0));
    Eigen::Map<Matrix> to(out.template data_ptr<T>(), out.size(1), out.size(0));
    if (transposed)
      to.noalias() = a.transpose() * from;
    else
      to.noalias() = a * from;
    return out;
  }

  [[nodiscard]] torch::Tensor product(const torch::Tensor& x, bool transposed) const {
    if (x.dim() != 2 || x.size(1) != (transposed ? matrix.rows() : matrix.cols()))
      throw Error(ErrorKind::internal, "a measurement was given a tensor of another size");
    return x.scalar_type() == torch::kFloat64 ? product(matrix, x, transposed)
                                              : product(single, x, transposed);
  }

  void decompose_diagonal() const {
    std::vector<double> values;
    std::vector<std::int64_t> rows;
    for (Index i = 0; i < matrix.rows(); ++i)
      if (const double s = matrix.row(i).norm(); s > 0.0) {
        values.push_back(s);
        rows.push_back(i);
      }
    parts.values = torch::tensor(values, torch::kFloat64);
    parts.rows = torch::tensor(rows, torch::kLong);
  }

  void decompose_dense() const {
    const bool wide = matrix.rows() <= matrix.cols();
    const Index size = std::min(matrix.rows(), matrix.cols());
    if (size > kLargestDense)
      throw Error(ErrorKind::usage,
                  fmt::format("the singular values of {} observations of {} points, some seen twice, take a "
                              "dense matrix of {} rows, more than {}",
                              matrix.rows(), matrix.cols(), size, kLargestDense),
                  {.remedy = "Use a method that does without, as --method gaussian or dps"});
    const Sparse<double> other = matrix.transpose();
    const Sparse<double> square = wide ? Sparse<double>(matrix * other) : Sparse<double>(other * matrix);
    const auto pairs = operators::symmetric_eigenpairs(Eigen::MatrixXd(square));  // descending
    const double least = kNegligible * kNegligible * pairs.values[0];
    Index rank = 0;
    while (rank < size && pairs.values[rank] > std::max(least, 0.0)) ++rank;
    const Eigen::VectorXd values = pairs.values.head(rank).cwiseSqrt();
    const Eigen::MatrixXd own = pairs.vectors.leftCols(rank);
    const Eigen::MatrixXd across = (wide ? Eigen::MatrixXd(other * own) : Eigen::MatrixXd(matrix * own)) *
                                   values.cwiseInverse().asDiagonal();
    parts.values = as_tensor(values);
    parts.left = as_tensor(wide ? own : across);
    parts.right = as_tensor(wide ? across : own);
  }

  [[nodiscard]] const Decomposition& decomposition() const {
    std::call_once(once, [this] {
      if (disjoint)
        decompose_diagonal();
      else
        decompose_dense();
    });
    return parts;
  }

  [[nodiscard]] torch::Tensor values_as(const torch::Tensor& x) const {
    return decomposition().values.to(x.scalar_type());
  }
};

WhitenedMeasurement::WhitenedMeasurement(const measurement::Measurement& measurement,
                                         const Eigen::VectorXd& scale,
                                         const Eigen::VectorXd& relative_weights)
    : impl_(std::make_unique<Impl>()) {
  if (measurement.points() != scale.size() || scale.size() != relative_weights.size())
    throw Error(ErrorKind::internal,
                fmt::format("a measurement of {} points met scales of {} and weights "
                            "of {}",
                            measurement.points(), scale.size(), relative_weights.size()));
  impl_->inverse_sigma = measurement.noise_sigma().cwiseInverse();
  const Eigen::VectorXd columns = scale.cwiseQuotient(relative_weights.cwiseSqrt());
  impl_->matrix = impl_->inverse_sigma.asDiagonal() * measurement.matrix();
  impl_->matrix = (impl_->matrix * columns.asDiagonal()).eval();
  impl_->single = impl_->matrix.cast<float>();
  impl_->disjoint = measurement.disjoint();
}

WhitenedMeasurement::~WhitenedMeasurement() = default;

std::int64_t WhitenedMeasurement::observations() const { return impl_->matrix.rows(); }

std::int64_t WhitenedMeasurement::points() const { return impl_->matrix.cols(); }

bool WhitenedMeasurement::disjoint() const { return impl_->disjoint; }

torch::Tensor WhitenedMeasurement::whiten(const Eigen::VectorXd& departure) const {
  if (departure.size() != impl_->inverse_sigma.size())
    throw Error(ErrorKind::internal, fmt::format("{} observed values for {} observations", departure.size(),
                                                 impl_->inverse_sigma.size()));
  return as_tensor(Eigen::VectorXd(departure.cwiseProduct(impl_->inverse_sigma)))
      .unsqueeze(0)
      .to(torch::kFloat32);
}

torch::Tensor WhitenedMeasurement::apply(const torch::Tensor& u) const { return impl_->product(u, false); }

torch::Tensor WhitenedMeasurement::adjoint(const torch::Tensor& r) const { return impl_->product(r, true); }

double WhitenedMeasurement::gain() const {
  return observations() == 0 ? 0.0 : impl_->matrix.norm() / std::sqrt(static_cast<double>(observations()));
}

torch::Tensor WhitenedMeasurement::pseudo_inverse(const torch::Tensor& r) const {
  return from_right(to_left(r) / impl_->values_as(r));
}

torch::Tensor WhitenedMeasurement::solve(double c, double d, const torch::Tensor& r) const {
  const auto in_range = to_left(r);
  auto solved = from_left(in_range / (c * impl_->values_as(r).square() + d));
  // Beyond the range apart, and not at all where there is nothing: a difference of terms in 1 / d would leave
  // nothing but their rounding of a small d.
  if (d == 0.0 || in_range.size(1) == r.size(1)) return solved;
  return solved + (r - from_left(in_range)) / d;
}

torch::Tensor WhitenedMeasurement::regularised_inverse(double c, double d, const torch::Tensor& r) const {
  const auto s = impl_->values_as(r);
  return from_right(to_left(r) * (s / (c * s.square() + d)));
}

const torch::Tensor& WhitenedMeasurement::singular_values() const { return impl_->decomposition().values; }

torch::Tensor WhitenedMeasurement::to_left(const torch::Tensor& r) const {
  const auto& d = impl_->decomposition();
  return impl_->disjoint ? r.index_select(1, d.rows) : torch::matmul(r, d.left.to(r.scalar_type()));
}

torch::Tensor WhitenedMeasurement::from_left(const torch::Tensor& c) const {
  const auto& d = impl_->decomposition();
  if (impl_->disjoint)
    return torch::zeros({c.size(0), observations()}, c.options()).index_copy_(1, d.rows, c);
  return torch::matmul(c, d.left.to(c.scalar_type()).t());
}

torch::Tensor WhitenedMeasurement::to_right(const torch::Tensor& u) const {
  const auto& d = impl_->decomposition();
  return impl_->disjoint ? to_left(apply(u)) / impl_->values_as(u)
                         : torch::matmul(u, d.right.to(u.scalar_type()));
}

torch::Tensor WhitenedMeasurement::from_right(const torch::Tensor& c) const {
  const auto& d = impl_->decomposition();
  return impl_->disjoint ? adjoint(from_left(c / impl_->values_as(c)))
                         : torch::matmul(c, d.right.to(c.scalar_type()).t());
}

// --- random numbers

MemberNoise::MemberNoise(std::uint64_t seed, std::int64_t time, std::uint32_t first_member,
                         std::int64_t members) {
  for (std::int64_t k = 0; k < members; ++k)
    streams_.emplace_back(RandomKey{.seed = seed,
                                    .purpose = RandomPurpose::posterior,
                                    .time = time,
                                    .member = first_member + static_cast<std::uint32_t>(k)});
}

torch::Tensor MemberNoise::normal(std::int64_t columns) {
  auto out = torch::empty({members(), columns}, torch::kFloat32);
  float* row = out.data_ptr<float>();
  for (auto& stream : streams_) {
    stream.fill_normal(std::span<float>(row, static_cast<std::size_t>(columns)));
    row += columns;
  }
  return out;
}

torch::Tensor MemberNoise::uniform(std::int64_t columns) {
  auto out = torch::empty({members(), columns}, torch::kFloat32);
  float* value = out.data_ptr<float>();
  for (auto& stream : streams_)
    for (std::int64_t k = 0; k < columns; ++k) *value++ = static_cast<float>(stream.uniform());
  return out;
}

// --- steps

std::vector<double> noise_levels(const prior::NoiseSchedule& schedule, std::int64_t steps,
                                 const std::string& spacing) {
  std::vector<double> levels;
  for (std::int64_t k = 0; k < steps; ++k) {
    const double share = steps > 1 ? static_cast<double>(k) / static_cast<double>(steps - 1) : 0.0;
    levels.push_back(spacing == "time" ? schedule.log_snr(1.0 - share * (1.0 - schedule.first_time))
                                       : schedule.lowest() + share * schedule.span());
  }
  levels.push_back(kClean);
  return levels;
}

torch::Tensor ddim_step(const torch::Tensor& u, const torch::Tensor& mean, double from, double to, double eta,
                        const torch::Tensor& white) {
  if (to == kClean) return mean;
  const double alpha = prior::alpha_of(from);
  const double sigma = prior::sigma_of(from);
  const double next = prior::sigma_of(to);
  const double signal = alpha / prior::alpha_of(to);
  const double fresh = eta * std::sqrt(std::max(0.0, 1.0 - signal * signal)) * next / sigma;
  const double kept = std::sqrt(std::max(0.0, next * next - fresh * fresh));
  const auto out = prior::alpha_of(to) * mean + (kept / sigma) * (u - alpha * mean);
  return fresh > 0.0 ? out + fresh * white : out;
}

torch::Tensor renewing_step(const torch::Tensor& u, const torch::Tensor& mean, double from, double to,
                            double share, const torch::Tensor& white) {
  if (to == kClean) return mean;
  const auto eps = (u - prior::alpha_of(from) * mean) / prior::sigma_of(from);
  return prior::alpha_of(to) * mean +
         prior::sigma_of(to) * (std::sqrt(1.0 - share) * eps + std::sqrt(share) * white);
}

namespace {

/// A~ of a step, of no observations where it was not observed.
std::shared_ptr<const WhitenedMeasurement> whitened_measurement(const prior::Backbone& backbone,
                                                                const StepObservation& step) {
  const auto none = [&] {
    return measurement::Measurement(
        measurement::SparseMatrix(0, static_cast<Index>(backbone.domain().size())), Eigen::VectorXd(0));
  };
  return std::make_shared<const WhitenedMeasurement>(step.measurement ? *step.measurement : none(),
                                                     backbone.scale(step.season),
                                                     backbone.relative_weights());
}

}  // namespace

StepProblem::StepProblem(const prior::Prior& prior, const StepObservation& step,
                         std::shared_ptr<const WhitenedMeasurement> measurement)
    : root_(prior.backbone().relative_weights().cwiseSqrt()),
      measurement_(measurement ? std::move(measurement) : whitened_measurement(prior.backbone(), step)),
      denoiser_(prior_denoiser(prior, step.season)) {
  const Eigen::VectorXd departure =
      step.measurement ? Eigen::VectorXd(step.y - step.measurement->apply(prior.backbone().mean(step.season)))
                       : Eigen::VectorXd(0);
  problem_.emplace(DiffusionProblem{.denoiser = *denoiser_,
                                    .measurement = *measurement_,
                                    .y = measurement_->whiten(departure),
                                    .schedule = prior.schedule()});
}

torch::Tensor StepProblem::states(const Eigen::MatrixXd& fields) const {
  const Eigen::MatrixXf weighted = (root_.asDiagonal() * fields).cast<float>();
  return torch::from_blob(const_cast<float*>(weighted.data()), {static_cast<std::int64_t>(fields.cols()),
                                                                static_cast<std::int64_t>(fields.rows())})
      .clone();
}

Eigen::MatrixXd StepProblem::fields(const torch::Tensor& states) const {
  const auto dense = states.to(torch::kFloat32).contiguous();
  const Eigen::Map<const Eigen::MatrixXf> weighted(dense.data_ptr<float>(), root_.size(), dense.size(0));
  return root_.cwiseInverse().asDiagonal() * weighted.cast<double>();
}

GaussianConditional::GaussianConditional(const DiffusionProblem& problem, const std::string& setting,
                                         const std::string& remedy)
    : measurement_(problem.measurement) {
  auto prior = problem.denoiser.gaussian();
  if (!prior)
    throw Error(ErrorKind::usage, setting + " needs the covariance of the prior",
                {.remedy = "Set " + remedy});
  prior_ = std::move(*prior);
  seen_ = measurement_.apply(prior_.modes.t()).t();
}

namespace {

/// Variance v of u_0 to that given u_t.
template <typename T>
T given(double log_snr, const T& v) {
  const double signal = std::pow(prior::alpha_of(log_snr), 2);
  const double noise = std::pow(prior::sigma_of(log_snr), 2);
  return noise * v / (signal * v + noise);
}

}  // namespace

torch::Tensor GaussianConditional::solve(double log_snr, const torch::Tensor& r) const {
  const double rest = given(log_snr, prior_.rest);
  const auto root =
      seen_ * torch::sqrt((given(log_snr, prior_.variance) - rest).clamp_min(0.0));  // [observation][mode]
  const auto solved = measurement_.solve(rest, 1.0, root.t());                       // [mode][observation]
  const auto base = measurement_.solve(rest, 1.0, r.to(torch::kFloat64));
  const auto system = torch::eye(root.size(1), root.options()) + torch::matmul(solved, root);
  const auto modes = at::cholesky_solve(torch::matmul(base, root).t(), at::linalg_cholesky(system));
  return (base - torch::matmul(modes.t(), solved)).to(r.scalar_type());
}

torch::Tensor GaussianConditional::times(double log_snr, const torch::Tensor& v) const {
  const double rest = given(log_snr, prior_.rest);
  const auto in = v.to(torch::kFloat64);
  const auto part = torch::matmul(in, prior_.modes) * (given(log_snr, prior_.variance) - rest);
  return (torch::matmul(part, prior_.modes.t()) + rest * in).to(v.scalar_type());
}

torch::Tensor GaussianConditional::colour(double log_snr, const torch::Tensor& white) const {
  const double rest = std::sqrt(given(log_snr, prior_.rest));
  const auto in = white.to(torch::kFloat64);
  const auto part = torch::matmul(in, prior_.modes) * (torch::sqrt(given(log_snr, prior_.variance)) - rest);
  return (torch::matmul(part, prior_.modes.t()) + rest * in).to(white.scalar_type());
}

torch::Tensor residual_slope(const DiffusionProblem& problem, Linearisation& at) {
  constexpr double kLeast = 1e-12;  // of the norm of a residual that is zero
  const auto& a = problem.measurement;
  if (a.observations() == 0) return torch::zeros_like(at.mean());
  const auto residual = problem.residual(at.mean());
  const auto norm = residual.norm(2, {1}, true).clamp_min(kLeast);
  return at.pullback(a.adjoint(residual / norm)) * (-1.0 / a.gain());
}

torch::Tensor onto_observations(const DiffusionProblem& problem, const torch::Tensor& u, double log_snr,
                                MemberNoise& noise) {
  const auto& a = problem.measurement;
  const auto moved = u - prior::sigma_of(log_snr) * noise.normal(u.size(1));
  return u + a.pseudo_inverse(prior::alpha_of(log_snr) * problem.y - a.apply(moved));
}

torch::Tensor descend(const DiffusionProblem& problem, const torch::Tensor& clean, std::int64_t steps,
                      MemberNoise& noise) {
  const torch::NoGradGuard frozen;
  const GaussianConditional conditional(problem, "refine", "refine = 0");
  const auto& a = problem.measurement;
  const double start = std::max(kRenewedLogSnr, problem.schedule.lowest());
  const double last = problem.schedule.highest();
  std::vector<double> levels;
  for (std::int64_t k = 0; k < steps; ++k)
    levels.push_back(start + (last - start) * static_cast<double>(k) / static_cast<double>(steps));
  levels.push_back(kClean);
  auto u = prior::alpha_of(start) * clean + prior::sigma_of(start) * noise.normal(clean.size(1));
  for (std::size_t k = 0; k + 1 < levels.size(); ++k) {
    // A draw of u_0 by Matheron's rule: of the mean alone few steps would make a posterior too narrow.
    auto draw =
        problem.denoiser.mean(u, levels[k]) + conditional.colour(levels[k], noise.normal(clean.size(1)));
    if (a.observations() > 0) {
      const auto departure = problem.residual(draw) - noise.normal(a.observations());
      draw = draw + conditional.times(levels[k], a.adjoint(conditional.solve(levels[k], departure)));
    }
    u = ddim_step(u, draw, levels[k], levels[k + 1], 1.0, noise.normal(clean.size(1)));
  }
  return u;
}

// --- samplers

namespace {

struct RegisteredMethod {
  std::vector<OptionSpec> options;
  DiffusionFactory factory;
};

std::map<std::string, RegisteredMethod>& methods() {
  static std::map<std::string, RegisteredMethod> registry;
  return registry;
}

}  // namespace

DiffusionRegistration::DiffusionRegistration(const std::string& name, const std::string& summary,
                                             std::vector<OptionSpec> options, DiffusionFactory factory) {
  options.push_back({.key = name + ".batch",
                     .help = "members drawn at once; more take more memory and are the same",
                     .fallback = std::int64_t{16},
                     .lowest = 1,
                     .highest = 4096});
  methods()[name] = {options, factory};
  SamplerRegistry::instance().add(
      name, summary, std::move(options),
      [name, factory = std::move(factory)](const Model& model, const Config& config) {
        return std::make_unique<DiffusionSampler>(model, name, factory(config),
                                                  config.integer(name + ".batch"));
      });
}

std::unique_ptr<DiffusionMethod> diffusion_method(const std::string& name,
                                                  const std::vector<std::string>& settings) {
  const auto found = methods().find(name);
  if (found == methods().end())
    throw Error(ErrorKind::usage, "no diffusion sampler is named '" + name + "'",
                {.remedy = "Name one of docs/samplers.md"});
  Config config(found->second.options);
  for (const auto& setting : settings) config.set(setting);
  return found->second.factory(config);
}

bool is_diffusion_method(const std::string& name) { return methods().count(name) > 0; }

std::vector<OptionSpec> level_specs(const std::string& name, std::int64_t steps, const std::string& spacing) {
  return {{.key = name + ".steps",
           .help = "noise levels, one evaluation of the denoiser each",
           .fallback = steps,
           .lowest = 1,
           .highest = 100000},
          {.key = name + ".spacing",
           .help = "noise levels evenly in the diffusion's time or in log-SNR",
           .fallback = spacing,
           .choices = {"time", "log_snr"}}};
}

std::pair<std::int64_t, std::string> level_options(const std::string& name, const Config& config) {
  return {config.integer(name + ".steps"), config.text(name + ".spacing")};
}

DiffusionSampler::DiffusionSampler(const Model& model, std::string name,
                                   std::unique_ptr<DiffusionMethod> method, std::int64_t batch)
    : name_(std::move(name)), method_(std::move(method)), batch_(batch), finisher_(model) {}

DiffusionSampler::~DiffusionSampler() = default;

std::shared_ptr<const WhitenedMeasurement> DiffusionSampler::whitened(const StepObservation& step) {
  const Eigen::VectorXd scale = finisher_.backbone().scale(step.season);
  const std::uint64_t key = hash_bytes(scale.data(), static_cast<std::size_t>(scale.size()) * sizeof(double),
                                       step.measurement ? step.measurement->hash() : 0);
  const auto found = std::find_if(measurements_.begin(), measurements_.end(),
                                  [key](const auto& entry) { return entry.first == key; });
  if (found != measurements_.end()) return found->second;
  if (measurements_.size() == kMeasurementsKept) measurements_.pop_front();
  return measurements_.emplace_back(key, whitened_measurement(finisher_.backbone(), step)).second;
}

Ensemble DiffusionSampler::sample(const Window& window, const SampleRequest& request) {
  const torch::NoGradGuard frozen;
  if (request.density)
    throw Error(ErrorKind::usage, "the method '" + name_ + "' knows no density of its members",
                {.remedy = "Leave out --diagnostics, or use --method flow or gaussian"});
  const StepObservation& centre = window.at_centre();
  const StepProblem step(finisher_.departure().prior(), centre, whitened(centre));
  Eigen::MatrixXd x(static_cast<Index>(finisher_.backbone().domain().size()), request.members);
  for (std::int64_t first = 0; first < static_cast<std::int64_t>(request.members); first += batch_) {
    const auto count = std::min(batch_, static_cast<std::int64_t>(request.members) - first);
    MemberNoise noise(request.seed, centre.time, request.first_member + static_cast<std::uint32_t>(first),
                      count);
    const auto drawn = method_->draw(step.problem(), noise);
    // Guidance that overshoots grows from step to step; held at the bounds of a field it could pass for a
    // result.
    constexpr double kRunaway = 1000.0;  // standard deviations of the prior
    const double largest = drawn.abs().max().item<double>();
    if (!(largest < kRunaway))
      throw Error(
          ErrorKind::numerical,
          "the method '" + name_ + "' ran away: its values are " +
              (std::isfinite(largest) ? fmt::format("up to {:.1e} standard deviations of the prior", largest)
                                      : std::string("not finite")),
          {.index = "[step " + std::to_string(centre.time) + "]",
           .remedy = fmt::format(
               "Weaken its guidance, raise its steps or choose another of its rules (options {}.*), or use "
               "--method gaussian for this input",
               name_)});
    x.middleCols(first, count) = step.fields(drawn);
  }
  const auto factor = finisher_.factor(window);
  Ensemble e = finisher_.finish(window, *factor, factor->solve(window), x, request);
  e.evaluations += static_cast<double>(step.denoiser().evaluations()) / request.members;
  e.gradients += static_cast<double>(step.denoiser().gradients()) / request.members;
  return e;
}

}  // namespace manifill::posterior
