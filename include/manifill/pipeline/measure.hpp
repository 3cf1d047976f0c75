#pragma once
/// \file
/// \brief The job behind `manifill measure`: what an instrument would have seen of known fields.

#include <string>
#include <vector>

#include "manifill/base/config.hpp"

namespace manifill::pipeline {

/// \brief Options, section [measure]; the sections [[measurement]] are declared with `reconstruct_specs`, so
/// that one configuration serves both jobs.
std::vector<OptionSpec> measure_specs();

/// \brief Applies the operators of every [[measurement]] to the fields of measure.input, adds its noise and
/// writes its file: NetCDF, CSV of stations where points come last, PNG of images. \return notes for the user
/// \throws Error(usage) on bad options, Error(input) on bad fields, Error(stopped), Error(io)
std::vector<std::string> run_measure(const Config& config);

}  // namespace manifill::pipeline
