#pragma once
/// \file
/// \brief Many flat images of one size in one place: IDX files, batches of CIFAR-10, folders of PNG.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace manifill::io {

/// \brief Images of one size, samples from 0 to `highest`.
struct ImageSet {
  std::size_t count = 0;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<std::string> channels{};   ///< their names: grey, or red, green and blue
  std::uint16_t highest = 255;           ///< sample that stands for 1
  std::vector<std::uint16_t> samples{};  ///< [channel][image][row][column]
  std::vector<bool> missing{};           ///< [image][row][column], of transparent pixels; empty: none
  std::vector<std::uint8_t> labels{};    ///< [image], what an image shows, by number; empty: not told
  std::string form{};                    ///< "IDX, compressed"

  [[nodiscard]] std::size_t pixels() const { return rows * columns; }
};

/// \brief Whether a file or folder holds a set of images: IDX of unsigned bytes with three dimensions, by its
/// first bytes, also compressed by gzip; a batch of CIFAR-10 by the ending .bin and whole records; a folder
/// by a file in it that ends in .png.
bool is_image_set(const std::string& path);

/// \brief Reads a set. The labels of an IDX file are those of its neighbour whose name says labels-idx1 in
/// place of images-idx3, where there is one. PNG files of a folder are taken in the order of their names and
/// must be of one size and have the same channels; 8 and 16 bits may be mixed. \throws Error(input) naming
/// the file and the image: absent, truncated, damaged, too long, sizes that differ; Error(io) where reading
/// fails
ImageSet read_image_set(const std::string& path);

}  // namespace manifill::io
