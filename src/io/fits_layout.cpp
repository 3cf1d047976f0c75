#include "fits_layout.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "manifill/base/error.hpp"
#include "plain_file.hpp"

namespace manifill::io {
namespace {

constexpr std::int64_t kMostAxes = 999;
constexpr std::int64_t kMostColumns = 999;
constexpr std::int64_t kMostFitsBytes = std::int64_t{1} << 60;  // bytes beyond it are nonsense

class FitsFile {
 public:
  explicit FitsFile(const std::string& path)
      : path_(path),
        in_(path, std::ios::binary),
        size_(static_cast<std::int64_t>(std::filesystem::file_size(path))) {
    if (!in_)
      throw Error(ErrorKind::io, "permission to open it was denied",
                  {.file = path_, .remedy = "Check its permissions"});
  }

  void check() {
    check_begin();
    while (offset_ < size_ && part()) {
    }
  }

 private:
  [[nodiscard]] Error refusal(const std::string& what,
                              const std::string& remedy = "Fetch or write the file again") const {
    return {ErrorKind::input,
            what,
            {.file = path_, .index = "[byte " + std::to_string(card_at_) + "]", .remedy = remedy}};
  }

  void check_begin() {
    std::array<char, 9> raw{};
    in_.read(raw.data(), raw.size());
    in_.clear();
    const std::string_view begin(raw.data(), raw.size());
    if (begin.starts_with("\x1f\x8b")) throw refusal("is compressed", "Unpack it first, with gunzip");
    if (begin != "SIMPLE  =") throw refusal("is not a FITS file", "Check that it is the file you mean");
  }

  /// The next line of the header.
  std::string_view card() {
    card_at_ = offset_;
    in_.seekg(offset_);
    if (!in_.read(card_.data(), kFitsCard)) throw refusal("is truncated: the file ends within a header");
    offset_ += static_cast<std::int64_t>(kFitsCard);
    return {card_.data(), kFitsCard};
  }

  /// What the next line gives the keyword that must be there.
  std::int64_t value(const std::string& key, std::int64_t least, std::int64_t most) {
    const std::string_view line = card();
    std::string padded = key;
    padded.resize(8, ' ');
    if (line.substr(0, 10) != padded + "= ") throw refusal("the header has no keyword " + key + " here");
    std::string_view text = line.substr(10);
    text = text.substr(0, text.find('/'));
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    text = text.substr(0, text.find_last_not_of(' ') + 1);
    std::int64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (text.empty() || end != text.data() + text.size() || error != std::errc() || out < least || out > most)
      throw refusal("the keyword " + key + " is illegal");
    return out;
  }

  std::int64_t product(std::int64_t a, std::int64_t b) const {
    if (a != 0 && b > kMostFitsBytes / a)
      throw refusal("is truncated: its header promises more bytes than any file has");
    return a * b;
  }

  /// Goes over one header and its data; false where something else than a header follows.
  bool part() {
    const std::int64_t begin = offset_;
    const std::string first(card());
    const bool extension = first.starts_with("XTENSION");
    if (!extension && begin > 0) return false;
    // BINTABLE, the older A3DTABLE, and TABLE in text: CFITSIO reads them alike.
    const bool table = extension && first.find("TABLE") != std::string::npos;
    const std::int64_t bits = std::abs(table ? value("BITPIX", 8, 8) : value("BITPIX", -64, 64));
    const std::int64_t axes = table ? value("NAXIS", 2, 2) : value("NAXIS", 0, kMostAxes);
    std::int64_t elements = axes == 0 ? 0 : 1;
    for (std::int64_t k = 1; k <= axes; ++k)
      elements = product(elements, value("NAXIS" + std::to_string(k), 0, kMostFitsBytes));
    if (extension) {
      const std::int64_t heap = value("PCOUNT", 0, kMostFitsBytes);
      const std::int64_t groups = value("GCOUNT", 1, table ? 1 : kMostFitsBytes);
      elements = product(elements + heap, groups);
    }
    if (table) value("TFIELDS", 0, kMostColumns);
    while (!card().starts_with("END     ")) {
    }
    const std::int64_t data = product(elements, bits) / 8;
    offset_ = whole_blocks(whole_blocks(offset_) + data);
    if (offset_ > size_)
      throw refusal("is truncated: it has " + std::to_string(size_) + " bytes, its headers promise " +
                    std::to_string(offset_));
    return true;
  }

  static std::int64_t whole_blocks(std::int64_t bytes) {
    constexpr auto kBlock = static_cast<std::int64_t>(kFitsBlock);
    return (bytes + kBlock - 1) / kBlock * kBlock;
  }

  std::string path_;
  std::ifstream in_;
  std::int64_t size_;
  std::int64_t offset_ = 0;
  std::int64_t card_at_ = 0;
  std::array<char, kFitsCard> card_{};
};

}  // namespace

void check_fits_layout(const std::string& path) {
  check_plain_file(path, "FITS file");
  FitsFile(path).check();
}

}  // namespace manifill::io
