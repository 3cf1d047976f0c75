#include "manifill/io/derived_file.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
#include <vector>

#include "coefficient_impl.hpp"
#include "domain_axes.hpp"
#include "kept_axes.hpp"
#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "native_file.hpp"

namespace manifill::io {

struct DerivedFileWriter::Impl {
  /// \param reader the source, opened once more
  Impl(const std::string& path, NetcdfHandle reader, const std::string& of, OtherDimensions kept)
      : temporary(path),
        from(std::move(reader)),
        file(NetcdfHandle::create(temporary.path(), NC_NETCDF4)),
        writer(file),
        others(std::move(kept)),
        axes(from, *find_variable(from, of), others.positions) {
    axes.define(writer);
  }
  Impl(const std::string& path, const GriddedVariable& source)
      : Impl(path, open_fields(source.path()).file, source.summary().name, other_dimensions(source)) {}

  TemporaryFile temporary;
  NetcdfHandle from;
  NetcdfHandle file;
  Writer writer;
  OtherDimensions others;
  KeptAxes axes;
  netCDF::NcVar variable{};
  std::vector<std::size_t> shape{};  ///< of one field

  /// Defines the variable over the kept dimensions and `places`.
  void define(const std::vector<netCDF::NcDim>& places, const DerivedVariable& what) {
    auto dimensions = axes.dimensions();
    dimensions.insert(dimensions.end(), places.begin(), places.end());
    variable = writer.variable(what.name, netCDF::ncDouble, dimensions);
    for (const auto& d : places) shape.push_back(d.getSize());
    std::vector<std::size_t> chunks(axes.dimensions().size(), 1);
    chunks.insert(chunks.end(), shape.begin(), shape.end());
    writer.done([&] { variable.setChunking(netCDF::NcVar::nc_CHUNKED, chunks); }, what.name);
    writer.done([&] { variable.setCompression(true, true, 1); }, what.name);
    if (what.gaps)
      writer.done([&] { variable.putAtt("_FillValue", netCDF::ncDouble, std::nan("")); }, what.name);
    for (const auto& [key, value] : what.texts) writer.text(variable, key, value);
    writer.text(file, "Conventions", "CF-1.11");
    writer.text(file, "history", what.history);
    for (const auto& [key, value] : what.attributes) writer.text(file, key, value);
  }

  void end_definitions() {
    writer.done([&] { file.enddef(); }, "header");
    axes.put(writer);
  }

  void on_domain(const domain::Domain& domain, const DerivedVariable& what) {
    const DomainAxes places(writer, domain);
    define(places.dimensions(), what);
    places.describe(variable, axes.auxiliary());
    end_definitions();
    places.put();
  }
};

DerivedFileWriter::DerivedFileWriter(const std::string& path, const GriddedVariable& source,
                                     const CoefficientAxis& axis, const DerivedVariable& what) {
  impl_ = std::make_unique<Impl>(path, source);
  Impl& m = *impl_;
  const auto dimension = m.writer.dimension("coefficient", axis.degree.size());
  const auto degree = m.writer.coordinate("degree", netCDF::ncInt, {dimension}, "", "1");
  m.writer.text(degree, "long_name", "degree of the spherical harmonic");
  const auto order = m.writer.coordinate("order", netCDF::ncInt, {dimension}, "", "1");
  m.writer.text(order, "long_name", "order of the spherical harmonic, negative with the sine");
  m.define({dimension}, what);
  m.writer.text(m.variable, "spherical_harmonics", kHarmonics);
  m.writer.text(m.variable, "coordinates",
                "degree order" + (m.axes.auxiliary().empty() ? "" : " " + m.axes.auxiliary()));
  m.end_definitions();
  const std::vector<int> degrees(axis.degree.begin(), axis.degree.end());
  const std::vector<int> orders(axis.order.begin(), axis.order.end());
  m.writer.done([&] { degree.putVar(degrees.data()); }, "degree");
  m.writer.done([&] { order.putVar(orders.data()); }, "order");
}

DerivedFileWriter::DerivedFileWriter(const std::string& path, const GriddedVariable& source,
                                     const domain::Domain& domain, const DerivedVariable& what) {
  impl_ = std::make_unique<Impl>(path, source);
  impl_->on_domain(domain, what);
}

DerivedFileWriter::DerivedFileWriter(const std::string& path, const CoefficientVariable& source,
                                     const domain::Domain& domain, const DerivedVariable& what) {
  std::vector<std::size_t> positions(source.impl_->dimensions.size());
  std::iota(positions.begin(), positions.end(), std::size_t{0});
  positions.erase(positions.begin() + static_cast<std::ptrdiff_t>(source.impl_->along));
  impl_ = std::make_unique<Impl>(path, NetcdfHandle::open(source.path()), source.name(),
                                 OtherDimensions{.positions = std::move(positions)});
  impl_->on_domain(domain, what);
}

DerivedFileWriter::~DerivedFileWriter() = default;

void DerivedFileWriter::write(std::size_t extra, std::size_t time, std::span<const double> values) {
  const Impl& m = *impl_;
  const auto size = std::accumulate(m.shape.begin(), m.shape.end(), std::size_t{1}, std::multiplies<>());
  if (values.size() != size)
    throw Error(ErrorKind::internal, "a field to write has the wrong size", {.file = m.temporary.target()});
  std::vector<std::size_t> start = m.others.index(m.axes, extra, time);
  std::vector<std::size_t> count(start.size(), 1);
  start.insert(start.end(), m.shape.size(), 0);
  count.insert(count.end(), m.shape.begin(), m.shape.end());
  m.writer.done([&] { m.variable.putVar(start, count, values.data()); }, m.variable.getName());
}

void DerivedFileWriter::commit() {
  impl_->file.close();
  impl_->temporary.commit();
}

}  // namespace manifill::io
