#include "manifill/io/domain_record.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "manifill/base/error.hpp"

namespace manifill::io {
namespace {

using domain::Domain;
using domain::DomainKind;

template <std::size_t N>
void put_indices(ModelFile& file, const std::string& name,
                 const std::vector<std::array<std::uint32_t, N>>& rows) {
  std::vector<std::int64_t> flat;
  flat.reserve(rows.size() * N);
  for (const auto& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  file.put_integers(name, {rows.size(), N}, flat);
}

template <std::size_t N>
std::vector<std::array<std::uint32_t, N>> get_indices(const ModelFile& file, const std::string& name) {
  const auto& flat = file.integers(name, {0, N});
  std::vector<std::array<std::uint32_t, N>> rows(flat.size() / N);
  for (std::size_t k = 0; k < flat.size(); ++k) {
    if (flat[k] < 0 || flat[k] > std::numeric_limits<std::uint32_t>::max())
      throw Error(ErrorKind::input, "not a usable model: an index of '" + name + "' is out of range",
                  {.file = file.path(), .remedy = "Fetch or train the model again"});
    rows[k / N][k % N] = static_cast<std::uint32_t>(flat[k]);
  }
  return rows;
}

Domain read(const ModelFile& file) {
  const std::string kind = file.has("domain/kind") ? file.text("domain/kind") : "lat_lon";
  if (kind == "lat_lon")
    return Domain::lat_lon(file.doubles("domain/latitude"), file.doubles("domain/longitude"));
  if (kind == "cells")
    return Domain::cells({.latitude = file.doubles("domain/latitude"),
                          .longitude = file.doubles("domain/longitude"),
                          .area = file.doubles("domain/area"),
                          .neighbours = get_indices<2>(file, "domain/neighbours"),
                          .name = file.text("domain/name")});
  if (kind == "curvilinear") {
    const auto& shape = file.shape("domain/latitude");
    const auto& latitude = file.doubles("domain/latitude", {0, 0});
    return Domain::curvilinear(
        latitude, file.doubles("domain/longitude", shape), shape[1],
        file.integers("domain/periodic", {1})[0] != 0,
        file.has("domain/area") ? file.doubles("domain/area", shape) : std::vector<double>());
  }
  if (kind == "surface") {
    const auto& flat = file.doubles("domain/vertices", {0, 3});
    domain::TriangleMesh mesh{.triangles = get_indices<3>(file, "domain/triangles")};
    for (std::size_t k = 0; k < flat.size(); k += 3)
      mesh.vertices.push_back({flat[k], flat[k + 1], flat[k + 2]});
    return Domain::surface(std::move(mesh));
  }
  if (kind == "plane") {
    const auto& shape = file.integers("domain/shape", {2});
    constexpr std::int64_t most = std::int64_t{1} << 24;
    if (shape[0] > 0 && shape[1] > 0 && shape[0] <= most && shape[1] <= most)
      return Domain::plane(static_cast<std::size_t>(shape[0]), static_cast<std::size_t>(shape[1]));
  }
  throw Error(ErrorKind::input, "its domain is of kind '" + kind + "', which this version does not read");
}

}  // namespace

void put_domain(const Domain& domain, ModelFile& file) {
  const auto put_degrees = [&](const ModelFile::Shape& shape) {
    file.put_doubles("domain/latitude", shape, domain.latitudes());
    file.put_doubles("domain/longitude", shape, domain.longitudes());
  };
  switch (domain.kind()) {
    case DomainKind::lat_lon: {
      const auto& shape = domain.lat_lon();
      file.put_doubles("domain/latitude", {shape.nlat()}, shape.latitude);
      file.put_doubles("domain/longitude", {shape.nlon()}, shape.longitude);
      return;
    }
    case DomainKind::cells:
      file.put_text("domain/kind", "cells");
      file.put_text("domain/name", domain.cell_grid().name);
      put_degrees({domain.size()});
      file.put_doubles("domain/area", {domain.size()}, domain.cell_grid().area);
      put_indices(file, "domain/neighbours", domain.cell_grid().neighbours);
      return;
    case DomainKind::curvilinear:
      file.put_text("domain/kind", "curvilinear");
      put_degrees({domain.size() / domain.columns(), domain.columns()});
      file.put_integers("domain/periodic", {1}, {domain.periodic() ? 1 : 0});
      file.put_doubles("domain/area", {domain.size() / domain.columns(), domain.columns()},
                       {domain.weights().begin(), domain.weights().end()});
      return;
    case DomainKind::surface: {
      file.put_text("domain/kind", "surface");
      std::vector<double> flat;
      for (const auto& v : domain.mesh().vertices) flat.insert(flat.end(), v.begin(), v.end());
      file.put_doubles("domain/vertices", {domain.size(), 3}, flat);
      put_indices(file, "domain/triangles", domain.mesh().triangles);
      return;
    }
    case DomainKind::plane:
      file.put_text("domain/kind", "plane");
      file.put_integers("domain/shape", {2},
                        {static_cast<std::int64_t>(domain.size() / domain.columns()),
                         static_cast<std::int64_t>(domain.columns())});
      return;
  }
}

Domain get_domain(const ModelFile& file) {
  try {
    return read(file);
  } catch (const Error& e) {
    if (!e.context().file.empty()) throw;
    throw Error(e.kind(), "not a usable model: " + std::string(e.what()),
                {.file = file.path(),
                 .variable = e.context().variable,
                 .index = e.context().index,
                 .remedy = "Fetch or train the model again"});
  }
}

}  // namespace manifill::io
