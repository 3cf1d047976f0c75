#pragma once
// Variables on the nodes or faces of a UGRID mesh, private to io.

#include <optional>
#include <vector>

#include "manifill/domain/domain.hpp"
#include "netcdf.hpp"

namespace manifill::io {

/// Where on which mesh a variable lies (UGRID conventions 1.0: attributes `mesh` and `location`).
struct MeshPlace {
  VariableId topology{};
  bool faces = false;  ///< else nodes
  int dimension = -1;  ///< position among the variable's dimensions
};

/// Empty where the variable names no mesh of its file, or lies on its edges.
std::optional<MeshPlace> mesh_place_of(const NetcdfHandle& file, const VariableId& v,
                                       const std::vector<Dimension>& dimensions);

/// A surface where nodes have coordinates x, y, z that are no degrees and values lie on nodes; else cells on
/// the sphere: faces, or nodes with a share of the faces around them. Faces of more corners than three are
/// cut into triangles from their first corner. \throws Error(input) naming the topology's variables: absent,
/// of a wrong size, or no sound mesh
domain::Domain mesh_domain(const NetcdfHandle& file, const VariableId& v, const MeshPlace& place);

}  // namespace manifill::io
