#pragma once
// What an imputed file holds: format, variables and attributes, private to io.

#include <string>
#include <vector>

#include "gridded_impl.hpp"
#include "manifill/io/imputed_file.hpp"
#include "netcdf_copy.hpp"

namespace manifill::io {

/// Defines the new variables of an imputed file beside the copied ones.
class ImputedLayout {
 public:
  /// \param times how many the output holds
  ImputedLayout(const GriddedVariable::Impl& input, const ImputedFileOptions& options, bool unpacked);

  /// Flags of nc_create for a format that holds everything.
  [[nodiscard]] int create_flags() const;
  /// \throws Error(io) when the disk surely has too little room for the output
  void check_room(const std::string& beside) const;
  /// \throws Error(input) when the input has a variable of one of the new names
  void check_names() const;
  [[nodiscard]] CopyOptions copy_options() const;
  /// Defines variables and attributes, leaves define mode and writes the realization coordinate.
  void define(NetcdfHandle& out, const NetcdfCopy& copy);

  VariableId target{};  ///< V in the output
  nc_type type = NC_NAT;
  netCDF::NcVar spread{};
  netCDF::NcVar status{};
  netCDF::NcVar member{};
  nc_type member_type = NC_FLOAT;

 private:
  [[nodiscard]] std::uint64_t cells() const;
  [[nodiscard]] bool record_first() const;
  [[nodiscard]] std::string name(const std::string& tail) const { return short_name(input_.id.name) + tail; }
  [[nodiscard]] std::vector<std::pair<std::uint64_t, bool>> sizes() const;
  netCDF::NcVar define_like(const NetcdfHandle& out, const std::string& as, nc_type of, bool with_member);
  void define_unpacked(const NetcdfHandle& out);
  void describe(const NetcdfHandle& out, const netCDF::NcVar& variable, const std::string& long_name,
                const std::string& standard_name, bool in_units);
  void define_spread(const NetcdfHandle& out);
  void define_status(const NetcdfHandle& out);
  void define_member(const NetcdfHandle& out);
  void put_globals(const NetcdfHandle& out);
  void put_realizations(const NetcdfHandle& out) const;

  const GriddedVariable::Impl& input_;
  const ImputedFileOptions& options_;
  bool unpacked_;
  VariableId model_{};                       // in the output: V as copied, whose layout the new ones take
  std::vector<netCDF::NcDim> dimensions_{};  // of V in the output
  netCDF::NcDim realization_{};
  netCDF::NcVar realization_coordinate_{};  // when it is new
};

}  // namespace manifill::io
