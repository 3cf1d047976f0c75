#include "manifill/io/mesh_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "netcdf_fixture.hpp"

using namespace manifill;
using namespace manifill::io;
using Catch::Matchers::ContainsSubstring;
using domain::TriangleMesh;
using manifill::test::Folder;

namespace {

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

MeshFile read_text(const std::string& text, const std::string& name = "mesh") {
  const Folder folder;
  write(folder / name, text);
  return read_mesh(folder / name);
}

/// The message of a refusal of input, which names the file.
std::string refusal(const std::string& text, const std::string& name = "mesh") {
  try {
    read_text(text, name);
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::input);
    CHECK_THAT(e.context().file, ContainsSubstring(name));
    CHECK_FALSE(e.context().remedy.empty());
    return e.what();
  }
  FAIL("nothing was thrown for " << text.substr(0, 200));
  return {};
}

template <typename T>
std::string raw(T value, bool big = false) {
  auto bytes = std::bit_cast<std::array<char, sizeof(T)>>(value);
  if (big != (std::endian::native == std::endian::big)) std::reverse(bytes.begin(), bytes.end());
  return {bytes.begin(), bytes.end()};
}

using Triangles = std::vector<std::array<std::uint32_t, 3>>;
using Vertices = std::vector<std::array<double, 3>>;

/// A pyramid over a square: five vertices, the square a polygon.
const Vertices kPyramid{{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {0.5, 0.5, 1.25}};
const Triangles kPyramidFaces{{0, 3, 2}, {0, 2, 1}, {0, 1, 4}, {1, 2, 4}, {2, 3, 4}, {3, 0, 4}};

void check_pyramid(const MeshFile& file) {
  CHECK(file.mesh.vertices == kPyramid);
  CHECK(file.mesh.triangles == kPyramidFaces);
}

std::string pyramid_off(const std::string& header, const std::string& extra = "") {
  return header + "0 0 0" + extra + "\n1 0 0" + extra + "\n1 1 0" + extra + "\n0 1 0" + extra +
         "\n0.5 5e-1 +1.25" + extra + "\n4 0 3 2 1\n3 0 1 4\n3 1 2 4\n3 2 3 4\n3 3 0 4\n";
}

/// A binary PLY of the pyramid with properties of every type, a list among them, and elements to pass over.
std::string pyramid_ply(bool big) {
  std::string out = std::string("ply\nformat ") + (big ? "binary_big_endian" : "binary_little_endian") +
                    " 1.0\ncomment of a test\nobj_info none\nelement before 2\nproperty list uchar short a\n"
                    "property char b\nelement vertex 5\nproperty uchar red\nproperty float64 y\n"
                    "property list ushort float32 texture\nproperty float x\nproperty int16 level\n"
                    "property double z\nproperty uint index\nproperty float t\nelement face 5\n"
                    "property int material\nproperty list uint8 int vertex_index\nproperty list int uchar c\n"
                    "element after 1\nproperty ushort d\nproperty int32 e\nend_header\n";
  for (int k = 0; k < 2; ++k)
    out +=
        raw<std::uint8_t>(2) + raw<std::int16_t>(7, big) + raw<std::int16_t>(-7, big) + raw<std::int8_t>(1);
  for (std::size_t v = 0; v < 5; ++v) {
    out += raw<std::uint8_t>(static_cast<std::uint8_t>(250 + v)) + raw(kPyramid[v][1], big);
    out += raw<std::uint16_t>(static_cast<std::uint16_t>(v), big);
    for (std::size_t k = 0; k < v; ++k) out += raw(0.5F, big);
    out += raw(static_cast<float>(kPyramid[v][0]), big) +
           raw(static_cast<std::int16_t>(-100 * static_cast<int>(v)), big) + raw(kPyramid[v][2], big) +
           raw(static_cast<std::uint32_t>(4000000000U + v), big) +
           raw(v == 3 ? std::numeric_limits<float>::quiet_NaN() : 0.25F * static_cast<float>(v), big);
  }
  const std::vector<std::vector<std::int32_t>> faces{
      {0, 3, 2, 1}, {0, 1, 4}, {1, 2, 4}, {2, 3, 4}, {3, 0, 4}};
  for (const auto& f : faces) {
    out += raw<std::int32_t>(9, big) + raw(static_cast<std::uint8_t>(f.size()));
    for (const auto v : f) out += raw(v, big);
    out += raw<std::int32_t>(1, big) + raw<std::uint8_t>(200);
  }
  return out + raw<std::uint16_t>(1, big) + raw<std::int32_t>(2, big);
}

std::string text_ply(const std::string& vertices, const std::string& faces, const std::string& body) {
  return "ply\nformat ascii 1.0\nelement vertex " + vertices +
         "\nproperty float x\nproperty float y\nproperty float z\nproperty float t\nelement face " + faces +
         "\nproperty list uchar int vertex_indices\nend_header\n" + body;
}

const std::string kTextBody = "0 0 0 1.5\n1 0 0 nan\n0 1 0 -2\n3 0 1 2\n";

std::string facet(const std::string& a, const std::string& b, const std::string& c) {
  return "  facet normal 0 0 1\n    outer loop\n      vertex " + a + "\n      vertex " + b +
         "\n      vertex " + c + "\n    endloop\n  endfacet\n";
}

std::string binary_stl(const std::string& header,
                       const std::vector<std::array<std::array<float, 3>, 3>>& triangles) {
  std::string out = header;
  out.resize(80, ' ');
  out += raw(static_cast<std::uint32_t>(triangles.size()));
  for (const auto& t : triangles) {
    for (int k = 0; k < 3; ++k) out += raw(0.0F);
    for (const auto& p : t)
      for (const float x : p) out += raw(x);
    out += raw<std::uint16_t>(0);
  }
  return out;
}

const std::vector<std::array<std::array<float, 3>, 3>> kTwoFacets{{{{0, 0, 0}, {1, 0, 0}, {1, 1, 0.1F}}},
                                                                  {{{-0.0F, 0, 0}, {1, 1, 0.1F}, {0, 1, 0}}}};

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace

TEST_CASE("OFF is read with every header, comments and extra columns", "[io]") {
  check_pyramid(read_text(pyramid_off("OFF\n5 5 8\n")));
  check_pyramid(read_text(pyramid_off("OFF\n5 5\n")));
  check_pyramid(read_text(pyramid_off("OFF 5 5 0\n")));
  check_pyramid(read_text(pyramid_off("# before\nOFF # a header\n\n  # counts\n5 5 0 # three\n# now\n")));
  check_pyramid(read_text(pyramid_off("COFF\n5 5 0\n", " 255 128 0 255")));
  check_pyramid(read_text(pyramid_off("NOFF\n5 5 0\n", " 0 0 1")));
  check_pyramid(read_text(pyramid_off("STCNOFF\n5 5 0\n", "\t0 0 1 .1 .2 .3 1 0 1")));
  check_pyramid(read_text(pyramid_off("5 5 0\n"), "bare.OFF"));
  std::string windows;
  for (const char c : pyramid_off("OFF\n5 5 8\n")) windows += c == '\n' ? "\r\n" : std::string(1, c);
  check_pyramid(read_text(windows));
  std::string open = pyramid_off("OFF\n5 5 8\n");
  open.pop_back();  // the last line need not end
  check_pyramid(read_text(open));
}

TEST_CASE("faces of OFF may have colours", "[io]") {
  const auto file = read_text("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2 255 0 0\n");
  CHECK(file.mesh.triangles == Triangles{{0, 1, 2}});
  CHECK(file.signals.empty());
}

TEST_CASE("binary PLY of either byte order with every type", "[io]") {
  for (const bool big : {false, true}) {
    const auto file = read_text(pyramid_ply(big));
    check_pyramid(file);
    REQUIRE(file.signals.size() == 4);
    const std::array<std::string, 4> names{"red", "level", "index", "t"};
    for (std::size_t s = 0; s < 4; ++s) {
      CHECK(file.signals[s].name == names[s]);
      REQUIRE(file.signals[s].values.size() == 5);
    }
    for (std::size_t v = 0; v < 5; ++v) {
      const auto d = static_cast<double>(v);
      CHECK(file.signals[0].values[v] == 250 + d);
      CHECK(file.signals[1].values[v] == -100 * d);
      CHECK(file.signals[2].values[v] == 4000000000.0 + d);
      CHECK(same(file.signals[3].values[v], v == 3 ? std::nan("") : 0.25 * d));
    }
  }
}

TEST_CASE("PLY in text, with a missing value and lines as Windows ends them", "[io]") {
  for (const bool windows : {false, true}) {
    std::string text;
    for (const char c : text_ply("3", "1", kTextBody))
      text += c == '\n' && windows ? "\r\n" : std::string(1, c);
    const auto file = read_text(text);
    CHECK(file.mesh.vertices == Vertices{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}});
    CHECK(file.mesh.triangles == Triangles{{0, 1, 2}});
    REQUIRE(file.signals.size() == 1);
    CHECK(file.signals[0].name == "t");
    CHECK(file.signals[0].values[0] == 1.5);
    CHECK(std::isnan(file.signals[0].values[1]));
    CHECK(file.signals[0].values[2] == -2);
  }
  // Points alone are a mesh without triangles.
  CHECK(read_text(text_ply("1", "0", "1 2 3 4\n")).mesh.triangles.empty());
}

TEST_CASE("OBJ with corners of every form, negative indices and polygons", "[io]") {
  const std::string vertices = "v 0 0 0\nv 1 0 0 1.0\nv 1 1 0\nv 0 1 0\nv 0.5 0.5 1.25 0.1 0.2 0.3\n";
  check_pyramid(read_text("# comment\nmtllib a.mtl\no pyramid\n" + vertices +
                          "vt 0 0\nvn 0 0 1\ng side\nusemtl red\ns off\nf 1 4 3 2\nf 1/1 2/1 5/1\n"
                          "f 2//1 3//1 5//1\nf 3/1/1 4/1/1 5/1/1\nf -2 -5 -1\nl 1 2\n"));
  // Faces before what they name.
  check_pyramid(read_text("f 1 4 3 2\nf 1 2 5\nf 2 3 5\nf 3 4 5\nf 4 1 5\n" + vertices));
  // Backwards from where the face stands.
  CHECK(read_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\nv 5 5 5\nv 6 5 5\nv 5 6 5\nf -3/-1 -2/-1 -1/-1\n")
            .mesh.triangles == Triangles{{0, 1, 2}, {3, 4, 5}});
}

TEST_CASE("STL in text and binary: equal corners are one vertex", "[io]") {
  const std::string text = "solid two\n" + facet("0 0 0", "1 0 0", "1 1 0.5") +
                           facet("-0.0 0 0", "1.0 1e0 5e-1", "0 1 0") + "endsolid two\n";
  for (const auto& file : {read_text(text), read_text("solid a\nendsolid\n" + text)}) {
    CHECK(file.mesh.vertices == Vertices{{0, 0, 0}, {1, 0, 0}, {1, 1, 0.5}, {0, 1, 0}});
    CHECK(file.mesh.triangles == Triangles{{0, 1, 2}, {0, 2, 3}});
  }
  for (const char* header : {"made by a test", "solid in name alone"}) {
    const auto file = read_text(binary_stl(header, kTwoFacets));
    const auto z = static_cast<double>(0.1F);
    CHECK(file.mesh.vertices == Vertices{{0, 0, 0}, {1, 0, 0}, {1, 1, z}, {0, 1, 0}});
    CHECK(file.mesh.triangles == Triangles{{0, 1, 2}, {0, 2, 3}});
  }
  CHECK(read_text(binary_stl("x", kTwoFacets) + "junk", "m.stl").mesh.triangles.size() == 2);
}

TEST_CASE("the content says the format, whatever the name", "[io]") {
  check_pyramid(read_text(pyramid_off("OFF\n5 5 8\n"), "wrong.ply"));
  check_pyramid(read_text(pyramid_ply(true), "wrong.off"));
  CHECK(read_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "wrong.stl").mesh.triangles.size() == 1);
  CHECK(read_text(binary_stl("x", kTwoFacets), "wrong.obj").mesh.triangles.size() == 2);
}

TEST_CASE("what is written as PLY is read bit for bit", "[io]") {
  const Folder folder;
  TriangleMesh mesh = domain::icosphere(5);
  for (auto& p : mesh.vertices) p[0] *= 1.0 / 3.0;
  std::vector<MeshSignal> signals{{"filled", {}}, {"spread", {}}};
  for (std::size_t v = 0; v < mesh.vertices.size(); ++v) {
    signals[0].values.push_back(v % 7 == 0 ? std::nan("") : std::sin(static_cast<double>(v)) * 1e200);
    signals[1].values.push_back(1e-310 * static_cast<double>(v));
  }
  write_ply(folder / "out.ply", mesh, signals);
  const auto file = read_mesh(folder / "out.ply");
  CHECK(file.mesh.vertices == mesh.vertices);
  CHECK(file.mesh.triangles == mesh.triangles);
  REQUIRE(file.signals.size() == 2);
  for (std::size_t s = 0; s < 2; ++s) {
    CHECK(file.signals[s].name == signals[s].name);
    CHECK(std::equal(file.signals[s].values.begin(), file.signals[s].values.end(), signals[s].values.begin(),
                     signals[s].values.end(), same));
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("a mesh that cannot be written leaves the old file", "[io]") {
  const Folder folder;
  const TriangleMesh mesh = domain::icosphere(1);
  const std::vector<double> values(12, 1.0);
  write(folder / "out.ply", "old");
  const auto kind = [&](const TriangleMesh& m, const std::vector<MeshSignal>& signals,
                        const std::string& path) {
    try {
      write_ply(path, m, signals);
    } catch (const Error& e) {
      return e.kind();
    }
    FAIL("nothing was thrown");
    return ErrorKind::stopped;
  };
  for (const char* name : {"", "two words", "x", "line\nbreak", "caf\xc3\xa9"})
    CHECK(kind(mesh, {{name, values}}, folder / "out.ply") == ErrorKind::usage);
  CHECK(kind(mesh, {{"a", values}, {"a", values}}, folder / "out.ply") == ErrorKind::usage);
  CHECK(kind(mesh, {{"a", {1.0, 2.0}}}, folder / "out.ply") == ErrorKind::internal);
  TriangleMesh broken = mesh;
  broken.triangles[3][1] = 12;
  CHECK(kind(broken, {}, folder / "out.ply") == ErrorKind::internal);
  CHECK(kind(mesh, {}, folder / "no/such/folder.ply") == ErrorKind::io);
  CHECK(content(folder / "out.ply") == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("the bunny", "[io]") {
  const char* shared = std::getenv("SHARED");
  const std::string path = std::string(shared == nullptr ? "../shared" : shared) + "/data/meshes/bunny.off";
  if (!std::ifstream(path)) {
    WARN("skipped: there is no mesh " << path);
    return;
  }
  const auto file = read_mesh(path);
  CHECK(file.mesh.vertices.size() == 3485);
  CHECK(file.mesh.triangles.size() == 6966);
  CHECK(file.mesh.vertices[0] == std::array<double, 3>{-0.0260146, 0.112578, 0.0363871});
  CHECK_NOTHROW(domain::check(file.mesh));
  CHECK(domain::euler_characteristic(file.mesh) == 2);
}

TEST_CASE("what is no mesh file is refused by what it is", "[io]") {
  const Folder folder;
  const auto message = [](const std::string& path) {
    try {
      read_mesh(path);
    } catch (const Error& e) {
      CHECK_FALSE(e.context().remedy.empty());
      CHECK(e.context().file == path);
      return std::string(e.what());
    }
    FAIL("nothing was thrown");
    return std::string();
  };
  CHECK_THAT(message(folder / "missing.ply"), ContainsSubstring("no such file"));
  CHECK_THAT(message(folder.path()), ContainsSubstring("directory"));
  ::mkfifo((folder / "pipe").c_str(), 0600);
  CHECK_THAT(message(folder / "pipe"), ContainsSubstring("not a regular file"));
  CHECK_THAT(refusal(""), ContainsSubstring("empty"));
  CHECK_THAT(refusal("What is this?\n"), ContainsSubstring("known format"));
  CHECK_THAT(refusal("\x89PNG\r\n\x1a\n", "m.png"), ContainsSubstring("known format"));
  CHECK_THAT(refusal(std::string(5000, '#')), ContainsSubstring("known format"));
  CHECK_THAT(refusal("hello\n", "m.ply"), ContainsSubstring("'ply'"));
  CHECK_THAT(refusal("hello\n", "m.off"), ContainsSubstring("[line 1]"));
  CHECK_THAT(refusal("?\n", "m.obj"), ContainsSubstring("[line 1]") && ContainsSubstring("OBJ"));
  CHECK_THAT(refusal("o nothing\n"), ContainsSubstring("no vertex"));
  CHECK_THAT(refusal("OFF\n0 0 0\n"), ContainsSubstring("no vertex"));
  CHECK_THAT(refusal("solid\nendsolid\n"), ContainsSubstring("no vertex"));
}

TEST_CASE("malformed OFF is refused with its line", "[io]") {
  const std::string head = "OFF\n3 1 0\n0 0 0\n1 0 0\n";
  CHECK_THAT(refusal("OFF\n"), ContainsSubstring("ends before the counts"));
  CHECK_THAT(refusal("OFF\n3\n"), ContainsSubstring("[line 2]"));
  CHECK_THAT(refusal("OFF\n3 x 0\n"), ContainsSubstring("'x' is not a whole number"));
  CHECK_THAT(refusal("OFF\n-3 1 0\n"), ContainsSubstring("negative"));
  CHECK_THAT(refusal("OFF\n1000000000000 1 0\n0 0 0\n"),
             ContainsSubstring("promises 1000000000000 vertices") && ContainsSubstring("[line 2]"));
  CHECK_THAT(refusal("OFF\n3 1000000000000 0\n0 0 0\n1 0 0\n0 1 0\n"),
             ContainsSubstring("1000000000000 faces"));
  CHECK_THAT(refusal("OFF\n99999999999999999999 1 0\n"), ContainsSubstring("not a whole number"));
  CHECK_THAT(refusal("OFF BINARY\n3 1 0\n"), ContainsSubstring("binary OFF"));
  CHECK_THAT(refusal("4OFF\n3 1 0\n"), ContainsSubstring("dimensions"));
  CHECK_THAT(refusal("OFF\n3 0 0\n0 0 0\n1 0 0 # cut\n"), ContainsSubstring("ends before vertex 2 of 3"));
  CHECK_THAT(refusal(head + "0 1\n3 0 1 2\n"),
             ContainsSubstring("[line 5]") && ContainsSubstring("of 2 numbers"));
  CHECK_THAT(refusal(head + "0 one 0\n3 0 1 2\n"), ContainsSubstring("[line 5]: 'one' is not a number"));
  for (const char* bad : {"nan", "NaN", "inf", "-inf", "infinity"})
    CHECK_THAT(refusal(head + "0 " + bad + " 0\n3 0 1 2\n"),
               ContainsSubstring("[line 5]") && ContainsSubstring("not finite"));
  CHECK_THAT(refusal(head + "0 1e999 0\n3 0 1 2\n"), ContainsSubstring("too large"));
  CHECK_THAT(refusal(head + "0 1 0\n3 0 1 3\n"),
             ContainsSubstring("[line 6]") && ContainsSubstring("vertex 3 of 3"));
  CHECK_THAT(refusal(head + "0 1 0\n3 0 1 -1\n"), ContainsSubstring("vertex -1"));
  CHECK_THAT(refusal(head + "0 1 0\n3 0 1 1.5\n"), ContainsSubstring("whole number"));
  CHECK_THAT(refusal(head + "0 1 0\n4 0 1 2\n"), ContainsSubstring("4 corners names 3"));
  CHECK_THAT(refusal(head + "0 1 0\n2 0 1 2\n"), ContainsSubstring("2 corners has no area"));
  CHECK_THAT(refusal(head + "0 1 0\n1000000000000 0 1 2\n"), ContainsSubstring("names 3"));
  CHECK_THAT(refusal(head + "0 1 0\n3 0 1 2\n3 0 1 2\n"),
             ContainsSubstring("[line 7]") && ContainsSubstring("goes on"));
  CHECK(read_text(head + "0 1e-999 0\n3 0 1 2\n").mesh.vertices[2][1] == 0.0);
}

TEST_CASE("malformed PLY is refused with line or byte", "[io]") {
  const auto header = [](const std::string& lines) { return "ply\n" + lines + "end_header\n"; };
  const std::string ascii = "format ascii 1.0\n";
  const std::string xyz = "property float x\nproperty float y\nproperty float z\n";
  CHECK_THAT(refusal("ply\n" + ascii), ContainsSubstring("ends before 'end_header'"));
  CHECK_THAT(refusal(header("")), ContainsSubstring("nothing about the format"));
  CHECK_THAT(refusal(header("format utf8 1.0\n")), ContainsSubstring("[line 2]"));
  CHECK_THAT(refusal(header(ascii)), ContainsSubstring("no element 'vertex'"));
  CHECK_THAT(refusal(header(ascii + "element vertex 1\nproperty float x\nproperty float y\n")),
             ContainsSubstring("'z'") || ContainsSubstring("promises"));
  CHECK_THAT(refusal(header(ascii + "element vertex 0\nproperty float x\nproperty float y\n")),
             ContainsSubstring("no coordinate 'z'"));
  CHECK_THAT(refusal(header(ascii + "element vertex x\n")), ContainsSubstring("[line 3]"));
  CHECK_THAT(refusal(header(ascii + "element vertex -1\n")), ContainsSubstring("negative"));
  CHECK_THAT(refusal(header(ascii + "property float x\n")), ContainsSubstring("before any element"));
  CHECK_THAT(refusal(header(ascii + "element vertex 1\nproperty quad x\n")), ContainsSubstring("not a type"));
  CHECK_THAT(refusal(header(ascii + "element vertex 1\nproperty list float int x\n")),
             ContainsSubstring("integer type"));
  CHECK_THAT(refusal(header(ascii + "element vertex 1\nproperty list int x\n")),
             ContainsSubstring("4 words"));
  CHECK_THAT(refusal(header(ascii + "element vertex 1\n" + xyz + "property int x\n")),
             ContainsSubstring("two properties"));
  CHECK_THAT(refusal(header(ascii + "element vertex 1\nelement vertex 1\n")),
             ContainsSubstring("two elements"));
  CHECK_THAT(refusal(header(ascii + "nonsense\n")), ContainsSubstring("[line 3]"));
  CHECK_THAT(refusal(header(
                 "format binary_little_endian 1.0\nelement nothing 1000000000000\nelement vertex 0\n" + xyz)),
             ContainsSubstring("no properties"));
  CHECK_THAT(refusal(header(ascii + "element vertex 0\n" + xyz + "element face 1\nproperty int a\n") + "1\n"),
             ContainsSubstring("vertex_indices"));
  CHECK_THAT(refusal(header(ascii + "element vertex 0\n" + xyz +
                            "element tristrips 1\nproperty list int int vertex_indices\n") +
                     "3 0 1 2\n"),
             ContainsSubstring("strips"));

  for (const char* format : {"ascii", "binary_little_endian", "binary_big_endian"}) {
    const std::string begin = std::string("format ") + format + " 1.0\n";
    const std::string ones(1000, '1');
    for (const std::string count : {"1000000000000", "4294967296", "9223372036854775807"}) {
      std::string vertices = begin;
      vertices.append("element vertex ").append(count).append("\n").append(xyz);
      CHECK_THAT(refusal(header(vertices) + ones),
                 ContainsSubstring("promises " + count) && ContainsSubstring("[line 3]"));
      std::string faces = begin;
      faces.append("element vertex 1\n").append(xyz).append("element face ").append(count);
      faces.append("\nproperty list uchar int vertex_indices\n");
      CHECK_THAT(refusal(header(faces) + ones),
                 ContainsSubstring("promises " + count) && ContainsSubstring("[line 7]"));
    }
  }

  CHECK_THAT(refusal(text_ply("3", "1", "0 0 0 1\n1 0 0\n0 1 0 2\n3 0 1 2\n")),
             ContainsSubstring("[line 12]") && ContainsSubstring("ends after 3"));
  CHECK_THAT(refusal(text_ply("3", "1", "0 0 0 1 9\n1 0 0 2\n0 1 0 2\n3 0 1 2\n")),
             ContainsSubstring("[line 11]") && ContainsSubstring("5 numbers, not 4"));
  CHECK_THAT(refusal(text_ply("3", "1", "0 0 nan 1\n1 0 0 2\n0 1 0 2\n3 0 1 2\n")),
             ContainsSubstring("[line 11]") && ContainsSubstring("'z' of vertex 0 is not finite"));
  CHECK_THAT(refusal(text_ply("3", "1", "0 0 0 inf\n1 0 0 2\n0 1 0 2\n3 0 1 2\n")), ContainsSubstring("'t'"));
  CHECK_THAT(refusal(text_ply("3", "1", "0 0 0 1\n1 0 0 2\n0 1 0 2\n3 0 1 3\n")),
             ContainsSubstring("[line 14]") && ContainsSubstring("face 0"));
  CHECK_THAT(refusal(text_ply("3", "1", "0 0 0 1\n1 0 0 2\n0 1 0 2\n3 0 1 -1\n")),
             ContainsSubstring("face 0"));
  CHECK_THAT(refusal(text_ply("3", "1", "0 0 0 1\n1 0 0 2\n0 1 0 2\n3 0 1 .5\n")),
             ContainsSubstring("face 0"));
  CHECK_THAT(refusal(text_ply("3", "1", "0 0 0 1\n1 0 0 2\n0 1 0 2\n2 0 1\n")),
             ContainsSubstring("2 corners"));
  CHECK_THAT(refusal(text_ply("3", "1", "0 0 0 1\n1 0 0 2\n0 1 0 2\n-3 0 1 2\n")),
             ContainsSubstring("length"));
  CHECK_THAT(refusal(text_ply("3", "1", "0 0 0 1\n1 0 0 2\n0 1 0 2\n9999999 0 1 2\n")),
             ContainsSubstring("ends after 4"));
  CHECK_THAT(refusal(text_ply("3", "1", kTextBody + "3 0 1 2\n")), ContainsSubstring("goes on"));

  // A binary file cut anywhere, one that goes on, one with an index out of range.
  const std::string whole = pyramid_ply(false);
  for (std::size_t length = 3; length < whole.size(); ++length) {
    const std::string message = refusal(whole.substr(0, length));
    if (message.find("[line ") == std::string::npos && message.find("[byte ") == std::string::npos)
      FAIL("no place in " << message);
  }
  CHECK_THAT(refusal(whole + "x"), ContainsSubstring("goes on"));
  std::string wrong = whole;
  wrong[whole.size() - 15] = 5;  // the last corner of the last face
  CHECK_THAT(refusal(wrong), ContainsSubstring("face 4 names another vertex"));
}

TEST_CASE("malformed OBJ is refused with its line", "[io]") {
  const std::string head = "v 0 0 0\nv 1 0 0\nv 0 1 0\n";
  CHECK_THAT(refusal(head + "f 1 2 4\n"),
             ContainsSubstring("[line 4]") && ContainsSubstring("vertex 4 of 3"));
  CHECK_THAT(refusal(head + "f 0 1 2\n"), ContainsSubstring("vertex 0"));
  CHECK_THAT(refusal(head + "f 1 2 -4\nv 1 1 1\n"), ContainsSubstring("vertex -4 of 3"));
  CHECK_THAT(refusal(head + "f 1 2 -9223372036854775808\n"),
             ContainsSubstring("vertex -9223372036854775808"));
  CHECK_THAT(refusal(head + "f 1 2\n"), ContainsSubstring("2 corners"));
  CHECK_THAT(refusal(head + "f 1 2 x\n"), ContainsSubstring("whole number"));
  CHECK_THAT(refusal(head + "f 1/a 2 3\n"), ContainsSubstring("'a'"));
  CHECK_THAT(refusal(head + "f 1/1/1/1 2 3\n"), ContainsSubstring("three parts"));
  CHECK_THAT(refusal(head + "f /1 2 3\n"), ContainsSubstring("whole number"));
  CHECK_THAT(refusal("v 0 0\n"), ContainsSubstring("[line 1]"));
  CHECK_THAT(refusal("v 0 nan 0\n"), ContainsSubstring("not finite"));
  CHECK_THAT(refusal("v 0 zero 0\n"), ContainsSubstring("'zero'"));
  CHECK_THAT(refusal(head + "12 13\n"), ContainsSubstring("[line 4]"));
}

TEST_CASE("malformed STL is refused with line or byte", "[io]") {
  const std::string good = "solid two\n" + facet("0 0 0", "1 0 0", "1 1 0.5");
  CHECK_THAT(refusal(good), ContainsSubstring("ends before 'endsolid'"));
  CHECK_THAT(refusal("solid\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\n"),
             ContainsSubstring("ends before 'vertex'"));
  CHECK_THAT(refusal("solid\nfacet normal 0 0 1\nvertex 0 0 0\n"), ContainsSubstring("[line 3]"));
  CHECK_THAT(refusal(good + "vertex 0 0 0\nendsolid\n"), ContainsSubstring("[line 9]"));
  CHECK_THAT(refusal(good + facet("0 0 nan", "1 0 0", "1 1 1") + "endsolid\n"),
             ContainsSubstring("[line 11]"));
  CHECK_THAT(refusal(good + facet("0 0", "1 0 0", "1 1 1") + "endsolid\n"),
             ContainsSubstring("of 2 numbers"));
  const std::string whole = binary_stl("x", kTwoFacets);
  for (const std::size_t length : {std::size_t{1}, std::size_t{79}, std::size_t{83}, std::size_t{84},
                                   std::size_t{100}, whole.size() - 1})
    CHECK_THAT(refusal(whole.substr(0, length), "m.stl"), ContainsSubstring("[byte "));
  std::string many = whole;
  many.replace(80, 4, raw(std::uint32_t{4000000000U}));
  CHECK_THAT(refusal(many, "m.stl"), ContainsSubstring("promises 4000000000 triangles"));
  auto broken = kTwoFacets;
  broken[1][2][0] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THAT(refusal(binary_stl("x", broken)), ContainsSubstring("triangle 1 is not finite"));
}

TEST_CASE("damaged files are read or refused, never worse", "[io]") {
  const std::vector<std::string> sound{pyramid_ply(false),
                                       pyramid_ply(true),
                                       text_ply("3", "1", kTextBody),
                                       pyramid_off("OFF\n5 5 8\n"),
                                       binary_stl("x", kTwoFacets),
                                       "solid\n" + facet("0 0 0", "1 0 0", "1 1 0.5") + "endsolid\n",
                                       "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1/1 2/2 -1//3\n"};
  const Folder folder;
  std::uint32_t state = 1;
  const auto next = [&] { return state = state * 1664525U + 1013904223U, state >> 8U; };
  std::size_t refused = 0;
  for (const auto& bytes : sound)
    for (int k = 0; k < 400; ++k) {
      std::string damaged = bytes;
      for (std::uint32_t n = next() % 4 + 1; n > 0; --n)
        damaged[next() % damaged.size()] = static_cast<char>(next());
      write(folder / "m", damaged);
      try {
        const auto file = read_mesh(folder / "m");
        for (const auto& t : file.mesh.triangles)
          for (const auto v : t) REQUIRE(v < file.mesh.vertices.size());
        for (const auto& s : file.signals) REQUIRE(s.values.size() == file.mesh.vertices.size());
      } catch (const Error& e) {
        if (e.kind() != ErrorKind::input) throw;
        ++refused;
      }
    }
  CHECK(refused > 100);
}
