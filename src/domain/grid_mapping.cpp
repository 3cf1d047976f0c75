#include <cmath>
#include <functional>
#include <initializer_list>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/domain/map_projection.hpp"

namespace manifill::domain {
namespace {

/// The PROJ string of a grid mapping while it is put together.
class Writer {
 public:
  explicit Writer(const GridMapping& mapping) : mapping_(mapping) { out_.precision(17); }

  Writer& projection(const std::string& id) { return put("proj", id); }
  Writer& put(const std::string& key, const std::string& value) {
    out_ << (out_.tellp() > 0 ? " +" : "+") << key << "=" << value;
    return *this;
  }
  Writer& put(const std::string& key, double value) {
    out_ << (out_.tellp() > 0 ? " +" : "+") << key << "=" << value;
    return *this;
  }
  /// An attribute that must be there, under the first of its names that is.
  Writer& needed(const std::string& key, std::initializer_list<const char*> attributes) {
    return put(key, first(attributes));
  }
  /// An attribute that may be there.
  Writer& optional(const std::string& key, const char* attribute) {
    if (const auto x = find(attribute)) put(key, *x);
    return *this;
  }
  /// One standard parallel, or two.
  Writer& parallels() {
    const auto found = mapping_.numbers.find("standard_parallel");
    if (found == mapping_.numbers.end() || found->second.empty()) throw missing("standard_parallel");
    return put("lat_1", found->second.front()).put("lat_2", found->second.back());
  }
  /// Where the scale is true, given by a parallel or by the scale at the origin.
  Writer& true_scale(const std::string& parallel, const std::string& scale,
                     const char* attribute = "scale_factor_at_projection_origin") {
    if (const auto x = find("standard_parallel")) return put(parallel, *x);
    return optional(scale, attribute);
  }

  [[nodiscard]] std::optional<double> find(const std::string& attribute) const {
    const auto found = mapping_.numbers.find(attribute);
    if (found == mapping_.numbers.end() || found->second.empty()) return std::nullopt;
    return found->second.front();
  }
  [[nodiscard]] double first(std::initializer_list<const char*> attributes) const {
    for (const char* name : attributes)
      if (const auto x = find(name)) return *x;
    throw missing(*attributes.begin());
  }
  [[nodiscard]] std::string text(const char* attribute) const {
    const auto found = mapping_.texts.find(attribute);
    return found == mapping_.texts.end() ? std::string() : found->second;
  }
  [[nodiscard]] Error missing(const std::string& attribute) const {
    return {ErrorKind::input,
            "the grid mapping '" + mapping_.name + "' has no " + attribute,
            {.index = attribute, .remedy = "Add the attribute, e.g. with ncatted, or give crs_wkt"}};
  }
  [[nodiscard]] std::string result() const { return out_.str(); }

 private:
  const GridMapping& mapping_;
  std::ostringstream out_{};
};

constexpr std::initializer_list<const char*> kLongitude{"longitude_of_projection_origin",
                                                        "longitude_of_central_meridian"};
constexpr std::initializer_list<const char*> kMeridian{"longitude_of_central_meridian",
                                                       "longitude_of_projection_origin"};
constexpr std::initializer_list<const char*> kLatitude{"latitude_of_projection_origin"};

void conic(Writer& w, const char* id) {
  w.projection(id).parallels().needed("lat_0", kLatitude).needed("lon_0", kMeridian);
}

void azimuthal(Writer& w, const char* id) {
  w.projection(id).needed("lat_0", kLatitude).needed("lon_0", kLongitude);
}

void polar_stereographic(Writer& w) {
  // The pole follows from the parallel where it is not given.
  const auto origin = w.find("latitude_of_projection_origin");
  const auto parallel = w.find("standard_parallel");
  if (!origin && !parallel) throw w.missing("latitude_of_projection_origin");
  w.projection("stere")
      .put("lat_0", (origin ? *origin : *parallel) < 0.0 ? -90.0 : 90.0)
      .needed("lon_0", {"straight_vertical_longitude_from_pole", "longitude_of_projection_origin"})
      .true_scale("lat_ts", "k_0");
}

void rotated_pole(Writer& w) {
  const double pole = w.first({"grid_north_pole_longitude"});
  w.projection("ob_tran")
      .put("o_proj", "longlat")
      .needed("o_lat_p", {"grid_north_pole_latitude"})
      .put("o_lon_p", w.find("north_pole_grid_longitude").value_or(0.0))
      .put("lon_0", std::remainder(pole + 180.0, 360.0));
}

void geostationary(Writer& w) {
  // The fixed axis is the other one.
  const bool along_x = w.text("sweep_angle_axis") == "x" || w.text("fixed_angle_axis") == "y";
  w.projection("geos")
      .needed("h", {"perspective_point_height"})
      .needed("lon_0", {"longitude_of_projection_origin"})
      .put("sweep", std::string(along_x ? "x" : "y"));
}

struct Entry {
  const char* name;
  std::function<void(Writer&)> write;
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all{
      {"albers_conical_equal_area", [](Writer& w) { conic(w, "aea"); }},
      {"azimuthal_equidistant", [](Writer& w) { azimuthal(w, "aeqd"); }},
      {"geostationary", geostationary},
      {"lambert_azimuthal_equal_area", [](Writer& w) { azimuthal(w, "laea"); }},
      {"lambert_conformal_conic", [](Writer& w) { conic(w, "lcc"); }},
      {"lambert_cylindrical_equal_area",
       [](Writer& w) { w.projection("cea").needed("lon_0", kMeridian).true_scale("lat_ts", "k_0"); }},
      {"mercator",
       [](Writer& w) { w.projection("merc").needed("lon_0", kLongitude).true_scale("lat_ts", "k_0"); }},
      {"oblique_mercator",
       [](Writer& w) {
         w.projection("omerc")
             .needed("alpha", {"azimuth_of_central_line"})
             .needed("lat_0", kLatitude)
             .needed("lonc", kLongitude)
             .optional("k_0", "scale_factor_at_projection_origin");
       }},
      {"orthographic", [](Writer& w) { azimuthal(w, "ortho"); }},
      {"polar_stereographic", polar_stereographic},
      {"rotated_latitude_longitude", rotated_pole},
      {"sinusoidal", [](Writer& w) { w.projection("sinu").needed("lon_0", kLongitude); }},
      {"stereographic",
       [](Writer& w) {
         azimuthal(w, "stere");
         w.optional("k_0", "scale_factor_at_projection_origin");
       }},
      {"transverse_mercator",
       [](Writer& w) {
         w.projection("tmerc").needed("lon_0", kMeridian).needed("lat_0", kLatitude);
         if (const auto k = w.find("scale_factor_at_central_meridian"))
           w.put("k_0", *k);
         else
           w.optional("k_0", "scale_factor_at_projection_origin");
       }},
      {"vertical_perspective",
       [](Writer& w) {
         azimuthal(w, "nsper");
         w.needed("h", {"perspective_point_height"});
       }},
  };
  return all;
}

/// A sphere, or two of the numbers of an ellipsoid; nothing where the mapping has none.
void earth(Writer& w) {
  if (const auto radius = w.find("earth_radius")) {
    w.put("R", *radius);
    return;
  }
  const auto major = w.find("semi_major_axis");
  const auto minor = w.find("semi_minor_axis");
  const auto inverse = w.find("inverse_flattening");
  if (major) {
    // An inverse flattening of 0 means a sphere (CF, appendix F).
    if (inverse && *inverse > 0.0)
      w.put("a", *major).put("rf", *inverse);
    else if (minor)
      w.put("a", *major).put("b", *minor);
    else
      w.put("R", *major);
    return;
  }
  const std::string name = w.text("reference_ellipsoid_name");
  if (name.find("WGS") != std::string::npos && name.find("84") != std::string::npos)
    w.put("ellps", "WGS84");
  else if (name.find("GRS") != std::string::npos && name.find("80") != std::string::npos)
    w.put("ellps", "GRS80");
}

}  // namespace

MapProjection MapProjection::from_grid_mapping(const GridMapping& mapping) {
  Writer w(mapping);
  std::vector<std::string> names;
  const Entry* entry = nullptr;
  for (const auto& e : entries()) {
    names.emplace_back(e.name);
    if (mapping.name == e.name) entry = &e;
  }
  if (entry == nullptr) {
    const auto near = nearest_name(mapping.name, names.data(), names.data() + names.size());
    throw Error(ErrorKind::input, "the grid mapping '" + mapping.name + "' is unknown",
                {.remedy = (near ? "Did you mean '" + *near + "'? " : std::string()) +
                           "Otherwise give the projection as crs_wkt or as a PROJ string in proj4"});
  }
  entry->write(w);
  w.optional("x_0", "false_easting").optional("y_0", "false_northing");
  w.optional("pm", "longitude_of_prime_meridian");
  earth(w);
  return from_text(w.result());
}

}  // namespace manifill::domain
