#include "command_line.hpp"
#include "manifill/base/log.hpp"
#include "manifill/pipeline/laplacian.hpp"

namespace manifill::app {
namespace {

int run(const std::vector<std::string>& args) {
  const Usage usage{
      .synopsis = "manifill laplacian [CONFIG.toml] IN --eigenpairs N -o EIG.nc [options]",
      .description =
          "The lowest eigenvalues and eigenfunctions of minus the Laplacian of a grid or surface, or a "
          "variable "
          "filtered by it (--heat, --low-pass). Surfaces of triangles have the cotangent Laplacian, other "
          "points that of a graph.",
      .most_positional = 1,
      .epilogue =
          "Eigenvalues are those of the unit sphere, l (l + 1), or in inverse squared units of a mesh's "
          "coordinates. Computed pairs are kept in the cache directory.\n"};
  const auto line = parse_command_line(args, pipeline::laplacian_specs(),
                                       {{"-i,--input", "laplacian.input", "IN"},
                                        {"-o,--output", "laplacian.output", "OUT"},
                                        {"--variable", "laplacian.variable", "V"},
                                        {"--grid", "laplacian.grid", "G.nc"},
                                        {"--eigenpairs", "laplacian.eigenpairs", "N"},
                                        {"--heat", "laplacian.heat", "T"},
                                        {"--low-pass", "laplacian.low_pass", "LAMBDA"},
                                        {"--neighbours", "laplacian.neighbours", "N"},
                                        {"--cache", "laplacian.cache", "DIRECTORY"},
                                        {"--overwrite", "laplacian.overwrite"}},
                                       usage);
  if (!line) return 0;
  Config config = line->config;
  if (!line->positional.empty()) config.set("laplacian.input", line->positional[0]);
  for (const auto& note : pipeline::run_laplacian(config)) log::info(note);
  return 0;
}

const CommandRegistration kRegistration("laplacian", run);

}  // namespace
}  // namespace manifill::app
