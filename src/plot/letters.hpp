#pragma once
/// \file
/// \brief Text that cairo can draw. Not for users of the library.

#include <string>

namespace manifill::plot {

/// \brief Valid UTF-8 without control characters: bytes that are none are taken for Latin-1, as in old files'
/// attributes. Cairo would otherwise refuse the whole picture.
std::string valid_utf8(const std::string& text);

/// \brief Only ASCII, for cairo's built-in font of last resort: "30N", "-2", "10^3", "?" for letters it has
/// not.
std::string to_ascii(const std::string& text);

}  // namespace manifill::plot
