#include "manifill/pipeline/train.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/base/version.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/posterior/flow_training.hpp"

namespace manifill::pipeline {
namespace {

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

void require(const Config& c, const char* key, const char* option) {
  if (c.text(key).empty()) throw Error(ErrorKind::usage, std::string("'") + key + "' is not set", {.remedy = std::string("Set it in the configuration or give ") + option});
}

}  // namespace

std::vector<OptionSpec> train_prior_specs() {
  return joined(
      {
          {.key = "train.input", .help = "NetCDF file of training fields", .fallback = std::string()},
          {.key = "train.variable", .help = "its variable; empty: the only one that can be filled", .fallback = std::string()},
          {.key = "train.first_year", .help = "first year to learn from", .fallback = std::int64_t{-100000}},
          {.key = "train.last_year", .help = "last year to learn from", .fallback = std::int64_t{100000}},
          {.key = "train.except_years", .help = "years left out", .fallback = std::vector<double>{}},
          {.key = "train.name", .help = "name of the model", .fallback = std::string("model")},
          {.key = "train.output", .help = "model file to write (.h5)", .fallback = std::string()},
      },
      prior::BackboneOptions::specs());
}

std::vector<OptionSpec> train_flow_specs() {
  return joined(
      joined(
          {
              {.key = "train.prior", .help = "model file of 'train prior'", .fallback = std::string()},
              {.key = "train.output", .help = "model file to write (.h5)", .fallback = std::string()},
              {.key = "train.validation_years", .help = "years held out to stop early and to calibrate", .fallback = std::vector<double>{}},
              {.key = "train.gaps", .help = "NetCDF file whose gaps join the mask bank; empty: none", .fallback = std::string()},
              {.key = "train.gaps_variable", .help = "its variable", .fallback = std::string()},
              {.key = "train.gaps_first_year", .help = "first year of those gaps", .fallback = std::int64_t{-100000}},
              {.key = "train.gaps_last_year", .help = "last year of those gaps", .fallback = std::int64_t{100000}},
              {.key = "train.log", .help = "CSV file of the training curve; empty: OUTPUT.csv", .fallback = std::string()},
          },
          posterior::FlowTrainingOptions::specs()),
      posterior::FlowNetworkOptions::specs());
}

prior::TrainingFields load_training_fields(const io::GriddedVariable& input, int first_year, int last_year, const std::vector<double>& except) {
  const auto& time = input.time();
  prior::TrainingFields f{.domain = input.domain(), .step = step_of(time)};
  const auto index = f.step == prior::StepKind::month ? time.month_index() : f.step == prior::StepKind::day ? time.day_index() : std::vector<std::int64_t>{};
  std::vector<std::size_t> keep;
  for (std::size_t t = 0; t < input.times(); ++t) {
    const int year = time.dates.empty() ? 0 : time.dates[t].year;
    if (!time.dates.empty() && (year < first_year || year > last_year)) continue;
    if (std::find(except.begin(), except.end(), static_cast<double>(year)) != except.end()) continue;
    keep.push_back(t);
  }
  if (keep.empty())
    throw Error(ErrorKind::input, fmt::format("no time lies within the years {} to {}", first_year, last_year),
                {.file = input.path(), .variable = input.summary().name, .remedy = "Check train.first_year and train.last_year"});
  f.values.resize(static_cast<Eigen::Index>(input.domain().size()), static_cast<Eigen::Index>(keep.size()));
  for (std::size_t k = 0; k < keep.size(); ++k) {
    const std::size_t t = keep[k];
    const auto field = input.read(0, t, 1);
    for (std::size_t i = 0; i < field.size(); ++i) f.values(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k)) = static_cast<float>(field(0, i));
    f.index.push_back(index.empty() ? static_cast<std::int64_t>(t) : index[t]);
    const bool month = f.step == prior::StepKind::month;
    f.season.push_back(time.dates.empty() ? 0.0 : month ? (time.dates[t].month - 0.5) / 12.0 : time.dates[t].year_fraction);
  }
  return f;
}

std::vector<measurement::ObservedCells> load_gaps(const io::GriddedVariable& input, int first_year, int last_year) {
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

std::vector<int> years_of(const prior::TrainingFields& f) {
  std::vector<int> out;
  for (std::size_t t = 0; t < f.index.size(); ++t) {
    if (f.step == prior::StepKind::month) out.push_back(static_cast<int>(f.index[t] / 12));
    // The day index counts from the same origin for all times; the season says how much of its year has gone by.
    else if (f.step == prior::StepKind::day) out.push_back(static_cast<int>(std::floor((static_cast<double>(f.index[t]) - f.season[t] * 365.2425) / 365.2425 + 0.5)));
    else out.push_back(static_cast<int>(f.index[t]));
  }
  return out;
}

std::vector<std::string> train_prior(const Config& c) {
  require(c, "train.input", "--input");
  require(c, "train.output", "--output");
  io::check_output(c.text("train.output"), {c.text("train.input")}, true);
  const auto input = io::GriddedVariable::open(c.text("train.input"), c.text("train.variable"));
  auto fields = load_training_fields(input, static_cast<int>(c.integer("train.first_year")), static_cast<int>(c.integer("train.last_year")), c.list("train.except_years"));
  const auto count = fields.values.cols();
  posterior::Model model{.backbone = prior::Backbone::fit(std::move(fields), prior::BackboneOptions::from(c))};
  const auto& summary = input.summary();
  model.info = {c.text("train.name"), summary.name.substr(summary.name.rfind('/') + 1), summary.units, summary.standard_name,
                fmt::format("manifill {}; {} fields of {} from {}", version(), count, summary.name, input.path().substr(input.path().rfind('/') + 1))};
  model.save(c.text("train.output"));
  return {fmt::format("{} fields on {}, standard deviation of anomalies {:.4g} {}", count, model.backbone.domain().describe(), model.backbone.unit_scale(), summary.units),
          "written: " + c.text("train.output")};
}

std::vector<std::string> train_flow(const Config& c) {
  require(c, "train.prior", "--prior");
  require(c, "train.output", "--output");
  io::check_output(c.text("train.output"), {}, true);
  auto model = posterior::Model::load(c.text("train.prior"));
  const auto options = posterior::FlowTrainingOptions::from(c);
  const auto network = posterior::FlowNetworkOptions::from(c);
  const prior::TrainingFields& fields = model.backbone.training();
  const auto years = years_of(fields);
  const auto& held = c.list("train.validation_years");
  std::vector<measurement::ObservedCells> gaps;
  if (!c.text("train.gaps").empty())
    gaps = load_gaps(io::GriddedVariable::open(c.text("train.gaps"), c.text("train.gaps_variable")), static_cast<int>(c.integer("train.gaps_first_year")),
                     static_cast<int>(c.integer("train.gaps_last_year")));
  for (const auto& g : gaps)
    if (g.size() != fields.domain.size())
      throw Error(ErrorKind::input, "its gaps lie on another grid than the model's", {.file = c.text("train.gaps"), .remedy = "Give gaps on the model's grid"});

  // Fold of every time: the held-out years are one, the others go into blocks of consecutive years.
  std::set<int> distinct;
  for (const int y : years)
    if (std::find(held.begin(), held.end(), y) == held.end()) distinct.insert(y);
  const std::vector<int> list(distinct.begin(), distinct.end());
  const auto folds = std::min<std::size_t>(list.size(), static_cast<std::size_t>(options.folds));
  if (folds < 2) throw Error(ErrorKind::input, "cross-fitting needs at least two years besides the held-out ones", {.file = c.text("train.prior")});
  std::map<int, std::size_t> fold_of_year;
  for (std::size_t k = 0; k < list.size(); ++k) fold_of_year[list[k]] = k * folds / list.size();
  std::vector<std::size_t> fold(years.size());
  std::vector<Eigen::Index> training;
  std::vector<Eigen::Index> validation;
  for (std::size_t t = 0; t < years.size(); ++t) {
    const auto found = fold_of_year.find(years[t]);
    fold[t] = found == fold_of_year.end() ? folds : found->second;
    (fold[t] == folds ? validation : training).push_back(static_cast<Eigen::Index>(t));
  }
  if (validation.empty())
    throw Error(ErrorKind::usage, "no year is held out for validation", {.remedy = "Set train.validation_years to years of the training data"});
  std::vector<prior::Backbone> backbones;
  for (std::size_t k = 0; k <= folds; ++k) {
    std::vector<bool> keep(fold.size());
    for (std::size_t t = 0; t < fold.size(); ++t) keep[t] = fold[t] != k;
    backbones.push_back(prior::Backbone::fit(fields.subset(keep), model.backbone.options()));
  }
  const auto backbone_of = [&](Eigen::Index t) -> const prior::Backbone& { return backbones[fold[static_cast<std::size_t>(t)]]; };
  const measurement::MaskBank bank(fields.domain, gaps);
  posterior::TrainingHooks hooks;
  hooks.report = [](const std::string& line) { log::info(line); };
  hooks.stop = [] { return stop_requested(); };
  hooks.log_csv = c.text("train.log").empty() ? c.text("train.output") + ".csv" : c.text("train.log");
  const auto seed = static_cast<std::uint64_t>(options.seed);
  const auto cases = posterior::simulate_cases(fields, training, backbone_of, bank, options, options.cases, seed, hooks);
  const auto held_cases = posterior::simulate_cases(fields, validation, backbone_of, bank, options, options.validation_cases, seed + 1, hooks);
  const auto trained = posterior::train_flow(cases, held_cases, network, options, model.backbone, {}, hooks);
  model.flow = trained.network;
  model.flow_options = network;
  model.flow_base = posterior::parse_flow_base(options.base);
  model.info.training += fmt::format("; flow: {} cases, seed {}, {:.0f} s", options.cases, options.seed, trained.seconds);
  model.save(c.text("train.output"));
  return {fmt::format("validation CRPS {:.4f}, {:+.1f} % of the base's {:.4f} (normalised units, held-out years and masks)", trained.validation_crps,
                      100.0 * (trained.validation_crps / trained.base_validation_crps - 1.0), trained.base_validation_crps),
          fmt::format("factor on the spread {:.3f}; {:.0f} s", std::exp(trained.network->log_spread.item<double>()), trained.seconds), "written: " + c.text("train.output")};
}

}  // namespace manifill::pipeline
