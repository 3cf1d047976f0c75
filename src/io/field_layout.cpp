#include "field_layout.hpp"

namespace manifill::io {

netCDF::NcDim FieldLayout::dimension(const std::string& name, std::size_t length) const {
  return done([&] { return file_.addDim(name, length); }, name);
}

netCDF::NcVar FieldLayout::coordinate(const std::string& name, const netCDF::NcType& type,
                                      const std::vector<netCDF::NcDim>& dimensions,
                                      const std::string& standard_name, const std::string& units) const {
  const auto v = done([&] { return file_.addVar(name, type, dimensions); }, name);
  text(v, "standard_name", standard_name);
  text(v, "units", units);
  return v;
}

void FieldLayout::define_places(const domain::Domain& domain) {
  const bool axes = domain.kind() == domain::DomainKind::lat_lon;
  const std::size_t columns = domain.columns();
  if (axes) {
    places_ = {dimension("lat", domain.size() / columns), dimension("lon", columns)};
  } else if (columns > 1) {
    places_ = {dimension("y", domain.size() / columns), dimension("x", columns)};
  } else {
    places_ = {dimension("cell", domain.size())};
  }
  if (domain.spherical()) {
    coordinates_.push_back({coordinate("lat", netCDF::ncDouble, axes ? std::vector{places_[0]} : places_,
                                       "latitude", "degrees_north"),
                            axes ? domain.lat_lon().latitude : domain.latitudes()});
    coordinates_.push_back({coordinate("lon", netCDF::ncDouble, axes ? std::vector{places_[1]} : places_,
                                       "longitude", "degrees_east"),
                            axes ? domain.lat_lon().longitude : domain.longitudes()});
    beside_ = !axes;
  } else if (domain.kind() == domain::DomainKind::surface) {
    for (std::size_t c = 0; c < 3; ++c) {
      Values v{coordinate(std::string(1, "xyz"[c]), netCDF::ncDouble, places_, "", "")};
      for (const auto& p : domain.points()) v.values.push_back(p[c]);
      coordinates_.push_back(std::move(v));
    }
  }
}

void FieldLayout::locate(const netCDF::NcVar& variable) const {
  if (beside_) text(variable, "coordinates", "lat lon");
}

void FieldLayout::put_coordinates() const {
  for (const auto& c : coordinates_) done([&] { c.variable.putVar(c.values.data()); }, "coordinates");
}

}  // namespace manifill::io
