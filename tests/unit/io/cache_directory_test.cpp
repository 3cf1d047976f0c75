#include "manifill/io/cache_directory.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "unit/io/netcdf_fixture.hpp"

using namespace manifill;
using io::CacheDirectory;
namespace fs = std::filesystem;

namespace {

ArrayCache::Arrays some(double value) {
  return {{"a", {{2, 3}, std::vector<double>(6, value)}}, {"b", {{1}, {value}}}};
}

bool same(const std::optional<ArrayCache::Arrays>& found, const ArrayCache::Arrays& expected) {
  if (!found || found->size() != expected.size()) return false;
  for (const auto& [name, array] : expected)
    if (!found->contains(name) || found->at(name).shape != array.shape ||
        found->at(name).values != array.values)
      return false;
  return true;
}

}  // namespace

TEST_CASE("what is kept is found, by its key and no other", "[io]") {
  const test::Folder scratch;
  const CacheDirectory cache(scratch.path() + "/not/there/yet");
  CHECK_FALSE(cache.find("one"));
  cache.keep("one", some(1.5));
  cache.keep("two", some(-2.0));
  CHECK(same(cache.find("one"), some(1.5)));
  CHECK(same(CacheDirectory(cache.directory()).find("two"), some(-2.0)));
  cache.keep("one", some(7.0));
  CHECK(same(cache.find("one"), some(7.0)));
  fs::copy_file(cache.path("one"), cache.path("three"));
  CHECK_FALSE(cache.find("three"));
  for (const char* bad : {"", "a/b", ".hidden", "..", "a b"}) CHECK_THROWS_AS(cache.path(bad), Error);
}

TEST_CASE("a damaged file is as good as none, and is replaced", "[io]") {
  const test::Folder scratch;
  const CacheDirectory cache(scratch.path());
  cache.keep("key", some(3.0));
  const auto size = fs::file_size(cache.path("key"));
  for (const std::uintmax_t place : {std::uintmax_t{3}, size / 2, size - 3}) {
    {
      std::fstream file(cache.path("key"), std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(place));
      const char byte = static_cast<char>(file.get() ^ 0x10);
      file.seekp(static_cast<std::streamoff>(place));
      file.put(byte);
    }
    CHECK_FALSE(cache.find("key"));
    cache.keep("key", some(3.0));
    CHECK(same(cache.find("key"), some(3.0)));
  }
  for (const std::uintmax_t length : {std::uintmax_t{0}, std::uintmax_t{100}, size - 1}) {
    fs::resize_file(cache.path("key"), length);
    CHECK_FALSE(cache.find("key"));
    cache.keep("key", some(3.0));
  }
}

TEST_CASE("a directory that cannot be made loses the result, not the run", "[io]") {
  const test::Folder scratch;
  std::ofstream(scratch.path() + "/file") << "in the way";
  const CacheDirectory cache(scratch.path() + "/file/below");
  CHECK_NOTHROW(cache.keep("key", some(1.0)));
  CHECK_FALSE(cache.find("key"));
}

TEST_CASE("threads and processes share a directory and see whole files only", "[io]") {
  const test::Folder scratch;
  const auto work = [&](double value) {
    const CacheDirectory cache(scratch.path());
    for (int k = 0; k < 20; ++k) {
      cache.keep("shared", some(value));
      const auto found = cache.find("shared");
      if (!same(found, some(1.0)) && !same(found, some(2.0)) && !same(found, some(3.0)) &&
          !same(found, some(4.0)))
        return false;
    }
    return true;
  };
  // Before threads are there, which a fork would not take along.
  std::vector<pid_t> children;
  for (const double value : {1.0, 2.0}) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(work(value) ? 0 : 1);
    children.push_back(child);
  }
  bool whole[2] = {};
  std::thread other([&] { whole[0] = work(3.0); });
  whole[1] = work(4.0);
  other.join();
  CHECK(whole[0]);
  CHECK(whole[1]);
  for (const pid_t child : children) {
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  for (const auto& entry : fs::directory_iterator(scratch.path()))
    CHECK(entry.path().filename() == "shared.h5");
}

TEST_CASE("the standard directory follows the environment", "[io]") {
  const auto set = [](const char* name, const char* value) { setenv(name, value, 1); };
  std::vector<std::pair<std::string, std::string>> before;
  for (const char* name : {"MANIFILL_CACHE", "XDG_CACHE_HOME", "HOME"}) {
    const char* value = std::getenv(name);
    before.emplace_back(name, value == nullptr ? "" : value);
    set(name, "");
  }
  CHECK(CacheDirectory::standard() == ".manifill-cache");
  set("HOME", "/h");
  CHECK(CacheDirectory::standard() == "/h/.cache/manifill");
  set("XDG_CACHE_HOME", "/x");
  CHECK(CacheDirectory::standard() == "/x/manifill");
  set("MANIFILL_CACHE", "/m");
  CHECK(CacheDirectory::standard() == "/m");
  for (const auto& [name, value] : before)
    if (value.empty())
      unsetenv(name.c_str());
    else
      setenv(name.c_str(), value.c_str(), 1);
}
