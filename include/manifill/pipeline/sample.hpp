#pragma once
/// \file
/// \brief The job behind `manifill sample`: draws from a model's prior.

#include <string>
#include <vector>

#include "manifill/base/config.hpp"

namespace manifill::pipeline {

/// \brief Options, section [sample].
std::vector<OptionSpec> sample_specs();

/// \brief Writes draws of the prior as NetCDF, variable(realization, lat, lon), physical units. \return notes
/// for the user \throws Error(usage) on bad options, Error(input) on a bad model, Error(numerical), Error(io)
std::vector<std::string> run_sample(const Config& config);

}  // namespace manifill::pipeline
