#pragma once
/// \file
/// \brief Natural Earth land outlines, built into the library (sample_data/coastlines, public domain).

#include <vector>

#include "manifill/plot/projection.hpp"

namespace manifill::plot {

/// \brief 1:110 million for small maps of the globe, 1:50 million otherwise.
enum class CoastlineDetail { coarse, fine };

/// \brief [line][point]; longitudes continuous along a line, so they may pass 180.
const std::vector<std::vector<Place>>& coastlines(CoastlineDetail detail);

/// \brief Decodes one line of the files (format: tools/make_coastlines.py).
/// \throws Error(internal) when the text is not in the format
std::vector<Place> decode_coastline(const char* text);

}  // namespace manifill::plot
