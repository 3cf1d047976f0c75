#include "classic_header.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <vector>

namespace manifill::io {
namespace {

struct Damaged {};

constexpr std::uint64_t kLongestName = 256;
constexpr std::uint64_t kMostDimensions = 1024;
constexpr std::uint64_t kMost = std::uint64_t{1} << 60;  // products beyond it are nonsense

std::uint64_t padded(std::uint64_t bytes) { return (bytes + 3) / 4 * 4; }

std::uint64_t product(std::uint64_t a, std::uint64_t b) {
  if (a != 0 && b > kMost / a) throw Damaged{};
  return a * b;
}

/// Follows the grammar of the NetCDF Classic Format Specification.
class Header {
 public:
  explicit Header(const std::string& path) : in_(path, std::ios::binary) {
    in_.seekg(0, std::ios::end);
    bytes_ = static_cast<std::uint64_t>(in_.tellg());
    in_.seekg(0);
  }

  /// Whether it begins as one of the family.
  bool begins() {
    if (bytes_ < 4 || number(3) != 0x434446) return false;  // "CDF"
    version_ = number(1);
    return version_ == 1 || version_ == 2 || version_ == 5;
  }

  std::uint64_t size() {
    records_ = count();
    streaming_ = records_ == (version_ == 5 ? ~std::uint64_t{0} : 0xFFFFFFFFULL);
    std::set<std::string> names;
    list(0x0A, [&] {
      require(names.insert(name()).second);
      dimensions_.push_back(count());
    });
    require(std::count(dimensions_.begin(), dimensions_.end(), 0U) <= 1);
    attributes();
    names.clear();
    list(0x0B, [&] {
      require(names.insert(name()).second);
      variable();
    });
    const auto header = static_cast<std::uint64_t>(in_.tellg());
    for (const auto& v : variables_) require(v.begin >= header || v.bytes == 0);
    return std::max(header, end());
  }

 private:
  struct Variable {
    std::uint64_t begin;
    std::uint64_t bytes;  // of one record, or of all
    bool record;
  };

  static void require(bool condition) {
    if (!condition) throw Damaged{};
  }
  std::uint64_t number(int bytes) {
    std::uint64_t value = 0;
    for (int k = 0; k < bytes; ++k) {
      const int c = in_.get();
      require(c != std::char_traits<char>::eof());
      value = value << 8U | static_cast<std::uint64_t>(c);
    }
    return value;
  }
  std::uint64_t count() { return number(version_ == 5 ? 8 : 4); }
  void skip(std::uint64_t bytes) {
    require(bytes <= bytes_ - static_cast<std::uint64_t>(in_.tellg()));
    in_.seekg(static_cast<std::streamoff>(bytes), std::ios::cur);
  }
  std::string name() {
    const std::uint64_t length = count();
    require(length >= 1 && length <= kLongestName);
    std::string text(length, ' ');
    in_.read(text.data(), static_cast<std::streamsize>(length));
    require(in_.good() && text.find('\0') == std::string::npos && text.find('/') == std::string::npos);
    skip(padded(length) - length);
    return text;
  }
  template <typename F>
  void list(std::uint64_t tag, F&& element) {
    const std::uint64_t found = number(4);
    const std::uint64_t n = count();
    require(found == tag || (found == 0 && n == 0));
    require(n <= bytes_ / 8);  // an element takes no less
    for (std::uint64_t k = 0; k < n; ++k) element();
  }
  std::uint64_t width(std::uint64_t type) const {
    static constexpr std::uint64_t widths[] = {0, 1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8};
    require(type >= 1 && type <= (version_ == 5 ? 11U : 6U));
    return widths[type];
  }
  void attributes() {
    std::set<std::string> names;
    list(0x0C, [&] {
      require(names.insert(name()).second);
      const std::uint64_t bytes = width(number(4));
      skip(padded(product(bytes, count())));
    });
  }
  void variable() {
    const std::uint64_t rank = count();
    require(rank <= kMostDimensions);
    Variable v{.begin = 0, .bytes = 1, .record = false};
    for (std::uint64_t k = 0; k < rank; ++k) {
      const std::uint64_t id = count();
      require(id < dimensions_.size());
      if (dimensions_[id] == 0) {
        require(k == 0);
        v.record = true;
      } else {
        v.bytes = product(v.bytes, dimensions_[id]);
      }
    }
    attributes();
    v.bytes = product(v.bytes, width(number(4)));
    count();  // vsize: redundant, and not to be trusted for large variables
    v.begin = number(version_ == 1 ? 4 : 8);
    require(v.begin <= kMost);
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
      if (v.bytes == 0 || (v.record && (streaming_ || records_ == 0))) continue;
      const std::uint64_t before = v.record ? product(records_ - 1, record_bytes) : 0;
      last = std::max(last, v.begin + before + v.bytes);
    }
    return last;
  }

  std::ifstream in_;
  std::uint64_t bytes_ = 0;
  std::uint64_t version_ = 0;
  std::uint64_t records_ = 0;
  bool streaming_ = false;  // the number of records follows from the file's size
  std::vector<std::uint64_t> dimensions_{};
  std::vector<Variable> variables_{};
};

}  // namespace

ClassicHeader read_classic_header(const std::string& path) {
  try {
    Header header(path);
    if (!header.begins()) return {};
    return {ClassicHeader::State::sound, header.size()};
  } catch (const Damaged&) {
    return {ClassicHeader::State::damaged, 0};
  }
}

}  // namespace manifill::io
