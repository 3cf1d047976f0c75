#include <string>

#include "mesh_source.hpp"

namespace manifill::io {
namespace {

/// Vertices of a file, of which faces may name later ones too.
std::size_t count_vertices(const MeshSource& source) {
  std::size_t count = 0;
  for (MeshLines lines(source, '#'); lines.next();)
    if (lines.words()[0] == "v") ++count;
  return count;
}

/// Vertex of a corner "v", "v/vt", "v//vn" or "v/vt/vn": from 1, or from -1 backwards before the face.
std::uint32_t corner(const MeshLines& lines, std::string_view word, std::size_t before, std::size_t all) {
  std::string_view rest = word;
  const auto part = [&] {
    const std::string_view out = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(out.size() + 1, rest.size()));
    return out;
  };
  const std::int64_t named = lines.integer(part());
  for (int k = 0; k < 2 && !rest.empty(); ++k) {
    const std::string_view other = part();
    if (!other.empty()) static_cast<void>(lines.integer(other));
  }
  if (!rest.empty()) throw lines.refusal("a corner has more than three parts");
  const std::int64_t index = named > 0 ? named - 1 : static_cast<std::int64_t>(before) + named;
  if (named == 0 || index < 0 || index >= static_cast<std::int64_t>(all))
    throw lines.refusal(
        "a face names vertex " + std::to_string(named) + " of " + std::to_string(named < 0 ? before : all),
        "Check that the file is complete and counts from one");
  return static_cast<std::uint32_t>(index);
}

}  // namespace

MeshFile read_obj(const MeshSource& source) {
  const std::size_t vertices = count_vertices(source);
  source.check_room(vertices, 1, source.bytes.size(), "vertices", {});
  MeshFile out;
  out.mesh.vertices.reserve(vertices);
  std::vector<std::uint32_t> corners;
  MeshLines lines(source, '#');
  while (lines.next()) {
    const auto& words = lines.words();
    if (words[0] == "v") {
      out.mesh.vertices.push_back(lines.point(1));
    } else if (words[0] == "f") {
      if (words.size() < 4)
        throw lines.refusal("a face of " + std::to_string(words.size() - 1) + " corners has no area");
      corners.clear();
      for (std::size_t k = 1; k < words.size(); ++k)
        corners.push_back(corner(lines, words[k], out.mesh.vertices.size(), vertices));
      add_polygon(out.mesh, corners);
    } else {
      // Everything else that is passed over is of letters.
      for (const char c : words[0])
        if ((c < 'a' || c > 'z') && c != '_') throw lines.refusal("is not a line of OBJ");
    }
  }
  return out;
}

}  // namespace manifill::io
