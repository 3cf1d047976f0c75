#pragma once
// Raw bytes of a NetCDF type and doubles, private to io.

#include <cstdint>
#include <cstring>

#include "netcdf.hpp"

namespace manifill::io {

template <typename T>
T bytes_as(const unsigned char* from) {
  T v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <typename T>
void store_as(double x, unsigned char* to) {
  const T v = static_cast<T>(x);
  std::memcpy(to, &v, sizeof v);
}

inline double load_number(nc_type type, const unsigned char* from) {
  switch (type) {
    case NC_BYTE:
      return bytes_as<std::int8_t>(from);
    case NC_UBYTE:
      return bytes_as<std::uint8_t>(from);
    case NC_SHORT:
      return bytes_as<std::int16_t>(from);
    case NC_USHORT:
      return bytes_as<std::uint16_t>(from);
    case NC_INT:
      return bytes_as<std::int32_t>(from);
    case NC_UINT:
      return bytes_as<std::uint32_t>(from);
    case NC_INT64:
      return static_cast<double>(bytes_as<std::int64_t>(from));
    case NC_UINT64:
      return static_cast<double>(bytes_as<std::uint64_t>(from));
    case NC_FLOAT:
      return static_cast<double>(bytes_as<float>(from));
    default:
      return bytes_as<double>(from);
  }
}

/// \param x within the range of the type
inline void store_number(nc_type type, double x, unsigned char* to) {
  switch (type) {
    case NC_BYTE:
      return store_as<std::int8_t>(x, to);
    case NC_UBYTE:
      return store_as<std::uint8_t>(x, to);
    case NC_SHORT:
      return store_as<std::int16_t>(x, to);
    case NC_USHORT:
      return store_as<std::uint16_t>(x, to);
    case NC_INT:
      return store_as<std::int32_t>(x, to);
    case NC_UINT:
      return store_as<std::uint32_t>(x, to);
    case NC_INT64:
      return store_as<std::int64_t>(x, to);
    case NC_UINT64:
      return store_as<std::uint64_t>(x, to);
    case NC_FLOAT:
      return store_as<float>(x, to);
    default:
      return store_as<double>(x, to);
  }
}

}  // namespace manifill::io
