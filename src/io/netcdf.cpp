#include "netcdf.hpp"

#include <hdf5.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <sstream>
#include <utility>

#include "classic_header.hpp"

namespace manifill::io {
namespace fs = std::filesystem;
namespace {

/// HDF5 prints its error stack unless told not to; what went wrong is in our own message.
void silence_hdf5() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

Error refusal(const std::string& path, const std::string& what, const std::string& remedy) {
  return {ErrorKind::input, what, {.file = path, .remedy = remedy}};
}

void check_plain_file(const std::string& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    throw Error(ErrorKind::io, "cannot be looked at: " + error.message(),
                {.file = path, .remedy = "Check the path and its permissions"});
  if (!fs::exists(status)) throw refusal(path, "there is no such file", "Check the path");
  if (fs::is_directory(status)) throw refusal(path, "is a directory, not a NetCDF file", "Name a file in it");
  if (!fs::is_regular_file(status))
    throw refusal(path, "is not a regular file", "Copy its content to a file first");
  if (fs::file_size(path, error) == 0 && !error)
    throw refusal(path, "is empty (0 bytes)", "Fetch or write the file again");
}

/// Before the library sees the file: it may crash on a damaged classic header, and reads zeros beyond the
/// end.
void check_classic(const std::string& path) {
  const ClassicHeader header = read_classic_header(path);
  std::error_code ignored;
  const std::uint64_t size = fs::file_size(path, ignored);
  if (header.state == ClassicHeader::State::damaged)
    throw refusal(path, "has a damaged header: it is truncated or altered", "Fetch or write the file again");
  if (header.state == ClassicHeader::State::sound && header.promised > size)
    throw refusal(path,
                  "is truncated: it has " + std::to_string(size) + " bytes, its header promises " +
                      std::to_string(header.promised),
                  "Fetch or write the file again");
}

}  // namespace

NetcdfHandle::NetcdfHandle(NetcdfHandle&& other) noexcept
    : id_(std::exchange(other.id_, -1)), path_(std::move(other.path_)) {}
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
  if (id >= 0) check_write(nc_close(id), path_, "closing the file failed");
}

int NetcdfHandle::format() const {
  int format = 0;
  check(nc_inq_format(id_, &format), path_, "asking for the format failed");
  return format;
}

NetcdfHandle NetcdfHandle::open(const std::string& path) {
  silence_hdf5();
  check_plain_file(path);
  check_classic(path);
  int id = -1;
  const int status = nc_open(path.c_str(), NC_NOWRITE, &id);
  if (status == NC_NOERR) return {id, path};
  if (status == EACCES || status == EPERM)
    throw Error(ErrorKind::io, "permission to open it was denied",
                {.file = path, .remedy = "Check its permissions"});
  if (status == NC_ENOTNC)
    throw refusal(path, "is not a NetCDF file, or its header is damaged", "Check the file with 'ncdump -h'");
  throw refusal(
      path, std::string("cannot be read as NetCDF (") + nc_strerror(status) + "): it is truncated or damaged",
      "Fetch or write the file again");
}

NetcdfHandle NetcdfHandle::create(const std::string& path, int flags) {
  silence_hdf5();
  int id = -1;
  check_write(nc_create(path.c_str(), flags | NC_CLOBBER, &id), path, "creating the file failed");
  return {id, path};
}

void check(int status, const std::string& path, const std::string& what, const std::string& variable) {
  if (status == NC_NOERR) return;
  throw Error(ErrorKind::io, what + " (" + nc_strerror(status) + ")",
              {.file = path,
               .variable = variable,
               .remedy = "The file may be damaged, or compressed by a filter that is not installed; check it "
                         "with 'ncdump'"});
}

void check_write(int status, const std::string& path, const std::string& what, const std::string& variable) {
  if (status == NC_NOERR) return;
  struct statvfs disk {};
  const std::string directory = fs::path(path).parent_path().string();
  const bool known = ::statvfs(directory.empty() ? "." : directory.c_str(), &disk) == 0;
  // HDF5 hides the reason of a failed write; a disk with less than a chunk's room is the likely one.
  const bool full =
      status == ENOSPC || status == EDQUOT || (known && disk.f_bavail * disk.f_frsize < (1U << 18U));
  throw Error(ErrorKind::io,
              what + (full ? ": the disk is full" : std::string(" (") + nc_strerror(status) + ")"),
              {.file = path,
               .variable = variable,
               .remedy = "Check that the disk has room and its quota is not used up, or write elsewhere"});
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

std::optional<VariableId> find_variable(const NetcdfHandle& file, const std::string& name) {
  for (auto& v : all_variables(file))
    if (v.name == name) return v;
  return std::nullopt;
}

std::optional<VariableId> variable_in_scope(int group, const std::string& name) {
  while (true) {
    int id = -1;
    if (nc_inq_varid(group, name.c_str(), &id) == NC_NOERR) return VariableId{group, id, name};
    int parent = -1;
    if (nc_inq_grp_parent(group, &parent) != NC_NOERR) return std::nullopt;
    group = parent;
  }
}

bool has_variable(int group, const std::string& name) {
  int id = -1;  // asking without it succeeds for any name
  return nc_inq_varid(group, name.c_str(), &id) == NC_NOERR;
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

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string short_name(const std::string& name) {
  const auto slash = name.rfind('/');
  return slash == std::string::npos ? name : name.substr(slash + 1);
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

bool has_attribute(const VariableId& v, const std::string& name) {
  nc_type type = NC_NAT;
  return nc_inq_atttype(v.group, v.variable, name.c_str(), &type) == NC_NOERR;
}

std::vector<double> read_all(const NetcdfHandle& file, const VariableId& v) {
  std::size_t size = 1;
  for (const auto& d : dimensions_of(file, v)) size *= d.length;
  std::vector<double> values(size);
  if (size > 0)
    check(nc_get_var_double(v.group, v.variable, values.data()), file.path(), "reading failed", v.name);
  return values;
}

nc_type type_of(const VariableId& v) {
  nc_type type = NC_NAT;
  nc_inq_vartype(v.group, v.variable, &type);
  return type;
}

std::string type_name(nc_type type) {
  switch (type) {
    case NC_BYTE:
      return "byte";
    case NC_CHAR:
      return "char";
    case NC_SHORT:
      return "short";
    case NC_INT:
      return "int";
    case NC_FLOAT:
      return "float";
    case NC_DOUBLE:
      return "double";
    case NC_UBYTE:
      return "ubyte";
    case NC_USHORT:
      return "ushort";
    case NC_UINT:
      return "uint";
    case NC_INT64:
      return "int64";
    case NC_UINT64:
      return "uint64";
    case NC_STRING:
      return "string";
    default:
      return "user-defined";
  }
}

bool is_floating(nc_type type) { return type == NC_FLOAT || type == NC_DOUBLE; }

bool is_numeric(nc_type type) {
  return is_floating(type) || type == NC_BYTE || type == NC_SHORT || type == NC_INT || type == NC_UBYTE ||
         type == NC_USHORT || type == NC_UINT || type == NC_INT64 || type == NC_UINT64;
}

std::size_t size_of(nc_type type) {
  switch (type) {
    case NC_BYTE:
    case NC_CHAR:
    case NC_UBYTE:
      return 1;
    case NC_SHORT:
    case NC_USHORT:
      return 2;
    case NC_INT:
    case NC_UINT:
    case NC_FLOAT:
      return 4;
    default:
      return 8;
  }
}

std::vector<std::size_t> chunks_of(const VariableId& v, std::size_t rank) {
  int storage = NC_CONTIGUOUS;
  std::vector<std::size_t> chunks(rank);
  if (rank == 0 || nc_inq_var_chunking(v.group, v.variable, &storage, chunks.data()) != NC_NOERR ||
      storage != NC_CHUNKED)
    return {};
  return chunks;
}

std::string bare_message(const Error& error) {
  // Error composes its text once; with the same context around a mark, what it composed around is found.
  const std::string mark = "\x01";
  const std::string frame = Error(error.kind(), mark, error.context()).what();
  const std::string whole = error.what();
  const auto before = frame.find(mark);
  const auto after = frame.size() - before - mark.size();
  return whole.substr(before, whole.size() - before - after);
}

}  // namespace manifill::io
