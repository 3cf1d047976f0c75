#pragma once
/// \file
/// \brief Times of a file chosen by index or date, and dates as people write them.

#include <cstddef>
#include <string>
#include <vector>

#include "manifill/io/time_axis.hpp"

namespace manifill::plot {

/// \brief Times meant by "I", "DATE", or "A:B[:STEP]" with A and B indices or dates, both included, either
/// left out.
///
/// An index counts from 0, a negative one from the end. A date is YYYY-MM[-DD[THH]] (a year alone would be
/// taken for an index); it means the first time within it, at the end of a range the last. \param count times
/// of the variable; 1 when it has no time dimension \return indices, increasing, at least one \throws
/// Error(usage) on another form, an index out of range, a date that the file has not (the nearest is offered)
std::vector<std::size_t> select_times(const std::string& selection, const io::TimeAxis& axis,
                                      std::size_t count);

/// \brief Whether a selection asks for a series (has a colon).
bool selects_series(const std::string& selection);

/// \brief Date of a time in the words its steps call for: "1885", "January 1885", "21 January 2001", "...
/// 06:00". \return empty without a time axis
std::string date_label(const io::TimeAxis& axis, std::size_t time);

}  // namespace manifill::plot
