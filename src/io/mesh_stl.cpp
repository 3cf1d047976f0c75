#include <cmath>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "mesh_source.hpp"

namespace manifill::io {
namespace {

using Point = std::array<double, 3>;

constexpr std::size_t kHeader = 80;
constexpr std::size_t kTriangleBytes = 50;  // normal and corners in single precision, two bytes of attributes

struct PointHash {
  std::size_t operator()(const Point& p) const {
    std::uint64_t h = 0;
    for (const double x : p) h = (h ^ std::bit_cast<std::uint64_t>(x)) * 0x9E3779B97F4A7C15U;
    return static_cast<std::size_t>(h ^ h >> 32U);
  }
};

/// Triangles by the coordinates of their corners.
class Corners {
 public:
  std::uint32_t index_of(Point p) {
    for (double& x : p) x += 0.0;  // of -0 and 0 one vertex
    const auto [place, fresh] = numbers_.emplace(p, static_cast<std::uint32_t>(mesh_.vertices.size()));
    if (fresh) mesh_.vertices.push_back(p);
    return place->second;
  }
  void add(const std::array<Point, 3>& corners) {
    std::array<std::uint32_t, 3> t{};
    for (std::size_t k = 0; k < 3; ++k) t[k] = index_of(corners[k]);
    mesh_.triangles.push_back(t);
  }
  void reserve(std::size_t triangles) { mesh_.triangles.reserve(triangles); }
  domain::TriangleMesh take() { return std::move(mesh_); }

 private:
  domain::TriangleMesh mesh_{};
  std::unordered_map<Point, std::uint32_t, PointHash> numbers_{};
};

std::uint64_t promised_triangles(const MeshSource& source) {
  return MeshBytes(source, kHeader, std::endian::little).take<std::uint32_t>("its count of triangles");
}

MeshFile read_binary(const MeshSource& source) {
  if (source.bytes.size() < kHeader + 4)
    throw source.refusal("the file ends within the header of STL",
                         "[byte " + std::to_string(source.bytes.size()) + "]");
  const std::uint64_t count = promised_triangles(source);
  source.check_room(count, kTriangleBytes, source.bytes.size() - kHeader - 4, "triangles", "[byte 80]");
  Corners corners;
  corners.reserve(count);
  MeshBytes bytes(source, kHeader + 4, std::endian::little);
  for (std::uint64_t t = 0; t < count; ++t) {
    for (int k = 0; k < 3; ++k) bytes.take<float>("a normal");
    std::array<Point, 3> triangle{};
    for (Point& p : triangle)
      for (double& x : p) {
        x = static_cast<double>(bytes.take<float>("a triangle"));
        if (!std::isfinite(x))
          throw bytes.refusal("a coordinate of triangle " + std::to_string(t) + " is not finite",
                              "Repair the coordinates where the mesh was made");
      }
    bytes.take<std::uint16_t>("a triangle");
    corners.add(triangle);
  }
  return {corners.take(), {}};
}

std::string lower_ascii(std::string_view word) {
  std::string out(word);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// One facet, whose first line has been read.
std::array<Point, 3> read_facet(MeshLines& lines) {
  const auto expect = [&](const std::string& word) {
    lines.require_next("'" + word + "'");
    if (lower_ascii(lines.words()[0]) != word)
      throw lines.refusal("is not '" + word + "', as STL has it here");
  };
  std::array<Point, 3> out{};
  expect("outer");
  for (Point& p : out) {
    expect("vertex");
    p = lines.point(1);
  }
  expect("endloop");
  expect("endfacet");
  return out;
}

MeshFile read_text(const MeshSource& source) {
  Corners corners;
  MeshLines lines(source, '\0');
  bool open = false;
  while (lines.next()) {
    const std::string word = lower_ascii(lines.words()[0]);
    if (word == "solid" && !open)
      open = true;
    else if (word == "endsolid" && open)
      open = false;
    else if (word == "facet" && open)
      corners.add(read_facet(lines));
    else
      throw lines.refusal("is neither 'facet' nor the beginning or end of a solid");
  }
  if (open) throw lines.refusal("the file ends before 'endsolid'");
  return {corners.take(), {}};
}

}  // namespace

bool is_exact_binary_stl(const std::string& bytes) {
  if (bytes.size() < kHeader + 4) return false;
  const MeshSource source{{}, bytes.substr(0, kHeader + 4)};
  return bytes.size() == kHeader + 4 + kTriangleBytes * promised_triangles(source);
}

MeshFile read_stl(const MeshSource& source) {
  // Headers of binary files may begin with "solid" too; NUL is in no text.
  const bool text = source.bytes.starts_with("solid") && !is_exact_binary_stl(source.bytes) &&
                    source.bytes.substr(0, 512).find('\0') == std::string::npos;
  return text ? read_text(source) : read_binary(source);
}

}  // namespace manifill::io
