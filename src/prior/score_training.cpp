#include "manifill/prior/score_training.hpp"

#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <numbers>
#include <optional>
#include <span>
#include <sstream>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/base/stopwatch.hpp"
#include "manifill/prior/averaged_optimiser.hpp"
#include "manifill/prior/precision.hpp"
#include "manifill/prior/schedule.hpp"
#include "manifill/prior/training_records.hpp"

namespace manifill::prior {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint32_t kDropoutMember = 0xFFFFFFFFU;  // streams of a step beside those of its batch rows
constexpr std::uint32_t kChoiceMember = 0xFFFFFFFEU;

std::size_t band_of(const NoiseSchedule& schedule, double lambda) {
  const double share = (lambda - schedule.lowest()) / schedule.span();
  return static_cast<std::size_t>(std::clamp(share, 0.0, 0.999999) * static_cast<double>(kLevelBands));
}

/// Noisy fields with the backbone's part done, all float32.
struct NoisyBatch {
  torch::Tensor clean{};     // [case][point]
  torch::Tensor noisy{};     // [case][point]
  torch::Tensor gaussian{};  // [case][point], D_G
  torch::Tensor weights{};   // [case][point], sum 1 over points
  torch::Tensor lambda{};    // [case]
  torch::Tensor scale{};     // [case], s
  torch::Tensor factor{};    // [case], g^level_power
  std::vector<double> season{};
};

/// \param rows fields taken; \param levels [case]; noises are keyed by (seed, time, case)
NoisyBatch make_noisy(const GaussianDenoiser& gaussian, const ScoreFields& fields,
                      const std::vector<std::int64_t>& rows, const std::vector<double>& levels,
                      double level_power, std::uint64_t seed, std::int64_t time) {
  const torch::NoGradGuard frozen;
  NoisyBatch b;
  const auto which = torch::tensor(rows, torch::kLong);
  b.clean = fields.values.index_select(0, which);
  b.weights = fields.weights.index_select(0, which);
  b.weights = b.weights / b.weights.sum(1, true).clamp_min(1e-12);
  b.lambda = torch::tensor(levels, torch::kFloat32);
  auto noise = torch::empty_like(b.clean);
  const auto n = static_cast<std::size_t>(noise.size(1));
  for (std::size_t k = 0; k < rows.size(); ++k) {
    RandomStream random({.seed = seed,
                         .purpose = RandomPurpose::diffusion,
                         .time = time,
                         .member = static_cast<std::uint32_t>(k)});
    random.fill_normal(std::span<float>(noise.data_ptr<float>() + k * n, n));
    b.season.push_back(fields.season[static_cast<std::size_t>(rows[k])]);
  }
  noise *= torch::rsqrt(gaussian.relative_weights());
  b.noisy = alpha_of(b.lambda).unsqueeze(1) * b.clean + sigma_of(b.lambda).unsqueeze(1) * noise;
  b.gaussian = gaussian.denoise(b.noisy, b.lambda, b.season);
  b.scale = gaussian.error_scale(b.lambda, b.season);
  b.factor = torch::pow(torch::exp(b.lambda) * b.scale.square(), level_power);
  return b;
}

/// Errors relative to the Gaussian's expected one: of the network [case] (differentiable) and of the backbone
/// [case].
std::pair<torch::Tensor, torch::Tensor> relative_errors(ScoreNetwork network, const NoisyBatch& b) {
  const auto correction = network->forward(b.noisy, b.gaussian, b.lambda, b.season, b.scale);
  const auto unit = 1.0 / b.scale.square();
  const auto error = b.gaussian - b.clean;
  return {(b.weights * (error + correction).square()).sum(1) * unit,
          (b.weights * error.square()).sum(1) * unit};
}

/// A fixed set of noisy fields, in chunks.
class Validation {
 public:
  struct Figures {
    double ratio = kNaN;
    std::array<double, kLevelBands> bands{kNaN, kNaN, kNaN, kNaN};
  };

  Validation(const GaussianDenoiser& gaussian, const ScoreFields& fields, std::int64_t draws,
             double level_power, std::uint64_t seed) {
    const std::int64_t count = fields.values.size(0);
    if (count == 0) return;
    RandomStream random(
        {.seed = seed, .purpose = RandomPurpose::training, .time = -1, .member = kChoiceMember});
    auto levels = stratified_log_snr(schedule_, static_cast<std::size_t>(draws), random);
    for (std::size_t k = levels.size(); k > 1; --k)
      std::swap(levels[k - 1],
                levels[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(k) - 1))]);
    constexpr std::int64_t kChunk = 64;
    for (std::int64_t first = 0; first < draws; first += kChunk) {
      std::vector<std::int64_t> rows;
      std::vector<double> of_chunk;
      for (std::int64_t k = first; k < std::min(draws, first + kChunk); ++k) {
        rows.push_back(k * count / draws + (draws < count ? count / draws / 2 : 0));
        of_chunk.push_back(levels[static_cast<std::size_t>(k)]);
      }
      chunks_.push_back(make_noisy(gaussian, fields, rows, of_chunk, level_power, seed, -2 - first));
    }
  }

  [[nodiscard]] bool empty() const { return chunks_.empty(); }

  [[nodiscard]] Figures operator()(const ScoreNetwork& network) const {
    Figures figures;
    if (chunks_.empty()) return figures;
    const torch::NoGradGuard frozen;
    std::array<double, kLevelBands> ours{};
    std::array<double, kLevelBands> theirs{};
    double all_ours = 0.0;
    double all_theirs = 0.0;
    for (const NoisyBatch& b : chunks_) {
      const auto [net, linear] = relative_errors(network, b);
      for (std::int64_t k = 0; k < net.size(0); ++k) {
        const auto band = band_of(schedule_, b.lambda[k].item<double>());
        const double factor = b.factor[k].item<double>();
        ours[band] += net[k].item<double>();
        theirs[band] += linear[k].item<double>();
        all_ours += factor * net[k].item<double>();
        all_theirs += factor * linear[k].item<double>();
      }
    }
    for (std::size_t k = 0; k < kLevelBands; ++k)
      figures.bands[k] = theirs[k] > 0.0 ? ours[k] / theirs[k] : kNaN;
    figures.ratio = all_ours / all_theirs;
    return figures;
  }

 private:
  NoiseSchedule schedule_{};
  std::vector<NoisyBatch> chunks_{};
};

/// Where a training stands.
struct Progress {
  std::int64_t step = 0;
  std::int64_t best_step = 0;
  std::int64_t without_gain = 0;
  double best_ratio = std::numeric_limits<double>::infinity();
  std::array<double, kLevelBands> best_bands{kNaN, kNaN, kNaN, kNaN};
  double seconds = 0.0;
  double sum_ours = 0.0;  // of the training loss since the last validation
  double sum_theirs = 0.0;
};

/// What a checkpoint must agree with to be continued.
std::uint64_t hash_of(const Eigen::VectorXd& v) {
  return hash_bytes(v.data(), static_cast<std::size_t>(v.size()) * sizeof(double));
}

std::string fingerprint(const ScoreNetworkOptions& network, const ScoreTrainingOptions& o,
                        const ScoreFields& fields, const Backbone& backbone) {
  const auto values = fields.values.contiguous();
  const auto hash =
      hash_bytes(values.data_ptr<float>(), static_cast<std::size_t>(values.numel()) * sizeof(float));
  return fmt::format(
      "{}steps {} batch {} rate {} decay {} clip {} warmup {} average {} power {} folds {} draws {} every {} "
      "seed {} fields {} {:016x} variances {:016x} weights {:016x}",
      network.to_text(), o.steps, o.batch, o.learning_rate, o.weight_decay, o.clip, o.warmup, o.average,
      o.level_power, o.folds, o.validation_draws, o.validate_every, o.seed, values.size(0), hash,
      hash_of(backbone.factor(0).variance), hash_of(backbone.relative_weights()));
}

TrainingPlace place_of(const Progress& p) {
  TrainingPlace out{.steps = {p.step, p.best_step, p.without_gain},
                    .figures = {p.best_ratio, p.seconds, p.sum_ours, p.sum_theirs}};
  out.figures.insert(out.figures.end(), p.best_bands.begin(), p.best_bands.end());
  return out;
}

Progress progress_of(const TrainingPlace& place) {
  Progress p{.step = place.steps[0],
             .best_step = place.steps[1],
             .without_gain = place.steps[2],
             .best_ratio = place.figures[0],
             .seconds = place.figures[1],
             .sum_ours = place.figures[2],
             .sum_theirs = place.figures[3]};
  std::copy(place.figures.begin() + 4, place.figures.end(), p.best_bands.begin());
  return p;
}

TrainingRecords records_in(const std::string& directory, std::string agreement) {
  const bool any = !directory.empty();
  return {any ? directory + "/score_log.csv" : std::string(),
          any ? directory + "/score_checkpoint.h5" : std::string(),
          "step,seconds,train_ratio,validation_ratio,band_1,band_2,band_3,band_4", std::move(agreement)};
}

/// A backbone and the fields to be denoised by it.
struct Fold {
  GaussianDenoiser gaussian;
  ScoreFields fields;
};

std::vector<Fold> make_folds(const Backbone& backbone, const TrainingFields& fields,
                             const std::vector<bool>& training, const ScoreTrainingOptions& o,
                             const ScoreTrainingHooks& hooks) {
  const auto seed = static_cast<std::uint64_t>(o.seed);
  std::vector<Fold> folds;
  if (o.folds < 2) {
    folds.push_back({GaussianDenoiser(backbone), prepare_score_fields(backbone, fields, training, seed)});
    return folds;
  }
  const auto total = std::count(training.begin(), training.end(), true);
  for (std::int64_t f = 0; f < o.folds; ++f) {
    if (hooks.stop()) throw Error(ErrorKind::stopped, "stopped while fitting the cross-fitted backbones");
    std::vector<bool> inside(training.size(), false);
    std::vector<bool> outside(training.size(), false);
    std::int64_t number = 0;
    for (std::size_t t = 0; t < training.size(); ++t) {
      if (!training[t]) continue;
      (number++ * o.folds / total == f ? inside : outside)[t] = true;
    }
    const Backbone without = Backbone::fit(fields.subset(outside), backbone.options());
    folds.push_back({GaussianDenoiser(without), prepare_score_fields(without, fields, inside, seed)});
    if (folds.back().fields.values.size(0) == 0) folds.pop_back();
    hooks.report(fmt::format("score: backbone {} of {} cross-fitted", f + 1, o.folds));
  }
  return folds;
}

double learning_rate(const ScoreTrainingOptions& o, const Progress& p) {
  const double by_steps =
      static_cast<double>(p.step) / static_cast<double>(std::max<std::int64_t>(1, o.steps));
  const double by_time = o.minutes > 0.0 ? p.seconds / (60.0 * o.minutes) : 0.0;
  const double rising = std::min(
      1.0, static_cast<double>(p.step + 1) / static_cast<double>(std::max<std::int64_t>(1, o.warmup)));
  constexpr double kLast = 0.02;  // of the highest
  const double share =
      0.5 * (1.0 + std::cos(std::numbers::pi * std::clamp(std::max(by_steps, by_time), 0.0, 1.0)));
  return o.learning_rate * rising * (kLast + (1.0 - kLast) * share);
}

/// Cases of one step: a fold, fields and levels, all keyed by the step.
NoisyBatch draw_batch(const std::vector<Fold>& folds, const ScoreTrainingOptions& o, std::int64_t step) {
  const auto seed = static_cast<std::uint64_t>(o.seed);
  RandomStream random(
      {.seed = seed, .purpose = RandomPurpose::training, .time = step, .member = kChoiceMember});
  const auto& fold =
      folds[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(folds.size()) - 1))];
  const auto levels = stratified_log_snr(NoiseSchedule{}, static_cast<std::size_t>(o.batch), random);
  std::vector<std::int64_t> rows(levels.size());
  for (auto& row : rows) row = random.integer(0, fold.fields.values.size(0) - 1);
  return make_noisy(fold.gaussian, fold.fields, rows, levels, o.level_power, seed, step);
}

std::uint64_t dropout_seed(const ScoreTrainingOptions& o, std::int64_t step) {
  RandomStream random({.seed = static_cast<std::uint64_t>(o.seed),
                       .purpose = RandomPurpose::training,
                       .time = step,
                       .member = kDropoutMember});
  return random.next_u32();
}

/// One optimisation step.
void take_step(const ScoreNetwork& network, AveragedOptimiser& optimiser, const std::vector<Fold>& folds,
               const ScoreTrainingOptions& o, Progress& p) {
  const NoisyBatch batch = draw_batch(folds, o, p.step);
  network.ptr()->seed_dropout(dropout_seed(o, p.step));
  const auto [ours, theirs] = relative_errors(network, batch);
  const auto loss = (batch.factor * ours).sum() / batch.factor.sum();
  const double value = loss.item<double>();
  if (!std::isfinite(value))
    throw Error(ErrorKind::numerical,
                fmt::format("the loss of the score network is not finite at step {}", p.step),
                {.remedy = "Lower score.learning_rate"});
  network.ptr()->zero_grad();
  loss.backward();
  optimiser.update(*network.ptr(), p.step + 1, learning_rate(o, p));
  p.sum_ours += (batch.factor * ours.detach()).sum().item<double>();
  p.sum_theirs += (batch.factor * theirs).sum().item<double>();
  ++p.step;
}

/// Validates the averaged weights, keeps the best, logs. \return whether to go on
bool validate(const ScoreNetwork& network, AveragedOptimiser& optimiser, const Validation& validation,
              const ScoreTrainingOptions& o, TrainingRecords& records, const ScoreTrainingHooks& hooks,
              Progress& p) {
  const Tensors held = copies(*network);
  assign(*network.ptr(), optimiser.average);
  network.ptr()->eval();
  const auto figures = validation(network);
  network.ptr()->train();
  assign(*network.ptr(), held);
  if (validation.empty() || figures.ratio < p.best_ratio) {
    p.best_ratio = figures.ratio;
    p.best_bands = figures.bands;
    p.best_step = p.step;
    p.without_gain = 0;
    optimiser.best.clear();
    for (const auto& t : optimiser.average) optimiser.best.push_back(t.clone());
  } else {
    ++p.without_gain;
  }
  std::string row =
      fmt::format("{},{:.1f},{:.5f},{:.5f}", p.step, p.seconds, p.sum_ours / p.sum_theirs, figures.ratio);
  for (const double band : figures.bands) row += fmt::format(",{:.5f}", band);
  records.log(row);
  hooks.report(
      fmt::format("score: step {}, {:.0f} s, loss over the backbone's: training {:.4f}, validation {:.4f} "
                  "({:.3f} {:.3f} {:.3f} {:.3f})",
                  p.step, p.seconds, p.sum_ours / p.sum_theirs, figures.ratio, figures.bands[0],
                  figures.bands[1], figures.bands[2], figures.bands[3]));
  p.sum_ours = 0.0;
  p.sum_theirs = 0.0;
  return p.without_gain < o.patience;
}

/// Posterior draws of the missing values of one field under N(0, modes variance modes^T + D), given the
/// others.
void fill_gaps(const CovarianceFactor& f, const Eigen::VectorXd& area, const std::vector<Eigen::Index>& known,
               RandomStream& random, Eigen::VectorXd& x) {
  const auto normals = [&](Eigen::Index count) {
    Eigen::VectorXd v(count);
    random.fill_normal(std::span<double>(v.data(), static_cast<std::size_t>(count)));
    return v;
  };
  // Matheron's rule: a draw of the prior plus the regression of what it misses at the known points.
  const Eigen::VectorXd deviation = f.variance.cwiseSqrt();
  const Eigen::VectorXd residual = (f.residual / area.array()).sqrt().matrix();
  Eigen::VectorXd draw =
      f.modes * deviation.cwiseProduct(normals(deviation.size())) + residual.cwiseProduct(normals(x.size()));
  if (!known.empty()) {
    const Eigen::MatrixXd modes = f.modes(known, Eigen::all) * deviation.asDiagonal();
    const Eigen::VectorXd precision = area(known) / f.residual;
    const Eigen::VectorXd missed = x(known) - draw(known);
    Eigen::MatrixXd normal = modes.transpose() * (precision.asDiagonal() * modes);
    normal.diagonal().array() += 1.0;
    draw += f.modes *
            deviation.cwiseProduct(normal.llt().solve(modes.transpose() * precision.cwiseProduct(missed)));
  }
  std::vector<bool> is_known(static_cast<std::size_t>(x.size()), false);
  for (const auto i : known) is_known[static_cast<std::size_t>(i)] = true;
  for (Eigen::Index i = 0; i < x.size(); ++i)
    if (!is_known[static_cast<std::size_t>(i)]) x[i] = draw[i];
}

}  // namespace

std::vector<OptionSpec> ScoreTrainingOptions::specs() {
  const ScoreTrainingOptions d;
  auto specs = ScoreNetworkOptions::specs();
  const std::vector<OptionSpec> more{
      {.key = "score.steps", .help = "most optimisation steps", .fallback = d.steps, .lowest = 0},
      {.key = "score.minutes",
       .help = "longest optimisation, minutes; 0: no limit",
       .fallback = d.minutes,
       .lowest = 0,
       .highest = 1e5},
      {.key = "score.batch", .help = "fields in a step", .fallback = d.batch, .lowest = 1, .highest = 4096},
      {.key = "score.learning_rate",
       .help = "highest learning rate of AdamW",
       .fallback = d.learning_rate,
       .lowest = 0,
       .highest = 1},
      {.key = "score.weight_decay",
       .help = "weight decay of AdamW",
       .fallback = d.weight_decay,
       .lowest = 0,
       .highest = 10},
      {.key = "score.clip",
       .help = "largest norm of the gradient",
       .fallback = d.clip,
       .lowest = 1e-6,
       .highest = 1e6},
      {.key = "score.warmup", .help = "steps of rising learning rate", .fallback = d.warmup, .lowest = 0},
      {.key = "score.average",
       .help = "decay of the moving average of the weights",
       .fallback = d.average,
       .lowest = 0,
       .highest = 1},
      {.key = "score.level_power",
       .help = "weight of noise levels: 1 as the likelihood, 0 errors relative to the backbone's",
       .fallback = d.level_power,
       .lowest = 0,
       .highest = 1},
      {.key = "score.folds",
       .help = "blocks of training times left out in turn from the backbone that denoises them; 0: none",
       .fallback = d.folds,
       .lowest = 0,
       .highest = 100},
      {.key = "score.validation_draws",
       .help = "noisy fields in a validation",
       .fallback = d.validation_draws,
       .lowest = 8,
       .highest = 1e6},
      {.key = "score.validate_every",
       .help = "steps between validations and checkpoints",
       .fallback = d.validate_every,
       .lowest = 1},
      {.key = "score.patience",
       .help = "validations without gain before the stop",
       .fallback = d.patience,
       .lowest = 1},
      precision_spec("score.precision", d.precision),
      {.key = "score.seed", .help = "seed of weights, noise and dropout", .fallback = d.seed},
  };
  specs.insert(specs.end(), more.begin(), more.end());
  return specs;
}

ScoreTrainingOptions ScoreTrainingOptions::from(const Config& c) {
  ScoreTrainingOptions o;
  o.network = ScoreNetworkOptions::from(c);
  o.steps = c.integer("score.steps");
  o.minutes = c.real("score.minutes");
  o.batch = c.integer("score.batch");
  o.learning_rate = c.real("score.learning_rate");
  o.weight_decay = c.real("score.weight_decay");
  o.clip = c.real("score.clip");
  o.warmup = c.integer("score.warmup");
  o.average = c.real("score.average");
  o.level_power = c.real("score.level_power");
  o.folds = c.integer("score.folds");
  o.validation_draws = c.integer("score.validation_draws");
  o.validate_every = c.integer("score.validate_every");
  o.patience = c.integer("score.patience");
  o.precision = c.text("score.precision");
  o.seed = c.integer("score.seed");
  return o;
}

ScoreFields prepare_score_fields(const Backbone& backbone, const TrainingFields& fields,
                                 const std::vector<bool>& keep, std::uint64_t seed) {
  const auto n = static_cast<std::int64_t>(backbone.domain().size());
  if (keep.size() != fields.index.size() || fields.values.rows() != n)
    throw Error(ErrorKind::usage, fmt::format("{} flags for {} fields of {} points, the backbone has {}",
                                              keep.size(), fields.index.size(), fields.values.rows(), n));
  const auto count = std::count(keep.begin(), keep.end(), true);
  ScoreFields out;
  out.values = torch::zeros({count, n});
  out.weights = torch::zeros({count, n});
  const Eigen::VectorXd& area = backbone.relative_weights();
  std::int64_t row = 0;
  for (std::size_t t = 0; t < keep.size(); ++t) {
    if (!keep[t]) continue;
    const double season = fields.season[t];
    const Eigen::VectorXd level = backbone.mean(season);
    const Eigen::VectorXd spread = backbone.scale(season);
    Eigen::VectorXd x =
        (fields.values.col(static_cast<Eigen::Index>(t)).cast<double>() - level).cwiseQuotient(spread);
    std::vector<Eigen::Index> known;
    auto* weight = out.weights.data_ptr<float>() + row * n;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      if (!std::isfinite(x[i]) || backbone.active()[i] == 0.0) continue;
      known.push_back(i);
      weight[i] = static_cast<float>(area[i]);
    }
    if (static_cast<std::int64_t>(known.size()) < n) {
      RandomStream random(
          {.seed = seed, .purpose = RandomPurpose::training, .time = fields.index[t], .member = 0});
      fill_gaps(backbone.factor(backbone.season_bin(season)), area, known, random, x);
    }
    std::copy(x.data(), x.data() + x.size(), out.values.data_ptr<float>() + row * n);
    out.season.push_back(season);
    ++row;
  }
  return out;
}

std::array<double, kLevelBands> denoising_ratio(const GaussianDenoiser& gaussian, const ScoreNetwork& network,
                                                const ScoreFields& fields, std::int64_t draws,
                                                std::uint64_t seed) {
  return Validation(gaussian, fields, draws, 0.0, seed)(network).bands;
}

TrainedScore train_score(const Backbone& backbone, const TrainingFields& fields,
                         const std::vector<bool>& validation, const ScoreTrainingOptions& o,
                         const std::string& directory, bool resume, const ScoreTrainingHooks& hooks) {
  const auto held_out =
      prepare_score_fields(backbone, fields, validation, static_cast<std::uint64_t>(o.seed));
  std::vector<bool> training = validation;
  training.flip();
  if (std::count(training.begin(), training.end(), true) == 0)
    throw Error(ErrorKind::usage, "no field is left to train the score network on",
                {.remedy = "Hold out fewer years"});
  const auto folds = make_folds(backbone, fields, training, o, hooks);
  const GaussianDenoiser gaussian(backbone);
  const Validation check(gaussian, held_out, o.validation_draws, o.level_power,
                         static_cast<std::uint64_t>(o.seed));

  ScoreNetwork network(backbone.domain(), o.network, static_cast<std::uint64_t>(o.seed));
  network->weigh(backbone);
  network->train();
  network->bfloat = is_bfloat(o.precision);
  AveragedOptimiser optimiser(*network,
                              {.weight_decay = o.weight_decay, .clip = o.clip, .average = o.average});
  auto records = records_in(directory, fingerprint(network->options(), o, folds.front().fields, backbone));
  Progress p;
  if (resume) p = progress_of(records.load(*network, optimiser, 3, 4 + kLevelBands));
  const double before = p.seconds;
  const Stopwatch watch;
  bool going = p.without_gain < o.patience;
  while (going && p.step < o.steps && (o.minutes <= 0.0 || p.seconds < 60.0 * o.minutes)) {
    if (hooks.stop()) {
      records.save(*network, optimiser, place_of(p));
      throw Error(ErrorKind::stopped, fmt::format("stopped at step {} of the score network", p.step),
                  {.file = directory, .remedy = "Run again with --resume"});
    }
    take_step(network, optimiser, folds, o, p);
    p.seconds = before + watch.seconds();
    if (p.step % o.validate_every != 0 && p.step != o.steps) continue;
    going = validate(network, optimiser, check, o, records, hooks, p);
    p.seconds = before + watch.seconds();
    records.save(*network, optimiser, place_of(p));
  }
  if (p.sum_theirs > 0.0) static_cast<void>(validate(network, optimiser, check, o, records, hooks, p));
  records.save(*network, optimiser, place_of(p));

  assign(*network.ptr(), optimiser.best);
  network->eval();
  return {.network = network,
          .validation_ratio = p.best_ratio,
          .validation_bands = p.best_bands,
          .steps = p.step,
          .best_step = p.best_step,
          .seconds = p.seconds};
}

}  // namespace manifill::prior
