#pragma once
/// \file
/// \brief Spherical harmonic transforms of tensors, and a convolution on the sphere made of them.

#include <cstdint>
#include <memory>

#include "manifill/operators/harmonic_fields.hpp"
#include "manifill/operators/spherical_harmonics.hpp"
#include "manifill/prior/grid_layers.hpp"
#include "manifill/prior/linear_map.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {

/// \brief Synthesis and analysis of operators::SphericalHarmonics, of tensors float32 or float64 (worked on
/// in doubles), differentiable as often as wanted: the gradient of each is its adjoint.
struct SpectralTransform {
  LinearMap synthesis;  ///< [...][coefficient] to [...][point]
  LinearMap analysis;   ///< [...][point] to [...][coefficient]

  /// \param iterations of the analysis, for grids without an exact quadrature
  explicit SpectralTransform(const operators::SphericalHarmonics& harmonics, int iterations = 0);
};

/// \brief The same of operators::VectorHarmonics: tangent vectors, spin 1. Analysis is the one without
/// iterations: exact on Gauss and equiangular grids.
struct VectorTransform {
  LinearMap
      synthesis;  ///< [...][part: divergent, rotational; coefficient] to [...][component: east, north; point]
  LinearMap analysis;  ///< [...][component, point] to [...][part, coefficient]

  explicit VectorTransform(const operators::VectorHarmonics& harmonics);
};

/// \brief Iterations of the analysis that a grid wants: none where its quadrature is exact, else the usual 3.
int usual_iterations(const operators::RingGrid& grid);

/// \brief Convolution of fields on the sphere with isotropic kernels, one for each pair of channels, plus a
/// pointwise mix of channels: what commutes with rotations (spherical Fourier neural operators, Bonev et al.
/// 2023, arXiv 2306.03838, with kernels that depend on the degree only; Esteves et al. 2018, arXiv
/// 1711.06721).
///
/// The coefficients of each degree are mixed by a matrix; matrices are given at `knots` degrees and
/// interpolated linearly in log(1 + degree) between them. Neither they nor their number depend on the grid:
/// on any grid that resolves the degree, a field of few degrees gives the same field.
class SphericalConvImpl : public FieldLayer {
 public:
  /// \param domain one of rings, as operators::RingGrid::of \param degree highest of the kernels; a grid
  /// that does not resolve it leaves the rest out \param knots at least 2
  /// \throws Error(input) as operators::RingGrid::of
  SphericalConvImpl(std::int64_t in, std::int64_t out, std::int64_t degree, std::int64_t knots,
                    const domain::Domain& domain);
  /// \param x [batch][in][row][column] \return [batch][out][row][column]
  torch::Tensor forward(const torch::Tensor& x) override;

 private:
  std::int64_t out_;
  std::shared_ptr<const SpectralTransform> transform_;
  torch::Tensor shares_{};  ///< [knot][coefficient], sum 1 over knots
  torch::Tensor mix_{};     ///< [out][knot * in], knots slowest
  torch::nn::Conv2d pointwise_{nullptr};
};
TORCH_MODULE(SphericalConv);

/// \brief Highest degree that a layer on a domain resolves. \throws Error(input) as operators::RingGrid::of
std::int64_t resolved_degree(const domain::Domain& domain);

}  // namespace manifill::prior
