#include <fmt/format.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/plot/file_map.hpp"
#include "manifill/plot/time_selection.hpp"

namespace manifill::app {
namespace {

std::vector<OptionSpec> specs() {
  return {
      {.key = "plot.output", .help = "picture to write: .png, .pdf or .svg", .fallback = std::string()},
      {.key = "plot.grid",
       .help = "file with the coordinates of cells that the file has none of; empty: none",
       .fallback = std::string()},
      {.key = "plot.variable",
       .help = "variable to draw; empty: the file's only one",
       .fallback = std::string()},
      {.key = "plot.time",
       .help = "index from 0 (-1: the last), date (1990-07, 1990-07-21, 1990-07-21T06), or A:B[:STEP] for a "
               "series of "
               "pictures",
       .fallback = std::string("0")},
      {.key = "plot.level",
       .help = "index from 0 over the dimensions that are not time, latitude or longitude",
       .fallback = std::int64_t{0},
       .lowest = 0},
      {.key = "plot.members",
       .help = "members of an imputed file to draw, from 1; 0: none",
       .fallback = std::vector<double>{1, 2}},
      {.key = "plot.projection",
       .help =
           "short name (automatic, equal_earth, mollweide, orthographic, polar_north, ...), or a definition "
           "for PROJ: \"+proj=moll +lon_0=180\", \"ortho +lat_0=90\", EPSG:3995",
       .fallback = std::string("automatic")},
      {.key = "plot.repair", .help = "make the mesh of a mesh file sound first", .fallback = false},
      {.key = "plot.towards",
       .help = "of a surface in space: direction to the viewer, x,y,z; empty: 0,0,1",
       .fallback = std::vector<double>{}},
      {.key = "plot.up",
       .help = "of a surface in space: what is up in the picture, x,y,z; empty: 0,1,0",
       .fallback = std::vector<double>{}},
      {.key = "plot.title", .help = "title; empty: the variable's long name", .fallback = std::string()},
      {.key = "plot.width",
       .help = "width of the picture, pixels",
       .fallback = std::int64_t{1600},
       .lowest = 200,
       .highest = 20000},
      {.key = "plot.range",
       .help = "two ends of the colour scale, units of the variable; empty: from the data",
       .fallback = std::vector<double>{}},
      {.key = "plot.palette",
       .help = "colours of the values",
       .fallback = std::string("automatic"),
       .choices = {"automatic", "sequential", "diverging"}},
  };
}

std::vector<Alias> aliases() {
  return {{"-o,--output", "plot.output", "MAP.png"},
          {"--variable", "plot.variable", "V"},
          {"--grid", "plot.grid", "G.nc"},
          {"--time", "plot.time", "T"},
          {"--level", "plot.level", "I"},
          {"--members", "plot.members", "1,2"},
          {"--projection", "plot.projection", "NAME|PROJ"},
          {"--repair", "plot.repair"},
          {"--towards", "plot.towards", "X,Y,Z"},
          {"--up", "plot.up", "X,Y,Z"},
          {"--title", "plot.title", "TEXT"},
          {"--width", "plot.width", "PIXELS"},
          {"--range", "plot.range", "LOW,HIGH"},
          {"--palette", "plot.palette", "NAME"}};
}

Usage usage() {
  return {.synopsis = "manifill plot FILE -o MAP.png [options]",
          .description =
              "Draws a variable as a map, of a surface in space as a shaded view. Of an imputed file it "
              "draws what was observed, what was filled, the "
              "spread and two members; of any other the field with its gaps. A range of times makes a series "
              "MAP_0001.png, MAP_0002.png, ... under one colour scale.",
          .least_positional = 1,
          .most_positional = 1,
          .takes_config = false,
          .epilogue =
              "Examples:\n"
              "  manifill plot filled.nc -o map.png --time 1885-01\n"
              "  manifill plot filled.nc -o globe.png --projection \"ortho +lat_0=40 +lon_0=-60\"\n"
              "  manifill plot surface.ply -o view.png --towards 1,1,0.5 --up 0,0,1\n"
              "  manifill plot filled.nc -o frame.png --time 1880-01:1889-12:12 --range -5,5\n"};
}

plot::PaletteKind palette(const std::string& name) {
  if (name == "sequential") return plot::PaletteKind::sequential;
  if (name == "diverging") return plot::PaletteKind::diverging;
  return plot::PaletteKind::automatic;
}

std::optional<std::array<double, 3>> direction(const Config& config, const std::string& key) {
  const std::vector<double>& list = config.list(key);
  if (list.empty()) return std::nullopt;
  if (list.size() != 3)
    throw Error(ErrorKind::usage, fmt::format("a direction is three numbers, not {}", list.size()),
                {.variable = key, .remedy = "Write --towards 1,1,0.5 --up 0,0,1"});
  return std::array<double, 3>{list[0], list[1], list[2]};
}

plot::FileMapOptions map_options(const Config& config) {
  plot::FileMapOptions options{.variable = config.text("plot.variable"),
                               .grid = config.text("plot.grid"),
                               .repair = config.flag("plot.repair"),
                               .extra = static_cast<std::size_t>(config.integer("plot.level")),
                               .members_required = config.given("plot.members"),
                               .projection = config.text("plot.projection"),
                               .towards = direction(config, "plot.towards"),
                               .up = direction(config, "plot.up"),
                               .title = config.text("plot.title"),
                               .width = static_cast<int>(config.integer("plot.width")),
                               .palette = palette(config.text("plot.palette"))};
  const std::vector<double>& members = config.list("plot.members");
  for (const double m : members) {
    if (m == 0 && members.size() == 1) continue;
    if (!(m >= 1 && m <= 1e6) || m != std::floor(m))
      throw Error(ErrorKind::usage, fmt::format("member {} is not a whole number from 1 on", m),
                  {.remedy = "Write --members 1,2, or --members 0 for none"});
    options.members.push_back(static_cast<std::size_t>(m));
  }
  const std::vector<double>& range = config.list("plot.range");
  if (!range.empty()) {
    if (range.size() != 2 || !(range[0] < range[1]) || !std::isfinite(range[1] - range[0]))
      throw Error(ErrorKind::usage, "a range is two numbers, the lower one first",
                  {.remedy = "Write --range -5,5"});
    options.lowest = range[0];
    options.highest = range[1];
  }
  return options;
}

/// MAP.png, 7 -> MAP_0007.png
std::string frame_name(const std::string& output, std::size_t number) {
  const std::filesystem::path path(output);
  return (path.parent_path() /
          fmt::format("{}_{:04}{}", path.stem().string(), number, path.extension().string()))
      .string();
}

/// As check_stop, for a series of which pictures may stand under their final names already.
void check_series_stop(const std::string& output, std::size_t done, std::size_t all) {
  if (done == 0) check_stop(output);
  if (stop_requested())
    throw Error(
        ErrorKind::stopped,
        fmt::format("stopped by {}; the first {} of {} pictures were written", stop_reason(), done, all),
        {.file = output});
}

int run(const std::vector<std::string>& args) {
  const auto line = parse_command_line(args, specs(), aliases(), usage());
  if (!line) return 0;
  const Config& config = line->config;
  const std::string& output = config.text("plot.output");
  if (output.empty())
    throw Error(ErrorKind::usage, "no picture to write is named", {.remedy = "Add -o MAP.png"});
  plot::check_picture_name(output);
  plot::FileMap file(line->positional.at(0), map_options(config));
  for (const auto& note : file.variable().notes()) log::info(note);
  const std::string& selection = config.text("plot.time");
  const std::vector<std::size_t> times =
      plot::select_times(selection, file.variable().time(), file.variable().times());
  if (!plot::selects_series(selection)) {
    const auto figure = file.figure(times[0]);
    check_stop(output);
    plot::map(output, figure);
    log::info("wrote " + output);
    return 0;
  }
  file.fix_scales(times);
  for (std::size_t k = 0; k < times.size(); ++k) {
    check_series_stop(output, k, times.size());
    const std::string name = frame_name(output, k + 1);
    plot::map(name, file.figure(times[k]));
    log::debug("wrote " + name);
  }
  log::info(fmt::format("wrote {} pictures, {} to {}", times.size(), frame_name(output, 1),
                        frame_name(output, times.size())));
  return 0;
}

const CommandRegistration registration("plot", run);

}  // namespace
}  // namespace manifill::app
