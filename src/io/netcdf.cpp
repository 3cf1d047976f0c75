#include "netcdf.hpp"

#include <filesystem>
#include <utility>

#include "manifill/base/error.hpp"

namespace manifill::io {
namespace fs = std::filesystem;

NetcdfHandle::NetcdfHandle(int id, std::string path) : id_(id), path_(std::move(path)) {}
NetcdfHandle::NetcdfHandle(NetcdfHandle&& other) noexcept : id_(std::exchange(other.id_, -1)), path_(other.path_) {}
NetcdfHandle& NetcdfHandle::operator=(NetcdfHandle&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(path_, other.path_);
  return *this;
}
NetcdfHandle::~NetcdfHandle() {
  if (id_ >= 0) nc_close(id_);
}

void NetcdfHandle::close() {
  const int id = std::exchange(id_, -1);
  if (id >= 0) check(nc_close(id), path_, "closing the file failed");
}

NetcdfHandle NetcdfHandle::open(const std::string& path, bool writable) {
  const auto refuse = [&](const std::string& what, const std::string& remedy) {
    return Error(ErrorKind::input, what, {.file = path, .remedy = remedy});
  };
  std::error_code ignored;
  if (!fs::exists(path, ignored)) throw refuse("there is no such file", "Check the path");
  if (fs::is_directory(path, ignored)) throw refuse("is a directory, not a NetCDF file", "Name a file in it");
  if (fs::file_size(path, ignored) == 0) throw refuse("is empty (0 bytes)", "Fetch or write the file again");
  int id = -1;
  const int status = nc_open(path.c_str(), writable ? NC_WRITE : NC_NOWRITE, &id);
  if (status == NC_NOERR) return {id, path};
  if (status == EACCES || status == EPERM)
    throw Error(ErrorKind::io, "permission to open it was denied", {.file = path, .remedy = "Check its permissions"});
  if (status == NC_ENOTNC)
    throw refuse("is not a NetCDF file, or its header is damaged", "Check the file with 'ncdump -h'");
  throw refuse(std::string("cannot be read as NetCDF (") + nc_strerror(status) + "); it may be truncated or damaged",
               "Fetch or write the file again");
}

void check(int status, const std::string& path, const std::string& what, const std::string& variable) {
  if (status == NC_NOERR) return;
  throw Error(ErrorKind::io, what + " (" + nc_strerror(status) + ")",
              {.file = path, .variable = variable, .remedy = "Check that the file is whole and the disk has room"});
}

namespace {

void collect(const NetcdfHandle& file, int group, const std::string& prefix, std::vector<VariableId>& out) {
  int count = 0;
  check(nc_inq_varids(group, &count, nullptr), file.path(), "listing variables failed");
  std::vector<int> ids(static_cast<std::size_t>(count));
  check(nc_inq_varids(group, &count, ids.data()), file.path(), "listing variables failed");
  for (const int id : ids) {
    char name[NC_MAX_NAME + 1] = "";
    check(nc_inq_varname(group, id, name), file.path(), "naming a variable failed");
    out.push_back({group, id, prefix + name});
  }
  int groups = 0;
  check(nc_inq_grps(group, &groups, nullptr), file.path(), "listing groups failed");
  std::vector<int> children(static_cast<std::size_t>(groups));
  check(nc_inq_grps(group, &groups, children.data()), file.path(), "listing groups failed");
  for (const int child : children) {
    char name[NC_MAX_NAME + 1] = "";
    check(nc_inq_grpname(child, name), file.path(), "naming a group failed");
    collect(file, child, prefix + name + "/", out);
  }
}

}  // namespace

std::vector<VariableId> all_variables(const NetcdfHandle& file) {
  std::vector<VariableId> out;
  collect(file, file.id(), "", out);
  return out;
}

std::vector<Dimension> dimensions_of(const NetcdfHandle& file, const VariableId& v) {
  int count = 0;
  check(nc_inq_varndims(v.group, v.variable, &count), file.path(), "counting dimensions failed", v.name);
  std::vector<int> ids(static_cast<std::size_t>(count));
  check(nc_inq_vardimid(v.group, v.variable, ids.data()), file.path(), "listing dimensions failed", v.name);
  std::vector<Dimension> out;
  for (const int id : ids) {
    char name[NC_MAX_NAME + 1] = "";
    Dimension d{.id = id};
    check(nc_inq_dim(v.group, id, name, &d.length), file.path(), "reading a dimension failed", v.name);
    d.name = name;
    out.push_back(d);
  }
  return out;
}

std::optional<VariableId> coordinate_of(const NetcdfHandle& file, const VariableId& v, const Dimension& d) {
  int group = v.group;
  while (true) {
    int id = -1;
    if (nc_inq_varid(group, d.name.c_str(), &id) == NC_NOERR) {
      const VariableId found{group, id, d.name};
      const auto dimensions = dimensions_of(file, found);
      if (dimensions.size() == 1 && dimensions[0].id == d.id) return found;
    }
    int parent = -1;
    if (nc_inq_grp_parent(group, &parent) != NC_NOERR) return std::nullopt;
    group = parent;
  }
}

std::string text_attribute(const VariableId& v, const std::string& name) {
  nc_type type = NC_NAT;
  std::size_t length = 0;
  if (nc_inq_att(v.group, v.variable, name.c_str(), &type, &length) != NC_NOERR || length == 0) return {};
  if (type == NC_CHAR) {
    std::string text(length, '\0');
    if (nc_get_att_text(v.group, v.variable, name.c_str(), text.data()) != NC_NOERR) return {};
    while (!text.empty() && text.back() == '\0') text.pop_back();
    return text;
  }
  if (type != NC_STRING) return {};
  std::vector<char*> strings(length, nullptr);
  if (nc_get_att_string(v.group, v.variable, name.c_str(), strings.data()) != NC_NOERR) return {};
  const std::string text = strings[0] != nullptr ? strings[0] : "";
  nc_free_string(length, strings.data());
  return text;
}

std::vector<double> number_attribute(const VariableId& v, const std::string& name, nc_type* type) {
  nc_type found = NC_NAT;
  std::size_t length = 0;
  if (nc_inq_att(v.group, v.variable, name.c_str(), &found, &length) != NC_NOERR) return {};
  if (!is_numeric(found)) return {};
  std::vector<double> values(length);
  if (nc_get_att_double(v.group, v.variable, name.c_str(), values.data()) != NC_NOERR) return {};
  if (type != nullptr) *type = found;
  return values;
}

std::vector<double> read_all(const NetcdfHandle& file, const VariableId& v) {
  std::size_t size = 1;
  for (const auto& d : dimensions_of(file, v)) size *= d.length;
  std::vector<double> values(size);
  if (size > 0) check(nc_get_var_double(v.group, v.variable, values.data()), file.path(), "reading failed", v.name);
  return values;
}

nc_type type_of(const VariableId& v) {
  nc_type type = NC_NAT;
  nc_inq_vartype(v.group, v.variable, &type);
  return type;
}

std::string type_name(nc_type type) {
  switch (type) {
    case NC_BYTE: return "byte";
    case NC_CHAR: return "char";
    case NC_SHORT: return "short";
    case NC_INT: return "int";
    case NC_FLOAT: return "float";
    case NC_DOUBLE: return "double";
    case NC_UBYTE: return "ubyte";
    case NC_USHORT: return "ushort";
    case NC_UINT: return "uint";
    case NC_INT64: return "int64";
    case NC_UINT64: return "uint64";
    case NC_STRING: return "string";
    default: return "user-defined";
  }
}

bool is_numeric(nc_type type) {
  return type == NC_BYTE || type == NC_SHORT || type == NC_INT || type == NC_FLOAT || type == NC_DOUBLE ||
         type == NC_UBYTE || type == NC_USHORT || type == NC_UINT || type == NC_INT64 || type == NC_UINT64;
}

std::size_t size_of(nc_type type) {
  switch (type) {
    case NC_BYTE:
    case NC_UBYTE: return 1;
    case NC_SHORT:
    case NC_USHORT: return 2;
    case NC_INT:
    case NC_UINT:
    case NC_FLOAT: return 4;
    default: return 8;
  }
}

}  // namespace manifill::io
