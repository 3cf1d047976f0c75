#pragma once
// The header of classic NetCDF files, for the one thing that the library does not tell: how long the file
// should be. The library reads zeros, silently, beyond the end of a truncated classic file.

#include <cstdint>
#include <optional>
#include <string>

namespace manifill::io {

/// Bytes that the header of a classic, 64-bit-offset or CDF5 file promises. Nothing when it is of another
/// format or the header itself cannot be followed.
std::optional<std::uint64_t> promised_size(const std::string& path);

}  // namespace manifill::io
