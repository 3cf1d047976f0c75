#pragma once
/// \file
/// \brief The job behind `manifill evaluate`: known cells are withheld, methods fill them, what they say is
/// scored against what was there.

#include <string>
#include <vector>

#include "manifill/base/config.hpp"

namespace manifill::pipeline {

/// \brief Options: sections [evaluate] and [matern], and those of the samplers.
std::vector<OptionSpec> evaluate_specs();

/// \brief Scores the methods and writes scores.json, scores.csv, timings.json, report.html with its pictures,
/// config.toml and, on request, members.nc into evaluate.output. Numbers but for times depend on the
/// configuration and the seed alone, resumed or not. \return lines for the user
/// \throws Error of every kind; Error(stopped) with a checkpoint on a signal or time limit
std::vector<std::string> run_evaluate(const Config& config);

}  // namespace manifill::pipeline
