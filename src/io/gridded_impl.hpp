#pragma once
// What GriddedVariable knows, shared with the writer of imputed files.

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "manifill/io/gridded.hpp"
#include "manifill/io/projected_grid.hpp"
#include "native_file.hpp"
#include "netcdf.hpp"
#include "packing.hpp"

namespace manifill::io {

inline constexpr std::size_t kBlockBytes = std::size_t{64}
                                           << 20U;  ///< most that is read or buffered at a time

/// Consecutive fields of a variable: where they lie in the file, and how to walk them. Rows and columns are
/// the file's, cyclic duplicates included.
struct FieldSlab {
  std::vector<std::size_t> start{};
  std::vector<std::size_t> count{};
  std::size_t times = 1;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t time_stride = 0;
  std::size_t row_stride = 0;
  std::size_t column_stride = 0;
  [[nodiscard]] std::size_t size() const { return times * rows * columns; }
  [[nodiscard]] std::size_t at(std::size_t t, std::size_t i, std::size_t j) const {
    return t * time_stride + i * row_stride + j * column_stride;
  }
};

struct GriddedVariable::Impl {
  Impl(NetcdfHandle f, VariableId v, VariableSummary s, domain::Domain d)
      : file(std::move(f)), id(std::move(v)), summary(std::move(s)), domain(std::move(d)) {}
  NetcdfHandle file;
  VariableId id;
  VariableSummary summary;
  domain::Domain domain;
  NativeForm form = NativeForm::none;
  std::vector<std::string> notes{};
  TimeAxis time{};
  std::size_t cyclic = 0;
  std::optional<ProjectedGrid> projected{};
  std::string grid_note{};
  Packing packing{};
  std::vector<Dimension> dimensions{};
  std::size_t latitude = 0;  ///< of a list of cells, their dimension
  int longitude = -1;        ///< none of a list of cells
  int time_dimension = -1;
  std::vector<std::size_t> extra{};  ///< positions of the other dimensions
  std::size_t block = 1;             ///< times that are best read or written together

  /// Values of the block read last, [time][cell]; NaN where missing, infinities left in.
  struct Block {
    std::size_t extra = 0;
    std::size_t first = 0;
    std::size_t times = 0;  // 0: nothing read yet
    std::vector<double> values{};
  };
  mutable Block held{};

  /// "[time 3][lat 4][lon 5]", "[time 3][cell 17]"
  [[nodiscard]] std::string cell_index(std::size_t time, std::size_t row, std::size_t column) const;

  [[nodiscard]] std::size_t times() const {
    return time_dimension < 0 ? 1 : dimensions[static_cast<std::size_t>(time_dimension)].length;
  }
  [[nodiscard]] std::size_t extras() const;
  [[nodiscard]] std::vector<std::size_t> extra_index(std::size_t extra_number) const;
  [[nodiscard]] FieldSlab slab(std::size_t extra_number, std::size_t first_time, std::size_t count) const;
  void choose_block();
  void load(std::size_t extra_number, std::size_t first_time, std::size_t count) const;
};

}  // namespace manifill::io
