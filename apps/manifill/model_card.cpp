#include "model_card.hpp"

#include "manifill/io/model_file.hpp"

namespace manifill::app {

io::ModelCard load_model_card(const std::string& path) {
  const auto file = io::ModelFile::load(path);
  const auto& range = file.doubles("range", {2});
  return {.path = path,
          .name = file.text("model/name"),
          .variable = file.text("variable"),
          .units = file.text("units"),
          .standard_name = file.text("standard_name"),
          .domain = domain::Domain::lat_lon(file.doubles("domain/latitude"), file.doubles("domain/longitude")),
          .typical_low = range[0],
          .typical_high = range[1]};
}

}  // namespace manifill::app
