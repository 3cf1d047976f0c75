#include "command_line.hpp"
#include "manifill/base/log.hpp"
#include "manifill/io/merge.hpp"

namespace manifill::app {
namespace {

int run(const std::vector<std::string>& args) {
  const std::vector<OptionSpec> specs{
      {.key = "merge.overwrite", .help = "replace an existing output", .fallback = false}};
  const auto line = parse_command_line(
      args, specs, {{"--overwrite", "merge.overwrite"}},
      {.synopsis = "manifill merge OUT.nc SHARD.nc... [--overwrite]",
       .description =
           "Puts the shards of one imputation run together: the file that the run without --shard would have "
           "written. Refuses shards that are missing, given twice or of different runs.",
       .least_positional = 2,
       .most_positional = 1000000,
       .takes_config = false});
  if (!line) return 0;
  const auto& files = line->positional;
  for (const auto& part : io::merge_shards(files.front(), {files.begin() + 1, files.end()},
                                           line->config.flag("merge.overwrite")))
    log::info("shard " + part);
  log::info("written: " + files.front());
  return 0;
}

const CommandRegistration kRegistration("merge", run);

}  // namespace
}  // namespace manifill::app
