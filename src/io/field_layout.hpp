#pragma once
// Dimensions and coordinates of a domain in a new CF NetCDF file, private to io.

#include <string>
#include <vector>

#include "manifill/domain/domain.hpp"
#include "netcdf.hpp"

namespace manifill::io {

/// A file being defined, with its errors.
class FieldLayout {
 public:
  explicit FieldLayout(const NetcdfHandle& file) : file_(file) {}

  template <typename Action>
  auto done(const Action& action, const std::string& what) const {
    return check_write(action, file_.path(), "writing '" + what + "' failed");
  }
  /// \param of a variable or the file
  template <typename Owner>
  void text(const Owner& of, const std::string& name, const std::string& value) const {
    if (!value.empty()) done([&] { of.putAtt(name, value); }, name);
  }
  [[nodiscard]] netCDF::NcDim dimension(const std::string& name, std::size_t length) const;
  [[nodiscard]] netCDF::NcVar coordinate(const std::string& name, const netCDF::NcType& type,
                                         const std::vector<netCDF::NcDim>& dimensions,
                                         const std::string& standard_name, const std::string& units) const;
  /// Rows and columns of a lat-lon grid are its coordinates' own; other points have theirs beside them.
  void define_places(const domain::Domain& domain);
  /// Of the domain's points, after define_places.
  [[nodiscard]] const std::vector<netCDF::NcDim>& places() const { return places_; }
  /// Says where a variable's coordinates are.
  void locate(const netCDF::NcVar& variable) const;
  /// After the file has left define mode.
  void put_coordinates() const;

 private:
  struct Values {
    netCDF::NcVar variable{};
    std::vector<double> values{};
  };
  const NetcdfHandle& file_;
  std::vector<netCDF::NcDim> places_{};
  std::vector<Values> coordinates_{};
  bool beside_ = false;  // latitudes and longitudes are no coordinate variables
};

}  // namespace manifill::io
