#pragma once
/// \file
/// \brief Reconstructed fields out: the other axes of the measurement's file kept, its grid replaced by the
/// model's.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "manifill/domain/domain.hpp"
#include "manifill/io/field_file.hpp"
#include "manifill/io/gridded.hpp"

namespace manifill::io {

/// \brief What a file of reconstructed fields says.
struct ReconstructedFile {
  FieldFile about{};             ///< names and attributes of V
  std::size_t members = 0;       ///< > 0: V_member is written
  std::string spread_comment{};  ///< attribute `comment` of V_spread
};

/// \brief Writes NetCDF-4 under a temporary name beside the target; `commit` syncs, re-opens,
/// verifies and renames. V and V_spread are float with a _FillValue, V_status byte with CF flags
/// (CellStatus), V_member(realization, ...) float, over the source's dimensions other than its grid, in their
/// order, with their coordinates and bounds bit for bit, and behind them the new grid's.
class ReconstructedFileWriter {
 public:
  /// \throws Error(io)
  ReconstructedFileWriter(const std::string& path, const GriddedVariable& source,
                          const domain::Domain& domain, const ReconstructedFile& what);
  ~ReconstructedFileWriter();
  ReconstructedFileWriter(const ReconstructedFileWriter&) = delete;
  ReconstructedFileWriter& operator=(const ReconstructedFileWriter&) = delete;

  /// \brief Writes one field. \param extra, time as GriddedVariable numbers them \param mean, spread [point],
  /// units of V, NaN where nothing is known \param status [point] \param members [member][point] \throws
  /// Error(internal) where sizes do not fit; Error(io)
  void write(std::size_t extra, std::size_t time, const std::vector<float>& mean,
             const std::vector<float>& spread, const std::vector<std::int8_t>& status,
             const std::vector<float>& members);

  /// \throws Error(internal) where a field was not written; Error(io) where the file reads back differently;
  /// the final name is then untouched
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace manifill::io
