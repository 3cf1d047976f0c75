#pragma once
// Steps from point to point of grids of rows and columns, and what lies beyond their edges. Private to
// measurement.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "manifill/base/config.hpp"
#include "manifill/domain/domain.hpp"
#include "manifill/measurement/measurement.hpp"

namespace manifill::measurement {

/// What is taken where a grid ends.
enum class EdgeRule {
  reflect,  // the grid mirrored at the edge: c b a | a b c
  nearest,  // the edge's own value: a a a | a b c
  wrap,     // the other end: x y z | a b c
};

/// The option of that key, and the rule of a name.
OptionSpec edge_option(const std::string& key);
EdgeRule edge_rule(const std::string& name);

/// Index of n in a row of `size` by a rule.
std::size_t fold(std::int64_t n, std::size_t size, EdgeRule rule);

/// Points of a grid of rows and columns by their row and column, which may lie beyond it: longitudes go round
/// and steps over a pole arrive half a turn away where the grid does so, whatever the rule.
class GridSteps {
 public:
  /// \param what the operator, for messages \throws Error(usage) where the domain has no rows and columns
  GridSteps(const domain::Domain& domain, EdgeRule rule, const std::string& what);
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] std::size_t point(std::int64_t row, std::int64_t column) const;

 private:
  std::size_t rows_;
  std::size_t columns_;
  EdgeRule rule_;
  bool periodic_ = false;
  bool pole_before_ = false;  // the first row
  bool pole_behind_ = false;
  bool row_at_first_ = false;  // the first row is the pole itself
  bool row_at_last_ = false;
};

/// One weight of a small kernel: of the point so many rows and columns further on.
struct KernelEntry {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  double weight = 0.0;
};

/// The matrix that has at every point the same weighted sum of points around it. \throws Error(usage) where
/// it would be larger than Operator::kMostBytes
SparseMatrix kernel_matrix(const GridSteps& grid, const std::vector<KernelEntry>& kernel,
                           const std::string& what);

}  // namespace manifill::measurement
