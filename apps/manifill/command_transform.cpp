#include "command_line.hpp"
#include "manifill/base/log.hpp"
#include "manifill/pipeline/transform.hpp"

namespace manifill::app {
namespace {

int run(const std::vector<std::string>& args) {
  const Usage usage{
      .synopsis = "manifill transform [CONFIG.toml] IN.nc -o OUT.nc [--inverse --like GRID.nc] [options]",
      .description =
          "Spherical harmonic coefficients of every field of a variable, real and orthonormal on the unit "
          "sphere; with --inverse fields from such coefficients. Filters act on the coefficients either way.",
      .most_positional = 1,
      .epilogue =
          "Examples:\n"
          "  manifill transform t.nc -o c.nc --smooth-km 500\n"
          "  manifill transform c.nc -o smooth.nc --inverse --like t.nc\n"
          "  manifill transform vorticity.nc -o psi.nc --inverse-laplacian\n"};
  const auto line = parse_command_line(args, pipeline::transform_specs(),
                                       {{"-i,--input", "transform.input", "IN.nc"},
                                        {"-o,--output", "transform.output", "OUT.nc"},
                                        {"--variable", "transform.variable", "V"},
                                        {"--grid", "transform.grid", "G.nc"},
                                        {"--lmax", "transform.lmax", "L"},
                                        {"--iterations", "transform.iterations", "N"},
                                        {"--inverse", "transform.inverse"},
                                        {"--like", "transform.like", "GRID.nc"},
                                        {"--onto", "transform.onto", "NAME"},
                                        {"--laplacian", "transform.laplacian"},
                                        {"--inverse-laplacian", "transform.inverse_laplacian"},
                                        {"--keep-degrees", "transform.keep_degrees", "LOW:HIGH"},
                                        {"--smooth-km", "transform.smooth_km", "KM"},
                                        {"--overwrite", "transform.overwrite"}},
                                       usage);
  if (!line) return 0;
  Config config = line->config;
  if (!line->positional.empty()) config.set("transform.input", line->positional[0]);
  for (const auto& note : pipeline::run_transform(config)) log::info(note);
  return 0;
}

const CommandRegistration kRegistration("transform", run);

}  // namespace
}  // namespace manifill::app
