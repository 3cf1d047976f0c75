#include "manifill/io/model_file.hpp"

#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"

using manifill::Error;
using manifill::ErrorKind;
using manifill::io::ModelFile;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "manifill-model-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

ModelFile sample() {
  ModelFile m;
  m.put_text("model/name", "test");
  m.put_text("config", std::string(100000, 'c'));  // beyond the 64 KiB of an old-style attribute
  m.put_text("empty", "");
  m.put_floats("backbone/fields", {3, 40, 50}, std::vector<float>(6000, 0.25F));
  m.put_doubles("domain/latitude", {2}, {-1.5, 1.5});
  m.put_doubles("scalar", {}, {3.25});
  m.put_integers("steps", {2, 1}, {-1, 1LL << 40});
  std::vector<std::int16_t> shorts(1000);
  for (std::size_t i = 0; i < shorts.size(); ++i) shorts[i] = static_cast<std::int16_t>(i * 77);
  m.put_shorts("codes", {1000}, shorts);
  m.put_floats("nothing", {0, 5}, {});
  return m;
}

/// Message with which a file is refused.
std::string refusal(const std::string& path, ErrorKind kind = ErrorKind::input) {
  try {
    static_cast<void>(ModelFile::load(path));
  } catch (const Error& e) {
    CHECK(e.kind() == kind);
    CHECK(e.context().file == path);
    CHECK_FALSE(e.context().remedy.empty());
    return e.what();
  }
  FAIL("was not refused: " << path);
  return {};
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Closes a hostile file with a checksum of its bytes that is right.
void seal(const std::string& path) {
  const std::string bytes = read_bytes(path);
  std::ofstream out(path, std::ios::binary | std::ios::app);
  out << fmt::format("\nmanifill-model-end fnv1a64 {:016x}\n",
                     manifill::hash_bytes(bytes.data(), bytes.size()));
}

void put_attribute(hid_t file, const char* name, const std::string& value) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, value.size() + 1);
  const hid_t space = H5Screate(H5S_SCALAR);
  const hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(attribute, type, value.c_str());
  H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
}

/// Writes a sealed file with the right attributes and whatever `content` adds.
void hostile(const std::string& path, const std::function<void(hid_t)>& content,
             const std::string& version = "1") {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  put_attribute(file, "format", "manifill-model");
  put_attribute(file, "format_version", version);
  put_attribute(file, "checksum", "fnv1a64:0000000000000000");
  content(file);
  H5Fclose(file);
  seal(path);
}

void add_dataset(hid_t file, const std::vector<hsize_t>& shape,
                 const std::function<void(hid_t)>& creation_options, hid_t type = H5T_IEEE_F32LE) {
  const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  creation_options(creation);
  const hid_t dataset = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  REQUIRE(dataset >= 0);
  H5Dclose(dataset);
  H5Pclose(creation);
  H5Sclose(space);
}

}  // namespace

TEST_CASE("a model file gives back what was put", "[io]") {
  const Folder folder;
  const auto path = folder / "m.h5";
  const ModelFile m = sample();
  m.save(path);
  CHECK(folder.entries() == 1);
  const ModelFile back = ModelFile::load(path);
  CHECK(back.names() == m.names());
  CHECK(back.checksum() == m.checksum());
  CHECK(back.path() == path);
  CHECK(back.text("model/name") == "test");
  CHECK(back.text("config") == std::string(100000, 'c'));
  CHECK(back.text("empty").empty());
  CHECK(back.floats("backbone/fields", {3, 0, 50}) == m.floats("backbone/fields"));
  CHECK(back.doubles("domain/latitude") == std::vector<double>{-1.5, 1.5});
  CHECK(back.doubles("scalar") == std::vector<double>{3.25});
  CHECK(back.shape("scalar").empty());
  CHECK(back.integers("steps", {2, 1}) == std::vector<std::int64_t>{-1, 1LL << 40});
  CHECK(back.shorts("codes") == m.shorts("codes"));
  CHECK(back.floats("nothing").empty());
  CHECK(back.shape("nothing") == ModelFile::Shape{0, 5});
  CHECK_FALSE(back.has("checksum"));
}

TEST_CASE("equal models are equal bytes, compressed", "[io]") {
  const Folder folder;
  sample().save(folder / "a.h5");
  ::sleep(1);  // a time stamp would differ
  sample().save(folder / "b.h5");
  const std::string bytes = read_bytes(folder / "a.h5");
  const bool same = bytes == read_bytes(folder / "b.h5");
  CHECK(same);
  CHECK(bytes.starts_with("\x89HDF"));
  ModelFile big;
  big.put_floats("x", {1000000}, std::vector<float>(1000000, 1.5F));
  big.save(folder / "big.h5");
  CHECK(fs::file_size(folder / "big.h5") < 100000);
  CHECK(ModelFile::load(folder / "big.h5").floats("x").size() == 1000000);
}

TEST_CASE("the checksum sees names, types, shapes, values and texts", "[io]") {
  const auto make = [](const char* name, const ModelFile::Shape& shape, double value, const char* text) {
    ModelFile m;
    m.put_doubles(name, shape, {value, 2});
    m.put_text("t", text);
    return m.checksum();
  };
  const auto base = make("a", {2}, 1, "x");
  CHECK(base == make("a", {2}, 1, "x"));
  CHECK(base != make("b", {2}, 1, "x"));
  CHECK(base != make("a", {1, 2}, 1, "x"));
  CHECK(base != make("a", {2}, 1.0000000001, "x"));
  CHECK(base != make("a", {2}, 1, "y"));
  ModelFile integers;
  integers.put_integers("a", {1}, {0});
  ModelFile doubles;
  doubles.put_doubles("a", {1}, {0.0});
  CHECK(integers.checksum() != doubles.checksum());
}

TEST_CASE("asking for what is not there names file and entry", "[io]") {
  const Folder folder;
  sample().save(folder / "m.h5");
  const ModelFile m = ModelFile::load(folder / "m.h5");
  const auto refused = [&](const std::function<void()>& ask) {
    try {
      ask();
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::input);
      CHECK(e.context().file == folder / "m.h5");
      return std::string(e.what());
    }
    FAIL("nothing was thrown");
    return std::string();
  };
  CHECK(has(refused([&] { static_cast<void>(m.floats("absent")); }), "'absent': is missing"));
  CHECK(has(refused([&] { static_cast<void>(m.doubles("codes")); }), "not an array of type double"));
  CHECK(has(refused([&] { static_cast<void>(m.text("codes")); }), "not a text"));
  CHECK(has(refused([&] { static_cast<void>(m.text("absent")); }), "missing"));
  CHECK(has(refused([&] { static_cast<void>(m.shape("model/name")); }), "not an array"));
  CHECK(has(refused([&] { static_cast<void>(m.shorts("codes", {999})); }), "[1000]"));
  CHECK(has(refused([&] { static_cast<void>(m.shorts("codes", {1000, 1})); }), "shape"));
}

TEST_CASE("a later put replaces an earlier one of any type; wrong ones are defects", "[io]") {
  ModelFile m;
  m.put_floats("a", {1}, {1});
  m.put_doubles("a", {2}, {1, 2});
  CHECK(m.names() == std::vector<std::string>{"a"});
  CHECK(m.shape("a") == ModelFile::Shape{2});
  const auto defect = [&](const std::string& name, const ModelFile::Shape& shape, std::size_t values) {
    try {
      m.put_floats(name, shape, std::vector<float>(values));
    } catch (const Error& e) {
      return e.kind() == ErrorKind::internal;
    }
    return false;
  };
  CHECK(defect("a", {2}, 3));
  CHECK(defect("", {1}, 1));
  CHECK(defect("/a", {1}, 1));
  CHECK(defect("a//b", {1}, 1));
  CHECK(defect("a/../b", {1}, 1));
  CHECK(defect("a", {1, 1, 1, 1, 1, 1, 1}, 1));
  CHECK(defect("a", {1ULL << 62, 4}, 0));
  CHECK_THROWS_AS(m.put_text("checksum", "x"), Error);
}

TEST_CASE("every altered byte and every truncation is refused", "[io]") {
  const Folder folder;
  ModelFile small;
  small.put_text("model/name", "t");
  small.put_doubles("a/b", {4}, {1, 2, 3, 4});
  small.save(folder / "m.h5");
  const std::string bytes = read_bytes(folder / "m.h5");
  const auto path = folder / "bad.h5";
  const auto refused_now = [&] {
    try {
      static_cast<void>(ModelFile::load(path));
    } catch (const Error& e) {
      return e.kind() == ErrorKind::input;
    }
    return false;
  };
  const auto refused = [&](const std::string& altered) {
    write_bytes(path, altered);
    return refused_now();
  };
  write_bytes(path, bytes);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto put = [&](std::size_t at, int byte) {
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte));
    file.flush();
  };
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    put(i, bytes[i] ^ (1 << (i % 8)));
    if (!refused_now()) FAIL("byte " << i << " may be altered");
    put(i, bytes[i]);
  }
  CHECK(ModelFile::load(path).checksum() == small.checksum());
  file.close();
  for (std::size_t size = 0; size < bytes.size(); size += size < 100 ? 1 : 37)
    if (!refused(bytes.substr(0, size))) FAIL("may be truncated to " << size);
  CHECK(refused(bytes.substr(0, bytes.size() - 1)));
  CHECK(refused(bytes + "x"));
}

TEST_CASE("what is not a model file is refused as such", "[io]") {
  const Folder folder;
  CHECK(has(refusal(folder / "absent.h5", ErrorKind::io), "cannot open"));
  fs::create_directory(folder / "dir.h5");
  CHECK(has(refusal(folder / "dir.h5"), "regular file"));
  write_bytes(folder / "empty.h5", "");
  CHECK(has(refusal(folder / "empty.h5"), "empty"));
  write_bytes(folder / "text.h5", "hello, this is not HDF5 at all");
  CHECK(has(refusal(folder / "text.h5"), "no HDF5 signature"));
  const hid_t file = H5Fcreate((folder / "other.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  CHECK(has(refusal(folder / "other.h5"), "closing checksum is missing"));
  seal(folder / "other.h5");
  CHECK(has(refusal(folder / "other.h5"), "no attribute 'format'"));
}

TEST_CASE("another format version is refused with its number", "[io]") {
  const Folder folder;
  hostile(
      folder / "v2.h5", [](hid_t) {}, "2");
  CHECK(has(refusal(folder / "v2.h5"), "version '2'"));
}

TEST_CASE("damage that HDF5 itself must find is refused, not crashed on", "[io]") {
  const Folder folder;
  sample().save(folder / "m.h5");
  const std::string whole = read_bytes(folder / "m.h5");
  const std::string content = whole.substr(0, whole.rfind("\nmanifill-model-end"));
  const auto expected = sample().checksum();
  manifill::RandomStream random(manifill::RandomKey{.seed = 11});
  for (int i = 0; i < 300; ++i) {
    std::string altered = content;
    const std::int64_t reach = i % 2 == 0 ? 3000 : static_cast<std::int64_t>(content.size()) - 1;
    for (int k = 0; k < 1 + i % 5; ++k)
      altered[static_cast<std::size_t>(
          random.integer(8, std::min<std::int64_t>(reach, static_cast<std::int64_t>(content.size()) - 1)))] =
          static_cast<char>(random.integer(-128, 127));
    write_bytes(folder / "f.h5", altered);
    seal(folder / "f.h5");
    try {
      // Damage in bytes that HDF5 never reads loads the same content; anything else must be refused.
      const auto checksum = ModelFile::load(folder / "f.h5").checksum();
      CHECK(checksum == expected);
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::input);
    }
  }
}

TEST_CASE("hostile declarations are refused before anything is allocated", "[io]") {
  const Folder folder;
  const auto path = folder / "h.h5";
  const auto chunked = [](const std::vector<hsize_t>& chunk) {
    return [chunk](hid_t creation) {
      H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
      H5Pset_deflate(creation, 6);
    };
  };
  hostile(path, [&](hid_t f) { add_dataset(f, {1ULL << 40}, chunked({1024})); });
  CHECK(has(refusal(path), "2^31"));
  hostile(path, [&](hid_t f) {
    add_dataset(f, {1ULL << 20, 1ULL << 20, 1ULL << 24}, chunked({1, 1, 1024}));
  });
  CHECK(has(refusal(path), "2^31"));
  hostile(path, [&](hid_t f) { add_dataset(f, {1ULL << 31}, chunked({1024})); });
  CHECK(has(refusal(path), "4 GiB"));
  hostile(path, [&](hid_t f) { add_dataset(f, {1ULL << 29}, chunked({1024})); });
  CHECK(has(refusal(path), "stored bytes"));
  hostile(path, [&](hid_t f) { add_dataset(f, {1ULL << 29}, chunked({1ULL << 29})); });
  CHECK(has(refusal(path), "64 MiB"));
  hostile(path, [&](hid_t f) { add_dataset(f, {1ULL << 29}, [](hid_t) {}); });  // contiguous, never written
  CHECK(has(refusal(path), "stored bytes"));
  hostile(path, [&](hid_t f) { add_dataset(f, {1, 1, 1, 1, 1, 1, 1}, [](hid_t) {}); });
  CHECK(has(refusal(path), "rank"));
}

TEST_CASE("a text without a terminator keeps its last letter", "[io]") {
  const Folder folder;
  const auto path = folder / "h.h5";
  hostile(path, [](hid_t f) {
    H5Adelete(f, "format");
    const std::string value = "manifill-model";
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, value.size());
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(f, "format", type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, type, value.data());
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
  });
  // The format is recognised; what is missing is the content that the checksum is of.
  CHECK(has(refusal(path), "checksum of its content"));
}

TEST_CASE("foreign storage, filters, types and links are refused", "[io]") {
  const Folder folder;
  const auto path = folder / "h.h5";
  write_bytes(folder / "secret", std::string(4096, 's'));
  hostile(path, [&](hid_t f) {
    add_dataset(f, {16}, [&](hid_t c) { H5Pset_external(c, (folder / "secret").c_str(), 0, 64); });
  });
  CHECK(has(refusal(path), "external file"));
  hostile(path, [&](hid_t f) {
    add_dataset(f, {16}, [&](hid_t c) {
      const hsize_t extent = 16;
      const hid_t space = H5Screate_simple(1, &extent, nullptr);
      H5Pset_virtual(c, space, (folder / "secret").c_str(), "x", space);
      H5Sclose(space);
    });
  });
  CHECK(has(refusal(path), "virtual"));
  hostile(path, [&](hid_t f) {
    add_dataset(f, {16}, [](hid_t c) {
      const hsize_t chunk = 16;
      H5Pset_chunk(c, 1, &chunk);
      H5Pset_fletcher32(c);
    });
  });
  CHECK(has(refusal(path), "filter 3"));
  hostile(path, [&](hid_t f) {
    add_dataset(f, {16}, [](hid_t c) {
      const hsize_t chunk = 16;
      H5Pset_chunk(c, 1, &chunk);
      H5Pset_filter(c, 32015, H5Z_FLAG_OPTIONAL, 0, nullptr);
    });
  });
  CHECK(has(refusal(path), "filter 32015"));
  hostile(path, [&](hid_t f) {
    add_dataset(
        f, {16}, [](hid_t) {}, H5T_IEEE_F32BE);
  });
  CHECK(has(refusal(path), "type"));
  hostile(path, [](hid_t f) { H5Lcreate_soft("/elsewhere", f, "soft", H5P_DEFAULT, H5P_DEFAULT); });
  CHECK(has(refusal(path), "soft or external"));
  hostile(path,
          [](hid_t f) { H5Lcreate_external("/etc/passwd", "/", f, "external", H5P_DEFAULT, H5P_DEFAULT); });
  CHECK(has(refusal(path), "soft or external"));
  hostile(path, [](hid_t f) {  // a group that contains the root
    const hid_t group = H5Gcreate2(f, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(f, "/", group, "loop", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
  });
  CHECK(has(refusal(path), "too deeply"));
  hostile(path, [](hid_t f) {
    const hid_t type = H5Tcopy(H5T_NATIVE_INT);
    H5Tcommit2(f, "type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(type);
  });
  CHECK(has(refusal(path), "neither a group nor an array"));
  hostile(path, [](hid_t f) {
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(f, "variable", type, space, H5P_DEFAULT, H5P_DEFAULT);
    const char* text = "abc";
    H5Awrite(attribute, type, &text);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
  });
  CHECK(has(refusal(path), "plain text"));
  hostile(path, [](hid_t) {});
  CHECK(has(refusal(path), "checksum of its content"));
}

TEST_CASE("saving where nothing can be written is an io error", "[io]") {
  const Folder folder;
  try {
    sample().save(folder / "missing/m.h5");
    FAIL("nothing was thrown");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::io);
  }
}
