#include "manifill/base/atomic_file.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "catch.hpp"
#include "manifill/base/error.hpp"

using namespace manifill;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "manifill-atomic-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string io_message(const std::string& target) {
  try {
    write_atomically(target, "x");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::io);
    CHECK_FALSE(e.context().remedy.empty());
    return e.what();
  }
  FAIL("nothing was thrown");
  return {};
}

}  // namespace

TEST_CASE("a file is written whole and replaces the old one", "[base]") {
  const Folder folder;
  const auto path = folder / "a.bin";
  write_atomically(path, std::string("one\0two", 7));
  CHECK(content(path) == std::string("one\0two", 7));
  write_atomically(path, "");
  CHECK(content(path).empty());
  CHECK(folder.entries() == 1);
}

TEST_CASE("an abandoned file leaves the old content and no rubbish", "[base]") {
  const Folder folder;
  const auto path = folder / "a.bin";
  write_atomically(path, "old");
  {
    TemporaryFile file(path);
    std::ofstream(file.path()) << "new";
    CHECK(folder.entries() == 2);
    TemporaryFile moved(std::move(file));
    CHECK(folder.entries() == 2);
  }
  CHECK(content(path) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("permissions of the target are kept and links followed", "[base]") {
  const Folder folder;
  write_atomically(folder / "real", "old");
  fs::permissions(folder / "real", fs::perms(0640));
  fs::create_symlink("real", folder / "link");
  write_atomically(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(content(folder / "real") == "new");
  CHECK(fs::status(folder / "real").permissions() == fs::perms(0640));
}

TEST_CASE("two writers of one target do not meet", "[base]") {
  const Folder folder;
  TemporaryFile a(folder / "t");
  TemporaryFile b(folder / "t");
  CHECK(a.path() != b.path());
  std::ofstream(a.path()) << "a";
  std::ofstream(b.path()) << "b";
  a.commit();
  b.commit();
  CHECK(content(folder / "t") == "b");
  CHECK_THROWS_AS(b.commit(), Error);
}

TEST_CASE("impossible targets are refused with a remedy", "[base]") {
  const Folder folder;
  CHECK(io_message(folder / "missing/a").find("Create the directory") != std::string::npos);
  CHECK(io_message(folder / "").find("directory") != std::string::npos);
  CHECK(io_message("/dev/null").find("regular file") != std::string::npos);
  CHECK_FALSE(io_message("").empty());
  CHECK(io_message("/proc/manifill-test").find("/proc/manifill-test") != std::string::npos);
}

TEST_CASE("running out of space is an io error and leaves nothing", "[base]") {
  const Folder folder;
  // A limit on the size of files fails a write as a full disk does.
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{1000, old.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &small);
  bool io_error = false;
  try {
    write_atomically(folder / "big", std::string(100000, 'x'));
  } catch (const Error& e) {
    io_error = e.kind() == ErrorKind::io;
  }
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  CHECK(io_error);
  CHECK(folder.entries() == 0);
}
