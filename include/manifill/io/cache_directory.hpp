#pragma once
/// \file
/// \brief A cache of arrays as files of a directory.

#include <optional>
#include <string>

#include "manifill/base/array_cache.hpp"

namespace manifill::io {

/// \brief One HDF5 file a key, `<directory>/<key>.h5`, with the checksums of ModelFile. Files appear by
/// rename, so that any number of processes may share the directory: of two that compute the same, the later
/// one's file stays. A damaged file is as good as none, with a warning. Nothing is ever removed: delete what
/// is not wanted.
///
/// HDF5 is used by one thread at a time among all objects of this class; other work with HDF5 or NetCDF must
/// not run beside it.
class CacheDirectory : public ArrayCache {
 public:
  /// \param directory made, with its parents, when something is to be kept
  explicit CacheDirectory(std::string directory);
  /// \brief $MANIFILL_CACHE, or $XDG_CACHE_HOME/manifill, or $HOME/.cache/manifill: the first that is set and
  /// not empty; without any of them `.manifill-cache` here.
  static std::string standard();

  [[nodiscard]] const std::string& directory() const { return directory_; }
  /// \brief Where a key's file is. \throws Error(internal) for a key of other characters than letters,
  /// digits,
  /// '-', '_', '+' and '.', or that begins with '.'
  [[nodiscard]] std::string path(const std::string& key) const;
  [[nodiscard]] std::optional<Arrays> find(const std::string& key) const override;
  /// A directory that cannot be written to, or a full disk, is a warning.
  void keep(const std::string& key, const Arrays& arrays) const override;

 private:
  std::string directory_;
};

}  // namespace manifill::io
