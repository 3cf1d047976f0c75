#pragma once
/// \file
/// \brief What was computed of a variable field by field, out: its other axes kept, its grid replaced.

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "manifill/domain/domain.hpp"
#include "manifill/io/coefficient_file.hpp"
#include "manifill/io/gridded.hpp"

namespace manifill::io {

/// \brief What a derived variable and its file say.
struct DerivedVariable {
  std::string name{};
  std::map<std::string, std::string> texts{};       ///< attributes of the variable: units, long_name, ...
  std::map<std::string, std::string> attributes{};  ///< global
  std::string history{};
  bool gaps = false;  ///< values may be NaN, which is then declared as the missing value
};

/// \brief Writes NetCDF-4 under a temporary name; `commit` syncs and renames. Dimensions are those of the
/// source other than its grid, in their order, with their coordinates and bounds, bit for bit, and behind
/// them the new ones. Values are double. A writer that is destroyed without `commit` leaves nothing.
class DerivedFileWriter {
 public:
  /// \brief Coefficients of a gridded variable. \throws Error(io)
  DerivedFileWriter(const std::string& path, const GriddedVariable& source, const CoefficientAxis& axis,
                    const DerivedVariable& what);
  /// \brief Fields of a variable on another grid, or its own. \throws Error(io)
  DerivedFileWriter(const std::string& path, const GriddedVariable& source, const domain::Domain& domain,
                    const DerivedVariable& what);
  /// \brief Fields made of coefficients. \throws Error(io)
  DerivedFileWriter(const std::string& path, const CoefficientVariable& source, const domain::Domain& domain,
                    const DerivedVariable& what);
  ~DerivedFileWriter();
  DerivedFileWriter(const DerivedFileWriter&) = delete;
  DerivedFileWriter& operator=(const DerivedFileWriter&) = delete;

  /// \brief Writes one field. \param extra, time as GriddedVariable numbers them; of coefficients, the field
  /// and 0 \throws Error(internal) on a wrong size; Error(io)
  void write(std::size_t extra, std::size_t time, std::span<const double> values);
  /// \throws Error(io)
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace manifill::io
