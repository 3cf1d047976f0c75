#include "manifill/operators/laplacian_filter.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/parallel.hpp"
#include "manifill/operators/sparse_factor.hpp"

namespace manifill::operators {
namespace {

constexpr int kMostDegree = 4096;
constexpr int kFirstDegree = 32;

/// Coefficients of the Chebyshev series of g on [0, bound], the first halved: [degree + 1].
std::vector<double> series(const Response& g, double bound, int degree) {
  // Twice as many points as terms: what folds back onto a term is beyond three times the degree.
  const int points = 2 * (degree + 1);
  std::vector<double> c(static_cast<std::size_t>(degree) + 1, 0.0);
  for (int j = 0; j < points; ++j) {
    const double z = std::cos(std::numbers::pi * (j + 0.5) / points);
    const double value = g(0.5 * bound * (1.0 + z)) * 2.0 / points;
    if (!std::isfinite(value))
      throw Error(ErrorKind::numerical, "the response of a filter is not finite",
                  {.remedy = "Give one that is finite from zero to the largest eigenvalue"});
    double before = z;  // T_-1 = T_1
    double now = 1.0;
    for (double& term : c) {
      term += value * now;
      before = std::exchange(now, 2.0 * z * now - before);
    }
  }
  c[0] *= 0.5;
  return c;
}

}  // namespace

Response heat_response(double time) {
  return [time](double lambda) { return std::exp(-time * lambda); };
}

Response low_pass_response(double cutoff) {
  return [cutoff](double lambda) { return 1.0 / (1.0 + std::pow(lambda / cutoff, 4)); };
}

Response mexican_hat_response(double scale) {
  return [scale](double lambda) { return scale * lambda * std::exp(1.0 - scale * lambda); };
}

ChebyshevFilter::ChebyshevFilter(const Laplacian& laplacian, double bound, std::vector<double> coefficients)
    : scaled_(laplacian.mass.cwiseInverse().asDiagonal() * laplacian.stiffness),
      mass_(laplacian.mass),
      bound_(bound),
      coefficients_(std::move(coefficients)) {
  if (bound_ > 0.0) scaled_ *= 2.0 / bound_;
  RowMajor identity(scaled_.rows(), scaled_.cols());
  identity.setIdentity();
  scaled_ -= identity;
}

ChebyshevFilter::ChebyshevFilter(const Laplacian& laplacian, const Response& response, int degree)
    : ChebyshevFilter(laplacian, largest_eigenvalue_bound(laplacian), [&] {
        if (degree < 0 || degree > kMostDegree)
          throw Error(ErrorKind::usage, "a filter of degree " + std::to_string(degree),
                      {.remedy = "Give 0 to " + std::to_string(kMostDegree)});
        return series(response, largest_eigenvalue_bound(laplacian), degree);
      }()) {}

ChebyshevFilter ChebyshevFilter::within(const Laplacian& laplacian, const Response& response,
                                        double tolerance) {
  const double bound = largest_eigenvalue_bound(laplacian);
  for (int degree = kFirstDegree; degree <= kMostDegree; degree *= 2) {
    auto c = series(response, bound, degree);
    // Were the series not at its end yet, the upper half would not be negligible either.
    double left_out = 0.0;
    std::size_t terms = c.size();
    while (terms > 1 && left_out + std::abs(c[terms - 1]) < tolerance) left_out += std::abs(c[--terms]);
    if (2 * terms > c.size()) continue;
    c.resize(terms);
    return {laplacian, bound, std::move(c)};
  }
  throw Error(ErrorKind::numerical,
              "a filter's response is too steep for a polynomial of degree " + std::to_string(kMostDegree),
              {.remedy = "Use eigenpairs for long times and narrow bands, or a larger tolerance"});
}

Eigen::MatrixXd ChebyshevFilter::apply(const Eigen::MatrixXd& x) const {
  if (x.rows() != mass_.size())
    throw Error(ErrorKind::internal, "a field of " + std::to_string(x.rows()) + " values under a filter of " +
                                         std::to_string(mass_.size()) + " nodes");
  Eigen::MatrixXd out(x.rows(), x.cols());
  parallel_for(x.cols(), [&](std::int64_t column) {
    Eigen::VectorXd before = x.col(column);
    Eigen::VectorXd now = scaled_ * before;
    Eigen::VectorXd sum = coefficients_[0] * before;
    for (std::size_t k = 1; k < coefficients_.size(); ++k) {
      sum += coefficients_[k] * now;
      if (k + 1 == coefficients_.size()) break;
      before = 2.0 * (scaled_ * now) - before;
      before.swap(now);
    }
    out.col(column) = sum;
  });
  return out;
}

Eigen::MatrixXd ChebyshevFilter::transposed(const Eigen::MatrixXd& y) const {
  return mass_.asDiagonal() * apply(mass_.cwiseInverse().asDiagonal() * y);
}

double ChebyshevFilter::at(double eigenvalue) const {
  const double z = bound_ > 0.0 ? 2.0 * eigenvalue / bound_ - 1.0 : -1.0;
  double before = z;
  double now = 1.0;
  double sum = 0.0;
  for (const double c : coefficients_) {
    sum += c * now;
    before = std::exchange(now, 2.0 * z * now - before);
  }
  return sum;
}

Eigen::MatrixXd diffuse(const Laplacian& laplacian, const Eigen::MatrixXd& x, double time, double tolerance) {
  if (!(time >= 0.0))
    throw Error(ErrorKind::usage, "diffusion over a time that is negative or no number",
                {.remedy = "Give a time of zero or more"});
  return ChebyshevFilter::within(laplacian, heat_response(time), tolerance).apply(x);
}

Eigen::MatrixXd harmonic_fill(const Laplacian& laplacian, const std::vector<bool>& known,
                              const Eigen::MatrixXd& values) {
  const auto n = static_cast<std::size_t>(laplacian.size());
  if (known.size() != n || values.rows() != laplacian.size())
    throw Error(ErrorKind::internal, "a field of " + std::to_string(values.rows()) +
                                         " values and a mask of " + std::to_string(known.size()) + " on " +
                                         std::to_string(n) + " nodes");
  const auto part = connected_parts(laplacian.stiffness);
  std::vector<bool> reached(n, false);
  for (std::size_t i = 0; i < n; ++i) {
    if (!known[i]) continue;
    reached[part[i]] = true;
    if (!values.row(static_cast<Eigen::Index>(i)).allFinite())
      throw Error(ErrorKind::input, "a known value is not finite",
                  {.index = "[node " + std::to_string(i) + "]", .remedy = "Mark it as unknown"});
  }
  std::vector<int> place(n, -1);  // among the unknown
  int unknown = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (known[i]) continue;
    if (!reached[part[i]])
      throw Error(
          ErrorKind::input, "no known value is connected to a node",
          {.index = "[node " + std::to_string(i) + "]", .remedy = "Leave its part of the surface out"});
    place[i] = unknown++;
  }
  Eigen::MatrixXd out = values;
  if (unknown == 0) return out;

  std::vector<Eigen::Triplet<double>> entries;
  Eigen::MatrixXd right = Eigen::MatrixXd::Zero(unknown, values.cols());
  for (int j = 0; j < laplacian.stiffness.outerSize(); ++j) {
    const int column = place[static_cast<std::size_t>(j)];
    for (Eigen::SparseMatrix<double>::InnerIterator it(laplacian.stiffness, j); it; ++it) {
      const int row = place[static_cast<std::size_t>(it.row())];
      if (row < 0) continue;
      if (column >= 0)
        entries.emplace_back(row, column, it.value());
      else
        right.row(row) -= it.value() * values.row(j);
    }
  }
  Eigen::SparseMatrix<double> inner(unknown, unknown);
  inner.setFromTriplets(entries.begin(), entries.end());
  const Eigen::MatrixXd solution = SparseFactor(inner).solve(right);
  for (std::size_t i = 0; i < n; ++i)
    if (place[i] >= 0) out.row(static_cast<Eigen::Index>(i)) = solution.row(place[i]);
  return out;
}

}  // namespace manifill::operators
