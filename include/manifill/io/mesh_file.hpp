#pragma once
/// \file
/// \brief Surfaces of triangles with signals on their vertices, from and to files.

#include <string>
#include <vector>

#include "manifill/domain/triangle_mesh.hpp"

namespace manifill::io {

/// \brief Numbers on the vertices of a mesh.
struct MeshSignal {
  std::string name{};
  std::vector<double> values{};  ///< [vertex], NaN where missing
  std::string units{};           ///< of a PLY file's line "comment units NAME UNITS"; else empty
};

/// \brief What a mesh file holds.
struct MeshFile {
  domain::TriangleMesh
      mesh{};  ///< as the file has it: `domain::check` and `domain::repair` are up to the caller
  std::vector<MeshSignal> signals{};
};

/// \brief Reads OFF, PLY, OBJ or STL: which of them its content says, the ending of its name where that
/// leaves it open.
///
/// - OFF: text, any of the headers OFF, COFF, NOFF, STOFF; what follows the coordinates is passed over.
/// - PLY: text, binary of either byte order. Scalar properties of vertices other than x, y, z are signals;
///   lists of vertices and other elements than vertices and faces are passed over.
/// - OBJ: vertices and faces; normals, textures, lines, materials are passed over.
/// - STL: text or binary; corners of equal coordinates are one vertex.
///
/// Polygons are cut into triangles from their first corner. Triangles may be none; indices are in range and
/// coordinates finite, nothing else is checked. \throws Error(input) with line or byte and remedy for a file
/// that is missing, not a mesh, truncated or malformed, or that promises more than it can hold; Error(io)
/// where reading fails. Sources: the formats' descriptions by Geomview (OFF), Turk 1994 (PLY), Wavefront
/// (OBJ) and 3D Systems 1988 (STL)
MeshFile read_mesh(const std::string& path);

/// \brief Writes PLY, binary little endian, coordinates and signals in double precision, whole or not at all.
/// \throws Error(usage) for a signal whose name is empty, taken or holds blanks; Error(internal) where a
/// signal's length or a triangle's index does not fit the vertices; Error(io)
void write_ply(const std::string& path, const domain::TriangleMesh& mesh,
               const std::vector<MeshSignal>& signals);

}  // namespace manifill::io
