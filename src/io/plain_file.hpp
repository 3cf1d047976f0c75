#pragma once
// Files on disk before a format is known, private to io.

#include <string>

namespace manifill::io {

/// \param kind what the file should be, as "NetCDF file"
/// \throws Error(input) for a path that is missing, a directory, no regular file or empty; Error(io) where it
/// cannot be looked at
void check_plain_file(const std::string& path, const std::string& kind);

/// \brief All bytes of a file. \throws as check_plain_file; Error(io) where it cannot be read
std::string read_plain_file(const std::string& path, const std::string& kind);

}  // namespace manifill::io
