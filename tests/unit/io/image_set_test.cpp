#include "manifill/io/image_set.hpp"

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/io/gridded.hpp"
#include "manifill/io/png_image.hpp"
#include "unit/domain/refusal.hpp"
#include "unit/io/netcdf_fixture.hpp"

using namespace manifill;
using namespace manifill::io;
namespace fs = std::filesystem;

namespace {

std::string folder_for(const std::string& name) {
  const auto folder = fs::temp_directory_path() / ("manifill_image_set_" + name);
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder.string();
}

std::string word(std::size_t n) {
  return {static_cast<char>(n >> 24U), static_cast<char>(n >> 16U), static_cast<char>(n >> 8U),
          static_cast<char>(n)};
}

/// Three images of 2 x 4, sample = 10 * image + place.
std::string idx_images() {
  std::string bytes = std::string("\0\0\x08\x03", 4) + word(3) + word(2) + word(4);
  for (int i = 0; i < 3; ++i)
    for (int p = 0; p < 8; ++p) bytes += static_cast<char>(10 * i + p);
  return bytes;
}

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void write_zipped(const std::string& path, const std::string& bytes) {
  const gzFile file = gzopen(path.c_str(), "wb");
  REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == static_cast<int>(bytes.size()));
  gzclose(file);
}

std::string cifar(std::size_t images, int label) {
  std::string bytes;
  for (std::size_t i = 0; i < images; ++i) {
    bytes += static_cast<char>(label);
    for (std::size_t k = 0; k < 3 * 1024; ++k) bytes += static_cast<char>((k / 1024) * 80 + i);
  }
  return bytes;
}

}  // namespace

TEST_CASE("IDX images come as they lie in the file, compressed or not, with their labels", "[io]") {
  const std::string folder = folder_for("idx");
  const std::string plain = folder + "/some-images-idx3-ubyte";
  write(plain, idx_images());
  write(folder + "/some-labels-idx1-ubyte",
        std::string("\0\0\x08\x01", 4) + word(3) + std::string("\7\0\2", 3));
  write_zipped(folder + "/bare.gz", idx_images());
  for (const auto& path : {plain, folder + "/bare.gz"}) {
    CAPTURE(path);
    REQUIRE(is_image_set(path));
    const ImageSet set = read_image_set(path);
    CHECK(set.count == 3);
    CHECK(set.rows == 2);
    CHECK(set.columns == 4);
    REQUIRE(set.samples.size() == 24);
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t p = 0; p < 8; ++p) CHECK(set.samples[8 * i + p] == 10 * i + p);
  }
  CHECK(read_image_set(plain).labels == std::vector<std::uint8_t>{7, 0, 2});
  CHECK(read_image_set(folder + "/bare.gz").labels.empty());

  const auto v = GriddedVariable::open(plain, "");
  CHECK(v.domain().describe().find("2 x 4") != std::string::npos);
  CHECK(v.extras() == 3);
  CHECK(v.read(2, 0, 1)(0, 5) == Approx(25.0 / 255.0));
}

TEST_CASE("damaged IDX files are refused with what is wrong", "[io]") {
  const std::string folder = folder_for("bad");
  const std::string path = folder + "/x-images-idx3-ubyte";
  const std::string whole = idx_images();
  write(path, whole.substr(0, whole.size() - 3));
  CHECK(test::refusal([&] { read_image_set(path); }).find("ends after 21 of the 24") != std::string::npos);
  write(path, whole.substr(0, 10));
  CHECK(test::refusal([&] { read_image_set(path); }).find("within its header") != std::string::npos);
  write(path, whole + "x");
  CHECK(test::refusal([&] { read_image_set(path); }).find("more in the file") != std::string::npos);
  write(path,
        std::string("\0\0\x08\x03", 4) + word(0xFFFFFFFF) + word(0xFFFF) + word(1));  // petabytes promised
  CHECK(test::refusal([&] { read_image_set(path); }).find("ends after 0") != std::string::npos);
  write(path, whole);
  write(folder + "/x-labels-idx1-ubyte", std::string("\0\0\x08\x01", 4) + word(2) + "ab");
  CHECK(test::refusal([&] { read_image_set(path); }).find("2 labels stand beside 3 images") !=
        std::string::npos);
  write_zipped(folder + "/cut.gz", whole);
  fs::resize_file(folder + "/cut.gz", fs::file_size(folder + "/cut.gz") - 9);
  CHECK(test::refusal([&] { read_image_set(folder + "/cut.gz"); }) != "");
  CHECK_FALSE(is_image_set(folder + "/none"));
}

TEST_CASE("a batch of CIFAR-10 has three channels, and labels below ten", "[io]") {
  const std::string folder = folder_for("cifar");
  const std::string path = folder + "/batch.bin";
  write(path, cifar(2, 4));
  REQUIRE(is_image_set(path));
  const ImageSet set = read_image_set(path);
  CHECK(set.count == 2);
  CHECK(set.channels == std::vector<std::string>{"red", "green", "blue"});
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t i = 0; i < 2; ++i) CHECK(set.samples[(c * 2 + i) * 1024 + 17] == 80 * c + i);
  CHECK(GriddedVariable::open(path, "green").read(1, 0, 1)(0, 3) == Approx(81.0 / 255.0));
  write(path, cifar(2, 11));
  CHECK(test::refusal([&] { read_image_set(path); }).find("label 11") != std::string::npos);
  write(path, cifar(1, 1) + "x");
  CHECK_FALSE(is_image_set(path));
}

TEST_CASE("a folder of PNG is a set in the order of names; odd ones are named", "[io]") {
  const std::string folder = folder_for("png");
  const auto image = [](std::size_t columns, int depth, std::uint16_t sample, bool alpha) {
    PngImage png{.rows = 2, .columns = columns, .alpha = alpha, .depth = depth};
    png.samples.assign(png.pixels() * png.channels(), sample);
    if (alpha) {
      for (std::size_t p = 0; p < png.pixels(); ++p) png.samples[2 * p + 1] = png.highest();
      png.samples[1] = 0;
    }
    return png;
  };
  CHECK_FALSE(is_image_set(folder));
  write_png(folder + "/b.png", image(3, 8, 100, false));
  write_png(folder + "/a.png", image(3, 16, 1000, true));
  REQUIRE(is_image_set(folder));
  const ImageSet set = read_image_set(folder);
  CHECK(set.count == 2);
  CHECK(set.highest == 65535);
  CHECK(set.samples[1] == 1000);
  CHECK(set.samples[6 + 1] == 257 * 100);  // 8 bits on the scale of 16
  CHECK(set.missing[0]);
  CHECK_FALSE(set.missing[1]);
  CHECK_FALSE(set.missing[6]);
  const auto v = GriddedVariable::open(folder, "");
  CHECK(std::isnan(v.read(0, 0, 1)(0, 0)));
  CHECK(v.read(1, 0, 1)(0, 2) == Approx(100.0 / 255.0));
  write_png(folder + "/c.png", image(4, 8, 1, false));
  CHECK(test::refusal([&] { read_image_set(folder); }).find("2 x 4 pixels") != std::string::npos);
}
