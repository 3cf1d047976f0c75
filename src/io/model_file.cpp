#include "manifill/io/model_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <hdf5.h>

#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"

namespace manifill::io {
namespace {

static_assert(std::endian::native == std::endian::little, "the checksum is over little-endian bytes");

constexpr const char* kFormat = "manifill-model";
constexpr const char* kFormatVersion = "1";
constexpr std::size_t kMostRank = 6;
constexpr std::uint64_t kMostElements = 1ULL << 31U;
constexpr std::uint64_t kMostBytes = 4ULL << 30U;
constexpr std::uint64_t kMostChunkBytes = 64ULL << 20U;
constexpr std::uint64_t kMostTextBytes = 64ULL << 20U;
constexpr std::size_t kMostObjects = 100000;
constexpr int kMostDepth = 16;
constexpr std::size_t kMostName = 256;
// Deflate cannot shrink more than 1032 to 1: what claims more than that was not written by it.
constexpr std::uint64_t kMostDeflation = 1040;
constexpr std::uint64_t kChunkBytes = 1ULL << 20U;
constexpr unsigned kDeflateLevel = 6;

// Closing lines of the file, after the HDF5 content: every byte before is under this checksum, so that
// nothing altered reaches the HDF5 library. HDF5 ignores bytes after its own end.
constexpr std::string_view kTrailerTag = "\nmanifill-model-end fnv1a64 ";
constexpr std::size_t kTrailerBytes = kTrailerTag.size() + 16 + 1;

constexpr const char* kRemedy = "Use a file written by `manifill train`, or copy it again from its source";

[[noreturn]] void refuse(const std::string& path, const std::string& what, const std::string& entry = {}) {
  throw Error(ErrorKind::input, what, {.file = path, .variable = entry, .remedy = kRemedy});
}

/// Keeps HDF5 from printing its error stack while alive.
class QuietHdf5 {
 public:
  QuietHdf5() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  QuietHdf5(const QuietHdf5&) = delete;
  QuietHdf5& operator=(const QuietHdf5&) = delete;
  ~QuietHdf5() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

/// An HDF5 identifier with its closing function.
class Handle {
 public:
  Handle(hid_t id, herr_t (*closer)(hid_t)) : id_(id), close_(closer) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&&) = delete;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  [[nodiscard]] hid_t get() const { return id_; }
  [[nodiscard]] bool valid() const { return id_ >= 0; }
  bool close() { return close_(std::exchange(id_, -1)) >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

template <typename T>
struct Hdf5Type;  // on disk little-endian whatever the machine, in memory native; the tag goes into the
                  // checksum
template <>
struct Hdf5Type<float> {
  static hid_t file() { return H5T_IEEE_F32LE; }
  static hid_t memory() { return H5T_NATIVE_FLOAT; }
  static constexpr std::string_view tag = "float";
};
template <>
struct Hdf5Type<double> {
  static hid_t file() { return H5T_IEEE_F64LE; }
  static hid_t memory() { return H5T_NATIVE_DOUBLE; }
  static constexpr std::string_view tag = "double";
};
template <>
struct Hdf5Type<std::int64_t> {
  static hid_t file() { return H5T_STD_I64LE; }
  static hid_t memory() { return H5T_NATIVE_INT64; }
  static constexpr std::string_view tag = "int64";
};
template <>
struct Hdf5Type<std::int16_t> {
  static hid_t file() { return H5T_STD_I16LE; }
  static hid_t memory() { return H5T_NATIVE_INT16; }
  static constexpr std::string_view tag = "int16";
};

bool reserved(const std::string& name) {
  return name == "format" || name == "format_version" || name == "checksum";
}

/// Whether a name is a path of plain components: no "", ".", "..", control characters.
bool valid_name(const std::string& name) {
  if (name.empty() || name.size() > kMostName) return false;
  for (std::size_t start = 0; start <= name.size();) {
    const auto slash = std::min(name.find('/', start), name.size());
    const std::string part = name.substr(start, slash - start);
    if (part.empty() || part == "." || part == "..") return false;
    start = slash + 1;
  }
  return std::none_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

/// Number of elements, or nothing beyond the limits.
std::optional<std::uint64_t> element_count(const std::vector<std::size_t>& shape) {
  if (shape.size() > kMostRank) return std::nullopt;
  std::uint64_t count = 1;
  for (const std::size_t extent : shape) {
    if (extent > kMostElements) return std::nullopt;
    count *= extent;  // both at most 2^31
    if (count > kMostElements) return std::nullopt;
  }
  return count;
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, "]["));
}

void check_put(const std::string& name, const std::vector<std::size_t>& shape, std::size_t values) {
  const auto count = element_count(shape);
  if (!valid_name(name) || !count || *count != values)
    throw Error(ErrorKind::internal, fmt::format("model entry '{}' of shape {} with {} values is not valid",
                                                 name, shape_text(shape), values));
}

// --- checksum
// ---------------------------------------------------------------------------------------------------

std::uint64_t hash_text(const std::string_view text, std::uint64_t seed) {
  const std::uint64_t size = text.size();
  return hash_bytes(text.data(), text.size(), hash_bytes(&size, sizeof size, seed));
}

template <typename Arrays>
std::uint64_t hash_arrays(const Arrays& arrays, std::uint64_t hash) {
  for (const auto& [name, array] : arrays) {
    using T = typename std::decay_t<decltype(array.values)>::value_type;
    hash = hash_text(Hdf5Type<T>::tag, hash_text(name, hash));
    const std::uint64_t rank = array.shape.size();
    hash = hash_bytes(&rank, sizeof rank, hash);
    for (const std::uint64_t extent : array.shape) hash = hash_bytes(&extent, sizeof extent, hash);
    hash = hash_bytes(array.values.data(), array.values.size() * sizeof(T), hash);
  }
  return hash;
}

std::string trailer(std::uint64_t hash) { return fmt::format("{}{:016x}\n", kTrailerTag, hash); }

// --- writing
// ----------------------------------------------------------------------------------------------------

[[noreturn]] void write_failed(const std::string& path, const std::string& entry) {
  // HDF5 keeps errno of the failed system call well enough to tell a full disk.
  if (errno == ENOSPC || errno == EDQUOT) throw_io_error(path, "cannot write the model", errno);
  throw Error(ErrorKind::io, "cannot write the model",
              {.file = path, .variable = entry, .remedy = "Check space and permissions of the disk"});
}

/// Chunk extents: whole trailing dimensions as far as they fit in about 1 MiB.
std::vector<hsize_t> chunk_shape(const std::vector<std::size_t>& shape, std::size_t element_bytes) {
  std::vector<hsize_t> chunk(shape.size(), 1);
  std::uint64_t room = kChunkBytes / element_bytes;
  for (std::size_t d = shape.size(); d-- > 0;) {
    chunk[d] = std::clamp<std::uint64_t>(room, 1, shape[d]);
    room /= chunk[d];
  }
  return chunk;
}

/// Creates the groups of a name that are not there yet, without the time stamps that HDF5 would give them by
/// itself.
void make_groups(hid_t file, const std::string& path, const std::string& name) {
  const Handle creation(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.get(), 0);
  for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    const std::string group = name.substr(0, slash);
    if (H5Lexists(file, group.c_str(), H5P_DEFAULT) > 0) continue;
    const Handle made(H5Gcreate2(file, group.c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT), H5Gclose);
    if (!made.valid()) write_failed(path, name);
  }
}

template <typename T>
void write_array(hid_t file, const std::string& path, const std::string& name,
                 const std::vector<std::size_t>& shape, const std::vector<T>& values, bool deflate) {
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  const Handle space(shape.empty()
                         ? H5Screate(H5S_SCALAR)
                         : H5Screate_simple(static_cast<int>(shape.size()), extents.data(), nullptr),
                     H5Sclose);
  make_groups(file, path, name);
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.get(), 0);  // equal models are equal bytes
  if (deflate && !shape.empty() && !values.empty()) {
    const auto chunk = chunk_shape(shape, sizeof(T));
    H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data());
    H5Pset_shuffle(creation.get());
    H5Pset_deflate(creation.get(), kDeflateLevel);
  }
  errno = 0;
  Handle dataset(H5Dcreate2(file, name.c_str(), Hdf5Type<T>::file(), space.get(), H5P_DEFAULT, creation.get(),
                            H5P_DEFAULT),
                 H5Dclose);
  if (!dataset.valid()) write_failed(path, name);
  if (!values.empty() &&
      H5Dwrite(dataset.get(), Hdf5Type<T>::memory(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
    write_failed(path, name);
  if (!dataset.close()) write_failed(path, name);
}

void write_text(hid_t file, const std::string& path, const std::string& name, const std::string& value) {
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), value.size() + 1);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  errno = 0;
  const Handle attribute(H5Acreate2(file, name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose);
  if (!attribute.valid() || H5Awrite(attribute.get(), type.get(), value.c_str()) < 0)
    write_failed(path, name);
}

Handle access_properties() {
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // The old object headers limit an attribute to 64 KiB; a configuration may be longer.
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V18);
  H5Pset_file_locking(access.get(), 0, 1);  // network file systems without locks; the name is ours alone
  return access;
}

Handle create_file(const std::string& temporary, const std::string& target) {
  const Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.get(), 0);
  const Handle access = access_properties();
  errno = 0;
  Handle file(H5Fcreate(temporary.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose);
  if (!file.valid()) write_failed(target, {});
  return file;
}

struct CloseFile {
  void operator()(std::FILE* f) const { std::fclose(f); }
};
using FilePointer = std::unique_ptr<std::FILE, CloseFile>;

/// FNV-1a of the next `size` bytes; nothing when the file ends before.
std::optional<std::uint64_t> hash_stream(std::FILE* file, std::uint64_t size) {
  std::vector<unsigned char> block(1U << 20U);
  std::uint64_t hash = hash_bytes(nullptr, 0);
  while (size > 0) {
    const std::size_t want = std::min<std::uint64_t>(size, block.size());
    if (std::fread(block.data(), 1, want, file) != want) return std::nullopt;
    hash = hash_bytes(block.data(), want, hash);
    size -= want;
  }
  return hash;
}

void append_trailer(const std::string& temporary, const std::string& target) {
  const FilePointer file(std::fopen(temporary.c_str(), "r+b"));
  struct stat status {};
  if (!file || fstat(fileno(file.get()), &status) != 0)
    throw_io_error(target, "cannot re-open the model", errno);
  const auto hash = hash_stream(file.get(), static_cast<std::uint64_t>(status.st_size));
  if (!hash || std::fseek(file.get(), 0, SEEK_END) != 0)
    throw_io_error(target, "cannot read back the model", errno);
  const std::string text = trailer(*hash);
  if (std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() || std::fflush(file.get()) != 0)
    throw_io_error(target, "cannot write the model", errno);
}

// --- reading
// ----------------------------------------------------------------------------------------------------

/// Size of the file, after its closing checksum was verified.
std::uint64_t verify_bytes(const std::string& path) {
  errno = 0;
  const FilePointer file(std::fopen(path.c_str(), "rb"));
  struct stat status {};
  if (!file || fstat(fileno(file.get()), &status) != 0)
    throw Error(ErrorKind::io, fmt::format("cannot open the model: {}", std::strerror(errno)),
                {.file = path, .remedy = "Check the name given by --model and its permissions"});
  if (!S_ISREG(status.st_mode)) refuse(path, "is not a regular file, so not a model file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  char magic[8] = {};
  const std::size_t got = std::fread(magic, 1, sizeof magic, file.get());
  if (got < sizeof magic || std::memcmp(magic, "\x89HDF\r\n\x1a\n", sizeof magic) != 0)
    refuse(path, size == 0 ? "is empty, not a model file" : "is not a model file: it has no HDF5 signature");
  std::string closing(kTrailerBytes, '\0');
  if (size < sizeof magic + kTrailerBytes ||
      std::fseek(file.get(), -static_cast<long>(kTrailerBytes), SEEK_END) != 0 ||
      std::fread(closing.data(), 1, closing.size(), file.get()) != closing.size() ||
      !closing.starts_with(kTrailerTag))
    refuse(
        path,
        "is not a complete model file: its closing checksum is missing. It is truncated or something else");
  if (size > kMostBytes + (64U << 20U))
    refuse(path, fmt::format("has {} bytes, more than a model file may have", size));
  std::rewind(file.get());
  const auto hash = hash_stream(file.get(), size - kTrailerBytes);
  if (!hash || closing != trailer(*hash))
    refuse(path, "does not match its own checksum: the file is altered or damaged");
  return size;
}

/// What is read so far, against the limit of the whole.
struct Budget {
  std::uint64_t file_bytes = 0;
  std::uint64_t bytes = 0;
  std::size_t objects = 0;
};

std::vector<std::size_t> checked_shape(const std::string& path, const std::string& name, hid_t dataset) {
  const Handle space(H5Dget_space(dataset), H5Sclose);
  const H5S_class_t kind = H5Sget_simple_extent_type(space.get());
  if (kind == H5S_SCALAR) return {};
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (kind != H5S_SIMPLE || rank < 1 || rank > static_cast<int>(kMostRank))
    refuse(path, fmt::format("has a rank outside 0 to {}", kMostRank), name);
  std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr);
  std::vector<std::size_t> shape(extents.begin(), extents.end());
  if (!element_count(shape))
    refuse(path, fmt::format("declares the shape {}, beyond 2^31 elements", shape_text(shape)), name);
  return shape;
}

void check_filters(const std::string& path, const std::string& name, hid_t creation) {
  const int filters = H5Pget_nfilters(creation);
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0;
    unsigned config = 0;
    std::size_t parameters = 0;
    const H5Z_filter_t filter =
        H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &parameters, nullptr, 0, nullptr, &config);
    if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE)
      refuse(path,
             fmt::format("uses HDF5 filter {}; only shuffle and deflate are read", static_cast<int>(filter)),
             name);
  }
  if (filters < 0 || filters > 2) refuse(path, "has more HDF5 filters than shuffle and deflate", name);
}

/// Layout, filters and sizes, before anything is allocated.
void check_storage(const std::string& path, const std::string& name, hid_t dataset, std::uint64_t bytes,
                   std::size_t element_bytes, const Budget& budget) {
  const Handle creation(H5Dget_create_plist(dataset), H5Pclose);
  const H5D_layout_t layout = H5Pget_layout(creation.get());
  if (layout != H5D_CHUNKED && layout != H5D_CONTIGUOUS && layout != H5D_COMPACT)
    refuse(path, "has virtual or unknown storage", name);
  if (H5Pget_external_count(creation.get()) != 0) refuse(path, "has its data in an external file", name);
  check_filters(path, name, creation.get());
  if (layout == H5D_CHUNKED) {
    hsize_t chunk[kMostRank + 1] = {};
    const int rank = H5Pget_chunk(creation.get(), static_cast<int>(kMostRank) + 1, chunk);
    std::uint64_t chunk_bytes = element_bytes;
    for (int d = 0; d < rank; ++d) {
      if (chunk[d] == 0 || chunk[d] > kMostChunkBytes) chunk_bytes = kMostChunkBytes;
      chunk_bytes =
          std::min(chunk_bytes, kMostChunkBytes) * std::clamp<std::uint64_t>(chunk[d], 1, kMostChunkBytes);
    }
    if (rank < 1 || rank > static_cast<int>(kMostRank) || chunk_bytes > kMostChunkBytes)
      refuse(path, "has chunks beyond 64 MiB", name);
  }
  const std::uint64_t stored = H5Dget_storage_size(dataset);
  if (stored > budget.file_bytes) refuse(path, "claims more storage than the file has", name);
  const std::uint64_t most = layout == H5D_CHUNKED ? stored * kMostDeflation : stored;
  if (bytes > most)
    refuse(path, fmt::format("declares {} bytes, more than its {} stored bytes can hold", bytes, stored),
           name);
}

template <typename T, typename Arrays>
bool read_array_as(const std::string& path, const std::string& name, hid_t dataset, Budget& budget,
                   Arrays& arrays) {
  const Handle type(H5Dget_type(dataset), H5Tclose);
  if (H5Tequal(type.get(), Hdf5Type<T>::file()) <= 0) return false;
  auto shape = checked_shape(path, name, dataset);
  const std::uint64_t count = *element_count(shape);
  const std::uint64_t bytes = count * sizeof(T);
  budget.bytes += bytes;
  if (bytes > kMostBytes || budget.bytes > kMostBytes) refuse(path, "declares more than 4 GiB in all", name);
  check_storage(path, name, dataset, bytes, sizeof(T), budget);
  auto& array = arrays[name];
  array.shape = std::move(shape);
  array.values.resize(count);
  if (count > 0 &&
      H5Dread(dataset, Hdf5Type<T>::memory(), H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data()) < 0)
    refuse(path, "cannot be read: its stored data are damaged", name);
  return true;
}

std::string link_name(const std::string& path, hid_t group, hsize_t index) {
  char name[kMostName + 1] = {};
  const auto size =
      H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, index, name, sizeof name, H5P_DEFAULT);
  if (size <= 0 || static_cast<std::size_t>(size) > kMostName)
    refuse(path, "has an entry without a readable name");
  return {name, static_cast<std::size_t>(size)};
}

/// Visits every dataset below a group by hard links only: `visit(name, dataset)`.
template <typename Visit>
void walk_group(const std::string& path, hid_t group, const std::string& prefix, int depth, Budget& budget,
                const Visit& visit) {
  if (depth > kMostDepth) refuse(path, "has groups nested too deeply", prefix);
  H5G_info_t group_info{};
  if (H5Gget_info(group, &group_info) < 0) refuse(path, "has an unreadable group", prefix);
  for (hsize_t i = 0; i < group_info.nlinks; ++i) {
    if (++budget.objects > kMostObjects) refuse(path, "has too many entries");
    const std::string leaf = link_name(path, group, i);
    const std::string name = prefix.empty() ? leaf : fmt::format("{}/{}", prefix, leaf);
    if (!valid_name(name)) refuse(path, "has an entry with an invalid name", prefix);
    H5L_info_t link{};
    if (H5Lget_info_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, &link, H5P_DEFAULT) < 0)
      refuse(path, "has an unreadable link", name);
    if (link.type != H5L_TYPE_HARD)
      refuse(path, "is a soft or external link, which model files may not hold", name);
    const Handle object(H5Oopen(group, leaf.c_str(), H5P_DEFAULT), H5Oclose);
    if (!object.valid()) refuse(path, "cannot be opened", name);
    const H5I_type_t kind = H5Iget_type(object.get());
    if (kind == H5I_GROUP)
      walk_group(path, object.get(), name, depth + 1, budget, visit);
    else if (kind == H5I_DATASET)
      visit(name, object.get());
    else
      refuse(path, "is neither a group nor an array", name);
  }
}

std::string read_text(const std::string& path, const std::string& name, hid_t attribute, Budget& budget) {
  const Handle type(H5Aget_type(attribute), H5Tclose);
  const Handle space(H5Aget_space(attribute), H5Sclose);
  if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) != 0 ||
      H5Sget_simple_extent_type(space.get()) != H5S_SCALAR)
    refuse(path, "is an attribute, but not a plain text", name);
  const std::uint64_t size = H5Tget_size(type.get());
  budget.bytes += size;
  if (size == 0 || size > kMostTextBytes || size > budget.file_bytes || budget.bytes > kMostBytes)
    refuse(path, "is a text of impossible length", name);
  std::string text(size, '\0');
  if (H5Aread(attribute, type.get(), text.data()) < 0) refuse(path, "is a text that cannot be read", name);
  while (!text.empty() && text.back() == '\0')
    text.pop_back();  // terminator or padding; some writers have none
  return text;
}

/// Collects attribute names; stops the iteration beyond the limit.
herr_t collect_name(hid_t, const char* name, const H5A_info_t*, void* names) {
  auto& list = *static_cast<std::vector<std::string>*>(names);
  list.emplace_back(name);
  return list.size() > kMostObjects ? -1 : 0;
}

std::map<std::string, std::string> read_texts(const std::string& path, hid_t root, Budget& budget) {
  std::vector<std::string> names;
  hsize_t next = 0;
  if (H5Aiterate2(root, H5_INDEX_NAME, H5_ITER_INC, &next, collect_name, &names) < 0)
    refuse(path, "has too many or unreadable texts");
  std::map<std::string, std::string> texts;
  for (const auto& name : names) {
    const Handle attribute(H5Aopen(root, name.c_str(), H5P_DEFAULT), H5Aclose);
    if (!attribute.valid() || !valid_name(name)) refuse(path, "has a text that cannot be opened");
    texts[name] = read_text(path, name, attribute.get(), budget);
  }
  return texts;
}

std::string take_text(const std::string& path, std::map<std::string, std::string>& texts,
                      const std::string& name) {
  const auto node = texts.extract(name);
  if (node.empty()) refuse(path, fmt::format("is not a model file: it has no attribute '{}'", name));
  return node.mapped();
}

void check_format(const std::string& path, std::map<std::string, std::string>& texts) {
  if (take_text(path, texts, "format") != kFormat)
    refuse(path, "is not a model file: its format is another one");
  const std::string version = take_text(path, texts, "format_version");
  if (version != kFormatVersion)
    throw Error(
        ErrorKind::input,
        fmt::format("has model format version '{}'; this program reads version {}", version, kFormatVersion),
        {.file = path, .remedy = "Install the manifill that wrote it, or train the model again"});
}

template <typename Arrays>
const auto& find_array(const Arrays& arrays, const std::string& path, const std::string& name, bool exists,
                       const std::vector<std::size_t>& expected) {
  using T = typename std::decay_t<decltype(arrays.begin()->second.values)>::value_type;
  const auto found = arrays.find(name);
  if (found == arrays.end())
    refuse(path,
           exists ? fmt::format("is not an array of type {}", Hdf5Type<T>::tag) : "is missing from the model",
           name);
  const auto& shape = found->second.shape;
  bool fits = expected.empty() || shape.size() == expected.size();
  for (std::size_t d = 0; fits && d < expected.size(); ++d)
    fits = expected[d] == 0 || expected[d] == shape[d];
  if (!fits)
    refuse(path, fmt::format("has the shape {} where {} is needed", shape_text(shape), shape_text(expected)),
           name);
  return found->second;
}

}  // namespace

void ModelFile::put_text(const std::string& name, const std::string& value) {
  if (!valid_name(name) || reserved(name) || value.size() >= kMostTextBytes)
    throw Error(ErrorKind::internal, fmt::format("model text '{}' is not valid", name));
  texts_[name] = value;
}

void ModelFile::put_floats(const std::string& name, const Shape& shape, const std::vector<float>& values) {
  check_put(name, shape, values.size());
  erase_array(name);
  floats_[name] = {shape, values};
}

void ModelFile::put_doubles(const std::string& name, const Shape& shape, const std::vector<double>& values) {
  check_put(name, shape, values.size());
  erase_array(name);
  doubles_[name] = {shape, values};
}

void ModelFile::put_integers(const std::string& name, const Shape& shape,
                             const std::vector<std::int64_t>& values) {
  check_put(name, shape, values.size());
  erase_array(name);
  integers_[name] = {shape, values};
}

void ModelFile::put_shorts(const std::string& name, const Shape& shape,
                           const std::vector<std::int16_t>& values) {
  check_put(name, shape, values.size());
  erase_array(name);
  shorts_[name] = {shape, values};
}

void ModelFile::erase_array(const std::string& name) {
  floats_.erase(name);
  doubles_.erase(name);
  integers_.erase(name);
  shorts_.erase(name);
}

bool ModelFile::has(const std::string& name) const { return has_array(name) || texts_.contains(name); }

bool ModelFile::has_array(const std::string& name) const {
  return floats_.contains(name) || doubles_.contains(name) || integers_.contains(name) ||
         shorts_.contains(name);
}

std::vector<std::string> ModelFile::names() const {
  std::vector<std::string> all;
  const auto add = [&](const auto& arrays) {
    for (const auto& entry : arrays) all.push_back(entry.first);
  };
  add(floats_);
  add(doubles_);
  add(integers_);
  add(shorts_);
  std::sort(all.begin(), all.end());
  return all;
}

const std::string& ModelFile::text(const std::string& name) const {
  const auto found = texts_.find(name);
  if (found == texts_.end())
    refuse(path_, has_array(name) ? "is not a text" : "is missing from the model", name);
  return found->second;
}

const ModelFile::Shape& ModelFile::shape(const std::string& name) const {
  if (const auto f = floats_.find(name); f != floats_.end()) return f->second.shape;
  if (const auto f = doubles_.find(name); f != doubles_.end()) return f->second.shape;
  if (const auto f = integers_.find(name); f != integers_.end()) return f->second.shape;
  if (const auto f = shorts_.find(name); f != shorts_.end()) return f->second.shape;
  refuse(path_, has(name) ? "is not an array" : "is missing from the model", name);
}

const std::vector<float>& ModelFile::floats(const std::string& name, const Shape& expected) const {
  return find_array(floats_, path_, name, has(name), expected).values;
}
const std::vector<double>& ModelFile::doubles(const std::string& name, const Shape& expected) const {
  return find_array(doubles_, path_, name, has(name), expected).values;
}
const std::vector<std::int64_t>& ModelFile::integers(const std::string& name, const Shape& expected) const {
  return find_array(integers_, path_, name, has(name), expected).values;
}
const std::vector<std::int16_t>& ModelFile::shorts(const std::string& name, const Shape& expected) const {
  return find_array(shorts_, path_, name, has(name), expected).values;
}

std::uint64_t ModelFile::checksum() const {
  std::uint64_t hash = hash_text(kFormatVersion, hash_bytes(nullptr, 0));
  for (const auto& [name, value] : texts_) hash = hash_text(value, hash_text(name, hash));
  hash = hash_arrays(floats_, hash);
  hash = hash_arrays(doubles_, hash);
  hash = hash_arrays(integers_, hash);
  return hash_arrays(shorts_, hash);
}

void ModelFile::save(const std::string& path, Compression compression) const {
  const QuietHdf5 quiet;
  TemporaryFile temporary(path);
  Handle file = create_file(temporary.path(), path);
  const auto write_all = [&](const auto& arrays) {
    for (const auto& [name, array] : arrays)
      write_array(file.get(), path, name, array.shape, array.values, compression == Compression::deflate);
  };
  write_all(floats_);
  write_all(doubles_);
  write_all(integers_);
  write_all(shorts_);
  write_text(file.get(), path, "format", kFormat);
  write_text(file.get(), path, "format_version", kFormatVersion);
  write_text(file.get(), path, "checksum", fmt::format("fnv1a64:{:016x}", checksum()));
  for (const auto& [name, value] : texts_) write_text(file.get(), path, name, value);
  errno = 0;
  if (!file.close()) write_failed(path, {});
  append_trailer(temporary.path(), path);
  temporary.commit();
}

ModelFile ModelFile::load(const std::string& path) {
  const QuietHdf5 quiet;
  Budget budget;
  budget.file_bytes = verify_bytes(path);
  const Handle access = access_properties();
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
  if (!file.valid()) refuse(path, "is not a readable HDF5 file: it is damaged");

  ModelFile model;
  model.path_ = path;
  const Handle root(H5Gopen2(file.get(), "/", H5P_DEFAULT), H5Gclose);
  if (!root.valid()) refuse(path, "has an unreadable root group");
  model.texts_ = read_texts(path, root.get(), budget);
  check_format(path, model.texts_);
  const std::string declared = take_text(path, model.texts_, "checksum");
  walk_group(path, root.get(), "", 0, budget, [&](const std::string& name, hid_t dataset) {
    if (!read_array_as<float>(path, name, dataset, budget, model.floats_) &&
        !read_array_as<double>(path, name, dataset, budget, model.doubles_) &&
        !read_array_as<std::int64_t>(path, name, dataset, budget, model.integers_) &&
        !read_array_as<std::int16_t>(path, name, dataset, budget, model.shorts_))
      refuse(path, "is an array of a type that model files do not hold", name);
  });
  if (declared != fmt::format("fnv1a64:{:016x}", model.checksum()))
    refuse(path, "does not match the checksum of its content: the file is altered or damaged");
  return model;
}

}  // namespace manifill::io
