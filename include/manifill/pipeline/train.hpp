#pragma once
/// \file
/// \brief Training jobs: `train prior` fits the backbone, `train flow` distils the posterior into a flow,
/// `train davi` into a generator.

#include <string>
#include <vector>

#include "manifill/base/config.hpp"
#include "manifill/io/gridded.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "manifill/prior/backbone.hpp"

namespace manifill::pipeline {

/// \brief Options of `train prior`: sections [train] and [backbone].
std::vector<OptionSpec> train_prior_specs();

/// \brief Options of `train flow`: sections [train] and [flow].
std::vector<OptionSpec> train_flow_specs();

/// \brief Options of `train davi`: sections [train], [davi] and, for models without a score network, [score].
std::vector<OptionSpec> train_davi_specs();

/// \brief All times of a variable as training fields; the step (day, month, none) follows from the spacing of
/// the times. \param years [first, last] to keep, inclusive; \param except years left out \param
/// series which of the fields of each time, counted from 1 along the dimensions beside time and place; 0: all
/// \throws Error(input) when no time is left; Error(usage) for a series that is not there
prior::TrainingFields load_training_fields(const io::GriddedVariable& input, int first_year, int last_year,
                                           const std::vector<double>& except,
                                           const std::vector<double>& series = {1.0});

/// \brief Indices of the fields of one time that were asked for. \param series counted from 1 along the
/// dimensions beside time and place, any order; a negative one ends a range that the one before begins; 0:
/// all \return increasing, from 0, one at least \throws Error(usage) for a series that is not there, or none
std::vector<std::size_t> chosen_series(const io::GriddedVariable& input, const std::vector<double>& series);

/// \brief Masks of the times of some years, for the bank's kind "gaps": true where observed.
std::vector<measurement::ObservedCells> load_gaps(const io::GriddedVariable& input, int first_year,
                                                  int last_year);

/// \brief Fits a backbone and writes a model without a flow. \return lines for the user
std::vector<std::string> train_prior(const Config& config);

/// \brief Trains a flow for a model and writes the whole model. \return lines for the user
std::vector<std::string> train_flow(const Config& config);

/// \brief Trains a generator of DAVI for a model and writes the whole model. \return lines for the user
std::vector<std::string> train_davi(const Config& config);

}  // namespace manifill::pipeline
