#include "manifill/pipeline/operator_job.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>

#include "manifill/base/error.hpp"
#include "manifill/base/version.hpp"

namespace manifill::pipeline {

std::vector<double> complete_fields(const io::GriddedVariable& variable, std::size_t extra, std::size_t first,
                                    std::size_t count) {
  const auto read = variable.read(extra, first, count);
  std::vector<double> fields(read.begin(), read.end());
  const std::size_t cells = variable.domain().size();
  for (std::size_t t = 0; t < count; ++t) {
    const auto* field = fields.data() + t * cells;
    const auto missing = std::count_if(field, field + cells, [](double x) { return std::isnan(x); });
    if (missing == 0) continue;
    std::string index = fmt::format("[time {}]", first + t);
    const auto names = variable.extra_names();
    const auto at = variable.extra_index(extra);
    for (std::size_t k = 0; k < names.size(); ++k) index += fmt::format("[{} {}]", names[k], at[k]);
    throw Error(ErrorKind::input, fmt::format("{} of {} cells are missing", missing, cells),
                {.file = variable.path(),
                 .variable = variable.summary().name,
                 .index = index,
                 .remedy = "Fill the gaps first, with 'manifill impute'"});
  }
  return fields;
}

std::size_t fields_at_once(std::size_t points) {
  return std::clamp<std::size_t>((std::size_t{64} << 20U) / (points * sizeof(double)), 1, 16);
}

std::string history_line(const std::string& what) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ} manifill {}: {}", fmt::gmtime(std::time(nullptr)), version(),
                     what);
}

std::map<std::string, std::string> provenance(const Config& config) {
  return {{"manifill_version", version()}, {"manifill_config", config.to_toml()}};
}

}  // namespace manifill::pipeline
