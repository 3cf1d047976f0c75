#pragma once
// Thin RAII over the NetCDF C library, private to io. NetCDF is not thread-safe: one thread at a time.

#include <netcdf.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manifill/base/error.hpp"

namespace manifill::io {

/// An open NetCDF file; closes itself.
class NetcdfHandle {
 public:
  /// Opens for reading. \throws Error(input) naming what the path is instead of a whole NetCDF file;
  /// Error(io) when permission is denied
  static NetcdfHandle open(const std::string& path);
  /// Creates, replacing what is there. \param flags of nc_create \throws Error(io)
  static NetcdfHandle create(const std::string& path, int flags);
  NetcdfHandle(NetcdfHandle&& other) noexcept;
  NetcdfHandle& operator=(NetcdfHandle&& other) noexcept;
  NetcdfHandle(const NetcdfHandle&) = delete;
  NetcdfHandle& operator=(const NetcdfHandle&) = delete;
  ~NetcdfHandle();
  [[nodiscard]] int id() const { return id_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// NC_FORMAT_CLASSIC, ...
  [[nodiscard]] int format() const;
  /// Closes and reports what buffered writing had to say. \throws Error(io)
  void close();

 private:
  NetcdfHandle(int id, std::string path) : id_(id), path_(std::move(path)) {}
  int id_ = -1;
  std::string path_;
};

/// \throws Error(io) naming file and variable when `status` is an error of reading
void check(int status, const std::string& path, const std::string& what, const std::string& variable = "");

/// \throws Error(io) naming file and variable when `status` is an error of writing; says so when the disk is
/// full
void check_write(int status, const std::string& path, const std::string& what,
                 const std::string& variable = "");

/// A variable of a file, groups resolved; or a group's own attributes, with variable NC_GLOBAL.
struct VariableId {
  int group = -1;
  int variable = -1;
  std::string name{};  ///< full path without leading '/'
};

/// Every variable of a file, groups included, in file order.
std::vector<VariableId> all_variables(const NetcdfHandle& file);

std::optional<VariableId> find_variable(const NetcdfHandle& file, const std::string& name);

/// Variable of a name in a group or the nearest enclosing one (CF 2.7).
std::optional<VariableId> variable_in_scope(int group, const std::string& name);

/// Whether the group itself, not an enclosing one, has a variable of a name.
bool has_variable(int group, const std::string& name);

struct Dimension {
  int id = -1;
  std::string name{};
  std::size_t length = 0;
};

std::vector<Dimension> dimensions_of(const NetcdfHandle& file, const VariableId& v);

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

/// All values as stored. \throws Error(io)
std::vector<double> read_all(const NetcdfHandle& file, const VariableId& v);

nc_type type_of(const VariableId& v);
std::string type_name(nc_type type);
bool is_numeric(nc_type type);
bool is_floating(nc_type type);
std::size_t size_of(nc_type type);

/// Chunk lengths of a variable; empty when it is contiguous or of a classic format.
std::vector<std::size_t> chunks_of(const VariableId& v, std::size_t rank);

/// What an error says, without place and remedy.
std::string bare_message(const Error& error);

}  // namespace manifill::io
