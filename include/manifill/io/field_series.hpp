#pragma once
/// \file
/// \brief Imputed fields out that no gridded file lies behind: V, V_spread, V_status and V_member by CF.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "manifill/domain/domain.hpp"
#include "manifill/io/field_file.hpp"
#include "manifill/io/time_axis.hpp"

namespace manifill::io {

/// \brief What a file of imputed fields says.
struct FieldSeries {
  FieldFile about{};              ///< names and attributes of V
  std::vector<DateTime> dates{};  ///< [time], increasing; empty: one field without a time
  Calendar calendar = Calendar::standard;
  std::size_t members = 0;       ///< > 0: V_member is written
  std::string spread_comment{};  ///< attribute `comment` of V_spread
};

/// \brief Writes NetCDF-4, classic model, under a temporary name beside the target; `commit` syncs, re-opens,
/// verifies and renames. V(time, places) and V_spread are float with a _FillValue, V_status byte with CF
/// flags (CellStatus), V_member(realization, time, places) float. Times are days since the first year's
/// beginning.
class FieldSeriesWriter {
 public:
  /// \throws Error(io)
  FieldSeriesWriter(const std::string& path, const domain::Domain& domain, const FieldSeries& what);
  ~FieldSeriesWriter();
  FieldSeriesWriter(const FieldSeriesWriter&) = delete;
  FieldSeriesWriter& operator=(const FieldSeriesWriter&) = delete;

  /// \brief Writes one field. \param mean, spread [point], units of V; NaN where nothing is filled
  /// \param status [point] \param members [member][point] \throws Error(internal) where sizes do not fit;
  /// Error(io)
  void write(std::size_t time, const std::vector<float>& mean, const std::vector<float>& spread,
             const std::vector<std::int8_t>& status, const std::vector<float>& members);

  /// \throws Error(internal) where a field was not written; Error(io) where the file reads back differently;
  /// the final name is then untouched
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace manifill::io
