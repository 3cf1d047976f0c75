#include "manifill/io/field_file.hpp"

#include <numeric>

#include "field_layout.hpp"
#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "netcdf.hpp"

namespace manifill::io {

void write_fields(const std::string& path, const domain::Domain& domain, const Eigen::MatrixXd& fields,
                  const FieldFile& what) {
  if (fields.rows() != static_cast<Eigen::Index>(domain.size()))
    throw Error(ErrorKind::internal, "fields of " + std::to_string(fields.rows()) +
                                         " points for a domain of " + std::to_string(domain.size()));
  TemporaryFile temporary(path);
  auto file = NetcdfHandle::create(temporary.path(), NC_NETCDF4 | NC_CLASSIC_MODEL);
  FieldLayout w(file);
  const auto count = static_cast<std::size_t>(fields.cols());
  std::vector<netCDF::NcDim> dimensions{w.dimension("realization", count)};
  const auto realization = w.coordinate("realization", netCDF::ncInt, dimensions, "realization", "1");
  w.define_places(domain);
  dimensions.insert(dimensions.end(), w.places().begin(), w.places().end());
  const auto variable =
      w.done([&] { return file.addVar(what.variable, netCDF::ncFloat, dimensions); }, what.variable);
  w.done([&] { variable.setCompression(true, true, 1); }, what.variable);
  w.text(variable, "units", what.units);
  w.text(variable, "standard_name", what.standard_name);
  w.text(variable, "long_name", what.long_name);
  w.locate(variable);
  w.text(file, "Conventions", "CF-1.11");
  w.text(file, "history", what.history);
  for (const auto& [key, value] : what.attributes) w.text(file, key, value);
  w.done([&] { file.enddef(); }, "header");
  std::vector<int> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 1);
  w.done([&] { realization.putVar(numbers.data()); }, "realization");
  w.put_coordinates();
  const Eigen::MatrixXf values = fields.cast<float>();
  w.done([&] { variable.putVar(values.data()); }, what.variable);
  file.close();
  temporary.commit();
}

}  // namespace manifill::io
