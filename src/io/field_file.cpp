#include "manifill/io/field_file.hpp"

#include <numeric>

#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "netcdf.hpp"

namespace manifill::io {
namespace {

class Writer {
 public:
  explicit Writer(const NetcdfHandle& file) : file_(file) {}
  template <typename Action>
  auto done(const Action& action, const std::string& what) const {
    return check_write(action, file_.path(), "writing '" + what + "' failed");
  }
  /// \param of a variable or the file
  template <typename Owner>
  void text(const Owner& of, const std::string& name, const std::string& value) const {
    if (!value.empty()) done([&] { of.putAtt(name, value); }, name);
  }
  [[nodiscard]] netCDF::NcDim dimension(const std::string& name, std::size_t length) const {
    return done([&] { return file_.addDim(name, length); }, name);
  }
  [[nodiscard]] netCDF::NcVar coordinate(const std::string& name, const netCDF::NcType& type,
                                         const netCDF::NcDim& dimension, const std::string& standard_name,
                                         const std::string& units) const {
    const auto v = done([&] { return file_.addVar(name, type, dimension); }, name);
    text(v, "standard_name", standard_name);
    text(v, "units", units);
    return v;
  }

 private:
  const NetcdfHandle& file_;
};

}  // namespace

void write_fields(const std::string& path, const domain::Domain& domain, const Eigen::MatrixXd& fields,
                  const FieldFile& what) {
  const auto& shape = domain.lat_lon();
  if (fields.rows() != static_cast<Eigen::Index>(domain.size()))
    throw Error(ErrorKind::internal, "fields of " + std::to_string(fields.rows()) +
                                         " points for a domain of " + std::to_string(domain.size()));
  TemporaryFile temporary(path);
  auto file = NetcdfHandle::create(temporary.path(), NC_NETCDF4 | NC_CLASSIC_MODEL);
  const Writer w(file);
  const auto count = static_cast<std::size_t>(fields.cols());
  const std::vector<netCDF::NcDim> dimensions{
      w.dimension("realization", count), w.dimension("lat", shape.nlat()), w.dimension("lon", shape.nlon())};
  const auto realization = w.coordinate("realization", netCDF::ncInt, dimensions[0], "realization", "1");
  const auto latitude = w.coordinate("lat", netCDF::ncDouble, dimensions[1], "latitude", "degrees_north");
  const auto longitude = w.coordinate("lon", netCDF::ncDouble, dimensions[2], "longitude", "degrees_east");
  const auto variable =
      w.done([&] { return file.addVar(what.variable, netCDF::ncFloat, dimensions); }, what.variable);
  w.done([&] { variable.setCompression(true, true, 1); }, what.variable);
  w.text(variable, "units", what.units);
  w.text(variable, "standard_name", what.standard_name);
  w.text(variable, "long_name", what.long_name);
  w.text(file, "Conventions", "CF-1.11");
  w.text(file, "history", what.history);
  for (const auto& [key, value] : what.attributes) w.text(file, key, value);
  w.done([&] { file.enddef(); }, "header");
  std::vector<int> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 1);
  w.done([&] { realization.putVar(numbers.data()); }, "realization");
  w.done([&] { latitude.putVar(shape.latitude.data()); }, "lat");
  w.done([&] { longitude.putVar(shape.longitude.data()); }, "lon");
  const Eigen::MatrixXf values = fields.cast<float>();
  w.done([&] { variable.putVar(values.data()); }, what.variable);
  file.close();
  temporary.commit();
}

}  // namespace manifill::io
