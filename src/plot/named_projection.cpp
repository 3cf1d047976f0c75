#include "manifill/plot/named_projection.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "manifill/base/error.hpp"
#include "manifill/domain/map_projection.hpp"

namespace manifill::plot {
namespace {

struct ShortName {
  const char* name;
  const char* definition;
};
// Of the first four there are closed forms too.
constexpr std::array kShortNames{ShortName{"equal_earth", "+proj=eqearth"},
                                 ShortName{"polar_north", "+proj=laea +lat_0=90"},
                                 ShortName{"polar_south", "+proj=laea +lat_0=-90"},
                                 ShortName{"plate_carree", "+proj=eqc"},
                                 ShortName{"goode", "+proj=igh"},
                                 ShortName{"hammer", "+proj=hammer"},
                                 ShortName{"mercator", "+proj=merc"},
                                 ShortName{"mollweide", "+proj=moll"},
                                 ShortName{"natural_earth", "+proj=natearth"},
                                 ShortName{"orthographic", "+proj=ortho"},
                                 ShortName{"robinson", "+proj=robin"},
                                 ShortName{"sinusoidal", "+proj=sinu"},
                                 ShortName{"stereographic_north", "+proj=stere +lat_0=90"},
                                 ShortName{"stereographic_south", "+proj=stere +lat_0=-90"}};

/// First word and the rest.
std::pair<std::string, std::string> split(const std::string& text) {
  std::istringstream in(text);
  std::string first, rest, word;
  in >> first;
  while (in >> word) rest += " " + word;
  return {first, rest};
}

/// The central longitude where that is all that is said; nothing where there is more.
std::optional<double> only_centre(std::string rest) {
  if (rest.empty()) return 0.0;
  rest.erase(0, 1);
  if (rest.starts_with('+')) rest.erase(0, 1);
  if (!rest.starts_with("lon_0=")) return std::nullopt;
  char* end = nullptr;
  const double degrees = std::strtod(rest.c_str() + 6, &end);
  if (end == rest.c_str() + 6 || *end != '\0' || !(std::abs(degrees) <= 360)) return std::nullopt;
  return degrees;
}

std::optional<Projection> closed_form(const std::string& name, const std::string& rest,
                                      const domain::Domain& domain) {
  const auto centre = only_centre(rest);
  if (!centre) return std::nullopt;
  const Region region = region_of(domain);
  if (name == "equal_earth" && region.global()) return Projection::equal_earth(*centre);
  if (name == "plate_carree") {
    const double west = region.round ? *centre - 180 : region.west;
    return Projection::plate_carree(west, region.round ? west + 360 : region.east, region.south,
                                    region.north);
  }
  if (name == "polar_north" && region.north > 0)
    return Projection::polar(true, std::max(0.0, region.south), *centre);
  if (name == "polar_south" && region.south < 0)
    return Projection::polar(false, std::min(0.0, region.north), *centre);
  return std::nullopt;
}

bool is_name(const std::string& word) {
  return !word.empty() && std::all_of(word.begin(), word.end(),
                                      [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

Error refused(const std::string& text, const std::string& name, const Error& cause) {
  // "no map projection can be made of 'definition': reason. remedy", whose remedy speaks of files.
  std::string said = cause.what();
  const std::string tail = ". " + cause.context().remedy;
  if (said.ends_with(tail)) said.resize(said.size() - tail.size());
  if (const auto reason = said.find("': "); reason != std::string::npos) said.erase(0, reason + 3);
  const auto names = projection_names();
  const auto near = nearest_name(name, names.data(), names.data() + names.size());
  const bool guess = is_name(name) && near && *near != name;
  std::string remedy = guess ? "Did you mean '" + *near + "'? Otherwise give" : "Give";
  remedy += " a short name (";
  for (const auto& n : names) remedy += (n == names.front() ? "" : ", ") + n;
  remedy += "), a definition for PROJ such as \"+proj=moll +lon_0=180\", or a code such as EPSG:3995";
  return {ErrorKind::usage, "no map can be drawn in '" + text + "': " + said, {.remedy = remedy}};
}

}  // namespace

std::vector<std::string> projection_names() {
  std::vector<std::string> names{std::string("automatic")};
  for (const auto& s : kShortNames) names.push_back(s.name);
  return names;
}

Projection named_projection(const std::string& text, const domain::Domain& domain) {
  if (text == "automatic") return Projection::suited_to(domain);
  const auto words = split(text);
  const std::string &first = words.first, &rest = words.second;
  if (auto closed = closed_form(first, rest, domain)) return *closed;
  const auto known = std::find_if(kShortNames.begin(), kShortNames.end(),
                                  [&](const ShortName& s) { return first == s.name; });
  const std::string definition = known != kShortNames.end() ? known->definition + rest
                                 : is_name(first)           ? "+proj=" + text
                                                            : text;
  std::optional<domain::MapProjection> map;
  try {
    map = domain::MapProjection::from_text(definition);
  } catch (const Error& e) {
    throw refused(text, first, e);
  }
  return Projection::proj(std::move(*map), domain);
}

}  // namespace manifill::plot
