#pragma once
/// \file
/// \brief What the jobs that apply operators to files share. Needs no LibTorch, as those jobs.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "manifill/base/config.hpp"
#include "manifill/io/gridded.hpp"

namespace manifill::pipeline {

/// \brief Fields without gaps. \return [time][point], units of the file
/// \throws Error(input) naming file, variable, the first time with a gap and the number of its missing cells;
/// otherwise as GriddedVariable::read
std::vector<double> complete_fields(const io::GriddedVariable& variable, std::size_t extra, std::size_t first,
                                    std::size_t count);

/// \brief Fields read and worked on together: 1 to 16, as many as 64 MiB hold.
std::size_t fields_at_once(std::size_t points);

/// \brief "2001-01-15T12:00:00Z manifill 0.1.0: <what>".
std::string history_line(const std::string& what);

/// \brief Global attributes that say how a file was made: manifill_version, manifill_config.
std::map<std::string, std::string> provenance(const Config& config);

}  // namespace manifill::pipeline
