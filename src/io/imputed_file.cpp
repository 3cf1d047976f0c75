#include "manifill/io/imputed_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "gridded_impl.hpp"
#include "manifill/base/error.hpp"

namespace manifill::io {
namespace fs = std::filesystem;
namespace {

constexpr const char* kRoom = "Check that the disk has room and the directory is writable";

struct IntegerRange {
  double low, high;
};

/// Range of stored values of a type; infinite for floating point.
IntegerRange range_of(nc_type type, bool wrapped) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  switch (type) {
    case NC_BYTE: return wrapped ? IntegerRange{0, 255} : IntegerRange{-128, 127};
    case NC_SHORT: return wrapped ? IntegerRange{0, 65535} : IntegerRange{-32768, 32767};
    case NC_INT: return wrapped ? IntegerRange{0, 4294967295.0} : IntegerRange{-2147483648.0, 2147483647.0};
    case NC_UBYTE: return {0, 255};
    case NC_USHORT: return {0, 65535};
    case NC_UINT: return {0, 4294967295.0};
    case NC_INT64: return {-9.2e18, 9.2e18};
    case NC_UINT64: return {0, 1.8e19};
    default: return {-inf, inf};
  }
}

template <typename T>
void store_as(double x, unsigned char* to) {
  const T v = static_cast<T>(x);
  std::memcpy(to, &v, sizeof v);
}

/// Writes a stored value into raw bytes of a type.
void store(nc_type type, double x, unsigned char* to) {
  switch (type) {
    case NC_BYTE: return store_as<std::int8_t>(x, to);
    case NC_UBYTE: return store_as<std::uint8_t>(x, to);
    case NC_SHORT: return store_as<std::int16_t>(x, to);
    case NC_USHORT: return store_as<std::uint16_t>(x, to);
    case NC_INT: return store_as<std::int32_t>(x, to);
    case NC_UINT: return store_as<std::uint32_t>(x, to);
    case NC_INT64: return store_as<std::int64_t>(x, to);
    case NC_UINT64: return store_as<std::uint64_t>(x, to);
    case NC_FLOAT: return store_as<float>(x, to);
    default: return store_as<double>(x, to);
  }
}

void put_text(int group, int variable, const char* name, const std::string& text, const std::string& path) {
  check(nc_put_att_text(group, variable, name, text.size(), text.c_str()), path, std::string("writing attribute '") + name + "' failed");
}

void sync_to_disk(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  if (fd < 0) return;
  const int status = ::fsync(fd);
  ::close(fd);
  if (status != 0) throw Error(ErrorKind::io, "syncing to disk failed", {.file = path, .remedy = kRoom});
}

}  // namespace

void check_output(const std::string& output, const std::vector<std::string>& inputs, bool overwrite) {
  if (output.empty()) throw Error(ErrorKind::usage, "no output file was named", {.remedy = "Give --output OUT.nc"});
  const fs::path path(output);
  const fs::path directory = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    throw Error(ErrorKind::usage, "the output is a directory", {.file = output, .remedy = "Name a file in it"});
  if (!fs::is_directory(directory, ignored))
    throw Error(ErrorKind::io, "the output directory does not exist", {.file = output, .remedy = "Create " + directory.string() + " first"});
  for (const auto& input : inputs)
    if (fs::exists(path, ignored) && fs::equivalent(path, input, ignored))
      throw Error(ErrorKind::usage, "the output is the input", {.file = output, .remedy = "Write to another name"});
  if (fs::exists(path, ignored) && !overwrite)
    throw Error(ErrorKind::usage, "the output exists already", {.file = output, .remedy = "Give --overwrite to replace it"});
  // Asking for the permission bits is not enough: they do not speak of read-only mounts.
  const fs::path probe = directory / (".manifill-probe-" + std::to_string(::getpid()));
  const int fd = ::open(probe.c_str(), O_CREAT | O_WRONLY | O_EXCL, 0600);
  if (fd < 0) throw Error(ErrorKind::io, "the output directory cannot be written to", {.file = output, .remedy = "Choose a writable directory"});
  ::close(fd);
  fs::remove(probe, ignored);
}

struct ImputedFileWriter::Impl {
  Impl(const GriddedVariable::Impl& in, const ImputedFileOptions& o, bool u) : input(in), options(o), unpacked(u) {}

  const GriddedVariable::Impl& input;
  ImputedFileOptions options;
  bool unpacked;
  std::string temporary;
  std::unique_ptr<NetcdfHandle> file;
  VariableId target{};   // V in the output
  nc_type type = NC_NAT;
  int spread = -1;
  int status = -1;
  int member = -1;
  std::vector<std::vector<char>> written;  // [extra][time]

  [[nodiscard]] std::string short_name() const {
    const auto slash = input.id.name.rfind('/');
    return slash == std::string::npos ? input.id.name : input.id.name.substr(slash + 1);
  }
  void copy_input();
  void define();
  int define_like(const std::string& name, nc_type as, const std::vector<int>& dimensions, const void* fill);
  void describe_members(int realization);
};

namespace {

VariableId find(const NetcdfHandle& file, const std::string& name) {
  for (const auto& v : all_variables(file))
    if (v.name == name) return v;
  throw Error(ErrorKind::io, "the copy of the input lacks a variable", {.file = file.path(), .variable = name});
}

}  // namespace

/// A byte-for-byte copy keeps whatever the input holds: groups, types, filters, attributes.
void ImputedFileWriter::Impl::copy_input() {
  const fs::path final_path(options.path);
  const fs::path directory = final_path.has_parent_path() ? final_path.parent_path() : fs::path(".");
  temporary = (directory / ("." + final_path.filename().string() + "." + std::to_string(::getpid()) + ".part")).string();
  std::error_code error;
  fs::copy_file(input.file.path(), temporary, fs::copy_options::overwrite_existing, error);
  if (error) throw Error(ErrorKind::io, "copying the input failed (" + error.message() + ")", {.file = temporary, .remedy = kRoom});
  fs::permissions(temporary, fs::perms::owner_read | fs::perms::owner_write, fs::perm_options::add, error);
}

int ImputedFileWriter::Impl::define_like(const std::string& name, nc_type as, const std::vector<int>& dimensions, const void* fill) {
  const std::string& path = file->path();
  int id = -1;
  check(nc_def_var(target.group, name.c_str(), as, static_cast<int>(dimensions.size()), dimensions.data(), &id), path,
        "defining '" + name + "' failed; the input may hold one already");
  check(nc_put_att(target.group, id, "_FillValue", as, 1, fill), path, "writing a fill value failed", name);
  int format = 0;
  nc_inq_format(file->id(), &format);
  if (format == NC_FORMAT_NETCDF4 || format == NC_FORMAT_NETCDF4_CLASSIC) {
    int shuffle = 0;
    int deflate = 0;
    int level = 0;
    nc_inq_var_deflate(input.id.group, input.id.variable, &shuffle, &deflate, &level);
    if (deflate != 0) check(nc_def_var_deflate(target.group, id, 1, 1, level), path, "setting compression failed", name);
    int storage = NC_CONTIGUOUS;
    std::vector<std::size_t> chunks(input.dimensions.size());
    nc_inq_var_chunking(input.id.group, input.id.variable, &storage, chunks.data());
    if (storage == NC_CHUNKED) {
      if (dimensions.size() > chunks.size()) chunks.insert(chunks.begin(), 1);
      check(nc_def_var_chunking(target.group, id, NC_CHUNKED, chunks.data()), path, "setting chunks failed", name);
    }
  }
  return id;
}

void ImputedFileWriter::Impl::describe_members(int realization) {
  const std::string& path = file->path();
  int id = -1;
  check(nc_def_var(target.group, "realization", NC_INT, 1, &realization, &id), path, "defining the realization coordinate failed");
  put_text(target.group, id, "standard_name", "realization", path);
  put_text(target.group, id, "long_name", "member of the ensemble", path);
  put_text(target.group, id, "units", "1", path);
}

void ImputedFileWriter::Impl::define() {
  const std::string& path = file->path();
  int format = 0;
  check(nc_inq_format(file->id(), &format), path, "asking for the format failed");
  const bool hdf5 = format == NC_FORMAT_NETCDF4 || format == NC_FORMAT_NETCDF4_CLASSIC;
  nc_redef(file->id());  // an error here only says that it is in define mode
  const std::string v = short_name();
  if (unpacked) {
    check(nc_rename_var(target.group, target.variable, (v + "_packed").c_str()), path, "renaming the packed variable failed", v);
  }
  std::vector<int> dimensions;
  for (const auto& d : dimensions_of(*file, target)) dimensions.push_back(d.id);
  const std::string units = text_attribute(input.id, "units");
  const std::string standard = text_attribute(input.id, "standard_name");
  const std::string long_name = text_attribute(input.id, "long_name");
  const std::string label = long_name.empty() ? v : long_name;
  const float missing = NC_FILL_FLOAT;
  if (unpacked) {
    const int id = define_like(v, NC_FLOAT, dimensions, &missing);
    if (!units.empty()) put_text(target.group, id, "units", units, path);
    if (!standard.empty()) put_text(target.group, id, "standard_name", standard, path);
    if (!long_name.empty()) put_text(target.group, id, "long_name", long_name, path);
    put_text(target.group, id, "comment", "unpacked: filled values lie outside the packed range of " + v + "_packed, which is the input", path);
    target.variable = id;
    type = NC_FLOAT;
  }
  spread = define_like(v + "_spread", NC_FLOAT, dimensions, &missing);
  put_text(target.group, spread, "long_name", "standard deviation of the ensemble of " + label, path);
  if (!units.empty()) put_text(target.group, spread, "units", units, path);
  if (!standard.empty()) put_text(target.group, spread, "standard_name", standard + " standard_error", path);
  if (!options.spread_comment.empty()) put_text(target.group, spread, "comment", options.spread_comment, path);
  const std::int8_t unset = -1;
  status = define_like(v + "_status", NC_BYTE, dimensions, &unset);
  put_text(target.group, status, "long_name", "provenance of " + label, path);
  if (!standard.empty()) put_text(target.group, status, "standard_name", standard + " status_flag", path);
  const std::int8_t flags[] = {0, 1, 2, 3};
  check(nc_put_att_schar(target.group, status, "flag_values", NC_BYTE, 4, flags), path, "writing flag values failed");
  put_text(target.group, status, "flag_meanings", "observed infilled not_filled masked", path);
  std::string ancillary = text_attribute(target, "ancillary_variables");
  ancillary += fmt::format("{}{}_spread {}_status", ancillary.empty() ? "" : " ", v, v);
  if (options.members > 0) {
    int realization = -1;
    check(nc_def_dim(target.group, "realization", options.members, &realization), path, "defining the realization dimension failed; the input may have one");
    // A classic file may have its unlimited dimension only as the first one of a variable.
    std::vector<int> with_member{realization};
    with_member.insert(with_member.end(), dimensions.begin(), dimensions.end());
    if (!hdf5) {
      int unlimited = -1;
      nc_inq_unlimdim(file->id(), &unlimited);
      if (!dimensions.empty() && dimensions[0] == unlimited)
        throw Error(ErrorKind::usage, "members cannot be written into a classic NetCDF file with an unlimited first dimension",
                    {.file = options.path, .variable = v, .remedy = "Convert the input first: nccopy -k nc4 IN.nc IN4.nc"});
    }
    member = define_like(v + "_member", NC_FLOAT, with_member, &missing);
    put_text(target.group, member, "long_name", "members of the ensemble of " + label, path);
    if (!units.empty()) put_text(target.group, member, "units", units, path);
    if (!standard.empty()) put_text(target.group, member, "standard_name", standard, path);
    ancillary += fmt::format(" {}_member", v);
    describe_members(realization);
  }
  put_text(target.group, target.variable, "ancillary_variables", ancillary, path);
  const VariableId global{file->id(), NC_GLOBAL, ""};
  const std::string conventions = text_attribute(global, "Conventions");
  if (conventions.find("CF-") == std::string::npos)
    put_text(file->id(), NC_GLOBAL, "Conventions", conventions.empty() ? "CF-1.11" : fmt::format("{} CF-1.11", conventions), path);
  const std::string history = text_attribute(global, "history");
  put_text(file->id(), NC_GLOBAL, "history", history.empty() ? options.history : fmt::format("{}\n{}", options.history, history), path);
  for (const auto& [name, value] : options.attributes) put_text(file->id(), NC_GLOBAL, name.c_str(), value, path);
  check(nc_enddef(file->id()), path, "writing the header failed");
  if (options.members > 0) {
    std::vector<int> numbers(options.members);
    for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = static_cast<int>(k) + 1;
    int id = -1;
    nc_inq_varid(target.group, "realization", &id);
    check(nc_put_var_int(target.group, id, numbers.data()), path, "writing the realization coordinate failed");
  }
}

ImputedFileWriter::ImputedFileWriter(const GriddedVariable& input, const ImputedFileOptions& options, bool unpacked)
    : impl_(std::make_unique<Impl>(*input.impl_, options, unpacked)) {
  Impl& m = *impl_;
  if (m.options.times == 0) m.options.times = input.times() - m.options.first_time;
  m.written.assign(input.extras(), std::vector<char>(m.options.times, 0));
  m.copy_input();
  try {
    m.file = std::make_unique<NetcdfHandle>(NetcdfHandle::open(m.temporary, true));
    m.target = find(*m.file, m.input.id.name);
    m.type = type_of(m.target);
    m.define();
  } catch (...) {
    m.file.reset();
    std::error_code ignored;
    fs::remove(m.temporary, ignored);
    throw;
  }
}

ImputedFileWriter::~ImputedFileWriter() {
  impl_->file.reset();
  std::error_code ignored;
  if (!impl_->temporary.empty()) fs::remove(impl_->temporary, ignored);
}

bool ImputedFileWriter::fits_packing(const GriddedVariable& input, double lowest, double highest) {
  const GriddedVariable::Impl& m = *input.impl_;
  const nc_type type = type_of(m.id);
  if (type == NC_FLOAT || type == NC_DOUBLE) return true;
  auto range = range_of(type, m.packing.wrap > 0.0);
  range.low = std::max(range.low, m.packing.low);
  range.high = std::min(range.high, m.packing.high);
  for (const double x : {lowest, highest}) {
    const double stored = std::round((x - m.packing.offset) / m.packing.scale);
    if (stored < range.low || stored > range.high || m.packing.is_missing(stored)) return false;
  }
  return true;
}

void ImputedFileWriter::write(std::size_t extra, std::size_t time, const std::vector<double>& mean,
                              const std::vector<double>& spread, const std::vector<CellStatus>& status,
                              const xt::xtensor<double, 2>& member) {
  Impl& m = *impl_;
  const std::string& path = m.file->path();
  std::vector<std::size_t> index(m.input.extra.size());
  std::size_t rest = extra;
  for (std::size_t k = index.size(); k-- > 0;) {
    const std::size_t length = m.input.dimensions[m.input.extra[k]].length;
    index[k] = rest % length;
    rest /= length;
  }
  const FieldSlab s = m.input.slab(index, time);
  const std::size_t nlon = m.input.domain.lat_lon().nlon();
  const std::size_t width = size_of(m.type);
  std::vector<unsigned char> raw(s.rows * s.columns * width);
  std::vector<double> stored(s.rows * s.columns);
  check(nc_get_vara_double(m.input.id.group, m.input.id.variable, s.start.data(), s.count.data(), stored.data()), path, "reading the input back failed", m.input.id.name);
  if (m.unpacked) {
    const Packing& p = m.input.packing;
    for (std::size_t k = 0; k < stored.size(); ++k) {
      const double x = p.wrap > 0.0 && stored[k] < 0.0 ? stored[k] + p.wrap : stored[k];
      store(NC_FLOAT, p.is_missing(x) ? static_cast<double>(NC_FILL_FLOAT) : p.offset + p.scale * x, raw.data() + k * width);
    }
  } else {
    check(nc_get_vara(m.input.id.group, m.input.id.variable, s.start.data(), s.count.data(), raw.data()), path, "reading the input back failed", m.input.id.name);
  }
  std::vector<float> spread_out(stored.size(), NC_FILL_FLOAT);
  std::vector<std::int8_t> status_out(stored.size(), -1);
  std::vector<float> member_out;
  const Packing& p = m.input.packing;
  for (std::size_t i = 0; i < s.rows; ++i)
    for (std::size_t j = 0; j < s.columns; ++j) {
      const std::size_t cell = i * nlon + j % nlon;
      const std::size_t k = i * s.row_stride + j * s.column_stride;
      const double x = p.wrap > 0.0 && stored[k] < 0.0 ? stored[k] + p.wrap : stored[k];
      CellStatus cell_status = status[cell];
      // A cyclic duplicate may be missing where its original is not, or the other way round.
      if (j >= nlon && cell_status == CellStatus::observed && p.is_missing(x)) cell_status = CellStatus::infilled;
      if (j >= nlon && cell_status == CellStatus::infilled && !p.is_missing(x)) cell_status = CellStatus::observed;
      status_out[k] = static_cast<std::int8_t>(cell_status);
      if (cell_status == CellStatus::observed || cell_status == CellStatus::infilled) spread_out[k] = static_cast<float>(spread[cell]);
      if (cell_status != CellStatus::infilled) continue;
      double value = mean[cell];
      if (!m.unpacked && m.type != NC_FLOAT && m.type != NC_DOUBLE) {
        value = std::round((value - p.offset) / p.scale);
        if (p.wrap > 0.0 && value >= 0.5 * p.wrap) value -= p.wrap;
      } else if (!m.unpacked && p.packed) {
        value = (value - p.offset) / p.scale;
      }
      store(m.type, value, raw.data() + k * width);
    }
  check(nc_put_vara(m.target.group, m.target.variable, s.start.data(), s.count.data(), raw.data()), path, "writing failed", m.input.id.name);
  check(nc_put_vara_float(m.target.group, m.spread, s.start.data(), s.count.data(), spread_out.data()), path, "writing the spread failed", m.input.id.name);
  check(nc_put_vara_schar(m.target.group, m.status, s.start.data(), s.count.data(), status_out.data()), path, "writing the status failed", m.input.id.name);
  if (m.member >= 0) {
    auto start = s.start;
    auto count = s.count;
    start.insert(start.begin(), 0);
    count.insert(count.begin(), 1);
    member_out.assign(stored.size(), NC_FILL_FLOAT);
    for (std::size_t r = 0; r < member.shape(0); ++r) {
      start[0] = r;
      for (std::size_t i = 0; i < s.rows; ++i)
        for (std::size_t j = 0; j < s.columns; ++j) {
          const std::size_t cell = i * nlon + j % nlon;
          const std::size_t k = i * s.row_stride + j * s.column_stride;
          const bool filled = status[cell] == CellStatus::observed || status[cell] == CellStatus::infilled;
          member_out[k] = filled ? static_cast<float>(member(r, cell)) : NC_FILL_FLOAT;
        }
      check(nc_put_vara_float(m.target.group, m.member, start.data(), count.data(), member_out.data()), path, "writing members failed", m.input.id.name);
    }
  }
  m.written[extra][time - m.options.first_time] = 1;
}

void ImputedFileWriter::commit() {
  Impl& m = *impl_;
  for (std::size_t e = 0; e < m.written.size(); ++e)
    for (std::size_t t = 0; t < m.written[e].size(); ++t)
      if (m.written[e][t] == 0) throw Error(ErrorKind::internal, "a field was not written before the commit", {.file = m.options.path, .index = "[time " + std::to_string(t) + "]"});
  m.file->close();
  m.file.reset();
  sync_to_disk(m.temporary);
  // What stands on disk is read again: the observed values must be the input's, bit for bit.
  if (!m.unpacked) {
    const auto out = NetcdfHandle::open(m.temporary);
    const VariableId v = find(out, m.input.id.name);
    int status_id = -1;
    check(nc_inq_varid(v.group, (m.short_name() + "_status").c_str(), &status_id), m.temporary, "verifying failed");
    const std::size_t width = size_of(m.type);
    for (std::size_t e = 0; e < m.written.size(); ++e) {
      std::vector<std::size_t> index(m.input.extra.size());
      std::size_t rest = e;
      for (std::size_t k = index.size(); k-- > 0;) {
        const std::size_t length = m.input.dimensions[m.input.extra[k]].length;
        index[k] = rest % length;
        rest /= length;
      }
      for (std::size_t t = 0; t < m.written[e].size(); ++t) {
        const FieldSlab s = m.input.slab(index, m.options.first_time + t);
        std::vector<unsigned char> before(s.rows * s.columns * width);
        std::vector<unsigned char> after(before.size());
        std::vector<std::int8_t> status(s.rows * s.columns);
        check(nc_get_vara(m.input.id.group, m.input.id.variable, s.start.data(), s.count.data(), before.data()), m.input.file.path(), "verifying failed");
        check(nc_get_vara(v.group, v.variable, s.start.data(), s.count.data(), after.data()), m.temporary, "verifying failed");
        check(nc_get_vara_schar(v.group, status_id, s.start.data(), s.count.data(), status.data()), m.temporary, "verifying failed");
        for (std::size_t k = 0; k < status.size(); ++k)
          if (status[k] != static_cast<std::int8_t>(CellStatus::infilled) && std::memcmp(&before[k * width], &after[k * width], width) != 0)
            throw Error(ErrorKind::io, "verification failed: an observed value differs from the input",
                        {.file = m.options.path, .variable = m.input.id.name, .index = "[time " + std::to_string(t) + "][cell " + std::to_string(k) + "]",
                         .remedy = "The output was not put in place; check the disk"});
      }
    }
  }
  std::error_code error;
  fs::rename(m.temporary, m.options.path, error);
  if (error) throw Error(ErrorKind::io, "putting the output in place failed (" + error.message() + ")", {.file = m.options.path, .remedy = kRoom});
  m.temporary.clear();
  const fs::path final_path(m.options.path);
  sync_to_disk(final_path.has_parent_path() ? final_path.parent_path().string() : ".");
}

}  // namespace manifill::io
