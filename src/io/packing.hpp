#pragma once
// How stored numbers of a variable stand for values, and which of them for missing ones (CF 2.5.1, 8.1; NUG
// appendix A).

#include <vector>

#include "netcdf.hpp"

namespace manifill::io {

/// "Number" is a stored value after the signedness of `_Unsigned` is applied; everything here is in numbers
/// unless it says values.
struct Packing {
  nc_type type = NC_NAT;
  bool packed = false;  ///< scale_factor or add_offset are there
  double scale = 1.0;
  double offset = 0.0;
  double wrap = 0.0;    ///< 2^bits where `_Unsigned` contradicts the type, else 0
  bool unsign = false;  ///< signed type, unsigned numbers (else the other way round)
  double lowest = 0.0;  ///< range that the type can hold; infinite for floating point
  double highest = 0.0;
  double low = 0.0;  ///< valid_range, valid_min, valid_max; infinite without
  double high = 0.0;
  bool single_missing = false;           ///< double data, sentinels given in single precision
  std::vector<double> missing{};         ///< _FillValue, missing_value, the type's default fill
  std::vector<double> missing_values{};  ///< sentinels given unpacked, against the rules but meant so

  [[nodiscard]] double number(double stored) const {
    if (wrap == 0.0) return stored;
    if (unsign) return stored < 0.0 ? stored + wrap : stored;
    return stored >= 0.5 * wrap ? stored - wrap : stored;
  }
  [[nodiscard]] double stored(double number) const {
    if (wrap == 0.0) return number;
    if (unsign) return number >= 0.5 * wrap ? number - wrap : number;
    return number < 0.0 ? number + wrap : number;
  }
  [[nodiscard]] double value(double number) const { return packed ? offset + scale * number : number; }
  /// Sentinel or NaN, whatever the valid range.
  [[nodiscard]] bool is_sentinel(double number) const;
  /// Sentinel, NaN or outside the valid range.
  [[nodiscard]] bool is_missing(double number) const;
  /// Whether a value can be stored without clamping.
  [[nodiscard]] bool fits(double value) const;
  /// The number nearest to a value that the type holds, is valid and not a sentinel.
  [[nodiscard]] double number_of(double value) const;
};

/// \throws Error(input) when scale_factor is zero or not finite
Packing packing_of(const NetcdfHandle& file, const VariableId& v);

}  // namespace manifill::io
