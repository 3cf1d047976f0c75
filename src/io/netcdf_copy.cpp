#include "netcdf_copy.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

namespace manifill::io {
namespace {

constexpr std::size_t kSlabBytes = std::size_t{16} << 20U;
constexpr std::size_t kCacheBytes = std::size_t{64} << 20U;
constexpr unsigned kDeflate = 1;  // HDF5's numbers of filters
constexpr unsigned kSzip = 4;

std::size_t bytes_of(const NetcdfHandle& file, int group, nc_type type) {
  std::size_t bytes = 0;
  // NcType::getSize asks the file opened last.
  check(nc_inq_type(group, type, nullptr, &bytes), file.path(), "asking for a type failed");
  return bytes;
}

/// Gives back the strings and variable-length parts that reading allocated, which NetCDF-C++ cannot for all
/// types.
class Slab {
 public:
  Slab(int group, nc_type type, std::size_t items, std::size_t bytes)
      : group_(group), type_(type), items_(items), data_(items * bytes) {}
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    if (!read_) return;
    if (type_ == NC_STRING)
      nc_free_string(items_, static_cast<char**>(data()));
    else if (type_ > NC_MAX_ATOMIC_TYPE)
      nc_reclaim_data(group_, type_, data_.data(), items_);
  }
  void* data() { return data_.data(); }
  void set_read() { read_ = true; }

 private:
  int group_;
  nc_type type_;
  std::size_t items_;
  std::vector<unsigned char> data_;
  bool read_ = false;
};

/// Longest box of at most `budget` items that fills the last dimensions first; in the dimension it cuts, a
/// multiple of the chunk.
std::vector<std::size_t> box(const std::vector<std::size_t>& lengths, const std::vector<std::size_t>& chunks,
                             std::size_t budget) {
  std::vector<std::size_t> count(lengths.size(), 1);
  budget = std::max<std::size_t>(1, budget);
  for (std::size_t k = lengths.size(); k-- > 0;) {
    count[k] = std::min(lengths[k], budget);
    if (count[k] < lengths[k] && !chunks.empty() && chunks[k] < count[k]) count[k] -= count[k] % chunks[k];
    budget = std::max<std::size_t>(1, budget / count[k]);
    if (count[k] < lengths[k]) break;
  }
  return count;
}

/// Moves a box to its next place, the last dimension fastest. \return false after the last place
bool next(std::vector<std::size_t>& at, const std::vector<std::size_t>& step,
          const std::vector<std::size_t>& lengths) {
  for (std::size_t k = at.size(); k-- > 0;) {
    at[k] += step[k];
    if (at[k] < lengths[k]) return true;
    at[k] = 0;
  }
  return false;
}

}  // namespace

bool is_hdf5(const NetcdfHandle& file) {
  const int format = file.format();
  return format == NC_FORMAT_NETCDF4 || format == NC_FORMAT_NETCDF4_CLASSIC;
}

void NetcdfCopy::define() {
  hdf5_ = is_hdf5(from_) && is_hdf5(to_);
  define_groups(from_, to_);
  for (const auto& [from, to] : groups_) copy_attributes(globals_of(from), globals_of(to));
  for (const auto& v : all_variables(from_)) define_variable(v);
}

VariableId NetcdfCopy::variable(const VariableId& from) const { return variables_.at(from.name); }

void NetcdfCopy::define_groups(const netCDF::NcGroup& from, const netCDF::NcGroup& to) {
  groups_[from.getId()] = to;
  define_types(from.getId(), to.getId());
  define_dimensions(from, to);
  for (const auto& child : groups_of(from_, from)) {
    const auto name = check([&] { return child.getName(); }, from_.path(), "naming a group failed");
    define_groups(child, check_out([&] { return to.addGroup(name); }, "creating a group failed"));
  }
}

// Types by the C interface: an NcType asks the file opened last, here the output, for its name.

void NetcdfCopy::define_types(int from, int to) {
  int count = 0;
  if (!hdf5_ || nc_inq_typeids(from, &count, nullptr) != NC_NOERR) return;
  std::vector<int> types(static_cast<std::size_t>(count));
  check(nc_inq_typeids(from, &count, types.data()), from_.path(), "listing types failed");
  std::sort(types.begin(), types.end());  // in order of definition: a type follows those it is made of
  for (const int type : types) types_[type] = define_type(from, type, to);
}

int NetcdfCopy::define_type(int from, int type, int to) {
  char name[NC_MAX_NAME + 1] = "";
  std::size_t size = 0;
  nc_type base = NC_NAT;
  std::size_t fields = 0;
  int kind = 0;
  check(nc_inq_user_type(from, type, name, &size, &base, &fields, &kind), from_.path(),
        "reading a type failed");
  const auto mapped = types_.count(base) > 0 ? types_.at(base) : base;
  int created = -1;
  if (kind == NC_OPAQUE) {
    check_out(nc_def_opaque(to, size, name, &created), "defining a type failed");
  } else if (kind == NC_VLEN) {
    check_out(nc_def_vlen(to, name, mapped, &created), "defining a type failed");
  } else if (kind == NC_ENUM) {
    check_out(nc_def_enum(to, base, name, &created), "defining a type failed");
    for (int k = 0; k < static_cast<int>(fields); ++k) {
      char member[NC_MAX_NAME + 1] = "";
      std::uint64_t value = 0;
      check(nc_inq_enum_member(from, type, k, member, &value), from_.path(), "reading a type failed");
      check_out(nc_insert_enum(to, created, member, &value), "defining a type failed");
    }
  } else {
    check_out(nc_def_compound(to, size, name, &created), "defining a type failed");
    define_compound(from, type, to, created);
  }
  return created;
}

void NetcdfCopy::define_compound(int from, int type, int to, int created) {
  std::size_t fields = 0;
  check(nc_inq_compound_nfields(from, type, &fields), from_.path(), "reading a type failed");
  for (int k = 0; k < static_cast<int>(fields); ++k) {
    char name[NC_MAX_NAME + 1] = "";
    std::size_t offset = 0;
    nc_type of = NC_NAT;
    int rank = 0;
    check(nc_inq_compound_field(from, type, k, name, &offset, &of, &rank, nullptr), from_.path(),
          "reading a type failed");
    std::vector<int> lengths(static_cast<std::size_t>(rank));
    check(nc_inq_compound_field(from, type, k, name, &offset, &of, &rank, lengths.data()), from_.path(),
          "reading a type failed");
    const nc_type mapped = types_.count(of) > 0 ? types_.at(of) : of;
    check_out(rank == 0 ? nc_insert_compound(to, created, name, offset, mapped)
                        : nc_insert_array_compound(to, created, name, offset, mapped, rank, lengths.data()),
              "defining a type failed");
  }
}

void NetcdfCopy::define_dimensions(const netCDF::NcGroup& from, const netCDF::NcGroup& to) {
  const auto by_name = check([&] { return from.getDims(); }, from_.path(), "listing dimensions failed");
  std::map<int, netCDF::NcDim> by_id;
  for (const auto& [name, d] : by_name) by_id[d.getId()] = d;
  for (const auto& [id, in] : by_id) {
    // Of its own group alone, isUnlimited is right.
    if (check([&] { return in.isUnlimited(); }, from_.path(), "listing dimensions failed"))
      unlimited_.insert(id);
    const Dimension d = check([&] { return as_dimension(in); }, from_.path(), "reading a dimension failed");
    const std::size_t length = unlimited_.count(id) > 0 ? NC_UNLIMITED : whole_length(d);
    dimensions_[id] =
        check_out([&] { return to.addDim(d.name, length); }, "defining dimension '" + d.name + "' failed");
  }
}

std::size_t NetcdfCopy::kept_length(const Dimension& d) const {
  return d.id == options_.cut_dimension ? options_.length : d.length;
}

std::size_t NetcdfCopy::whole_length(const Dimension& d) const {
  return d.id == options_.cut_dimension && options_.whole > 0 ? options_.whole : kept_length(d);
}

void NetcdfCopy::match() {
  for (const auto& v : all_variables(from_)) {
    const auto found = find_variable(to_, v.name);
    if (!found || type_of(*found) != type_of(v) ||
        dimensions_of(to_, *found).size() != dimensions_of(from_, v).size())
      throw Error(ErrorKind::input, "it does not have the variables of the other shards",
                  {.file = from_.path(),
                   .variable = v.name,
                   .remedy = "Merge the shards of one run; if fills left the packed range in some of them, "
                             "run all with --set impute.unpack=true"});
    variables_[v.name] = *found;
  }
}

bool NetcdfCopy::depends_on_cut(const VariableId& v) const {
  const auto dimensions = dimensions_of(from_, v);
  return std::any_of(dimensions.begin(), dimensions.end(),
                     [&](const Dimension& d) { return d.id == options_.cut_dimension; });
}

void NetcdfCopy::copy_cut_values() {
  for (const auto& v : all_variables(from_))
    if (depends_on_cut(v)) copy_variable(v);
}

void NetcdfCopy::verify_cut_values() {
  for (const auto& v : all_variables(from_))
    if (depends_on_cut(v) && type_of(v) <= NC_MAX_ATOMIC_TYPE && type_of(v) != NC_STRING)
      copy_variable(v, true);
}

void NetcdfCopy::define_variable(const VariableId& v) {
  std::vector<netCDF::NcDim> dimensions;
  for (const auto& d : dimensions_of(from_, v)) dimensions.push_back(dimensions_.at(d.id));
  const nc_type type = type_of(v);
  const auto renamed = options_.new_names.find(v.name);
  const std::string name = renamed == options_.new_names.end() ? short_name(v.name) : renamed->second;
  const auto define = [&] {
    return io::define_variable(groups_.at(v.group()), name, types_.count(type) > 0 ? types_.at(type) : type,
                               dimensions);
  };
  const VariableId o{check_out(define, "defining a variable failed", v.name), v.name};
  if (hdf5_) define_storage(v, o);
  copy_attributes(v, o);
  variables_[v.name] = o;
}

void NetcdfCopy::define_storage(const VariableId& v, const VariableId& o) {
  Storage s = check([&] { return storage_of(v); }, from_.path(), "asking for chunks failed", v.name);
  if (!s.chunks.empty()) {
    const auto lengths = dimensions_of(from_, v);
    for (std::size_t k = 0; k < lengths.size(); ++k)
      if (unlimited_.count(lengths[k].id) == 0) s.chunks[k] = std::min(s.chunks[k], whole_length(lengths[k]));
    const bool plain = s.kind == NC_CONTIGUOUS || s.kind == NC_COMPACT;
    // NcVar::ChunkMode has no compact storage.
    if (plain || s.kind == NC_CHUNKED)
      check_out(nc_def_var_chunking(o.group(), o.id(), s.kind, plain ? nullptr : s.chunks.data()),
                "setting chunks failed", v.name);
  }
  define_filters(v, o);
  const auto endian =
      check([&] { return v.nc.getEndianness(); }, from_.path(), "asking for the byte order failed", v.name);
  if (endian != netCDF::NcVar::nc_ENDIAN_NATIVE)
    check_out([&] { o.nc.setEndianness(endian); }, "setting the byte order failed", v.name);
  bool fill = true;
  check([&] { v.nc.getFillModeParameters(fill); }, from_.path(), "asking for the fill mode failed", v.name);
  if (!fill)
    check_out([&] { o.nc.setFill(false, static_cast<void*>(nullptr)); }, "setting the fill mode failed",
              v.name);
}

void NetcdfCopy::define_filters(const VariableId& v, const VariableId& o) {
  bool shuffle = false;
  bool deflate = false;
  int level = 0;
  check([&] { v.nc.getCompressionParameters(shuffle, deflate, level); }, from_.path(),
        "asking for compression failed", v.name);
  const auto checksum =
      check([&] { return v.nc.getChecksum(); }, from_.path(), "asking for checksums failed", v.name);
  if (checksum != netCDF::NcVar::nc_NOCHECKSUM)
    check_out([&] { o.nc.setChecksum(checksum); }, "setting checksums failed", v.name);
  if (shuffle || deflate)
    check_out([&] { o.nc.setCompression(shuffle, deflate, level); }, "setting compression failed", v.name);
  for (const unsigned filter :
       check([&] { return filters_of(v); }, from_.path(), "asking for filters failed", v.name)) {
    if (filter == kDeflate) continue;
    auto parameters = check([&] { return filter_parameters(v, filter); }, from_.path(),
                            "asking for filters failed", v.name);
    // HDF5 appends what it computed itself to szip's two parameters.
    if (filter == kSzip && parameters.size() > 2) parameters.resize(2);
    check_out([&] { o.nc.setFilter(filter, parameters.size(), parameters.data()); },
              "setting a filter failed", v.name);
  }
}

void NetcdfCopy::copy_attributes(const VariableId& v, const VariableId& o) {
  for (const auto& name : attribute_names(from_, v))
    check_out([&] { copy_attribute(v, name, o.nc); }, "copying attribute '" + name + "' failed", v.name);
}

void NetcdfCopy::copy_values() {
  for (const auto& v : all_variables(from_)) {
    const bool skip = std::any_of(options_.without_values.begin(), options_.without_values.end(),
                                  [&](const VariableId& w) { return w == v; });
    if (!skip) copy_variable(v);
  }
}

void NetcdfCopy::copy_variable(const VariableId& v, bool compare) {
  const VariableId& o = variables_.at(v.name);
  const nc_type type = type_of(v);
  const auto dimensions = dimensions_of(from_, v);
  std::vector<std::size_t> lengths;
  std::vector<std::size_t> offset;
  std::vector<std::size_t> place;
  for (const auto& d : dimensions) {
    lengths.push_back(kept_length(d));
    offset.push_back(d.id == options_.cut_dimension ? options_.first : 0);
    place.push_back(d.id == options_.cut_dimension ? options_.at : 0);
    if (lengths.back() == 0) return;
  }
  const std::size_t bytes = bytes_of(from_, v.group(), type);
  const auto chunks = chunks_of(v);
  if (!chunks.empty()) {
    set_chunk_cache(v, kCacheBytes, 4133);
    set_chunk_cache(o, kCacheBytes, 4133);
  }
  const auto step = box(lengths, chunks, kSlabBytes / bytes);
  std::vector<std::size_t> at(lengths.size(), 0);
  do {
    std::vector<std::size_t> start(at);
    std::vector<std::size_t> count(step);
    std::vector<std::size_t> target(at);
    std::size_t items = 1;
    for (std::size_t k = 0; k < at.size(); ++k) {
      start[k] += offset[k];
      target[k] += place[k];
      count[k] = std::min(step[k], lengths[k] - at[k]);
      items *= count[k];
    }
    Slab slab(v.group(), type, items, bytes);
    check([&] { v.nc.getVar(start, count, slab.data()); }, from_.path(), "reading failed", v.name);
    slab.set_read();
    if (compare) {
      std::vector<unsigned char> found(items * bytes);
      check([&] { o.nc.getVar(target, count, static_cast<void*>(found.data())); }, to_.path(),
            "verifying failed", v.name);
      if (std::memcmp(found.data(), slab.data(), found.size()) != 0)
        throw Error(ErrorKind::io, "what was written is not what was read",
                    {.file = to_.path(), .variable = v.name, .remedy = "Check the disk"});
      continue;
    }
    check_out([&] { o.nc.putVar(target, count, slab.data()); }, "writing failed", v.name);
  } while (next(at, step, lengths));
}

}  // namespace manifill::io
