#pragma once
// Mesh files in memory: their lines, words and bytes, and refusals that name a place. Private to io.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/io/mesh_file.hpp"

namespace manifill::io {

inline constexpr const char* kWriteMeshAgain = "Fetch or write the file again";

/// The bytes of one file.
struct MeshSource {
  std::string path{};
  std::string bytes{};

  /// \param place as "[line 3]" or "[byte 84]"
  [[nodiscard]] Error refusal(const std::string& what, const std::string& place,
                              const std::string& remedy = kWriteMeshAgain) const {
    return {ErrorKind::input, what, {.file = path, .index = place, .remedy = remedy}};
  }
  /// Refuses a promise of `count` things of at least `least_bytes` each in the `left` bytes left.
  void check_room(std::uint64_t count, std::uint64_t least_bytes, std::uint64_t left, const std::string& what,
                  const std::string& place) const;
};

/// Words of text, line by line.
class MeshLines {
 public:
  /// \param comment what begins one that lasts to the line's end; none where it is NUL
  MeshLines(const MeshSource& source, char comment, std::size_t offset = 0, std::size_t line = 0)
      : source_(source), comment_(comment), offset_(offset), line_(line) {}

  /// Goes on to the next line with words; false at the end.
  bool next();
  /// As next(). \throws Error(input) at the end, which is within `what`
  void require_next(const std::string& what);

  [[nodiscard]] const std::vector<std::string_view>& words() const { return words_; }
  [[nodiscard]] std::size_t bytes_left() const { return source_.bytes.size() - offset_; }
  [[nodiscard]] std::size_t line() const { return line_; }
  [[nodiscard]] Error refusal(const std::string& what, const std::string& remedy = kWriteMeshAgain) const {
    return source_.refusal(what, place(), remedy);
  }
  [[nodiscard]] std::string place() const { return "[line " + std::to_string(line_) + "]"; }

  /// Any number, NaN and infinities included.
  [[nodiscard]] double number(std::string_view word) const;
  [[nodiscard]] std::int64_t integer(std::string_view word) const;
  /// Three finite numbers from the given word on.
  [[nodiscard]] std::array<double, 3> point(std::size_t first) const;

 private:
  const MeshSource& source_;
  char comment_;
  std::size_t offset_;
  std::size_t line_;
  std::vector<std::string_view> words_{};
};

/// Binary numbers one after the other.
class MeshBytes {
 public:
  MeshBytes(const MeshSource& source, std::size_t offset, std::endian order)
      : source_(source), offset_(offset), swap_(order != std::endian::native) {}

  /// \throws Error(input) at the end, which is within `what`
  template <typename T>
  T take(const char* what) {
    if (sizeof(T) > source_.bytes.size() - offset_)
      throw refusal(std::string("the file ends within ") + what);
    std::array<char, sizeof(T)> raw{};
    std::memcpy(raw.data(), source_.bytes.data() + offset_, sizeof(T));
    if (swap_) std::reverse(raw.begin(), raw.end());
    offset_ += sizeof(T);
    return std::bit_cast<T>(raw);
  }
  [[nodiscard]] bool at_end() const { return offset_ == source_.bytes.size(); }
  [[nodiscard]] Error refusal(const std::string& what, const std::string& remedy = kWriteMeshAgain) const {
    return source_.refusal(what, "[byte " + std::to_string(offset_) + "]", remedy);
  }

 private:
  const MeshSource& source_;
  std::size_t offset_;
  bool swap_;
};

/// Appends a polygon of at least three corners as triangles about its first one.
void add_polygon(domain::TriangleMesh& mesh, const std::vector<std::uint32_t>& corners);

/// \brief One format each. \throws Error(input)
MeshFile read_off(const MeshSource& source);
MeshFile read_ply(const MeshSource& source);
MeshFile read_obj(const MeshSource& source);
MeshFile read_stl(const MeshSource& source);

/// Whether a word begins an OFF file, whatever the properties of its vertices.
bool is_off_header(std::string_view word);
/// Whether a file's length is what a binary STL file's own count of triangles asks for.
bool is_exact_binary_stl(const std::string& bytes);

}  // namespace manifill::io
