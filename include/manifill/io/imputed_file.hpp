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
  std::string path{};                                    ///< final name
  bool overwrite = false;
  std::size_t members = 0;                               ///< > 0: write V_member(realization, ...)
  std::map<std::string, std::string> attributes{};       ///< global: manifill_version, _model, _config, _seed
  std::string history{};                                 ///< one line, prepended to the file's history
  std::string spread_comment{};                          ///< attribute `comment` of V_spread
  std::size_t first_time = 0;                            ///< a shard holds times [first_time, first_time + times)
  std::size_t times = 0;                                 ///< 0: all
};

/// \brief Writes under a temporary name beside the target; `commit` syncs, re-opens, verifies and renames. A writer
/// that is destroyed without `commit` removes its temporary file: the final name has the old file or nothing.
class ImputedFileWriter {
 public:
  /// \brief Creates the temporary file: every dimension, variable, attribute and group of the input with its
  /// encoding (type, fill, chunks, compression), V's cells still empty.
  /// \param unpacked write V as float instead of its packed integers (a fill would leave the packed range)
  /// \throws Error(usage) when the output is the input or exists without `overwrite`; Error(io) when the directory is
  ///         missing or read-only, or the disk is full
  ImputedFileWriter(const GriddedVariable& input, const ImputedFileOptions& options, bool unpacked);
  ~ImputedFileWriter();
  ImputedFileWriter(const ImputedFileWriter&) = delete;
  ImputedFileWriter& operator=(const ImputedFileWriter&) = delete;

  /// \brief Whether values fit the variable's packed range (always true for floating-point variables).
  static bool fits_packing(const GriddedVariable& input, double lowest, double highest);

  /// \brief Writes one field. Cells with status observed keep the input's bits; not_filled and masked keep its
  /// missing value (whichever bits stood there); infilled cells take `mean`.
  /// \param time index in the input file
  /// \param mean [lat * lon], units of the file; \param spread [lat * lon]; \param status [lat * lon]
  /// \param member [realization][lat * lon] or empty
  void write(std::size_t extra, std::size_t time, const std::vector<double>& mean, const std::vector<double>& spread,
             const std::vector<CellStatus>& status, const xt::xtensor<double, 2>& member);

  /// \brief Syncs, re-opens and verifies (every field written, observed bits equal the input's), renames.
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// \brief Checks that `output` may be written: directory exists and is writable, not the input, not an existing file
/// unless `overwrite`. \throws Error(usage) or Error(io)
void check_output(const std::string& output, const std::vector<std::string>& inputs, bool overwrite);

}  // namespace manifill::io
