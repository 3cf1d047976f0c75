#include "harmonic_map.hpp"

#include <span>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/operators/harmonic_fields.hpp"
#include "manifill/operators/spherical_harmonics.hpp"

namespace manifill::measurement {
namespace {

constexpr int kIterations = 3;  // of the analysis where quadrature is not exact

class MeanKeeping : public Operator {
 public:
  MeanKeeping(const domain::Domain& domain, LinearFunction apply, LinearFunction adjoint)
      : Operator(domain, domain, static_cast<Eigen::Index>(domain.size())),
        apply_(std::move(apply)),
        adjoint_(std::move(adjoint)),
        weights_(Eigen::Map<const Eigen::VectorXd>(domain.weights().data(),
                                                   static_cast<Eigen::Index>(domain.size()))) {}

  [[nodiscard]] Eigen::MatrixXd apply(const Eigen::Ref<const Eigen::MatrixXd>& x) const override {
    const Eigen::RowVectorXd mean = weights_.transpose() * x;
    return apply_(x.rowwise() - mean).rowwise() + mean;
  }
  // (B (I - 1 w^T) + 1 w^T)^T = (I - w 1^T) B^T + w 1^T
  [[nodiscard]] Eigen::MatrixXd adjoint(const Eigen::Ref<const Eigen::MatrixXd>& y) const override {
    const Eigen::MatrixXd back = adjoint_(y);
    return back + weights_ * (y.colwise().sum() - back.colwise().sum());
  }

 private:
  LinearFunction apply_;
  LinearFunction adjoint_;
  Eigen::VectorXd weights_;
};

/// Columns of a matrix as the fields of a transform, which follow each other in memory too.
std::span<const double> fields(const Eigen::MatrixXd& x) {
  return {x.data(), static_cast<std::size_t>(x.size())};
}

Eigen::MatrixXd matrix(const std::vector<double>& values, Eigen::Index rows) {
  return Eigen::Map<const Eigen::MatrixXd>(values.data(), rows,
                                           static_cast<Eigen::Index>(values.size()) / rows);
}

}  // namespace

std::optional<operators::RingGrid> rings_of(const domain::Domain& domain) {
  if (domain.kind() != domain::DomainKind::lat_lon && domain.kind() != domain::DomainKind::cells)
    return std::nullopt;
  try {
    return operators::RingGrid::of(domain);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::int64_t usable_degree(const operators::RingGrid& grid) {
  if (grid.quadrature != operators::Quadrature::healpix) return grid.exact_degree();
  return static_cast<std::int64_t>(grid.rings.size() + 1) / 2;
}

OperatorPointer mean_keeping(const domain::Domain& domain, LinearFunction apply, LinearFunction adjoint) {
  return std::make_shared<MeanKeeping>(domain, std::move(apply), std::move(adjoint));
}

OperatorPointer harmonic_map(const domain::Domain& domain, const operators::RingGrid& grid, std::int64_t lmax,
                             const std::function<double(std::int64_t)>& gain) {
  const operators::SphericalHarmonics sht(grid, lmax);
  const bool exact = grid.quadrature == operators::Quadrature::gauss_legendre ||
                     grid.quadrature == operators::Quadrature::clenshaw_curtis ||
                     grid.quadrature == operators::Quadrature::fejer;
  const int iterations = exact ? 0 : kIterations;
  const auto weighted = [lmax, gain](const std::vector<double>& c) {
    const std::size_t one = operators::coefficient_count(lmax);
    std::vector<double> out;
    out.reserve(c.size());
    for (std::size_t first = 0; first < c.size(); first += one) {
      const auto part = operators::filter_degrees(std::span(c).subspan(first, one), lmax, gain);
      out.insert(out.end(), part.begin(), part.end());
    }
    return out;
  };
  return mean_keeping(
      domain,
      [=](const Eigen::MatrixXd& x) {
        return matrix(sht.synthesis(weighted(sht.analysis(fields(x), iterations))), x.rows());
      },
      [=](const Eigen::MatrixXd& y) {
        return matrix(sht.analysis_adj(weighted(sht.synthesis_adj(fields(y))), iterations), y.rows());
      });
}

}  // namespace manifill::measurement
