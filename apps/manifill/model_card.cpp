#include "model_card.hpp"

#include <utility>

#include "manifill/io/domain_record.hpp"
#include "manifill/io/model_file.hpp"

namespace manifill::app {
namespace {

// Places in backbone/options.
constexpr std::size_t kMeanHarmonics = 0;
constexpr std::size_t kSeasonBins = 3;
constexpr std::int16_t kMissing = -32768;

/// [point], 1 where a training field has a value.
std::vector<char> active_points(const io::ModelFile& file, std::size_t points) {
  const auto& fields = file.shorts("backbone/fields", {0, points});
  std::vector<char> active(points, 0);
  for (std::size_t k = 0; k < fields.size(); ++k)
    if (fields[k] != kMissing) active[k % points] = 1;
  return active;
}

}  // namespace

io::ModelCard load_model_card(const std::string& path) {
  const auto file = io::ModelFile::load(path);
  const auto& range = file.doubles("range", {2});
  const auto& shape = file.integers("model/shape", {2});
  const auto& options = file.doubles("backbone/options", {13});
  const bool seasonal = options[kSeasonBins] > 1.0 || options[kMeanHarmonics] > 0.0;
  auto domain = io::get_domain(file);
  const std::size_t points = domain.size();
  return {.path = path,
          .name = file.text("model/name"),
          .variable = file.text("variable"),
          .units = file.text("units"),
          .standard_name = file.text("standard_name"),
          .domain = std::move(domain),
          .plausible_low = range[0],
          .plausible_high = range[1],
          .training_fields = file.shape("backbone/fields")[0],
          .window_steps = static_cast<std::size_t>(shape[0]),
          .season_bins = static_cast<std::size_t>(shape[1]),
          .step = file.text("backbone/step"),
          .seasonal = seasonal,
          .active = active_points(file, points)};
}

}  // namespace manifill::app
