#include "manifill/posterior/davi_training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <string_view>

#include "manifill/base/error.hpp"
#include "manifill/base/stopwatch.hpp"
#include "manifill/posterior/davi.hpp"
#include "manifill/posterior/flow_objectives.hpp"
#include "manifill/prior/averaged_optimiser.hpp"
#include "manifill/prior/training_records.hpp"

namespace manifill::posterior {
namespace {

constexpr double kClip = 1.0;
constexpr std::int64_t kWarmUp = 100;  // steps

/// Options of flow training that say how cases are simulated; they are options of [davi] too.
constexpr std::array<std::string_view, 14> kCaseKeys{
    "cases",          "validation_cases", "draws",          "hidden_lowest", "hidden_highest", "gaps_share",
    "protocol_share", "static_share",     "measured_share", "noise_lowest",  "noise_highest",  "folds",
    "masks",          "fields_per_mask"};

/// Generator and auxiliary network under one roof, so that one checkpoint holds both.
class Networks : public torch::nn::Module {
 public:
  Networks(const prior::Prior& prior, const DaviTrainingOptions& o, std::int64_t conditions)
      : generator(register_module(
            "generator", davi_network(prior, o.network, conditions, static_cast<std::uint64_t>(o.seed)))),
        auxiliary(register_module("auxiliary", davi_network(prior, o.network, conditions,
                                                            static_cast<std::uint64_t>(o.seed) + 1U))) {}
  /// Gradients to none at all, so that a step leaves what its loss does not reach as it is.
  void forget_gradients() {
    for (auto& p : parameters()) p.mutable_grad() = torch::Tensor();
  }

  prior::ScoreNetwork generator;
  prior::ScoreNetwork auxiliary;
};

/// What is known of a few cases before any truth.
struct Batch {
  DaviCondition told{};
  std::vector<Window> windows{};
};

Batch select(const FlowCases& all, const torch::Tensor& which, const prior::Backbone& backbone) {
  Batch b{.told = {.mean = all.mean.index_select(0, which),
                   .sd = all.sd.index_select(0, which),
                   .features = all.features.index_select(0, which)}};
  for (std::int64_t k = 0; k < which.size(0); ++k) {
    b.windows.push_back(all.windows[static_cast<std::size_t>(which[k].item<std::int64_t>())]);
    b.told.season.push_back(b.windows.back().at_centre().season);
  }
  b.told.prior_variance = davi_prior_variance(backbone, b.told.season);
  return b;
}

/// Fields diffused to levels.
struct Noisy {
  torch::Tensor field{};    // [case][point]
  torch::Tensor log_snr{};  // [case], stratified over the cases
};

Noisy noisy(const torch::Tensor& x, const torch::Tensor& area, const DaviTrainingOptions& o,
            at::Generator& random) {
  const std::int64_t count = x.size(0);
  const auto share =
      (torch::arange(count, torch::kFloat32) + torch::rand({count}, random)) / static_cast<double>(count);
  Noisy n{.log_snr = o.level_lowest + (o.level_highest - o.level_lowest) * share};
  const auto white = torch::randn(x.sizes(), random) * torch::rsqrt(area);
  n.field = prior::alpha_of(n.log_snr).unsqueeze(1) * x + prior::sigma_of(n.log_snr).unsqueeze(1) * white;
  return n;
}

struct Validation {
  double crps = 0.0;
  double standardised = 0.0;
};

/// Sums of scores of members over hidden cells.
class Scores {
 public:
  /// \param members [case][member][point]
  void add(const torch::Tensor& members, const torch::Tensor& truth, const torch::Tensor& hidden) {
    const double w = hidden.sum().item<double>();
    const auto spread = members.var(1, true);
    // A mean of m members misses the posterior's by spread^2 / m, which is no error of the posterior.
    const auto square = (truth - members.mean(1)).pow(2) - spread / static_cast<double>(members.size(1));
    crps_ += fair_crps(members, truth, hidden).item<double>() * w;
    square_ += (square * hidden).sum().item<double>();
    variance_ += (spread * hidden).sum().item<double>();
    weight_ += w;
  }
  [[nodiscard]] Validation result() const { return {crps_ / weight_, square_ / variance_}; }

 private:
  double crps_ = 0.0;
  double square_ = 0.0;
  double variance_ = 0.0;
  double weight_ = 0.0;
};

/// Calls f(first, count) for parts of the cases.
template <typename F>
void in_parts(const FlowCases& cases, F f) {
  constexpr std::int64_t kPart = 16;
  for (std::int64_t first = 0; first < cases.size(); first += kPart)
    f(first, std::min(kPart, cases.size() - first));
}

/// Scores of the generator's members, with the same latents at each call.
Validation validate(const DaviGenerator& generator, const FlowCases& cases, const prior::Backbone& backbone,
                    std::uint64_t seed) {
  const torch::NoGradGuard frozen;
  auto random = at::detail::createCPUGenerator(seed);
  Scores scores;
  in_parts(cases, [&](std::int64_t first, std::int64_t count) {
    const Batch batch = select(cases, torch::arange(first, first + count, torch::kLong), backbone);
    std::vector<torch::Tensor> members;
    for (std::int64_t m = 0; m < cases.departures.size(1); ++m)
      members.push_back(generator(batch.told, torch::randn(batch.told.mean.sizes(), random)));
    scores.add(torch::stack(members, 1), cases.truth.narrow(0, first, count),
               cases.hidden.narrow(0, first, count));
  });
  return scores.result();
}

/// Scores of the backbone's posterior.
Validation validate_base(const FlowCases& cases) {
  Scores scores;
  in_parts(cases, [&](std::int64_t first, std::int64_t count) {
    const auto part = [&](const torch::Tensor& x) { return x.narrow(0, first, count); };
    scores.add(part(cases.mean).unsqueeze(1) + part(cases.sd).unsqueeze(1) * part(cases.departures),
               part(cases.truth), part(cases.hidden));
  });
  return scores.result();
}

/// Where a training stands.
struct Progress {
  std::int64_t step = 0;
  std::int64_t updates = 0;  // of either network
  std::int64_t without_gain = 0;
  double best_crps = 0.0;
  double best_standardised = 0.0;
  double start_crps = 0.0;
  double seconds = 0.0;
};

prior::TrainingPlace place_of(const Progress& p) {
  return {.steps = {p.step, p.updates, p.without_gain},
          .figures = {p.best_crps, p.best_standardised, p.start_crps, p.seconds}};
}

Progress progress_of(const prior::TrainingPlace& place) {
  return {.step = place.steps[0],
          .updates = place.steps[1],
          .without_gain = place.steps[2],
          .best_crps = place.figures[0],
          .best_standardised = place.figures[1],
          .start_crps = place.figures[2],
          .seconds = place.figures[3]};
}

/// What a checkpoint must agree with to be continued.
std::string agreement_of(const FlowCases& training, const Networks& networks, const DaviTrainingOptions& o) {
  const auto mean = training.mean.contiguous();
  const auto hash =
      hash_bytes(mean.data_ptr<float>(), static_cast<std::size_t>(mean.numel()) * sizeof(float));
  return fmt::format(
      "davi cases {} {:016x} seed {} noise {} levels {} {} auxiliary {} steps {} batch {} rate {} decay {} "
      "average {} {}",
      training.size(), hash, o.seed, o.noise, o.level_lowest, o.level_highest, o.auxiliary_steps, o.steps,
      o.batch, o.learning_rate, o.weight_decay, o.average, networks.generator->options().to_text());
}

/// Sums of figures between two rows of the log.
struct Figures {
  double chi_square = 0.0;
  double divergence = 0.0;
  double auxiliary = 0.0;
  std::int64_t steps = 0;
};

/// Steps of both networks.
class Trainer {
 public:
  Trainer(const prior::Prior& prior, Networks& networks, const DaviGenerator& generator,
          prior::AveragedOptimiser& optimiser, const DaviTrainingOptions& options)
      : prior_(prior),
        networks_(networks),
        generator_(generator),
        optimiser_(optimiser),
        options_(options),
        area_(prior.gaussian().relative_weights()) {}

  /// One step of the generator, behind those of the auxiliary network.
  void operator()(const Batch& batch, double rate, at::Generator& random, Progress& p, Figures& figures) {
    double auxiliary = 0.0;
    for (std::int64_t k = 0; k < options_.auxiliary_steps; ++k)
      auxiliary += follow(batch, rate, random, p) / static_cast<double>(options_.auxiliary_steps);
    figures.auxiliary += auxiliary;
    move(batch, rate, random, p, figures);
    ++figures.steps;
  }

 private:
  [[nodiscard]] torch::Tensor draw(const Batch& batch, at::Generator& random) const {
    return generator_(batch.told, torch::randn(batch.told.mean.sizes(), random));
  }

  [[nodiscard]] torch::Tensor denoised(const Noisy& n, const Batch& batch) const {
    return davi_denoise(prior_.gaussian(), networks_.auxiliary, n.field, n.log_snr, batch.told);
  }

  /// The auxiliary network after the generator's fields. \return squared error over the backbone's expected
  /// one of prior fields
  double follow(const Batch& batch, double rate, at::Generator& random, Progress& p) {
    const auto [x, n] = [&] {
      const torch::NoGradGuard frozen;
      const auto drawn = draw(batch, random);
      return std::pair{drawn, noisy(drawn, area_, options_, random)};
    }();
    const auto scale = prior_.gaussian().error_scale(n.log_snr, batch.told.season);
    const auto error = (denoised(n, batch) - x) / scale.unsqueeze(1);
    return update((area_ * error.square()).mean(), "the auxiliary network", rate, p);
  }

  /// The generator towards observations and prior.
  void move(const Batch& batch, double rate, at::Generator& random, Progress& p, Figures& figures) {
    const auto points = static_cast<double>(area_.size(0));
    const auto x = draw(batch, random);
    const auto pull = [&] {
      const torch::NoGradGuard frozen;
      const Noisy n = noisy(x.detach(), area_, options_, random);
      const auto apart = denoised(n, batch) - prior_.denoise(n.field, n.log_snr, batch.told.season);
      const auto signal = area_ * torch::exp(n.log_snr).unsqueeze(1);
      // KL(q || p) = 1/2 of the integral over log-SNR of E |eps_q - eps_p|^2.
      figures.divergence += 0.5 * (options_.level_highest - options_.level_lowest) *
                            (signal * apart.square()).mean().item<double>();
      return signal * apart;
    }();
    const auto away = misfit(x, batch.windows, prior_.backbone());
    double observations = 0.0;
    for (const auto& w : batch.windows) observations += static_cast<double>(w.at_centre().y.size());
    figures.chi_square += 2.0 * away.sum().item<double>() / std::max(1.0, observations);
    static_cast<void>(update(((pull * x).sum(1) + away).mean() / points, "the generator", rate, p));
  }

  double update(const torch::Tensor& loss, const char* what, double rate, Progress& p) {
    const double value = loss.item<double>();
    if (!std::isfinite(value))
      throw Error(ErrorKind::numerical, fmt::format("the loss of {} is not finite at step {}", what, p.step),
                  {.remedy = "Lower davi.learning_rate"});
    networks_.forget_gradients();
    loss.backward();
    optimiser_.update(networks_, ++p.updates, rate);
    return value;
  }

  const prior::Prior& prior_;
  Networks& networks_;
  const DaviGenerator& generator_;
  prior::AveragedOptimiser& optimiser_;
  const DaviTrainingOptions& options_;
  torch::Tensor area_;  // [point]
};

}  // namespace

std::vector<OptionSpec> DaviTrainingOptions::specs() {
  const DaviTrainingOptions d;
  std::vector<OptionSpec> out{
      {.key = "davi.noise",
       .help = "noise of the generator's input over its signal",
       .fallback = d.noise,
       .lowest = 0.02,
       .highest = 100},
      {.key = "davi.level_lowest",
       .help = "lowest log-SNR at which generator and prior are compared",
       .fallback = d.level_lowest,
       .lowest = -10,
       .highest = 9},
      {.key = "davi.level_highest",
       .help = "highest log-SNR at which generator and prior are compared",
       .fallback = d.level_highest,
       .lowest = -10,
       .highest = 9},
      {.key = "davi.auxiliary_steps",
       .help = "steps of the auxiliary network before each of the generator",
       .fallback = d.auxiliary_steps,
       .lowest = 1,
       .highest = 100},
      {.key = "davi.minutes",
       .help = "longest optimisation, minutes",
       .fallback = d.minutes,
       .lowest = 0,
       .highest = 1e5},
      {.key = "davi.steps", .help = "most steps of the generator", .fallback = d.steps, .lowest = 0},
      {.key = "davi.batch", .help = "cases in a step", .fallback = d.batch, .lowest = 1, .highest = 4096},
      {.key = "davi.learning_rate",
       .help = "learning rate of AdamW",
       .fallback = d.learning_rate,
       .lowest = 0,
       .highest = 1},
      {.key = "davi.weight_decay",
       .help = "weight decay of AdamW",
       .fallback = d.weight_decay,
       .lowest = 0,
       .highest = 10},
      {.key = "davi.average",
       .help = "decay of the moving average of the weights",
       .fallback = d.average,
       .lowest = 0,
       .highest = 1},
      {.key = "davi.patience",
       .help = "validations without gain before the stop",
       .fallback = d.patience,
       .lowest = 1},
      {.key = "davi.seed", .help = "seed of simulation and optimisation", .fallback = d.seed},
  };
  for (auto spec : FlowTrainingOptions::specs()) {
    const std::string name = spec.key.substr(spec.key.find('.') + 1);
    if (std::find(kCaseKeys.begin(), kCaseKeys.end(), name) == kCaseKeys.end()) continue;
    spec.key = "davi." + name;
    if (name == "draws") {
      spec.help = "members of a held-out case";
      spec.fallback = d.cases.draws;
    }
    out.push_back(std::move(spec));
  }
  const auto network = prior::ScoreNetworkOptions::specs();
  out.insert(out.end(), network.begin(), network.end());
  return out;
}

DaviTrainingOptions DaviTrainingOptions::from(const Config& c) {
  DaviTrainingOptions o;
  Config cases(FlowTrainingOptions::specs());
  for (const auto& spec : FlowTrainingOptions::specs()) {
    const std::string name = spec.key.substr(spec.key.find('.') + 1);
    if (std::find(kCaseKeys.begin(), kCaseKeys.end(), name) == kCaseKeys.end()) continue;
    cases.set(spec.key, c.value("davi." + name));
  }
  o.cases = FlowTrainingOptions::from(cases);
  o.cases.keep_windows = true;
  o.network = prior::ScoreNetworkOptions::from(c);
  o.noise = c.real("davi.noise");
  o.level_lowest = c.real("davi.level_lowest");
  o.level_highest = c.real("davi.level_highest");
  o.auxiliary_steps = c.integer("davi.auxiliary_steps");
  o.minutes = c.real("davi.minutes");
  o.steps = c.integer("davi.steps");
  o.batch = c.integer("davi.batch");
  o.learning_rate = c.real("davi.learning_rate");
  o.weight_decay = c.real("davi.weight_decay");
  o.average = c.real("davi.average");
  o.patience = c.integer("davi.patience");
  o.seed = c.integer("davi.seed");
  if (!(o.level_lowest < o.level_highest))
    throw Error(ErrorKind::usage,
                fmt::format("davi.level_lowest {} is not below davi.level_highest {}", o.level_lowest,
                            o.level_highest),
                {.remedy = "Give an interval of log-SNRs"});
  return o;
}

prior::ScoreNetwork davi_network(const prior::Prior& prior, const prior::ScoreNetworkOptions& options,
                                 std::int64_t conditions, std::uint64_t seed) {
  // Never in training mode: dropout would add to what the latents make.
  const auto& from = prior.network();
  prior::ScoreNetwork out(prior.backbone().domain(), from ? from->options() : options, seed, conditions);
  out->weigh(prior.backbone());
  out->eval();
  if (!from) return out;
  const torch::NoGradGuard frozen;
  auto own = out->named_parameters();
  for (const auto& p : from->named_parameters()) own[p.key()].copy_(p.value());
  return out;
}

TrainedDavi train_davi(const FlowCases& training, const FlowCases& validation, const prior::Prior& prior,
                       const DaviTrainingOptions& o, const TrainingHooks& hooks) {
  const auto seed = static_cast<std::uint64_t>(o.seed);
  Networks networks(prior, o, training.features.size(1));
  const DaviGenerator generator(prior.gaussian(), networks.generator, o.noise);
  prior::AveragedOptimiser optimiser(
      networks, {.weight_decay = o.weight_decay, .clip = kClip, .average = o.average, .second_decay = 0.999});
  prior::TrainingRecords records(hooks.log_csv, hooks.checkpoint,
                                 "step,seconds,chi_square,divergence,auxiliary_loss,validation_crps,"
                                 "validation_standardised_error",
                                 agreement_of(training, networks, o));
  const double gaussian_crps = validate_base(validation).crps;
  Progress p;
  if (hooks.resume) {
    p = progress_of(records.load(networks, optimiser, 3, 4));
    hooks.report(fmt::format("resumed at step {}", p.step));
  } else {
    const Validation start = validate(generator, validation, prior.backbone(), seed);
    p.start_crps = p.best_crps = start.crps;
    p.best_standardised = start.standardised;
    records.log(fmt::format("0,0,,,,{:.6f},{:.4f}", start.crps, start.standardised));
  }

  Trainer trainer(prior, networks, generator, optimiser, o);
  const double before = p.seconds;
  const Stopwatch watch;
  const double budget = o.minutes * 60.0;
  const std::int64_t count = training.size();
  const std::int64_t per_epoch = std::max<std::int64_t>(1, count / o.batch);
  const double between = std::clamp(budget / 40.0, 2.0, 30.0);
  double next_validation = p.seconds + between;
  torch::Tensor order;
  std::int64_t epoch = -1;
  Figures figures;
  while (p.step < o.steps && p.without_gain < o.patience) {
    p.seconds = before + watch.seconds();
    const double progress = std::max(p.seconds / std::max(budget, 1e-9),
                                     static_cast<double>(p.step) / static_cast<double>(o.steps));
    if (progress >= 1.0) break;
    if (hooks.stop()) {
      records.save(networks, optimiser, place_of(p));
      throw Error(ErrorKind::stopped, fmt::format("stopped at step {} of DAVI", p.step),
                  {.file = hooks.checkpoint, .remedy = "Run again with --resume"});
    }
    if (p.step / per_epoch != epoch) {
      epoch = p.step / per_epoch;
      order = torch::randperm(
          count, at::detail::createCPUGenerator(seed + 7919U * static_cast<std::uint64_t>(epoch)),
          torch::kLong);
    }
    // Keyed by the step, so that a resumed training draws what it would have.
    auto random = at::detail::createCPUGenerator(seed + 104729U * static_cast<std::uint64_t>(p.step + 1));
    const auto which = order.narrow(0, (p.step % per_epoch) * o.batch, std::min(o.batch, count));
    const double warm = std::min(1.0, static_cast<double>(p.step + 1) / static_cast<double>(kWarmUp));
    const double rate =
        o.learning_rate * warm * (0.02 + 0.98 * 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
    trainer(select(training, which, prior.backbone()), rate, random, p, figures);
    ++p.step;
    p.seconds = before + watch.seconds();
    const bool last = p.seconds >= budget || p.step == o.steps;
    if (p.seconds < next_validation && !last) continue;
    next_validation = p.seconds + between;
    const auto held = prior::copies(networks);
    prior::assign(networks, optimiser.average);
    const Validation v = validate(generator, validation, prior.backbone(), seed);
    prior::assign(networks, held);
    if (v.crps < p.best_crps) {
      p.best_crps = v.crps;
      p.best_standardised = v.standardised;
      p.without_gain = 0;
      for (std::size_t k = 0; k < optimiser.best.size(); ++k) optimiser.best[k].copy_(optimiser.average[k]);
    } else {
      ++p.without_gain;
    }
    const double share = 1.0 / static_cast<double>(figures.steps);
    hooks.report(fmt::format(
        "step {} ({:.0f} s): chi-square {:.3f} an observation, divergence from the prior {:.4f} a point, "
        "auxiliary loss {:.4f}, validation CRPS {:.4f} (start {:.4f}, Gaussian posterior {:.4f}), "
        "standardised error {:.3f}",
        p.step, p.seconds, figures.chi_square * share, figures.divergence * share, figures.auxiliary * share,
        v.crps, p.start_crps, gaussian_crps, v.standardised));
    records.log(fmt::format("{},{:.1f},{:.5f},{:.6f},{:.6f},{:.6f},{:.4f}", p.step, p.seconds,
                            figures.chi_square * share, figures.divergence * share, figures.auxiliary * share,
                            v.crps, v.standardised));
    records.save(networks, optimiser, place_of(p));
    figures = {};
  }
  prior::assign(networks, optimiser.best);
  return {.generator = networks.generator,
          .validation_crps = p.best_crps,
          .start_crps = p.start_crps,
          .gaussian_crps = gaussian_crps,
          .standardised = p.best_standardised,
          .seconds = p.seconds};
}

}  // namespace manifill::posterior
