#pragma once
/// \file
/// \brief What observations on a finer grid hold that a model's fields cannot: the error of
/// representativeness.

#include <vector>

#include "manifill/posterior/gaussian_window.hpp"
#include "manifill/prior/backbone.hpp"

namespace manifill::posterior {

/// \brief Standard deviation of the error of representativeness, physical units: of what is in observations
/// beside A x and their stated noise (Janjic et al. 2018, doi 10.1002/qj.3130, section 2).
///
/// White beside the stated noise sigma; its variance t is the one that makes the departures d of the fields
/// most likely under the backbone: least sum over fields of log|A C A^T + (sigma^2 + t) I| + d^T (...)^-1 d.
/// Up to 600 observations of a field count, chosen by a key of their own, so that neighbours are few.
/// \param fields observations of single steps, all of one noise; those with fewer than 30 are left out
/// \return 0 where nothing beside the noise is found, or no field is left
double representativeness(const prior::Backbone& backbone, const std::vector<StepObservation>& fields);

/// \brief Standard deviation of white noise that makes observations most likely under the backbone, whatever
/// noise they state, physical units: least sum over fields of log|A C A^T + s^2 I| + d^T (...)^-1 d, as
/// above, between a ten-thousandth of the departures' size and the size itself. \param fields observations of
/// single steps; those with fewer than 30 are left out \throws Error(input) where no field is left
double noise_level(const prior::Backbone& backbone, const std::vector<StepObservation>& fields);

}  // namespace manifill::posterior
