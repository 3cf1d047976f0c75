#pragma once
// Files and variables of NetCDF-C++ with our errors, private to io. NetCDF is not thread-safe: one thread at
// a time.

#include <concepts>
#include <cstdint>
#include <netcdf>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "manifill/base/error.hpp"

namespace manifill::io {

/// An open NetCDF file that can be moved; closes itself, silently.
class NetcdfHandle : public netCDF::NcFile {
 public:
  /// Opens for reading. \throws Error(input) naming what the path is instead of a whole NetCDF file;
  /// Error(io) when permission is denied
  static NetcdfHandle open(const std::string& path);
  /// Creates, replacing what is there. \param flags of nc_create \throws Error(io)
  static NetcdfHandle create(const std::string& path, int flags);
  /// Creates a file in memory alone, of format CDF5 or, where `large` is not set, 64-bit offset; it stands
  /// for the file at `path`, which messages name. Written, it is read through the same handle.
  static NetcdfHandle in_memory(const std::string& path, bool large);
  NetcdfHandle(NetcdfHandle&& other) noexcept;
  NetcdfHandle& operator=(NetcdfHandle&& other) noexcept;
  NetcdfHandle(const NetcdfHandle&) = delete;
  NetcdfHandle& operator=(const NetcdfHandle&) = delete;
  ~NetcdfHandle() override;
  [[nodiscard]] const std::string& path() const { return path_; }
  /// NC_FORMAT_CLASSIC, ...
  [[nodiscard]] int format() const;
  /// Closes and reports what buffered writing had to say. \throws Error(io)
  void close();

 private:
  explicit NetcdfHandle(std::string path) : path_(std::move(path)) {}
  void release();
  std::string path_{};
};

/// \throws Error(io) naming file and variable when `status` is an error of reading
void check(int status, const std::string& path, const std::string& what, const std::string& variable = "");

/// \throws Error(io) naming file and variable when `status` is an error of writing; says so when the disk is
/// full
void check_write(int status, const std::string& path, const std::string& what,
                 const std::string& variable = "");

/// The same for NetCDF-C++: what `action` throws is an error of reading.
template <std::invocable Action>
auto check(const Action& action, const std::string& path, const std::string& what,
           const std::string& variable = "") {
  try {
    return action();
  } catch (const netCDF::exceptions::NcException& e) {
    check(e.errorCode(), path, what, variable);
    throw;  // misuse, which has no code
  }
}

template <std::invocable Action>
auto check_write(const Action& action, const std::string& path, const std::string& what,
                 const std::string& variable = "") {
  try {
    return action();
  } catch (const netCDF::exceptions::NcException& e) {
    check_write(e.errorCode(), path, what, variable);
    throw;
  }
}

/// A variable of a file, groups resolved; or a group's own attributes.
struct VariableId {
  netCDF::NcVar nc{};
  std::string name{};  ///< full path without leading '/'

  /// Ids of the C interface.
  [[nodiscard]] int group() const { return nc.getParentGroup().getId(); }
  [[nodiscard]] int id() const { return nc.getId(); }
  /// NcVar's own takes variables of different groups for the same.
  friend bool operator==(const VariableId& a, const VariableId& b) {
    return a.group() == b.group() && a.id() == b.id();
  }
};

/// A group's attributes, as those of a variable.
VariableId globals_of(const netCDF::NcGroup& group);

/// Every variable of a file, groups included, in file order.
std::vector<VariableId> all_variables(const NetcdfHandle& file);

std::optional<VariableId> find_variable(const NetcdfHandle& file, const std::string& name);

/// Groups in a group, in file order, which NcGroup::getGroups does not keep.
std::vector<netCDF::NcGroup> groups_of(const NetcdfHandle& file, const netCDF::NcGroup& group);

struct Dimension {
  int id = -1;
  std::string name{};
  std::size_t length = 0;
};

Dimension as_dimension(const netCDF::NcDim& dimension);

std::vector<Dimension> dimensions_of(const NetcdfHandle& file, const VariableId& v);

/// Dimension of a name in a group or the nearest enclosing one, where NcGroup::getDim takes any; null when
/// there is none.
netCDF::NcDim dimension_in_scope(netCDF::NcGroup group, const std::string& name);

/// Names of a list in an attribute, separated by blanks.
std::vector<std::string> words(const std::string& text);

std::string lower(std::string text);

/// Last part of a path of groups.
std::string short_name(const std::string& name);

/// Text of an attribute, char or string; empty when absent or numeric.
std::string text_attribute(const VariableId& v, const std::string& name);

/// Numbers of an attribute; empty when absent or text.
std::vector<double> number_attribute(const VariableId& v, const std::string& name, nc_type* type = nullptr);

bool has_attribute(const VariableId& v, const std::string& name);

/// In file order, which NcVar::getAtts does not keep. \throws Error(io)
std::vector<std::string> attribute_names(const NetcdfHandle& file, const VariableId& v);

/// All values as stored. \throws Error(io)
std::vector<double> read_all(const NetcdfHandle& file, const VariableId& v);

nc_type type_of(const VariableId& v);
std::string type_name(nc_type type);
bool is_numeric(nc_type type);
bool is_floating(nc_type type);
std::size_t size_of(nc_type type);

/// How a variable lies in an HDF5 file: NC_CONTIGUOUS, NC_CHUNKED, ...
struct Storage {
  int kind = NC_CONTIGUOUS;
  std::vector<std::size_t> chunks{};
};

/// Chunk lengths of a variable; empty when it is contiguous or of a classic format.
std::vector<std::size_t> chunks_of(const VariableId& v);

/// Keeps uncompressed chunks between reads or writes, where the file has such.
void set_chunk_cache(const VariableId& v, std::size_t bytes, std::size_t slots);

// What NetCDF-C++ lacks or gets wrong, with its exceptions.

Storage storage_of(const VariableId& v);
/// HDF5's numbers of a variable's filters; empty in a classic format.
std::vector<unsigned> filters_of(const VariableId& v);
std::vector<unsigned> filter_parameters(const VariableId& v, unsigned filter);
netCDF::NcVar define_variable(const netCDF::NcGroup& group, const std::string& name, nc_type type,
                              const std::vector<netCDF::NcDim>& dimensions);
void copy_attribute(const VariableId& from, const std::string& name, const netCDF::NcVar& to);
void remove_attribute(const VariableId& v, const std::string& name);

/// What an error says, without place and remedy.
std::string bare_message(const Error& error);

}  // namespace manifill::io
