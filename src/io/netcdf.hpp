#pragma once
// Thin RAII over the NetCDF C library, private to io. NetCDF is not thread-safe: one thread at a time.

#include <netcdf.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace manifill::io {

/// An open NetCDF file; closes itself.
class NetcdfHandle {
 public:
  /// \throws Error(input) naming what the path is instead of a NetCDF file; Error(io) when it cannot be opened
  static NetcdfHandle open(const std::string& path, bool writable = false);
  NetcdfHandle(NetcdfHandle&& other) noexcept;
  NetcdfHandle& operator=(NetcdfHandle&& other) noexcept;
  ~NetcdfHandle();
  [[nodiscard]] int id() const { return id_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Closes and reports what buffered writing had to say. \throws Error(io)
  void close();

 private:
  NetcdfHandle(int id, std::string path);
  int id_ = -1;
  std::string path_;
};

/// \throws Error(io) naming file and variable when `status` is an error
void check(int status, const std::string& path, const std::string& what, const std::string& variable = "");

/// A variable of a file, groups resolved.
struct VariableId {
  int group = -1;
  int variable = -1;
  std::string name{};  ///< full path without leading '/'
};

/// Every variable of a file, groups included, in file order.
std::vector<VariableId> all_variables(const NetcdfHandle& file);

struct Dimension {
  int id = -1;
  std::string name{};
  std::size_t length = 0;
};

std::vector<Dimension> dimensions_of(const NetcdfHandle& file, const VariableId& v);

/// The coordinate variable of a dimension: of its name, in the variable's group or an enclosing one.
std::optional<VariableId> coordinate_of(const NetcdfHandle& file, const VariableId& v, const Dimension& d);

/// Text of an attribute, char or string; empty when absent or numeric.
std::string text_attribute(const VariableId& v, const std::string& name);

/// Numbers of an attribute; empty when absent or text.
std::vector<double> number_attribute(const VariableId& v, const std::string& name, nc_type* type = nullptr);

std::vector<double> read_all(const NetcdfHandle& file, const VariableId& v);

nc_type type_of(const VariableId& v);
std::string type_name(nc_type type);
bool is_numeric(nc_type type);
std::size_t size_of(nc_type type);

}  // namespace manifill::io
