#include "manifill/io/image_set.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <system_error>

#include "manifill/base/error.hpp"
#include "manifill/io/png_image.hpp"

namespace manifill::io {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kCifarSide = 32;
constexpr std::size_t kCifarRecord = 1 + 3 * kCifarSide * kCifarSide;  // label, then red, green and blue

/// A file read through zlib, which passes on what is not compressed.
class ZippedFile {
 public:
  explicit ZippedFile(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb"), &gzclose) {
    if (!file_)
      throw Error(fs::exists(path) ? ErrorKind::io : ErrorKind::input, "the file cannot be opened",
                  {.file = path, .remedy = "Check its name and its permissions"});
  }
  /// \return how many bytes there were, at most `count`
  std::size_t read(std::uint8_t* to, std::size_t count) {
    std::size_t done = 0;
    while (done < count) {
      const auto piece = static_cast<unsigned>(std::min<std::size_t>(count - done, 1U << 30U));
      const int got = gzread(file_.get(), to + done, piece);
      if (got < 0) fail();
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    // A compressed file that ends early says so only here.
    if (done < count) {
      int code = Z_OK;
      gzerror(file_.get(), &code);
      if (code != Z_OK && code != Z_STREAM_END) fail();
    }
    return done;
  }
  [[nodiscard]] bool plain() const { return gzdirect(file_.get()) != 0; }

 private:
  [[noreturn]] void fail() const {
    int code = Z_OK;
    const std::string text = gzerror(file_.get(), &code);
    throw Error(code == Z_ERRNO ? ErrorKind::io : ErrorKind::input, "the file is damaged: " + text,
                {.file = path_, .remedy = "Fetch it again"});
  }

  std::string path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

std::size_t big_endian(const std::uint8_t* bytes) {
  return (static_cast<std::size_t>(bytes[0]) << 24U) | (static_cast<std::size_t>(bytes[1]) << 16U) |
         (static_cast<std::size_t>(bytes[2]) << 8U) | bytes[3];
}

/// Whether bytes begin an IDX file of unsigned bytes with that many dimensions.
bool is_idx(const std::uint8_t* head, std::uint8_t dimensions) {
  return head[0] == 0 && head[1] == 0 && head[2] == 8 && head[3] == dimensions;
}

/// All bytes of an IDX file. \param lengths of its dimensions
std::vector<std::uint8_t> read_idx(const std::string& path, std::vector<std::size_t>& lengths, bool* plain) {
  ZippedFile file(path);
  std::array<std::uint8_t, 4> word{};
  if (file.read(word.data(), 4) < 4 || !is_idx(word.data(), static_cast<std::uint8_t>(lengths.size())))
    throw Error(ErrorKind::input,
                fmt::format("no IDX file of unsigned bytes with {} dimensions", lengths.size()),
                {.file = path, .remedy = "Name the file of the images, or of their labels"});
  std::size_t total = 1;
  for (std::size_t& length : lengths) {
    if (file.read(word.data(), 4) < 4)
      throw Error(ErrorKind::input, "the file ends within its header",
                  {.file = path, .remedy = "Fetch it again"});
    length = big_endian(word.data());
    total *= length;
  }
  if (total == 0)
    throw Error(ErrorKind::input, "the file holds no values", {.file = path, .remedy = "Name another file"});
  // Memory follows what is there, not what the header promises.
  constexpr std::size_t kPiece = std::size_t{16} << 20U;
  std::vector<std::uint8_t> bytes;
  while (bytes.size() < total) {
    const std::size_t before = bytes.size();
    bytes.resize(std::min(total, before + kPiece));
    const std::size_t got = file.read(bytes.data() + before, bytes.size() - before);
    if (before + got < bytes.size())
      throw Error(ErrorKind::input,
                  fmt::format("the file ends after {} of the {} values that its header promises",
                              before + got, total),
                  {.file = path,
                   .index = fmt::format("[image {}]", (before + got) / (total / lengths[0])),
                   .remedy = "Fetch it again"});
  }
  if (file.read(word.data(), 1) > 0)
    throw Error(ErrorKind::input,
                fmt::format("there is more in the file than the {} values of its header", total),
                {.file = path, .remedy = "Fetch it again"});
  if (plain != nullptr) *plain = file.plain();
  return bytes;
}

ImageSet read_idx_images(const std::string& path) {
  std::vector<std::size_t> lengths(3);
  bool plain = true;
  const auto bytes = read_idx(path, lengths, &plain);
  ImageSet set{.count = lengths[0],
               .rows = lengths[1],
               .columns = lengths[2],
               .channels = {"grey"},
               .samples = {bytes.begin(), bytes.end()},
               .form = plain ? "IDX" : "IDX, compressed"};
  const fs::path name = fs::path(path).filename();
  std::string other = name.string();
  if (const auto at = other.find("images-idx3"); at != std::string::npos) {
    other.replace(at, 11, "labels-idx1");
    const std::string labels = (fs::path(path).parent_path() / other).string();
    std::error_code ignored;
    if (fs::is_regular_file(labels, ignored)) {
      std::vector<std::size_t> count(1);
      set.labels = read_idx(labels, count, nullptr);
      if (count[0] != set.count)
        throw Error(ErrorKind::input, fmt::format("{} labels stand beside {} images", count[0], set.count),
                    {.file = labels, .remedy = "Put the labels that belong to the images there, or none"});
    }
  }
  return set;
}

ImageSet read_cifar(const std::string& path) {
  ZippedFile file(path);
  const auto size = static_cast<std::size_t>(fs::file_size(path));
  std::vector<std::uint8_t> bytes(size);
  if (file.read(bytes.data(), size) < size)
    throw Error(ErrorKind::io, "the file changed while it was read", {.file = path, .remedy = "Try again"});
  constexpr std::size_t pixels = kCifarSide * kCifarSide;
  ImageSet set{.count = size / kCifarRecord,
               .rows = kCifarSide,
               .columns = kCifarSide,
               .channels = {"red", "green", "blue"},
               .form = "CIFAR-10, binary"};
  set.samples.resize(3 * set.count * pixels);
  for (std::size_t i = 0; i < set.count; ++i) {
    const std::uint8_t* record = bytes.data() + i * kCifarRecord;
    if (record[0] > 9)
      throw Error(ErrorKind::input, fmt::format("label {} is none of the ten of CIFAR-10", record[0]),
                  {.file = path,
                   .index = fmt::format("[image {}]", i),
                   .remedy = "Name a batch of the binary version of CIFAR-10"});
    set.labels.push_back(record[0]);
    for (std::size_t c = 0; c < 3; ++c)
      std::copy_n(record + 1 + c * pixels, pixels,
                  set.samples.begin() + static_cast<std::ptrdiff_t>((c * set.count + i) * pixels));
  }
  return set;
}

bool is_png_name(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return ending == ".png";
}

std::vector<std::string> png_names(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed))
    if (is_png_name(it->path())) names.push_back(it->path().string());
  if (failed)
    throw Error(ErrorKind::io, "the folder cannot be read: " + failed.message(),
                {.file = folder, .remedy = "Check its permissions"});
  std::sort(names.begin(), names.end());
  return names;
}

ImageSet read_folder(const std::string& folder) {
  const auto names = png_names(folder);
  ImageSet set{.count = names.size(), .form = "folder of PNG"};
  if (names.empty())
    throw Error(ErrorKind::input, "no file in the folder ends in .png",
                {.file = folder, .remedy = "Name a folder of PNG images of one size"});
  std::vector<PngImage> images;
  for (const auto& name : names) {
    images.push_back(read_png(name));
    const PngImage& image = images.back();
    const PngImage& first = images.front();
    if (image.rows != first.rows || image.columns != first.columns || image.colours != first.colours)
      throw Error(ErrorKind::input,
                  fmt::format("an image of {} x {} pixels, {}, beside the first of {} x {}, {}", image.rows,
                              image.columns, image.colours == 1 ? "grey" : "coloured", first.rows,
                              first.columns, first.colours == 1 ? "grey" : "coloured"),
                  {.file = name,
                   .index = fmt::format("[image {}]", images.size() - 1),
                   .remedy = "Bring the images to one size and form first"});
    if (image.depth == 16) set.highest = 65535;
  }
  set.rows = images[0].rows;
  set.columns = images[0].columns;
  set.channels = images[0].colour_names();
  set.samples.resize(set.channels.size() * set.count * set.pixels());
  for (std::size_t i = 0; i < set.count; ++i) {
    const PngImage& image = images[i];
    const int factor = set.highest / image.highest();  // 257 = 65535 / 255, or 1
    for (std::size_t p = 0; p < set.pixels(); ++p) {
      for (std::size_t c = 0; c < set.channels.size(); ++c)
        set.samples[(c * set.count + i) * set.pixels() + p] =
            static_cast<std::uint16_t>(factor * image.samples[p * image.channels() + c]);
      if (!image.missing(p)) continue;
      set.missing.resize(set.count * set.pixels());
      set.missing[i * set.pixels() + p] = true;
    }
  }
  return set;
}

}  // namespace

bool is_image_set(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return !png_names(path).empty();
  if (!fs::is_regular_file(path, ignored)) return false;  // a pipe would be waited for
  if (fs::path(path).extension() == ".bin") {
    const auto size = fs::file_size(path, ignored);
    return !ignored && size > 0 && size % kCifarRecord == 0;
  }
  std::array<std::uint8_t, 4> head{0, 0, 0, 0};
  try {
    if (ZippedFile(path).read(head.data(), 4) < 4) return false;
  } catch (const Error&) {
    return false;  // whatever it is, its own reader will say
  }
  return is_idx(head.data(), 3);
}

ImageSet read_image_set(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return read_folder(path);
  return fs::path(path).extension() == ".bin" ? read_cifar(path) : read_idx_images(path);
}

}  // namespace manifill::io
