#include "packing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

namespace manifill::io {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Range of stored values; the limits of 64-bit types are the nearest doubles within.
std::pair<double, double> range_of(nc_type type) {
  switch (type) {
    case NC_BYTE:
      return {-128, 127};
    case NC_UBYTE:
      return {0, 255};
    case NC_SHORT:
      return {-32768, 32767};
    case NC_USHORT:
      return {0, 65535};
    case NC_INT:
      return {-2147483648.0, 2147483647.0};
    case NC_UINT:
      return {0, 4294967295.0};
    case NC_INT64:
      return {-9223372036854774784.0, 9223372036854774784.0};
    case NC_UINT64:
      return {0, 18446744073709549568.0};
    default:
      return {-kInfinity, kInfinity};
  }
}

void set_signedness(Packing& p, const VariableId& v) {
  std::tie(p.lowest, p.highest) = range_of(p.type);
  const std::string flag = lower(text_attribute(v, "_Unsigned"));
  const bool is_signed = p.type == NC_BYTE || p.type == NC_SHORT || p.type == NC_INT;
  const bool is_unsigned = p.type == NC_UBYTE || p.type == NC_USHORT || p.type == NC_UINT;
  if (!(flag == "true" && is_signed) && !(flag == "false" && is_unsigned)) return;
  p.wrap = std::pow(2.0, 8.0 * static_cast<double>(size_of(p.type)));
  p.unsign = is_signed;
  p.lowest = p.unsign ? 0.0 : -0.5 * p.wrap;
  p.highest = (p.unsign ? p.wrap : 0.5 * p.wrap) - 1.0;
}

/// Bytes have no default fill: all of their few values may be data.
void add_default_fill(Packing& p) {
  switch (p.type) {
    case NC_SHORT:
      p.missing.push_back(NC_FILL_SHORT);
      break;
    case NC_INT:
      p.missing.push_back(NC_FILL_INT);
      break;
    case NC_FLOAT:
      p.missing.push_back(static_cast<double>(NC_FILL_FLOAT));
      break;
    case NC_DOUBLE:
      p.missing.push_back(NC_FILL_DOUBLE);
      break;
    case NC_USHORT:
      p.missing.push_back(p.number(NC_FILL_USHORT));
      break;
    case NC_UINT:
      p.missing.push_back(p.number(NC_FILL_UINT));
      break;
    case NC_INT64:
      p.missing.push_back(static_cast<double>(NC_FILL_INT64));
      break;
    case NC_UINT64:
      p.missing.push_back(static_cast<double>(NC_FILL_UINT64));
      break;
    default:
      break;
  }
}

void add_sentinels(Packing& p, const VariableId& v) {
  for (const char* name : {"_FillValue", "missing_value"}) {
    nc_type as = NC_NAT;
    for (const double x : number_attribute(v, name, &as)) {
      const double number = p.number(x);
      if (p.packed && is_floating(as) && !is_floating(p.type) &&
          !(number == std::round(number) && number >= p.lowest && number <= p.highest)) {
        p.missing_values.push_back(x);
        continue;
      }
      p.missing.push_back(number);
      if (p.type == NC_FLOAT) p.missing.push_back(static_cast<double>(static_cast<float>(x)));
      p.single_missing = p.single_missing || (p.type == NC_DOUBLE && as == NC_FLOAT);
    }
  }
  if (!has_attribute(v, "_FillValue")) add_default_fill(p);
}

/// Limits of the packed type are packed; of a wider floating type, unpacked.
void set_valid_range(Packing& p, const VariableId& v) {
  const auto limit = [&](const char* name, std::size_t which, double fallback) {
    nc_type as = NC_NAT;
    const auto values = number_attribute(v, name, &as);
    if (values.size() <= which || std::isnan(values[which])) return fallback;
    const bool wider = is_floating(as) && (!is_floating(p.type) || (p.type == NC_FLOAT && as == NC_DOUBLE));
    if (p.packed && wider) return (values[which] - p.offset) / p.scale;
    // A limit in double need not be one of the single-precision data it is meant to include.
    if (p.type == NC_FLOAT) return static_cast<double>(static_cast<float>(values[which]));
    return p.number(values[which]);
  };
  p.low = limit("valid_range", 0, limit("valid_min", 0, -kInfinity));
  p.high = limit("valid_range", 1, limit("valid_max", 0, kInfinity));
  if (p.scale < 0.0 && p.low > p.high) std::swap(p.low, p.high);
  // A range of unpacked numbers does not fall on whole packed ones.
  if (p.packed && !is_floating(p.type)) {
    p.low = std::ceil(p.low - 1e-6);
    p.high = std::floor(p.high + 1e-6);
  }
}

}  // namespace

bool Packing::is_sentinel(double n) const {
  if (std::isnan(n)) return true;
  if (std::find(missing.begin(), missing.end(), n) != missing.end()) return true;
  if (single_missing &&
      std::find(missing.begin(), missing.end(), static_cast<double>(static_cast<float>(n))) != missing.end())
    return true;
  return !missing_values.empty() && std::any_of(missing_values.begin(), missing_values.end(), [&](double m) {
    return std::abs(value(n) - m) < 0.5 * std::abs(scale);
  });
}

bool Packing::is_missing(double n) const { return is_sentinel(n) || n < low || n > high; }

bool Packing::fits(double x) const {
  if (is_floating(type)) return true;
  const double n = std::round((x - offset) / scale);
  return n >= std::max(lowest, low) && n <= std::min(highest, high);
}

double Packing::number_of(double x) const {
  double n = packed ? (x - offset) / scale : x;
  // A valid range upside down or beyond the type holds no number: then the type's own is left.
  const bool valid = std::max(lowest, low) <= std::min(highest, high);
  const double least = valid ? std::max(lowest, low) : lowest;
  const double most = valid ? std::min(highest, high) : highest;
  if (is_floating(type)) {
    // A mean a little beyond the valid range would read as missing.
    n = std::clamp(n, least, most);
    return type == NC_FLOAT ? static_cast<double>(static_cast<float>(n)) : n;
  }
  n = std::clamp(std::round(n), least, most);
  for (int step = 0; step <= 16; ++step)
    for (const double near : {n + step, n - step})
      if (near >= least && near <= most && !is_sentinel(near)) return near;
  return n;
}

Packing packing_of(const NetcdfHandle& file, const VariableId& v) {
  Packing p{.type = type_of(v)};
  const auto scale = number_attribute(v, "scale_factor");
  const auto offset = number_attribute(v, "add_offset");
  p.packed = !scale.empty() || !offset.empty();
  if (!scale.empty()) p.scale = scale[0];
  if (!offset.empty()) p.offset = offset[0];
  if (p.scale == 0.0 || !std::isfinite(p.scale) || !std::isfinite(p.offset))
    throw Error(ErrorKind::input, "scale_factor or add_offset is zero or not finite",
                {.file = file.path(), .variable = v.name, .remedy = "Repair the packing attributes"});
  set_signedness(p, v);
  add_sentinels(p, v);
  set_valid_range(p, v);
  return p;
}

}  // namespace manifill::io
