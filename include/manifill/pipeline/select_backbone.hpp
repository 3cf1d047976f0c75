#pragma once
/// \file
/// \brief Choice of the backbone's options on held-out years.

#include <string>
#include <vector>

#include "manifill/base/config.hpp"
#include "manifill/prior/backbone.hpp"

namespace manifill::pipeline {

/// \brief Options, section [select]: lists of candidates.
std::vector<OptionSpec> selection_specs();

/// \brief Options of section [backbone], those with candidates in [select] replaced by the best: one after
/// the other, in the order of the help, the value with the least CRPS of the Gaussian posterior over the
/// hidden cells of train.validation_years, with a backbone fitted without these years and masks drawn anew.
/// Every candidate tried is logged. \param notes gets a line for every choice
/// \throws Error(usage) when there are candidates but no validation years
prior::BackboneOptions select_backbone(const Config& config, const prior::TrainingFields& fields,
                                       std::vector<std::string>& notes);

}  // namespace manifill::pipeline
