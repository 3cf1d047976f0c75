#pragma once
/// \file
/// \brief Flat images in PNG, sample by sample: no gamma, no colour profile is applied.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace manifill::io {

/// \brief What a PNG file holds. Palettes are colours, grey of 1, 2 and 4 bits is grey of 8, a transparent
/// colour is an alpha channel.
struct PngImage {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t colours = 1;  ///< 1 of grey, 3 of red, green and blue
  bool alpha = false;
  int depth = 8;                         ///< bits of a sample, 8 or 16
  std::vector<std::uint16_t> samples{};  ///< [row][column][channel]; alpha, where there is one, comes last
  std::string form{};                    ///< as the file has it: "grey with alpha, 16 bits"
  /// Chunks that go with the samples, type and content: colour space, density, texts.
  std::vector<std::pair<std::string, std::string>> chunks{};

  [[nodiscard]] std::size_t channels() const { return colours + (alpha ? 1 : 0); }
  [[nodiscard]] std::size_t pixels() const { return rows * columns; }
  [[nodiscard]] std::uint16_t highest() const {  ///< of a sample
    return depth == 16 ? std::uint16_t{65535} : std::uint16_t{255};
  }
  /// \brief Names of the colours: grey, or red, green and blue.
  [[nodiscard]] std::vector<std::string> colour_names() const;
  /// \brief Whether a pixel is wholly transparent: nothing is known of it.
  [[nodiscard]] bool missing(std::size_t pixel) const {
    return alpha && samples[pixel * channels() + colours] == 0;
  }
};

/// \brief Reads a PNG file of any form; of an animated one the first image.
/// \throws Error(input) for a file that is missing, no PNG, truncated, damaged, or that promises more pixels
/// than its bytes can hold (before memory is taken) or than 32 bits count; Error(io) where reading fails
PngImage read_png(const std::string& path);

/// \brief Writes grey or RGB with alpha or without, 8 or 16 bits, whole or not at all; what it writes is read
/// sample for sample. \throws Error(internal) where samples do not fit the size; Error(io)
void write_png(const std::string& path, const PngImage& image);

/// \brief Writes values of 0 to 1 as an image, rounded to the depth; what lies beyond is cut. Where a value
/// of any channel is NaN the pixel is transparent. \param channels [channel][pixel], one of grey or three of
/// red, green and blue \param depth 8 or 16 \param comment a text of the file; may be empty \throws Error as
/// write_png
void write_image(const std::string& path, std::size_t rows, std::size_t columns,
                 const std::vector<std::vector<double>>& channels, int depth, const std::string& comment);

/// \brief Names of the channels of a PNG file; none of any other file. \throws Error as read_png
std::vector<std::string> png_channels(const std::string& path);

/// \brief Writes a PNG file with its missing pixels filled, from files of its channels that were imputed
/// apart (NetCDF, variable and V_status by the channel's name). Observed samples stay bit for bit, filled
/// means are rounded to the sample's depth within its range, and a pixel that is filled in every channel
/// becomes opaque. A text says how. \param imputed a path for each of png_channels(input) \throws Error as
/// read_png; Error(io)
void write_filled_png(const std::string& input, const std::string& output,
                      const std::vector<std::string>& imputed);

}  // namespace manifill::io
