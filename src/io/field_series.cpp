#include "manifill/io/field_series.hpp"

#include <fmt/format.h>

#include <optional>

#include "domain_axes.hpp"
#include "ensemble_variables.hpp"
#include "manifill/base/atomic_file.hpp"
#include "netcdf.hpp"

namespace manifill::io {

struct FieldSeriesWriter::Impl {
  Impl(const std::string& path, const domain::Domain& domain, const FieldSeries& what);
  void define_time(const FieldSeries& what);
  void put_time(const FieldSeries& what) const;

  TemporaryFile temporary;
  NetcdfHandle file;
  Writer layout;
  std::vector<netCDF::NcDim> outer{};  // time, where there is one
  netCDF::NcVar time{};
  std::optional<DomainAxes> places{};
  std::optional<EnsembleVariables> variables{};
};

FieldSeriesWriter::Impl::Impl(const std::string& path, const domain::Domain& domain, const FieldSeries& what)
    : temporary(path),
      file(NetcdfHandle::create(temporary.path(), NC_NETCDF4 | NC_CLASSIC_MODEL)),
      layout(file) {
  if (!what.dates.empty()) define_time(what);
  places.emplace(layout, domain);
  variables.emplace(layout, *places, outer, what.about, what.members, what.spread_comment);
  layout.text(file, "Conventions", "CF-1.11");
  layout.text(file, "history", what.about.history);
  for (const auto& [key, value] : what.about.attributes) layout.text(file, key, value);
  layout.done([&] { file.enddef(); }, "header");
  places->put();
  if (!what.dates.empty()) put_time(what);
  variables->put();
}

void FieldSeriesWriter::Impl::define_time(const FieldSeries& what) {
  outer.push_back(layout.dimension("time", what.dates.size()));
  time = layout.coordinate("time", netCDF::ncDouble, outer, "time",
                           fmt::format("days since {:04}-01-01", what.dates.front().year));
  layout.text(time, "calendar", calendar_name(what.calendar));
  layout.text(time, "axis", "T");
}

void FieldSeriesWriter::Impl::put_time(const FieldSeries& what) const {
  // Days since the beginning of the first year, which every calendar has.
  TimeAxis axis{.calendar = what.calendar, .dates = what.dates};
  axis.dates.push_back({.year = what.dates.front().year});
  const auto days = axis.day_index();
  std::vector<double> values;
  for (std::size_t t = 0; t < what.dates.size(); ++t)
    values.push_back(static_cast<double>(days[t] - days.back()) + what.dates[t].day_fraction);
  layout.done([&] { time.putVar(values.data()); }, "time");
}

FieldSeriesWriter::FieldSeriesWriter(const std::string& path, const domain::Domain& domain,
                                     const FieldSeries& what)
    : impl_(std::make_unique<Impl>(path, domain, what)) {}

FieldSeriesWriter::~FieldSeriesWriter() = default;

void FieldSeriesWriter::write(std::size_t time, const std::vector<float>& mean,
                              const std::vector<float>& spread, const std::vector<std::int8_t>& status,
                              const std::vector<float>& members) {
  std::vector<std::size_t> at;
  if (!impl_->outer.empty() || time > 0) at.push_back(time);
  impl_->variables->write(at, mean, spread, status, members);
}

void FieldSeriesWriter::commit() {
  Impl& m = *impl_;
  m.file.close();
  m.variables->verify(m.temporary.path(), m.temporary.target());
  m.temporary.commit();
}

}  // namespace manifill::io
