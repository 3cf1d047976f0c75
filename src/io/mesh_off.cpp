#include <array>

#include "mesh_source.hpp"

namespace manifill::io {
namespace {

std::uint64_t count(const MeshLines& lines, std::string_view word) {
  const std::int64_t value = lines.integer(word);
  if (value < 0) throw lines.refusal("a count is negative: " + std::to_string(value));
  return static_cast<std::uint64_t>(value);
}

/// `corners` of a face, which may be followed by its colour.
void read_face(const MeshLines& lines, std::size_t vertices, std::vector<std::uint32_t>& corners) {
  const auto& words = lines.words();
  const std::uint64_t size = count(lines, words[0]);
  if (size < 3) throw lines.refusal("a face of " + std::to_string(size) + " corners has no area");
  if (size > words.size() - 1)
    throw lines.refusal("a face of " + std::to_string(size) + " corners names " +
                        std::to_string(words.size() - 1));
  corners.clear();
  for (std::size_t k = 1; k <= size; ++k) {
    const std::int64_t v = lines.integer(words[k]);
    if (v < 0 || static_cast<std::uint64_t>(v) >= vertices)
      throw lines.refusal("a face names vertex " + std::to_string(v) + " of " + std::to_string(vertices),
                          "Check that the file is complete and counts from zero");
    corners.push_back(static_cast<std::uint32_t>(v));
  }
}

}  // namespace

bool is_off_header(std::string_view word) {
  for (const std::string_view prefix : {"ST", "C", "N", "4", "n"})
    if (word.starts_with(prefix)) word.remove_prefix(prefix.size());
  return word == "OFF";
}

MeshFile read_off(const MeshSource& source) {
  MeshLines lines(source, '#');
  lines.require_next("the counts");
  std::vector<std::string_view> counts = lines.words();
  if (is_off_header(counts[0])) {
    if (counts[0].find_first_of("4n") != std::string_view::npos)
      throw lines.refusal("holds points of another number of dimensions than three",
                          "Project them into space first");
    counts.erase(counts.begin());
    if (!counts.empty() && counts[0] == "BINARY")
      throw lines.refusal("is binary OFF, which is not read", "Convert it to text, or to PLY");
    if (counts.empty()) {
      lines.require_next("the counts");
      counts = lines.words();
    }
  }
  if (counts.size() < 2 || counts.size() > 3)
    throw lines.refusal("the counts of vertices, faces and edges are " + std::to_string(counts.size()) +
                        " words, not two or three");
  const std::uint64_t vertices = count(lines, counts[0]);
  const std::uint64_t faces = count(lines, counts[1]);
  // "0 0 0" and "3 0 0 0", each with a line's end but the last.
  source.check_room(vertices, 6, lines.bytes_left() + 1, "vertices", lines.place());
  source.check_room(faces, 8, lines.bytes_left() + 1, "faces", lines.place());
  MeshFile out;
  out.mesh.vertices.reserve(vertices);
  for (std::uint64_t k = 0; k < vertices; ++k) {
    lines.require_next("vertex " + std::to_string(k) + " of " + std::to_string(vertices));
    out.mesh.vertices.push_back(lines.point(0));
  }
  out.mesh.triangles.reserve(faces);
  std::vector<std::uint32_t> corners;
  for (std::uint64_t k = 0; k < faces; ++k) {
    lines.require_next("face " + std::to_string(k) + " of " + std::to_string(faces));
    read_face(lines, vertices, corners);
    add_polygon(out.mesh, corners);
  }
  if (lines.next())
    throw lines.refusal("goes on after its " + std::to_string(vertices) + " vertices and " +
                        std::to_string(faces) + " faces");
  return out;
}

}  // namespace manifill::io
