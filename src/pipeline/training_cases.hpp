#pragma once
// What trainings on simulated measurements have in common, private to the pipeline.

#include <string>
#include <vector>

#include "manifill/base/config.hpp"
#include "manifill/posterior/flow_training.hpp"
#include "manifill/posterior/model.hpp"

namespace manifill::pipeline {

/// Their options of section [train], and the sections [[measurement]].
std::vector<OptionSpec> training_cases_specs();

/// Whether a training goes on from this checkpoint: if train.resume asks for it and there is one.
bool goes_on_from(const std::string& checkpoint, const Config& config);

/// Progress to the log, stops, and the files that stand beside train.output.
posterior::TrainingHooks training_hooks(const Config& config);

struct TrainingCases {
  posterior::FlowCases training{};
  posterior::FlowCases validation{};  // of the held-out years
};

/// Cases simulated from the model's training fields, each by a backbone that was fitted without its years; or
/// from those of train.fields, by the model's. \throws Error(input) for a model or gaps that do not serve;
/// Error(usage) where no year is held out
TrainingCases simulate_training_cases(const Config& config, const posterior::Model& model,
                                      const posterior::FlowTrainingOptions& training,
                                      const posterior::FlowTrainingOptions& validation,
                                      const posterior::TrainingHooks& hooks);

/// \throws Error(usage) where a text option is empty
void require_option(const Config& config, const char* key, const char* option);

}  // namespace manifill::pipeline
