#pragma once
// A new NetCDF file of our own making, and how it holds the points of a domain. Private to io.

#include <string>
#include <vector>

#include "manifill/domain/domain.hpp"
#include "netcdf.hpp"

namespace manifill::io {

/// Definitions in a file in define mode, with our errors.
class Writer {
 public:
  explicit Writer(const NetcdfHandle& file) : file_(file) {}
  template <typename Action>
  auto done(const Action& action, const std::string& what) const {
    return check_write(action, file_.path(), "writing '" + what + "' failed");
  }
  /// Nothing where the value is empty. \param of a variable or the file
  template <typename Owner>
  void text(const Owner& of, const std::string& name, const std::string& value) const {
    if (!value.empty()) done([&] { of.putAtt(name, value); }, name);
  }
  [[nodiscard]] netCDF::NcDim dimension(const std::string& name, std::size_t length) const {
    return done([&] { return file_.addDim(name, length); }, name);
  }
  [[nodiscard]] netCDF::NcVar variable(const std::string& name, const netCDF::NcType& type,
                                       const std::vector<netCDF::NcDim>& dimensions) const {
    return done([&] { return file_.addVar(name, type, dimensions); }, name);
  }
  [[nodiscard]] netCDF::NcVar coordinate(const std::string& name, const netCDF::NcType& type,
                                         const std::vector<netCDF::NcDim>& dimensions,
                                         const std::string& standard_name, const std::string& units) const {
    const auto v = variable(name, type, dimensions);
    text(v, "standard_name", standard_name);
    text(v, "units", units);
    return v;
  }
  /// The name, with underscores behind it while the file has a dimension or variable of that name.
  [[nodiscard]] std::string unused(std::string name) const {
    while (!file_.getDim(name).isNull() || !file_.getVar(name).isNull()) name += "_";
    return name;
  }
  [[nodiscard]] const NetcdfHandle& file() const { return file_; }

 private:
  const NetcdfHandle& file_;
};

/// Dimensions and coordinates of a domain: rows and columns of a lat-lon grid are its coordinates' own, other
/// points have theirs beside them; cells have their areas, surfaces their triangles (UGRID 1.0).
class DomainAxes {
 public:
  /// Defines them.
  DomainAxes(const Writer& writer, const domain::Domain& domain);
  [[nodiscard]] const std::vector<netCDF::NcDim>& dimensions() const { return dimensions_; }
  /// Says of a variable where it lies. \param more names for its attribute `coordinates`
  void describe(const netCDF::NcVar& v, const std::string& more = "") const;
  /// Writes the values, once definitions have ended.
  void put() const;

 private:
  void define_surface(const domain::Domain& domain);
  struct Values {
    netCDF::NcVar variable{};
    std::vector<double> values{};
  };
  Writer writer_;
  std::vector<netCDF::NcDim> dimensions_{};
  std::vector<Values> values_{};
  std::string coordinates_{};
  std::string measures_{};
  std::string mesh_{};
};

}  // namespace manifill::io
