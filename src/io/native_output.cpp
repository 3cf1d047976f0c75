#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/io/healpix_fits.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/io/mesh_file.hpp"
#include "manifill/io/png_image.hpp"
#include "native_file.hpp"
#include "packing.hpp"

namespace manifill::io {
namespace {

/// A variable of an imputed file: [place], values, NaN where missing.
std::vector<double> values_of(const NetcdfHandle& file, const std::string& name) {
  const auto v = find_variable(file, name);
  if (!v)
    throw Error(ErrorKind::internal, "a variable to write is not there",
                {.file = file.path(), .variable = name});
  auto values = read_all(file, *v);
  const Packing packing = packing_of(file, *v);
  for (double& x : values) {
    const double n = packing.number(x);
    x = packing.is_missing(n) ? std::nan("") : packing.value(n);
  }
  return values;
}

/// What an imputation adds to a variable, by the names of its columns.
struct Additions {
  std::vector<double> values{};
  std::vector<bool> filled{};
  std::vector<double> spread{};
  std::vector<double> status{};
  std::vector<std::vector<double>> members{};
};

Additions additions_of(const NativeOutput& what, std::size_t members) {
  Additions a{.values = values_of(what.filled, what.variable),
              .filled = {},
              .spread = values_of(what.filled, what.variable + "_spread"),
              .status = values_of(what.filled, what.variable + "_status"),
              .members = {}};
  for (const double s : a.status) a.filled.push_back(s == static_cast<double>(CellStatus::infilled));
  if (members == 0) return a;
  const auto all = values_of(what.filled, what.variable + "_member");
  const std::size_t n = a.values.size();
  for (std::size_t k = 0; k < members; ++k)
    a.members.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(k * n),
                           all.begin() + static_cast<std::ptrdiff_t>((k + 1) * n));
  return a;
}

void write_fits(const NativeOutput& what, const ImputedFileOptions& options) {
  const HealpixMaps before = read_healpix(what.input);
  std::vector<std::string> labels;
  for (const auto& m : before.maps) labels.push_back(m.name);
  const auto names = variable_names(labels);
  const auto map =
      static_cast<std::size_t>(std::find(names.begin(), names.end(), what.variable) - names.begin());
  const Additions a = additions_of(what, options.members);
  const std::string& name = before.maps.at(map).name;
  const std::string& units = before.maps[map].units;
  HealpixFill fill{.map = map, .values = a.values, .filled = a.filled};
  fill.columns.push_back({name + "_spread", units, a.spread});
  fill.columns.push_back({name + "_status", "", a.status});
  for (std::size_t k = 0; k < a.members.size(); ++k)
    fill.columns.push_back({name + "_member_" + std::to_string(k + 1), units, a.members[k]});
  fill.history.push_back(options.history);
  for (const auto& [key, value] : options.attributes) fill.history.push_back(key + ": " + value);
  copy_healpix(what.input, options.path, fill);
}

void write_mesh(const NativeOutput& what, const ImputedFileOptions& options) {
  const Additions a = additions_of(what, options.members);
  std::vector<MeshSignal> signals;
  const auto target = find_variable(what.source, what.variable);
  const std::string units = target ? text_attribute(*target, "units") : "";
  if (what.form == NativeForm::mesh) {
    for (const auto& v : all_variables(what.source))
      if (text_attribute(v, "location") == "node" && v.name != what.variable)
        signals.push_back({v.name, values_of(what.source, v.name), text_attribute(v, "units")});
  }
  const std::string name = short_name(what.variable);
  signals.push_back({name, a.values, units});
  signals.push_back({name + "_spread", a.spread, units});
  signals.push_back({name + "_status", a.status, ""});
  for (std::size_t k = 0; k < a.members.size(); ++k)
    signals.push_back({name + "_member_" + std::to_string(k + 1), a.members[k], units});
  write_ply(options.path, what.domain.mesh(), signals);
}

/// A text of a PNG file: keyword, no compression, no language, UTF-8 (PNG 1.2, section 4.2.3.3).
std::pair<std::string, std::string> png_text(const std::string& keyword, const std::string& text) {
  std::string content = keyword;
  content.append(5, '\0');
  return {"iTXt", content.append(text)};
}

}  // namespace

void write_image(const std::string& path, std::size_t rows, std::size_t columns,
                 const std::vector<std::vector<double>>& channels, int depth, const std::string& comment) {
  PngImage image{.rows = rows, .columns = columns, .colours = channels.size(), .depth = depth};
  for (const auto& c : channels)
    image.alpha = image.alpha || std::any_of(c.begin(), c.end(), [](double v) { return std::isnan(v); });
  for (std::size_t p = 0; p < image.pixels(); ++p) {
    bool missing = false;
    for (const auto& c : channels) missing = missing || std::isnan(c.at(p));
    for (const auto& c : channels)
      image.samples.push_back(
          missing ? std::uint16_t{0}
                  : static_cast<std::uint16_t>(std::lround(std::clamp(c[p], 0.0, 1.0) * image.highest())));
    if (image.alpha) image.samples.push_back(missing ? std::uint16_t{0} : image.highest());
  }
  if (!comment.empty()) image.chunks.push_back(png_text("Comment", comment));
  write_png(path, image);
}

void write_filled_png(const std::string& input, const std::string& output,
                      const std::vector<std::string>& imputed) {
  PngImage image = read_png(input);
  const auto names = image.colour_names();
  if (imputed.size() != names.size())
    throw Error(ErrorKind::internal, "there is not one file for each channel of the image", {.file = input});
  std::vector<std::size_t> filled(image.pixels(), 0);  // in how many channels
  std::vector<std::uint16_t> samples = image.samples;
  for (std::size_t k = 0; k < names.size(); ++k) {
    const auto file = NetcdfHandle::open(imputed[k]);
    const auto values = values_of(file, names[k]);
    const auto status = values_of(file, names[k] + "_status");
    if (values.size() != image.pixels() || status.size() != image.pixels())
      throw Error(ErrorKind::input, "the image has changed while it was filled", {.file = input});
    for (std::size_t p = 0; p < values.size(); ++p) {
      if (status[p] != static_cast<double>(CellStatus::infilled)) continue;
      ++filled[p];
      samples[p * image.channels() + k] =
          static_cast<std::uint16_t>(std::lround(std::clamp(values[p], 0.0, 1.0) * image.highest()));
    }
    const auto global = globals_of(file);
    std::string text = text_attribute(global, "history");
    for (const char* name : {"manifill_model", "manifill_config"})
      text += fmt::format("\n{}: {}", name, text_attribute(global, name));
    image.chunks.push_back(png_text("Comment", text));
  }
  for (std::size_t p = 0; p < image.pixels(); ++p) {
    if (filled[p] != names.size() || !image.missing(p)) continue;
    for (std::size_t k = 0; k < image.channels(); ++k)
      image.samples[p * image.channels() + k] =
          k == image.colours ? image.highest() : samples[p * image.channels() + k];
  }
  write_png(output, image);
}

void write_native(const NativeOutput& what, const ImputedFileOptions& options) {
  const std::string ending = lower(std::filesystem::path(options.path).extension().string());
  if (ending == ".fits")
    write_fits(what, options);
  else if (ending == ".png")
    write_filled_png(what.input, options.path, {what.filled.path()});
  else
    write_mesh(what, options);
}

}  // namespace manifill::io
