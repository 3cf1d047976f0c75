#pragma once
/// \file
/// \brief The imputed file out: a copy of the input with gaps filled, spread, status and members; CF; atomic.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "manifill/io/gridded.hpp"

namespace manifill::io {

/// \brief Cell-by-cell provenance, values of `V_status`.
enum class CellStatus : std::int8_t { observed = 0, infilled = 1, not_filled = 2, masked = 3 };

/// \brief What goes into the imputed file beside the data.
struct ImputedFileOptions {
  std::string path{};  ///< final name
  bool overwrite = false;
  std::size_t members = 0;                          ///< > 0: write V_member(realization, ...)
  std::map<std::string, std::string> attributes{};  ///< global: manifill_version, _model, _config, _seed
  std::string history{};                            ///< one line, prepended to the file's history
  std::string spread_comment{};                     ///< attribute `comment` of V_spread
  std::size_t first_time = 0;                       ///< a shard holds times [first_time, first_time + times)
  std::size_t times = 0;                            ///< 0: all from first_time on
};

/// \brief Writes under a temporary name beside the target; `commit` syncs, re-opens, verifies and renames. A
/// writer that is destroyed without `commit` removes its temporary file: the final name has the old file or
/// nothing.
///
/// The output has every dimension, variable, attribute, type and group of the input, in its order and
/// encoding (type, fill, chunks, filters, byte order), in the input's format, and after them
/// - V_spread (float) and V_status (byte, CF flags), laid out, chunked and compressed as V;
/// - with members, `realization` and V_member(realization, <dimensions of V>), float, or double where V needs
/// it.
///   An existing realization dimension of that length is shared; one of another length makes it
///   `V_realization`.
/// A classic file keeps its format unless the sizes need 64-bit offsets or CDF5, or members meet an unlimited
/// dimension, which only NetCDF-4 (then: its classic model) allows in second place. A shard holds its own
/// times only, in every variable that depends on the time dimension of V.
///
/// A name that ends in .fits gives a copy of the input's FITS file with the gaps of the column filled and
/// columns V_spread, V_status, V_member_1, ... after the others; one that ends in .ply a mesh in double
/// precision with these as properties; one that ends in .png the image itself with its missing pixels filled.
/// All are made from the NetCDF file that is written and verified first,
/// under a temporary name, and removed.
class ImputedFileWriter {
 public:
  /// \brief Creates the temporary file and copies everything but V's values and what is new.
  /// \param input is read again while writing; it must outlive the writer
  /// \param unpacked write V as float (double for 32-bit and wider data) instead of its packed integers,
  /// because a fill would leave the packed range; the packed data stay beside it as V_packed \throws
  /// Error(usage) when the output is the input or exists without `overwrite`; Error(io) when the directory is
  /// missing or read-only, or the disk is full or will be; Error(input) when the input holds V_spread,
  /// V_status or V_member already
  ImputedFileWriter(const GriddedVariable& input, const ImputedFileOptions& options, bool unpacked);
  ~ImputedFileWriter();
  ImputedFileWriter(const ImputedFileWriter&) = delete;
  ImputedFileWriter& operator=(const ImputedFileWriter&) = delete;

  /// \brief Whether values fit the variable's packed range (always true for floating-point variables).
  static bool fits_packing(const GriddedVariable& input, double lowest, double highest);

  /// \brief Writes one field; fields may come in any order, fastest by time. Cells with status observed keep
  /// the input's bits; not_filled and masked keep its missing value (whichever bits stood there); infilled
  /// cells take `mean`, rounded to the nearest number that the type holds, that is valid and not a missing
  /// value. Observed cells of the members take the observation, whatever `member` says. Cyclic duplicate
  /// columns keep their own observations and are filled from the column they repeat. \param time index in the
  /// input file \param mean [lat * lon], units of the file; \param spread [lat * lon]; \param status [lat *
  /// lon] \param member [realization][lat * lon] or empty \throws Error(internal) when status contradicts the
  /// input (observed where it is missing, infilled where it is not) or sizes do not match; Error(numerical)
  /// when a value to fill in is not finite; Error(io)
  void write(std::size_t extra, std::size_t time, const std::vector<double>& mean,
             const std::vector<double>& spread, const std::vector<CellStatus>& status,
             const xt::xtensor<double, 2>& member);

  /// \brief Syncs, re-opens and verifies (every field written, observed bits equal the input's, no filled
  /// cell missing), renames. \throws Error(io) when a check fails; the final name is then untouched
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// \brief Checks that an output can have the form that its name asks for: `.fits` for an input in FITS,
/// `.ply` for one field on the vertices of a mesh, `.png` for an image of grey in PNG, without members; any
/// other name means NetCDF. \throws Error(usage)
void check_output_form(const GriddedVariable& input, const std::string& output, bool members = false);

/// \brief The same of an image in PNG as a whole. \throws Error(usage)
void check_image_output(const std::string& input, const std::string& output, bool members);

/// \brief Channels of a colour image in PNG that are to be filled one after the other, because the output is
/// one too and no variable is named; else none. \throws Error as read_png
std::vector<std::string> channels_to_fill(const std::string& input, const std::string& variable,
                                          const std::string& output);

/// \brief Checks that `output` may be written: directory exists and is writable, not the input, not an
/// existing file unless `overwrite`. \throws Error(usage) or Error(io)
void check_output(const std::string& output, const std::vector<std::string>& inputs, bool overwrite);

}  // namespace manifill::io
