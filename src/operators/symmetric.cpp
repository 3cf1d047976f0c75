#include "manifill/operators/symmetric.hpp"

#include <algorithm>

#include "manifill/base/parallel.hpp"

namespace manifill::operators {
namespace {

constexpr Eigen::Index kTile = 64;

/// The tiles of one column of tiles, from the diagonal down.
template <typename Body>
void over_tiles(Eigen::Index n, const Body& body) {
  const Eigen::Index tiles = (n + kTile - 1) / kTile;
  parallel_for(tiles, [&](std::int64_t b) {
    for (Eigen::Index a = b; a < tiles; ++a)
      body(a * kTile, std::min(kTile, n - a * kTile), b * kTile, std::min(kTile, n - b * kTile));
  });
}

}  // namespace

void mirror_lower(Eigen::Ref<Eigen::MatrixXf> matrix) {
  over_tiles(matrix.rows(), [&](Eigen::Index i, Eigen::Index m, Eigen::Index j, Eigen::Index n) {
    if (i == j)
      matrix.block(i, i, m, m).triangularView<Eigen::StrictlyUpper>() =
          matrix.block(i, i, m, m).transpose().eval();
    else
      matrix.block(j, i, n, m) = matrix.block(i, j, m, n).transpose();
  });
}

void mirror_upper(Eigen::Ref<Eigen::MatrixXf> matrix) {
  over_tiles(matrix.rows(), [&](Eigen::Index i, Eigen::Index m, Eigen::Index j, Eigen::Index n) {
    if (i == j)
      matrix.block(i, i, m, m).triangularView<Eigen::StrictlyLower>() =
          matrix.block(i, i, m, m).transpose().eval();
    else
      matrix.block(i, j, m, n) = matrix.block(j, i, n, m).transpose();
  });
}

}  // namespace manifill::operators
