#include "training_cases.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "held_out.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/io/gridded.hpp"
#include "manifill/pipeline/train.hpp"
#include "measurements.hpp"

namespace manifill::pipeline {

std::vector<OptionSpec> training_cases_specs() {
  std::vector<OptionSpec> out{
      {.key = "train.prior", .help = "model file of 'train prior'", .fallback = std::string()},
      {.key = "train.output", .help = "model file to write (.h5)", .fallback = std::string()},
      {.key = "train.fields",
       .help = "NetCDF file of fields that cases are simulated from, by the model's backbone as it is; "
               "empty: the model's own "
               "training fields, each by a backbone fitted without its years",
       .fallback = std::string()},
      {.key = "train.fields_variable", .help = "its variable", .fallback = std::string()},
      {.key = "train.gaps",
       .help = "NetCDF file whose gaps join the mask bank; empty: none",
       .fallback = std::string()},
      {.key = "train.gaps_variable", .help = "its variable", .fallback = std::string()},
      {.key = "train.gaps_first_year", .help = "first year of those gaps", .fallback = std::int64_t{-100000}},
      {.key = "train.gaps_last_year", .help = "last year of those gaps", .fallback = std::int64_t{100000}},
      {.key = "train.log",
       .help = "CSV file of the training curve, drawn beside it as PNG; empty: OUTPUT.csv",
       .fallback = std::string()},
      {.key = "train.resume", .help = "go on from the checkpoint of a stopped training", .fallback = false},
  };
  for (const auto& more : {held_out_specs(), simulated_measurement_specs()})
    out.insert(out.end(), more.begin(), more.end());
  return out;
}

bool goes_on_from(const std::string& checkpoint, const Config& c) {
  if (!c.flag("train.resume")) return false;
  if (std::filesystem::exists(checkpoint)) return true;
  // A stop before the first checkpoint has left none; a job script may always give --resume.
  log::info("no checkpoint yet: training starts anew");
  return false;
}

posterior::TrainingHooks training_hooks(const Config& c) {
  posterior::TrainingHooks hooks;
  hooks.report = [](const std::string& line) { log::info(line); };
  hooks.stop = [] { return stop_requested(); };
  hooks.log_csv = c.text("train.log").empty() ? c.text("train.output") + ".csv" : c.text("train.log");
  hooks.checkpoint = c.text("train.output") + ".checkpoint";
  hooks.resume = goes_on_from(hooks.checkpoint, c);
  return hooks;
}

namespace {

/// Fields that the model was not fitted to, on its grid and in its units.
prior::TrainingFields other_fields(const Config& c, const posterior::Model& model) {
  const auto input = io::GriddedVariable::open(c.text("train.fields"), c.text("train.fields_variable"));
  const auto& own = model.backbone.training();
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorKind::input, what,
                {.file = input.path(),
                 .variable = input.summary().name,
                 .remedy = "Give fields on the grid, in the units and at the step of those that the model of "
                           "train.prior was fitted to"});
  };
  if (input.domain().describe() != own.domain.describe())
    refuse("its grid, " + input.domain().describe() + ", is not the model's, " + own.domain.describe());
  if (input.summary().units != model.info.units)
    refuse("its units, '" + input.summary().units + "', are not the model's, '" + model.info.units + "'");
  constexpr int kAnyYear = 1000000;
  auto fields = load_training_fields(input, -kAnyYear, kAnyYear, {}, {0.0});
  if (fields.step != own.step) refuse("its times have another step than the model's");
  return fields;
}

}  // namespace

TrainingCases simulate_training_cases(const Config& c, const posterior::Model& model,
                                      const posterior::FlowTrainingOptions& training_options,
                                      const posterior::FlowTrainingOptions& validation_options,
                                      const posterior::TrainingHooks& hooks) {
  const bool others = !c.text("train.fields").empty();
  std::optional<prior::TrainingFields> loaded;
  if (others) loaded = other_fields(c, model);
  const prior::TrainingFields& fields = others ? *loaded : model.backbone.training();
  const std::vector<int>& years = fields.year;
  if (years.empty())
    throw Error(ErrorKind::input, "the model keeps no years of its training fields",
                {.file = c.text("train.prior"), .remedy = "Run 'manifill train prior' again"});
  const std::vector<bool> held = held_out(c, years);
  std::vector<measurement::ObservedCells> gaps;
  if (!c.text("train.gaps").empty())
    gaps = load_gaps(io::GriddedVariable::open(c.text("train.gaps"), c.text("train.gaps_variable")),
                     static_cast<int>(c.integer("train.gaps_first_year")),
                     static_cast<int>(c.integer("train.gaps_last_year")));
  for (const auto& g : gaps)
    if (g.size() != fields.domain.size())
      throw Error(ErrorKind::input, "its gaps lie on another grid than the model's",
                  {.file = c.text("train.gaps"), .remedy = "Give gaps on the model's grid"});

  // Fold of every time: the held-out years are one, the others go into blocks of consecutive years.
  std::set<int> distinct;
  for (std::size_t t = 0; t < years.size(); ++t)
    if (!held[t]) distinct.insert(years[t]);
  const std::vector<int> list(distinct.begin(), distinct.end());
  // A backbone that was not fitted to the fields serves them all.
  const auto folds =
      std::min<std::size_t>(list.size(), others ? 1 : static_cast<std::size_t>(training_options.folds));
  if (folds < (others ? 1U : 2U))
    throw Error(ErrorKind::input,
                others ? "every field is held out"
                       : "cross-fitting needs at least two years besides the held-out ones",
                {.file = c.text(others ? "train.fields" : "train.prior")});
  std::map<int, std::size_t> fold_of_year;
  for (std::size_t k = 0; k < list.size(); ++k) fold_of_year[list[k]] = k * folds / list.size();
  std::vector<std::size_t> fold(years.size());
  std::vector<posterior::Fold> training(folds);
  std::vector<posterior::Fold> validation(1);
  for (std::size_t t = 0; t < years.size(); ++t) {
    fold[t] = held[t] ? folds : fold_of_year.at(years[t]);
    (fold[t] == folds ? validation.front() : training[fold[t]]).times.push_back(static_cast<Eigen::Index>(t));
  }
  if (validation.front().times.empty())
    throw Error(ErrorKind::usage, "no year is held out for validation",
                {.remedy = "Set train.validation_years to years of the training data"});
  const auto without = [&](std::size_t k) {
    return [&, k] {
      if (others) return model.backbone;
      std::vector<bool> keep(fold.size());
      for (std::size_t t = 0; t < fold.size(); ++t) keep[t] = fold[t] != k;
      return prior::Backbone::fit(fields.subset(keep), model.backbone.options());
    };
  };
  for (std::size_t k = 0; k < folds; ++k) training[k].backbone = without(k);
  validation.front().backbone = without(folds);
  const measurement::MaskBank bank(fields.domain, gaps, training_options.masks);
  const auto operators = simulated_measurements(c, fields.domain);
  const auto seed = static_cast<std::uint64_t>(training_options.seed);
  const std::int64_t half = model.backbone.options().window;
  // Held-out cases are few: each has a mask of its own.
  posterior::FlowTrainingOptions apart = validation_options;
  apart.fields_per_mask = 1;
  return {.training = posterior::simulate_cases(fields, training, half, bank, training_options,
                                                training_options.cases, seed, hooks, operators),
          .validation = posterior::simulate_cases(fields, validation, half, bank, apart,
                                                  apart.validation_cases, seed + 1, hooks, operators)};
}

void require_option(const Config& c, const char* key, const char* option) {
  if (c.text(key).empty())
    throw Error(ErrorKind::usage, std::string("'") + key + "' is not set",
                {.remedy = std::string("Set it in the configuration or give ") + option});
}

}  // namespace manifill::pipeline
