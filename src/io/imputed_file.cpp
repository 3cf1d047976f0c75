#include "manifill/io/imputed_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>

#include "gridded_impl.hpp"
#include "imputed_layout.hpp"
#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "manifill/io/png_image.hpp"
#include "netcdf_copy.hpp"
#include "stored_numbers.hpp"

namespace manifill::io {
namespace fs = std::filesystem;

void check_output(const std::string& output, const std::vector<std::string>& inputs, bool overwrite) {
  if (output.empty())
    throw Error(ErrorKind::usage, "no output file was named", {.remedy = "Give --output OUT.nc"});
  const fs::path path(output);
  const fs::path directory = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    throw Error(ErrorKind::usage, "the output is a directory",
                {.file = output, .remedy = "Name a file in it"});
  if (!fs::is_directory(directory, ignored))
    throw Error(ErrorKind::io, "the output directory does not exist",
                {.file = output, .remedy = "Create " + directory.string() + " first"});
  for (const auto& input : inputs)
    if (fs::exists(path, ignored) && fs::equivalent(path, input, ignored))
      throw Error(ErrorKind::usage, "the output is the input",
                  {.file = output, .remedy = "Write to another name"});
  if (fs::exists(path, ignored) && !overwrite)
    throw Error(ErrorKind::usage, "the output exists already",
                {.file = output, .remedy = "Give --overwrite to replace it, or name another output"});
  // Permission bits do not speak of read-only mounts and full quotas: only a file that could be made does.
  const TemporaryFile probe(output);
}

void check_image_output(const std::string& input, const std::string& output, bool members) {
  if (native_form(input) != NativeForm::image)
    throw Error(ErrorKind::usage, "a PNG image is written from one alone",
                {.file = output, .remedy = "Name the output .nc"});
  if (members)
    throw Error(ErrorKind::usage, "a PNG image has no room for members",
                {.file = output, .remedy = "Name the output .nc, or leave out --write-members"});
}

std::vector<std::string> channels_to_fill(const std::string& input, const std::string& variable,
                                          const std::string& output) {
  const std::string ending = lower(fs::path(output).extension().string());
  if (!variable.empty() || ending != ".png" || native_form(input) != NativeForm::image) return {};
  auto channels = png_channels(input);
  return channels.size() > 1 ? channels : std::vector<std::string>();
}

void check_output_form(const GriddedVariable& input, const std::string& output, bool members) {
  const auto refuse = [&](const std::string& what, const std::string& remedy) {
    return Error(ErrorKind::usage, what,
                 {.file = output, .variable = input.summary().name, .remedy = remedy});
  };
  const std::string ending = lower(fs::path(output).extension().string());
  if (ending == ".fits" && native_form(input.path()) != NativeForm::healpix)
    throw refuse("a HEALPix map in FITS is written from one alone", "Name the output .nc");
  if (ending == ".png") check_image_output(input.path(), output, members);
  if (ending == ".png" && png_channels(input.path()).size() > 1)
    throw refuse("a pixel of a PNG image has all of its channels or none, and one of them was chosen",
                 "Leave out --variable to fill all, or name the output .nc");
  if (ending == ".ply" && input.domain().kind() != domain::DomainKind::surface)
    throw refuse("values on " + input.domain().describe() + " are none on the vertices of a mesh",
                 "Name the output .nc");
  if (ending == ".ply" && input.times() * input.extras() != 1)
    throw refuse("a PLY file holds one field, the input " + std::to_string(input.times() * input.extras()),
                 "Name the output .nc");
}

struct ImputedFileWriter::Impl {
  Impl(const GriddedVariable::Impl& in, const ImputedFileOptions& o, bool unpacked)
      : input(in), options(o), layout(input, options, unpacked) {}

  /// Fields of successive times, kept until they are best written together; [time][cell].
  struct Buffer {
    std::size_t extra = 0;
    std::size_t first = 0;
    std::size_t times = 0;
    std::vector<double> mean{};
    std::vector<float> spread{};
    std::vector<CellStatus> status{};
    std::vector<double> member{};  // [time][realization][cell]
  };
  /// What goes to disk for a slab.
  struct Output {
    std::vector<unsigned char> values{};
    std::vector<float> spread{};
    std::vector<std::int8_t> status{};
    std::vector<unsigned char> member{};  // [realization][slab]
  };
  struct Cell {
    std::size_t at;      // in the slab
    std::size_t buffer;  // in the buffer: time * cells + cell
    std::size_t time, row, column;
  };

  const GriddedVariable::Impl& input;
  ImputedFileOptions options;
  ImputedLayout layout;
  std::optional<TemporaryFile> temporary{};
  std::unique_ptr<NetcdfHandle> file{};
  std::vector<std::vector<char>> written{};  // [extra][time]
  Buffer buffer{};
  std::size_t most_buffered = 1;

  [[nodiscard]] std::size_t cells() const { return input.domain.size(); }
  [[nodiscard]] std::size_t nlon() const { return input.domain.columns(); }
  [[nodiscard]] bool unpacked() const { return layout.type != input.packing.type; }
  void create();
  void check_field(std::size_t extra, std::size_t time, std::size_t mean, std::size_t spread,
                   std::size_t status, const xt::xtensor<double, 2>& member) const;
  void flush();
  void fill_cell(const FieldSlab& s, const Cell& c, double number, Output& out);
  void repeat_column(const FieldSlab& s, const Cell& c, double number, Output& out);
  void put(const FieldSlab& s, const Output& out);
  [[nodiscard]] std::vector<unsigned char> read_raw(const FieldSlab& s) const;
  void keep_observed(double number, const unsigned char* raw, unsigned char* to) const;
  void verify() const;
  void verify_slab(const NetcdfHandle& out, const netCDF::NcVar& v, const netCDF::NcVar& v_status,
                   std::size_t extra, std::size_t first, std::size_t count) const;
  [[nodiscard]] Error contradiction(const Cell& c, const std::string& what) const {
    return {ErrorKind::internal,
            what,
            {.file = input.file.path(),
             .variable = input.id.name,
             .index = input.cell_index(c.time, c.row, c.column)}};
  }
};

void ImputedFileWriter::Impl::create() {
  layout.check_names();
  layout.check_room(options.path);
  temporary.emplace(options.path);
  file = std::make_unique<NetcdfHandle>(NetcdfHandle::create(temporary->path(), layout.create_flags()));
  NetcdfCopy copy(input.file, *file, layout.copy_options());
  copy.define();
  layout.define(*file, copy);
  copy.copy_values();
  const std::size_t per_time = cells() * (sizeof(double) * (options.members + 3));
  most_buffered = std::clamp<std::size_t>(kBlockBytes / per_time, 1, input.block);
}

ImputedFileWriter::ImputedFileWriter(const GriddedVariable& input, const ImputedFileOptions& options,
                                     bool unpacked) {
  ImputedFileOptions o = options;
  if (o.first_time >= input.times() || o.times > input.times() - o.first_time)
    throw Error(ErrorKind::usage,
                "the shard lies outside the file's " + std::to_string(input.times()) + " times",
                {.file = input.path(), .remedy = "Ask for fewer shards than there are times"});
  if (o.times == 0) o.times = input.times() - o.first_time;
  check_output(o.path, {input.path()}, o.overwrite);
  impl_ = std::make_unique<Impl>(*input.impl_, o, unpacked);
  impl_->written.assign(input.extras(), std::vector<char>(o.times, 0));
  impl_->create();
}

ImputedFileWriter::~ImputedFileWriter() = default;

bool ImputedFileWriter::fits_packing(const GriddedVariable& input, double lowest, double highest) {
  const Packing& p = input.impl_->packing;
  return p.fits(lowest) && p.fits(highest);
}

void ImputedFileWriter::Impl::check_field(std::size_t extra, std::size_t time, std::size_t mean,
                                          std::size_t spread, std::size_t status,
                                          const xt::xtensor<double, 2>& member) const {
  const bool inside =
      extra < written.size() && time >= options.first_time && time < options.first_time + options.times;
  const bool members =
      options.members == 0 || (member.shape(0) == options.members && member.shape(1) == cells());
  if (inside && mean == cells() && spread == cells() && status == cells() && members) return;
  throw Error(
      ErrorKind::internal, "a field to write has the wrong size or lies outside the output",
      {.file = options.path, .variable = input.id.name, .index = "[time " + std::to_string(time) + "]"});
}

void ImputedFileWriter::write(std::size_t extra, std::size_t time, const std::vector<double>& mean,
                              const std::vector<double>& spread, const std::vector<CellStatus>& status,
                              const xt::xtensor<double, 2>& member) {
  Impl& m = *impl_;
  m.check_field(extra, time, mean.size(), spread.size(), status.size(), member);
  Impl::Buffer& b = m.buffer;
  if (b.times > 0 && (b.extra != extra || time != b.first + b.times)) m.flush();
  if (b.times == 0) {
    b.extra = extra;
    b.first = time;
  }
  b.mean.insert(b.mean.end(), mean.begin(), mean.end());
  b.status.insert(b.status.end(), status.begin(), status.end());
  for (const double x : spread) b.spread.push_back(static_cast<float>(x));
  if (m.options.members > 0) b.member.insert(b.member.end(), member.begin(), member.end());
  ++b.times;
  // Blocks end where the chunks do.
  if (b.times >= m.most_buffered || (time + 1) % m.most_buffered == 0) m.flush();
}

std::vector<unsigned char> ImputedFileWriter::Impl::read_raw(const FieldSlab& s) const {
  std::vector<unsigned char> raw(s.size() * size_of(input.packing.type));
  check([&] { input.id.nc.getVar(s.start, s.count, static_cast<void*>(raw.data())); }, input.file.path(),
        "reading the input back failed", input.id.name);
  return raw;
}

/// The input's bits, or where the output is unpacked, the value they stand for.
void ImputedFileWriter::Impl::keep_observed(double number, const unsigned char* raw,
                                            unsigned char* to) const {
  const Packing& p = input.packing;
  if (!unpacked()) {
    std::memcpy(to, raw, size_of(p.type));
    return;
  }
  const double fill = layout.type == NC_FLOAT ? static_cast<double>(NC_FILL_FLOAT) : NC_FILL_DOUBLE;
  store_number(layout.type, p.is_missing(number) ? fill : p.value(number), to);
}

void ImputedFileWriter::Impl::fill_cell(const FieldSlab& s, const Cell& c, double number, Output& out) {
  const CellStatus status = buffer.status[c.buffer];
  const bool missing = input.packing.is_missing(number);
  if (status == CellStatus::observed && missing) throw contradiction(c, "a missing cell is called observed");
  if (status != CellStatus::observed && !missing)
    throw contradiction(c, "an observed cell is to be overwritten");
  out.status[c.at] = static_cast<std::int8_t>(status);
  if (status != CellStatus::observed && status != CellStatus::infilled) return;
  out.spread[c.at] = buffer.spread[c.buffer];
  const double mean = buffer.mean[c.buffer];
  if (status == CellStatus::infilled) {
    if (!std::isfinite(mean))
      throw Error(ErrorKind::numerical, "the value to fill in is not finite",
                  {.file = input.file.path(),
                   .variable = input.id.name,
                   .index = input.cell_index(c.time, c.row, c.column)});
    const Packing& p = input.packing;
    store_number(layout.type, unpacked() ? mean : p.stored(p.number_of(mean)),
                 &out.values[c.at * size_of(layout.type)]);
  }
  const std::size_t width = size_of(layout.member_type);
  for (std::size_t r = 0; r < options.members; ++r) {
    const std::size_t cell = c.buffer % cells();
    const double of_member = buffer.member[((c.buffer / cells()) * options.members + r) * cells() + cell];
    store_number(layout.member_type, status == CellStatus::observed ? input.packing.value(number) : of_member,
                 &out.member[(r * s.size() + c.at) * width]);
  }
}

/// A duplicate keeps its own observation; a gap takes whatever the column it repeats has got.
void ImputedFileWriter::Impl::repeat_column(const FieldSlab& s, const Cell& c, double number, Output& out) {
  const std::size_t original = s.at(c.buffer / cells(), c.row, c.column % nlon());
  const bool missing = input.packing.is_missing(number);
  const auto from = static_cast<CellStatus>(out.status[original]);
  const bool filled = from == CellStatus::observed || from == CellStatus::infilled;
  const std::size_t width = size_of(layout.type);
  if (!missing) {
    out.status[c.at] = static_cast<std::int8_t>(CellStatus::observed);
    out.spread[c.at] = from == CellStatus::observed ? out.spread[original] : 0.0F;
  } else {
    out.status[c.at] = static_cast<std::int8_t>(filled ? CellStatus::infilled : from);
    out.spread[c.at] = out.spread[original];
    if (filled) std::memcpy(&out.values[c.at * width], &out.values[original * width], width);
  }
  const std::size_t member_width = size_of(layout.member_type);
  for (std::size_t r = 0; r < options.members; ++r) {
    unsigned char* to = &out.member[(r * s.size() + c.at) * member_width];
    if (missing)
      std::memcpy(to, &out.member[(r * s.size() + original) * member_width], member_width);
    else
      store_number(layout.member_type, input.packing.value(number), to);
  }
}

void ImputedFileWriter::Impl::flush() {
  if (buffer.times == 0) return;
  const FieldSlab s = input.slab(buffer.extra, buffer.first, buffer.times);
  const auto raw = read_raw(s);
  const std::size_t in_width = size_of(input.packing.type);
  const std::size_t width = size_of(layout.type);
  Output out;
  out.values.resize(s.size() * width);
  out.spread.assign(s.size(), NC_FILL_FLOAT);
  out.status.assign(s.size(), 0);
  out.member.resize(s.size() * options.members * size_of(layout.member_type));
  const double fill = layout.member_type == NC_FLOAT ? static_cast<double>(NC_FILL_FLOAT) : NC_FILL_DOUBLE;
  for (std::size_t k = 0; k < s.size() * options.members; ++k)
    store_number(layout.member_type, fill, &out.member[k * size_of(layout.member_type)]);
  for (std::size_t t = 0; t < s.times; ++t)
    for (std::size_t i = 0; i < s.rows; ++i)
      for (std::size_t j = 0; j < s.columns; ++j) {
        const Cell c{s.at(t, i, j), t * cells() + i * nlon() + j % nlon(), buffer.first + t, i, j};
        const unsigned char* bits = &raw[c.at * in_width];
        const double number = input.packing.number(load_number(input.packing.type, bits));
        keep_observed(number, bits, &out.values[c.at * width]);
        if (j < nlon())
          fill_cell(s, c, number, out);
        else
          repeat_column(s, c, number, out);
      }
  put(s, out);
  for (std::size_t t = 0; t < buffer.times; ++t)
    written[buffer.extra][buffer.first + t - options.first_time] = 1;
  buffer = {};
}

void ImputedFileWriter::Impl::put(const FieldSlab& s, const Output& out) {
  auto start = s.start;
  auto count = s.count;
  const auto write = [&](const netCDF::NcVar& v, const void* data, const std::string& what) {
    check_write([&] { v.putVar(start, count, data); }, file->path(), what, input.id.name);
  };
  if (input.time_dimension >= 0) start[static_cast<std::size_t>(input.time_dimension)] -= options.first_time;
  write(layout.target.nc, out.values.data(), "writing failed");
  write(layout.spread, out.spread.data(), "writing the spread failed");
  write(layout.status, out.status.data(), "writing the status failed");
  if (options.members == 0) return;
  start.insert(start.begin(), 0);
  count.insert(count.begin(), options.members);
  write(layout.member, out.member.data(), "writing the members failed");
}

void ImputedFileWriter::Impl::verify_slab(const NetcdfHandle& out, const netCDF::NcVar& v,
                                          const netCDF::NcVar& v_status, std::size_t extra, std::size_t first,
                                          std::size_t count) const {
  const FieldSlab s = input.slab(extra, first, count);
  auto start = s.start;
  if (input.time_dimension >= 0) start[static_cast<std::size_t>(input.time_dimension)] -= options.first_time;
  const auto raw = read_raw(s);
  const std::size_t width = size_of(layout.type);
  std::vector<unsigned char> found(s.size() * width);
  std::vector<std::int8_t> status(s.size());
  const auto read = [&](const netCDF::NcVar& from, void* to) {
    check([&] { from.getVar(start, s.count, to); }, out.path(), "verifying failed");
  };
  read(v, found.data());
  read(v_status, status.data());
  std::vector<unsigned char> expected(width);
  const Packing& p = input.packing;
  for (std::size_t t = 0; t < s.times; ++t)
    for (std::size_t i = 0; i < s.rows; ++i)
      for (std::size_t j = 0; j < s.columns; ++j) {
        const std::size_t at = s.at(t, i, j);
        const unsigned char* bits = &raw[at * size_of(p.type)];
        const bool infilled = status[at] == static_cast<std::int8_t>(CellStatus::infilled);
        keep_observed(p.number(load_number(p.type, bits)), bits, expected.data());
        const double value = load_number(layout.type, &found[at * width]);
        const bool good = infilled ? (unpacked() ? std::isfinite(value) : !p.is_missing(p.number(value)))
                                   : std::memcmp(&found[at * width], expected.data(), width) == 0;
        if (good) continue;
        throw Error(
            ErrorKind::io,
            infilled ? "verification failed: a filled value reads as missing"
                     : "verification failed: an observed value differs from the input",
            {.file = options.path,
             .variable = input.id.name,
             .index = input.cell_index(first + t, i, j),
             .remedy = "The output was not put in place; check that the input did not change and the disk is "
                       "sound"});
      }
}

/// What stands on disk is read again.
void ImputedFileWriter::Impl::verify() const {
  const auto out = NetcdfHandle::open(temporary->path());
  const auto v = find_variable(out, input.id.name);
  netCDF::NcVar status;
  if (v) status = v->nc.getParentGroup().getVar(short_name(input.id.name) + "_status");
  if (status.isNull())
    throw Error(ErrorKind::io, "verification failed: the variable is not in the output",
                {.file = options.path, .variable = input.id.name});
  const std::size_t most = std::max(input.block, std::max<std::size_t>(1, kBlockBytes / 32 / cells()));
  for (std::size_t e = 0; e < written.size(); ++e)
    for (std::size_t first = 0; first < options.times;) {
      // In blocks of the input, where chunks end.
      const std::size_t begin = options.first_time + first;
      const std::size_t count = std::min(most - begin % most, options.times - first);
      verify_slab(out, v->nc, status, e, begin, count);
      first += count;
    }
}

void ImputedFileWriter::commit() {
  Impl& m = *impl_;
  m.flush();
  for (const auto& of_extra : m.written) {
    const auto gap = std::find(of_extra.begin(), of_extra.end(), 0);
    if (gap != of_extra.end())
      throw Error(
          ErrorKind::internal, "a field was not written before the commit",
          {.file = m.options.path,
           .variable = m.input.id.name,
           .index = "[time " +
                    std::to_string(m.options.first_time + static_cast<std::size_t>(gap - of_extra.begin())) +
                    "]"});
  }
  m.file->close();
  m.file.reset();
  m.verify();
  if (is_native_output(m.options.path)) {
    const auto filled = NetcdfHandle::open(m.temporary->path());
    write_native({.input = m.input.file.path(),
                  .variable = m.input.id.name,
                  .form = m.input.form,
                  .domain = m.input.domain,
                  .source = m.input.file,
                  .filled = filled},
                 m.options);
  } else {
    m.temporary->commit();
  }
  m.temporary.reset();
}

}  // namespace manifill::io
