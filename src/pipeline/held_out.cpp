#include "held_out.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace manifill::pipeline {

std::vector<OptionSpec> held_out_specs() {
  return {
      {.key = "train.validation_years",
       .help = "years held out, to stop early, to calibrate and to choose the backbone's options; of images "
               "their "
               "numbers from 0",
       .fallback = std::vector<double>{}},
      {.key = "train.validation_last",
       .help = "how many of the last training fields are held out too",
       .fallback = std::int64_t{0},
       .lowest = 0},
  };
}

std::vector<bool> held_out(const Config& config, const std::vector<int>& years) {
  const auto& named = config.list("train.validation_years");
  const auto last = static_cast<std::size_t>(config.integer("train.validation_last"));
  std::vector<bool> out(years.size());
  for (std::size_t t = 0; t < years.size(); ++t)
    out[t] = t + last >= years.size() ||
             std::find(named.begin(), named.end(), static_cast<double>(years[t])) != named.end();
  return out;
}

}  // namespace manifill::pipeline
