#include "manifill/io/mesh_file.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <utility>

#include "mesh_source.hpp"
#include "plain_file.hpp"

namespace manifill::io {
namespace {

enum class Format { off, ply, obj, stl };

/// The first word outside of comments, of no more than 15 letters: no keyword is longer.
std::string first_word(const std::string& bytes) {
  constexpr std::size_t kLongest = 15;
  std::size_t k = 0;
  const auto blank = [&] { return std::isspace(static_cast<unsigned char>(bytes[k])) != 0; };
  while (k < bytes.size() && (blank() || bytes[k] == '#'))
    k = bytes[k] == '#' ? std::min(bytes.find('\n', k), bytes.size()) : k + 1;
  std::string word;
  for (; k < bytes.size() && word.size() < kLongest && !blank(); ++k) word += bytes[k];
  return word;
}

Format format_of(const MeshSource& source) {
  const std::string word = first_word(source.bytes);
  if (source.bytes.starts_with("ply")) return Format::ply;
  if (is_off_header(word)) return Format::off;
  if (is_exact_binary_stl(source.bytes) || source.bytes.starts_with("solid")) return Format::stl;
  static constexpr std::array kObj{"v", "vt", "vn", "f", "o", "g", "s", "mtllib", "usemtl"};
  if (std::find(kObj.begin(), kObj.end(), word) != kObj.end()) return Format::obj;
  static constexpr std::array kEndings{std::pair{".off", Format::off}, std::pair{".ply", Format::ply},
                                       std::pair{".obj", Format::obj}, std::pair{".stl", Format::stl}};
  std::string ending = std::filesystem::path(source.path).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [name, format] : kEndings)
    if (ending == name) return format;
  throw source.refusal("is not a mesh in a known format", {}, "Convert it to OFF, PLY, OBJ or STL");
}

}  // namespace

MeshFile read_mesh(const std::string& path) {
  const MeshSource source{path, read_plain_file(path, "mesh file")};
  const auto read = [&] {
    switch (format_of(source)) {
      case Format::off:
        return read_off(source);
      case Format::ply:
        return read_ply(source);
      case Format::obj:
        return read_obj(source);
      default:
        return read_stl(source);
    }
  };
  MeshFile out = read();
  if (out.mesh.vertices.empty())
    throw source.refusal("holds no vertex", {}, "Check that it is the mesh you mean");
  return out;
}

}  // namespace manifill::io
