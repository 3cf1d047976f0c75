#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "manifill/base/atomic_file.hpp"
#include "mesh_source.hpp"

namespace manifill::io {
namespace {

enum class Type { int8, uint8, int16, uint16, int32, uint32, float32, float64 };

struct TypeName {
  const char* name;
  const char* other;
  Type type;
  std::size_t bytes;
};

constexpr std::array<TypeName, 8> kTypes{{{"char", "int8", Type::int8, 1},
                                          {"uchar", "uint8", Type::uint8, 1},
                                          {"short", "int16", Type::int16, 2},
                                          {"ushort", "uint16", Type::uint16, 2},
                                          {"int", "int32", Type::int32, 4},
                                          {"uint", "uint32", Type::uint32, 4},
                                          {"float", "float32", Type::float32, 4},
                                          {"double", "float64", Type::float64, 8}}};

std::size_t bytes_of(Type type) { return kTypes[static_cast<std::size_t>(type)].bytes; }

struct Property {
  std::string name{};
  Type type{};
  std::optional<Type> count{};  ///< of a list's length
};

struct Element {
  std::string name{};
  std::uint64_t count = 0;
  std::string place{};
  std::vector<Property> properties{};
  /// Index of a property, or the number of them.
  [[nodiscard]] std::size_t find(const std::string& property) const {
    const auto found = std::find_if(properties.begin(), properties.end(),
                                    [&](const Property& p) { return p.name == property; });
    return static_cast<std::size_t>(found - properties.begin());
  }
};

struct PlyHeader {
  bool text = false;
  std::endian order = std::endian::little;
  std::vector<Element> elements{};
  std::map<std::string, std::string> units{};  ///< of properties, as comments say
  std::size_t body = 0;                        ///< offset
  std::size_t lines = 0;                       ///< of the header
};

class HeaderReader {
 public:
  explicit HeaderReader(const MeshSource& source) : source_(source), lines_(source, '\0') {}

  PlyHeader read() {
    lines_.require_next("its header");
    if (lines_.words() != std::vector<std::string_view>{"ply"})
      throw lines_.refusal("does not begin with 'ply', as a file of that format does");
    bool format = false;
    while (true) {
      lines_.require_next("'end_header'");
      const auto& words = lines_.words();
      if (words[0] == "end_header") break;
      if (words[0] == "format") {
        read_format();
        format = true;
      } else if (words[0] == "element") {
        read_element();
      } else if (words[0] == "property") {
        read_property();
      } else if (words[0] == "comment" && words.size() == 4 && words[1] == "units") {
        out_.units.insert_or_assign(std::string(words[2]), std::string(words[3]));
      } else if (words[0] != "comment" && words[0] != "obj_info") {
        throw lines_.refusal("is not a line of a PLY header");
      }
    }
    if (!format) throw lines_.refusal("the header says nothing about the format");
    out_.body = source_.bytes.size() - lines_.bytes_left();
    out_.lines = lines_.line();
    check_elements();
    return std::move(out_);
  }

 private:
  Type type_of(std::string_view word) const {
    for (const auto& t : kTypes)
      if (word == t.name || word == t.other) return t.type;
    throw lines_.refusal("'" + std::string(word.substr(0, 40)) + "' is not a type of PLY");
  }
  void require_words(std::size_t count) const {
    if (lines_.words().size() != count)
      throw lines_.refusal("a line of " + std::to_string(lines_.words().size()) + " words, not " +
                           std::to_string(count));
  }
  void read_format() {
    require_words(3);
    const auto& kind = lines_.words()[1];
    if (kind != "ascii" && kind != "binary_little_endian" && kind != "binary_big_endian")
      throw lines_.refusal("the format is none of ascii, binary_little_endian and binary_big_endian");
    out_.text = kind == "ascii";
    out_.order = kind == "binary_big_endian" ? std::endian::big : std::endian::little;
  }
  void read_element() {
    require_words(3);
    Element e{.name = std::string(lines_.words()[1]), .place = lines_.place()};
    const std::int64_t count = lines_.integer(lines_.words()[2]);
    if (count < 0) throw lines_.refusal("a count is negative: " + std::to_string(count));
    e.count = static_cast<std::uint64_t>(count);
    for (const Element& other : out_.elements)
      if (other.name == e.name) throw lines_.refusal("there are two elements '" + e.name + "'");
    out_.elements.push_back(std::move(e));
  }
  void read_property() {
    if (out_.elements.empty()) throw lines_.refusal("a property before any element");
    const auto& words = lines_.words();
    const bool list = words.size() > 1 && words[1] == "list";
    require_words(list ? 5 : 3);
    Property p{.name = std::string(words.back()), .type = type_of(words[list ? 3 : 1])};
    if (list) {
      p.count = type_of(words[2]);
      if (*p.count == Type::float32 || *p.count == Type::float64)
        throw lines_.refusal("the length of a list is of no integer type");
    }
    Element& e = out_.elements.back();
    if (e.find(p.name) < e.properties.size())
      throw lines_.refusal("there are two properties '" + p.name + "' of '" + e.name + "'");
    e.properties.push_back(std::move(p));
  }
  /// A record of text takes two bytes a number, but for the last line's end.
  void check_elements() const {
    const std::size_t left = lines_.bytes_left() + (out_.text ? 1 : 0);
    for (const Element& e : out_.elements) {
      if (e.count == 0) continue;
      if (e.properties.empty()) throw source_.refusal("element '" + e.name + "' has no properties", e.place);
      if (e.name == "tristrips")
        throw source_.refusal("holds strips of triangles, which are not read", e.place,
                              "Convert them to faces");
      std::uint64_t least = 0;
      for (const Property& p : e.properties) least += out_.text ? 2 : bytes_of(p.count.value_or(p.type));
      source_.check_room(e.count, least, left, "records of '" + e.name + "'", e.place);
    }
  }

  const MeshSource& source_;
  MeshLines lines_;
  PlyHeader out_{};
};

/// Numbers of the body in order, one record a line.
class TextBody {
 public:
  TextBody(const MeshSource& source, const PlyHeader& header)
      : lines_(source, '\0', header.body, header.lines) {}
  void begin(const Element& e, std::uint64_t record) {
    lines_.require_next("record " + std::to_string(record) + " of '" + e.name + "'");
    word_ = 0;
  }
  double take(Type /*type*/) {
    if (word_ == lines_.words().size())
      throw lines_.refusal("the line ends after " + std::to_string(word_) + " numbers");
    return lines_.number(lines_.words()[word_++]);
  }
  void end() const {
    if (word_ != lines_.words().size())
      throw lines_.refusal("the line has " + std::to_string(lines_.words().size()) + " numbers, not " +
                           std::to_string(word_));
  }
  void finish() {
    if (lines_.next()) throw lines_.refusal("goes on after the elements of its header");
  }
  [[nodiscard]] Error refusal(const std::string& what, const std::string& remedy) const {
    return lines_.refusal(what, remedy);
  }

 private:
  MeshLines lines_;
  std::size_t word_ = 0;
};

class BinaryBody {
 public:
  BinaryBody(const MeshSource& source, const PlyHeader& header) : bytes_(source, header.body, header.order) {}
  void begin(const Element& /*e*/, std::uint64_t /*record*/) {}
  double take(Type type) {
    constexpr const char* kWithin = "a record";
    switch (type) {
      case Type::int8:
        return bytes_.take<std::int8_t>(kWithin);
      case Type::uint8:
        return bytes_.take<std::uint8_t>(kWithin);
      case Type::int16:
        return bytes_.take<std::int16_t>(kWithin);
      case Type::uint16:
        return bytes_.take<std::uint16_t>(kWithin);
      case Type::int32:
        return bytes_.take<std::int32_t>(kWithin);
      case Type::uint32:
        return bytes_.take<std::uint32_t>(kWithin);
      case Type::float32:
        return static_cast<double>(bytes_.take<float>(kWithin));
      default:
        return bytes_.take<double>(kWithin);
    }
  }
  void end() const {}
  void finish() const {
    if (!bytes_.at_end()) throw bytes_.refusal("goes on after the elements of its header");
  }
  [[nodiscard]] Error refusal(const std::string& what, const std::string& remedy) const {
    return bytes_.refusal(what, remedy);
  }

 private:
  MeshBytes bytes_;
};

/// The length of a list.
template <typename Body>
std::uint64_t take_length(Body& body, const Property& p) {
  const double length = body.take(*p.count);
  if (!(length >= 0.0) || length != std::floor(length) || length > 4294967295.0)
    throw body.refusal("a list '" + p.name + "' has no proper length", kWriteMeshAgain);
  return static_cast<std::uint64_t>(length);
}

template <typename Body>
void pass_over(Body& body, const Property& p) {
  const std::uint64_t count = p.count ? take_length(body, p) : 1;
  for (std::uint64_t k = 0; k < count; ++k) body.take(p.type);
}

template <typename Body>
void read_vertices(Body& body, const Element& e, MeshFile& out) {
  // Where a scalar goes: a coordinate, or a signal.
  std::vector<std::size_t> axis(e.properties.size(), 3);
  std::vector<std::size_t> signal(e.properties.size(), 0);
  for (std::size_t k = 0; k < e.properties.size(); ++k) {
    const Property& p = e.properties[k];
    if (p.count) continue;
    if (p.name == "x" || p.name == "y" || p.name == "z") {
      axis[k] = static_cast<std::size_t>(p.name[0] - 'x');
    } else {
      signal[k] = out.signals.size();
      out.signals.push_back({p.name, {}});
      out.signals.back().values.reserve(e.count);
    }
  }
  out.mesh.vertices.reserve(e.count);
  for (std::uint64_t v = 0; v < e.count; ++v) {
    body.begin(e, v);
    std::array<double, 3> point{};
    for (std::size_t k = 0; k < e.properties.size(); ++k) {
      const Property& p = e.properties[k];
      if (p.count) {
        pass_over(body, p);
        continue;
      }
      const double x = body.take(p.type);
      if (axis[k] < 3 ? !std::isfinite(x) : std::isinf(x))
        throw body.refusal("'" + p.name + "' of vertex " + std::to_string(v) + " is not finite",
                           axis[k] < 3 ? "Repair the coordinates where the mesh was made"
                                       : "Give NaN where a signal is missing");
      if (axis[k] < 3)
        point[axis[k]] = x;
      else
        out.signals[signal[k]].values.push_back(x);
    }
    body.end();
    out.mesh.vertices.push_back(point);
  }
}

template <typename Body>
void read_corners(Body& body, const Property& p, std::uint64_t face, std::uint64_t vertices,
                  std::vector<std::uint32_t>& corners) {
  const std::uint64_t count = take_length(body, p);
  if (count < 3)
    throw body.refusal(
        "face " + std::to_string(face) + " of " + std::to_string(count) + " corners has no area",
        "Leave it out");
  corners.clear();
  for (std::uint64_t c = 0; c < count; ++c) {
    const double v = body.take(p.type);
    if (!(v >= 0.0 && v < static_cast<double>(vertices) && v == std::floor(v)))
      throw body.refusal(
          "face " + std::to_string(face) + " names another vertex than one of " + std::to_string(vertices),
          "Check that the file is complete and counts from zero");
    corners.push_back(static_cast<std::uint32_t>(v));
  }
}

template <typename Body>
void read_faces(Body& body, const Element& e, std::uint64_t vertices, MeshFile& out) {
  const std::size_t plural = e.find("vertex_indices");
  const std::size_t at = plural < e.properties.size() ? plural : e.find("vertex_index");
  out.mesh.triangles.reserve(e.count);
  std::vector<std::uint32_t> corners;
  for (std::uint64_t f = 0; f < e.count; ++f) {
    body.begin(e, f);
    for (std::size_t k = 0; k < e.properties.size(); ++k) {
      if (k != at) {
        pass_over(body, e.properties[k]);
        continue;
      }
      read_corners(body, e.properties[k], f, vertices, corners);
      add_polygon(out.mesh, corners);
    }
    body.end();
  }
}

template <typename Body>
MeshFile read_body(Body body, const PlyHeader& header, std::uint64_t vertices) {
  MeshFile out;
  for (const Element& e : header.elements) {
    if (e.name == "vertex") {
      read_vertices(body, e, out);
    } else if (e.name == "face") {
      read_faces(body, e, vertices, out);
    } else {
      for (std::uint64_t k = 0; k < e.count; ++k) {
        body.begin(e, k);
        for (const Property& p : e.properties) pass_over(body, p);
        body.end();
      }
    }
  }
  body.finish();
  for (MeshSignal& s : out.signals)
    if (const auto found = header.units.find(s.name); found != header.units.end()) s.units = found->second;
  return out;
}

/// The vertices of the header, which must have coordinates, and its faces corners.
const Element& check_layout(const MeshSource& source, const PlyHeader& header) {
  const Element* vertices = nullptr;
  for (const Element& e : header.elements) {
    const auto has = [&](const char* name, bool list) {
      const std::size_t k = e.find(name);
      return k < e.properties.size() && e.properties[k].count.has_value() == list;
    };
    if (e.name == "vertex") {
      vertices = &e;
      for (const char* name : {"x", "y", "z"})
        if (!has(name, false))
          throw source.refusal(std::string("its vertices have no coordinate '") + name + "'", e.place);
    } else if (e.name == "face" && e.count > 0 && !has("vertex_indices", true) &&
               !has("vertex_index", true)) {
      throw source.refusal("its faces have no list 'vertex_indices'", e.place);
    }
  }
  if (vertices == nullptr) throw source.refusal("has no element 'vertex'", "[line 1]");
  return *vertices;
}

template <typename T>
void put(std::string& out, T value) {
  auto raw = std::bit_cast<std::array<char, sizeof(T)>>(value);
  if constexpr (std::endian::native == std::endian::big) std::reverse(raw.begin(), raw.end());
  out.append(raw.data(), raw.size());
}

void check_signals(const std::string& path, std::size_t vertices, const std::vector<MeshSignal>& signals) {
  std::set<std::string> taken{"x", "y", "z"};
  for (const MeshSignal& s : signals) {
    const bool proper = !s.name.empty() &&
                        std::all_of(s.name.begin(), s.name.end(), [](char c) { return c > ' ' && c <= '~'; });
    if (!proper || !taken.insert(s.name).second)
      throw Error(
          ErrorKind::usage, proper ? "two properties of a vertex have that name" : "is no name for PLY",
          {.file = path,
           .variable = s.name,
           .remedy = "Give each signal a name of its own, in ASCII without blanks, other than x, y, z"});
    if (s.values.size() != vertices)
      throw Error(ErrorKind::internal,
                  "a signal of " + std::to_string(s.values.size()) + " values for " +
                      std::to_string(vertices) + " vertices",
                  {.file = path, .variable = s.name});
  }
}

}  // namespace

MeshFile read_ply(const MeshSource& source) {
  const PlyHeader header = HeaderReader(source).read();
  const std::uint64_t vertices = check_layout(source, header).count;
  return header.text ? read_body(TextBody(source, header), header, vertices)
                     : read_body(BinaryBody(source, header), header, vertices);
}

void write_ply(const std::string& path, const domain::TriangleMesh& mesh,
               const std::vector<MeshSignal>& signals) {
  check_signals(path, mesh.vertices.size(), signals);
  std::string out = "ply\nformat binary_little_endian 1.0\ncomment written by manifill\n";
  for (const MeshSignal& s : signals)
    if (!s.units.empty() && s.units.find_first_of(" \t\r\n") == std::string::npos)
      out += "comment units " + s.name + " " + s.units + "\n";
  out += "element vertex " + std::to_string(mesh.vertices.size()) +
         "\nproperty double x\nproperty double y\nproperty double z\n";
  for (const MeshSignal& s : signals) out += "property double " + s.name + "\n";
  out += "element face " + std::to_string(mesh.triangles.size()) +
         "\nproperty list uchar uint vertex_indices\nend_header\n";
  out.reserve(out.size() + mesh.vertices.size() * 8 * (3 + signals.size()) + mesh.triangles.size() * 13);
  for (std::size_t v = 0; v < mesh.vertices.size(); ++v) {
    for (const double x : mesh.vertices[v]) put(out, x);
    for (const MeshSignal& s : signals) put(out, s.values[v]);
  }
  for (std::size_t t = 0; t < mesh.triangles.size(); ++t) {
    put(out, std::uint8_t{3});
    for (const std::uint32_t v : mesh.triangles[t]) {
      if (v >= mesh.vertices.size())
        throw Error(
            ErrorKind::internal,
            "a triangle names vertex " + std::to_string(v) + " of " + std::to_string(mesh.vertices.size()),
            {.file = path, .index = "[triangle " + std::to_string(t) + "]"});
      put(out, v);
    }
  }
  write_atomically(path, out);
}

}  // namespace manifill::io
