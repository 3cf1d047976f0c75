#pragma once
// The header of classic NetCDF files, looked at before the library sees it. The library reads zeros,
// silently, beyond the end of a truncated classic file, and may crash on a damaged header.

#include <cstdint>
#include <string>

namespace manifill::io {

struct ClassicHeader {
  enum class State { other_format, sound, damaged };
  State state = State::other_format;
  std::uint64_t promised = 0;  ///< bytes that the file should have at least
};

/// Follows the header of a classic, 64-bit-offset or CDF5 file.
ClassicHeader read_classic_header(const std::string& path);

}  // namespace manifill::io
