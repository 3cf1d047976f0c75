#include "manifill/base/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "manifill/base/error.hpp"

namespace manifill {
namespace {

namespace fs = std::filesystem;

/// Closes on every way out; `close` reports what the destructor cannot.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  int close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

std::string remedy_for(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return "Create the directory first, or check the name";
    case EACCES:
    case EPERM:
    case EROFS:
      return "Choose a directory you may write to";
    case ENOSPC:
    case EDQUOT:
      return "Free space on the disk or quota, or write elsewhere";
    case ENAMETOOLONG:
      return "Choose a shorter name";
    default:
      return "Check the file system, then run again";
  }
}

fs::path resolve_links(const std::string& target) {
  std::error_code error;
  fs::path path(target);
  // A dangling link is followed too: its destination is created. Bounded, for links in a circle.
  for (int hop = 0; hop < 40 && fs::is_symlink(path, error); ++hop) {
    const fs::path next = fs::read_symlink(path, error);
    if (error) break;
    path = next.is_absolute() ? next : path.parent_path() / next;
  }
  return path;
}

void write_all(int fd, std::string_view bytes, const std::string& target) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_io_error(target, "cannot write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

void throw_io_error(const std::string& path, const std::string& what, int error_number) {
  throw Error(ErrorKind::io, what + ": " + std::strerror(error_number),
              {.file = path, .remedy = remedy_for(error_number)});
}

TemporaryFile::TemporaryFile(const std::string& target) {
  static std::atomic<unsigned> counter{0};
  if (target.empty()) throw Error(ErrorKind::io, "the output has no name", {.remedy = "Give a file name"});
  const fs::path final_name = resolve_links(target);
  std::error_code error;
  const auto status = fs::status(final_name, error);
  if (fs::is_directory(status) || final_name.filename().empty())
    throw Error(ErrorKind::io, "is a directory", {.file = target, .remedy = "Give the name of a file"});
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw Error(ErrorKind::io, "is not a regular file",
                {.file = target, .remedy = "Give the name of a file"});
  const fs::path directory = final_name.has_parent_path() ? final_name.parent_path() : fs::path(".");
  // The name is cut, not refused, where the longer temporary one would pass the file system's limit.
  const std::string stem = final_name.filename().string().substr(0, 200);
  for (int attempt = 0;; ++attempt) {
    const std::string name =
        "." + stem + "." + std::to_string(::getpid()) + "-" + std::to_string(counter.fetch_add(1)) + ".part";
    const std::string candidate = (directory / name).string();
    Descriptor fd(::open(candidate.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666));
    if (fd.get() >= 0) {
      if (fs::exists(status)) ::fchmod(fd.get(), static_cast<mode_t>(status.permissions()) & 0777U);
      path_ = candidate;
      break;
    }
    if (errno != EEXIST || attempt == 100) throw_io_error(target, "cannot create a file there", errno);
  }
  target_ = final_name.string();
}

TemporaryFile::TemporaryFile(TemporaryFile&& other) noexcept
    : target_(std::move(other.target_)), path_(std::exchange(other.path_, {})) {}

TemporaryFile& TemporaryFile::operator=(TemporaryFile&& other) noexcept {
  if (this != &other) {
    remove();
    target_ = std::move(other.target_);
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

TemporaryFile::~TemporaryFile() { remove(); }

void TemporaryFile::remove() noexcept {
  if (!path_.empty()) ::unlink(path_.c_str());
}

void TemporaryFile::commit() {
  if (path_.empty())
    throw Error(ErrorKind::internal, "a temporary file is committed twice", {.file = target_});
  {
    Descriptor fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0) throw_io_error(target_, "cannot re-open the finished file", errno);
    if (::fsync(fd.get()) != 0) throw_io_error(target_, "cannot sync the finished file to disk", errno);
  }
  if (::rename(path_.c_str(), target_.c_str()) != 0)
    throw_io_error(target_, "cannot rename the finished file", errno);
  path_.clear();
  // Makes the new name itself durable; some file systems refuse to sync a directory, which harms nothing.
  const fs::path directory = fs::path(target_).parent_path();
  Descriptor fd(::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() >= 0) ::fsync(fd.get());
}

void write_atomically(const std::string& path, std::string_view bytes) {
  TemporaryFile file(path);
  Descriptor fd(::open(file.path().c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (fd.get() < 0) throw_io_error(path, "cannot write", errno);
  write_all(fd.get(), bytes, path);
  if (fd.close() != 0) throw_io_error(path, "cannot write", errno);
  file.commit();
}

}  // namespace manifill
