#include "manifill/io/field_file.hpp"

#include <numeric>

#include "domain_axes.hpp"
#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"

namespace manifill::io {
namespace {

void check_size(const Eigen::MatrixXd& fields, const domain::Domain& domain) {
  if (fields.rows() != static_cast<Eigen::Index>(domain.size()))
    throw Error(ErrorKind::internal, "fields of " + std::to_string(fields.rows()) +
                                         " points for a domain of " + std::to_string(domain.size()));
}

void put_globals(const Writer& w, const FieldFile& what) {
  w.text(w.file(), "Conventions", "CF-1.11");
  w.text(w.file(), "history", what.history);
  for (const auto& [key, value] : what.attributes) w.text(w.file(), key, value);
}

}  // namespace

void write_fields(const std::string& path, const domain::Domain& domain, const Eigen::MatrixXd& fields,
                  const FieldFile& what) {
  check_size(fields, domain);
  TemporaryFile temporary(path);
  auto file = NetcdfHandle::create(temporary.path(), NC_NETCDF4 | NC_CLASSIC_MODEL);
  const Writer w(file);
  const auto count = static_cast<std::size_t>(fields.cols());
  std::vector<netCDF::NcDim> dimensions{w.dimension("realization", count)};
  const auto realization = w.coordinate("realization", netCDF::ncInt, dimensions, "realization", "1");
  const DomainAxes places(w, domain);
  dimensions.insert(dimensions.end(), places.dimensions().begin(), places.dimensions().end());
  const auto variable = w.variable(what.variable, netCDF::ncFloat, dimensions);
  w.done([&] { variable.setCompression(true, true, 1); }, what.variable);
  w.text(variable, "units", what.units);
  w.text(variable, "standard_name", what.standard_name);
  w.text(variable, "long_name", what.long_name);
  places.describe(variable);
  put_globals(w, what);
  w.done([&] { file.enddef(); }, "header");
  std::vector<int> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 1);
  w.done([&] { realization.putVar(numbers.data()); }, "realization");
  places.put();
  const Eigen::MatrixXf values = fields.cast<float>();
  w.done([&] { variable.putVar(values.data()); }, what.variable);
  file.close();
  temporary.commit();
}

void write_eigenfunctions(const std::string& path, const domain::Domain& domain,
                          const Eigen::VectorXd& eigenvalues, const Eigen::MatrixXd& eigenfunctions,
                          const Eigen::VectorXd& mass, const std::string& eigenvalue_units,
                          const FieldFile& what) {
  check_size(eigenfunctions, domain);
  check_size(mass, domain);
  TemporaryFile temporary(path);
  auto file = NetcdfHandle::create(temporary.path(), NC_NETCDF4 | NC_CLASSIC_MODEL);
  const Writer w(file);
  const auto count = static_cast<std::size_t>(eigenfunctions.cols());
  std::vector<netCDF::NcDim> dimensions{w.dimension("mode", count)};
  const auto mode = w.coordinate("mode", netCDF::ncInt, dimensions, "", "1");
  w.text(mode, "long_name", "number of the eigenfunction, by its eigenvalue");
  const auto values = w.coordinate("eigenvalue", netCDF::ncDouble, dimensions, "", eigenvalue_units);
  w.text(values, "long_name", "eigenvalue of minus the Laplacian");
  const DomainAxes places(w, domain);
  const auto area = w.coordinate("mass", netCDF::ncDouble, places.dimensions(), "", "");
  w.text(area, "long_name", "weight of each point in the norm of eigenfunctions");
  places.describe(area);
  dimensions.insert(dimensions.end(), places.dimensions().begin(), places.dimensions().end());
  const auto variable = w.variable(what.variable, netCDF::ncDouble, dimensions);
  w.done([&] { variable.setCompression(true, true, 1); }, what.variable);
  w.text(variable, "long_name", what.long_name);
  places.describe(variable, "eigenvalue");
  put_globals(w, what);
  w.done([&] { file.enddef(); }, "header");
  std::vector<int> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 1);
  w.done([&] { mode.putVar(numbers.data()); }, "mode");
  w.done([&] { values.putVar(eigenvalues.data()); }, "eigenvalue");
  w.done([&] { area.putVar(mass.data()); }, "mass");
  places.put();
  w.done([&] { variable.putVar(eigenfunctions.data()); }, what.variable);
  file.close();
  temporary.commit();
}

void write_columns(const std::string& path, const std::vector<FileColumn>& columns, const FieldFile& what) {
  TemporaryFile temporary(path);
  auto file = NetcdfHandle::create(temporary.path(), NC_NETCDF4 | NC_CLASSIC_MODEL);
  const Writer w(file);
  const auto dimension = w.dimension(columns.front().name, columns.front().values.size());
  std::vector<netCDF::NcVar> variables;
  for (const auto& c : columns) {
    if (c.values.size() != columns.front().values.size())
      throw Error(ErrorKind::internal, "columns of unequal length");
    variables.push_back(w.coordinate(c.name, netCDF::ncDouble, {dimension}, "", c.units));
    w.text(variables.back(), "long_name", c.long_name);
  }
  put_globals(w, what);
  w.done([&] { file.enddef(); }, "header");
  for (std::size_t k = 0; k < columns.size(); ++k)
    w.done([&] { variables[k].putVar(columns[k].values.data()); }, columns[k].name);
  file.close();
  temporary.commit();
}

}  // namespace manifill::io
