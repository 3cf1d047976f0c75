#pragma once
/// \file
/// \brief Windows of observations: of any record, and simulated from training fields.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "manifill/base/random.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "manifill/measurement/operator.hpp"
#include "manifill/posterior/gaussian_window.hpp"
#include "manifill/prior/backbone.hpp"

namespace manifill::posterior {

/// \brief The `half` steps on each side of a record's entry, and the entry itself. The record is searched by
/// step, not by position: a step that it lacks is unobserved, with the season of the centre.
/// \param index [entry], absolute step numbers, increasing \param season of the centre, fraction of the year
/// \param step the observation of an entry
Window window_around(const std::vector<std::int64_t>& index, std::size_t entry, std::int64_t half,
                     double season, const std::function<StepObservation(std::size_t entry)>& step);

/// \brief The known values of one time of `fields` under a mask, as they are.
/// \param cells [point], true where observed \param noise_sigma that the measurement states, physical units
StepObservation observe_cells(const prior::TrainingFields& fields, std::size_t time,
                              measurement::ObservedCells cells, double noise_sigma);

/// \brief The window of observations around one time of `fields` under given masks, noise added.
/// \param observed masks, one a step of the window
Window simulate_window(const prior::TrainingFields& fields, Eigen::Index time, std::int64_t half,
                       const std::vector<measurement::ObservedCells>& observed, double noise_sigma,
                       RandomStream& random);

/// \brief The same where an operator has measured every step. \param step of the operator, for those that
/// measure other values at each
Window simulate_measured_window(const prior::TrainingFields& fields, Eigen::Index time, std::int64_t half,
                                const measurement::Operator& measured_by, std::int64_t step,
                                double noise_sigma, RandomStream& random);

}  // namespace manifill::posterior
