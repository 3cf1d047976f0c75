#include "manifill/io/png_image.hpp"

#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <limits>
#include <string_view>

#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "native_file.hpp"
#include "plain_file.hpp"

namespace manifill::io {
namespace {

/// Deflate makes at most 258 bytes of two bits (RFC 1951, section 3.2.5), and headers besides.
constexpr std::uint64_t kMostInflation = 1032;
constexpr std::size_t kTypeLength = 5;  // of a chunk in libpng's lists, with its end
/// What a copy takes along as it stands: colour space, density and texts.
constexpr std::array kKeptChunks{"gAMA", "cHRM", "sRGB", "iCCP", "cICP", "pHYs", "tEXt", "zTXt", "iTXt"};

Error png_refusal(const std::string& path, const std::string& what) {
  return {ErrorKind::input, what, {.file = path, .remedy = "Fetch or write the file again"}};
}

/// What libpng's functions share with theirs: nothing in it is made or destroyed between a jump and its aim.
struct Stream {
  std::string_view in{};  ///< to read, from `at` on
  std::size_t at = 0;
  std::string out{};  ///< written
  std::array<char, 256> message{};
};

Stream& stream_of(void* pointer) { return *static_cast<Stream*>(pointer); }

[[noreturn]] void fail(png_structp png, png_const_charp message) {
  Stream& s = stream_of(png_get_error_ptr(png));
  std::strncpy(s.message.data(), message, s.message.size() - 1);
  png_longjmp(png, 1);
}

void pass_over(png_structp /*png*/, png_const_charp /*warning*/) {}

void read_bytes(png_structp png, png_bytep to, std::size_t count) {
  Stream& s = stream_of(png_get_io_ptr(png));
  if (count > s.in.size() - s.at) png_error(png, "the file ends early");
  std::memcpy(to, s.in.data() + s.at, count);
  s.at += count;
}

void write_bytes(png_structp png, png_bytep from, std::size_t count) {
  stream_of(png_get_io_ptr(png)).out.append(static_cast<const char*>(static_cast<void*>(from)), count);
}

void flush_nothing(png_structp /*png*/) {}

/// libpng's structures for reading or writing.
class Codec {
 public:
  explicit Codec(bool reads) : reads_(reads) {
    png_ = reads ? png_create_read_struct(PNG_LIBPNG_VER_STRING, &stream, &fail, &pass_over)
                 : png_create_write_struct(PNG_LIBPNG_VER_STRING, &stream, &fail, &pass_over);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      release();
      throw Error(ErrorKind::internal, "libpng cannot be started");
    }
  }
  ~Codec() { release(); }
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  /// Calls of libpng, whose errors are jumps: an action makes nothing that would have to be destroyed.
  /// \return whether all went well; else `stream.message` says what did not
  template <typename Action>
  [[nodiscard]] bool calls(const Action& action) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;  // NOLINT(cert-err52-cpp): libpng's way
    action(png_, info_);
    return true;
  }

  Stream stream{};

 private:
  void release() {
    if (reads_)
      png_destroy_read_struct(&png_, &info_, nullptr);
    else
      png_destroy_write_struct(&png_, &info_);
  }
  bool reads_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

struct PngHeader {
  png_uint_32 columns = 0;
  png_uint_32 rows = 0;
  int depth = 0;
  int type = 0;
  std::size_t stored_channels = 0;
};

std::string form_of(const PngHeader& h) {
  std::string name = h.type == PNG_COLOR_TYPE_PALETTE       ? "palette"
                     : (h.type & PNG_COLOR_MASK_COLOR) != 0 ? "RGB"
                                                            : "grey";
  if ((h.type & PNG_COLOR_MASK_ALPHA) != 0) name += " with alpha";
  return name + ", " + std::to_string(h.depth) + (h.depth == 1 ? " bit" : " bits");
}

/// Before memory is taken for the pixels.
void check_room(const PngHeader& h, const std::string& path, std::size_t bytes) {
  const std::uint64_t pixels = std::uint64_t{h.rows} * h.columns;
  const std::string promise =
      "promises " + std::to_string(h.rows) + " x " + std::to_string(h.columns) + " pixels, more than ";
  if (pixels > std::numeric_limits<std::uint32_t>::max())
    throw Error(ErrorKind::input, promise + "32 bits count",
                {.file = path, .remedy = "Cut the image into parts"});
  const std::uint64_t bits = static_cast<std::uint64_t>(h.depth) * h.stored_channels;
  if (pixels * bits / 8 > kMostInflation * bytes)
    throw png_refusal(path, promise + "its " + std::to_string(bytes) + " bytes can hold");
}

PngHeader read_header(Codec& codec, const std::string& path) {
  PngHeader h;
  // Names of the kept chunks, each of four letters and an end.
  std::array<png_byte, kTypeLength * kKeptChunks.size()> kept{};
  for (std::size_t k = 0; k < kKeptChunks.size(); ++k)
    std::memcpy(&kept[kTypeLength * k], kKeptChunks[k], kTypeLength);
  const bool good = codec.calls([&](png_structp png, png_infop info) {
    png_set_read_fn(png, &codec.stream, &read_bytes);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_ALWAYS, kept.data(),
                                static_cast<int>(kKeptChunks.size()));
    png_read_info(png, info);
    h.columns = png_get_image_width(png, info);
    h.rows = png_get_image_height(png, info);
    h.depth = png_get_bit_depth(png, info);
    h.type = png_get_color_type(png, info);
    h.stored_channels = png_get_channels(png, info);
  });
  if (!good) throw png_refusal(path, std::string("is no sound PNG file: ") + codec.stream.message.data());
  return h;
}

void keep_chunks(Codec& codec, PngImage& image) {
  png_unknown_chunkp found = nullptr;
  int count = 0;
  if (!codec.calls(
          [&](png_structp png, png_infop info) { count = png_get_unknown_chunks(png, info, &found); }))
    return;
  for (int k = 0; k < count; ++k) {
    const auto& c = found[k];
    const auto* name = static_cast<const char*>(static_cast<const void*>(c.name));
    image.chunks.emplace_back(
        std::string(name, 4),
        std::string(static_cast<const char*>(static_cast<const void*>(c.data)), c.size));
  }
}

}  // namespace

std::vector<std::string> PngImage::colour_names() const {
  if (colours == 1) return std::vector<std::string>(1, "grey");
  return {"red", "green", "blue"};
}

PngImage read_png(const std::string& path) {
  const std::string bytes = read_plain_file(path, "PNG file");
  Codec codec(true);
  codec.stream.in = bytes;
  const PngHeader h = read_header(codec, path);
  check_room(h, path, bytes.size());
  PngImage image{.rows = h.rows, .columns = h.columns, .form = form_of(h)};
  std::size_t across = 0;  // bytes
  std::size_t channels = 0;
  bool good = codec.calls([&](png_structp png, png_infop info) {
    png_set_expand(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    across = png_get_rowbytes(png, info);
    channels = png_get_channels(png, info);
    image.depth = png_get_bit_depth(png, info);
  });
  const auto damaged = [&] {
    return png_refusal(path, std::string("is damaged: ") + codec.stream.message.data());
  };
  if (!good) throw damaged();
  image.alpha = channels == 2 || channels == 4;
  image.colours = channels - (image.alpha ? 1 : 0);
  const std::size_t width = image.depth == 16 ? 2 : 1;
  if (across != width * channels * image.columns)
    throw Error(ErrorKind::internal, "a row of libpng has another length", {.file = path});
  std::vector<png_byte> raw(across * image.rows);
  std::vector<png_bytep> rows;
  for (std::size_t i = 0; i < image.rows; ++i) rows.push_back(&raw[i * across]);
  good = codec.calls([&](png_structp png, png_infop info) {
    png_read_image(png, rows.data());
    png_read_end(png, info);
  });
  if (!good) throw damaged();
  image.samples.resize(raw.size() / width);
  for (std::size_t k = 0; k < image.samples.size(); ++k)  // big-endian
    image.samples[k] = width == 1 ? raw[k] : static_cast<std::uint16_t>(raw[2 * k] * 256U + raw[2 * k + 1]);
  keep_chunks(codec, image);
  return image;
}

std::vector<std::string> png_channels(const std::string& path) {
  if (native_form(path) != NativeForm::image) return {};
  const std::string bytes = read_plain_file(path, "PNG file");
  Codec codec(true);
  codec.stream.in = bytes;
  const PngHeader h = read_header(codec, path);
  return PngImage{.colours = (h.type & PNG_COLOR_MASK_COLOR) != 0 ? std::size_t{3} : std::size_t{1}}
      .colour_names();
}

void write_png(const std::string& path, const PngImage& image) {
  const std::size_t channels = image.channels();
  const auto most = static_cast<std::size_t>(PNG_UINT_31_MAX);
  if (image.samples.size() != image.pixels() * channels || image.samples.empty() || image.rows > most ||
      image.columns > most)
    throw Error(ErrorKind::internal, "the samples of an image do not fit its size", {.file = path});
  const std::size_t width = image.depth == 16 ? 2 : 1;
  std::vector<png_byte> raw(image.samples.size() * width);
  for (std::size_t k = 0; k < image.samples.size(); ++k) {
    if (width == 2) raw[2 * k] = static_cast<png_byte>(image.samples[k] / 256U);
    raw[width * k + width - 1] = static_cast<png_byte>(image.samples[k] % 256U);
  }
  std::vector<png_bytep> rows;
  for (std::size_t i = 0; i < image.rows; ++i) rows.push_back(&raw[i * width * channels * image.columns]);
  const int type = (image.colours == 3 ? PNG_COLOR_MASK_COLOR : 0) | (image.alpha ? PNG_COLOR_MASK_ALPHA : 0);
  Codec codec(false);
  const bool good = codec.calls([&](png_structp png, png_infop info) {
    png_set_write_fn(png, &codec.stream, &write_bytes, &flush_nothing);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(png, info, static_cast<png_uint_32>(image.columns), static_cast<png_uint_32>(image.rows),
                 image.depth, type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (const auto& chunk : image.chunks)
      png_write_chunk(png, static_cast<png_const_bytep>(static_cast<const void*>(chunk.first.c_str())),
                      static_cast<png_const_bytep>(static_cast<const void*>(chunk.second.data())),
                      chunk.second.size());
    png_write_image(png, rows.data());
    png_write_end(png, info);
  });
  if (!good)
    throw Error(ErrorKind::internal, std::string("libpng cannot write: ") + codec.stream.message.data(),
                {.file = path});
  write_atomically(path, codec.stream.out);
}

}  // namespace manifill::io
