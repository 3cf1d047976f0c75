#include <udunits2.h>

#include <array>
#include <cmath>
#include <memory>
#include <mutex>
#include <string>

#include "manifill/base/error.hpp"
#include "manifill/io/gridded.hpp"
#include "netcdf.hpp"

namespace manifill::io {
namespace {

struct UnitFree {
  void operator()(ut_unit* u) const { ut_free(u); }
};
using Unit = std::unique_ptr<ut_unit, UnitFree>;
using System = std::unique_ptr<ut_system, void (*)(ut_system*)>;

std::mutex& mutex() {  // udunits keeps global state
  static std::mutex m;
  return m;
}

ut_system* unit_system() {
  ut_set_error_message_handler(ut_ignore);
  static const System system(ut_read_xml(nullptr), ut_free_system);
  if (!system)
    throw Error(ErrorKind::internal, "the udunits database cannot be read",
                {.remedy = "Install libudunits2-data, or set UDUNITS2_XML_PATH"});
  return system.get();
}

/// Spellings that are common in climate files, and which udunits does not know or takes for something else:
/// "C" for coulomb, "mb" for a millibarn.
std::string meant(const std::string& text) {
  struct Alias {
    const char* spelling;
    const char* unit;
  };
  static constexpr std::array<Alias, 17> aliases{{{"c", "degC"},
                                                  {"deg c", "degC"},
                                                  {"deg_c", "degC"},
                                                  {"degree c", "degC"},
                                                  {"degrees c", "degC"},
                                                  {"degree celsius", "degC"},
                                                  {"degrees celsius", "degC"},
                                                  {"deg k", "K"},
                                                  {"degrees k", "K"},
                                                  {"degrees kelvin", "K"},
                                                  {"mb", "hPa"},
                                                  {"psu", "1e-3"},
                                                  {"gpm", "m"},
                                                  {"", "1"},
                                                  {"none", "1"},
                                                  {"unitless", "1"},
                                                  {"dimensionless", "1"}}};
  std::string trimmed = text;
  trimmed.erase(0, std::min(trimmed.size(), trimmed.find_first_not_of(' ')));
  trimmed.erase(trimmed.find_last_not_of(' ') + 1);
  const std::string low = lower(trimmed);
  for (const auto& a : aliases)
    if (low == a.spelling && trimmed != "c") return a.unit;  // c is the speed of light
  return trimmed;
}

Unit parse(const std::string& text) {
  Unit u(ut_parse(unit_system(), meant(text).c_str(), UT_UTF8));
  if (!u)
    throw Error(ErrorKind::input, "the unit '" + text + "' is unknown to udunits",
                {.remedy = "Correct the units attribute, e.g. with ncatted or cdo setattribute"});
  return u;
}

}  // namespace

void check_units(const std::string& units) {
  const std::lock_guard<std::mutex> lock(mutex());
  parse(units);
}

std::pair<double, double> unit_conversion(const std::string& from, const std::string& to) {
  if (from == to) return {1.0, 0.0};
  const std::lock_guard<std::mutex> lock(mutex());
  const Unit a = parse(from);
  const Unit b = parse(to);
  const auto refuse = [&](const std::string& what) {
    return Error(ErrorKind::input, "the units '" + from + "' and '" + to + "' " + what,
                 {.remedy = "Convert the data, or use a model of this quantity"});
  };
  const std::unique_ptr<cv_converter, void (*)(cv_converter*)> convert(ut_get_converter(a.get(), b.get()),
                                                                       cv_free);
  if (!convert) throw refuse("measure different things");
  // A wide base keeps the offset's rounding out of the scale.
  constexpr double base = 1048576.0;
  const double offset = cv_convert_double(convert.get(), 0.0);
  const double scale = (cv_convert_double(convert.get(), base) - offset) / base;
  const double half = cv_convert_double(convert.get(), 0.5 * base);
  if (!std::isfinite(offset) ||
      std::abs(half - (0.5 * scale * base + offset)) > 1e-9 * std::abs(scale * base))
    throw refuse("are not in a linear relation");
  return {scale, offset};
}

std::pair<double, double> quantity_conversion(const std::string& from, const std::string& to,
                                              const std::string& standard_name, const std::string& variable) {
  const auto anomaly = [](const std::string& name) {
    return lower(name).find("anomal") != std::string::npos;
  };
  auto [scale, offset] = unit_conversion(from, to);
  if (anomaly(standard_name) || anomaly(variable)) offset = 0.0;
  return {scale, offset};
}

}  // namespace manifill::io
