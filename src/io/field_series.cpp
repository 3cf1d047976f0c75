#include "manifill/io/field_series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

#include "domain_axes.hpp"
#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "netcdf.hpp"

namespace manifill::io {
namespace {

/// NaN as the fill value of CF.
std::vector<float> filled(std::vector<float> values) {
  for (float& x : values)
    if (std::isnan(x)) x = NC_FILL_FLOAT;
  return values;
}

template <typename T>
std::uint64_t hash_of(const std::vector<T>& values) {
  return hash_bytes(values.data(), values.size() * sizeof(T));
}

}  // namespace

struct FieldSeriesWriter::Impl {
  Impl(const std::string& path, const domain::Domain& domain, FieldSeries w);

  [[nodiscard]] std::size_t times() const { return std::max<std::size_t>(1, what.dates.size()); }
  netCDF::NcVar define(const std::string& tail, const netCDF::NcType& type, bool of_members);
  void define_time();
  void define_variables();
  /// Where one field lies in a variable.
  void slab(std::size_t time, bool of_members, std::vector<std::size_t>& start,
            std::vector<std::size_t>& count) const;
  void put(const netCDF::NcVar& v, std::size_t time, bool of_members, const void* values) const;
  [[nodiscard]] std::uint64_t read_hash(const NetcdfHandle& in, std::size_t time) const;

  FieldSeries what;
  std::size_t points;
  TemporaryFile temporary;
  std::optional<NetcdfHandle> file{};
  std::optional<Writer> layout{};
  std::optional<DomainAxes> places{};
  std::vector<netCDF::NcDim> dimensions{};  // time, where there is one, and places
  std::vector<std::size_t> lengths{};       // of these
  netCDF::NcDim realization{};
  netCDF::NcVar time{};
  netCDF::NcVar mean{};
  netCDF::NcVar spread{};
  netCDF::NcVar status{};
  netCDF::NcVar member{};
  std::vector<std::optional<std::uint64_t>> written{};  // [time], hash of V
};

FieldSeriesWriter::Impl::Impl(const std::string& path, const domain::Domain& domain, FieldSeries w)
    : what(std::move(w)), points(domain.size()), temporary(path) {
  file.emplace(NetcdfHandle::create(temporary.path(), NC_NETCDF4 | NC_CLASSIC_MODEL));
  layout.emplace(*file);
  written.resize(times());
  if (!what.dates.empty()) define_time();
  places.emplace(*layout, domain);
  dimensions.insert(dimensions.end(), places->dimensions().begin(), places->dimensions().end());
  for (const auto& d : dimensions) lengths.push_back(d.getSize());
  define_variables();
  layout->text(*file, "Conventions", "CF-1.11");
  layout->text(*file, "history", what.about.history);
  for (const auto& [key, value] : what.about.attributes) layout->text(*file, key, value);
  layout->done([&] { file->enddef(); }, "header");
  places->put();
  if (!what.dates.empty()) {
    // Days since the beginning of the first year, which every calendar has.
    TimeAxis axis{.calendar = what.calendar, .dates = what.dates};
    axis.dates.push_back({.year = what.dates.front().year});
    const auto days = axis.day_index();
    std::vector<double> values;
    for (std::size_t t = 0; t < what.dates.size(); ++t)
      values.push_back(static_cast<double>(days[t] - days.back()) + what.dates[t].day_fraction);
    layout->done([&] { time.putVar(values.data()); }, "time");
  }
  if (what.members > 0) {
    std::vector<int> numbers(what.members);
    std::iota(numbers.begin(), numbers.end(), 1);
    layout->done([&] { file->getVar("realization").putVar(numbers.data()); }, "realization");
  }
}

void FieldSeriesWriter::Impl::define_time() {
  dimensions.push_back(layout->dimension("time", what.dates.size()));
  time = layout->coordinate("time", netCDF::ncDouble, dimensions, "time",
                            fmt::format("days since {:04}-01-01", what.dates.front().year));
  layout->text(time, "calendar", calendar_name(what.calendar));
  layout->text(time, "axis", "T");
}

netCDF::NcVar FieldSeriesWriter::Impl::define(const std::string& tail, const netCDF::NcType& type,
                                              bool of_members) {
  const std::string name = what.about.variable + tail;
  auto own = dimensions;
  auto chunks = lengths;
  if (!what.dates.empty()) chunks[0] = 1;
  if (of_members) {
    own.insert(own.begin(), realization);
    chunks.insert(chunks.begin(), 1);
  }
  const auto v = layout->done([&] { return file->addVar(name, type, own); }, name);
  layout->done([&] { v.setChunking(netCDF::NcVar::nc_CHUNKED, chunks); }, name);
  layout->done([&] { v.setCompression(true, true, 1); }, name);
  if (type == netCDF::ncFloat)
    layout->done([&] { v.putAtt("_FillValue", netCDF::ncFloat, NC_FILL_FLOAT); }, name);
  places->describe(v);
  return v;
}

void FieldSeriesWriter::Impl::define_variables() {
  const std::string& name = what.about.variable;
  const std::string label = what.about.long_name.empty() ? name : what.about.long_name;
  mean = define("", netCDF::ncFloat, false);
  layout->text(mean, "units", what.about.units);
  layout->text(mean, "standard_name", what.about.standard_name);
  layout->text(mean, "long_name", what.about.long_name);
  layout->text(mean, "ancillary_variables",
               name + "_spread " + name + "_status" + (what.members > 0 ? " " + name + "_member" : ""));
  spread = define("_spread", netCDF::ncFloat, false);
  layout->text(spread, "units", what.about.units);
  layout->text(spread, "long_name", "standard deviation of the ensemble of " + label);
  if (!what.about.standard_name.empty())
    layout->text(spread, "standard_name", what.about.standard_name + " standard_error");
  layout->text(spread, "cell_methods", "realization: standard_deviation");
  layout->text(spread, "comment", what.spread_comment);
  status = define("_status", netCDF::ncByte, false);
  layout->text(status, "long_name", "provenance of " + label);
  layout->text(status, "standard_name", "status_flag");
  const std::array<signed char, 4> flags{0, 1, 2, 3};
  layout->done([&] { status.putAtt("flag_values", netCDF::ncByte, flags.size(), flags.data()); }, "flags");
  layout->text(status, "flag_meanings", "observed infilled not_filled masked");
  if (what.members == 0) return;
  realization = layout->dimension("realization", what.members);
  const auto numbers = layout->coordinate("realization", netCDF::ncInt, {realization}, "realization", "1");
  layout->text(numbers, "long_name", "member of the ensemble");
  member = define("_member", netCDF::ncFloat, true);
  layout->text(member, "units", what.about.units);
  layout->text(member, "standard_name", what.about.standard_name);
  layout->text(member, "long_name", "members of the ensemble of " + label);
}

void FieldSeriesWriter::Impl::slab(std::size_t at, bool of_members, std::vector<std::size_t>& start,
                                   std::vector<std::size_t>& count) const {
  start.assign(lengths.size(), 0);
  count = lengths;
  if (!what.dates.empty()) {
    start[0] = at;
    count[0] = 1;
  }
  if (!of_members) return;
  start.insert(start.begin(), 0);
  count.insert(count.begin(), what.members);
}

void FieldSeriesWriter::Impl::put(const netCDF::NcVar& v, std::size_t at, bool of_members,
                                  const void* values) const {
  std::vector<std::size_t> start;
  std::vector<std::size_t> count;
  slab(at, of_members, start, count);
  layout->done([&] { v.putVar(start, count, values); }, what.about.variable);
}

std::uint64_t FieldSeriesWriter::Impl::read_hash(const NetcdfHandle& in, std::size_t at) const {
  const netCDF::NcVar v = in.getVar(what.about.variable);
  if (v.isNull()) return 0;
  std::vector<std::size_t> start;
  std::vector<std::size_t> count;
  slab(at, false, start, count);
  std::vector<float> values(points);
  check([&] { v.getVar(start, count, values.data()); }, in.path(), "verifying failed");
  return hash_of(values);
}

FieldSeriesWriter::FieldSeriesWriter(const std::string& path, const domain::Domain& domain,
                                     const FieldSeries& what)
    : impl_(std::make_unique<Impl>(path, domain, what)) {}

FieldSeriesWriter::~FieldSeriesWriter() = default;

void FieldSeriesWriter::write(std::size_t time, const std::vector<float>& mean,
                              const std::vector<float>& spread, const std::vector<std::int8_t>& status,
                              const std::vector<float>& members) {
  Impl& m = *impl_;
  if (time >= m.times() || mean.size() != m.points || spread.size() != m.points ||
      status.size() != m.points || members.size() != m.points * m.what.members)
    throw Error(ErrorKind::internal, "a field to write has the wrong size or lies outside the output",
                {.file = m.temporary.target(), .index = "[time " + std::to_string(time) + "]"});
  const auto values = filled(mean);
  m.put(m.mean, time, false, values.data());
  m.put(m.spread, time, false, filled(spread).data());
  m.put(m.status, time, false, status.data());
  if (m.what.members > 0) m.put(m.member, time, true, filled(members).data());
  m.written[time] = hash_of(values);
}

void FieldSeriesWriter::commit() {
  Impl& m = *impl_;
  for (std::size_t t = 0; t < m.written.size(); ++t)
    if (!m.written[t])
      throw Error(ErrorKind::internal, "a field was not written before the commit",
                  {.file = m.temporary.target(), .index = "[time " + std::to_string(t) + "]"});
  m.file->close();
  const auto in = NetcdfHandle::open(m.temporary.path());
  for (std::size_t t = 0; t < m.written.size(); ++t)
    if (m.read_hash(in, t) != *m.written[t])
      throw Error(ErrorKind::io, "verification failed: a field reads back differently",
                  {.file = m.temporary.target(),
                   .variable = m.what.about.variable,
                   .index = "[time " + std::to_string(t) + "]",
                   .remedy = "The output was not put in place; check that the disk is sound"});
  m.temporary.commit();
}

}  // namespace manifill::io
