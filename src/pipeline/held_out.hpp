#pragma once
// Which training fields a configuration holds out, private to the pipeline.

#include <vector>

#include "manifill/base/config.hpp"

namespace manifill::pipeline {

/// Options that say so, section [train].
std::vector<OptionSpec> held_out_specs();

/// Fields of train.validation_years and the last train.validation_last of them: [time].
std::vector<bool> held_out(const Config& config, const std::vector<int>& years);

}  // namespace manifill::pipeline
