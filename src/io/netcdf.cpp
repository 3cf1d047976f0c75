#include "netcdf.hpp"

#include <hdf5.h>
#include <netcdf_filter.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <map>
#include <sstream>
#include <utility>

#include "classic_header.hpp"
#include "plain_file.hpp"

namespace manifill::io {
namespace fs = std::filesystem;
using netCDF::exceptions::NcException;
namespace {

/// HDF5 prints its error stack unless told not to; what went wrong is in our own message.
void silence_hdf5() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

Error netcdf_refusal(const std::string& path, const std::string& what, const std::string& remedy) {
  return {ErrorKind::input, what, {.file = path, .remedy = remedy}};
}

/// Before the library sees the file: it may crash on a damaged classic header, and reads zeros beyond the
/// end.
void check_classic(const std::string& path) {
  const ClassicHeader header = read_classic_header(path);
  std::error_code ignored;
  const std::uint64_t size = fs::file_size(path, ignored);
  if (header.state == ClassicHeader::State::damaged)
    throw netcdf_refusal(path, "has a damaged header: it is truncated or altered",
                         "Fetch or write the file again");
  if (header.state == ClassicHeader::State::sound && header.promised > size)
    throw netcdf_refusal(path,
                         "is truncated: it has " + std::to_string(size) + " bytes, its header promises " +
                             std::to_string(header.promised),
                         "Fetch or write the file again");
}

}  // namespace

NetcdfHandle::NetcdfHandle(NetcdfHandle&& other) noexcept { *this = std::move(other); }
NetcdfHandle& NetcdfHandle::operator=(NetcdfHandle&& other) noexcept {
  std::swap(nullObject, other.nullObject);
  std::swap(myId, other.myId);
  std::swap(path_, other.path_);
  return *this;
}
NetcdfHandle::~NetcdfHandle() {
  try {
    release();
  } catch (const NcException&) {  // NcFile would print it; who writes calls close() before
  }
}

/// NcFile takes a file that it could not close for open, and would close it again.
void NetcdfHandle::release() {
  try {
    NcFile::close();
  } catch (const NcException&) {
    nullObject = true;
    throw;
  }
}

void NetcdfHandle::close() {
  check_write([&] { release(); }, path_, "closing the file failed");
}

int NetcdfHandle::format() const {
  int format = 0;
  // NcFile does not tell it.
  check(nc_inq_format(getId(), &format), path_, "asking for the format failed");
  return format;
}

NetcdfHandle NetcdfHandle::open(const std::string& path) {
  silence_hdf5();
  check_plain_file(path, "NetCDF file");
  check_classic(path);
  NetcdfHandle file(path);
  try {
    file.NcFile::open(path, NC_NOWRITE);
    return file;
  } catch (const NcException& e) {
    const int status = e.errorCode();
    if (status == EACCES || status == EPERM)
      throw Error(ErrorKind::io, "permission to open it was denied",
                  {.file = path, .remedy = "Check its permissions"});
    if (status == NC_ENOTNC)
      throw netcdf_refusal(path, "is not a NetCDF file, or its header is damaged",
                           "Check the file with 'ncdump -h'");
    throw netcdf_refusal(
        path,
        std::string("cannot be read as NetCDF (") + nc_strerror(status) + "): it is truncated or damaged",
        "Fetch or write the file again");
  }
}

NetcdfHandle NetcdfHandle::create(const std::string& path, int flags) {
  silence_hdf5();
  NetcdfHandle file(path);
  check_write([&] { file.NcFile::create(path, flags | NC_CLOBBER); }, path, "creating the file failed");
  return file;
}

NetcdfHandle NetcdfHandle::in_memory(const std::string& path, bool large) {
  NetcdfHandle file(path);
  const int flags = NC_DISKLESS | NC_CLOBBER | (large ? NC_64BIT_DATA : NC_64BIT_OFFSET);
  // A name of no file: the library may look whether there is one.
  check_write([&] { file.NcFile::create("manifill-in-memory", flags); }, path, "keeping it in memory failed");
  return file;
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

VariableId globals_of(const netCDF::NcGroup& group) { return {.nc = {group, NC_GLOBAL}}; }

std::vector<netCDF::NcGroup> groups_of(const NetcdfHandle& file, const netCDF::NcGroup& group) {
  const auto by_name = check([&] { return group.getGroups(); }, file.path(), "listing groups failed");
  std::map<int, netCDF::NcGroup> by_id;
  for (const auto& [name, child] : by_name) by_id[child.getId()] = child;
  std::vector<netCDF::NcGroup> out;
  for (const auto& [id, child] : by_id) out.push_back(child);
  return out;
}

namespace {

void collect(const NetcdfHandle& file, const netCDF::NcGroup& group, const std::string& prefix,
             std::vector<VariableId>& out) {
  // NcGroup::getVars sorts by name; ids count up in file order.
  const int count = check([&] { return group.getVarCount(); }, file.path(), "listing variables failed");
  for (int id = 0; id < count; ++id) {
    const netCDF::NcVar v(group, id);
    const auto name = check([&] { return v.getName(); }, file.path(), "naming a variable failed");
    out.push_back({v, prefix + name});
  }
  for (const auto& child : groups_of(file, group)) {
    const auto name = check([&] { return child.getName(); }, file.path(), "naming a group failed");
    collect(file, child, prefix + name + "/", out);
  }
}

}  // namespace

std::vector<VariableId> all_variables(const NetcdfHandle& file) {
  std::vector<VariableId> out;
  collect(file, file, "", out);
  return out;
}

std::optional<VariableId> find_variable(const NetcdfHandle& file, const std::string& name) {
  for (auto& v : all_variables(file))
    if (v.name == name) return v;
  return std::nullopt;
}

Dimension as_dimension(const netCDF::NcDim& d) { return {d.getId(), d.getName(), d.getSize()}; }

std::vector<Dimension> dimensions_of(const NetcdfHandle& file, const VariableId& v) {
  const auto all = check([&] { return v.nc.getDims(); }, file.path(), "listing dimensions failed", v.name);
  std::vector<Dimension> out;
  for (const auto& d : all)
    out.push_back(check([&] { return as_dimension(d); }, file.path(), "reading a dimension failed", v.name));
  return out;
}

netCDF::NcDim dimension_in_scope(netCDF::NcGroup group, const std::string& name) {
  netCDF::NcDim found;
  for (; found.isNull() && !group.isNull(); group = group.getParentGroup()) found = group.getDim(name);
  return found;
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

namespace {

/// Null when there is none, or none that can be read; NcVar::getAtt throws then.
netCDF::NcVarAtt attribute(const VariableId& v, const std::string& name) {
  try {
    const auto all = v.nc.getAtts();
    const auto found = all.find(name);
    return found == all.end() ? netCDF::NcVarAtt() : found->second;
  } catch (const NcException&) {
    return {};
  }
}

/// NcAtt::getType looks for a user-defined type in the file opened last.
nc_type type_of(netCDF::NcVarAtt& a) {
  nc_type type = NC_NAT;
  a.inq_atttype(a.getName().c_str(), &type);
  return type;
}

std::string text_of(netCDF::NcVarAtt& a, const netCDF::NcVar& owner) {
  const std::size_t length = a.getAttLength();
  const nc_type type = type_of(a);
  std::string text;
  if (length == 0) return text;
  if (type == NC_CHAR) {
    a.getValues(text);
    while (!text.empty() && text.back() == '\0') text.pop_back();
  } else if (type == NC_STRING) {
    std::vector<char*> strings(length, nullptr);
    a.getValues(strings.data());
    if (strings[0] != nullptr) text = strings[0];
    owner.freeString(length, strings.data());
  }
  return text;
}

}  // namespace

std::string text_attribute(const VariableId& v, const std::string& name) {
  auto a = attribute(v, name);
  try {
    return a.isNull() ? std::string() : text_of(a, v.nc);
  } catch (const NcException&) {
    return {};
  }
}

std::vector<double> number_attribute(const VariableId& v, const std::string& name, nc_type* type) {
  auto a = attribute(v, name);
  if (a.isNull()) return {};
  try {
    const nc_type found = type_of(a);
    if (!is_numeric(found)) return {};
    std::vector<double> values(a.getAttLength());
    a.getValues(values.data());
    if (type != nullptr) *type = found;
    return values;
  } catch (const NcException&) {
    return {};
  }
}

bool has_attribute(const VariableId& v, const std::string& name) { return !attribute(v, name).isNull(); }

std::vector<std::string> attribute_names(const NetcdfHandle& file, const VariableId& v) {
  const int count =
      check([&] { return v.nc.getAttCount(); }, file.path(), "listing attributes failed", v.name);
  std::vector<std::string> out;
  for (int k = 0; k < count; ++k)
    out.push_back(check([&] { return netCDF::NcVarAtt(v.nc.getParentGroup(), v.nc, k).getName(); },
                        file.path(), "naming an attribute failed", v.name));
  return out;
}

std::vector<double> read_all(const NetcdfHandle& file, const VariableId& v) {
  std::size_t size = 1;
  for (const auto& d : dimensions_of(file, v)) size *= d.length;
  std::vector<double> values(size);
  if (size > 0) check([&] { v.nc.getVar(values.data()); }, file.path(), "reading failed", v.name);
  return values;
}

nc_type type_of(const VariableId& v) {
  nc_type type = NC_NAT;
  // NcVar::getType looks for a user-defined type in the file opened last.
  nc_inq_vartype(v.group(), v.id(), &type);
  return type;
}

std::string type_name(nc_type type) {
  const bool atomic = type > NC_NAT && type <= NC_MAX_ATOMIC_TYPE;
  return atomic ? netCDF::NcType(type).getName() : "user-defined";
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

namespace {

/// A status of the C interface, as NetCDF-C++ reports it.
void throw_on(int status) { netCDF::ncCheck(status, __FILE__, __LINE__); }

}  // namespace

std::vector<std::size_t> chunks_of(const VariableId& v) {
  try {
    Storage s = storage_of(v);
    if (s.kind == NC_CHUNKED) return std::move(s.chunks);
  } catch (const NcException&) {  // without chunks it is read all the same
  }
  return {};
}

void set_chunk_cache(const VariableId& v, std::size_t bytes, std::size_t slots) {
  try {
    v.nc.setChunkCache(bytes, slots, 0.75F);
  } catch (const NcException&) {  // costs time alone
  }
}

/// NcVar::ChunkMode knows nothing of compact and virtual storage.
Storage storage_of(const VariableId& v) {
  Storage s{.chunks = std::vector<std::size_t>(static_cast<std::size_t>(v.nc.getDimCount()))};
  // A scalar has no storage to ask for.
  if (!s.chunks.empty()) throw_on(nc_inq_var_chunking(v.group(), v.id(), &s.kind, s.chunks.data()));
  return s;
}

/// NcVar::getFilter tells of the first one alone.
std::vector<unsigned> filters_of(const VariableId& v) {
  std::size_t count = 0;
  if (nc_inq_var_filter_ids(v.group(), v.id(), &count, nullptr) != NC_NOERR) return {};
  std::vector<unsigned> filters(count);
  if (count > 0) throw_on(nc_inq_var_filter_ids(v.group(), v.id(), &count, filters.data()));
  return filters;
}

/// As with filters_of.
std::vector<unsigned> filter_parameters(const VariableId& v, unsigned filter) {
  std::size_t count = 0;
  throw_on(nc_inq_var_filter_info(v.group(), v.id(), filter, &count, nullptr));
  std::vector<unsigned> parameters(count);
  if (count > 0) throw_on(nc_inq_var_filter_info(v.group(), v.id(), filter, &count, parameters.data()));
  return parameters;
}

/// NcGroup::addVar looks for type and dimensions by name, and may find others of that name.
netCDF::NcVar define_variable(const netCDF::NcGroup& group, const std::string& name, nc_type type,
                              const std::vector<netCDF::NcDim>& dimensions) {
  std::vector<int> ids;
  for (const auto& d : dimensions) ids.push_back(d.getId());
  int id = -1;
  throw_on(nc_def_var(group.getId(), name.c_str(), type, static_cast<int>(ids.size()), ids.data(), &id));
  return {group, id};
}

/// NetCDF-C++ cannot copy an attribute whatever its type.
void copy_attribute(const VariableId& from, const std::string& name, const netCDF::NcVar& to) {
  throw_on(nc_copy_att(from.group(), from.id(), name.c_str(), to.getParentGroup().getId(), to.getId()));
}

/// NetCDF-C++ cannot remove an attribute.
void remove_attribute(const VariableId& v, const std::string& name) {
  throw_on(nc_del_att(v.group(), v.id(), name.c_str()));
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
