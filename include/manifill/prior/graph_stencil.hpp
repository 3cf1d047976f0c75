#pragma once
/// \file
/// \brief Differences between near points of any domain: what takes the place of a convolution's window where
/// points come in no rows.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "manifill/domain/domain.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {

/// \brief Points of a domain, or some of them, with the neighbours among them.
struct PointGraph {
  std::vector<std::array<double, 3>> points{};  ///< [point]
  std::vector<std::size_t> start{};             ///< [point + 1]: where its neighbours begin
  std::vector<std::uint32_t> neighbours{};
  std::uint64_t hash = 0;

  /// \param inside indices of the points kept, ascending; empty: all
  explicit PointGraph(const domain::Domain& domain, const std::vector<std::int64_t>& inside = {});
  /// \brief Points that are no domain's: averages of some, say.
  PointGraph(std::vector<std::array<double, 3>> at, std::vector<std::size_t> neighbours_start,
             std::vector<std::uint32_t> near, std::uint64_t content);
  [[nodiscard]] std::size_t size() const { return points.size(); }
};

/// \brief Linear operators on the points of a graph, one set for each distance in steps along neighbours.
///
/// With N the points `steps` away from i (of one step: its neighbours), u_ij the unit vector from i to j:
///   tap 0: x_i;  tap 1: mean over N of x_j - x_i (minus a graph Laplacian);
///   taps 2 to 4: mean over N of (x_j - x_i) u_ij, the components of a gradient.
/// Numbering of points changes nothing but the order of the result; a rotation of the domain turns taps 2
/// to 4.
class GraphStencil {
 public:
  static constexpr std::int64_t kTaps = 5;

  /// \param steps at least 1. Points without others that far away keep tap 0 alone.
  GraphStencil(const PointGraph& graph, std::int64_t steps);

  [[nodiscard]] std::int64_t points() const { return points_; }
  /// \brief All taps of all channels, differentiable. \param x [batch][channel][point][1], float32 or float64
  /// \return [batch][tap * channel][point][1], channels last in memory, taps slowest
  [[nodiscard]] torch::Tensor apply(const torch::Tensor& x) const;
  /// \brief As apply, outside of the graph of derivatives.
  [[nodiscard]] torch::Tensor apply_values(const torch::Tensor& x) const;
  /// \brief The transpose. \param y as apply gives it
  [[nodiscard]] torch::Tensor apply_adj(const torch::Tensor& y) const;

 private:
  /// Entries of row i: start[i] to start[i + 1].
  struct Rows {
    std::vector<std::size_t> start{};
    std::vector<std::uint32_t> point{};
    std::vector<std::array<float, kTaps - 1>> weight{};  // of taps 1 to 4
  };
  std::int64_t points_;
  Rows forward_{};                                   // without the entries of i itself
  Rows backward_{};                                  // transposed
  std::vector<std::array<float, kTaps - 1>> own_{};  // of i itself
};

}  // namespace manifill::prior
