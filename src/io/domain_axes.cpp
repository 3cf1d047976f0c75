#include "domain_axes.hpp"

#include <array>
#include <utility>

namespace manifill::io {

DomainAxes::DomainAxes(const Writer& writer, const domain::Domain& domain) : writer_(writer) {
  const bool axes = domain.kind() == domain::DomainKind::lat_lon;
  const std::size_t columns = domain.columns();
  const auto add = [&](const std::string& name, std::size_t length) {
    dimensions_.push_back(writer_.dimension(writer_.unused(name), length));
  };
  if (axes) {
    add("lat", domain.size() / columns);
    add("lon", columns);
  } else if (domain.kind() == domain::DomainKind::plane) {
    add("row", domain.size() / columns);
    add("column", columns);
  } else if (columns > 1) {
    add("y", domain.size() / columns);
    add("x", columns);
  } else {
    add(domain.kind() == domain::DomainKind::surface ? "node" : "cell", domain.size());
  }
  if (domain.kind() == domain::DomainKind::surface) define_surface(domain);
  if (!domain.spherical()) return;
  const auto place = [&](std::size_t axis, const char* standard_name, const char* units,
                         std::vector<double> values) {
    const std::string name = axes ? dimensions_[axis].getName() : writer_.unused(axis == 0 ? "lat" : "lon");
    const auto over = axes ? std::vector{dimensions_[axis]} : dimensions_;
    values_.push_back(
        {writer_.coordinate(name, netCDF::ncDouble, over, standard_name, units), std::move(values)});
    if (!axes) coordinates_ += (coordinates_.empty() ? "" : " ") + name;
  };
  place(0, "latitude", "degrees_north", axes ? domain.lat_lon().latitude : domain.latitudes());
  place(1, "longitude", "degrees_east", axes ? domain.lat_lon().longitude : domain.longitudes());
  if (domain.kind() != domain::DomainKind::cells) return;
  const std::string name = writer_.unused("cell_area");
  std::vector<double> areas(domain.weights().begin(), domain.weights().end());
  for (auto& a : areas) a *= domain.area() * 1e6;
  values_.push_back(
      {writer_.coordinate(name, netCDF::ncDouble, dimensions_, "cell_area", "m2"), std::move(areas)});
  measures_ = "area: " + name;
}

void DomainAxes::define_surface(const domain::Domain& domain) {
  std::string nodes;
  for (std::size_t c = 0; c < 3; ++c) {
    const std::string name = writer_.unused(std::string(1, "xyz"[c]));
    nodes += (nodes.empty() ? "" : " ") + name;
    Values v{writer_.coordinate(name, netCDF::ncDouble, dimensions_, "", "")};
    for (const auto& p : domain.points()) v.values.push_back(p[c]);
    values_.push_back(std::move(v));
  }
  const auto& triangles = domain.mesh().triangles;
  const auto face = writer_.dimension(writer_.unused("face"), triangles.size());
  const auto corner = writer_.dimension(writer_.unused("corner"), 3);
  Values corners{writer_.variable(writer_.unused("face_nodes"), netCDF::ncInt, {face, corner})};
  writer_.done([&] { corners.variable.putAtt("start_index", netCDF::ncInt, 0); }, "start_index");
  for (const auto& t : triangles) corners.values.insert(corners.values.end(), t.begin(), t.end());
  mesh_ = writer_.unused("mesh");
  const auto topology = writer_.variable(mesh_, netCDF::ncInt, {});
  writer_.text(topology, "cf_role", "mesh_topology");
  writer_.done([&] { topology.putAtt("topology_dimension", netCDF::ncInt, 2); }, "topology_dimension");
  writer_.text(topology, "node_coordinates", nodes);
  writer_.text(topology, "face_node_connectivity", corners.variable.getName());
  values_.push_back(std::move(corners));
}

void DomainAxes::describe(const netCDF::NcVar& v, const std::string& more) const {
  writer_.text(v, "coordinates", coordinates_ + (coordinates_.empty() || more.empty() ? "" : " ") + more);
  writer_.text(v, "cell_measures", measures_);
  writer_.text(v, "mesh", mesh_);
  if (!mesh_.empty()) writer_.text(v, "location", "node");
}

void DomainAxes::put() const {
  for (const auto& c : values_) writer_.done([&] { c.variable.putVar(c.values.data()); }, "coordinates");
}

}  // namespace manifill::io
