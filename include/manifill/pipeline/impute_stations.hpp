#pragma once
/// \file
/// \brief The imputation job for scattered stations: values at places in, fields on the model's grid out.

#include <string>
#include <vector>

#include "manifill/base/config.hpp"

namespace manifill::pipeline {

/// \brief Whether the input of an imputation job is a file of stations (io::is_station_file).
bool takes_stations(const Config& config);

/// \brief Runs the job, with the options of section [impute]. \return lines for the user
/// \throws Error of every kind; Error(stopped) with a checkpoint on a signal or time limit
std::vector<std::string> run_impute_stations(const Config& config);

}  // namespace manifill::pipeline
