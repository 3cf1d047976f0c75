#include "mesh_topology.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "coordinates.hpp"
#include "manifill/base/error.hpp"
#include "manifill/domain/sphere.hpp"
#include "packing.hpp"

namespace manifill::io {
namespace {

using Point = std::array<double, 3>;
using Triangle = std::array<std::uint32_t, 3>;

Error refuse(const NetcdfHandle& file, const VariableId& of, const std::string& what,
             const std::string& index = {}) {
  return {ErrorKind::input,
          what,
          {.file = file.path(),
           .variable = of.name,
           .index = index,
           .remedy = "Repair the mesh by the UGRID conventions"}};
}

VariableId named(const NetcdfHandle& file, const VariableId& topology, const std::string& name) {
  const auto found = find_variable(file, name);
  if (!found)
    throw refuse(file, topology, "the mesh names a variable '" + name + "' that the file does not hold");
  return *found;
}

struct Faces {
  std::vector<std::vector<std::uint32_t>> corners{};  // [face], indices of nodes
};

Faces read_faces(const NetcdfHandle& file, const VariableId& topology, std::size_t nodes) {
  const std::string name = text_attribute(topology, "face_node_connectivity");
  if (name.empty()) throw refuse(file, topology, "the mesh has no face_node_connectivity");
  const VariableId c = named(file, topology, name);
  const auto dimensions = dimensions_of(file, c);
  if (dimensions.size() != 2) throw refuse(file, c, "a connectivity has two dimensions, faces and corners");
  // Faces come first unless the mesh says that its other dimension counts them.
  const bool turned = text_attribute(topology, "face_dimension") == dimensions[1].name;
  const std::size_t faces = dimensions[turned ? 1 : 0].length;
  const std::size_t most = dimensions[turned ? 0 : 1].length;
  const auto start = number_attribute(c, "start_index");
  const double first = start.empty() ? 0.0 : start[0];
  const auto values = read_all(file, c);
  const Packing packing = packing_of(file, c);
  Faces out{std::vector<std::vector<std::uint32_t>>(faces)};
  for (std::size_t f = 0; f < faces; ++f) {
    for (std::size_t k = 0; k < most; ++k) {
      const double x = values[turned ? k * faces + f : f * most + k];
      if (packing.is_sentinel(packing.number(x))) continue;  // a face of fewer corners
      const double node = x - first;
      if (!(node >= 0.0) || node >= static_cast<double>(nodes) || node != std::floor(node))
        throw refuse(file, c, "a corner is no node of the mesh", "[face " + std::to_string(f) + "]");
      out.corners[f].push_back(static_cast<std::uint32_t>(node));
    }
    if (out.corners[f].size() < 3)
      throw refuse(file, c, "a face has fewer than three corners", "[face " + std::to_string(f) + "]");
  }
  return out;
}

std::vector<Triangle> triangles_of(const Faces& faces) {
  std::vector<Triangle> out;
  for (const auto& f : faces.corners)
    for (std::size_t k = 1; k + 1 < f.size(); ++k) out.push_back({f[0], f[k], f[k + 1]});
  return out;
}

/// Faces that share an edge.
std::vector<std::array<std::uint32_t, 2>> adjacent(const Faces& faces) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> seen;
  std::vector<std::array<std::uint32_t, 2>> pairs;
  for (std::size_t f = 0; f < faces.corners.size(); ++f) {
    const auto& corners = faces.corners[f];
    for (std::size_t k = 0; k < corners.size(); ++k) {
      const auto [low, high] = std::minmax(corners[k], corners[(k + 1) % corners.size()]);
      const auto [entry, fresh] = seen.try_emplace({low, high}, static_cast<std::uint32_t>(f));
      if (!fresh) pairs.push_back({entry->second, static_cast<std::uint32_t>(f)});
    }
  }
  return pairs;
}

std::vector<std::array<std::uint32_t, 2>> sides(const Faces& faces) {
  std::vector<std::array<std::uint32_t, 2>> pairs;
  for (const auto& corners : faces.corners)
    for (std::size_t k = 0; k < corners.size(); ++k) {
      const auto [low, high] = std::minmax(corners[k], corners[(k + 1) % corners.size()]);
      pairs.push_back({low, high});
    }
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  return pairs;
}

/// The two nodes on the sphere as cells: areas and neighbours from the faces.
domain::CellGrid cells_of(const Faces& faces, std::vector<double> latitude, std::vector<double> longitude,
                          bool on_faces) {
  std::vector<Point> nodes;
  for (std::size_t i = 0; i < latitude.size(); ++i)
    nodes.push_back(domain::unit_vector(latitude[i], longitude[i]));
  const std::size_t n = on_faces ? faces.corners.size() : nodes.size();
  domain::CellGrid g{.area = std::vector<double>(n, 0.0), .name = on_faces ? "UGRID faces" : "UGRID nodes"};
  for (std::size_t f = 0; f < faces.corners.size(); ++f) {
    const auto& corners = faces.corners[f];
    Point sum{};
    for (const auto c : corners)
      for (std::size_t k = 0; k < 3; ++k) sum[k] += nodes[c][k];
    for (std::size_t k = 1; k + 1 < corners.size(); ++k) {
      const double area =
          domain::spherical_triangle_area(nodes[corners[0]], nodes[corners[k]], nodes[corners[k + 1]]);
      if (on_faces)
        g.area[f] += area;
      else
        for (const auto c : {corners[0], corners[k], corners[k + 1]}) g.area[c] += area / 3.0;
    }
    if (!on_faces) continue;
    g.latitude.push_back(std::atan2(sum[2], std::hypot(sum[0], sum[1])) * domain::kRadian);
    g.longitude.push_back(std::atan2(sum[1], sum[0]) * domain::kRadian);
  }
  if (!on_faces) {
    g.latitude = std::move(latitude);
    g.longitude = std::move(longitude);
  }
  g.neighbours = on_faces ? adjacent(faces) : sides(faces);
  return g;
}

}  // namespace

std::optional<MeshPlace> mesh_place_of(const NetcdfHandle& file, const VariableId& v,
                                       const std::vector<Dimension>& dimensions) {
  const std::string mesh = text_attribute(v, "mesh");
  const std::string location = text_attribute(v, "location");
  if (mesh.empty() || (location != "node" && location != "face")) return std::nullopt;
  const auto topology = find_variable(file, mesh);
  if (!topology || text_attribute(*topology, "cf_role") != "mesh_topology") return std::nullopt;
  MeshPlace place{.topology = *topology, .faces = location == "face"};
  // The dimension is that of the nodes' coordinates, or the one that counts the faces.
  std::string name;
  if (place.faces) {
    name = text_attribute(*topology, "face_dimension");
    const auto c = find_variable(file, text_attribute(*topology, "face_node_connectivity"));
    if (name.empty() && c) name = dimensions_of(file, *c)[0].name;
  } else {
    const auto coordinates = words(text_attribute(*topology, "node_coordinates"));
    const auto c = coordinates.empty() ? std::nullopt : find_variable(file, coordinates[0]);
    if (c && !dimensions_of(file, *c).empty()) name = dimensions_of(file, *c)[0].name;
  }
  for (std::size_t k = 0; k < dimensions.size(); ++k)
    if (dimensions[k].name == name) place.dimension = static_cast<int>(k);
  return place.dimension < 0 ? std::nullopt : std::optional<MeshPlace>(place);
}

domain::Domain mesh_domain(const NetcdfHandle& file, const VariableId& v, const MeshPlace& place) {
  const auto names = words(text_attribute(place.topology, "node_coordinates"));
  if (names.size() < 2) throw refuse(file, place.topology, "the mesh has no node_coordinates");
  std::vector<std::vector<double>> coordinates;
  std::vector<VariableId> ids;
  for (const auto& name : names) {
    ids.push_back(named(file, place.topology, name));
    coordinates.push_back(read_all(file, ids.back()));
    if (coordinates.back().size() != coordinates[0].size())
      throw refuse(file, ids.back(), "the coordinates of the nodes differ in number");
  }
  const std::size_t nodes = coordinates[0].size();
  const Faces faces = read_faces(file, place.topology, nodes);
  if (names.size() == 3 && !place.faces) {
    domain::TriangleMesh mesh{.triangles = triangles_of(faces)};
    for (std::size_t i = 0; i < nodes; ++i)
      mesh.vertices.push_back({coordinates[0][i], coordinates[1][i], coordinates[2][i]});
    return domain::Domain::surface(std::move(mesh));
  }
  if (names.size() == 3)
    throw refuse(file, v, "values on the faces of a surface in space are not read; put them onto its nodes");
  const auto is_latitude = [&](const VariableId& c) {
    return text_attribute(c, "standard_name") == "latitude" ||
           lower(text_attribute(c, "units")).find("north") != std::string::npos;
  };
  const std::size_t lat = is_latitude(ids[0]) ? 0 : 1;
  return domain::Domain::cells(cells_of(faces, coordinate_degrees(file, ids[lat], v.name),
                                        coordinate_degrees(file, ids[1 - lat], v.name), place.faces));
}

}  // namespace manifill::io
