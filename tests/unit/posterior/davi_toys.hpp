#pragma once
// A generator of DAVI for the Gaussian fields of `Half`, trained on other fields and masks.

#include <cstdint>

#include "manifill/posterior/davi.hpp"
#include "manifill/posterior/davi_training.hpp"
#include "unit/posterior/diffusion_toys.hpp"

namespace toys {

struct DaviCases {
  manifill::prior::Backbone backbone;
  manifill::posterior::FlowCases training{};
  manifill::posterior::FlowCases validation{};
};

/// Fields of `oracle`, half of the points observed with noise of 0.1, or as the options say.
DaviCases davi_cases(const manifill::posterior::DaviTrainingOptions& options, std::size_t rows = 6,
                     std::size_t columns = 12);

/// What draws of a generator make of the problems of `tally`.
Tally davi_tally(const manifill::prior::ScoreNetwork& generator, double noise, std::uint64_t fields,
                 std::uint32_t members);

}  // namespace toys
