#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/io/healpix_fits.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/io/mesh_file.hpp"
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

}  // namespace

void write_native(const NativeOutput& what, const ImputedFileOptions& options) {
  const std::string ending = lower(std::filesystem::path(options.path).extension().string());
  if (ending == ".fits")
    write_fits(what, options);
  else
    write_mesh(what, options);
}

}  // namespace manifill::io
