#pragma once
/// \file
/// \brief HEALPix maps from and to FITS binary tables.

#include <cstdint>
#include <string>
#include <vector>

#include "manifill/domain/healpix.hpp"

namespace manifill::io {

/// \brief One column of a table of pixels.
struct HealpixMap {
  std::string name{};            ///< TTYPE, as TEMPERATURE
  std::string units{};           ///< TUNIT, as "mK"; may be empty
  std::vector<double> values{};  ///< [pixel], NaN where missing
};

/// \brief Maps of the whole sphere or of a part of it.
struct HealpixMaps {
  std::int64_t nside = 0;
  domain::healpix::Ordering ordering = domain::healpix::Ordering::ring;
  std::vector<std::int64_t>
      pixels{};                     ///< [pixel]: those that the maps hold; empty where they hold all in order
  std::string coordinate_system{};  ///< COORDSYS, as "G" for galactic; may be empty
  std::string polarisation_convention{};  ///< POLCCONV, COSMO or IAU; may be empty
  std::vector<HealpixMap> maps{};
};

/// \brief Reads the first HEALPix table of a file: ORDERING RING or NESTED, INDXSCHM IMPLICIT or EXPLICIT
/// (its first column is PIXEL), any number of pixels a row; columns of integers or floating-point numbers,
/// scaled by TSCAL and TZERO.
///
/// TNULL, the value of BAD_DATA and -1.6375e30 (to 1e-5 of themselves, as files in single precision have
/// them) are missing; so is what is not finite. The memory taken is that of the table, not of the sphere. One
/// thread at a time. \throws Error(input) naming the column or keyword for a file that is missing,
/// compressed, no FITS, truncated, without such a table, or whose keywords and columns do not fit each other;
/// Error(io) where reading fails. Source: "The HEALPix Primer", section on FITS formats; FITS Standard 4.0,
/// section 7.3
HealpixMaps read_healpix(const std::string& path);

/// \brief Writes a file that `read_healpix` and other programs read: a table in double precision, missing
/// values -1.6375e30, explicit where `pixels` is not empty. Whole or not at all. \throws Error(usage) for a
/// name that is empty, taken or not ASCII; Error(internal) where sizes do not fit; Error(input) for nside or
/// pixels as domain::healpix has it; Error(io)
void write_healpix(const std::string& path, const HealpixMaps& maps);

/// \brief What a copy of a file of maps has that the file has not.
struct HealpixFill {
  std::size_t map = 0;                 ///< which of the file's maps has gaps
  std::vector<double> values{};        ///< [pixel], in the map's units
  std::vector<bool> filled{};          ///< [pixel], where `values` takes the place of what is missing
  std::vector<HealpixMap> columns{};   ///< written in single precision after the file's own
  std::vector<std::string> history{};  ///< texts for HISTORY, each perhaps of many lines
};

/// \brief Copies a file of maps, all of its tables and keywords, with gaps of one map filled and columns
/// added. Every other number keeps its bits. Whole or not at all, read back before it gets its name. \throws
/// Error(input) as read_healpix; Error(internal) where sizes do not fit; Error(usage) for a name that is
/// taken; Error(io)
void copy_healpix(const std::string& from, const std::string& to, const HealpixFill& fill);

}  // namespace manifill::io
