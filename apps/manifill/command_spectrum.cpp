#include "command_line.hpp"
#include "manifill/base/log.hpp"
#include "manifill/pipeline/spectrum.hpp"

namespace manifill::app {
namespace {

int run(const std::vector<std::string>& args) {
  const Usage usage{
      .synopsis = "manifill spectrum [CONFIG.toml] IN.nc [OTHER.nc] [-o SPECTRUM.csv|.nc|.png] [options]",
      .description =
          "Angular power by degree, the mean over times; with a second variable, of the same file or "
          "another, "
          "the cross spectrum and the correlation too. Grids may differ.",
      .most_positional = 2,
      .epilogue =
          "power: sum over orders of squared coefficients / (2 l + 1); mean_square: (2 l + 1) power / (4 "
          "pi), whose sum is the field's mean square.\n"};
  const auto line = parse_command_line(args, pipeline::spectrum_specs(),
                                       {{"-i,--input", "spectrum.input", "IN.nc"},
                                        {"--variable", "spectrum.variable", "V"},
                                        {"--against", "spectrum.against", "W"},
                                        {"--against-input", "spectrum.against_input", "OTHER.nc"},
                                        {"-o,--output", "spectrum.output", "FILE"},
                                        {"--grid", "spectrum.grid", "G.nc"},
                                        {"--time", "spectrum.time", "T"},
                                        {"--level", "spectrum.level", "I"},
                                        {"--lmax", "spectrum.lmax", "L"},
                                        {"--iterations", "spectrum.iterations", "N"},
                                        {"--overwrite", "spectrum.overwrite"}},
                                       usage);
  if (!line) return 0;
  Config config = line->config;
  if (!line->positional.empty()) config.set("spectrum.input", line->positional[0]);
  if (line->positional.size() > 1) config.set("spectrum.against_input", line->positional[1]);
  for (const auto& note : pipeline::run_spectrum(config)) log::info(note);
  return 0;
}

const CommandRegistration kRegistration("spectrum", run);

}  // namespace
}  // namespace manifill::app
