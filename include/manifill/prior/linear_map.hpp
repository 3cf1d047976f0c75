#pragma once
/// \file
/// \brief Linear operators of the lower floors on tensors, differentiable as often as wanted.

#include <functional>
#include <memory>

#include <Eigen/SparseCore>

#include "manifill/operators/laplacian_filter.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {

/// \brief A linear map of tensors and its transpose. The gradient of one is the other, which is again
/// differentiable. Cheap to copy; what the actions hold lives as long as a graph of derivatives needs it.
class LinearMap {
 public:
  /// \brief Values only; called where no derivatives are recorded. \return of the type of its argument
  using Action = std::function<torch::Tensor(const torch::Tensor&)>;

  /// \param forward linear; \param transposed its transpose in plain sums of products
  LinearMap(Action forward, Action transposed);

  [[nodiscard]] torch::Tensor operator()(const torch::Tensor& x) const;
  [[nodiscard]] torch::Tensor transposed(const torch::Tensor& y) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

/// \brief A map of fields given by what it does to doubles. \param in, out points of a field before and after
/// \param forward, transposed of `fields` fields: [field][in] to [field][out] and back
/// \return of tensors [...][in], float32 or float64, to [...][out]; a size that does not fit is an
/// Error(internal)
LinearMap map_of_fields(std::int64_t in, std::int64_t out,
                        std::function<void(std::int64_t fields, const double* from, double* to)> forward,
                        std::function<void(std::int64_t fields, const double* from, double* to)> transposed);

/// \brief A filter of a Laplacian, self-adjoint in the mass, not in plain sums. \return [...][node] to the
/// same
LinearMap filter_map(const operators::ChebyshevFilter& filter, std::int64_t nodes);

/// \brief A sparse matrix, M^-1 S of a Laplacian say, on the channels of a network's points.
/// \param matrix [row][point] \return of tensors [batch][channel][point][1], float32 or float64, to
/// [batch][channel][row][1], channels last in memory
LinearMap sparse_map(const Eigen::SparseMatrix<double>& matrix);

}  // namespace manifill::prior
