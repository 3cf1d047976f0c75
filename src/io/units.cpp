#include <udunits2.h>

#include <memory>
#include <mutex>

#include "manifill/base/error.hpp"
#include "manifill/io/gridded.hpp"

namespace manifill::io {
namespace {

struct UnitFree {
  void operator()(ut_unit* u) const { ut_free(u); }
};
using Unit = std::unique_ptr<ut_unit, UnitFree>;

Unit parse(ut_system* system, const std::string& text) {
  Unit u(ut_parse(system, text.empty() ? "1" : text.c_str(), UT_UTF8));
  if (!u) throw Error(ErrorKind::input, "the unit '" + text + "' is unknown to udunits", {.remedy = "Correct the units attribute"});
  return u;
}

}  // namespace

std::pair<double, double> unit_conversion(const std::string& from, const std::string& to) {
  if (from == to) return {1.0, 0.0};
  static std::mutex mutex;  // udunits keeps global state
  const std::lock_guard<std::mutex> lock(mutex);
  ut_set_error_message_handler(ut_ignore);
  const std::unique_ptr<ut_system, void (*)(ut_system*)> system(ut_read_xml(nullptr), ut_free_system);
  if (!system) throw Error(ErrorKind::internal, "the udunits database cannot be read", {.remedy = "Install libudunits2-data"});
  const Unit a = parse(system.get(), from);
  const Unit b = parse(system.get(), to);
  const std::unique_ptr<cv_converter, void (*)(cv_converter*)> convert(ut_get_converter(a.get(), b.get()), cv_free);
  if (!convert)
    throw Error(ErrorKind::input, "units '" + from + "' and '" + to + "' measure different things",
                {.remedy = "Use a model of this quantity"});
  const double offset = cv_convert_double(convert.get(), 0.0);
  return {cv_convert_double(convert.get(), 1.0) - offset, offset};
}

}  // namespace manifill::io
