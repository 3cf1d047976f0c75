#pragma once
/// \file
/// \brief Continuous ranked probability score of an ensemble and of a Gaussian.

#include <span>

namespace manifill::verification {

/// \brief Fair CRPS of an ensemble, in the units of the field: unbiased for the CRPS of the law that the
/// members are drawn from, whatever their number (Ferro 2014, QJRMS 140, eq. 6). O(M) once sorted. One
/// member: the absolute error. \param sorted [member], ascending \throws Error(internal) without members
double fair_crps(std::span<const double> sorted, double truth);

/// \brief CRPS of N(mean, sd^2), in the units of the field (Gneiting et al. 2005, MWR 133, eq. 5). sd = 0:
/// the absolute error.
double gaussian_crps(double mean, double sd, double truth);

}  // namespace manifill::verification
