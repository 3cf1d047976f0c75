#include "model_card.hpp"

#include "manifill/io/model_file.hpp"

namespace manifill::app {

io::ModelCard load_model_card(const std::string& path) {
  const auto file = io::ModelFile::load(path);
  const auto& range = file.doubles("range", {2});
  const auto& shape = file.integers("model/shape", {2});
  return {
      .path = path,
      .name = file.text("model/name"),
      .variable = file.text("variable"),
      .units = file.text("units"),
      .standard_name = file.text("standard_name"),
      .domain = domain::Domain::lat_lon(file.doubles("domain/latitude"), file.doubles("domain/longitude")),
      .plausible_low = range[0],
      .plausible_high = range[1],
      .training_fields = file.shape("backbone/fields")[0],
      .window_steps = static_cast<std::size_t>(shape[0]),
      .season_bins = static_cast<std::size_t>(shape[1])};
}

}  // namespace manifill::app
