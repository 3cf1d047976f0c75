#include "plain_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "manifill/base/error.hpp"

namespace manifill::io {
namespace fs = std::filesystem;

void check_plain_file(const std::string& path, const std::string& kind) {
  const auto refusal = [&](const std::string& what, const std::string& remedy) {
    return Error(ErrorKind::input, what, {.file = path, .remedy = remedy});
  };
  std::error_code error;
  const auto status = fs::status(path, error);
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    throw Error(ErrorKind::io, "cannot be looked at: " + error.message(),
                {.file = path, .remedy = "Check the path and its permissions"});
  if (!fs::exists(status)) throw refusal("there is no such file", "Check the path");
  if (fs::is_directory(status)) throw refusal("is a directory, not a " + kind, "Name a file in it");
  if (!fs::is_regular_file(status))
    throw refusal("is not a regular file", "Copy its content to a file first");
  if (fs::file_size(path, error) == 0 && !error)
    throw refusal("is empty (0 bytes)", "Fetch or write the file again");
}

std::string read_plain_file(const std::string& path, const std::string& kind) {
  check_plain_file(path, kind);
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw Error(ErrorKind::io, std::string("cannot be opened: ") + std::strerror(errno),
                {.file = path, .remedy = "Check its permissions"});
  std::string bytes(fs::file_size(path), '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (static_cast<std::size_t>(in.gcount()) != bytes.size())
    throw Error(
        ErrorKind::io,
        "cannot be read beyond byte " + std::to_string(in.gcount()) + " of " + std::to_string(bytes.size()),
        {.file = path, .remedy = "Check the disk, and that nothing else writes the file"});
  return bytes;
}

}  // namespace manifill::io
