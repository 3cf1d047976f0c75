#pragma once
/// \file
/// \brief Model files: HDF5 containers of named arrays and texts, checked on the way in. Loading executes
/// nothing.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace manifill::io {

/// \brief Contents of a model file: named arrays (row-major) and named texts. Names are paths like
/// "backbone/fields".
///
/// On disk: HDF5, one dataset per array (chunked, shuffled, deflated, or plain), texts as attributes of the
/// root, plus `format` ("manifill-model"), `format_version`, and `checksum` over every name, type, shape,
/// byte and text. After the end of HDF5's own content a closing line holds a checksum of all bytes before it,
/// verified before HDF5 sees the file.
class ModelFile {
 public:
  using Shape = std::vector<std::size_t>;

  void put_text(const std::string& name, const std::string& value);
  void put_floats(const std::string& name, const Shape& shape, const std::vector<float>& values);
  void put_doubles(const std::string& name, const Shape& shape, const std::vector<double>& values);
  void put_integers(const std::string& name, const Shape& shape, const std::vector<std::int64_t>& values);
  void put_shorts(const std::string& name, const Shape& shape, const std::vector<std::int16_t>& values);

  [[nodiscard]] bool has(const std::string& name) const;  ///< array or text
  [[nodiscard]] std::vector<std::string> names() const;   ///< arrays, sorted
  /// \throws Error(input) naming file and entry when absent or of another type, or (arrays) when `expected`
  /// is not
  ///         empty and differs in rank or in a non-zero extent
  [[nodiscard]] const std::string& text(const std::string& name) const;
  [[nodiscard]] const Shape& shape(const std::string& name) const;
  [[nodiscard]] const std::vector<float>& floats(const std::string& name, const Shape& expected = {}) const;
  [[nodiscard]] const std::vector<double>& doubles(const std::string& name, const Shape& expected = {}) const;
  [[nodiscard]] const std::vector<std::int64_t>& integers(const std::string& name,
                                                          const Shape& expected = {}) const;
  [[nodiscard]] const std::vector<std::int16_t>& shorts(const std::string& name,
                                                        const Shape& expected = {}) const;

  /// \brief 64-bit content checksum, also the model's hash in outputs.
  [[nodiscard]] std::uint64_t checksum() const;
  [[nodiscard]] const std::string& path() const { return path_; }

  enum class Compression { deflate, none };
  /// \brief Writes atomically (temporary name, sync, rename). \throws Error(io)
  void save(const std::string& path, Compression compression = Compression::deflate) const;
  /// \brief Reads and verifies. \throws Error(input) when it is not a model file, is truncated or altered, of
  /// another format version, or declares shapes or sizes beyond the limits (rank 6, 2^31 elements an array, 4
  /// GiB in all), external or virtual storage, links out of the file, or filters other than shuffle and
  /// deflate; Error(io) when it cannot be opened
  static ModelFile load(const std::string& path);

 private:
  template <typename T>
  struct Array {
    Shape shape;
    std::vector<T> values;
  };
  void erase_array(const std::string& name);
  [[nodiscard]] bool has_array(const std::string& name) const;
  std::string path_{};
  std::map<std::string, std::string> texts_{};
  std::map<std::string, Array<float>> floats_{};
  std::map<std::string, Array<double>> doubles_{};
  std::map<std::string, Array<std::int64_t>> integers_{};
  std::map<std::string, Array<std::int16_t>> shorts_{};
};

}  // namespace manifill::io
