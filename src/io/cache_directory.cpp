#include "manifill/io/cache_directory.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"
#include "manifill/io/model_file.hpp"

namespace manifill::io {
namespace {

/// Debian's HDF5 is built without threads in mind.
std::mutex& hdf5_in_use() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

CacheDirectory::CacheDirectory(std::string directory) : directory_(std::move(directory)) {}

std::string CacheDirectory::standard() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (auto own = variable("MANIFILL_CACHE"); !own.empty()) return own;
  if (const auto base = variable("XDG_CACHE_HOME"); !base.empty()) return base + "/manifill";
  if (const auto home = variable("HOME"); !home.empty()) return home + "/.cache/manifill";
  return ".manifill-cache";
}

std::string CacheDirectory::path(const std::string& key) const {
  const bool plain = std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '+' || c == '.';
  });
  if (!plain || key.empty() || key.front() == '.')
    throw Error(ErrorKind::internal, "'" + key + "' cannot be the key of a cached result");
  return directory_ + "/" + key + ".h5";
}

std::optional<ArrayCache::Arrays> CacheDirectory::find(const std::string& key) const {
  const std::string file = path(key);
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return std::nullopt;
  try {
    const std::lock_guard<std::mutex> lock(hdf5_in_use());
    const ModelFile content = ModelFile::load(file);
    if (content.text("cache_key") != key) return std::nullopt;  // renamed by hand
    Arrays out;
    for (const auto& name : content.names()) out[name] = {content.shape(name), content.doubles(name)};
    return out;
  } catch (const Error&) {
    log::warning("a cached result cannot be read, and is computed anew: " + file);
    return std::nullopt;
  }
}

void CacheDirectory::keep(const std::string& key, const Arrays& arrays) const {
  const std::string file = path(key);
  try {
    std::filesystem::create_directories(directory_);
    const std::lock_guard<std::mutex> lock(hdf5_in_use());
    ModelFile content;
    content.put_text("cache_key", key);
    for (const auto& [name, array] : arrays) content.put_doubles(name, array.shape, array.values);
    // Digits of computed numbers hardly deflate, and slower than they are computed.
    content.save(file, ModelFile::Compression::none);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::io) throw;
    log::warning(std::string("a result is not cached: ") + e.what());
  } catch (const std::filesystem::filesystem_error& e) {
    log::warning(std::string("a result is not cached: ") + e.what());
  }
}

}  // namespace manifill::io
