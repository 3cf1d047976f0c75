#pragma once
/// \file
/// \brief Files that appear under their final name whole or not at all.

#include <string>
#include <string_view>

namespace manifill {

/// \brief A temporary file beside its target, renamed over it by `commit` or removed with the object.
///
/// The target keeps its old content, or stays absent, until `commit` returns. A symbolic link is followed:
/// what it points to is replaced. Movable, not copyable.
class TemporaryFile {
 public:
  /// \brief Creates `<directory>/.<name>.<pid>-<number>.part`, empty, with the permissions the target has or
  /// will have. \throws Error(io) naming the target: directory missing, not writable or read-only; target a
  /// directory or device
  explicit TemporaryFile(const std::string& target);
  TemporaryFile(TemporaryFile&& other) noexcept;
  TemporaryFile& operator=(TemporaryFile&& other) noexcept;
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile();

  [[nodiscard]] const std::string& path() const { return path_; }      ///< the temporary name; write here
  [[nodiscard]] const std::string& target() const { return target_; }  ///< the final name, links resolved

  /// \brief Syncs the file, renames it over the target, syncs the directory. Writers must have closed it.
  /// \throws Error(io); the temporary file is then still removed by the destructor
  void commit();

 private:
  void remove() noexcept;
  std::string target_{};
  std::string path_{};  ///< empty after commit or move
};

/// \brief Writes `bytes` under the final name `path`, whole or not at all. \throws Error(io) as
/// TemporaryFile, and when the disk is full
void write_atomically(const std::string& path, std::string_view bytes);

/// \brief Throws Error(io) from an errno value: "<what>: <reason>", with the remedy that fits the reason.
[[noreturn]] void throw_io_error(const std::string& path, const std::string& what, int error_number);

}  // namespace manifill
