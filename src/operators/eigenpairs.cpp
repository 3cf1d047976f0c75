#include "manifill/operators/eigenpairs.hpp"

#include <lapacke.h>

#include <Eigen/Cholesky>
#include <algorithm>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"

namespace manifill::operators {
namespace {

/// Orthonormal basis of the columns by Cholesky QR, twice for accuracy; falls back on Householder.
Eigen::MatrixXf orthonormal(const Eigen::MatrixXf& y) {
  Eigen::MatrixXd q = y.cast<double>();
  for (int pass = 0; pass < 2; ++pass) {
    const Eigen::VectorXd norm = q.colwise().norm().cwiseMax(1e-300);
    q.array().rowwise() /= norm.transpose().array();
    Eigen::MatrixXd gram(q.cols(), q.cols());
    gram.setZero();
    gram.selfadjointView<Eigen::Lower>().rankUpdate(q.transpose());
    gram.diagonal().array() += 1e-13;
    const Eigen::LLT<Eigen::MatrixXd> factor(gram);
    if (factor.info() != Eigen::Success)
      throw Error(ErrorKind::numerical, "the subspace of an eigenproblem collapsed");
    factor.matrixU().solveInPlace<Eigen::OnTheRight>(q);
  }
  return q.cast<float>();
}

}  // namespace

Eigenpairs symmetric_eigenpairs(const Eigen::MatrixXd& matrix) {
  const auto n = static_cast<lapack_int>(matrix.rows());
  Eigenpairs out;
  out.vectors = matrix;
  out.values.resize(n);
  const lapack_int info =
      LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', n, out.vectors.data(), n, out.values.data());
  if (info != 0)
    throw Error(ErrorKind::numerical, "the symmetric eigenproblem of size " + std::to_string(n) +
                                          " did not converge (LAPACK info " + std::to_string(info) + ")");
  out.values.reverseInPlace();
  out.vectors = out.vectors.rowwise().reverse().eval();
  return out;
}

Eigenpairs symmetric_eigenpairs(const Eigen::MatrixXd& matrix, Eigen::Index count) {
  const auto n = static_cast<lapack_int>(matrix.rows());
  const auto wanted = static_cast<lapack_int>(count);
  Eigen::MatrixXd work = matrix;
  Eigenpairs out;
  out.vectors.resize(n, wanted);
  out.values.resize(n);
  std::vector<lapack_int> support(2 * static_cast<std::size_t>(n));
  lapack_int found = 0;
  const lapack_int info =
      LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'V', 'I', 'L', n, work.data(), n, 0.0, 0.0, n - wanted + 1, n, 0.0,
                     &found, out.values.data(), out.vectors.data(), n, support.data());
  if (info != 0 || found != wanted)
    throw Error(ErrorKind::numerical, "the symmetric eigenproblem of size " + std::to_string(n) +
                                          " did not converge (LAPACK info " + std::to_string(info) + ")");
  out.values = out.values.head(wanted).reverse().eval();
  out.vectors = out.vectors.rowwise().reverse().eval();
  return out;
}

Eigenpairs leading_eigenpairs(const std::function<Eigen::MatrixXf(const Eigen::MatrixXf&)>& apply,
                              Eigen::Index rows, Eigen::Index count, int iterations) {
  const Eigen::Index width = std::min(rows, count + std::max<Eigen::Index>(20, count / 10));
  Eigen::MatrixXf basis(rows, width);
  RandomStream random({.seed = 1, .purpose = RandomPurpose::training, .time = rows, .member = 0});
  random.fill_normal(std::span<float>(basis.data(), static_cast<std::size_t>(basis.size())));
  for (int i = 0; i <= iterations; ++i) basis = orthonormal(apply(basis));
  const Eigen::MatrixXd projected = (basis.transpose() * apply(basis)).cast<double>();
  const Eigenpairs small = symmetric_eigenpairs(0.5 * (projected + projected.transpose()));
  Eigenpairs out;
  out.values = small.values.head(count);
  out.vectors = basis.cast<double>() * small.vectors.leftCols(count);
  return out;
}

Eigen::MatrixXd symmetric_square_root(const Eigen::MatrixXd& matrix) {
  const Eigenpairs e = symmetric_eigenpairs(matrix);
  return e.vectors * e.values.cwiseMax(0.0).cwiseSqrt().asDiagonal() * e.vectors.transpose();
}

}  // namespace manifill::operators
