#pragma once
// V, V_spread, V_status and V_member of a new file, private to io.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "domain_axes.hpp"
#include "manifill/io/field_file.hpp"

namespace manifill::io {

/// Ensembles over the dimensions that go before a grid's, and the grid's. V and V_spread are float with a
/// _FillValue, V_status byte with CF flags (CellStatus), V_member(realization, ...) float.
class EnsembleVariables {
 public:
  /// Defines them, and `realization` where there are members. \param outer dimensions before the grid's
  /// \param coordinates further names for their attribute of that name
  EnsembleVariables(const Writer& writer, const DomainAxes& places, const std::vector<netCDF::NcDim>& outer,
                    const FieldFile& about, std::size_t members, const std::string& spread_comment,
                    const std::string& coordinates = "");

  /// Writes the numbers of the members, once definitions have ended.
  void put() const;
  /// Writes one field. \param at index in the outer dimensions \param mean, spread NaN where nothing is known
  /// \param members [member][point] \throws Error(internal) where a size does not fit or `at` lies outside
  void write(const std::vector<std::size_t>& at, const std::vector<float>& mean,
             const std::vector<float>& spread, const std::vector<std::int8_t>& status,
             const std::vector<float>& members);
  /// Whether every field was written and reads back as it was, from the closed file at `path`, which messages
  /// name `target`. \throws Error(internal) or Error(io)
  void verify(const std::string& path, const std::string& target) const;

 private:
  [[nodiscard]] netCDF::NcVar define(const std::string& tail, const netCDF::NcType& type, bool of_members);
  void put_slab(const netCDF::NcVar& v, const std::vector<std::size_t>& at, bool of_members,
                const void* values) const;
  [[nodiscard]] std::string index_text(const std::vector<std::size_t>& at) const;

  Writer writer_;
  const DomainAxes& places_;
  std::vector<netCDF::NcDim> outer_;
  std::vector<std::size_t> place_lengths_{};
  std::size_t points_ = 1;
  std::size_t fields_ = 1;
  std::string name_;
  std::string coordinates_;
  std::size_t members_;
  netCDF::NcDim realization_{};
  netCDF::NcVar numbers_{};
  netCDF::NcVar mean_{};
  netCDF::NcVar spread_{};
  netCDF::NcVar status_{};
  netCDF::NcVar member_{};
  std::map<std::vector<std::size_t>, std::uint64_t> written_{};  // hashes of V
};

}  // namespace manifill::io
