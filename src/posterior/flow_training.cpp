#include "manifill/posterior/flow_training.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

#include <fmt/format.h>

#include "manifill/base/error.hpp"
#include "manifill/base/stopwatch.hpp"
#include "manifill/posterior/flow_condition.hpp"
#include "manifill/posterior/flow_objectives.hpp"
#include "manifill/prior/averaged_optimiser.hpp"
#include "manifill/prior/precision.hpp"
#include "manifill/prior/training_records.hpp"

namespace manifill::posterior {
namespace {

FlowCases select(const FlowCases& all, const torch::Tensor& which) {
  FlowCases some;
  some.features = all.features.index_select(0, which);
  some.mean = all.mean.index_select(0, which);
  some.sd = all.sd.index_select(0, which);
  some.truth = all.truth.index_select(0, which);
  some.weight = all.weight.index_select(0, which);
  some.hidden = all.hidden.index_select(0, which);
  some.departures = all.departures.index_select(0, which);
  if (all.low.defined()) {
    some.low = all.low.index_select(0, which);
    some.high = all.high.index_select(0, which);
  }
  if (all.level.defined()) {
    some.level = all.level.index_select(0, which);
    some.unit = all.unit.index_select(0, which);
  }
  const auto* row = which.data_ptr<std::int64_t>();
  for (std::int64_t k = 0; k < which.size(0) && !all.factors.empty(); ++k) {
    some.windows.push_back(all.windows[static_cast<std::size_t>(row[k])]);
    some.factors.push_back(all.factors[static_cast<std::size_t>(row[k])]);
  }
  return some;
}

Eigen::Map<Eigen::VectorXf> row_of(const torch::Tensor& x, std::int64_t k) {
  return {x.data_ptr<float>() + k * x.size(1), x.size(1)};
}

/// log density of the base at standardised departures z [batch][point].
torch::Tensor base_log_density(const torch::Tensor& z, const FlowCases& batch, bool standard) {
  const double log_two_pi = std::log(2.0 * std::numbers::pi);
  if (standard) return -0.5 * (z * z + log_two_pi).sum(-1);
  const auto x = batch.mean + batch.sd * z;
  const auto in_field_units =
      external_scalar(x, [&](const torch::Tensor& at, torch::Tensor& values, torch::Tensor& gradients) {
        const auto dense = at.contiguous();
        for (std::int64_t k = 0; k < dense.size(0); ++k) {
          const auto i = static_cast<std::size_t>(k);
          const Eigen::MatrixXd field = row_of(dense, k).cast<double>();
          const WindowSolution solution = batch.factors[i]->solve(batch.windows[i]);
          values[k] = batch.factors[i]->log_density(solution, field)[0];
          row_of(gradients, k) = batch.factors[i]->log_density_gradient(solution, field).col(0).cast<float>();
        }
      });
  return in_field_units + torch::log(batch.sd).sum(-1);
}

PriorLogDensity gaussian_prior(const prior::Backbone& backbone) {
  return [backbone](const torch::Tensor& x, const std::vector<double>& season, std::int64_t) {
    return external_scalar(x, [&](const torch::Tensor& at, torch::Tensor& values, torch::Tensor& gradients) {
      const auto dense = at.contiguous();
      for (std::int64_t k = 0; k < dense.size(0); ++k) {
        const std::size_t bin = backbone.season_bin(season[static_cast<std::size_t>(k)]);
        const Eigen::MatrixXd field = row_of(dense, k).cast<double>();
        values[k] = backbone.log_density(field, bin)[0];
        row_of(gradients, k) = backbone.log_density_gradient(field, bin).col(0).cast<float>();
      }
    });
  };
}

/// Fair energy score, fair CRPS and energy score of patches of members, and `differences` times the CRPS of
/// their differences: what layers that see a member are trained on.
torch::Tensor joint_score(const torch::Tensor& members, const torch::Tensor& truth,
                          const torch::Tensor& weight, std::int64_t rows, std::int64_t columns,
                          double differences) {
  const std::int64_t patch = std::min({std::int64_t{4}, rows, columns});
  auto score = (energy_score(members, truth, weight) + fair_crps(members, truth, weight) +
                patch_energy_score(members, truth, weight, rows, columns, patch)) /
               3.0;
  if (differences > 0.0) score = score + differences * difference_crps(members, truth, weight, rows, columns);
  return score;
}

constexpr double kTrainingToValidation = 4.0;  // time of steps over that of the validation before them

struct Losses {
  torch::Tensor total{};
  double crps = 0.0;
  double energy = 0.0;
};

/// One batch's loss. The second objectives come in with `second` in [0, 1].
class Objective {
 public:
  Objective(FlowNetwork& network, const FlowTrainingOptions& options, const prior::GridTopology& topology,
            const PriorLogDensity& prior, const prior::Backbone& backbone,
            const std::function<std::shared_ptr<FlowNetwork>()>& twin)
      : network_(network),
        options_(options),
        topology_(topology),
        prior_(prior),
        backbone_(backbone),
        standard_(!is_posterior(parse_flow_base(options.base))) {
    if (options.weight_reverse_kl > 0.0 && options.reverse_kl_gradient == "path") frozen_ = twin();
  }

  Losses operator()(const FlowCases& batch, double second, std::int64_t step) {
    const auto context = network_.condition(batch.features);
    Losses losses;
    losses.total = torch::zeros({});
    const auto scale = torch::exp(context.log_scale + network_.log_spread);
    if (options_.weight_crps > 0.0) {
      const auto mean = batch.mean + batch.sd * context.shift;
      const auto sd = batch.sd * scale;
      const auto crps = batch.low.defined() ? censored_gaussian_crps(mean, sd, batch.low, batch.high,
                                                                     batch.truth, batch.weight)
                                            : gaussian_crps(mean, sd, batch.truth, batch.weight);
      losses.crps = crps.item<double>();
      losses.total = losses.total + options_.weight_crps * crps;
    }
    if (options_.weight_energy > 0.0 && second > 0.0) {
      if (topology_.graph)
        throw Error(ErrorKind::usage, "the energy score's patches need points in rows and columns",
                    {.remedy = "Set flow.weight_energy = 0 on this domain"});
      const auto [z, log_det] = network_.forward(batch.departures, context);
      const auto members = batch.within_bounds(batch.mean.unsqueeze(1) + batch.sd.unsqueeze(1) * z);
      const auto energy = joint_score(members, batch.truth, batch.weight, topology_.rows, topology_.columns,
                                      options_.weight_differences);
      losses.energy = energy.item<double>();
      losses.total = losses.total + options_.weight_energy * second * energy;
    }
    const double points = static_cast<double>(batch.mean.size(1));
    if (options_.weight_forward_kl > 0.0) {
      const auto x = ((batch.truth - batch.mean) / batch.sd).unsqueeze(1);
      const auto [z, log_det] = network_.inverse(x, context);
      const auto log_q = base_log_density(z.select(1, 0), batch, standard_) + log_det.select(1, 0) -
                         torch::log(batch.sd).sum(-1);
      losses.total = losses.total - options_.weight_forward_kl * log_q.mean() / points;
    }
    if (options_.weight_reverse_kl > 0.0 && second > 0.0)
      losses.total =
          losses.total + options_.weight_reverse_kl * second * reverse_kl(batch, context, step) / points;
    return losses;
  }

 private:
  torch::Tensor reverse_kl(const FlowCases& batch, const FlowNetwork::Context& context, std::int64_t step) {
    const auto departures = batch.departures.narrow(1, step % batch.departures.size(1), 1);
    const auto [z, log_det] = network_.forward(departures, context);
    const auto log_q =
        frozen_ ? path_log_density(batch, z)
                : base_log_density(departures.select(1, 0), batch, standard_) - log_det.select(1, 0);
    const auto x = in_final_units(batch.mean + batch.sd * z.select(1, 0), batch);
    std::vector<double> season;
    for (const auto& w : batch.windows) season.push_back(w.at_centre().season);
    return (misfit(x, batch.windows, backbone_) - prior_(x, season, step) + log_q).mean();
  }

  /// Fields normalised by a case's own fold, as the final backbone normalises them: observations and prior
  /// are its. [batch][point]
  torch::Tensor in_final_units(const torch::Tensor& x, const FlowCases& batch) const {
    auto offset = torch::empty_like(batch.level);
    auto factor = torch::empty_like(batch.unit);
    const auto points = batch.level.size(1);
    for (std::int64_t k = 0; k < batch.level.size(0); ++k) {
      const double season = batch.windows[static_cast<std::size_t>(k)].at_centre().season;
      const Eigen::VectorXd scale = backbone_.scale(season);
      const auto row = [&](const torch::Tensor& t) {
        return Eigen::Map<Eigen::VectorXd>(t.data_ptr<double>() + k * points, points);
      };
      row(offset) = (row(batch.level) - backbone_.mean(season)).cwiseQuotient(scale);
      row(factor) = row(batch.unit).cwiseQuotient(scale);
    }
    return offset.to(x.scalar_type()) + factor.to(x.scalar_type()) * x;
  }

  /// log q differentiated through the sample only, its parameters held (Roeder et al. 2017): a gradient
  /// without noise where q is the target.
  torch::Tensor path_log_density(const FlowCases& batch, const torch::Tensor& z) {
    const auto held = [&] {
      const torch::NoGradGuard frozen;
      const auto copy = [](const std::vector<torch::Tensor>& from, const std::vector<torch::Tensor>& to) {
        for (std::size_t k = 0; k < from.size(); ++k) to[k].copy_(from[k]);
      };
      copy(network_.parameters(), frozen_->parameters());
      copy(network_.buffers(), frozen_->buffers());
      frozen_->scale_share = network_.scale_share;
      frozen_->eval();
      return frozen_->condition(batch.features);
    }();
    const auto [back, log_det] = frozen_->inverse(z, held);
    return base_log_density(back.select(1, 0), batch, standard_) + log_det.select(1, 0);
  }

  FlowNetwork& network_;
  const FlowTrainingOptions& options_;
  prior::GridTopology topology_;
  const PriorLogDensity& prior_;
  const prior::Backbone& backbone_;
  bool standard_;
  std::shared_ptr<FlowNetwork> frozen_{};
};

struct Validation {
  double crps = 0.0;          ///< of members over hidden cells
  double joint = 0.0;         ///< joint_score of them; the CRPS where points come in no rows
  double standardised = 0.0;  ///< mean square of (truth - mean) over the mean variance
};

Validation validate(FlowNetwork& network, const FlowCases& cases, double differences) {
  const bool in_rows = cases.features.size(3) > 1;
  const torch::NoGradGuard frozen;
  network.eval();
  double crps = 0.0;
  double joint = 0.0;
  double square = 0.0;
  double variance = 0.0;
  double weight = 0.0;
  for (std::int64_t first = 0; first < cases.size(); first += 64) {
    const auto which = torch::arange(first, std::min(cases.size(), first + 64), torch::kLong);
    const FlowCases batch = select(cases, which);
    const auto context = network.condition(batch.features);
    const auto z = network.forward(batch.departures, context).first;
    const auto members = batch.within_bounds(batch.mean.unsqueeze(1) + batch.sd.unsqueeze(1) * z);
    const double w = batch.hidden.sum().item<double>();
    const auto mean = members.mean(1);
    const auto spread = members.var(1, true);
    // A mean of m members misses the posterior's by spread^2 / m, which is no error of the posterior.
    const double missed = 1.0 / static_cast<double>(members.size(1));
    crps += fair_crps(members, batch.truth, batch.hidden).item<double>() * w;
    if (in_rows)
      joint += w * joint_score(members, batch.truth, batch.hidden, batch.features.size(2),
                               batch.features.size(3), differences)
                       .item<double>();
    square += (((batch.truth - mean).pow(2) - missed * spread) * batch.hidden).sum().item<double>();
    variance += (spread * batch.hidden).sum().item<double>();
    weight += w;
  }
  network.train();
  return {crps / weight, (in_rows ? joint : crps) / weight, square / variance};
}

/// Share of held-out hidden cells in the central 90 % interval of the affine layer, once its mean square is
/// right. Within bounds it is taken as it is: what lies beyond them has no mean square to compare with.
double affine_coverage(FlowNetwork& network, const FlowCases& cases) {
  const torch::NoGradGuard frozen;
  network.eval();
  std::vector<torch::Tensor> means;
  std::vector<torch::Tensor> spreads;
  for (std::int64_t first = 0; first < cases.size(); first += 64) {
    const FlowCases batch =
        select(cases, torch::arange(first, std::min(cases.size(), first + 64), torch::kLong));
    const auto context = network.condition(batch.features);
    means.push_back(batch.mean + batch.sd * context.shift);
    spreads.push_back(batch.sd * torch::exp(context.log_scale + network.log_spread));
  }
  network.train();
  const auto mean = torch::cat(means);
  auto spread = torch::cat(spreads);
  if (!cases.low.defined())
    spread = spread * torch::sqrt(((cases.truth - mean).pow(2) * cases.hidden).sum() /
                                  (spread.pow(2) * cases.hidden).sum());
  constexpr double kNinety = 1.6448536;
  const auto inside = torch::logical_and(cases.truth >= cases.within_bounds(mean - kNinety * spread),
                                         cases.truth <= cases.within_bounds(mean + kNinety * spread));
  return ((inside.to(torch::kFloat32) * cases.hidden).sum() / cases.hidden.sum()).item<double>();
}

/// Scales learnt on training folds can be too sure of themselves where the climate of new fields differs:
/// their share is lowered in tenths until the interval covers what it should on held-out fields, or no share
/// does better.
void calibrate_share(FlowNetwork& network, const FlowCases& validation) {
  constexpr double kLeastCoverage = 0.89;
  const double whole = network.scale_share;
  double best = -1.0;
  double chosen = whole;
  for (int tenths = 10; tenths >= 0; --tenths) {
    network.scale_share = 0.1 * tenths * whole;
    const double coverage = affine_coverage(network, validation);
    if (coverage > best) {
      best = coverage;
      chosen = network.scale_share;
    }
    if (coverage >= kLeastCoverage) break;
  }
  network.scale_share = chosen;
}

}  // namespace

FlowCases turned(const FlowCases& cases, std::int64_t symmetry, std::int64_t side, std::int64_t fixed) {
  const auto turn = [&](const torch::Tensor& x) {
    auto y = x;
    if ((symmetry & 4) != 0) y = y.transpose(-1, -2);
    std::vector<std::int64_t> reversed;
    if ((symmetry & 2) != 0) reversed.push_back(-2);
    if ((symmetry & 1) != 0) reversed.push_back(-1);
    return reversed.empty() ? y : torch::flip(y, reversed);
  };
  const auto turn_points = [&](const torch::Tensor& x) {
    if (!x.defined()) return x;
    auto shape = x.sizes().vec();
    shape.back() = side;
    shape.push_back(side);
    return turn(x.view(shape)).reshape(x.sizes());
  };
  FlowCases out;
  const std::int64_t channels = cases.features.size(1) - fixed;
  out.features =
      torch::cat({turn(cases.features.narrow(1, 0, channels)), cases.features.narrow(1, channels, fixed)}, 1);
  out.mean = turn_points(cases.mean);
  out.sd = turn_points(cases.sd);
  out.truth = turn_points(cases.truth);
  out.weight = turn_points(cases.weight);
  out.hidden = turn_points(cases.hidden);
  out.departures = turn_points(cases.departures);
  out.low = turn_points(cases.low);
  out.high = turn_points(cases.high);
  return out;
}

torch::Tensor FlowCases::within_bounds(const torch::Tensor& x) const {
  if (!low.defined()) return x;
  const bool members = x.dim() == 3;
  return torch::max(torch::min(x, members ? high.unsqueeze(1) : high), members ? low.unsqueeze(1) : low);
}

torch::Tensor FlowCases::redrawn(const torch::Tensor& which) const {
  const std::int64_t count = which.size(0);
  const std::int64_t draws = departures.size(1);
  const std::int64_t points = departures.size(2);
  const auto first_of = [&](std::int64_t k) {
    return alike.empty() ? k : alike[static_cast<std::size_t>(k)];
  };
  auto rows = torch::empty({count, draws}, torch::kLong);
  const auto* number = which.data_ptr<std::int64_t>();
  auto* row = rows.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t first = first_of(number[i]);
    std::int64_t end = number[i] + 1;
    while (end < size() && first_of(end) == first) ++end;
    const auto from = torch::randint(first, end, {draws}, torch::kLong);
    for (std::int64_t m = 0; m < draws; ++m)
      row[i * draws + m] = from.data_ptr<std::int64_t>()[m] * draws + m;
  }
  const auto chosen =
      departures.view({-1, points}).index_select(0, rows.flatten()).view({count, draws, points});
  // A QR factorisation fixes the signs of the columns (Mezzadri 2007, Not. Am. Math. Soc. 54:592).
  const auto signs = 2.0 * torch::randint(0, 2, {count, 1, draws}) - 1.0;
  const auto turns = std::get<0>(torch::linalg_qr(torch::randn({count, draws, draws}))) * signs;
  return torch::bmm(turns.to(chosen.scalar_type()), chosen);
}

std::vector<OptionSpec> FlowTrainingOptions::specs() {
  const FlowTrainingOptions d;
  return {
      {.key = "flow.base", .help = "base distribution", .fallback = d.base, .choices = flow_base_names()},
      {.key = "flow.cases",
       .help = "simulated training cases",
       .fallback = d.cases,
       .lowest = 8,
       .highest = 1e6},
      {.key = "flow.fields_per_mask",
       .help =
           "training cases that share a mask (or other measurement) and a level of noise, whose posterior "
           "is factored once",
       .fallback = d.fields_per_mask,
       .lowest = 1,
       .highest = 1e6},
      {.key = "flow.validation_cases",
       .help = "simulated validation cases",
       .fallback = d.validation_cases,
       .lowest = 4,
       .highest = 1e5},
      {.key = "flow.draws",
       .help = "base draws kept with a case",
       .fallback = d.draws,
       .lowest = 2,
       .highest = 64},
      {.key = "flow.hold",
       .help =
           "whether the layers taken over from train.start stay as they are, and new ones alone are trained",
       .fallback = d.hold},
      {.key = "flow.minutes",
       .help = "longest optimisation, minutes",
       .fallback = d.minutes,
       .lowest = 0,
       .highest = 1e5},
      {.key = "flow.steps", .help = "most optimisation steps", .fallback = d.steps, .lowest = 0},
      {.key = "flow.batch", .help = "cases in a step", .fallback = d.batch, .lowest = 1, .highest = 4096},
      {.key = "flow.learning_rate",
       .help = "learning rate of AdamW",
       .fallback = d.learning_rate,
       .lowest = 0,
       .highest = 1},
      {.key = "flow.weight_decay",
       .help = "weight decay of AdamW",
       .fallback = d.weight_decay,
       .lowest = 0,
       .highest = 10},
      {.key = "flow.average",
       .help = "decay of the moving average of the weights",
       .fallback = d.average,
       .lowest = 0,
       .highest = 1},
      {.key = "flow.observed_weight",
       .help = "weight of observed cells in the objectives",
       .fallback = d.observed_weight,
       .lowest = 0,
       .highest = 1},
      {.key = "flow.equal_cases",
       .help = "whether cases count by their CRPS over the base's mean spread, else by their CRPS",
       .fallback = d.equal_cases},
      {.key = "flow.masks",
       .help = "kinds of masks of the mask bank, with equal chances; gaps only where there are any",
       .fallback = d.masks,
       .choices = measurement::named_mask_kinds()},
      {.key = "flow.hidden_lowest",
       .help = "least share hidden by the mask bank",
       .fallback = d.hidden_lowest,
       .lowest = 0,
       .highest = 1},
      {.key = "flow.hidden_highest",
       .help = "largest share hidden by the mask bank",
       .fallback = d.hidden_highest,
       .lowest = 0,
       .highest = 1},
      {.key = "flow.gaps_share",
       .help = "share of cases under real gaps of other times",
       .fallback = d.gaps_share,
       .lowest = 0,
       .highest = 1},
      {.key = "flow.protocol_share",
       .help = "share of cases under blocks and 20 % scattered cells",
       .fallback = d.protocol_share,
       .lowest = 0,
       .highest = 1},
      {.key = "flow.static_share",
       .help = "share of windows with one mask for all steps",
       .fallback = d.static_share,
       .lowest = 0,
       .highest = 1},
      {.key = "flow.measured_share",
       .help = "share of cases measured by one of the sections [[measurement]], where there are any",
       .fallback = d.measured_share,
       .lowest = 0,
       .highest = 1},
      {.key = "flow.noise_lowest",
       .help = "least observation noise, in standard deviations of the field",
       .fallback = d.noise_lowest,
       .lowest = 1e-4,
       .highest = 10},
      {.key = "flow.noise_highest",
       .help = "largest observation noise, in standard deviations of the field",
       .fallback = d.noise_highest,
       .lowest = 1e-4,
       .highest = 10},
      {.key = "flow.symmetric",
       .help = "whether square images are turned and mirrored at random in training",
       .fallback = d.symmetric},
      {.key = "flow.weight_crps",
       .help = "weight of the closed-form CRPS",
       .fallback = d.weight_crps,
       .lowest = 0},
      {.key = "flow.weight_energy",
       .help = "weight of the energy scores of members",
       .fallback = d.weight_energy,
       .lowest = 0},
      {.key = "flow.weight_differences",
       .help = "weight of the CRPS of differences of members' near values, beside the energy scores",
       .fallback = d.weight_differences,
       .lowest = 0},
      {.key = "flow.weight_forward_kl",
       .help = "weight of the forward KL divergence",
       .fallback = d.weight_forward_kl,
       .lowest = 0},
      {.key = "flow.weight_reverse_kl",
       .help = "weight of the reverse KL divergence",
       .fallback = d.weight_reverse_kl,
       .lowest = 0},
      {.key = "flow.reverse_kl_gradient",
       .help = "its estimator: through the sample alone, or through the density's parameters too",
       .fallback = d.reverse_kl_gradient,
       .choices = {"path", "total"}},
      {.key = "flow.anneal",
       .help = "share of the run at which energy and reverse KL have half their weight",
       .fallback = d.anneal,
       .lowest = 0,
       .highest = 1},
      {.key = "flow.folds",
       .help = "cross-fitting blocks of consecutive years",
       .fallback = d.folds,
       .lowest = 2,
       .highest = 100},
      {.key = "flow.patience",
       .help = "validations without gain before the stop",
       .fallback = d.patience,
       .lowest = 1},
      prior::precision_spec("flow.precision", d.precision),
      {.key = "flow.seed", .help = "seed of simulation and optimisation", .fallback = d.seed},
  };
}

FlowTrainingOptions FlowTrainingOptions::from(const Config& c) {
  FlowTrainingOptions o;
  o.base = c.text("flow.base");
  o.cases = c.integer("flow.cases");
  o.fields_per_mask = c.integer("flow.fields_per_mask");
  o.validation_cases = c.integer("flow.validation_cases");
  o.draws = c.integer("flow.draws");
  o.hold = c.flag("flow.hold");
  o.minutes = c.real("flow.minutes");
  o.steps = c.integer("flow.steps");
  o.batch = c.integer("flow.batch");
  o.learning_rate = c.real("flow.learning_rate");
  o.weight_decay = c.real("flow.weight_decay");
  o.average = c.real("flow.average");
  o.observed_weight = c.real("flow.observed_weight");
  o.equal_cases = c.flag("flow.equal_cases");
  o.masks = c.texts("flow.masks");
  o.hidden_lowest = c.real("flow.hidden_lowest");
  o.hidden_highest = c.real("flow.hidden_highest");
  o.gaps_share = c.real("flow.gaps_share");
  o.protocol_share = c.real("flow.protocol_share");
  o.static_share = c.real("flow.static_share");
  o.measured_share = c.real("flow.measured_share");
  o.noise_lowest = c.real("flow.noise_lowest");
  o.noise_highest = c.real("flow.noise_highest");
  o.symmetric = c.flag("flow.symmetric");
  o.weight_crps = c.real("flow.weight_crps");
  o.weight_energy = c.real("flow.weight_energy");
  o.weight_differences = c.real("flow.weight_differences");
  o.weight_forward_kl = c.real("flow.weight_forward_kl");
  o.weight_reverse_kl = c.real("flow.weight_reverse_kl");
  o.reverse_kl_gradient = c.text("flow.reverse_kl_gradient");
  o.anneal = c.real("flow.anneal");
  o.folds = c.integer("flow.folds");
  o.patience = c.integer("flow.patience");
  o.precision = c.text("flow.precision");
  o.seed = c.integer("flow.seed");
  return o;
}

namespace {

/// Where a training stands.
struct Progress {
  std::int64_t step = 0;
  std::int64_t without_gain = 0;
  double best_crps = 0.0;
  double best_joint = 0.0;
  double base_crps = 0.0;
  double seconds = 0.0;
};

prior::TrainingPlace place_of(const Progress& p) {
  return {.steps = {p.step, p.without_gain}, .figures = {p.best_crps, p.best_joint, p.base_crps, p.seconds}};
}

Progress progress_of(const prior::TrainingPlace& place) {
  return {.step = place.steps[0],
          .without_gain = place.steps[1],
          .best_crps = place.figures[0],
          .best_joint = place.figures[1],
          .base_crps = place.figures[2],
          .seconds = place.figures[3]};
}

std::uint64_t hash_of(const torch::Tensor& values) {
  const auto dense = values.detach().contiguous();
  return hash_bytes(dense.data_ptr<float>(), static_cast<std::size_t>(dense.numel()) * sizeof(float));
}

/// What a checkpoint must agree with to be continued: the cases, by what masks, noise, base and weights leave
/// of them; the network, by what it starts from.
std::string agreement_of(const FlowCases& training, const FlowCases& validation, const FlowNetwork& network,
                         const FlowNetworkOptions& shape, const FlowTrainingOptions& o) {
  std::string hash;
  for (const auto* cases : {&training, &validation})
    for (const auto* values : {&cases->truth, &cases->mean, &cases->sd, &cases->weight, &cases->hidden})
      hash += fmt::format("{:016x} ", hash_of(*values));
  for (const auto& start : network.parameters()) hash += fmt::format("{:x} ", hash_of(start));
  std::string shapes;
  for (const auto& p : network.named_parameters())
    shapes += fmt::format(" {}:{}", p.key(), p.value().numel());
  return fmt::format(
      "cases {} {} {}base {} draws {} symmetric {} hold {} dilations {} affine {} dropout {} seed {} steps "
      "{} "
      "batch {} rate {} decay {} average {} weights {} {} {} {} {} anneal {} differences {} precision {}{}",
      training.size(), validation.size(), hash, o.base, o.draws, o.symmetric, o.hold,
      fmt::join(shape.dilations, ","), shape.affine, shape.dropout, o.seed, o.steps, o.batch, o.learning_rate,
      o.weight_decay, o.average, o.weight_crps, o.weight_energy, o.weight_forward_kl, o.weight_reverse_kl,
      o.reverse_kl_gradient, o.anneal, o.weight_differences, o.precision, shapes);
}

}  // namespace

namespace {

/// Whether a parameter is of a layer that changes nothing before it is trained.
bool starts_at_identity(const std::string& parameter) {
  return parameter.starts_with("coupling") || parameter.starts_with("neighbours") ||
         parameter.starts_with("stack.attention");
}

void start_from(FlowNetwork& network, const FlowNetwork& trained, bool hold) {
  const torch::NoGradGuard frozen;
  const auto from = trained.named_parameters();
  for (auto& p : network.named_parameters()) {
    const auto* values = from.find(p.key());
    if (values == nullptr && starts_at_identity(p.key())) continue;
    if (values == nullptr || values->sizes() != p.value().sizes())
      throw Error(ErrorKind::usage, "the flow to start from is of another network: '" + p.key() + "' differs",
                  {.remedy = "Give both the same options of the flow network"});
    p.value().copy_(*values);
    if (hold) p.value().set_requires_grad(false);
  }
  network.log_spread.copy_(trained.log_spread);
  network.scale_share = trained.scale_share;
}

}  // namespace

void calibrate(FlowNetwork& network, const FlowCases& validation, bool affine) {
  const torch::NoGradGuard frozen;
  if (affine) calibrate_share(network, validation);
  network.log_spread.add_(0.5 * std::log(validate(network, validation, 0.0).standardised)).clamp_(-0.3, 0.3);
  network.eval();
}

std::shared_ptr<FlowNetwork> flow_to_train(const FlowNetworkOptions& network_options,
                                           const FlowTrainingOptions& o, const prior::Backbone& backbone,
                                           const TrainingHooks& hooks,
                                           const std::shared_ptr<const prior::Prior>& learned) {
  const auto topology = prior::GridTopology::of(backbone.domain(), backbone.active());
  torch::manual_seed(static_cast<std::uint64_t>(o.seed));
  auto network = make_flow_network(
      network_options, condition_channels(backbone.domain(), backbone.options().window), topology, learned);
  if (network_options.prior_sweep && o.weight_crps > 0.0)
    throw Error(
        ErrorKind::usage, "the closed-form CRPS is that of members before the prior's denoiser",
        {.remedy = "Set flow.weight_crps = 0, and train.start to a flow that was trained by it without "
                   "flow.prior_sweep"});
  network->measure_prior();
  if (hooks.start) start_from(*network, *hooks.start, o.hold);
  if (o.hold && !hooks.start)
    throw Error(ErrorKind::usage,
                "flow.hold keeps what a training starts from, and nothing to start from is named",
                {.remedy = "Set train.start, or flow.hold = false"});
  network->bfloat = prior::is_bfloat(o.precision);
  const bool square =
      backbone.domain().kind() == domain::DomainKind::plane && topology.rows == topology.columns;
  if (o.symmetric && (!square || o.weight_forward_kl > 0.0 || o.weight_reverse_kl > 0.0))
    throw Error(
        ErrorKind::usage, "flow.symmetric turns square images, and no divergence can follow it",
        {.remedy = "Set flow.symmetric = false, or both weights of divergences to 0 on square images"});
  return network;
}

TrainedFlow train_flow(const FlowCases& training, const FlowCases& validation,
                       const FlowNetworkOptions& network_options, const FlowTrainingOptions& o,
                       const prior::Backbone& backbone, const PriorLogDensity& prior,
                       const TrainingHooks& hooks, const std::shared_ptr<const prior::Prior>& learned) {
  const auto topology = prior::GridTopology::of(backbone.domain(), backbone.active());
  const PriorLogDensity prior_density = prior ? prior : gaussian_prior(backbone);
  const auto seed = static_cast<std::uint64_t>(o.seed);
  const auto network = flow_to_train(network_options, o, backbone, hooks, learned);
  const auto twin = [&] {
    return make_flow_network(network_options, training.features.size(1), topology, learned);
  };
  prior::AveragedOptimiser optimiser(
      *network, {.weight_decay = o.weight_decay, .clip = 0.3, .average = o.average, .second_decay = 0.999});
  Objective objective(*network, o, topology, prior_density, backbone, twin);
  prior::TrainingRecords records(
      hooks.log_csv, hooks.checkpoint,
      "step,seconds,crps_loss,energy_loss,validation_crps,validation_standardised_error,validation_score",
      agreement_of(training, validation, *network, network_options, o));
  Progress p;
  if (hooks.resume) {
    p = progress_of(records.load(*network, optimiser, 2, 4));
    hooks.report(fmt::format("resumed at step {}", p.step));
  } else {
    const Validation start = validate(*network, validation, o.weight_differences);
    p.base_crps = p.best_crps = start.crps;
    p.best_joint = start.joint;
    records.log(fmt::format("0,0,,,{:.6f},,{:.6f}", p.base_crps, p.best_joint));
  }

  const double before = p.seconds;
  const Stopwatch watch;
  const double budget = o.minutes * 60.0;
  const std::int64_t count = training.size();
  const std::int64_t per_epoch = std::max<std::int64_t>(1, count / o.batch);
  const double between = std::clamp(budget / 40.0, 2.0, 120.0);
  double next_validation = p.seconds + between;
  torch::Tensor order;
  std::int64_t epoch = -1;
  double crps = 0.0;
  double energy = 0.0;
  std::int64_t summed = 0;
  while (p.step < o.steps && p.without_gain < o.patience) {
    p.seconds = before + watch.seconds();
    const double progress = std::max(p.seconds / std::max(budget, 1e-9),
                                     static_cast<double>(p.step) / static_cast<double>(o.steps));
    if (progress >= 1.0) break;
    if (hooks.stop()) {
      records.save(*network, optimiser, place_of(p));
      throw Error(ErrorKind::stopped, fmt::format("stopped at step {} of the flow", p.step),
                  {.file = hooks.checkpoint, .remedy = "Run again with --resume"});
    }
    if (p.step / per_epoch != epoch) {
      epoch = p.step / per_epoch;
      // Keyed by epoch and step, so that a resumed training meets the cases and drops the channels it would
      // have.
      order = torch::randperm(
          count, at::detail::createCPUGenerator(seed + 7919U * static_cast<std::uint64_t>(epoch)),
          torch::kLong);
    }
    torch::manual_seed(seed + 104729U * static_cast<std::uint64_t>(p.step));
    const auto which = order.narrow(0, (p.step % per_epoch) * o.batch, std::min(o.batch, count)).contiguous();
    const double warm = std::min(1.0, static_cast<double>(p.step + 1) / 300.0);
    const double rate =
        o.learning_rate * warm * (0.02 + 0.98 * 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
    const double second = 1.0 / (1.0 + std::exp(-(progress - o.anneal) * 20.0));
    network->zero_grad();
    FlowCases batch = select(training, which);
    // Layers that see a member would learn by heart which field goes with which draw.
    batch.departures = training.redrawn(which);
    if (o.symmetric)
      batch = turned(batch, torch::randint(8, {1}, torch::kLong).item<std::int64_t>(), topology.rows,
                     kCoordinates);
    Losses losses = objective(batch, second > 0.02 ? second : 0.0, p.step);
    // Where nothing else reaches the weights, the second objectives count whole from the start.
    if (!losses.total.requires_grad()) losses = objective(batch, 1.0, p.step);
    if (!losses.total.requires_grad())
      throw Error(
          ErrorKind::usage, "no objective with a weight reaches the flow's network",
          {.remedy = "Set flow.weight_energy, or a divergence's weight; the closed-form CRPS is the affine "
                     "layer's alone, which realnvp and flow.affine = false have not"});
    const double loss = losses.total.item<double>();
    if (!std::isfinite(loss))
      throw Error(ErrorKind::numerical, fmt::format("the training loss is not finite at step {}", p.step),
                  {.remedy = "Lower flow.learning_rate"});
    losses.total.backward();
    optimiser.update(*network, ++p.step, rate);
    crps += losses.crps;
    energy += losses.energy;
    ++summed;
    p.seconds = before + watch.seconds();
    const bool last = p.seconds >= budget || p.step == o.steps;
    if (p.seconds < next_validation && !last) continue;
    const double started = p.seconds;
    const auto held = prior::copies(*network);
    prior::assign(*network, optimiser.average);
    const Validation v = validate(*network, validation, o.weight_differences);
    prior::assign(*network, held);
    p.seconds = before + watch.seconds();
    next_validation = p.seconds + std::max(between, kTrainingToValidation * (p.seconds - started));
    // By the CRPS alone couplings would seem worth little: it does not see how cells go together.
    if (o.weight_energy > 0.0 ? v.joint < p.best_joint : v.crps < p.best_crps) {
      p.best_crps = v.crps;
      p.best_joint = v.joint;
      p.without_gain = 0;
      for (std::size_t k = 0; k < optimiser.best.size(); ++k) optimiser.best[k].copy_(optimiser.average[k]);
    } else {
      ++p.without_gain;
    }
    const double share = 1.0 / static_cast<double>(summed);
    hooks.report(
        fmt::format("step {} ({:.0f} s): loss {:.4f} {:.4f}, validation CRPS {:.4f} ({:+.1f} % of the base), "
                    "standardised error {:.3f}, score {:.4f}",
                    p.step, p.seconds, crps * share, energy * share, v.crps,
                    100.0 * (v.crps / p.base_crps - 1.0), v.standardised, v.joint));
    // Energy scores that have no weight yet are no zeros of a curve.
    records.log(fmt::format("{},{:.1f},{:.6f},{},{:.6f},{:.4f},{:.6f}", p.step, p.seconds, crps * share,
                            energy > 0.0 ? fmt::format("{:.6f}", energy * share) : std::string(), v.crps,
                            v.standardised, v.joint));
    records.save(*network, optimiser, place_of(p));
    crps = energy = 0.0;
    summed = 0;
  }
  prior::assign(*network, optimiser.best);
  for (auto& parameter : network->parameters()) parameter.set_requires_grad(true);
  if (hooks.start && o.steps == 0)
    network->eval();  // as it was calibrated
  else
    calibrate(*network, validation,
              network_options.network != "realnvp" && network_options.affine && !network_options.prior_sweep);
  return {.network = network,
          .validation_crps = p.best_crps,
          .base_validation_crps = p.base_crps,
          .seconds = p.seconds};
}

}  // namespace manifill::posterior
