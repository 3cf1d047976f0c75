#pragma once
/// \file
/// \brief Where costly results are kept for the next run. What computes them need not know how.

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace manifill {

/// \brief Named arrays under keys. A cache may forget, and never gives back what is not whole.
class ArrayCache {
 public:
  struct Array {
    std::vector<std::size_t> shape{};
    std::vector<double> values{};  ///< of the shape, the last extent fastest
  };
  using Arrays = std::map<std::string, Array>;

  ArrayCache() = default;
  ArrayCache(const ArrayCache&) = delete;
  ArrayCache& operator=(const ArrayCache&) = delete;
  ArrayCache(ArrayCache&&) = delete;
  ArrayCache& operator=(ArrayCache&&) = delete;
  virtual ~ArrayCache() = default;

  /// \brief What was kept under a key; nothing when there is none, or it cannot be trusted.
  [[nodiscard]] virtual std::optional<Arrays> find(const std::string& key) const = 0;
  /// \brief Keeps arrays under a key, in place of what was there. Failing is no error: the next run computes
  /// anew.
  virtual void keep(const std::string& key, const Arrays& arrays) const = 0;
};

}  // namespace manifill
