#pragma once
/// \file
/// \brief The job behind `manifill reconstruct`: fields on a model's grid from any linear measurements of
/// them.

#include <string>
#include <vector>

#include "manifill/base/config.hpp"

namespace manifill::pipeline {

/// \brief Options, sections [reconstruct], [[measurement]], those of the samplers, and [measure]: one
/// configuration serves both jobs.
std::vector<OptionSpec> reconstruct_specs();

/// \brief Runs the job. \return lines for the user \throws Error of every kind; Error(stopped) with a
/// checkpoint on a signal or time limit
std::vector<std::string> run_reconstruct(const Config& config);

}  // namespace manifill::pipeline
