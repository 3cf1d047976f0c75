#include "classic_header.hpp"

#include <algorithm>
#include <fstream>
#include <vector>

namespace manifill::io {
namespace {

struct Damaged {};

constexpr std::uint64_t kMost = std::uint64_t{1} << 60;  // products beyond it are nonsense

std::uint64_t padded(std::uint64_t bytes) { return (bytes + 3) / 4 * 4; }

std::uint64_t product(std::uint64_t a, std::uint64_t b) {
  if (a != 0 && b > kMost / a) throw Damaged{};
  return a * b;
}

/// Follows the grammar of the NetCDF Classic Format Specification.
class Header {
 public:
  explicit Header(const std::string& path) : in_(path, std::ios::binary) {}

  std::optional<std::uint64_t> size() {
    if (number(3) != 0x434446) return std::nullopt;  // "CDF"
    version_ = number(1);
    if (version_ != 1 && version_ != 2 && version_ != 5) return std::nullopt;
    records_ = count();
    if (records_ == (version_ == 5 ? ~std::uint64_t{0} : 0xFFFFFFFFULL)) return std::nullopt;  // streaming
    list(0x0A, [&] {
      skip(padded(count()));
      dimensions_.push_back(count());
    });
    attributes();
    list(0x0B, [&] { variable(); });
    return end();
  }

 private:
  struct Variable {
    std::uint64_t begin;
    std::uint64_t bytes;  // of one record, or of all
    bool record;
  };

  std::uint64_t number(int bytes) {
    std::uint64_t value = 0;
    for (int k = 0; k < bytes; ++k) {
      const int c = in_.get();
      if (c == std::char_traits<char>::eof()) throw Damaged{};
      value = value << 8U | static_cast<std::uint64_t>(c);
    }
    return value;
  }
  std::uint64_t count() { return number(version_ == 5 ? 8 : 4); }
  void skip(std::uint64_t bytes) {
    if (bytes > kMost) throw Damaged{};
    in_.seekg(static_cast<std::streamoff>(bytes), std::ios::cur);
  }
  template <typename F>
  void list(std::uint64_t tag, F&& element) {
    const std::uint64_t found = number(4);
    const std::uint64_t n = count();
    if (found != tag && (found != 0 || n != 0)) throw Damaged{};
    for (std::uint64_t k = 0; k < n; ++k) element();
  }
  static std::uint64_t width(std::uint64_t type) {
    static constexpr std::uint64_t widths[] = {0, 1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8};
    if (type < 1 || type > 11) throw Damaged{};
    return widths[type];
  }
  void attributes() {
    list(0x0C, [&] {
      skip(padded(count()));
      const std::uint64_t bytes = width(number(4));
      skip(padded(product(bytes, count())));
    });
  }
  void variable() {
    skip(padded(count()));
    const std::uint64_t rank = count();
    Variable v{.begin = 0, .bytes = 1, .record = false};
    for (std::uint64_t k = 0; k < rank; ++k) {
      const std::uint64_t id = count();
      if (id >= dimensions_.size()) throw Damaged{};
      if (k == 0 && dimensions_[id] == 0)
        v.record = true;
      else
        v.bytes = product(v.bytes, dimensions_[id]);
    }
    attributes();
    v.bytes = product(v.bytes, width(number(4)));
    count();  // vsize: redundant, and not to be trusted for large variables
    v.begin = number(version_ == 1 ? 4 : 8);
    variables_.push_back(v);
  }
  [[nodiscard]] std::uint64_t end() const {
    std::uint64_t record_bytes = 0;
    const auto records =
        std::count_if(variables_.begin(), variables_.end(), [](auto& v) { return v.record; });
    // A single record variable is not padded between records.
    for (const auto& v : variables_)
      if (v.record) record_bytes += records == 1 ? v.bytes : padded(v.bytes);
    std::uint64_t last = 0;
    for (const auto& v : variables_) {
      if (v.bytes == 0 || (v.record && records_ == 0)) continue;
      const std::uint64_t before = v.record ? product(records_ - 1, record_bytes) : 0;
      last = std::max(last, v.begin + before + v.bytes);
    }
    return last;
  }

  std::ifstream in_;
  std::uint64_t version_ = 0;
  std::uint64_t records_ = 0;
  std::vector<std::uint64_t> dimensions_{};
  std::vector<Variable> variables_{};
};

}  // namespace

std::optional<std::uint64_t> promised_size(const std::string& path) {
  try {
    return Header(path).size();
  } catch (const Damaged&) {
    return std::nullopt;
  }
}

}  // namespace manifill::io
