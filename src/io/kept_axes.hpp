#pragma once
// The axes that a derived variable has of its source, private to io.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "domain_axes.hpp"
#include "manifill/io/gridded.hpp"
#include "netcdf.hpp"

namespace manifill::io {

/// Dimensions of a variable with their coordinates (and what `coordinates` names over them alone) and their
/// bounds, copied bit for bit into another file's root group.
class KeptAxes {
 public:
  /// \param positions among the variable's dimensions
  KeptAxes(const NetcdfHandle& from, const VariableId& v, const std::vector<std::size_t>& positions);
  void define(const Writer& writer);
  void put(const Writer& writer) const;
  [[nodiscard]] const std::vector<netCDF::NcDim>& dimensions() const { return dimensions_; }
  [[nodiscard]] const std::vector<Dimension>& kept() const { return kept_; }
  /// Of the copied ones those that are no dimension's own, for the attribute `coordinates`.
  [[nodiscard]] const std::string& auxiliary() const { return auxiliary_; }

 private:
  void copy(const Writer& writer, const VariableId& c, const std::vector<netCDF::NcDim>& over);
  const NetcdfHandle& from_;
  VariableId of_;
  std::vector<Dimension> kept_{};
  std::vector<netCDF::NcDim> dimensions_{};
  std::string auxiliary_{};
  struct Copied {
    VariableId from{};
    netCDF::NcVar to{};
  };
  std::vector<Copied> copied_{};
};

/// The dimensions of a variable that are not its grid's.
struct OtherDimensions {
  std::vector<std::size_t> positions{};  ///< among the variable's, in order
  std::optional<std::size_t> time{};     ///< which of these is time

  /// Index of a field in them. \param extra, time as GriddedVariable numbers them
  [[nodiscard]] std::vector<std::size_t> index(const KeptAxes& axes, std::size_t extra,
                                               std::size_t time) const;
};

OtherDimensions other_dimensions(const GriddedVariable& v);

}  // namespace manifill::io
