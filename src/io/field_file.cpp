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
  void text(int variable, const char* name, const std::string& value) const {
    if (!value.empty()) done(nc_put_att_text(file_.id(), variable, name, value.size(), value.c_str()), name);
  }
  int dimension(const char* name, std::size_t length) const {
    int id = -1;
    done(nc_def_dim(file_.id(), name, length, &id), name);
    return id;
  }
  int coordinate(const char* name, nc_type type, int dimension, const char* standard_name,
                 const char* units) const {
    int id = -1;
    done(nc_def_var(file_.id(), name, type, 1, &dimension, &id), name);
    text(id, "standard_name", standard_name);
    text(id, "units", units);
    return id;
  }
  void done(int status, const std::string& what) const {
    check_write(status, file_.path(), "writing '" + what + "' failed");
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
  const int dimensions[] = {w.dimension("realization", count), w.dimension("lat", shape.nlat()),
                            w.dimension("lon", shape.nlon())};
  const int realization = w.coordinate("realization", NC_INT, dimensions[0], "realization", "1");
  const int latitude = w.coordinate("lat", NC_DOUBLE, dimensions[1], "latitude", "degrees_north");
  const int longitude = w.coordinate("lon", NC_DOUBLE, dimensions[2], "longitude", "degrees_east");
  int variable = -1;
  w.done(nc_def_var(file.id(), what.variable.c_str(), NC_FLOAT, 3, dimensions, &variable), what.variable);
  w.done(nc_def_var_deflate(file.id(), variable, 1, 1, 1), what.variable);
  w.text(variable, "units", what.units);
  w.text(variable, "standard_name", what.standard_name);
  w.text(variable, "long_name", what.long_name);
  w.text(NC_GLOBAL, "Conventions", "CF-1.11");
  w.text(NC_GLOBAL, "history", what.history);
  for (const auto& [key, value] : what.attributes) w.text(NC_GLOBAL, key.c_str(), value);
  w.done(nc_enddef(file.id()), "header");
  std::vector<int> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 1);
  w.done(nc_put_var_int(file.id(), realization, numbers.data()), "realization");
  w.done(nc_put_var_double(file.id(), latitude, shape.latitude.data()), "lat");
  w.done(nc_put_var_double(file.id(), longitude, shape.longitude.data()), "lon");
  const Eigen::MatrixXf values = fields.cast<float>();
  w.done(nc_put_var_float(file.id(), variable, values.data()), what.variable);
  file.close();
  temporary.commit();
}

}  // namespace manifill::io
