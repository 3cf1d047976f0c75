#pragma once
// FITS files looked at before CFITSIO sees them, private to io.

#include <cstddef>
#include <string>

namespace manifill::io {

inline constexpr std::size_t kFitsBlock = 2880;  ///< bytes; headers and data are whole blocks
inline constexpr std::size_t kFitsCard = 80;     ///< bytes of a line of a header

/// Follows headers and data from one to the next through the file. CFITSIO takes memory by counts that it has
/// not read where a table's mandatory keywords are illegal, unpacks archives of any kind in memory, and
/// cannot tell a file that is cut from a disk that fails. \throws Error(input) with the byte for a file that
/// is missing, compressed, no FITS, truncated, or whose mandatory keywords (FITS Standard 4.0, sections 4.4.1
/// and 7) are missing, out of order or illegal; Error(io)
void check_fits_layout(const std::string& path);

}  // namespace manifill::io
