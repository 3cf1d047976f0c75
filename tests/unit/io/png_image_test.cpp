#include "manifill/io/png_image.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/io/gridded.hpp"
#include "manifill/io/inspection.hpp"
#include "netcdf_fixture.hpp"

using namespace manifill;
using namespace manifill::io;
using Catch::Matchers::ContainsSubstring;
using manifill::test::error_of;
using manifill::test::Folder;

namespace {

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string big_endian(std::uint32_t n) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>(n >> static_cast<unsigned>(shift) & 255U);
  return out;
}

/// PNG 1.2, appendix 15.
std::uint32_t crc(const std::string& bytes) {
  std::uint32_t c = 0xFFFFFFFFU;
  for (const char b : bytes) {
    c ^= static_cast<unsigned char>(b);
    for (int k = 0; k < 8; ++k) c = (c & 1U) != 0 ? 0xEDB88320U ^ (c >> 1U) : c >> 1U;
  }
  return ~c;
}

std::string chunk(const std::string& type, const std::string& data) {
  return big_endian(static_cast<std::uint32_t>(data.size())) + type + data + big_endian(crc(type + data));
}

/// zlib's format with blocks that are not compressed (RFC 1950, RFC 1951): no library has a part in it.
std::string stored(const std::string& bytes) {
  std::string out("\x78\x01", 2);
  constexpr std::size_t most = 65535;
  for (std::size_t at = 0; at < bytes.size(); at += most) {
    const std::size_t n = std::min(most, bytes.size() - at);
    out += static_cast<char>(at + n == bytes.size() ? 1 : 0);
    for (const std::size_t x : {n, ~n}) {
      out += static_cast<char>(x & 255U);
      out += static_cast<char>(x >> 8U & 255U);
    }
    out += bytes.substr(at, n);
  }
  std::uint32_t a = 1, b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return out + big_endian(b << 16U | a);
}

constexpr char kGrey = 0, kColour = 2, kPalette = 3, kGreyAlpha = 4, kColourAlpha = 6;

/// A PNG file of rows that are already packed.
std::string png(std::uint32_t columns, char depth, char type, const std::vector<std::string>& rows,
                const std::string& more = {}) {
  std::string raw;
  for (const auto& r : rows) raw += std::string(1, '\0') + r;
  return "\x89PNG\r\n\x1a\n" +
         chunk("IHDR", big_endian(columns) + big_endian(static_cast<std::uint32_t>(rows.size())) +
                           std::string{depth, type, 0, 0, 0}) +
         more + chunk("IDAT", stored(raw)) + chunk("IEND", "");
}

std::string bytes(std::initializer_list<int> list) {
  std::string out;
  for (const int b : list) out += static_cast<char>(b);
  return out;
}

PngImage read_bytes(const std::string& data) {
  const Folder folder;
  write(folder / "i.png", data);
  return read_png(folder / "i.png");
}

std::string refused(const std::string& data) {
  const Folder folder;
  write(folder / "i.png", data);
  const Error e = error_of([&] { read_png(folder / "i.png"); });
  CHECK(e.kind() == ErrorKind::input);
  CHECK_THAT(e.context().file, ContainsSubstring("i.png"));
  CHECK_FALSE(e.context().remedy.empty());
  return e.what();
}

using Samples = std::vector<std::uint16_t>;

}  // namespace

TEST_CASE("every form of PNG is read sample for sample") {
  const PngImage grey = read_bytes(png(3, 8, kGrey, {bytes({0, 1, 255}), bytes({7, 128, 254})}));
  CHECK(grey.rows == 2);
  CHECK(grey.columns == 3);
  CHECK(grey.colours == 1);
  CHECK_FALSE(grey.alpha);
  CHECK(grey.samples == Samples{0, 1, 255, 7, 128, 254});
  CHECK(grey.form == "grey, 8 bits");

  const PngImage deep = read_bytes(png(2, 16, kGrey, {bytes({0, 1, 255, 255})}));
  CHECK(deep.depth == 16);
  CHECK(deep.samples == Samples{1, 65535});

  const PngImage alpha = read_bytes(png(2, 8, kGreyAlpha, {bytes({9, 0, 10, 1})}));
  CHECK(alpha.alpha);
  CHECK(alpha.colours == 1);
  CHECK(alpha.missing(0));
  CHECK_FALSE(alpha.missing(1));  // hardly to be seen is seen
  CHECK(alpha.samples == Samples{9, 0, 10, 1});

  const PngImage colour = read_bytes(png(2, 8, kColour, {bytes({1, 2, 3, 4, 5, 6})}));
  CHECK(colour.colours == 3);
  CHECK(colour.samples == Samples{1, 2, 3, 4, 5, 6});
  CHECK(colour.colour_names() == std::vector<std::string>{"red", "green", "blue"});

  const PngImage both = read_bytes(png(1, 16, kColourAlpha, {bytes({1, 0, 2, 0, 3, 0, 0, 1})}));
  CHECK(both.samples == Samples{256, 512, 768, 1});
  CHECK(both.form == "RGB with alpha, 16 bits");

  // Palettes of two bits, the second entry transparent.
  const PngImage palette = read_bytes(
      png(4, 2, kPalette, {bytes({0b00'01'10'00})},
          chunk("PLTE", bytes({10, 20, 30, 40, 50, 60, 70, 80, 90})) + chunk("tRNS", bytes({255, 0}))));
  CHECK(palette.samples == Samples{10, 20, 30, 255, 40, 50, 60, 0, 70, 80, 90, 255, 10, 20, 30, 255});
  CHECK(palette.form == "palette, 2 bits");
  CHECK(read_bytes(png(1, 8, kPalette, {bytes({1})}, chunk("PLTE", bytes({1, 2, 3, 4, 5, 6})))).samples ==
        Samples{4, 5, 6});

  // Grey of fewer bits over its highest: v / 15 is 17 v / 255.
  CHECK(read_bytes(png(2, 4, kGrey, {bytes({0x5F})})).samples == Samples{85, 255});
  CHECK(read_bytes(png(3, 1, kGrey, {bytes({0b10100000})})).samples == Samples{255, 0, 255});
  // A transparent grey.
  CHECK(read_bytes(png(2, 8, kGrey, {bytes({5, 6})}, chunk("tRNS", bytes({0, 6})))).samples ==
        Samples{5, 255, 6, 0});
  // Gamma and colour spaces say how samples look, not what they are.
  const PngImage gamma = read_bytes(png(1, 8, kGrey, {bytes({77})}, chunk("gAMA", big_endian(45455))));
  CHECK(gamma.samples == Samples{77});
  REQUIRE(gamma.chunks.size() == 1);
  CHECK(gamma.chunks[0].first == "gAMA");
  CHECK(gamma.chunks[0].second == big_endian(45455));
}

TEST_CASE("what is written to PNG is read again sample for sample") {
  const Folder folder;
  for (const std::size_t colours : {std::size_t{1}, std::size_t{3}})
    for (const bool alpha : {false, true})
      for (const int depth : {8, 16}) {
        PngImage image{.rows = 5, .columns = 4, .colours = colours, .alpha = alpha, .depth = depth};
        image.chunks = {{"gAMA", big_endian(45455)}, {"tEXt", std::string("Title\0a", 7)}};
        for (std::size_t k = 0; k < 20 * image.channels(); ++k)
          image.samples.push_back(static_cast<std::uint16_t>((k * 40503U) % (image.highest() + 1U)));
        write_png(folder / "i.png", image);
        const PngImage back = read_png(folder / "i.png");
        CHECK(back.samples == image.samples);
        CHECK(back.colours == colours);
        CHECK(back.alpha == alpha);
        CHECK(back.depth == depth);
        CHECK(back.chunks == image.chunks);
      }
  PngImage wrong{.rows = 2, .columns = 2};
  wrong.samples.resize(3);
  CHECK(error_of([&] { write_png(folder / "j.png", wrong); }).kind() == ErrorKind::internal);
}

TEST_CASE("values become an image, cut to its range, missing ones transparent") {
  const Folder folder;
  const double nan = std::nan("");
  write_image(folder / "grey.png", 2, 2, {{-0.5, 0.5, 1.5, 0.2}}, 8, "a comment");
  const PngImage grey = read_png(folder / "grey.png");
  CHECK(grey.samples == std::vector<std::uint16_t>{0, 128, 255, 51});
  CHECK_FALSE(grey.alpha);
  CHECK(grey.chunks.size() == 1);
  write_image(folder / "colour.png", 1, 2, {{0.1, 0.2}, {0.3, nan}, {1.0, 0.4}}, 16, "");
  const PngImage colour = read_png(folder / "colour.png");
  CHECK(colour.alpha);
  CHECK(colour.samples == std::vector<std::uint16_t>{6554, 19661, 65535, 65535, 0, 0, 0, 0});
  CHECK(colour.missing(1));
}

TEST_CASE("files that are no PNG, end early or are damaged are refused wherever it is") {
  CHECK_THAT(refused("no picture at all"), ContainsSubstring("no sound PNG"));
  const std::string good = png(3, 8, kColourAlpha, {std::string(12, 'a'), std::string(12, 'b')},
                               chunk("gAMA", big_endian(45455)) + chunk("tEXt", std::string("Title\0a", 7)));
  CHECK(read_bytes(good).samples[0] == 'a');
  for (std::size_t n = 1; n < good.size(); ++n) refused(good.substr(0, n));
  // Every byte altered: refused or, in what is not needed, passed over; never a crash, never another size.
  std::size_t passed = 0;
  for (std::size_t n = 0; n < good.size(); ++n)
    for (const int flip : {1, 128}) {
      std::string bad = good;
      bad[n] = static_cast<char>(bad[n] ^ flip);
      const Folder folder;
      write(folder / "i.png", bad);
      try {
        const PngImage image = read_png(folder / "i.png");
        CHECK(image.pixels() == 6);
        CHECK(image.samples.size() == 24);
        ++passed;
      } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::input);
      }
    }
  // The chunks that may be damaged are 16 and 19 bytes of the file.
  CHECK(passed <= 2 * 35);
}

TEST_CASE("sizes that a file has no room for are refused before memory is taken") {
  const auto giant = [](std::uint32_t columns, std::uint32_t rows) {
    return "\x89PNG\r\n\x1a\n" +
           chunk("IHDR", big_endian(columns) + big_endian(rows) + std::string{16, kColourAlpha, 0, 0, 0}) +
           chunk("IDAT", stored(std::string(100, '\0'))) + chunk("IEND", "");
  };
  CHECK_THAT(refused(giant(0x7FFFFFFF, 0x7FFFFFFF)), ContainsSubstring("more than 32 bits count"));
  CHECK_THAT(refused(giant(60000, 60000)),
             ContainsSubstring("60000 x 60000 pixels, more than its 168 bytes can hold"));
  CHECK_THAT(refused(giant(0x7FFFFFFF, 1)), ContainsSubstring("can hold"));
  refused(giant(0xFFFFFFFF, 1));
  refused(giant(0, 5));
  // What might fit is read, and ends early.
  CHECK_THAT(refused(giant(100, 100)), ContainsSubstring("is damaged"));
}

TEST_CASE("a PNG image is a file of variables over rows and columns") {
  const Folder folder;
  const std::string path = folder / "i.png";
  write(path,
        png(3, 16, kColourAlpha,
            {bytes({255, 255, 0, 0, 0, 1, 255, 255, 1, 2, 3, 4, 5, 6, 0, 0, 0, 51, 0, 51, 0, 51, 0, 1})}));
  const auto all = list_variables(path);
  REQUIRE(all.size() == 3);
  const auto v = GriddedVariable::open(path, "blue");
  CHECK(v.domain().hash() == domain::Domain::plane(1, 3).hash());
  const auto field = v.read(0, 0, 1);
  CHECK(field(0, 0) == 1.0 / 65535.0);
  CHECK(std::isnan(field(0, 1)));
  CHECK(field(0, 2) == 51.0 / 65535.0);
  CHECK(GriddedVariable::open(path, "red").read(0, 0, 1)(0, 0) == 1.0);
  CHECK(png_channels(path) == std::vector<std::string>{"red", "green", "blue"});
  write(folder / "grey.png", png(2, 8, kGrey, {bytes({0, 255})}));
  CHECK(GriddedVariable::open(folder / "grey.png", "").read(0, 0, 1)(0, 1) == 1.0);
  const std::string text = inspect(folder / "grey.png", "", {}, 8).to_text();
  CHECK_THAT(text, ContainsSubstring("PNG image") && ContainsSubstring("grey, 8 bits") &&
                       ContainsSubstring("flat image 1 x 2"));
}
