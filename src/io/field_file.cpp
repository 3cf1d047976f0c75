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
                                         const std::vector<netCDF::NcDim>& dimensions,
                                         const std::string& standard_name, const std::string& units) const {
    const auto v = done([&] { return file_.addVar(name, type, dimensions); }, name);
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
  if (fields.rows() != static_cast<Eigen::Index>(domain.size()))
    throw Error(ErrorKind::internal, "fields of " + std::to_string(fields.rows()) +
                                         " points for a domain of " + std::to_string(domain.size()));
  TemporaryFile temporary(path);
  auto file = NetcdfHandle::create(temporary.path(), NC_NETCDF4 | NC_CLASSIC_MODEL);
  const Writer w(file);
  const auto count = static_cast<std::size_t>(fields.cols());
  // Rows and columns of a lat-lon grid are its coordinates' own; other points have theirs beside them.
  const bool axes = domain.kind() == domain::DomainKind::lat_lon;
  const std::size_t columns = domain.columns();
  std::vector<netCDF::NcDim> dimensions{w.dimension("realization", count)};
  if (axes) {
    dimensions.push_back(w.dimension("lat", domain.size() / columns));
    dimensions.push_back(w.dimension("lon", columns));
  } else if (columns > 1) {
    dimensions.push_back(w.dimension("y", domain.size() / columns));
    dimensions.push_back(w.dimension("x", columns));
  } else {
    dimensions.push_back(w.dimension("cell", domain.size()));
  }
  const std::vector<netCDF::NcDim> places(dimensions.begin() + 1, dimensions.end());
  const auto realization = w.coordinate("realization", netCDF::ncInt, {dimensions[0]}, "realization", "1");
  struct Values {
    netCDF::NcVar variable{};
    std::vector<double> values{};
  };
  std::vector<Values> coordinates;
  if (domain.spherical()) {
    coordinates.push_back({w.coordinate("lat", netCDF::ncDouble, axes ? std::vector{places[0]} : places,
                                        "latitude", "degrees_north"),
                           axes ? domain.lat_lon().latitude : domain.latitudes()});
    coordinates.push_back({w.coordinate("lon", netCDF::ncDouble, axes ? std::vector{places[1]} : places,
                                        "longitude", "degrees_east"),
                           axes ? domain.lat_lon().longitude : domain.longitudes()});
  } else if (domain.kind() == domain::DomainKind::surface) {
    for (std::size_t c = 0; c < 3; ++c) {
      Values v{w.coordinate(std::string(1, "xyz"[c]), netCDF::ncDouble, places, "", "")};
      for (const auto& p : domain.points()) v.values.push_back(p[c]);
      coordinates.push_back(std::move(v));
    }
  }
  const auto variable =
      w.done([&] { return file.addVar(what.variable, netCDF::ncFloat, dimensions); }, what.variable);
  w.done([&] { variable.setCompression(true, true, 1); }, what.variable);
  w.text(variable, "units", what.units);
  w.text(variable, "standard_name", what.standard_name);
  w.text(variable, "long_name", what.long_name);
  if (!axes && domain.spherical()) w.text(variable, "coordinates", "lat lon");
  w.text(file, "Conventions", "CF-1.11");
  w.text(file, "history", what.history);
  for (const auto& [key, value] : what.attributes) w.text(file, key, value);
  w.done([&] { file.enddef(); }, "header");
  std::vector<int> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 1);
  w.done([&] { realization.putVar(numbers.data()); }, "realization");
  for (const auto& c : coordinates) w.done([&] { c.variable.putVar(c.values.data()); }, "coordinates");
  const Eigen::MatrixXf values = fields.cast<float>();
  w.done([&] { variable.putVar(values.data()); }, what.variable);
  file.close();
  temporary.commit();
}

}  // namespace manifill::io
