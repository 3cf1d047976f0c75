#include "manifill/domain/map_projection.hpp"

#include <proj.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <numbers>
#include <sstream>
#include <string_view>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/domain/sphere.hpp"

namespace manifill::domain {
namespace {

/// A point that does not come back to within this share of the radius is not on the map: PROJ inverts some
/// projections beyond their edge.
constexpr double kRoundTrip = 1e-5;
const char* const kRemedy =
    "Give a PROJ string such as \"+proj=lcc +lat_1=30 +lat_2=60 +lat_0=45 +lon_0=10 +R=6371229\", WKT, or a "
    "code such as EPSG:3413";

struct DestroyContext {
  void operator()(PJ_CONTEXT* c) const { proj_context_destroy(c); }
};
struct DestroyProjection {
  void operator()(PJ* p) const { proj_destroy(p); }
};
using Context = std::unique_ptr<PJ_CONTEXT, DestroyContext>;
using Projection = std::unique_ptr<PJ, DestroyProjection>;

/// The last error that PROJ spoke of on this thread: its codes alone do not tell which parameter is wrong.
std::string& last_words() {
  thread_local std::string words;
  return words;
}

/// "proj_create: Error 1027 (Invalid value for an argument): lcc: Invalid value for lat_1" -> from "lcc" on.
void listen(void*, int, const char* message) {
  std::string words = message;
  if (const auto own = words.find("proj_create: "); own == 0) words.erase(0, 13);
  if (const auto code = words.find("): "); words.starts_with("Error ") && code != std::string::npos)
    words.erase(0, code + 3);
  while (words.ends_with('.')) words.pop_back();
  last_words() = words;
}

/// PROJ's errors are heard until `mute`.
Context make_context() {
  Context context(proj_context_create());
  if (!context) throw Error(ErrorKind::internal, "PROJ has no memory");
  last_words().clear();
  proj_log_func(context.get(), nullptr, listen);
  proj_log_level(context.get(), PJ_LOG_ERROR);
  proj_context_set_enable_network(context.get(), 0);
  return context;
}

void mute(PJ_CONTEXT* context) { proj_log_level(context, PJ_LOG_NONE); }

/// A definition of a file may be a page of WKT.
std::string quoted(const std::string& definition) {
  constexpr std::size_t most = 120;
  return "'" + (definition.size() > most ? definition.substr(0, most) + "..." : definition) + "'";
}

Error refuse(PJ_CONTEXT* context, const std::string& definition, const std::string& why = {}) {
  const int code = proj_context_errno(context);
  const char* said = code != 0 ? proj_context_errno_string(context, code) : nullptr;
  const std::string reason = !why.empty()            ? why
                             : !last_words().empty() ? "PROJ says: " + last_words()
                             : said != nullptr       ? said
                                                     : "not understood";
  return {ErrorKind::input,
          "no map projection can be made of " + quoted(definition) + ": " + reason,
          {.remedy = kRemedy}};
}

/// Parameters of a PROJ string in their order; a flag's value is empty.
using Parameters = std::vector<std::pair<std::string, std::string>>;

Parameters parse(const std::string& text) {
  Parameters out;
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    if (word[0] == '+') word.erase(0, 1);
    const auto equals = word.find('=');
    out.emplace_back(word.substr(0, equals), equals == std::string::npos ? "" : word.substr(equals + 1));
  }
  return out;
}

const std::string* value_of(const Parameters& parameters, std::string_view key) {
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [&](const auto& p) { return p.first == key; });
  return found == parameters.end() ? nullptr : &found->second;
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_geographic(std::string_view projection) {
  return one_of(projection, {"longlat", "latlong", "latlon", "lonlat"});
}

/// What a number at full precision reads as in a PROJ string.
std::string number(double x) {
  std::ostringstream out;
  out.precision(17);
  out << x;
  return out.str();
}

/// "1/3.28" and "0.3048" as PROJ reads them; NaN for anything else.
double factor(const std::string& text) {
  char* end = nullptr;
  const double above = std::strtod(text.c_str(), &end);
  if (end == text.c_str()) return std::numeric_limits<double>::quiet_NaN();
  return *end == '/' ? above / std::strtod(end + 1, nullptr) : above;
}

double metres_of(PJ_CONTEXT* context, const Parameters& parameters) {
  if (const auto* scale = value_of(parameters, "to_meter")) {
    const double metres = factor(*scale);
    if (metres > 0.0 && std::isfinite(metres)) return metres;
  }
  if (const auto* units = value_of(parameters, "units")) {
    const Projection to_metres(
        proj_create(context, ("+proj=unitconvert +xy_in=" + *units + " +xy_out=m").c_str()));
    if (to_metres) return proj_trans(to_metres.get(), PJ_FWD, proj_coord(1.0, 0.0, 0.0, 0.0)).xy.x;
  }
  return 1.0;
}

/// The shape of a named datum: what is left of it without its shifts.
Parameters ellipsoid_of(PJ_CONTEXT* context, const std::string& datum, const std::string& definition) {
  const Projection crs(proj_create(context, ("+proj=longlat +datum=" + datum + " +type=crs").c_str()));
  const Projection ellipsoid(crs ? proj_get_ellipsoid(context, crs.get()) : nullptr);
  double major = 0.0;
  double inverse_flattening = 0.0;
  if (!ellipsoid || proj_ellipsoid_get_parameters(context, ellipsoid.get(), &major, nullptr, nullptr,
                                                  &inverse_flattening) == 0)
    throw refuse(context, definition, "its datum is unknown");
  if (inverse_flattening == 0.0) return {{"R", number(major)}};
  return {{"a", number(major)}, {"rf", number(inverse_flattening)}};
}

/// Whatever describes a projected reference system, as a PROJ string.
std::string as_proj_string(PJ_CONTEXT* context, const std::string& definition) {
  const Projection crs(proj_create(context, definition.c_str()));
  if (!crs) throw refuse(context, definition);
  const char* text = proj_as_proj_string(context, crs.get(), PJ_PROJ_5, nullptr);
  if (text == nullptr) throw refuse(context, definition, "PROJ cannot put it into a string of its own");
  return text;
}

/// What PROJ's own list says of an operation; empty where it is not there.
std::string description_of(const std::string& id) {
  for (const PJ_OPERATIONS* op = proj_list_operations(); op != nullptr && op->id != nullptr; ++op)
    if (id == op->id && op->descr != nullptr && *op->descr != nullptr) return *op->descr;
  return {};
}

/// "Lambert Conformal Conic": what comes before the class and the parameters.
std::string title_of(const std::string& id) {
  const std::string text = description_of(id);
  return text.substr(0, text.find_first_of("\n("));
}

/// Projections have a class in a second line of their description, transformations have none.
bool is_projection(const std::string& id) {
  return description_of(id).find("\n\t") != std::string::npos && !one_of(id, {"geocent", "vertoffset"});
}

std::vector<double> edges(const std::vector<double>& c, const char* axis) {
  const auto refused = [&](const std::string& what, std::size_t i) {
    return Error(ErrorKind::input, what,
                 {.variable = axis,
                  .index = std::string("[") + axis + " " + std::to_string(i) + "]",
                  .remedy = "Repair the coordinate, or sort the grid along it"});
  };
  const std::size_t n = c.size();
  if (n < 2)
    throw Error(ErrorKind::input, "a projected grid needs two rows and two columns",
                {.variable = axis, .remedy = "Give more of the grid"});
  const double sign = c[1] > c[0] ? 1.0 : -1.0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isfinite(c[i])) throw refused("the coordinate is not finite", i);
    if (i > 0 && !(sign * (c[i] - c[i - 1]) > 0.0)) throw refused("the coordinate is not monotonic", i);
  }
  std::vector<double> e(n + 1);
  for (std::size_t i = 1; i < n; ++i) e[i] = 0.5 * (c[i - 1] + c[i]);
  e[0] = c[0] - 0.5 * (c[1] - c[0]);
  e[n] = c[n - 1] + 0.5 * (c[n - 1] - c[n - 2]);
  return e;
}

}  // namespace

struct MapProjection::Impl {
  Context context{make_context()};
  Projection pj{};  // after the context, before which it must go
  std::string definition{};
  std::string name{};
  bool earth_assumed = false;
  bool angular = false;
  double unit = 1.0;
  std::optional<double> height{};
  double semi_major = 0.0;
  double turn = 0.0;  // what x gains in a full turn of longitude; 0: not the same everywhere

  void prepare(const std::string& text);
  void start();
  [[nodiscard]] PJ_COORD transformed(PJ_DIRECTION direction, double a, double b) const {
    proj_errno_reset(pj.get());
    return proj_trans(pj.get(), direction, proj_coord(a, b, 0.0, 0.0));
  }
};

/// From any definition to the string that is kept.
void MapProjection::Impl::prepare(const std::string& text) {
  const bool own = text.find("proj=") != std::string::npos && text.find('[') == std::string::npos &&
                   text.find('{') == std::string::npos;
  const Parameters parameters = parse(own ? text : as_proj_string(context.get(), text));
  unit = metres_of(context.get(), parameters);
  const std::string* projection = value_of(parameters, "proj");
  if (projection == nullptr || *projection == "pipeline")
    throw refuse(context.get(), text, "it is no single projection");
  if (is_geographic(*projection))
    throw refuse(context.get(), text, "it is longitude and latitude as they are");
  Parameters kept;
  bool shaped = false;
  for (const auto& [key, value] : parameters) {
    if (one_of(key, {"units", "to_meter", "vunits", "vto_meter", "type", "no_defs", "wktext", "towgs84",
                     "nadgrids", "geoidgrids"}))
      continue;
    // Nothing that a file says may open another file.
    if (key.find("grid") != std::string::npos || one_of(key, {"init", "file", "catalog", "step"}))
      throw refuse(context.get(), text, "'" + key + "' is not read");
    shaped = shaped || one_of(key, {"ellps", "R", "a", "datum"});
    if (key == "datum")
      for (auto& p : ellipsoid_of(context.get(), value, text)) kept.push_back(std::move(p));
    else
      kept.emplace_back(key, value);
  }
  earth_assumed = !shaped;
  if (earth_assumed) kept.emplace_back("ellps", "WGS84");
  for (const auto& [key, value] : kept)
    definition += (definition.empty() ? "+" : " +") + key + (value.empty() ? "" : "=" + value);
  start();
}

/// Everything that follows from the string.
void MapProjection::Impl::start() {
  pj.reset(proj_create(context.get(), definition.c_str()));
  if (!pj) throw refuse(context.get(), definition);
  const Parameters parameters = parse(definition);
  const std::string& projection = *value_of(parameters, "proj");
  if (!is_projection(projection) || proj_pj_info(pj.get()).has_inverse == 0)
    throw refuse(context.get(), definition, "it is no projection with an inverse");
  const std::string* inner = value_of(parameters, "o_proj");
  angular = projection == "ob_tran" && inner != nullptr && is_geographic(*inner);
  name = angular ? "rotated pole" : title_of(projection);
  const std::string* origin = value_of(parameters, "lat_0");
  if (projection == "stere" && origin != nullptr && std::abs(std::abs(factor(*origin)) - 90.0) < 1e-9)
    name = "Polar Stereographic";
  if (projection == "geos")
    if (const auto* h = value_of(parameters, "h")) height = factor(*h);
  // A projection has no ellipsoid that PROJ tells; the equator of a Mercator on it has its radius.
  std::string mercator = "+proj=merc";
  for (const auto& [key, value] : parameters)
    if (one_of(key, {"ellps", "R", "a", "b", "rf", "f", "es", "e", "R_A", "R_V", "R_a", "R_g", "R_h"}))
      mercator += " +" + key + (value.empty() ? "" : "=" + value);
  const Projection equator(proj_create(context.get(), mercator.c_str()));
  if (!equator) throw refuse(context.get(), definition);
  semi_major = proj_trans(equator.get(), PJ_FWD, proj_coord(1.0, 0.0, 0.0, 0.0)).xy.x;
  mute(context.get());
  if (angular) {
    turn = 360.0;
  } else if (one_of(projection, {"merc", "webmerc", "eqc", "cea", "mill", "gall", "comill", "patterson"})) {
    const std::string* middle = value_of(parameters, "lon_0");
    const double lon_0 = middle != nullptr ? factor(*middle) * kDegree : 0.0;
    turn = 2.0 * std::numbers::pi *
           (transformed(PJ_FWD, lon_0 + 1.0, 0.0).xy.x - transformed(PJ_FWD, lon_0, 0.0).xy.x);
  }
}

MapProjection::MapProjection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MapProjection::MapProjection(MapProjection&&) noexcept = default;
MapProjection& MapProjection::operator=(MapProjection&&) noexcept = default;
MapProjection::~MapProjection() = default;

MapProjection::MapProjection(const MapProjection& other) : impl_(std::make_unique<Impl>()) {
  impl_->definition = other.impl_->definition;
  impl_->earth_assumed = other.impl_->earth_assumed;
  impl_->unit = other.impl_->unit;
  impl_->start();
}

MapProjection& MapProjection::operator=(const MapProjection& other) {
  if (this != &other) *this = MapProjection(other);
  return *this;
}

MapProjection MapProjection::from_text(const std::string& definition) {
  auto impl = std::make_unique<Impl>();
  impl->prepare(definition);
  return MapProjection(std::move(impl));
}

const std::string& MapProjection::definition() const { return impl_->definition; }
const std::string& MapProjection::name() const { return impl_->name; }
bool MapProjection::earth_assumed() const { return impl_->earth_assumed; }
bool MapProjection::angular() const { return impl_->angular; }
double MapProjection::unit() const { return impl_->unit; }
std::optional<double> MapProjection::height() const { return impl_->height; }
double MapProjection::radius() const { return impl_->angular ? 1.0 / kDegree : impl_->semi_major; }

std::optional<std::array<double, 2>> MapProjection::forward(double longitude, double latitude) const {
  if (!(std::abs(latitude) <= 90.0) || !std::isfinite(longitude)) return std::nullopt;
  const PJ_COORD p = impl_->transformed(PJ_FWD, longitude * kDegree, latitude * kDegree);
  if (!std::isfinite(p.xy.x) || !std::isfinite(p.xy.y)) return std::nullopt;
  const double scale = impl_->angular ? 1.0 / kDegree : 1.0;
  return std::array<double, 2>{scale * p.xy.x, scale * p.xy.y};
}

std::optional<std::array<double, 2>> MapProjection::inverse(double x, double y) const {
  if (!std::isfinite(x) || !std::isfinite(y)) return std::nullopt;
  if (impl_->angular && std::abs(y) > 90.0) return std::nullopt;
  const double scale = impl_->angular ? kDegree : 1.0;
  const PJ_COORD p = impl_->transformed(PJ_INV, scale * x, scale * y);
  if (!std::isfinite(p.lp.lam) || !std::isfinite(p.lp.phi)) return std::nullopt;
  const std::array<double, 2> place{p.lp.lam / kDegree, std::clamp(p.lp.phi / kDegree, -90.0, 90.0)};
  const auto back = forward(place[0], place[1]);
  if (!back) return std::nullopt;
  double east = (*back)[0] - x;
  if (impl_->turn > 0.0) east = std::remainder(east, impl_->turn);
  const double allowed = kRoundTrip * radius();
  // At the poles of a rotated grid all its longitudes are one.
  const bool pole = impl_->angular && 90.0 - std::abs(y) < kRoundTrip;
  if ((!pole && std::abs(east) > allowed) || std::abs((*back)[1] - y) > allowed) return std::nullopt;
  return place;
}

double MapProjection::areal_scale(double longitude, double latitude) const {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  if (impl_->angular) {
    const auto p = forward(longitude, latitude);
    return p ? 1.0 / std::cos((*p)[1] * kDegree) : none;
  }
  if (!(std::abs(latitude) <= 90.0) || !std::isfinite(longitude)) return none;
  proj_errno_reset(impl_->pj.get());
  const PJ_FACTORS f =
      proj_factors(impl_->pj.get(), proj_coord(longitude * kDegree, latitude * kDegree, 0.0, 0.0));
  const bool good = proj_errno(impl_->pj.get()) == 0 && std::isfinite(f.areal_scale) && f.areal_scale > 0.0;
  return good ? f.areal_scale : none;
}

std::vector<double> MapProjection::cell_areas(const std::vector<double>& x,
                                              const std::vector<double>& y) const {
  const auto across = edges(x, "x");
  auto up = edges(y, "y");
  std::vector<double> area;
  area.reserve(x.size() * y.size());
  if (impl_->angular)
    for (auto& e : up) e = std::sin(std::clamp(e, -90.0, 90.0) * kDegree);
  for (std::size_t i = 0; i < y.size(); ++i)
    for (std::size_t j = 0; j < x.size(); ++j) {
      const double wide = std::abs(across[j + 1] - across[j]);
      const double high = std::abs(up[i + 1] - up[i]);
      double scale = 1.0;
      if (!impl_->angular) {
        const auto place = inverse(x[j], y[i]);
        scale = place ? areal_scale((*place)[0], (*place)[1]) : 0.0;
      }
      const double cell = impl_->angular ? wide * kDegree * high * impl_->semi_major * impl_->semi_major
                                         : wide * high / scale;
      if (!std::isfinite(cell) || !(cell > 0.0))
        throw Error(
            ErrorKind::input, "the centre of a cell does not lie on the earth",
            {.variable = "x",
             .index = "[y " + std::to_string(i) + "][x " + std::to_string(j) + "]",
             .remedy = "Cut the grid to rows and columns that lie on the earth, e.g. with ncks -d, or "
                       "give it latitudes and longitudes"});
      area.push_back(cell);
    }
  return area;
}

}  // namespace manifill::domain
