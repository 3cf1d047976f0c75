#include "imputed_layout.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <numeric>

#include "manifill/base/error.hpp"

namespace manifill::io {
namespace {

void put_text(const NetcdfHandle& out, const netCDF::NcVar& v, const std::string& name,
              const std::string& text) {
  check_write([&] { v.putAtt(name, text); }, out.path(), "writing attribute '" + name + "' failed");
}

/// \param type float or double
void put_fill(const NetcdfHandle& out, const netCDF::NcVar& v, nc_type type) {
  const double fill = type == NC_FLOAT ? static_cast<double>(NC_FILL_FLOAT) : NC_FILL_DOUBLE;
  check_write([&] { v.putAtt("_FillValue", netCDF::NcType(type), fill); }, out.path(),
              "writing the fill value failed");
}

/// Filters that suit any type; others, made for one, are replaced by deflate.
void copy_compression(const NetcdfHandle& out, const VariableId& from, const netCDF::NcVar& to) {
  bool shuffle = false;
  bool deflate = false;
  int level = 0;
  check([&] { from.nc.getCompressionParameters(shuffle, deflate, level); }, out.path(),
        "asking for compression failed");
  if (!deflate && !filters_of(from).empty()) {
    shuffle = true;
    deflate = true;
    level = 1;
  }
  if (shuffle || deflate)
    check_write([&] { to.setCompression(shuffle, deflate, level); }, out.path(),
                "setting compression failed");
  const auto checksum =
      check([&] { return from.nc.getChecksum(); }, out.path(), "asking for checksums failed");
  if (checksum != netCDF::NcVar::nc_NOCHECKSUM)
    check_write([&] { to.setChecksum(checksum); }, out.path(), "setting checksums failed");
}

std::string with_word(const std::string& list, const std::string& word) {
  const auto present = words(list);
  if (std::find(present.begin(), present.end(), word) != present.end()) return list;
  return list.empty() ? word : list + " " + word;
}

std::string mebibytes(std::uint64_t bytes) { return std::to_string((bytes >> 20U) + 1) + " MiB"; }

bool is_temperature(const std::string& units) {
  if (units.empty()) return false;
  try {
    unit_conversion(units, "K");
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// What the dimension of members is called. One that an earlier run wrote for another variable is shared if
/// it is that and of this length; `other` is the name where `realization` is something else.
std::string member_dimension(const netCDF::NcGroup& group, const std::vector<netCDF::NcDim>& of_variable,
                             std::size_t members, const std::string& other) {
  const auto found = dimension_in_scope(group, "realization");
  if (found.isNull())
    return group.getVar("realization", netCDF::NcGroup::ParentsAndCurrent).isNull() ? "realization" : other;
  const bool own = std::any_of(of_variable.begin(), of_variable.end(),
                               [&](const netCDF::NcDim& d) { return d.getId() == found.getId(); });
  return own || found.getSize() != members ? other : "realization";
}

}  // namespace

ImputedLayout::ImputedLayout(const GriddedVariable::Impl& input, const ImputedFileOptions& options,
                             bool unpacked)
    : type(input.packing.type), input_(input), options_(options), unpacked_(unpacked && !is_floating(type)) {
  const nc_type in = input.packing.type;
  if (unpacked_) type = size_of(in) <= 2 ? NC_FLOAT : NC_DOUBLE;
  member_type = in == NC_FLOAT || size_of(in) <= 2 ? NC_FLOAT : NC_DOUBLE;
}

std::uint64_t ImputedLayout::cells() const {
  const std::uint64_t all =
      std::accumulate(input_.dimensions.begin(), input_.dimensions.end(), std::uint64_t{1},
                      [](std::uint64_t n, const Dimension& d) { return n * d.length; });
  return all / input_.times() * options_.times;
}

/// Whether V's first dimension is the record dimension of a classic file.
bool ImputedLayout::record_first() const {
  return netCDF::NcDim(input_.file, input_.dimensions[0].id).isUnlimited();
}

/// Bytes of every variable of a classic output (of one record where it has records), and whether it has
/// records.
std::vector<std::pair<std::uint64_t, bool>> ImputedLayout::sizes() const {
  std::vector<std::pair<std::uint64_t, bool>> out;
  for (const auto& v : all_variables(input_.file)) {
    std::uint64_t bytes = size_of(type_of(v));
    bool records = false;
    for (const auto& d : dimensions_of(input_.file, v)) {
      if (netCDF::NcDim(input_.file, d.id).isUnlimited())
        records = true;
      else
        bytes *= d.length;
    }
    out.emplace_back(bytes, records);
  }
  const bool records = record_first();
  const std::uint64_t one = cells() / (records ? input_.dimensions[0].length : 1);
  out.emplace_back(one * sizeof(float), records);
  out.emplace_back(one, records);
  if (unpacked_) out.emplace_back(one * size_of(type), records);
  if (options_.members > 0) out.emplace_back(one * size_of(member_type) * options_.members, false);
  return out;
}

int ImputedLayout::create_flags() const {
  const int format = input_.file.format();
  if (format == NC_FORMAT_NETCDF4) return NC_NETCDF4;
  if (format == NC_FORMAT_NETCDF4_CLASSIC || (options_.members > 0 && record_first()))
    return NC_NETCDF4 | NC_CLASSIC_MODEL;
  if (format == NC_FORMAT_CDF5) return NC_64BIT_DATA;
  std::uint64_t total = std::uint64_t{1} << 20U;  // the header
  std::uint64_t largest = 0;
  for (const auto& [bytes, records] : sizes()) {
    total += bytes * (records ? std::max(input_.dimensions[0].length, std::size_t{1}) : 1);
    largest = std::max(largest, bytes);
  }
  if (largest >= 0xFFFFFFFCULL) return NC_64BIT_DATA;
  if (format == NC_FORMAT_64BIT_OFFSET || total >= 0x7FFFFFFFULL) return NC_64BIT_OFFSET;
  return 0;
}

void ImputedLayout::check_room(const std::string& beside) const {
  namespace fs = std::filesystem;
  struct statvfs disk {};
  const std::string directory = fs::path(beside).parent_path().string();
  std::error_code ignored;
  if (::statvfs(directory.empty() ? "." : directory.c_str(), &disk) != 0) return;
  const std::uint64_t each =
      sizeof(float) + 1 + (unpacked_ ? size_of(type) : 0) + size_of(member_type) * options_.members;
  // Compressed, the new variables may take next to nothing; of a shard, the rest of the file is not known.
  std::uint64_t need = filters_of(input_.id).empty() ? cells() * each : 0;
  if (options_.times == input_.times()) need += fs::file_size(input_.file.path(), ignored) / 2;
  const std::uint64_t room = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (need > room)
    throw Error(
        ErrorKind::io,
        "the output needs at least " + mebibytes(need) + ", and its disk has " + mebibytes(room) + " left",
        {.file = options_.path, .remedy = "Free space, or write elsewhere"});
}

void ImputedLayout::check_names() const {
  std::vector<std::string> tails{"_spread", "_status"};
  if (options_.members > 0) tails.emplace_back("_member");
  if (unpacked_) tails.emplace_back("_packed");
  for (const auto& tail : tails)
    if (!input_.id.nc.getParentGroup().getVar(name(tail)).isNull())
      throw Error(
          ErrorKind::input, "the file holds a variable '" + name(tail) + "' already: it was imputed before",
          {.file = input_.file.path(),
           .variable = input_.id.name,
           .remedy = "Start from the original file, whose gaps are still open, or rename that variable"});
}

CopyOptions ImputedLayout::copy_options() const {
  CopyOptions c;
  if (input_.time_dimension >= 0 && options_.times < input_.times()) {
    c.cut_dimension = input_.dimensions[static_cast<std::size_t>(input_.time_dimension)].id;
    c.first = options_.first_time;
    c.length = options_.times;
  }
  if (unpacked_)
    c.new_names[input_.id.name] = name("_packed");
  else
    c.without_values.push_back(input_.id);
  return c;
}

netCDF::NcVar ImputedLayout::define_like(const NetcdfHandle& out, const std::string& as, nc_type of,
                                         bool with_member) {
  auto dimensions = dimensions_;
  if (with_member) dimensions.insert(dimensions.begin(), realization_);
  const auto v = check_write([&] { return define_variable(model_.nc.getParentGroup(), as, of, dimensions); },
                             out.path(), "defining '" + as + "' failed");
  if (!is_hdf5(out)) return v;
  auto chunks = chunks_of(model_);
  if (chunks.empty()) {
    check_write([&] { v.setChunking(netCDF::NcVar::nc_CONTIGUOUS, chunks); }, out.path(),
                "setting the layout failed");
  } else {
    if (with_member) chunks.insert(chunks.begin(), 1);
    check_write([&] { v.setChunking(netCDF::NcVar::nc_CHUNKED, chunks); }, out.path(),
                "setting chunks failed");
    copy_compression(out, model_, v);
  }
  const auto endian =
      check([&] { return model_.nc.getEndianness(); }, out.path(), "asking for the byte order failed");
  if (of != NC_BYTE && endian != netCDF::NcVar::nc_ENDIAN_NATIVE)
    check_write([&] { v.setEndianness(endian); }, out.path(), "setting the byte order failed");
  return v;
}

void ImputedLayout::define_unpacked(const NetcdfHandle& out) {
  const VariableId& in = input_.id;
  const auto v = define_like(out, name(""), type, false);
  put_fill(out, v, type);
  static constexpr std::array<const char*, 8> packing{"_FillValue", "missing_value", "scale_factor",
                                                      "add_offset", "valid_range",   "valid_min",
                                                      "valid_max",  "_Unsigned"};
  for (const auto& attribute : attribute_names(input_.file, in)) {
    if (std::find(packing.begin(), packing.end(), attribute) != packing.end()) continue;
    check_write([&] { copy_attribute(in, attribute, v); }, out.path(), "copying an attribute failed",
                in.name);
  }
  const std::string comment = text_attribute(in, "comment");
  put_text(out, v, "comment",
           comment + (comment.empty() ? "" : "; ") + "unpacked; the packed input is " + name("_packed"));
  target = {v, in.name};
}

void ImputedLayout::describe(const NetcdfHandle& out, const netCDF::NcVar& variable,
                             const std::string& long_name, const std::string& standard_name, bool in_units) {
  const std::string units = text_attribute(input_.id, "units");
  put_text(out, variable, "long_name", long_name);
  if (!standard_name.empty()) put_text(out, variable, "standard_name", standard_name);
  if (in_units && !units.empty()) put_text(out, variable, "units", units);
  for (const char* attribute :
       {"coordinates", "grid_mapping", "cell_measures", "mesh", "location", "grid_type", "CDI_grid_type"}) {
    const std::string text = text_attribute(input_.id, attribute);
    if (!text.empty()) put_text(out, variable, attribute, text);
  }
}

void ImputedLayout::define_spread(const NetcdfHandle& out) {
  const std::string standard = text_attribute(input_.id, "standard_name");
  const std::string label = input_.summary.long_name.empty() ? name("") : input_.summary.long_name;
  spread = define_like(out, name("_spread"), NC_FLOAT, false);
  put_fill(out, spread, NC_FLOAT);
  const bool plain = !standard.empty() && standard.find(' ') == std::string::npos;  // no modifier yet
  describe(out, spread, "standard deviation of the ensemble of " + label,
           plain ? standard + " standard_error" : "", true);
  if (is_temperature(input_.summary.units))
    put_text(out, spread, "units_metadata", "temperature: difference");
  const std::string methods = text_attribute(input_.id, "cell_methods");
  // Without members there is no dimension to name, and CF takes the standard name.
  const std::string over = options_.members > 0 ? member_dimension(model_.nc.getParentGroup(), dimensions_,
                                                                   options_.members, name("_realization"))
                                                : "realization";
  put_text(out, spread, "cell_methods",
           methods + (methods.empty() ? "" : " ") + over + ": standard_deviation");
  if (!options_.spread_comment.empty()) put_text(out, spread, "comment", options_.spread_comment);
}

/// Without _FillValue: every cell has a status, and readers then keep the bytes as bytes.
void ImputedLayout::define_status(const NetcdfHandle& out) {
  const std::string label = input_.summary.long_name.empty() ? name("") : input_.summary.long_name;
  status = define_like(out, name("_status"), NC_BYTE, false);
  describe(out, status, "provenance of " + label, "status_flag", false);
  const std::array<signed char, 4> flags{0, 1, 2, 3};
  check_write([&] { status.putAtt("flag_values", netCDF::ncByte, flags.size(), flags.data()); }, out.path(),
              "writing the flag values failed");
  put_text(out, status, "flag_meanings", "observed infilled not_filled masked");
}

void ImputedLayout::define_member(const NetcdfHandle& out) {
  const auto group = model_.nc.getParentGroup();
  const std::string dimension = member_dimension(group, dimensions_, options_.members, name("_realization"));
  if (dimension == "realization") realization_ = dimension_in_scope(group, dimension);
  if (realization_.isNull()) {
    realization_ = check_write([&] { return group.addDim(dimension, options_.members); }, out.path(),
                               "defining the dimension '" + dimension + "' failed");
    realization_coordinate_ =
        check_write([&] { return group.addVar(dimension, netCDF::ncInt, realization_); }, out.path(),
                    "defining the coordinate '" + dimension + "' failed");
    put_text(out, realization_coordinate_, "standard_name", "realization");
    put_text(out, realization_coordinate_, "long_name", "member of the ensemble");
    put_text(out, realization_coordinate_, "units", "1");
  }
  member = define_like(out, name("_member"), member_type, true);
  put_fill(out, member, member_type);
  const std::string label = input_.summary.long_name.empty() ? name("") : input_.summary.long_name;
  describe(out, member, "members of the ensemble of " + label, text_attribute(input_.id, "standard_name"),
           true);
  const std::string methods = text_attribute(input_.id, "cell_methods");
  if (!methods.empty()) put_text(out, member, "cell_methods", methods);
}

void ImputedLayout::put_globals(const NetcdfHandle& out) {
  const VariableId global = globals_of(out);
  const std::string conventions = text_attribute(global, "Conventions");
  if (conventions.find("CF-") == std::string::npos) {
    const char* between = conventions.find(',') != std::string::npos ? ", " : " ";
    put_text(out, global.nc, "Conventions",
             conventions.empty() ? "CF-1.11" : conventions + between + "CF-1.11");
  }
  const std::string history = text_attribute(global, "history");
  if (!options_.history.empty())
    put_text(out, global.nc, "history", options_.history + (history.empty() ? "" : "\n" + history));
  for (const auto& [key, value] : options_.attributes) put_text(out, global.nc, key, value);
}

void ImputedLayout::put_realizations(const NetcdfHandle& out) const {
  if (realization_coordinate_.isNull()) return;
  std::vector<int> numbers(options_.members);
  std::iota(numbers.begin(), numbers.end(), 1);
  check_write([&] { realization_coordinate_.putVar(numbers.data()); }, out.path(),
              "writing the realization coordinate failed");
}

void ImputedLayout::define(NetcdfHandle& out, const NetcdfCopy& copy) {
  model_ = copy.variable(input_.id);
  target = model_;
  for (const auto& d : input_.dimensions) dimensions_.push_back(copy.dimension(d.id));
  if (unpacked_) define_unpacked(out);
  define_spread(out);
  define_status(out);
  std::string ancillary = with_word(text_attribute(input_.id, "ancillary_variables"), name("_spread"));
  ancillary = with_word(ancillary, name("_status"));
  if (options_.members > 0) {
    define_member(out);
    ancillary = with_word(ancillary, name("_member"));
  }
  if (unpacked_) ancillary = with_word(ancillary, name("_packed"));
  put_text(out, target.nc, "ancillary_variables", ancillary);
  put_globals(out);
  // Every value is written once: filling them first would write a classic file twice.
  if (!is_hdf5(out))
    check_write([&] { out.set_Fill(NC_NOFILL, nullptr); }, out.path(), "setting the fill mode failed");
  check_write([&] { out.enddef(); }, out.path(), "writing the header failed");
  put_realizations(out);
}

}  // namespace manifill::io
