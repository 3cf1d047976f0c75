#pragma once
// Copies of NetCDF files with their groups, types, encodings and values, private to io.

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "netcdf.hpp"

namespace manifill::io {

/// What is not copied as it stands.
struct CopyOptions {
  int cut_dimension = -1;  ///< id in the input: of it only [first, first + length) is kept
  std::size_t first = 0;
  std::size_t length = 0;
  std::size_t at = 0;                              ///< where the kept piece goes in the copy
  std::size_t whole = 0;                           ///< length of that dimension in the copy; 0: `length`
  std::vector<VariableId> without_values{};        ///< defined, not filled
  std::map<std::string, std::string> new_names{};  ///< full path of a variable to its short name in the copy
};

/// A copy in two steps: `define` before the output leaves define mode, `copy_values` after.
class NetcdfCopy {
 public:
  NetcdfCopy(const NetcdfHandle& from, const NetcdfHandle& to, CopyOptions options)
      : from_(from), to_(to), options_(std::move(options)) {}
  void define();
  /// Instead of `define`, when the output has the input's variables already. \throws Error(input) when it has
  /// not
  void match();
  void copy_values();
  /// Copies, of the variables that depend on the cut dimension, the kept piece.
  void copy_cut_values();
  /// Whether the copy's numbers are the input's, bit by bit. \throws Error(io) naming the variable
  void verify_cut_values();
  [[nodiscard]] netCDF::NcDim dimension(int from) const { return dimensions_.at(from); }
  [[nodiscard]] VariableId variable(const VariableId& from) const;

 private:
  void define_groups(const netCDF::NcGroup& from, const netCDF::NcGroup& to);
  void define_types(int from, int to);
  int define_type(int from, int type, int to);
  void define_compound(int from, int type, int to, int created);
  void define_dimensions(const netCDF::NcGroup& from, const netCDF::NcGroup& to);
  void define_variable(const VariableId& v);
  void define_storage(const VariableId& v, const VariableId& o);
  void define_filters(const VariableId& v, const VariableId& o);
  void copy_attributes(const VariableId& v, const VariableId& o);
  void copy_variable(const VariableId& v, bool compare = false);
  [[nodiscard]] bool depends_on_cut(const VariableId& v) const;
  [[nodiscard]] std::size_t kept_length(const Dimension& d) const;
  [[nodiscard]] std::size_t whole_length(const Dimension& d) const;
  /// \param result status of the C interface, or what calls NetCDF-C++
  template <typename Result>
  auto check_out(const Result& result, const std::string& what, const std::string& variable = "") const {
    return check_write(result, to_.path(), what, variable);
  }

  const NetcdfHandle& from_;
  const NetcdfHandle& to_;
  CopyOptions options_;
  bool hdf5_ = false;                        // both sides
  std::map<int, netCDF::NcGroup> groups_{};  // of the output, by the input's ids
  std::map<int, netCDF::NcDim> dimensions_{};
  std::set<int> unlimited_{};  // of the input
  std::map<nc_type, nc_type> types_{};
  std::map<std::string, VariableId> variables_{};
};

bool is_hdf5(const NetcdfHandle& file);

}  // namespace manifill::io
