#pragma once
/// \file
/// \brief The job behind `manifill transform`: spherical harmonic coefficients of fields, and back.

#include <cstdint>
#include <string>
#include <vector>

#include "manifill/base/config.hpp"
#include "manifill/operators/ring_grid.hpp"

namespace manifill::pipeline {

/// \brief Options, section [transform].
std::vector<OptionSpec> transform_specs();

/// \brief The highest degree for a grid: the one wanted, or the grid's exact degree where that is negative.
/// \throws Error(usage) when it is beyond what the grid tells apart: 3 nside - 1 on HEALPix, the exact degree
/// elsewhere
std::int64_t highest_degree(const operators::RingGrid& grid, std::int64_t wanted);

/// \brief Writes coefficients of every field of a variable, or fields from coefficients. \return notes for
/// the user \throws Error(usage) on bad options, Error(input) on gaps or a grid without rings, Error(io)
std::vector<std::string> run_transform(const Config& config);

}  // namespace manifill::pipeline
