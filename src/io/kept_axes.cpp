#include "kept_axes.hpp"

#include <algorithm>
#include <optional>

namespace manifill::io {

KeptAxes::KeptAxes(const NetcdfHandle& from, const VariableId& v, const std::vector<std::size_t>& positions)
    : from_(from), of_(v) {
  const auto own = dimensions_of(from, v);
  for (const std::size_t k : positions) kept_.push_back(own[k]);
}

void KeptAxes::copy(const Writer& writer, const VariableId& c, const std::vector<netCDF::NcDim>& over) {
  const std::string name = short_name(c.name);
  const auto to = writer.done([&] { return define_variable(writer.file(), name, type_of(c), over); }, name);
  for (const auto& attribute : attribute_names(from_, c))
    // Terms of a vertical coordinate lie on the grid that is not kept.
    if (attribute != "formula_terms") writer.done([&] { copy_attribute(c, attribute, to); }, name);
  copied_.push_back({c, to});
}

void KeptAxes::define(const Writer& writer) {
  for (const auto& d : kept_) dimensions_.push_back(writer.dimension(d.name, d.length));
  /// The new dimensions of a variable over kept ones alone.
  const auto over =
      [&](const std::vector<Dimension>& dimensions) -> std::optional<std::vector<netCDF::NcDim>> {
    std::vector<netCDF::NcDim> out;
    for (const auto& d : dimensions) {
      const auto at =
          std::find_if(kept_.begin(), kept_.end(), [&](const Dimension& k) { return k.id == d.id; });
      if (at == kept_.end()) return std::nullopt;
      out.push_back(dimensions_[static_cast<std::size_t>(at - kept_.begin())]);
    }
    return out;
  };
  const auto named = words(text_attribute(of_, "coordinates"));
  std::vector<VariableId> with_bounds;
  for (const auto& c : all_variables(from_)) {
    const std::string name = short_name(c.name);
    const auto dimensions = dimensions_of(from_, c);
    const bool own = dimensions.size() == 1 && dimensions[0].name == name;
    const bool auxiliary = std::find(named.begin(), named.end(), name) != named.end();
    const auto places = over(dimensions);
    if ((!own && !auxiliary) || !places || !is_numeric(type_of(c)) || c == of_ ||
        !writer.file().getVar(name).isNull())
      continue;
    copy(writer, c, *places);
    if (!own) auxiliary_ += (auxiliary_.empty() ? "" : " ") + name;
    with_bounds.push_back(c);
  }
  for (const auto& c : with_bounds)
    for (const char* attribute : {"bounds", "climatology"}) {
      const std::string name = text_attribute(c, attribute);
      const auto nc = name.empty() ? netCDF::NcVar() : c.nc.getParentGroup().getVar(name);
      if (nc.isNull() || !writer.file().getVar(name).isNull()) continue;
      const VariableId b{nc, name};
      auto dimensions = dimensions_of(from_, b);
      if (dimensions.empty() || !is_numeric(type_of(b))) continue;
      const Dimension corners = dimensions.back();
      dimensions.pop_back();
      auto places = over(dimensions);
      if (!places) continue;
      const auto known = writer.file().getDim(corners.name);
      const bool fits = !known.isNull() && known.getSize() == corners.length;
      places->push_back(fits ? known : writer.dimension(writer.unused(corners.name), corners.length));
      copy(writer, b, *places);
    }
}

void KeptAxes::put(const Writer& writer) const {
  for (const auto& [from, to] : copied_) {
    std::size_t n = 1;
    for (const auto& d : dimensions_of(from_, from)) n *= d.length;
    std::vector<unsigned char> bits(n * size_of(type_of(from)));
    check([&] { from.nc.getVar(static_cast<void*>(bits.data())); }, from_.path(),
          "reading a coordinate failed", from.name);
    writer.done([&] { to.putVar(static_cast<const void*>(bits.data())); }, from.name);
  }
}

std::vector<std::size_t> OtherDimensions::index(const KeptAxes& axes, std::size_t extra,
                                                std::size_t at) const {
  const auto& kept = axes.kept();
  std::vector<std::size_t> out(kept.size());
  for (std::size_t k = kept.size(); k-- > 0;) {
    if (time && k == *time) {
      out[k] = at;
    } else {
      out[k] = extra % kept[k].length;
      extra /= kept[k].length;
    }
  }
  return out;
}

OtherDimensions other_dimensions(const GriddedVariable& v) {
  OtherDimensions out;
  const auto extras = v.extra_names();
  const auto& dimensions = v.summary().dimensions;
  for (std::size_t k = 0; k < dimensions.size(); ++k) {
    const std::string& name = dimensions[k].first;
    if (!v.time_dimension().empty() && name == v.time_dimension())
      out.time = out.positions.size();
    else if (std::find(extras.begin(), extras.end(), name) == extras.end())
      continue;
    out.positions.push_back(k);
  }
  return out;
}

}  // namespace manifill::io
