#include "manifill/pipeline/train.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "held_out.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"
#include "manifill/base/progress.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/base/stopwatch.hpp"
#include "manifill/base/version.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/pipeline/select_backbone.hpp"
#include "manifill/pipeline/training_plot.hpp"
#include "manifill/posterior/flow_training.hpp"
#include "manifill/posterior/model.hpp"
#include "manifill/posterior/training_gaps.hpp"
#include "manifill/prior/prior.hpp"
#include "manifill/prior/score_training.hpp"
#include "training_cases.hpp"

namespace manifill::pipeline {
namespace {

constexpr std::uint64_t kInfillSeed = 1;
constexpr std::int64_t kApart = 1000;  // steps between two series of a file, more than any window holds

std::vector<OptionSpec> joined(std::vector<OptionSpec> a, const std::vector<OptionSpec>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

prior::StepKind step_of(const io::TimeAxis& time) {
  if (time.dates.size() < 3) return prior::StepKind::none;
  const auto day = time.day_index();
  std::vector<std::int64_t> gap;
  for (std::size_t t = 1; t < day.size(); ++t) gap.push_back(day[t] - day[t - 1]);
  std::nth_element(gap.begin(), gap.begin() + static_cast<std::ptrdiff_t>(gap.size() / 2), gap.end());
  const std::int64_t median = gap[gap.size() / 2];
  if (median == 1) return prior::StepKind::day;
  return median >= 27 && median <= 32 ? prior::StepKind::month : prior::StepKind::none;
}

}  // namespace

std::vector<std::size_t> chosen_series(const io::GriddedVariable& input, const std::vector<double>& series) {
  std::vector<std::size_t> out;
  const auto count = static_cast<double>(input.extras());
  double before = 0.0;
  for (const double s : series) {
    if (!(std::abs(s) <= count && s == std::floor(s)) || (s < 0.0 && (before < 1.0 || -s < before)))
      throw Error(ErrorKind::usage,
                  fmt::format("series {:g} was asked for and the variable has 1 to {}", s, input.extras()),
                  {.file = input.path(),
                   .variable = input.summary().name,
                   .remedy = "Name series between these, a range as 1, -20, or 0 for all"});
    const auto first = static_cast<std::size_t>(s < 0.0 ? before : std::max(s, 1.0)) - 1;
    const auto end = static_cast<std::size_t>(s == 0.0 ? count : std::abs(s));
    for (std::size_t e = first; e < end; ++e) out.push_back(e);
    before = s;
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  if (out.empty())
    throw Error(ErrorKind::usage, "no series was named", {.remedy = "Give the series [1], or [0] for all"});
  return out;
}

std::vector<OptionSpec> train_prior_specs() {
  return joined(
      {
          {.key = "train.input", .help = "NetCDF file of training fields", .fallback = std::string()},
          {.key = "train.variable",
           .help = "its variable; empty: the only one that can be filled",
           .fallback = std::string()},
          {.key = "train.series",
           .help = "which of the fields of each time are learned from, counted from 1 along the dimensions "
                   "beside time and place (realizations, levels, images); 1, -20: 1 to 20; 0: all",
           .fallback = std::vector<double>{1.0}},
          {.key = "train.grid",
           .help = "NetCDF file with the coordinates of cells that the input has none of; empty: none",
           .fallback = std::string()},
          {.key = "train.first_year", .help = "first year to learn from", .fallback = std::int64_t{-100000}},
          {.key = "train.last_year", .help = "last year to learn from", .fallback = std::int64_t{100000}},
          {.key = "train.except_years", .help = "years left out", .fallback = std::vector<double>{}},
          {.key = "train.name", .help = "name of the model", .fallback = std::string("model")},
          {.key = "train.output", .help = "model file to write (.h5)", .fallback = std::string()},
          {.key = "train.infill_rounds",
           .help = "times that gaps of training fields are drawn from the backbone and it is fitted again",
           .fallback = std::int64_t{0},
           .lowest = 0,
           .highest = 20},
          {.key = "train.score", .help = "train a score network on the backbone", .fallback = false},
          {.key = "train.resume",
           .help = "go on from the checkpoint of a stopped training",
           .fallback = false},
      },
      joined(held_out_specs(),
             joined(joined(prior::BackboneOptions::specs(), prior::ScoreTrainingOptions::specs()),
                    selection_specs())));
}

std::vector<OptionSpec> train_flow_specs() {
  std::vector<OptionSpec> own{
      {.key = "train.start",
       .help = "model file whose flow, of the same network, training starts from; empty: none",
       .fallback = std::string()},
      {.key = "train.score",
       .help =
           "model file whose score network the written model has in place of the prior's; empty: the prior's",
       .fallback = std::string()},
      {.key = "train.keep_fields",
       .help = "training fields that the written model keeps, evenly spread, its backbone fitted to them; 0: "
               "all",
       .fallback = std::int64_t{0},
       .lowest = 0},
  };
  return joined(
      joined(joined(std::move(own), training_cases_specs()), posterior::FlowTrainingOptions::specs()),
      posterior::FlowNetworkOptions::specs());
}

prior::TrainingFields load_training_fields(const io::GriddedVariable& input, int first_year, int last_year,
                                           const std::vector<double>& except,
                                           const std::vector<double>& series) {
  const auto& time = input.time();
  prior::TrainingFields f{.domain = input.domain(), .step = step_of(time)};
  const auto index = f.step == prior::StepKind::month ? time.month_index()
                     : f.step == prior::StepKind::day ? time.day_index()
                                                      : std::vector<std::int64_t>{};
  std::vector<std::size_t> keep;
  for (std::size_t t = 0; t < input.times(); ++t) {
    const int year = time.dates.empty() ? 0 : time.dates[t].year;
    if (!time.dates.empty() && (year < first_year || year > last_year)) continue;
    if (std::find(except.begin(), except.end(), static_cast<double>(year)) != except.end()) continue;
    keep.push_back(t);
  }
  if (keep.empty())
    throw Error(ErrorKind::input,
                fmt::format("no time lies within the years {} to {}", first_year, last_year),
                {.file = input.path(),
                 .variable = input.summary().name,
                 .remedy = "Check train.first_year and train.last_year"});
  const auto at = [&](std::size_t t) { return index.empty() ? static_cast<std::int64_t>(t) : index[t]; };
  for (std::size_t k = 1; k < keep.size(); ++k)
    if (at(keep[k]) <= at(keep[k - 1]))
      throw Error(ErrorKind::input,
                  fmt::format("two times fall into one {} or run backwards",
                              f.step == prior::StepKind::day     ? "day"
                              : f.step == prior::StepKind::month ? "month"
                                                                 : "step"),
                  {.file = input.path(),
                   .variable = input.summary().name,
                   .index = fmt::format("[time {}]", keep[k]),
                   .remedy = "Sort the file and average it to one step"});
  const auto extras = chosen_series(input, series);
  f.values.resize(static_cast<Eigen::Index>(input.domain().size()),
                  static_cast<Eigen::Index>(keep.size() * extras.size()));
  // Steps of two series never follow each other.
  const std::int64_t apart = at(keep.back()) - at(keep.front()) + kApart;
  for (std::size_t e = 0; e < extras.size(); ++e)
    for (std::size_t k = 0; k < keep.size(); ++k) {
      const std::size_t t = keep[k];
      const auto field = input.read(extras[e], t, 1);
      const auto column = static_cast<Eigen::Index>(e * keep.size() + k);
      for (std::size_t i = 0; i < field.size(); ++i)
        f.values(static_cast<Eigen::Index>(i), column) = static_cast<float>(field(0, i));
      f.index.push_back(at(t) + static_cast<std::int64_t>(e) * apart);
      f.year.push_back(!time.dates.empty() ? time.dates[t].year
                       : input.times() > 1 ? static_cast<int>(t)
                                           : static_cast<int>(extras[e]));
      const bool month = f.step == prior::StepKind::month;
      f.season.push_back(time.dates.empty() ? 0.0
                         : month            ? (time.dates[t].month - 0.5) / 12.0
                                            : time.dates[t].year_fraction);
    }
  return f;
}

std::vector<measurement::ObservedCells> load_gaps(const io::GriddedVariable& input, int first_year,
                                                  int last_year) {
  std::vector<measurement::ObservedCells> out;
  for (std::size_t t = 0; t < input.times(); ++t) {
    const int year = input.time().dates.empty() ? 0 : input.time().dates[t].year;
    if (year < first_year || year > last_year) continue;
    measurement::ObservedCells cells;
    for (const double v : input.read(0, t, 1)) cells.push_back(!std::isnan(v));
    if (std::count(cells.begin(), cells.end(), false) > 0) out.push_back(std::move(cells));
  }
  return out;
}

namespace {

/// Trains the score network beside the output; its checkpoint and log stay in OUTPUT.training while it runs.
prior::TrainedScore train_score_network(const Config& c, const prior::TrainingFields& fields,
                                        const prior::BackboneOptions& backbone_options,
                                        std::vector<std::string>& notes) {
  const std::vector<bool> validation = held_out(c, fields.year);
  std::vector<bool> keep = validation;
  keep.flip();
  if (std::find(validation.begin(), validation.end(), true) == validation.end())
    throw Error(ErrorKind::usage, "no training field lies in train.validation_years",
                {.remedy = "Hold out one of the years " + std::to_string(fields.year.front()) + " to " +
                           std::to_string(fields.year.back())});
  const std::string directory = c.text("train.output") + ".training";
  std::filesystem::create_directories(directory);
  const bool resume = goes_on_from(directory + "/score_checkpoint.h5", c);
  const prior::ScoreTrainingHooks hooks{.report = [](const std::string& line) { log::info(line); },
                                        .stop = [] { return stop_requested(); }};
  // Score networks correct the covariance of all fields.
  prior::BackboneOptions pooled = backbone_options;
  pooled.classes = 1;
  auto trained = prior::train_score(prior::Backbone::fit(fields.subset(keep), pooled), fields, validation,
                                    prior::ScoreTrainingOptions::from(c), directory, resume, hooks);
  notes.push_back(fmt::format(
      "score network {}: squared error of the denoiser {:.4f} of the backbone's on held-out years "
      "(noisy to clean: {:.3f} {:.3f} {:.3f} {:.3f}), best at step {} of {}, {:.0f} s",
      trained.network->options().network, trained.validation_ratio, trained.validation_bands[0],
      trained.validation_bands[1], trained.validation_bands[2], trained.validation_bands[3],
      trained.best_step, trained.steps, trained.seconds));
  plot_score_training(directory + "/score_log.csv", c.text("train.output") + ".score.png");
  notes.push_back("training curve: " + c.text("train.output") + ".score.png");
  return trained;
}

}  // namespace

std::vector<std::string> train_prior(const Config& c) {
  const Stopwatch watch;
  require_option(c, "train.input", "--input");
  require_option(c, "train.output", "--output");
  io::check_output(c.text("train.output"), {c.text("train.input")}, true);
  const auto input =
      io::GriddedVariable::open(c.text("train.input"), c.text("train.variable"), c.text("train.grid"));
  auto fields = load_training_fields(input, static_cast<int>(c.integer("train.first_year")),
                                     static_cast<int>(c.integer("train.last_year")),
                                     c.list("train.except_years"), c.list("train.series"));
  const auto count = fields.values.cols();
  std::vector<std::string> notes;
  const prior::BackboneOptions options = select_backbone(c, fields, notes);
  prior::ScoreNetwork score{nullptr};
  if (c.flag("train.score")) score = train_score_network(c, fields, options, notes).network;
  if (const std::int64_t rounds = c.integer("train.infill_rounds"); rounds > 0) {
    Progress progress("filling gaps of training fields", static_cast<std::size_t>(rounds * count), "fields");
    fields = posterior::infill_training_gaps(std::move(fields), options, rounds, kInfillSeed,
                                             [&] { progress.advance(); });
    progress.finish();
  }
  posterior::Model model{.backbone = prior::Backbone::fit(std::move(fields), options)};
  if (score) model.score = score.ptr();
  const auto& summary = input.summary();
  model.info = {c.text("train.name"), summary.name.substr(summary.name.rfind('/') + 1), summary.units,
                summary.standard_name,
                fmt::format("manifill {}; {} fields of {} from {}; prior: {:.0f} s", version(), count,
                            summary.name, input.path().substr(input.path().rfind('/') + 1), watch.seconds())};
  model.save(c.text("train.output"));
  notes.insert(notes.begin(),
               fmt::format("{} fields on {}, standard deviation of anomalies {:.4g} {}", count,
                           model.backbone.domain().describe(), model.backbone.unit_scale(), summary.units));
  notes.push_back("written: " + c.text("train.output"));
  return notes;
}

namespace {

/// What shapes of parameters do not show of a network must agree too.
std::shared_ptr<const posterior::FlowNetwork> flow_to_start_from(
    const std::string& path, const posterior::FlowNetworkOptions& network,
    const posterior::FlowTrainingOptions& options) {
  const auto model = posterior::Model::load(path);
  if (!model.flow)
    throw Error(ErrorKind::usage, "it holds no flow to start from",
                {.file = path, .remedy = "Give a model of 'manifill train flow'"});
  const auto& own = model.flow_options;
  const auto base = posterior::parse_flow_base(options.base);
  // Bases of one mean differ in the unit of the spread, which steps can learn where layers are not held.
  const bool learnable = options.steps > 0 && !options.hold && posterior::is_posterior(base) &&
                         posterior::is_posterior(model.flow_base);
  const char* other = model.flow_base != base && !learnable                         ? "flow.base"
                      : own.network != network.network                              ? "flow.network"
                      : own.affine != network.affine                                ? "flow.affine"
                      : own.network == "conv" && own.dilations != network.dilations ? "flow.dilations"
                                                                                    : nullptr;
  if (other != nullptr)
    throw Error(ErrorKind::usage,
                fmt::format("the flow to start from is of another network: '{}' differs", other),
                {.file = path, .remedy = fmt::format("Set {} as it was trained with", other)});
  return model.flow;
}

/// Gives a model the score network of another, where the options name one. Its inputs are over the backbone's
/// spread, which is the same but for the fields it was fitted to.
void take_score(const Config& c, posterior::Model& model) {
  const std::string& path = c.text("train.score");
  if (path.empty()) return;
  const auto other = posterior::Model::load(path);
  if (!other.score)
    throw Error(ErrorKind::usage, "it has no score network",
                {.file = path, .remedy = "Name a model of 'manifill train prior' with train.score = true"});
  if (other.backbone.domain().describe() != model.backbone.domain().describe())
    throw Error(ErrorKind::input,
                fmt::format("its grid, {}, is not the prior's, {}", other.backbone.domain().describe(),
                            model.backbone.domain().describe()),
                {.file = path, .remedy = "Name a model of the same grid"});
  model.score = other.score;
  model.score->weigh(model.backbone);
}

}  // namespace

std::vector<std::string> train_flow(const Config& c) {
  const Stopwatch watch;
  require_option(c, "train.prior", "--prior");
  require_option(c, "train.output", "--output");
  io::check_output(c.text("train.output"), {}, true);
  auto model = posterior::Model::load(c.text("train.prior"));
  take_score(c, model);
  const auto options = posterior::FlowTrainingOptions::from(c);
  const auto network = posterior::FlowNetworkOptions::from(c);
  auto hooks = training_hooks(c);
  const auto learned =
      model.score ? std::make_shared<const prior::Prior>(model.backbone, model.score) : nullptr;
  if (!c.text("train.start").empty()) {
    hooks.start = flow_to_start_from(c.text("train.start"), network, options);
  }
  const auto seed = static_cast<std::uint64_t>(options.seed);
  // What cannot be trained is refused before its cases are simulated, which can take as long.
  static_cast<void>(posterior::flow_to_train(network, options, model.backbone, hooks, learned));
  const auto cases = simulate_training_cases(c, model, options, options, hooks);
  posterior::PriorLogDensity density;  // empty: the backbone's
  if (learned) {
    for (auto& p : model.score->parameters()) p.set_requires_grad(false);
    density = [prior = *learned, seed](const torch::Tensor& x, const std::vector<double>& season,
                                       std::int64_t step) {
      return prior.log_density(x, season, {.draws = 4, .seed = seed, .time = step}).to(torch::kFloat32);
    };
  }
  const auto trained = posterior::train_flow(cases.training, cases.validation, network, options,
                                             model.backbone, density, hooks, learned);
  model.flow = trained.network;
  model.flow_options = network;
  model.flow_options.scale_share = trained.network->scale_share;
  model.flow_base = posterior::parse_flow_base(options.base);
  model.info.training +=
      fmt::format("; flow: {} cases, seed {}, {:.0f} s", options.cases, options.seed, watch.seconds());
  const auto kept = static_cast<std::size_t>(c.integer("train.keep_fields"));
  const auto all = static_cast<std::size_t>(model.backbone.training().values.cols());
  if (kept > 0 && kept < all) {
    std::vector<bool> keep(all, false);
    for (std::size_t k = 0; k < kept; ++k) keep[k * all / kept] = true;
    model.backbone = model.backbone.fitted_to(keep);
    model.info.training += fmt::format("; {} fields kept", kept);
  }
  model.save(c.text("train.output"));
  std::error_code ignored;
  std::filesystem::remove(hooks.checkpoint, ignored);
  plot_flow_training(hooks.log_csv, std::filesystem::path(hooks.log_csv).replace_extension(".png").string());
  return {fmt::format("validation CRPS {:.4f}, {:+.1f} % of the base's {:.4f} (normalised units, held-out "
                      "years and masks)",
                      trained.validation_crps,
                      100.0 * (trained.validation_crps / trained.base_validation_crps - 1.0),
                      trained.base_validation_crps),
          fmt::format("factor on the spread {:.3f}, share of the log-scales {:.1f}; {:.0f} s",
                      std::exp(trained.network->log_spread.item<double>()), trained.network->scale_share,
                      trained.seconds),
          "written: " + c.text("train.output")};
}

}  // namespace manifill::pipeline
