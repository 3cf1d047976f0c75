#pragma once
/// \file
/// \brief The imputation job: a gappy gridded NetCDF file in, a calibrated ensemble out (design contract,
/// section 4).

#include <string>
#include <vector>

#include "manifill/base/config.hpp"

namespace manifill::pipeline {

/// \brief Declarations of the job's options, sections [impute] and [matern].
std::vector<OptionSpec> impute_specs();

/// \brief Runs the job. \return lines for the user: what was filled, warnings
/// \throws Error of every kind; Error(stopped) with a checkpoint on a signal or time limit
std::vector<std::string> run_impute(const Config& config);

}  // namespace manifill::pipeline
