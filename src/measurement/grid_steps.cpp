#include "grid_steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "manifill/base/error.hpp"
#include "manifill/measurement/operator.hpp"

namespace manifill::measurement {
namespace {

constexpr double kAtPole = 1e-6;  // degrees

std::int64_t modulo(std::int64_t n, std::int64_t size) { return ((n % size) + size) % size; }

}  // namespace

OptionSpec edge_option(const std::string& key) {
  return {.key = key,
          .help =
              "what lies beyond the edges of an image or region: the grid mirrored, the edge's value, or the "
              "other end",
          .fallback = std::string("reflect"),
          .choices = {"reflect", "nearest", "wrap"}};
}

EdgeRule edge_rule(const std::string& name) {
  if (name == "reflect") return EdgeRule::reflect;
  if (name == "nearest") return EdgeRule::nearest;
  if (name == "wrap") return EdgeRule::wrap;
  throw Error(ErrorKind::usage, fmt::format("unknown rule for edges '{}'", name),
              {.remedy = "Use reflect, nearest or wrap"});
}

std::size_t fold(std::int64_t n, std::size_t size, EdgeRule rule) {
  const auto length = static_cast<std::int64_t>(size);
  if (n >= 0 && n < length) return static_cast<std::size_t>(n);
  if (rule == EdgeRule::nearest) return n < 0 ? 0 : size - 1;
  if (rule == EdgeRule::wrap) return static_cast<std::size_t>(modulo(n, length));
  const std::int64_t within = modulo(n, 2 * length);
  return static_cast<std::size_t>(within < length ? within : 2 * length - 1 - within);
}

GridSteps::GridSteps(const domain::Domain& domain, EdgeRule rule, const std::string& what)
    : rows_(domain.size() / domain.columns()), columns_(domain.columns()), rule_(rule) {
  switch (domain.kind()) {
    case domain::DomainKind::plane:
      return;
    case domain::DomainKind::curvilinear:
      periodic_ = domain.periodic();
      return;
    case domain::DomainKind::lat_lon: {
      const auto& s = domain.lat_lon();
      const bool north_first = s.nlat() > 1 && s.latitude.front() > s.latitude.back();
      periodic_ = s.periodic;
      pole_before_ = north_first ? s.north_pole : s.south_pole;
      pole_behind_ = north_first ? s.south_pole : s.north_pole;
      row_at_first_ = std::abs(s.latitude.front()) > 90.0 - kAtPole;
      row_at_last_ = std::abs(s.latitude.back()) > 90.0 - kAtPole;
      return;
    }
    case domain::DomainKind::cells:
    case domain::DomainKind::surface:
      throw Error(ErrorKind::usage,
                  fmt::format("'{}' needs rows and columns, and {} has none", what, domain.describe()),
                  {.remedy = "Use gaussian_blur, which works on any domain"});
  }
}

std::size_t GridSteps::point(std::int64_t row, std::int64_t column) const {
  const auto last = static_cast<std::int64_t>(rows_) - 1;
  const auto half = static_cast<std::int64_t>(columns_) / 2;
  if (row < 0 && pole_before_) {
    row = -row - (row_at_first_ ? 0 : 1);
    column += half;
  } else if (row > last && pole_behind_) {
    row = 2 * last - row + (row_at_last_ ? 0 : 1);
    column += half;
  }
  const std::size_t i = fold(row, rows_, rule_);
  const std::size_t j = fold(column, columns_, periodic_ ? EdgeRule::wrap : rule_);
  return i * columns_ + j;
}

SparseMatrix kernel_matrix(const GridSteps& grid, const std::vector<KernelEntry>& kernel,
                           const std::string& what) {
  const std::size_t points = grid.rows() * grid.columns();
  const double bytes = 12.0 * static_cast<double>(points) * static_cast<double>(kernel.size());
  if (bytes > Operator::kMostBytes)
    throw Error(ErrorKind::usage,
                fmt::format("'{}' of {} weights at {} points takes {:.1f} GiB", what, kernel.size(), points,
                            bytes / 1073741824.0),
                {.remedy = "Use a smaller kernel, or cut the image"});
  SparseMatrix a(static_cast<Eigen::Index>(points), static_cast<Eigen::Index>(points));
  std::vector<std::pair<int, double>> row;
  a.reserve(static_cast<Eigen::Index>(points * kernel.size()));
  for (std::size_t p = 0; p < points; ++p) {
    row.clear();
    for (const auto& k : kernel)
      row.emplace_back(
          static_cast<int>(grid.point(static_cast<std::int64_t>(p / grid.columns()) + k.rows,
                                      static_cast<std::int64_t>(p % grid.columns()) + k.columns)),
          k.weight);
    std::stable_sort(row.begin(), row.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
    a.startVec(static_cast<Eigen::Index>(p));
    for (std::size_t k = 0; k < row.size();) {
      const int column = row[k].first;
      double weight = 0.0;
      for (; k < row.size() && row[k].first == column; ++k) weight += row[k].second;
      if (weight != 0.0) a.insertBack(static_cast<Eigen::Index>(p), column) = weight;
    }
  }
  a.finalize();
  return a;
}

}  // namespace manifill::measurement
